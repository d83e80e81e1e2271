-- name: form_facts
-- All that a form says of a dossier, for its owner ($2), or for the people of these agencies ($3).
SELECT dossier.id, dossier.code, pin, definition -> 'name' ->> 'vi' AS procedure,
    coalesce(of_case -> 'name' ->> 'vi', case_code) AS case_name, agency.name_vi AS agency, dossier.department_vi AS department,
    procedure_field.name_vi AS field, channel, dossier.state, outcome, applicant_name AS applicant, applicant_number,
    applicant_phone AS phone, applicant_email AS email, address, deliver_by,
    (SELECT (term ->> 'days')::integer FROM jsonb_array_elements(of_case -> 'terms') AS term WHERE term ->> 'channel' = channel) AS days,
    submitted_at, accepted_at, first_due_at, dossier.due_at, extended_at, finished_at, ended_at, payment_state, fee_amount,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', name, 'count', count, 'kind',
            CASE kind WHEN 0 THEN 'original' WHEN 1 THEN 'copy' ELSE 'electronic' END) ORDER BY first, kind)
        FROM (SELECT coalesce(paper -> 'name' ->> 'vi', paper_code) AS name, sum(copies) AS count, kind, min(position) AS first
            FROM (SELECT paper_code, position, copies, kind FROM dossier_paper WHERE dossier_id = dossier.id AND NOT from_staff) AS given
            LEFT JOIN jsonb_array_elements(definition -> 'papers') AS paper ON paper ->> 'code' = paper_code
            GROUP BY paper -> 'name' ->> 'vi', paper_code, kind) AS of_a_kind), '[]') AS papers,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', event.name_vi, 'from_state', from_state, 'to_state', to_state, 'by', by,
            'department', event.department_vi, 'agency', there.name_vi, 'actor', actor.name, 'note', note, 'due_at', event.due_at,
            'made_at', event.made_at) ORDER BY event.version)
        FROM dossier_event AS event
        LEFT JOIN agency AS there ON there.code = event.agency_code
        LEFT JOIN principal AS actor ON actor.id = event.actor_id
        WHERE dossier_id = dossier.id), '[]') AS steps,
    (SELECT jsonb_build_object('note', note, 'asked_at', asked_at, 'by', (SELECT name FROM principal WHERE id = asked_by),
            'papers', (SELECT coalesce(jsonb_agg(coalesce(paper -> 'name' ->> 'vi', code) ORDER BY at), '[]')
                FROM unnest(papers) WITH ORDINALITY AS wanted (code, at)
                LEFT JOIN jsonb_array_elements(definition -> 'papers') AS paper ON paper ->> 'code' = code))
        FROM dossier_supplement WHERE dossier_id = dossier.id ORDER BY asked_at DESC LIMIT 1) AS asked
FROM dossier
JOIN procedure_version ON procedure_version.procedure_code = dossier.procedure_code AND procedure_version.version = dossier.procedure_version
JOIN agency ON agency.code = dossier.agency_code
JOIN procedure_field ON procedure_field.code = field_code
LEFT JOIN LATERAL (SELECT of_case FROM jsonb_array_elements(definition -> 'cases') AS of_case WHERE of_case ->> 'code' = case_code) AS cases
    ON true
WHERE dossier.id = $1 AND state <> 'draft'
    AND ($2::uuid IS NOT NULL AND owner_id = $2 OR dossier.agency_code = ANY($3::text[]) OR desk_agency = ANY($3::text[]));

-- name: register_rows
-- What an agency has accepted between two days, both included, in that order; so many at most.
SELECT code, procedure_vi AS procedure, applicant_name AS applicant, channel, accepted_at, due_at,
    coalesce(finished_at, ended_at) AS finished_at, outcome, national_status, extended_at IS NOT NULL AS extended
FROM dossier
WHERE agency_code = $1 AND accepted_at >= $2 AND accepted_at < $3
ORDER BY accepted_at, id LIMIT $4;

-- name: agency_name
-- What an agency is called in Vietnamese.
SELECT name_vi FROM agency WHERE code = $1;

-- name: tracked
-- What everybody may know of a dossier with this code.
SELECT code, percent FROM dossier WHERE code = $1;

