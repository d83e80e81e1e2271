-- name: billers
-- Open billers, in the caller's language.
SELECT code, kind, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name, customer_code_pattern,
    customer_code_example, unavailable_until > city_now() IS NOT TRUE AS available
FROM biller WHERE closed_at IS NULL ORDER BY kind, code;

-- name: rest_biller
-- A biller's system is left in peace for so many seconds; noted once in a while.
UPDATE biller SET unavailable_until = city_now() + make_interval(secs => $2)
WHERE code = $1 AND (unavailable_until IS NULL OR unavailable_until < city_now() + make_interval(secs => $2 / 2));

-- name: wake_biller
-- It answers again.
UPDATE biller SET unavailable_until = NULL WHERE code = $1 AND unavailable_until IS NOT NULL;

-- name: fits_pattern
-- Is the example of a customer code one? Refused by the database if the pattern is none.
SELECT $1::text ~ $2::text;

-- name: biller_for_update
-- A biller as it is described; two changes take turns.
SELECT kind, name_vi, name_en, customer_code_pattern, customer_code_example, essential
FROM biller WHERE code = $1 FOR UPDATE;

-- name: open_biller_account
-- Where a new biller's money goes.
INSERT INTO account (id, kind) VALUES ($1, 'biller');

-- name: make_biller
-- A biller that is new; no row if there is one of this code.
INSERT INTO biller (code, kind, name_vi, name_en, account_id, customer_code_pattern, customer_code_example, essential)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO NOTHING RETURNING code;

-- name: change_biller
-- A biller is described otherwise.
UPDATE biller SET kind = $2, name_vi = $3, name_en = $4, customer_code_pattern = $5, customer_code_example = $6,
    essential = $7
WHERE code = $1;

-- name: staff_billers
-- Billers as those see them who look after them; all, or the one of this code.
SELECT code, kind, name_vi, name_en, customer_code_pattern, customer_code_example, essential, adapter, unavailable_until,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'url', url, 'key_id', key_name, 'timeout_ms', timeout_ms,
            'status', status, 'made_by', made_by, 'made_at', made_at, 'decided_by', decided_by,
            'decided_at', decided_at) ORDER BY made_at DESC, id DESC)
        FROM biller_connection WHERE biller_code = code AND status IN ('proposed', 'active')), '[]') AS connections,
    coalesce((SELECT jsonb_agg(machine_id ORDER BY made_at, machine_id) FROM biller_machine WHERE biller_code = code), '[]')
        AS machines,
    (SELECT count(*) FROM biller_call WHERE biller_code = code AND next_at IS NOT NULL) AS calls_open
FROM biller WHERE closed_at IS NULL AND ($1::text IS NULL OR code = $1) ORDER BY kind, code;

-- name: biller_exists
-- Is there an open biller of this code?
SELECT code FROM biller WHERE code = $1 AND closed_at IS NULL;

-- name: bind_machine
-- From now on this machine speaks for the biller; a closed or unknown one does not.
INSERT INTO biller_machine (biller_code, machine_id, made_by)
SELECT biller.code, machine.id, $3 FROM biller, machine
WHERE biller.code = $1 AND machine.id = $2 AND biller.closed_at IS NULL AND machine.closed_at IS NULL
ON CONFLICT (biller_code, machine_id) DO NOTHING RETURNING machine_id;

-- name: free_machine
-- It does no longer.
DELETE FROM biller_machine WHERE biller_code = $1 AND machine_id = $2 RETURNING machine_id;

-- name: speaks_for
-- Does this machine speak for the biller?
SELECT code FROM biller JOIN biller_machine ON biller_code = code
WHERE code = $1 AND machine_id = $2 AND closed_at IS NULL;

