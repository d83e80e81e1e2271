-- migrate:up

-- Where a merchant's own systems hear what happens. Without a url nothing is sent: messages are kept to be fetched.
CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    url text CONSTRAINT webhook_endpoint_url CHECK (length(url) BETWEEN 8 AND 500),
    events text[] NOT NULL CONSTRAINT webhook_endpoint_events CHECK (cardinality(events) > 0 AND events <@ ARRAY[
        'payment.received', 'payment.refunded', 'refund.failed', 'settlement.paid', 'settlement.failed']),
    description text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    -- gone: it answered 410; failing: for days it took nothing.
    disabled_at timestamptz,
    disabled_because text CONSTRAINT webhook_endpoint_disabled_because CHECK (disabled_because IN ('gone', 'failing')),
    removed_at timestamptz,
    CONSTRAINT webhook_endpoint_disabled_for_a_reason CHECK ((disabled_at IS NULL) = (disabled_because IS NULL))
);
CREATE INDEX webhook_endpoint_merchant ON webhook_endpoint (merchant_id, made_at, id) WHERE removed_at IS NULL;

-- What signs an endpoint's messages, sealed under the city's keys. The one before the newest signs along for a day.
CREATE TABLE webhook_secret (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint (id),
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    -- null: the newest.
    signs_until timestamptz
);
CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id, made_at DESC);
CREATE UNIQUE INDEX webhook_secret_newest ON webhook_secret (endpoint_id) WHERE signs_until IS NULL;

-- A message to an endpoint. Its body is frozen: every try sends the same bytes under the same id. Whoever sends it owns
-- it until due_at, by the number of its fence; a process that ended leaves it due. kept: it waits to be fetched. dead:
-- no more tries, until somebody has it sent again.
CREATE TABLE webhook_message (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint (id),
    merchant_id uuid NOT NULL,
    event text NOT NULL,
    -- The number of the news that it tells; null: it is a test.
    source bigint,
    body bytea NOT NULL CONSTRAINT webhook_message_body CHECK (length(body) BETWEEN 2 AND 16384),
    status text NOT NULL CONSTRAINT webhook_message_status CHECK (status IN ('waiting', 'kept', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT city_now(),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT webhook_message_resolved_whole CHECK ((status = 'waiting') = (resolved_at IS NULL)),
    CONSTRAINT webhook_message_once UNIQUE (endpoint_id, source)
) WITH (fillfactor = 80);
CREATE INDEX webhook_message_due ON webhook_message (endpoint_id, due_at) WHERE status = 'waiting';
CREATE INDEX webhook_message_merchant ON webhook_message (merchant_id, made_at DESC, id DESC);
CREATE INDEX webhook_message_undelivered ON webhook_message (merchant_id, status, made_at DESC, id DESC)
    WHERE status <> 'delivered';
CREATE INDEX webhook_message_delivered ON webhook_message (endpoint_id, resolved_at) WHERE status = 'delivered';
CREATE INDEX webhook_message_age ON webhook_message (made_at);

-- A try, by the number of its fence, and what came of it: their status, or why nobody answered.
CREATE TABLE webhook_delivery (
    message_id uuid NOT NULL REFERENCES webhook_message (id) ON DELETE CASCADE,
    number integer NOT NULL,
    status_code integer,
    failure text CONSTRAINT webhook_delivery_failure CHECK (failure IN (
        'address_refused', 'name_unknown', 'not_connected', 'not_trusted', 'timeout', 'broken')),
    took_ms integer NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (message_id, number),
    CONSTRAINT webhook_delivery_answered_or_failed CHECK ((status_code IS NULL) <> (failure IS NULL))
);

-- A machine that acts for a merchant, as far as its scopes go.
CREATE TABLE merchant_machine (
    machine_id uuid PRIMARY KEY REFERENCES machine (id),
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX merchant_machine_merchant ON merchant_machine (merchant_id, made_at, machine_id);

-- Does this machine act for the shop? For a closed one nobody does. What it may do there, the doors ask by its scopes.
CREATE FUNCTION is_merchants_machine(shop uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant_machine JOIN merchant ON merchant.id = merchant_id
        WHERE machine_id = who AND merchant_id = shop AND merchant.status <> 'closed')
$$;

-- Who may act for a shop at its counter: its owner, whoever works there now, and its machines.
CREATE OR REPLACE FUNCTION acts_for_merchant(shop uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR EXISTS (SELECT FROM merchant_cashier
            WHERE merchant_id = shop AND principal_id = who AND removed_at IS NULL)
        OR is_merchants_machine(shop, who)
$$;

-- Who may see a line of a shop's account, at this terminal: its owner, its machines, and whoever worked there while it
-- came in and works there still.
CREATE OR REPLACE FUNCTION sees_merchant_line(shop uuid, who uuid, at_terminal uuid, number bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR is_merchants_machine(shop, who)
        OR acts_for_merchant(shop, who) AND EXISTS (SELECT FROM merchant_shift
            WHERE principal_id = who AND merchant_id = shop AND terminal_id = at_terminal
                AND number > from_version AND (to_version IS NULL OR number <= to_version))
$$;

-- What a merchant's machine may do.
-- squawk-ignore ban-drop-constraint
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read', 'orders.read', 'orders.write', 'takings.read', 'refunds.write', 'webhooks.read',
    'webhooks.write']) NOT VALID;

-- migrate:down
CREATE OR REPLACE FUNCTION acts_for_merchant(shop uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR EXISTS (SELECT FROM merchant_cashier
            WHERE merchant_id = shop AND principal_id = who AND removed_at IS NULL)
$$;
CREATE OR REPLACE FUNCTION sees_merchant_line(shop uuid, who uuid, at_terminal uuid, number bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR acts_for_merchant(shop, who) AND EXISTS (SELECT FROM merchant_shift
            WHERE principal_id = who AND merchant_id = shop AND terminal_id = at_terminal
                AND number > from_version AND (to_version IS NULL OR number <= to_version))
$$;
DROP FUNCTION is_merchants_machine;
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read']) NOT VALID;
DROP TABLE merchant_machine, webhook_delivery, webhook_message, webhook_secret, webhook_endpoint;