-- name: result_to_sign
-- A result that was made and is not signed yet.
SELECT result.id, dossier_id, result.code, number, title_vi, title_en, body, signer_name, result.agency_code, agency.name_vi AS agency,
    agency.name_en AS agency_en, dossier.code AS dossier_code, definition -> 'name' ->> 'vi' AS procedure, applicant_name AS applicant,
    applicant_number, result.made_at, coalesce(definition -> 'result' -> 'signatures', '["leader", "agency"]') AS roles
FROM dossier_result AS result
JOIN dossier ON dossier.id = dossier_id
JOIN procedure_version ON procedure_version.procedure_code = dossier.procedure_code AND procedure_version.version = dossier.procedure_version
JOIN agency ON agency.code = result.agency_code
WHERE result.id = $1 AND result.state = 'made' AND electronic;

-- name: intend_result
-- A file that is about to be put into the storage; if nothing comes of it, it is deleted after so many seconds.
INSERT INTO stored_object (key, upload_id, doomed_at) VALUES ($1, $2, city_now() + make_interval(secs => $3))
ON CONFLICT (key) DO UPDATE SET doomed_at = excluded.doomed_at;

-- name: adopt_result
-- It is there, and stays; if its time has come it is not ours any more.
UPDATE stored_object SET doomed_at = NULL WHERE key = $1 AND doomed_at > city_now() RETURNING key;

-- name: keep_signed
-- The result is this file from now on; only the first that is signed is it.
UPDATE dossier_result SET state = 'signed', storage_key = $2, sha256 = $3, size = $4, signatures = $5,
    signed_at = $6
WHERE id = $1 AND state = 'made' RETURNING dossier_id;

-- name: keep_for_reuse
-- What came out is among its owner's papers, if the procedure says so.
INSERT INTO stored_paper (id, owner_id, kind, name_vi, name_en, result_id, reusable)
SELECT $2, owner_id, definition -> 'result' ->> 'keeps', title_vi, title_en, result.id, true
FROM dossier_result AS result
JOIN dossier ON dossier.id = dossier_id
JOIN procedure_version ON procedure_version.procedure_code = dossier.procedure_code AND procedure_version.version = dossier.procedure_version
WHERE result.id = $1 AND owner_id IS NOT NULL AND definition -> 'result' ->> 'keeps' IS NOT NULL
ON CONFLICT ON CONSTRAINT stored_paper_result_unique DO NOTHING;

-- name: result_file
-- The signed file of a dossier, for its owner ($2), or for the people of these agencies ($3).
SELECT result.code, storage_key, size, encode(sha256, 'hex') AS sha256, payment_state IN ('later', 'due') AS unpaid
FROM dossier_result AS result JOIN dossier ON dossier.id = dossier_id
WHERE dossier_id = $1 AND storage_key IS NOT NULL
    AND ($2::uuid IS NOT NULL AND owner_id = $2 AND result.state = 'signed'
        OR dossier.agency_code = ANY($3::text[]) OR desk_agency = ANY($3::text[]));

-- name: check_result
-- What everybody is shown of a signed result with this code, in a language.
SELECT result.code, result.state = 'signed' AS genuine, number, CASE $2::text WHEN 'en' THEN title_en ELSE title_vi END AS title,
    CASE $2::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency, applicant_name AS applicant,
    signatures AS signed_by, signed_at, encode(sha256, 'hex') AS sha256, revoked_at, revoke_reason, '' AS page
FROM dossier_result AS result
JOIN dossier ON dossier.id = dossier_id
JOIN agency ON agency.code = result.agency_code
WHERE result.code = $1 AND signed_at IS NOT NULL;

-- name: check_file
-- The result whose file has this hash.
SELECT true AS issued, code, state = 'signed' AS genuine FROM dossier_result WHERE sha256 = $1;

-- name: papers_budget_is_used_up
-- How long somebody must wait who has asked in vain so often; null: not at all.
SELECT ceil(extract(epoch FROM window_started_at + make_interval(secs => $2::int) - city_now()))::int
FROM budget WHERE key = $1 AND window_s = $2 AND used >= $3
    AND window_started_at > city_now() - make_interval(secs => $2::int);
