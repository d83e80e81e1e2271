-- name: replace_codes
-- A new code for a phone and a purpose replaces the one before.
UPDATE one_time_code SET replaced_at = city_now()
WHERE phone = $1 AND purpose = $2 AND used_at IS NULL AND replaced_at IS NULL;

-- name: make_code
-- A challenge whose code the worker will draw when it sends.
INSERT INTO one_time_code (id, phone, purpose, expires_at, resend_at)
VALUES ($1, $2, $3, city_now() + interval '5 minutes', city_now() + interval '30 seconds')
RETURNING id AS challenge_id, expires_at, resend_at;

-- name: lock_phone
-- Two requests for one phone take turns.
SELECT pg_advisory_xact_lock(hashtextextended('sign-in ' || $1, 0));

-- name: code_to_send
-- A challenge whose code was not sent yet; none if it was replaced or used, or would be too old when it is read.
SELECT id AS challenge_id, phone, purpose, expires_at, CASE WHEN code_mac IS NOT NULL THEN key_id END AS key_id
FROM one_time_code WHERE id = $1 AND used_at IS NULL AND replaced_at IS NULL AND sent_at IS NULL
    AND expires_at > city_now() + interval '10 seconds'
FOR UPDATE;

-- name: draw_code
-- Keep the code's HMAC before it is sent.
UPDATE one_time_code SET code_mac = $2, key_id = $3 WHERE id = $1;

-- name: code_is_sent
-- The code was handed over; null: that was written down before.
UPDATE one_time_code SET sent_at = city_now() WHERE id = $1 AND sent_at IS NULL RETURNING true;

-- name: phone_of_code
-- To whom a code went.
SELECT phone FROM one_time_code WHERE id = $1;

-- name: try_code
-- Count a try and show what to compare with: atomically, so that parallel guesses share the five tries.
UPDATE one_time_code SET tries = tries + 1
WHERE id = $1 AND purpose = $2 AND tries < 5 AND used_at IS NULL AND replaced_at IS NULL AND expires_at > city_now()
RETURNING phone, code_mac, key_id;

-- name: use_code
-- A code opens one session.
UPDATE one_time_code SET used_at = city_now() WHERE id = $1;

-- name: resident_by_phone
-- The principal of a phone number, made at the first sign-in.
INSERT INTO principal (id, kind, phone) VALUES ($1, 'resident', $2)
ON CONFLICT (phone) DO UPDATE SET phone = excluded.phone
RETURNING id, kind, closed_at, level, locked_at,
    EXISTS (SELECT FROM pin WHERE pin.principal_id = principal.id) AS has_pin;

-- name: known_device
-- A device that is trusted, and its key.
SELECT public_key FROM device
WHERE principal_id = $1 AND id = $2 AND removed_at IS NULL AND trusted_at IS NOT NULL;

-- name: keep_device
-- Remember the device under its own id.
INSERT INTO device (principal_id, id, name, platform) VALUES ($1, $2, $3, $4)
ON CONFLICT (principal_id, id) DO UPDATE SET name = excluded.name, platform = excluded.platform,
    seen_at = city_now(), removed_at = NULL;

-- name: distrust_device
-- Whoever signs in here has shown no more than the number: the device has no key any more, and is new for a while.
UPDATE device SET trusted_at = NULL, public_key = NULL, key_set_at = NULL,
    new_until = city_now() + make_interval(hours => $3)
WHERE principal_id = $1 AND id = $2;

-- name: distrust_other_devices
-- After a recovery only the device of `$2` is trusted; what the others held, and every passkey, proves nothing now.
WITH passkeys AS (
    UPDATE passkey SET removed_at = city_now()
    WHERE principal_id = $1 AND registered_at IS NOT NULL AND removed_at IS NULL
)
UPDATE device SET trusted_at = NULL, public_key = NULL, key_set_at = NULL
WHERE principal_id = $1 AND id IS DISTINCT FROM (SELECT device_id FROM session WHERE id = $2);

-- name: end_sessions_of_device
-- Signing in again on a device replaces its session.
UPDATE session SET ended_at = city_now(), end_reason = 'replaced'
WHERE principal_id = $1 AND device_id = $2 AND ended_at IS NULL;

