-- name: deliver
-- Put messages into inboxes: each event once per resident, numbered in the order of their news.
WITH fresh AS MATERIALIZED (
    SELECT wanted.*, row_number() OVER (PARTITION BY principal_id ORDER BY event_id) AS nth
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
        AS wanted (principal_id, event_id, category, title, body, link, at)
    WHERE NOT EXISTS (SELECT FROM message WHERE message.principal_id = wanted.principal_id
        AND message.event_id = wanted.event_id)
),
numbered AS (
    INSERT INTO inbox (principal_id, last_seq)
    SELECT principal_id, count(*) FROM fresh GROUP BY principal_id ORDER BY principal_id
    ON CONFLICT (principal_id) DO UPDATE SET last_seq = inbox.last_seq + excluded.last_seq
    RETURNING principal_id, last_seq
)
INSERT INTO message (principal_id, seq, event_id, category, title, body, link, at)
SELECT fresh.principal_id,
    numbered.last_seq - count(*) OVER (PARTITION BY fresh.principal_id) + nth,
    event_id, category, title, body, link, at
FROM fresh JOIN numbered ON numbered.principal_id = fresh.principal_id;

-- name: languages
-- Which language each reader reads; nobody writes to whoever has left.
SELECT id, language FROM principal WHERE id = ANY ($1::uuid[]) AND closed_at IS NULL;

-- name: inbox
-- One page, newest first.
SELECT message.seq, category, title, body, link, at, message.seq <= coalesce(inbox.read_up_to, 0) AS read
FROM message LEFT JOIN inbox ON inbox.principal_id = message.principal_id
WHERE message.principal_id = $1 AND ($2::bigint IS NULL OR message.seq < $2)
ORDER BY message.seq DESC LIMIT $3;

-- name: read_up_to
-- Read up to there; never back, never past the last.
UPDATE inbox SET read_up_to = greatest(read_up_to, least($2, last_seq)) WHERE principal_id = $1
RETURNING last_seq - read_up_to;

-- name: inbox_positions
-- The last message of each inbox and up to where it is read, for sessions that may still hear; a browser's of the
-- staff is idle after $3 seconds.
SELECT asked.nth, coalesce(inbox.last_seq, 0), coalesce(inbox.read_up_to, 0)
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (principal_id, session_id, nth)
JOIN principal ON principal.id = asked.principal_id AND principal.closed_at IS NULL AND principal.locked_at IS NULL
LEFT JOIN session ON session.id = asked.session_id AND session.principal_id = asked.principal_id
LEFT JOIN staff_session ON staff_session.id = asked.session_id AND staff_session.principal_id = asked.principal_id
LEFT JOIN inbox ON inbox.principal_id = asked.principal_id
WHERE CASE WHEN session.id IS NOT NULL THEN session.ended_at IS NULL
    ELSE staff_session.ended_at IS NULL AND staff_session.expires_at > city_now()
        AND staff_session.seen_at > city_now() - make_interval(secs => $3) END;

-- name: messages_after
-- Of each inbox the first messages after one and up to another, oldest first.
SELECT asked.nth, message.seq, category, title, body, link, at, message.seq <= coalesce(inbox.read_up_to, 0) AS read
FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::bigint[]) AS asked (nth, principal_id, after_seq, up_to_seq)
LEFT JOIN inbox ON inbox.principal_id = asked.principal_id
CROSS JOIN LATERAL (
    SELECT * FROM message WHERE message.principal_id = asked.principal_id AND message.seq > asked.after_seq
        AND message.seq <= asked.up_to_seq ORDER BY message.seq LIMIT $5) AS message
ORDER BY asked.nth, message.seq;

-- name: messages_of_person
-- For a copy of all that is held: the inbox, oldest first.
SELECT message.seq, category, title, body, link, at, message.seq <= coalesce(inbox.read_up_to, 0) AS read
FROM message LEFT JOIN inbox ON inbox.principal_id = message.principal_id
WHERE message.principal_id = $1 ORDER BY message.seq;

-- name: erase_messages
-- A person is forgotten: the inbox and all that is in it.
WITH messages AS (DELETE FROM message WHERE principal_id = $1)
DELETE FROM inbox WHERE principal_id = $1;

-- name: forget_messages
-- Messages older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM message WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM message WHERE at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING seq
)
SELECT count(*) FROM old;
