-- name: make_broadcast
-- What is to be told; null: there is one of this id.
INSERT INTO broadcast (id, content_hash, title_vi, title_en, body_vi, body_en, link, ward_codes, category, lane, per_device, state,
    collapse_key, corrects, made_by, started_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, CASE WHEN $12 = 'going' THEN city_now() END, $16)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: broadcast_for_update
-- One that is about to change.
SELECT id, content_hash, state, lane, made_by, expires_at, link, ward_codes, category, per_device, collapse_key
FROM broadcast WHERE id = $1 FOR UPDATE;

-- name: correction_of
-- Which broadcast takes the place of this one.
SELECT id FROM broadcast WHERE corrects = $1;

-- name: approve_broadcast
-- It goes out from now on.
UPDATE broadcast SET state = 'going', approved_by = $2, started_at = city_now() WHERE id = $1;

-- name: end_broadcast
-- It is over: done, cancelled or expired.
UPDATE broadcast SET state = $2, ended_at = city_now() WHERE id = $1;

-- name: replace_broadcasts
-- Another one ($2) takes the place of these ($1) and of their corrections: they go no further.
WITH RECURSIVE replaced AS (
    SELECT id FROM broadcast WHERE id = ANY ($1::uuid[])
    UNION
    SELECT correction.id FROM replaced JOIN broadcast AS correction ON correction.corrects = replaced.id
)
UPDATE broadcast SET replaced_by = coalesce(replaced_by, $2), state = CASE WHEN state IN ('waiting', 'going') THEN 'cancelled' ELSE state END,
    ended_at = coalesce(ended_at, city_now())
FROM replaced WHERE broadcast.id = replaced.id;

-- name: is_of_alert
-- Is this a warning's id?
SELECT EXISTS (SELECT FROM alert WHERE id = $1);

-- name: alert_is_replaced
-- Has another one taken a warning's place? Whoever wants to do so now waits.
SELECT replaced_by IS NOT NULL FROM alert WHERE id = $1 FOR SHARE;

-- name: broadcasts
-- One ($4), or those that were made before ($1, $2), newest first.
SELECT broadcast.id, jsonb_build_object('vi', title_vi, 'en', title_en) AS title, jsonb_build_object('vi', body_vi, 'en', body_en) AS body,
    link, ward_codes AS wards, category, lane, per_device, state, told, texts, corrects, maker.name AS made_by,
    approver.name AS approved_by, broadcast.made_at, started_at, pushed_at, ended_at, expires_at,
    coalesce((SELECT jsonb_object_agg(counted.state, counted.count) FROM (SELECT delivery.state, count(*) AS count FROM delivery
        WHERE broadcast_id = broadcast.id GROUP BY delivery.state) AS counted), '{}') AS deliveries,
    (SELECT count(*) FROM delivery WHERE broadcast_id = broadcast.id AND channel = 'push' AND delivery.state = 'delivered')
        + (SELECT count(*) FROM broadcast_receipt WHERE broadcast_id = broadcast.id) AS received
FROM broadcast JOIN principal AS maker ON maker.id = made_by LEFT JOIN principal AS approver ON approver.id = approved_by
WHERE ($4::uuid IS NULL OR broadcast.id = $4) AND ($1::timestamptz IS NULL OR (broadcast.made_at, broadcast.id) < ($1, $2::uuid))
ORDER BY broadcast.made_at DESC, broadcast.id DESC LIMIT $3;

-- name: reach
-- By ward: of those who care for it, how many were told, and how many a device, a text or a reading say have it.
SELECT ward, count(*) AS told, count(*) FILTER (WHERE message.seq <= read_up_to
    OR EXISTS (SELECT FROM broadcast_receipt AS receipt WHERE receipt.broadcast_id = broadcast.id
        AND receipt.principal_id = message.principal_id)
    OR EXISTS (SELECT FROM delivery WHERE delivery.principal_id = message.principal_id AND delivery.broadcast_id = broadcast.id
        AND (delivered_at IS NOT NULL OR channel = 'text' AND delivery.state IN ('accepted', 'delivered')))) AS reached
FROM broadcast
JOIN notification_preference AS preference ON cardinality(preference.ward_codes) > 0
    AND (cardinality(broadcast.ward_codes) = 0 OR preference.ward_codes && broadcast.ward_codes)
JOIN message ON message.principal_id = preference.principal_id AND message.event_id = -broadcast.number
JOIN inbox ON inbox.principal_id = message.principal_id
CROSS JOIN LATERAL unnest(preference.ward_codes) AS ward
WHERE broadcast.id = $1 AND (cardinality(broadcast.ward_codes) = 0 OR ward = ANY (broadcast.ward_codes))
GROUP BY ward ORDER BY ward;

-- On its way

-- name: claim_broadcast
-- One that goes on now, unless another worker is at it or its lane is full ($1): warnings first. Or one that waited for a
-- second pair of eyes until it was too late.
SELECT id, lane, phase, reached, per_device, collapse_key, ward_codes, expires_at, expires_at <= city_now() AS expired
FROM broadcast
WHERE state IN ('waiting', 'going') AND (state = 'going' OR expires_at <= city_now())
    AND (phase <> 'pause' OR pushed_at <= city_now() - make_interval(mins => $2) OR expires_at <= city_now())
    AND (SELECT count(*) FROM (SELECT FROM delivery WHERE delivery.lane = broadcast.lane AND delivery.state = 'queued'
        AND due_at <= (SELECT city_now()) LIMIT $1) AS full_lane) < $1
