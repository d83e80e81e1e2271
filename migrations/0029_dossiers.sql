-- migrate:up

-- Dossiers at the one-stop counters (Decree 118/2025/NĐ-CP): agencies as they are counted there, procedures, dossiers.

-- An agency as the one-stop mechanism knows it. `national_code` begins the codes of what it accepts; below H57 (the city)
-- the numbers are the city's own here, made up for demonstration: a real city writes those that it was given. `biller_code`:
-- the wallet's biller to which its fees are paid. One that is no more (a district; a ward that was merged) stays as history.
CREATE TABLE dossier_agency (
    agency_code text PRIMARY KEY REFERENCES agency (code),
    national_code text NOT NULL CONSTRAINT dossier_agency_national_code_unique UNIQUE
        CONSTRAINT dossier_agency_national_code CHECK (national_code ~ '^[A-Y][0-9]{2}(\.[0-9]{1,3}){0,6}$'),
    level text NOT NULL CONSTRAINT dossier_agency_level CHECK (level IN ('city', 'ward', 'district')),
    parent_code text REFERENCES agency (code),
    receives boolean NOT NULL,
    valid_from_on date NOT NULL,
    valid_to_on date,
    merged_into text REFERENCES agency (code),
    biller_code text DEFAULT 'phi-dich-vu-cong',
    CONSTRAINT dossier_agency_merged_is_past CHECK (merged_into IS NULL OR valid_to_on IS NOT NULL),
    CONSTRAINT dossier_agency_not_its_own CHECK (merged_into <> agency_code AND parent_code <> agency_code)
);
CREATE INDEX dossier_agency_parent ON dossier_agency (parent_code);

INSERT INTO agency (code, name_vi, name_en) VALUES
    ('counter-city', 'Trung tâm Phục vụ hành chính công thành phố', 'The city''s one-stop centre'),
    ('justice', 'Sở Tư pháp', 'Department of Justice'),
    ('agriculture', 'Sở Nông nghiệp và Môi trường', 'Department of Agriculture and Environment'),
    ('land-registry', 'Văn phòng Đăng ký đất đai', 'Land registration office'),
    ('tax', 'Thuế thành phố Huế', 'Huế tax office'),
    ('social-insurance', 'Bảo hiểm xã hội thành phố Huế', 'Huế social insurance'),
    ('residence-police', 'Công an thành phố - quản lý cư trú', 'City police, residence'),
    ('district-phong-dien', 'Ủy ban nhân dân huyện Phong Điền (đến 30/6/2025)', 'Phong Điền district (until 2025-06-30)'),
    ('district-phu-vang', 'Ủy ban nhân dân huyện Phú Vang (đến 30/6/2025)', 'Phú Vang district (until 2025-06-30)')
