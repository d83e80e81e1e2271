-- name: move
-- The one statement that moves money (wallet/ledger.sql).
SELECT "position", verdict, amount, balance_after, payee_name, payee_detail, made_at, status, allowed, allowed_left
FROM ledger_move_3($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::uuid[], $7::uuid[], $8::uuid[],
    $9::uuid[], $10::text[], $11::text[], $12::bytea[], $13::uuid[], $14::uuid[], $15::boolean[]);

-- name: resolve_hold
-- What becomes of reserved money: captured, voided or expired, once.
SELECT verdict, amount, balance_after, made_at FROM hold_resolve_1($1, $2, $3, $4);

-- name: set_hold_expiry
-- Until when money that was just reserved stays so.
UPDATE hold SET expires_at = $2 WHERE id = $1 AND status = 'pending';

-- name: holds_to_expire
-- Holds whose time is over.
SELECT id FROM hold WHERE status = 'pending' AND expires_at <= city_now() ORDER BY expires_at LIMIT $1;

-- name: limits
-- What a wallet may spend, and what it has spent, today and this month by the calendar of Huế.
SELECT
    (SELECT jsonb_object_agg(code, value) FROM current_policy WHERE code LIKE 'limit.%' OR code LIKE 'step\_up.%') AS policies,
    CASE WHEN spent_on = today THEN day_goods ELSE 0 END AS day_goods,
    CASE WHEN spent_on = today THEN day_people ELSE 0 END AS day_people,
    CASE WHEN date_trunc('month', spent_on) = date_trunc('month', today) THEN month_general ELSE 0 END AS month_general,
    CASE WHEN date_trunc('month', spent_on) = date_trunc('month', today) THEN month_essential ELSE 0 END
        AS month_essential
