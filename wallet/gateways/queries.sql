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

-- name: lock_person
-- Of what is counted by the day, one at a time.
SELECT id FROM principal WHERE id = $1 FOR NO KEY UPDATE;

-- name: top_up
-- A top-up by its id, whoever asks.
SELECT id, principal_id, method, amount, code, address, language, reason, made_at, expires_at, resolved_at,
    CASE WHEN status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now() THEN 'expired'
        ELSE status END AS status
FROM top_up WHERE id = $1;

-- name: top_ups
-- My top-ups, newest first.
SELECT id, principal_id, method, amount, code, address, language, reason, made_at, expires_at, resolved_at,
    CASE WHEN status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now() THEN 'expired'
        ELSE status END AS status
FROM top_up
WHERE principal_id = $1 AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: all_top_ups
-- Everybody's top-ups, newest first, for those who look after them.
SELECT id, principal_id, method, status, amount, code, reason, gateway_reference, gateway_bank, next_ask_at, made_at,
    expires_at, resolved_at
FROM top_up
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: money_has_this_id
-- Was money moved or held under this id?
SELECT EXISTS (SELECT FROM transfer WHERE id = $1) OR EXISTS (SELECT FROM hold WHERE id = $1);

-- name: topped_up_today
-- What somebody has put in on this day of Huế, or is still putting in.
SELECT coalesce(sum(amount), 0)::bigint FROM top_up
WHERE principal_id = $1
    AND made_at >= date_trunc('day', city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh') AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND (status IN ('paid', 'review') OR status = 'pending' AND expires_at > city_now());

-- name: use_strong_proof
-- A passkey or a face match for exactly this, which is used up by it.
UPDATE step_up SET used_at = city_now()
WHERE id = $1 AND principal_id = $2 AND session_id = $3 AND payment_id = $4 AND fingerprint = $5
    AND method IN ('passkey', 'face') AND used_at IS NULL AND expires_at > city_now()
RETURNING id;

-- name: write_top_up
-- Somebody means to put money in, once per id; the gateway is asked about it a minute after its page has closed.
INSERT INTO top_up (id, principal_id, method, amount, code, address, language, expires_at, next_ask_at)
VALUES ($1, $2, $3::text, $4, $5, $6, $7, city_now() + make_interval(secs => $8),
    CASE WHEN $3 = 'vnpay' THEN city_now() + make_interval(secs => $8 + 60) END)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: top_up_for_update
-- A top-up of which the gateway tells something.
SELECT id, principal_id, method, amount, status, expires_at, EXISTS (
    SELECT FROM account WHERE account.id = principal_id AND closed_at IS NOT NULL) AS wallet_is_closed
FROM top_up WHERE id = $1 AND method = 'vnpay' FOR UPDATE;

-- name: top_up_by_code_for_update
-- The top-up whose code stands in a transfer's words.
SELECT id, principal_id, method, amount, status, expires_at, EXISTS (
    SELECT FROM account WHERE account.id = principal_id AND closed_at IS NOT NULL) AS wallet_is_closed
FROM top_up WHERE code = $1 FOR UPDATE;

-- name: pay_top_up
-- The money is there.
UPDATE top_up SET status = 'paid', reason = NULL, gateway_reference = coalesce($2, gateway_reference),
    gateway_bank = coalesce($3, gateway_bank), next_ask_at = NULL, resolved_at = city_now()
WHERE id = $1;

-- name: review_top_up
-- The money is there, but is not to be spent yet; the gateway is asked again, if it is the gateway that doubts.
UPDATE top_up SET status = 'review', reason = NULL, gateway_reference = coalesce($2, gateway_reference),
    gateway_bank = coalesce($3, gateway_bank), resolved_at = NULL,
    next_ask_at = CASE WHEN $4 THEN city_now() + interval '30 minutes' END
WHERE id = $1;

-- name: end_top_up
-- Nothing was paid, as the gateway says; or nobody paid in time.
UPDATE top_up SET status = CASE WHEN $2::text IS NULL THEN 'expired' ELSE 'failed' END, reason = $2,
    gateway_reference = coalesce($3, gateway_reference), gateway_bank = coalesce($4, gateway_bank), next_ask_at = NULL,
    resolved_at = city_now()
WHERE id = $1;

-- name: top_ups_to_ask
-- Top-ups that the gateway should be asked about; whoever asked this asks for them, others wait, the longer the older
-- they are.
UPDATE top_up SET next_ask_at = city_now()
    + least(greatest((city_now() - made_at) / 4, interval '3 minutes'), interval '2 hours')
WHERE id IN (SELECT id FROM top_up WHERE next_ask_at <= city_now() ORDER BY next_ask_at LIMIT $1
    FOR UPDATE SKIP LOCKED)
RETURNING id, made_at, expires_at;

-- name: expire_transfers
-- Top-ups by transfer whose time has passed.
UPDATE top_up SET status = 'expired', resolved_at = city_now()
WHERE id IN (SELECT id FROM top_up WHERE status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now()
    LIMIT $1 FOR UPDATE SKIP LOCKED);

-- name: top_ups_of_person
-- For a copy of all that is held: top-ups, oldest first.
SELECT id, method, amount, code, address, language, status, reason, gateway_reference, gateway_bank, made_at,
    expires_at, resolved_at
FROM top_up WHERE principal_id = $1 ORDER BY made_at, id;

-- name: erase_addresses_of_top_ups
-- A person is forgotten: where they topped up from.
UPDATE top_up SET address = NULL WHERE principal_id = $1;

-- name: open_top_ups_of_person
-- Is money of this person on its way in?
SELECT EXISTS (SELECT FROM top_up WHERE principal_id = $1
    AND (status = 'review' OR status = 'pending' AND expires_at > city_now()));

-- name: payout_to_find
-- A payout that somebody looks into: does the bank say nothing of it for too long?
SELECT status, status IN ('sending', 'unknown') AND sent_at < city_now() - make_interval(secs => $2) AS stuck
FROM payout WHERE id = $1 FOR UPDATE;

-- name: write_finding
-- What somebody found out about it.
INSERT INTO payout_finding (payout_id, status, bank_reference, note, found_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (payout_id) DO UPDATE SET status = excluded.status, bank_reference = excluded.bank_reference,
    note = excluded.note, found_by = excluded.found_by, found_at = city_now()
RETURNING payout_id, status, bank_reference, note, found_by, found_at, approved_by, approved_at;

-- name: finding
-- What somebody found out about it.
SELECT payout_id, status, bank_reference, note, found_by, found_at, approved_by, approved_at
FROM payout_finding WHERE payout_id = $1;

-- name: approve_finding
-- Somebody else has looked again.
UPDATE payout_finding SET approved_by = $2, approved_at = city_now() WHERE payout_id = $1
RETURNING payout_id, status, bank_reference, note, found_by, found_at, approved_by, approved_at;
