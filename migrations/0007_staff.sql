-- migrate:up

-- Where the first admins are, before any other agency is there.
INSERT INTO agency (code, name_vi, name_en)
VALUES ('city', 'Ủy ban nhân dân thành phố Huế', 'People''s Committee of Huế city') ON CONFLICT (code) DO NOTHING;

-- A member of staff: a principal of that kind, and whom the staff's identity provider knows them as. The e-mail counts
-- once, at the first sign-in; after that the provider's subject does.
CREATE TABLE staff_account (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    email text NOT NULL CONSTRAINT staff_account_email CHECK (email ~ '^[^@\sA-Z]+@[^@\sA-Z]+$' AND length(email) <= 254),
    -- Where they can be reached. Not the principal's: with that number they are a resident like everybody else.
    phone text,
    issuer text,
    subject text,
    linked_at timestamptz,
    invited_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    closed_by uuid REFERENCES principal (id),
    closed_at timestamptz,
    close_reason text,
    CONSTRAINT staff_account_linked_whole CHECK ((issuer IS NULL) = (subject IS NULL)
        AND (issuer IS NULL) = (linked_at IS NULL)),
    CONSTRAINT staff_account_closed_with_a_reason CHECK ((closed_at IS NULL) = (close_reason IS NULL)),
    CONSTRAINT staff_account_one_email EXCLUDE USING btree (email WITH =) WHERE (closed_at IS NULL)
);
CREATE UNIQUE INDEX staff_account_one_person ON staff_account (issuer, subject) WHERE closed_at IS NULL;
CREATE INDEX staff_account_age ON staff_account (made_at, principal_id);

-- A browser in which a member of staff is signed in. The token is kept as SHA-256.
CREATE TABLE staff_session (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES staff_account (principal_id),
    token_hash bytea NOT NULL CONSTRAINT staff_session_token UNIQUE,
    signed_in_at timestamptz NOT NULL DEFAULT city_now(),
    seen_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CONSTRAINT staff_session_end_reason CHECK (
        end_reason IN ('signed_out', 'idle', 'expired', 'member_closed')),
    CONSTRAINT staff_session_end_has_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX staff_session_member ON staff_session (principal_id) WHERE ended_at IS NULL;
CREATE INDEX staff_session_end ON staff_session (ended_at);

-- The story of a grant, from one admin's proposal on. What it gives while it is active stands in role_grant.
-- proposed_by is null for what was granted before there was anybody to propose it.
CREATE TABLE staff_grant (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    agency_code text NOT NULL REFERENCES agency (code),
    role text NOT NULL CONSTRAINT staff_grant_role CHECK (role IN (
        'operator', 'supervisor', 'agency_officer', 'agency_head', 'clerk', 'finance', 'compliance', 'admin')),
    valid_until timestamptz,
    reason text NOT NULL,
    status text NOT NULL CONSTRAINT staff_grant_status CHECK (
        status IN ('proposed', 'active', 'refused', 'revoked', 'replaced')),
    proposed_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    approved_by uuid REFERENCES principal (id),
    approved_at timestamptz,
    ended_by uuid REFERENCES principal (id),
    ended_at timestamptz,
    end_reason text,
    -- Neither who proposed it nor who gets it says yes to it.
    CONSTRAINT staff_grant_second_pair_of_eyes CHECK (approved_by <> proposed_by AND approved_by <> principal_id),
    CONSTRAINT staff_grant_approved_if_it_ever_held CHECK (
        CASE WHEN status IN ('proposed', 'refused') THEN approved_at IS NULL ELSE approved_at IS NOT NULL END),
    CONSTRAINT staff_grant_approved_by_somebody CHECK (
        (approved_by IS NULL) = (approved_at IS NULL OR proposed_by IS NULL)),
    CONSTRAINT staff_grant_ended_when_over CHECK ((status IN ('proposed', 'active')) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX staff_grant_one_active ON staff_grant (principal_id, agency_code, role) WHERE status = 'active';
CREATE INDEX staff_grant_age ON staff_grant (made_at, id);
CREATE INDEX staff_grant_member ON staff_grant (principal_id, made_at);

ALTER TABLE role_grant
    ADD COLUMN valid_until timestamptz,
    ADD COLUMN grant_id uuid;
INSERT INTO staff_grant (id, principal_id, agency_code, role, reason, status, made_at, approved_at)
    SELECT gen_random_uuid(), principal_id, agency_code, role, 'Granted before grants were proposed', 'active',
        granted_at, granted_at
    FROM role_grant;
UPDATE role_grant SET grant_id = staff_grant.id FROM staff_grant
    WHERE (staff_grant.principal_id, staff_grant.agency_code, staff_grant.role)
        = (role_grant.principal_id, role_grant.agency_code, role_grant.role);
ALTER TABLE role_grant ADD CONSTRAINT role_grant_story FOREIGN KEY (grant_id) REFERENCES staff_grant (id) NOT VALID;

-- A role for an hour at most, at once and loudly; somebody else looks at it afterwards.
CREATE TABLE break_glass (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    agency_code text NOT NULL REFERENCES agency (code),
    role text NOT NULL CONSTRAINT break_glass_role CHECK (role IN (
        'operator', 'supervisor', 'agency_officer', 'agency_head', 'clerk', 'finance', 'compliance')),
    reason text NOT NULL CONSTRAINT break_glass_reason CHECK (length(reason) >= 20),
    minutes integer NOT NULL CONSTRAINT break_glass_minutes CHECK (minutes BETWEEN 1 AND 60),
    opened_at timestamptz NOT NULL DEFAULT city_now(),
    valid_until timestamptz NOT NULL,
    reviewed_by uuid REFERENCES principal (id),
    reviewed_at timestamptz,
    finding text,
    CONSTRAINT break_glass_reviewed_by_another CHECK (reviewed_by <> principal_id),
    CONSTRAINT break_glass_reviewed_whole CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)
        AND (reviewed_by IS NULL) = (finding IS NULL))
);
CREATE INDEX break_glass_age ON break_glass (opened_at, id);
CREATE INDEX break_glass_holder ON break_glass (principal_id, valid_until);

-- What each member of staff may be right now.
CREATE VIEW active_grant AS
    SELECT principal_id, agency_code, role FROM role_grant WHERE valid_until IS NULL OR valid_until > city_now()
    UNION
    SELECT principal_id, agency_code, role FROM break_glass WHERE valid_until > city_now();

-- migrate:down
DROP VIEW active_grant;
DROP TABLE break_glass;
ALTER TABLE role_grant DROP COLUMN valid_until, DROP COLUMN grant_id;
DROP TABLE staff_grant, staff_session, staff_account;
