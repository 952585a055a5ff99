-- The archive's own types, so that a table that is fetched back has them again.
ALTER TABLE astrolab.columns ADD COLUMN archive_type text NOT NULL DEFAULT '';
