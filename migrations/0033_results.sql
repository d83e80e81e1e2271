-- migrate:up

-- By what a file is, is found which result it is.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX dossier_result_sha256 ON dossier_result (sha256) WHERE sha256 IS NOT NULL;

-- An agency's register: what it accepted, day by day.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX dossier_agency_accepted ON dossier (agency_code, accepted_at, id) WHERE accepted_at IS NOT NULL;

-- migrate:down
DROP INDEX dossier_agency_accepted;
DROP INDEX dossier_result_sha256;
