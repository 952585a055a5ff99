//! The tetrahedra, their circumspheres with error bounds, and how an insertion rewires them.

use super::predicates::{inside_sphere_exactly, orient};

/// The vertex at infinity, shared by the tetrahedra that stand on the faces of the convex hull.
pub const INFINITE: u32 = u32::MAX;
/// Vertex of a slot that holds no tetrahedron at present.
pub(super) const DEAD: u32 = u32::MAX - 1;
pub(super) const NONE: u32 = u32::MAX;

/// The vertices of the face opposite each slot, ordered so that the opposite vertex is on the positive side.
pub(super) const FACE: [[usize; 3]; 4] = [[1, 3, 2], [0, 2, 3], [0, 3, 1], [0, 1, 2]];

/// One tetrahedron: one cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Tetra {
    /// Sites at its corners, positively oriented, or [`INFINITE`].
    pub vertices: [u32; 4],
    /// Neighbour opposite each vertex: 4 x its index + the slot there of the vertex opposite us.
    pub(crate) neighbours: [u32; 4],
    /// Circumcentre (of finite tetrahedra).
    pub centre: [f64; 3],
    /// A point nearer to `centre` than the root of this is certainly inside the circumsphere.
    inside_below: f32,
    /// A point further than the root of this is certainly outside.
    outside_above: f32,
}

impl Tetra {
    /// Whether it has no vertex at infinity.
    #[inline]
    pub fn is_finite(&self) -> bool {
        self.vertices.iter().all(|&v| v != INFINITE)
    }

    /// Whether the circumsphere holds the point beyond doubt.
    #[inline]
    pub(super) fn certainly_contains(&self, point: [f64; 3]) -> bool {
        self.distance2(point) < f64::from(self.inside_below)
    }

    /// Squared distance of a point from the circumcentre.
    #[inline]
    fn distance2(&self, point: [f64; 3]) -> f64 {
        let (x, y, z) = (point[0] - self.centre[0], point[1] - self.centre[1], point[2] - self.centre[2]);
        x * x + y * y + z * z
    }

    /// Slot of a vertex that this tetrahedron has.
    #[inline]
    pub(super) fn slot_of(&self, vertex: u32) -> usize {
        let v = &self.vertices;
        if v[0] == vertex {
            0
        } else if v[1] == vertex {
            1
        } else if v[2] == vertex {
            2
        } else {
            3
        }
    }
}

/// What an insertion knows of a tetrahedron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Unknown,
    /// Its circumsphere holds the new point.
    Conflict,
    /// It does not.
    Clear,
}

/// A triangulation under construction.
pub(super) struct Mesh {
    pub(super) sites: Vec<[f64; 3]>,
    pub(super) tetras: Vec<Tetra>,
    pub(super) states: Vec<State>,
    pub(super) free: Vec<u32>,
    pub(super) hint: u32,
    // Scratch of one insertion, kept for its memory.
    pub(super) cavity: Vec<u32>,
    pub(super) boundary: Vec<(u32, u32)>,
    pub(super) rim: Vec<u32>,
    pub(super) fresh: Vec<u32>,
}

impl Mesh {
    /// The triangulation of four affinely independent sites.
    pub(super) fn new(sites: Vec<[f64; 3]>, first: [u32; 4]) -> Self {
        let capacity = sites.len() * 7 + 64;
        let [a, b, c, d] = first;
        let at = |site: u32| sites[site as usize];
        let inner = if orient(at(a), at(b), at(c), at(d)) > 0.0 { [a, b, c, d] } else { [b, a, c, d] };
        let mut mesh = Self {
            sites,
            tetras: Vec::with_capacity(capacity),
            states: Vec::with_capacity(capacity),
            free: Vec::new(),
            hint: 0,
            cavity: Vec::new(),
            boundary: Vec::new(),
            rim: Vec::new(),
            fresh: Vec::new(),
        };
        mesh.create(inner);
        for [i, j, k] in FACE {
            mesh.create([inner[i], inner[k], inner[j], INFINITE]);
        }
        for t in 0..5_u32 {
            for s in 0..4 {
                let (other, slot) = mesh.matching_face(t, s);
                mesh.tetras[t as usize].neighbours[s] = (other << 2) | slot;
            }
        }
        mesh
    }

    /// The one other tetrahedron of the first five with the face opposite `slot`.
    fn matching_face(&self, tetra: u32, slot: usize) -> (u32, u32) {
        let sorted = |t: u32, s: usize| {
            let mut face = FACE[s].map(|i| self.tetras[t as usize].vertices[i]);
            face.sort_unstable();
            face
        };
        let face = sorted(tetra, slot);
        (0..5)
            .filter(|&t| t != tetra)
            .flat_map(|t| (0..4).map(move |s| (t, s)))
            .find(|&(t, s)| sorted(t, s as usize) == face)
            .unwrap_or((0, 0))
    }

    /// Makes a tetrahedron in a free slot, not yet linked.
    #[inline]
    pub(super) fn create(&mut self, vertices: [u32; 4]) -> u32 {
        let mut tetra = Tetra {
            vertices,
            neighbours: [NONE; 4],
            centre: [0.0; 3],
            inside_below: -1.0,
            outside_above: f32::INFINITY,
        };
        if tetra.is_finite() {
            let (centre, inside_below, outside_above) = circumsphere(vertices.map(|v| self.sites[v as usize]));
            tetra.centre = centre;
            tetra.inside_below = inside_below;
            tetra.outside_above = outside_above;
        }
        if let Some(slot) = self.free.pop() {
            self.tetras[slot as usize] = tetra;
            return slot;
        }
        self.tetras.push(tetra);
        self.states.push(State::Unknown);
        self.tetras.len() as u32 - 1
    }

