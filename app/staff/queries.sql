-- name: open_staff_session
-- Somebody is signed in for so many seconds at most.
INSERT INTO staff_session (id, principal_id, token_hash, expires_at)
VALUES ($1, $2, $3, city_now() + make_interval(secs => $4));

-- name: principal_by_staff_token
-- Who holds this token now, unless the session was idle for $2 seconds; every $3 seconds it is noted that they are there.
WITH seen AS (
    UPDATE staff_session SET seen_at = city_now()
    WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > city_now()
        AND seen_at > city_now() - make_interval(secs => $2) AND seen_at <= city_now() - make_interval(secs => $3)
)
SELECT principal.id, principal.kind, session.id AS session_id,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM active_grant WHERE active_grant.principal_id = principal.id), '[]') AS grants
FROM staff_session AS session
JOIN principal ON principal.id = session.principal_id
JOIN staff_account AS account ON account.principal_id = session.principal_id
WHERE session.token_hash = $1 AND session.ended_at IS NULL AND session.expires_at > city_now()
    AND session.seen_at > city_now() - make_interval(secs => $2)
    AND principal.closed_at IS NULL AND account.closed_at IS NULL;

-- name: staff_session
-- A member as they see themselves, with their session's ends if this is the session's token.
SELECT principal.id AS member_id, principal.name, account.email, session.signed_in_at, session.expires_at,
    session.seen_at + make_interval(secs => $4) AS idle_until,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role, 'until', until)
            ORDER BY agency_code, role)
        FROM (SELECT agency_code, role, nullif(max(coalesce(valid_until, 'infinity')), 'infinity') AS until
            FROM (SELECT agency_code, role, valid_until FROM role_grant WHERE principal_id = $1
                UNION ALL
                SELECT agency_code, role, valid_until FROM break_glass WHERE principal_id = $1) AS held
            WHERE valid_until IS NULL OR valid_until > city_now()
            GROUP BY agency_code, role) AS longest), '[]') AS grants
FROM principal
LEFT JOIN staff_account AS account ON account.principal_id = principal.id
LEFT JOIN staff_session AS session
    ON session.id = $2 AND session.principal_id = principal.id AND session.token_hash = $3
WHERE principal.id = $1;

-- name: end_staff_session
-- Signed out.
UPDATE staff_session SET ended_at = city_now(), end_reason = 'signed_out'
WHERE id = $1 AND principal_id = $2 AND ended_at IS NULL
RETURNING id;

-- name: end_stale_staff_sessions
-- Sessions that ended by themselves.
UPDATE staff_session SET
    ended_at = least(expires_at, seen_at + make_interval(secs => $1)),
    end_reason = CASE WHEN expires_at <= seen_at + make_interval(secs => $1) THEN 'expired' ELSE 'idle' END
WHERE ended_at IS NULL AND (expires_at <= city_now() OR seen_at <= city_now() - make_interval(secs => $1));

-- name: forget_old_staff_sessions
-- Sessions that ended so many days ago.
DELETE FROM staff_session WHERE ended_at < city_now() - make_interval(days => $1);

-- name: end_staff_sessions_of_member
-- A member left.
UPDATE staff_session SET ended_at = city_now(), end_reason = 'member_closed'
WHERE principal_id = $1 AND ended_at IS NULL;

-- name: linking_lock
-- First sign-ins take turns.
SELECT pg_advisory_xact_lock(hashtextextended('staff first sign-in', 0));

-- name: member_of_person
-- The member whom a provider's subject is.
SELECT principal_id FROM staff_account JOIN principal ON principal.id = principal_id
WHERE issuer = $1 AND subject = $2 AND staff_account.closed_at IS NULL AND principal.closed_at IS NULL;

-- name: link_member
-- The first sign-in of whoever was invited under this e-mail, unless the person is a member already.
UPDATE staff_account SET issuer = $1, subject = $2, linked_at = city_now()
WHERE email = $3 AND subject IS NULL AND closed_at IS NULL
    AND NOT EXISTS (SELECT FROM staff_account AS other
        WHERE other.issuer = $1 AND other.subject = $2 AND other.closed_at IS NULL);

