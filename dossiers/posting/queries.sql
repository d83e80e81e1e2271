-- name: dossier_to_post
-- What goes by post, unless it is on its way already.
SELECT code AS reference, CASE WHEN ward_code IS NULL THEN name_vi ELSE name_vi || ', ' || (SELECT kind || ' ' || name FROM ward WHERE ward.code = ward_code) END
    AS fetched_at, applicant_name AS recipient, applicant_phone AS phone, address
FROM (SELECT code, agency_code, applicant_name, applicant_phone, address FROM dossier
    WHERE id = $1 AND deliver_by = 'post' AND tracking_number IS NULL AND delivery_state IN ('none', 'ready')
        AND code IS NOT NULL AND address IS NOT NULL) AS ready
JOIN (SELECT code AS agency, name_vi, ward_code FROM agency) AS sender ON agency = agency_code;

-- name: insert_parcel
-- A parcel, as the post knows it.
INSERT INTO dossier_parcel (dossier_id, tracking_number) VALUES ($1, $2);

-- name: move_parcel
-- Where a parcel is; null: there is none, or it has arrived.
UPDATE dossier_parcel SET state = $2, told_at = city_now(), delivered_at = CASE WHEN $2 = 'delivered' THEN least($3, city_now()) END
WHERE tracking_number = $1 AND state <> 'delivered' RETURNING dossier_id;

-- name: parcel_is_known
-- Is there a parcel of this number?
SELECT EXISTS (SELECT FROM dossier_parcel WHERE tracking_number = $1);

-- name: silent_parcels
-- Parcels of which nothing was heard for two days; now they are asked about.
UPDATE dossier_parcel SET asked_at = city_now() WHERE dossier_id IN (
    SELECT dossier_id FROM dossier_parcel
    WHERE state IN ('posted', 'on_the_way') AND greatest(told_at, asked_at) < city_now() - interval '2 days'
    ORDER BY greatest(told_at, asked_at) LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING dossier_id, tracking_number;

-- name: ask_again_soon
-- The post did not answer: it is asked again in an hour.
UPDATE dossier_parcel SET asked_at = city_now() - interval '47 hours' WHERE dossier_id = $1;
