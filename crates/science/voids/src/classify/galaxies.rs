//! Galaxies on the sky, and where they are with respect to a survey volume.

use arrow::array::{Array, Float64Array, Int64Array};
use astro::Cosmology;
use astro::sphere;
use rayon::prelude::*;

use super::ClassifyError;
use super::order::along_curve;
use crate::survey::SurveyVolume;

/// Galaxies asked in parallel before their answers are put in input order.
const ROWS_A_BLOCK: usize = 1 << 18;

/// Galaxies to classify; one row each, nulls where a value is missing.
#[derive(Debug, Clone)]
pub struct Galaxies {
    ra_deg: Float64Array,
    dec_deg: Float64Array,
    redshift: Float64Array,
    target: Option<Int64Array>,
}

/// Where a galaxy is with respect to the survey volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Outside,
    NearBoundary,
    Inside,
}

/// Galaxies placed in comoving space on one distance scale, and in one survey volume; serves every catalogue that
/// shares both. 32 bytes a galaxy.
#[derive(Debug)]
pub struct PlacedGalaxies {
    /// Comoving positions; the origin where a galaxy has none or is certainly too far to be inside.
    pub(crate) positions_mpc_h: Vec<[f64; 3]>,
    pub(crate) places: Vec<Place>,
    /// Rows of the galaxies inside, in an order that keeps neighbours together.
    inside: Vec<u32>,
    pub(crate) target: Option<Int64Array>,
    pub(crate) omega_m: f64,
}

impl Galaxies {
    /// Takes ICRS degrees, redshifts, and `TARGETID`s where there are any.
    ///
    /// # Errors
    /// When the columns differ in length or a declination is beyond the poles.
    pub fn new(
        ra_deg: Float64Array,
        dec_deg: Float64Array,
        redshift: Float64Array,
        target: Option<Int64Array>,
    ) -> Result<Self, ClassifyError> {
        let expected = ra_deg.len();
        let lengths =
            [("DEC", dec_deg.len()), ("Z", redshift.len()), ("TARGETID", target.as_ref().map_or(expected, Array::len))];
        for (column, found) in lengths {
            if found != expected {
                return Err(ClassifyError::UnequalColumns { column, found, expected });
            }
        }
        for (row, dec) in dec_deg.iter().enumerate() {
            if let Some(dec_deg) = dec.filter(|dec| dec.abs() > 90.0) {
                return Err(ClassifyError::BadDeclination { row, dec_deg });
            }
        }
        Ok(Self { ra_deg, dec_deg, redshift, target })
    }

    /// Number of galaxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ra_deg.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Places every galaxy in flat LCDM space of `omega_m` and asks `volume` where it is. Galaxies without a
    /// position (a null, a redshift that is not a positive number) are outside every volume.
    #[must_use]
    pub fn place(&self, omega_m: f64, volume: &dyn SurveyVolume, boundary_margin_mpc_h: f64) -> PlacedGalaxies {
        let cosmology = Cosmology::flat_lcdm(omega_m);
        // Most of a deep catalogue lies beyond the tracers: a redshift tells, without its distance integral.
        let furthest_z = furthest_redshift(&cosmology, volume.furthest_mpc_h());
        let (positions_mpc_h, places): (Vec<[f64; 3]>, Vec<Place>) = (0..self.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|row| match self.position(row, &cosmology, furthest_z) {
                Some(position) if volume.contains(position) => {
                    let near = volume.near_boundary(position, boundary_margin_mpc_h);
                    (position, if near { Place::NearBoundary } else { Place::Inside })
                }
                Some(position) => (position, Place::Outside),
                None => ([0.0; 3], Place::Outside),
            })
            .unzip();
        PlacedGalaxies::ordered(positions_mpc_h, places, self.target.clone(), omega_m)
    }

    /// `None` without a position, and beyond `furthest_z`.
    fn position(&self, row: usize, cosmology: &Cosmology, furthest_z: f64) -> Option<[f64; 3]> {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row)).filter(|v| v.is_finite());
        let (ra, dec, z) = (value(&self.ra_deg)?, value(&self.dec_deg)?, value(&self.redshift)?);
        (z > 0.0 && z <= furthest_z).then(|| sphere::position_mpc_h(ra, dec, cosmology.comoving_distance_mpc_h(z)))
    }
}

/// A redshift beyond which everything is further than `distance_mpc_h`.
fn furthest_redshift(cosmology: &Cosmology, distance_mpc_h: f64) -> f64 {
    let redshift = cosmology.redshift_at_mpc_h(distance_mpc_h) * (1.0 + 1e-9);
    // No redshift belongs to an infinite distance, or one beyond the horizon.
    if cosmology.comoving_distance_mpc_h(redshift) > distance_mpc_h { redshift } else { f64::INFINITY }
}

impl PlacedGalaxies {
    /// Places that are comoving positions (Mpc/h) already.
    pub(crate) fn at(
        positions_mpc_h: Vec<[f64; 3]>,
        omega_m: f64,
        volume: &dyn SurveyVolume,
        boundary_margin_mpc_h: f64,
    ) -> Self {
        let place = |position: &[f64; 3]| match volume.contains(*position) {
            false => Place::Outside,
            true if volume.near_boundary(*position, boundary_margin_mpc_h) => Place::NearBoundary,
            true => Place::Inside,
        };
        let places: Vec<Place> = positions_mpc_h.par_iter().with_min_len(4096).map(place).collect();
        Self::ordered(positions_mpc_h, places, None, omega_m)
    }

    fn ordered(positions_mpc_h: Vec<[f64; 3]>, places: Vec<Place>, target: Option<Int64Array>, omega_m: f64) -> Self {
        let inside: Vec<u32> =
            (0_u32..).zip(&places).filter(|(_, place)| **place != Place::Outside).map(|(row, _)| row).collect();
        let inside = along_curve(&positions_mpc_h, &inside);
        Self { positions_mpc_h, places, inside, target, omega_m }
    }

    /// Number of galaxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What `of` says of each galaxy inside the volume, `outside` elsewhere, in input order. Asked in an order that
    /// keeps neighbours in the cache.
    pub(crate) fn ask_inside<T: Copy + Send>(&self, outside: T, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let mut answers = vec![outside; self.len()];
        let mut block = Vec::new();
        // Block by block, so that the answers are held twice for one block only.
        for rows in self.inside.chunks(ROWS_A_BLOCK) {
            rows.par_iter().with_min_len(1024).map(|&row| of(row as usize)).collect_into_vec(&mut block);
            for (&row, &answer) in rows.iter().zip(&block) {
                answers[row as usize] = answer;
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_redshift_cuts_nothing_off() {
        let cosmology = Cosmology::flat_lcdm(0.3);
        for distance in [0.5, 300.0, 3000.0] {
            let redshift = furthest_redshift(&cosmology, distance);
            assert!(cosmology.comoving_distance_mpc_h(redshift) > distance);
            assert!(cosmology.comoving_distance_mpc_h(redshift * (1.0 - 1e-8)) < distance);
        }
        for distance in [1e5, 1e300, f64::INFINITY] {
            assert_eq!(furthest_redshift(&cosmology, distance), f64::INFINITY);
        }
    }
}