-- name: propose_connection
-- How a biller's system shall be asked; no row if the id is taken.
INSERT INTO biller_connection (id, biller_code, url, key_name, sealed, timeout_ms, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: connection
-- A connection as those see it who look after billers.
SELECT id, url, key_name AS key_id, timeout_ms, status, made_by, made_at, decided_by, decided_at
FROM biller_connection WHERE id = $1 AND biller_code = $2;

-- name: connection_for_update
-- A connection that is about to be decided on, or is proposed again.
SELECT id, url, key_name AS key_id, timeout_ms, status, made_by, sealed
FROM biller_connection WHERE id = $1 AND biller_code = $2 FOR UPDATE;

-- name: replace_connection
-- The one that was used so far is used no more, but for payments of which it has not said what became.
UPDATE biller_connection SET status = 'replaced' WHERE biller_code = $1 AND status = 'active';

-- name: forget_connection_secrets
-- No payment waits there any more.
UPDATE biller_connection SET sealed = NULL
WHERE status = 'replaced' AND sealed IS NOT NULL
    AND NOT EXISTS (SELECT FROM biller_call WHERE connection_id = biller_connection.id AND next_at IS NOT NULL);

-- name: approve_connection
-- From now on the biller is asked so.
WITH asked AS (UPDATE biller SET adapter = 'http' WHERE code = $2)
UPDATE biller_connection SET status = 'active', decided_by = $3, decided_at = city_now() WHERE id = $1;

-- name: refuse_connection
-- It is not asked so.
UPDATE biller_connection SET status = 'refused', sealed = NULL, decided_by = $2, decided_at = city_now() WHERE id = $1;

-- name: active_connection
-- How a biller is asked now, unless by this very connection.
SELECT id, url, key_name AS key_id, sealed, timeout_ms FROM biller_connection
WHERE biller_code = $1 AND status = 'active' AND id IS DISTINCT FROM $2;

-- name: connection_to_ask
-- A connection under which a payment was sent.
SELECT id, url, key_name AS key_id, sealed, timeout_ms FROM biller_connection WHERE id = $1 AND sealed IS NOT NULL;

-- name: sealed_connections
-- Secrets after this one, to be sealed anew; each is sealed with its connection's id beside it.
SELECT id, sealed, uuid_send(id) AS about FROM biller_connection WHERE id > $1 AND sealed IS NOT NULL
ORDER BY id LIMIT $2;

-- name: seal_connection_anew
-- The same secret under a newer key of the city's.
UPDATE biller_connection SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;

-- name: plant_connection
-- A connection of the sandbox, to wherever the stand-in listens now.
WITH asked AS (UPDATE biller SET adapter = 'http' WHERE code = $2)
INSERT INTO biller_connection (id, biller_code, url, key_name, sealed, timeout_ms, status)
VALUES ($1, $2, $3, $4, $5, 6000, 'active')
ON CONFLICT (id) DO UPDATE SET url = excluded.url, sealed = excluded.sealed WHERE biller_connection.status = 'active';

-- name: asked_biller
-- Is this biller's own system asked, and does it answer these days?
SELECT adapter = 'http' AS asks, unavailable_until > city_now() IS NOT TRUE AS available FROM biller WHERE code = $1;

-- name: lists_of_mine
-- Codes that I keep whose billers have not told their bills for so many seconds, the oldest first.
SELECT kept.biller_code, kept.customer_code, unavailable_until > city_now() IS NOT TRUE AS available
FROM customer_code AS kept
JOIN biller ON biller.code = kept.biller_code AND adapter = 'http' AND closed_at IS NULL
LEFT JOIN biller_list USING (biller_code, customer_code)
WHERE kept.principal_id = $1
    AND (answered_at IS NULL OR answered_at <= city_now() - make_interval(secs => $2))
ORDER BY answered_at NULLS FIRST, kept.made_at LIMIT $3;

-- name: is_list_fresh
-- Did the biller tell this code's bills in the last seconds?
SELECT EXISTS (SELECT FROM biller_list
    WHERE biller_code = $1 AND customer_code = $2 AND answered_at > city_now() - make_interval(secs => $3));

-- name: claim_kept_lists
-- Codes whose bills somebody wants to be told of or have paid, not asked for since so many seconds: they are asked now.
INSERT INTO biller_list (biller_code, customer_code, asked_at)
SELECT kept.biller_code, kept.customer_code, city_now()
FROM (
    SELECT DISTINCT biller_code, customer_code FROM customer_code WHERE remind_days_before IS NOT NULL
    UNION
    SELECT DISTINCT biller_code, customer_code FROM autopay WHERE ended_at IS NULL
) AS kept
JOIN biller ON biller.code = kept.biller_code AND adapter = 'http' AND closed_at IS NULL
    AND unavailable_until > city_now() IS NOT TRUE
LEFT JOIN biller_list USING (biller_code, customer_code)
WHERE asked_at IS NULL OR asked_at <= city_now() - make_interval(secs => $1)
ORDER BY asked_at NULLS FIRST LIMIT $2
ON CONFLICT (biller_code, customer_code) DO UPDATE SET asked_at = excluded.asked_at
RETURNING biller_code, customer_code;

-- name: lock_listed
-- Before a list is kept: its bills, in the order in which payments lock them.
SELECT id FROM bill WHERE biller_code = $1 AND customer_code = $2 AND (status = 'due' OR reference = ANY ($3::text[]))
ORDER BY id FOR NO KEY UPDATE;

-- name: keep_listed
-- Bills as their biller lists them now. One that is paid, or on its way, stays as it is.
INSERT INTO bill (id, biller_code, customer_code, reference, customer_name, period, amount, due_on, listed_at)
SELECT id, $1, $2, reference, customer_name, period, amount, due_on, city_now()
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::date[])
    AS listed (id, reference, customer_name, period, amount, due_on)
