-- name: categories
-- What may be reported, in a language ($1).
SELECT code, CASE $1::text WHEN 'en' THEN group_en ELSE group_vi END AS group,
    CASE $1::text WHEN 'en' THEN name_en ELSE name_vi END AS name,
    CASE $1::text WHEN 'en' THEN hint_en ELSE hint_vi END AS hint,
    photo, after_photo, private, keeps_original AS evidence, place_precision_m, due_minutes
FROM report_category WHERE NOT confidential ORDER BY position;

-- name: category_rules
-- The rules of a category.
SELECT code, name_vi, name_en, photo, private, confidential, keeps_original, place_precision_m, due_minutes, warn_minutes
FROM report_category WHERE code = $1;

-- name: insert_report
-- A report under its phone's id. Its words are made fit for everybody ($26: whoever reported).
INSERT INTO report (id, code, channel, reporter_id, filed_by, caller_name, caller_phone, caller_email, device_id,
    category_code, said, lat, lng, address, ward_code, ward_approximate, private, confidential, share_name, urgent,
    public_lat, public_lng, public_address, first_due_at, due_at, warn_at, public_said)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
    public_words($23, $26), $24, $24, $25, public_words($11, $26))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: first_step
-- That it was filed, and by whom.
INSERT INTO report_step (report_id, version, kind, actor_id, actor_kind, for_reporter)
SELECT id, 1, 'filed', filed_by, CASE WHEN filed_by = reporter_id OR channel = 'open311' THEN 'reporter' ELSE 'staff' END, true
FROM report WHERE id = $1;

-- name: add_report_uploads
-- Uploads ($2, in order) as a part of a report.
INSERT INTO report_upload (report_id, upload_id, part, position, version)
SELECT $1, wanted.id, $3, wanted.position, report.version
FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, position) JOIN report ON report.id = $1
ON CONFLICT DO NOTHING;

-- name: take_filing_turn
-- Whoever files waits until what they are filing on another connection is there, or is not.
SELECT pg_advisory_xact_lock(hashtextextended('filing ' || $1, 0));

-- name: filed_report
-- What was filed under an id.
SELECT filed_by, category_code AS category, said, lat, lng FROM report WHERE id = $1;

-- name: said_already
-- The code of a report that this person filed within a day, of this category, in these words and with these pictures; without
-- pictures, no farther than 50 m from the place ($5, $6).
SELECT code FROM report
WHERE filed_by = $1 AND channel = 'app' AND reporter_id = $1 AND category_code = $2 AND said = $3
    AND made_at > city_now() - interval '1 day'
    AND ARRAY(SELECT sha256 FROM report_upload JOIN upload ON upload.id = upload_id
            WHERE report_id = report.id AND part = 'filed' ORDER BY sha256)
        = ARRAY(SELECT sha256 FROM upload WHERE id = ANY ($4::uuid[]) AND owner_id = $1 ORDER BY sha256)
    AND (cardinality($4::uuid[]) > 0 OR city_point(lat, lng) <@ circle(city_point($5, $6), 50))
ORDER BY made_at DESC LIMIT 1;

-- name: strikes
-- How many strikes somebody has had within so many days.
SELECT count(*) FROM report_strike
WHERE principal_id = $1 AND made_at > city_now() - make_interval(days => $2::bigint::int);

-- name: resident_of_phone
-- Who has this number.
SELECT id FROM principal WHERE phone = $1 AND kind = 'resident' AND closed_at IS NULL;

-- name: name_of
-- How somebody is called.
SELECT name FROM principal WHERE id = $1;

-- name: my_report
-- A report of mine, whole, in one round trip.
SELECT report.id, report.code, category_code AS category,
    CASE $3::text WHEN 'en' THEN report_category.name_en ELSE report_category.name_vi END AS category_name,
    status, said AS text,
    jsonb_build_object('lat', report.lat, 'lng', report.lng, 'address', address, 'ward', report.ward_code,
        'ward_name', ward.name, 'approximate', ward_approximate) AS place,
    report.private, share_name, urgent, agency_code AS agency,
    CASE $3::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name, answer,
    CASE WHEN asked_at IS NOT NULL THEN (SELECT said FROM report_step
        WHERE report_id = report.id AND kind = 'asked' ORDER BY version DESC LIMIT 1) END AS question,
    (SELECT code FROM report AS original
        WHERE original.id = report.duplicate_of AND (is_public OR original.reporter_id = $2)) AS duplicate_of,
    made_at, updated_at, first_due_at, due_at, resolved_at,
    CASE WHEN status IN ('resolved', 'closed') AND resolved_at IS NOT NULL
        THEN resolved_at + make_interval(days => (SELECT value FROM current_policy WHERE current_policy.code = 'feedback.reopen_days')::int)
        END AS may_reopen_until,
    reopened, followers, rating, rating_comment, true AS mine,
    coalesce((SELECT jsonb_agg(jsonb_build_object('upload_id', report_upload.upload_id, 'part', part,
            'large', '/v1/pictures/' || large.name, 'small', '/v1/pictures/' || small.name,
            'width', large.width, 'height', large.height) ORDER BY report_upload.version, position)
        FROM report_upload
        JOIN rendition AS large ON large.upload_id = report_upload.upload_id AND large.size = 'large'
        JOIN rendition AS small ON small.upload_id = report_upload.upload_id AND small.size = 'small'
        WHERE report_upload.report_id = report.id), '[]') AS pictures,
    (SELECT jsonb_agg(jsonb_build_object('kind', kind, 'by', actor_kind, 'text', step.said, 'made_at', step.made_at,
            'agency', (SELECT CASE $3::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = step.agency_code))
            ORDER BY version)
        FROM report_step AS step WHERE report_id = report.id AND for_reporter) AS steps,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', comment.id, 'text', comment.public_said, 'made_at', comment.made_at,
            'mine', comment.author_id = $2) ORDER BY comment.made_at, comment.id)
        FROM report_comment AS comment WHERE report_id = report.id AND hidden_at IS NULL), '[]') AS comments
FROM report
JOIN report_category ON report_category.code = category_code
JOIN ward ON ward.code = report.ward_code
LEFT JOIN agency ON agency.code = agency_code
WHERE report.id = $1 AND reporter_id = $2;

-- name: my_reports
-- What somebody ($1) reported and follows, newest first, after ($2, $3). Of what is no longer public only one's own is left.
WITH mine AS (
    SELECT id FROM report WHERE reporter_id = $1
    UNION
    SELECT report_id FROM report_follower WHERE principal_id = $1
)
SELECT report.id, report.code, category_code AS category,
    CASE $5::text WHEN 'en' THEN report_category.name_en ELSE report_category.name_vi END AS category_name,
    status, CASE WHEN reporter_id = $1 THEN said ELSE public_said END AS text, ward.name AS ward_name,
    reporter_id = $1 AND asked_at IS NOT NULL AND is_open AS question, made_at, due_at,
    CASE WHEN reporter_id = $1 THEN (SELECT '/v1/pictures/' || name FROM report_upload
            JOIN rendition ON rendition.upload_id = report_upload.upload_id AND size = 'small'
            WHERE report_id = report.id ORDER BY version, position LIMIT 1)
        ELSE (SELECT '/v1/pictures/' || small FROM public_picture WHERE report_id = report.id ORDER BY position LIMIT 1)
        END AS picture,
    coalesce(reporter_id = $1, false) AS mine
