-- Functions of the sky, with the names and answers of the embedded SQL. Angles are ICRS degrees, distances comoving Mpc/h;
-- a null in gives a null out. Bodies are bound when they are defined, so that no search path changes them.

-- Angle between two directions (Vincenty's formula, exact at every separation).
CREATE FUNCTION sky.angular_separation(ra1 float8, dec1 float8, ra2 float8, dec2 float8) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN degrees(atan2(
        sqrt((cos(radians(dec2)) * sin(radians(ra2 - ra1))) ^ 2
            + (cos(radians(dec1)) * sin(radians(dec2))
                - sin(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))) ^ 2),
        sin(radians(dec1)) * sin(radians(dec2)) + cos(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))));

-- Whether a position lies in a box of right ascension and declination, borders included; ra_min > ra_max crosses RA 0.
CREATE FUNCTION sky.sky_box(ra float8, "dec" float8, ra_min float8, ra_max float8, dec_min float8, dec_max float8)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN "dec" >= dec_min AND "dec" <= dec_max
        AND CASE WHEN ra_min <= ra_max THEN ra >= ra_min AND ra <= ra_max ELSE ra >= ra_min OR ra <= ra_max END;

-- Nested index of the HEALPix cell (Gorski et al. 2005, 2005ApJ...622..759G), order 0 to 29.
CREATE FUNCTION sky.healpix(ra float8, "dec" float8, cell_order bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    nside bigint := 1::bigint << cell_order::int;
    z float8 := sin(radians(greatest(-90, least(90, "dec"))));
    turn float8 := ra / 90 - 4 * floor(ra / 360);
    along float8;
    across float8;
    jp bigint;
    jm bigint;
    face bigint;
    x bigint;
    y bigint;
BEGIN
    IF cell_order NOT BETWEEN 0 AND 29 THEN
        RAISE EXCEPTION 'healpix: expected an order of 0 to 29, found %', cell_order;
    END IF;
    IF turn >= 4 THEN
        turn := 0;
    END IF;
    IF abs(z) <= 2.0::float8 / 3 THEN
        along := nside * (0.5 + turn);
        across := nside * z * 0.75;
        jp := floor(along - across);
        jm := floor(along + across);
        face := CASE
            WHEN jp / nside = jm / nside THEN (jp / nside) % 4 + 4
            WHEN jp / nside < jm / nside THEN jp / nside
            ELSE jm / nside + 8 END;
        x := jm % nside;
        y := nside - jp % nside - 1;
    ELSE
        face := floor(turn);
        -- sqrt(3 (1 - |z|)) without cancellation near the poles.
        across := nside * cos(radians("dec")) * sqrt(3 / (1 + abs(z)));
        jp := least(nside - 1, floor((turn - face) * across)::bigint);
        jm := least(nside - 1, floor((1 - turn + face) * across)::bigint);
        IF z >= 0 THEN
            x := nside - jm - 1;
            y := nside - jp - 1;
        ELSE
            face := face + 8;
            x := jp;
            y := jm;
        END IF;
    END IF;
    RETURN face * nside * nside + sky.spread_bits(x) + 2 * sky.spread_bits(y);
END
$$;

-- The bits of a number below 2^32 with a zero between each two.
CREATE FUNCTION sky.spread_bits(number bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    number := (number | (number << 16)) & 281470681808895;
    number := (number | (number << 8)) & 71777214294589695;
    number := (number | (number << 4)) & 1085102592571150095;
    number := (number | (number << 2)) & 3689348814741910323;
    RETURN (number | (number << 1)) & 6148914691236517205;
END
$$;

-- Line-of-sight comoving distance, Mpc/h, flat: Gauss-Legendre quadrature in ln(1 + z) with 24 points.
CREATE FUNCTION sky.comoving_distance_in(z float8, omega_m float8) RETURNS float8
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT 2997.92458::float8 * 0.5 * ln(1 + z) * sum(weight * (
        exp(0.5 * ln(1 + z) * (1 - node)) / sqrt(omega_m * exp(1.5 * ln(1 + z) * (1 - node)) + 1 - omega_m)
        + exp(0.5 * ln(1 + z) * (1 + node)) / sqrt(omega_m * exp(1.5 * ln(1 + z) * (1 + node)) + 1 - omega_m)))
    FROM (VALUES
            (0.06405689286260563, 0.12793819534675202),
            (0.1911188674736163, 0.12583745634682825),
            (0.3150426796961634, 0.1216704729278033),
            (0.4337935076260451, 0.11550566805372552),
            (0.5454214713888396, 0.10744427011596556),
            (0.6480936519369755, 0.09761865210411393),
            (0.7401241915785544, 0.0861901615319532),
            (0.820001985973903, 0.07334648141108016),
            (0.8864155270044011, 0.05929858491543636),
            (0.9382745520027328, 0.04427743881741941),
            (0.9747285559713095, 0.02853138862893356),
            (0.9951872199970213, 0.01234122979998869)
        ) AS quadrature (node, weight)
$$;

-- The same with Omega_m = 0.3153 (Planck Collaboration 2020, 2020A&A...641A...6P).
CREATE FUNCTION sky.comoving_distance(z float8) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sky.comoving_distance_in(z, 0.3153::float8);

-- Whether a direction at a comoving distance lies in a sphere (a hole or a void), all in Mpc/h, its border included:
-- the cross-match of galaxies with voids.
CREATE FUNCTION sky.in_sphere(ra float8, "dec" float8, distance float8, x float8, y float8, z float8, radius float8)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (distance * cos(radians("dec")) * cos(radians(ra)) - x) ^ 2
        + (distance * cos(radians("dec")) * sin(radians(ra)) - y) ^ 2
        + (distance * sin(radians("dec")) - z) ^ 2 <= radius ^ 2;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sky TO PUBLIC;
