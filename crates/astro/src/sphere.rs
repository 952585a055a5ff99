//! Directions on the sky: unit vectors, angles between them. ICRS degrees in public, radians inside.

/// Unit vector towards (`ra_deg`, `dec_deg`): x to RA 0 Dec 0, z to the north pole.
#[must_use]
pub fn unit_vector(ra_deg: f64, dec_deg: f64) -> [f64; 3] {
    let (sin_ra, cos_ra) = ra_deg.to_radians().sin_cos();
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]
}

/// Comoving Cartesian position, Mpc/h, at `distance_mpc_h` in direction (`ra_deg`, `dec_deg`).
#[must_use]
pub fn position_mpc_h(ra_deg: f64, dec_deg: f64, distance_mpc_h: f64) -> [f64; 3] {
    unit_vector(ra_deg, dec_deg).map(|component| component * distance_mpc_h)
}

/// Right ascension in [0, 360) and declination in [-90, 90] of a vector of any length, degrees; (0, 0) for the null
/// vector.
#[must_use]
pub fn ra_dec_deg(vector: [f64; 3]) -> (f64, f64) {
    let [x, y, z] = vector;
    let ra = y.atan2(x).to_degrees();
    let dec = z.atan2(x.hypot(y)).to_degrees();
    // Adding 360 to a tiny negative angle rounds to 360 itself.
    let wrapped = if ra < 0.0 { ra + 360.0 } else { ra };
    (if wrapped >= 360.0 { 0.0 } else { wrapped }, dec)
}

/// Length of a vector.
#[must_use]
pub fn norm(vector: [f64; 3]) -> f64 {
    let [x, y, z] = vector;
    (x * x + y * y + z * z).sqrt()
}

/// Angle between two directions, degrees, exact at every separation (Vincenty's formula, as astropy uses).
#[must_use]
pub fn angular_separation_deg(ra1_deg: f64, dec1_deg: f64, ra2_deg: f64, dec2_deg: f64) -> f64 {
    let (sin_delta, cos_delta) = (ra2_deg - ra1_deg).to_radians().sin_cos();
    let (sin_dec1, cos_dec1) = dec1_deg.to_radians().sin_cos();
    let (sin_dec2, cos_dec2) = dec2_deg.to_radians().sin_cos();
    let across = cos_dec2 * sin_delta;
    let along = cos_dec1 * sin_dec2 - sin_dec1 * cos_dec2 * cos_delta;
    let towards = sin_dec1 * sin_dec2 + cos_dec1 * cos_dec2 * cos_delta;
    across.hypot(along).atan2(towards).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn direction_survives_the_round_trip(ra in 0.0..360.0_f64, dec in -89.999..89.999_f64, length in 1e-3..1e4_f64) {
            let (ra2, dec2) = ra_dec_deg(position_mpc_h(ra, dec, length));
            prop_assert!(angular_separation_deg(ra, dec, ra2, dec2) < 1e-12);
            prop_assert!((0.0..360.0).contains(&ra2));
        }

        #[test]
        fn separation_is_a_distance(ra1 in 0.0..360.0_f64, dec1 in -90.0..90.0_f64, ra2 in 0.0..360.0_f64, dec2 in -90.0..90.0_f64) {
            let forward = angular_separation_deg(ra1, dec1, ra2, dec2);
            prop_assert!((forward - angular_separation_deg(ra2, dec2, ra1, dec1)).abs() < 1e-12);
            let chord = norm({
                let (a, b) = (unit_vector(ra1, dec1), unit_vector(ra2, dec2));
                [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
            });
            prop_assert!((2.0 * (forward.to_radians() / 2.0).sin() - chord).abs() < 1e-12);
        }
    }

    #[test]
    fn poles_and_wrap() {
        assert_eq!(ra_dec_deg([0.0, 0.0, 1.0]).1, 90.0);
        assert_eq!(ra_dec_deg([0.0, 0.0, 0.0]), (0.0, 0.0));
        assert_eq!(ra_dec_deg([1.0, -1e-300, 0.0]).0, 0.0);
        assert!((angular_separation_deg(359.9, 0.0, 0.1, 0.0) - 0.2).abs() < 1e-12);
        assert!((angular_separation_deg(10.0, 0.0, 190.0, 0.0) - 180.0).abs() < 1e-12);
    }
}
