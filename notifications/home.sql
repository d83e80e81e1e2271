-- repeatable: what the phone's first screen shows of the inbox and of the city's warnings.

-- The clock in a SELECT of its own is asked once, so that the index can be searched for its answer. Grave warnings first; those
-- of a ward are for whoever has named it and, as they are told, for whoever has named none.
CREATE OR REPLACE FUNCTION notifications_home(resident uuid, language text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'unread', coalesce((SELECT last_seq - read_up_to FROM inbox WHERE principal_id = resident), 0),
        'alerts', coalesce((
            SELECT jsonb_agg(to_jsonb(line) - 'published_at' - 'is_grave'
                ORDER BY line.is_grave DESC, line.published_at DESC, line.id DESC) FROM (
                SELECT id, severity, CASE WHEN language = 'en' THEN headline_en ELSE headline_vi END AS headline, sent_at,
                    published_at, expires_at, '/alerts/' || id AS link, severity IN ('Extreme', 'Severe') AS is_grave
                FROM alert
                WHERE state = 'published' AND status = 'Actual' AND replaced_by IS NULL AND msg_type <> 'Cancel'
                    AND expires_at > (SELECT city_now())
                    AND (wards = '{}' OR wards && (
                        SELECT ward_codes FROM notification_preference WHERE principal_id = resident)
                        OR severity IN ('Extreme', 'Severe') AND NOT EXISTS (
                            SELECT FROM notification_preference WHERE principal_id = resident AND ward_codes <> '{}'))
                ORDER BY is_grave DESC, published_at DESC, id DESC LIMIT 5
            ) AS line), '[]'))
$$;
