-- name: plant_dossier
-- A dossier that is done and goes by post (or otherwise).
INSERT INTO dossier (id, code, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code, level,
    applicant_kind, applicant_name, applicant_phone, deliver_by, address, state, national_status, submitted_at, accepted_at,
    started_at, first_due_at, due_at, delivery_state)
VALUES ($1, $2, '1234', '9.900001', 1, 'Đăng ký thử', 'A registration', 'plain', 'civil_status', 'online', 'counter-thuan-hoa', 'ward', 'person',
    'Lê Thị Ngự Bình', '+84905123456', $3, '12 Lê Lợi, phường Thuận Hóa, thành phố Huế', 'done', 9, city_now(), city_now(),
    city_now(), city_now(), city_now(), 'ready');

-- name: delivery
-- How its delivery stands.
SELECT delivery_state, dossier.tracking_number, dossier_parcel.state, delivered_at
FROM dossier LEFT JOIN dossier_parcel ON dossier_id = id WHERE id = $1;

-- name: long_silent
-- The post told nothing of them for three days.
UPDATE dossier_parcel SET told_at = city_now() - interval '3 days';

-- name: asked_hours_ago
-- When we last asked.
SELECT round(extract(epoch FROM city_now() - asked_at) / 3600)::int FROM dossier_parcel;

-- name: hurry
-- Whatever waits for another try is due now.
UPDATE job SET run_at = city_now();

-- name: long_ago_asked
-- An hour has passed since the question that was not answered.
UPDATE dossier_parcel SET asked_at = city_now() - interval '49 hours';
