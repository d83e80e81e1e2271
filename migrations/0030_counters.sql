-- migrate:up

-- Visits to a one-stop counter: times to come at, numbers to wait with; and results that go by public post.

-- A counter that people come to. `slot_minutes`: how long a visit is reckoned to last; `places`: how many may be booked
-- for the same time.
CREATE TABLE counter (
    agency_code text PRIMARY KEY REFERENCES dossier_agency (agency_code),
    slot_minutes integer NOT NULL DEFAULT 30 CONSTRAINT counter_slot_minutes CHECK (slot_minutes BETWEEN 5 AND 240),
    places integer NOT NULL DEFAULT 3 CONSTRAINT counter_places CHECK (places BETWEEN 1 AND 100)
);
INSERT INTO counter (agency_code)
SELECT agency_code FROM dossier_agency WHERE receives AND valid_to_on IS NULL;

-- A numbered desk. `fields`: of which procedures it takes people; empty: of all. One that is closed keeps its number,
-- which the tickets of past days name.
CREATE TABLE counter_window (
    agency_code text NOT NULL REFERENCES counter (agency_code),
    number integer NOT NULL CONSTRAINT counter_window_number CHECK (number BETWEEN 1 AND 99),
    fields text[] NOT NULL DEFAULT '{}',
    is_open boolean NOT NULL DEFAULT true,
    PRIMARY KEY (agency_code, number)
);

-- Somebody comes at this time. `place`: which of the places of that time, so that no two have the same one.
CREATE TABLE counter_booking (
    id uuid PRIMARY KEY,
    resident_id uuid NOT NULL REFERENCES principal (id),
    agency_code text NOT NULL REFERENCES counter (agency_code),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    place integer NOT NULL,
    procedure_code text REFERENCES procedure (code),
    note text CONSTRAINT counter_booking_note CHECK (length(note) BETWEEN 1 AND 500),
    state text NOT NULL DEFAULT 'booked'
        CONSTRAINT counter_booking_state CHECK (state IN ('booked', 'arrived', 'cancelled', 'missed')),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    cancelled_at timestamptz,
    reminded_at timestamptz,
    CONSTRAINT counter_booking_ends_later CHECK (ends_at > starts_at),
    CONSTRAINT counter_booking_cancelled_whole CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL))
);
CREATE UNIQUE INDEX counter_booking_place_once ON counter_booking (agency_code, starts_at, place) WHERE state <> 'cancelled';
CREATE INDEX counter_booking_resident ON counter_booking (resident_id, starts_at DESC, id DESC);
CREATE INDEX counter_booking_ahead ON counter_booking (starts_at) WHERE state = 'booked';

-- How many numbers of a letter a counter has given out on a day: they follow each other without a gap.
CREATE TABLE counter_number (
    agency_code text NOT NULL REFERENCES counter (agency_code),
    day_on date NOT NULL,
    letter text NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (agency_code, day_on, letter)
);

