-- name: spend_budgets
-- Count uses in each window, opening the window anew where it has passed.
INSERT INTO budget (key, window_s, window_started_at, used)
SELECT key, window_s, city_now(), uses
FROM unnest($1::text[], $2::int[], $3::int[]) AS spent (key, window_s, uses)
ORDER BY key, window_s
ON CONFLICT (key, window_s) DO UPDATE SET
    used = CASE WHEN budget.window_started_at + make_interval(secs => budget.window_s) <= excluded.window_started_at
        THEN excluded.used ELSE budget.used + excluded.used END,
    window_started_at = CASE
        WHEN budget.window_started_at + make_interval(secs => budget.window_s) <= excluded.window_started_at
        THEN excluded.window_started_at ELSE budget.window_started_at END
RETURNING key, window_s, used,
    greatest(1, ceil(extract(epoch FROM window_started_at + make_interval(secs => window_s) - city_now())))::int AS left_s;

-- name: record_event
-- News, in the transaction of the deed.
INSERT INTO event (kind, data) VALUES ($1, $2::jsonb);

-- name: tell_events
-- Claim untold events, and make a job of each for every listener that wants its kind. Workers take turns here (no
-- SKIP LOCKED): a job is never made before the jobs of older news, so that an ordering key holds.
WITH untold AS MATERIALIZED (
    SELECT id FROM event WHERE told_at IS NULL ORDER BY id LIMIT $3 FOR UPDATE
),
told AS (
    UPDATE event SET told_at = city_now() FROM untold WHERE event.id = untold.id RETURNING event.*
),
made AS (
    INSERT INTO job (listener, event_id, kind, data, ordering_key, made_at)
    SELECT wish.listener, told.id, told.kind, told.data, told.data ->> wish.ordering_field, told.made_at
    FROM told
    JOIN unnest($1::text[], $2::text[], $4::text[]) AS wish (listener, kind, ordering_field) USING (kind)
    ORDER BY told.id
)
SELECT count(*) FROM told;