ON CONFLICT (biller_code, reference) DO UPDATE SET customer_name = excluded.customer_name, period = excluded.period,
    amount = excluded.amount, due_on = excluded.due_on, status = 'due',
    listed_at = coalesce(bill.listed_at, excluded.listed_at)
WHERE bill.customer_code = excluded.customer_code AND bill.status IN ('due', 'withdrawn')
    AND (bill.listed_at IS NULL OR bill.status = 'withdrawn' OR (bill.customer_name, bill.period, bill.amount, bill.due_on)
        IS DISTINCT FROM (excluded.customer_name, excluded.period, excluded.amount, excluded.due_on));

-- name: withdraw_unlisted
-- Bills that the list had and has no more: paid elsewhere, or taken back.
UPDATE bill SET status = 'withdrawn'
WHERE biller_code = $1 AND customer_code = $2 AND status = 'due' AND listed_at IS NOT NULL
    AND reference <> ALL ($3::text[]);

-- name: keep_answer
-- The biller has told this code's bills just now.
INSERT INTO biller_list (biller_code, customer_code, asked_at, answered_at) VALUES ($1, $2, city_now(), city_now())
ON CONFLICT (biller_code, customer_code) DO UPDATE SET answered_at = excluded.answered_at;

-- name: know_call
-- A payment whose money is held for its biller: it is to be asked.
INSERT INTO biller_call (payment_id, biller_code, bill_id)
SELECT hold.id, bill.biller_code, bill.id FROM hold JOIN bill ON bill.payment_id = hold.id AND bill.status = 'paying'
WHERE hold.id = $1 AND hold.status = 'pending'
ON CONFLICT (payment_id) DO NOTHING;

-- name: know_lost_calls
-- The same for those of which no news came for so many seconds.
INSERT INTO biller_call (payment_id, biller_code, bill_id)
SELECT hold.id, bill.biller_code, bill.id FROM bill JOIN hold ON hold.id = bill.payment_id AND hold.status = 'pending'
WHERE bill.status = 'paying' AND hold.made_at <= city_now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM biller_call WHERE payment_id = hold.id)
LIMIT $2
ON CONFLICT (payment_id) DO NOTHING;

-- name: calls_due
-- Whom to ask now, the longest overdue first: so many of each biller, so many in all.
SELECT payment_id, state FROM (
    SELECT payment_id, state, next_at, row_number() OVER (PARTITION BY biller_code ORDER BY next_at) AS nth
    FROM biller_call WHERE next_at <= city_now()
) AS due WHERE nth <= $1 ORDER BY next_at LIMIT $2;

-- name: claim_call_to_pay
-- It is this worker who asks the biller now, as it is asked now; if nothing is heard of it for so many seconds, another
-- one inquires. The connection is locked: its secret stays while the call is under way.
WITH asked AS (
    SELECT biller_connection.id FROM biller_connection JOIN biller_call USING (biller_code)
    WHERE biller_call.payment_id = $1 AND status = 'active' FOR SHARE OF biller_connection
)
UPDATE biller_call SET state = 'calling', attempts = attempts + 1, sends = sends + 1, asked_at = city_now(),
    next_at = city_now() + make_interval(secs => $2), connection_id = (SELECT id FROM asked)
