-- migrate:up

-- Until when a biller's own system is left in peace: it did not answer, or said that it is being looked after.
ALTER TABLE biller ADD COLUMN unavailable_until timestamptz;

-- When the biller's own list first had this bill. What such a list has had, a later one may change or take away.
ALTER TABLE bill ADD COLUMN listed_at timestamptz;
-- What was paid to a biller, by time: what it reconciles with.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX bill_paid ON bill (biller_code, paid_at, id) WHERE status = 'paid';

-- How a biller's own system is asked: proposed by one member of finance, approved by another. The secret signs our
-- requests; it is sealed under the city's keys, and dropped when another connection has taken over and no payment waits
-- for an answer there.
CREATE TABLE biller_connection (
    id uuid PRIMARY KEY,
    biller_code text NOT NULL REFERENCES biller (code),
    url text NOT NULL CONSTRAINT biller_connection_url CHECK (length(url) BETWEEN 8 AND 300),
    key_name text NOT NULL CONSTRAINT biller_connection_key_name CHECK (length(key_name) BETWEEN 1 AND 100),
    sealed bytea,
    timeout_ms integer NOT NULL CONSTRAINT biller_connection_timeout_ms CHECK (timeout_ms BETWEEN 100 AND 6000),
    status text NOT NULL DEFAULT 'proposed' CONSTRAINT biller_connection_status CHECK (
        status IN ('proposed', 'active', 'refused', 'replaced')),
    -- Null: a sandbox's seed.
    made_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    CONSTRAINT biller_connection_two_pairs_of_eyes CHECK (decided_by <> made_by OR status = 'refused'),
    CONSTRAINT biller_connection_sealed_while_wanted CHECK (
        sealed IS NOT NULL AND status IN ('proposed', 'active') OR sealed IS NULL AND status = 'refused' OR status = 'replaced')
);
CREATE UNIQUE INDEX biller_connection_one_active ON biller_connection (biller_code) WHERE status = 'active';
CREATE INDEX biller_connection_biller ON biller_connection (biller_code, made_at);

-- Which machines publish a biller's bills and read its payments.
CREATE TABLE biller_machine (
    biller_code text NOT NULL REFERENCES biller (code),
    machine_id uuid NOT NULL REFERENCES machine (id),
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (biller_code, machine_id)
);

-- Where the asking of a biller stands, for each payment whose money is held. `ready`: nothing is under way; `calling`:
-- it is being asked to take the payment; `unknown`: it was, and did not say what became of it, so it is inquired.
-- `attempts` fences: only the answer to the latest request counts. `asked_at`: when that was sent.
CREATE TABLE biller_call (
    payment_id uuid PRIMARY KEY,
    biller_code text NOT NULL,
    bill_id uuid NOT NULL,
    -- Under which connection it was sent last: there it is inquired.
    connection_id uuid,
    state text NOT NULL DEFAULT 'ready' CONSTRAINT biller_call_state CHECK (
        state IN ('ready', 'calling', 'unknown', 'paid', 'refused')),
    attempts integer NOT NULL DEFAULT 0,
    -- How many of them were sent, as far as we know.
    sends integer NOT NULL DEFAULT 0,
    inquiries integer NOT NULL DEFAULT 0,
    asked_at timestamptz,
    next_at timestamptz DEFAULT city_now(),
    biller_reference text,
    reason text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT biller_call_resolved_whole CHECK ((state IN ('paid', 'refused')) = (resolved_at IS NOT NULL)
        AND (state IN ('paid', 'refused')) = (next_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX biller_call_due ON biller_call (next_at) WHERE next_at IS NOT NULL;

-- The biller's electronic invoice for a payment (Decree 123/2020/NĐ-CP): it issues it, we keep how to look it up.
CREATE TABLE e_invoice (
    payment_id uuid PRIMARY KEY,
    bill_id uuid NOT NULL,
    number text NOT NULL CONSTRAINT e_invoice_number CHECK (length(number) BETWEEN 1 AND 60),
    look_up_code text CONSTRAINT e_invoice_look_up_code CHECK (length(look_up_code) BETWEEN 1 AND 60),
    url text CONSTRAINT e_invoice_url CHECK (length(url) <= 500),
    made_at timestamptz NOT NULL DEFAULT city_now()
);

-- When a biller was last asked for the bills of a customer code, and when it last answered.
CREATE TABLE biller_list (
    biller_code text NOT NULL REFERENCES biller (code),
    customer_code text NOT NULL,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (biller_code, customer_code)
) WITH (fillfactor = 80);

-- How many days before a bill is due its reminder comes; null: none.
ALTER TABLE customer_code ADD COLUMN remind_days_before integer DEFAULT 3
    CONSTRAINT customer_code_remind_days_before CHECK (remind_days_before BETWEEN 1 AND 28);

-- Who was reminded of which bill: once.
CREATE TABLE bill_reminder (
    principal_id uuid NOT NULL,
    bill_id uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, bill_id)
);
CREATE INDEX bill_reminder_age ON bill_reminder (made_at);

-- A bill that an autopay shall pay: announced, paid on `pay_on` at the earliest, tried again on later days while the
-- money is short or the biller does not take it. `sent`: the payment `payment_id` was made, and says what became of it;
-- each sending has an id of its own. `over`: somebody paid it otherwise.
CREATE TABLE autopay_run (
    autopay_id uuid NOT NULL REFERENCES autopay (id),
    bill_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT autopay_run_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    pay_on date NOT NULL,
    -- Not looked at before: somebody is paying the bill just now, or something went wrong with it.
    next_at timestamptz,
    tries integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'announced' CONSTRAINT autopay_run_status CHECK (
        status IN ('announced', 'sent', 'failed', 'over')),
    why text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (autopay_id, bill_id)
) WITH (fillfactor = 80);
CREATE INDEX autopay_run_due ON autopay_run (pay_on, autopay_id, bill_id) WHERE status = 'announced';
CREATE UNIQUE INDEX autopay_run_payment ON autopay_run (payment_id);
CREATE INDEX autopay_run_principal ON autopay_run (principal_id);

-- migrate:down
DROP TABLE autopay_run, bill_reminder, biller_list, e_invoice, biller_call, biller_machine, biller_connection;
ALTER TABLE customer_code DROP COLUMN remind_days_before;
DROP INDEX bill_paid;
ALTER TABLE bill DROP COLUMN listed_at;
ALTER TABLE biller DROP COLUMN unavailable_until;
