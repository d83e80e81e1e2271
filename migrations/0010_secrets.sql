-- migrate:up

-- Which key of the ring each of these was made with; what was there before the ring was made with key 1.
ALTER TABLE pin ADD COLUMN key_id text NOT NULL DEFAULT '1';
ALTER TABLE one_time_code ADD COLUMN key_id text NOT NULL DEFAULT '1';
-- Under which key its child is derived: the newest of the moment when it was first used.
ALTER TABLE refresh_token ADD COLUMN key_id text;
-- One small row a resident: PINs wait for it for a moment, once.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX pin_key ON pin (key_id);

-- Rows of the audit that wait for their link. Writers put them here without waiting for each other, and a row that is
-- committed late is linked when it is seen: the order of the chain is the order of its links.
CREATE TABLE audit_waiting (
    audit_id bigint PRIMARY KEY
);
INSERT INTO audit_waiting SELECT id FROM audit;

CREATE FUNCTION audit_waits_for_its_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_waiting SELECT id FROM made;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_waits_for_its_link AFTER INSERT ON audit REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION audit_waits_for_its_link();

-- The audit is hardly older than this.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX audit_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX audit_action_order ON audit (action, id);

-- What the last check of the chain found, and how far it came: the day's stretch goes on from there.
CREATE TABLE audit_check (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT audit_check_one_row CHECK (only_row),
    next_position bigint NOT NULL,
    head_position bigint NOT NULL,
    head_hash bytea NOT NULL,
    broken bigint NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT city_now()
);

-- migrate:down
DROP TABLE audit_check, audit_waiting;
DROP TRIGGER audit_waits_for_its_link ON audit;
DROP FUNCTION audit_waits_for_its_link;
DROP INDEX audit_actor, audit_action_order, pin_key;
ALTER TABLE refresh_token DROP COLUMN key_id;
ALTER TABLE one_time_code DROP COLUMN key_id;
ALTER TABLE pin DROP COLUMN key_id;
