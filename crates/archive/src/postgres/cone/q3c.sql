-- cone() on q3c: an index on q3c_ang2ipix(ra, dec) finds the rows, a hair too many, and the angle decides.
CREATE OR REPLACE FUNCTION sky.cone(ra float8, "dec" float8, ra0 float8, dec0 float8, radius float8) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (radius > 20 OR q3c_radial_query(ra, "dec", ra0, dec0, radius * 1.000001::float8 + 1e-9::float8))
        AND sky.angular_separation(ra, "dec", ra0, dec0) <= radius;
