-- name: begin_upload
-- Something is going to be sent under the phone's id; nothing happens if the id is known.
INSERT INTO upload (id, owner_id, purpose, way, size, file_name, tus_metadata) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: unclaimed
-- How much of somebody's waits for what it was sent for.
SELECT count(*) FROM upload WHERE owner_id = $1 AND holder_id IS NULL AND status <> 'refused';

-- name: begun
-- How an upload was begun and how far it is.
SELECT id, owner_id, purpose, way, status, size, sha256, tus_metadata, holder_id IS NOT NULL AS claimed,
    made_at + interval '1 day' AS expires_at
FROM upload WHERE id = $1;

-- name: begun_for_update
-- The same, to be changed: others take turns.
SELECT id, owner_id, purpose, way, status, size, sha256, tus_metadata, holder_id IS NOT NULL AS claimed,
    made_at + interval '1 day' AS expires_at
FROM upload WHERE id = $1 FOR UPDATE;

-- name: take_up
-- All bytes are here: whoever gets the fence makes something of them. Nobody does if somebody is at it, or was.
UPDATE upload SET status = 'processing', size = $2, sha256 = $3, refused_because = NULL, fence = fence + 1,
    cut_short = cut_short + 1, leased_until = city_now() + make_interval(secs => $4)
WHERE id = $1 AND (status IN ('receiving', 'refused') OR status = 'processing' AND leased_until < city_now())
RETURNING fence;

-- name: let_go
-- Nothing could be made of it for now, and nobody was killed over it: somebody may try again at once.
UPDATE upload SET leased_until = city_now() - interval '1 second', cut_short = cut_short - 1
WHERE id = $1 AND fence = $2 AND status = 'processing';

-- name: refuse
-- It is nothing that is taken here.
UPDATE upload SET status = 'refused', refused_because = $3, leased_until = NULL
WHERE id = $1 AND fence = $2 AND status = 'processing' RETURNING id;

-- name: finish
-- What it is, and where its bytes lie.
UPDATE upload SET status = 'ready', leased_until = NULL, media_type = $3, width = $4, height = $5, duration_ms = $6,
    phash = $7, lat = $8, lng = $9, taken_at = $10, original_key = $11
WHERE id = $1 AND fence = $2 AND status = 'processing' RETURNING id;

-- name: unfinished
-- Uploads after this one that nobody is at, and may be whole: their processes may have been killed. One that five were
-- killed over is left alone.
SELECT id, purpose, size FROM upload
WHERE id > $1 AND cut_short < 5 AND (status = 'processing' AND leased_until < city_now()
        OR status = 'receiving' AND size IS NOT NULL AND made_at < city_now() - interval '10 seconds')
ORDER BY id LIMIT $2;

-- name: on_their_way
-- Which of these need their files in the folder of what comes in.
SELECT id FROM upload WHERE id = ANY($1::uuid[]) AND status IN ('receiving', 'processing');

-- name: intend_objects
-- What is about to be put into the storage; if nothing comes of it, it is deleted after so many seconds.
INSERT INTO stored_object (key, upload_id, doomed_at)
SELECT key, $1, city_now() + make_interval(secs => $3) FROM unnest($2::text[]) AS intended (key)
ON CONFLICT (key) DO UPDATE SET doomed_at = excluded.doomed_at;

-- name: adopt_objects
-- They are there, and stay; those whose time has come are not ours any more.
UPDATE stored_object SET doomed_at = NULL
WHERE key = ANY($1::text[]) AND doomed_at > city_now() RETURNING key;

-- name: doomed_objects
-- What is to be deleted from the storage now.
SELECT key FROM stored_object WHERE doomed_at <= city_now() ORDER BY doomed_at LIMIT $1;

-- name: forget_object
-- It is deleted there.
DELETE FROM stored_object WHERE key = $1 AND doomed_at <= city_now();

-- name: keep_renditions
-- Pictures to be shown from now on.
INSERT INTO rendition (name, upload_id, size, redacted, media_type, width, height)
SELECT made.name, $1, made.size, $2, made.media_type, made.width, made.height
FROM unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::int[])
    AS made (name, size, media_type, width, height);

-- name: drop_renditions
-- Pictures of an upload that nobody sees any more.
WITH gone AS (DELETE FROM rendition WHERE upload_id = $1 RETURNING name)
UPDATE stored_object SET doomed_at = city_now() FROM gone WHERE key = 'renditions/' || gone.name;

-- name: large_rendition
-- The name of an upload's large picture.
SELECT name FROM rendition WHERE upload_id = $1 AND size = 'large';

