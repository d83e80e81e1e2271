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
FROM fresh JOIN numbered ON numbered.principal_id = fresh.principal_id
RETURNING principal_id, seq, event_id;

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

-- Where devices are reached

-- name: leave_target
-- A target that moved here belongs to no other device any more.
DELETE FROM push_target WHERE target_hash = $1 AND (principal_id, device_id) <> ($2, $3);

-- name: keep_target
-- The device is reached there from now on.
INSERT INTO push_target (principal_id, device_id, platform, kind, target, target_hash, locale, app_version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (principal_id, device_id) DO UPDATE SET platform = excluded.platform, kind = excluded.kind, target = excluded.target,
    target_hash = excluded.target_hash, locale = excluded.locale, app_version = excluded.app_version, seen_at = city_now()
RETURNING device_id AS id, platform, kind AS target_kind, locale, app_version, made_at, seen_at;

-- name: lock_target
-- Whoever registers this target elsewhere at the same time waits.
SELECT pg_advisory_xact_lock(hashtextextended('target ' || encode($1::bytea, 'hex'), 0));

-- name: drop_target
-- The device is reached nowhere any more.
DELETE FROM push_target WHERE principal_id = $1 AND device_id = $2 RETURNING device_id;

-- name: targets_of
-- My devices that are reached by push.
SELECT device_id AS id, platform, kind AS target_kind, locale, app_version, made_at, seen_at
FROM push_target WHERE principal_id = $1 ORDER BY seen_at DESC, device_id;

-- name: drop_dead_targets
-- They who carry messages say that these are nobody's any more: only where the device has no other by now.
DELETE FROM push_target USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS dead (principal_id, device_id, target)
WHERE push_target.principal_id = dead.principal_id AND push_target.device_id = dead.device_id
    AND push_target.target = dead.target;

-- name: forget_targets
-- Phones that were not seen for $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM push_target WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM push_target WHERE seen_at < (SELECT city_now()) - make_interval(days => $1) LIMIT $2))
    RETURNING device_id
)
SELECT count(*) FROM old;

-- name: targets_of_person
-- For a copy of all that is held: where the person's devices are reached.
SELECT device_id, platform, kind, target, locale, app_version, made_at, seen_at
FROM push_target WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_targets
-- A person is forgotten: where their devices were reached.
DELETE FROM push_target WHERE principal_id = $1;

-- What people want to be told

-- name: preferences
-- What somebody wants to be told, or what holds for whoever never said.
SELECT coalesce(muted, '{}') AS muted, coalesce(texts, true) AS texts, coalesce(quiet, true) AS quiet,
    coalesce(quiet_from_minute, 1320) AS quiet_from_minute, coalesce(quiet_to_minute, 360) AS quiet_to_minute,
    coalesce(digest, 'burst') AS digest, coalesce(amounts, true) AS amounts, coalesce(ward_codes, '{}') AS ward_codes
FROM (SELECT $1::uuid AS principal_id) AS me LEFT JOIN notification_preference USING (principal_id);

