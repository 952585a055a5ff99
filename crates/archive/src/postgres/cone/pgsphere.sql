-- cone() on pgSphere: a GiST index on spoint(radians(ra), radians(dec)) finds the rows, and the angle decides.
CREATE OR REPLACE FUNCTION sky.cone(ra float8, "dec" float8, ra0 float8, dec0 float8, radius float8) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (radius > 80 OR spoint(radians(ra), radians("dec"))
            OPERATOR(public.<@) scircle(spoint(radians(ra0), radians(dec0)), radians(radius * 1.000001::float8 + 1e-7::float8)))
        AND sky.angular_separation(ra, "dec", ra0, dec0) <= radius;
