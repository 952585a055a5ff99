-- Roles belong to the whole server and are in no backup: those that are there already are taken as they are.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['astrolab_reader', 'astrolab_ingest', 'astrolab_owner'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    GRANT astrolab_ingest TO astrolab_owner;
    IF NOT pg_has_role(current_user, 'astrolab_owner', 'MEMBER') THEN
        EXECUTE format('GRANT astrolab_owner TO %I', current_user);
    END IF;
END
$$;
