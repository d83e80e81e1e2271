-- name: all_reports
-- Every report.
SELECT id, status, category_code, made_at, updated_at, resolved_at, reopened, extended, asked_at FROM report ORDER BY id;
