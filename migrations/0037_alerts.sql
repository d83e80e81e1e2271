-- migrate:up

-- Warnings to the whole city, as CAP 1.2 (OASIS) has them: each row is a message, and its words never change once it was
-- proposed. `reference_ids`: what an Update or a Cancel takes the place of. No ward: the whole city. `sent_at` is
-- `published_at` in whole seconds, because references name it and CAP's moments have no fractions.
--
--     draft ──► proposed ──► published
--        ╲──► refused ◄──╱
CREATE TABLE alert (
    id uuid PRIMARY KEY,
    state text NOT NULL DEFAULT 'draft' CONSTRAINT alert_state CHECK (state IN ('draft', 'proposed', 'refused', 'published')),
    msg_type text NOT NULL CONSTRAINT alert_msg_type CHECK (msg_type IN ('Alert', 'Update', 'Cancel')),
    status text NOT NULL CONSTRAINT alert_status CHECK (status IN ('Actual', 'Exercise', 'System', 'Test', 'Draft')),
    scope text NOT NULL DEFAULT 'Public' CONSTRAINT alert_scope CHECK (scope = 'Public'),
    note text CONSTRAINT alert_note CHECK (length(note) BETWEEN 1 AND 500),
    reference_ids uuid[] NOT NULL CONSTRAINT alert_reference_ids CHECK (cardinality(reference_ids) <= 10),
    categories text[] NOT NULL CONSTRAINT alert_categories CHECK (cardinality(categories) BETWEEN 1 AND 5 AND categories <@ ARRAY[
        'Geo', 'Met', 'Safety', 'Security', 'Rescue', 'Fire', 'Health', 'Env', 'Transport', 'Infra', 'CBRNE', 'Other']),
    event_vi text NOT NULL CONSTRAINT alert_event_vi CHECK (length(event_vi) BETWEEN 1 AND 100),
    event_en text NOT NULL CONSTRAINT alert_event_en CHECK (length(event_en) BETWEEN 1 AND 100),
    response_types text[] NOT NULL CONSTRAINT alert_response_types CHECK (cardinality(response_types) <= 5 AND response_types <@ ARRAY[
        'Shelter', 'Evacuate', 'Prepare', 'Execute', 'Avoid', 'Monitor', 'Assess', 'AllClear', 'None']),
    urgency text NOT NULL CONSTRAINT alert_urgency CHECK (urgency IN ('Immediate', 'Expected', 'Future', 'Past', 'Unknown')),
    severity text NOT NULL CONSTRAINT alert_severity CHECK (severity IN ('Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown')),
    certainty text NOT NULL CONSTRAINT alert_certainty CHECK (
        certainty IN ('Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown')),
    effective_at timestamptz,
    onset_at timestamptz,
    expires_at timestamptz NOT NULL,
    headline_vi text NOT NULL CONSTRAINT alert_headline_vi CHECK (length(headline_vi) BETWEEN 1 AND 160),
    headline_en text NOT NULL CONSTRAINT alert_headline_en CHECK (length(headline_en) BETWEEN 1 AND 160),
    description_vi text NOT NULL CONSTRAINT alert_description_vi CHECK (length(description_vi) BETWEEN 1 AND 4000),
    description_en text NOT NULL CONSTRAINT alert_description_en CHECK (length(description_en) BETWEEN 1 AND 4000),
    instruction_vi text CONSTRAINT alert_instruction_vi CHECK (length(instruction_vi) BETWEEN 1 AND 4000),
    instruction_en text CONSTRAINT alert_instruction_en CHECK (length(instruction_en) BETWEEN 1 AND 4000),
    web text CONSTRAINT alert_web CHECK (length(web) BETWEEN 1 AND 300),
    contact text CONSTRAINT alert_contact CHECK (length(contact) BETWEEN 1 AND 200),
    parameters jsonb NOT NULL,
    wards text[] NOT NULL CONSTRAINT alert_wards CHECK (cardinality(wards) <= 100),
    agency_code text NOT NULL REFERENCES agency (code),
    written_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    decision_reason text CONSTRAINT alert_decision_reason CHECK (length(decision_reason) BETWEEN 1 AND 500),
    -- CAP names a message by these, so that they stay whatever the city's address becomes.
    sender text CONSTRAINT alert_sender CHECK (sender ~ '^[^ ,<&]+$'),
    sent_at timestamptz,
    published_at timestamptz,
    replaced_by uuid REFERENCES alert (id),
    CONSTRAINT alert_references_whole CHECK ((msg_type = 'Alert') = (cardinality(reference_ids) = 0)),
    CONSTRAINT alert_not_its_own_reference CHECK (id <> ALL (reference_ids)),
    CONSTRAINT alert_instruction_in_both CHECK ((instruction_vi IS NULL) = (instruction_en IS NULL)),
    CONSTRAINT alert_published_whole CHECK ((state = 'published') = (published_at IS NOT NULL)
        AND (published_at IS NULL) = (sender IS NULL) AND (published_at IS NULL) = (sent_at IS NULL)),
    CONSTRAINT alert_sent_in_whole_seconds CHECK (sent_at = date_trunc('second', published_at, 'UTC')),
    CONSTRAINT alert_draft_is_never_published CHECK (status <> 'Draft' OR state IN ('draft', 'refused')),
    CONSTRAINT alert_replaced_when_published CHECK (replaced_by IS NULL OR (state = 'published' AND replaced_by <> id)),
    CONSTRAINT alert_decided_whole CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT alert_second_pair_of_eyes CHECK (state <> 'published' OR decided_by <> written_by),
    -- A grave warning that is meant is never one person's alone; what takes the place of one is asked about by its verb.
    CONSTRAINT alert_grave_was_approved CHECK (state <> 'published' OR status <> 'Actual'
        OR severity NOT IN ('Extreme', 'Severe') OR decided_by IS NOT NULL)
);
-- What is in force is a handful at the index's end, however many there ever were: the first screen looks here each time.
CREATE INDEX alert_in_force ON alert (status, expires_at) WHERE state = 'published' AND replaced_by IS NULL;
CREATE INDEX alert_age ON alert (made_at DESC, id DESC);

