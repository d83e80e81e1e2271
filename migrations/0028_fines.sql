-- migrate:up

-- Fines for what residents report: of the Law on Handling Administrative Violations (15/2012/QH13, amended by
-- 67/2020/QH14; below: the Law) and Circular 18/2023/TT-BTC on how fines are collected.
INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- A fine is of at least, and at most, so many đồng (the Law, articles 23 and 24: an organisation's in road traffic).
    ('feedback.fine_least', '2020-01-01', 50000, NULL),
    ('feedback.fine_most', '2020-01-01', 150000000, NULL),
    -- It is paid within so many days, unless the decision gives more (the Law, article 78).
    ('feedback.fine_days', '2020-01-01', 10, NULL),
    -- Each late day costs so many millionths of it: 0.05 % (the Law, article 78).
    ('feedback.fine_late_millionths', '2020-01-01', 500, NULL),
    -- A late fine that nobody looks at gets a new bill, with what is owed by then, every so many days.
    ('feedback.fine_renewal_days', '2020-01-01', 7, NULL);

-- The wallet's biller by which fines of a category are collected; its account is the treasury's. Null: none are.
ALTER TABLE report_category ADD COLUMN fine_biller text
    CONSTRAINT report_category_fine_needs_evidence CHECK (fine_biller IS NULL OR keeps_original);
UPDATE report_category SET fine_biller = 'phat-giao-thong' WHERE keeps_original;

-- A fine: first a notice that asks a vehicle's owner to come, then a decision. `code` is what its bills go by, drawn, so that
-- nobody counts through them; the latest of the `bills` that it has had, under `reference`, holds `late_amount` as it was
-- on `charged_on`. On `renew_on` the clock looks whether a new one is due. `plate` and `decision_key` are as people's ways of
-- writing them come to the same; plate and name are forgotten after a time.
CREATE TABLE report_fine (
    id uuid PRIMARY KEY,
    report_id uuid NOT NULL REFERENCES report (id),
    agency_code text NOT NULL REFERENCES agency (code),
    code text NOT NULL CONSTRAINT report_fine_code_unique UNIQUE CONSTRAINT report_fine_code CHECK (code ~ '^VP[0-9]{12}$'),
    status text NOT NULL DEFAULT 'notice' CONSTRAINT report_fine_status CHECK (
        status IN ('notice', 'decided', 'paid', 'cancelled')),
    plate text CONSTRAINT report_fine_plate CHECK (plate ~ '^[0-9A-Z]{4,20}$'),
    offender_name text CONSTRAINT report_fine_offender_name CHECK (length(offender_name) BETWEEN 1 AND 100),
    violation text NOT NULL CONSTRAINT report_fine_violation CHECK (length(violation) BETWEEN 1 AND 500),
    decision_number text CONSTRAINT report_fine_decision_number CHECK (length(decision_number) BETWEEN 1 AND 40),
    decision_key text,
    amount bigint CONSTRAINT report_fine_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    decided_on date,
    due_on date,
    biller_code text,
    bills integer NOT NULL DEFAULT 0,
    bill_id uuid CONSTRAINT report_fine_bill_unique UNIQUE,
    reference text,
    late_amount bigint NOT NULL DEFAULT 0 CONSTRAINT report_fine_late_amount CHECK (late_amount >= 0),
    charged_on date,
    renew_on date,
    payment_id uuid,
    paid_amount bigint,
    paid_at timestamptz,
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    cancelled_by uuid REFERENCES principal (id),
    cancelled_at timestamptz,
    cancel_reason text,
    CONSTRAINT report_fine_decided_whole CHECK (num_nonnulls(decision_number, decision_key, amount, decided_on, due_on,
        biller_code, bill_id, reference, charged_on, decided_by, decided_at) IN (0, 11)),
    CONSTRAINT report_fine_is_decided CHECK (status IN ('notice', 'cancelled') OR decided_at IS NOT NULL),
    CONSTRAINT report_fine_paid_whole CHECK (num_nonnulls(payment_id, paid_amount, paid_at) = CASE status WHEN 'paid' THEN 3 ELSE 0 END),
    CONSTRAINT report_fine_cancelled_whole CHECK (
        num_nonnulls(cancelled_by, cancelled_at, cancel_reason) = CASE status WHEN 'cancelled' THEN 3 ELSE 0 END),
    CONSTRAINT report_fine_renewed_while_due CHECK (status = 'decided' OR renew_on IS NULL)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX report_fine_one_stands ON report_fine (report_id) WHERE status <> 'cancelled';
CREATE INDEX report_fine_report ON report_fine (report_id, made_at);
-- An agency counts its decisions anew each year.
CREATE UNIQUE INDEX report_fine_number_once_a_year ON report_fine (agency_code, extract(year FROM decided_on), decision_key)
    WHERE status <> 'cancelled';
CREATE INDEX report_fine_pair ON report_fine (plate, decision_key);
CREATE INDEX report_fine_renewal ON report_fine (renew_on, id) WHERE renew_on IS NOT NULL;
CREATE INDEX report_fine_decided ON report_fine (decided_on) WHERE status IN ('decided', 'paid');

-- migrate:down
DROP TABLE report_fine;
ALTER TABLE report_category DROP COLUMN fine_biller;
DELETE FROM policy WHERE code LIKE 'feedback.fine%';
