//! Galaxies on the sky, and where they are with respect to a survey volume.

use arrow::array::{Array, Float64Array, Int64Array};
use astro::cosmology::SPEED_OF_LIGHT_KM_S;
use astro::{Cosmology, sphere};
use rayon::prelude::*;

use super::ClassifyError;
use super::order::along_curve;
use crate::survey::SurveyVolume;

/// Galaxies asked in parallel before their answers are put in input order.
const ROWS_A_BLOCK: usize = 1 << 18;
/// Neighbours that share what is prepared for them.
const ROWS_TOGETHER: usize = 64;
/// Intervals of the table of distances: at DESI's depth each is 0.2 Mpc/h.
const DISTANCE_STEPS: usize = 4_096;
/// The intervals of a deeper table would be too wide.
const FURTHEST_TABLE_Z: f64 = 2.0;

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
        let table = DistanceTable::new(&cosmology, furthest_z);
        let distance = |z: f64| {
            table.as_ref().map_or_else(|| cosmology.comoving_distance_mpc_h(z), |table| table.distance_mpc_h(z))
        };
        let (positions_mpc_h, places): (Vec<[f64; 3]>, Vec<Place>) = (0..self.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|row| match self.position(row, &distance, furthest_z) {
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
    fn position(&self, row: usize, distance_mpc_h: &impl Fn(f64) -> f64, furthest_z: f64) -> Option<[f64; 3]> {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row)).filter(|v| v.is_finite());
        let (ra, dec, z) = (value(&self.ra_deg)?, value(&self.dec_deg)?, value(&self.redshift)?);
        (z > 0.0 && z <= furthest_z).then(|| sphere::position_mpc_h(ra, dec, distance_mpc_h(z)))
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

    /// What `of` says of each galaxy inside the volume, `outside` elsewhere, in input order. Asked in an order that keeps
    /// neighbours in the cache; `together` prepares what a few neighbours share, and is shown their rows.
    pub(crate) fn ask_inside<T: Copy + Send, C>(
        &self,
        outside: T,
        together: impl Fn(&[u32]) -> C + Sync,
        of: impl Fn(&C, usize) -> T + Sync,
    ) -> Vec<T> {
        let mut answers = vec![outside; self.len()];
        let mut block = vec![outside; ROWS_A_BLOCK.min(self.inside.len())];
        // Block by block, so that the answers are held twice for one block only.
        for rows in self.inside.chunks(ROWS_A_BLOCK) {
            rows.par_chunks(ROWS_TOGETHER).zip(block.par_chunks_mut(ROWS_TOGETHER)).with_min_len(16).for_each(
                |(rows, answers)| {
                    let shared = together(rows);
                    for (&row, answer) in rows.iter().zip(answers) {
                        *answer = of(&shared, row as usize);
                    }
                },
            );
            for (&row, &answer) in rows.iter().zip(&block) {
                answers[row as usize] = answer;
            }
        }
        answers
    }
}

/// Comoving distances by redshift, cubic between nodes that know their slope: to rounding what the integral gives.
struct DistanceTable {
    step: f64,
    /// Distance and its slope times the step, Mpc/h.
    nodes: Vec<[f64; 2]>,
}

impl DistanceTable {
    /// To at least `furthest_z`; `None` for a range without an end.
    fn new(cosmology: &Cosmology, furthest_z: f64) -> Option<Self> {
        if !(furthest_z > 0.0 && furthest_z < FURTHEST_TABLE_Z) {
            return None;
        }
        let step = furthest_z / DISTANCE_STEPS as f64;
        // Speed of light over 100 km/s/Mpc.
        let slope = |z: f64| step * SPEED_OF_LIGHT_KM_S / 100.0 / cosmology.expansion_rate(z);
        let node = |index: usize| {
            let z = index as f64 * step;
            [cosmology.comoving_distance_mpc_h(z), slope(z)]
        };
        // One node more, for a redshift that is the end.
        Some(Self { step, nodes: (0..DISTANCE_STEPS + 2).map(node).collect() })
    }

    fn distance_mpc_h(&self, z: f64) -> f64 {
        let place = z / self.step;
        let index = (place as usize).min(self.nodes.len() - 2);
        let (t, [low, low_slope], [high, high_slope]) =
            (place - index as f64, self.nodes[index], self.nodes[index + 1]);
        let s = 1.0 - t;
        s * s * ((1.0 + 2.0 * t) * low + t * low_slope) + t * t * ((1.0 + 2.0 * s) * high - s * high_slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_what_the_integral_gives() {
        for (omega_m, furthest_z) in [(0.3153, 0.24), (0.2, 1.9)] {
            let cosmology = Cosmology::flat_lcdm(omega_m);
            let table = DistanceTable::new(&cosmology, furthest_z).unwrap();
            for k in 1..=10_000 {
                let z = furthest_z * f64::from(k) / 10_000.0;
                let expected = cosmology.comoving_distance_mpc_h(z);
                // Eight digits below the tolerance of positions, 2e-3 Mpc/h.
                assert!((table.distance_mpc_h(z) - expected).abs() < 1e-10, "{omega_m} {z}");
            }
        }
        assert!(DistanceTable::new(&Cosmology::flat_lcdm(0.3), f64::INFINITY).is_none());
    }

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
