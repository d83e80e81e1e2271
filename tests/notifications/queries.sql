-- name: deliveries
-- What is on its way to somebody.
SELECT id, device_id, channel, lane, state, category, first_seq, last_seq, why, attempts, roll_key, due_at, expires_at, sent_at, fence
FROM delivery WHERE principal_id = $1 ORDER BY made_at, last_seq;

-- name: due_now
-- Whatever waits is due.
UPDATE delivery SET due_at = city_now() WHERE state = 'queued';

-- name: quiet_until
-- When somebody may be told.
SELECT quiet_until($1, $2, $3);

-- name: next_minute_of_day
-- When it is that minute of the day.
SELECT next_minute_of_day($1, $2);

-- name: lose_leases
-- Whoever sends these has been away for a while.
UPDATE delivery SET lease_until = city_now() - interval '1 second' WHERE state = 'sending';

-- name: awake
-- Nobody has quiet hours.
INSERT INTO notification_preference (principal_id, quiet) VALUES ($1, false)
ON CONFLICT (principal_id) DO UPDATE SET quiet = false;

-- name: age_deliveries
-- They were made so long ago.
UPDATE delivery SET made_at = made_at - $1::interval, due_at = due_at - $1::interval;

-- name: end_pause
-- The pause of a broadcast is over.
UPDATE broadcast SET pushed_at = city_now() - interval '1 hour' WHERE phase = 'pause';

-- name: plant_devices
-- So many residents, each signed in on a phone that is reached by push, awake at any hour.
WITH people AS (
    INSERT INTO principal (id, kind, phone, name)
    SELECT gen_random_uuid(), 'resident', '+84911' || lpad(n::text, 6, '0'), 'Cư dân ' || n FROM generate_series($1::int, $2::int) AS n
    RETURNING id, phone
),
devices AS (
    INSERT INTO device (principal_id, id, name, platform) SELECT id, gen_random_uuid(), 'phone', 'android' FROM people
    RETURNING principal_id, id
),
sessions AS (
    INSERT INTO session (id, principal_id, device_id) SELECT gen_random_uuid(), principal_id, id FROM devices RETURNING principal_id
),
awake AS (
    INSERT INTO notification_preference (principal_id, quiet) SELECT id, false FROM people RETURNING principal_id
)
INSERT INTO push_target (principal_id, device_id, platform, kind, target, target_hash, locale, app_version)
SELECT principal_id, id, 'android', 'token', 'token-' || id, sha256(convert_to('token ' || id, 'utf8')), 'vi', '1.0' FROM devices;

-- name: delivery_states
-- How many of a broadcast are in which state.
SELECT state, count(*) AS count FROM delivery WHERE broadcast_id = $1 GROUP BY state;

-- name: messages_of_broadcast
-- In how many inboxes it is, and in how many twice.
SELECT count(*) AS messages, count(*) - count(DISTINCT principal_id) AS twice
FROM message JOIN broadcast ON event_id = -number WHERE broadcast.id = $1;

-- name: device_of_session
-- On which device somebody is signed in.
SELECT device_id FROM session WHERE id = $1;

-- name: plant_device
-- Somebody is signed in on another device.
WITH planted AS (INSERT INTO device (principal_id, id, name, platform) VALUES ($1, $2, 'iPhone', 'ios') RETURNING id)
INSERT INTO session (id, principal_id, device_id) SELECT gen_random_uuid(), $1, id FROM planted;

-- name: now
-- What time it is in the city.
SELECT city_now();

-- name: end_session
-- They sign out.
UPDATE session SET ended_at = city_now(), end_reason = 'signed_out' WHERE id = $1;

-- name: targets
-- Where somebody is reached.
SELECT target FROM push_target WHERE principal_id = $1;

-- name: expire
-- Nobody needs these any more.
UPDATE delivery SET expires_at = city_now() - interval '1 second' WHERE state = 'queued';

-- name: minute_of_day
-- How many minutes of the day are over in Huế.
SELECT floor(extract(epoch FROM city_now() - date_trunc('day', city_now(), 'Asia/Ho_Chi_Minh')) / 60)::integer;

-- name: plant_account_message
-- Somebody's first message is about their account.
WITH numbered AS (INSERT INTO inbox (principal_id, last_seq) VALUES ($1, 1) RETURNING principal_id)
INSERT INTO message (principal_id, seq, event_id, category, title, body, at)
SELECT principal_id, 1, 1, 'account', 'Đăng nhập trên máy mới', 'Nokia', city_now() FROM numbered;

-- name: expire_broadcast
-- Nobody needs these any more.
UPDATE broadcast SET expires_at = city_now() - interval '1 second';

-- name: plant_text
-- The resident's newest message goes by text.
INSERT INTO delivery (principal_id, channel, lane, category, first_seq, last_seq, collapse_key, due_at, expires_at)
SELECT principal_id, 'text', 'critical', 'alert', seq, seq, 'alert', city_now(), city_now() + interval '1 hour'
FROM message WHERE principal_id = $1 ORDER BY seq DESC LIMIT 1 RETURNING id;

-- name: plant_topic
-- A critical broadcast of somebody's ($1) to the whole city, good for so long ($2), is on its way to a topic.
WITH made AS (
    INSERT INTO broadcast (id, content_hash, title_vi, title_en, body_vi, body_en, ward_codes, category, lane, per_device, state,
        collapse_key, made_by, expires_at)
    VALUES (gen_random_uuid(), '', 'Lũ về', 'Flood', 'Lên cao', 'Go up', '{}', 'alert', 'critical', false, 'going', 'lu', $1,
        city_now() + $2::interval) RETURNING *
)
INSERT INTO delivery (topic, channel, lane, category, broadcast_id, collapse_key, due_at, expires_at)
SELECT 'city.vi', 'topic', lane, category, id, collapse_key, city_now(), expires_at FROM made RETURNING id;

-- name: forget_links
-- Somebody's messages open no screen.
UPDATE message SET link = NULL WHERE principal_id = $1;

-- name: latest_due_at
-- When the last of what waits is due.
SELECT max(due_at) FROM delivery WHERE state = 'queued';

-- name: hurry
-- Whatever waits is critical.
UPDATE delivery SET lane = 'critical' WHERE state = 'queued';

-- name: why_of_topic
-- What went wrong with a topic.
SELECT why FROM delivery WHERE topic IS NOT NULL;

-- name: plant_residents
-- So many residents, who never said what they want.
INSERT INTO principal (id, kind, phone, name)
SELECT gen_random_uuid(), 'resident', '+84912' || lpad(n::text, 6, '0'), 'Cư dân ' || n FROM generate_series(1, $1::int) AS n;

-- name: plant_told
-- Everybody has a broadcast in the inbox.
WITH numbered AS (
    INSERT INTO inbox (principal_id, last_seq) SELECT id, 1 FROM principal WHERE kind = 'resident' RETURNING principal_id
)
INSERT INTO message (principal_id, seq, event_id, category, title, body, at)
SELECT principal_id, 1, -number, category, title_vi, body_vi, city_now() FROM numbered, broadcast WHERE broadcast.id = $1;

-- name: come_far
-- A broadcast has come to the last hundred residents in this phase.
UPDATE broadcast SET state = 'going', phase = $2, reached = (
    SELECT id FROM principal WHERE kind = 'resident' ORDER BY id DESC OFFSET 100 LIMIT 1) WHERE id = $1;

-- name: principals_read
-- How many rows of principals this connection has looked at lately.
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname = 'principal';
