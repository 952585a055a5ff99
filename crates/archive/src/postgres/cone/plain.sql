-- cone() without an extension: a btree index on declination and right ascension finds the box round the cone, and the angle
-- decides. A cone over RA 0 or a pole takes its whole strip of declination. Right ascensions are those of tables, 0 to 360.
CREATE OR REPLACE FUNCTION sky.cone_half_width(dec0 float8, radius float8) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN abs(dec0) + radius >= 89.999::float8 THEN 360::float8
        ELSE degrees(asin(sin(radians(radius)) / cos(radians(dec0)))) + 1e-9::float8 END;

CREATE OR REPLACE FUNCTION sky.cone(ra float8, "dec" float8, ra0 float8, dec0 float8, radius float8) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN "dec" >= dec0 - radius - 1e-9::float8 AND "dec" <= dec0 + radius + 1e-9::float8
        AND ra >= CASE WHEN ra0 < sky.cone_half_width(dec0, radius) OR ra0 > 360 - sky.cone_half_width(dec0, radius)
            THEN 0::float8 ELSE ra0 - sky.cone_half_width(dec0, radius) END
        AND ra <= CASE WHEN ra0 < sky.cone_half_width(dec0, radius) OR ra0 > 360 - sky.cone_half_width(dec0, radius)
            THEN 360::float8 ELSE ra0 + sky.cone_half_width(dec0, radius) END
        AND sky.angular_separation(ra, "dec", ra0, dec0) <= radius;