-- name: make_staff_principal
-- Somebody who will work for the city.
INSERT INTO principal (id, kind, name) VALUES ($1, 'staff', $2) ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: make_staff_account
-- How a member will be known at the staff's door.
INSERT INTO staff_account (principal_id, email, phone, invited_by) VALUES ($1, $2, $3, $4);

-- name: member
-- A member of staff.
SELECT principal.id, principal.name, account.email, account.phone, account.linked_at, account.made_at, account.closed_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM active_grant WHERE active_grant.principal_id = principal.id), '[]') AS grants
FROM staff_account AS account JOIN principal ON principal.id = account.principal_id WHERE principal.id = $1;

-- name: members
-- Members of staff, newest first.
SELECT principal.id, principal.name, account.email, account.phone, account.linked_at, account.made_at, account.closed_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('agency', agency_code, 'role', role) ORDER BY agency_code, role)
        FROM active_grant WHERE active_grant.principal_id = principal.id), '[]') AS grants
FROM staff_account AS account JOIN principal ON principal.id = account.principal_id
WHERE $1::timestamptz IS NULL OR (account.made_at, account.principal_id) < ($1, $2::uuid)
ORDER BY account.made_at DESC, account.principal_id DESC LIMIT $3;

-- name: close_member
-- A member leaves; no row if they had left, or never were.
UPDATE staff_account SET closed_at = city_now(), closed_by = $2, close_reason = $3
WHERE principal_id = $1 AND closed_at IS NULL
RETURNING principal_id;

-- name: close_principal
-- A principal who acts no more.
UPDATE principal SET closed_at = coalesce(closed_at, city_now()) WHERE id = $1;

-- name: end_grants_of_member
-- What a member was granted, or should have been.
UPDATE staff_grant SET status = CASE WHEN status = 'active' THEN 'revoked' ELSE 'refused' END,
    ended_by = $2, ended_at = city_now(), end_reason = $3
WHERE principal_id = $1 AND status IN ('proposed', 'active');

-- name: drop_roles_of_member
-- Nothing is theirs to do.
DELETE FROM role_grant WHERE principal_id = $1;

-- name: end_break_glass_of_member
-- Not even in an emergency.
UPDATE break_glass SET valid_until = city_now() WHERE principal_id = $1 AND valid_until > city_now();

-- name: end_break_glass_of_ungranted
-- Whoever was granted nothing any more keeps nothing from an emergency.
UPDATE break_glass SET valid_until = city_now()
WHERE principal_id = $1 AND valid_until > city_now()
    AND NOT EXISTS (SELECT FROM role_grant
        WHERE role_grant.principal_id = $1 AND (role_grant.valid_until IS NULL OR role_grant.valid_until > city_now()));

-- name: admins_lock
-- What makes admins fewer, or the first of them, takes turns.
SELECT pg_advisory_xact_lock(hashtextextended('admins', 0));

-- name: admins
-- How many admins there are whose role does not end by itself.
SELECT count(DISTINCT principal_id) FROM role_grant JOIN principal ON principal.id = principal_id
WHERE role = 'admin' AND principal.closed_at IS NULL AND valid_until IS NULL;

-- name: grant_first_admin
-- An admin whom nobody could propose.
WITH made AS (
    INSERT INTO staff_grant (id, principal_id, agency_code, role, reason, status, approved_at)
    VALUES ($1, $2, $3, 'admin', 'Invited at the command line', 'active', city_now())
)
INSERT INTO role_grant (principal_id, agency_code, role, grant_id) VALUES ($2, $3, 'admin', $1);

