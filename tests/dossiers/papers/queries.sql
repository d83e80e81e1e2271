-- name: plant_version
-- A procedure and its first version.
WITH made AS (INSERT INTO procedure (code) VALUES ($1) ON CONFLICT (code) DO NOTHING)
INSERT INTO procedure_version (procedure_code, version, definition, published_at) VALUES ($1, 1, $2, city_now())
ON CONFLICT DO NOTHING;

-- name: plant_dossier
-- A dossier, as a JSON object says.
INSERT INTO dossier (id, code, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level, owner_id,
    applicant_kind, applicant_name, applicant_number, applicant_phone, deliver_by, address, state, national_status, percent, clock,
    outcome, desk_agency, desk_role, submitted_at, accepted_at, started_at, first_due_at, due_at, extended_at, ended_at, finished_at,
    payment_state, fee_amount)
SELECT id, code, pin, procedure_code, 1, (SELECT definition #>> '{name,vi}' FROM procedure_version AS made WHERE made.procedure_code = planted.procedure_code),
    (SELECT definition #>> '{name,en}' FROM procedure_version AS made WHERE made.procedure_code = planted.procedure_code), case_code, field_code, channel, agency_code, level, owner_id, applicant_kind,
    applicant_name, applicant_number, applicant_phone, deliver_by, address, state, national_status, percent, clock, outcome,
    desk_agency, desk_role, submitted_at, accepted_at, accepted_at, first_due_at, due_at, extended_at, ended_at, finished_at,
    payment_state, fee_amount
FROM jsonb_populate_record(NULL::dossier, $1) AS planted;

-- name: plant_dossiers
-- So many dossiers more like this one, accepted one minute after another.
INSERT INTO dossier (id, code, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level, applicant_kind,
    applicant_name, deliver_by, state, national_status, clock, submitted_at, accepted_at, started_at, first_due_at, due_at)
SELECT gen_random_uuid(), left(code, -4) || lpad((1000 + at)::text, 4, '0'), pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code,
    channel, agency_code, level, applicant_kind, applicant_name || ' ' || at, deliver_by, state, national_status, clock, submitted_at,
    accepted_at + make_interval(mins => at), started_at, first_due_at, due_at
FROM dossier CROSS JOIN generate_series(1, $2::integer) AS at WHERE id = $1;

-- name: plant_step
-- Something that was done to a dossier.
INSERT INTO dossier_event (dossier_id, version, action, from_state, to_state, name_vi, name_en, actor_id, by, agency_code, department_vi,
    note, note_for_applicant, due_at, made_at)
SELECT $1, coalesce(max(version), 0) + 1, 'step', $2, $3, $4, $4, $5, $6, $7, $8, $9, true, $10, $11
FROM dossier_event WHERE dossier_id = $1;

-- name: plant_paper
-- A paper that was handed in.
WITH stored AS (
    INSERT INTO stored_paper (id, kind, name_vi, name_en, upload_id, reusable)
    VALUES (gen_random_uuid(), $2, $2, $2, gen_random_uuid(), true) RETURNING id
)
INSERT INTO dossier_paper (dossier_id, stored_paper_id, paper_code, position, kind) SELECT $1, id, $2, $3, 2 FROM stored;

-- name: plant_supplement
-- Papers that are asked for.
INSERT INTO dossier_supplement (id, dossier_id, note, papers, asked_by) VALUES (gen_random_uuid(), $1, $2, $3, $4);

-- name: plant_result
-- A result that waits for its signatures.
INSERT INTO dossier_result (id, dossier_id, code, number, title_vi, title_en, body, signer_name, agency_code, electronic)
SELECT $2, id, $3, $4, 'Bản sao trích lục khai sinh', 'Copy of an extract of birth', $5, 'Nguyễn Phước Kim Long', agency_code, true
FROM dossier WHERE id = $1;

-- name: result_row
-- A result as it is now.
SELECT state, storage_key, sha256, size, signatures, signed_at FROM dossier_result WHERE id = $1;

-- name: revoke_result
-- It was taken back.
UPDATE dossier_result SET state = 'revoked', revoked_at = city_now(), revoke_reason = 'Cấp nhầm' WHERE id = $1;

-- name: kept_papers
-- What was kept for reuse out of a result.
SELECT owner_id, kind, name_vi FROM stored_paper WHERE result_id = $1;

-- name: result_objects
-- What the storage keeps of results: which stay, and which are to go.
SELECT key, doomed_at IS NULL AS stays FROM stored_object WHERE key LIKE 'results/%' ORDER BY key;

-- name: waiting_jobs
-- The jobs of results.
SELECT attempts, state, last_error FROM job WHERE listener = 'dossier_results';
