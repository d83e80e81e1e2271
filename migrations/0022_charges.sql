-- migrate:up

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- A shop that reads a customer's code takes so much at once; above it the customer confirms on their own phone.
    ('charge.confirm_above', '2026-01-01', 2000000, NULL);

-- A code that a customer shows at a till: for a minute, for one charge. Kept as an HMAC.
CREATE TABLE pay_code (
    mac bytea PRIMARY KEY,
    principal_id uuid NOT NULL,
    session_id uuid NOT NULL,
    charge_id uuid,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX pay_code_session ON pay_code (session_id) WHERE charge_id IS NULL;
CREATE INDEX pay_code_expiry ON pay_code (expires_at);

-- What a shop asks of the customer whose code it read. A paid one has a payment of the same id. `taken`: nobody was asked
-- yet; `asked`: the customer is to confirm it; `confirmed`: they have, and the money is about to move.
CREATE TABLE charge (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    terminal_id uuid NOT NULL REFERENCES terminal (id),
    payer_id uuid NOT NULL,
    session_id uuid NOT NULL,
    code_mac bytea NOT NULL,
    amount bigint NOT NULL CONSTRAINT charge_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    memo text,
    status text NOT NULL CONSTRAINT charge_status CHECK (status IN ('taken', 'asked', 'confirmed', 'paid', 'declined')),
    asked_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT charge_decided_whole CHECK ((status IN ('paid', 'declined')) = (decided_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX charge_payer ON charge (payer_id, made_at DESC);

-- migrate:down
DROP TABLE charge, pay_code;
DELETE FROM policy WHERE code = 'charge.confirm_above';