-- name: propose_grant
-- A grant for a member who is there.
INSERT INTO staff_grant (id, principal_id, agency_code, role, valid_until, reason, status, proposed_by)
SELECT $1, principal_id, $3, $4, $5, $6, 'proposed', $7
FROM staff_account WHERE principal_id = $2 AND closed_at IS NULL
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: grant
-- A grant as it stands.
SELECT staff_grant.id, principal_id, principal.name, agency_code AS agency, role, valid_until AS until, reason,
    CASE WHEN status = 'active' AND valid_until <= city_now() THEN 'expired' ELSE status END AS status, proposed_by,
    staff_grant.made_at, approved_by, approved_at, ended_by, ended_at, end_reason
FROM staff_grant JOIN principal ON principal.id = principal_id WHERE staff_grant.id = $1;

-- name: grants
-- Grants and proposals, newest first.
SELECT staff_grant.id, principal_id, principal.name, agency_code AS agency, role, valid_until AS until, reason,
    CASE WHEN status = 'active' AND valid_until <= city_now() THEN 'expired' ELSE status END AS status, proposed_by,
    staff_grant.made_at, approved_by, approved_at, ended_by, ended_at, end_reason
FROM staff_grant JOIN principal ON principal.id = principal_id
WHERE ($1::uuid IS NULL OR principal_id = $1) AND ($2::text IS NULL OR agency_code = $2)
    AND ($3::timestamptz IS NULL OR (staff_grant.made_at, staff_grant.id) < ($3, $4::uuid))
ORDER BY staff_grant.made_at DESC, staff_grant.id DESC LIMIT $5;

-- name: grant_for_update
-- A grant that is about to be decided, and whether who receives and who proposed it are still what they were.
SELECT principal_id, agency_code AS agency, role, status, valid_until AS until, approved_by, ended_by,
    EXISTS (SELECT FROM staff_account AS account
        WHERE account.principal_id = staff_grant.principal_id AND account.closed_at IS NULL) AS member_stands,
    EXISTS (SELECT FROM role_grant AS theirs
        WHERE theirs.principal_id = staff_grant.proposed_by AND theirs.role = 'admin'
            AND (theirs.valid_until IS NULL OR theirs.valid_until > city_now())) AS proposer_stands
FROM staff_grant WHERE id = $1 FOR UPDATE;

-- name: put_role
-- What a grant gives, instead of what was there.
INSERT INTO role_grant (principal_id, agency_code, role, granted_at, valid_until, grant_id)
SELECT principal_id, agency_code, role, city_now(), valid_until, id FROM staff_grant WHERE id = $1
ON CONFLICT (principal_id, agency_code, role) DO UPDATE
SET granted_at = excluded.granted_at, valid_until = excluded.valid_until, grant_id = excluded.grant_id;

-- name: replace_grants
-- The grant that gave the same role before.
UPDATE staff_grant AS old SET status = 'replaced', ended_by = $2, ended_at = city_now(), end_reason = new.reason
FROM staff_grant AS new
WHERE new.id = $1 AND old.status = 'active'
    AND (old.principal_id, old.agency_code, old.role) = (new.principal_id, new.agency_code, new.role);

-- name: approve_grant
-- Yes.
UPDATE staff_grant SET status = 'active', approved_by = $2, approved_at = city_now() WHERE id = $1;

-- name: end_grant
-- No, or no longer.
UPDATE staff_grant SET status = $2, ended_by = $3, ended_at = city_now(), end_reason = $4 WHERE id = $1;

-- name: drop_role
-- What a grant gave.
DELETE FROM role_grant WHERE grant_id = $1;

-- name: was_granted
-- Was somebody granted any role, or one of these, that holds now? What was taken in an emergency does not count.
SELECT EXISTS (SELECT FROM role_grant WHERE principal_id = $1 AND ($2::text[] IS NULL OR role = ANY ($2))
    AND (valid_until IS NULL OR valid_until > city_now()));

-- name: hold_grants
-- Was somebody granted any role that holds now? Whoever takes the last one back waits until this is committed.
SELECT count(*) FROM (SELECT FROM role_grant
    WHERE principal_id = $1 AND (valid_until IS NULL OR valid_until > city_now()) FOR KEY SHARE) AS held;