-- name: claim_jobs
-- Lease due jobs of one listener, oldest first; within an ordering key only the oldest, so that order holds.
WITH due AS MATERIALIZED (
    SELECT id FROM job
    WHERE listener = $1
        AND (state = 'ready' AND run_at <= city_now() OR state = 'running' AND leased_until < city_now())
        AND (ordering_key IS NULL OR NOT EXISTS (
            SELECT FROM job AS earlier
            WHERE earlier.listener = job.listener AND earlier.ordering_key = job.ordering_key
                AND earlier.id < job.id AND earlier.state <> 'dead'))
    ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE job SET state = 'running', fence = fence + 1, attempts = attempts + 1,
    leased_until = city_now() + make_interval(secs => $3)
FROM due WHERE job.id = due.id
RETURNING job.id, job.event_id, job.kind, job.data, job.fence, job.attempts, job.made_at;

-- name: finish_jobs
-- Done: but only if the lease is still ours (fencing).
DELETE FROM job USING unnest($1::bigint[], $2::bigint[]) AS mine (id, fence)
WHERE job.id = mine.id AND job.fence = mine.fence
RETURNING job.id;

-- name: put_off_job
-- It failed: try again later, or keep it as a dead letter.
UPDATE job SET state = CASE WHEN $3::timestamptz IS NULL THEN 'dead' ELSE 'ready' END,
    run_at = coalesce($3, run_at), leased_until = NULL, last_error = $4
WHERE id = $1 AND fence = $2;

-- name: dead_jobs
-- Dead letters, newest first.
SELECT id, listener, kind, attempts, last_error, made_at FROM job WHERE state = 'dead' ORDER BY id DESC LIMIT $1;

-- name: replay_jobs
-- Bring dead letters back (all of them where $1 is null).
UPDATE job SET state = 'ready', run_at = city_now(), attempts = 0
WHERE state = 'dead' AND ($1::bigint IS NULL OR id = $1)
RETURNING id;

-- name: queue_gauges
-- For the metrics: how old the oldest untold news is, how many jobs wait and how many are dead.
SELECT
    coalesce(extract(epoch FROM city_now() - (
        SELECT made_at FROM event WHERE told_at IS NULL ORDER BY id LIMIT 1)), 0)::float8 AS outbox_age_s,
    (SELECT count(*) FROM job WHERE state <> 'dead') AS jobs_waiting,
    (SELECT count(*) FROM job WHERE state = 'dead') AS jobs_dead;

-- name: scheduled_due
-- Which of these tasks are due, or were never run.
SELECT name FROM unnest($1::text[], $2::int[]) AS task (name, every_s) LEFT JOIN schedule USING (name)
WHERE ran_at > city_now() - make_interval(secs => every_s) IS NOT TRUE;

-- name: know_scheduled
-- A scheduled task that was never run is due.
INSERT INTO schedule (name, ran_at)
SELECT $1, '-infinity' WHERE NOT EXISTS (SELECT FROM schedule WHERE name = $1)  -- whose row may be locked for long
ON CONFLICT (name) DO NOTHING;

-- name: start_scheduled
-- Take a scheduled task's turn if it is due and nobody else has it.
WITH due AS MATERIALIZED (
    SELECT name FROM schedule WHERE name = $1 AND ran_at <= city_now() - make_interval(secs => $2)
    FOR UPDATE SKIP LOCKED
)
UPDATE schedule SET ran_at = city_now() FROM due WHERE schedule.name = due.name
RETURNING schedule.name;

-- name: put_off_scheduled
-- A scheduled task failed: it is due again in $3 seconds, unless somebody else has run it.
UPDATE schedule SET ran_at = city_now() - make_interval(secs => $2::int - $3::int)
WHERE name = $1 AND ran_at <= city_now() - make_interval(secs => $2::int);

-- name: bury_jobs
-- A job that ended its worker each time is dead: it must not end the next one.
UPDATE job SET state = 'dead', leased_until = NULL, last_error = 'its worker ended, or was slower than its lease'
WHERE state = 'running' AND leased_until < city_now() AND attempts > $1;

-- name: ready
-- Which migrations are in, and which mode the database was stamped with.
SELECT (SELECT max(version) FROM schema_migrations) AS version, (SELECT mode FROM installation) AS mode,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR has_table_privilege('transfer', 'UPDATE') AS may_rewrite_the_ledger,
    EXISTS (SELECT FROM generate_series(0, 999) AS n JOIN principal
        ON phone = '+84900000' || lpad(n::text, 3, '0')) AS is_played_in;

-- name: key_uses
-- What needs which key of HUONG_PEPPER: PINs until they are typed, what is sealed until it is sealed anew (the key's id
-- stands behind two bytes), codes for five minutes, refreshes for one.
SELECT key_id, 'PINs' AS what, count(*) AS rows FROM pin GROUP BY key_id
UNION ALL
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8'), 'machine keys', count(*) FROM machine_key
WHERE revoked_at IS NULL GROUP BY 1
UNION ALL
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8'), 'webhook secrets', count(*) FROM webhook_secret
GROUP BY 1
UNION ALL
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8'), 'billers'' secrets', count(*)
FROM biller_connection WHERE sealed IS NOT NULL GROUP BY 1
UNION ALL
SELECT key_id, 'one-time codes', count(*) FROM one_time_code
WHERE code_mac IS NOT NULL AND used_at IS NULL AND replaced_at IS NULL AND expires_at > city_now()
GROUP BY key_id
UNION ALL
SELECT key_id, 'refreshes', count(*) FROM refresh_token
WHERE key_id IS NOT NULL AND used_at > city_now() - interval '60 seconds'
GROUP BY key_id;

-- name: keys_in_use
-- The keys under PINs, each by a look into the index, and those under which something is sealed.
WITH RECURSIVE found AS (
    SELECT min(key_id) AS key_id FROM pin
    UNION ALL
    SELECT (SELECT min(pin.key_id) FROM pin WHERE pin.key_id > found.key_id) FROM found WHERE key_id IS NOT NULL
)
SELECT key_id FROM found WHERE key_id IS NOT NULL
UNION
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8') FROM machine_key WHERE revoked_at IS NULL
UNION
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8') FROM webhook_secret
UNION
SELECT convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'UTF8') FROM biller_connection WHERE sealed IS NOT NULL
ORDER BY key_id;

-- name: home
-- The phone's first screen: a part from each domain.
SELECT name, wallet_home($1, $2) AS wallet, feedback_home($1, $2) AS feedback, dossiers_home($1, $2) AS dossiers,
    notifications_home($1, $2) AS notifications
FROM principal WHERE id = $1;

-- name: seeded
-- Was the sandbox seeded?
SELECT seeded_at IS NOT NULL FROM installation;

