//! Distances in a homogeneous universe with matter, curvature and dark energy w(a) = w0 + wa (1 - a).
//!
//! All distances are in Mpc/h, that is for H0 = 100 km/s/Mpc, and radiation is neglected, as in the void catalogues
//! this project reads. Reference: Hogg 1999, arXiv:astro-ph/9905116; w0-wa after Linder 2003, 2003PhRvL..90i1301L.

/// Speed of light, km/s (exact, SI).
pub const SPEED_OF_LIGHT_KM_S: f64 = 299_792.458;

/// Hubble distance c / H0 for H0 = 100 km/s/Mpc, Mpc/h.
pub const HUBBLE_DISTANCE_MPC_H: f64 = SPEED_OF_LIGHT_KM_S / 100.0;

/// A background cosmology. Densities are today's, in units of the critical density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosmology {
    /// Matter density.
    pub omega_m: f64,
    /// Dark-energy density; curvature is what remains to 1.
    pub omega_de: f64,
    /// Dark-energy equation of state today.
    pub w0: f64,
    /// Its slope with scale factor.
    pub wa: f64,
}

impl Cosmology {
    /// Flat universe with a cosmological constant.
    #[must_use]
    pub fn flat_lcdm(omega_m: f64) -> Self {
        Self { omega_m, omega_de: 1.0 - omega_m, w0: -1.0, wa: 0.0 }
    }

    /// Curvature density, 0 for a flat universe.
    #[must_use]
    pub fn omega_k(&self) -> f64 {
        1.0 - self.omega_m - self.omega_de
    }

    /// Expansion rate in units of today's, E(z) = H(z) / H0.
    #[must_use]
    pub fn expansion_rate(&self, z: f64) -> f64 {
        let a_inverse = 1.0 + z;
        let dark_energy = if self.w0 == -1.0 && self.wa == 0.0 {
            self.omega_de
        } else {
            self.omega_de * a_inverse.powf(3.0 * (1.0 + self.w0 + self.wa)) * (-3.0 * self.wa * z / a_inverse).exp()
        };
        let squared = (self.omega_m * a_inverse + self.omega_k()) * a_inverse * a_inverse + dark_energy;
        squared.sqrt()
    }

    /// Line-of-sight comoving distance to redshift `z` >= 0, Mpc/h.
    ///
    /// Gauss-Legendre quadrature in ln(1 + z); relative error below 1e-12 for z < 10 in the cosmologies of
    /// interest (checked against astropy in the tests).
    #[must_use]
    pub fn comoving_distance_mpc_h(&self, z: f64) -> f64 {
        self.comoving_distance_by(if z < FEW_NODES_BELOW { &EIGHT_POINTS } else { &TWENTY_FOUR_POINTS }, z)
    }

    fn comoving_distance_by(&self, rule: &[(f64, f64)], z: f64) -> f64 {
        let half = 0.5 * z.ln_1p();
        let mut sum = 0.0;
        for &(node, weight) in rule {
            for x in [half * (1.0 - node), half * (1.0 + node)] {
                let expm1 = x.exp_m1();
                sum += weight * (1.0 + expm1) / self.expansion_rate(expm1);
            }
        }
        HUBBLE_DISTANCE_MPC_H * half * sum
    }

    /// Transverse comoving distance, Mpc/h: the line-of-sight distance bent by curvature.
    #[must_use]
    pub fn transverse_distance_mpc_h(&self, z: f64) -> f64 {
        let distance = self.comoving_distance_mpc_h(z);
        let omega_k = self.omega_k();
        // Below this the bending is less than rounding for every distance here.
        if omega_k.abs() < 1e-12 {
            return distance;
        }
        let scale = HUBBLE_DISTANCE_MPC_H / omega_k.abs().sqrt();
        if omega_k > 0.0 { scale * (distance / scale).sinh() } else { scale * (distance / scale).sin() }
    }

    /// Luminosity distance, Mpc/h.
    #[must_use]
    pub fn luminosity_distance_mpc_h(&self, z: f64) -> f64 {
        (1.0 + z) * self.transverse_distance_mpc_h(z)
    }

    /// Comoving volume of the full sky out to redshift `z`, (Mpc/h)^3; flat universes only differ by curvature terms
    /// that this neglects when |Omega_k| is 0.
    #[must_use]
    pub fn volume_mpc_h3(&self, z: f64) -> f64 {
        let omega_k = self.omega_k();
        let distance = self.transverse_distance_mpc_h(z);
        let sphere = 4.0 / 3.0 * std::f64::consts::PI * distance.powi(3);
        if omega_k.abs() < 1e-12 {
            return sphere;
        }
        // Hogg 1999, eq. 29.
        let ratio = distance / HUBBLE_DISTANCE_MPC_H;
        let root = omega_k.abs().sqrt();
        let angle = if omega_k > 0.0 { (root * ratio).asinh() } else { (root * ratio).asin() };
        2.0 * std::f64::consts::PI * HUBBLE_DISTANCE_MPC_H.powi(3) / omega_k
            * (ratio * (1.0 + omega_k * ratio * ratio).sqrt() - angle / root)
    }

