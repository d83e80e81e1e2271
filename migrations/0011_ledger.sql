-- migrate:up

-- The wider constraints are not validated here: every row there is kept to the narrower ones. 0020 does it.

-- The city's own money at the bank, so that the guarantee covers every wallet while a gateway still owes us; and the
-- cash in the counters' drawers, whose account stands below zero by what is there.
-- squawk-ignore ban-drop-constraint
ALTER TABLE account DROP CONSTRAINT account_kind;
ALTER TABLE account ADD CONSTRAINT account_kind CHECK (kind IN (
    'wallet', 'merchant', 'biller', 'guarantee', 'settlement', 'gateway', 'suspense', 'fees', 'reserve', 'cash')) NOT VALID;
INSERT INTO account (id, kind, floor) VALUES
    ('00000000-0000-7000-8000-000000000006', 'reserve', 0),
    ('00000000-0000-7000-8000-000000000007', 'cash', NULL);
-- Nobody hands out more than came in.
UPDATE account SET floor = 0 WHERE kind IN ('settlement', 'suspense', 'fees');

-- What a wallet has spent on the day `spent_on`, and in its month, by the calendar of Huế: counted in the row that the
-- debit locks anyway. Goods are bills and merchants, people are persons and withdrawals; the essential group of bills
-- has a month of its own.
ALTER TABLE account
    ADD COLUMN spent_on date,
    ADD COLUMN day_goods bigint NOT NULL DEFAULT 0,
    ADD COLUMN day_people bigint NOT NULL DEFAULT 0,
    ADD COLUMN month_general bigint NOT NULL DEFAULT 0,
    ADD COLUMN month_essential bigint NOT NULL DEFAULT 0;

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- What a personal wallet may pay and send in a calendar month; the essential group is counted apart.
    ('limit.month_general', '2026-01-01', 100000000, NULL),
    ('limit.month_essential', '2026-01-01', 300000000, NULL),
    -- Goods, services and bills: with the day's total, above this none.
    ('limit.day_goods', '2026-01-01', 1500000000, NULL),
    -- Persons and withdrawals: with the day's total, above this a strong proof.
    ('step_up.person_day_strong_above', '2026-01-01', 20000000, NULL);

-- `original_id`: the hold that it captured, the payment that it gives back, the movement that it corrects.
ALTER TABLE transfer ADD COLUMN original_id uuid;
-- squawk-ignore ban-drop-constraint
ALTER TABLE transfer DROP CONSTRAINT transfer_kind;
ALTER TABLE transfer ADD CONSTRAINT transfer_kind CHECK (kind IN (
    'bill', 'merchant', 'person', 'funding', 'top_up', 'taking', 'collection', 'suspense', 'deposit', 'reserve',
    'withdrawal', 'refund', 'return', 'fee', 'settlement', 'payout', 'reversal')) NOT VALID;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX transfer_original ON transfer (original_id) WHERE original_id IS NOT NULL;

