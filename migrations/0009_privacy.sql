-- migrate:up

-- Personal data: what its owners have consented to, asked for and been shown (Law 91/2025/QH15, Decree
-- 356/2025/NĐ-CP), and the calendar by which the city answers.

-- A purpose was consented to, or no longer. The newest row counts; none is ever changed or deleted.
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    purpose text NOT NULL CONSTRAINT consent_purpose CHECK (
        purpose IN ('service', 'statistics', 'suggestions', 'share_with_billers', 'marketing')),
    version integer NOT NULL,
    given boolean NOT NULL,
    session_id uuid NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX consent_principal ON consent (principal_id, purpose, decided_at DESC, id DESC);

-- A copy of all that is held of a person, made by the worker, kept for seven days.
CREATE TABLE data_export (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    status text NOT NULL DEFAULT 'pending' CONSTRAINT data_export_status CHECK (
        status IN ('pending', 'ready', 'failed', 'expired')),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    ready_at timestamptz,
    expires_at timestamptz,
    size_bytes bigint,
    CONSTRAINT data_export_ready_whole CHECK (status <> 'ready'
        OR ready_at IS NOT NULL AND expires_at IS NOT NULL AND size_bytes IS NOT NULL)
);
CREATE INDEX data_export_principal ON data_export (principal_id, made_at DESC);
CREATE INDEX data_export_expiry ON data_export (expires_at) WHERE status = 'ready';

CREATE TABLE data_export_part (
    export_id uuid NOT NULL REFERENCES data_export (id),
    part integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (export_id, part)
);

