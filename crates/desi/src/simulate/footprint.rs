//! The survey's window on the sky: two caps, with holes around bright stars and where tiles are missing.
//!
//! A cap is a rectangle in right ascension and sin(declination), which has a simple area; the southern one runs over
//! right ascension 0. The proportions are those of the bright-time programme of DESI DR1, not its outline.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use astro::sphere;

/// Holes are looked up by a grid of this step in right ascension and declination, degrees.
const BUCKET_DEG: f64 = 4.0;
const BUCKETS_RA: usize = 90;
const BUCKETS_DEC: usize = 45;

/// A missing DESI tile: radius of the field of view (2022AJ....164..207D), degrees.
const TILE_RADIUS_DEG: f64 = 1.6;

/// North or south galactic cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Cap {
    /// North galactic cap.
    Ngc,
    /// South galactic cap.
    Sgc,
}

impl Cap {
    /// Both, north first.
    pub const ALL: [Self; 2] = [Self::Ngc, Self::Sgc];

    /// The name in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ngc => "NGC",
            Self::Sgc => "SGC",
        }
    }
}

/// One cap's rectangle, limits inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CapLimits {
    /// Which cap.
    pub cap: Cap,
    /// Right ascension of its middle, ICRS degrees.
    pub ra_centre_deg: f64,
    /// Half its width in right ascension, degrees.
    pub ra_half_width_deg: f64,
    /// Sine of its southern and northern declination.
    pub sin_dec: [f64; 2],
}

impl CapLimits {
    /// Area, square degrees.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        2.0 * self.ra_half_width_deg * (self.sin_dec[1] - self.sin_dec[0]).to_degrees()
    }

    /// The rectangle grown on all sides by an angle on the sky, degrees.
    #[must_use]
    pub(crate) fn grown(&self, pad_deg: f64) -> Self {
        let dec = self.sin_dec.map(|s| s.asin().to_degrees());
        let (south, north) = ((dec[0] - pad_deg).max(-90.0), (dec[1] + pad_deg).min(90.0));
        let stretch = south.abs().max(north.abs()).to_radians().cos().max(0.05);
        Self {
            ra_half_width_deg: (self.ra_half_width_deg + pad_deg / stretch).min(180.0),
            sin_dec: [south.to_radians().sin(), north.to_radians().sin()],
            ..*self
        }
    }

    fn contains(&self, ra_deg: f64, sin_dec: f64) -> bool {
        let offset = (ra_deg - self.ra_centre_deg + 180.0).rem_euclid(360.0) - 180.0;
        offset.abs() <= self.ra_half_width_deg && (self.sin_dec[0]..=self.sin_dec[1]).contains(&sin_dec)
    }
}

/// A disc cut out of the mask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MaskHole {
    /// Right ascension of its centre, ICRS degrees.
    pub ra_deg: f64,
    /// Declination of its centre, ICRS degrees.
    pub dec_deg: f64,
    /// Radius, degrees.
    pub radius_deg: f64,
}

/// Which directions were observed.
#[derive(Debug, Clone)]
pub struct Footprint {
    /// The two caps.
    pub caps: [CapLimits; 2],
    /// The discs that are missing.
    pub holes: Vec<MaskHole>,
    buckets: Vec<Vec<u32>>,
    vectors: Vec<([f64; 3], f64)>,
}

impl Footprint {
    /// A footprint of `area_deg2` (holes included) whose holes come from `seed`.
    #[must_use]
    pub fn new(area_deg2: f64, seed: u64) -> Self {
        let caps = [
            scaled_cap(Cap::Ngc, [190.0, 0.0], [140.0, 45.0], 0.75 * area_deg2),
            scaled_cap(Cap::Sgc, [5.0, -5.0], [70.0, 22.5], 0.25 * area_deg2),
        ];
        let mut footprint =
            Self { caps, holes: Vec::new(), buckets: vec![Vec::new(); BUCKETS_RA * BUCKETS_DEC], vectors: Vec::new() };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(super::streams::MASK);
        for cap in caps {
            for (per_deg2, radius_deg) in [(1.0 / 300.0, [TILE_RADIUS_DEG, TILE_RADIUS_DEG]), (0.15, [0.05, 0.35])] {
                for _ in 0..(cap.area_deg2() * per_deg2).round() as usize {
                    let (ra_deg, sin_dec) = uniform_in(&cap, &mut rng);
                    let radius_deg = radius_deg[0] + (radius_deg[1] - radius_deg[0]) * rng.random::<f64>();
                    footprint.cut(MaskHole { ra_deg, dec_deg: sin_dec.asin().to_degrees(), radius_deg });
                }
            }
        }
        footprint
    }

    fn cut(&mut self, hole: MaskHole) {
        let index = self.holes.len() as u32;
        let stretch = hole.dec_deg.to_radians().cos().max(0.05);
        let (dra, ddec) = (hole.radius_deg / stretch, hole.radius_deg);
        let rows = bucket_row(hole.dec_deg - ddec)..=bucket_row(hole.dec_deg + ddec);
        let first = ((hole.ra_deg - dra) / BUCKET_DEG).floor() as i64;
        let last = ((hole.ra_deg + dra) / BUCKET_DEG).floor() as i64;
        for row in rows {
            for column in first..=last {
                let column = column.rem_euclid(BUCKETS_RA as i64) as usize;
                self.buckets[row * BUCKETS_RA + column].push(index);
            }
        }
        self.vectors.push((sphere::unit_vector(hole.ra_deg, hole.dec_deg), hole.radius_deg.to_radians().cos()));
        self.holes.push(hole);
    }

