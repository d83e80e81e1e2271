-- name: dossier_figures
-- What happened in pieces of time ($1 spans, $2 their first days, $3 the days after their last, $4 whether all that is before
-- the period), of a level ($5), an agency ($6), a field ($7), by $8. `$9`: the day on which the period begins, `$10` the day
-- after it ends: of what is not folded yet.
WITH counted AS (
    SELECT is_before, starts_on, agency_code, field_code, level, channel,
        received, able, accepted, digitised, resolved, early, on_time_first, on_time, refused, withdrawn,
        stopped, supplemented, results, results_electronic, measured, saved_days, satisfied, acceptable,
        unsatisfied, paid, paid_online
    FROM unnest($1::integer[], $2::date[], $3::date[], $4::boolean[]) AS piece (of_span, begins_on, ends_on, is_before)
    -- A piece is read by the key, however little PostgreSQL knows of how many pieces there are: OFFSET keeps it so.
    CROSS JOIN LATERAL (
        SELECT * FROM dossier_tally WHERE span = of_span AND starts_on >= begins_on AND starts_on < ends_on OFFSET 0
    ) AS its
    UNION ALL
    SELECT day_on < $9::date, day_on, agency_code, field_code, level, channel,
        received, able, accepted, digitised, resolved, early, on_time_first, on_time, refused, withdrawn,
        stopped, supplemented, results, results_electronic, measured, saved_days, satisfied, acceptable,
        unsatisfied, paid, paid_online
    FROM dossier_tally_delta WHERE day_on < $10::date
), summed AS (
    SELECT CASE $8::text WHEN 'agency' THEN agency_code WHEN 'field' THEN field_code WHEN 'level' THEN counted.level
            ELSE CASE WHEN is_before THEN '' ELSE to_char(starts_on, 'YYYY-MM') END END AS key,
        sum(received - resolved - refused - withdrawn - stopped) FILTER (WHERE is_before) AS carried,
        sum(received) FILTER (WHERE NOT is_before AND channel = 'counter') AS counter,
        sum(received) FILTER (WHERE NOT is_before AND channel = 'online') AS online,
        sum(received) FILTER (WHERE NOT is_before AND channel = 'post') AS post,
        sum(able) FILTER (WHERE NOT is_before AND channel = 'online') AS able_online,
        sum(received) FILTER (WHERE NOT is_before) AS received,
        sum(able) FILTER (WHERE NOT is_before) AS able,
        sum(accepted) FILTER (WHERE NOT is_before) AS accepted,
        sum(digitised) FILTER (WHERE NOT is_before) AS digitised,
        sum(resolved) FILTER (WHERE NOT is_before) AS resolved,
        sum(early) FILTER (WHERE NOT is_before) AS early,
        sum(on_time_first) FILTER (WHERE NOT is_before) AS on_time_first,
        sum(on_time) FILTER (WHERE NOT is_before) AS on_time,
        sum(refused) FILTER (WHERE NOT is_before) AS refused,
        sum(withdrawn) FILTER (WHERE NOT is_before) AS withdrawn,
        sum(stopped) FILTER (WHERE NOT is_before) AS stopped,
        sum(supplemented) FILTER (WHERE NOT is_before) AS supplemented,
        sum(results) FILTER (WHERE NOT is_before) AS results,
        sum(results_electronic) FILTER (WHERE NOT is_before) AS results_electronic,
        sum(measured) FILTER (WHERE NOT is_before) AS measured,
        sum(saved_days) FILTER (WHERE NOT is_before) AS saved_days,
        sum(satisfied) FILTER (WHERE NOT is_before) AS satisfied,
        sum(acceptable) FILTER (WHERE NOT is_before) AS acceptable,
        sum(unsatisfied) FILTER (WHERE NOT is_before) AS unsatisfied,
        sum(paid) FILTER (WHERE NOT is_before) AS paid,
        sum(paid_online) FILTER (WHERE NOT is_before) AS paid_online
    FROM counted
    WHERE ($5::text IS NULL OR counted.level = $5) AND ($6::text IS NULL OR agency_code = $6)
        AND ($7::text IS NULL OR field_code = $7)
    GROUP BY 1
)
SELECT key, coalesce(carried, 0)::bigint AS carried, coalesce(counter, 0)::bigint AS counter,
    coalesce(online, 0)::bigint AS online, coalesce(post, 0)::bigint AS post, coalesce(able_online, 0)::bigint AS able_online,
    coalesce(received, 0)::bigint AS received, coalesce(able, 0)::bigint AS able, coalesce(accepted, 0)::bigint
    AS accepted, coalesce(digitised, 0)::bigint AS digitised, coalesce(resolved, 0)::bigint AS resolved,
    coalesce(early, 0)::bigint AS early, coalesce(on_time_first, 0)::bigint AS on_time_first, coalesce(on_time,
    0)::bigint AS on_time, coalesce(refused, 0)::bigint AS refused, coalesce(withdrawn, 0)::bigint AS withdrawn,
    coalesce(stopped, 0)::bigint AS stopped, coalesce(supplemented, 0)::bigint AS supplemented,
    coalesce(results, 0)::bigint AS results, coalesce(results_electronic, 0)::bigint AS results_electronic,
    coalesce(measured, 0)::bigint AS measured, coalesce(saved_days, 0)::bigint AS saved_days,
    coalesce(satisfied, 0)::bigint AS satisfied, coalesce(acceptable, 0)::bigint AS acceptable,
    coalesce(unsatisfied, 0)::bigint AS unsatisfied, coalesce(paid, 0)::bigint AS paid, coalesce(paid_online,
    0)::bigint AS paid_online
