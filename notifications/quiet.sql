-- repeatable: when somebody may be told, by the hours in which they want to be left alone.

-- The first moment from `at` on that lies outside the minutes of the day in Huế from one to another; over midnight if the
-- first is later than the second. The first belongs to the quiet, the second does not.
CREATE OR REPLACE FUNCTION quiet_until(from_minute integer, to_minute integer, at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN from_minute < to_minute AND (minute < from_minute OR minute >= to_minute) THEN at
        WHEN from_minute > to_minute AND minute < from_minute AND minute >= to_minute THEN at
        WHEN from_minute > to_minute AND minute >= from_minute THEN midnight + interval '1 day' + make_interval(mins => to_minute)
        ELSE midnight + make_interval(mins => to_minute) END
    FROM (SELECT date_trunc('day', at, 'Asia/Ho_Chi_Minh') AS midnight) AS day,
        LATERAL (SELECT floor(extract(epoch FROM at - midnight) / 60)::integer AS minute) AS here
$$;

-- The next time at which it is that minute of the day in Huế, after `at`.
CREATE OR REPLACE FUNCTION next_minute_of_day(minute integer, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN today > at THEN today ELSE today + interval '1 day' END
    FROM (SELECT date_trunc('day', at, 'Asia/Ho_Chi_Minh') + make_interval(mins => minute) AS today) AS days
$$;
