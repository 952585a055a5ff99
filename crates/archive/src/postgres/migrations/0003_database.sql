-- Sessions find tables and functions without naming their schema, and plan with the numbers that are asked: a cone whose
-- place is a parameter of a generic plan would be a sequential scan.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, raw_catalogs, science_analysis, sky', current_database());
    EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_custom_plan', current_database());
END
$$;
