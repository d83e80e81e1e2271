-- migrate:up

-- Rules that the city changes without a release: a number that holds from a moment on. `sandbox_value` is what a
-- sandbox goes by, where it differs.
CREATE TABLE policy (
    code text NOT NULL CONSTRAINT policy_code CHECK (code ~ '^[a-z_]+(\.[a-z_]+)+$'),
    effective_from timestamptz NOT NULL DEFAULT city_now(),
    value bigint NOT NULL,
    sandbox_value bigint,
    PRIMARY KEY (code, effective_from)
);
INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Which level of identity something needs: 1 a phone number, 2 a person verified by the identity provider.
    ('level.pay_bill', '2026-01-01', 1, NULL),
    ('level.pay_merchant', '2026-01-01', 1, NULL),
    ('level.pay_person', '2026-01-01', 2, NULL),
    ('level.withdraw', '2026-01-01', 2, NULL),
    ('level.open_merchant', '2026-01-01', 2, NULL),
    ('level.file_dossier', '2026-01-01', 2, NULL),
    -- Payments above these amounts need a proof beside the PIN: a code, or a strong one (passkey or face match).
    ('step_up.goods_code_above', '2026-01-01', 5000000, NULL),
    ('step_up.goods_strong_above', '2026-01-01', 100000000, NULL),
    ('step_up.person_strong_above', '2026-01-01', 10000000, NULL),
    -- A device is new for so many hours: money-out needs a code up to the ceiling, a strong proof above it.
    ('new_device.hours', '2026-01-01', 24, 0),
    ('new_device.code_ceiling', '2026-01-01', 2000000, NULL),
    -- After a recovery (PIN forgotten, phone lost, number changed) no money goes out for so many hours.
    ('recovery.wait_hours', '2026-01-01', 24, 0),
    -- An account that shows no person, and that nobody has used for so many days, stays behind when its number is
    -- used from another device: by then the number may have been given out again.
    ('number.idle_days', '2026-01-01', 60, NULL);

CREATE VIEW current_policy AS
    SELECT DISTINCT ON (code) code,
        CASE WHEN (SELECT mode FROM installation) = 'sandbox' THEN coalesce(sandbox_value, value) ELSE value END AS value
    FROM policy WHERE effective_from <= city_now() ORDER BY code, effective_from DESC;

ALTER TABLE principal
    -- The number that went to somebody else, where no person is known by whom the account could be found again.
    ADD COLUMN former_phone text,
    ADD COLUMN level integer NOT NULL DEFAULT 1 CONSTRAINT principal_level CHECK (level IN (1, 2)),
    ADD COLUMN locked_at timestamptz,
    ADD COLUMN money_out_from timestamptz;

-- A session on a device that was not known before is confirmed by the PIN or by the identity provider: whoever has
-- only the number (a recycled one, a swapped SIM) sees nothing of the account before.
ALTER TABLE session
    ADD COLUMN confirmed_at timestamptz,
    ADD COLUMN new_until timestamptz;
UPDATE session SET confirmed_at = signed_in_at;
-- squawk-ignore ban-drop-constraint
ALTER TABLE session DROP CONSTRAINT session_end_reason;
ALTER TABLE session ADD CONSTRAINT session_end_reason CHECK (end_reason IN (
    'signed_out', 'replaced', 'refresh_reused', 'pin_exhausted', 'expired', 'device_removed', 'pin_reset', 'locked',
    'phone_changed', 'number_recycled', 'account_secured', 'erased')) NOT VALID;

-- Sign-in, ending and erasing look sessions up by device and by person, ended ones too.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX session_device ON session (principal_id, device_id);

-- A device is trusted once somebody has confirmed a session on it, until a recovery says otherwise. It is new for a
-- while after it was last not trusted: signing in twice makes no device older.
ALTER TABLE device
    ADD COLUMN trusted_at timestamptz,
    ADD COLUMN new_until timestamptz;
UPDATE device SET trusted_at = made_at;

-- A device may hold a key: then refreshing and paying from it need a proof made with that key (RFC 9449).
ALTER TABLE device
    ADD COLUMN public_key jsonb,
    ADD COLUMN key_set_at timestamptz,
    ADD COLUMN removed_at timestamptz;
CREATE TABLE device_proof (
    principal_id uuid NOT NULL,
    device_id uuid NOT NULL,
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (principal_id, device_id, jti),
    FOREIGN KEY (principal_id, device_id) REFERENCES device (principal_id, id)
);
CREATE INDEX device_proof_expiry ON device_proof (expires_at);

