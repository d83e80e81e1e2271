-- name: unlock
-- An open wallet, without a PIN.
UPDATE session SET unlocked_until = city_now() + interval '5 minutes' WHERE id = $1;

-- name: stay
-- Somebody whose phone renews what ends with time.
WITH tokens AS (UPDATE access_token SET expires_at = city_now() + interval '1 year' WHERE session_id = $1)
UPDATE session SET unlocked_until = city_now() + interval '1 year' WHERE id = $1;

-- name: lock
-- A wallet that has locked itself.
UPDATE session SET unlocked_until = city_now() - interval '1 second' WHERE id = $1;

-- name: balance
-- What an account holds.
SELECT coalesce((SELECT posted FROM account WHERE id = $1), 0);

-- name: expire_order
-- An order whose time has passed.
UPDATE merchant_order SET expires_at = city_now() - interval '1 second' WHERE id = $1;

-- name: revoke_terminal
-- A lost sticker.
UPDATE terminal SET revoked_at = city_now() WHERE id = $1;

-- name: freeze
-- A wallet frozen by order.
UPDATE account SET frozen_at = city_now() WHERE id = $1;

-- name: unfreeze
-- A wallet whose freeze was lifted.
UPDATE account SET frozen_at = NULL WHERE id = $1;

-- name: pending
-- What is held on an account.
SELECT coalesce((SELECT pending FROM account WHERE id = $1), 0);

-- name: set_adapter
-- How a biller is asked, and whether its bills are of the essential group.
UPDATE biller SET adapter = $2, essential = $3 WHERE code = $1;

-- name: close_account
-- An account that is closed.
UPDATE account SET closed_at = city_now() WHERE id = $1;

-- name: end_session
-- A session ended elsewhere.
UPDATE session SET ended_at = city_now(), end_reason = 'signed_out' WHERE id = $1;

-- name: tamper_with_balance
-- What a thief with the database's password would do.
UPDATE account SET posted = posted + 1 WHERE id = $1;

-- name: unguard_entries
-- What only their owner can do.
ALTER TABLE entry DISABLE TRIGGER entry_append_only;

-- name: unguard_floors
-- What only their owner can do.
ALTER TABLE account DROP CONSTRAINT account_available_above_floor;

-- name: tamper_transfer_alone
-- Money that moved nowhere.
INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, made_at)
SELECT uuidv7(), 'reversal', $1, id, 7, city_now() FROM account WHERE id <> $1 LIMIT 1;

-- name: tamper_entry_alone
-- Money from nowhere.
INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
SELECT id, version + 1, uuidv7(), 7, posted + 7 FROM account WHERE id = $1;

-- name: tamper_third_entry
-- A movement that counts for two.
INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
SELECT id, account.version + 1, newest.transfer_id, newest.amount, posted + newest.amount
FROM account
CROSS JOIN LATERAL (SELECT * FROM entry WHERE account_id = $1 ORDER BY version DESC LIMIT 1) AS newest WHERE id = $1;

-- name: tamper_entry_lost
-- One side of a movement is gone.
DELETE FROM entry WHERE account_id = $1 AND version = (SELECT max(version) FROM entry WHERE account_id = $1);

-- name: tamper_running_balance
-- A balance that was never so.
UPDATE entry SET balance_after = balance_after + 1
WHERE account_id = $1 AND version = (SELECT max(version) - 1 FROM entry WHERE account_id = $1);

-- name: tamper_floor
-- More was spent than there was.
UPDATE account SET floor = posted - pending + 1 WHERE id = $1;

-- name: tamper_pending
-- Something is held that nobody holds.
UPDATE account SET pending = pending + 1 WHERE id = $1;

-- name: tamper_captured_hold
-- Captured, and nothing moved.
INSERT INTO hold (id, kind, debit_account_id, credit_account_id, amount, fingerprint, status, captured_amount, made_at,
    resolved_at)
SELECT uuidv7(), 'payout', $1, id, 7, '', 'captured', 7, city_now() - interval '9 days', city_now() FROM account
WHERE id <> $1 LIMIT 1;

-- name: tamper_captured_amount
-- More moved than was captured.
UPDATE hold SET captured_amount = captured_amount - 1 WHERE debit_account_id = $1 AND status = 'captured';

-- name: tamper_voided_hold
-- Free again, and it moved all the same.
UPDATE hold SET captured_amount = NULL, status = 'voided' WHERE debit_account_id = $1 AND status = 'captured';

-- name: tamper_pending_payment
-- It waits for nothing.
UPDATE payment SET status = 'pending' WHERE payer_id = $1 AND kind = 'merchant';

-- name: tamper_ended_payment
-- Its money is still held.
UPDATE payment SET status = 'failed' WHERE payer_id = $1 AND status = 'pending';

-- name: tamper_refunded
-- Something was given back, and nothing moved.
UPDATE payment SET refunded = refunded + 1 WHERE payer_id = $1 AND kind = 'merchant';

-- name: tamper_paid_payment
-- Paid, and nothing moved.
UPDATE payment SET status = 'paid' WHERE payer_id = $1 AND status = 'pending';

-- name: tamper_paid_twice
-- The same bill, the same order, once more.
INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, bill_id, order_id,
    fingerprint, made_at)
SELECT uuidv7(), payer_id, kind, status, amount, 0, payer_name, payee_name, bill_id, order_id, '', city_now()
FROM payment WHERE payer_id = $1 AND status = 'paid';

-- name: tamper_guarantee
-- Less lies at the bank than wallets hold.
UPDATE account SET posted = 0 WHERE kind = 'guarantee' AND $1::uuid IS NOT NULL;

