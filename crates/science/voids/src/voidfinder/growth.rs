//! Growth of one hole: from a place without galaxies to the empty sphere that four wall galaxies bound.
//!
//! The centre first moves away from its nearest wall galaxy, then away from the middle of the first two, then along
//! the normal of the first three; each time until the growing sphere touches another galaxy. Moving a centre `c`
//! with bounding galaxy `A` by `t u` makes it equally far from `A` and `g` at `t = (|g-c|^2 - |A-c|^2) / (2 (g-A).u)`;
//! the galaxy with the smallest such `t >= 0` is touched first. Source: Hoyle & Vogeley 2002 (2002ApJ...566..641H).

use super::point_grid::{Layout, PointGrid};
use super::region::Region;

/// Candidates whose height above the plane of the bounding galaxies is below this, in Mpc/h, are never reached.
const COPLANAR_MPC_H: f64 = 1e-9;
/// The first search along a ray goes so far, in radii of the sphere that grows: most galaxies are met before.
const FIRST_REACH: f64 = 0.4;
/// The mask is tested every so far along a ray on which no galaxy has been met yet, Mpc/h.
const RAY_STEP_MPC_H: f64 = 15.0;

/// An empty sphere bounded by four wall galaxies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sphere {
    pub(crate) centre: [f64; 3],
    pub(crate) radius: f64,
}

#[derive(Debug, Clone, Copy)]
struct Touch {
    index: usize,
    position: [f64; 3],
}

/// What a hole grows in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) walls: &'a PointGrid,
    pub(crate) region: &'a Region,
    /// First radius of the search for the nearest galaxy, Mpc/h.
    pub(crate) first_reach: f64,
    /// No sphere is grown further than this, Mpc/h.
    pub(crate) furthest: f64,
}

/// The region, with a ball that is known to lie inside it: most steps of a hole stay there and need no look at the mask.
#[derive(Debug)]
struct ClearBall<'a> {
    region: &'a Region,
    centre: [f64; 3],
    radius: f64,
}

impl ClearBall<'_> {
    #[inline(always)]
    fn contains(&self, place: [f64; 3]) -> bool {
        let from = minus(place, self.centre);
        (self.radius > 0.0 && dot(from, from) < self.radius * self.radius) || self.region.contains(place)
    }
}

#[inline(always)]
fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline(always)]
fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[inline(always)]
fn along(from: [f64; 3], direction: [f64; 3], by: f64) -> [f64; 3] {
    [from[0] + by * direction[0], from[1] + by * direction[1], from[2] + by * direction[2]]
}

#[inline(always)]
fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(v, v).sqrt();
    (length > 1e-12).then(|| v.map(|c| c / length))
}

