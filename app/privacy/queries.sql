-- name: open_file
-- Somebody of the city opened a resident's file.
INSERT INTO file_opening (id, principal_id, actor_id, opened_as, what, reason)
VALUES ($1, $2, $3, $4::jsonb, $5, $6);

-- name: openings_of
-- Who opened a person's file, newest first; not who by name.
SELECT id, opened_at AS at, opened_as, what, reason FROM file_opening
WHERE principal_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: record_processing
-- What was done with somebody's data, in the transaction of the deed.
INSERT INTO processing (id, principal_id, done, purpose, basis, actor_id, actor_kind, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb);

-- name: processing_page
-- The processing log, newest first.
SELECT id, done_at AS at, principal_id AS resident_id, done, purpose, basis, actor_id, actor_kind FROM processing
WHERE $1::uuid IS NULL OR id < $1
ORDER BY id DESC LIMIT $2;

-- name: processing_of
-- The processing log of one resident, newest first.
SELECT id, done_at AS at, principal_id AS resident_id, done, purpose, basis, actor_id, actor_kind FROM processing
WHERE principal_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: decide_consent
-- A purpose is consented to, or no longer.
INSERT INTO consent (id, principal_id, purpose, version, given, session_id) VALUES ($1, $2, $3, $4, $5, $6);

-- name: consents_now
-- What a person decided last, of each purpose that they decided on.
SELECT DISTINCT ON (purpose) purpose, version, given, decided_at FROM consent WHERE principal_id = $1
ORDER BY purpose, decided_at DESC, id DESC;

-- name: lock_consents
-- Two decisions of one person take turns.
SELECT id FROM principal WHERE id = $1 FOR NO KEY UPDATE;

-- name: ask_export
-- A copy of all that is held of a person is to be made.
INSERT INTO data_export (id, principal_id) VALUES ($1, $2)
RETURNING id AS export_id, status, made_at, ready_at, expires_at, size_bytes;

-- name: export_of_mine
-- How far a copy of mine is. One that nobody could make in a day will not be made.
SELECT id AS export_id,
    CASE WHEN status = 'ready' AND expires_at <= city_now() THEN 'expired'
        WHEN status = 'pending' AND made_at < city_now() - interval '1 day' THEN 'failed' ELSE status END AS status,
    made_at, ready_at, expires_at, size_bytes
FROM data_export WHERE id = $1 AND principal_id = $2;

-- name: export_for_update
-- A copy that is still to be made, and whose; the person is still here.
SELECT data_export.principal_id FROM data_export
JOIN principal ON principal.id = data_export.principal_id AND principal.closed_at IS NULL
WHERE data_export.id = $1 AND status = 'pending' FOR UPDATE OF data_export;

-- name: keep_export_part
-- A part of a copy as it is made.
INSERT INTO data_export_part (export_id, part, body) VALUES ($1, $2, $3);

-- name: export_part
-- A part of a copy of mine that is ready.
SELECT body FROM data_export_part JOIN data_export ON data_export.id = export_id
WHERE export_id = $1 AND part = $2 AND principal_id = $3 AND status = 'ready';

-- name: finish_export
-- The copy is made; it is kept for seven days.
UPDATE data_export SET status = 'ready', ready_at = city_now(), expires_at = city_now() + interval '7 days',
    size_bytes = $2
WHERE id = $1 RETURNING expires_at;

-- name: fail_export
-- The copy could not be made.
UPDATE data_export SET status = 'failed' WHERE id = $1;

-- name: ask_erasure
-- A person wants to be forgotten; once is enough.
INSERT INTO erasure (id, principal_id, session_id) VALUES ($1, $2, $3)
ON CONFLICT (principal_id) WHERE status = 'pending' DO UPDATE SET principal_id = excluded.principal_id
RETURNING id, status;

-- name: erasure_for_update
-- An erasure that is still to be done.
SELECT principal_id FROM erasure WHERE id = $1 AND status = 'pending' FOR UPDATE;

-- name: person_for_update
-- Whoever is about to be forgotten: nothing is hung on them meanwhile.
SELECT id FROM principal WHERE id = $1 FOR UPDATE;

-- name: finish_erasure
-- It is done, or something stood against it after all.
UPDATE erasure SET status = $2, finished_at = city_now() WHERE id = $1;