-- name: picture
-- A picture that is shown.
SELECT media_type FROM rendition WHERE name = $1;

-- name: uploads
-- Uploads by their ids, with their pictures.
SELECT upload.id, purpose, status, holder_id IS NOT NULL AS claimed, upload.size, upload.media_type, file_name,
    upload.width, upload.height, duration_ms, encode(sha256, 'hex') AS sha256, refused_because, taken_at,
    upload.made_at, CASE WHEN holder_id IS NULL THEN upload.made_at + interval '1 day' END AS expires_at,
    CASE WHEN lat IS NOT NULL THEN jsonb_build_object('lat', lat, 'lng', lng) END AS place,
    coalesce((SELECT jsonb_agg(jsonb_build_object('size', rendition.size, 'url', '/v1/pictures/' || name,
            'media_type', rendition.media_type, 'width', rendition.width, 'height', rendition.height,
            'redacted', redacted) ORDER BY rendition.size)
        FROM rendition WHERE upload_id = upload.id), '[]') AS renditions
FROM upload WHERE upload.id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR owner_id = $2);

-- name: to_be_claimed
-- Uploads that something wants to hold; two that want the same take turns.
SELECT id, purpose, status, holder, holder_id FROM upload
WHERE id = ANY($1::uuid[]) AND owner_id = $2 ORDER BY id FOR UPDATE;

-- name: claim
-- Held from now on. What the pictures told of themselves goes, or is kept for officers along with the originals.
WITH evidence AS (
    INSERT INTO upload_evidence (upload_id, lat, lng, taken_at)
    SELECT id, lat, lng, taken_at FROM upload WHERE id = ANY($1::uuid[]) AND holder_id IS NULL AND $4::boolean
),
dropped AS (
    UPDATE stored_object SET doomed_at = city_now() FROM upload
    WHERE upload.id = ANY($1::uuid[]) AND holder_id IS NULL AND NOT $4 AND purpose = 'photo' AND key = original_key
)
UPDATE upload SET holder = $2, holder_id = $3, claimed_at = city_now(), lat = NULL, lng = NULL, taken_at = NULL,
    original_key = CASE WHEN $4 OR purpose <> 'photo' THEN original_key END
WHERE id = ANY($1::uuid[]) AND holder_id IS NULL;

-- name: original
-- Where an upload's own bytes lie, if they are kept.
SELECT original_key AS key, media_type, size, file_name FROM upload
WHERE id = $1 AND status = 'ready' AND original_key IS NOT NULL;

-- name: remove
-- Nothing is left of an upload of mine that nothing holds.
DELETE FROM upload WHERE id = $1 AND owner_id = $2 AND holder_id IS NULL RETURNING id;

-- name: forget_held
-- Nothing is left of what this has held.
DELETE FROM upload WHERE holder_id = $1;

-- name: unclaimed_of_person
-- What a person has sent and nothing holds.
SELECT id, purpose, status, media_type, size, file_name, width, height, duration_ms, encode(sha256, 'hex') AS sha256,
    lat, lng, taken_at, made_at
FROM upload WHERE owner_id = $1 AND holder_id IS NULL ORDER BY made_at, id;

-- name: erase_unclaimed
-- It goes.
DELETE FROM upload WHERE owner_id = $1 AND holder_id IS NULL;

-- name: forget_unclaimed
-- Uploads of more than $1 days ago that nothing holds, at most $2 of them.
WITH old AS MATERIALIZED (
    SELECT id FROM upload WHERE holder_id IS NULL AND made_at < city_now() - make_interval(days => $1)
    ORDER BY made_at LIMIT $2 FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM upload USING old WHERE upload.id = old.id RETURNING upload.id)
SELECT count(*) FROM gone;

-- name: held_of_person
-- What a person has sent and something holds, with what of it officers can see.
SELECT id, purpose, media_type, size, file_name, upload.width, upload.height, duration_ms,
    encode(sha256, 'hex') AS sha256, upload_evidence.lat, upload_evidence.lng, upload_evidence.taken_at, holder,
    holder_id, claimed_at, upload.made_at,
    ARRAY(SELECT '/v1/pictures/' || name FROM rendition WHERE rendition.upload_id = id) AS pictures
FROM upload LEFT JOIN upload_evidence ON upload_evidence.upload_id = id
WHERE owner_id = $1 AND holder_id IS NOT NULL ORDER BY upload.made_at, id;

-- name: erase_owner_of_held
-- It is forgotten who sent it; what becomes of it, whatever holds it decides.
UPDATE upload SET owner_id = NULL, file_name = NULL, tus_metadata = NULL WHERE owner_id = $1 AND holder_id IS NOT NULL;
