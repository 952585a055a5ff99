//! The nearest of many points, asked by places that lie together.
//!
//! What is nearest to any place of a small box is among the points within d + 2 h of the box's centre, d being the
//! distance of the centre's own nearest point and h half the box's diagonal. A short list serves the whole box.

use astro::neighbours::PointTree;

/// A longer list is slower than the tree.
const MOST_CANDIDATES: usize = 48;

/// Points with their tree.
#[derive(Debug)]
pub(super) struct NearestOf {
    points: Vec<[f64; 3]>,
    tree: PointTree,
}

/// The points of which one is nearest to each place of a box, by index; `None` where there are too many.
#[derive(Debug)]
pub(super) struct Candidates(Option<Vec<u32>>);

impl NearestOf {
    pub(super) fn new(points: Vec<[f64; 3]>) -> Self {
        let tree = PointTree::new(&points);
        Self { points, tree }
    }

    /// What may be nearest to these places.
    pub(super) fn candidates(&self, places: impl Iterator<Item = [f64; 3]>) -> Candidates {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for place in places {
            for axis in 0..3 {
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis]);
            }
        }
        let centre = [0, 1, 2].map(|axis| 0.5 * (low[axis] + high[axis]));
        let half = 0.5 * (0..3).map(|axis| (high[axis] - low[axis]).powi(2)).sum::<f64>().sqrt();
        let Some((_, nearest)) = self.tree.nearest(centre) else { return Candidates(Some(Vec::new())) };
        // A hair of slack for rounding.
        let reach = (nearest + 2.0 * half) * (1.0 + 1e-9);
        if reach > 8.0 * nearest {
            return Candidates(None);
        }
        let found = self.tree.within(centre, reach);
        let few = found.len() <= MOST_CANDIDATES;
        Candidates(few.then(|| found.into_iter().map(|(index, _)| index as u32).collect()))
    }

    /// The nearest point and its distance; the lowest index on a tie.
    pub(super) fn nearest(&self, candidates: &Candidates, place: [f64; 3]) -> Option<(u32, f64)> {
        let Candidates(Some(indices)) = candidates else {
            return self.tree.nearest(place).map(|(index, distance)| (index as u32, distance));
        };
        let mut best: Option<(u32, f64)> = None;
        for &index in indices {
            let point = self.points[index as usize];
            let [dx, dy, dz] = [point[0] - place[0], point[1] - place[1], point[2] - place[2]];
            let squared = dx * dx + dy * dy + dz * dz;
            if best.is_none_or(|(_, least)| squared < least) {
                best = Some((index, squared));
            }
        }
        best.map(|(index, squared)| (index, squared.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Place = (f64, f64, f64);

    fn places(count: std::ops::Range<usize>, span: f64) -> impl Strategy<Value = Vec<[f64; 3]>> {
        let place = (-span..span, -span..span, -span..span).prop_map(|(x, y, z): Place| [x, y, z]);
        prop::collection::vec(place, count)
    }

    proptest! {
        #[test]
        fn a_list_of_candidates_never_changes_the_answer(
            points in places(0..80, 50.0), asked in places(1..20, 6.0), corner in places(1..2, 60.0),
        ) {
            let asked: Vec<[f64; 3]> = asked.iter().map(|p| [0, 1, 2].map(|k| p[k] + corner[0][k])).collect();
            let of = NearestOf::new(points);
            let candidates = of.candidates(asked.iter().copied());
            for place in asked {
                let expected = of.tree.nearest(place).map(|(index, distance)| (index as u32, distance));
                prop_assert_eq!(of.nearest(&candidates, place), expected);
            }
        }
    }
}