    /// Redshift at line-of-sight comoving distance `distance_mpc_h` >= 0: the inverse of
    /// [`comoving_distance_mpc_h`](Self::comoving_distance_mpc_h), to rounding.
    #[must_use]
    pub fn redshift_at_mpc_h(&self, distance_mpc_h: f64) -> f64 {
        let mut z = distance_mpc_h / HUBBLE_DISTANCE_MPC_H;
        for _ in 0..50 {
            let step =
                (self.comoving_distance_mpc_h(z) - distance_mpc_h) * self.expansion_rate(z) / HUBBLE_DISTANCE_MPC_H;
            z = (z - step).max(0.0);
            if step.abs() <= 1e-15 * (1.0 + z) {
                break;
            }
        }
        z
    }
}

/// Below this redshift eight points give all digits: the nearest place where the integrand is not analytic is at
/// ln(1 + z) = 0.3 + 1.05 i (where E = 0), four and more half-ranges away.
const FEW_NODES_BELOW: f64 = 0.45;

/// Positive nodes and weights of 8-point Gauss-Legendre quadrature on [-1, 1], and of 24-point below
/// (as `numpy.polynomial.legendre.leggauss` gives them; Abramowitz & Stegun, table 25.4).
const EIGHT_POINTS: [(f64, f64); 4] = [
    (0.18343464249564978, 0.36268378337836166),
    (0.525532409916329, 0.3137066458778869),
    (0.7966664774136267, 0.22238103445337443),
    (0.9602898564975362, 0.10122853629037706),
];

const TWENTY_FOUR_POINTS: [(f64, f64); 12] = [
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
    (0.9951872199970213, 0.01234122979998869),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_relative(measured: f64, expected: f64, tolerance: f64) {
        assert!((measured / expected - 1.0).abs() < tolerance, "{measured} differs from {expected}");
    }

    /// astropy promises 1e-9 or better; we ask for what the quadrature gives.
    const ASTROPY: f64 = 1e-11;

    // Made with astropy 8.0.2: `Cosmology(H0=100, ...).comoving_distance([0.1, 0.5, 1, 3, 10]).value`.
    #[test]
    fn distances_agree_with_astropy() {
        let cases: [(Cosmology, [f64; 5]); 3] = [
            (
                Cosmology::flat_lcdm(0.3),
                [292.918141339391, 1322.037777153392, 2312.680164121227, 4448.979805408226, 6608.174738480165],
            ),
            (
                Cosmology { omega_m: 0.3, omega_de: 0.8, w0: -1.0, wa: 0.0 },
                [294.342705361231, 1349.296437134128, 2386.255913911379, 4627.691584755755, 6845.431873147718],
            ),
            (
                Cosmology { omega_m: 0.3, omega_de: 0.6, w0: -0.9, wa: 0.2 },
                [290.278023571082, 1275.864503282202, 2196.354907622223, 4188.718956894163, 6275.687294069313],
            ),
        ];
        for (cosmology, distances) in cases {
            for (z, expected) in [0.1, 0.5, 1.0, 3.0, 10.0].into_iter().zip(distances) {
                assert_relative(cosmology.comoving_distance_mpc_h(z), expected, ASTROPY);
            }
        }
    }

    #[test]
    fn transverse_distances_and_volumes_agree_with_astropy() {
        // `LambdaCDM(100, 0.3, 0.8)`: comoving_transverse_distance(2), comoving_volume(2).
        let closed = Cosmology { omega_m: 0.3, omega_de: 0.8, w0: -1.0, wa: 0.0 };
        assert_relative(closed.transverse_distance_mpc_h(2.0), 3669.48731118986, ASTROPY);
        assert_relative(closed.volume_mpc_h3(2.0), 217099061909.39548, 1e-10);
    }

    #[test]
    fn few_points_give_what_many_give() {
        let cosmologies = [
            Cosmology::flat_lcdm(0.1),
            Cosmology::flat_lcdm(0.3153),
            Cosmology { omega_m: 0.3, omega_de: 0.8, w0: -1.0, wa: 0.0 },
            Cosmology { omega_m: 0.3, omega_de: 0.6, w0: -0.9, wa: 0.2 },
        ];
        for cosmology in cosmologies {
            for z in [1e-5, 0.01, 0.1, 0.25, 0.45] {
                let (few, many) = (
                    cosmology.comoving_distance_by(&EIGHT_POINTS, z),
                    cosmology.comoving_distance_by(&TWENTY_FOUR_POINTS, z),
                );
                assert_relative(few, many, 5e-15);
            }
        }
    }

    #[test]
    fn redshift_inverts_distance() {
        let planck = Cosmology::flat_lcdm(0.3153);
        for z in [0.0, 1e-4, 0.01, 0.24, 1.0, 6.4, 9.9] {
            let back = planck.redshift_at_mpc_h(planck.comoving_distance_mpc_h(z));
            assert!((back - z).abs() < 1e-12 * (1.0 + z), "{z} came back as {back}");
        }
    }
}
