-- name: replace_codes
-- A new code for a phone replaces the one before.
UPDATE one_time_code SET replaced_at = city_now() WHERE phone = $1 AND used_at IS NULL AND replaced_at IS NULL;

-- name: make_code
-- A challenge whose code the worker will draw when it sends.
INSERT INTO one_time_code (id, phone, expires_at, resend_at)
VALUES ($1, $2, city_now() + interval '5 minutes', city_now() + interval '30 seconds')
RETURNING id AS challenge_id, expires_at, resend_at;

-- name: lock_phone
-- Two requests for one phone take turns.
SELECT pg_advisory_xact_lock(hashtextextended('sign-in ' || $1, 0));

-- name: draw_code
-- Keep the code's HMAC as it is sent; a replaced or late challenge draws none.
UPDATE one_time_code SET code_mac = $2
WHERE id = $1 AND used_at IS NULL AND replaced_at IS NULL AND expires_at > city_now()
RETURNING phone;

-- name: try_code
-- Count a try and show what to compare with: atomically, so that parallel guesses share the five tries.
UPDATE one_time_code SET tries = tries + 1
WHERE id = $1 AND tries < 5 AND used_at IS NULL AND replaced_at IS NULL AND expires_at > city_now()
RETURNING phone, code_mac;

-- name: use_code
-- A code opens one session.
UPDATE one_time_code SET used_at = city_now() WHERE id = $1;

-- name: resident_by_phone
-- The principal of a phone number, made at the first sign-in.
INSERT INTO principal (id, kind, phone) VALUES ($1, 'resident', $2)
ON CONFLICT (phone) DO UPDATE SET phone = excluded.phone
RETURNING id, kind, closed_at;

-- name: keep_device
-- Remember the device under its own id.
INSERT INTO device (principal_id, id, name, platform) VALUES ($1, $2, $3, $4)
ON CONFLICT (principal_id, id) DO UPDATE SET name = excluded.name, platform = excluded.platform, seen_at = city_now();

-- name: end_sessions_of_device
-- Signing in again on a device replaces its session.
UPDATE session SET ended_at = city_now(), end_reason = 'replaced'
WHERE principal_id = $1 AND device_id = $2 AND ended_at IS NULL;

-- name: open_session
-- A new session.
INSERT INTO session (id, principal_id, device_id) VALUES ($1, $2, $3);

-- name: keep_access_token
-- An access token lives 15 minutes.
INSERT INTO access_token (hash, session_id, expires_at) VALUES ($1, $2, city_now() + make_interval(secs => $3))
ON CONFLICT (hash) DO NOTHING;

-- name: keep_refresh_token
-- A refresh token lives 60 days, and has at most one child.
INSERT INTO refresh_token (hash, session_id, parent_hash, expires_at)
VALUES ($1, $2, $3, city_now() + interval '60 days')
ON CONFLICT (hash) DO NOTHING;

-- name: refresh_for_update
-- The token as it stands, and whether its child was used; concurrent refreshes take turns here.
SELECT
    token.session_id, token.used_at, token.used_at > city_now() - interval '60 seconds' AS just_used,
    token.expires_at <= city_now() AS expired, session.ended_at, device.platform,
    (SELECT child.used_at IS NOT NULL FROM refresh_token AS child WHERE child.parent_hash = token.hash) AS child_used
FROM refresh_token AS token
JOIN session ON session.id = token.session_id
JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE token.hash = $1
FOR UPDATE OF token;

-- name: use_refresh_token
-- Rotation: the first use is the one that counts.
UPDATE refresh_token SET used_at = coalesce(used_at, city_now()) WHERE hash = $1;

-- name: touch_session
-- Somebody is there.
UPDATE session SET seen_at = city_now() WHERE id = $1;

-- name: end_session
-- End one session of its owner.
UPDATE session SET ended_at = city_now(), end_reason = $3
WHERE id = $1 AND principal_id = $2 AND ended_at IS NULL
RETURNING id;

-- name: end_session_family
-- A reused refresh token ends its session.
UPDATE session SET ended_at = city_now(), end_reason = 'refresh_reused' WHERE id = $1 AND ended_at IS NULL;

