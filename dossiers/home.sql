-- repeatable: what the phone's first screen shows of dossiers, in one round trip with the other domains' parts.

CREATE OR REPLACE FUNCTION dossiers_home(resident uuid, language text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'open', (SELECT count(*) FROM dossier WHERE owner_id = resident AND parent_id IS NULL AND is_open),
        'questions', (SELECT count(*) FROM dossier WHERE owner_id = resident AND is_open
            AND EXISTS (SELECT FROM dossier_supplement WHERE dossier_id = dossier.id AND given_at IS NULL)),
        'to_pay', (SELECT count(*) FROM dossier WHERE owner_id = resident AND payment_state = 'due'),
        'latest', coalesce((
            SELECT jsonb_agg(to_jsonb(line) ORDER BY line.made_at DESC, line.id DESC) FROM (
                SELECT id, code, CASE WHEN language = 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
                    CASE WHEN language = 'en' THEN state_en ELSE state_vi END AS state_name, percent, due_at, made_at
                FROM dossier WHERE owner_id = resident AND parent_id IS NULL AND state <> 'draft'
                ORDER BY made_at DESC, id DESC LIMIT 3
            ) AS line), '[]'))
$$;
