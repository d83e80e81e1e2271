-- name: move_text
-- How a text went, unless that much or more was told before.
INSERT INTO text_report AS known (reference, state, channel, why, reported_at)
VALUES ($1, $2, $3, $4, least($5, city_now()))
ON CONFLICT (reference) DO UPDATE SET state = excluded.state, channel = excluded.channel, why = excluded.why,
    reported_at = excluded.reported_at, told_at = city_now()
WHERE array_position(ARRAY['sent', 'expired', 'failed', 'delivered'], excluded.state)
    > array_position(ARRAY['sent', 'expired', 'failed', 'delivered'], known.state)
RETURNING true;

-- name: forget_reports
-- What was told ninety days ago.
DELETE FROM text_report WHERE reference IN (
    SELECT reference FROM text_report WHERE told_at < city_now() - interval '90 days' ORDER BY told_at LIMIT $1);