-- Money that is reserved on an account: captured at most once (all of it or a part), voided, or expired. A captured
-- one has a transfer of the same id. `counted`: which of the wallet's totals it was counted in.
CREATE TABLE hold (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT hold_kind CHECK (kind IN (
        'bill', 'collection', 'withdrawal', 'refund', 'return', 'payout', 'merchant', 'funding')),
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT hold_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    memo text,
    fingerprint bytea NOT NULL,
    original_id uuid,
    counted text CONSTRAINT hold_counted CHECK (counted IN ('general', 'essential', 'people', 'withdrawal')),
    status text NOT NULL DEFAULT 'pending' CONSTRAINT hold_status CHECK (
        status IN ('pending', 'captured', 'voided', 'expired')),
    captured_amount bigint CONSTRAINT hold_captured_amount CHECK (captured_amount BETWEEN 1 AND amount),
    expires_at timestamptz,
    made_at timestamptz NOT NULL,
    resolved_at timestamptz,
    CONSTRAINT hold_between_two CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT hold_captured_whole CHECK ((status = 'captured') = (captured_amount IS NOT NULL)),
    CONSTRAINT hold_resolved_whole CHECK ((status = 'pending') = (resolved_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX hold_pending ON hold (debit_account_id) WHERE status = 'pending';
CREATE INDEX hold_expiry ON hold (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;
-- What was captured lately, for the hourly check of the ledger.
CREATE INDEX hold_captured ON hold (resolved_at) WHERE status = 'captured';

ALTER TABLE payment
    ADD COLUMN refunded bigint NOT NULL DEFAULT 0,
    ADD COLUMN counted text;
-- Payments made lately, likewise: a few bytes for a megabyte of them, and no entry for each.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX payment_age ON payment USING brin (made_at);
ALTER TABLE payment
    ADD CONSTRAINT payment_refunded CHECK (refunded BETWEEN 0 AND amount) NOT VALID,
    ADD CONSTRAINT payment_counted CHECK (counted IN ('general', 'essential', 'people')) NOT VALID;

-- `adapter`: none, its bills are paid when our books say so; http, its own system is asked. `essential`: its bills are
-- of the group that has a monthly limit of its own.
ALTER TABLE biller
    ADD COLUMN adapter text NOT NULL DEFAULT 'none' CONSTRAINT biller_adapter CHECK (adapter IN ('none', 'http')),
    ADD COLUMN essential boolean NOT NULL DEFAULT false;
-- squawk-ignore ban-drop-constraint
ALTER TABLE biller DROP CONSTRAINT biller_kind;
ALTER TABLE biller ADD CONSTRAINT biller_kind CHECK (kind IN (
    'electricity', 'water', 'sanitation', 'tuition', 'public_service_fee', 'traffic_fine', 'telecom', 'hospital',
    'insurance')) NOT VALID;
UPDATE biller SET essential = true WHERE kind IN ('electricity', 'water', 'tuition', 'public_service_fee');

-- A bill that is on its way to its biller is claimed by the payment that pays it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE bill DROP CONSTRAINT bill_status;
-- squawk-ignore ban-drop-constraint
ALTER TABLE bill DROP CONSTRAINT bill_paid_by_a_payment;
ALTER TABLE bill
    ADD CONSTRAINT bill_status CHECK (status IN ('due', 'paying', 'paid', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT bill_paid_by_a_payment CHECK ((status IN ('paying', 'paid')) = (payment_id IS NOT NULL)
        AND (status = 'paid') = (paid_at IS NOT NULL)) NOT VALID;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX bill_paying ON bill (payment_id) WHERE status = 'paying';

-- A resident lets the bills of a code that they keep be paid by themselves, up to a ceiling each. The ledger asks this
-- table where another payment shows an open wallet.
CREATE TABLE autopay (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL,
    customer_code_id uuid NOT NULL,
    biller_code text NOT NULL REFERENCES biller (code),
    customer_code text NOT NULL,
    ceiling bigint NOT NULL CONSTRAINT autopay_ceiling CHECK (ceiling BETWEEN 1 AND 1000000000000),
    days_before_due integer NOT NULL CONSTRAINT autopay_days_before_due CHECK (days_before_due BETWEEN 0 AND 28),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX autopay_one_live ON autopay (principal_id, biller_code, customer_code) WHERE ended_at IS NULL;
CREATE INDEX autopay_customer ON autopay (biller_code, customer_code) WHERE ended_at IS NULL;

-- migrate:down
DROP TABLE autopay, hold;
DROP INDEX bill_paying, transfer_original, payment_age;
ALTER TABLE biller DROP COLUMN adapter, DROP COLUMN essential;
ALTER TABLE payment DROP COLUMN refunded, DROP COLUMN counted;
ALTER TABLE transfer DROP COLUMN original_id;
ALTER TABLE account DROP COLUMN spent_on, DROP COLUMN day_goods, DROP COLUMN day_people, DROP COLUMN month_general,
    DROP COLUMN month_essential;