-- One-time codes now have a purpose: one for signing in opens nothing else. (Renamed, for no city is in service yet.)
-- squawk-ignore renaming-table
ALTER TABLE sign_in_code RENAME TO one_time_code;
-- squawk-ignore renaming-object
ALTER TABLE one_time_code RENAME CONSTRAINT sign_in_code_tries TO one_time_code_tries;
ALTER TABLE one_time_code ADD COLUMN purpose text NOT NULL DEFAULT 'sign_in'
    CONSTRAINT one_time_code_purpose CHECK (purpose IN ('sign_in', 'step_up', 'change_phone', 'lock'));
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX sign_in_code_one_live;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX one_time_code_one_live ON one_time_code (phone, purpose)
    WHERE used_at IS NULL AND replaced_at IS NULL;
-- squawk-ignore renaming-object
ALTER INDEX sign_in_code_age RENAME TO one_time_code_age;

-- Who a principal is, as an identity provider said. One living account per person.
CREATE TABLE identity_proof (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    issuer text NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    born_on date,
    verified_at timestamptz NOT NULL DEFAULT city_now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX identity_proof_one_account ON identity_proof (issuer, subject) WHERE ended_at IS NULL;
CREATE INDEX identity_proof_principal ON identity_proof (principal_id);
CREATE UNIQUE INDEX identity_proof_one_person ON identity_proof (principal_id) WHERE ended_at IS NULL;

-- A resident on the way to the identity provider and back. `finished_at` with an outcome; for ten minutes after that
-- it stands for the resident's presence (a forgotten PIN, a new number).
CREATE TABLE verification (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    session_id uuid NOT NULL,
    -- The resident says that the number is new to them: an account that it had before is not theirs.
    new_number boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    used_at timestamptz,
    outcome text CONSTRAINT verification_outcome CHECK (outcome IN ('verified', 'moved', 'refused')),
    CONSTRAINT verification_finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX verification_age ON verification (made_at);
CREATE INDEX verification_principal ON verification (principal_id);

-- A browser on the way to an OpenID provider and back: what must be remembered between the two (PKCE, nonce, state).
CREATE TABLE oidc_flow (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    state_hash bytea NOT NULL CONSTRAINT oidc_flow_state UNIQUE,
    holder_hash bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX oidc_flow_expiry ON oidc_flow (expires_at);

CREATE TABLE passkey (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    name text NOT NULL DEFAULT '?',
    challenge bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    registered_at timestamptz,
    credential bytea CONSTRAINT passkey_credential_unique UNIQUE,
    public_key bytea,
    sign_count bigint NOT NULL DEFAULT 0,
    transports jsonb,
    used_at timestamptz,
    removed_at timestamptz,
    CONSTRAINT passkey_registered_whole CHECK ((registered_at IS NULL) = (credential IS NULL)
        AND (registered_at IS NULL) = (public_key IS NULL))
);
CREATE INDEX passkey_principal ON passkey (principal_id, made_at);

-- A proof beside the PIN, for one payment: bound to its id and content, used once, for 120 seconds.
CREATE TABLE step_up (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    session_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    challenge bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    code_challenge_id uuid,
    face_reference text,
    tries integer NOT NULL DEFAULT 0 CONSTRAINT step_up_tries CHECK (tries BETWEEN 0 AND 10),
    method text CONSTRAINT step_up_method CHECK (method IN ('code', 'passkey', 'face')),
    proved_at timestamptz,
    used_at timestamptz,
    CONSTRAINT step_up_proved_by_a_method CHECK ((method IS NULL) = (proved_at IS NULL)),
    CONSTRAINT step_up_used_when_proved CHECK (used_at IS NULL OR proved_at IS NOT NULL)
);
CREATE INDEX step_up_age ON step_up (made_at);
CREATE INDEX step_up_principal ON step_up (principal_id);

-- migrate:down
DROP TABLE step_up, passkey, oidc_flow, verification, identity_proof, device_proof;
DROP INDEX one_time_code_one_live;
ALTER TABLE one_time_code DROP COLUMN purpose;
ALTER TABLE one_time_code RENAME CONSTRAINT one_time_code_tries TO sign_in_code_tries;
ALTER TABLE one_time_code RENAME TO sign_in_code;
ALTER INDEX one_time_code_age RENAME TO sign_in_code_age;
CREATE UNIQUE INDEX sign_in_code_one_live ON sign_in_code (phone) WHERE used_at IS NULL AND replaced_at IS NULL;
ALTER TABLE device DROP COLUMN public_key, DROP COLUMN key_set_at, DROP COLUMN removed_at, DROP COLUMN trusted_at,
    DROP COLUMN new_until;
DROP INDEX session_device;
ALTER TABLE session DROP COLUMN confirmed_at, DROP COLUMN new_until;
ALTER TABLE principal DROP COLUMN former_phone, DROP COLUMN level, DROP COLUMN locked_at, DROP COLUMN money_out_from;
DROP VIEW current_policy;
DROP TABLE policy;
