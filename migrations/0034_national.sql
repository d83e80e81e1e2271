-- migrate:up

-- What the national public service portal knows of our dossiers, and what it filed with us.

-- How far the portal is with a dossier. `taken_version`: the last step that it took (0: it knows nothing of it yet);
-- `taken_digest`: of the dossier as it took it, without its status. `since_at`: since when it is out of step. `tries`: how
-- often in a row it was tried without an answer. `asked_at`: when the sweep last had it sent.
CREATE TABLE national_sync (
    dossier_id uuid PRIMARY KEY REFERENCES dossier (id),
    state text NOT NULL CONSTRAINT national_sync_state CHECK (state IN ('in_step', 'waiting', 'refused')),
    taken_version integer NOT NULL DEFAULT 0,
    taken_digest bytea,
    taken_at timestamptz,
    since_at timestamptz,
    tries integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    asked_at timestamptz,
    error_code text CONSTRAINT national_sync_error_code CHECK (length(error_code) BETWEEN 1 AND 40),
    error text CONSTRAINT national_sync_error CHECK (length(error) <= 300),
    CONSTRAINT national_sync_since_whole CHECK ((state = 'in_step') = (since_at IS NULL)),
    CONSTRAINT national_sync_taken_whole CHECK ((taken_version = 0) = (taken_digest IS NULL)),
    CONSTRAINT national_sync_refused_whole CHECK (state <> 'refused' OR error_code IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX national_sync_differences ON national_sync (since_at DESC, dossier_id DESC) WHERE state <> 'in_step';

-- What was sent, without what it said, and what came back; the newest of a dossier are kept.
CREATE TABLE national_message (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES dossier (id),
    kind text NOT NULL CONSTRAINT national_message_kind CHECK (kind IN ('new', 'step', 'changed')),
    version integer NOT NULL,
    error_code text,
    answer text CONSTRAINT national_message_answer CHECK (length(answer) <= 300),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX national_message_dossier ON national_message (dossier_id, position);

-- What the portal filed with us, under its own code. `content_hash`: of what it said last.
CREATE TABLE national_filing (
    portal_code text PRIMARY KEY,
    dossier_id uuid NOT NULL CONSTRAINT national_filing_dossier_unique UNIQUE REFERENCES dossier (id),
    content_hash bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    corrected_at timestamptz
);

-- The sweep looks among what changed lately. Nobody has many dossiers yet.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX dossier_updated ON dossier (updated_at) WHERE code IS NOT NULL OR portal_code IS NOT NULL;

-- One scope more.
-- squawk-ignore ban-drop-constraint
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read', 'orders.read', 'orders.write', 'takings.read', 'refunds.write', 'webhooks.read',
    'webhooks.write', 'national.write']) NOT VALID;

-- migrate:down
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
UPDATE machine SET scopes = array_remove(scopes, 'national.write') WHERE 'national.write' = ANY (scopes);
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read', 'orders.read', 'orders.write', 'takings.read', 'refunds.write', 'webhooks.read',
    'webhooks.write']) NOT VALID;
DROP INDEX dossier_updated;
DROP TABLE national_filing, national_message, national_sync;
