-- name: begin_telling
-- A dossier that the portal may know of is about to be sent: one try more; null: none such.
INSERT INTO national_sync (dossier_id, state, since_at, tries, tried_at)
SELECT id, 'waiting', city_now(), 1, city_now() FROM dossier
WHERE id = $1 AND state <> 'draft' AND (code IS NOT NULL OR portal_code IS NOT NULL)
ON CONFLICT (dossier_id) DO UPDATE SET tries = national_sync.tries + 1, tried_at = city_now(),
    state = CASE national_sync.state WHEN 'in_step' THEN 'waiting' ELSE national_sync.state END,
    since_at = coalesce(national_sync.since_at, city_now())
RETURNING dossier_id;

-- name: dossier_to_tell
-- A dossier as it is now, what the portal took of it, and the next step that it did not.
SELECT coalesce(portal_code, code) AS code, CASE WHEN portal_code IS NOT NULL THEN dossier.code END AS own_code, procedure_code,
    procedure_version, case_code, procedure_vi, field_code, channel, applicant_kind, coalesce(applicant_name, '') AS applicant_name,
    applicant_number, applicant_email, applicant_phone, accepted_at, due_at, national_status, finished_at,
    CASE WHEN national_status = 10 THEN coalesce((SELECT min(made_at) FROM dossier_event AS event
        WHERE event.dossier_id = dossier.id AND event.national_status = 10), ended_at) END AS returned_at, deliver_by, tracking_number, payment_state, fee_amount,
    (SELECT name_vi FROM agency WHERE agency.code = dossier.agency_code) AS agency_name, taken_version, taken_digest,
    coalesce((SELECT jsonb_agg(jsonb_build_object('code', paper_code, 'name', coalesce(name_vi, ''), 'kind', dossier_paper.kind, 'copies', copies)
            ORDER BY position)
        FROM dossier_paper LEFT JOIN stored_paper ON stored_paper.id = stored_paper_id
        WHERE dossier_id = dossier.id AND NOT from_staff), '[]') AS papers,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'words', note, 'asked_at', asked_at, 'given_at', given_at) ORDER BY asked_at)
        FROM dossier_supplement WHERE dossier_id = dossier.id), '[]') AS supplements,
    coalesce((SELECT jsonb_agg(jsonb_build_object('code', result.code, 'name', title_vi, 'number', number))
        FROM dossier_result AS result WHERE dossier_id = dossier.id AND (state = 'signed' OR state = 'made' AND NOT electronic)), '[]') AS results,
    (SELECT jsonb_build_object('version', event.version, 'by', by, 'actor', principal.name, 'department', department_vi,
            'words', event.name_vi || CASE WHEN note_for_applicant THEN coalesce(': ' || note, '') ELSE '' END,
            'status', event.national_status, 'due_at', event.due_at,
            'made_at', (SELECT jsonb_agg(made_at ORDER BY version) FROM dossier_event AS earlier
                WHERE earlier.dossier_id = event.dossier_id AND earlier.version <= event.version))
        FROM dossier_event AS event LEFT JOIN principal ON principal.id = actor_id
        WHERE event.dossier_id = dossier.id AND event.version > taken_version
            AND (taken_version > 0 OR portal_code IS NOT NULL OR to_state NOT IN ('draft', 'submitted', 'incomplete'))
        ORDER BY event.version LIMIT 1) AS step
FROM national_sync JOIN dossier ON dossier.id = national_sync.dossier_id
WHERE national_sync.dossier_id = $1;

-- name: mark_taken
-- The portal took it up to a version ($2), as it was then ($3, null: as before), unless somebody was quicker ($4).
UPDATE national_sync SET taken_version = $2, taken_digest = coalesce($3, taken_digest), taken_at = city_now(), tries = 1, error_code = NULL,
    error = NULL, state = 'waiting'
WHERE dossier_id = $1 AND taken_version = $4 AND state <> 'in_step';

-- name: mark_in_step
-- The portal knows all.
UPDATE national_sync SET state = 'in_step', since_at = NULL, tries = 0, error_code = NULL, error = NULL WHERE dossier_id = $1;

-- name: mark_refused
-- The portal said no, and why, to whoever is at it still ($4); not to somebody who was overtaken.
UPDATE national_sync SET state = 'refused', tries = 0, error_code = $2, error = $3
WHERE dossier_id = $1 AND taken_version = $4 AND state <> 'in_step';

-- name: mark_silent
-- The portal did not answer.
UPDATE national_sync SET error = $2 WHERE dossier_id = $1;