FROM summed
WHERE num_nonnulls(nullif(carried, 0), nullif(received, 0)) > 0 OR num_nonnulls(
        nullif(able, 0), nullif(accepted, 0), nullif(digitised, 0), nullif(resolved, 0), nullif(early, 0),
        nullif(on_time_first, 0), nullif(on_time, 0), nullif(refused, 0), nullif(withdrawn, 0), nullif(stopped,
        0), nullif(supplemented, 0), nullif(results, 0), nullif(results_electronic, 0), nullif(measured, 0),
        nullif(saved_days, 0), nullif(satisfied, 0), nullif(acceptable, 0), nullif(unsatisfied, 0), nullif(paid,
        0), nullif(paid_online, 0)) > 0
ORDER BY key;

-- name: dossiers_in_hand
-- What is being worked on now and what of it is overdue, of a level ($1), an agency ($2), a field ($3), by $4.
SELECT CASE $4::text WHEN 'agency' THEN agency_code WHEN 'field' THEN field_code WHEN 'level' THEN level ELSE '' END AS key,
    count(*) AS open, count(*) FILTER (WHERE clock = 'run' AND due_at < city_now()) AS overdue
FROM dossier
WHERE is_open AND finished_at IS NULL AND ($1::text IS NULL OR level = $1) AND ($2::text IS NULL OR agency_code = $2)
    AND ($3::text IS NULL OR field_code = $3)
GROUP BY 1;

-- name: names_of_agencies
-- What agencies are called, in a language ($1).
SELECT code AS key, CASE $1::text WHEN 'en' THEN name_en ELSE name_vi END AS name
FROM agency JOIN dossier_agency ON agency_code = code;

-- name: names_of_fields
-- What fields are called, in a language ($1).
SELECT code AS key, CASE $1::text WHEN 'en' THEN name_en ELSE name_vi END AS name FROM procedure_field;

-- name: fold_alone
-- Two that fold would each wait for the other, as one turn is several statements: until its commit, one alone does.
SELECT pg_try_advisory_xact_lock(hashtextextended('dossier tallies', 0));

