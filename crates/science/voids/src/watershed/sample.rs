//! Which galaxies of a redshift catalogue are tracers, and where they are.

use astro::Cosmology;
use astro::sphere::position_mpc_h;

use super::{Footprint, Region, Watershed, WatershedError, find_weighted};
use archive::Progress;

/// Columns of a redshift catalogue, one entry a galaxy.
#[derive(Debug, Clone, Copy)]
pub struct Galaxies<'a> {
    /// ICRS right ascension, degrees.
    pub ra_deg: &'a [f64],
    /// ICRS declination, degrees.
    pub dec_deg: &'a [f64],
    /// Redshift.
    pub redshift: &'a [f64],
    /// Absolute magnitude, where a magnitude limit is asked for.
    pub absolute_magnitude: Option<&'a [f64]>,
    /// `TARGETID`, where the catalogue has it.
    pub target: Option<&'a [i64]>,
}

/// Limits of a volume-limited sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyCuts {
    /// Tracers lie between these redshifts (both excluded).
    pub redshift: [f64; 2],
    /// Tracers are brighter than this absolute magnitude.
    pub faintest_magnitude: Option<f64>,
    /// Matter density of the flat distance scale.
    pub omega_m: f64,
    /// HEALPix order of the footprint; 5 is `nside` 32.
    pub footprint_order: u8,
}

impl Default for SurveyCuts {
    /// The limits of DESIVAST's BGS sample (arXiv:2411.00148): z below 0.24, M_r below -20, Planck 2018.
    fn default() -> Self {
        Self { redshift: [0.0, 0.24], faintest_magnitude: Some(-20.0), omega_m: 0.315, footprint_order: 5 }
    }
}

/// A catalogue with its tracers selected.
#[derive(Debug, Clone)]
pub struct SurveySample {
    pub(super) positions_mpc_h: Vec<[f64; 3]>,
    pub(super) target: Option<Vec<i64>>,
    /// Rows of the tracers.
    pub(super) tracers: Vec<u32>,
    /// Rows outside the footprint or the redshift limits.
    pub(super) outside: Vec<bool>,
    /// Completeness of the footprint at each row.
    completeness: Vec<f64>,
    pub(super) footprint: Footprint,
    pub(super) cuts: SurveyCuts,
    pub(super) cosmology: Cosmology,
}

impl SurveySample {
    /// Selects tracers. The footprint is the HEALPix cells that hold at least one of them, unless one is given (from
    /// random points, say): then those outside it are no tracers, and a tracer where the footprint is half complete
    /// stands for two galaxies.
    ///
    /// # Errors
    /// Columns of different lengths, a tracer without finite coordinates, a magnitude limit without magnitudes, no
    /// tracer between the limits.
    pub fn new(
        galaxies: &Galaxies<'_>,
        cuts: SurveyCuts,
        footprint: Option<Footprint>,
    ) -> Result<Self, WatershedError> {
        let rows = galaxies.ra_deg.len();
        for (column, length) in [
            ("declination", Some(galaxies.dec_deg.len())),
            ("redshift", Some(galaxies.redshift.len())),
            ("absolute magnitude", galaxies.absolute_magnitude.map(<[f64]>::len)),
            ("target", galaxies.target.map(<[i64]>::len)),
        ] {
            if let Some(found) = length.filter(|&length| length != rows) {
                return Err(WatershedError::ColumnLength { column, found, expected: rows });
            }
        }
        if cuts.faintest_magnitude.is_some() && galaxies.absolute_magnitude.is_none() {
            return Err(WatershedError::NoMagnitude);
        }
        let cosmology = Cosmology::flat_lcdm(cuts.omega_m);
        let mut positions_mpc_h = Vec::with_capacity(rows);
        let mut tracers = Vec::new();
        for row in 0..rows {
            let (ra, dec, z) = (galaxies.ra_deg[row], galaxies.dec_deg[row], galaxies.redshift[row]);
            if !(ra.is_finite() && dec.abs() <= 90.0 && z.is_finite() && z > -1.0) {
                return Err(WatershedError::BadRow { row, ra_deg: ra, dec_deg: dec, redshift: z });
            }
            positions_mpc_h.push(position_mpc_h(ra, dec, cosmology.comoving_distance_mpc_h(z)));
            let bright = match (cuts.faintest_magnitude, galaxies.absolute_magnitude) {
                (Some(limit), Some(magnitudes)) => magnitudes[row] < limit,
                _ => true,
            };
            let covered = footprint.as_ref().is_none_or(|footprint| footprint.contains_deg(ra, dec));
            if bright && covered && z > cuts.redshift[0] && z < cuts.redshift[1] {
                tracers.push(row as u32);
            }
        }
        if tracers.is_empty() {
            return Err(WatershedError::NoTracers { rows, redshift: cuts.redshift });
        }
        let direction = |row: usize| (galaxies.ra_deg[row], galaxies.dec_deg[row]);
        let footprint = footprint.unwrap_or_else(|| {
            Footprint::of_positions(cuts.footprint_order, tracers.iter().map(|&row| direction(row as usize)))
        });
        let at = |row: usize| footprint.completeness_deg(galaxies.ra_deg[row], galaxies.dec_deg[row]);
        let completeness: Vec<f64> = (0..rows).map(at).collect();
        let within = |z: f64| z > cuts.redshift[0] && z < cuts.redshift[1];
        let outside = galaxies.redshift.iter().zip(&completeness).map(|(&z, &c)| !(within(z) && c > 0.0)).collect();
        let target = galaxies.target.map(<[i64]>::to_vec);
        Ok(Self { positions_mpc_h, target, tracers, outside, completeness, footprint, cuts, cosmology })
    }

    /// Finds the zones of the tracers.
    ///
    /// # Errors
    /// As [`super::find`].
    pub fn find(&self, progress: &dyn Progress) -> Result<Watershed<'_>, WatershedError> {
        let positions: Vec<[f64; 3]> = self.tracers.iter().map(|&row| self.positions_mpc_h[row as usize]).collect();
        let weight = |&row: &u32| 1.0 / self.completeness[row as usize];
        let weights: Vec<f64> = self.tracers.iter().map(weight).collect();
        find_weighted(&positions, &weights, Region::Survey { coverage: &self.footprint }, progress)
    }

    /// Rows of the tracers in the catalogue; tracer i of the watershed is row `tracers()[i]`.
    pub fn tracers(&self) -> &[u32] {
        &self.tracers
    }

    /// Comoving positions of all rows, Mpc/h.
    pub fn positions_mpc_h(&self) -> &[[f64; 3]] {
        &self.positions_mpc_h
    }

    /// The part of the sky that is covered.
    pub fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// Survey volume, (Mpc/h)^3: the footprint between the distances of the redshift limits.
    pub fn volume_mpc_h3(&self) -> f64 {
        let [near, far] = self.cuts.redshift.map(|z| self.cosmology.comoving_distance_mpc_h(z));
        self.footprint.area_sr() / 3.0 * (far.powi(3) - near.powi(3))
    }
}
