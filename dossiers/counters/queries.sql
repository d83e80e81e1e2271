-- name: counter
-- A counter that people can come to.
SELECT agency_code AS agency, name_vi AS agency_vi, name_en AS agency_en, slot_minutes, places
FROM counter JOIN agency ON code = agency_code JOIN dossier_agency USING (agency_code)
WHERE agency_code = $1 AND valid_to_on IS NULL;

-- name: lock_counter
-- The same, while somebody takes a place there: of two who take the last one, the second sees that it is gone.
SELECT agency_code AS agency, name_vi AS agency_vi, name_en AS agency_en, slot_minutes, places
FROM counter JOIN agency ON code = agency_code JOIN dossier_agency USING (agency_code)
WHERE agency_code = $1 AND valid_to_on IS NULL
FOR UPDATE OF counter;

-- name: places_taken
-- How many places of each time ahead are taken.
SELECT starts_at, count(*) AS taken FROM counter_booking
WHERE agency_code = $1 AND starts_at > city_now() AND state <> 'cancelled' GROUP BY starts_at;

-- name: lock_resident
-- Whoever books, so that two phones of one person take turns.
SELECT id FROM principal WHERE id = $1 FOR NO KEY UPDATE;

-- name: kept_booking
-- What is booked under an id.
SELECT resident_id, agency_code AS agency, starts_at, procedure_code AS procedure, note, state
FROM counter_booking WHERE id = $1;

-- name: lock_booking
-- A visit of somebody's that is about to change.
SELECT resident_id, agency_code AS agency, starts_at, procedure_code AS procedure, note, state
FROM counter_booking WHERE id = $1 AND resident_id = $2 FOR UPDATE;

-- name: bookings_ahead
-- How many visits of a person are still to come.
SELECT count(*) FROM counter_booking WHERE resident_id = $1 AND state = 'booked' AND ends_at > city_now();

-- name: free_place
-- The first place of a time that nobody has; none if it is full.
SELECT min(wanted.place) FROM generate_series(1, $3::bigint::int) AS wanted (place)
WHERE NOT EXISTS (
    SELECT FROM counter_booking AS other
    WHERE agency_code = $1 AND starts_at = $2 AND other.place = wanted.place AND state <> 'cancelled');

