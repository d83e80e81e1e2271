-- repeatable: what the phone's first screen shows of field reports, in one round trip with the other domains' parts.

CREATE OR REPLACE FUNCTION feedback_home(resident uuid, language text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'open', (SELECT count(*) FROM report WHERE reporter_id = resident AND is_open),
        'questions', (SELECT count(*) FROM report WHERE reporter_id = resident AND is_open AND asked_at IS NOT NULL),
        'latest', coalesce((
            SELECT jsonb_agg(to_jsonb(line) ORDER BY line.made_at DESC, line.id DESC) FROM (
                SELECT report.id, report.code, status, made_at, due_at,
                    CASE WHEN language = 'en' THEN name_en ELSE name_vi END AS category_name
                FROM report JOIN report_category ON report_category.code = category_code
                WHERE reporter_id = resident ORDER BY made_at DESC, report.id DESC LIMIT 3
            ) AS line), '[]'))
$$;