/// Some unit vector perpendicular to `v`.
#[inline(always)]
fn perpendicular(v: [f64; 3]) -> Option<[f64; 3]> {
    let axis = if v[0].abs() < 0.6 * dot(v, v).sqrt() { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
    unit(cross(v, axis))
}

impl Surroundings<'_> {
    /// The holes that grow from the centres of these cells, in their order. Everything it calls is compiled into it, so
    /// that a caller who asks for the processor's wide vectors gets them throughout; the results do not depend on them.
    #[inline(always)]
    pub(crate) fn grow_all(&self, cells: &[u32], layout: Layout) -> Vec<Sphere> {
        let mut grown = Vec::new();
        for &cell in cells {
            if let Some(Sphere { centre, radius }) = self.grow(layout.cell_centre(cell as usize)) {
                grown.push(Sphere { centre: self.region.wrapped(centre), radius });
            }
        }
        grown
    }

    /// Grows the hole that starts at `start`; `None` where a step leaves the region or meets no galaxy.
    #[inline(always)]
    fn grow(&self, start: [f64; 3]) -> Option<Sphere> {
        if !self.region.contains(start) {
            return None;
        }
        let inside = ClearBall { region: self.region, centre: start, radius: self.region.clear_radius_mpc_h(start) };
        let first = self.nearest(start)?;
        // A start on top of a galaxy has no direction away from it; any will do, and x is as good as another.
        let away = unit(minus(start, first.position)).unwrap_or([1.0, 0.0, 0.0]);
        let (second, centre) = self.advance(&inside, start, &[first], away)?;

        let middle = [0, 1, 2].map(|a: usize| 0.5 * (first.position[a] + second.position[a]));
        let away = match unit(minus(centre, middle)) {
            Some(away) => away,
            None => perpendicular(minus(first.position, second.position))?,
        };
        let (third, centre) = self.advance(&inside, centre, &[first, second], away)?;

        let edges = (minus(second.position, first.position), minus(third.position, first.position));
        let normal = unit(cross(edges.0, edges.1))?;
        let height = dot(minus(centre, first.position), normal);
        let touching = [first, second, third];
        let centre = if height.abs() > COPLANAR_MPC_H {
            let away = if height > 0.0 { normal } else { normal.map(|c| -c) };
            self.advance(&inside, centre, &touching, away)?.1
        } else {
            self.advance_either_way(&inside, centre, &touching, normal)?
        };
        let radius = dot(minus(centre, first.position), minus(centre, first.position)).sqrt();
        (radius <= self.furthest).then_some(Sphere { centre, radius })
    }

    /// From a centre in the plane of its three galaxies: the nearer of the two valid moves.
    #[inline(always)]
    fn advance_either_way(
        &self,
        inside: &ClearBall<'_>,
        centre: [f64; 3],
        touching: &[Touch; 3],
        normal: [f64; 3],
    ) -> Option<[f64; 3]> {
        let moved = [normal, normal.map(|c| -c)].map(|way| {
            self.advance(inside, centre, touching, way).map(|(_, c)| (dot(minus(c, centre), minus(c, centre)), c))
        });
        match moved {
            [Some(up), Some(down)] => Some(if up.0 <= down.0 { up.1 } else { down.1 }),
            [Some(only), None] | [None, Some(only)] => Some(only.1),
            [None, None] => None,
        }
    }

    #[inline(always)]
    fn nearest(&self, place: [f64; 3]) -> Option<Touch> {
        let mut reach = self.first_reach;
        loop {
            let mut best = (reach * reach, usize::MAX, [0.0; 3]);
            self.walls.visit_shrinking_ball(
                (place, reach),
                #[inline(always)]
                |run, shift| {
                    let before = best.1;
                    let at = minus(place, shift);
                    self.walls.each_within(
                        run,
                        at,
                        best.0,
                        #[inline(always)]
                        |index| {
                            let to = minus(self.walls.position(index), at);
                            if dot(to, to) < best.0 {
                                best = (dot(to, to), index, shift);
                            }
                        },
                    );
                    (best.1 != before).then(|| (place, best.0.sqrt()))
                },
            );
            if best.1 != usize::MAX {
                return Some(self.touch(best.1, best.2));
            }
            if reach >= 2.0 * self.furthest {
                return None;
            }
            reach = (2.0 * reach).min(2.0 * self.furthest);
        }
    }

    #[inline(always)]
    fn touch(&self, index: usize, shift: [f64; 3]) -> Touch {
        let p = self.walls.position(index);
        Touch { index, position: [p[0] + shift[0], p[1] + shift[1], p[2] + shift[2]] }
    }

    /// Moves `centre` along the unit vector `way` until the sphere through `touching` meets the next galaxy; `None`
    /// if it meets none or the new centre is outside the region.
    #[inline(always)]
    fn advance(
        &self,
        inside: &ClearBall<'_>,
        centre: [f64; 3],
        touching: &[Touch],
        way: [f64; 3],
    ) -> Option<(Touch, [f64; 3])> {
        let anchor = minus(touching.first()?.position, centre);
        let radius_sq = dot(anchor, anchor);
        let behind = -dot(anchor, way);
        let mut reach = FIRST_REACH * radius_sq.sqrt() + 0.5;
        let mut tested = 0.0;
        loop {
            let (best, index, shift) = self.first_met(centre, way, (radius_sq, behind), touching, reach);
            if index != usize::MAX {
                let moved = along(centre, way, best);
                return inside.contains(moved).then(|| (self.touch(index, shift), moved));
            }
            while tested + RAY_STEP_MPC_H <= reach {
                tested += RAY_STEP_MPC_H;
                if !inside.contains(along(centre, way, tested)) {
                    return None;
                }
            }
            if (radius_sq + 2.0 * reach * behind + reach * reach).sqrt() > self.furthest {
                return None;
            }
            reach *= 2.0;
        }
    }

    /// The smallest move up to `reach` that meets a galaxy, with that galaxy and its periodic shift; `usize::MAX` for
    /// the galaxy if there is none. The ball to search shrinks with every galaxy found.
    #[inline(always)]
    fn first_met(
        &self,
        centre: [f64; 3],
        way: [f64; 3],
        (radius_sq, behind): (f64, f64),
        touching: &[Touch],
        reach: f64,
    ) -> (f64, usize, [f64; 3]) {
        let ball_sq = |reach: f64| (radius_sq + reach * (2.0 * behind + reach)) * (1.0 + 1e-12);
        let mut best = (reach, usize::MAX, [0.0; 3]);
        self.walls.visit_shrinking_ball(
            (along(centre, way, reach), ball_sq(reach).sqrt()),
            #[inline(always)]
            |run, shift| {
                let before = best.1;
                let at = minus(centre, shift);
                self.walls.each_within(
                    run,
                    along(at, way, best.0),
                    ball_sq(best.0),
                    #[inline(always)]
                    |index| {
                        let to = minus(self.walls.position(index), at);
                        let (ahead, outside) = (dot(to, way) + behind, dot(to, to) - radius_sq);
                        if ahead > COPLANAR_MPC_H && outside < 2.0 * best.0 * ahead {
                            let candidate = self.touch(index, shift);
                            let known = |t: &Touch| t.index == candidate.index && t.position == candidate.position;
                            if !touching.iter().any(known) {
                                // Rounding may put a galaxy a hair inside the sphere: it is touched at once.
                                best = (outside.max(0.0) / (2.0 * ahead), candidate.index, shift);
                            }
                        }
                    },
                );
                (best.1 != before).then(|| (along(centre, way, best.0), ball_sq(best.0).sqrt()))
            },
        );
        best
    }
}
