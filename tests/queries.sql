-- name: unlock
-- An open wallet, without a PIN.
UPDATE session SET unlocked_until = city_now() + interval '5 minutes' WHERE id = $1;

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

-- name: close_account
-- An account that is closed.
UPDATE account SET closed_at = city_now() WHERE id = $1;

-- name: end_session
-- A session ended elsewhere.
UPDATE session SET ended_at = city_now(), end_reason = 'signed_out' WHERE id = $1;

-- name: tamper_with_balance
-- What a thief with the database's password would do.
UPDATE account SET posted = posted + 1 WHERE id = $1;

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
