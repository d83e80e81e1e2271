-- migrate:up

-- `replaced_by`: the broadcast, or the warning, that took its place: what is still on its way of it is not sent any more, and
-- whoever was told it is told the other one.
ALTER TABLE broadcast ADD COLUMN replaced_by uuid;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX broadcast_replaced ON broadcast (replaced_by) WHERE replaced_by IS NOT NULL;

-- What waits for a second pair of eyes ends by the clock, too.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX broadcast_not_over ON broadcast (number) WHERE state IN ('waiting', 'going');
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX broadcast_going;

-- When anything went out last: the feed says so to whoever asks.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX alert_sent ON alert (sent_at) WHERE sent_at IS NOT NULL;

-- migrate:down
DROP INDEX alert_sent;
CREATE INDEX broadcast_going ON broadcast (number) WHERE state = 'going';
DROP INDEX broadcast_not_over;
ALTER TABLE broadcast DROP COLUMN replaced_by;
