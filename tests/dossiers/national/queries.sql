-- name: hurry
-- Whatever waits for another try is due now.
UPDATE job SET run_at = city_now();

-- name: sync
-- How far the portal is with a dossier.
SELECT state, taken_version, tries, error_code, error, (SELECT version FROM dossier WHERE id = dossier_id) AS version
FROM national_sync WHERE dossier_id = $1;

-- name: jobs
-- What the queue still has for the portal: how much, and how much of it is dead.
SELECT count(*) FILTER (WHERE state <> 'dead') AS waiting, count(*) FILTER (WHERE state = 'dead') AS dead FROM job WHERE listener = 'national';

-- name: messages
-- What was sent of a dossier.
SELECT kind, version, error_code FROM national_message WHERE dossier_id = $1 ORDER BY position;

-- name: forget_news
-- News that nobody has told is lost.
DELETE FROM event WHERE told_at IS NULL;

-- name: age
-- It changed an hour ago.
UPDATE dossier SET updated_at = city_now() - interval '1 hour' WHERE id = $1;

-- name: age_sweep
-- The sweep asked for it a day ago, and it was tried then.
UPDATE national_sync SET asked_at = city_now() - interval '1 day', tried_at = city_now() - interval '1 day' WHERE dossier_id = $1;

-- name: portal_dossier
-- What we have of a dossier of the portal's.
SELECT id, state, owner_id, applicant_name, applicant_phone, form, channel, version, code,
    (SELECT count(*) FROM dossier_paper WHERE dossier_id = dossier.id) AS papers
FROM dossier WHERE portal_code = $1;

-- name: portal_dossiers
-- How many dossiers the portal filed.
SELECT count(*) FROM dossier WHERE portal_code IS NOT NULL;

-- name: actions_of
-- What was done to a dossier.
SELECT array_agg(action ORDER BY version) FROM dossier_event WHERE dossier_id = $1;

-- name: paper_jobs
-- Which papers are still to be fetched.
SELECT count(*) FROM job WHERE listener = 'national_papers';

-- name: plant_unaccepted
-- A dossier like another, but not accepted.
INSERT INTO dossier (id, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level,
    applicant_kind, applicant_name, deliver_by, state, national_status, submitted_at)
SELECT gen_random_uuid(), pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level,
    applicant_kind, applicant_name, deliver_by, 'submitted', 1, city_now()
FROM dossier WHERE id = $1 RETURNING id;

-- name: codes_of_children
-- What was made out of it.
SELECT array_agg(code) FROM dossier WHERE parent_id = $1;