-- name: a_long_ledger
-- Many movements between two accounts, that ended three hours ago.
WITH past AS MATERIALIZED (
    SELECT n, uuidv7() AS id, payer.id AS payer_id, payer.version AS payer_version, payer.posted AS payer_posted,
        payee.id AS payee_id, payee.version AS payee_version, payee.posted AS payee_posted
    FROM generate_series(1, $3::int) AS n
    JOIN account AS payer ON payer.id = $1 JOIN account AS payee ON payee.id = $2
),
moved AS (
    INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, made_at)
    SELECT id, 'merchant', payer_id, payee_id, 1, city_now() - interval '3 hours' FROM past ORDER BY n
),
paid AS (
    INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, fingerprint, made_at)
    SELECT id, payer_id, 'merchant', 'paid', 1, 0, 'L***', 'T***', '', city_now() - interval '3 hours' FROM past ORDER BY n
),
written AS (
    INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
    SELECT payer_id, payer_version + n, id, -1, payer_posted - n FROM past
    UNION ALL SELECT payee_id, payee_version + n, id, 1, payee_posted + n FROM past
)
UPDATE account SET version = version + $3::int, posted = posted + CASE id WHEN $1 THEN -$3::int ELSE $3::int END
WHERE id IN ($1, $2);

-- name: ledger_rows_read
-- How many rows of what grows for ever were read so far.
SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables
WHERE relname IN ('transfer', 'entry', 'payment', 'hold');

-- name: paid_payments
-- Every payment that was made.
SELECT id, amount, balance_after FROM payment WHERE status = 'paid';

-- name: deadlocks
-- How many deadlocks this database has seen.
SELECT deadlocks FROM pg_stat_database WHERE datname = current_database();

-- name: cut
-- End all connections of an application to this database.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid();

-- name: biller_account
-- Where a biller's money goes.
SELECT account_id FROM biller WHERE code = $1;

-- name: rewrite_transfers
-- What must never be.
UPDATE transfer SET amount = 1;

-- name: rewrite_entries
-- What must never be.
UPDATE entry SET amount = 1;

-- name: drop_transfers
-- What must never be.
DELETE FROM transfer;

-- name: drop_entries
-- What must never be.
DELETE FROM entry;

-- name: kinds_of_bills_due
-- How many kinds of bill are due this month.
SELECT count(DISTINCT biller.kind) FROM bill JOIN biller ON biller.code = bill.biller_code
WHERE status = 'due' AND date_trunc('month', due_on) = date_trunc('month', city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh');

-- name: grants_of
-- A member of staff's roles.
SELECT agency_code, role FROM role_grant WHERE principal_id = $1;

-- name: move_clock
-- Another time for this connection's city.
SELECT set_config('huong.clock_offset', $1, false);

-- name: code_row
-- A sign-in code as it is kept.
SELECT * FROM one_time_code WHERE id = $1;

-- name: use_up_budget
-- A budget that has so many uses behind it.
UPDATE budget SET used = $2 WHERE key = $1;

-- name: budgets
-- What was counted, and for how long.
SELECT key, window_s, used FROM budget ORDER BY key, window_s;

-- name: principals_by_phone
-- Who has this number.
SELECT id, kind FROM principal WHERE phone = $1;

-- name: session_ends
-- How a principal's sessions ended; null: it goes on.
SELECT end_reason FROM session WHERE principal_id = $1 ORDER BY signed_in_at, id;

-- name: refresh_tokens
-- How many refresh tokens a principal's sessions ever had, and how many have a parent.
SELECT count(*) AS all_of_them, count(parent_hash) AS children
FROM refresh_token JOIN session ON session.id = refresh_token.session_id WHERE session.principal_id = $1;

-- name: close_principal
-- Somebody who left.
UPDATE principal SET closed_at = city_now() WHERE id = $1;

-- name: pin_row
-- A PIN as it is kept.
SELECT hash, wrong_tries, locked_until FROM pin WHERE principal_id = $1;

-- name: event_rows
-- News of a kind, oldest first.
SELECT data, told_at FROM event WHERE kind = $1 ORDER BY id;

-- name: job_rows
-- What waits in the queue.
SELECT id, listener, state, attempts, fence, last_error, data,
    extract(epoch FROM run_at - city_now())::float8 AS due_in_s FROM job ORDER BY id;

-- name: expire_leases
-- Time passes, and nobody heard from the worker.
UPDATE job SET leased_until = city_now() - interval '1 second' WHERE state = 'running';

-- name: make_due
-- Time passes, and what was put off is due.
UPDATE job SET run_at = city_now() WHERE state = 'ready';

-- name: make_schedule_due
-- Time passes for a scheduled task.
UPDATE schedule SET ran_at = ran_at - make_interval(secs => $2) WHERE name = $1;

-- name: ears
-- Workers that listen for news.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'huong ear' AND query LIKE 'LISTEN%' AND state = 'idle';

-- name: my_pid
-- The server's process behind this connection.
SELECT pg_backend_pid();

-- name: end_backend
-- A connection that breaks.
SELECT pg_terminate_backend($1);

-- name: waiters
-- Connections of this database that wait for a lock.
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock';

-- name: setting
-- One of the connection's settings.
SELECT current_setting($1);

-- name: sleep
-- A statement that takes its time.
SELECT pg_sleep($1);

-- name: count_to
-- So many rows.
SELECT n, n::text AS text FROM generate_series(1, $1::int) AS n;

-- name: echo_json
-- What jsonb makes of a value.
SELECT $1::jsonb;

-- name: tables
-- Every table of the schema.
SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename;

-- name: stamp
-- What a migration run left behind.
SELECT (SELECT mode FROM installation) AS mode, (SELECT array_agg(version ORDER BY version) FROM schema_migrations) AS versions;

-- name: forget_migration
-- As if the last migration had not been applied.
DELETE FROM schema_migrations WHERE version = $1;

-- name: forget_all_migrations
-- As if none had been applied.
TRUNCATE schema_migrations;

-- name: empty_transfers
-- What must never be.
TRUNCATE transfer;

-- name: empty_entries
-- What must never be.
TRUNCATE entry;

-- name: server_clock
-- What the city's clock shows in SQL.
SELECT city_now();

-- name: database
-- This database's name.
SELECT current_database();

-- name: a_long_past
-- Five thousand payments that were made before.
INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, fingerprint, made_at)
SELECT uuidv7(), $1, 'person', 'paid', 1, 0, 'L***', 'T***', '', city_now() FROM generate_series(1, 5000);