-- name: mark_seeded
-- The sandbox has its people and its money.
UPDATE installation SET seeded_at = city_now();

-- name: wards
-- All wards of the city.
SELECT code, name, kind, lat, lng, area_km2 FROM ward ORDER BY code;

-- name: ward_at
-- In which ward a place is, if it is in the city.
SELECT code AS ward, name AS ward_name, approximate FROM ward_at($1, $2) JOIN ward ON code = ward_code;

-- name: lock_ward_areas
-- One import after another: the later one must see, and drop, what the earlier one has put there.
SELECT pg_advisory_xact_lock(hashtextextended('ward boundaries', 0));

-- name: drop_ward_areas
-- Boundaries that others take the place of.
DELETE FROM ward_area;

-- name: put_ward_area
-- A ring of a boundary.
INSERT INTO ward_area (ward_code, part, ring, outline) VALUES ($1, $2, $3, $4);

-- name: drawn_wards
-- Every ward, its known area beside that within its boundary, and whether its centre lies there; null: it has none.
SELECT code, name, area_km2, sum(area(path(outline)) * CASE ring WHEN 0 THEN 1 ELSE -1 END) / 1e6 AS drawn_km2,
    bool_or(ring = 0 AND outline @> city_point(lat, lng)) AS holds_centre
FROM ward LEFT JOIN ward_area ON ward_code = code
GROUP BY code ORDER BY code;

-- name: agencies
-- The city's agencies, in the caller's language.
SELECT code, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name, ward_code AS ward FROM agency ORDER BY code;

-- name: begin_oidc_flow
-- Somebody leaves for an OpenID provider: one flow by an id. Whoever asks again for a flow of theirs gets a new one of
-- that id. The verifier is kept as it is: it lives for ten minutes, and is nothing without the code.
INSERT INTO oidc_flow (id, provider, state_hash, holder_hash, nonce, verifier, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, city_now() + make_interval(secs => $7))
ON CONFLICT (id) DO UPDATE SET state_hash = excluded.state_hash, nonce = excluded.nonce,
    verifier = excluded.verifier, made_at = excluded.made_at, expires_at = excluded.expires_at
WHERE oidc_flow.provider = excluded.provider AND oidc_flow.holder_hash = excluded.holder_hash
    AND oidc_flow.used_at IS NULL
RETURNING id, expires_at;

-- name: use_oidc_flow
-- Somebody is back: the flow is theirs (and the one that they name), and used by this, whoever else comes with the
-- same state.
UPDATE oidc_flow SET used_at = city_now()
WHERE provider = $1 AND state_hash = $2 AND holder_hash = $3 AND ($4::uuid IS NULL OR id = $4)
    AND used_at IS NULL AND expires_at > city_now()
RETURNING id, nonce, verifier, made_at;

-- name: forget_old_oidc_flows
-- Flows whose time is up, used or not.
DELETE FROM oidc_flow WHERE expires_at < city_now();

-- name: calendar_days
-- Holidays and make-up days from a day on, to another if there is one.
SELECT day_on, kind, name_vi, name_en FROM calendar_day
WHERE day_on >= $1 AND ($2::date IS NULL OR day_on <= $2) ORDER BY day_on;

-- name: calendar_end
-- The last day of the last year that the calendar knows.
SELECT (date_trunc('year', max(day_on)) + interval '1 year - 1 day')::date FROM calendar_day;

-- name: working_spells
-- Working hours, morning first.
SELECT starts_minute, ends_minute FROM working_spell ORDER BY starts_minute;

-- name: keep_calendar_day
-- A day of the calendar, unless it is there.
INSERT INTO calendar_day (day_on, kind, name_vi, name_en) VALUES ($1, $2, $3, $4) ON CONFLICT (day_on) DO NOTHING;

-- name: put_calendar_day
-- What a day is now; nothing is returned if it was so already.
INSERT INTO calendar_day (day_on, kind, name_vi, name_en) VALUES ($1, $2, $3, $4)
ON CONFLICT (day_on) DO UPDATE SET kind = excluded.kind, name_vi = excluded.name_vi, name_en = excluded.name_en
WHERE (calendar_day.kind, calendar_day.name_vi, calendar_day.name_en)
    <> (excluded.kind, excluded.name_vi, excluded.name_en)
RETURNING day_on;

-- name: drop_calendar_day
-- A day is like others of its weekday; what it was.
DELETE FROM calendar_day WHERE day_on = $1 RETURNING kind;