-- name: keep_preferences
-- What somebody wants from now on.
INSERT INTO notification_preference (principal_id, muted, texts, quiet, quiet_from_minute, quiet_to_minute, digest, amounts, ward_codes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (principal_id) DO UPDATE SET muted = excluded.muted, texts = excluded.texts, quiet = excluded.quiet,
    quiet_from_minute = excluded.quiet_from_minute,
    quiet_to_minute = excluded.quiet_to_minute, digest = excluded.digest, amounts = excluded.amounts,
    ward_codes = excluded.ward_codes, changed_at = city_now();

-- name: unknown_wards
-- Which of these wards there are not.
SELECT code FROM unnest($1::text[]) AS code WHERE code NOT IN (SELECT ward.code FROM ward) LIMIT 1;

-- name: preferences_of_person
-- For a copy of all that is held: what the person wanted to be told.
SELECT muted, texts, quiet, quiet_from_minute, quiet_to_minute, digest, amounts, ward_codes, changed_at
FROM notification_preference WHERE principal_id = $1;

-- name: erase_preferences
-- A person is forgotten: what they wanted to be told.
DELETE FROM notification_preference WHERE principal_id = $1;

-- Deliveries

-- name: make_deliveries
-- New messages of people ($1, $2) go to each of their devices, in a lane ($3), unless it is muted; what is rolled up, or held
-- over quiet hours, joins what waits already. A broadcast ($4) stands by itself, so that it can be counted, corrected and
-- withdrawn. What is good for so many seconds only ($8) waits for nothing. Critical ones ask for nobody's leave; those that go by
-- topic ($7) go to browsers only, which have no topics.
WITH told AS MATERIALIZED (
    SELECT message.principal_id, message.seq, message.category, good_for_s IS NOT NULL AS hurries,
        message.at + coalesce(make_interval(secs => good_for_s), CASE message.category
            WHEN 'report' THEN interval '3 days' WHEN 'dossier' THEN interval '3 days' ELSE interval '1 day' END) AS expires_at
    FROM unnest($1::uuid[], $2::bigint[], $8::integer[]) AS fresh (principal_id, seq, good_for_s)
    JOIN message USING (principal_id, seq)
),
moment AS MATERIALIZED (SELECT city_now() AS now),
wished AS (
    SELECT told.*, target.device_id,
        coalesce(quiet, true) AND NOT hurries AND category <> 'account' AND $3 <> 'critical' AS quiet,
        category IN ('report', 'dossier') AND NOT hurries AND coalesce(digest, 'burst') <> 'none' AS rolls,
        coalesce(quiet_from_minute, 1320) AS from_minute, coalesce(quiet_to_minute, 360) AS to_minute,
        CASE WHEN hurries OR category NOT IN ('report', 'dossier') OR $3 <> 'transactional' THEN now
            ELSE CASE coalesce(digest, 'burst')
            WHEN 'daily' THEN next_minute_of_day(1080, now)
            WHEN 'burst' THEN coalesce((SELECT max(due_at) + interval '10 minutes' FROM delivery
                WHERE delivery.principal_id = told.principal_id AND delivery.device_id = target.device_id
                    AND delivery.category = told.category AND state <> 'cancelled'
                    AND made_at > now - interval '2 days' AND due_at > now - interval '10 minutes'), now)
            ELSE now END END AS at
    FROM told CROSS JOIN moment JOIN push_target AS target USING (principal_id) LEFT JOIN notification_preference USING (principal_id)
    WHERE told.expires_at > now AND ($3 = 'critical' OR NOT category = ANY (coalesce(muted, '{}')))
        AND (NOT $7::boolean OR kind = 'web_push')
),
planned AS (
    SELECT *, CASE WHEN quiet THEN quiet_until(from_minute, to_minute, at) ELSE at END AS due_at FROM wished CROSS JOIN moment
),
rolled AS (
    SELECT principal_id, device_id, category, min(seq) AS first_seq, max(seq) AS last_seq, min(due_at) AS due_at,
        max(expires_at) AS expires_at, bool_or(hurries) AS hurries,
        bool_or(rolls OR due_at > now) AND $3 <> 'critical' AND $4::uuid IS NULL AS is_rolled
    FROM planned
    GROUP BY principal_id, device_id, category,
        CASE WHEN (rolls OR due_at > now) AND $3 <> 'critical' THEN 0 ELSE seq END
)
INSERT INTO delivery (principal_id, device_id, channel, lane, category, first_seq, last_seq, broadcast_id, roll_key, collapse_key,
    due_at, expires_at)
SELECT principal_id, device_id, 'push', $3, category, first_seq, last_seq, $4::uuid, CASE WHEN is_rolled THEN category END,
    coalesce($5::text, category), due_at,
    coalesce($6::timestamptz, CASE WHEN hurries THEN expires_at ELSE greatest(expires_at, due_at + interval '1 hour') END)
FROM rolled ORDER BY principal_id, device_id, first_seq
ON CONFLICT (principal_id, device_id, roll_key) WHERE state = 'queued' AND roll_key IS NOT NULL DO UPDATE
SET last_seq = greatest(delivery.last_seq, excluded.last_seq), expires_at = greatest(delivery.expires_at, excluded.expires_at);

-- name: claim_deliveries
-- What is due in a lane ($1), at most so many ($2), for whoever sends it within so many seconds ($3): with where it goes, what
-- it says, and whether it still shall. `quiet_s`: it was late, and its reader wants to be left alone for so long by now; what
-- would be of no use afterwards does not wait for that.
WITH due AS MATERIALIZED (
    SELECT id FROM delivery WHERE lane = $1 AND state = 'queued' AND due_at <= (SELECT city_now())
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE delivery SET state = 'sending', attempts = attempts + 1, fence = fence + 1,
        lease_until = city_now() + make_interval(secs => $3)
    FROM due WHERE delivery.id = due.id RETURNING delivery.*
)
SELECT claimed.id, claimed.principal_id, claimed.device_id, channel, claimed.lane, claimed.category, fence, attempts, claimed.collapse_key,
    CASE WHEN broadcast_id IS NULL AND first_seq = claimed.last_seq THEN 'm' || claimed.last_seq ELSE '' END AS tag,
    claimed.expires_at, claimed.expires_at <= city_now() AS expired, target.kind AS target_kind,
    coalesce(topic, CASE channel WHEN 'text' THEN principal.phone ELSE target.target END) AS target,
    coalesce(language, 'vi') AS language, coalesce(message.link, broadcast.link) AS link, coalesce(amounts, true) AS amounts,
    CASE WHEN topic IS NULL THEN message.title WHEN topic LIKE '%.en' THEN title_en ELSE title_vi END AS title,
    CASE WHEN topic IS NULL THEN message.body WHEN topic LIKE '%.en' THEN body_en ELSE body_vi END AS body,
    coalesce((broadcast.state = 'cancelled' OR replaced_by IS NOT NULL) AND first_seq IS NOT DISTINCT FROM claimed.last_seq, false) AS is_withdrawn,
    claimed.lane <> 'critical' AND claimed.last_seq <= coalesce(inbox.read_up_to, 0) AS is_read,
    CASE WHEN first_seq IS NULL OR first_seq = claimed.last_seq THEN 1 ELSE (
        SELECT CASE WHEN claimed.category IN ('report', 'dossier') THEN count(DISTINCT coalesce(rolled.link, rolled.seq::text))
            ELSE count(*) END
        FROM message AS rolled
        WHERE rolled.principal_id = claimed.principal_id AND rolled.category = claimed.category
            AND rolled.seq BETWEEN greatest(first_seq, coalesce(inbox.read_up_to, 0) + 1) AND claimed.last_seq) END AS news,
    claimed.device_id IS NULL OR EXISTS (SELECT FROM session WHERE session.principal_id = claimed.principal_id
        AND session.device_id = claimed.device_id AND ended_at IS NULL) AS is_signed_in,
    claimed.lane <> 'critical' AND claimed.category = ANY (coalesce(muted, '{}')) AS is_muted,
    CASE WHEN claimed.lane <> 'critical' AND claimed.category <> 'account' AND coalesce(quiet, true)
            AND (claimed.lane = 'bulk' OR claimed.expires_at > quiet_end)
        THEN extract(epoch FROM quiet_end - city_now())::double precision ELSE 0 END AS quiet_s
FROM claimed
LEFT JOIN principal ON principal.id = claimed.principal_id
LEFT JOIN push_target AS target ON target.principal_id = claimed.principal_id AND target.device_id = claimed.device_id
LEFT JOIN message ON message.principal_id = claimed.principal_id AND message.seq = claimed.last_seq
LEFT JOIN inbox ON inbox.principal_id = claimed.principal_id
LEFT JOIN broadcast ON broadcast.id = broadcast_id
LEFT JOIN notification_preference AS preference ON preference.principal_id = claimed.principal_id
CROSS JOIN LATERAL quiet_until(coalesce(quiet_from_minute, 1320), coalesce(quiet_to_minute, 360), city_now()) AS quiet_end;

-- name: settle_deliveries
-- How each came out, for whoever still holds its lease: accepted, failed, cancelled and expired are told; queued is tried again
-- after so many seconds.
UPDATE delivery SET state = ended.state, why = ended.why, name = ended.name, lease_until = NULL,
    sent_at = CASE WHEN ended.state = 'accepted' THEN city_now() END,
    roll_key = CASE WHEN ended.state = 'queued' THEN NULL ELSE roll_key END,
    due_at = CASE WHEN ended.state = 'queued' THEN city_now() + make_interval(secs => ended.after_s) ELSE due_at END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::double precision[])
    AS ended (id, fence, state, why, name, after_s)
