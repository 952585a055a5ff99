//! The HEALPix mask: nested cells with a completeness each.

use astro::healpix::{HealpixCell, SKY_DEG2, cell_count};

use super::clearance::Clearance;

/// Cells finer than this (7 arc minutes) are never needed: voids are larger.
pub(super) const FINEST_MASK_ORDER: u8 = 9;

/// The finest of the orders at which the cells that hold any of the directions (degrees) hold `per_cell` on average; the
/// coarsest where none does.
pub(crate) fn finest_order(
    directions_deg: impl Iterator<Item = (f64, f64)>,
    per_cell: usize,
    orders: std::ops::RangeInclusive<u8>,
) -> u8 {
    let (coarsest, finest) = (*orders.start(), *orders.end());
    let mut cells: Vec<u64> = directions_deg.map(|(ra, dec)| HealpixCell::at(finest, ra, dec).index).collect();
    cells.sort_unstable();
    let holds_enough = |&order: &u8| {
        let shift = 2 * (finest - order);
        cells.chunk_by(|a, b| a >> shift == b >> shift).count() * per_cell <= cells.len()
    };
    (coarsest + 1..=finest).rev().find(holds_enough).unwrap_or(coarsest)
}

/// One completeness a cell, 0 outside the survey.
#[derive(Debug, Clone, PartialEq)]
pub struct HealpixMask {
    order: u8,
    completeness: Vec<f64>,
}

impl HealpixMask {
    /// The coarsest order whose cells are no wider than the smallest void of interest at the far side of the survey.
    #[must_use]
    pub fn resolution(furthest_mpc_h: f64, smallest_radius_mpc_h: f64) -> u8 {
        let angle_deg = (smallest_radius_mpc_h / furthest_mpc_h.max(1e-9)).to_degrees();
        // A cell of order 0 covers 3438 square degrees, 58.6 degrees across.
        (0..FINEST_MASK_ORDER).find(|&order| 58.6 / f64::from(1_u32 << order) <= angle_deg).unwrap_or(FINEST_MASK_ORDER)
    }

    /// Cells of `order` (at most 9) that hold galaxies are complete; an empty cell with at least six filled ones
    /// among its neighbours is taken as filled too if `smoothed`.
    #[must_use]
    pub fn from_galaxies(ra_deg: &[f64], dec_deg: &[f64], order: u8, smoothed: bool) -> Self {
        let order = order.min(FINEST_MASK_ORDER);
        let mut mask = Self { order, completeness: vec![0.0; cell_count(order) as usize] };
        for (&ra, &dec) in ra_deg.iter().zip(dec_deg) {
            if ra.is_finite() && dec.is_finite() {
                let index = mask.index_of(ra, dec);
                mask.completeness[index] = 1.0;
            }
        }
        if smoothed {
            let before = mask.completeness.clone();
            for index in 0..before.len() {
                let cell = HealpixCell { order, index: index as u64 };
                let filled = |n: &HealpixCell| before.get(n.index as usize).is_some_and(|&c| c > 0.0);
                if before[index] == 0.0 && cell.neighbours().iter().filter(|n| filled(n)).count() >= 6 {
                    mask.completeness[index] = 1.0;
                }
            }
        }
        mask
    }

    /// The cells that hold galaxies, and whose neighbours all do: a cell at the border is observed in part, nobody knows in
    /// which, and random points all over it would make the galaxies there look rare. The finest order (3 to 9) at which
    /// cells hold 12 galaxies on average; empty cells among filled ones count as filled.
    #[must_use]
    pub fn within_galaxies(ra_deg: &[f64], dec_deg: &[f64]) -> Self {
        const GALAXIES_PER_CELL: usize = 12;
        let directions = || ra_deg.iter().copied().zip(dec_deg.iter().copied());
        let order = finest_order(directions(), GALAXIES_PER_CELL, 3..=FINEST_MASK_ORDER);
        let mask = Self::from_galaxies(ra_deg, dec_deg, order, true);
        let inside = |cell: &HealpixCell| mask.completeness.get(cell.index as usize).is_some_and(|&c| c > 0.0);
        let surrounded = |index: usize| {
            let cell = HealpixCell { order: mask.order, index: index as u64 };
            inside(&cell) && cell.neighbours().iter().all(inside)
        };
        let completeness = (0..mask.completeness.len()).map(|index| f64::from(u8::from(surrounded(index)))).collect();
        Self { order: mask.order, completeness }
    }

