-- name: report_state
-- How a text went.
SELECT state FROM text_report WHERE reference = $1;

-- name: report_row
-- The whole of it.
SELECT * FROM text_report WHERE reference = $1;

-- name: plant_report
-- A text that ended so long ago.
INSERT INTO text_report (reference, state, channel, why, reported_at, told_at)
VALUES ($1, 'delivered', 'sms', '', city_now() - $2::text::interval, city_now() - $2::text::interval);

-- name: hurry_jobs
-- Nobody waits for the table of waits.
UPDATE job SET run_at = city_now() WHERE state = 'ready';

-- name: code_mac
-- What is kept of a code.
SELECT code_mac FROM one_time_code WHERE id = $1;
