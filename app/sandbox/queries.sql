-- name: move_clock
-- In this transaction the city's clock is so far from the wall's.
SELECT set_config('huong.clock_offset', $1, true);