    /// May a place within `reach_mpc_h` of this one be in the survey, to a distance?
    pub(crate) fn is_near(&self, place: [f64; 3], reach_mpc_h: f64, distance_max_mpc_h: f64) -> bool {
        let distance = sphere::norm(place);
        if distance <= 1.5 * reach_mpc_h {
            return true;
        }
        let (ra_deg, dec_deg) = sphere::ra_dec_deg(place);
        let pad_deg = (reach_mpc_h / distance).asin().to_degrees();
        distance <= distance_max_mpc_h + reach_mpc_h
            && self.caps.iter().any(|cap| cap.grown(pad_deg).contains(ra_deg, dec_deg.to_radians().sin()))
    }

    /// The cap a direction was observed in, `None` outside the survey or in a hole.
    #[must_use]
    pub fn cap_at(&self, ra_deg: f64, dec_deg: f64) -> Option<Cap> {
        self.cap_at_beyond(ra_deg, dec_deg, 0.0)
    }

    /// As [`cap_at`](Self::cap_at), counting only holes of at least `radius_deg`: a void catalogue's mask is coarser
    /// than a star.
    #[must_use]
    pub fn cap_at_beyond(&self, ra_deg: f64, dec_deg: f64, radius_deg: f64) -> Option<Cap> {
        let sin_dec = dec_deg.to_radians().sin();
        let cap = self.caps.iter().find(|cap| cap.contains(ra_deg, sin_dec))?.cap;
        let column = ((ra_deg.rem_euclid(360.0) / BUCKET_DEG) as usize).min(BUCKETS_RA - 1);
        let bucket = &self.buckets[bucket_row(dec_deg) * BUCKETS_RA + column];
        if bucket.is_empty() {
            return Some(cap);
        }
        let direction = sphere::unit_vector(ra_deg, dec_deg);
        let hit = bucket.iter().any(|&index| {
            let (centre, cos_radius) = self.vectors[index as usize];
            let cosine = centre[0] * direction[0] + centre[1] * direction[1] + centre[2] * direction[2];
            cosine > cos_radius && self.holes[index as usize].radius_deg >= radius_deg
        });
        (!hit).then_some(cap)
    }

    /// Observed area of each cap, square degrees, from a regular grid of directions.
    #[must_use]
    pub fn observed_area_deg2(&self, cap: Cap, least_hole_deg: f64) -> f64 {
        let limits = self.caps[cap as usize];
        let (columns, rows) = (400, 400);
        let mut inside = 0_u32;
        for row in 0..rows {
            let fraction = (f64::from(row) + 0.5) / f64::from(rows);
            let dec = (limits.sin_dec[0] + fraction * (limits.sin_dec[1] - limits.sin_dec[0])).asin().to_degrees();
            for column in 0..columns {
                let offset = 2.0 * (f64::from(column) + 0.5) / f64::from(columns) - 1.0;
                let ra = limits.ra_centre_deg + offset * limits.ra_half_width_deg;
                inside += u32::from(self.cap_at_beyond(ra.rem_euclid(360.0), dec, least_hole_deg).is_some());
            }
        }
        limits.area_deg2() * f64::from(inside) / f64::from(rows * columns)
    }
}

/// A direction (right ascension in degrees, sine of declination) uniform in a rectangle.
pub(crate) fn uniform_in(cap: &CapLimits, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let offset = 2.0 * rng.random::<f64>() - 1.0;
    let ra_deg = (cap.ra_centre_deg + offset * cap.ra_half_width_deg).rem_euclid(360.0);
    (ra_deg, cap.sin_dec[0] + (cap.sin_dec[1] - cap.sin_dec[0]) * rng.random::<f64>())
}

/// A cap of a full-size shape shrunk or grown about its middle to an area. `ra` is (centre, _), `size` (width, north).
fn scaled_cap(
    cap: Cap,
    [ra_centre_deg, south_deg]: [f64; 2],
    [width_deg, north_deg]: [f64; 2],
    area_deg2: f64,
) -> CapLimits {
    let (south, north) = (f64::to_radians(south_deg).sin(), f64::to_radians(north_deg).sin());
    let full = width_deg * (north - south).to_degrees();
    let scale = (area_deg2 / full).sqrt();
    let (middle, half) = (0.5 * (south + north), 0.5 * (north - south) * scale);
    CapLimits {
        cap,
        ra_centre_deg,
        ra_half_width_deg: 0.5 * width_deg * scale,
        sin_dec: [(middle - half).max(-0.999), (middle + half).min(0.999)],
    }
}

fn bucket_row(dec_deg: f64) -> usize {
    (((dec_deg + 90.0) / BUCKET_DEG).max(0.0) as usize).min(BUCKETS_DEC - 1)
}