-- A clerk asked for whoever is next. The id is the clerk's: the same again is the same ticket.
CREATE TABLE counter_call (
    id uuid PRIMARY KEY,
    agency_code text NOT NULL REFERENCES counter (agency_code),
    window_number integer NOT NULL,
    called_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX counter_call_caller ON counter_call (called_by);
CREATE INDEX counter_call_age ON counter_call (made_at);

-- A number in a day's queue: A booked, B walked in. `due_at`: the booked time. `made_by`: the clerk who gave it to somebody
-- that walked in.
CREATE TABLE counter_ticket (
    id uuid PRIMARY KEY,
    agency_code text NOT NULL REFERENCES counter (agency_code),
    day_on date NOT NULL,
    letter text NOT NULL CONSTRAINT counter_ticket_letter CHECK (letter IN ('A', 'B')),
    number integer NOT NULL CONSTRAINT counter_ticket_number CHECK (number > 0),
    booking_id uuid CONSTRAINT counter_ticket_booking_unique UNIQUE REFERENCES counter_booking (id),
    resident_id uuid REFERENCES principal (id),
    field_code text REFERENCES procedure_field (code),
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT counter_ticket_state CHECK (state IN ('waiting', 'called', 'serving', 'served', 'missed')),
    version integer NOT NULL DEFAULT 1,
    window_number integer,
    call_id uuid CONSTRAINT counter_ticket_call_unique UNIQUE REFERENCES counter_call (id),
    made_by uuid REFERENCES principal (id),
    changed_by uuid REFERENCES principal (id),
    due_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    called_at timestamptz,
    serving_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT counter_ticket_number_once UNIQUE (agency_code, day_on, letter, number),
    CONSTRAINT counter_ticket_booked_whole CHECK ((letter = 'A') = (due_at IS NOT NULL)
        AND (booking_id IS NULL) = (resident_id IS NULL) AND (letter = 'A' OR booking_id IS NULL)),
    CONSTRAINT counter_ticket_called_whole CHECK ((called_at IS NULL) = (window_number IS NULL)
        AND (called_at IS NOT NULL OR state IN ('waiting', 'missed'))),
    CONSTRAINT counter_ticket_serving_whole CHECK (serving_at IS NOT NULL OR state NOT IN ('serving', 'served')),
    CONSTRAINT counter_ticket_ended_whole CHECK ((ended_at IS NOT NULL) = (state IN ('served', 'missed'))),
    FOREIGN KEY (agency_code, window_number) REFERENCES counter_window (agency_code, number)
);
CREATE UNIQUE INDEX counter_ticket_one_at_a_window ON counter_ticket (agency_code, window_number)
    WHERE state IN ('called', 'serving');
CREATE INDEX counter_ticket_day ON counter_ticket (agency_code, day_on, made_at, id);
CREATE INDEX counter_ticket_open ON counter_ticket (agency_code, day_on, letter, number) WHERE state = 'waiting';
CREATE INDEX counter_ticket_not_ended ON counter_ticket (day_on) WHERE ended_at IS NULL;
CREATE INDEX counter_ticket_resident ON counter_ticket (resident_id) WHERE resident_id IS NOT NULL;
CREATE INDEX counter_ticket_maker ON counter_ticket (made_by) WHERE made_by IS NOT NULL;
CREATE INDEX counter_ticket_changer ON counter_ticket (changed_by) WHERE changed_by IS NOT NULL;

-- A result that the public post has. `told_at`: when they last said anything of it; `asked_at`: when we last asked.
CREATE TABLE dossier_parcel (
    dossier_id uuid PRIMARY KEY REFERENCES dossier (id),
    tracking_number text NOT NULL CONSTRAINT dossier_parcel_tracking_unique UNIQUE
        CONSTRAINT dossier_parcel_tracking_number CHECK (tracking_number ~ '^[0-9A-Z-]{6,40}$'),
    state text NOT NULL DEFAULT 'posted'
        CONSTRAINT dossier_parcel_state CHECK (state IN ('posted', 'on_the_way', 'returned', 'delivered')),
    taken_at timestamptz NOT NULL DEFAULT city_now(),
    told_at timestamptz NOT NULL DEFAULT city_now(),
    asked_at timestamptz,
    delivered_at timestamptz,
    CONSTRAINT dossier_parcel_delivered_whole CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX dossier_parcel_silent ON dossier_parcel (greatest(told_at, asked_at)) WHERE state IN ('posted', 'on_the_way');

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Visits are booked so many days ahead, at most.
    ('counters.days_ahead', '2020-01-01', 30, NULL),
    -- So many visits that are still to come, of one person.
    ('counters.most_open', '2020-01-01', 2, NULL),
    -- Whoever has booked may say that they are there so many minutes before or after their time begins.
    ('counters.arrival_minutes', '2020-01-01', 30, NULL);

-- migrate:down
DELETE FROM policy WHERE code LIKE 'counters.%';
DROP TABLE dossier_parcel, counter_ticket, counter_call, counter_number, counter_booking, counter_window, counter;