-- A warning as those see it who write them.
CREATE VIEW staff_alert AS
SELECT alert.id, state, status = 'Actual' AND (severity IN ('Extreme', 'Severe') OR EXISTS (
        SELECT FROM alert AS earlier WHERE earlier.id = ANY (alert.reference_ids) AND earlier.severity IN ('Extreme', 'Severe')))
        AS needs_approval,
    state = 'published' AND status = 'Actual' AND msg_type <> 'Cancel' AND replaced_by IS NULL AND expires_at > city_now()
        AS in_force,
    msg_type, status, scope, note, reference_ids, replaced_by, categories, event_vi, event_en, response_types, urgency,
    severity, certainty, effective_at, onset_at, expires_at, headline_vi, headline_en, description_vi, description_en,
    instruction_vi, instruction_en, web, contact, parameters, wards, agency_code AS agency, written_by, made_at, decided_by,
    decided_at, decision_reason, sender, sent_at
FROM alert;

-- What everybody may know of a warning. Drafts, and what the city's own machinery says to itself (System), are not here.
-- `chain`: what it took the place of, and what that did, oldest first.
CREATE VIEW public_alert AS
SELECT alert.id, id::text AS identifier, sender, sent_at, published_at, status, msg_type, scope, note, categories, event_vi, event_en,
    response_types, urgency, severity, certainty, coalesce(effective_at, sent_at) AS effective_at, onset_at, expires_at,
    headline_vi, headline_en, description_vi, description_en, instruction_vi, instruction_en, web, contact, parameters, wards,
    agency.name_vi AS sender_name_vi, agency.name_en AS sender_name_en, replaced_by,
    CASE WHEN replaced_by IS NOT NULL THEN (SELECT CASE msg_type WHEN 'Cancel' THEN 'cancelled' ELSE 'updated' END
            FROM alert AS later WHERE later.id = alert.replaced_by)
        WHEN expires_at <= city_now() THEN 'expired' END AS ended,
    coalesce((SELECT jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code) FROM ward
        WHERE code = ANY (wards)), '[]') AS wards_named,
    coalesce((
        WITH RECURSIVE chain AS (
            SELECT alert.id, alert.reference_ids
            UNION
            SELECT earlier.id, earlier.reference_ids FROM chain JOIN alert AS earlier ON earlier.id = ANY (chain.reference_ids)
        )
        SELECT jsonb_agg(jsonb_build_object('id', earlier.id, 'identifier', earlier.id, 'sender', earlier.sender,
            'sent_at', earlier.sent_at, 'msg_type', earlier.msg_type, 'headline_vi', earlier.headline_vi,
            'headline_en', earlier.headline_en) ORDER BY earlier.published_at, earlier.id)
        FROM chain JOIN alert AS earlier ON earlier.id = chain.id WHERE chain.id <> alert.id), '[]') AS chain
FROM alert JOIN agency ON agency.code = agency_code
WHERE state = 'published' AND status IN ('Actual', 'Exercise', 'Test');