-- name: fold_dossier_tallies
-- Add the oldest $1 of what happened to days, months and years; returns how many these were.
WITH taken AS (
    DELETE FROM dossier_tally_delta
    WHERE id IN (SELECT id FROM dossier_tally_delta ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING *
), folded AS (
    INSERT INTO dossier_tally (span, starts_on, agency_code, field_code, level, channel,
        received, able, accepted, digitised, resolved, early, on_time_first, on_time, refused, withdrawn,
        stopped, supplemented, results, results_electronic, measured, saved_days, satisfied, acceptable,
        unsatisfied, paid, paid_online)
    SELECT span, date_trunc((ARRAY['day', 'month', 'year'])[span], day_on::timestamp)::date, agency_code, field_code, level,
        channel,
        sum(received), sum(able), sum(accepted), sum(digitised), sum(resolved), sum(early), sum(on_time_first),
        sum(on_time), sum(refused), sum(withdrawn), sum(stopped), sum(supplemented), sum(results),
        sum(results_electronic), sum(measured), sum(saved_days), sum(satisfied), sum(acceptable),
        sum(unsatisfied), sum(paid), sum(paid_online)
    FROM taken, generate_series(1, 3) AS span
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (span, starts_on, agency_code, field_code, level, channel) DO UPDATE SET
        received = dossier_tally.received + excluded.received, able = dossier_tally.able + excluded.able,
        accepted = dossier_tally.accepted + excluded.accepted, digitised = dossier_tally.digitised +
        excluded.digitised, resolved = dossier_tally.resolved + excluded.resolved, early = dossier_tally.early +
        excluded.early, on_time_first = dossier_tally.on_time_first + excluded.on_time_first, on_time =
        dossier_tally.on_time + excluded.on_time, refused = dossier_tally.refused + excluded.refused, withdrawn
        = dossier_tally.withdrawn + excluded.withdrawn, stopped = dossier_tally.stopped + excluded.stopped,
        supplemented = dossier_tally.supplemented + excluded.supplemented, results = dossier_tally.results +
        excluded.results, results_electronic = dossier_tally.results_electronic + excluded.results_electronic,
        measured = dossier_tally.measured + excluded.measured, saved_days = dossier_tally.saved_days +
        excluded.saved_days, satisfied = dossier_tally.satisfied + excluded.satisfied, acceptable =
        dossier_tally.acceptable + excluded.acceptable, unsatisfied = dossier_tally.unsatisfied +
        excluded.unsatisfied, paid = dossier_tally.paid + excluded.paid, paid_online = dossier_tally.paid_online
        + excluded.paid_online
)
SELECT count(*) FROM taken;

-- name: score_weights
-- What weighs how much at a moment ($1), in the decision's order.
SELECT code, weight FROM dossier_score_weight
WHERE effective_from = (SELECT max(effective_from) FROM dossier_score_weight WHERE effective_from <= $1)
ORDER BY array_position(
    ARRAY['publicity', 'progress', 'online_services', 'online_payment', 'digitisation', 'satisfaction'], code);

-- name: publicity
-- Procedures that are in force, and those of them whose public facts are whole and were published in time: not after the
-- day from which a law holds that came after the procedure; of a field ($1) and an agency ($2), if given.
SELECT count(*) AS denominator, count(*) FILTER (WHERE published_at IS NOT NULL
    AND jsonb_array_length(definition -> 'cases') > 0 AND jsonb_array_length(definition -> 'legal_basis') > 0
    AND length(definition #>> '{name,vi}') > 0 AND length(definition #>> '{name,en}') > 0
    AND length(definition #>> '{result,name,vi}') > 0
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(definition -> 'cases') AS its_case
        WHERE coalesce(jsonb_array_length(its_case -> 'terms'), 0) = 0)
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(definition -> 'legal_basis') AS basis
        WHERE (basis ->> 'since_on')::date > city_day(procedure.made_at)
            AND city_day(published_at) > (basis ->> 'since_on')::date)) AS numerator
FROM procedure
LEFT JOIN procedure_version ON procedure_version.procedure_code = code AND version = published_version
WHERE (abolished_at IS NULL OR abolished_at > city_now()) AND ($1::text IS NULL OR field_code = $1)
    AND ($2::text IS NULL OR agencies @> ARRAY[$2]
        OR (wards AND (SELECT level = 'ward' FROM dossier_agency WHERE dossier_agency.agency_code = $2)));

-- name: lateness
-- What is overdue or is due by $2 at agencies ($1; null: at all of them), worst first, after the last of the page before ($3,
-- $4), at most $5, in a language ($6).
SELECT late.id AS dossier_id, late.code, procedure_code AS procedure,
    coalesce(CASE $6::text WHEN 'en' THEN procedure.name_en ELSE procedure.name_vi END, procedure_code) AS name,
    late.agency_code AS agency, late.field_code AS field, late.level, late.state,
    CASE $6::text WHEN 'en' THEN department_en ELSE department_vi END AS department, late.assignee_id, late.first_due_at,
    late.due_at, late.extended_at IS NOT NULL AS extended, late.due_at < city_now() AS overdue,
    greatest(-working_days_between(city_day(city_now()), city_day(late.due_at)), 0) AS late_days
FROM unnest(coalesce($1::text[], ARRAY(SELECT agency_code FROM dossier_agency))) AS asked (at_agency)
CROSS JOIN LATERAL (
    SELECT * FROM dossier
    WHERE dossier.agency_code = at_agency AND is_open AND finished_at IS NULL AND clock = 'run' AND due_at <= $2::timestamptz
        AND ($3::timestamptz IS NULL OR (due_at, id) > ($3, $4::uuid))
    ORDER BY due_at, id LIMIT $5::bigint
) AS late
JOIN procedure ON procedure.code = late.procedure_code
ORDER BY late.due_at, late.id LIMIT $5::bigint;

-- name: measure_dossiers
-- What is being worked on, and what of it is overdue, by level.
SELECT of_level AS level, count(dossier.id) AS open,
    count(dossier.id) FILTER (WHERE clock = 'run' AND due_at < city_now()) AS overdue
FROM unnest(ARRAY['city', 'ward', 'district']) AS of_level
LEFT JOIN dossier ON level = of_level AND is_open AND finished_at IS NULL
GROUP BY of_level;
