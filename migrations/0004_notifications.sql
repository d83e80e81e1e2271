-- migrate:up

-- One resident's inbox: how many messages it ever had, and up to which one it was read.
CREATE TABLE inbox (
    principal_id uuid PRIMARY KEY,
    last_seq bigint NOT NULL DEFAULT 0,
    read_up_to bigint NOT NULL DEFAULT 0,
    CONSTRAINT inbox_read_within CHECK (read_up_to BETWEEN 0 AND last_seq)
) WITH (fillfactor = 70);

CREATE TABLE message (
    principal_id uuid NOT NULL,
    seq bigint NOT NULL,
    event_id bigint NOT NULL,
    category text NOT NULL CONSTRAINT message_category CHECK (
        category IN ('money', 'report', 'dossier', 'alert', 'account')),
    title text NOT NULL,
    body text NOT NULL,
    link text,
    at timestamptz NOT NULL,
    PRIMARY KEY (principal_id, seq),
    CONSTRAINT message_once_per_event UNIQUE (principal_id, event_id)
);

-- migrate:down
DROP TABLE message, inbox;
