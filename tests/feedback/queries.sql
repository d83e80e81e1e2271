-- name: all_reports
-- Every report.
SELECT id, status, category_code, made_at, updated_at, resolved_at, reopened, extended, asked_at FROM report ORDER BY id;

-- name: flood_reports
-- Every report with what belongs to it: uploads that it holds, their pictures, its steps, and how often it was told.
SELECT report.id, code, category_code AS category,
    ARRAY(SELECT report_upload.upload_id FROM report_upload JOIN upload ON upload.id = report_upload.upload_id
        WHERE report_id = report.id AND holder_id = report.id AND upload.status = 'ready' ORDER BY position) AS uploads,
    ARRAY(SELECT rendition.size FROM report_upload JOIN rendition USING (upload_id)
        WHERE report_id = report.id ORDER BY rendition.size) AS pictures,
    ARRAY(SELECT kind FROM report_step WHERE report_id = report.id ORDER BY version) AS steps,
    (SELECT count(*) FROM event WHERE kind = 'ReportFiled' AND data ->> 'report_id' = report.id::text) AS told
FROM report ORDER BY id;

-- name: flood_nobodys
-- Uploads that no report holds.
SELECT count(*) FROM upload WHERE holder_id IS NULL;

-- name: flood_uncounted
-- What the clock has still to add to the map.
SELECT count(*) FROM map_delta;

-- name: flood_long_ago
-- What was begun and came to nothing may be taken away now.
UPDATE stored_object SET doomed_at = city_now() WHERE doomed_at > city_now();

-- name: flood_objects
-- What should lie in the storage.
SELECT key FROM stored_object;
