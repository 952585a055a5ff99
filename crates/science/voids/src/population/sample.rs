//! The galaxies of a study, column by column.

use astro::HealpixCell;

use super::PopulationError;

/// Orders between a region and the cells it is made of.
const FINER_ORDERS: u8 = 3;
/// Finest order of the regions.
const MOST_REGION_ORDER: u8 = 8;
/// Fewer regions leave the error itself uncertain by more than 13 %: 1 / sqrt(2 (regions - 1)).
const LEAST_REGIONS: u64 = 30;
/// No region is made of fewer galaxies.
const LEAST_REGION_GALAXIES: u64 = 20;

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
    /// Takes columns, and cuts the sky into jackknife regions of equally many galaxies, each about as large as a HEALPix
    /// cell of `region_order`. A jackknife over cells as they are has fewer degrees of freedom than regions, since those
    /// that a survey's edge cuts through hardly count, and its intervals are then too short.
    ///
    /// # Errors
    /// Columns of different lengths, positions or weights that are out of range, or a value that is not finite.
    pub fn new(columns: SampleColumns, region_order: u8) -> Result<Self, PopulationError> {
        check_lengths(&columns)?;
        for row in 0..columns.target_id.len() {
            check_row(&columns, row)?;
        }
        if region_order > MOST_REGION_ORDER {
            return Err(PopulationError::Setting {
                name: "region_order",
                value: region_order.into(),
                expected: "0 to 8",
            });
        }
        let (region, regions) = equal_regions(&columns, region_order);
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

    /// The same galaxies and regions with other weights.
    ///
    /// # Errors
    /// Another number of weights, or one that is negative or not finite.
    pub fn weighted(&self, weight: Vec<f64>) -> Result<Self, PopulationError> {
        self.with_columns(SampleColumns { weight, ..self.columns.clone() })
    }

    /// The same galaxies as they are on another distance scale: `stretch` is the new luminosity distance of each over
    /// the old one. Masses and rates follow the square of it; what has no distance in it stays.
    ///
    /// # Errors
    /// Another number of factors, or one that is not positive.
    pub fn stretched(&self, stretch: &[f64]) -> Result<Self, PopulationError> {
        if stretch.len() != self.len() {
            let (column, found) = ("stretch", stretch.len());
            return Err(PopulationError::LengthMismatch { column, expected: self.len(), found });
        }
        let mut columns = self.columns.clone();
        for (row, factor) in stretch.iter().enumerate() {
            columns.log_mass[row] = columns.log_mass[row].map(|mass| mass + 2.0 * factor.log10());
            columns.sfr_msun_yr[row] = columns.sfr_msun_yr[row].map(|rate| rate * factor * factor);
        }
        self.with_columns(columns)
    }

    fn with_columns(&self, columns: SampleColumns) -> Result<Self, PopulationError> {
        check_lengths(&columns)?;
        for row in 0..columns.target_id.len() {
            check_row(&columns, row)?;
        }
        Ok(Self { columns, region: self.region.clone(), regions: self.regions })
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

/// Cuts the sky into regions of equally many galaxies: fine cells, three orders below `region_order`, joined along the
/// nested order, so that a region keeps together. As many regions as cells of `region_order` would cover the galaxies,
/// but at least 30 where every region keeps 20 galaxies.
fn equal_regions(columns: &SampleColumns, region_order: u8) -> (Vec<u32>, usize) {
    let fine_order = region_order + FINER_ORDERS;
    let cells: Vec<u64> = columns
        .ra_deg
        .iter()
        .zip(&columns.dec_deg)
        .map(|(ra, dec)| HealpixCell::at(fine_order, *ra, *dec).index)
        .collect();
    let mut counts = std::collections::BTreeMap::<u64, u64>::new();
    for cell in &cells {
        *counts.entry(*cell).or_default() += 1;
    }
    let covered = counts.len() as f64 / f64::from(4_u32.pow(FINER_ORDERS.into()));
    let most = (cells.len() as u64 / LEAST_REGION_GALAXIES).max(1);
    let wanted = (covered.round() as u64).max(LEAST_REGIONS).min(most);
    let (mut number_of, mut regions, mut before, mut last) = (std::collections::BTreeMap::new(), 0_u32, 0_u64, None);
    for (cell, count) in &counts {
        // The region that the middle of the cell's galaxies falls in.
        let place = (2 * before + count) * wanted / (2 * cells.len() as u64);
        if last != Some(place) {
            regions += 1;
            last = Some(place);
        }
        number_of.insert(*cell, regions - 1);
        before += count;
    }
    let region = cells.iter().map(|cell| number_of.get(cell).copied().unwrap_or_default()).collect();
    (region, regions.max(1) as usize)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sky(count: usize) -> SampleColumns {
        // A denser and a thinner half of a 20 x 20 degree field.
        let place = |row: usize, prime: usize| (row * prime % 1009) as f64 / 1009.0;
        let row = 0..count;
        SampleColumns {
            target_id: row.clone().map(|row| row as i64).collect(),
            ra_deg: row.clone().map(|row| 150.0 + 20.0 * place(row, 331).powi(2)).collect(),
            dec_deg: row.clone().map(|row| 20.0 * place(row, 617)).collect(),
            redshift: vec![0.1; count],
            log_mass: vec![None; count],
            sfr_msun_yr: vec![None; count],
            dn4000: vec![None; count],
            apparent_r: vec![None; count],
            k_correction_r: vec![None; count],
            weight: vec![1.0; count],
        }
    }

    #[test]
    fn regions_hold_about_equally_many_galaxies() {
        let sample = Sample::new(sky(30_000), 3).unwrap();
        let mut counts = vec![0; sample.regions()];
        sample.region().iter().for_each(|region| counts[*region as usize] += 1);
        assert_eq!(counts.len(), 30);
        assert!(counts.iter().all(|count| (500..1_700).contains(count)), "{counts:?}");
        assert_eq!(Sample::new(sky(100), 3).unwrap().regions(), 5);
    }
}
