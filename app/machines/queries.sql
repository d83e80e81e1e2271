-- name: make_principal
-- Some machine that will call us.
INSERT INTO principal (id, kind, name) VALUES ($1, 'machine', $2) ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: make_machine
-- What it may do, and from where.
INSERT INTO machine (id, agency_code, scopes, addresses, plain_key, made_by) VALUES ($1, $2, $3, $4, $5, $6);

-- name: machine_for_update
-- A machine that is about to be changed, or to have another key; two changes take turns.
SELECT principal.name, agency_code AS agency, scopes, addresses, plain_key, machine.closed_at IS NOT NULL AS closed
FROM machine JOIN principal ON principal.id = machine.id WHERE machine.id = $1 FOR UPDATE OF machine;

-- name: change_machine
-- It is called otherwise, may do something else, or from elsewhere.
WITH named AS (UPDATE principal SET name = $2 WHERE id = $1)
UPDATE machine SET agency_code = $3, scopes = $4, addresses = $5, plain_key = $6 WHERE id = $1;

-- name: machine
-- A machine as an administrator sees it.
SELECT machine.id, principal.name, agency_code AS agency, scopes, addresses, plain_key, machine.made_at,
    machine.closed_at, close_reason,
    (SELECT max(last_used_at) FROM machine_key WHERE machine_id = machine.id) AS last_used_at
FROM machine JOIN principal ON principal.id = machine.id WHERE machine.id = $1;

-- name: machines
-- Machines, newest first.
SELECT machine.id, principal.name, agency_code AS agency, scopes, addresses, plain_key, machine.made_at,
    machine.closed_at, close_reason,
    (SELECT max(last_used_at) FROM machine_key WHERE machine_id = machine.id) AS last_used_at
FROM machine JOIN principal ON principal.id = machine.id
WHERE $1::timestamptz IS NULL OR (machine.made_at, machine.id) < ($1, $2::uuid)
ORDER BY machine.made_at DESC, machine.id DESC LIMIT $3;

-- name: machine_with_keys
-- A machine and its keys, the newest first, without their secrets.
SELECT machine.id, principal.name, agency_code AS agency, scopes, addresses, plain_key, machine.made_at,
    machine.closed_at, close_reason,
    (SELECT max(last_used_at) FROM machine_key WHERE machine_id = machine.id) AS last_used_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'made_at', made_at, 'expires_at', valid_until,
            'last_used_at', last_used_at, 'revoked_at', revoked_at) ORDER BY made_at DESC, id DESC)
        FROM (SELECT * FROM machine_key WHERE machine_id = machine.id ORDER BY made_at DESC, id DESC LIMIT 50) AS kept),
        '[]') AS keys
FROM machine JOIN principal ON principal.id = machine.id WHERE machine.id = $1;

-- name: close_machine
-- It calls us no more, nor does any of its keys open anything.
WITH closed AS (UPDATE machine SET closed_by = $2, closed_at = city_now(), close_reason = $3 WHERE id = $1),
    keys AS (
        UPDATE machine_key SET revoked_by = $2, revoked_at = city_now(), sealed = NULL
        WHERE machine_id = $1 AND revoked_at IS NULL
    )
UPDATE principal SET closed_at = coalesce(closed_at, city_now()) WHERE id = $1;

-- name: retire_keys
-- Keys that ended by themselves make room.
UPDATE machine_key SET revoked_at = valid_until, sealed = NULL
WHERE machine_id = $1 AND revoked_at IS NULL AND valid_until <= city_now();

-- name: make_key
-- A key in the first place that is free; there is no third.
INSERT INTO machine_key (id, machine_id, slot, sealed, hash, valid_until, made_by)
SELECT $1, $2, min(place.slot), $3, $4, $5, $6 FROM generate_series(1, 3) AS place (slot)
WHERE NOT EXISTS (SELECT FROM machine_key AS live
    WHERE live.machine_id = $2 AND live.slot = place.slot AND live.revoked_at IS NULL)
RETURNING made_at;

-- name: revoke_key
-- A live key of this machine that opens nothing from now on.
UPDATE machine_key SET revoked_by = $3, revoked_at = city_now(), sealed = NULL
WHERE id = $2 AND machine_id = $1 AND revoked_at IS NULL RETURNING id;

-- name: key
-- A key that is good now, and the machine that holds it.
SELECT machine_key.id, machine.id AS machine_id, agency_code AS agency, scopes, addresses, plain_key, sealed, hash
FROM machine_key JOIN machine ON machine.id = machine_id
WHERE machine_key.id = $1 AND revoked_at IS NULL AND (valid_until IS NULL OR valid_until > city_now())
    AND machine.closed_at IS NULL;

-- name: use_nonce
-- Remember a nonce for so many seconds; no row if it is remembered already. Once a minute it is noted that the key is used.
WITH noted AS (
    UPDATE machine_key SET last_used_at = city_now()
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= city_now() - interval '1 minute')
)
INSERT INTO machine_nonce (key_id, nonce, expires_at) VALUES ($1, $2, city_now() + make_interval(secs => $3))
ON CONFLICT DO NOTHING RETURNING nonce;

-- name: note_use
-- A key that was shown as it is; noted once a minute.
UPDATE machine_key SET last_used_at = city_now()
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= city_now() - interval '1 minute');

-- name: forget_nonces
-- Nonces of signatures that are refused for their age anyway.
DELETE FROM machine_nonce WHERE expires_at < city_now();

-- name: machine_itself
-- A machine as it sees itself, by one of its keys.
SELECT machine.id AS machine_id, principal.name, agency_code AS agency, scopes, machine_key.id AS key_id,
    valid_until AS expires_at
FROM machine JOIN principal ON principal.id = machine.id JOIN machine_key ON machine_key.machine_id = machine.id
WHERE machine.id = $1 AND machine_key.id = $2;

-- name: sealed_keys
-- Live keys after this one, to be sealed anew; each is sealed with its id beside it.
SELECT id, sealed, uuid_send(id) AS about FROM machine_key WHERE id > $1 AND revoked_at IS NULL ORDER BY id LIMIT $2;

-- name: seal_key_anew
-- The same key under a newer key of the city's.
UPDATE machine_key SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;
