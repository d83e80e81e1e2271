-- migrate:up

-- What holds since 2026 held before, too: a city that looks back two years finds a rule for each day.
INSERT INTO policy (code, effective_from, value, sandbox_value)
SELECT code, '2020-01-01', value, sandbox_value FROM (
    SELECT DISTINCT ON (code) code, effective_from, value, sandbox_value FROM policy ORDER BY code, effective_from
) AS first_row
WHERE effective_from > '2020-01-01';

-- migrate:down
DELETE FROM policy AS before USING policy AS first_row
WHERE before.effective_from = '2020-01-01' AND first_row.code = before.code AND first_row.effective_from = '2026-01-01';
