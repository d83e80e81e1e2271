-- migrate:up

-- What residents report, and what they read of it.

INSERT INTO agency (code, name_vi, name_en) VALUES
    ('ioc', 'Trung tâm Giám sát, điều hành đô thị thông minh', 'Smart city operations centre'),
    ('urban-management', 'Đội Quản lý đô thị', 'Urban management'),
    ('traffic-police', 'Phòng Cảnh sát giao thông', 'Traffic police'),
    ('public-order', 'Công an thành phố - bộ phận trật tự', 'City police, public order'),
    ('fire-police', 'Phòng Cảnh sát phòng cháy, chữa cháy và cứu nạn, cứu hộ', 'Fire and rescue police'),
    ('construction', 'Sở Xây dựng', 'Department of Construction'),
    ('drainage', 'Đơn vị quản lý hạ tầng thoát nước và chiếu sáng', 'Drainage and lighting'),
    ('environment', 'Đơn vị môi trường đô thị', 'Urban environment'),
    ('food-safety', 'Chi cục An toàn thực phẩm', 'Food safety authority'),
    ('tourism', 'Sở Du lịch', 'Department of Tourism'),
    ('utilities', 'Đầu mối điện lực, cấp nước', 'Electricity and water desk'),
    ('telecoms', 'Sở Khoa học và Công nghệ - bộ phận viễn thông', 'Department of Science and Technology, telecoms')
ON CONFLICT (code) DO NOTHING;

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- For so many days after the answer its reporter may have a report opened again; then it closes by itself.
    ('feedback.reopen_days', '2020-01-01', 10, NULL),
    -- So many days the clock waits for a reporter who was asked something.
    ('feedback.question_days', '2020-01-01', 10, NULL),
    -- Whoever has so many strikes within so many days files nothing for a while.
    ('feedback.strikes', '2020-01-01', 3, NULL),
    ('feedback.strike_days', '2020-01-01', 90, NULL);

