//! Nearest neighbours of points in space: a bucketed k-d tree (Bentley 1975, doi:10.1145/361002.361007).
//!
//! The answer never depends on threads or on luck: equal distances are ordered by the points' input index.

/// Points a leaf holds: small enough to scan in cache, large enough that the tree above stays shallow.
const LEAF_POINTS: usize = 12;

/// An immutable tree over three-dimensional points; build once, ask from any thread.
#[derive(Debug, Clone)]
pub struct PointTree {
    /// Points in leaf order, with their input index.
    points: Vec<([f64; 3], u32)>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf {
        start: u32,
        end: u32,
    },
    /// The left child follows at once.
    Split {
        axis: u8,
        at: f64,
        right: u32,
    },
}

/// One neighbour: input index of the point and its distance, in the points' own unit.
pub type Neighbour = (usize, f64);

impl PointTree {
    /// Builds the tree in O(n log n). Coordinates must be finite; points may coincide. At most 2^32 - 1 points.
    #[must_use]
    pub fn new(points: &[[f64; 3]]) -> Self {
        let mut ordered: Vec<([f64; 3], u32)> = points.iter().copied().zip(0_u32..).collect();
        let mut nodes = Vec::with_capacity(2 * points.len() / LEAF_POINTS + 1);
        build(&mut ordered, 0, &mut nodes);
        Self { points: ordered, nodes }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The point nearest to `place`, or `None` in an empty tree.
    #[must_use]
    pub fn nearest(&self, place: [f64; 3]) -> Option<Neighbour> {
        let mut best = (f64::INFINITY, u32::MAX);
        self.search(place, &mut |squared, index| {
            if (squared, index) < best {
                best = (squared, index);
            }
            best.0
        });
        (best.1 != u32::MAX).then(|| (best.1 as usize, best.0.sqrt()))
    }

    /// The `k` points nearest to `place`, nearest first; fewer when the tree holds fewer.
    #[must_use]
    pub fn k_nearest(&self, place: [f64; 3], k: usize) -> Vec<Neighbour> {
        if k == 0 {
            return Vec::new();
        }
        let mut best: Vec<(f64, u32)> = Vec::with_capacity(k + 1);
        self.search(place, &mut |squared, index| {
            if best.len() < k || best.last().is_some_and(|worst| (squared, index) < *worst) {
                let rank = best.partition_point(|kept| *kept < (squared, index));
                best.insert(rank, (squared, index));
                best.truncate(k);
            }
            if best.len() < k { f64::INFINITY } else { best.last().map_or(f64::INFINITY, |worst| worst.0) }
        });
        best.into_iter().map(|(squared, index)| (index as usize, squared.sqrt())).collect()
    }

    /// Every point within `radius` of `place` (the sphere's surface included), by input index.
    #[must_use]
    pub fn within(&self, place: [f64; 3], radius: f64) -> Vec<Neighbour> {
        let limit = radius * radius;
        let mut found = Vec::new();
        self.search(place, &mut |squared, index| {
            if squared <= limit {
                found.push((index as usize, squared.sqrt()));
            }
            limit
        });
        found.sort_unstable_by_key(|neighbour| neighbour.0);
        found
    }

    /// Shows `visit` every point whose squared distance may be within the limit that `visit` last returned.
    fn search(&self, place: [f64; 3], visit: &mut impl FnMut(f64, u32) -> f64) {
        if !self.points.is_empty() {
            let mut limit = f64::INFINITY;
            self.descend(0, (place, [0.0; 3]), &mut limit, visit);
        }
    }

    /// `offsets` is the distance from the place to the node's box along each axis.
    fn descend(
        &self,
        node: usize,
        (place, offsets): ([f64; 3], [f64; 3]),
        limit: &mut f64,
        visit: &mut impl FnMut(f64, u32) -> f64,
    ) {
        match self.nodes[node] {
            Node::Leaf { start, end } => {
                for (point, index) in &self.points[start as usize..end as usize] {
                    let [dx, dy, dz] = [point[0] - place[0], point[1] - place[1], point[2] - place[2]];
                    let squared = dx * dx + dy * dy + dz * dz;
                    if squared <= *limit {
                        *limit = visit(squared, *index);
                    }
                }
            }
            Node::Split { axis, at, right } => {
                let axis = usize::from(axis);
                let beyond = place[axis] - at;
                let (near, far) = if beyond < 0.0 { (node + 1, right as usize) } else { (right as usize, node + 1) };
                self.descend(near, (place, offsets), limit, visit);
                let mut across = offsets;
                across[axis] = across[axis].max(beyond.abs());
                if across.iter().map(|offset| offset * offset).sum::<f64>() <= *limit {
                    self.descend(far, (place, across), limit, visit);
                }
            }
        }
    }
}

fn build(points: &mut [([f64; 3], u32)], start: u32, nodes: &mut Vec<Node>) {
    let count = points.len() as u32;
    if points.len() <= LEAF_POINTS {
        nodes.push(Node::Leaf { start, end: start + count });
        return;
    }
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for (point, _) in points.iter() {
        for axis in 0..3 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let widest = |best: usize, axis: usize| if high[axis] - low[axis] > high[best] - low[best] { axis } else { best };
    let axis = (1..3).fold(0, widest);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a.0[axis].total_cmp(&b.0[axis]).then(a.1.cmp(&b.1)));
    let at = points[middle].0[axis];
    let place = nodes.len();
    nodes.push(Node::Split { axis: axis as u8, at, right: 0 });
    let (left, right) = points.split_at_mut(middle);
    build(left, start, nodes);
    let right_node = nodes.len() as u32;
    build(right, start + middle as u32, nodes);
    nodes[place] = Node::Split { axis: axis as u8, at, right: right_node };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Coordinates on a coarse lattice, so that ties and coincident points are common.
    fn points(count: usize) -> impl Strategy<Value = Vec<[f64; 3]>> {
        prop::collection::vec(prop::array::uniform3((-8_i32..8).prop_map(|step| f64::from(step) * 0.5)), 0..count)
    }

    fn brute_force(points: &[[f64; 3]], place: [f64; 3]) -> Vec<(f64, usize)> {
        let squared = |p: &[f64; 3]| (0..3).map(|axis| (p[axis] - place[axis]).powi(2)).sum::<f64>();
        let mut all: Vec<(f64, usize)> = points.iter().enumerate().map(|(index, p)| (squared(p), index)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all
    }

    proptest! {
        #[test]
        fn answers_match_brute_force(cloud in points(200), place in prop::array::uniform3(-6.0..6.0_f64), k in 0_usize..20, radius in 0.0..6.0_f64) {
            let tree = PointTree::new(&cloud);
            let all = brute_force(&cloud, place);
            prop_assert_eq!(tree.nearest(place).map(|n| n.0), all.first().map(|n| n.1));
            let expected: Vec<usize> = all.iter().take(k).map(|n| n.1).collect();
            prop_assert_eq!(tree.k_nearest(place, k).into_iter().map(|n| n.0).collect::<Vec<_>>(), expected);
            let mut inside: Vec<usize> = all.iter().filter(|n| n.0 <= radius * radius).map(|n| n.1).collect();
            inside.sort_unstable();
            prop_assert_eq!(tree.within(place, radius).into_iter().map(|n| n.0).collect::<Vec<_>>(), inside);
        }
    }

    #[test]
    fn many_coincident_points_do_not_overflow_the_stack() {
        let tree = PointTree::new(&vec![[1.0, 2.0, 3.0]; 10_000]);
        assert_eq!(tree.nearest([0.0; 3]).unwrap().0, 0);
        assert_eq!(tree.k_nearest([0.0; 3], 3).iter().map(|n| n.0).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