-- name: a_long_past_of_counters
-- Twelve thousand receipts that a clerk ($1) gave somebody ($2) at three counters, one every quarter of an hour, and the
-- counts of their drawers.
WITH today AS MATERIALIZED (
    SELECT city_now() AS now_here
), given AS MATERIALIZED (
    SELECT n, CASE n % 12 WHEN 0 THEN 'quay-2' WHEN 1 THEN 'quay-3' ELSE 'mot-cua' END AS agency_code,
        now_here - n * interval '15 minutes' AS made_at
    FROM today, generate_series(1, 12000) AS n
), dated AS MATERIALIZED (
    SELECT *, (made_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day_on FROM given
), days AS (
    INSERT INTO cash_day (agency_code, day_on, receipts) SELECT agency_code, day_on, count(*) FROM dated GROUP BY 1, 2
), counts AS (
    INSERT INTO cash_close (id, agency_code, day_on, expected_amount, counted_amount, receipts, closed_by, made_at)
    SELECT uuidv7(), agency_code, day_on, count(*), count(*), count(*), $1, max(made_at) FROM dated GROUP BY 2, 3
)
INSERT INTO cash_receipt (id, number, agency_code, day_on, clerk_id, kind, principal_id, amount, made_at)
SELECT uuidv7(), agency_code || '-' || n, agency_code, day_on, $1, 'top_up', $2, 1, made_at FROM dated;

-- name: counters_read
-- How many rows of receipts and counts were given away so far.
SELECT sum(coalesce(idx_tup_read, 0))::bigint
    + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('cash_receipt', 'cash_close'))::bigint
FROM pg_stat_user_indexes WHERE relname IN ('cash_receipt', 'cash_close');

-- name: flush_statistics
-- Have this connection's counts written at once.
SELECT pg_stat_force_next_flush();

-- name: rows_read
-- How many rows the ledger's tables gave away so far.
SELECT sum(coalesce(idx_tup_read, 0))::bigint
    + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('payment', 'transfer'))::bigint
FROM pg_stat_user_indexes WHERE relname IN ('payment', 'transfer');

-- name: due_in_s
-- In how many seconds a scheduled task is due again.
SELECT extract(epoch FROM ran_at + make_interval(secs => $2) - city_now())::float8 FROM schedule WHERE name = $1;

-- name: forget_the_day
-- No news, no jobs, nothing on the schedule, no codes, nothing counted.
WITH jobs AS (DELETE FROM job), tasks AS (DELETE FROM schedule), codes AS (DELETE FROM one_time_code),
    uses AS (DELETE FROM budget)
DELETE FROM event;

-- name: hold_bill
-- A bill that somebody is busy with.
SELECT FROM bill WHERE id = $1 FOR UPDATE;

-- name: killed_so_often
-- Jobs whose workers were killed so often, and whose leases have run out.
UPDATE job SET state = 'running', attempts = $1, leased_until = city_now() - interval '1 second';

-- name: statement_timeout
-- How long a statement may take here.
SELECT current_setting('statement_timeout');

-- name: set_policy
-- From now on, in a sandbox too.
INSERT INTO policy (code, value, sandbox_value) VALUES ($1, $2, $2);

-- name: step_up_used
-- Was this proof used?
SELECT used_at IS NOT NULL FROM step_up WHERE id = $1;

-- name: age_step_up
-- Two minutes later.
UPDATE step_up SET expires_at = city_now() WHERE id = $1;

-- name: new_device
-- This session's device was not known before.
UPDATE session SET new_until = city_now() + interval '1 day' WHERE id = $1;

-- name: money_waits
-- This account was just recovered.
UPDATE principal SET money_out_from = city_now() + interval '1 day' WHERE id = $1;

-- name: forget_budgets
-- Nothing was counted.
DELETE FROM budget;

-- name: staff_sessions
-- How a member's sessions at the staff's door stand; null: it goes on.
SELECT id, token_hash, seen_at, end_reason FROM staff_session WHERE principal_id = $1 ORDER BY signed_in_at, id;

-- name: staff_account
-- How the identity provider knows a member.
SELECT email, issuer, subject FROM staff_account WHERE principal_id = $1;

-- name: audited
-- What was written down of these actions.
SELECT actor_id, action, subject, data FROM audit WHERE action LIKE $1 ORDER BY id;

-- name: file_openings
-- Who opened a resident's file.
SELECT actor_id, what, reason FROM file_opening WHERE principal_id = $1 ORDER BY id;

-- name: inbox_titles
-- What somebody finds in the inbox.
SELECT title, body FROM message WHERE principal_id = $1 ORDER BY seq;

