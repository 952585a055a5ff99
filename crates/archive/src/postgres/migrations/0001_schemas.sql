-- Who may do what, where tables live, and the books of what was loaded.
-- Roles belong to the whole server: those that are there already are taken as they are.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['astrolab_reader', 'astrolab_ingest', 'astrolab_owner'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;
-- Loaded tables belong to astrolab_ingest; the owner may do what the ingest may, and owns the schemas.
GRANT astrolab_ingest TO astrolab_owner;
-- Whoever migrates without being a superuser must be a member to give things to the owner.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'astrolab_owner', 'MEMBER') THEN
        EXECUTE format('GRANT astrolab_owner TO %I', current_user);
    END IF;
END
$$;

CREATE SCHEMA raw_catalogs AUTHORIZATION astrolab_owner;
CREATE SCHEMA science_analysis AUTHORIZATION astrolab_owner;
CREATE SCHEMA data_quality AUTHORIZATION astrolab_owner;
CREATE SCHEMA astrolab_staging AUTHORIZATION astrolab_owner;
CREATE SCHEMA sky AUTHORIZATION astrolab_owner;
COMMENT ON SCHEMA raw_catalogs IS 'Survey catalogues as ingested';
COMMENT ON SCHEMA science_analysis IS 'Derived tables: environments, results of studies';
COMMENT ON SCHEMA data_quality IS 'Validation reports';
COMMENT ON SCHEMA astrolab_staging IS 'Tables on their way in, not for reading';
COMMENT ON SCHEMA sky IS 'Functions of the sky: degrees (ICRS), comoving Mpc/h';
COMMENT ON SCHEMA astrolab IS 'Migrations, what was loaded, what the columns mean';
ALTER SCHEMA astrolab OWNER TO astrolab_owner;
ALTER TABLE astrolab.migrations OWNER TO astrolab_owner;

CREATE TABLE astrolab.loads (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    source text NOT NULL,
    fingerprint text NOT NULL,
    row_count bigint NOT NULL,
    checksum numeric NOT NULL,
    table_oid oid NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    loaded_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (schema_name, table_name)
);
COMMENT ON TABLE astrolab.loads IS 'Every table that was loaded whole: from what, how many rows, sum of hash_record_extended';
CREATE TABLE astrolab.load_pieces (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    fingerprint text NOT NULL,
    piece integer NOT NULL,
    row_count bigint NOT NULL,
    checksum numeric NOT NULL,
    PRIMARY KEY (schema_name, table_name, fingerprint, piece)
);
COMMENT ON TABLE astrolab.load_pieces IS 'Pieces of unfinished loads that are committed in astrolab_staging';
CREATE TABLE astrolab.columns (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    position integer NOT NULL,
    column_name text NOT NULL,
    archive_name text NOT NULL,
    unit text NOT NULL,
    ucd text NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (schema_name, table_name, column_name)
);
COMMENT ON TABLE astrolab.columns IS 'The column registry: unit (VOUnit), UCD1+ and meaning of every loaded column';
ALTER TABLE astrolab.loads OWNER TO astrolab_owner;
ALTER TABLE astrolab.load_pieces OWNER TO astrolab_owner;
ALTER TABLE astrolab.columns OWNER TO astrolab_owner;

GRANT USAGE ON SCHEMA raw_catalogs, science_analysis, sky, astrolab TO astrolab_reader;
GRANT SELECT ON astrolab.loads, astrolab.columns TO astrolab_reader;
GRANT USAGE, CREATE ON SCHEMA raw_catalogs, science_analysis, data_quality, astrolab_staging TO astrolab_ingest;
GRANT USAGE ON SCHEMA sky, astrolab TO astrolab_ingest;
GRANT SELECT ON astrolab.migrations TO astrolab_ingest, astrolab_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON astrolab.loads, astrolab.load_pieces, astrolab.columns TO astrolab_ingest;
