-- cone() without an extension: a btree index on declination finds the strip of sky, and the angle decides.
CREATE OR REPLACE FUNCTION sky.cone(ra float8, "dec" float8, ra0 float8, dec0 float8, radius float8) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN "dec" >= dec0 - radius AND "dec" <= dec0 + radius
        AND sky.angular_separation(ra, "dec", ra0, dec0) <= radius;
