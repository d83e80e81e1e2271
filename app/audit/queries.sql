-- name: record_audit
-- A row of the audit, in the transaction of the deed.
INSERT INTO audit (actor_id, actor_kind, action, subject, data) VALUES ($1, $2, $3, $4, $5::jsonb);
