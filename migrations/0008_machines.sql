-- migrate:up

-- Machines that call us (billers, agencies, integrators): principals of that kind. Their names stand in principal.
CREATE TABLE machine (
    id uuid PRIMARY KEY REFERENCES principal (id),
    agency_code text REFERENCES agency (code),
    scopes text[] NOT NULL CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
        'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
        'statistics.read']),
    -- Networks as CIDR; none: it may come from anywhere.
    addresses text[] NOT NULL CONSTRAINT machine_addresses CHECK (cardinality(addresses) <= 50),
    -- Whether its key may be shown as it is, where a route takes that (Open311), instead of signing with it.
    plain_key boolean NOT NULL,
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    closed_by uuid REFERENCES principal (id),
    closed_at timestamptz,
    close_reason text,
    CONSTRAINT machine_closed_with_a_reason CHECK ((closed_at IS NULL) = (close_reason IS NULL)
        AND (closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX machine_age ON machine (made_at, id);

-- Two live keys, so that one can be changed without a pause. A signature is an HMAC, which needs the secret itself: it
-- is sealed under the city's keys, and dropped with the key. The hash is for keys that are shown as they are.
CREATE TABLE machine_key (
    id uuid PRIMARY KEY,
    machine_id uuid NOT NULL REFERENCES machine (id),
    slot integer NOT NULL CONSTRAINT machine_key_two_live CHECK (slot IN (1, 2)),
    sealed bytea,
    hash bytea NOT NULL,
    valid_until timestamptz,
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    last_used_at timestamptz,
    -- revoked_by is null for a key that ended by itself.
    revoked_by uuid REFERENCES principal (id),
    revoked_at timestamptz,
    CONSTRAINT machine_key_revoked_whole CHECK (revoked_by IS NULL OR revoked_at IS NOT NULL),
    CONSTRAINT machine_key_sealed_while_live CHECK ((sealed IS NULL) = (revoked_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX machine_key_slot ON machine_key (machine_id, slot) WHERE revoked_at IS NULL;
CREATE INDEX machine_key_machine ON machine_key (machine_id, made_at);

-- A signed request counts once: its nonce is remembered for longer than its signature is good.
CREATE TABLE machine_nonce (
    key_id uuid NOT NULL,
    nonce text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, nonce)
);
CREATE INDEX machine_nonce_expiry ON machine_nonce (expires_at);

-- migrate:down
DROP TABLE machine_nonce, machine_key, machine;