ORDER BY lane = 'critical' DESC, number LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: enter_phase
-- It goes on with this, from its first resident on.
UPDATE broadcast SET phase = $2, reached = NULL, pushed_at = CASE WHEN $2 = 'pause' THEN city_now() ELSE pushed_at END WHERE id = $1;

-- name: make_topics
-- One delivery for each topic ($2).
INSERT INTO delivery (topic, channel, lane, category, broadcast_id, collapse_key, due_at, expires_at)
SELECT topic, 'topic', lane, category, id, collapse_key, city_now(), expires_at FROM broadcast, unnest($2::text[]) AS topic
WHERE id = $1 ON CONFLICT DO NOTHING;

-- name: next_people
-- The residents after one ($1), by id, $2 at most.
SELECT id FROM principal WHERE kind = 'resident' AND closed_at IS NULL AND id > $1 ORDER BY id LIMIT $2;

-- name: tell_people
-- Those of these residents ($2) whom it concerns find it in their inboxes. Critical ones concern those too who named no ward;
-- and any of them whoever was told what it takes the place of. `has_topic`: it goes to a topic to which their phones subscribe.
WITH RECURSIVE going AS (SELECT * FROM broadcast WHERE id = $1),
earlier AS (
    SELECT id, number FROM broadcast WHERE replaced_by = $1
    UNION
    SELECT before.id, before.number FROM earlier JOIN broadcast AS before ON before.replaced_by = earlier.id
),
readers AS MATERIALIZED (
    SELECT principal.id AS principal_id, language,
        cardinality(going.ward_codes) = 0 OR coalesce(preference.ward_codes && going.ward_codes, false) AS has_topic
    FROM unnest($2::uuid[]) AS next (id) JOIN principal ON principal.id = next.id CROSS JOIN going
    LEFT JOIN notification_preference AS preference ON preference.principal_id = principal.id
    WHERE closed_at IS NULL AND (cardinality(going.ward_codes) = 0 OR preference.ward_codes && going.ward_codes
        OR lane = 'critical' AND coalesce(cardinality(preference.ward_codes), 0) = 0
        OR EXISTS (SELECT FROM message WHERE message.principal_id = principal.id
            AND event_id = ANY (ARRAY(SELECT -earlier.number FROM earlier))))
),
numbered AS (
    INSERT INTO inbox (principal_id, last_seq) SELECT principal_id, 1 FROM readers ORDER BY principal_id
    ON CONFLICT (principal_id) DO UPDATE SET last_seq = inbox.last_seq + 1
    RETURNING principal_id, last_seq
),
told AS (
    INSERT INTO message (principal_id, seq, event_id, category, title, body, link, at)
    SELECT principal_id, last_seq, -number, category, CASE language WHEN 'en' THEN title_en ELSE title_vi END,
        CASE language WHEN 'en' THEN body_en ELSE body_vi END, link, city_now()
    FROM numbered JOIN readers USING (principal_id) CROSS JOIN going
    RETURNING principal_id, seq
)
SELECT principal_id, seq, has_topic FROM told JOIN readers USING (principal_id);

-- name: keep_reached
-- So far it has come: the last resident who was looked at, and how many more were told.
UPDATE broadcast SET reached = $2, told = told + $3 WHERE id = $1;

-- name: text_people
-- Those of these residents ($2) whom nothing says that it reached get a text: who.
WITH going AS (SELECT * FROM broadcast WHERE id = $1),
readers AS MATERIALIZED (
    SELECT message.principal_id, message.seq FROM unnest($2::uuid[]) AS next (id) CROSS JOIN going
    JOIN message ON message.principal_id = next.id AND message.event_id = -number
),
unreached AS (
    SELECT readers.principal_id, readers.seq FROM readers
    JOIN principal ON principal.id = readers.principal_id AND phone IS NOT NULL AND closed_at IS NULL
    JOIN inbox ON inbox.principal_id = readers.principal_id AND read_up_to < readers.seq
    LEFT JOIN notification_preference AS preference ON preference.principal_id = readers.principal_id
    WHERE coalesce(texts, true)
        AND NOT EXISTS (SELECT FROM broadcast_receipt AS receipt
            WHERE receipt.broadcast_id = $1 AND receipt.principal_id = readers.principal_id)
        AND NOT EXISTS (SELECT FROM delivery WHERE delivery.principal_id = readers.principal_id AND delivery.broadcast_id = $1
            AND delivered_at IS NOT NULL)
)
INSERT INTO delivery (principal_id, channel, lane, category, first_seq, last_seq, broadcast_id, collapse_key, due_at, expires_at)
SELECT principal_id, 'text', lane, category, seq, seq, $1, collapse_key, city_now(), expires_at FROM unreached CROSS JOIN going
ON CONFLICT DO NOTHING RETURNING principal_id;

-- name: keep_texted
-- So far it has come: the last resident who was looked at, and how many more got a text.
UPDATE broadcast SET reached = $2, texts = texts + $3 WHERE id = $1;
