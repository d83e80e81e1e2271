-- name: record_audit
-- A row of the audit, in the transaction of the deed.
INSERT INTO audit (actor_id, actor_kind, action, subject, data) VALUES ($1, $2, $3, $4, $5::jsonb);

-- name: audit_of_person
-- For a copy of all that is held: what was done to a person's account, when and by what kind of actor.
SELECT made_at, actor_kind, action FROM audit WHERE subject = ($1::uuid)::text ORDER BY id;
