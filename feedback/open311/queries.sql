-- name: service_categories
-- What may be reported, in a language ($1).
SELECT code AS service_code, CASE $1::text WHEN 'en' THEN name_en ELSE name_vi END AS service_name,
    CASE $1::text WHEN 'en' THEN hint_en ELSE hint_vi END AS description, array_to_string(keywords, ',') AS keywords,
    CASE $1::text WHEN 'en' THEN group_en ELSE group_vi END AS "group", photo, place_precision_m
FROM report_category WHERE NOT confidential ORDER BY position;

-- name: service_codes
-- The codes of all services.
SELECT array_agg(code ORDER BY position) FROM report_category WHERE NOT confidential;

-- name: requests_by_age
-- Public reports of these categories ($1), open or not ($2), that were filed from $3 to $4: newest first, $5 of them after
-- $6. Pages are counted, which is what clients of this standard do. Nothing here may be left out: with a condition that
-- is there or not, what is planned once for all callers sorts the whole period.
SELECT coalesce(array_agg(id ORDER BY made_at DESC, id DESC), '{}') FROM (
    SELECT id, made_at FROM public_report
    WHERE made_at BETWEEN $3 AND $4 AND category_code = ANY ($1::text[]) AND is_open = ANY ($2::bool[])
    ORDER BY made_at DESC, id DESC LIMIT $5 OFFSET $6) AS page;

-- name: requests_by_change
-- The same of those that have changed from $7 to $8, what changed first before the others: who asks again goes on there.
-- IS TRUE: that index is no help here, and would only be taken for one.
SELECT coalesce(array_agg(id ORDER BY updated_at, id), '{}') FROM (
    SELECT id, updated_at FROM public_report
    WHERE updated_at BETWEEN $7 AND $8 AND (made_at BETWEEN $3 AND $4) IS TRUE AND category_code = ANY ($1::text[])
        AND is_open = ANY ($2::bool[])
    ORDER BY updated_at, id LIMIT $5 OFFSET $6) AS page;

-- name: requests_around
-- The same of those within $11 metres of a place ($9, $10), newest first.
SELECT coalesce(array_agg(id ORDER BY made_at DESC, id DESC), '{}') FROM (
    SELECT id, made_at FROM public_report
    WHERE spot <@ circle(city_point($9, $10), $11) AND updated_at BETWEEN $7 AND $8 AND made_at BETWEEN $3 AND $4
        AND category_code = ANY ($1::text[]) AND is_open = ANY ($2::bool[])
    ORDER BY made_at DESC, id DESC LIMIT $5 OFFSET $6) AS page;

-- name: requests_by_code
-- Public reports by their codes, newest first.
SELECT coalesce(array_agg(id ORDER BY made_at DESC, id DESC), '{}') FROM public_report WHERE code = ANY ($1::text[]);

-- name: service_requests
-- These public reports, in this order. $2: the language; $3: where pictures are; $4: with what the standard has no field
-- for.
SELECT code AS service_request_id, CASE WHEN is_open THEN 'open' ELSE 'closed' END AS status, answer AS status_notes,
    CASE $2::text WHEN 'en' THEN category_en ELSE category_vi END AS service_name, category_code AS service_code,
    said AS description, CASE $2::text WHEN 'en' THEN agency_en ELSE agency_vi END AS agency_responsible,
    NULL AS service_notice,
    to_char(made_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"') AS requested_datetime,
    to_char(updated_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"') AS updated_datetime,
    to_char(due_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"') AS expected_datetime,
    address, NULL AS address_id, NULL AS zipcode, lat, lng AS long,
    $3::text || (SELECT large FROM public_picture WHERE report_id = report.id
        ORDER BY part = 'resolved', public_picture.position LIMIT 1) AS media_url,
    CASE WHEN $4::bool THEN jsonb_build_object('detailed_status', status, 'ward', ward_code, 'ward_name', ward_name,
        'place_precision_m', place_precision_m, 'urgent', urgent, 'followers', followers, 'reopened', reopened,
        'rating', rating, 'photos', coalesce((SELECT jsonb_agg($3::text || large ORDER BY part = 'resolved', public_picture.position)
            FROM public_picture WHERE report_id = report.id), '[]')) END AS extended_attributes
FROM unnest($1::uuid[]) WITH ORDINALITY AS page (id, position) JOIN public_report AS report ON report.id = page.id
ORDER BY page.position;

-- name: public_id
-- The id of a public report, by its code.
SELECT id FROM public_report WHERE code = $1;

-- name: take_turns
-- Two requests that say the same take turns.
SELECT pg_advisory_xact_lock(hashtextextended('open311 ' || $1, 0));

-- name: filed_before
-- The very same that a machine ($1) has filed within a day: category, words, place, and who says so.
SELECT code, due_at FROM report
WHERE channel = 'open311' AND filed_by = $1 AND category_code = $2 AND said = $3 AND lat = $4 AND lng = $5
    AND address IS NOT DISTINCT FROM $6 AND caller_name IS NOT DISTINCT FROM $7 AND caller_phone IS NOT DISTINCT FROM $8
    AND caller_email IS NOT DISTINCT FROM $9 AND made_at > city_now() - interval '1 day'
ORDER BY made_at LIMIT 1;

-- name: filed
-- What a report that was just filed is called, and when it is due.
SELECT code, due_at FROM report WHERE id = $1;

-- name: request_updates
-- What was done to public reports from $1 on and before $2 and everybody may know, oldest first, $3 of it after $4. $5:
-- where pictures are.
SELECT code || '-' || version AS update_id, code AS service_request_id, kind,
    to_char(step.made_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"') AS updated_datetime,
    step.public_said AS said,
    CASE WHEN kind = 'resolved' THEN $5::text || (SELECT large FROM public_picture
        WHERE report_id = report.id AND part = 'resolved' ORDER BY position LIMIT 1) END AS media_url
FROM public_report AS report JOIN report_step AS step ON step.report_id = report.id AND step.is_public
WHERE report.updated_at >= $1 AND step.made_at BETWEEN $1 AND $2
ORDER BY step.made_at, code, version LIMIT $3 OFFSET $4;

-- name: media_wanted
-- How pictures of a report are kept, if this one is not among them yet.
SELECT keeps_original FROM report JOIN report_category ON report_category.code = category_code
WHERE report.id = $1 AND NOT EXISTS (SELECT FROM report_upload WHERE report_id = $1 AND upload_id = $2);

-- name: touch_report
-- Something beside it has changed.
UPDATE report SET updated_at = city_now() WHERE id = $1;