-- name: insert_booking
-- Somebody comes then.
INSERT INTO counter_booking (id, resident_id, agency_code, starts_at, ends_at, place, procedure_code, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: booking
-- A visit, to whoever booked it, with the number and how many wait before it.
SELECT booking.id, booking.agency_code AS agency, CASE $3 WHEN 'vi' THEN agency.name_vi ELSE agency.name_en END AS agency_name,
    starts_at, ends_at, booking.procedure_code AS procedure,
    CASE $3 WHEN 'vi' THEN procedure.name_vi ELSE procedure.name_en END AS procedure_name, note, booking.state,
    CASE WHEN ticket.id IS NOT NULL THEN jsonb_build_object('ticket_id', ticket.id,
        'label', letter || lpad(number::text, greatest(3, length(number::text)), '0'), 'state', ticket.state, 'window', window_number,
        'ahead', CASE WHEN ticket.state = 'waiting' THEN (
            SELECT count(*) FROM counter_ticket AS other
            WHERE other.agency_code = ticket.agency_code AND other.day_on = ticket.day_on AND other.state = 'waiting'
                AND other.letter = 'A' AND (other.due_at, other.number) < (ticket.due_at, ticket.number)) END) END AS ticket
FROM counter_booking AS booking JOIN agency ON agency.code = booking.agency_code
LEFT JOIN procedure ON procedure.code = booking.procedure_code LEFT JOIN counter_ticket AS ticket ON booking_id = booking.id
WHERE booking.id = $1 AND booking.resident_id = $2;

-- name: bookings
-- A person's visits, the furthest ahead first.
SELECT booking.id, booking.agency_code AS agency, CASE $5 WHEN 'vi' THEN agency.name_vi ELSE agency.name_en END AS agency_name,
    starts_at, ends_at, booking.procedure_code AS procedure,
    CASE $5 WHEN 'vi' THEN procedure.name_vi ELSE procedure.name_en END AS procedure_name, note, booking.state,
    CASE WHEN ticket.id IS NOT NULL THEN jsonb_build_object('ticket_id', ticket.id,
        'label', letter || lpad(number::text, greatest(3, length(number::text)), '0'), 'state', ticket.state, 'window', window_number,
        'ahead', CASE WHEN ticket.state = 'waiting' THEN (
            SELECT count(*) FROM counter_ticket AS other
            WHERE other.agency_code = ticket.agency_code AND other.day_on = ticket.day_on AND other.state = 'waiting'
                AND other.letter = 'A' AND (other.due_at, other.number) < (ticket.due_at, ticket.number)) END) END AS ticket
FROM counter_booking AS booking JOIN agency ON agency.code = booking.agency_code
LEFT JOIN procedure ON procedure.code = booking.procedure_code LEFT JOIN counter_ticket AS ticket ON booking_id = booking.id
WHERE booking.resident_id = $1 AND ($2::timestamptz IS NULL OR (starts_at, booking.id) < ($2, $3))
ORDER BY starts_at DESC, booking.id DESC LIMIT $4;

-- name: cancel_booking
-- Somebody does not come.
UPDATE counter_booking SET state = 'cancelled', cancelled_at = city_now() WHERE id = $1;

-- name: arrive
-- Somebody who had booked is there.
UPDATE counter_booking SET state = 'arrived' WHERE id = $1;

-- name: give_booked_number
-- Their number; a number that is rolled back was never given.
WITH booked AS (
    SELECT booking.id, agency_code, resident_id, starts_at, field_code FROM counter_booking AS booking
    LEFT JOIN procedure ON code = procedure_code WHERE booking.id = $2
), given AS (
    INSERT INTO counter_number (agency_code, day_on, letter, last) SELECT agency_code, $3, 'A', 1 FROM booked
    ON CONFLICT (agency_code, day_on, letter) DO UPDATE SET last = counter_number.last + 1 RETURNING last
)
INSERT INTO counter_ticket (id, agency_code, day_on, letter, number, booking_id, resident_id, field_code, due_at)
SELECT $1, agency_code, $3, 'A', last, id, resident_id, field_code, starts_at FROM booked, given;

-- name: bookings_to_remind
-- Visits of tomorrow, booked before this evening, of which nobody was reminded; now they are.
WITH due AS (
    SELECT id FROM counter_booking
    WHERE state = 'booked' AND starts_at >= $1 AND starts_at < $2 AND made_at < $3 AND reminded_at IS NULL
    ORDER BY starts_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE counter_booking AS booking SET reminded_at = city_now() FROM due, agency
WHERE booking.id = due.id AND code = agency_code
RETURNING booking.id, resident_id, name_vi AS agency_vi, name_en AS agency_en, starts_at;

-- name: miss_bookings
-- The day is over, and nobody came.
UPDATE counter_booking SET state = 'missed' WHERE state = 'booked' AND starts_at < $1;

-- name: lock_ticket
-- A number that is about to change, and who changed it last.
SELECT agency_code AS agency, letter, field_code AS field, state, version, window_number AS window, made_by, changed_by,
    (SELECT screen_name FROM principal WHERE principal.id = coalesce(changed_by, resident_id)) AS by
FROM counter_ticket WHERE id = $1 FOR UPDATE;

-- name: give_number
-- A number for somebody who walked in.
WITH given AS (
    INSERT INTO counter_number (agency_code, day_on, letter, last) VALUES ($2, $3, 'B', 1)
    ON CONFLICT (agency_code, day_on, letter) DO UPDATE SET last = counter_number.last + 1 RETURNING last
)
INSERT INTO counter_ticket (id, agency_code, day_on, letter, number, field_code, made_by)
SELECT $1, $2, $3, 'B', last, $4, $5 FROM given;

-- name: move_ticket
-- Its visit begins, or it ends.
UPDATE counter_ticket SET state = $2, version = version + 1, changed_by = $3,
    serving_at = CASE WHEN $2 = 'serving' THEN city_now() ELSE serving_at END,
    ended_at = CASE WHEN $2 IN ('served', 'missed') THEN city_now() END
WHERE id = $1;

-- name: call_ticket
-- This number is called to a window.
UPDATE counter_ticket SET state = 'called', version = version + 1, window_number = $2, changed_by = $3, called_at = city_now()
WHERE id = $1;

-- name: write_call
-- A clerk calls whoever is next; null: this call was made before.
INSERT INTO counter_call (id, agency_code, window_number, called_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: call
-- A call that was made.
SELECT agency_code AS agency, window_number AS window, called_by FROM counter_call WHERE id = $1;

-- name: window_is_open
-- Is there such a window?
SELECT EXISTS (SELECT FROM counter_window WHERE agency_code = $1 AND number = $2 AND is_open);

-- name: call_next
-- Whoever is next for a window: booked ones whose time has come, but after two of them one who walked in; then whoever
-- came too early. What another clerk is taking is passed over.
WITH latest AS (
    SELECT letter FROM counter_ticket WHERE agency_code = $1 AND day_on = $2 AND called_at IS NOT NULL
    ORDER BY called_at DESC, id DESC LIMIT 2
), turn AS (
    SELECT count(*) FILTER (WHERE letter = 'A') = 2 AS of_walk_ins FROM latest
), next AS (
    SELECT ticket.id FROM counter_ticket AS ticket CROSS JOIN turn
    JOIN counter_window AS wanted ON wanted.agency_code = ticket.agency_code AND wanted.number = $3
    WHERE ticket.agency_code = $1 AND day_on = $2 AND state = 'waiting'
        AND (fields = '{}' OR field_code IS NULL OR field_code = ANY (fields))
    ORDER BY CASE WHEN letter = 'B' THEN NOT of_walk_ins WHEN due_at <= city_now() THEN of_walk_ins END NULLS LAST,
        due_at, ticket.number
    LIMIT 1 FOR UPDATE OF ticket SKIP LOCKED
)
UPDATE counter_ticket SET state = 'called', version = version + 1, window_number = $3, call_id = $4, changed_by = $5,
    called_at = city_now()
FROM next WHERE counter_ticket.id = next.id RETURNING counter_ticket.id;

-- name: called_ticket
-- Who is called where.
SELECT ticket.id AS ticket_id, booking_id, resident_id, name_vi AS agency_vi, name_en AS agency_en,
    letter || lpad(number::text, greatest(3, length(number::text)), '0') AS label, window_number AS window
FROM counter_ticket AS ticket JOIN agency ON code = agency_code WHERE ticket.id = $1;

-- name: ticket
-- A number, to its counter's clerks.
SELECT ticket.id, letter || lpad(number::text, greatest(3, length(number::text)), '0') AS label, letter, ticket.state, version,
    window_number AS window, field_code AS field, procedure_code AS procedure, note, due_at AS booked_at, ticket.made_at, called_at,
    serving_at, ended_at
FROM counter_ticket AS ticket LEFT JOIN counter_booking AS booking ON booking.id = booking_id WHERE ticket.id = $1;

-- name: ticket_of_call
-- The number that a call gave.
SELECT ticket.id, letter || lpad(number::text, greatest(3, length(number::text)), '0') AS label, letter, ticket.state, version,
    window_number AS window, field_code AS field, procedure_code AS procedure, note, due_at AS booked_at, ticket.made_at, called_at,
    serving_at, ended_at
FROM counter_ticket AS ticket LEFT JOIN counter_booking AS booking ON booking.id = booking_id WHERE call_id = $1;

-- name: tickets_of_day
-- A day's numbers at a counter, in the order in which they were given.
SELECT ticket.id, letter || lpad(number::text, greatest(3, length(number::text)), '0') AS label, letter, ticket.state, version,
    window_number AS window, field_code AS field, procedure_code AS procedure, note, due_at AS booked_at, ticket.made_at, called_at,
    serving_at, ended_at
FROM counter_ticket AS ticket LEFT JOIN counter_booking AS booking ON booking.id = booking_id
WHERE ticket.agency_code = $1 AND day_on = $2 AND ($3::text IS NULL OR ticket.state = $3)
    AND ($4::timestamptz IS NULL OR (ticket.made_at, ticket.id) > ($4, $5))
ORDER BY ticket.made_at, ticket.id LIMIT $6;

-- name: end_tickets
-- Numbers of past days are over: whoever sat at a window was served.
UPDATE counter_ticket SET state = CASE state WHEN 'serving' THEN 'served' ELSE 'missed' END, version = version + 1,
    changed_by = NULL, ended_at = city_now()
WHERE ended_at IS NULL AND day_on < $1;

-- name: queue_now
-- How many wait, how long a visit took today, and how many windows have somebody or had within half an hour.
SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'served') AS served,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - serving_at) / 60) FILTER (WHERE state = 'served')
        AS median_minutes,
    count(DISTINCT window_number) FILTER (WHERE state IN ('called', 'serving') OR ended_at > city_now() - interval '30 minutes')
        AS at_work
