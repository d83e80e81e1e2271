-- name: plant_procedure
-- A published procedure ($1) of a field ($2), with its definition ($3).
WITH made AS (
    INSERT INTO procedure (code, field_code, online_level, name_vi, name_en, published_version, made_at)
    VALUES ($1, $2, $3::jsonb ->> 'online_level', $3::jsonb #>> '{name,vi}', $3::jsonb #>> '{name,en}', 1, '2025-01-01')
    RETURNING code
)
INSERT INTO procedure_version (procedure_code, version, definition, published_at) SELECT code, 1, $3, '2025-01-01' FROM made;

-- name: plant_dossiers
-- Dossiers as the verbs could have left them: the columns of $1, a list.
INSERT INTO dossier (id, code, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level,
    parent_id, parent_version, applicant_kind, applicant_name, deliver_by, state, national_status, clock, outcome, submitted_at, accepted_at,
    started_at, first_due_at, due_at, statutory_due_at, stopped_at, ended_at, finished_at, fee_amount, payment_state, paid_at,
    payment_id, rating, rated_at)
SELECT id, code, '1234', procedure_code, 1, 'Đăng ký thử', 'A registration', 'usual', field_code, channel, agency_code, level, parent_id, CASE WHEN parent_id IS NOT NULL THEN 1 END, 'person', 'Tôn Nữ An Cựu',
    'electronic', state, national_status, clock, outcome, submitted_at, accepted_at, accepted_at, first_due_at, due_at,
    statutory_due_at, stopped_at, ended_at, finished_at, coalesce(fee_amount, 0), coalesce(payment_state, 'none'), paid_at,
    payment_id, rating, rated_at
FROM jsonb_populate_recordset(NULL::dossier, $1::jsonb);

-- name: change_dossier
-- Whatever may happen to a dossier ($1) that is counted: the columns that $2 names.
UPDATE dossier SET agency_code = new.agency_code, level = new.level, channel = new.channel, field_code = new.field_code,
    state = new.state, national_status = new.national_status, code = new.code, clock = new.clock, stopped_at = new.stopped_at,
    outcome = new.outcome,
    submitted_at = new.submitted_at, accepted_at = new.accepted_at, started_at = new.accepted_at,
    first_due_at = new.first_due_at, due_at = new.due_at, statutory_due_at = new.statutory_due_at, ended_at = new.ended_at,
    finished_at = new.finished_at, fee_amount = new.fee_amount, payment_state = new.payment_state, paid_at = new.paid_at,
    payment_id = new.payment_id, rating = new.rating, rated_at = new.rated_at, version = dossier.version + 1
FROM (SELECT (jsonb_populate_record(was, $2::jsonb)).* FROM dossier AS was WHERE was.id = $1) AS new
WHERE dossier.id = $1;

-- name: forget_dossier
-- It is gone.
DELETE FROM dossier WHERE id = $1;

-- name: touch_dossier
-- A step that changes nothing counted.
UPDATE dossier SET state = $2, version = version + 1, step_due_at = city_now(), percent = 50, updated_at = city_now()
WHERE id = $1;

-- name: plant_stored_paper
-- A paper ($2, of this code) that is kept, in a dossier ($1).
WITH kept AS (
    INSERT INTO stored_paper (id, kind, name_vi, name_en, upload_id, reusable)
    VALUES (gen_random_uuid(), 'a_paper', 'Giấy', 'Paper', gen_random_uuid(), true) RETURNING id
)
INSERT INTO dossier_paper (dossier_id, stored_paper_id, paper_code, position, kind) SELECT $1, id, $2,
    (SELECT coalesce(max(position), 0) + 1 FROM dossier_paper WHERE dossier_id = $1), 2 FROM kept;

-- name: plant_dossier_supplement
-- Papers were asked for.
INSERT INTO dossier_supplement (id, dossier_id, note, asked_at, given_id, given_at)
VALUES (gen_random_uuid(), $1, 'Thiếu giấy', $2, gen_random_uuid(), $2);

-- name: plant_dossier_result
-- What came out, electronic or not.
INSERT INTO dossier_result (id, dossier_id, code, number, title_vi, title_en, body, signer_name, agency_code, electronic)
SELECT gen_random_uuid(), id, 'KQ' || lpad(upper(to_hex(('x' || left(md5(id::text), 8))::bit(32)::bigint)), 10, '0'), '1', 'Giấy', 'Paper', 'x', 'Hồ Thị Đông Ba',
    agency_code, $2
FROM dossier WHERE id = $1;

-- name: plant_cash
-- A payment ($1) was made in cash, by a clerk ($2).
WITH day AS (
    INSERT INTO cash_day (agency_code, day_on) VALUES ('counter-city', '2026-03-02')
    ON CONFLICT (agency_code, day_on) DO UPDATE SET day_on = excluded.day_on RETURNING agency_code, day_on
)
INSERT INTO cash_receipt (id, number, agency_code, day_on, clerk_id, kind, bill_id, amount)
SELECT $1::uuid, 'PT-' || $1::uuid::text, agency_code, day_on, $2, 'bill', gen_random_uuid(), 1000 FROM day;

-- name: figures_by_hand
-- Every dossier counted: of the days from $1 to $2, of a level ($3), an agency ($4), a field ($5), by $6.
WITH fate AS (
    SELECT dossier.*, CASE WHEN outcome IN ('refused', 'withdrawn', 'stopped') THEN outcome
            WHEN finished_at IS NOT NULL OR outcome = 'done' THEN 'resolved' END AS fate,
        CASE WHEN outcome IN ('refused', 'withdrawn', 'stopped') THEN ended_at ELSE coalesce(finished_at, ended_at) END AS over_at,
        $1::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' AS begins_at,
        ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' AS ends_at
    FROM dossier WHERE submitted_at IS NOT NULL AND ($3::text IS NULL OR level = $3)
        AND ($4::text IS NULL OR agency_code = $4) AND ($5::text IS NULL OR field_code = $5)
), said AS (
    SELECT *, CASE $6::text WHEN 'agency' THEN agency_code WHEN 'field' THEN field_code ELSE level END AS key,
        submitted_at >= begins_at AND submitted_at < ends_at AS is_received,
        accepted_at >= begins_at AND accepted_at < ends_at AS is_accepted,
        over_at >= begins_at AND over_at < ends_at AS is_over,
        rated_at >= begins_at AND rated_at < ends_at AS is_rated,
        paid_at >= begins_at AND paid_at < ends_at AS is_paid
    FROM fate
)
SELECT key, count(*) FILTER (WHERE submitted_at < begins_at)
        - count(*) FILTER (WHERE over_at < begins_at) AS carried,
    count(*) FILTER (WHERE is_received) AS received,
    count(*) FILTER (WHERE is_received AND channel = 'counter') AS counter,
    count(*) FILTER (WHERE is_received AND channel = 'online') AS online,
    count(*) FILTER (WHERE is_received AND channel = 'post') AS post,
    count(*) FILTER (WHERE is_accepted) AS accepted,
    count(*) FILTER (WHERE is_over AND fate = 'resolved') AS resolved,
    count(*) FILTER (WHERE is_over AND fate = 'resolved' AND over_at <= first_due_at) AS on_time_first,
    count(*) FILTER (WHERE is_over AND fate = 'resolved' AND over_at <= due_at) AS on_time,
    count(*) FILTER (WHERE is_over AND fate = 'refused') AS refused,
    count(*) FILTER (WHERE is_over AND fate = 'withdrawn') AS withdrawn,
    count(*) FILTER (WHERE is_over AND fate = 'stopped') AS stopped,
    count(*) FILTER (WHERE (SELECT min(asked_at) FROM dossier_supplement WHERE dossier_id = said.id) >= begins_at
        AND (SELECT min(asked_at) FROM dossier_supplement WHERE dossier_id = said.id) < ends_at) AS supplemented,
    count(*) FILTER (WHERE is_over AND fate = 'resolved'
        AND EXISTS (SELECT FROM dossier_result WHERE dossier_id = said.id AND electronic)) AS results_electronic,
    count(*) FILTER (WHERE is_accepted AND EXISTS (SELECT FROM dossier_paper WHERE dossier_id = said.id)) AS digitised,
    count(*) FILTER (WHERE is_rated AND rating = 'satisfied') AS satisfied,
    count(*) FILTER (WHERE is_rated AND rating = 'acceptable') AS acceptable,
    count(*) FILTER (WHERE is_rated AND rating = 'unsatisfied') AS unsatisfied,
    count(*) FILTER (WHERE is_paid) AS paid,
    count(*) FILTER (WHERE is_paid AND NOT EXISTS (SELECT FROM cash_receipt WHERE cash_receipt.id = payment_id)) AS paid_online
FROM said GROUP BY key ORDER BY key;

-- name: unfolded_tallies
-- How many changes nobody has added up yet.
SELECT count(*) FROM dossier_tally_delta;

-- name: working_days
-- What PostgreSQL counts between two days.
SELECT working_days_between($1, $2);

-- name: heavier
-- A seventh of the points more.
UPDATE dossier_score_weight SET weight = weight + 1 WHERE code = $1;

-- name: weigh
-- From a moment ($1) on, this weighs so much.
INSERT INTO dossier_score_weight (effective_from, code, weight) VALUES ($1, $2, $3);

-- name: check_now
-- What is checked at the commit, now.
SET CONSTRAINTS ALL IMMEDIATE;

-- name: plant_late_procedure
-- A procedure ($1) with a definition ($2) that was published a month after its law had begun to hold.
WITH made AS (
    INSERT INTO procedure (code, field_code, online_level, name_vi, name_en, published_version, made_at)
    VALUES ($1, $2::jsonb ->> 'field', 'full', 'Muộn', 'Late', 1, '2025-01-01') RETURNING code
)
INSERT INTO procedure_version (procedure_code, version, definition, published_at) SELECT code, 1, $2, '2025-03-01' FROM made;