-- name: role_rows
-- What a member's roles rest on.
SELECT agency_code, role, grant_id, valid_until FROM role_grant WHERE principal_id = $1 ORDER BY agency_code, role;

-- name: audit_of
-- What was written down about something.
SELECT action, actor_id, data FROM audit WHERE subject = $1 ORDER BY id;

-- name: set_phone
-- As if this had always been the number.
UPDATE principal SET phone = $2 WHERE id = $1;

-- name: proofs_kept
-- How many proofs are remembered.
SELECT count(*) FROM device_proof;

-- name: passkey_rows
-- How many passkeys somebody has or has begun.
SELECT count(*) FROM passkey WHERE principal_id = $1;

-- name: plant_passkey
-- A passkey that somebody has, and that nothing was ever signed with.
INSERT INTO passkey (id, principal_id, challenge, expires_at, registered_at, credential, public_key)
VALUES ($1, $2, '', city_now(), city_now(), $3, '');

-- name: processing_rows
-- What was written down of somebody's data, oldest first.
SELECT done, actor_kind, purpose, basis, detail FROM processing WHERE principal_id = $1 ORDER BY id;

-- name: audit_actions
-- What the audit knows of a subject, oldest first.
SELECT actor_id, actor_kind, action, data FROM audit WHERE subject = $1 ORDER BY id;

-- name: person_columns
-- Columns by which a table points at a person.
SELECT DISTINCT relname AS "table" FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    AND attname ~ '^(principal|payer|payee|owner|actor|resident|subject|holder|member|account|session)_id$|phone|email|subject'
ORDER BY 1;

-- name: plant_upload
-- A photograph that was sent and nothing holds.
INSERT INTO upload (id, owner_id, purpose, way, status, size, sha256, media_type)
VALUES ($1, $2, 'photo', 'whole', 'ready', 1, sha256(''), 'image/jpeg');

-- name: tables_of_ours
-- Every table.
SELECT relname AS "table" FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1;

-- name: consent_rows
-- Every decision of a person.
SELECT purpose, version, given FROM consent WHERE principal_id = $1 ORDER BY decided_at, id;

-- name: change_consents
-- What must never be.
UPDATE consent SET given = true;

-- name: drop_openings
-- What must never be.
DELETE FROM file_opening;

-- name: change_processing
-- What must never be.
UPDATE processing SET purpose = '';

-- name: change_breaches
-- What must never be.
UPDATE breach_version SET what = '';

-- name: many_messages
-- An inbox with a long past.
WITH box AS (INSERT INTO inbox (principal_id, last_seq) VALUES ($1, $2::int))
INSERT INTO message (principal_id, seq, event_id, category, title, body, at)
SELECT $1, n, n, 'account', 'Tin số ' || n, repeat(md5(n::text), 6), city_now() - make_interval(days => $3::int)
FROM generate_series(1, $2::int) AS n;

-- name: export_parts
-- A copy as it is kept.
SELECT part, length(body) AS bytes FROM data_export_part ORDER BY part;

-- name: principal_row
-- A principal as they are kept.
SELECT phone, name, screen_name, closed_at, level FROM principal WHERE id = $1;

-- name: close_shop
-- A shop that was closed.
UPDATE merchant SET status = 'closed' WHERE id = $1;

-- name: payment_names
-- Who is named on a payment.
SELECT payer_name, payee_name, payee_detail FROM payment WHERE id = $1;

-- name: account_row
-- What an account holds, and whether it is closed.
SELECT posted, closed_at FROM account WHERE id = $1;

-- name: erasure_rows
-- How erasures ended.
SELECT status, swept_at FROM erasure WHERE principal_id = $1;

-- name: codes_kept
-- How many codes are kept.
SELECT count(*) FROM one_time_code;

-- name: kept_messages
-- How many messages are kept.
SELECT count(*) FROM message WHERE principal_id = $1;

-- name: retention_rows
-- Which holdings were looked through, and what was forgotten.
SELECT holding, forgotten, forgotten_last FROM retention ORDER BY holding;

-- name: late_data_request
-- As if nobody had looked for a week.
UPDATE data_request SET due_on = due_on - 7 WHERE id = $1;

-- name: past_triggers
-- For a superuser: no trigger stands in the way of this connection any more.
SELECT set_config('session_replication_role', 'replica', false);

-- name: audit_rows
-- What is in the audit.
SELECT id, actor_id, actor_kind, action, subject, data FROM audit ORDER BY id;

-- name: audit_about
-- What was done, by what kind of actor, about a subject.
SELECT actor_id, actor_kind, action, data FROM audit WHERE subject = $1 ORDER BY id;

-- name: links
-- The audit's chain.
SELECT "position", audit_id, hash FROM audit_link ORDER BY "position";

-- name: change_audit
-- Somebody did something else.
UPDATE audit SET data = '{"n": -1}' WHERE id = $1;

-- name: drop_audit
-- It was never done.
DELETE FROM audit WHERE id = $1;

-- name: empty_audit
-- Nothing was ever done.
TRUNCATE audit;

-- name: empty_audit_link
-- Nor linked.
TRUNCATE audit_link;

-- name: swap_audit
-- Each did what the other did.
UPDATE audit SET (made_at, actor_id, actor_kind, action, subject, data) =
    (other.made_at, other.actor_id, other.actor_kind, other.action, other.subject, other.data)
FROM audit AS other WHERE (audit.id, other.id) IN (($1::bigint, $2::bigint), ($2, $1));

-- name: put_audit
-- It was done so many seconds ago.
INSERT INTO audit (made_at, actor_kind, action, data)
VALUES (city_now() - make_interval(secs => $1), 'city', 'test.faked', '{}') RETURNING id;