-- name: open_session
-- A new session, not confirmed, and new for as long as its device is.
INSERT INTO session (id, principal_id, device_id, confirmed_at, new_until)
SELECT $1, $2, $3, NULL, new_until FROM device WHERE principal_id = $2 AND id = $3;

-- name: keep_access_token
-- An access token lives 15 minutes.
-- One that was handed out before keeps its end; returns how many seconds are left.
INSERT INTO access_token (hash, session_id, expires_at) VALUES ($1, $2, city_now() + make_interval(secs => $3))
ON CONFLICT (hash) DO UPDATE SET expires_at = access_token.expires_at
RETURNING greatest(0, round(extract(epoch FROM expires_at - city_now())))::int;

-- name: keep_refresh_token
-- A refresh token lives 60 days, and has at most one child.
INSERT INTO refresh_token (hash, session_id, parent_hash, expires_at)
VALUES ($1, $2, $3, city_now() + interval '60 days')
ON CONFLICT (hash) DO NOTHING;

-- name: refresh_for_update
-- The token as it stands, and whether its child was used; concurrent refreshes take turns here.
SELECT
    token.session_id, token.used_at, token.used_at > city_now() - interval '60 seconds' AS just_used,
    token.expires_at <= city_now() AS expired, session.end_reason, device.principal_id, device.id AS device_id,
    device.platform, device.public_key AS device_key,
    (SELECT child.used_at IS NOT NULL FROM refresh_token AS child WHERE child.parent_hash = token.hash) AS child_used
FROM refresh_token AS token
JOIN session ON session.id = token.session_id
JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE token.hash = $1
FOR UPDATE OF token;

-- name: use_refresh_token
-- Rotation: the first use is the one that counts, and its key the one that the child is derived with. One that was
-- used before there were keys with ids was used with key 1.
UPDATE refresh_token SET used_at = coalesce(used_at, city_now()),
    key_id = coalesce(key_id, CASE WHEN used_at IS NULL THEN $2 ELSE '1' END)
WHERE hash = $1
RETURNING key_id;

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

-- name: end_other_sessions
-- End a principal's sessions, all but `$3` (null: all); returns what ended.
UPDATE session SET ended_at = city_now(), end_reason = $2
WHERE principal_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3
RETURNING id;

-- name: principals_by_access_token
-- Who holds these tokens now.
SELECT
    token.hash, principal.id, principal.kind, session.id AS session_id, session.confirmed_at IS NOT NULL AS confirmed,
    principal.level, session.device_id, device.public_key AS device_key,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM active_grant WHERE active_grant.principal_id = principal.id), '[]') AS grants
FROM access_token AS token
JOIN session ON session.id = token.session_id
JOIN principal ON principal.id = session.principal_id
JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE token.hash = ANY ($1) AND token.expires_at > city_now() AND session.ended_at IS NULL
    AND principal.closed_at IS NULL;

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
        FROM active_grant WHERE active_grant.principal_id = principal.id), '[]') AS grants
FROM principal WHERE principal.id = $1;

-- name: change_profile
-- Change what was given; null leaves it as it is.
UPDATE principal SET name = coalesce($2, name), language = coalesce($3, language)
WHERE id = $1 AND closed_at IS NULL;

-- name: try_pin
-- Count a try before the PIN is looked at, unless the PIN is locked: the fifth and the tenth lock it as they are counted,
-- so that of any number at once no sixth is looked at. The one after the tenth begins anew.
UPDATE pin SET wrong_tries = wrong_tries % 10 + 1,
    locked_until = CASE WHEN wrong_tries % 10 + 1 IN (5, 10) THEN city_now() + interval '15 minutes' END
WHERE principal_id = $1 AND (locked_until IS NULL OR locked_until <= city_now())
RETURNING wrong_tries;

-- name: pin_at_hand
-- A PIN that is about to be tried in a session, and what stands against it.
SELECT pin.hash, pin.key_id, principal.level, principal.locked_at IS NOT NULL AS account_locked,
    coalesce((SELECT confirmed_at IS NOT NULL FROM session WHERE session.id = $2), false) AS confirmed
