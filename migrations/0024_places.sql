-- migrate:up

-- A place in metres east and north of the middle of the city (16.37 N, 107.62 E): equirectangular, on the sphere on which
-- haversine measures (mean radius 6,371,008.8 m). A distance between two such points is off by at most 0.21 % of
-- haversine's anywhere in the city: half a metre in 250 m. Its twin is `city_point` in app/places.py.
CREATE FUNCTION city_point(lat double precision, lng double precision) RETURNS point
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT point(6371008.8 * cos(radians(16.37)) * radians(lng - 107.62), 6371008.8 * radians(lat - 16.37))
$$;

-- The wards' true boundaries, as somebody has imported them, in metres as `city_point` has them. A ward is one or more
-- parts (islands); a part is its outline (ring 0) less its holes. `extent` is what an index can hold of a long outline.
CREATE TABLE ward_area (
    ward_code text NOT NULL CONSTRAINT ward_area_ward_exists REFERENCES ward (code),
    part integer NOT NULL,
    ring integer NOT NULL CONSTRAINT ward_area_ring CHECK (ring >= 0),
    outline polygon NOT NULL,
    extent box NOT NULL GENERATED ALWAYS AS (box(outline)) STORED,
    PRIMARY KEY (ward_code, part, ring)
);
CREATE INDEX ward_area_extent ON ward_area USING gist (extent);

-- In which ward a place is; no row: in none. Where two wards meet it is in the one with the lower code. `approximate`:
-- it is in no boundary, but within 300 m of this one (a shore, a river's mouth, a phone that errs); or this is the ward
-- with the nearest centre, and nobody has imported its boundary.
CREATE FUNCTION ward_at(lat double precision, lng double precision)
RETURNS TABLE (ward_code text, approximate boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH place AS (SELECT city_point(ward_at.lat, ward_at.lng) AS here),
    drawn AS (
        SELECT part.ward_code, greatest(part.outline <-> here, (
            -- Whoever is in a hole is as far from the part as from the hole's edge.
            SELECT max(path(hole.outline) <-> here) FROM ward_area AS hole
            WHERE (hole.ward_code, hole.part) = (part.ward_code, part.part) AND hole.ring > 0
                AND hole.extent @> box(here, here) AND hole.outline @> here)) AS distance_m
        FROM place
        JOIN ward_area AS part ON part.ring = 0
            AND part.extent && box(here + point(300, 300), here - point(300, 300))
    ),
    central AS (
        SELECT ward.code FROM ward, place
        WHERE ward_at.lat BETWEEN 15.99 AND 16.75 AND ward_at.lng BETWEEN 107.03 AND 108.21
        ORDER BY city_point(ward.lat, ward.lng) <-> here, ward.code LIMIT 1
    )
    SELECT found.ward_code, found.distance_m > 0 FROM (
        SELECT drawn.ward_code, drawn.distance_m FROM drawn WHERE distance_m <= 300
        UNION ALL
        SELECT code, 'infinity' FROM central
        WHERE NOT EXISTS (SELECT FROM ward_area WHERE ward_area.ward_code = central.code)
    ) AS found
    ORDER BY found.distance_m, found.ward_code LIMIT 1
$$;

-- In the afternoon counters are open from 13:30 to 17:00; 0009 had them close at 17:30.
UPDATE working_spell SET ends_minute = 1020 WHERE (starts_minute, ends_minute) = (810, 1050);

-- migrate:down
UPDATE working_spell SET ends_minute = 1050 WHERE (starts_minute, ends_minute) = (810, 1020);
DROP FUNCTION ward_at(double precision, double precision);
DROP TABLE ward_area;
DROP FUNCTION city_point(double precision, double precision);