-- What a report is about, and the rules of such reports. `photo`: one is needed to file. `after_photo`: and one to answer.
-- `keeps_original`: evidence, kept untouched for officers; the public sees a picture of it only once somebody has covered
-- what must not be seen. `place_precision_m`: how exactly the public sees the place; 0: as it is. `confidential`: only a
-- supervisor sees it, and it is on no list. Minutes are of working hours.
CREATE TABLE report_category (
    code text PRIMARY KEY CONSTRAINT report_category_code CHECK (code ~ '^[a-z_]{2,40}$'),
    position integer NOT NULL CONSTRAINT report_category_position_unique UNIQUE,
    group_vi text NOT NULL,
    group_en text NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    hint_vi text NOT NULL,
    hint_en text NOT NULL,
    keywords text[] NOT NULL,
    photo boolean NOT NULL,
    after_photo boolean NOT NULL,
    private boolean NOT NULL DEFAULT false,
    confidential boolean NOT NULL DEFAULT false,
    keeps_original boolean NOT NULL DEFAULT false,
    place_precision_m integer NOT NULL DEFAULT 0 CONSTRAINT report_category_precision CHECK (place_precision_m BETWEEN 0 AND 1000),
    due_minutes integer NOT NULL CONSTRAINT report_category_due CHECK (due_minutes BETWEEN 30 AND 60000),
    warn_minutes integer NOT NULL CONSTRAINT report_category_warn CHECK (warn_minutes BETWEEN 0 AND 60000),
    CONSTRAINT report_category_confidential_is_private CHECK (private OR NOT confidential)
);
INSERT INTO report_category (code, position, group_vi, group_en, name_vi, name_en, hint_vi, hint_en, keywords, photo,
    after_photo, private, confidential, keeps_original, place_precision_m, due_minutes, warn_minutes) VALUES
    ('traffic_violation', 1, 'Giao thông', 'Traffic', 'Vi phạm giao thông', 'Traffic violation',
        'Gửi ảnh hoặc video gốc, thấy rõ biển số và thời gian.', 'Send the untouched photo or video, with the plate readable.',
        '{biển số,vượt đèn đỏ,violation}', true, false, false, false, true, 0, 3360, 480),
    ('parking', 2, 'Giao thông', 'Traffic', 'Đỗ xe sai quy định', 'Parking',
        'Chụp cả xe và biển báo nếu có.', 'Show the vehicle, and the sign if there is one.',
        '{đậu xe,parking}', true, false, false, false, true, 0, 960, 240),
    ('pothole', 3, 'Giao thông', 'Traffic', 'Hư hỏng mặt đường', 'Potholes and roads',
        'Ổ gà, sụt lún, nắp cống vỡ.', 'Potholes, subsidence, broken covers.',
        '{ổ gà,đường,pothole,road}', true, true, false, false, false, 0, 2400, 480),
    ('street_light', 4, 'Hạ tầng', 'Infrastructure', 'Chiếu sáng công cộng', 'Street light',
        'Ghi số cột đèn nếu đọc được.', 'Give the number on the pole if you can read it.',
        '{đèn đường,light}', false, true, false, false, false, 0, 1440, 240),
    ('drainage', 5, 'Hạ tầng', 'Infrastructure', 'Thoát nước, ngập úng', 'Drainage and flooding',
        'Cho biết nước sâu khoảng bao nhiêu.', 'Say how deep the water is.',
        '{ngập,cống,flood,drain}', true, true, false, false, false, 0, 960, 240),
    ('waste', 6, 'Môi trường', 'Environment', 'Rác thải, môi trường', 'Rubbish and environment',
        'Rác tồn đọng, xả thải, mùi hôi.', 'Heaps of rubbish, discharge, smells.',
        '{rác,rubbish,waste}', true, true, false, false, false, 0, 960, 240),
    ('noise', 7, 'Môi trường', 'Environment', 'Tiếng ồn', 'Noise',
        'Cho biết giờ nào thường ồn.', 'Say at which hours.',
        '{ồn,karaoke,noise}', false, false, false, false, false, 100, 960, 240),
    ('construction', 8, 'Đô thị', 'City', 'Trật tự xây dựng', 'Construction',
        'Xây không phép, rơi vãi vật liệu, thiếu che chắn.', 'Building without a permit, spilt material, no screens.',
        '{xây dựng,construction}', true, false, false, false, false, 0, 2400, 480),
    ('pavement', 9, 'Đô thị', 'City', 'Lấn chiếm vỉa hè, lòng đường', 'Pavement encroachment',
        'Buôn bán, để vật liệu chắn lối đi.', 'Goods or material in the way of people on foot.',
        '{vỉa hè,pavement}', true, true, false, false, false, 0, 960, 240),
    ('public_order', 10, 'An ninh, trật tự', 'Order', 'An ninh, trật tự công cộng', 'Public order',
        'Việc khẩn cấp hãy gọi 113.', 'In an emergency call 113.',
        '{trật tự,order}', false, false, false, false, false, 100, 480, 120),
    ('animals', 11, 'An ninh, trật tự', 'Order', 'Gia súc, vật nuôi trên đường', 'Animals on the road',
        'Chó thả rông, trâu bò trên đường.', 'Dogs off the lead, cattle on the road.',
        '{chó,trâu bò,animal}', false, false, false, false, false, 0, 480, 120),
    ('advertising', 12, 'Đô thị', 'City', 'Quảng cáo sai quy định', 'Advertising',
        'Rao vặt, bảng quảng cáo sai chỗ.', 'Bills posted, boards where they must not be.',
        '{quảng cáo,advert}', true, true, false, false, false, 0, 1440, 240),
    ('fire_safety', 13, 'An ninh, trật tự', 'Order', 'Phòng cháy, chữa cháy', 'Fire safety',
        'Đang cháy hãy gọi 114.', 'If it burns, call 114.',
        '{cháy,fire}', false, false, false, false, false, 0, 480, 120),
    ('food_safety', 14, 'Y tế', 'Health', 'An toàn thực phẩm', 'Food safety',
        'Nêu tên quán và món, nếu có.', 'Name the place and the dish.',
        '{thực phẩm,ngộ độc,food}', false, false, false, false, false, 100, 1440, 240),
    ('tourism', 15, 'Văn hóa, du lịch', 'Culture', 'Du lịch, dịch vụ', 'Tourism',
        'Chèo kéo, sai giá, dịch vụ kém.', 'Touting, wrong prices, poor service.',
        '{du lịch,tourist}', false, false, false, false, false, 0, 960, 240),
    ('electricity', 16, 'Hạ tầng', 'Infrastructure', 'Điện', 'Electricity',
        'Dây đứt, trạm biến áp: tránh xa và gọi 19001909.', 'Torn wires or a transformer: stay away, call 19001909.',
        '{điện,electricity}', false, true, false, false, false, 0, 480, 120),
    ('water', 17, 'Hạ tầng', 'Infrastructure', 'Cấp nước', 'Water',
        'Vỡ ống, nước đục, mất nước.', 'Burst pipes, cloudy water, no water.',
        '{nước,water}', false, true, false, false, false, 0, 480, 120),
    ('telecom', 18, 'Hạ tầng', 'Infrastructure', 'Cáp viễn thông', 'Telecom cables',
        'Cáp võng, đứt, cột nghiêng.', 'Sagging or torn cables, leaning poles.',
        '{cáp,cable}', true, true, false, false, false, 0, 1440, 240),
    ('officer_conduct', 99, 'Kiến nghị', 'Complaints', 'Kiến nghị về cán bộ', 'Complaint about an officer',
        'Chỉ lãnh đạo phụ trách đọc được.', 'Only the supervisor in charge can read it.',
        '{}', false, false, true, true, false, 0, 4800, 960);