FROM bill, hold
WHERE biller_call.payment_id = $1 AND state = 'ready' AND next_at <= city_now() AND bill.id = bill_id AND hold.id = $1
RETURNING biller_call.payment_id, biller_call.biller_code, connection_id, attempts, sends, inquiries, biller_call.made_at,
    asked_at, bill.reference, bill.customer_code, hold.amount;

-- name: claim_call_to_inquire
-- It is this worker who inquires now.
UPDATE biller_call SET state = 'unknown', inquiries = inquiries + 1, next_at = city_now() + make_interval(secs => $2)
FROM bill, hold
WHERE biller_call.payment_id = $1 AND state IN ('calling', 'unknown') AND next_at <= city_now() AND bill.id = bill_id AND hold.id = $1
RETURNING biller_call.payment_id, biller_call.biller_code, connection_id, attempts, sends, inquiries, biller_call.made_at,
    asked_at, bill.reference, bill.customer_code, hold.amount;

-- name: put_call_off
-- Nothing is known yet, or nothing was sent: see again in so many seconds. Only the latest request says so.
UPDATE biller_call SET state = $3, next_at = city_now() + make_interval(secs => $4)
WHERE payment_id = $1 AND attempts = $2 AND next_at IS NOT NULL;

-- name: call_not_sent
-- Nothing was sent by this request after all: it is tried again in so many seconds.
UPDATE biller_call SET state = 'ready', sends = sends - 1, next_at = city_now() + make_interval(secs => $3)
WHERE payment_id = $1 AND attempts = $2 AND next_at IS NOT NULL;

-- name: call_paid
-- The biller has it: final, whichever request this was the answer to.
UPDATE biller_call SET state = 'paid', biller_reference = $2, resolved_at = city_now(), next_at = NULL
WHERE payment_id = $1 AND next_at IS NOT NULL RETURNING payment_id;

-- name: call_refused
-- The biller takes it not: final, if nothing was sent since the so-manieth request; null: whatever was sent.
UPDATE biller_call SET state = 'refused', reason = $2, resolved_at = city_now(), next_at = NULL
WHERE payment_id = $1 AND attempts = coalesce($3, attempts) AND next_at IS NOT NULL RETURNING payment_id;

-- name: call_to_find
-- A payment that somebody looks into: does its biller say nothing of it for too long?
SELECT state IN ('ready', 'unknown') AND made_at < city_now() - make_interval(secs => $2)
        AND coalesce(asked_at, made_at) < city_now() - make_interval(secs => $3) AS stuck,
    coalesce(asked_at, made_at) AS sent_at
FROM biller_call WHERE payment_id = $1 FOR UPDATE;

-- name: call_state
-- Where a call stands.
SELECT state FROM biller_call WHERE payment_id = $1;

-- name: calls
-- Calls, newest first: all, or those that nobody knows the end of.
SELECT biller_call.payment_id, biller_call.biller_code AS biller, bill.reference, bill.customer_code, bill.amount, state, attempts,
    inquiries, asked_at, next_at, biller_reference, reason, made_at, resolved_at
FROM biller_call JOIN bill ON bill.id = bill_id
WHERE ($1::timestamptz IS NULL OR (made_at, biller_call.payment_id) < ($1, $2::uuid))
    AND (NOT $3::boolean OR next_at IS NOT NULL)
ORDER BY made_at DESC, biller_call.payment_id DESC LIMIT $4;

-- name: keep_e_invoice
-- The biller's invoice for a payment; the first one stays.
INSERT INTO e_invoice (payment_id, bill_id, number, look_up_code, url)
SELECT $1, id, $2, $3, $4 FROM bill WHERE payment_id = $1
ON CONFLICT (payment_id) DO NOTHING;

-- name: e_invoice_of_mine
-- The biller's invoice for a payment of mine.
SELECT number, look_up_code, url FROM e_invoice JOIN payment ON payment.id = payment_id
WHERE payment_id = $1 AND payer_id = $2;

-- name: biller_bill
-- A bill as its biller sees it.
SELECT id, reference, customer_code, customer_name, period, amount, due_on, status, paid_at, payment_id
FROM bill WHERE biller_code = $1 AND reference = $2;