FROM pin JOIN principal ON principal.id = pin.principal_id WHERE pin.principal_id = $1;

-- name: pin_lock
-- For how many seconds a PIN is locked.
SELECT greatest(1, ceil(extract(epoch FROM locked_until - city_now())))::int FROM pin WHERE principal_id = $1;

-- name: right_pin
-- The PIN was right: forget the wrong tries.
UPDATE pin SET wrong_tries = 0, locked_until = NULL WHERE principal_id = $1;

-- name: has_pin
-- Is there a PIN already?
SELECT true FROM pin WHERE principal_id = $1;

-- name: set_first_pin
-- A first PIN; nothing happens if there is one.
INSERT INTO pin (principal_id, hash, key_id) VALUES ($1, $2, $3)
ON CONFLICT (principal_id) DO NOTHING RETURNING principal_id;

-- name: change_pin
-- Another PIN, its owner having shown the old one or themselves; other sessions know the old one no longer.
WITH locked AS (
    UPDATE session SET unlocked_until = NULL
    WHERE principal_id = $1 AND id <> $4 AND ended_at IS NULL AND unlocked_until IS NOT NULL
)
INSERT INTO pin (principal_id, hash, key_id) VALUES ($1, $2, $3)
ON CONFLICT (principal_id) DO UPDATE SET hash = excluded.hash, key_id = excluded.key_id, wrong_tries = 0,
    locked_until = NULL, set_at = city_now();

-- name: hash_pin_anew
-- The same PIN under a newer key.
UPDATE pin SET hash = $2, key_id = $3 WHERE principal_id = $1;

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
-- A role that no admin proposed: the sandbox's staff's.
WITH planted AS (
    INSERT INTO staff_grant (id, principal_id, agency_code, role, reason, status, approved_at)
    SELECT gen_random_uuid(), $1, $2, $3, 'Seed', 'active', city_now()
    WHERE NOT EXISTS (SELECT FROM role_grant WHERE principal_id = $1 AND agency_code = $2 AND role = $3)
    RETURNING id, principal_id, agency_code, role
)
INSERT INTO role_grant (principal_id, agency_code, role, grant_id)
SELECT principal_id, agency_code, role, id FROM planted;

-- name: confirm_session
-- Whoever holds this session has shown more than the number: its device is trusted from now on.
WITH confirmed AS (
    UPDATE session SET confirmed_at = coalesce(confirmed_at, city_now()) WHERE id = $1
    RETURNING principal_id, device_id
)
UPDATE device SET trusted_at = coalesce(trusted_at, city_now())
FROM confirmed WHERE device.principal_id = confirmed.principal_id AND device.id = confirmed.device_id;

-- name: lock_account
-- Nothing leaves this account until its owner is verified again; no row if it was locked before.
UPDATE principal SET locked_at = city_now() WHERE id = $1 AND locked_at IS NULL AND closed_at IS NULL
RETURNING id;

-- name: unlock_account
-- Its owner is back.
UPDATE principal SET locked_at = NULL WHERE id = $1 AND locked_at IS NOT NULL RETURNING id;

-- name: hold_money
-- After a recovery no money goes out for so many hours.
UPDATE principal SET money_out_from = greatest(money_out_from, city_now() + make_interval(hours => $2)) WHERE id = $1;

-- name: account_by_phone
-- Whose number is it, and what is kept of the PIN?
SELECT principal.id, principal.closed_at, pin.hash, pin.key_id
FROM principal LEFT JOIN pin ON pin.principal_id = principal.id WHERE phone = $1;

-- name: principals_for_update
-- Principals that are about to change; locked in the order of their ids.
SELECT id, phone, level, locked_at, closed_at,
    EXISTS (SELECT FROM pin WHERE pin.principal_id = principal.id) AS has_pin
FROM principal WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE;

-- name: principal_of_phone
-- Who has this number.
SELECT id FROM principal WHERE phone = $1;

-- name: drop_phone
-- The number is no longer this principal's; where no person is known, it is what a counter can find the account by.
UPDATE principal SET phone = NULL, former_phone = CASE WHEN level = 1 THEN phone END WHERE id = $1;

