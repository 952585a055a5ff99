//! The HEALPix tessellation of the sky (Gorski et al. 2005, 2005ApJ...622..759G), nested unless said otherwise.
//!
//! A thin, typed layer over the CDS library `cdshealpix`; all angles are ICRS degrees.

use std::ops::Range;

use cdshealpix::nested;

/// The finest order, whose cells (0.4 milliarcseconds) index every row of the archive.
pub const FINEST_ORDER: u8 = 29;

/// Area of the whole sky, square degrees.
pub const SKY_DEG2: f64 = 41_252.961_249_419_27;

/// One cell: order 0 divides the sky into 12, each further order splits a cell into 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HealpixCell {
    /// 0 to 29; `nside` is 2^order.
    pub order: u8,
    /// Nested index, below 12 * 4^order.
    pub index: u64,
}

impl HealpixCell {
    /// The cell of `order` (at most 29) that holds a direction. Declinations beyond the poles are clamped to them.
    #[must_use]
    pub fn at(order: u8, ra_deg: f64, dec_deg: f64) -> Self {
        let (lon, lat) = (ra_deg.rem_euclid(360.0).to_radians(), dec_deg.clamp(-90.0, 90.0).to_radians());
        Self { order, index: nested::hash(order, lon, lat) }
    }

    /// The cell of a coarser or equal `order` around this one.
    #[must_use]
    pub fn parent_at(self, order: u8) -> Self {
        let order = order.min(self.order);
        Self { order, index: self.index >> (2 * (self.order - order)) }
    }

    /// The four cells of the next order inside this one; cells of the finest order have none.
    #[must_use]
    pub fn children(self) -> Option<[Self; 4]> {
        (self.order < FINEST_ORDER)
            .then(|| [0, 1, 2, 3].map(|child| Self { order: self.order + 1, index: (self.index << 2) + child }))
    }

    /// Right ascension and declination of the centre, degrees.
    #[must_use]
    pub fn centre_deg(self) -> (f64, f64) {
        let (lon, lat) = nested::center(self.order, self.index);
        (lon.to_degrees(), lat.to_degrees())
    }

    /// The order-29 indices inside the cell: start inclusive, end exclusive.
    #[must_use]
    pub fn range29(self) -> Range<u64> {
        let shift = 2 * (FINEST_ORDER - self.order);
        (self.index << shift)..((self.index + 1) << shift)
    }

    /// Index of the same cell in the RING scheme.
    #[must_use]
    pub fn ring_index(self) -> u64 {
        nested::get(self.order).to_ring(self.index)
    }

    /// The cell of `order` with a RING index.
    #[must_use]
    pub fn from_ring(order: u8, ring_index: u64) -> Self {
        Self { order, index: nested::get(order).from_ring(ring_index) }
    }

    /// The eight (at some corners seven) cells that touch this one, sorted.
    #[must_use]
    pub fn neighbours(self) -> Vec<Self> {
        let mut indices = nested::get(self.order).neighbours(self.index, false).values_vec();
        indices.sort_unstable();
        indices.into_iter().map(|index| Self { order: self.order, index }).collect()
    }
}

/// Number of cells of an order.
#[must_use]
pub fn cell_count(order: u8) -> u64 {
    12 << (2 * order)
}

/// Nested order-29 index of a direction, the first column (`_healpix_29`) of every archive table.
#[must_use]
pub fn index29(ra_deg: f64, dec_deg: f64) -> i64 {
    // 12 * 4^29 < 2^62, so the conversion cannot wrap.
    HealpixCell::at(FINEST_ORDER, ra_deg, dec_deg).index.cast_signed()
}

/// Sorted, disjoint ranges of order-29 indices that together cover every direction within `radius_deg` of a point.
///
/// They hold a little more than the cone: test the angle of what they let through.
#[must_use]
pub fn cone_ranges29(ra_deg: f64, dec_deg: f64, radius_deg: f64) -> Vec<Range<u64>> {
    if radius_deg >= 180.0 {
        return std::iter::once(0..cell_count(FINEST_ORDER)).collect();
    }
    // About six cells across the cone keep the cover tight and the list short.
    let cell_deg = radius_deg.max(1e-6) / 3.0;
    let order = (0..FINEST_ORDER).find(|&order| 58.6 / f64::from(1_u32 << order) <= cell_deg).unwrap_or(FINEST_ORDER);
    let cover = nested::cone_coverage_approx(
        order,
        ra_deg.rem_euclid(360.0).to_radians(),
        dec_deg.clamp(-90.0, 90.0).to_radians(),
        radius_deg.max(0.0).to_radians(),
    );
    let shift = 2 * (FINEST_ORDER - order);
    cover.to_ranges().iter().map(|range| (range.start << shift)..(range.end << shift)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sphere::angular_separation_deg;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_nest(ra in 0.0..360.0_f64, dec in -90.0..=90.0_f64, order in 0_u8..29) {
            let cell = HealpixCell::at(order, ra, dec);
            prop_assert_eq!(HealpixCell::at(FINEST_ORDER, ra, dec).parent_at(order), cell);
            prop_assert!(cell.range29().contains(&index29(ra, dec).cast_unsigned()));
            prop_assert_eq!(HealpixCell::from_ring(order, cell.ring_index()), cell);
            prop_assert!(cell.children().unwrap().iter().all(|child| child.parent_at(order) == cell));
        }

        #[test]
        fn cone_cover_loses_nothing(ra in 0.0..360.0_f64, dec in -90.0..=90.0_f64, radius in 1e-4..60.0_f64, dra in -1.0..1.0_f64, ddec in -1.0..1.0_f64) {
            let (ra2, dec2) = (ra + dra * radius, (dec + ddec * radius).clamp(-90.0, 90.0));
            prop_assume!(angular_separation_deg(ra, dec, ra2, dec2) < radius);
            let index = index29(ra2, dec2).cast_unsigned();
            prop_assert!(cone_ranges29(ra, dec, radius).iter().any(|range| range.contains(&index)));
        }
    }

    #[test]
    fn negative_and_wrapped_right_ascensions_are_the_same_place() {
        assert_eq!(index29(-10.0, 5.0), index29(350.0, 5.0));
        assert_eq!(index29(360.0, 5.0), index29(0.0, 5.0));
    }
}
