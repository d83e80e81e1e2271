-- name: write_alert
-- A draft under its writer's id.
INSERT INTO alert (id, msg_type, status, note, reference_ids, categories, event_vi, event_en, response_types, urgency,
    severity, certainty, effective_at, onset_at, expires_at, headline_vi, headline_en, description_vi, description_en,
    instruction_vi, instruction_en, web, contact, parameters, wards, agency_code, written_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
    $26, $27)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: is_broadcast
-- Is this the id of a broadcast, under which a warning of this id could not be told?
SELECT EXISTS (SELECT FROM broadcast WHERE id = $1);

-- name: write_alert_anew
-- Other words for a draft.
UPDATE alert SET msg_type = $2, status = $3, note = $4, reference_ids = $5, categories = $6, event_vi = $7, event_en = $8,
    response_types = $9, urgency = $10, severity = $11, certainty = $12, effective_at = $13, onset_at = $14,
    expires_at = $15, headline_vi = $16, headline_en = $17, description_vi = $18, description_en = $19,
    instruction_vi = $20, instruction_en = $21, web = $22, contact = $23, parameters = $24, wards = $25, agency_code = $26,
    written_by = $27
WHERE id = $1 AND state = 'draft';

-- name: alert_for_update
-- Where a warning stands, for whoever moves it on.
SELECT id, state, written_by, decided_by, decision_reason FROM alert WHERE id = $1 FOR UPDATE;

-- name: alert_words
-- What was put.
SELECT msg_type, status, note, reference_ids, categories, event_vi, event_en, response_types, urgency, severity,
    certainty, effective_at, onset_at, expires_at, headline_vi, headline_en, description_vi, description_en, instruction_vi,
    instruction_en, web, contact, parameters, wards
FROM alert WHERE id = $1;

-- name: unknown_wards
-- Which of these are no wards of the city.
SELECT code FROM unnest($1::text[]) AS wanted (code) WHERE NOT EXISTS (SELECT FROM ward WHERE ward.code = wanted.code);

-- name: references_for_update
-- What a warning takes the place of; whoever else wants to waits.
SELECT id, state, msg_type, status, severity, wards, replaced_by FROM alert WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE;

-- name: first_of_chain
-- The first warning of the chain in which these are.
WITH RECURSIVE chain AS (
    SELECT id, reference_ids, published_at FROM alert WHERE id = ANY ($1::uuid[])
    UNION
    SELECT before.id, before.reference_ids, before.published_at FROM chain JOIN alert AS before ON before.id = ANY (chain.reference_ids)
)
SELECT id FROM chain ORDER BY published_at, id LIMIT 1;

-- name: propose_alert
-- It waits for a second pair of eyes.
UPDATE alert SET state = 'proposed' WHERE id = $1;

-- name: publish_alert
-- It goes out, as of this second. $3: the second pair of eyes, if it was needed.
UPDATE alert SET state = 'published', sender = $2, published_at = moment.at, sent_at = date_trunc('second', moment.at, 'UTC'),
    decided_by = $3, decided_at = CASE WHEN $3::uuid IS NOT NULL THEN moment.at END
FROM (SELECT city_now() AS at) AS moment WHERE id = $1;

-- name: replace_alerts
-- Another one takes their place.
UPDATE alert SET replaced_by = $1 WHERE id = ANY ($2::uuid[]);

-- name: refuse_alert
-- It goes nowhere.
UPDATE alert SET state = 'refused', decided_by = $2, decided_at = city_now(), decision_reason = $3 WHERE id = $1;

-- name: other_supervisors
-- Supervisors who could be the second pair of eyes.
SELECT DISTINCT principal_id FROM active_grant WHERE role = 'supervisor' AND principal_id <> $1 ORDER BY principal_id;

-- name: staff_alert
-- One warning, whatever became of it.
SELECT * FROM staff_alert WHERE id = $1;

-- name: staff_alerts
-- Warnings, the one written last first.
SELECT * FROM staff_alert
WHERE ($1::text IS NULL OR state = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: alerts_in_force
-- Warnings that hold now, newest first: for a ward, of a category, that are meant, or drills.
SELECT * FROM public_alert
WHERE status = $3 AND replaced_by IS NULL AND msg_type <> 'Cancel' AND expires_at > (SELECT city_now())
    AND ($1::text IS NULL OR wards = '{}' OR $1 = ANY (wards)) AND ($2::text IS NULL OR $2 = ANY (categories))
    AND ($4::timestamptz IS NULL OR (published_at, id) < ($4, $5::uuid))
ORDER BY published_at DESC, id DESC LIMIT $6;

-- name: public_alert
-- One warning that went out, also when it is over.
SELECT * FROM public_alert WHERE id = $1;

-- name: fed_alerts
-- For the feed: what holds now or ended what held, newest first; for a ward too.
SELECT id, sent_at, msg_type, categories, expires_at, severity, sender_name_vi, sender_name_en, headline_vi, headline_en,
    description_vi, description_en
FROM public_alert
WHERE status = 'Actual' AND replaced_by IS NULL AND expires_at > (SELECT city_now())
    AND ($1::text IS NULL OR wards = '{}' OR $1 = ANY (wards))
ORDER BY published_at DESC, id DESC LIMIT $2;

-- name: last_sent
-- When anything went out last: an empty feed has a moment too.
SELECT max(sent_at) FROM alert WHERE status = 'Actual';

-- name: areas
-- The wards of a warning: their names, points and sizes, and the outlines of their parts where somebody has drawn them.
SELECT code, name, lat, lng, area_km2, ARRAY(
    SELECT outline FROM ward_area WHERE ward_code = code AND ring = 0 ORDER BY part) AS outlines
FROM ward WHERE code = ANY ($1::text[]) ORDER BY code;

-- name: stations
-- Every station, with its bounds.
SELECT code, kind, least_cm, most_cm, most_flow_l_s FROM water_station;

-- name: write_readings
-- What was measured, where nothing stands for that station and moment yet.
INSERT INTO water_reading (id, station_code, measured_at, level_cm, inflow_l_s, discharge_l_s, made_by)
SELECT id, station_code, measured_at, level_cm, inflow_l_s, discharge_l_s, $7
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::int[])
    AS measured (id, station_code, measured_at, level_cm, inflow_l_s, discharge_l_s)