-- Who deals with what where: the ward's row before the category's. `ioc` where there is neither.
CREATE TABLE report_route (
    category_code text NOT NULL REFERENCES report_category (code),
    ward_code text REFERENCES ward (code),
    agency_code text NOT NULL REFERENCES agency (code),
    CONSTRAINT report_route_one UNIQUE NULLS NOT DISTINCT (category_code, ward_code)
);
INSERT INTO report_route (category_code, agency_code) VALUES
    ('traffic_violation', 'traffic-police'), ('parking', 'traffic-police'), ('pothole', 'construction'),
    ('street_light', 'drainage'), ('drainage', 'drainage'), ('waste', 'environment'), ('noise', 'public-order'),
    ('construction', 'construction'), ('pavement', 'urban-management'), ('public_order', 'public-order'),
    ('animals', 'urban-management'), ('advertising', 'urban-management'), ('fire_safety', 'fire-police'),
    ('food_safety', 'food-safety'), ('tourism', 'tourism'), ('electricity', 'utilities'), ('water', 'utilities'),
    ('telecom', 'telecoms'), ('officer_conduct', 'city');

CREATE FUNCTION route_of(category text, ward text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT agency_code FROM report_route WHERE category_code = category AND ward_code = ward),
        (SELECT agency_code FROM report_route WHERE category_code = category AND ward_code IS NULL), 'ioc')
$$;

