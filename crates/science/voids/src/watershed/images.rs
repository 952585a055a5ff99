//! The images of a periodic box's tracers that its Voronoi cells can see.

use std::collections::HashSet;

use astro::neighbours::PointTree;

use crate::delaunay::{Growing, Tetra};

/// Width of the first layer of images round the box, in mean separations: thin, since what is missing is added.
const FIRST_LAYER: f64 = 2.0;
/// A layer of this many box sides always suffices: no empty sphere that touches a point of the box reaches beyond the
/// square root of 3 of them.
const WIDEST_LAYER: f64 = 1.75;
/// Slack for rounding in the radii of spheres: an image too many does no harm.
const SLACK: f64 = 1e-9;

/// The tracers of the box and the images so far.
pub(super) struct Images<'a> {
    tracers: &'a [[f64; 3]],
    low: [f64; 3],
    sides: [f64; 3],
    layer: f64,
    /// The tracers, then their images.
    pub(super) points: Vec<[f64; 3]>,
    /// For each point the tracer.
    pub(super) original: Vec<u32>,
    /// Coordinates, bit by bit, of the images beyond the layer.
    beyond: HashSet<[u64; 3]>,
    /// Of the tracers, once it is needed.
    tree: Option<PointTree>,
}

/// Images that cells of the box could see, but that are not there.
pub(super) enum Missing {
    /// The cells are those of the infinite lattice of boxes.
    None,
    /// These, not given before.
    Points(Vec<[f64; 3]>),
    /// More than can be told: a cell of the box has no end.
    Unbounded,
}

impl<'a> Images<'a> {
    pub(super) fn new(tracers: &'a [[f64; 3]], low: [f64; 3], high: [f64; 3]) -> Self {
        let sides: [f64; 3] = std::array::from_fn(|k| high[k] - low[k]);
        let separation = (sides.iter().product::<f64>() / tracers.len().max(1) as f64).cbrt();
        let layer = (FIRST_LAYER * separation).min(widest(sides));
        let (points, original, beyond) = (Vec::new(), Vec::new(), HashSet::new());
        let mut images = Self { tracers, low, sides, layer, points, original, beyond, tree: None };
        images.fill();
        images
    }

    /// Starts again with a layer twice as wide; `false` where it always suffices already.
    pub(super) fn widen(&mut self) -> bool {
        let wider = self.layer < widest(self.sides);
        if wider {
            self.layer = (2.0 * self.layer).min(widest(self.sides));
            self.fill();
        }
        wider
    }

    /// The tracers and their images within the layer.
    fn fill(&mut self) {
        self.beyond.clear();
        self.points = self.tracers.to_vec();
        self.original = (0..self.tracers.len() as u32).collect();
        let copies = self.sides.map(|side| (self.layer / side).ceil() as i32);
        for steps in steps_within(copies).filter(|steps| *steps != [0; 3]) {
            for (row, &tracer) in self.tracers.iter().enumerate() {
                let image = self.image(tracer, steps);
                if self.in_layer(image) {
                    self.points.push(image);
                    self.original.push(row as u32);
                }
            }
        }
    }

    fn image(&self, tracer: [f64; 3], steps: [i32; 3]) -> [f64; 3] {
        std::array::from_fn(|k| tracer[k] + f64::from(steps[k]) * self.sides[k])
    }

    fn in_layer(&self, image: [f64; 3]) -> bool {
        let (low, sides, layer) = (self.low, self.sides, self.layer);
        (0..3).all(|k| image[k] >= low[k] - layer && image[k] <= low[k] + sides[k] + layer)
    }

    /// Whether a sphere lies within the layer, where every image is there.
    fn is_surrounded(&self, centre: [f64; 3], radius: f64) -> bool {
        let (low, sides, layer) = (self.low, self.sides, self.layer);
        (0..3).all(|k| centre[k] - radius >= low[k] - layer && centre[k] + radius <= low[k] + sides[k] + layer)
    }

    /// The images in spheres round the tetrahedra of the box's tracers that the triangulation lacks; remembered as given.
    pub(super) fn missing(&mut self, growing: &Growing) -> Missing {
        let mut own = vec![false; growing.sites().len()];
        for &site in &growing.site_of_point()[..self.tracers.len()] {
            own[site as usize] = true;
        }
        let mut spheres = Vec::new();
        for tetra in growing.tetras() {
            let Some(&corner) = tetra.vertices.iter().find(|&&v| own.get(v as usize) == Some(&true)) else { continue };
            if !tetra.is_finite() {
                return Missing::Unbounded;
            }
            let (centre, radius) = self.largest_ball(tetra, growing.sites()[corner as usize]);
            if !self.is_surrounded(centre, radius) {
                spheres.push((centre, radius));
            }
        }
        let first = self.points.len();
        for (centre, radius) in spheres {
            self.add_within(centre, radius);
        }
        if self.points.len() == first { Missing::None } else { Missing::Points(self.points[first..].to_vec()) }
    }

    /// The ball round a tetrahedron, or where that is larger than any without images, as large a ball as those are: inside
    /// it, touching the same corner.
    fn largest_ball(&self, tetra: &Tetra, corner: [f64; 3]) -> ([f64; 3], f64) {
        // Every place has an image of one tracer within half the diagonal of the longest side's cube.
        let enough = 0.75_f64.sqrt() * self.sides.iter().copied().fold(0.0, f64::max);
        let from_corner: [f64; 3] = std::array::from_fn(|k| tetra.centre[k] - corner[k]);
        let radius = from_corner.iter().map(|d| d * d).sum::<f64>().sqrt();
        let part = (enough / radius).min(1.0);
        let centre: [f64; 3] = std::array::from_fn(|k| corner[k] + part * from_corner[k]);
        let size = centre.iter().chain(&corner).fold(0.0_f64, |largest, c| largest.max(c.abs()));
        (centre, part * radius + SLACK * (part * radius + size))
    }

    /// Adds the images of a sphere that are neither in the layer nor added yet.
    fn add_within(&mut self, centre: [f64; 3], radius: f64) {
        let tree = self.tree.take().unwrap_or_else(|| PointTree::new(self.tracers));
        let reach = |k: usize| (radius / self.sides[k]).ceil() as i32;
        // The box that the centre is in, and as many around it as the sphere could reach.
        let home: [i32; 3] = std::array::from_fn(|k| ((centre[k] - self.low[k]) / self.sides[k]).floor() as i32);
        for offset in steps_within([reach(0), reach(1), reach(2)]) {
            let steps: [i32; 3] = std::array::from_fn(|k| home[k] + offset[k]);
            let moved = self.image(centre, steps.map(|step| -step));
            for (row, _) in tree.within(moved, radius) {
                let image = self.image(self.tracers[row], steps);
                if !self.in_layer(image) && self.beyond.insert(image.map(f64::to_bits)) {
                    self.points.push(image);
                    self.original.push(row as u32);
                }
            }
        }
        self.tree = Some(tree);
    }
}

fn widest(sides: [f64; 3]) -> f64 {
    WIDEST_LAYER * sides.iter().copied().fold(0.0, f64::max)
}

/// All steps of at most so many sides along each axis.
fn steps_within([x, y, z]: [i32; 3]) -> impl Iterator<Item = [i32; 3]> {
    (-x..=x).flat_map(move |i| (-y..=y).flat_map(move |j| (-z..=z).map(move |k| [i, j, k])))
}