-- name: erasures_to_sweep
-- Erasures that were done a minute ago: what was on its way then has arrived now.
SELECT id, principal_id FROM erasure
WHERE status = 'done' AND swept_at IS NULL AND finished_at < city_now() - interval '1 minute'
ORDER BY finished_at LIMIT 10 FOR UPDATE SKIP LOCKED;

-- name: sweep_erasure
-- Nothing is left of it.
UPDATE erasure SET swept_at = city_now() WHERE id = $1;

-- name: ask_data
-- What a person asks, under the phone's id; nothing happens if it was asked before.
INSERT INTO data_request (id, principal_id, kind, request_text, due_on) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: data_request_of_mine
-- One of my requests.
SELECT id AS data_request_id, kind, request_text AS text, made_at, due_on, answered_at, granted, answer_text AS answer
FROM data_request WHERE id = $1 AND principal_id = $2;

-- name: data_requests_of_mine
-- My requests, newest first.
SELECT id AS data_request_id, kind, request_text AS text, made_at, due_on, answered_at, granted, answer_text AS answer
FROM data_request
WHERE principal_id = $1 AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: data_requests_open
-- Requests that wait for an answer, the soonest due first.
SELECT id AS data_request_id, principal_id AS resident_id, kind, request_text AS text, made_at, due_on,
    due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS overdue, answered_at, granted,
    answer_text AS answer
FROM data_request
WHERE answered_at IS NULL AND ($1::date IS NULL OR (due_on, id) > ($1, $2::uuid))
ORDER BY due_on, id LIMIT $3;

-- name: data_requests_all
-- Requests, answered or not, by the day on which they are due.
SELECT id AS data_request_id, principal_id AS resident_id, kind, request_text AS text, made_at, due_on,
    answered_at IS NULL AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS overdue, answered_at,
    granted, answer_text AS answer
FROM data_request
WHERE $1::date IS NULL OR (due_on, id) > ($1, $2::uuid)
ORDER BY due_on, id LIMIT $3;

-- name: data_request_for_update
-- A request that is about to be answered.
SELECT id AS data_request_id, principal_id AS resident_id, kind, request_text AS text, made_at, due_on,
    answered_at IS NULL AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS overdue, answered_at,
    granted, answer_text AS answer
FROM data_request WHERE id = $1 FOR UPDATE;

-- name: answer_data
-- A request is answered.
UPDATE data_request SET answered_at = city_now(), answered_by = $2, granted = $3,
    -- Whoever was erased meanwhile is not named anew.
    answer_text = CASE WHEN EXISTS (SELECT FROM principal WHERE principal.id = data_request.principal_id
        AND closed_at IS NOT NULL) THEN '***' ELSE $4 END
WHERE id = $1;

-- name: overdue_untold
-- Requests that nobody answered in time, and of which compliance does not know.
SELECT id AS data_request_id, due_on FROM data_request
WHERE answered_at IS NULL AND overdue_told_at IS NULL
    AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
ORDER BY due_on, id LIMIT 100 FOR UPDATE SKIP LOCKED;

-- name: tell_overdue
-- Compliance knows.
UPDATE data_request SET overdue_told_at = city_now() WHERE id = $1;

-- name: overdue_count
-- How many requests nobody answered in time.
SELECT count(*) FROM data_request
WHERE answered_at IS NULL AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;

-- name: compliance_members
-- Who looks after personal data.
SELECT DISTINCT active_grant.principal_id FROM active_grant
JOIN principal ON principal.id = active_grant.principal_id AND principal.closed_at IS NULL
WHERE role = 'compliance' ORDER BY 1;

-- name: open_breach
-- A breach has an entry in the register.
INSERT INTO breach (id) VALUES ($1) ON CONFLICT (id) DO NOTHING;

-- name: breach_lock
-- Two versions of one breach take turns.
SELECT closed_at IS NOT NULL AS closed FROM breach WHERE id = $1 FOR UPDATE;

-- name: write_breach
-- What is known of a breach now; the same as before is no new version.
INSERT INTO breach_version (breach_id, version, found_at, happened_at, what, kinds_of_data, people_affected, harm,
    measures, written_by)
