-- migrate:up

-- The city's clock: the wall's, moved by the sandbox's setting. Its twin is app.clock.city_now.
CREATE FUNCTION city_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT clock_timestamp() + coalesce(nullif(current_setting('huong.clock_offset', true), ''), '0')::interval
$$;

-- Which kind of city this database belongs to, stamped once by the first migration's run.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT installation_has_one_row CHECK (only_row),
    mode text NOT NULL CONSTRAINT installation_mode CHECK (mode IN ('production', 'sandbox')),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    seeded_at timestamptz
);

CREATE TABLE ward (
    code text PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT ward_kind CHECK (kind IN ('phường', 'xã')),
    lat double precision NOT NULL,
    lng double precision NOT NULL,
    area_km2 double precision NOT NULL
);

CREATE TABLE agency (
    code text PRIMARY KEY CONSTRAINT agency_code CHECK (code ~ '^[a-z0-9-]{2,40}$'),
    name_vi text NOT NULL,
    name_en text NOT NULL,
    ward_code text REFERENCES ward (code)
);

-- Whoever acts: a resident, a member of staff, a merchant's cashier, a machine.
CREATE TABLE principal (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT principal_kind CHECK (kind IN ('resident', 'staff', 'cashier', 'machine')),
    phone text CONSTRAINT principal_phone_unique UNIQUE,
    name text CONSTRAINT principal_name_length CHECK (length(name) BETWEEN 1 AND 100),
    -- What others see: enough to recognise a person, too little to collect.
    screen_name text NOT NULL GENERATED ALWAYS AS (coalesce(
        regexp_replace(name, '(\S)\S*(?=\s)', '\1***', 'g'), left(phone, 6) || '***' || right(phone, 3), '***')) STORED,
    language text NOT NULL DEFAULT 'vi' CONSTRAINT principal_language CHECK (language IN ('vi', 'en')),
    closed_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now()
);

CREATE TABLE role_grant (
    principal_id uuid NOT NULL REFERENCES principal (id),
    agency_code text NOT NULL REFERENCES agency (code),
    role text NOT NULL CONSTRAINT role_grant_role CHECK (role IN (
        'operator', 'supervisor', 'agency_officer', 'agency_head', 'clerk', 'finance', 'compliance', 'admin')),
    granted_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, agency_code, role)
);

-- A phone or a browser, by the id it made for itself.
CREATE TABLE device (
    principal_id uuid NOT NULL REFERENCES principal (id),
    id uuid NOT NULL,
    name text NOT NULL,
    platform text NOT NULL CONSTRAINT device_platform CHECK (platform IN ('android', 'ios', 'web')),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    seen_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, id)
);

CREATE TABLE session (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    device_id uuid NOT NULL,
    signed_in_at timestamptz NOT NULL DEFAULT city_now(),
    seen_at timestamptz NOT NULL DEFAULT city_now(),
    unlocked_until timestamptz,
    ended_at timestamptz,
    end_reason text CONSTRAINT session_end_reason CHECK (
        end_reason IN ('signed_out', 'replaced', 'refresh_reused', 'pin_exhausted', 'expired')),
    CONSTRAINT session_end_has_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    FOREIGN KEY (principal_id, device_id) REFERENCES device (principal_id, id)
) WITH (fillfactor = 80);
CREATE INDEX session_principal ON session (principal_id, signed_in_at DESC) WHERE ended_at IS NULL;

-- Tokens are kept as SHA-256; who reads this table cannot sign in with it.
CREATE TABLE access_token (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES session (id),
    expires_at timestamptz NOT NULL
);
CREATE INDEX access_token_session ON access_token (session_id);
CREATE INDEX access_token_expiry ON access_token (expires_at);

CREATE TABLE refresh_token (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES session (id),
    parent_hash bytea CONSTRAINT refresh_token_one_child UNIQUE,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);
CREATE INDEX refresh_token_expiry ON refresh_token (expires_at);

-- A one-time code on its way. The code is drawn by the worker when it sends, and kept only as an HMAC.
CREATE TABLE sign_in_code (
    id uuid PRIMARY KEY,
    phone text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    resend_at timestamptz NOT NULL,
    code_mac bytea,
    tries integer NOT NULL DEFAULT 0 CONSTRAINT sign_in_code_tries CHECK (tries BETWEEN 0 AND 5),
    used_at timestamptz,
    replaced_at timestamptz
);
CREATE UNIQUE INDEX sign_in_code_one_live ON sign_in_code (phone) WHERE used_at IS NULL AND replaced_at IS NULL;
CREATE INDEX sign_in_code_age ON sign_in_code (made_at);

CREATE TABLE pin (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    hash text NOT NULL,
    wrong_tries integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    set_at timestamptz NOT NULL DEFAULT city_now()
);

-- How often something was done in a window of time: the truth for limits that guard codes, tries and look-ups.
CREATE TABLE budget (
    key text NOT NULL,
    window_s integer NOT NULL,
    window_started_at timestamptz NOT NULL,
    used integer NOT NULL,
    PRIMARY KEY (key, window_s)
) WITH (fillfactor = 70);
CREATE INDEX budget_age ON budget (window_started_at);

-- News, recorded with the deed; the worker tells it.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    data jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    told_at timestamptz
);
CREATE INDEX event_untold ON event (id) WHERE told_at IS NULL;
CREATE INDEX event_age ON event USING brin (made_at);

CREATE FUNCTION wake_the_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY huong_news;
    RETURN NULL;
END
$$;
CREATE TRIGGER event_wakes_the_worker AFTER INSERT ON event
    FOR EACH STATEMENT EXECUTE FUNCTION wake_the_worker();

-- What happens after the commit: a row per listener and event, deleted when done, kept when dead.
CREATE TABLE job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listener text NOT NULL,
    event_id bigint NOT NULL,
    kind text NOT NULL,
    data jsonb NOT NULL,
    ordering_key text,
    state text NOT NULL DEFAULT 'ready' CONSTRAINT job_state CHECK (state IN ('ready', 'running', 'dead')),
    run_at timestamptz NOT NULL DEFAULT city_now(),
    attempts integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    leased_until timestamptz,
    last_error text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT job_once_per_event UNIQUE (event_id, listener)
) WITH (fillfactor = 70);
CREATE INDEX job_due ON job (run_at, id) WHERE state = 'ready';
CREATE INDEX job_leased ON job (leased_until) WHERE state = 'running';
CREATE INDEX job_order ON job (listener, ordering_key, id) WHERE ordering_key IS NOT NULL;

CREATE TABLE schedule (
    name text PRIMARY KEY,
    ran_at timestamptz NOT NULL
);

-- migrate:down
DROP TABLE schedule, job, event, budget, pin, sign_in_code, refresh_token, access_token, session, device, role_grant,
    principal, agency, ward, installation;
DROP FUNCTION wake_the_worker, city_now;
