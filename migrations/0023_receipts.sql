-- migrate:up

-- A code by which anybody can check a payment's receipt. Drawn when its payer first asks; never changed.
CREATE TABLE receipt_code (
    code text PRIMARY KEY CONSTRAINT receipt_code_form CHECK (code ~ '^[0-9A-HJKMNP-TV-Z]{12}$'),
    payment_id uuid NOT NULL CONSTRAINT receipt_code_payment UNIQUE,
    made_at timestamptz NOT NULL DEFAULT city_now()
);

-- migrate:down
DROP TABLE receipt_code;
