-- migrate:up

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- The least and the most that a wallet is topped up by at once.
    ('limit.top_up_least', '2026-01-01', 10000, NULL),
    ('limit.top_up_most', '2026-01-01', 50000000, NULL);

-- Money that a resident means to put in: on the gateway's page, or by a transfer from their bank that says `code`. The
-- money moves under the same id. Review: the gateway has taken it and looks at it, or has not finished. Failed as closed:
-- there is no wallet any more, and the money waits in suspense.
-- `address` is what the gateway asks to know: where the request came from; `language`: that of its page.
CREATE TABLE top_up (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL,
    method text NOT NULL CONSTRAINT top_up_method CHECK (method IN ('vnpay', 'bank_transfer')),
    amount bigint NOT NULL CONSTRAINT top_up_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    code text CONSTRAINT top_up_code_form CHECK (code ~ '^HUE[0-9A-HJKMNP-TV-Z]{8}$'),
    address text,
    language text NOT NULL CONSTRAINT top_up_language CHECK (language IN ('vi', 'en')),
    status text NOT NULL DEFAULT 'pending' CONSTRAINT top_up_status CHECK (
        status IN ('pending', 'paid', 'failed', 'expired', 'review')),
    reason text CONSTRAINT top_up_reason CHECK (reason IN ('cancelled', 'timed_out', 'insufficient', 'refused', 'closed')),
    -- What the gateway calls the payment, and the payer's bank.
    gateway_reference text,
    gateway_bank text,
    -- When the gateway is asked next what became of it; null: there is nothing to ask.
    next_ask_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    resolved_at timestamptz,
    CONSTRAINT top_up_code_once UNIQUE (code),
    CONSTRAINT top_up_by_code_or_gateway CHECK ((method = 'bank_transfer') = (code IS NOT NULL)),
    CONSTRAINT top_up_failed_for_a_reason CHECK ((status = 'failed') = (reason IS NOT NULL)),
    CONSTRAINT top_up_resolved_whole CHECK ((status IN ('pending', 'review')) = (resolved_at IS NULL)),
    CONSTRAINT top_up_asked_while_open CHECK (next_ask_at IS NULL OR status IN ('pending', 'review'))
) WITH (fillfactor = 80);
CREATE INDEX top_up_principal ON top_up (principal_id, made_at DESC, id DESC);
CREATE INDEX top_up_to_ask ON top_up (next_ask_at) WHERE next_ask_at IS NOT NULL;
CREATE INDEX top_up_to_expire ON top_up (expires_at) WHERE status = 'pending' AND method = 'bank_transfer';
CREATE INDEX top_up_age ON top_up (made_at DESC, id DESC);
CREATE INDEX top_up_in_review ON top_up (made_at DESC, id DESC) WHERE status = 'review';

-- migrate:down
DROP TABLE top_up;
DELETE FROM policy WHERE code IN ('limit.top_up_least', 'limit.top_up_most');
