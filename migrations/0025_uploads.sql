-- migrate:up

-- Bytes that somebody sends, and what they were found to be. Until something holds it, it is its sender's, with the
-- place and the time that the picture tells of itself; a day after it was begun it is forgotten.
CREATE TABLE upload (
    id uuid PRIMARY KEY,
    -- null: whoever sent it was forgotten, and what holds it was not.
    owner_id uuid,
    purpose text NOT NULL CONSTRAINT upload_purpose CHECK (purpose IN ('photo', 'video', 'paper')),
    way text NOT NULL CONSTRAINT upload_way CHECK (way IN ('whole', 'tus', 'presigned')),
    status text NOT NULL DEFAULT 'receiving'
        CONSTRAINT upload_status CHECK (status IN ('receiving', 'processing', 'ready', 'refused')),
    -- In bytes; as announced, until all are here. null: nobody has said.
    size bigint CONSTRAINT upload_size CHECK (size > 0),
    file_name text CONSTRAINT upload_file_name CHECK (length(file_name) <= 200),
    -- As the phone wrote it, and will read it again.
    tus_metadata text CONSTRAINT upload_tus_metadata CHECK (length(tus_metadata) <= 2000),
    -- Of the bytes as they came.
    sha256 bytea CONSTRAINT upload_sha256 CHECK (length(sha256) = 32),
    media_type text,
    -- Of the picture upright, in pixels.
    width integer,
    height integer,
    duration_ms integer,
    -- 64 bits that two pictures share which look alike.
    phash bigint,
    lat double precision,
    lng double precision,
    taken_at timestamptz,
    original_key text,
    -- The problem's type.
    refused_because text,
    -- Whoever makes something of it does so until leased_until, by the number of its fence.
    fence integer NOT NULL DEFAULT 0,
    -- How many have begun with it and never said how it ended: they were killed.
    cut_short integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    holder text,
    holder_id uuid,
    claimed_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT upload_held_whole CHECK (
        (holder IS NULL) = (holder_id IS NULL) AND (holder IS NULL) = (claimed_at IS NULL)),
    CONSTRAINT upload_held_is_ready CHECK (holder IS NULL OR status = 'ready'),
    CONSTRAINT upload_held_offers_nothing CHECK (
        holder IS NULL OR lat IS NULL AND lng IS NULL AND taken_at IS NULL),
    CONSTRAINT upload_ready_whole CHECK (
        status <> 'ready' OR size IS NOT NULL AND sha256 IS NOT NULL AND media_type IS NOT NULL),
    CONSTRAINT upload_refused_for_a_reason CHECK ((status = 'refused') = (refused_because IS NOT NULL)),
    CONSTRAINT upload_place_whole CHECK ((lat IS NULL) = (lng IS NULL))
);
CREATE INDEX upload_owner ON upload (owner_id, made_at);
CREATE INDEX upload_holder ON upload (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX upload_unclaimed ON upload (made_at) WHERE holder_id IS NULL;
CREATE INDEX upload_unfinished ON upload (id) WHERE status IN ('receiving', 'processing');

-- Where and when a photograph was taken whose original is kept: for officers, never for the public.
CREATE TABLE upload_evidence (
    upload_id uuid PRIMARY KEY REFERENCES upload (id) ON DELETE CASCADE,
    lat double precision,
    lng double precision,
    taken_at timestamptz
);

-- A picture for everybody who knows its name. There is no row for what is gone.
CREATE TABLE rendition (
    name text PRIMARY KEY CONSTRAINT rendition_name CHECK (name ~ '^[0-9A-Za-z_-]{32}$'),
    upload_id uuid NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    size text NOT NULL CONSTRAINT rendition_size CHECK (size IN ('large', 'small', 'poster')),
    redacted boolean NOT NULL DEFAULT false,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT rendition_one_of_a_size UNIQUE (upload_id, size)
);

-- What lies in the storage. It is written here before it is put there, and taken out after it is deleted there, so that
-- whoever is killed in between leaves nothing that nobody knows of. After doomed_at it is deleted; null: it is kept.
CREATE TABLE stored_object (
    key text PRIMARY KEY,
    upload_id uuid NOT NULL,
    doomed_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX stored_object_upload ON stored_object (upload_id);
CREATE INDEX stored_object_doomed ON stored_object (doomed_at) WHERE doomed_at IS NOT NULL;

-- However an upload ends, what lies in the storage for it ends too. One that the phone may still write to has its time.
CREATE FUNCTION doom_stored_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stored_object SET doomed_at = city_now()
    WHERE upload_id = OLD.id AND doomed_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER upload_ends AFTER DELETE ON upload FOR EACH ROW EXECUTE FUNCTION doom_stored_objects();

-- migrate:down
DROP TABLE stored_object, rendition, upload_evidence, upload;
DROP FUNCTION doom_stored_objects;
