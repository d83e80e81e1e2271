-- name: write_payout
-- Money that shall go to a bank, once per id. Its own job tells the bank; by the clock only if that job is lost.
INSERT INTO payout (id, kind, debit_account_id, principal_id, bank_bin, account_number, account_name, amount, content,
    next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, city_now() + interval '30 seconds')
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: banks
-- The banks to which money can be sent.
SELECT bin, code, short_name, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name
FROM bank WHERE open ORDER BY short_name;

-- name: bank_is_open
-- Can money be sent there now?
SELECT coalesce((SELECT open FROM bank WHERE bin = $1), false);

-- name: payouts
-- Payouts of all kinds, newest first, for those who look after them.
SELECT id, kind, status, amount, bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number,
    account_name, content, reason, bank_reference, attempts, next_at, made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: claim_payout
-- Take a payout into one's hands to send it: one that the bank was not told of, or that it does not know although it
-- was told long ago. Nothing if somebody else has it.
UPDATE payout SET status = 'sending', attempts = attempts + 1, sent_at = city_now(),
    next_at = city_now() + interval '60 seconds'
WHERE id = $1 AND (status = 'ready' OR status = 'unknown' AND sent_at <= city_now() - make_interval(secs => $2))
RETURNING amount, bank_bin, account_number, account_name, content;

-- name: give_payout_back
-- Nothing was sent after all: the first time it is ready again; later a request before this one may have arrived.
UPDATE payout SET status = CASE attempts WHEN 1 THEN 'ready' ELSE 'unknown' END,
    attempts = attempts - 1, next_at = city_now() + make_interval(secs => $2)
WHERE id = $1 AND status = 'sending';

-- name: put_payout_off
-- Nobody knows yet what became of it: ask again, the later the older it is.
UPDATE payout SET status = 'unknown',
    next_at = city_now() + least(greatest((city_now() - made_at) / 4, interval '15 seconds'), interval '30 minutes')
WHERE id = $1 AND status IN ('sending', 'unknown');

-- name: payouts_due
-- Payouts that somebody should look at now; for a minute they are looked at by whoever asked this.
UPDATE payout SET next_at = city_now() + interval '60 seconds'
WHERE id IN (SELECT id FROM payout WHERE status IN ('ready', 'sending', 'unknown') AND next_at <= city_now()
    ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, status;

-- name: payout_for_update
-- A payout whose end is known.
SELECT kind, status FROM payout WHERE id = $1 FOR UPDATE;

-- name: resolve_payout
-- Its end.
UPDATE payout SET status = $2, reason = $3, bank_reference = $4, resolved_at = city_now() WHERE id = $1;

-- name: withdrawal
-- A withdrawal of mine.
SELECT id, CASE status WHEN 'paid' THEN 'paid' WHEN 'refused' THEN 'failed' ELSE 'pending' END AS status, amount,
    bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number, account_name, reason,
    made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE id = $1 AND principal_id = $2 AND kind = 'withdrawal';

-- name: withdrawals
-- My withdrawals, newest first.
SELECT id, CASE status WHEN 'paid' THEN 'paid' WHEN 'refused' THEN 'failed' ELSE 'pending' END AS status, amount,
    bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number, account_name, reason,
    made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE principal_id = $1 AND kind = 'withdrawal' AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: withdrawal_news
-- What is told of a withdrawal when it ends.
SELECT payout.id AS withdrawal_id, principal_id AS payer_id, amount, bank.short_name AS bank_name,
    right(account_number, 4) AS account
FROM payout JOIN bank ON bank.bin = bank_bin WHERE payout.id = $1;

-- name: name_of
-- The name that somebody was verified by.
SELECT name FROM principal WHERE id = $1;

-- name: payouts_of_person
-- For a copy of all that is held: money that was sent to banks, oldest first.
SELECT id, kind, bank_bin, account_number, account_name, amount, content, status, reason, bank_reference, made_at,
    resolved_at
FROM payout WHERE principal_id = $1 ORDER BY made_at, id;
