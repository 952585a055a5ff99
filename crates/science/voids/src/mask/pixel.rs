//! VAST's RA-Dec pixel mask, for comparison with published VoidFinder catalogues.
//!
//! Pixels are `1 / n` degrees wide in RA and Dec, so they are not of equal area, and (as in VAST) the row at the
//! equator is twice as high because declinations are truncated towards zero. Unlike VAST, right ascension wraps.

use astro::sphere::ra_dec_deg;

use super::clearance::Clearance;

/// Directions closer than this to a pixel's border, in pixels, are computed again in full precision.
const BORDER_PIXELS: f64 = 1e-3;

/// A pixel is inside if it holds a galaxy, or if three of its four neighbours do (where smoothed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelMask {
    per_degree: usize,
    inside: Vec<bool>,
}

impl PixelMask {
    /// VAST's resolution, pixels a degree: the smallest void of interest spans a pixel at the far side of the survey.
    #[must_use]
    pub fn resolution(furthest_mpc_h: f64, smallest_radius_mpc_h: f64) -> usize {
        1 + (1_f64.to_radians() * furthest_mpc_h / smallest_radius_mpc_h).clamp(0.0, 63.0) as usize
    }

    /// Marks the pixels that hold galaxies (ICRS degrees) and fills holes of one pixel if `smoothed`.
    #[must_use]
    pub fn from_galaxies(ra_deg: &[f64], dec_deg: &[f64], per_degree: usize, smoothed: bool) -> Self {
        let per_degree = per_degree.max(1);
        let mut mask = Self { per_degree, inside: vec![false; 360 * 180 * per_degree * per_degree] };
        for (&ra, &dec) in ra_deg.iter().zip(dec_deg) {
            if ra.is_finite() && dec.is_finite() {
                let index = mask.index_of(ra, dec);
                mask.inside[index] = true;
            }
        }
        if smoothed {
            mask.smooth();
        }
        mask
    }

    /// Pixels a degree.
    #[must_use]
    pub fn per_degree(&self) -> usize {
        self.per_degree
    }

    /// Number of pixels inside.
    #[must_use]
    pub fn pixel_count(&self) -> usize {
        self.inside.iter().filter(|&&inside| inside).count()
    }

    fn rows(&self) -> usize {
        180 * self.per_degree
    }

    fn columns(&self) -> usize {
        360 * self.per_degree
    }

    pub(super) fn index_of(&self, ra_deg: f64, dec_deg: f64) -> usize {
        let n = self.per_degree as f64;
        self.pixel_at(ra_deg.rem_euclid(360.0) * n, dec_deg * n)
    }

    /// The pixel at a right ascension from 0 and a declination, in pixels.
    #[inline(always)]
    fn pixel_at(&self, ra_pixels: f64, dec_pixels: f64) -> usize {
        let column = (ra_pixels as i32).clamp(0, self.columns() as i32 - 1);
        let row = (dec_pixels as i32 + 90 * self.per_degree as i32).clamp(0, self.rows() as i32 - 1);
        column as usize * self.rows() + row as usize
    }

    /// Is this direction inside?
    #[must_use]
    pub fn contains_deg(&self, ra_deg: f64, dec_deg: f64) -> bool {
        self.inside[self.index_of(ra_deg, dec_deg)]
    }

    /// Is the direction of this vector inside? The same answer as [`Self::contains_deg`], in a fraction of the time:
    /// growing a hole asks at every step.
    #[must_use]
    #[inline(always)]
    pub fn contains(&self, vector: [f64; 3]) -> bool {
        let (ra, dec) = self.quick_pixels(vector);
        let clear = |pixels: f64| {
            let part = (pixels - f64::from(pixels as i32)).abs();
            part > BORDER_PIXELS && part < 1.0 - BORDER_PIXELS
        };
        if clear(ra) && clear(dec) {
            return self.inside[self.pixel_at(ra, dec)];
        }
        let (ra_deg, dec_deg) = ra_dec_deg(vector);
        self.contains_deg(ra_deg, dec_deg)
    }

    /// The pixel of this vector's direction or, within 1e-7 radians of its border, the one beyond.
    #[inline(always)]
    pub(super) fn index_about(&self, vector: [f64; 3]) -> usize {
        let (ra, dec) = self.quick_pixels(vector);
        self.pixel_at(ra, dec)
    }

    /// Right ascension and declination of a vector in pixels, good to 1e-5 degrees. NaN for the null vector.
    #[inline(always)]
    fn quick_pixels(&self, [x, y, z]: [f64; 3]) -> (f64, f64) {
        let pixels_a_radian = self.per_degree as f64 * 1_f64.to_degrees();
        let ra = quick_atan2(y, x);
        let ra = if ra < 0.0 { ra + std::f64::consts::TAU } else { ra };
        (ra * pixels_a_radian, quick_atan2(z, (x * x + y * y).sqrt()) * pixels_a_radian)
    }