-- name: is_issued
-- Was a bill issued under this reference before?
SELECT EXISTS (SELECT FROM bill WHERE biller_code = $1 AND reference = $2);

-- name: withdraw_by_reference
-- Its biller takes a bill back that is still due, or that it took back before.
UPDATE bill SET status = 'withdrawn' WHERE biller_code = $1 AND reference = $2 AND status IN ('due', 'withdrawn')
RETURNING id;

-- name: biller_payments
-- What was paid to a biller on these days of Huế, oldest first.
SELECT id AS bill_id, payment_id, reference, customer_code, amount, paid_at FROM bill
WHERE biller_code = $1 AND status = 'paid'
    AND paid_at >= $2::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND paid_at < ($3::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND ($4::timestamptz IS NULL OR (paid_at, id) > ($4, $5::uuid))
ORDER BY paid_at, id LIMIT $6;

-- name: remind
-- One page of kept codes: who keeps one is told once of each bill that is due soon. A code whose bills pay themselves is
-- announced otherwise. Says the last code of the page.
WITH page AS (
    SELECT principal_id, id, biller_code, customer_code, nickname, remind_days_before FROM customer_code
    WHERE (principal_id, id) > ($1, $2) ORDER BY principal_id, id LIMIT $3
),
due AS (
    SELECT page.principal_id, bill.id AS bill_id, jsonb_build_object(
        'principal_id', page.principal_id, 'bill_id', bill.id, 'biller', biller.code, 'biller_name', biller.name_vi,
        'biller_name_en', biller.name_en, 'customer_code', bill.customer_code, 'nickname', page.nickname,
        'period', bill.period, 'amount', bill.amount, 'due_on', bill.due_on) AS news
    FROM page
    JOIN bill ON bill.biller_code = page.biller_code AND bill.customer_code = page.customer_code AND bill.status = 'due'
        AND bill.due_on BETWEEN $4::date AND $4::date + page.remind_days_before
    JOIN biller ON biller.code = bill.biller_code
    WHERE NOT EXISTS (SELECT FROM autopay WHERE autopay.principal_id = page.principal_id
        AND autopay.biller_code = page.biller_code AND autopay.customer_code = page.customer_code AND ended_at IS NULL)
),
reminded AS (
    INSERT INTO bill_reminder (principal_id, bill_id) SELECT principal_id, bill_id FROM due
    ON CONFLICT (principal_id, bill_id) DO NOTHING RETURNING principal_id, bill_id
),
told AS (
    INSERT INTO event (kind, data) SELECT 'BillReminder', news FROM due JOIN reminded USING (principal_id, bill_id)
)
SELECT principal_id, id FROM page ORDER BY principal_id DESC, id DESC LIMIT 1;

-- name: set_autopay
-- The bills of a code that I keep pay themselves, or do so otherwise from now on.
INSERT INTO autopay (id, principal_id, customer_code_id, biller_code, customer_code, ceiling, days_before_due)
SELECT $3, principal_id, id, biller_code, customer_code, $4, $5 FROM customer_code WHERE principal_id = $1 AND id = $2
ON CONFLICT (principal_id, biller_code, customer_code) WHERE ended_at IS NULL
DO UPDATE SET customer_code_id = excluded.customer_code_id, ceiling = excluded.ceiling,
    days_before_due = excluded.days_before_due
RETURNING id, ceiling, days_before_due, made_at;

-- name: forget_what_was_too_high
-- Bills that were above the ceiling are looked at again.
DELETE FROM autopay_run WHERE autopay_id = $1 AND status = 'failed' AND why = 'above_ceiling';

-- name: is_unlocked
-- Is this session's wallet open?
SELECT EXISTS (SELECT FROM session WHERE id = $1 AND ended_at IS NULL AND unlocked_until > city_now());

-- name: autopay_of_mine
-- How a code of mine pays its bills.
SELECT id, ceiling, days_before_due, made_at FROM autopay
WHERE principal_id = $1 AND customer_code_id = $2 AND ended_at IS NULL;

-- name: end_autopay
-- They do no longer.
UPDATE autopay SET ended_at = city_now() WHERE principal_id = $1 AND customer_code_id = $2 AND ended_at IS NULL
RETURNING id;

-- name: bills_to_announce
-- One page of autopays, with their bills that are to be paid tomorrow or should have been. Each row stands for a bill
-- that was not looked at before, or, without one, for the page's last autopay.
WITH page AS (
    SELECT autopay.id, principal_id, biller_code, customer_code, ceiling, days_before_due FROM autopay
    JOIN principal ON principal.id = principal_id AND principal.closed_at IS NULL
    WHERE ended_at IS NULL AND autopay.id > $1 ORDER BY autopay.id LIMIT $2
)
SELECT page.id AS autopay_id, page.principal_id, bill.id AS bill_id, bill.amount, bill.amount > ceiling AS above,
    greatest(bill.due_on - days_before_due, $3::date + 1) AS pay_on, biller.code AS biller,
    biller.name_vi AS biller_name, biller.name_en AS biller_name_en, bill.customer_code, bill.period
FROM page
LEFT JOIN (bill JOIN biller ON biller.code = bill.biller_code)
    ON bill.biller_code = page.biller_code AND bill.customer_code = page.customer_code AND bill.status = 'due'
    AND bill.due_on - days_before_due <= $3::date + 1 AND bill.due_on > $3::date - 60
    AND NOT EXISTS (SELECT FROM autopay_run WHERE autopay_id = page.id AND bill_id = bill.id)
WHERE bill.id IS NOT NULL OR page.id = (SELECT id FROM page ORDER BY id DESC LIMIT 1)
ORDER BY page.id, bill.id;

-- name: announce_run
-- A bill that an autopay will pay, or will not: looked at once.
INSERT INTO autopay_run (autopay_id, bill_id, principal_id, payment_id, amount, pay_on, status, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (autopay_id, bill_id) DO NOTHING RETURNING autopay_id;

-- name: runs_due
-- One page of the bills whose day has come.
SELECT pay_on, autopay_id, bill_id FROM autopay_run
WHERE status = 'announced' AND pay_on <= $1::date AND (pay_on, autopay_id, bill_id) > ($2::date, $3::uuid, $4::uuid)
    AND next_at > city_now() IS NOT TRUE
ORDER BY pay_on, autopay_id, bill_id LIMIT $5;

-- name: run_of_payment
-- Which bill an autopay meant to pay with a payment.
SELECT pay_on, autopay_id, bill_id FROM autopay_run WHERE payment_id = $1 AND status = 'sent';

-- name: run_for_update
-- One of them, for whoever sees to it now.
SELECT run.autopay_id, run.bill_id, run.principal_id, run.payment_id, run.amount AS announced_amount, run.tries, run.why,
    autopay.ended_at IS NOT NULL AS ended, bill.status AS bill_status, bill.amount, bill.due_on,
    bill.amount > autopay.ceiling AS above, biller.code AS biller, biller.name_vi AS biller_name,
    biller.name_en AS biller_name_en, bill.customer_code, bill.period
FROM autopay_run AS run
JOIN autopay ON autopay.id = run.autopay_id
JOIN bill ON bill.id = run.bill_id
JOIN biller ON biller.code = bill.biller_code
WHERE run.autopay_id = $1 AND run.bill_id = $2 AND run.status = $3 AND run.pay_on <= $4::date
FOR UPDATE OF run SKIP LOCKED;

-- name: settle_run
-- What came of it.
UPDATE autopay_run SET status = $3, why = $4, tries = tries + 1 WHERE autopay_id = $1 AND bill_id = $2;

-- name: put_run_off
-- It is tried on a later day, perhaps over another amount.
UPDATE autopay_run SET amount = $3, pay_on = $4, tries = $5, why = $6 WHERE autopay_id = $1 AND bill_id = $2;

-- name: bring_run_back
-- Its payment came to nothing: it is tried on a later day under another id, perhaps over another amount.
UPDATE autopay_run SET status = 'announced', payment_id = $3, amount = $4, pay_on = $5, why = $6
WHERE autopay_id = $1 AND bill_id = $2;

-- name: let_run_wait
-- It is looked at again in so many seconds.
UPDATE autopay_run SET next_at = city_now() + make_interval(secs => $3)
WHERE autopay_id = $1 AND bill_id = $2 AND status = 'announced';

-- name: autopays_of_person
-- For a copy of all that is held: codes whose bills pay themselves, and what was announced.
SELECT autopay.id, biller_code, customer_code, ceiling, days_before_due, made_at, ended_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('bill_id', bill_id, 'amount', amount, 'pay_on', pay_on,
            'status', status, 'why', why) ORDER BY pay_on, bill_id)
        FROM autopay_run WHERE autopay_id = autopay.id), '[]') AS bills
