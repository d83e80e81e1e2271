-- name: record_audit
-- A row of the audit, in the transaction of the deed.
INSERT INTO audit (actor_id, actor_kind, action, subject, data) VALUES ($1, $2, $3, $4, $5::jsonb);

-- name: audit_of_person
-- For a copy of all that is held: what was done to a person's account, when and by what kind of actor.
SELECT made_at, actor_kind, action FROM audit WHERE subject = ($1::uuid)::text ORDER BY id;

-- name: take_chain
-- One chainer at a time; whoever comes second has nothing to do.
SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain', 0));

-- name: take_waiting
-- Rows that wait for their link, as they are hashed. One that is gone stays where it waits, for the check to find.
WITH waiting AS MATERIALIZED (
    SELECT audit_id FROM audit_waiting
    WHERE EXISTS (SELECT FROM audit WHERE audit.id = audit_waiting.audit_id)
        AND NOT EXISTS (SELECT FROM audit_link WHERE audit_link.audit_id = audit_waiting.audit_id)
    ORDER BY audit_id LIMIT $1
),
taken AS (
    DELETE FROM audit_waiting USING waiting WHERE audit_waiting.audit_id = waiting.audit_id
)
SELECT id, to_char(made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS made_at, actor_id, actor_kind, action, subject,
    data::text AS data
FROM audit JOIN waiting ON audit_id = id ORDER BY id;

-- name: add_links
-- Link rows in this order onto position $1.
INSERT INTO audit_link (position, audit_id, hash)
SELECT $1::bigint + number, audit_id, hash
FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS linked (audit_id, hash, number);

-- name: audit_head
-- Where the chain ends.
SELECT "position", hash FROM audit_link ORDER BY "position" DESC LIMIT 1;

-- name: link_hash
-- What is written at a position.
SELECT hash FROM audit_link WHERE "position" = $1;

-- name: links_with_rows
-- A stretch of the chain with what it links; no row: it is gone.
SELECT link.position, link.audit_id, link.hash, extract(epoch FROM audit.made_at)::float8 AS made_s,
    extract(epoch FROM link.linked_at)::float8 AS linked_s, audit.id,
    to_char(audit.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS made_at, audit.actor_id, audit.actor_kind,
    audit.action, audit.subject, audit.data::text AS data
FROM audit_link AS link LEFT JOIN audit ON audit.id = link.audit_id
WHERE link.position >= $1 AND link.position < $2 ORDER BY link.position;

-- name: strays
-- Rows that the chain knows nothing of.
SELECT id FROM audit
WHERE id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM audit_link WHERE audit_id = audit.id)
    AND NOT EXISTS (SELECT FROM audit_waiting WHERE audit_id = audit.id)
ORDER BY id LIMIT $3;

-- name: gone_while_waiting
-- Rows that were there to be linked, and are not any more.
SELECT audit_id FROM audit_waiting
WHERE NOT EXISTS (SELECT FROM audit WHERE id = audit_id) ORDER BY audit_id LIMIT $1;

-- name: take_ten_minutes
-- This transaction reads a long stretch.
SELECT set_config('statement_timeout', '10min', true);

-- name: last_check
-- What the last check of the chain found, and how far it came.
SELECT next_position, head_position, head_hash, broken, checked_at FROM audit_check;

-- name: keep_check
-- What this check found.
INSERT INTO audit_check (next_position, head_position, head_hash, broken) VALUES ($1, $2, $3, $4)
ON CONFLICT (only_row) DO UPDATE SET next_position = excluded.next_position,
    head_position = excluded.head_position, head_hash = excluded.head_hash, broken = excluded.broken,
    checked_at = city_now();

-- name: audit_gauges
-- For the dashboard: how many rows wait, how long the chain is, and what its last check found.
SELECT (SELECT count(*) FROM audit_waiting) AS waiting,
    coalesce((SELECT max("position") FROM audit_link), 0) AS head,
    (SELECT broken FROM audit_check) AS broken, (SELECT checked_at FROM audit_check) AS checked_at;

-- name: audit_page
-- The audit newest first: of an actor, about a subject, of one kind of deed, or all.
SELECT audit.id, audit.made_at, audit.actor_id, audit.actor_kind, audit.action, audit.subject, audit.data,
    link.position
FROM audit LEFT JOIN audit_link AS link ON link.audit_id = audit.id
WHERE ($1::uuid IS NULL OR audit.actor_id = $1) AND ($2::text IS NULL OR audit.subject = $2)
    AND ($3::text IS NULL OR audit.action = $3) AND ($4::bigint IS NULL OR audit.id < $4)
ORDER BY audit.id DESC LIMIT $5;