FROM mine
JOIN report ON report.id = mine.id
JOIN report_category ON report_category.code = category_code
JOIN ward ON ward.code = report.ward_code
WHERE (reporter_id = $1 OR is_public) AND ($2::timestamptz IS NULL OR (made_at, report.id) < ($2, $3::uuid))
ORDER BY made_at DESC, report.id DESC LIMIT $4;

-- name: public_reports
-- Public reports in a box ($1 west, $2 south, $3 east, $4 north), of a category ($5), in a state ($6), in a ward ($7), with
-- these words ($8), newest first, after ($9, $10), at most $11.
SELECT report.id, code, category_code AS category, CASE $12::text WHEN 'en' THEN category_en ELSE category_vi END AS category_name,
    status, said AS text,
    jsonb_build_object('lat', lat, 'lng', lng, 'address', address, 'ward', ward_code, 'ward_name', ward_name,
        'approximate', ward_approximate, 'precision_m', place_precision_m) AS place,
    urgent, agency_code AS agency, CASE $12::text WHEN 'en' THEN agency_en ELSE agency_vi END AS agency_name, answer,
    made_at, updated_at, first_due_at, due_at, waits_for_reporter, resolved_at, reopened, followers, rating,
    coalesce((SELECT jsonb_agg(jsonb_build_object('upload_id', upload_id, 'part', part, 'large', '/v1/pictures/' || large,
            'small', '/v1/pictures/' || small, 'width', width, 'height', height) ORDER BY part = 'resolved', position)
        FROM public_picture WHERE report_id = report.id), '[]') AS pictures
FROM public_report AS report
WHERE ($1::float8 IS NULL OR spot <@ box(city_point($2, $1), city_point($4, $3)))
    AND ($5::text IS NULL OR category_code = $5) AND ($6::text IS NULL OR status = $6)
    AND ($7::text IS NULL OR ward_code = $7)
    AND ($8::text IS NULL OR found_by @@ plainto_tsquery('simple', plain_text($8)))
    AND ($9::timestamptz IS NULL OR (made_at, report.id) < ($9, $10::uuid))
ORDER BY made_at DESC, report.id DESC LIMIT $11;

-- name: shown_report
-- A public report with its steps and comments, and what it is to somebody ($2).
SELECT report.id, code, category_code AS category, CASE $3::text WHEN 'en' THEN category_en ELSE category_vi END AS category_name,
    status, said AS text,
    jsonb_build_object('lat', lat, 'lng', lng, 'address', address, 'ward', ward_code, 'ward_name', ward_name,
        'approximate', ward_approximate, 'precision_m', place_precision_m) AS place,
    urgent, agency_code AS agency, CASE $3::text WHEN 'en' THEN agency_en ELSE agency_vi END AS agency_name, answer,
    made_at, updated_at, first_due_at, due_at, waits_for_reporter, resolved_at, reopened, followers, rating,
    coalesce((SELECT jsonb_agg(jsonb_build_object('upload_id', upload_id, 'part', part, 'large', '/v1/pictures/' || large,
            'small', '/v1/pictures/' || small, 'width', width, 'height', height) ORDER BY part = 'resolved', position)
        FROM public_picture WHERE report_id = report.id), '[]') AS pictures,
    coalesce((SELECT jsonb_agg(jsonb_build_object('kind', kind, 'by', actor_kind, 'text', step.public_said, 'made_at', step.made_at,
            'agency', (SELECT CASE $3::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = step.agency_code))
            ORDER BY version)
        FROM report_step AS step WHERE report_id = report.id AND (is_public OR kind = 'filed')), '[]') AS steps,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', comment.id, 'text', comment.public_said, 'made_at', comment.made_at,
            'mine', coalesce(comment.author_id = $2, false)) ORDER BY comment.made_at, comment.id)
        FROM report_comment AS comment WHERE report_id = report.id AND hidden_at IS NULL), '[]') AS comments,
    EXISTS (SELECT FROM report_follower WHERE report_id = report.id AND principal_id = $2) AS following, false AS mine
FROM public_report AS report WHERE report.id = $1;

