//! Night sky and throughput of DESI, as curves through a few points.
//!
//! Sky: a moonless continuum through a fibre of 1.5 arcsec, and emission lines. Throughput: photons counted over photons above
//! the atmosphere, losses at the fibre included (2022AJ....164..207D). The curves were chosen so that the inverse variances
//! have the size, the shape, the breaks at the dichroics and the lines of those in coadds of early data (fuji, iron).

/// Wavelength (Angstrom) and throughput of the arms.
pub(super) const THROUGHPUT: [&[(f64, f64)]; 3] = [
    &[
        (3_600.0, 0.040),
        (3_700.0, 0.070),
        (3_800.0, 0.090),
        (4_000.0, 0.125),
        (4_400.0, 0.170),
        (4_800.0, 0.195),
        (5_200.0, 0.210),
        (5_700.0, 0.205),
        (5_770.0, 0.160),
        (5_800.0, 0.050),
    ],
    &[
        (5_760.0, 0.050),
        (5_800.0, 0.140),
        (5_860.0, 0.205),
        (6_200.0, 0.225),
        (6_600.0, 0.240),
        (7_000.0, 0.248),
        (7_500.0, 0.250),
        (7_560.0, 0.200),
        (7_620.0, 0.080),
    ],
    &[
        (7_520.0, 0.090),
        (7_580.0, 0.190),
        (7_640.0, 0.235),
        (8_200.0, 0.265),
        (8_800.0, 0.265),
        (9_200.0, 0.235),
        (9_600.0, 0.175),
        (9_824.0, 0.120),
    ],
];

/// Wavelength (Angstrom) and continuum of the sky, 1e-17 erg/s/cm2/Angstrom in a fibre.
pub(super) const CONTINUUM: [(f64, f64); 7] =
    [(3_600.0, 1.1), (4_000.0, 0.85), (4_600.0, 0.85), (5_400.0, 1.0), (6_500.0, 1.0), (8_000.0, 0.9), (9_824.0, 1.0)];

/// Emission lines of the sky: vacuum wavelength (Angstrom) and height over the continuum at DESI's resolution. Oxygen,
/// sodium and the bands of OH (2000A&A...354.1134R); heights are those of the variance in a coadd of DR1.
pub(super) const LINES: [(f64, f64); 75] = [
    (5_578.9, 12.0),
    (5_891.6, 1.6),
    (5_897.6, 1.2),
    (6_302.0, 8.5),
    (6_365.5, 3.5),
    (6_855.4, 2.3),
    (6_865.7, 1.5),
    (6_925.1, 1.3),
    (6_950.9, 1.9),
    (7_242.6, 2.8),
    (7_246.4, 2.8),
    (7_278.2, 4.7),
    (7_286.4, 1.4),
    (7_318.3, 3.8),
    (7_331.2, 1.4),
    (7_342.9, 4.1),
    (7_370.9, 3.7),
    (7_403.9, 2.3),
    (7_526.0, 9.0),
    (7_532.8, 2.9),
    (7_629.4, 2.7),
    (7_714.6, 3.3),
    (7_719.8, 3.6),
    (7_752.6, 5.3),
    (7_762.2, 1.8),
    (7_796.0, 4.3),
    (7_823.5, 5.1),
    (7_855.4, 5.8),
    (7_872.8, 2.5),
    (7_892.3, 2.3),
    (7_915.8, 7.4),
    (7_923.1, 3.0),
    (7_966.7, 5.9),
    (7_995.6, 6.6),
    (8_027.8, 4.6),
    (8_064.3, 2.3),
    (8_284.6, 3.8),
    (8_290.6, 5.8),
    (8_301.1, 6.0),
    (8_346.7, 17.7),
    (8_355.2, 4.9),
    (8_384.8, 3.3),
    (8_401.6, 12.6),
    (8_417.6, 4.3),
    (8_432.5, 14.5),
    (8_454.6, 3.9),
    (8_467.7, 9.7),
    (8_507.3, 5.0),
    (8_764.1, 8.2),
    (8_770.2, 11.0),
    (8_780.4, 13.3),
    (8_793.7, 3.4),
    (8_829.5, 35.7),
    (8_838.4, 9.0),
    (8_869.7, 5.1),
    (8_888.3, 24.2),
    (8_905.7, 6.8),
    (8_922.1, 24.9),
    (8_945.6, 5.0),
    (8_960.6, 17.5),
    (8_990.6, 6.1),
    (9_003.0, 8.5),
    (9_310.4, 13.8),
    (9_316.2, 18.1),
    (9_326.6, 32.7),
    (9_340.8, 4.7),
    (9_378.5, 67.8),
    (9_422.3, 6.7),
    (9_442.4, 59.2),
    (9_461.5, 15.8),
    (9_479.3, 38.7),
    (9_505.0, 13.8),
    (9_521.9, 18.0),
    (9_569.8, 19.2),
    (9_793.6, 36.1),
];

/// Straight lines between points of rising abscissa.
pub(super) fn through(points: &[(f64, f64)], at: f64) -> f64 {
    let above = points.partition_point(|point| point.0 <= at).clamp(1, points.len() - 1);
    let ((x0, y0), (x1, y1)) = (points[above - 1], points[above]);
    y0 + (y1 - y0) * ((at - x0) / (x1 - x0)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_pass_through_their_points() {
        assert_eq!(through(&CONTINUUM, 4_000.0), 0.85);
        assert_eq!(through(&CONTINUUM, 9_824.0), 1.0);
        assert!((through(THROUGHPUT[1], 5_780.0) - 0.095).abs() < 1e-12);
        assert!(LINES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
