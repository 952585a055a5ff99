//! The two galactic caps: most surveys see the sky on either side of the Milky Way, and search each by itself.

use astro::sphere::unit_vector;

/// North galactic pole, ICRS degrees (Hipparcos, ESA SP-1200, volume 1, section 1.5.3).
const NORTH_POLE_DEG: (f64, f64) = (192.859_48, 27.128_25);

/// A half of the sky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GalacticCap {
    /// Galactic latitude above 0.
    North,
    /// Galactic latitude of 0 or below.
    South,
}

impl GalacticCap {
    /// Whether a direction (ICRS degrees) is in this cap.
    #[must_use]
    pub fn holds(self, ra_deg: f64, dec_deg: f64) -> bool {
        let (pole, place) = (unit_vector(NORTH_POLE_DEG.0, NORTH_POLE_DEG.1), unit_vector(ra_deg, dec_deg));
        let sine = pole.iter().zip(place).map(|(a, b)| a * b).sum::<f64>();
        (sine > 0.0) == (self == Self::North)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_places_are_in_their_caps() {
        // Coma cluster b = +88, M 31 b = -21.6, Virgo +74, the galactic centre just below 0 is south.
        for (ra, dec, cap) in [
            (194.95, 27.98, GalacticCap::North),
            (10.68, 41.27, GalacticCap::South),
            (187.7, 12.39, GalacticCap::North),
            (266.4168, -29.0078, GalacticCap::South),
        ] {
            assert!(cap.holds(ra, dec), "{ra} {dec}");
        }
    }
}
