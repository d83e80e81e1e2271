-- migrate:up

-- A policy is changed by two: one proposes from when on it shall say what, another approves. What was approved is a row of
-- `policy`, and stays there.
CREATE TABLE policy_change (
    id uuid PRIMARY KEY,
    code text NOT NULL,
    value bigint NOT NULL CONSTRAINT policy_change_value CHECK (value BETWEEN 0 AND 1000000000000),
    effective_from timestamptz NOT NULL,
    reason text NOT NULL,
    status text NOT NULL DEFAULT 'proposed' CONSTRAINT policy_change_status CHECK (
        status IN ('proposed', 'approved', 'refused')),
    proposed_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    CONSTRAINT policy_change_decided_whole CHECK ((status = 'proposed') = (decided_at IS NULL)
        AND (status = 'proposed') = (decided_by IS NULL)),
    CONSTRAINT policy_change_second_pair_of_eyes CHECK (status <> 'approved' OR decided_by <> proposed_by)
);
CREATE INDEX policy_change_age ON policy_change (made_at, id);

-- migrate:down
DROP TABLE policy_change;