FROM autopay WHERE principal_id = $1 ORDER BY made_at, id;

-- name: end_autopays_of_person
-- A person is forgotten: nothing pays itself any more.
UPDATE autopay SET ended_at = city_now() WHERE principal_id = $1 AND ended_at IS NULL;

-- name: reminders_of_person
-- For a copy of all that is held: which bills a person was reminded of.
SELECT bill_id, made_at FROM bill_reminder WHERE principal_id = $1 ORDER BY made_at, bill_id;

-- name: erase_reminders
-- A person is forgotten: what they were reminded of.
DELETE FROM bill_reminder WHERE principal_id = $1;

-- name: forget_reminders
-- Reminders older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM bill_reminder WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM bill_reminder WHERE made_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING bill_id
)
SELECT count(*) FROM old;

-- name: biller_to_remit_to
-- Where a biller's money goes, what it had collected before a moment and was not on its way elsewhere by then, and what
-- of it is free now. What was held comes out of the day in which it was held, whenever the other side has answered.
SELECT biller.account_id, target.bank_bin, target.account_number, target.account_name,
    account.posted - account.pending AS available,
    coalesce((SELECT entry.balance_after FROM entry JOIN transfer ON transfer.id = entry.transfer_id
        WHERE entry.account_id = account.id AND transfer.made_at < $2 ORDER BY entry.version DESC LIMIT 1), 0)
    - (SELECT coalesce(sum(CASE status WHEN 'pending' THEN amount ELSE captured_amount END), 0)::bigint FROM hold
        WHERE debit_account_id = account.id AND made_at < $2
            AND (status = 'pending' OR status = 'captured' AND resolved_at >= $2)) AS balance