-- name: give_phone
-- The number is this principal's now.
UPDATE principal SET phone = $2, former_phone = NULL WHERE id = $1;

-- name: make_resident
-- A new resident with a number.
INSERT INTO principal (id, kind, phone) VALUES ($1, 'resident', $2);

-- name: person_lock
-- Two verifications of one person take turns.
SELECT pg_advisory_xact_lock(hashtextextended('person ' || $1 || ' ' || $2, 0));

-- name: account_of_person
-- The living account of a person at an identity provider.
SELECT principal_id FROM identity_proof WHERE issuer = $1 AND subject = $2 AND ended_at IS NULL;

-- name: person_of_account
-- Who a principal was verified to be.
SELECT issuer, subject, name, verified_at FROM identity_proof WHERE principal_id = $1 AND ended_at IS NULL;

-- name: prove_identity
-- A principal is a person now.
INSERT INTO identity_proof (id, principal_id, issuer, subject, name, born_on) VALUES ($1, $2, $3, $4, $5, $6);

-- name: raise_level
-- Verified, under the name that the provider knows.
UPDATE principal SET level = 2, name = $2 WHERE id = $1;

-- name: make_verification
-- A resident goes to the identity provider.
INSERT INTO verification (id, principal_id, session_id, new_number, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: verification_of_mine
-- Where a verification of mine stands.
SELECT id AS verification_id, coalesce(outcome, CASE WHEN expires_at <= city_now() THEN 'expired' ELSE 'pending' END)
    AS status, expires_at
FROM verification WHERE id = $1 AND principal_id = $2;

-- name: was_verified
-- Did this verification of this session end well?
SELECT outcome = 'verified' FROM verification WHERE id = $1 AND principal_id = $2 AND session_id = $3;

-- name: verification_for_update
-- An open verification of this session.
SELECT new_number FROM verification
WHERE id = $1 AND principal_id = $2 AND session_id = $3 AND finished_at IS NULL AND expires_at > city_now()
FOR UPDATE;

-- name: finish_verification
-- How it ended.
UPDATE verification SET finished_at = city_now(), outcome = $2 WHERE id = $1;

-- name: use_verification
-- A verification of the last ten minutes stands for its person, once.
UPDATE verification SET used_at = city_now()
WHERE id = $1 AND principal_id = $2 AND session_id = $3 AND outcome = 'verified' AND used_at IS NULL
    AND finished_at > city_now() - interval '10 minutes'
RETURNING id;

-- name: session_for_update
-- The session's device, and whether it is confirmed.
SELECT session.device_id, session.confirmed_at IS NOT NULL AS confirmed, device.name, device.platform
FROM session JOIN device ON device.principal_id = session.principal_id AND device.id = session.device_id
WHERE session.id = $1 AND session.ended_at IS NULL FOR UPDATE OF session;

-- name: level
-- What a principal may do, and what stands against it.
SELECT principal.level, principal.name, proof.verified_at, principal.locked_at IS NOT NULL AS locked,
    CASE WHEN principal.money_out_from > city_now() THEN principal.money_out_from END AS money_out_from,
    (SELECT jsonb_agg(jsonb_build_object('action', substr(code, 7), 'level', value) ORDER BY code)
        FROM current_policy WHERE code LIKE 'level.%') AS needs
FROM principal LEFT JOIN identity_proof AS proof ON proof.principal_id = principal.id AND proof.ended_at IS NULL
WHERE principal.id = $1;

-- name: make_step_up
-- A proof is asked for one payment.
INSERT INTO step_up (id, principal_id, session_id, payment_id, fingerprint, challenge, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, city_now() + interval '120 seconds')
RETURNING id AS step_up_id, expires_at;

-- name: step_up_means
-- How this principal can prove themselves.
SELECT principal.phone IS NOT NULL AS code, EXISTS (SELECT FROM identity_proof AS proof
        WHERE proof.principal_id = principal.id AND proof.ended_at IS NULL) AS face,
    EXISTS (SELECT FROM passkey WHERE principal_id = $1 AND registered_at IS NOT NULL AND removed_at IS NULL) AS passkey
FROM principal WHERE id = $1;

-- name: step_up_for_update
-- An open step-up of this session.
SELECT step_up.id, challenge, code_challenge_id, face_reference, tries, principal.phone,
    (SELECT subject FROM identity_proof AS proof
        WHERE proof.principal_id = principal.id AND proof.ended_at IS NULL) AS person
FROM step_up JOIN principal ON principal.id = step_up.principal_id
WHERE step_up.id = $1 AND step_up.principal_id = $2 AND session_id = $3 AND proved_at IS NULL
    AND expires_at > city_now() AND tries < 10
FOR UPDATE OF step_up;

-- name: step_up_with_code
-- The code that was sent for it.
UPDATE step_up SET code_challenge_id = $2 WHERE id = $1;

-- name: step_up_with_face
-- The face match that was asked for it.
UPDATE step_up SET face_reference = $2 WHERE id = $1;

-- name: try_step_up
-- Count a try.
UPDATE step_up SET tries = tries + 1 WHERE id = $1;

-- name: prove_step_up
-- It was the owner.
UPDATE step_up SET method = $2, proved_at = city_now() WHERE id = $1 RETURNING id AS step_up_id, method, expires_at;

-- name: pin_is_shown
-- There is no PIN, or this session has just shown it.
SELECT NOT EXISTS (SELECT FROM pin WHERE principal_id = $1)
    OR EXISTS (SELECT FROM session WHERE id = $2 AND principal_id = $1 AND unlocked_until > city_now());

-- name: move_proofs
-- The stand-in has another address now.
UPDATE identity_proof SET issuer = $1 WHERE ended_at IS NULL AND issuer <> $1;

-- name: codes_of_person
-- For a copy of all that is held: codes to the person's number, without the codes.
SELECT one_time_code.phone, purpose, one_time_code.made_at, expires_at, tries, used_at
FROM one_time_code JOIN principal ON principal.phone = one_time_code.phone
WHERE principal.id = $1 ORDER BY one_time_code.made_at;

-- name: erase_codes
-- A person is forgotten: codes to their number.
DELETE FROM one_time_code USING principal WHERE principal.id = $1 AND one_time_code.phone = principal.phone;

-- name: forget_codes
-- Codes older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM one_time_code WHERE id = ANY (ARRAY(
        SELECT id FROM one_time_code WHERE made_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: step_ups_of_person
-- For a copy of all that is held: proofs beside the PIN.
SELECT payment_id, made_at, expires_at, tries, method, proved_at, used_at
FROM step_up WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_step_ups
-- A person is forgotten: proofs beside the PIN.
DELETE FROM step_up WHERE principal_id = $1;

-- name: forget_step_ups
-- Proofs older than $1 days, at most $2 of them.
WITH old AS (
    DELETE FROM step_up WHERE id = ANY (ARRAY(
        SELECT id FROM step_up WHERE made_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: verifications_of_person
-- For a copy of all that is held: ways to the identity provider and back.
SELECT made_at, new_number, expires_at, finished_at, used_at, outcome
FROM verification WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_verifications
-- A person is forgotten: ways to the identity provider and back.
DELETE FROM verification WHERE principal_id = $1;

-- name: forget_verifications
-- Verifications older than $1 days, at most $2 of them; the audit knows of them.
WITH old AS (
    DELETE FROM verification WHERE id = ANY (ARRAY(
        SELECT id FROM verification WHERE made_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: identity_proofs_of_person
-- For a copy of all that is held: whom the identity provider said they are.
SELECT issuer, subject, name, born_on, verified_at, ended_at
FROM identity_proof WHERE principal_id = $1 ORDER BY verified_at;

-- name: end_identity_proofs
-- A person is forgotten: the account is no longer theirs; who had it is kept as long as the law says.
UPDATE identity_proof SET ended_at = city_now() WHERE principal_id = $1 AND ended_at IS NULL;

-- name: forget_identity_proofs
-- Proofs that ended more than $1 days ago, at most $2 of them.
WITH old AS (
    DELETE FROM identity_proof WHERE id = ANY (ARRAY(
        SELECT id FROM identity_proof WHERE ended_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: passkeys_of_person
-- For a copy of all that is held: passkeys, without what only the city needs of them.
SELECT name, made_at, registered_at, used_at, removed_at
FROM passkey WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_passkeys
-- A person is forgotten: passkeys.
DELETE FROM passkey WHERE principal_id = $1;

-- name: forget_passkeys
-- Passkeys that were removed more than $1 days ago, at most $2 of them.
WITH old AS (
    DELETE FROM passkey WHERE id = ANY (ARRAY(
        SELECT id FROM passkey WHERE removed_at < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;

-- name: pin_of_person
-- For a copy of all that is held: that there is a PIN.
SELECT set_at, wrong_tries, locked_until FROM pin WHERE principal_id = $1;

-- name: erase_pin
-- A person is forgotten: the PIN.
DELETE FROM pin WHERE principal_id = $1;

-- name: sessions_of_person
-- For a copy of all that is held: sessions.
SELECT id, device_id, signed_in_at, seen_at, confirmed_at, ended_at, end_reason
FROM session WHERE principal_id = $1 ORDER BY signed_in_at;

-- name: erase_sessions
-- A person is forgotten: every session ends, and no token opens or renews any.
WITH mine AS MATERIALIZED (SELECT id FROM session WHERE principal_id = $1),
    access AS (DELETE FROM access_token USING mine WHERE session_id = mine.id),
    refresh AS (DELETE FROM refresh_token USING mine WHERE session_id = mine.id)
UPDATE session SET ended_at = coalesce(ended_at, city_now()), end_reason = coalesce(end_reason, 'erased')
WHERE principal_id = $1;

-- name: forget_sessions
-- Sessions that ended more than $1 days ago, at most $2 of them; their tokens are long gone.
WITH old AS MATERIALIZED (
    SELECT id FROM session
    WHERE ended_at < city_now() - make_interval(days => $1)
        AND NOT EXISTS (SELECT FROM refresh_token WHERE session_id = session.id)
        AND NOT EXISTS (SELECT FROM access_token WHERE session_id = session.id)
    LIMIT $2
),
gone AS (DELETE FROM session USING old WHERE session.id = old.id RETURNING session.id)
SELECT count(*) FROM gone;

-- name: devices_of_person
-- For a copy of all that is held: devices.
SELECT id, name, platform, made_at, seen_at, public_key, key_set_at, removed_at
FROM device WHERE principal_id = $1 ORDER BY made_at;

-- name: erase_devices
-- A person is forgotten: what their devices were called and are known by. The ended sessions still stand on them.
WITH proofs AS (DELETE FROM device_proof WHERE principal_id = $1)
UPDATE device SET name = '?', public_key = NULL, key_set_at = NULL, removed_at = coalesce(removed_at, city_now())
WHERE principal_id = $1;

-- name: profile_of_person
-- For a copy of all that is held: the profile and its roles.
SELECT id, kind, phone, name, language, level, locked_at, money_out_from, made_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role, 'granted_at', granted_at)), '[]')
        FROM role_grant WHERE role_grant.principal_id = principal.id) AS roles
FROM principal WHERE id = $1;

-- name: erase_profile
-- A person is forgotten: an id without a number or a name. The number, shown again, makes somebody new.
UPDATE principal SET phone = NULL, name = NULL, level = 1, closed_at = coalesce(closed_at, city_now()), locked_at = NULL,
    money_out_from = NULL
WHERE id = $1;

-- name: use_proof
-- A proof counts once; it is remembered for longer than it could be shown again.
INSERT INTO device_proof (principal_id, device_id, jti, expires_at)
VALUES ($1, $2, $3, city_now() + interval '5 minutes')
ON CONFLICT DO NOTHING RETURNING jti;

-- name: forget_old_proofs
-- Proofs that are refused for their age anyway.
DELETE FROM device_proof WHERE expires_at < city_now();

-- name: devices_of
-- My devices, the one seen last first; `$2` is the one that asks.
SELECT
    device.id, device.name, device.platform, device.made_at,
    greatest(device.seen_at, max(session.seen_at)) AS seen_at, count(session.id) > 0 AS signed_in,
    device.public_key IS NOT NULL AS has_key, device.id IS NOT DISTINCT FROM $2 AS current
FROM device
LEFT JOIN session ON session.principal_id = device.principal_id AND session.device_id = device.id
    AND session.ended_at IS NULL
WHERE device.principal_id = $1 AND device.removed_at IS NULL
GROUP BY device.principal_id, device.id
ORDER BY seen_at DESC, device.id LIMIT 100;

-- name: remove_device
-- A device that is no longer mine, and its key.
UPDATE device SET removed_at = city_now(), trusted_at = NULL, public_key = NULL, key_set_at = NULL
WHERE principal_id = $1 AND id = $2 AND removed_at IS NULL
RETURNING id;

-- name: end_removed_device
-- Its session ends.
UPDATE session SET ended_at = city_now(), end_reason = 'device_removed'
WHERE principal_id = $1 AND device_id = $2 AND ended_at IS NULL;

-- name: device_for_update
-- The device that is about to have a key.
SELECT name, public_key FROM device WHERE principal_id = $1 AND id = $2 AND removed_at IS NULL FOR UPDATE;

-- name: keep_device_key
-- The device's key from now on.
UPDATE device SET public_key = $3, key_set_at = city_now() WHERE principal_id = $1 AND id = $2;

-- name: session_is_unlocked
-- Has this session just shown the PIN, and is its device new, or the account just recovered?
SELECT session.new_until > city_now() IS TRUE OR principal.money_out_from > city_now() IS TRUE AS is_new
FROM session JOIN principal ON principal.id = session.principal_id
WHERE session.id = $1 AND session.principal_id = $2 AND ended_at IS NULL AND unlocked_until > city_now();

-- name: make_passkey
-- A passkey that somebody is about to make.
INSERT INTO passkey (id, principal_id, challenge, expires_at)
VALUES ($1, $2, $3, city_now() + interval '5 minutes')
RETURNING expires_at;

-- name: passkey_for_update
-- One that was begun less than five minutes ago, or that is registered.
SELECT challenge, registered_at, credential FROM passkey
WHERE id = $1 AND principal_id = $2 AND removed_at IS NULL
    AND (registered_at IS NOT NULL OR expires_at > city_now())
FOR UPDATE;

-- name: register_passkey
-- What the authenticator made.
UPDATE passkey SET name = $2, credential = $3, public_key = $4, sign_count = $5, transports = $6,
    registered_at = city_now()
WHERE id = $1
RETURNING id, name, registered_at, used_at;

-- name: passkeys_of
-- A principal's passkeys, the oldest first.
SELECT id, name, registered_at, used_at, credential, transports FROM passkey
WHERE principal_id = $1 AND registered_at IS NOT NULL AND removed_at IS NULL
ORDER BY registered_at, id;

-- name: remove_passkey
-- A passkey that proves nothing from now on.
UPDATE passkey SET removed_at = city_now()
WHERE id = $1 AND principal_id = $2 AND registered_at IS NOT NULL AND removed_at IS NULL
RETURNING id;

-- name: passkey_of_credential
-- The passkey that somebody shows; two that show it take turns, so that its counter only grows.
SELECT id, public_key, sign_count FROM passkey
WHERE principal_id = $1 AND credential = $2 AND registered_at IS NOT NULL AND removed_at IS NULL
FOR UPDATE;

-- name: use_passkey
-- It was shown.
UPDATE passkey SET sign_count = $2, used_at = city_now() WHERE id = $1;

-- name: forget_passkeys_never_made
-- Begun, and not finished within the five minutes.
DELETE FROM passkey WHERE registered_at IS NULL AND expires_at < city_now() - interval '1 hour';

-- name: is_idle
-- Has nobody used this account for so many days?
SELECT coalesce(max(seen_at) < city_now() - make_interval(days => $2), false) FROM session WHERE principal_id = $1;

-- name: is_trusted_by_phone
-- Does the account of this number trust this device?
SELECT EXISTS (SELECT FROM principal JOIN device ON device.principal_id = principal.id
    WHERE principal.phone = $1 AND device.id = $2 AND trusted_at IS NOT NULL AND removed_at IS NULL);
