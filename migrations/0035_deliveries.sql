-- migrate:up

-- Where a device is reached, while its owner is signed in there: one target of a device, and one device of a target.
-- `target`: FCM's token or installation id, or a browser's subscription as JSON; `target_hash`: SHA-256 of its kind and of
-- what makes it one (a subscription's endpoint).
CREATE TABLE push_target (
    principal_id uuid NOT NULL,
    device_id uuid NOT NULL,
    platform text NOT NULL CONSTRAINT push_target_platform CHECK (platform IN ('android', 'ios', 'web')),
    kind text NOT NULL CONSTRAINT push_target_kind CHECK (kind IN ('token', 'fid', 'web_push')),
    target text NOT NULL CONSTRAINT push_target_length CHECK (length(target) BETWEEN 1 AND 4096),
    target_hash bytea NOT NULL CONSTRAINT push_target_once UNIQUE,
    locale text NOT NULL CONSTRAINT push_target_locale CHECK (locale IN ('vi', 'en')),
    app_version text NOT NULL CONSTRAINT push_target_app_version CHECK (length(app_version) BETWEEN 1 AND 40),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    seen_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (principal_id, device_id),
    FOREIGN KEY (principal_id, device_id) REFERENCES device (principal_id, id)
) WITH (fillfactor = 80);
CREATE INDEX push_target_seen ON push_target (seen_at);

-- What a person wants to be told, and when. Whoever has no row has the defaults. `muted`: categories that are not pushed;
-- `quiet_from_minute` to `quiet_to_minute`: of the day in Huế, over midnight if the first is later; `digest`: how news of reports
-- and dossiers is rolled up; `amounts`: may a locked screen show them; `ward_codes`: whose warnings matter to them.
CREATE TABLE notification_preference (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    muted text[] NOT NULL DEFAULT '{}' CONSTRAINT notification_preference_muted CHECK (
        muted <@ ARRAY['money', 'report', 'dossier', 'alert', 'account']),
    texts boolean NOT NULL DEFAULT true,
    quiet boolean NOT NULL DEFAULT true,
    quiet_from_minute integer NOT NULL DEFAULT 1320 CONSTRAINT notification_preference_quiet_from CHECK (
        quiet_from_minute BETWEEN 0 AND 1439),
    quiet_to_minute integer NOT NULL DEFAULT 360 CONSTRAINT notification_preference_quiet_to CHECK (
        quiet_to_minute BETWEEN 0 AND 1439),
    digest text NOT NULL DEFAULT 'burst' CONSTRAINT notification_preference_digest CHECK (
        digest IN ('none', 'burst', 'daily')),
    amounts boolean NOT NULL DEFAULT true,
    ward_codes text[] NOT NULL DEFAULT '{}' CONSTRAINT notification_preference_wards CHECK (cardinality(ward_codes) <= 10),
    changed_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT notification_preference_quiet_is_a_span CHECK (quiet_from_minute <> quiet_to_minute)
);
CREATE INDEX notification_preference_ward ON notification_preference USING gin (ward_codes);

-- What everybody is told, or everybody who cares for some wards (`ward_codes`; none: the whole city). One row, and how far it
-- has come: `reached` is the last resident, by id, who was told in this `phase`. `number`: its messages stand in inboxes under
-- the event -number. `corrects`: the one that it takes the place of.
CREATE TABLE broadcast (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT broadcast_number_unique UNIQUE,
    content_hash bytea NOT NULL,
    title_vi text NOT NULL,
    title_en text NOT NULL,
    body_vi text NOT NULL,
    body_en text NOT NULL,
    link text,
    ward_codes text[] NOT NULL,
    category text NOT NULL CONSTRAINT broadcast_category CHECK (
        category IN ('money', 'report', 'dossier', 'alert', 'account')),
    lane text NOT NULL CONSTRAINT broadcast_lane CHECK (lane IN ('critical', 'bulk')),
    per_device boolean NOT NULL,
    state text NOT NULL CONSTRAINT broadcast_state CHECK (
        state IN ('waiting', 'going', 'done', 'cancelled', 'expired')),
    phase text NOT NULL DEFAULT 'topics' CONSTRAINT broadcast_phase CHECK (phase IN ('topics', 'people', 'pause', 'texts')),
    reached uuid,
    told integer NOT NULL DEFAULT 0,
    texts integer NOT NULL DEFAULT 0,
    collapse_key text NOT NULL,
    corrects uuid CONSTRAINT broadcast_corrects_once UNIQUE REFERENCES broadcast (id),
    made_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    approved_by uuid REFERENCES principal (id),
    started_at timestamptz,
    pushed_at timestamptz,
    ended_at timestamptz,
    expires_at timestamptz NOT NULL,
    CONSTRAINT broadcast_second_pair_of_eyes CHECK (approved_by <> made_by),
    CONSTRAINT broadcast_ended_whole CHECK ((state IN ('waiting', 'going')) = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX broadcast_going ON broadcast (number) WHERE state = 'going';
CREATE INDEX broadcast_made ON broadcast (made_at DESC, id DESC);

-- What is on its way to one device, by text to one phone, or to a topic, to which phones have subscribed themselves. To a
-- person it tells the inbox's messages of one category from `first_seq` to `last_seq`, as far as they are unread then.
-- `roll_key`: what a later message may still be rolled up with.
-- `lease_until`, `fence`: who sends it until when. `accepted` says that they have it who carry it; only the phone itself
-- says `delivered`.
CREATE TABLE delivery (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    principal_id uuid REFERENCES principal (id),
    device_id uuid,
    topic text CONSTRAINT delivery_topic CHECK (topic ~ '^[A-Za-z0-9._-]{1,100}$'),
    channel text NOT NULL CONSTRAINT delivery_channel CHECK (channel IN ('push', 'text', 'topic')),
    lane text NOT NULL CONSTRAINT delivery_lane CHECK (lane IN ('critical', 'transactional', 'bulk')),
    state text NOT NULL DEFAULT 'queued' CONSTRAINT delivery_state CHECK (
        state IN ('queued', 'sending', 'accepted', 'delivered', 'expired', 'failed', 'cancelled')),
    category text NOT NULL CONSTRAINT delivery_category CHECK (
        category IN ('money', 'report', 'dossier', 'alert', 'account')),
    first_seq bigint,
    last_seq bigint,
    broadcast_id uuid REFERENCES broadcast (id),
    roll_key text,
    collapse_key text NOT NULL CONSTRAINT delivery_collapse CHECK (collapse_key ~ '^[A-Za-z0-9_-]{1,32}$'),
    due_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    why text CONSTRAINT delivery_why CHECK (length(why) BETWEEN 1 AND 200),
    name text CONSTRAINT delivery_name CHECK (length(name) <= 300),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    sent_at timestamptz,
    delivered_at timestamptz,
    opened_at timestamptz,
    CONSTRAINT delivery_to_somewhere CHECK ((channel = 'push') = (device_id IS NOT NULL)),
    CONSTRAINT delivery_topic_or_person CHECK (
        (channel = 'topic') = (topic IS NOT NULL) AND (channel = 'topic') = (principal_id IS NULL)),
    CONSTRAINT delivery_in_order CHECK (
        (channel = 'topic') = (last_seq IS NULL) AND (last_seq IS NULL OR first_seq BETWEEN 1 AND last_seq)),
    CONSTRAINT delivery_lease CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CONSTRAINT delivery_ended CHECK (state NOT IN ('expired', 'failed', 'cancelled') OR why IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX delivery_due ON delivery (lane, due_at) WHERE state = 'queued';
CREATE INDEX delivery_expiring ON delivery (expires_at) WHERE state = 'queued';
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE state = 'sending';
CREATE UNIQUE INDEX delivery_one_roll ON delivery (principal_id, device_id, roll_key)
    WHERE state = 'queued' AND roll_key IS NOT NULL;
CREATE UNIQUE INDEX delivery_once ON delivery (principal_id, device_id, last_seq) NULLS NOT DISTINCT
    WHERE topic IS NULL;
CREATE UNIQUE INDEX delivery_topic_once ON delivery (broadcast_id, topic) WHERE topic IS NOT NULL;
CREATE INDEX delivery_of_broadcast ON delivery (broadcast_id, channel, state) WHERE broadcast_id IS NOT NULL;
CREATE INDEX delivery_of_person ON delivery (principal_id, made_at DESC, id DESC);
CREATE INDEX delivery_made ON delivery (made_at);
CREATE INDEX delivery_failed ON delivery (made_at DESC, id DESC) WHERE state = 'failed';

-- A phone that got a broadcast by its topic says so.
CREATE TABLE broadcast_receipt (
    broadcast_id uuid NOT NULL REFERENCES broadcast (id),
    principal_id uuid NOT NULL REFERENCES principal (id),
    device_id uuid NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT city_now(),
    opened_at timestamptz,
    PRIMARY KEY (broadcast_id, principal_id, device_id)
);
CREATE INDEX broadcast_receipt_person ON broadcast_receipt (principal_id);
CREATE INDEX broadcast_receipt_made ON broadcast_receipt (delivered_at);

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Whoever has not received a critical warning after so many minutes gets a text message.
    ('notifications.texts_after_minutes', '2020-01-01', 10, 1),
    -- A critical warning is sent by text at all (1) or not (0).
    ('notifications.texts', '2020-01-01', 1, NULL);

-- migrate:down
DELETE FROM policy WHERE code LIKE 'notifications.%';
DROP TABLE broadcast_receipt, delivery, broadcast, notification_preference, push_target;
