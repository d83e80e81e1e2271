-- migrate:up

-- A code that the gateway took is not handed over again.
ALTER TABLE one_time_code ADD COLUMN sent_at timestamptz;

-- How a text message went, as the gateway tells. `reference`: the id of the code or the delivery that it was for; it has
-- neither its number nor its words. `reported_at`: when it was so, as they say.
CREATE TABLE text_report (
    reference uuid PRIMARY KEY,
    state text NOT NULL CONSTRAINT text_report_state CHECK (state IN ('sent', 'expired', 'failed', 'delivered')),
    channel text NOT NULL CONSTRAINT text_report_channel CHECK (channel IN ('zns', 'sms')),
    why text NOT NULL CONSTRAINT text_report_why CHECK (length(why) <= 100),
    reported_at timestamptz NOT NULL,
    told_at timestamptz NOT NULL DEFAULT city_now()
) WITH (fillfactor = 70);
CREATE INDEX text_report_age ON text_report (told_at);

-- migrate:down
DROP TABLE text_report;
ALTER TABLE one_time_code DROP COLUMN sent_at;
