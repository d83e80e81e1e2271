-- name: record_audit
-- A row of the audit, in the transaction of the deed.
INSERT INTO audit (actor_id, actor_kind, action, subject, data) VALUES ($1, $2, $3, $4, $5::jsonb);

-- name: audit_of_person
-- For a copy of all that is held: what a person did, and what was done to their account.
SELECT made_at, actor_kind, action, CASE WHEN actor_id = $1 THEN 'you' END AS actor, data
FROM audit WHERE actor_id = $1 AND actor_kind = 'resident' OR subject = ($1::uuid)::text ORDER BY id;