-- Where water is measured: gauges in rivers, and reservoirs. What is not known is null. Levels are whole centimetres above
-- the station's own zero, flows whole litres a second; a reading outside the bounds is a mistake.
CREATE TABLE water_station (
    code text PRIMARY KEY CONSTRAINT water_station_code CHECK (code ~ '^[a-z0-9-]{2,40}$'),
    position integer NOT NULL CONSTRAINT water_station_position_unique UNIQUE,
    kind text NOT NULL CONSTRAINT water_station_kind CHECK (kind IN ('river', 'reservoir')),
    name text NOT NULL,
    river_vi text NOT NULL,
    river_en text NOT NULL,
    alarm_1_cm integer,
    alarm_2_cm integer,
    alarm_3_cm integer,
    least_cm integer NOT NULL,
    most_cm integer NOT NULL,
    most_flow_l_s integer NOT NULL DEFAULT 0,
    CONSTRAINT water_station_alarms CHECK (alarm_1_cm < alarm_2_cm AND alarm_2_cm < alarm_3_cm
        AND num_nulls(alarm_1_cm, alarm_2_cm, alarm_3_cm) IN (0, 3)),
    CONSTRAINT water_station_bounds CHECK (least_cm < most_cm AND alarm_3_cm < most_cm)
);
INSERT INTO water_station (code, position, kind, name, river_vi, river_en, alarm_1_cm, alarm_2_cm, alarm_3_cm, least_cm,
    most_cm, most_flow_l_s) VALUES
    ('kim-long', 1, 'river', 'Kim Long', 'Sông Hương', 'Hương river', 100, 200, 350, -300, 1200, 0),
    ('phu-oc', 2, 'river', 'Phú Ốc', 'Sông Bồ', 'Bồ river', 150, 300, 450, -300, 1200, 0),
    ('phong-binh', 3, 'river', 'Phong Bình', 'Sông Ô Lâu', 'Ô Lâu river', NULL, NULL, NULL, -300, 1200, 0),
    ('truoi', 4, 'river', 'Truồi', 'Sông Truồi', 'Truồi river', NULL, NULL, NULL, -300, 1200, 0),
    ('binh-dien', 11, 'reservoir', 'Bình Điền', 'Sông Hữu Trạch', 'Hữu Trạch river', NULL, NULL, NULL, 0, 15000, 20000000),
    ('huong-dien', 12, 'reservoir', 'Hương Điền', 'Sông Bồ', 'Bồ river', NULL, NULL, NULL, 0, 15000, 20000000),
    ('ta-trach', 13, 'reservoir', 'Tả Trạch', 'Sông Tả Trạch', 'Tả Trạch river', NULL, NULL, NULL, 0, 15000, 20000000);

-- What was measured, once for each station and moment; one that was a mistake is withdrawn, and may be measured again.
CREATE TABLE water_reading (
    id uuid PRIMARY KEY,
    station_code text NOT NULL CONSTRAINT water_reading_station_exists REFERENCES water_station (code),
    measured_at timestamptz NOT NULL,
    level_cm integer CONSTRAINT water_reading_level CHECK (level_cm BETWEEN -100000 AND 100000),
    inflow_l_s integer CONSTRAINT water_reading_inflow CHECK (inflow_l_s >= 0),
    discharge_l_s integer CONSTRAINT water_reading_discharge CHECK (discharge_l_s >= 0),
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    withdrawn_by uuid REFERENCES principal (id),
    withdrawn_at timestamptz,
    CONSTRAINT water_reading_says_something CHECK (num_nonnulls(level_cm, inflow_l_s, discharge_l_s) > 0),
    CONSTRAINT water_reading_withdrawn_whole CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL))
);
CREATE UNIQUE INDEX water_reading_once ON water_reading (station_code, measured_at) WHERE withdrawn_at IS NULL;
CREATE INDEX water_reading_made ON water_reading (made_at);

-- Whom to call.
CREATE TABLE hotline (
    number text PRIMARY KEY CONSTRAINT hotline_number CHECK (number ~ '^[0-9]{3,12}$'),
    position integer NOT NULL CONSTRAINT hotline_position_unique UNIQUE,
    name_vi text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO hotline (number, position, name_vi, name_en) VALUES
    ('112', 1, 'Tìm kiếm, cứu nạn', 'Search and rescue'),
    ('113', 2, 'Công an', 'Police'),
    ('114', 3, 'Chữa cháy, cứu nạn, cứu hộ', 'Fire and rescue'),
    ('115', 4, 'Cấp cứu y tế', 'Ambulance'),
    ('18001075', 5, 'Tổng đài Hue-S của thành phố', 'The city''s Hue-S hotline');

-- Which field reports the flood page reads, and as what an SOS is filed: the fire and rescue police deal with that one, and it
-- asks for no picture.
CREATE TABLE flood_page (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT flood_page_has_one_row CHECK (only_row),
    road_category text NOT NULL REFERENCES report_category (code),
    sos_category text NOT NULL REFERENCES report_category (code)
);
INSERT INTO flood_page (road_category, sos_category) VALUES ('drainage', 'fire_safety');

-- One scope more.
-- squawk-ignore ban-drop-constraint
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read', 'orders.read', 'orders.write', 'takings.read', 'refunds.write', 'webhooks.read',
    'webhooks.write', 'national.write', 'readings.write']) NOT VALID;

-- migrate:down
ALTER TABLE machine DROP CONSTRAINT machine_scopes;
UPDATE machine SET scopes = array_remove(scopes, 'readings.write') WHERE 'readings.write' = ANY (scopes);
ALTER TABLE machine ADD CONSTRAINT machine_scopes CHECK (scopes <@ ARRAY[
    'bills.read', 'bills.write', 'reports.read', 'reports.write', 'dossiers.read', 'dossiers.write',
    'statistics.read', 'orders.read', 'orders.write', 'takings.read', 'refunds.write', 'webhooks.read',
    'webhooks.write', 'national.write']) NOT VALID;
DROP TABLE flood_page;
DROP TABLE hotline;
DROP TABLE water_reading;
DROP TABLE water_station;
DROP VIEW public_alert;
DROP VIEW staff_alert;
DROP TABLE alert;
