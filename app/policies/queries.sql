-- name: policy
-- What a policy says now.
SELECT value FROM current_policy WHERE code = $1;

-- name: policies
-- What holds now, and what was approved to hold later.
SELECT code, value,
    (SELECT max(effective_from) FROM policy AS row WHERE row.code = current_policy.code
        AND effective_from <= city_now()) AS effective_from,
    coalesce((SELECT jsonb_agg(jsonb_build_object('value', value, 'effective_from', effective_from) ORDER BY effective_from)
        FROM policy AS coming WHERE coming.code = current_policy.code AND effective_from > city_now()), '[]') AS coming
FROM current_policy ORDER BY code;

-- name: policy_is_known
-- Is there such a policy?
SELECT EXISTS (SELECT FROM policy WHERE code = $1);

-- name: propose_policy_change
-- A proposal, under its proposer's id.
INSERT INTO policy_change (id, code, value, effective_from, reason, proposed_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: policy_change
-- One proposal.
SELECT id, code, value, effective_from, reason, status, proposed_by, made_at, decided_by, decided_at
FROM policy_change WHERE id = $1;

-- name: policy_change_for_update
-- The same, to decide it.
SELECT id, code, value, effective_from, reason, status, proposed_by, made_at, decided_by, decided_at
FROM policy_change WHERE id = $1 FOR UPDATE;

-- name: policy_changes
-- Proposals, newest first.
SELECT id, code, value, effective_from, reason, status, proposed_by, made_at, decided_by, decided_at
FROM policy_change
WHERE $1::timestamptz IS NULL OR (made_at, id) < ($1, $2::uuid)
ORDER BY made_at DESC, id DESC LIMIT $3;

-- name: decide_policy_change
-- Approved or refused, by another than its proposer.
UPDATE policy_change SET status = $2, decided_by = $3, decided_at = city_now() WHERE id = $1;

-- name: put_policy
-- What was approved holds from its moment on.
INSERT INTO policy (code, effective_from, value) VALUES ($1, $2, $3);
