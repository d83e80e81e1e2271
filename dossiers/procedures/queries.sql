-- name: current_version
-- The version of a procedure ($1) that is in force by the city's clock.
SELECT version FROM procedure_version JOIN procedure ON code = procedure_code
WHERE procedure_code = $1 AND published_at <= city_now() AND (abolished_at IS NULL OR abolished_at > city_now())
ORDER BY published_at DESC, version DESC LIMIT 1;

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
-- Of these agencies ($1), those that there are today, or will be.
SELECT agency_code FROM dossier_agency
WHERE agency_code = ANY($1::text[])
    AND (valid_to_on IS NULL OR valid_to_on >= (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date);

-- name: field_is_there
-- Whether there is this field of administration.
SELECT EXISTS (SELECT FROM procedure_field WHERE code = $1);

-- name: definition_in_force
-- What the version in force of a procedure says.
SELECT definition FROM procedure JOIN procedure_version AS pv ON pv.procedure_code = procedure.code AND pv.version = published_version
WHERE procedure.code = $1 AND abolished_at IS NULL;

-- name: procedures
-- Procedures in force with these words ($1), that an agency ($2) accepts, of a field ($3) and a level ($4), by name, after
-- the one with this code ($5), at most $6, in a language ($7).
SELECT procedure.code, CASE $7::text WHEN 'en' THEN procedure.name_en ELSE procedure.name_vi END AS name, field_code AS field,
    CASE $7::text WHEN 'en' THEN field.name_en ELSE field.name_vi END AS field_name, online_level,
    least_days, most_days, least_fee, most_fee
FROM procedure
JOIN procedure_field AS field ON field.code = field_code
JOIN procedure_version AS pv ON pv.procedure_code = procedure.code AND pv.version = published_version
CROSS JOIN LATERAL (
    SELECT min((term ->> 'days')::integer) AS least_days, max((term ->> 'days')::integer) AS most_days,
        min((term ->> 'fee')::bigint) AS least_fee, max((term ->> 'fee')::bigint) AS most_fee
    FROM jsonb_path_query(definition, '$.cases[*].terms[*]') AS term
) AS terms
WHERE published_version IS NOT NULL AND abolished_at IS NULL
    AND ($1::text IS NULL OR found_by @@ plainto_tsquery('simple', plain_text($1)))
    AND ($2::text IS NULL OR $2 = ANY(agencies) OR (wards AND EXISTS (SELECT FROM dossier_agency
        WHERE agency_code = $2 AND level = 'ward' AND receives AND valid_to_on IS NULL)))
    AND ($3::text IS NULL OR field_code = $3) AND ($4::text IS NULL OR online_level = $4)
    AND ($5::text IS NULL OR (procedure.name_vi, procedure.code) > (SELECT name_vi, code FROM procedure WHERE code = $5))
ORDER BY procedure.name_vi, procedure.code LIMIT $6;

-- name: accepting_agencies
-- Where a procedure ($1) may be filed, in a language ($2): the agencies that it names, then the wards' counters.
SELECT agency.code, CASE $2::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS name, ward_code AS ward
FROM procedure JOIN dossier_agency ON dossier_agency.agency_code = ANY(agencies) OR (wards AND level = 'ward' AND receives)
JOIN agency ON agency.code = dossier_agency.agency_code
WHERE procedure.code = $1 AND valid_to_on IS NULL
ORDER BY ward_code IS NOT NULL, agency.name_vi, agency.code;

-- name: field_name
-- What a field ($1) is called in a language ($2).
SELECT CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END FROM procedure_field WHERE code = $1;

-- name: agency_names
-- What agencies ($1) are called in a language ($2).
SELECT code, CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END AS name FROM agency WHERE code = ANY($1::text[]);

-- name: version
-- A version ($1, $2), draft or published.
SELECT procedure_code AS code, version, edit, made_by, made_at, published_by, published_at, version IS NOT DISTINCT FROM
    (SELECT published_version FROM procedure WHERE code = $1) AS current, definition, '[]'::jsonb AS findings
FROM procedure_version WHERE procedure_code = $1 AND version = $2;

-- name: versions
-- The versions of a procedure ($1), the newest first, below $2, at most $3.
SELECT version, edit, made_by, made_at, published_by, published_at, version IS NOT DISTINCT FROM
    (SELECT published_version FROM procedure WHERE code = $1) AS current
FROM procedure_version WHERE procedure_code = $1 AND ($2::integer IS NULL OR version < $2)
ORDER BY version DESC LIMIT $3;

-- name: staff_procedures
-- All procedures with this year's ($4) review; those that lack it ($1) or have it; after a code ($2), at most $3; names in a
-- language ($5). One that was abolished needs none.
SELECT procedure.code, CASE $5::text WHEN 'en' THEN name_en ELSE name_vi END AS name, field_code AS field, published_version,
    (SELECT count(*) FROM procedure_version WHERE procedure_code = procedure.code) AS versions, outcome AS review, abolished_at
FROM procedure LEFT JOIN procedure_review ON procedure_review.procedure_code = procedure.code AND year = $4
WHERE ($1::boolean IS NULL OR $1 = (published_version IS NOT NULL AND abolished_at IS NULL AND year IS NULL))
    AND ($2::text IS NULL OR procedure.code > $2)
ORDER BY procedure.code LIMIT $3;

-- name: review
-- A year's ($2) review of a procedure ($1).
SELECT procedure_code AS code, year, outcome, reason, made_by, procedure_review.made_at, abolished_at
FROM procedure_review JOIN procedure ON procedure.code = procedure_code WHERE procedure_code = $1 AND year = $2;

-- name: put_review
-- A year's review, new or as its author has thought better of it.
INSERT INTO procedure_review (procedure_code, year, outcome, reason, made_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (procedure_code, year) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason, made_at = city_now();

-- name: abolish
-- Nobody files it from now on; what was filed goes on.
UPDATE procedure SET abolished_at = city_now() WHERE code = $1;

-- name: procedure_is_known
-- Whether there is a procedure with this code, if only as a draft.
SELECT EXISTS (SELECT FROM procedure WHERE code = $1);
