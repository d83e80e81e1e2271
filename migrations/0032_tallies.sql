-- migrate:up

-- What is counted of dossiers, kept so that a question about ten years reads a few thousand rows.

-- What a figure needs and no other column says, written by the triggers below and by nobody else. What the calendar says
-- of a dossier is written down when its work is done: a holiday that is declared later changes no figure.
ALTER TABLE dossier
    -- It could be filed online: its version's level of service is not `info`.
    ADD COLUMN online_able boolean,
    -- Every paper that its case requires is in the store.
    ADD COLUMN papers_stored boolean NOT NULL DEFAULT false,
    -- When it was first asked for papers.
    ADD COLUMN supplement_asked_at timestamptz,
    -- Its result is an electronic one; null: none was issued.
    ADD COLUMN result_electronic boolean,
    -- Working days from the day on which the work was done to the first day it was due, and to the law's; below 0: late.
    ADD COLUMN days_early integer,
    ADD COLUMN days_saved integer,
    -- Its fee was paid, and not in cash.
    ADD COLUMN paid_online boolean;

CREATE FUNCTION city_day(at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
$$;

-- Working days after one day up to another, which is counted; below 0 if it comes before. As `calendar_day` has them.
CREATE FUNCTION working_days_between(from_on date, to_on date) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN from_on > to_on THEN -1 ELSE 1 END * count(*)::integer
    FROM generate_series(1, abs(to_on - from_on)) AS step, LATERAL (SELECT least(from_on, to_on) + step AS day) AS that
    LEFT JOIN calendar_day ON day_on = day
    WHERE CASE kind WHEN 'make_up' THEN true WHEN 'holiday' THEN false ELSE extract(isodow FROM day) < 6 END
$$;

-- When the work on a dossier was done; null: it was not, or came to nothing.
CREATE FUNCTION dossier_resolved_at(outcome text, finished_at timestamptz, ended_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN outcome IS NULL THEN finished_at WHEN outcome = 'done' THEN coalesce(finished_at, ended_at) END
$$;

-- Is every paper there that the case of a version requires?
CREATE FUNCTION dossier_papers_stored(dossier uuid, procedure text, number integer, in_case text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM procedure_version, jsonb_array_elements(definition -> 'papers') AS paper
        WHERE procedure_code = procedure AND version = number AND coalesce((paper ->> 'required')::boolean, true)
            AND (coalesce(jsonb_array_length(paper -> 'cases'), 0) = 0 OR paper -> 'cases' ? in_case)
            AND NOT EXISTS (SELECT FROM dossier_paper WHERE dossier_id = dossier AND paper_code = paper ->> 'code'
                AND stored_paper_id IS NOT NULL))
$$;

-- Was a payment made in cash at a counter? The wallet's word to whoever counts: its receipt bears the payment's id.
CREATE FUNCTION was_cash(payment uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM cash_receipt WHERE id = payment)
$$;

CREATE FUNCTION write_dossier_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    done_at timestamptz := dossier_resolved_at(NEW.outcome, NEW.finished_at, NEW.ended_at);
BEGIN
    IF NEW.online_able IS NULL AND NEW.submitted_at IS NOT NULL THEN
        NEW.online_able := (SELECT definition ->> 'online_level' <> 'info' FROM procedure_version
            WHERE procedure_code = NEW.procedure_code AND version = NEW.procedure_version);
    END IF;
    IF NEW.accepted_at IS NOT NULL AND NOT NEW.papers_stored THEN
        NEW.papers_stored := dossier_papers_stored(NEW.id, NEW.procedure_code, NEW.procedure_version, NEW.case_code);
    END IF;
    NEW.days_early := working_days_between(city_day(done_at), city_day(NEW.first_due_at));
    NEW.days_saved := working_days_between(city_day(done_at), city_day(NEW.statutory_due_at));
    IF done_at IS NULL OR NEW.first_due_at IS NULL THEN
        NEW.days_early := NULL;
    END IF;
    IF done_at IS NULL OR NEW.statutory_due_at IS NULL THEN
        NEW.days_saved := NULL;
    END IF;
    NEW.paid_online := CASE WHEN NEW.paid_at IS NOT NULL THEN NOT was_cash(NEW.payment_id) END;
    RETURN NEW;
END
$$;
CREATE TRIGGER dossier_facts_at_first BEFORE INSERT ON dossier
    FOR EACH ROW WHEN (NEW.submitted_at IS NOT NULL) EXECUTE FUNCTION write_dossier_facts();
CREATE TRIGGER dossier_facts BEFORE UPDATE ON dossier
    FOR EACH ROW WHEN ((OLD.submitted_at, OLD.accepted_at, OLD.finished_at, OLD.ended_at, OLD.outcome, OLD.first_due_at,
        OLD.statutory_due_at, OLD.paid_at, OLD.payment_id) IS DISTINCT FROM (NEW.submitted_at, NEW.accepted_at,
        NEW.finished_at, NEW.ended_at, NEW.outcome, NEW.first_due_at, NEW.statutory_due_at, NEW.paid_at, NEW.payment_id))
    EXECUTE FUNCTION write_dossier_facts();

-- Papers that come after a dossier was accepted, in whatever order the rows are written.
CREATE FUNCTION tell_dossier_of_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dossier SET papers_stored = true
    WHERE id IN (SELECT dossier_id FROM came) AND accepted_at IS NOT NULL AND NOT papers_stored
        AND dossier_papers_stored(id, procedure_code, procedure_version, case_code);
    RETURN NULL;
END
$$;
CREATE TRIGGER dossier_paper_is_told AFTER INSERT ON dossier_paper
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION tell_dossier_of_papers();

CREATE FUNCTION tell_dossier_of_supplement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dossier SET supplement_asked_at = NEW.asked_at
    WHERE id = NEW.dossier_id AND (supplement_asked_at IS NULL OR supplement_asked_at > NEW.asked_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER dossier_supplement_is_told AFTER INSERT ON dossier_supplement
    FOR EACH ROW EXECUTE FUNCTION tell_dossier_of_supplement();

CREATE FUNCTION tell_dossier_of_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dossier SET result_electronic = NEW.electronic
    WHERE id = NEW.dossier_id AND result_electronic IS DISTINCT FROM NEW.electronic;
    RETURN NULL;
END
$$;
CREATE TRIGGER dossier_result_is_told AFTER INSERT OR UPDATE OF electronic ON dossier_result
    FOR EACH ROW EXECUTE FUNCTION tell_dossier_of_result();

-- How many of what there were from `starts_on` on, for a day (`span` 1), a month (2) or a year (3) of Huế. Only the clock
-- writes here: what happened since then is in `dossier_tally_delta`.
CREATE TABLE dossier_tally (
    span integer NOT NULL CONSTRAINT dossier_tally_span CHECK (span IN (1, 2, 3)),
    starts_on date NOT NULL,
    agency_code text NOT NULL,
    field_code text NOT NULL,
    level text NOT NULL,
    channel text NOT NULL,
    received bigint NOT NULL,
    able bigint NOT NULL,
    accepted bigint NOT NULL,
    digitised bigint NOT NULL,
    resolved bigint NOT NULL,
    early bigint NOT NULL,
    on_time_first bigint NOT NULL,
    on_time bigint NOT NULL,
    refused bigint NOT NULL,
    withdrawn bigint NOT NULL,
    stopped bigint NOT NULL,
    supplemented bigint NOT NULL,
    results bigint NOT NULL,
    results_electronic bigint NOT NULL,
    measured bigint NOT NULL,
    saved_days bigint NOT NULL,
    satisfied bigint NOT NULL,
    acceptable bigint NOT NULL,
    unsatisfied bigint NOT NULL,
    paid bigint NOT NULL,
    paid_online bigint NOT NULL,
    PRIMARY KEY (span, starts_on, agency_code, field_code, level, channel)
) WITH (fillfactor = 80);

-- How a day's numbers changed when a dossier did. Each is a row of its own: no two wait for each other.
CREATE TABLE dossier_tally_delta (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    day_on date NOT NULL,
    agency_code text NOT NULL,
    field_code text NOT NULL,
    level text NOT NULL,
    channel text NOT NULL,
    received integer NOT NULL,
    able integer NOT NULL,
    accepted integer NOT NULL,
    digitised integer NOT NULL,
    resolved integer NOT NULL,
    early integer NOT NULL,
    on_time_first integer NOT NULL,
    on_time integer NOT NULL,
    refused integer NOT NULL,
    withdrawn integer NOT NULL,
    stopped integer NOT NULL,
    supplemented integer NOT NULL,
    results integer NOT NULL,
    results_electronic integer NOT NULL,
    measured integer NOT NULL,
    saved_days integer NOT NULL,
    satisfied integer NOT NULL,
    acceptable integer NOT NULL,
    unsatisfied integer NOT NULL,
    paid integer NOT NULL,
    paid_online integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- A dossier's part in the numbers of each day on which something happened to it. A child counts on its own.
CREATE FUNCTION dossier_parts(d dossier) RETURNS TABLE (
    day_on date,
    received integer, able integer, accepted integer, digitised integer, resolved integer, early integer,
    on_time_first integer, on_time integer, refused integer, withdrawn integer, stopped integer, supplemented
    integer, results integer, results_electronic integer, measured integer, saved_days integer, satisfied
    integer, acceptable integer, unsatisfied integer, paid integer, paid_online integer
) LANGUAGE sql IMMUTABLE AS $$
    SELECT city_day(at),
        count(*) FILTER (WHERE what = 'submitted')::integer,
        count(*) FILTER (WHERE what = 'submitted' AND d.online_able)::integer,
        count(*) FILTER (WHERE what = 'accepted')::integer,
        count(*) FILTER (WHERE what = 'accepted' AND d.papers_stored)::integer,
        count(*) FILTER (WHERE what = 'resolved')::integer,
        count(*) FILTER (WHERE what = 'resolved' AND at <= d.first_due_at AND d.days_early >= 1)::integer,
        count(*) FILTER (WHERE what = 'resolved' AND at <= d.first_due_at)::integer,
        count(*) FILTER (WHERE what = 'resolved' AND at <= d.due_at)::integer,
        count(*) FILTER (WHERE what = 'refused')::integer,
        count(*) FILTER (WHERE what = 'withdrawn')::integer,
        count(*) FILTER (WHERE what = 'stopped')::integer,
        count(*) FILTER (WHERE what = 'supplemented')::integer,
        count(*) FILTER (WHERE what = 'resolved' AND d.result_electronic IS NOT NULL)::integer,
        count(*) FILTER (WHERE what = 'resolved' AND d.result_electronic)::integer,
        count(*) FILTER (WHERE what = 'resolved' AND d.days_saved IS NOT NULL)::integer,
        coalesce(sum(d.days_saved) FILTER (WHERE what = 'resolved'), 0)::integer,
        count(*) FILTER (WHERE what = 'rated' AND d.rating = 'satisfied')::integer,
        count(*) FILTER (WHERE what = 'rated' AND d.rating = 'acceptable')::integer,
        count(*) FILTER (WHERE what = 'rated' AND d.rating = 'unsatisfied')::integer,
        count(*) FILTER (WHERE what = 'paid')::integer,
        count(*) FILTER (WHERE what = 'paid' AND d.paid_online)::integer
    FROM (VALUES ('submitted', d.submitted_at), ('accepted', d.accepted_at), ('supplemented', d.supplement_asked_at),
        ('rated', d.rated_at), ('paid', d.paid_at),
        ('resolved', dossier_resolved_at(d.outcome, d.finished_at, d.ended_at)),
        (nullif(d.outcome, 'done'), d.ended_at)) AS happened (what, at)
    WHERE d.submitted_at IS NOT NULL AND at IS NOT NULL AND what IS NOT NULL
    GROUP BY city_day(at)
$$;

CREATE FUNCTION tell_the_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dossier_tally_delta (day_on, agency_code, field_code, level, channel,
        received, able, accepted, digitised, resolved, early, on_time_first, on_time, refused, withdrawn,
        stopped, supplemented, results, results_electronic, measured, saved_days, satisfied, acceptable,
        unsatisfied, paid, paid_online)
    SELECT day_on, agency_code, field_code, level, channel,
        sum(sign * received), sum(sign * able), sum(sign * accepted), sum(sign * digitised), sum(sign *
        resolved), sum(sign * early), sum(sign * on_time_first), sum(sign * on_time), sum(sign * refused),
        sum(sign * withdrawn), sum(sign * stopped), sum(sign * supplemented), sum(sign * results), sum(sign *
        results_electronic), sum(sign * measured), sum(sign * saved_days), sum(sign * satisfied), sum(sign *
        acceptable), sum(sign * unsatisfied), sum(sign * paid), sum(sign * paid_online)
    FROM (
        SELECT NEW.agency_code, NEW.field_code, NEW.level, NEW.channel, 1 AS sign, part.* FROM dossier_parts(NEW) AS part
        UNION ALL
        SELECT OLD.agency_code, OLD.field_code, OLD.level, OLD.channel, -1, part.* FROM dossier_parts(OLD) AS part
    ) AS changed
    GROUP BY day_on, agency_code, field_code, level, channel
    HAVING num_nonnulls(nullif(sum(sign * received), 0), nullif(sum(sign * able), 0), nullif(sum(sign * accepted), 0),
        nullif(sum(sign * digitised), 0), nullif(sum(sign * resolved), 0), nullif(sum(sign * early), 0),
        nullif(sum(sign * on_time_first), 0), nullif(sum(sign * on_time), 0), nullif(sum(sign * refused), 0),
        nullif(sum(sign * withdrawn), 0), nullif(sum(sign * stopped), 0), nullif(sum(sign * supplemented), 0),
        nullif(sum(sign * results), 0), nullif(sum(sign * results_electronic), 0), nullif(sum(sign * measured),
        0), nullif(sum(sign * saved_days), 0), nullif(sum(sign * satisfied), 0), nullif(sum(sign * acceptable),
        0), nullif(sum(sign * unsatisfied), 0), nullif(sum(sign * paid), 0), nullif(sum(sign * paid_online), 0)) > 0;
    RETURN NULL;
END
$$;
-- A draft costs nothing, nor does a step that changes nothing counted: neither gets as far as the function.
CREATE TRIGGER dossier_begins_to_count AFTER INSERT ON dossier
    FOR EACH ROW WHEN (NEW.submitted_at IS NOT NULL) EXECUTE FUNCTION tell_the_tally();
CREATE TRIGGER dossier_counts AFTER UPDATE ON dossier
    FOR EACH ROW WHEN ((
        OLD.agency_code, OLD.field_code, OLD.level, OLD.channel, OLD.submitted_at, OLD.accepted_at,
        OLD.finished_at, OLD.ended_at, OLD.outcome, OLD.first_due_at, OLD.due_at, OLD.rating, OLD.rated_at,
        OLD.paid_at, OLD.online_able, OLD.papers_stored, OLD.supplement_asked_at, OLD.result_electronic,
        OLD.days_early, OLD.days_saved, OLD.paid_online
    ) IS DISTINCT FROM (
        NEW.agency_code, NEW.field_code, NEW.level, NEW.channel, NEW.submitted_at, NEW.accepted_at,
        NEW.finished_at, NEW.ended_at, NEW.outcome, NEW.first_due_at, NEW.due_at, NEW.rating, NEW.rated_at,
        NEW.paid_at, NEW.online_able, NEW.papers_stored, NEW.supplement_asked_at, NEW.result_electronic,
        NEW.days_early, NEW.days_saved, NEW.paid_online
    )) EXECUTE FUNCTION tell_the_tally();
CREATE TRIGGER dossier_counts_no_more AFTER DELETE ON dossier
    FOR EACH ROW WHEN (OLD.submitted_at IS NOT NULL) EXECUTE FUNCTION tell_the_tally();

-- Those that were there before: first what is known of them, which the triggers then count.
UPDATE dossier SET supplement_asked_at = (SELECT min(asked_at) FROM dossier_supplement WHERE dossier_id = dossier.id),
    result_electronic = (SELECT electronic FROM dossier_result WHERE dossier_id = dossier.id),
    online_able = (SELECT definition ->> 'online_level' <> 'info' FROM procedure_version AS its
        WHERE its.procedure_code = dossier.procedure_code AND its.version = dossier.procedure_version),
    papers_stored = accepted_at IS NOT NULL AND dossier_papers_stored(id, procedure_code, procedure_version, case_code),
    days_early = CASE WHEN first_due_at IS NOT NULL AND dossier_resolved_at(outcome, finished_at, ended_at) IS NOT NULL THEN
        working_days_between(city_day(dossier_resolved_at(outcome, finished_at, ended_at)), city_day(first_due_at)) END,
    days_saved = CASE WHEN statutory_due_at IS NOT NULL AND dossier_resolved_at(outcome, finished_at, ended_at) IS NOT NULL THEN
        working_days_between(city_day(dossier_resolved_at(outcome, finished_at, ended_at)), city_day(statutory_due_at)) END,
    paid_online = CASE WHEN paid_at IS NOT NULL THEN NOT was_cash(payment_id) END
WHERE submitted_at IS NOT NULL;
DELETE FROM dossier_tally_delta;
INSERT INTO dossier_tally_delta (day_on, agency_code, field_code, level, channel,
    received, able, accepted, digitised, resolved, early, on_time_first, on_time, refused, withdrawn, stopped,
    supplemented, results, results_electronic, measured, saved_days, satisfied, acceptable, unsatisfied, paid,
    paid_online)
SELECT day_on, agency_code, field_code, level, channel,
    sum(part.received), sum(part.able), sum(part.accepted), sum(part.digitised), sum(part.resolved),
    sum(part.early), sum(part.on_time_first), sum(part.on_time), sum(part.refused), sum(part.withdrawn),
    sum(part.stopped), sum(part.supplemented), sum(part.results), sum(part.results_electronic),
    sum(part.measured), sum(part.saved_days), sum(part.satisfied), sum(part.acceptable), sum(part.unsatisfied),
    sum(part.paid), sum(part.paid_online)
FROM dossier, dossier_parts(dossier) AS part GROUP BY 1, 2, 3, 4, 5;

-- What is being worked on, by when it is due. Nobody serves dossiers yet: the table is empty, and nobody waits.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX dossier_in_hand ON dossier (agency_code, due_at, id) INCLUDE (field_code, level, clock)
    WHERE is_open AND finished_at IS NULL;

-- What each group of Decision 766/QĐ-TTg's index weighs, from when on: together always 100.
CREATE TABLE dossier_score_weight (
    effective_from timestamptz NOT NULL,
    code text NOT NULL CONSTRAINT dossier_score_weight_code CHECK (
        code IN ('publicity', 'progress', 'online_services', 'online_payment', 'digitisation', 'satisfaction')),
    weight integer NOT NULL CONSTRAINT dossier_score_weight_weight CHECK (weight BETWEEN 0 AND 100),
    PRIMARY KEY (effective_from, code)
);
CREATE FUNCTION check_score_weights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM dossier_score_weight GROUP BY effective_from HAVING sum(weight) <> 100) THEN
        RAISE EXCEPTION 'weights are 100 together' USING ERRCODE = 'check_violation', CONSTRAINT = 'dossier_score_weight_sum';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER dossier_score_weight_sum AFTER INSERT OR UPDATE OR DELETE ON dossier_score_weight
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_score_weights();
INSERT INTO dossier_score_weight (effective_from, code, weight) VALUES
    ('2022-06-23', 'publicity', 18), ('2022-06-23', 'progress', 20), ('2022-06-23', 'online_services', 12),
    ('2022-06-23', 'online_payment', 10), ('2022-06-23', 'digitisation', 22), ('2022-06-23', 'satisfaction', 18);

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- So many of a hundred dossiers should be filed online.
    ('dossiers.online_target', '2020-01-01', 70, NULL);

-- migrate:down
DELETE FROM policy WHERE code = 'dossiers.online_target';
DROP TABLE dossier_score_weight;
DROP FUNCTION check_score_weights;
DROP INDEX dossier_in_hand;
DROP TRIGGER dossier_counts_no_more ON dossier;
DROP TRIGGER dossier_counts ON dossier;
DROP TRIGGER dossier_begins_to_count ON dossier;
DROP FUNCTION tell_the_tally;
DROP FUNCTION dossier_parts;
DROP TABLE dossier_tally_delta, dossier_tally;
DROP TRIGGER dossier_result_is_told ON dossier_result;
DROP TRIGGER dossier_supplement_is_told ON dossier_supplement;
DROP TRIGGER dossier_paper_is_told ON dossier_paper;
DROP TRIGGER dossier_facts ON dossier;
DROP TRIGGER dossier_facts_at_first ON dossier;
DROP FUNCTION tell_dossier_of_result;
DROP FUNCTION tell_dossier_of_supplement;
DROP FUNCTION tell_dossier_of_papers;
DROP FUNCTION write_dossier_facts;
DROP FUNCTION was_cash;
DROP FUNCTION dossier_papers_stored;
DROP FUNCTION dossier_resolved_at;
DROP FUNCTION working_days_between;
DROP FUNCTION city_day;
ALTER TABLE dossier DROP COLUMN online_able, DROP COLUMN papers_stored, DROP COLUMN supplement_asked_at,
    DROP COLUMN result_electronic, DROP COLUMN days_early, DROP COLUMN days_saved, DROP COLUMN paid_online;