FROM (SELECT (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS today) AS calendar
LEFT JOIN account ON account.id = $1;

-- name: bill_to_collect
-- A bill that is paid with money that comes from no wallet: is its biller asked first?
SELECT biller.adapter <> 'none' AS asks FROM bill JOIN biller ON biller.code = bill.biller_code WHERE bill.id = $1;

-- name: take_an_hour
-- This transaction may read everything: the check of a grown ledger takes its time. When it began.
SELECT city_now() FROM set_config('statement_timeout', '1h', true);

-- name: ledger_check
-- Every law of the ledger, and how many rows break it.
SELECT law, broken FROM ledger_check();

-- name: ledger_check_recent
-- The same of what moved since $1 seconds before the last check.
SELECT law, broken, whole FROM ledger_check_recent(
    (SELECT coalesce(max(checked_at), '-infinity') - make_interval(secs => $1) FROM ledger_law));

-- name: keep_laws
-- What the check found, for the dashboard. Who looked at a part only (not $3) does not say that the rest is whole.
INSERT INTO ledger_law (law, broken, checked_at)
SELECT law, CASE WHEN whole THEN found.broken ELSE greatest(found.broken, known.broken) END, $4
FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS found (law, broken, whole)
LEFT JOIN ledger_law AS known USING (law)
ON CONFLICT (law) DO UPDATE SET broken = excluded.broken, checked_at = excluded.checked_at;

-- name: last_laws
-- What the last check found.
SELECT law, broken, checked_at FROM ledger_law ORDER BY law;

-- name: wallet
-- A resident's money, and until when this session may spend it.
SELECT $1::uuid AS account_id, coalesce(account.posted - account.pending, 0) AS available,
    coalesce(account.pending, 0) AS pending, session.unlocked_until
FROM (SELECT) AS nothing
LEFT JOIN account ON account.id = $1
LEFT JOIN session ON session.id = $2 AND session.unlocked_until > city_now();

-- name: unlock
-- Money-out is open for this session for five minutes.
UPDATE session SET unlocked_until = city_now() + interval '5 minutes' WHERE id = $1 RETURNING unlocked_until;

-- name: payment
-- A payment of its payer.
SELECT id, kind, status, amount, balance_after, jsonb_build_object('name', payee_name, 'detail', payee_detail) AS payee,
    memo, made_at
FROM payment WHERE id = $1 AND payer_id = $2;

-- name: payee
-- The masked name behind a phone.
SELECT screen_name AS name FROM principal WHERE phone = $1 AND closed_at IS NULL;

-- name: qr_of_ours
-- What our own QR stands for: the shop, and the order's own amount.
SELECT 'huong' AS scheme,
    merchant.status = 'active' AND terminal.revoked_at IS NULL
        AND ($2::uuid IS NULL OR merchant_order.status = 'open' AND merchant_order.expires_at > city_now()) AS payable,
    jsonb_build_object('name', merchant.name, 'detail', terminal.name) AS payee,
    merchant_order.amount, merchant_order.id AS order_id, merchant_order.reference AS note
FROM terminal
JOIN merchant ON merchant.id = terminal.merchant_id
LEFT JOIN merchant_order ON merchant_order.id = $2 AND merchant_order.terminal_id = terminal.id
WHERE terminal.id = $1 AND ($2::uuid IS NULL OR merchant_order.id IS NOT NULL);

-- name: customer_code_form
-- Does a customer code have its biller's form?
SELECT $2::text ~ customer_code_pattern AS fits, customer_code_example AS example
FROM biller WHERE code = $1 AND closed_at IS NULL;

-- name: bills_of_customer
-- A customer code's bills: due ones by date, then the latest others.
SELECT bill.id, biller_code AS biller, CASE WHEN $3 = 'en' THEN name_en ELSE name_vi END AS biller_name, customer_code,
    customer_name, period, amount, due_on, status, paid_at
FROM bill JOIN biller ON biller.code = bill.biller_code
WHERE biller_code = $1 AND customer_code = $2
ORDER BY status <> 'due', CASE WHEN status = 'due' THEN due_on END, due_on DESC, bill.id LIMIT 50;

-- name: bill_by_id
-- A bill, to whoever knows its id.
SELECT bill.id, biller_code AS biller, CASE WHEN $2 = 'en' THEN name_en ELSE name_vi END AS biller_name, customer_code,
    customer_name, period, amount, due_on, status, paid_at
FROM bill JOIN biller ON biller.code = bill.biller_code
WHERE bill.id = $1;

-- name: bills_of_mine
-- The bills of the codes that I keep: due ones by date, then the latest others.
SELECT bill.id, bill.biller_code AS biller, CASE WHEN $2 = 'en' THEN name_en ELSE name_vi END AS biller_name,
    bill.customer_code, customer_name, period, amount, due_on, status, paid_at
FROM customer_code AS kept
JOIN bill ON bill.biller_code = kept.biller_code AND bill.customer_code = kept.customer_code
JOIN biller ON biller.code = bill.biller_code
WHERE kept.principal_id = $1
ORDER BY status <> 'due', CASE WHEN status = 'due' THEN due_on END, due_on DESC, bill.id LIMIT 100;

-- name: keep_customer_code
-- Keep a code under the phone's id, or change it; the autopay of a code that is changed for another one ends.
WITH ended AS (
    UPDATE autopay SET ended_at = city_now()
    WHERE principal_id = $1 AND customer_code_id = $2 AND ended_at IS NULL AND (biller_code, customer_code) <> ($3, $4)
    RETURNING id
)
INSERT INTO customer_code (principal_id, id, biller_code, customer_code, nickname, remind_days_before)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (principal_id, id) DO UPDATE SET biller_code = excluded.biller_code,
    customer_code = excluded.customer_code, nickname = excluded.nickname,
    remind_days_before = excluded.remind_days_before
RETURNING id, biller_code AS biller, customer_code, nickname, remind_days_before, made_at,
    (SELECT jsonb_build_object('id', autopay.id, 'ceiling', ceiling, 'days_before_due', days_before_due, 'made_at',
            autopay.made_at)
        FROM autopay WHERE autopay.principal_id = $1 AND customer_code_id = $2 AND ended_at IS NULL
            AND autopay.id NOT IN (SELECT id FROM ended)) AS autopay;

-- name: customer_codes
-- The codes that I keep.
SELECT kept.id, kept.biller_code AS biller, kept.customer_code, nickname, remind_days_before, kept.made_at,
    CASE WHEN autopay.id IS NOT NULL THEN jsonb_build_object('id', autopay.id, 'ceiling', ceiling,
        'days_before_due', days_before_due, 'made_at', autopay.made_at) END AS autopay
FROM customer_code AS kept
LEFT JOIN autopay ON autopay.principal_id = kept.principal_id AND autopay.customer_code_id = kept.id
    AND ended_at IS NULL
WHERE kept.principal_id = $1
ORDER BY kept.made_at, kept.id;

-- name: drop_customer_code
-- Keep a code no longer; its autopay ends with it.
WITH ended AS (
    UPDATE autopay SET ended_at = city_now() WHERE principal_id = $1 AND customer_code_id = $2 AND ended_at IS NULL
)
DELETE FROM customer_code WHERE principal_id = $1 AND id = $2 RETURNING id;

-- name: issue_bill
-- Issue a bill once per reference; the same bill again is the same row, another one is no row.
INSERT INTO bill (id, biller_code, reference, customer_code, customer_name, period, amount, due_on, subject)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (biller_code, reference) DO UPDATE SET reference = excluded.reference
WHERE bill.status <> 'withdrawn'
    AND (bill.customer_code, bill.customer_name, bill.amount, bill.period, bill.due_on, bill.subject)
    IS NOT DISTINCT FROM (excluded.customer_code, excluded.customer_name, excluded.amount, excluded.period,
        excluded.due_on, excluded.subject)
RETURNING id;

-- name: withdraw_bill
-- Take a bill back that is still due.
UPDATE bill SET status = 'withdrawn' WHERE id = $1 AND status = 'due' RETURNING id;

-- name: other_customer_codes
-- How many codes I keep beside this one.
SELECT count(*) FROM customer_code WHERE principal_id = $1 AND id <> $2;

-- name: plant_account
-- An account of the sandbox.
INSERT INTO account (id, kind) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING;

-- name: plant_essential
-- Whether a biller of the sandbox counts in the limit of essential services.
UPDATE biller SET essential = $2 WHERE code = $1;

-- name: plant_biller
-- A biller of the sandbox.
INSERT INTO biller (code, kind, name_vi, name_en, account_id, customer_code_pattern, customer_code_example)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (code) DO NOTHING;

-- name: account_of_person
-- For a copy of all that is held: the wallet.
SELECT id, kind, posted, pending, frozen_at, opened_at, closed_at FROM account WHERE id = $1;

-- name: close_account_of_person
-- A person is forgotten: nothing comes in or goes out any more. It comes first: it takes the account's lock.
SELECT wallet_close($1);

-- name: money_of_person
-- Is there money left, or on its way?
SELECT EXISTS (SELECT FROM account WHERE id = $1 AND (posted <> 0 OR pending <> 0));

-- name: movements_of_person
-- For a copy of all that is held: everything that moved, oldest first.
SELECT entry.version AS number, transfer.id, transfer.kind, entry.amount, entry.balance_after, payment.payer_name,
    payment.payee_name, payment.payee_detail, transfer.memo, transfer.made_at
FROM entry
JOIN transfer ON transfer.id = entry.transfer_id
LEFT JOIN payment ON payment.id = entry.transfer_id
WHERE entry.account_id = $1 ORDER BY entry.version;

-- name: erase_names_on_payments
-- A person is forgotten: payments keep their ids and amounts, and no longer the person's name.
UPDATE payment SET
    payer_name = CASE WHEN payer_id = $1 THEN '***' ELSE payer_name END,
    payee_name = CASE WHEN payer_id = $1 THEN payee_name ELSE '***' END,
    payee_detail = CASE WHEN payer_id = $1 THEN payee_detail END,
    memo = CASE WHEN payer_id = $1 THEN NULL ELSE payment.memo END
FROM entry
WHERE entry.account_id = $1 AND payment.id = entry.transfer_id AND (payer_id = $1 OR payment.kind = 'person');

-- name: customer_codes_of_person
-- For a copy of all that is held: codes that are kept.
SELECT id, biller_code, customer_code, nickname, remind_days_before, made_at
FROM customer_code WHERE principal_id = $1 ORDER BY made_at, id;

-- name: erase_customer_codes
-- A person is forgotten: codes that are kept.
DELETE FROM customer_code WHERE principal_id = $1;

-- name: merchants_of_person
-- For a copy of all that is held: shops, with their terminals and their orders.
SELECT merchant.id, name, category_code, wanted_name, wanted_category_code, ward_code, status, virtual_account, made_at,
    (SELECT coalesce(jsonb_agg(category_code ORDER BY to_version), '[]')
        FROM merchant_past_category WHERE merchant_id = merchant.id) AS past_categories,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', terminal.id, 'name', terminal.name) ORDER BY terminal.made_at), '[]')
        FROM terminal WHERE merchant_id = merchant.id) AS terminals,
    (SELECT count(*) FROM merchant_order WHERE merchant_id = merchant.id) AS orders
