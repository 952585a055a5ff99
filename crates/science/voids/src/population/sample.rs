//! The galaxies of a study, column by column.

use astro::HealpixCell;

use super::PopulationError;

/// The measured columns; `None` where a value is missing. All of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampleColumns {
    /// `TARGETID`.
    pub target_id: Vec<i64>,
    /// ICRS right ascension, degrees.
    pub ra_deg: Vec<f64>,
    /// ICRS declination, degrees.
    pub dec_deg: Vec<f64>,
    /// Redshift.
    pub redshift: Vec<f64>,
    /// log10 of the stellar mass, solar masses.
    pub log_mass: Vec<Option<f64>>,
    /// Star formation rate, solar masses a year; 0 is a measurement.
    pub sfr_msun_yr: Vec<Option<f64>>,
    /// Strength of the 4000 A break.
    pub dn4000: Vec<Option<f64>>,
    /// Apparent magnitude in r, AB, corrected for dust.
    pub apparent_r: Vec<Option<f64>>,
    /// K-correction in r, mag.
    pub k_correction_r: Vec<Option<f64>>,
    /// Completeness weight, 1 where nothing is known.
    pub weight: Vec<f64>,
}

/// A validated sample with its jackknife regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    columns: SampleColumns,
    region: Vec<u32>,
    regions: usize,
}

impl Sample {
    /// Takes columns, and cuts the sky into HEALPix cells of `region_order` that serve as jackknife regions; cells with
    /// less than a fifth of the mean number of galaxies join the next kept cell in nested order.
    ///
    /// # Errors
    /// Columns of different lengths, positions or weights that are out of range, or a value that is not finite.
    pub fn new(columns: SampleColumns, region_order: u8) -> Result<Self, PopulationError> {
        check_lengths(&columns)?;
        for row in 0..columns.target_id.len() {
            check_row(&columns, row)?;
        }
        if region_order > 10 {
            return Err(PopulationError::Setting {
                name: "region_order",
                value: region_order.into(),
                expected: "0 to 10",
            });
        }
        let cells: Vec<u64> = columns
            .ra_deg
            .iter()
            .zip(&columns.dec_deg)
            .map(|(ra, dec)| HealpixCell::at(region_order, *ra, *dec).index)
            .collect();
        let (region, regions) = merge_small_cells(&cells);
        Ok(Self { columns, region, regions })
    }

    /// The measured columns.
    #[must_use]
    pub fn columns(&self) -> &SampleColumns {
        &self.columns
    }

    /// Number of galaxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.region.len()
    }

    /// Whether there is no galaxy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.region.is_empty()
    }

    /// Jackknife region of each galaxy, `0..regions()`.
    #[must_use]
    pub fn region(&self) -> &[u32] {
        &self.region
    }

    /// Number of jackknife regions.
    #[must_use]
    pub fn regions(&self) -> usize {
        self.regions
    }

    /// log10 star formation rate; minus infinity for a rate of zero.
    #[must_use]
    pub fn log_sfr(&self, row: usize) -> Option<f64> {
        self.columns.sfr_msun_yr.get(row).copied().flatten().map(f64::log10)
    }

    /// log10 specific star formation rate, 1/yr; minus infinity for a rate of zero.
    #[must_use]
    pub fn log_ssfr(&self, row: usize) -> Option<f64> {
        Some(self.log_sfr(row)? - self.columns.log_mass.get(row).copied().flatten()?)
    }

    pub(crate) fn check_mask(&self, column: &'static str, mask: &[Option<bool>]) -> Result<(), PopulationError> {
        if mask.len() == self.len() {
            return Ok(());
        }
        Err(PopulationError::LengthMismatch { column, expected: self.len(), found: mask.len() })
    }
}

fn check_lengths(columns: &SampleColumns) -> Result<(), PopulationError> {
    let expected = columns.target_id.len();
    let lengths = [
        ("ra_deg", columns.ra_deg.len()),
        ("dec_deg", columns.dec_deg.len()),
        ("redshift", columns.redshift.len()),
        ("log_mass", columns.log_mass.len()),
        ("sfr_msun_yr", columns.sfr_msun_yr.len()),
        ("dn4000", columns.dn4000.len()),
        ("apparent_r", columns.apparent_r.len()),
        ("k_correction_r", columns.k_correction_r.len()),
        ("weight", columns.weight.len()),
    ];
    match lengths.into_iter().find(|(_, found)| *found != expected) {
        None => Ok(()),
        Some((column, found)) => Err(PopulationError::LengthMismatch { column, expected, found }),
    }
}

fn check_row(columns: &SampleColumns, row: usize) -> Result<(), PopulationError> {
    let required = [
        ("ra_deg", columns.ra_deg[row], 0.0, 360.0, "0 to 360"),
        ("dec_deg", columns.dec_deg[row], -90.0, 90.0, "-90 to 90"),
        ("redshift", columns.redshift[row], -0.01, 20.0, "-0.01 to 20"),
        ("weight", columns.weight[row], 0.0, f64::MAX, "a finite number, not negative"),
    ];
    for (column, value, low, high, expected) in required {
        if !(low..=high).contains(&value) {
            return Err(PopulationError::BadValue { column, row, value, expected });
        }
    }
    let optional = [
        ("log_mass", columns.log_mass[row], f64::MIN),
        ("sfr_msun_yr", columns.sfr_msun_yr[row], 0.0),
        ("dn4000", columns.dn4000[row], f64::MIN),
        ("apparent_r", columns.apparent_r[row], f64::MIN),
        ("k_correction_r", columns.k_correction_r[row], f64::MIN),
    ];
    for (column, value, low) in optional {
        if let Some(value) = value.filter(|value| !(low..=f64::MAX).contains(value)) {
            let expected = if low == 0.0 { "a finite number, not negative" } else { "a finite number" };
            return Err(PopulationError::BadValue { column, row, value, expected });
        }
    }
    Ok(())
}

/// Numbers the cells in nested order; a cell that is too thin to be a region joins the region before it.
fn merge_small_cells(cells: &[u64]) -> (Vec<u32>, usize) {
    let mut counts = std::collections::BTreeMap::<u64, usize>::new();
    for cell in cells {
        *counts.entry(*cell).or_default() += 1;
    }
    let least = cells.len() as f64 / counts.len().max(1) as f64 / 5.0;
    let mut number_of = std::collections::BTreeMap::new();
    let (mut regions, mut filled) = (0_u32, 0_usize);
    for (cell, count) in &counts {
        // The region in the making closes once it has enough galaxies.
        number_of.insert(*cell, regions);
        filled += count;
        if filled as f64 >= least {
            regions += 1;
            filled = 0;
        }
    }
    if filled > 0 && regions > 0 {
        // The last cells were too thin: they belong to the region before.
        for number in number_of.values_mut() {
            *number = (*number).min(regions - 1);
        }
    }
    let region = cells.iter().map(|cell| number_of.get(cell).copied().unwrap_or_default()).collect();
    (region, regions.max(1) as usize)
}