ON CONFLICT (code) DO NOTHING;
INSERT INTO agency (code, name_vi, name_en, ward_code)
SELECT 'counter-' || trim('-' FROM regexp_replace(plain_text(name), '[^a-z0-9]+', '-', 'g')), 'Trung tâm Phục vụ hành chính công ' || kind || ' ' || name,
    name || ' ' || CASE kind WHEN 'phường' THEN 'ward' ELSE 'commune' END || '''s counter', code
FROM ward
ON CONFLICT (code) DO NOTHING;

INSERT INTO dossier_agency (agency_code, national_code, level, parent_code, receives, valid_from_on, valid_to_on, merged_into)
VALUES
    ('city', 'H57', 'city', NULL, false, '2025-01-01', NULL, NULL),
    ('counter-city', 'H57.01', 'city', 'city', true, '2025-07-01', NULL, NULL),
    ('justice', 'H57.02', 'city', 'city', false, '2025-01-01', NULL, NULL),
    ('agriculture', 'H57.03', 'city', 'city', false, '2025-03-01', NULL, NULL),
    ('land-registry', 'H57.03.01', 'city', 'agriculture', true, '2025-03-01', NULL, NULL),
    ('tax', 'H57.04', 'city', 'city', false, '2025-07-01', NULL, NULL),
    ('social-insurance', 'H57.05', 'city', 'city', false, '2025-07-01', NULL, NULL),
    ('residence-police', 'H57.06', 'city', 'city', true, '2025-03-01', NULL, NULL),
    ('district-phong-dien', 'H57.21', 'district', 'city', false, '2000-01-01', '2025-06-30', NULL),
    ('district-phu-vang', 'H57.22', 'district', 'city', false, '2000-01-01', '2025-06-30', NULL);
INSERT INTO dossier_agency (agency_code, national_code, level, parent_code, receives, valid_from_on)
SELECT 'counter-' || trim('-' FROM regexp_replace(plain_text(name), '[^a-z0-9]+', '-', 'g')), 'H57.' || 30 + row_number() OVER (ORDER BY code), 'ward', 'city', true,
    '2025-07-01'
FROM ward;

CREATE TABLE procedure_field (
    code text PRIMARY KEY CONSTRAINT procedure_field_code CHECK (code ~ '^[a-z][a-z0-9_]{1,39}$'),
    position integer NOT NULL CONSTRAINT procedure_field_position_unique UNIQUE,
    name_vi text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO procedure_field (code, position, name_vi, name_en) VALUES
    ('civil_status', 1, 'Hộ tịch', 'Civil status'),
    ('certification', 2, 'Chứng thực', 'Certification'),
    ('residence', 3, 'Cư trú', 'Residence'),
    ('business', 4, 'Hộ kinh doanh', 'Household business'),
    ('land', 5, 'Đất đai', 'Land'),
    ('tax', 6, 'Thuế', 'Tax'),
    ('insurance', 7, 'Bảo hiểm y tế, bảo hiểm xã hội', 'Health and social insurance');

-- A procedure by its national code. What is searched for stands here as its published version says it.
CREATE TABLE procedure (
    code text PRIMARY KEY CONSTRAINT procedure_code CHECK (code ~ '^[1-9]\.[0-9]{6}$'),
    published_version integer,
    name_vi text,
    name_en text,
    field_code text REFERENCES procedure_field (code),
    online_level text CONSTRAINT procedure_online_level CHECK (online_level IN ('info', 'partial', 'full')),
    wards boolean NOT NULL DEFAULT false,
    agencies text[] NOT NULL DEFAULT '{}',
    found_by tsvector GENERATED ALWAYS AS (to_tsvector('simple', plain_text(coalesce(name_vi, '') || ' ' || coalesce(name_en, '') || ' ' || code))) STORED,
    abolished_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT procedure_published_whole CHECK (num_nonnulls(published_version, name_vi, name_en, field_code, online_level) IN (0, 5))
);
CREATE INDEX procedure_found_by ON procedure USING gin (found_by);
CREATE INDEX procedure_order ON procedure (name_vi, code) WHERE published_version IS NOT NULL AND abolished_at IS NULL;

-- `definition`: see dossiers/procedures/definitions.py. A version that was published never changes.
CREATE TABLE procedure_version (
    procedure_code text NOT NULL REFERENCES procedure (code),
    version integer NOT NULL CONSTRAINT procedure_version_number CHECK (version BETWEEN 1 AND 10000),
    definition jsonb NOT NULL,
    edit integer NOT NULL DEFAULT 1,
    made_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    published_by uuid REFERENCES principal (id),
    published_at timestamptz,
    PRIMARY KEY (procedure_code, version)
);
ALTER TABLE procedure ADD CONSTRAINT procedure_published_version_exists
    FOREIGN KEY (code, published_version) REFERENCES procedure_version (procedure_code, version);
CREATE FUNCTION keep_published_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'procedure_version_frozen';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER procedure_version_keeps BEFORE UPDATE OR DELETE ON procedure_version
    FOR EACH ROW EXECUTE FUNCTION keep_published_version();

-- The yearly look at whether a procedure is still needed.
CREATE TABLE procedure_review (
    procedure_code text NOT NULL REFERENCES procedure (code),
    year integer NOT NULL CONSTRAINT procedure_review_year CHECK (year BETWEEN 2020 AND 2200),
    outcome text NOT NULL CONSTRAINT procedure_review_outcome CHECK (outcome IN ('keep', 'simplify', 'abolish')),
    reason text NOT NULL CONSTRAINT procedure_review_reason CHECK (length(reason) BETWEEN 1 AND 1000),
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (procedure_code, year)
);

-- Which procedures a member of staff deals with at an agency; without a row there, all of them.
CREATE TABLE dossier_desk (
    principal_id uuid NOT NULL REFERENCES principal (id),
    agency_code text NOT NULL REFERENCES dossier_agency (agency_code),
    procedures text[] NOT NULL,
    made_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, agency_code)
);

-- For whom somebody may act: an organisation, by its tax code, or a relative. Confirmed when a clerk has seen the proof.
CREATE TABLE dossier_delegation (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES principal (id),
    kind text NOT NULL CONSTRAINT dossier_delegation_kind CHECK (kind IN ('organisation', 'relative')),
    name text NOT NULL CONSTRAINT dossier_delegation_name CHECK (length(name) BETWEEN 1 AND 200),
    tax_code text CONSTRAINT dossier_delegation_tax_code CHECK (tax_code ~ '^[0-9]{10}(-[0-9]{3})?$|^[0-9]{12}$'),
    personal_number text CONSTRAINT dossier_delegation_personal_number CHECK (personal_number ~ '^[0-9]{12}$'),
    relation text CONSTRAINT dossier_delegation_relation CHECK (length(relation) BETWEEN 1 AND 100),
    proof_upload_id uuid,
    valid_until timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    confirmed_by uuid REFERENCES principal (id),
    confirmed_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT dossier_delegation_whole CHECK (CASE kind WHEN 'organisation' THEN tax_code IS NOT NULL ELSE relation IS NOT NULL END)
);
CREATE INDEX dossier_delegation_owner ON dossier_delegation (owner_id, made_at DESC, id DESC);

-- Papers that were once given, or came out of a dossier: whoever owns one may hand it in again.
CREATE TABLE stored_paper (
    id uuid PRIMARY KEY,
    owner_id uuid REFERENCES principal (id),
    kind text NOT NULL CONSTRAINT stored_paper_kind CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    name_vi text NOT NULL,
    name_en text NOT NULL,
    -- The upload that it is, or the result.
    upload_id uuid CONSTRAINT stored_paper_upload_unique UNIQUE,
    result_id uuid CONSTRAINT stored_paper_result_unique UNIQUE,
    reusable boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    dropped_at timestamptz,
    CONSTRAINT stored_paper_is_something CHECK (num_nonnulls(upload_id, result_id) = 1)
);
CREATE INDEX stored_paper_owner ON stored_paper (owner_id, made_at DESC, id DESC);

-- How many dossiers an agency has accepted on a day: their codes follow each other without a gap.
CREATE TABLE dossier_counter (
    agency_code text NOT NULL REFERENCES dossier_agency (agency_code),
    day_on date NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (agency_code, day_on)
);

-- One dossier. `id` is the phone's; `code` what the receipt says, given when it is accepted and never before. Four axes:
-- `state` (the frame's or the flow's), the fee, the delivery, and what the national portal knows (in a table of its own).
-- `desk`: who has to do with it now, 'agency/role'. `turn_at`: when their turn is over, or, before it is accepted, when it
-- ought to be. `first_due_at` never moves but for a supplement that begins the deadline anew.
CREATE TABLE dossier (
    id uuid PRIMARY KEY,
    code text CONSTRAINT dossier_code_unique UNIQUE
        CONSTRAINT dossier_code CHECK (code ~ '^[A-Y][0-9]{2}(\.[0-9]{1,3}){0,6}-([0-9]{6}|[0-9]{8})-[0-9]{4,7}$'
            OR code ~ '^[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Y][0-9]{2}-[0-9]{6}-[0-9]{4}$'),
    portal_code text CONSTRAINT dossier_portal_code_unique UNIQUE,
    pin text NOT NULL CONSTRAINT dossier_pin CHECK (pin ~ '^[0-9]{4}$'),
    procedure_code text NOT NULL,
    procedure_version integer NOT NULL,
    case_code text NOT NULL,
    field_code text NOT NULL REFERENCES procedure_field (code),
    channel text NOT NULL CONSTRAINT dossier_channel CHECK (channel IN ('counter', 'online', 'post')),
    agency_code text NOT NULL REFERENCES dossier_agency (agency_code),
    level text NOT NULL CONSTRAINT dossier_level CHECK (level IN ('city', 'ward', 'district')),
    -- Out of which it was made, and which version that one had then.
    parent_id uuid REFERENCES dossier (id),
    parent_version integer,
    -- Whoever follows it in the app, and whoever wrote it down.
    owner_id uuid REFERENCES principal (id),
    filed_by uuid REFERENCES principal (id),
    delegation_id uuid REFERENCES dossier_delegation (id),
    applicant_kind text NOT NULL CONSTRAINT dossier_applicant_kind CHECK (applicant_kind IN ('person', 'organisation')),
    applicant_name text CONSTRAINT dossier_applicant_name CHECK (length(applicant_name) BETWEEN 1 AND 200),
    applicant_number text CONSTRAINT dossier_applicant_number CHECK (applicant_number ~ '^[0-9]{9,14}(-[0-9]{3})?$'),
    applicant_phone text,
    applicant_email text,
    form jsonb NOT NULL DEFAULT '{}',
    deliver_by text NOT NULL CONSTRAINT dossier_deliver_by CHECK (deliver_by IN ('electronic', 'counter', 'post')),
    address text CONSTRAINT dossier_address CHECK (length(address) BETWEEN 1 AND 300),
    state text NOT NULL DEFAULT 'draft',
    -- The state as it is told, and the procedure's name: a list needs no look into the flow.
    state_vi text NOT NULL DEFAULT 'Bản nháp',
    state_en text NOT NULL DEFAULT 'Draft',
    procedure_vi text NOT NULL,
    procedure_en text NOT NULL,
    national_status integer CONSTRAINT dossier_national_status CHECK (national_status BETWEEN 1 AND 10),
    percent integer NOT NULL DEFAULT 0 CONSTRAINT dossier_percent CHECK (percent BETWEEN 0 AND 100),
    clock text NOT NULL DEFAULT 'stop' CONSTRAINT dossier_clock CHECK (clock IN ('run', 'pause', 'stop')),
    outcome text CONSTRAINT dossier_outcome CHECK (outcome IN ('done', 'stopped', 'refused', 'withdrawn')),
    version integer NOT NULL DEFAULT 1,
    desk_agency text REFERENCES dossier_agency (agency_code),
    desk_role text,
    desk text GENERATED ALWAYS AS (desk_agency || '/' || desk_role) STORED,
    department_vi text,
    department_en text,
    assignee_id uuid REFERENCES principal (id),
    is_open boolean NOT NULL GENERATED ALWAYS AS (state <> 'draft' AND outcome IS NULL) STORED,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    submitted_at timestamptz,
    accepted_at timestamptz,
    -- From when the deadline runs: later than accepted_at after a supplement that begins it anew.
    started_at timestamptz,
    first_due_at timestamptz,
    due_at timestamptz,
    warn_at timestamptz,
    statutory_due_at timestamptz,
    step_due_at timestamptz,
    turn_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(due_at, step_due_at, submitted_at, 'infinity')) STORED,
    stopped_at timestamptz,
    restarted integer NOT NULL DEFAULT 0,
    extended_at timestamptz,
    warned_at timestamptz,
    overdue_at timestamptz,
    step_overdue_at timestamptz,
    ended_at timestamptz,
    -- When the work was done, whether or not the result has been fetched: by this it is on time or late.
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT city_now(),
    payment_state text NOT NULL DEFAULT 'none' CONSTRAINT dossier_payment_state CHECK (payment_state IN ('none', 'later', 'due', 'paid', 'dropped')),
    fee_amount bigint NOT NULL DEFAULT 0 CONSTRAINT dossier_fee_amount CHECK (fee_amount BETWEEN 0 AND 1000000000000),
    bill_id uuid CONSTRAINT dossier_bill_unique UNIQUE,
    paid_at timestamptz,
    payment_id uuid,
    delivery_state text NOT NULL DEFAULT 'none' CONSTRAINT dossier_delivery_state CHECK (delivery_state IN ('none', 'ready', 'posted', 'delivered')),
    tracking_number text,
    rating text CONSTRAINT dossier_rating CHECK (rating IN ('satisfied', 'acceptable', 'unsatisfied')),
    rating_comment text CONSTRAINT dossier_rating_comment CHECK (length(rating_comment) BETWEEN 1 AND 1000),
    rated_at timestamptz,
    FOREIGN KEY (procedure_code, procedure_version) REFERENCES procedure_version (procedure_code, version),
    CONSTRAINT dossier_submitted_whole CHECK (state = 'draft' OR (submitted_at IS NOT NULL AND national_status IS NOT NULL AND applicant_name IS NOT NULL)),
    CONSTRAINT dossier_accepted_whole CHECK (num_nonnulls(code, accepted_at, started_at, first_due_at, due_at) IN (0, 5)),
    CONSTRAINT dossier_frame CHECK (accepted_at IS NOT NULL OR state IN ('draft', 'submitted', 'incomplete', 'refused', 'withdrawn')),
    CONSTRAINT dossier_accepted_states CHECK (accepted_at IS NULL OR state NOT IN ('draft', 'submitted', 'incomplete', 'refused')),
    CONSTRAINT dossier_parent_whole CHECK ((parent_id IS NULL) = (parent_version IS NULL)),
    CONSTRAINT dossier_ended_whole CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CONSTRAINT dossier_clock_stops_at_the_end CHECK (outcome IS NULL OR clock = 'stop'),
    CONSTRAINT dossier_paused_since CHECK ((clock = 'pause') = (stopped_at IS NOT NULL)),
    CONSTRAINT dossier_fee_whole CHECK ((payment_state = 'none') = (fee_amount = 0)),
    CONSTRAINT dossier_paid_whole CHECK (num_nonnulls(paid_at, payment_id) = CASE payment_state WHEN 'paid' THEN 2 ELSE 0 END),
    CONSTRAINT dossier_rated_whole CHECK ((rating IS NULL) = (rated_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX dossier_owner ON dossier (owner_id, made_at DESC, id DESC);
CREATE INDEX dossier_desk_turn ON dossier (desk, turn_at, id) WHERE is_open;
CREATE INDEX dossier_assignee_turn ON dossier (assignee_id, turn_at, id) WHERE is_open AND assignee_id IS NOT NULL;
CREATE INDEX dossier_agency_open ON dossier (agency_code, turn_at, id) WHERE is_open;
CREATE INDEX dossier_parent ON dossier (parent_id, parent_version) WHERE parent_id IS NOT NULL;
CREATE INDEX dossier_warn ON dossier (warn_at, id) WHERE is_open AND clock = 'run' AND warned_at IS NULL;
CREATE INDEX dossier_late ON dossier (due_at, id) WHERE is_open AND clock = 'run' AND overdue_at IS NULL;
CREATE INDEX dossier_step_late ON dossier (step_due_at, id) WHERE is_open AND step_overdue_at IS NULL;
CREATE INDEX dossier_to_fetch ON dossier (agency_code, finished_at, id) WHERE delivery_state = 'ready' AND deliver_by = 'counter';
CREATE INDEX dossier_drafts ON dossier (made_at) WHERE state = 'draft';
CREATE INDEX dossier_delegated ON dossier (delegation_id) WHERE delegation_id IS NOT NULL;

-- What was done to a dossier, in order: with the update of it, in one transaction. `version`: the dossier's afterwards.
-- `wanted_hash`: of the request that made it, so that the same again is the same.
CREATE TABLE dossier_event (
    dossier_id uuid NOT NULL REFERENCES dossier (id),
    version integer NOT NULL,
    action text NOT NULL,
    action_id uuid CONSTRAINT dossier_event_action_unique UNIQUE,
    from_state text NOT NULL,
    to_state text NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    national_status integer,
    actor_id uuid REFERENCES principal (id),
    by text NOT NULL CONSTRAINT dossier_event_by CHECK (by IN ('applicant', 'staff', 'city', 'portal')),
    agency_code text,
    department_vi text,
    department_en text,
    note text CONSTRAINT dossier_event_note CHECK (length(note) BETWEEN 1 AND 2000),
    note_for_applicant boolean NOT NULL,
    due_at timestamptz,
    wanted_hash bytea,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (dossier_id, version)
);
CREATE INDEX dossier_event_actor ON dossier_event (actor_id) WHERE actor_id IS NOT NULL;

-- The papers of a dossier. `kind`: as it was handed in (0 original, 1 copy, 2 electronic); one on paper need not be stored.
-- `supplement_id`: with which supplement it came, null: when it was filed. `from_staff`: put there by whoever deals with it.
CREATE TABLE dossier_paper (
    dossier_id uuid NOT NULL REFERENCES dossier (id),
    position integer NOT NULL,
    paper_code text NOT NULL,
    kind integer NOT NULL CONSTRAINT dossier_paper_kind CHECK (kind BETWEEN 0 AND 2),
    copies integer NOT NULL DEFAULT 1 CONSTRAINT dossier_paper_copies CHECK (copies BETWEEN 1 AND 100),
    stored_paper_id uuid REFERENCES stored_paper (id),
    supplement_id uuid,
    from_staff boolean NOT NULL DEFAULT false,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (dossier_id, position),
    CONSTRAINT dossier_paper_stored_once UNIQUE (dossier_id, stored_paper_id),
    CONSTRAINT dossier_paper_electronic_is_stored CHECK (kind <> 2 OR stored_paper_id IS NOT NULL)
);
CREATE INDEX dossier_paper_stored ON dossier_paper (stored_paper_id);

-- A request for papers, and what came. One is open at a time.
CREATE TABLE dossier_supplement (
    id uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES dossier (id),
    note text NOT NULL,
    papers text[] NOT NULL DEFAULT '{}',
    asked_by uuid REFERENCES principal (id),
    asked_at timestamptz NOT NULL DEFAULT city_now(),
    given_id uuid CONSTRAINT dossier_supplement_given_unique UNIQUE,
    given_at timestamptz,
    words text,
    CONSTRAINT dossier_supplement_given_whole CHECK ((given_id IS NULL) = (given_at IS NULL))
);
CREATE UNIQUE INDEX dossier_supplement_one_open ON dossier_supplement (dossier_id) WHERE given_at IS NULL;
CREATE INDEX dossier_supplement_dossier ON dossier_supplement (dossier_id, asked_at);

-- What came out. `code`: by which anybody may check it. The file is drawn, signed and put into the storage by a job.
CREATE TABLE dossier_result (
    id uuid PRIMARY KEY,
    dossier_id uuid NOT NULL CONSTRAINT dossier_result_dossier_unique UNIQUE REFERENCES dossier (id),
    code text NOT NULL CONSTRAINT dossier_result_code_unique UNIQUE CONSTRAINT dossier_result_code CHECK (code ~ '^KQ[0-9A-HJKMNP-TV-Z]{10}$'),
    number text NOT NULL CONSTRAINT dossier_result_number CHECK (length(number) BETWEEN 1 AND 60),
    title_vi text NOT NULL,
    title_en text NOT NULL,
    body text NOT NULL CONSTRAINT dossier_result_body CHECK (length(body) BETWEEN 1 AND 4000),
    signer_id uuid REFERENCES principal (id),
    signer_name text NOT NULL,
    agency_code text NOT NULL REFERENCES dossier_agency (agency_code),
    electronic boolean NOT NULL,
    state text NOT NULL DEFAULT 'made' CONSTRAINT dossier_result_state CHECK (state IN ('made', 'signed', 'revoked')),
    storage_key text,
    sha256 bytea,
    size integer,
    signatures jsonb NOT NULL DEFAULT '[]',
    made_at timestamptz NOT NULL DEFAULT city_now(),
    signed_at timestamptz,
    revoked_at timestamptz,
    revoke_reason text,
    CONSTRAINT dossier_result_signed_whole CHECK (num_nonnulls(storage_key, sha256, size, signed_at) IN (0, 4)),
    CONSTRAINT dossier_result_is_signed CHECK (state <> 'signed' OR signed_at IS NOT NULL)
);
ALTER TABLE stored_paper ADD CONSTRAINT stored_paper_result_exists FOREIGN KEY (result_id) REFERENCES dossier_result (id);

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Accepted later than so many minutes after midnight, a dossier is handed on the next working day.
    ('dossiers.cut_off_minute', '2020-01-01', 900, NULL),
    -- What was filed online is looked at within so many minutes of working time.
    ('dossiers.look_minutes', '2020-01-01', 450, NULL),
    -- An agency is warned so many minutes of working time before a dossier is due.
    ('dossiers.warn_minutes', '2020-01-01', 450, NULL),
    -- Drafts that nobody goes on with are forgotten after so many days.
    ('dossiers.draft_days', '2020-01-01', 90, NULL);

-- migrate:down
DELETE FROM policy WHERE code LIKE 'dossiers.%';
ALTER TABLE stored_paper DROP CONSTRAINT stored_paper_result_exists;
DROP TABLE dossier_result, dossier_supplement, dossier_paper, dossier_event, dossier, dossier_counter, stored_paper,
    dossier_delegation, dossier_desk, procedure_review;
ALTER TABLE procedure DROP CONSTRAINT procedure_published_version_exists;
DROP TABLE procedure_version, procedure, procedure_field, dossier_agency;
DROP FUNCTION keep_published_version;
DELETE FROM agency WHERE code LIKE 'counter-%' OR code LIKE 'district-%'
    OR code IN ('justice', 'agriculture', 'land-registry', 'tax', 'social-insurance', 'residence-police');