FROM counter_ticket WHERE agency_code = $1 AND day_on = $2;

-- name: windows_now
-- The open windows, and whom they have called.
SELECT wanted.number AS window, letter || lpad(ticket.number::text, greatest(3, length(ticket.number::text)), '0') AS label, state
FROM counter_window AS wanted
LEFT JOIN counter_ticket AS ticket ON ticket.agency_code = wanted.agency_code AND window_number = wanted.number
    AND day_on = $2 AND state IN ('called', 'serving')
WHERE wanted.agency_code = $1 AND is_open ORDER BY wanted.number;

-- name: fields_are_known
-- Is each of these a field of procedures?
SELECT NOT EXISTS (SELECT FROM unnest($1::text[]) AS field WHERE field NOT IN (SELECT code FROM procedure_field));

-- name: put_counter
-- How long its visits are, and how many at once.
UPDATE counter SET slot_minutes = $2, places = $3 WHERE agency_code = $1;

-- name: close_windows
-- What is not in the list any more is closed.
UPDATE counter_window SET is_open = false WHERE agency_code = $1 AND number <> ALL ($2::int[]);

-- name: put_window
-- A window, open.
INSERT INTO counter_window (agency_code, number, fields) VALUES ($1, $2, $3)
ON CONFLICT (agency_code, number) DO UPDATE SET fields = EXCLUDED.fields, is_open = true;