FROM merchant WHERE owner_id = $1 ORDER BY made_at, id;

-- name: open_merchants_of_person
-- Is a shop still open, or money left in one?
SELECT EXISTS (SELECT FROM merchant LEFT JOIN account ON account.id = merchant.id
    WHERE owner_id = $1 AND (status <> 'closed' OR posted <> 0 OR pending <> 0));

-- name: takings_of_person
-- For a copy of all that is held: what came in and went out at one's shops, oldest first.
SELECT merchant.id AS merchant_id, entry.version AS number, transfer.id, transfer.kind, entry.amount, entry.balance_after,
    payment.payer_name, payment.terminal_id, payment.order_id, transfer.memo, transfer.made_at
FROM merchant
JOIN entry ON entry.account_id = merchant.id
JOIN transfer ON transfer.id = entry.transfer_id
LEFT JOIN payment ON payment.id = entry.transfer_id
WHERE owner_id = $1 ORDER BY merchant.id, entry.version;

-- name: write_finding
-- What somebody found out about money of which the other side says nothing.
INSERT INTO finding (noun, movement_id, status, reference, note, found_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (noun, movement_id) DO UPDATE SET status = excluded.status, reference = excluded.reference,
    note = excluded.note, found_by = excluded.found_by, found_at = city_now(), approved_by = NULL, approved_at = NULL
RETURNING movement_id AS id, status, reference, note, found_by, found_at, approved_by, approved_at;

-- name: finding
-- The same, to be looked at again.
SELECT movement_id AS id, status, reference, note, found_by, found_at, approved_by, approved_at
FROM finding WHERE noun = $1 AND movement_id = $2;

-- name: approve_finding
-- Somebody else has looked again.
UPDATE finding SET approved_by = $3, approved_at = city_now() WHERE noun = $1 AND movement_id = $2
RETURNING movement_id AS id, status, reference, note, found_by, found_at, approved_by, approved_at;
