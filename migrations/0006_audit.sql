-- migrate:up

-- Who did what, for whoever must prove it later. Written in the deed's own transaction, never changed; the worker
-- chains the rows (writers don't wait for each other), so that one that was changed, dropped or swapped shows.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    actor_id uuid,
    actor_kind text NOT NULL CONSTRAINT audit_actor_kind CHECK (
        actor_kind IN ('resident', 'staff', 'cashier', 'machine', 'city', 'stranger')),
    action text NOT NULL CONSTRAINT audit_action CHECK (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    subject text,
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_age ON audit USING brin (made_at);
CREATE INDEX audit_subject ON audit (subject, id) WHERE subject IS NOT NULL;

CREATE TABLE audit_link (
    position bigint PRIMARY KEY,
    audit_id bigint NOT NULL CONSTRAINT audit_link_once UNIQUE,
    hash bytea NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT city_now()
);

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE audit_link, audit;
