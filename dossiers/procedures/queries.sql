-- name: current_version
-- The version of a procedure ($1) that is in force.
SELECT published_version FROM procedure WHERE code = $1 AND published_version IS NOT NULL AND abolished_at IS NULL;

-- name: published_definition
-- A published version ($1, $2), and what it says unless that is known already, as of $3.
SELECT published_at, CASE WHEN published_at IS DISTINCT FROM $3::timestamptz THEN definition END AS definition
FROM procedure_version WHERE procedure_code = $1 AND version = $2 AND published_at IS NOT NULL;

-- name: make_procedure
-- A code that is new has no version yet.
INSERT INTO procedure (code) VALUES ($1) ON CONFLICT (code) DO NOTHING;

-- name: lock_procedure
-- Whoever changes a procedure or its versions does so alone.
SELECT published_version, abolished_at FROM procedure WHERE code = $1 FOR UPDATE;

-- name: put_version
-- A draft, new or in the place of what it was.
INSERT INTO procedure_version (procedure_code, version, definition, made_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (procedure_code, version) DO UPDATE
SET definition = excluded.definition, made_by = excluded.made_by, made_at = city_now(), edit = procedure_version.edit + 1;

-- name: publish_version
-- From now on it never changes.
UPDATE procedure_version SET published_by = $3, published_at = city_now() WHERE procedure_code = $1 AND version = $2;

-- name: make_current
-- What is searched for, as the published version says it.
UPDATE procedure SET published_version = $2, name_vi = $3, name_en = $4, field_code = $5, online_level = $6, wards = $7, agencies = $8
WHERE code = $1;

-- name: published_definitions
-- Whatever versions of a procedure were published.
SELECT definition FROM procedure_version WHERE procedure_code = $1 AND published_at IS NOT NULL;

-- name: newest_version
-- The greatest number that a version has, drafts too; 0: none.
SELECT coalesce(max(version), 0) FROM procedure_version WHERE procedure_code = $1;

-- name: agencies_there
-- Of these agencies ($1), those that there are today.
SELECT agency_code FROM dossier_agency
WHERE agency_code = ANY($1::text[]) AND valid_from_on <= (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
    AND (valid_to_on IS NULL OR valid_to_on >= (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date);

-- name: field_is_there
-- Whether there is this field of administration.
SELECT EXISTS (SELECT FROM procedure_field WHERE code = $1);

-- name: definition_in_force
-- What the version in force of a procedure says.
SELECT definition FROM procedure JOIN procedure_version AS pv ON pv.procedure_code = procedure.code AND pv.version = published_version
WHERE procedure.code = $1 AND abolished_at IS NULL;
