-- migrate:up

-- A place on the square of the web's maps (spherical Mercator, EPSG:3857), in units of which 2^30 make a side: of 4 cm
-- here. `map_x` counts from the west, `map_y` from the north. Their twins are in feedback/map.py.
CREATE FUNCTION map_x(lng double precision) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(floor((lng + 180) / 360 * 1073741824), 1073741823)::integer
$$;
CREATE FUNCTION map_y(lat double precision) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(greatest(floor((1 - asinh(tan(radians(lat))) / pi()) / 2 * 1073741824), 0), 1073741823)::integer
$$;

-- How many public reports there are in a cell, of a category or of all (`*`), and the sums of where they are. A side is cut
-- in 2^level cells; (x, y) counts them. Only the clock writes here: what happened since then is in `map_delta`.
CREATE TABLE map_cell (
    level integer NOT NULL,
    x integer NOT NULL,
    y integer NOT NULL,
    category_code text NOT NULL,
    open_count integer NOT NULL,
    open_x bigint NOT NULL,
    open_y bigint NOT NULL,
    closed_count integer NOT NULL,
    closed_x bigint NOT NULL,
    closed_y bigint NOT NULL,
    PRIMARY KEY (level, x, y, category_code)
) WITH (fillfactor = 80);

-- A public report that came to a place (`change` 1) or left it (-1). Each is a row of its own: no two wait for each other.
CREATE TABLE map_delta (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    x integer NOT NULL,
    y integer NOT NULL,
    category_code text NOT NULL,
    is_open boolean NOT NULL,
    change integer NOT NULL CONSTRAINT map_delta_change CHECK (change IN (-1, 1))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE FUNCTION tell_the_map() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.is_public, OLD.is_open, OLD.category_code, OLD.public_lat, OLD.public_lng)
        = (NEW.is_public, NEW.is_open, NEW.category_code, NEW.public_lat, NEW.public_lng) THEN
        RETURN NULL;
    END IF;
    IF OLD.is_public THEN
        INSERT INTO map_delta (x, y, category_code, is_open, change)
        VALUES (map_x(OLD.public_lng), map_y(OLD.public_lat), OLD.category_code, OLD.is_open, -1);
    END IF;
    IF NEW.is_public THEN
        INSERT INTO map_delta (x, y, category_code, is_open, change)
        VALUES (map_x(NEW.public_lng), map_y(NEW.public_lat), NEW.category_code, NEW.is_open, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER report_tells_the_map
    AFTER INSERT OR DELETE OR UPDATE OF is_public, is_open, category_code, public_lat, public_lng ON report
    FOR EACH ROW EXECUTE FUNCTION tell_the_map();

INSERT INTO map_delta (x, y, category_code, is_open, change)
SELECT map_x(public_lng), map_y(public_lat), category_code, is_open, 1 FROM report WHERE is_public;

-- migrate:down
DROP TRIGGER report_tells_the_map ON report;
DROP FUNCTION tell_the_map;
DROP TABLE map_delta, map_cell;
DROP FUNCTION map_x;
DROP FUNCTION map_y;
