-- name: stored_objects
-- What is written down of the storage.
SELECT key, doomed_at IS NOT NULL AS doomed FROM stored_object ORDER BY key;

-- name: age_everything
-- Time goes by.
WITH uploads AS (
    UPDATE upload SET made_at = made_at - $1::text::interval, leased_until = leased_until - $1::text::interval
)
UPDATE stored_object SET doomed_at = doomed_at - $1::text::interval;

-- name: evidence_of
-- What is kept for officers.
SELECT lat, lng, taken_at FROM upload_evidence WHERE upload_id = $1;

-- name: phash_of
-- Which pictures look alike.
SELECT phash FROM upload WHERE id = $1;

-- name: let_lease_run
-- Somebody was killed at it.
UPDATE upload SET status = 'processing', sha256 = $2, fence = fence + 1, leased_until = city_now() - interval '1 second'
WHERE id = $1;