-- One report. `id` is the phone's, `code` what people say and the public knows it by. `version` counts what was done to it.
-- Due moments are by the working calendar; while `asked_at` stands the clock does not run.
CREATE TABLE report (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT report_code_unique UNIQUE CONSTRAINT report_code CHECK (code ~ '^PA[0-9A-HJKMNP-TV-Z]{8}$'),
    channel text NOT NULL CONSTRAINT report_channel CHECK (channel IN ('app', 'hotline', 'open311')),
    reporter_id uuid REFERENCES principal (id),
    -- Whoever wrote it down; nobody, once its reporter is forgotten.
    filed_by uuid REFERENCES principal (id),
    -- Whoever called, or wrote through somebody else's form.
    caller_name text CONSTRAINT report_caller_name CHECK (length(caller_name) BETWEEN 1 AND 100),
    caller_phone text,
    caller_email text,
    device_id uuid,
    category_code text NOT NULL CONSTRAINT report_category_exists REFERENCES report_category (code),
    said text NOT NULL CONSTRAINT report_said_length CHECK (length(said) BETWEEN 1 AND 4000),
    lat double precision NOT NULL CONSTRAINT report_lat CHECK (lat BETWEEN -90 AND 90),
    lng double precision NOT NULL CONSTRAINT report_lng CHECK (lng BETWEEN -180 AND 180),
    address text CONSTRAINT report_address_length CHECK (length(address) BETWEEN 1 AND 200),
    ward_code text NOT NULL REFERENCES ward (code),
    ward_approximate boolean NOT NULL,
    private boolean NOT NULL,
    confidential boolean NOT NULL,
    share_name boolean NOT NULL,
    urgent boolean NOT NULL,
    status text NOT NULL DEFAULT 'submitted' CONSTRAINT report_status CHECK (status IN (
        'submitted', 'verified', 'rejected', 'assigned', 'in_progress', 'resolved', 'closed', 'duplicate')),
    version integer NOT NULL DEFAULT 1,
    agency_code text REFERENCES agency (code),
    duplicate_of uuid REFERENCES report (id),
    answer text CONSTRAINT report_answer_length CHECK (length(answer) BETWEEN 1 AND 4000),
    -- As everybody may read and see it.
    public_said text NOT NULL,
    public_answer text,
    public_lat double precision NOT NULL,
    public_lng double precision NOT NULL,
    public_address text,
    is_public boolean NOT NULL GENERATED ALWAYS AS (
        NOT private AND status NOT IN ('submitted', 'rejected', 'duplicate')) STORED,
    is_open boolean NOT NULL GENERATED ALWAYS AS (status IN ('submitted', 'verified', 'assigned', 'in_progress')) STORED,
    found_by tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple',
        plain_text(public_said || ' ' || coalesce(public_address, '') || ' ' || code))) STORED,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    updated_at timestamptz NOT NULL DEFAULT city_now(),
    first_due_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    warn_at timestamptz NOT NULL,
    asked_at timestamptz,
    warned_at timestamptz,
    overdue_at timestamptz,
    escalated_at timestamptz,
    verified_at timestamptz,
    assigned_at timestamptz,
    started_at timestamptz,
    first_answered_at timestamptz,
    first_resolved_at timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    reopened integer NOT NULL DEFAULT 0,
    returned integer NOT NULL DEFAULT 0,
    extended integer NOT NULL DEFAULT 0,
    followers integer NOT NULL DEFAULT 0,
    rating text CONSTRAINT report_rating CHECK (rating IN ('satisfied', 'acceptable', 'unsatisfied')),
    rating_comment text,
    rated_at timestamptz,
    CONSTRAINT report_confidential_is_private CHECK (private OR NOT confidential),
    CONSTRAINT report_duplicate_whole CHECK ((status = 'duplicate') = (duplicate_of IS NOT NULL)),
    CONSTRAINT report_not_its_own_duplicate CHECK (duplicate_of <> id),
    CONSTRAINT report_answered CHECK (status <> 'resolved' OR (answer IS NOT NULL AND resolved_at IS NOT NULL)),
    CONSTRAINT report_with_an_agency CHECK (status NOT IN ('assigned', 'in_progress', 'resolved') OR agency_code IS NOT NULL),
    CONSTRAINT report_rated_whole CHECK ((rating IS NULL) = (rated_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX report_public_age ON report (made_at DESC, id DESC) WHERE is_public;
CREATE INDEX report_public_category ON report (category_code, made_at DESC, id DESC) WHERE is_public;
CREATE INDEX report_public_ward ON report (ward_code, made_at DESC, id DESC) WHERE is_public;
CREATE INDEX report_public_changed ON report (updated_at, id) WHERE is_public;
CREATE INDEX report_found_by ON report USING gin (found_by);
CREATE INDEX report_public_spot ON report USING gist (city_point(public_lat, public_lng)) WHERE is_public;
CREATE INDEX report_reporter ON report (reporter_id, made_at DESC, id DESC);
CREATE INDEX report_age ON report (made_at, id);
CREATE INDEX report_agency_age ON report (agency_code, made_at DESC, id DESC);
CREATE INDEX report_agency_open ON report (agency_code, due_at, id) WHERE is_open;
CREATE INDEX report_open_due ON report (due_at, id) WHERE is_open;
CREATE INDEX report_callers ON report (closed_at) WHERE num_nonnulls(caller_name, caller_phone, caller_email) > 0;
CREATE INDEX report_resolved ON report (resolved_at) WHERE status = 'resolved';
CREATE INDEX report_originals ON report (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- What was done to a report, in order. `version`: the report's afterwards. What is not public is between the city's people
-- and, if `for_reporter`, whoever reported.
CREATE TABLE report_step (
    report_id uuid NOT NULL REFERENCES report (id),
    version integer NOT NULL,
    kind text NOT NULL CONSTRAINT report_step_kind CHECK (kind IN ('filed', 'verified', 'rejected', 'assigned', 'started',
        'asked', 'informed', 'lapsed', 'resolved', 'returned', 'extension_asked', 'extended', 'extension_refused', 'merged',
        'reopened', 'rated', 'closed', 'redacted', 'fined')),
    actor_id uuid REFERENCES principal (id),
    actor_kind text NOT NULL CONSTRAINT report_step_actor CHECK (actor_kind IN ('reporter', 'staff', 'city')),
    agency_code text REFERENCES agency (code),
    said text,
    is_public boolean NOT NULL DEFAULT false,
    public_said text CONSTRAINT report_step_public_words CHECK (public_said IS NULL OR is_public),
    for_reporter boolean NOT NULL,
    -- SHA-256 of what a member of staff asked for: who asks for the very same again has lost the answer.
    asked_for bytea CONSTRAINT report_step_asked_for CHECK (length(asked_for) = 32),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (report_id, version)
);

-- A picture, video or paper of a report.
CREATE TABLE report_upload (
    report_id uuid NOT NULL REFERENCES report (id),
    upload_id uuid NOT NULL CONSTRAINT report_upload_once UNIQUE,
    part text NOT NULL CONSTRAINT report_upload_part CHECK (part IN ('filed', 'informed', 'resolved', 'reopened')),
    position integer NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (report_id, upload_id)
);

CREATE TABLE report_follower (
    report_id uuid NOT NULL REFERENCES report (id),
    principal_id uuid NOT NULL REFERENCES principal (id),
    -- Whether they meet the same trouble, or only want to know.
    affected boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    PRIMARY KEY (report_id, principal_id)
);
CREATE INDEX report_follower_person ON report_follower (principal_id, made_at DESC);

-- What people say to a report under ids of their own; staff as their agency.
CREATE TABLE report_comment (
    id uuid PRIMARY KEY,
    report_id uuid NOT NULL REFERENCES report (id),
    author_id uuid NOT NULL REFERENCES principal (id),
    said text NOT NULL CONSTRAINT report_comment_length CHECK (length(said) BETWEEN 1 AND 1000),
    public_said text NOT NULL,
    hidden_at timestamptz,
    hidden_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX report_comment_report ON report_comment (report_id, made_at, id);
CREATE INDEX report_comment_author ON report_comment (author_id, made_at);

-- What the city's people tell each other about a report.
CREATE TABLE report_note (
    id uuid PRIMARY KEY,
    report_id uuid NOT NULL REFERENCES report (id),
    author_id uuid NOT NULL REFERENCES principal (id),
    said text NOT NULL CONSTRAINT report_note_length CHECK (length(said) BETWEEN 1 AND 2000),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX report_note_report ON report_note (report_id, made_at, id);

-- More time: asked for by the agency, given by a supervisor who is somebody else. One waits at a time.
CREATE TABLE report_extension (
    report_id uuid NOT NULL REFERENCES report (id),
    number integer NOT NULL,
    until timestamptz NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    approved boolean,
    decision_reason text,
    PRIMARY KEY (report_id, number),
    CONSTRAINT report_extension_decided_whole CHECK ((decided_by IS NULL) = (decided_at IS NULL)
        AND (decided_by IS NULL) = (approved IS NULL)),
    CONSTRAINT report_extension_second_pair_of_eyes CHECK (decided_by <> asked_by)
);
CREATE UNIQUE INDEX report_extension_one_waits ON report_extension (report_id) WHERE decided_at IS NULL;

-- Reports that were made up, by whoever made them up.
CREATE TABLE report_strike (
    report_id uuid PRIMARY KEY REFERENCES report (id),
    principal_id uuid NOT NULL REFERENCES principal (id),
    given_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now()
);
CREATE INDEX report_strike_person ON report_strike (principal_id, made_at);

-- What everybody may know of a report. All that is public is read from here and from `public_picture`: lists, map, feeds,
-- open data, Open311.
CREATE VIEW public_report AS
SELECT report.id, report.code, category_code, report_category.name_vi AS category_vi, report_category.name_en AS category_en,
    status, is_open, public_said AS said, public_lat AS lat, public_lng AS lng,
    city_point(public_lat, public_lng) AS spot, place_precision_m, public_address AS address, report.ward_code,
    ward.name AS ward_name, ward_approximate, urgent, agency_code, agency.name_vi AS agency_vi, agency.name_en AS agency_en,
    public_answer AS answer, made_at, updated_at, first_due_at, due_at, asked_at IS NOT NULL AS waits_for_reporter,
    first_answered_at, first_resolved_at, resolved_at, closed_at, reopened, extended, followers, rating, found_by
FROM report
JOIN report_category ON report_category.code = report.category_code
JOIN ward ON ward.code = report.ward_code
LEFT JOIN agency ON agency.code = report.agency_code
WHERE is_public;

-- The pictures of public reports that everybody may see: none by which a reporter answers a question of the city's, since that
-- answer is not public (what a machine adds comes with words that are); none before a member of staff has taken a step after
-- it came; of evidence only what somebody has covered.
CREATE VIEW public_picture AS
SELECT report_upload.report_id, report_upload.upload_id, part, report_upload.position,
    large.name AS large, small.name AS small, large.width, large.height
FROM report_upload
JOIN report ON report.id = report_upload.report_id AND is_public
JOIN report_category ON report_category.code = report.category_code
JOIN upload ON upload.id = report_upload.upload_id AND upload.purpose = 'photo'
JOIN rendition AS large ON large.upload_id = upload.id AND large.size = 'large'
JOIN rendition AS small ON small.upload_id = upload.id AND small.size = 'small'
WHERE (part <> 'informed' OR EXISTS (SELECT FROM principal WHERE principal.id = upload.owner_id AND kind = 'machine'))
    AND (large.redacted OR NOT report_category.keeps_original)
    AND EXISTS (SELECT FROM report_step WHERE report_step.report_id = report.id
        AND report_step.version > report_upload.version AND actor_kind = 'staff');

-- migrate:down
DROP VIEW public_picture;
DROP VIEW public_report;
DROP TABLE report_strike;
DROP TABLE report_extension;
DROP TABLE report_note;
DROP TABLE report_comment;
DROP TABLE report_follower;
DROP TABLE report_upload;
DROP TABLE report_step;
DROP TABLE report;
DROP FUNCTION route_of;
DROP TABLE report_route;
DROP TABLE report_category;
DELETE FROM policy WHERE code LIKE 'feedback.%';