-- name: staff_counter
-- A counter as it was put.
SELECT agency_code AS agency, slot_minutes, places, coalesce((
    SELECT jsonb_agg(jsonb_build_object('number', number, 'fields', fields) ORDER BY number)
    FROM counter_window WHERE counter_window.agency_code = counter.agency_code AND is_open), '[]') AS windows
FROM counter WHERE agency_code = $1;

-- name: seed_windows
-- For the sandbox: two windows at every counter that has none.
INSERT INTO counter_window (agency_code, number)
SELECT agency_code, number FROM counter CROSS JOIN generate_series(1, 2) AS number
WHERE NOT EXISTS (SELECT FROM counter_window WHERE counter_window.agency_code = counter.agency_code)
ON CONFLICT DO NOTHING;

-- name: visits_are_seeded
-- Has the sandbox's day at a counter been made?
SELECT EXISTS (SELECT FROM counter_ticket WHERE id = $1);

-- name: visits_of_person
-- For a copy of all that is held: visits, and their numbers.
SELECT booking.id AS booking_id, booking.agency_code AS agency, starts_at, procedure_code AS procedure, note, booking.state,
    letter, number, booking.made_at
FROM counter_booking AS booking LEFT JOIN counter_ticket AS ticket ON booking_id = booking.id
WHERE booking.resident_id = $1 ORDER BY starts_at, booking.id;

-- name: erase_visits
-- A person is forgotten: the counter's day keeps its numbers, and nobody's name to them.
WITH freed AS (UPDATE counter_ticket SET booking_id = NULL, resident_id = NULL WHERE resident_id = $1 RETURNING 1)
DELETE FROM counter_booking WHERE resident_id = $1 AND (SELECT count(*) FROM freed) >= 0;

-- name: forget_visits
-- Visits of long ago.
WITH old AS (
    SELECT id FROM counter_booking WHERE ends_at < city_now() - make_interval(days => $1::bigint::int)
    ORDER BY ends_at LIMIT $2
), freed AS (
    UPDATE counter_ticket SET booking_id = NULL, resident_id = NULL WHERE booking_id IN (SELECT id FROM old) RETURNING 1
), gone AS (
    DELETE FROM counter_booking WHERE id IN (SELECT id FROM old) AND (SELECT count(*) FROM freed) >= 0 RETURNING 1
)
SELECT count(*) FROM gone;

-- name: work_of_clerk
-- For a copy of all that is held of a member of staff: numbers that they gave or changed last, and their calls.
SELECT id, agency_code AS agency, 'ticket' AS kind, made_at FROM counter_ticket WHERE made_by = $1 OR changed_by = $1
UNION ALL
SELECT id, agency_code, 'call', made_at FROM counter_call WHERE called_by = $1;