WHERE delivery.id = ended.id AND delivery.fence = ended.fence AND delivery.state = 'sending';

-- name: free_leases
-- Whoever had these of a lane has not come back: they are due again, at most so many.
WITH stuck AS (
    SELECT id FROM delivery WHERE state = 'sending' AND lease_until < (SELECT city_now()) AND lane = $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE delivery SET state = 'queued', lease_until = NULL, roll_key = NULL, why = 'lease' FROM stuck WHERE delivery.id = stuck.id
RETURNING delivery.id;

-- name: expire_deliveries
-- Nobody needs these any more; at most so many.
WITH late AS (
    SELECT id FROM delivery WHERE state = 'queued' AND expires_at <= (SELECT city_now()) LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE delivery SET state = 'expired', why = coalesce(why, 'expired') FROM late WHERE delivery.id = late.id;

-- name: delivery_gauges
-- By lane: how many are due, for how long the oldest has been, and how many failed in the last hour.
SELECT lane, coalesce(waiting.due, 0) AS due, coalesce(waiting.oldest_s, 0) AS oldest_s,
    (SELECT count(*) FROM delivery WHERE delivery.lane = lanes.lane AND state = 'failed'
        AND made_at > (SELECT city_now()) - interval '1 hour') AS failed
FROM unnest(ARRAY['critical', 'transactional', 'bulk']) AS lanes (lane)
CROSS JOIN LATERAL (SELECT count(*) AS due, extract(epoch FROM city_now() - min(due_at))::double precision AS oldest_s
    FROM delivery WHERE delivery.lane = lanes.lane AND state = 'queued' AND due_at <= (SELECT city_now())) AS waiting;

-- name: receive_of_topic
-- A phone has what came by its topic; the first time counts.
INSERT INTO broadcast_receipt (broadcast_id, principal_id, device_id, opened_at)
SELECT broadcast_id, $2::uuid, $3::uuid, CASE WHEN $4::boolean THEN city_now() END FROM delivery WHERE id = $1 AND topic IS NOT NULL
ON CONFLICT (broadcast_id, principal_id, device_id) DO UPDATE
SET opened_at = coalesce(broadcast_receipt.opened_at, excluded.opened_at)
RETURNING $1::uuid AS id, delivered_at, opened_at;

-- name: receive
-- The phone says that it has it, and perhaps that it was opened; the first time counts.
UPDATE delivery SET state = CASE WHEN state IN ('accepted', 'sending', 'queued') THEN 'delivered' ELSE state END,
    lease_until = NULL,
    delivered_at = coalesce(delivered_at, city_now()),
    opened_at = CASE WHEN $4 THEN coalesce(opened_at, city_now()) ELSE opened_at END
WHERE id = $1 AND principal_id = $2 AND device_id = $3
RETURNING id, delivered_at, opened_at;

-- name: resident_by_number
-- Who has this number.
SELECT id FROM principal WHERE phone = $1 AND closed_at IS NULL;

-- name: report_texts
-- The gateway says how texts ended ($1, $2, $3): that the phone has it counts, whatever was said before.
UPDATE delivery SET state = told.state, why = CASE WHEN told.state = 'delivered' THEN NULL ELSE left(coalesce(nullif(told.why, ''), told.state), 200) END,
    lease_until = NULL, delivered_at = CASE WHEN told.state = 'delivered' THEN coalesce(delivered_at, city_now()) END
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS told (id, state, why)
WHERE delivery.id = told.id AND channel = 'text' AND (delivery.state <> 'delivered');

-- name: deliveries_of_resident
-- What was sent to somebody ($1), when, and why not; newest first, from ($2, $3) on.
SELECT delivery.id, device_id, channel, lane, state, delivery.category, first_seq, last_seq, why, name, attempts, due_at, expires_at,
    delivery.made_at, sent_at, delivered_at, opened_at, broadcast_id, target.platform
FROM delivery LEFT JOIN push_target AS target USING (principal_id, device_id)
WHERE principal_id = $1 AND ($2::timestamptz IS NULL OR (delivery.made_at, delivery.id) < ($2, $3::uuid))
ORDER BY delivery.made_at DESC, delivery.id DESC LIMIT $4;

-- name: failed_deliveries
-- What could not be sent, newest first, from ($1, $2) on.
SELECT delivery.id, device_id, channel, lane, state, delivery.category, first_seq, last_seq, why, name, attempts, due_at, expires_at,
    delivery.made_at, sent_at, delivered_at, opened_at, broadcast_id, target.platform
FROM delivery LEFT JOIN push_target AS target USING (principal_id, device_id)
WHERE state = 'failed' AND ($1::timestamptz IS NULL OR (delivery.made_at, delivery.id) < ($1, $2::uuid))
ORDER BY delivery.made_at DESC, delivery.id DESC LIMIT $3;

-- name: replay_delivery
-- Have it sent once more, if it failed or expired; of a broadcast only as long as that is good for anything.
UPDATE delivery SET state = 'queued', due_at = city_now(), attempts = 0, why = NULL, roll_key = NULL,
    expires_at = CASE WHEN broadcast_id IS NULL THEN greatest(expires_at, city_now() + interval '1 hour') ELSE expires_at END
WHERE id = $1 AND state IN ('failed', 'expired') AND (broadcast_id IS NULL OR expires_at > city_now())
RETURNING id;

-- name: delivery
-- One of them.
SELECT delivery.id, device_id, channel, lane, state, delivery.category, first_seq, last_seq, why, name, attempts, due_at, expires_at,
    delivery.made_at, sent_at, delivered_at, opened_at, broadcast_id, target.platform
FROM delivery LEFT JOIN push_target AS target USING (principal_id, device_id)
WHERE delivery.id = $1;

-- name: forget_deliveries
-- Deliveries older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM delivery WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM delivery WHERE made_at < (SELECT city_now()) - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: deliveries_of_person
-- For a copy of all that is held: what was sent to the person's phones.
SELECT id, device_id, channel, category, state, made_at, sent_at, delivered_at, opened_at
FROM delivery WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_deliveries
-- A person is forgotten: what was sent to their phones.
DELETE FROM delivery WHERE principal_id = $1;

-- name: receipts_of_person
-- For a copy of all that is held: which of the city's messages the person's phones said they had.
SELECT broadcast_id, device_id, delivered_at, opened_at FROM broadcast_receipt WHERE principal_id = $1 ORDER BY delivered_at;

-- name: erase_receipts
-- A person is forgotten: what their phones said they had.
DELETE FROM broadcast_receipt WHERE principal_id = $1;

-- name: forget_receipts
-- Receipts older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM broadcast_receipt WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM broadcast_receipt WHERE delivered_at < (SELECT city_now()) - make_interval(days => $1) LIMIT $2))
    RETURNING device_id
)
SELECT count(*) FROM old;