-- name: log_message
-- What was sent and what came back; of a dossier so many ($6) are kept.
WITH logged AS (
    INSERT INTO national_message (dossier_id, kind, version, error_code, answer) VALUES ($1, $2, $3, $4, $5)
)
DELETE FROM national_message WHERE dossier_id = $1
    AND position <= (SELECT position FROM national_message WHERE dossier_id = $1 ORDER BY position DESC OFFSET $6::int - 1 LIMIT 1);

-- name: find_out_of_step
-- Dossiers that changed and of which the portal was not told, although nobody is at it: at most so many. From now on they
-- wait.
INSERT INTO national_sync (dossier_id, state, since_at, asked_at)
SELECT dossier.id, 'waiting', city_now(), city_now()
FROM dossier LEFT JOIN national_sync AS sync ON sync.dossier_id = dossier.id
WHERE (code IS NOT NULL OR portal_code IS NOT NULL) AND dossier.state <> 'draft'
    AND updated_at BETWEEN city_now() - interval '30 days' AND city_now() - interval '10 minutes'
    AND version > coalesce(taken_version, 0)
    AND (sync.dossier_id IS NULL OR sync.state = 'in_step'
        OR sync.state = 'waiting' AND greatest(tried_at, asked_at) < city_now() - interval '12 hours')
ORDER BY updated_at LIMIT $1
ON CONFLICT (dossier_id) DO UPDATE SET state = 'waiting', since_at = coalesce(national_sync.since_at, city_now()), asked_at = city_now()
RETURNING dossier_id;

-- name: differences
-- What the portal does not know, newest first, from ($2, $3) on, in a language ($5); one of a dossier ($6), or all.
SELECT dossier_id, code, portal_code, procedure_code AS procedure, CASE $5::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
    agency_code AS agency, sync.state, error_code, error, tries, version, taken_version, since_at, tried_at, taken_at
FROM national_sync AS sync JOIN dossier ON id = dossier_id
WHERE (sync.state <> 'in_step' OR $6::uuid IS NOT NULL) AND ($1::text IS NULL OR sync.state = $1)
    AND ($2::timestamptz IS NULL OR (since_at, dossier_id) < ($2, $3::uuid)) AND ($6::uuid IS NULL OR dossier_id = $6)
ORDER BY since_at DESC, dossier_id DESC LIMIT $4;

-- name: resend
-- It is sent again; null: the portal was never to know of it.
UPDATE national_sync SET state = CASE state WHEN 'refused' THEN 'waiting' ELSE state END, tries = 0, asked_at = city_now()
WHERE dossier_id = $1 RETURNING state;

-- name: out_of_step_count
-- How many dossiers are out of step.
SELECT count(*) FROM national_sync WHERE state <> 'in_step';

-- Filed by the portal

-- name: take_filing_turn
-- Whoever files under the same code waits.
SELECT pg_advisory_xact_lock(hashtextextended('national ' || $1, 0));

-- name: filing
-- What the portal filed under a code.
SELECT dossier_id, content_hash FROM national_filing WHERE portal_code = $1;

-- name: keep_filing
-- It is filed, or corrected, in these words.
INSERT INTO national_filing (portal_code, dossier_id, content_hash) VALUES ($1, $2, $3)
ON CONFLICT (portal_code) DO UPDATE SET content_hash = excluded.content_hash, corrected_at = city_now();

-- name: agency_by_national_code
-- Which agency that is.
SELECT agency_code FROM dossier_agency WHERE national_code = $1;

-- name: resident_by_phone
-- The resident with this number, if there is exactly one.
SELECT min(id::text)::uuid FROM principal WHERE kind = 'resident' AND closed_at IS NULL AND phone = $1 HAVING count(*) = 1;

-- name: correct_filing
-- What the portal says of it now.
UPDATE dossier SET applicant_kind = $2, applicant_name = $3, applicant_number = $4, applicant_phone = $5, applicant_email = $6, form = $7,
    deliver_by = $8, address = $9
WHERE id = $1;

-- name: paper_wanted
-- Is the dossier open, and is this paper not there yet?
SELECT is_open AND NOT EXISTS (SELECT FROM dossier_paper WHERE dossier_id = $1 AND stored_paper_id = $2) FROM dossier WHERE id = $1;

-- name: paper_given_up
-- Was it told already that this paper could not be had?
SELECT EXISTS (SELECT FROM dossier_event WHERE action_id = $1);
