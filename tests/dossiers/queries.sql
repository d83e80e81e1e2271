-- name: plant_procedure
-- A procedure that is published in this very form.
WITH made AS (
    INSERT INTO procedure (code) VALUES ($1) ON CONFLICT DO NOTHING RETURNING code
)
INSERT INTO procedure_version (procedure_code, version, definition) SELECT code, 1, $2 FROM made;

-- name: publish_procedure
-- A version of it is what holds from now on.
WITH published AS (
    UPDATE procedure_version SET published_at = city_now() WHERE procedure_code = $1 AND version = $2 AND published_at IS NULL
    RETURNING definition
)
UPDATE procedure SET published_version = $2, name_vi = definition #>> '{name,vi}', name_en = definition #>> '{name,en}',
    field_code = definition ->> 'field', online_level = definition ->> 'online_level'
FROM published WHERE code = $1;

-- name: plant_version
-- Another version of a procedure.
INSERT INTO procedure_version (procedure_code, version, definition) VALUES ($1, $2, $3);

-- name: plant_paper
-- An upload of purpose `paper` that went through before.
INSERT INTO upload (id, owner_id, purpose, way, status, media_type, size, sha256, original_key)
VALUES ($1::uuid, $2, 'paper', 'whole', 'ready', 'application/pdf', 1000, sha256($1::uuid::text::bytea), 'papers/' || $1::uuid::text);

-- name: news_of
-- What was told of a dossier, in order.
SELECT kind, data FROM event WHERE data ->> 'dossier_id' = $1::uuid::text ORDER BY id;

-- name: dossier_row
-- A dossier as it stands in its table.
SELECT * FROM dossier WHERE id = $1;

-- name: codes_of
-- All codes of an agency, in order.
SELECT array_agg(code ORDER BY code) FROM dossier WHERE agency_code = $1 AND code IS NOT NULL;

-- name: sign_result
-- As the signing job leaves it.
UPDATE dossier_result SET state = 'signed', storage_key = 'results/' || id, sha256 = sha256(id::text::bytea), size = 1, signed_at = city_now()
WHERE dossier_id = $1;

-- name: keep_residents_signed_in
-- However much time passes.
UPDATE access_token SET expires_at = 'infinity';

-- name: keep_staff_signed_in
-- However much time passes.
UPDATE staff_session SET expires_at = city_now() + interval '1 day', seen_at = city_now();

-- name: all_dossiers
-- Every dossier, as figures see it.
SELECT id, code, channel, state, outcome, finished_at, first_due_at, version FROM dossier ORDER BY id;

-- name: children_ids
-- What was made out of a dossier and is open.
SELECT id FROM dossier WHERE parent_id = $1 AND outcome IS NULL ORDER BY id;

-- name: action_of
-- Under which id a step was done.
SELECT action_id FROM dossier_event WHERE dossier_id = $1 AND action = $2;

-- name: abolish
-- A procedure is no more.
UPDATE procedure SET abolished_at = city_now() WHERE code = $1;

-- name: move_grants
-- Somebody works elsewhere from now on.
UPDATE role_grant SET agency_code = $2 WHERE principal_id = $1;

-- name: result_of
-- The result of a dossier and where its file is.
SELECT id, storage_key FROM dossier_result WHERE dossier_id = $1;

-- name: messages_about_dossiers
-- How many messages somebody has of dossiers, and of how many pieces of news.
SELECT count(*) AS messages, count(DISTINCT event_id) AS pieces FROM message WHERE principal_id = $1 AND category = 'dossier';

-- name: news_for
-- How much news of dossiers there is for somebody.
SELECT count(*) FROM event WHERE kind = 'DossierMoved' AND data ->> 'owner_id' = $1::uuid::text;

-- name: is_telling
-- Has news of dossiers become jobs, whether or not these are done?
SELECT EXISTS (SELECT FROM event WHERE kind = 'DossierMoved' AND told_at IS NOT NULL);