SELECT $1, coalesce(latest.version, 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9
FROM (SELECT) AS once
LEFT JOIN (SELECT * FROM breach_version WHERE breach_id = $1 ORDER BY version DESC LIMIT 1) AS latest ON true
WHERE latest.version IS NULL OR (latest.found_at, latest.happened_at, latest.what, latest.kinds_of_data,
    latest.people_affected, latest.harm, latest.measures)
    IS DISTINCT FROM ($2::timestamptz, $3::timestamptz, $4::text, $5::text[], $6::integer, $7::text, $8::text)
RETURNING version;

-- name: breaches
-- The register, newest first: each breach as it is known now. The clock runs from the earliest moment that any version
-- names, so that a later one cannot win time.
SELECT breach.id AS breach_id, version, first_found_at AS found_at, happened_at, what, kinds_of_data, people_affected,
    harm, measures, first_found_at + interval '72 hours' AS notify_by,
    CASE WHEN notified_at IS NULL THEN floor(extract(epoch FROM first_found_at + interval '72 hours' - city_now()) / 3600)
        END::int AS hours_left,
    notified_at, reference, closed_at, lessons, breach.made_at
FROM breach
CROSS JOIN LATERAL (SELECT * FROM breach_version WHERE breach_id = breach.id ORDER BY version DESC LIMIT 1) AS latest
CROSS JOIN LATERAL (SELECT min(found_at) AS first_found_at FROM breach_version WHERE breach_id = breach.id) AS clock
WHERE $1::timestamptz IS NULL OR (breach.made_at, breach.id) < ($1, $2::uuid)
ORDER BY breach.made_at DESC, breach.id DESC LIMIT $3;

-- name: breach
-- One breach as it is known now.
SELECT breach.id AS breach_id, version, first_found_at AS found_at, happened_at, what, kinds_of_data, people_affected,
    harm, measures, first_found_at + interval '72 hours' AS notify_by,
    CASE WHEN notified_at IS NULL THEN floor(extract(epoch FROM first_found_at + interval '72 hours' - city_now()) / 3600)
        END::int AS hours_left,
    notified_at, reference, closed_at, lessons
FROM breach
CROSS JOIN LATERAL (SELECT * FROM breach_version WHERE breach_id = breach.id ORDER BY version DESC LIMIT 1) AS latest
CROSS JOIN LATERAL (SELECT min(found_at) AS first_found_at FROM breach_version WHERE breach_id = breach.id) AS clock
WHERE breach.id = $1;

-- name: notify_breach
-- The authority was told.
UPDATE breach SET notified_at = $2, reference = $3, notified_by = $4 WHERE id = $1 AND notified_at IS NULL RETURNING id;

-- name: close_breach
-- It is over, and this was learnt.
UPDATE breach SET closed_at = city_now(), lessons = $2, closed_by = $3 WHERE id = $1 AND closed_at IS NULL RETURNING id;

-- name: breach_clocks
-- Breaches of which the authority was not told, with a day or less left: those that compliance must hear of (again).
SELECT breach.id AS breach_id, first_found_at + interval '72 hours' AS notify_by,
    first_found_at + interval '72 hours' <= city_now() AS late
FROM breach
CROSS JOIN LATERAL (SELECT min(found_at) AS first_found_at FROM breach_version WHERE breach_id = breach.id) AS clock
WHERE notified_at IS NULL AND late_told_at IS NULL AND first_found_at <= city_now() - interval '48 hours'
    AND (soon_told_at IS NULL OR first_found_at <= city_now() - interval '72 hours')
FOR UPDATE OF breach SKIP LOCKED;

-- name: tell_breach
-- Compliance knows that the clock runs out, or that it has.
UPDATE breach SET soon_told_at = coalesce(soon_told_at, city_now()),
    late_told_at = CASE WHEN $2 THEN city_now() ELSE late_told_at END
WHERE id = $1;

-- name: retention_turns
-- When each holding was last looked through.
SELECT holding, ran_at, forgotten, forgotten_last FROM retention;

-- name: note_retention
-- A holding was looked through, and so many rows were forgotten.
INSERT INTO retention (holding, ran_at, forgotten, forgotten_last) VALUES ($1, city_now(), $2::int, $2::int)
ON CONFLICT (holding) DO UPDATE SET ran_at = excluded.ran_at, forgotten = retention.forgotten + excluded.forgotten,
    forgotten_last = excluded.forgotten_last;

-- name: consents_of_person
-- For a copy of all that is held: every decision, oldest first.
SELECT purpose, version, given, decided_at FROM consent WHERE principal_id = $1 ORDER BY decided_at, id;

-- name: exports_of_person
-- For a copy of all that is held: the copies that were asked for.
SELECT id, status, made_at, ready_at, expires_at, size_bytes FROM data_export WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_exports
-- A person is forgotten: copies that were made.
WITH mine AS MATERIALIZED (SELECT id FROM data_export WHERE principal_id = $1),
    parts AS (DELETE FROM data_export_part USING mine WHERE export_id = mine.id)
UPDATE data_export SET status = 'expired' WHERE principal_id = $1 AND status <> 'expired';

-- name: forget_exports
-- Copies that were ready more than $1 days ago, at most $2 of them: their parts go, that they were made stays.
WITH old AS MATERIALIZED (
    SELECT id FROM data_export
    WHERE status = 'ready' AND expires_at < city_now() AND ready_at < city_now() - make_interval(days => $1) LIMIT $2
),
parts AS (DELETE FROM data_export_part USING old WHERE export_id = old.id),
gone AS (UPDATE data_export SET status = 'expired' FROM old WHERE data_export.id = old.id RETURNING data_export.id)
SELECT count(*) FROM gone;

-- name: data_requests_of_person
-- For a copy of all that is held: what was asked and answered.
SELECT id, kind, request_text, made_at, due_on, answered_at, granted, answer_text
FROM data_request WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_data_requests
-- A person is forgotten: their words, and the words to them; that they asked and were answered is kept.
UPDATE data_request SET request_text = NULL, answer_text = NULL WHERE principal_id = $1;

-- name: processing_of_person
-- For a copy of all that is held: what was done with it.
SELECT done_at, done, purpose, basis, actor_kind FROM processing WHERE principal_id = $1 ORDER BY id;

-- name: openings_of_person
-- For a copy of all that is held: who opened the file, not by name.
SELECT opened_at, opened_as, what, reason FROM file_opening WHERE principal_id = $1 ORDER BY id;

-- name: news_of_person
-- For a copy of all that is held: news about a person.
SELECT kind, data, made_at FROM event WHERE data ->> 'principal_id' = ($1::uuid)::text ORDER BY id;

-- name: erase_news
-- A person is forgotten: news about them, and what was still to be done on it; in the news of their payments, which is
-- others' too, what they wrote and how they are called.
WITH jobs AS (DELETE FROM job WHERE data ->> 'principal_id' = ($1::uuid)::text),
payments AS (
    UPDATE event SET data = data || coalesce((
        SELECT jsonb_object_agg(key, CASE key WHEN 'memo' THEN 'null'::jsonb ELSE '"***"' END)
        FROM jsonb_object_keys(data) AS key WHERE key IN ('memo', 'payer_name', 'customer_code')), '{}')
    WHERE data ->> 'payer_id' = ($1::uuid)::text
)
DELETE FROM event WHERE data ->> 'principal_id' = ($1::uuid)::text;

-- name: forget_news
-- News that was told more than $1 days ago, at most $2 of it.
WITH old AS (
    DELETE FROM event WHERE id = ANY (ARRAY(
        SELECT id FROM event WHERE made_at < city_now() - make_interval(days => $1) AND told_at IS NOT NULL LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: uses_of_person
-- For a copy of all that is held: how often the person did what is counted.
SELECT replace(replace(key, principal.phone, '…'), principal.id::text, '…') AS what, window_s, window_started_at, used
FROM budget JOIN principal ON strpos(key, principal.phone) > 0 OR strpos(key, principal.id::text) > 0
WHERE principal.id = $1;

-- name: erase_uses
-- A person is forgotten: what was counted under their number or their id.
DELETE FROM budget USING principal
WHERE principal.id = $1 AND (strpos(key, principal.phone) > 0 OR strpos(key, principal.id::text) > 0);

-- name: forget_uses
-- Windows that began more than $1 days ago, at most $2 of them: the longest is a day.
WITH old AS (
    DELETE FROM budget WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM budget WHERE window_started_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING key
)
SELECT count(*) FROM old;