-- name: nearby_reports
-- Open public reports within $3 metres of a place, of a category ($4), the nearest first; what they are to somebody ($5),
-- and whether a picture of theirs looks like one of mine ($6: at most $7 bits apart).
SELECT report.id, code, category_code AS category, CASE $9::text WHEN 'en' THEN category_en ELSE category_vi END AS category_name,
    status, said AS text, round(spot <-> city_point($1, $2))::int AS distance_m, followers, made_at,
    EXISTS (SELECT FROM report_follower WHERE report_id = report.id AND principal_id = $5) AS following,
    (SELECT '/v1/pictures/' || small FROM public_picture WHERE report_id = report.id ORDER BY position LIMIT 1) AS picture,
    EXISTS (SELECT FROM public_picture JOIN upload AS theirs ON theirs.id = public_picture.upload_id
        JOIN upload AS mine ON mine.id = ANY ($6::uuid[]) AND mine.owner_id = $5
        WHERE public_picture.report_id = report.id AND bit_count((theirs.phash # mine.phash)::bit(64)) <= $7) AS looks_alike
FROM public_report AS report
WHERE is_open AND spot <@ circle(city_point($1, $2), $3) AND ($4::text IS NULL OR category_code = $4)
ORDER BY spot <-> city_point($1, $2), report.id LIMIT $8;

-- name: is_public
-- Is it public?
SELECT id FROM public_report WHERE id = $1;

-- name: lock_report
-- A report, locked until the transaction ends.
SELECT report.id, report.code, status, version, category_code AS category, report_category.name_vi AS category_vi,
    report_category.name_en AS category_en, agency_code AS agency, agency.name_vi AS agency_vi, report.ward_code AS ward,
    reporter_id, concat_ws(E'\n', reporter.name, caller_name) AS reporter_names, report.private, report.confidential, urgent, after_photo,
    keeps_original, due_minutes, warn_minutes, report.made_at, first_due_at, due_at, asked_at, resolved_at, rating
FROM report
JOIN report_category ON report_category.code = category_code
LEFT JOIN agency ON agency.code = agency_code
LEFT JOIN principal AS reporter ON reporter.id = reporter_id
WHERE report.id = $1
FOR NO KEY UPDATE OF report;

-- name: is_my_step
-- Did I ($3) make this step of it, by the very same request ($4)?
SELECT EXISTS (SELECT FROM report_step WHERE report_id = $1 AND version = $2 AND actor_id = $3 AND asked_for = $4);

-- name: lock_reports
-- Several, in the order of their ids.
SELECT id FROM report WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: latest_step
-- Who did last what was done.
SELECT (SELECT name FROM principal WHERE id = actor_id) AS actor_name
FROM report_step WHERE report_id = $1 ORDER BY version DESC LIMIT 1;

-- name: record_step
-- A step that was made, as the report's next version; $7: everybody may know; $8: the reporter may; $9: whose name nobody
-- reads; $10: by which request. Returns its words for everybody.
WITH moved AS (
    UPDATE report SET version = version + 1, updated_at = city_now() WHERE id = $1 RETURNING version
)
INSERT INTO report_step (report_id, version, kind, actor_id, actor_kind, agency_code, said, is_public, public_said, for_reporter,
    asked_for)
SELECT $1, version, $2, $3, $4, $5, $6::text, $7, CASE WHEN $7 THEN public_words($6::text, $9) END, $8, $10 FROM moved
RETURNING public_said;

-- name: followers_to_tell
-- Who follows a public report, but for one ($2).
SELECT coalesce(array_agg(principal_id), '{}') FROM report_follower JOIN report ON report.id = report_id
WHERE report_id = $1 AND principal_id IS DISTINCT FROM $2 AND principal_id IS DISTINCT FROM reporter_id
    AND NOT report.private;

-- name: due_at
-- When it is due.
SELECT due_at FROM report WHERE id = $1;

-- name: people_with_roles
-- Who has one of the roles ($2) at one of the agencies ($1; null: at any).
SELECT coalesce(array_agg(DISTINCT principal_id), '{}') FROM active_grant
WHERE ($1::text[] IS NULL OR agency_code = ANY ($1)) AND role = ANY ($2::text[]);

-- name: restart_clock
-- Its reporter has answered, or will not: until when it is due now.
UPDATE report SET asked_at = NULL, due_at = $2, first_due_at = $3, warn_at = $4,
    warned_at = CASE WHEN $4 <= city_now() THEN warned_at END
WHERE id = $1;

-- name: warn_reports
-- What is due soon and nobody was warned of, at most so many; they count as warned.
WITH warned AS (
    UPDATE report SET warned_at = city_now() WHERE id IN (
        SELECT id FROM report WHERE is_open AND asked_at IS NULL AND warned_at IS NULL AND overdue_at IS NULL
            AND warn_at <= city_now() ORDER BY warn_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING *
)
SELECT warned.id, warned.code, name_vi AS category_vi, name_en AS category_en, agency_code AS agency, warned.confidential, due_at
FROM warned JOIN report_category ON report_category.code = category_code;

-- name: flag_reports
-- What is late and was not flagged, at most so many; they are flagged.
WITH flagged AS (
    UPDATE report SET overdue_at = city_now() WHERE id IN (
        SELECT id FROM report WHERE is_open AND asked_at IS NULL AND overdue_at IS NULL AND due_at <= city_now()
        ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING *
)
SELECT flagged.id, flagged.code, name_vi AS category_vi, name_en AS category_en, agency_code AS agency, flagged.confidential, due_at
FROM flagged JOIN report_category ON report_category.code = category_code;

-- name: reports_to_escalate
-- What is late, and supervisors do not know it yet, the oldest first.
SELECT report.id, report.code, name_vi AS category_vi, name_en AS category_en, agency_code AS agency, report.confidential, due_at
FROM report JOIN report_category ON report_category.code = category_code
WHERE is_open AND asked_at IS NULL AND overdue_at IS NOT NULL AND escalated_at IS NULL
ORDER BY due_at LIMIT $1;

-- name: escalate_report
-- Supervisors know.
UPDATE report SET escalated_at = city_now() WHERE id = $1;

-- name: questions_to_lapse
-- What was asked more than so many days ago, and nobody has answered.
SELECT coalesce(array_agg(id), '{}') FROM (
    SELECT id FROM report WHERE is_open AND asked_at < city_now() - make_interval(days => $1::bigint::int)
    ORDER BY asked_at LIMIT $2) AS waiting;

-- name: reports_to_close
-- What was answered more than so many days ago.
SELECT coalesce(array_agg(id), '{}') FROM (
    SELECT id FROM report WHERE status = 'resolved' AND resolved_at < city_now() - make_interval(days => $1::bigint::int)
    ORDER BY resolved_at LIMIT $2) AS answered;

-- name: close_report
-- Nobody had it opened again.
UPDATE report SET status = 'closed', closed_at = city_now() WHERE id = $1;

-- name: verify_report
-- A matter for the city.
UPDATE report SET status = 'verified', verified_at = city_now(), first_answered_at = coalesce(first_answered_at, city_now())
WHERE id = $1;

-- name: reject_report
-- None.
UPDATE report SET status = 'rejected', asked_at = NULL, closed_at = city_now(),
    first_answered_at = coalesce(first_answered_at, city_now())
WHERE id = $1;

-- name: strike
-- It was made up, by whoever filed it: not by whose telephone number a caller gave.
INSERT INTO report_strike (report_id, principal_id, given_by)
SELECT id, reporter_id, $2 FROM report WHERE id = $1 AND filed_by = reporter_id ON CONFLICT DO NOTHING;

-- name: route
-- Whose a category ($1) is in a ward ($2).
SELECT route_of($1, $2);

-- name: assign_report
-- An agency has it; another one's wish for more time is over.
WITH withdrawn AS (
    DELETE FROM report_extension USING report
    WHERE report_id = $1 AND report.id = $1 AND decided_at IS NULL AND agency_code IS DISTINCT FROM $2)
UPDATE report SET status = 'assigned', agency_code = $2, assigned_at = city_now(), started_at = NULL WHERE id = $1;

-- name: start_report
-- Somebody is on it.
UPDATE report SET status = 'in_progress', started_at = city_now() WHERE id = $1;

-- name: ask_reporter
-- The clock stands still.
UPDATE report SET asked_at = city_now(), first_answered_at = coalesce(first_answered_at, city_now()) WHERE id = $1;

-- name: resolve_report
-- The answer; $3: whose name nobody reads. Nobody wants more time any more.
WITH withdrawn AS (DELETE FROM report_extension WHERE report_id = $1 AND decided_at IS NULL)
UPDATE report SET status = 'resolved', answer = $2, public_answer = public_words($2, $3), asked_at = NULL,
    resolved_at = city_now(), first_resolved_at = coalesce(first_resolved_at, city_now()),
    first_answered_at = coalesce(first_answered_at, city_now())
WHERE id = $1;

-- name: return_report
-- Nobody's again; nor does anybody want more time.
WITH withdrawn AS (DELETE FROM report_extension WHERE report_id = $1 AND decided_at IS NULL)
UPDATE report SET status = 'verified', agency_code = NULL, assigned_at = NULL, started_at = NULL, returned = returned + 1
WHERE id = $1;

-- name: ask_extension
-- More time, if it is given.
INSERT INTO report_extension (report_id, number, until, reason, asked_by)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4 FROM report_extension WHERE report_id = $1;

-- name: waiting_extension
-- What waits for a decision.
SELECT until, reason, asked_by FROM report_extension WHERE report_id = $1 AND decided_at IS NULL FOR UPDATE;

-- name: decide_extension
-- The decision.
UPDATE report_extension SET decided_by = $2, decided_at = city_now(), approved = $3, decision_reason = $4
WHERE report_id = $1 AND decided_at IS NULL;

-- name: extend_report
-- Due later; the first deadline stays. What the reporter is still asked for moves it on from now.
UPDATE report SET due_at = $2, warn_at = $3, warned_at = NULL, overdue_at = NULL, escalated_at = NULL, extended = extended + 1,
    asked_at = CASE WHEN asked_at IS NOT NULL THEN city_now() END
WHERE id = $1;

-- name: merged_into
-- The report that one is, or became by being merged.
WITH RECURSIVE chain AS (
    SELECT id, duplicate_of, 1 AS length FROM report WHERE id = $1
    UNION ALL
    SELECT report.id, report.duplicate_of, length + 1 FROM report JOIN chain ON report.id = chain.duplicate_of WHERE length < 50
)
SELECT id FROM chain WHERE duplicate_of IS NULL;

-- name: carry_followers
-- Whoever followed one report ($1), or filed it, follows another ($2).
WITH moved AS (
    INSERT INTO report_follower (report_id, principal_id, affected)
    SELECT $2::uuid, principal_id, affected FROM report_follower WHERE report_id = $1
    UNION
    SELECT $2::uuid, reporter_id, true FROM report WHERE id = $1 AND reporter_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM report_follower WHERE report_id = $1 AND principal_id = reporter_id)
    ON CONFLICT DO NOTHING
    RETURNING principal_id
)
UPDATE report SET followers = followers + (SELECT count(*) FROM moved) WHERE id = $2;

-- name: merge_report
-- It repeats another.
WITH withdrawn AS (DELETE FROM report_extension WHERE report_id = $1 AND decided_at IS NULL)
UPDATE report SET status = 'duplicate', duplicate_of = $2, asked_at = NULL, closed_at = city_now(),
    first_answered_at = coalesce(first_answered_at, city_now())
WHERE id = $1;

-- name: report_has_upload
-- Is this upload one of its?
SELECT upload_id FROM report_upload WHERE report_id = $1 AND upload_id = $2;

-- name: hide_comment
-- Nobody reads it any more.
UPDATE report_comment SET hidden_at = coalesce(hidden_at, city_now()), hidden_by = coalesce(hidden_by, $3)
WHERE id = $2 AND report_id = $1 RETURNING id;

-- name: write_note
-- A note, unless there are too many.
INSERT INTO report_note (id, report_id, author_id, said)
SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM report_note WHERE report_id = $2) < $5
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: is_my_note
-- Is it the very note?
SELECT EXISTS (SELECT FROM report_note WHERE id = $1 AND report_id = $2 AND author_id = $3 AND said = $4);

-- name: follow_report
-- Somebody wants to hear of it, or meets the same trouble.
WITH followed AS (
    INSERT INTO report_follower (report_id, principal_id, affected) VALUES ($1, $2, $3)
    ON CONFLICT (report_id, principal_id) DO UPDATE SET affected = excluded.affected
    RETURNING (xmax = 0) AS new
)
UPDATE report SET followers = followers + 1 FROM followed WHERE id = $1 AND new;

-- name: unfollow_report
-- And no more.
WITH gone AS (DELETE FROM report_follower WHERE report_id = $1 AND principal_id = $2 RETURNING report_id)
UPDATE report SET followers = followers - 1 FROM gone WHERE id = gone.report_id;

-- name: said_last
-- Were these the words of its latest step of a kind?
SELECT (SELECT said FROM report_step WHERE report_id = $1 AND kind = $2 ORDER BY version DESC LIMIT 1) = $3;

-- name: is_rated_so
-- Is this the very rating?
SELECT rating = $2 AND rating_comment IS NOT DISTINCT FROM $3 FROM report WHERE id = $1;

-- name: rate_report
-- How its reporter finds the answer. Who is content closes it.
UPDATE report SET rating = $2, rating_comment = $3, rated_at = city_now(),
    status = CASE WHEN $2 = 'unsatisfied' THEN status ELSE 'closed' END,
    closed_at = CASE WHEN $2 = 'unsatisfied' THEN closed_at ELSE coalesce(closed_at, city_now()) END
WHERE id = $1;

-- name: reopen_report
-- Back to its agency, due at $2.
UPDATE report SET status = 'assigned', reopened = reopened + 1, answer = NULL, public_answer = NULL, resolved_at = NULL,
    closed_at = NULL, started_at = NULL, rating = NULL, rating_comment = NULL, rated_at = NULL, assigned_at = city_now(),
    due_at = $2, warn_at = $3, warned_at = NULL, overdue_at = NULL, escalated_at = NULL
WHERE id = $1;

-- name: is_my_comment
-- Is it the very comment?
SELECT EXISTS (SELECT FROM report_comment WHERE id = $1 AND report_id = $2 AND author_id = $3 AND said = $4);

-- name: comments_of
-- How many comments it has.
SELECT count(*) FROM report_comment WHERE report_id = $1;

-- name: write_comment
-- A comment; neither who is meant by $5, one a line, nor its author is named in it. Returns it as everybody reads it.
INSERT INTO report_comment (id, report_id, author_id, said, public_said)
VALUES ($1, $2, $3, $4, public_words($4, concat_ws(E'\n', $5::text, (SELECT name FROM principal WHERE id = $3))))
ON CONFLICT (id) DO NOTHING RETURNING public_said;

-- name: staff_reports_by_due
-- A queue ($1) of what a member of staff may see ($2: all but complaints; $3: complaints too; $4: these agencies'), by
-- category ($5), ward ($6), agency ($7), words or code ($8); what is due first comes first, after ($9, $10).
SELECT report.id, report.code, category_code AS category,
    CASE $12::text WHEN 'en' THEN report_category.name_en ELSE report_category.name_vi END AS category_name,
    status, version, left(said, 200) AS text, ward.name AS ward_name, urgent, agency_code AS agency,
    route_of(category_code, report.ward_code) AS routed_to, made_at, due_at, overdue_at IS NOT NULL OR due_at < city_now() AS overdue,
    asked_at IS NOT NULL AS waits_for_reporter, reopened,
    (SELECT '/v1/pictures/' || name FROM report_upload
        JOIN rendition ON rendition.upload_id = report_upload.upload_id AND size = 'small'
        WHERE report_id = report.id ORDER BY version, position LIMIT 1) AS picture
FROM report
JOIN report_category ON report_category.code = category_code
JOIN ward ON ward.code = report.ward_code
WHERE is_open
    AND ($3 OR NOT report.confidential) AND ($2 OR agency_code = ANY ($4::text[]))
    AND CASE $1::text
        WHEN 'new' THEN status = 'submitted'
        WHEN 'verified' THEN status = 'verified'
        WHEN 'mine' THEN agency_code = ANY ($4::text[])
        WHEN 'due_soon' THEN due_at >= city_now() AND warn_at <= city_now() AND asked_at IS NULL
        WHEN 'overdue' THEN due_at < city_now() AND asked_at IS NULL
        WHEN 'extensions' THEN EXISTS (SELECT FROM report_extension WHERE report_id = report.id AND decided_at IS NULL)
        WHEN 'reopened' THEN reopened > 0
        WHEN 'confidential' THEN report.confidential
        END
    AND ($5::text IS NULL OR category_code = $5) AND ($6::text IS NULL OR report.ward_code = $6)
    AND ($7::text IS NULL OR agency_code = $7)
    AND ($8::text IS NULL OR found_by @@ plainto_tsquery('simple', plain_text($8)))
    AND ($9::timestamptz IS NULL OR (due_at, report.id) > ($9, $10::uuid))
ORDER BY due_at, report.id LIMIT $11;

-- name: staff_reports_newest
-- The same of all that there ever was, newest first.
SELECT report.id, report.code, category_code AS category,
    CASE $12::text WHEN 'en' THEN report_category.name_en ELSE report_category.name_vi END AS category_name,
    status, version, left(said, 200) AS text, ward.name AS ward_name, urgent, agency_code AS agency,
    route_of(category_code, report.ward_code) AS routed_to, made_at, due_at,
    is_open AND (overdue_at IS NOT NULL OR due_at < city_now()) AS overdue, asked_at IS NOT NULL AS waits_for_reporter, reopened,
    (SELECT '/v1/pictures/' || name FROM report_upload
        JOIN rendition ON rendition.upload_id = report_upload.upload_id AND size = 'small'
        WHERE report_id = report.id ORDER BY version, position LIMIT 1) AS picture
FROM report
JOIN report_category ON report_category.code = category_code
JOIN ward ON ward.code = report.ward_code
WHERE $1::text = 'all'
    AND ($3 OR NOT report.confidential) AND ($2 OR agency_code = ANY ($4::text[]))
    AND ($5::text IS NULL OR category_code = $5) AND ($6::text IS NULL OR report.ward_code = $6)
    AND ($7::text IS NULL OR agency_code = $7)
    AND ($8::text IS NULL OR found_by @@ plainto_tsquery('simple', plain_text($8)))
    AND ($9::timestamptz IS NULL OR (made_at, report.id) < ($9, $10::uuid))
ORDER BY made_at DESC, report.id DESC LIMIT $11;

-- name: staff_report
-- A report as staff see it, whole, in one round trip. Who reported is told with their consent; who called or wrote through
-- somebody else's form also to the centre ($3), which took the call.
SELECT report.id, report.code, channel, category_code AS category,
    CASE $2::text WHEN 'en' THEN report_category.name_en ELSE report_category.name_vi END AS category_name,
    status, version, said AS text,
    jsonb_build_object('lat', report.lat, 'lng', report.lng, 'address', address, 'ward', report.ward_code,
        'ward_name', ward.name, 'approximate', ward_approximate) AS place,
    report.private, report.confidential, urgent,
    jsonb_build_object(
        'name', CASE WHEN channel = 'app' AND share_name THEN reporter.name WHEN share_name OR $3 THEN caller_name END,
        'phone', CASE WHEN channel = 'app' AND share_name THEN reporter.phone WHEN share_name OR $3 THEN caller_phone END,
        'email', CASE WHEN share_name OR $3 THEN caller_email END,
        'strikes', (SELECT count(*) FROM report_strike WHERE principal_id = reporter_id)) AS reporter,
    agency_code AS agency, CASE $2::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name,
    route_of(category_code, report.ward_code) AS routed_to, answer,
    CASE WHEN asked_at IS NOT NULL THEN (SELECT said FROM report_step
        WHERE report_id = report.id AND kind = 'asked' ORDER BY version DESC LIMIT 1) END AS question,
    duplicate_of, report.made_at, updated_at, first_due_at, due_at, overdue_at, resolved_at, reopened, returned, extended, followers,
    rating, rating_comment,
    coalesce((SELECT jsonb_agg(jsonb_build_object('upload_id', report_upload.upload_id, 'part', part,
            'large', '/v1/pictures/' || large.name, 'small', '/v1/pictures/' || small.name, 'width', large.width,
            'height', large.height, 'redacted', large.redacted, 'sha256', encode(upload.sha256, 'hex'),
            'original', upload.original_key IS NOT NULL, 'lat', evidence.lat, 'lng', evidence.lng, 'taken_at', evidence.taken_at)
            ORDER BY report_upload.version, position)
        FROM report_upload
        JOIN upload ON upload.id = report_upload.upload_id
        LEFT JOIN upload_evidence AS evidence ON evidence.upload_id = upload.id
        JOIN rendition AS large ON large.upload_id = report_upload.upload_id AND large.size = 'large'
        JOIN rendition AS small ON small.upload_id = report_upload.upload_id AND small.size = 'small'
        WHERE report_upload.report_id = report.id), '[]') AS pictures,
    coalesce((SELECT jsonb_agg(jsonb_build_object('upload_id', upload_id, 'part', part, 'media_type', upload.media_type,
            'size', upload.size, 'sha256', encode(upload.sha256, 'hex'), 'original', upload.original_key IS NOT NULL)
            ORDER BY report_upload.version, position)
        FROM report_upload JOIN upload ON upload.id = upload_id AND purpose <> 'photo'
        WHERE report_id = report.id), '[]') AS files,
    (SELECT jsonb_agg(jsonb_build_object('kind', kind, 'by', actor_kind, 'text', step.said, 'made_at', step.made_at,
            'version', step.version, 'for_reporter', for_reporter,
            'actor_id', CASE WHEN actor_kind <> 'reporter' THEN actor_id END,
            'actor_name', CASE WHEN actor_kind <> 'reporter' THEN (SELECT name FROM principal WHERE id = actor_id) END,
            'agency', (SELECT CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = step.agency_code))
            ORDER BY step.version)
        FROM report_step AS step WHERE report_id = report.id) AS steps,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', note.id, 'text', note.said, 'made_at', note.made_at,
            'author_name', (SELECT name FROM principal WHERE id = author_id)) ORDER BY note.made_at, note.id)
        FROM report_note AS note WHERE report_id = report.id), '[]') AS notes,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', comment.id, 'text', comment.public_said, 'made_at', comment.made_at,
            'mine', false) ORDER BY comment.made_at, comment.id)
        FROM report_comment AS comment WHERE report_id = report.id AND hidden_at IS NULL), '[]') AS comments,
    coalesce((SELECT jsonb_agg(jsonb_build_object('until', until, 'reason', reason, 'asked_by', asked_by,
            'made_at', extension.made_at, 'decided_by', decided_by, 'decided_at', decided_at, 'approved', approved,
            'decision_reason', decision_reason) ORDER BY number)
        FROM report_extension AS extension WHERE report_id = report.id), '[]') AS extensions