ORDER BY station_code, measured_at
ON CONFLICT DO NOTHING RETURNING id;

-- name: readings_of_moments
-- What stands for these stations and moments.
SELECT station_code, measured_at, level_cm, inflow_l_s, discharge_l_s
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (station_code, measured_at)
JOIN water_reading USING (station_code, measured_at) WHERE withdrawn_at IS NULL;

-- name: reading
-- One reading.
SELECT id, station_code AS station, measured_at, level_cm / 100.0::float8 AS level_m, inflow_l_s / 1000.0::float8 AS inflow_m3_s,
    discharge_l_s / 1000.0::float8 AS discharge_m3_s, made_at, withdrawn_at
FROM water_reading WHERE id = $1;

-- name: withdraw_reading
-- It was a mistake.
UPDATE water_reading SET withdrawn_by = $2, withdrawn_at = city_now() WHERE id = $1 AND withdrawn_at IS NULL RETURNING station_code;

-- name: rivers
-- Each river and its levels of the last day, oldest first: the newest of each quarter of an hour.
SELECT code, name, CASE WHEN $1 = 'en' THEN river_en ELSE river_vi END AS river, alarm_1_cm, alarm_2_cm, alarm_3_cm,
    coalesce(day.moments, '{}') AS moments, coalesce(day.levels_cm, '{}') AS levels_cm
FROM water_station
LEFT JOIN LATERAL (
    SELECT array_agg(measured_at ORDER BY measured_at) AS moments, array_agg(level_cm ORDER BY measured_at) AS levels_cm
    FROM (
        SELECT DISTINCT ON (date_bin('15 minutes', measured_at, 'epoch')) measured_at, level_cm FROM water_reading
        WHERE station_code = code AND withdrawn_at IS NULL AND level_cm IS NOT NULL
            AND measured_at > (SELECT city_now()) - interval '1 day'
        ORDER BY date_bin('15 minutes', measured_at, 'epoch') DESC, measured_at DESC) AS newest
) AS day ON true
WHERE kind = 'river' ORDER BY position;

-- name: reservoirs
-- Each reservoir's newest reading of the last day, and its level an hour and more before.
SELECT code, name, CASE WHEN $1 = 'en' THEN river_en ELSE river_vi END AS river, newest.measured_at,
    newest.level_cm, newest.inflow_l_s, newest.discharge_l_s, before.level_cm AS level_before_cm
FROM water_station
LEFT JOIN LATERAL (
    SELECT * FROM water_reading WHERE station_code = code AND withdrawn_at IS NULL AND measured_at > (SELECT city_now()) - interval '1 day'
    ORDER BY measured_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT * FROM water_reading AS earlier WHERE earlier.station_code = code AND earlier.withdrawn_at IS NULL
        AND earlier.level_cm IS NOT NULL AND earlier.measured_at <= newest.measured_at - interval '1 hour'
        AND earlier.measured_at > newest.measured_at - interval '1 day'
    ORDER BY earlier.measured_at DESC LIMIT 1
) AS before ON true
WHERE kind = 'reservoir' ORDER BY position;

-- name: flooded_roads
-- Public reports of water on roads that are open, newest first: the public knows of one once somebody has accepted it.
SELECT id AS report_id, code, said AS text, address, ward_code AS ward, ward_name, lat, lng, made_at
FROM public_report
WHERE category_code = (SELECT road_category FROM flood_page) AND is_open AND made_at > (SELECT city_now()) - interval '7 days'
ORDER BY made_at DESC, id DESC LIMIT 100;

-- name: hotlines
-- Whom to call.
SELECT number, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name FROM hotline ORDER BY position;

-- name: sos
-- As what an SOS is filed.
SELECT sos_category AS category, true AS urgent FROM flood_page;

-- name: alerts_of_member
-- For a copy of all that is held: what a member of staff wrote, approved, refused, measured.
SELECT 'alert' AS what, id, made_at AS at FROM alert WHERE $1 IN (written_by, decided_by)
UNION ALL
SELECT 'reading', id, made_at FROM water_reading WHERE $1 IN (made_by, withdrawn_by)
ORDER BY at, id;