FROM biller
JOIN account ON account.id = biller.account_id AND account.frozen_at IS NULL
JOIN LATERAL (SELECT bank_bin, account_number, account_name FROM biller_bank_account
    WHERE biller_code = biller.code AND approved_at IS NOT NULL ORDER BY approved_at DESC LIMIT 1) AS target ON true
WHERE biller.code = $1;

-- name: write_remittance
-- What is sent to a biller for a day, once.
INSERT INTO remittance (id, biller_code, remitted_on, amount) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING id;

-- name: end_remittance
-- The bank has answered.
UPDATE remittance SET status = CASE WHEN $2::text IS NULL THEN 'paid' ELSE 'failed' END, reason = $2,
    resolved_at = city_now()
WHERE id = $1;

-- name: remittances
-- What was sent to billers, newest first.
SELECT remittance.id, biller_code AS biller, remitted_on, remittance.amount, remittance.status, remittance.reason,
    bank.short_name AS bank_name, '***' || right(payout.account_number, 4) AS account_number, remittance.made_at,
    remittance.resolved_at
FROM remittance JOIN payout ON payout.id = remittance.id JOIN bank ON bank.bin = payout.bank_bin
WHERE $1::timestamptz IS NULL OR (remittance.made_at, remittance.id) < ($1, $2::uuid)
ORDER BY remittance.made_at DESC, remittance.id DESC LIMIT $3;

-- name: propose_biller_account
-- Where a biller's money shall go, once per id.
INSERT INTO biller_bank_account (id, biller_code, bank_bin, account_number, account_name, proposed_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: biller_account
-- A proposal, or where a biller's money goes.
SELECT id, biller_code AS biller, bank_bin, account_number, account_name, proposed_by, made_at, approved_by, approved_at
FROM biller_bank_account WHERE id = $1;

-- name: approve_biller_account
-- From now on it goes there.
UPDATE biller_bank_account SET approved_by = $2, approved_at = city_now() WHERE id = $1 AND approved_at IS NULL
RETURNING id;
