//! Galaxies on the sky, and where they are with respect to a survey volume.

use arrow::array::{Array, Float64Array, Int64Array};
use astro::Cosmology;
use astro::sphere;
use rayon::prelude::*;

use super::ClassifyError;
use crate::survey::SurveyVolume;

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
    pub(crate) positions_mpc_h: Vec<[f64; 3]>,
    pub(crate) places: Vec<Place>,
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
        let (positions_mpc_h, places) = (0..self.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|row| match self.position(row, &cosmology) {
                Some(position) if volume.contains(position) => {
                    let near = volume.near_boundary(position, boundary_margin_mpc_h);
                    (position, if near { Place::NearBoundary } else { Place::Inside })
                }
                Some(position) => (position, Place::Outside),
                None => ([0.0; 3], Place::Outside),
            })
            .unzip();
        PlacedGalaxies { positions_mpc_h, places, target: self.target.clone(), omega_m }
    }

    fn position(&self, row: usize, cosmology: &Cosmology) -> Option<[f64; 3]> {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row)).filter(|v| v.is_finite());
        let (ra, dec, z) = (value(&self.ra_deg)?, value(&self.dec_deg)?, value(&self.redshift)?);
        (z > 0.0).then(|| sphere::position_mpc_h(ra, dec, cosmology.comoving_distance_mpc_h(z)))
    }
}

impl PlacedGalaxies {
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
}