    fn smooth(&mut self) {
        let (rows, columns) = (self.rows(), self.columns());
        let before = self.inside.clone();
        let filled = |column: usize, row: usize| usize::from(before[column * rows + row]);
        for column in 0..columns {
            // Right ascension wraps; the polar rows have no neighbour beyond them and stay as they are.
            let (left, right) = ((column + columns - 1) % columns, (column + 1) % columns);
            for row in 1..rows - 1 {
                let neighbours =
                    filled(left, row) + filled(right, row) + filled(column, row - 1) + filled(column, row + 1);
                if neighbours >= 3 {
                    self.inside[column * rows + row] = true;
                }
            }
        }
    }

    /// Declination limits of a row, degrees.
    fn row_limits_deg(&self, row: usize) -> (f64, f64) {
        let (n, step) = (self.per_degree as f64, row as f64 - 90.0 * self.per_degree as f64);
        let (low, high) = match step {
            s if s < 0.0 => (s - 1.0, s),
            0.0 => (-1.0, 1.0),
            s => (s, s + 1.0),
        };
        ((low / n).max(-90.0), (high / n).min(90.0))
    }

    /// Area inside, square degrees, with each pixel's true area.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        let rows = self.rows();
        let width = (1.0 / self.per_degree as f64).to_radians();
        let row_area: Vec<f64> = (0..rows)
            .map(|row| {
                let (low, high) = self.row_limits_deg(row);
                width * (high.to_radians().sin() - low.to_radians().sin())
            })
            .collect();
        let steradian: f64 = self
            .inside
            .chunks(rows)
            .flat_map(|column| column.iter().zip(&row_area))
            .map(|(&i, a)| if i { *a } else { 0.0 })
            .sum();
        steradian * (180.0 / std::f64::consts::PI).powi(2)
    }

    pub(super) fn clearance(&self) -> Clearance {
        let (rows, columns) = (self.rows(), self.columns());
        let width = 1.0 / self.per_degree as f64;
        let centre_deg = |i: usize| {
            let (low, high) = self.row_limits_deg(i % rows);
            ((i / rows) as f64 * width + 0.5 * width, 0.5 * (low + high))
        };
        let rim: Vec<usize> = (0..rows * columns).filter(|&i| !self.inside[i] && self.borders_inside(i)).collect();
        // Half the diagonal of the double-height row at the equator.
        let reach = (width * 0.5 * 5_f64.sqrt()).to_radians();
        Clearance::new(centre_deg, &self.inside, &rim, reach)
    }

    /// Can the pixel be the outside pixel nearest to one inside? (All pixels at a pole touch each other.)
    fn borders_inside(&self, index: usize) -> bool {
        let (rows, columns) = (self.rows(), self.columns());
        let (column, row) = (index / rows, index % rows);
        if row <= 1 || row + 2 >= rows {
            return true;
        }
        [column + columns - 1, column, column + 1]
            .iter()
            .any(|c| (row - 1..=row + 1).any(|r| self.inside[(c % columns) * rows + r]))
    }
}

/// The angle of (x, y), radians, good to 1e-7: Abramowitz & Stegun 1964, 4.4.49. NaN for the null vector.
#[inline(always)]
fn quick_atan2(y: f64, x: f64) -> f64 {
    const SERIES: [f64; 9] = [
        0.002_866_225_7,
        -0.016_165_736_7,
        0.042_909_613_8,
        -0.075_289_64,
        0.106_562_639_3,
        -0.142_088_994_4,
        0.199_935_508_5,
        -0.333_331_452_8,
        1.0,
    ];
    let (across, along) = (y.abs(), x.abs());
    let ratio = across.min(along) / across.max(along);
    let square = ratio * ratio;
    let angle = ratio * SERIES.iter().fold(0.0, |sum, term| sum * square + term);
    let angle = if across > along { std::f64::consts::FRAC_PI_2 - angle } else { angle };
    let angle = if x < 0.0 { std::f64::consts::PI - angle } else { angle };
    angle.copysign(y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_quick_angle_is_good_enough_for_the_border(y in -2.0..2.0_f64, x in -2.0..2.0_f64) {
            // A border of 1e-3 pixels is at least 1.5e-5 degrees wide, at the finest resolution of 64 pixels a degree.
            prop_assert!((quick_atan2(y, x) - y.atan2(x)).abs() < 1e-7);
        }

        #[test]
        fn a_vector_is_inside_where_its_direction_is(
            x in -300.0..300.0_f64, y in -300.0..300.0_f64, z in -300.0..300.0_f64, per_degree in 1..4_usize,
        ) {
            let places = |i: u32| (f64::from(i * 37 % 360) + 0.3, f64::from(i * 61 % 180) - 89.7);
            let (ra, dec): (Vec<f64>, Vec<f64>) = (0..20_000).map(places).unzip();
            let mask = PixelMask::from_galaxies(&ra, &dec, per_degree, false);
            for vector in [[x, y, z], [x.round(), y.round(), 0.0], [0.0, y.round(), z.round()]] {
                let (ra_deg, dec_deg) = ra_dec_deg(vector);
                prop_assert_eq!(mask.contains(vector), mask.contains_deg(ra_deg, dec_deg));
            }
        }
    }
}