-- name: put_link
-- This stands at that position.
INSERT INTO audit_link ("position", audit_id, hash) VALUES ($1, $2, $3);

-- name: change_link
-- The hash is another.
UPDATE audit_link SET hash = $2 WHERE "position" = $1;

-- name: drop_link
-- Nothing is linked there.
DELETE FROM audit_link WHERE "position" = $1;

-- name: drop_links_after
-- The chain ends here.
DELETE FROM audit_link WHERE "position" > $1;

-- name: move_link
-- A link stands elsewhere now.
UPDATE audit_link SET "position" = $2 WHERE "position" = $1;

-- name: waiting_audit
-- Rows that wait for their link.
SELECT audit_id FROM audit_waiting ORDER BY audit_id;

-- name: forget_waiting
-- None of them waits.
DELETE FROM audit_waiting;

-- name: last_audit_check
-- What the last check of the chain found.
SELECT next_position, head_position, head_hash, broken FROM audit_check;

-- name: pin_key
-- Under which key a PIN is kept.
SELECT key_id, hash FROM pin WHERE principal_id = $1;

-- name: sealed_columns
-- Where sealed secrets are kept.
SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'sealed';

-- name: audit_moment
-- When it was done, as it is hashed.
SELECT to_char(made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM audit WHERE id = $1;

-- name: nonces
-- How many nonces are remembered of a key.
SELECT count(*) FROM machine_nonce WHERE key_id = $1;

-- name: revoke_machine_key
-- A key that was revoked elsewhere.
UPDATE machine_key SET revoked_at = city_now(), sealed = NULL WHERE id = $1;

-- name: expire_machine_key
-- A key that is good for one more minute.
UPDATE machine_key SET valid_until = city_now() + interval '1 minute' WHERE id = $1;

-- name: close_machine
-- A machine that was closed elsewhere.
UPDATE machine SET closed_at = city_now(), closed_by = made_by, close_reason = 'gone' WHERE id = $1;

-- name: machine_key_used
-- When a key was last used.
SELECT last_used_at FROM machine_key WHERE id = $1;

-- name: machine_key
-- A machine's key as it is kept.
SELECT * FROM machine_key WHERE id = $1;

-- name: used_by_the_release_before
-- A refresh token was used by a release that knows one key.
UPDATE refresh_token SET used_at = city_now() WHERE hash = $1;

-- name: key_of_device
-- The public key that is kept of a device.
SELECT public_key FROM device WHERE id = $1;

-- name: rows_that_tell
-- Whatever tells later what happened: the audit, events, jobs and their errors.
SELECT to_jsonb(audit)::text AS row FROM audit UNION ALL SELECT to_jsonb(event)::text FROM event
UNION ALL SELECT to_jsonb(job)::text FROM job;

-- name: end_other_connections
-- Everybody else is cut off.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();

-- name: nobody_came_for
-- Nobody has used this account for so many days.
UPDATE session SET seen_at = city_now() - make_interval(days => $2) WHERE principal_id = $1;

-- name: former_phone
-- By what a counter can find an account that has lost its number.
SELECT former_phone FROM principal WHERE id = $1;

-- name: set_policy_from
-- What a policy will say.
INSERT INTO policy (code, value, effective_from) VALUES ($1, $2, $3);

-- name: plant_autopay
-- A resident lets a code's bills be paid by themselves.
INSERT INTO autopay (id, principal_id, customer_code_id, biller_code, customer_code, ceiling, days_before_due)
VALUES ($1, $2, uuidv7(), $3, $4, $5, 1);

-- name: end_autopay
-- And no longer does.
UPDATE autopay SET ended_at = city_now() WHERE id = $1;

-- name: autopay_runs
-- What autopays have before them and behind them.
SELECT status, why, tries, pay_on, payment_id, next_at > city_now() IS TRUE AS waits FROM autopay_run
ORDER BY made_at, bill_id;

-- name: plant_bills
-- Many bills of one customer code, each of another amount.
INSERT INTO bill (id, biller_code, customer_code, reference, customer_name, period, amount, due_on)
SELECT uuidv7(), $1, $2, 'many-' || nth, 'Lê Thị Ngự Bình', '11/2026', nth, $4::date FROM generate_series(1, $3::int) AS nth;

-- name: lock_person
-- An account from which nothing goes out.
UPDATE principal SET locked_at = city_now() WHERE id = $1;

-- name: rewrite_policy
-- What must never be.
UPDATE policy SET value = 1 WHERE code = $1;

-- name: payouts
-- All payouts, with what became of their holds.
SELECT payout.id, payout.status, attempts, hold.status AS hold FROM payout JOIN hold ON hold.id = payout.id
ORDER BY payout.made_at;

-- name: posted_and_pending
-- What an account holds, and what of it is held.
SELECT posted, pending FROM account WHERE id = $1;

-- name: set_connection_timeout
-- How long a biller is waited for.
UPDATE biller_connection SET timeout_ms = $2 WHERE id = $1;

-- name: biller_calls
-- All that billers were asked, and what became of the money.
SELECT biller_call.payment_id, state, attempts, hold.status AS hold, coalesce(payment.status, 'none') AS payment,
    bill.status AS bill
FROM biller_call
JOIN hold ON hold.id = biller_call.payment_id
JOIN bill ON bill.id = biller_call.bill_id
LEFT JOIN payment ON payment.id = biller_call.payment_id
ORDER BY biller_call.made_at;

-- name: bill_statuses
-- A biller's bills.
SELECT amount, status FROM bill WHERE biller_code = $1;

-- name: connection_rows
-- How billers were, are and may be asked.
SELECT id, status, sealed FROM biller_connection;

-- name: audit_of_actor
-- What somebody did, oldest first.
SELECT action FROM audit WHERE actor_id = $1 ORDER BY id;

-- name: expire_pay_codes
-- A minute has passed.
UPDATE pay_code SET expires_at = city_now() - interval '1 second';

-- name: expire_charges
-- Three minutes have passed.
UPDATE charge SET expires_at = city_now() - interval '1 second';

-- name: prove_step_up
-- As if a code had been shown.
UPDATE step_up SET method = 'code', proved_at = city_now() WHERE id = $1;

-- name: set_bill_amount
-- A biller that thinks better of it.
UPDATE bill SET amount = $2 WHERE id = $1;

-- name: payee_of_payment
-- Whose account a payment went to.
SELECT credit_account_id FROM transfer WHERE id = $1;

-- name: plant_e_invoice
-- A biller's invoice for a payment.
INSERT INTO e_invoice (payment_id, bill_id, number) VALUES ($1, $1, '1C26T00000001');

-- name: webhook_secrets
-- Secrets of webhooks as they are kept.
SELECT id, endpoint_id, sealed, signs_until FROM webhook_secret;

-- name: webhook_message_count
-- How many messages to merchants' systems are kept.
SELECT count(*) FROM webhook_message;

-- name: tell_again
-- As if nobody had heard yet.
UPDATE event SET told_at = NULL;

-- name: plant_bank_taking
-- A shop was paid from a bank; its money is moved elsewhere.
INSERT INTO bank_taking (id, merchant_id, amount, sender_bank_bin, sender_account, sender_name, content)
VALUES ($1, $2, $3, $4, $5, $6, 'chuyen tien');

-- name: plant_device
-- Another phone of somebody's, just now.
INSERT INTO device (principal_id, id, name, platform) VALUES ($1, $2, 'Other', 'android');

-- name: bill_references
-- What billers call the bills that were paid by these payments, in order.
SELECT reference FROM bill WHERE payment_id = ANY ($1) ORDER BY amount;

-- name: plant_paid_payout
-- The bank has paid somebody for us; the money is moved elsewhere.
INSERT INTO payout (id, kind, debit_account_id, bank_bin, account_number, account_name, amount, content, status,
    bank_reference, resolved_at)
VALUES ($1, 'settlement', $1, '970436', '1014567890', 'A B', $2, 'x', 'paid', $3, city_now());

-- name: plant_inbound_transfer
-- Money came in at the bank; it is booked elsewhere.
INSERT INTO inbound_transfer (id, source, told_as, account_number, bank_reference, amount, content, occurred_at, status)
VALUES ($1, 'sepay', $3, '0', $3, $2, 'x', city_now(), 'suspense');

-- name: plant_old_suspense_item
-- Money that has waited for so many seconds in suspense; it is booked elsewhere.
INSERT INTO suspense_item (id, source, source_id, amount, reason, status, made_at)
VALUES ($1, 'inbound_transfer', $1, 1000, 'unmatched', 'open', city_now() - make_interval(secs => $2::int));

-- name: count_news
-- How often something was told.
SELECT count(*) FROM event WHERE kind = $1;

-- name: age_shifts
-- They began long ago.
UPDATE merchant_shift SET opened_at = opened_at - interval '25 hours';

-- name: age_invitations
-- More than a week has passed.
UPDATE merchant_cashier SET expires_at = city_now() - interval '1 second' WHERE accepted_at IS NULL;

-- name: inbound_rows
-- Every notice of money that came in, oldest first, and why its money waits, if it does.
SELECT told.id, told.source, told.amount, told.status, told.matched_kind, item.reason AS why, item.status AS waits
FROM inbound_transfer AS told
LEFT JOIN suspense_item AS item ON item.source = 'inbound_transfer' AND item.source_id = told.id
ORDER BY told.made_at, told.id;

-- name: unresolved_suspense
-- What waits in suspense, by its items.
SELECT coalesce(sum(amount), 0)::bigint FROM suspense_item WHERE status <> 'resolved';

-- name: suspend_merchant
-- A shop that takes no money for a while.
UPDATE merchant SET status = 'suspended' WHERE id = $1;

-- name: expire_top_up
-- A top-up whose time has passed.
UPDATE top_up SET expires_at = city_now() - interval '1 second' WHERE id = $1;

-- name: bill_status
-- How a bill stands.
SELECT status FROM bill WHERE id = $1;

-- name: bill_reference
-- What stands on a bill's paper.
SELECT reference FROM bill WHERE id = $1;

-- name: withdraw_bill_row
-- A bill that was taken back.
UPDATE bill SET status = 'withdrawn' WHERE id = $1;

-- name: versions_at
-- The numbers of an account's entries.
SELECT version FROM entry WHERE account_id = $1;

-- name: shift_spans
-- Between which entries a shop's shifts lie.
SELECT from_version, to_version FROM merchant_shift WHERE merchant_id = $1;

-- name: replaced_secrets
-- How many of a biller's former connections still have their secret.
SELECT count(*) FROM biller_connection WHERE biller_code = $1 AND status = 'replaced' AND sealed IS NOT NULL;

-- name: move_connections
-- A biller's system is not there any more.
UPDATE biller_connection SET url = $2 WHERE biller_code = $1;

-- name: put_into_review
-- The gateway looks at a top-up.
UPDATE top_up SET status = 'review', reason = NULL, resolved_at = NULL, next_ask_at = NULL WHERE id = $1;

-- name: top_up_status
-- Where a top-up stands.
SELECT status FROM top_up WHERE id = $1;

-- name: plant_photo
-- An upload that is ready, with its two pictures.
WITH planted AS (
    INSERT INTO upload (id, owner_id, purpose, way, status, media_type, size, sha256, width, height, phash)
    VALUES ($1::uuid, $2, $3, 'whole', 'ready', 'image/jpeg', 1000, sha256($1::uuid::text::bytea), 1600, 1200, $4)
    RETURNING id
)
INSERT INTO rendition (name, upload_id, size, media_type, width, height)
SELECT left(size || '-' || translate(id::text, '-', ''), 32), id, size, 'image/jpeg', 1600, 1200
FROM planted, unnest(ARRAY['large', 'small']) AS size;

-- name: report_steps
-- What was done to a report, in order.
SELECT array_agg(kind ORDER BY version) FROM report_step WHERE report_id = $1;

-- name: age_report
-- So many days pass for a report.
UPDATE report SET made_at = made_at - make_interval(days => $2), due_at = due_at - make_interval(days => $2),
    first_due_at = first_due_at - make_interval(days => $2), warn_at = warn_at - make_interval(days => $2),
    resolved_at = resolved_at - make_interval(days => $2), asked_at = asked_at - make_interval(days => $2)
WHERE id = $1;

-- name: report_news
-- What was told of reports, in order.
SELECT kind, data FROM event WHERE kind LIKE 'Report%' OR kind IN ('ExtensionAsked', 'ComplaintFiled') ORDER BY id;

-- name: warn_now
-- Its deadline comes near.
UPDATE report SET warn_at = city_now() - interval '1 second' WHERE id = $1;

-- name: due_now
-- It is late.
UPDATE report SET due_at = city_now() - interval '1 second', warn_at = city_now() - interval '1 day' WHERE id = $1;

-- name: report_clock
-- Since when a report's clock stands, and when it is due.
SELECT asked_at, due_at FROM report WHERE id = $1;

-- name: plant_report
-- A report that an agency deals with, as its reporter has filed it.
WITH planted AS (
    INSERT INTO report (id, code, channel, reporter_id, filed_by, category_code, said, lat, lng, ward_code, ward_approximate,
        private, confidential, share_name, urgent, status, agency_code, public_said, public_lat, public_lng, first_due_at,
        due_at, warn_at)
    VALUES ($1, $2, 'app', $3, $3, $4, 'Vượt đèn đỏ', 16.4637, 107.5909, '19777', true, false, false, false, false, $5, $6,
        'Vượt đèn đỏ', 16.4637, 107.5909, city_now(), city_now(), city_now())
    RETURNING id
)
INSERT INTO report_step (report_id, version, kind, actor_id, actor_kind, for_reporter)
SELECT id, 1, 'filed', $3, 'reporter', true FROM planted;

-- name: set_report_status
-- A report goes on without its steps.
UPDATE report SET status = $2, answer = 'Đã xử lý', resolved_at = city_now() WHERE id = $1;

-- name: fine_rows
-- A report's fines, oldest first.
SELECT id, code, status, plate, offender_name, amount, late_amount, bills, bill_id, reference, due_on, renew_on, paid_amount,
    paid_at, payment_id
FROM report_fine WHERE report_id = $1 ORDER BY made_at, id;

-- name: age_fine
-- A fine whose decision was so many days earlier.
UPDATE report_fine SET decided_on = decided_on - $2::int, due_on = due_on - $2::int, renew_on = renew_on - $2::int,
    charged_on = charged_on - $2::int
WHERE report_id = $1 AND status = 'decided';

-- name: age_fines_of_long_ago
-- Everything that was done about a report's fines was done so many days earlier.
UPDATE report_fine SET made_at = made_at - make_interval(days => $2::int), paid_at = paid_at - make_interval(days => $2::int),
    cancelled_at = cancelled_at - make_interval(days => $2::int)
WHERE report_id = $1;

-- name: fine_steps
-- What was done to a report.
SELECT version, kind, actor_kind, said, is_public, for_reporter FROM report_step WHERE report_id = $1 ORDER BY version;

-- name: all_that_is_public
-- Everything that everybody may know of a report.
SELECT to_jsonb(public_report)::text FROM public_report WHERE id = $1;

-- name: bills_of_code
-- A customer code's bills, as they were issued.
SELECT reference, amount, status, customer_name FROM bill WHERE customer_code = $1 ORDER BY reference;

-- name: drop_fines
-- What must never be.
DELETE FROM report_fine;

-- name: report_of_code
-- A report's id, by its code.
SELECT id FROM report WHERE code = $1;

-- name: report_as_filed
-- A report as it was written down.
SELECT channel, filed_by, reporter_id, category_code, said, lat, lng, address, urgent, private, caller_name, caller_phone,
    caller_email, (SELECT actor_kind FROM report_step WHERE report_id = report.id AND version = 1) AS filed_step
FROM report WHERE code = $1;

-- name: backdate_report
-- A report of so many days ago.
UPDATE report SET made_at = city_now() - make_interval(days => $2::int), updated_at = city_now() - make_interval(days => $2::int)
WHERE id = $1;

-- name: news_of_kind
-- News of a kind, oldest first.
SELECT id, data FROM event WHERE kind = $1 ORDER BY id;

-- name: pictures_of_code
-- How many pictures a report has.
SELECT count(*) FROM report_upload JOIN report ON report.id = report_id WHERE code = $1;

-- name: notes_of_code
-- What staff read beside a report.
SELECT coalesce(array_agg(report_note.said), '{}') FROM report_note JOIN report ON report.id = report_id WHERE code = $1;

-- name: plant_public_reports
-- So many public reports ($2) of somebody, a minute apart.
INSERT INTO report (id, code, channel, reporter_id, filed_by, category_code, said, lat, lng, ward_code, ward_approximate,
    private, confidential, share_name, urgent, status, agency_code, public_said, public_lat, public_lng, first_due_at, due_at,
    warn_at, made_at, updated_at)
SELECT gen_random_uuid(), 'PA' || lpad(number::text, 8, '0'), 'app', $1, $1, 'street_light', 'Đèn hỏng', 16.4637, 107.5909,
    '19777', true, false, false, false, false, 'assigned', 'drainage', 'Đèn hỏng & tối', 16.4637, 107.5909, city_now(),
    city_now(), city_now(), city_now() - make_interval(mins => number), city_now() - make_interval(mins => number)
FROM generate_series(1, $2::int) AS number;

-- name: city_point
-- A place in metres.
SELECT city_point($1, $2);

-- name: ward_codes
-- All wards.
SELECT code FROM ward ORDER BY code;

-- name: plant_report_row
-- A report as the verbs could have left it: the columns of $1.
INSERT INTO report (id, code, channel, category_code, said, lat, lng, ward_code, ward_approximate, private, confidential,
    share_name, urgent, status, agency_code, duplicate_of, answer, public_said, public_answer, public_lat, public_lng, made_at,
    first_due_at, due_at, warn_at, asked_at, first_answered_at, first_resolved_at, resolved_at, reopened, rating, rated_at)
SELECT id, code, 'hotline', category_code, said, lat, lng, ward_code, true, private, confidential, false, false, status,
    agency_code, duplicate_of, answer, said, answer, lat, lng, made_at, first_due_at, due_at, due_at, asked_at,
    first_answered_at, first_resolved_at, resolved_at, reopened, rating, rated_at
FROM jsonb_populate_record(NULL::report, $1);

-- name: change_report
-- Whatever may happen to a report that the map must know of.
UPDATE report SET status = $2, duplicate_of = CASE $2 WHEN 'duplicate' THEN $7::uuid END, private = $3, category_code = $4,
    public_lat = $5, public_lng = $6 WHERE id = $1;

-- name: delete_report
-- What only the owner of the database can do.
DELETE FROM report WHERE id = $1;

-- name: unfolded
-- What the clock has not added to the map yet.
SELECT count(*) FROM map_delta;

-- name: plant_extension
-- More time that was given ($2) at a moment ($3) by somebody other than who asked.
INSERT INTO report_extension (report_id, number, until, reason, asked_by, decided_by, decided_at, approved)
VALUES ($1, 1, $2, 'Mưa bão', $4, $5, $3, true);

-- name: everything_public
-- The public projection, where and of what it is.
SELECT lat, lng, category_code AS category, is_open FROM public_report;

-- name: map_place
-- Where a place is on the map's square.
SELECT map_x($1) AS x, map_y($2) AS y;

-- name: public_but
-- A public report that is not this one.
SELECT id FROM public_report WHERE id <> $1 ORDER BY id LIMIT 1;

-- name: public_words
-- Words ($1) as everybody reads them, of whom they must not name ($2).
SELECT public_words($1, $2);

-- name: age_closed_report
-- So many days pass for a report that is closed.
UPDATE report SET closed_at = closed_at - make_interval(days => $2) WHERE id = $1;

-- name: forget_message
-- One message is gone from an inbox.
DELETE FROM message WHERE principal_id = $1 AND seq = $2;

-- name: messages_of
-- How many messages somebody has.
SELECT count(*) FROM message WHERE principal_id = $1;

-- name: lock_principal
-- An account was locked elsewhere.
UPDATE principal SET locked_at = city_now() WHERE id = $1;

-- name: unconfirm_session
-- A session that has shown no more than the phone number.
UPDATE session SET confirmed_at = NULL WHERE id = $1;

-- name: busy_connections
-- Connections of this database that do something or hold a transaction open, but for the one that asks.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid();

-- name: alert_news
-- What the city's warnings have told, oldest first.
SELECT kind, data FROM event WHERE kind LIKE 'Alert%' ORDER BY id;

-- name: farthest_ward_km
-- How far the farthest ward's point is from a place.
SELECT max(city_point(lat, lng) <-> city_point($1, $2)) / 1000 FROM ward;

-- name: plant_old_alerts
-- $2 warnings of years before, of an officer's.
INSERT INTO alert (id, state, msg_type, status, reference_ids, categories, event_vi, event_en, response_types, urgency,
    severity, certainty, expires_at, headline_vi, headline_en, description_vi, description_en, parameters, wards, agency_code,
    written_by, sender, sent_at, published_at)
SELECT gen_random_uuid(), 'published', 'Alert', 'Actual', '{}', '{Met}', 'Mưa', 'Rain', '{}', 'Expected', 'Minor', 'Likely',
    moment.at + interval '1 day', 'Mưa', 'Rain', 'Mưa', 'Rain', '[]', '{}', 'city', $1, 'alerts@hue.example', moment.at, moment.at
FROM (SELECT date_trunc('second', city_now(), 'UTC') - make_interval(hours => 48 + n) AS at FROM generate_series(1, $2::int) AS n)
    AS moment;

-- name: explain_home
-- What the first screen's part of warnings costs.
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT notifications_home($1, 'vi');

-- name: be_patient
-- Ten minutes for a statement, in this transaction.
SELECT set_config('statement_timeout', '10min', true);

-- name: hold_a_lock
-- A lock of this transaction's.
SELECT pg_advisory_xact_lock(7);

-- name: my_advisory_locks
-- How many such locks this connection holds.
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
