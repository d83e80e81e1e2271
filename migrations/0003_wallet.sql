-- migrate:up

-- An account holds whole đồng. A resident's wallet and a merchant's takings carry their owner's id; the city's own
-- accounts have ids of their own and may go below zero: their debit is money that lies at the bank.
CREATE TABLE account (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT account_kind CHECK (kind IN (
        'wallet', 'merchant', 'biller', 'guarantee', 'settlement', 'gateway', 'suspense', 'fees')),
    posted bigint NOT NULL DEFAULT 0,
    pending bigint NOT NULL DEFAULT 0 CONSTRAINT account_pending_not_negative CHECK (pending >= 0),
    floor bigint DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    frozen_at timestamptz,
    closed_at timestamptz,
    opened_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT account_available_above_floor CHECK (posted - pending >= floor)
) WITH (fillfactor = 50);
INSERT INTO account (id, kind, floor) VALUES
    ('00000000-0000-7000-8000-000000000001', 'guarantee', NULL),
    ('00000000-0000-7000-8000-000000000002', 'settlement', NULL),
    ('00000000-0000-7000-8000-000000000003', 'gateway', NULL),
    ('00000000-0000-7000-8000-000000000004', 'suspense', NULL),
    ('00000000-0000-7000-8000-000000000005', 'fees', NULL);

-- Money that moved, under the id its mover made. Never changed, never deleted.
CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT transfer_kind CHECK (kind IN ('bill', 'merchant', 'person', 'funding')),
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT transfer_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    memo text,
    made_at timestamptz NOT NULL,
    CONSTRAINT transfer_between_two CHECK (debit_account_id <> credit_account_id)
);

-- Both sides of each transfer; `version` counts an account's entries, so that a balance is audited by one scan.
CREATE TABLE entry (
    account_id uuid NOT NULL,
    version bigint NOT NULL,
    transfer_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT entry_amount CHECK (amount <> 0),
    balance_after bigint NOT NULL,
    PRIMARY KEY (account_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it with a new transfer', TG_TABLE_NAME USING ERRCODE = '42501';
END
$$;
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE biller (
    code text PRIMARY KEY CONSTRAINT biller_code CHECK (code ~ '^[a-z0-9-]{2,40}$'),
    kind text NOT NULL CONSTRAINT biller_kind CHECK (kind IN (
        'electricity', 'water', 'sanitation', 'tuition', 'public_service_fee', 'traffic_fine')),
    name_vi text NOT NULL,
    name_en text NOT NULL,
    account_id uuid NOT NULL REFERENCES account (id),
    customer_code_pattern text NOT NULL,
    customer_code_example text NOT NULL,
    closed_at timestamptz
);

CREATE TABLE bill (
    id uuid PRIMARY KEY,
    biller_code text NOT NULL REFERENCES biller (code),
    reference text NOT NULL,
    customer_code text NOT NULL,
    customer_name text NOT NULL,
    period text NOT NULL,
    amount bigint NOT NULL CONSTRAINT bill_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    due_on date NOT NULL,
    subject text,
    status text NOT NULL DEFAULT 'due' CONSTRAINT bill_status CHECK (status IN ('due', 'paid', 'withdrawn')),
    payment_id uuid,
    paid_at timestamptz,
    issued_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT bill_biller_reference UNIQUE (biller_code, reference),
    CONSTRAINT bill_paid_by_a_payment CHECK ((status = 'paid') = (payment_id IS NOT NULL)
        AND (status = 'paid') = (paid_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX bill_customer ON bill (biller_code, customer_code, due_on DESC, id);

-- A customer code that a resident keeps (mine, my parents'), under the id the phone made.
CREATE TABLE customer_code (
    principal_id uuid NOT NULL,
    id uuid NOT NULL,
    biller_code text NOT NULL REFERENCES biller (code),
    customer_code text NOT NULL,
    nickname text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, id),
    CONSTRAINT customer_code_kept_once UNIQUE (principal_id, biller_code, customer_code)
);

CREATE TABLE merchant (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES principal (id),
    name text NOT NULL,
    category_code text NOT NULL CONSTRAINT merchant_category_code CHECK (category_code ~ '^[0-9]{4}$'),
    ward_code text NOT NULL CONSTRAINT merchant_ward_exists REFERENCES ward (code),
    status text NOT NULL CONSTRAINT merchant_status CHECK (status IN ('pending', 'active', 'suspended', 'closed')),
    virtual_account text NOT NULL CONSTRAINT merchant_virtual_account UNIQUE,
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX merchant_owner ON merchant (owner_id);
CREATE SEQUENCE merchant_virtual_account_number;

CREATE TABLE terminal (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    name text NOT NULL,
    revoked_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX terminal_merchant ON terminal (merchant_id);

-- A dynamic QR: this amount, once, until then.
CREATE TABLE merchant_order (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    terminal_id uuid NOT NULL REFERENCES terminal (id),
    amount bigint NOT NULL CONSTRAINT merchant_order_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    reference text,
    expires_in_s integer NOT NULL CONSTRAINT merchant_order_life CHECK (expires_in_s BETWEEN 30 AND 86400),
    status text NOT NULL DEFAULT 'open' CONSTRAINT merchant_order_status CHECK (status IN ('open', 'paid')),
    payment_id uuid,
    paid_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT merchant_order_paid_by_a_payment CHECK ((status = 'paid') = (payment_id IS NOT NULL)
        AND (status = 'paid') = (paid_at IS NOT NULL))
) WITH (fillfactor = 80);

-- What a resident asked for and how it ended. Keyed by the phone's id alone: it is unique across payers.
-- A payment that is paid has a transfer of the same id.
CREATE TABLE payment (
    id uuid PRIMARY KEY,
    payer_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT payment_kind CHECK (kind IN ('bill', 'merchant', 'person')),
    status text NOT NULL CONSTRAINT payment_status CHECK (status IN ('pending', 'paid', 'failed')),
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    payer_name text NOT NULL,
    payee_name text NOT NULL,
    payee_detail text,
    bill_id uuid,
    terminal_id uuid,
    order_id uuid,
    memo text,
    fingerprint bytea NOT NULL,
    made_at timestamptz NOT NULL
);

-- How many rows broke each law of the ledger at its last check.
CREATE TABLE ledger_law (
    law text PRIMARY KEY,
    broken bigint NOT NULL,
    checked_at timestamptz NOT NULL
);

-- migrate:down
DROP TABLE ledger_law, payment, merchant_order, terminal, merchant, customer_code, bill, biller, entry, transfer, account;
DROP SEQUENCE merchant_virtual_account_number;
DROP FUNCTION refuse_change;