FROM report
JOIN report_category ON report_category.code = category_code
JOIN ward ON ward.code = report.ward_code
LEFT JOIN agency ON agency.code = agency_code
LEFT JOIN principal AS reporter ON reporter.id = reporter_id
WHERE report.id = $1;

-- name: reports_of_person
-- For a copy of all that is held: what was reported, and what became of it.
SELECT report.id, code, category_code, said, lat, lng, address, private, share_name, urgent, status, answer, made_at, resolved_at,
    rating, rating_comment,
    coalesce((SELECT jsonb_agg(jsonb_build_object('kind', kind, 'said', step.said, 'made_at', step.made_at) ORDER BY version)
        FROM report_step AS step WHERE report_id = report.id AND for_reporter), '[]') AS steps
FROM report WHERE reporter_id = $1 ORDER BY made_at, report.id;

-- name: erase_reporter
-- A person is forgotten: what they reported goes on, in words that everybody may read, and without them.
WITH forgotten AS (
    SELECT report.id, concat_ws(E'\n', name, caller_name) AS names FROM report JOIN principal ON principal.id = reporter_id
    WHERE reporter_id = $1
), steps AS (
    UPDATE report_step SET actor_id = CASE WHEN actor_kind <> 'reporter' THEN actor_id END,
        said = public_words(said, forgotten.names)
    FROM forgotten WHERE report_id = forgotten.id AND (actor_kind = 'reporter' OR for_reporter)
)
UPDATE report SET reporter_id = NULL, filed_by = CASE WHEN filed_by = $1 THEN NULL ELSE filed_by END, device_id = NULL,
    caller_name = NULL, caller_phone = NULL, caller_email = NULL, said = public_said, address = public_address,
    answer = public_answer,
    rating_comment = public_words(rating_comment, forgotten.names), share_name = false