    /// Whether the circumsphere of a tetrahedron strictly contains a point. For a tetrahedron at infinity: whether
    /// the point is strictly outside the hull's face, or in its plane and inside the circle round it.
    #[inline]
    pub(super) fn conflicts(&self, index: u32, point: [f64; 3]) -> bool {
        let tetra = &self.tetras[index as usize];
        let distance2 = tetra.distance2(point);
        if distance2 < f64::from(tetra.inside_below) {
            return true;
        }
        if distance2 > f64::from(tetra.outside_above) {
            return false;
        }
        self.conflicts_exactly(index, point)
    }

    #[inline(never)]
    fn conflicts_exactly(&self, index: u32, point: [f64; 3]) -> bool {
        let tetra = &self.tetras[index as usize];
        let at = |slot: usize| self.sites[tetra.vertices[slot] as usize];
        if let Some(infinite) = tetra.vertices.iter().position(|&v| v == INFINITE) {
            let [i, j, k] = FACE[infinite];
            let side = orient(at(i), at(j), at(k), point);
            return side > 0.0 || (side == 0.0 && self.conflicts(tetra.neighbours[infinite] >> 2, point));
        }
        inside_sphere_exactly(at(0), at(1), at(2), at(3), point)
    }

    /// The sites and the finished tetrahedra, without gaps.
    pub(super) fn finish(mut self) -> (Vec<[f64; 3]>, Vec<Tetra>) {
        let mut gaps = std::mem::take(&mut self.free);
        gaps.sort_unstable_by(|a, b| b.cmp(a));
        for gap in gaps {
            let last = self.tetras.len() as u32 - 1;
            self.tetras.swap_remove(gap as usize);
            if gap == last {
                continue;
            }
            let moved = self.tetras[gap as usize];
            for (slot, handle) in moved.neighbours.into_iter().enumerate() {
                self.tetras[(handle >> 2) as usize].neighbours[(handle & 3) as usize] = (gap << 2) | slot as u32;
            }
        }
        (self.sites, self.tetras)
    }
}

/// Bounds of the rounding errors of the circumcentre's numerators and denominator, in units of the largest
/// coordinate difference to the fourth and third power. Counted for the expressions below: 216 and 48 times 2^-53.
const NUMERATOR_ERROR: f64 = 256.0 * f64::EPSILON / 2.0;
const DENOMINATOR_ERROR: f64 = 64.0 * f64::EPSILON / 2.0;

/// Circumcentre of a positively oriented tetrahedron, and the squared radii within which a point is certainly inside
/// and beyond which it is certainly outside, rounding errors of the caller's squared distance included.
#[inline]
fn circumsphere([a, b, c, d]: [[f64; 3]; 4]) -> ([f64; 3], f32, f32) {
    let minus = |p: [f64; 3]| [p[0] - a[0], p[1] - a[1], p[2] - a[2]];
    let (b, c, d) = (minus(b), minus(c), minus(d));
    let (cd, db, bc) = (cross(c, d), cross(d, b), cross(b, c));
    let (b2, c2, d2) = (dot(b, b), dot(c, c), dot(d, d));
    let denominator = dot(b, cd);
    let half = 0.5 / denominator;
    let mut relative = [0.0; 3];
    for axis in 0..3 {
        relative[axis] = (b2 * cd[axis] + c2 * db[axis] + d2 * bc[axis]) * half;
    }
    let mut largest: f64 = 0.0;
    for p in [b, c, d] {
        largest = largest.max(p[0].abs()).max(p[1].abs()).max(p[2].abs());
    }
    let largest3 = largest * largest * largest;
    let certain = denominator.abs() - DENOMINATOR_ERROR * largest3;
    let radius = dot(relative, relative).sqrt();
    let centre = [a[0] + relative[0], a[1] + relative[1], a[2] + relative[2]];
    let size = radius + a[0].abs() + a[1].abs() + a[2].abs();
    // Error vector of the centre: its three components' errors added, and the roundings of the last operations.
    let error = (3.0 * NUMERATOR_ERROR * largest3 * largest + 2.0 * DENOMINATOR_ERROR * largest3 * radius) / certain
        + 16.0 * f64::EPSILON * size;
    if !(certain > 0.0 && error.is_finite()) {
        return (centre, -1.0, f32::INFINITY);
    }
    let inner = radius - 2.0 * error;
    let outer = radius + 2.0 * error;
    let inside_below = if inner > 0.0 { round_down(inner * inner) } else { -1.0 };
    (centre, inside_below, round_up(outer * outer))
}

/// More than the rounding of a number to 32 bits.
const TO_SINGLE: f64 = 2e-7;

#[inline]
fn round_down(value: f64) -> f32 {
    // Below the range of 32-bit floats nothing is certainly inside.
    if value < 1e-30 { -1.0 } else { (value * (1.0 - TO_SINGLE)).min(1e38) as f32 }
}

#[inline]
fn round_up(value: f64) -> f32 {
    if value > 1e38 { f32::INFINITY } else { (value.max(1e-30) * (1.0 + TO_SINGLE)) as f32 }
}

#[inline]
pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline]
pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
