-- migrate:up
CREATE TABLE upload (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES principal (id),
    purpose text NOT NULL,
    status text NOT NULL,
    media_type text,
    size bigint,
    sha256 bytea,
    width integer,
    height integer,
    phash bigint,
    holder text,
    holder_id uuid,
    keeps_original boolean NOT NULL DEFAULT false
);
CREATE TABLE rendition (
    name text PRIMARY KEY,
    upload_id uuid NOT NULL REFERENCES upload (id),
    kind text NOT NULL,
    redacted boolean NOT NULL DEFAULT false,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    gone_at timestamptz
);
-- migrate:down
DROP TABLE rendition;
DROP TABLE upload;