FROM forgotten WHERE report.id = forgotten.id;

-- name: comments_of_person
-- For a copy of all that is held: comments.
SELECT id, report_id, said, made_at FROM report_comment WHERE author_id = $1 ORDER BY made_at, id;

-- name: erase_comments
-- A person is forgotten: with what they said to reports.
DELETE FROM report_comment WHERE author_id = $1;

-- name: following_of_person
-- For a copy of all that is held: what is followed.
SELECT report_id, affected, made_at FROM report_follower WHERE principal_id = $1 ORDER BY made_at, report_id;

-- name: erase_following
-- A person is forgotten: they follow nothing.
WITH gone AS (DELETE FROM report_follower WHERE principal_id = $1 RETURNING report_id)
UPDATE report SET followers = followers - 1 FROM gone WHERE id = gone.report_id;

-- name: strikes_of_person
-- For a copy of all that is held: strikes.
SELECT report_id, made_at FROM report_strike WHERE principal_id = $1 ORDER BY made_at, report_id;

-- name: erase_strikes
-- A person is forgotten.
DELETE FROM report_strike WHERE principal_id = $1;

-- name: forget_strikes
-- Strikes of long ago.
WITH gone AS (
    DELETE FROM report_strike WHERE report_id IN (
        SELECT report_id FROM report_strike WHERE made_at < city_now() - make_interval(days => $1::bigint::int)
        ORDER BY made_at LIMIT $2)
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: work_of_member
-- For a copy of all that is held of a member of staff: steps, notes and wishes for more time.
SELECT report_id, kind, said, made_at FROM report_step WHERE actor_id = $1 AND actor_kind = 'staff'
UNION ALL
SELECT report_id, 'note', said, made_at FROM report_note WHERE author_id = $1
UNION ALL
SELECT report_id, 'extension', reason, made_at FROM report_extension WHERE asked_by = $1;

-- name: callers_of_member
-- For a copy of all that is held of a member of staff: calls that they wrote down.
SELECT id AS report_id, code, caller_name, caller_phone, caller_email, made_at FROM report
WHERE filed_by = $1 AND num_nonnulls(caller_name, caller_phone, caller_email) > 0 ORDER BY made_at, id;

-- name: forget_callers
-- Whoever called about what was closed long ago; of their words those stay that everybody may read.
WITH gone AS (
    UPDATE report SET caller_name = NULL, caller_phone = NULL, caller_email = NULL,
        said = CASE WHEN reporter_id IS NULL THEN public_said ELSE said END
    WHERE id IN (
        SELECT id FROM report WHERE num_nonnulls(caller_name, caller_phone, caller_email) > 0
            AND closed_at < city_now() - make_interval(days => $1::bigint::int)
        ORDER BY closed_at LIMIT $2)
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: fine_biller
-- By which biller fines of a category are collected.
SELECT fine_biller FROM report_category WHERE code = $1;

-- name: lock_latest_fine
-- A report's fine: the one that stands, or the one that was cancelled last.
SELECT id, report_id, agency_code AS agency, code, status, plate, offender_name, violation, decision_number, decision_key,
    amount, decided_on, due_on, biller_code AS biller, bills, bill_id, late_amount, decided_by, cancelled_by, cancel_reason
FROM report_fine WHERE report_id = $1
ORDER BY status <> 'cancelled' DESC, made_at DESC, id DESC LIMIT 1 FOR NO KEY UPDATE;

-- name: lock_fine
-- A fine by its id.
SELECT id, report_id, agency_code AS agency, code, status, plate, offender_name, violation, decision_number, decision_key,
    amount, decided_on, due_on, biller_code AS biller, bills, bill_id, late_amount, decided_by, cancelled_by, cancel_reason
FROM report_fine WHERE id = $1 FOR NO KEY UPDATE;

-- name: make_fine
-- A notice.
INSERT INTO report_fine (id, report_id, agency_code, code, plate, offender_name, violation, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: correct_notice
-- What the notice says now.
UPDATE report_fine SET plate = $2, offender_name = $3, violation = $4 WHERE id = $1;

-- name: decide_fine
-- The decision, with its first bill.
UPDATE report_fine SET status = 'decided', decision_number = $2, decision_key = $3, amount = $4, decided_on = $5, due_on = $6,
    biller_code = $7, bill_id = $8, reference = $9, bills = 1, charged_on = $10, renew_on = $11, decided_by = $12,
    decided_at = city_now()
WHERE id = $1;

-- name: cancel_fine
-- There is none after all.
UPDATE report_fine SET status = 'cancelled', renew_on = NULL, cancelled_by = $2, cancelled_at = city_now(), cancel_reason = $3
WHERE id = $1;

-- name: staff_fine
-- A report's fine as its agency sees it.
SELECT report_id, version, report_fine.status, plate, violation, offender_name, decision_number, amount, late_amount,
    decided_on, due_on, biller_code AS biller, reference, bill_id, paid_at, paid_amount, cancelled_at, cancel_reason,
    report_fine.made_at
FROM report_fine JOIN report ON report.id = report_id
WHERE report_id = $1
ORDER BY report_fine.status <> 'cancelled' DESC, report_fine.made_at DESC, report_fine.id DESC LIMIT 1;

-- name: fines_of_bills
-- The fines that these bills are of, if any, in the order in which they are locked.
SELECT id, report_id, bill_id FROM report_fine WHERE bill_id = ANY ($1::uuid[]) ORDER BY report_id;

-- name: pay_fine
-- It was paid; nothing is returned if it is known.
UPDATE report_fine SET status = 'paid', renew_on = NULL, payment_id = $2, paid_amount = $3, paid_at = $4
WHERE id = $1 AND status = 'decided' RETURNING decision_number, decided_by;

-- name: fine_of_pair
-- The fine that somebody has the decision of: of several (another year's, another agency's, a cancelled one) the one that
-- there is to pay, or the latest.
SELECT report_fine.id, status, decision_number, decided_on, violation,
    CASE $3::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name,
    amount, late_amount, due_on, paid_at, paid_amount, biller_code AS biller, reference, bill_id
FROM report_fine JOIN agency ON agency.code = agency_code
WHERE plate = $1 AND decision_key = $2
ORDER BY status <> 'decided', status <> 'paid', decided_on DESC, report_fine.id DESC LIMIT 1;

-- name: fines_to_renew
-- Late fines whose bill somebody should look at ($1: today), the longest waiting first.
SELECT coalesce(array_agg(id), '{}') FROM (
    SELECT id FROM report_fine WHERE renew_on <= $1 ORDER BY renew_on, id LIMIT $2) AS late;

-- name: renew_fine
-- Another bill has taken the place of the one before.
UPDATE report_fine SET bills = bills + 1, bill_id = $2, reference = $3, late_amount = $4, charged_on = $5, renew_on = $6
WHERE id = $1;

-- name: put_fine_renewal_off
-- Nothing to do before that day.
UPDATE report_fine SET renew_on = greatest(renew_on, $2) WHERE id = $1;

-- name: fines_of_member
-- For a copy of all that is held of a member of staff: fines that they decided or cancelled.
SELECT report_id, status, decision_number, decided_on, decided_by = $1 AS decided, cancelled_by = $1 AS cancelled
FROM report_fine WHERE $1 IN (decided_by, cancelled_by) ORDER BY made_at, id;

-- name: notices_of_member
-- The same of notices that they sent.
SELECT report_id, status, made_at FROM report_fine WHERE made_by = $1 ORDER BY made_at, id;

-- name: forget_offenders
-- Whose vehicle it was that was fined: fines of long ago, paid or cancelled, go on as numbers.
WITH forgotten AS (
    UPDATE report_fine SET plate = NULL, offender_name = NULL WHERE id IN (
        SELECT id FROM report_fine WHERE plate IS NOT NULL
            AND coalesce(paid_at, cancelled_at) < city_now() - make_interval(days => $1::bigint::int)
        ORDER BY id LIMIT $2)
    RETURNING 1
)
SELECT count(*) FROM forgotten;

-- name: forget_noticed
-- The same of notices that nobody has decided on in time.
WITH forgotten AS (
    UPDATE report_fine SET plate = NULL, offender_name = NULL WHERE id IN (
        SELECT id FROM report_fine WHERE plate IS NOT NULL AND decided_at IS NULL
            AND made_at < city_now() - make_interval(days => $1::bigint::int)
        ORDER BY id LIMIT $2)
    RETURNING 1
)
SELECT count(*) FROM forgotten;

-- name: plant_reporter
-- Somebody who reports things, in a sandbox.
INSERT INTO principal (id, kind, phone, name) VALUES ($1, 'resident', $2, $3) ON CONFLICT DO NOTHING;

-- name: needs_of_category
-- Whose a category is, whether its pictures are evidence, and whether an answer needs one.
SELECT route_of(code, NULL) AS agency, keeps_original AS evidence, after_photo FROM report_category WHERE code = $1;

-- name: version_of
-- What was done to a report so far.
SELECT version FROM report WHERE id = $1;

-- name: original_to_merge
-- An open report of the same category that another may repeat.
SELECT original.id FROM report JOIN report AS original ON original.category_code = report.category_code
    AND original.id <> report.id AND original.is_open AND NOT original.confidential
    AND (report.private OR NOT original.private)
WHERE report.id = $1 ORDER BY original.made_at DESC LIMIT 1;

-- name: map_clusters
-- Public reports by cell of a level ($1) from $2, $3 (west, north) to $4, $5 (east, south), of a category ($6), open or not
-- ($7): what the clock has added up, and what happened since then.
WITH counted AS (
    SELECT cell.x, cell.y, open_count, open_x, open_y, closed_count, closed_x, closed_y
    FROM generate_series($2::int, $4::int) AS column_x
    JOIN map_cell AS cell ON level = $1 AND cell.x = column_x AND cell.y BETWEEN $3 AND $5
        AND category_code = coalesce($6::text, '*')
    UNION ALL
    SELECT x >> (30 - $1), y >> (30 - $1), opened, opened * x::bigint, opened * y::bigint,
        change - opened, (change - opened) * x::bigint, (change - opened) * y::bigint
    FROM map_delta, LATERAL (SELECT CASE WHEN is_open THEN change ELSE 0 END AS opened) AS part
    WHERE x >> (30 - $1) BETWEEN $2 AND $4 AND y >> (30 - $1) BETWEEN $3 AND $5
        AND ($6::text IS NULL OR category_code = $6)
), wanted AS (
    SELECT x, y, CASE WHEN $7::boolean IS NOT false THEN open_count ELSE 0 END AS open,
        CASE WHEN $7::boolean IS NOT true THEN closed_count ELSE 0 END AS closed,
        CASE WHEN $7::boolean IS NOT false THEN open_x ELSE 0 END + CASE WHEN $7::boolean IS NOT true THEN closed_x ELSE 0 END AS sum_x,
        CASE WHEN $7::boolean IS NOT false THEN open_y ELSE 0 END + CASE WHEN $7::boolean IS NOT true THEN closed_y ELSE 0 END AS sum_y
    FROM counted
)
SELECT concat_ws('/', $1, wanted.x, wanted.y) AS cell, sum(open + closed) AS count, sum(open) AS open,
    sum(sum_x)::float8 / sum(open + closed) AS x, sum(sum_y)::float8 / sum(open + closed) AS y
FROM wanted GROUP BY wanted.x, wanted.y HAVING sum(open + closed) > 0 ORDER BY wanted.x, wanted.y;

-- name: map_points
-- Public reports in a box ($1 west, $2 south, $3 east, $4 north), of a category ($5), open or not ($6), at most $7.
SELECT id, code, category_code AS category, status, lat, lng FROM public_report
WHERE spot <@ box(city_point($2, $1), city_point($4, $3))
    AND ($5::text IS NULL OR category_code = $5) AND ($6::boolean IS NULL OR is_open = $6)
ORDER BY id LIMIT $7;

-- name: fold_map
-- Add the oldest $1 of what happened to the cells of the levels from $2 to $3; returns how many these were.
WITH taken AS (
    DELETE FROM map_delta WHERE id IN (SELECT id FROM map_delta ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING x, y, category_code, is_open, change
), folded AS (
    INSERT INTO map_cell (level, x, y, category_code, open_count, open_x, open_y, closed_count, closed_x, closed_y)
    SELECT level, x >> (30 - level), y >> (30 - level), category,
        coalesce(sum(change) FILTER (WHERE is_open), 0), coalesce(sum(change * x::bigint) FILTER (WHERE is_open), 0),
        coalesce(sum(change * y::bigint) FILTER (WHERE is_open), 0),
        coalesce(sum(change) FILTER (WHERE NOT is_open), 0), coalesce(sum(change * x::bigint) FILTER (WHERE NOT is_open), 0),
        coalesce(sum(change * y::bigint) FILTER (WHERE NOT is_open), 0)
    FROM taken, generate_series($2::int, $3::int) AS level, unnest(ARRAY[category_code, '*']) AS category
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (level, x, y, category_code) DO UPDATE SET
        open_count = map_cell.open_count + excluded.open_count,
        open_x = map_cell.open_x + excluded.open_x, open_y = map_cell.open_y + excluded.open_y,
        closed_count = map_cell.closed_count + excluded.closed_count,
        closed_x = map_cell.closed_x + excluded.closed_x, closed_y = map_cell.closed_y + excluded.closed_y
)
SELECT count(*) FROM taken;

-- name: report_statistics
-- The numbers of what came in from $1 to $2, by $3, with names in a language ($4), and in all. Private reports count where
-- there are at least $5 of them. Waits are in tenths of an hour.
WITH received AS MATERIALIZED (
    SELECT CASE $3::text
            WHEN 'agency' THEN coalesce(report.agency_code, '')
            WHEN 'category' THEN category_code
            WHEN 'ward' THEN ward_code
            WHEN 'month' THEN to_char(report.made_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM')
        END AS key,
        private, report.status, is_open, reopened, rating,
        is_open AND asked_at IS NULL AND due_at < city_now() AS is_late,
        report.status NOT IN ('rejected', 'duplicate')
            AND (first_resolved_at IS NOT NULL OR (asked_at IS NULL AND first_due_at < city_now())) AS is_measured,
        first_resolved_at <= first_due_at AS in_first_time,
        -- A report that was opened again has a deadline of its own since then.
        first_resolved_at <= CASE WHEN reopened = 0 THEN due_at ELSE greatest(first_due_at, (
            SELECT max(until) FROM report_extension
            WHERE report_id = report.id AND approved AND decided_at <= first_resolved_at)) END AS in_time,
        round(date_part('epoch', first_answered_at - report.made_at) / 360)::int AS wait, report_fine.amount AS fine
    FROM report
    LEFT JOIN report_fine ON report_id = report.id AND report_fine.status IN ('decided', 'paid')
    WHERE NOT confidential AND report.made_at >= $1::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
        AND report.made_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
), part AS (
    SELECT key, private, count(*) AS received,
        count(*) FILTER (WHERE status NOT IN ('submitted', 'rejected', 'duplicate')) AS accepted,
        count(*) FILTER (WHERE status = 'rejected') AS rejected,
        count(*) FILTER (WHERE status = 'duplicate') AS duplicates,
        count(*) FILTER (WHERE status IN ('resolved', 'closed')) AS resolved,
        count(*) FILTER (WHERE is_open) AS open,
        count(*) FILTER (WHERE is_late) AS late_now,
        count(*) FILTER (WHERE is_measured) AS measured,
        count(*) FILTER (WHERE is_measured AND in_first_time) AS on_time_first,
        count(*) FILTER (WHERE is_measured AND in_time) AS on_time_extended,
        count(*) FILTER (WHERE reopened > 0) AS reopened,
        count(*) FILTER (WHERE rating = 'satisfied') AS satisfied,
        count(*) FILTER (WHERE rating = 'acceptable') AS acceptable,
        count(*) FILTER (WHERE rating = 'unsatisfied') AS unsatisfied,
        count(fine) AS fines, coalesce(sum(fine), 0) AS fines_amount
    FROM received GROUP BY key, private
), waited AS (
    SELECT key, private, wait, count(*) AS times FROM received WHERE wait IS NOT NULL GROUP BY key, private, wait
), shown AS (
    SELECT key, private, NOT private OR received >= $5 AS in_row,
        NOT private OR sum(received) FILTER (WHERE private) OVER () >= $5 AS in_total
    FROM part
), line AS (
    SELECT false AS is_total, key AS name, key, private FROM shown WHERE in_row
    UNION ALL
    SELECT true, '', key, private FROM shown WHERE in_total
), summed AS (
    SELECT is_total, line.name, sum(received)::bigint AS received, sum(accepted)::bigint AS accepted,
        sum(rejected)::bigint AS rejected, sum(duplicates)::bigint AS duplicates, sum(resolved)::bigint AS resolved,
        sum(open)::bigint AS open, sum(late_now)::bigint AS late_now, sum(measured)::bigint AS measured,
        sum(on_time_first)::bigint AS on_time_first, sum(on_time_extended)::bigint AS on_time_extended,
        sum(reopened)::bigint AS reopened, sum(satisfied)::bigint AS satisfied, sum(acceptable)::bigint AS acceptable,
        sum(unsatisfied)::bigint AS unsatisfied, sum(satisfied + acceptable + unsatisfied)::bigint AS rated,
        sum(fines)::bigint AS fines, sum(fines_amount)::bigint AS fines_amount
    FROM line JOIN part USING (key, private) GROUP BY is_total, line.name
), ranked AS (
    SELECT is_total, line.name, wait, sum(sum(times)) OVER (PARTITION BY is_total, line.name ORDER BY wait) AS so_far,
        sum(sum(times)) OVER (PARTITION BY is_total, line.name) AS answered
    FROM line JOIN waited USING (key, private) GROUP BY is_total, line.name, wait
), middle AS (
    SELECT is_total, name, min(wait) FILTER (WHERE so_far >= 0.5 * answered) / 10.0::float8 AS first_answer_median_h,
        min(wait) FILTER (WHERE so_far >= 0.9 * answered) / 10.0::float8 AS first_answer_p90_h
    FROM ranked GROUP BY is_total, name
)
SELECT is_total, nullif(summed.name, '') AS key,
    CASE $3::text
        WHEN 'agency' THEN (SELECT CASE $4::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = summed.name)
        WHEN 'category' THEN (SELECT CASE $4::text WHEN 'en' THEN name_en ELSE name_vi END FROM report_category
            WHERE code = summed.name)
        WHEN 'ward' THEN (SELECT ward.name FROM ward WHERE code = summed.name)
        WHEN 'month' THEN right(summed.name, 2) || '/' || left(summed.name, 4)
    END AS name,
    received, accepted, rejected, duplicates, resolved, open, late_now, measured,
    on_time_first, round(on_time_first::numeric / nullif(measured, 0), 4)::float8 AS on_time_first_share,
    on_time_extended, round(on_time_extended::numeric / nullif(measured, 0), 4)::float8 AS on_time_extended_share,
    reopened, satisfied, acceptable, unsatisfied,
    round(satisfied::numeric / nullif(rated, 0), 4)::float8 AS satisfied_share, first_answer_median_h, first_answer_p90_h,
    fines, fines_amount
FROM summed LEFT JOIN middle USING (is_total, name)
ORDER BY CASE WHEN $3::text = 'month' THEN summed.name END, received DESC, summed.name;

-- name: open_reports
-- Public reports that came in from $1 to $2, of a category ($3), in a ward ($4), oldest first, after ($5, $6), at most $7.
SELECT id, code, category_code AS category, category_vi, category_en, status, said AS text, lat, lng, place_precision_m, address,
    ward_code AS ward, ward_name, ward_approximate, urgent, agency_code AS agency, agency_vi, agency_en, answer, made_at,
    updated_at, first_due_at, due_at, first_answered_at, first_resolved_at, resolved_at, closed_at, reopened, extended, followers,
    rating
FROM public_report
WHERE (made_at, id) > (coalesce($5::timestamptz, $1::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'), $6::uuid)
    AND made_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND ($3::text IS NULL OR category_code = $3) AND ($4::text IS NULL OR ward_code = $4)
ORDER BY made_at, id LIMIT $7;

-- name: feed_items
-- The newest $4 public reports, of a category ($1), in a ward ($2), in a language ($3).
SELECT id, code, CASE $3::text WHEN 'en' THEN category_en ELSE category_vi END AS category_name, ward_name, said AS text, made_at,
    updated_at
FROM public_report
WHERE ($1::text IS NULL OR category_code = $1) AND ($2::text IS NULL OR ward_code = $2)
ORDER BY made_at DESC, id DESC LIMIT $4;