-- A person wants to be forgotten. Done by the worker, in one transaction.
CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    session_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'pending' CONSTRAINT erasure_status CHECK (status IN ('pending', 'done', 'refused')),
    asked_at timestamptz NOT NULL DEFAULT city_now(),
    finished_at timestamptz,
    -- What was still on its way when it was done (a request, a message) is swept away after it.
    swept_at timestamptz,
    CONSTRAINT erasure_finished_with_outcome CHECK ((status = 'pending') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX erasure_one_pending ON erasure (principal_id) WHERE status = 'pending';
CREATE INDEX erasure_unswept ON erasure (finished_at) WHERE status = 'done' AND swept_at IS NULL;

-- What a person asks of whoever holds their data, in words; answered by a person, by the working calendar.
CREATE TABLE data_request (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    kind text NOT NULL CONSTRAINT data_request_kind CHECK (
        kind IN ('access', 'correction', 'restriction', 'objection', 'erasure', 'complaint')),
    request_text text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    due_on date NOT NULL,
    answered_at timestamptz,
    answered_by uuid REFERENCES principal (id),
    answer_text text,
    granted boolean,
    overdue_told_at timestamptz,
    CONSTRAINT data_request_answered_whole CHECK ((answered_at IS NULL) = (answered_by IS NULL)
        AND (answered_at IS NULL) = (granted IS NULL))
);
CREATE INDEX data_request_principal ON data_request (principal_id, made_at DESC, id DESC);
CREATE INDEX data_request_due ON data_request (due_on, id);
CREATE INDEX data_request_open ON data_request (due_on, id) WHERE answered_at IS NULL;

-- What was done with whose data, for what, by whom and by what right. Never changed.
CREATE TABLE processing (
    id uuid PRIMARY KEY,
    principal_id uuid,
    done text NOT NULL CONSTRAINT processing_done CHECK (done ~ '^[a-z]+(_[a-z]+)*$'),
    purpose text NOT NULL,
    basis text NOT NULL,
    actor_id uuid,
    actor_kind text NOT NULL CONSTRAINT processing_actor_kind CHECK (
        actor_kind IN ('resident', 'staff', 'cashier', 'machine', 'city', 'stranger')),
    detail jsonb NOT NULL DEFAULT '{}',
    done_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX processing_principal ON processing (principal_id, id DESC) WHERE principal_id IS NOT NULL;

-- Who opened whose file, as what, and why. Its subject may read it, without the officer's name. Never changed.
CREATE TABLE file_opening (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL CONSTRAINT file_opening_of_somebody REFERENCES principal (id),
    actor_id uuid NOT NULL REFERENCES principal (id),
    opened_as jsonb NOT NULL,
    what text NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX file_opening_principal ON file_opening (principal_id, id DESC);

-- A breach of personal data and its clock of 72 hours. What is known of it is a version; versions are kept.
CREATE TABLE breach (
    id uuid PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    notified_at timestamptz,
    reference text,
    notified_by uuid REFERENCES principal (id),
    closed_at timestamptz,
    closed_by uuid REFERENCES principal (id),
    lessons text,
    soon_told_at timestamptz,
    late_told_at timestamptz,
    CONSTRAINT breach_notified_whole CHECK ((notified_at IS NULL) = (reference IS NULL)
        AND (notified_at IS NULL) = (notified_by IS NULL)),
    CONSTRAINT breach_closed_whole CHECK ((closed_at IS NULL) = (lessons IS NULL)
        AND (closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX breach_not_notified ON breach (made_at) WHERE notified_at IS NULL;

CREATE TABLE breach_version (
    breach_id uuid NOT NULL REFERENCES breach (id),
    version integer NOT NULL,
    found_at timestamptz NOT NULL,
    happened_at timestamptz,
    what text NOT NULL,
    kinds_of_data text[] NOT NULL,
    people_affected integer CONSTRAINT breach_version_people CHECK (people_affected >= 0),
    harm text NOT NULL,
    measures text NOT NULL,
    written_by uuid NOT NULL REFERENCES principal (id),
    written_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (breach_id, version)
);

-- When what is held was last looked through for what is past its time, and how many rows were.
CREATE TABLE retention (
    holding text PRIMARY KEY,
    ran_at timestamptz NOT NULL,
    forgotten bigint NOT NULL DEFAULT 0,
    forgotten_last integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE TRIGGER consent_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER processing_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON processing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER file_opening_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON file_opening
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER breach_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON breach_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a person is told, and where, is found by the person; what is past its time, by its time. No city is in service
-- yet that would wait for these.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX event_payer ON event ((data ->> 'payer_id')) WHERE data ->> 'payer_id' IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX event_principal ON event ((data ->> 'principal_id'), id) WHERE data ->> 'principal_id' IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX message_age ON message USING brin (at);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX identity_proof_ended ON identity_proof (ended_at) WHERE ended_at IS NOT NULL;

-- Working hours, in minutes after midnight, on every working day: Monday to Friday but for holidays, and the Saturdays
-- on which a swapped day is made up for.
CREATE TABLE working_spell (
    starts_minute integer PRIMARY KEY,
    ends_minute integer NOT NULL,
    CONSTRAINT working_spell_within_a_day CHECK (0 <= starts_minute AND starts_minute < ends_minute
        AND ends_minute <= 1440)
);
INSERT INTO working_spell (starts_minute, ends_minute) VALUES (450, 690), (810, 1050);

CREATE TABLE calendar_day (
    day_on date PRIMARY KEY,
    kind text NOT NULL CONSTRAINT calendar_day_kind CHECK (kind IN ('holiday', 'make_up')),
    name_vi text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO calendar_day (day_on, kind, name_vi, name_en) VALUES
    ('2024-01-01', 'holiday', 'Tết Dương lịch', 'New Year''s Day'),
    ('2024-02-08', 'holiday', '29 Tết', '29 of Lunar New Year'),
    ('2024-02-09', 'holiday', 'Giao thừa Tết Nguyên Đán', 'Lunar New Year''s Eve'),
    ('2024-02-10', 'holiday', 'Tết Nguyên Đán', 'Lunar New Year'),
    ('2024-02-11', 'holiday', 'Mùng hai Tết Nguyên Đán', 'Second Day of Lunar New Year'),
    ('2024-02-12', 'holiday', 'Mùng ba Tết Nguyên Đán', 'Third Day of Lunar New Year'),
    ('2024-02-13', 'holiday', 'Mùng bốn Tết Nguyên Đán', 'Fourth Day of Lunar New Year'),
    ('2024-02-14', 'holiday', 'Mùng năm Tết Nguyên Đán', 'Fifth Day of Lunar New Year'),
    ('2024-04-18', 'holiday', 'Ngày Giỗ Tổ Hùng Vương', 'Hung Kings'' Commemoration Day'),
    ('2024-04-29', 'holiday', 'Ngày nghỉ (thay cho ngày 04/05/2024)', 'Day off (substituted from 05/04/2024)'),
    ('2024-04-30', 'holiday', 'Ngày Chiến thắng', 'Liberation Day/Reunification Day'),
    ('2024-05-01', 'holiday', 'Ngày Quốc tế Lao động', 'International Labor Day'),
    ('2024-05-04', 'make_up', 'Làm bù', 'Make-up working day'),
    ('2024-09-02', 'holiday', 'Quốc khánh', 'National Day'),
    ('2024-09-03', 'holiday', 'Quốc khánh', 'National Day'),
    ('2025-01-01', 'holiday', 'Tết Dương lịch', 'New Year''s Day'),
    ('2025-01-27', 'holiday', '29 Tết', '29 of Lunar New Year'),
    ('2025-01-28', 'holiday', 'Giao thừa Tết Nguyên Đán', 'Lunar New Year''s Eve'),
    ('2025-01-29', 'holiday', 'Tết Nguyên Đán', 'Lunar New Year'),
    ('2025-01-30', 'holiday', 'Mùng hai Tết Nguyên Đán', 'Second Day of Lunar New Year'),
    ('2025-01-31', 'holiday', 'Mùng ba Tết Nguyên Đán', 'Third Day of Lunar New Year'),
    ('2025-02-01', 'holiday', 'Mùng bốn Tết Nguyên Đán', 'Fourth Day of Lunar New Year'),
    ('2025-04-07', 'holiday', 'Ngày Giỗ Tổ Hùng Vương', 'Hung Kings'' Commemoration Day'),
    ('2025-04-26', 'make_up', 'Làm bù', 'Make-up working day'),
    ('2025-04-30', 'holiday', 'Ngày Chiến thắng', 'Liberation Day/Reunification Day'),
    ('2025-05-01', 'holiday', 'Ngày Quốc tế Lao động', 'International Labor Day'),
    ('2025-05-02', 'holiday', 'Ngày nghỉ (thay cho ngày 26/04/2025)', 'Day off (substituted from 04/26/2025)'),
    ('2025-09-01', 'holiday', 'Quốc khánh', 'National Day'),
    ('2025-09-02', 'holiday', 'Quốc khánh', 'National Day'),
    ('2026-01-01', 'holiday', 'Tết Dương lịch', 'New Year''s Day'),
    ('2026-01-02', 'holiday', 'Ngày nghỉ (thay cho ngày 10/01/2026)', 'Day off (substituted from 01/10/2026)'),
    ('2026-01-10', 'make_up', 'Làm bù', 'Make-up working day'),
    ('2026-02-16', 'holiday', 'Giao thừa Tết Nguyên Đán', 'Lunar New Year''s Eve'),
    ('2026-02-17', 'holiday', 'Tết Nguyên Đán', 'Lunar New Year'),
    ('2026-02-18', 'holiday', 'Mùng hai Tết Nguyên Đán', 'Second Day of Lunar New Year'),
    ('2026-02-19', 'holiday', 'Mùng ba Tết Nguyên Đán', 'Third Day of Lunar New Year'),
    ('2026-02-20', 'holiday', 'Mùng bốn Tết Nguyên Đán', 'Fourth Day of Lunar New Year'),
    ('2026-04-26', 'holiday', 'Ngày Giỗ Tổ Hùng Vương', 'Hung Kings'' Commemoration Day'),
    ('2026-04-27', 'holiday', 'Ngày Giỗ Tổ Hùng Vương (nghỉ bù)', 'Hung Kings'' Commemoration Day (observed)'),
    ('2026-04-30', 'holiday', 'Ngày Chiến thắng', 'Liberation Day/Reunification Day'),
    ('2026-05-01', 'holiday', 'Ngày Quốc tế Lao động', 'International Labor Day'),
    ('2026-08-22', 'make_up', 'Làm bù', 'Make-up working day'),
    ('2026-08-31', 'holiday', 'Ngày nghỉ (thay cho ngày 22/08/2026)', 'Day off (substituted from 08/22/2026)'),
    ('2026-09-01', 'holiday', 'Quốc khánh', 'National Day'),
    ('2026-09-02', 'holiday', 'Quốc khánh', 'National Day'),
    ('2026-11-24', 'holiday', 'Ngày Văn hóa Việt Nam', 'Vietnam Cultural Day'),
    ('2027-01-01', 'holiday', 'Tết Dương lịch', 'New Year''s Day'),
    ('2027-02-04', 'holiday', '29 Tết', '29 of Lunar New Year'),
    ('2027-02-05', 'holiday', 'Giao thừa Tết Nguyên Đán', 'Lunar New Year''s Eve'),
    ('2027-02-06', 'holiday', 'Tết Nguyên Đán', 'Lunar New Year'),
    ('2027-02-07', 'holiday', 'Mùng hai Tết Nguyên Đán', 'Second Day of Lunar New Year'),
    ('2027-02-08', 'holiday', 'Mùng ba Tết Nguyên Đán', 'Third Day of Lunar New Year'),
    ('2027-02-09', 'holiday', 'Mùng bốn Tết Nguyên Đán', 'Fourth Day of Lunar New Year'),
    ('2027-02-10', 'holiday', 'Mùng năm Tết Nguyên Đán', 'Fifth Day of Lunar New Year'),
    ('2027-04-16', 'holiday', 'Ngày Giỗ Tổ Hùng Vương', 'Hung Kings'' Commemoration Day'),
    ('2027-04-30', 'holiday', 'Ngày Chiến thắng', 'Liberation Day/Reunification Day'),
    ('2027-05-01', 'holiday', 'Ngày Quốc tế Lao động', 'International Labor Day'),
    ('2027-05-03', 'holiday', 'Ngày Quốc tế Lao động (nghỉ bù)', 'International Labor Day (observed)'),
    ('2027-09-02', 'holiday', 'Quốc khánh', 'National Day'),
    ('2027-09-03', 'holiday', 'Quốc khánh', 'National Day'),
    ('2027-11-24', 'holiday', 'Ngày Văn hóa Việt Nam', 'Vietnam Cultural Day');

-- migrate:down
DROP INDEX event_payer, event_principal, message_age, session_ended, identity_proof_ended;
DROP TABLE calendar_day, working_spell, retention, breach_version, breach, file_opening, processing, data_request,
    erasure, data_export_part, data_export, consent;
