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