    /// From a completeness in [0, 1] for each nested cell of `order` (for example of a random catalogue against its
    /// mean density); cells below `least` are outside. `None` if the number of cells does not fit the order.
    #[must_use]
    pub fn from_completeness(order: u8, completeness: Vec<f64>, least: f64) -> Option<Self> {
        if order > FINEST_MASK_ORDER || completeness.len() as u64 != cell_count(order) {
            return None;
        }
        let keep = |c: f64| if c.is_finite() && c > 0.0 && c >= least { c.min(1.0) } else { 0.0 };
        Some(Self { order, completeness: completeness.into_iter().map(keep).collect() })
    }

    /// HEALPix order of the cells.
    #[must_use]
    pub fn order(&self) -> u8 {
        self.order
    }

    /// Completeness of each nested cell.
    #[must_use]
    pub fn completeness(&self) -> &[f64] {
        &self.completeness
    }

    /// Covered part of the sky with each cell weighted by its completeness, square degrees.
    #[must_use]
    pub fn effective_area_deg2(&self) -> f64 {
        SKY_DEG2 * self.completeness.iter().sum::<f64>() / self.completeness.len() as f64
    }

    /// Only the cells whose centres (ICRS degrees) are `kept`.
    #[must_use]
    pub fn restricted(mut self, kept: impl Fn(f64, f64) -> bool) -> Self {
        for (index, completeness) in self.completeness.iter_mut().enumerate() {
            let (ra_deg, dec_deg) = HealpixCell { order: self.order, index: index as u64 }.centre_deg();
            if !kept(ra_deg, dec_deg) {
                *completeness = 0.0;
            }
        }
        self
    }

    pub(crate) fn index_of(&self, ra_deg: f64, dec_deg: f64) -> usize {
        HealpixCell::at(self.order, ra_deg, dec_deg).index as usize
    }

    /// Is this direction inside?
    #[must_use]
    pub fn contains_deg(&self, ra_deg: f64, dec_deg: f64) -> bool {
        self.completeness_deg(ra_deg, dec_deg) > 0.0
    }

    /// Completeness of a direction.
    #[must_use]
    pub fn completeness_deg(&self, ra_deg: f64, dec_deg: f64) -> f64 {
        self.completeness.get(self.index_of(ra_deg, dec_deg)).copied().unwrap_or(0.0)
    }

    /// Area inside, square degrees.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        let inside = self.completeness.iter().filter(|&&c| c > 0.0).count();
        SKY_DEG2 * inside as f64 / self.completeness.len() as f64
    }

    pub(crate) fn clearance(&self) -> Clearance {
        let cell = |i: usize| HealpixCell { order: self.order, index: i as u64 };
        let inside: Vec<bool> = self.completeness.iter().map(|&c| c > 0.0).collect();
        let touches_inside = |cell: &HealpixCell| cell.neighbours().iter().any(|n| inside[n.index as usize]);
        let rim: Vec<usize> = (0..inside.len()).filter(|&i| !inside[i] && touches_inside(&cell(i))).collect();
        // healpy max_pixrad: no corner of a cell is further than 1.07 / nside radians from its centre, at any nside.
        let reach = 1.08 / f64::from(1_u32 << self.order);
        Clearance::new(|i| cell(i).centre_deg(), &inside, &rim, reach)
    }
}
