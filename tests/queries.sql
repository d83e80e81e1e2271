-- name: unlock
-- An open wallet, without a PIN.
UPDATE session SET unlocked_until = city_now() + interval '5 minutes' WHERE id = $1;

-- name: lock
-- A wallet that has locked itself.
UPDATE session SET unlocked_until = city_now() - interval '1 second' WHERE id = $1;

-- name: balance
-- What an account holds.
SELECT coalesce((SELECT posted FROM account WHERE id = $1), 0);