-- name: end_break_glass
-- It is over; no row if it was already.
UPDATE break_glass SET valid_until = city_now() WHERE id = $1 AND valid_until > city_now() RETURNING id;

-- name: open_break_glass
-- A role for so many minutes, or until the last of what was granted ends.
INSERT INTO break_glass (id, principal_id, agency_code, role, reason, minutes, valid_until)
VALUES ($1, $2, $3, $4, $5, $6, least(city_now() + make_interval(mins => $6),
    (SELECT max(coalesce(valid_until, 'infinity')) FROM role_grant
        WHERE principal_id = $2 AND (valid_until IS NULL OR valid_until > city_now()))))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: break_glass
-- An emergency.
SELECT break_glass.id, principal_id, principal.name, agency_code AS agency, role, reason, minutes, opened_at,
    valid_until AS until, reviewed_by, reviewed_at, finding
FROM break_glass JOIN principal ON principal.id = principal_id WHERE break_glass.id = $1;

-- name: break_glasses
-- Every emergency, newest first.
SELECT break_glass.id, principal_id, principal.name, agency_code AS agency, role, reason, minutes, opened_at,
    valid_until AS until, reviewed_by, reviewed_at, finding
FROM break_glass JOIN principal ON principal.id = principal_id
WHERE $1::timestamptz IS NULL OR (opened_at, break_glass.id) < ($1, $2::uuid)
ORDER BY opened_at DESC, break_glass.id DESC LIMIT $3;

-- name: review_break_glass
-- Somebody looked at it.
UPDATE break_glass SET reviewed_by = $2, reviewed_at = city_now(), finding = $3 WHERE id = $1 AND reviewed_at IS NULL
RETURNING id;

-- name: watchers
-- Whoever is told of an emergency.
SELECT DISTINCT principal_id FROM role_grant JOIN principal ON principal.id = principal_id
WHERE role IN ('admin', 'compliance') AND principal.closed_at IS NULL
    AND (valid_until IS NULL OR valid_until > city_now())
ORDER BY principal_id;

-- name: resident_of_phone
-- Enough of a resident to be sure that it is them.
SELECT id AS resident_id, screen_name AS name, level, locked_at IS NOT NULL AS locked
FROM principal WHERE phone = $1 AND kind = 'resident' AND closed_at IS NULL;

-- name: resident_file
-- A resident, as whoever helps them sees them.
SELECT id AS resident_id, name, phone, level, made_at, locked_at,
    (SELECT count(*) FROM device WHERE device.principal_id = principal.id AND removed_at IS NULL) AS devices
FROM principal WHERE id = $1 AND kind = 'resident' AND closed_at IS NULL;

-- name: plant_staff_account
-- A member of the sandbox's staff.
INSERT INTO staff_account (principal_id, email) VALUES ($1, $2) ON CONFLICT (principal_id) DO NOTHING;

-- name: move_staff_links
-- The stand-in has another address now.
UPDATE staff_account SET issuer = $1 WHERE closed_at IS NULL AND issuer <> $1;

-- name: account_of_member
-- For a copy of all that is held: a member of staff's account.
SELECT email, phone, issuer, subject, linked_at, made_at, closed_at, close_reason
FROM staff_account WHERE principal_id = $1;

-- name: sessions_of_member
-- For a copy of all that is held: a member of staff's browsers.
SELECT id, signed_in_at, seen_at, expires_at, ended_at, end_reason
FROM staff_session WHERE principal_id = $1 ORDER BY signed_in_at;

-- name: rights_of_member
-- For a copy of all that is held: what a member of staff was allowed to do, and by which reason.
SELECT agency_code, role, reason, status, made_at, valid_until, ended_at FROM staff_grant WHERE principal_id = $1
UNION ALL
SELECT agency_code, role, reason, 'break_glass', opened_at, valid_until, reviewed_at FROM break_glass
WHERE principal_id = $1
ORDER BY made_at;
