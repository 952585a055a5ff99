//! Masks from random catalogues: points that fill the survey as its galaxies would without clustering.
//!
//! A cell is as complete as its density of random points, relative to the median of the cells that lie wholly inside (all
//! of whose neighbours hold points). So a cell that the survey's edge cuts counts by the part that it covers, and one that
//! was observed half as well as most by a half. What cannot be told from the median (within two standard deviations of
//! its Poisson noise) or is denser counts as complete: else the noise of complete cells would make them incomplete on average.

use astro::healpix::{HealpixCell, cell_count};

use super::{FINEST_MASK_ORDER, HealpixMask, MaskError, finest_order};

/// Random points of a cell, on average, that tell its completeness to 5 %.
const POINTS_PER_CELL: usize = 400;
/// A cell counts as complete when it holds so many standard deviations less than a typical one, or more.
const NOISE_SIGMA: f64 = 2.0;
/// With fewer points than this there is no telling.
const FEWEST_POINTS: usize = 1000;
/// Cells of order 3 (7 degrees) are the coarsest of use.
const COARSEST_ORDER: u8 = 3;

impl HealpixMask {
    /// From random points (ICRS degrees), on the finest cells that hold 400 of them on average, order 3 to 9. Cells less
    /// than `least` complete are outside.
    ///
    /// # Errors
    /// Fewer than 1,000 points, or no cell left.
    pub fn from_randoms(ra_deg: &[f64], dec_deg: &[f64], least: f64) -> Result<Self, MaskError> {
        let places: Vec<(f64, f64)> = ra_deg
            .iter()
            .zip(dec_deg)
            .filter(|(ra, dec)| ra.is_finite() && dec.abs() <= 90.0)
            .map(|(&ra, &dec)| (ra, dec))
            .collect();
        let needed = FEWEST_POINTS;
        if places.len() < needed {
            return Err(MaskError::TooFewRandoms { points: places.len(), needed });
        }
        let order = finest_order(places.iter().copied(), POINTS_PER_CELL, COARSEST_ORDER..=FINEST_MASK_ORDER);
        let counts = counts(order, &places);
        let complete = typical(order, &counts);
        let noise = NOISE_SIGMA / complete.sqrt();
        let relative = |&count: &u32| match f64::from(count) / complete {
            share if share + noise >= 1.0 => 1.0,
            share => share,
        };
        let completeness = counts.iter().map(relative).collect();
        let mask = Self::from_completeness(order, completeness, least).filter(|mask| mask.area_deg2() > 0.0);
        mask.ok_or_else(|| MaskError::Empty { origin: "random points".to_owned(), least })
    }
}

fn counts(order: u8, places: &[(f64, f64)]) -> Vec<u32> {
    let mut counts = vec![0; cell_count(order) as usize];
    for &(ra, dec) in places {
        counts[HealpixCell::at(order, ra, dec).index as usize] += 1;
    }
    counts
}

/// Median count of the cells with points in all neighbours; of all that hold points where there is none.
fn typical(order: u8, counts: &[u32]) -> f64 {
    let filled = |index: usize| counts.get(index).is_some_and(|&count| count > 0);
    let inner = |index: usize| {
        let cell = HealpixCell { order, index: index as u64 };
        filled(index) && cell.neighbours().iter().all(|next| filled(next.index as usize))
    };
    let mut chosen: Vec<u32> = (0..counts.len()).filter(|&index| inner(index)).map(|index| counts[index]).collect();
    if chosen.is_empty() {
        chosen = counts.iter().copied().filter(|&count| count > 0).collect();
    }
    chosen.sort_unstable();
    f64::from(chosen.get(chosen.len() / 2).copied().unwrap_or(1).max(1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use astro::statistics::rng_stream;
    use rand::RngExt;

    /// RA 340 to 40 across the seam, Dec -20 to 40; half as dense east of RA 25, none in a hole.
    fn randoms() -> (Vec<f64>, Vec<f64>) {
        let mut random = rng_stream(4, 0);
        let (mut ra, mut dec) = (Vec::new(), Vec::new());
        while ra.len() < 500_000 {
            let (east, sine): (f64, f64) = (random.random_range(-20.0..40.0), random.random_range(-0.342..0.643));
            let north = sine.asin().to_degrees();
            let hole = (-10.0..-2.0).contains(&east) && (5.0..15.0).contains(&north);
            if !hole && (east < 25.0 || random.random::<f64>() < 0.5) {
                ra.push(east.rem_euclid(360.0));
                dec.push(north);
            }
        }
        (ra, dec)
    }

    #[test]
    fn completeness_follows_the_density_and_holes_stay_open() {
        let (ra, dec) = randoms();
        let mask = HealpixMask::from_randoms(&ra, &dec, 0.0).unwrap();
        assert!((5..=6).contains(&mask.order()), "{}", mask.order());
        let mean = |east: [f64; 2], north: [f64; 2]| {
            let places = (0..400).map(|i| (f64::from(i % 20) / 20.0, f64::from(i / 20) / 20.0));
            let at = |(u, v): (f64, f64)| {
                let ra = east[0] + u * (east[1] - east[0]);
                mask.completeness_deg(ra.rem_euclid(360.0), north[0] + v * (north[1] - north[0]))
            };
            places.map(at).sum::<f64>() / 400.0
        };
        let (dense, thin) = (mean([-18.0, 23.0], [17.0, 38.0]), mean([27.0, 38.0], [-18.0, 38.0]));
        assert!(dense > 0.9 && (thin - 0.5).abs() < 0.05, "{dense} {thin}");
        assert!(mean([-7.5, -4.5], [8.0, 12.0]) == 0.0, "a hole is outside");
        assert!(!mask.contains_deg(100.0, 10.0) && mask.contains_deg(359.9, 0.0) && mask.contains_deg(0.1, 0.0));
        assert!(mask.effective_area_deg2() < mask.area_deg2());
        assert!(HealpixMask::from_randoms(&ra[..99], &dec[..99], 0.5).is_err());
    }
}
