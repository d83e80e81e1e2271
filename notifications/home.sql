-- repeatable: what the phone's first screen shows of the inbox.

CREATE OR REPLACE FUNCTION notifications_home(resident uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('unread', coalesce((
        SELECT last_seq - read_up_to FROM inbox WHERE principal_id = resident), 0))
$$;