-- name: end_all_sessions
-- The PIN was guessed too often: everybody signs in again.
UPDATE session SET ended_at = city_now(), end_reason = 'pin_exhausted' WHERE principal_id = $1 AND ended_at IS NULL;

-- name: principal_by_access_token
-- Who holds this token now.
SELECT
    principal.id, principal.kind, session.id AS session_id, session.confirmed_at IS NOT NULL AS confirmed,
    principal.level, session.device_id, device.public_key AS device_key,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM role_grant WHERE role_grant.principal_id = principal.id), '[]') AS grants
FROM access_token AS token
JOIN session ON session.id = token.session_id
JOIN principal ON principal.id = session.principal_id
JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE token.hash = $1 AND token.expires_at > city_now() AND session.ended_at IS NULL AND principal.closed_at IS NULL;

-- name: sessions_of
-- Where I am signed in, newest first.
SELECT session.id, session.device_id, device.name AS device_name, device.platform, session.signed_in_at,
    session.seen_at, session.id = $2 AS current
FROM session
JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE session.principal_id = $1 AND session.ended_at IS NULL
ORDER BY session.signed_in_at DESC, session.id;

-- name: profile
-- A principal as they see themselves.
SELECT
    principal.id, kind, phone, name, language, made_at,
    EXISTS (SELECT FROM pin WHERE pin.principal_id = principal.id) AS has_pin,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM role_grant WHERE role_grant.principal_id = principal.id), '[]') AS grants
FROM principal WHERE principal.id = $1;

-- name: change_profile
-- Change what was given; null leaves it as it is.
UPDATE principal SET name = coalesce($2, name), language = coalesce($3, language) WHERE id = $1;

-- name: try_pin
-- Count a try before the PIN is looked at, unless it is locked.
UPDATE pin SET wrong_tries = wrong_tries + 1, locked_until = NULL
WHERE principal_id = $1 AND (locked_until IS NULL OR locked_until <= city_now())
RETURNING hash, wrong_tries;

-- name: pin_lock
-- How long a PIN stays locked.
SELECT greatest(1, ceil(extract(epoch FROM locked_until - city_now())))::int FROM pin WHERE principal_id = $1;

-- name: lock_pin
-- Too many wrong tries; `$2` is what the count goes on from.
UPDATE pin SET locked_until = city_now() + interval '15 minutes', wrong_tries = $2 WHERE principal_id = $1;

-- name: right_pin
-- The PIN was right: forget the wrong tries.
UPDATE pin SET wrong_tries = 0 WHERE principal_id = $1;

-- name: has_pin
-- Is there a PIN already?
SELECT true FROM pin WHERE principal_id = $1;

-- name: set_first_pin
-- A first PIN; nothing happens if there is one.
INSERT INTO pin (principal_id, hash) VALUES ($1, $2) ON CONFLICT (principal_id) DO NOTHING RETURNING principal_id;

-- name: change_pin
-- Another PIN, the old one having been right.
UPDATE pin SET hash = $2, wrong_tries = 0, set_at = city_now() WHERE principal_id = $1;

-- name: forget_old_codes
-- Codes are kept for a day.
DELETE FROM one_time_code WHERE made_at < city_now() - interval '1 day';

-- name: forget_old_access_tokens
-- Expired access tokens.
DELETE FROM access_token WHERE expires_at < city_now() - interval '1 hour';

-- name: end_stale_sessions
-- A session whose last refresh token has run out is over.
UPDATE session SET ended_at = city_now(), end_reason = 'expired'
WHERE ended_at IS NULL AND seen_at < city_now() - interval '60 days'
    AND NOT EXISTS (SELECT FROM refresh_token AS token
        WHERE token.session_id = session.id AND token.expires_at > city_now());

-- name: forget_old_refresh_tokens
-- Refresh tokens past their sixty days.
DELETE FROM refresh_token WHERE expires_at < city_now();

-- name: plant_principal
-- Somebody of the sandbox.
INSERT INTO principal (id, kind, phone, name) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING;

-- name: plant_agency
-- An agency of the sandbox.
INSERT INTO agency (code, name_vi, name_en, ward_code) VALUES ($1, $2, $3, $4) ON CONFLICT (code) DO NOTHING;

-- name: plant_grant
-- A role of the sandbox's staff.
INSERT INTO role_grant (principal_id, agency_code, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
