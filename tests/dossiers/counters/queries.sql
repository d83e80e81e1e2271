-- name: drop_places
-- So many places, and no more.
UPDATE counter SET places = $2 WHERE agency_code = $1;

-- name: open_window
-- A window, for people of these fields.
INSERT INTO counter_window (agency_code, number, fields) VALUES ($1, $2, $3);

-- name: events_of
-- How often news of a kind was recorded.
SELECT count(*) FROM event WHERE kind = $1;

-- name: tickets
-- All numbers of a counter.
SELECT letter, number, state FROM counter_ticket WHERE agency_code = $1 ORDER BY letter, number;
