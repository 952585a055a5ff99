//! Many spheres, indexed so that those around a place are found at once; optionally in a periodic box.

/// Cells with the spheres that reach into each, largest first.
#[derive(Debug, Clone)]
pub struct SphereIndex {
    spheres: Vec<([f64; 3], f64)>,
    period: Option<([f64; 3], [f64; 3])>,
    low: [f64; 3],
    cell: [f64; 3],
    n: [usize; 3],
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl SphereIndex {
    /// Indexes spheres (centre, radius; Mpc/h); `period` is the lowest corner and the sides of a periodic box.
    #[must_use]
    pub fn new(spheres: &[([f64; 3], f64)], period: Option<([f64; 3], [f64; 3])>) -> Self {
        let mut low = [f64::INFINITY; 3];
        let mut high = [f64::NEG_INFINITY; 3];
        for (centre, radius) in spheres {
            for a in 0..3 {
                low[a] = low[a].min(centre[a] - radius);
                high[a] = high[a].max(centre[a] + radius);
            }
        }
        if let Some((corner, sides)) = period {
            low = corner;
            high = [0, 1, 2].map(|a: usize| corner[a] + sides[a]);
        }
        let mean_radius = spheres.iter().map(|s| s.1).sum::<f64>() / spheres.len().max(1) as f64;
        let n =
            [0, 1, 2].map(|a: usize| ((high[a] - low[a]) / mean_radius.max(1e-9)).ceil().clamp(1.0, 160.0) as usize);
        let cell = [0, 1, 2].map(|a: usize| ((high[a] - low[a]) / n[a] as f64).max(1e-12));
        let mut index =
            Self { spheres: spheres.to_vec(), period, low, cell, n, starts: Vec::new(), entries: Vec::new() };
        if !spheres.is_empty() {
            index.fill();
        }
        index
    }

    fn fill(&mut self) {
        let mut order: Vec<u32> = (0..self.spheres.len() as u32).collect();
        order.sort_by(|&a, &b| self.spheres[b as usize].1.total_cmp(&self.spheres[a as usize].1).then(a.cmp(&b)));
        let mut counts = vec![0_u32; self.n.iter().product::<usize>() + 1];
        for &i in &order {
            self.cells_of(i as usize, |cell| counts[cell + 1] += 1);
        }
        for i in 1..counts.len() {
            counts[i] += counts[i - 1];
        }
        let mut entries = vec![0_u32; counts.last().map_or(0, |&c| c as usize)];
        let mut next = counts.clone();
        for &i in &order {
            self.cells_of(i as usize, |cell| {
                entries[next[cell] as usize] = i;
                next[cell] += 1;
            });
        }
        self.starts = counts;
        self.entries = entries;
    }

    /// Calls `visit` for each cell that the sphere reaches into, once.
    fn cells_of(&self, sphere: usize, mut visit: impl FnMut(usize)) {
        let (centre, radius) = self.spheres[sphere];
        let spans: [Vec<(usize, f64)>; 3] = [0, 1, 2].map(|a: usize| {
            let at = |x: f64| ((x - self.low[a]) / self.cell[a]).floor() as i64;
            let (first, last) = (at(centre[a] - radius), at(centre[a] + radius));
            let n = self.n[a] as i64;
            let gap = |c: i64| {
                let from = self.low[a] + c as f64 * self.cell[a];
                (from - centre[a]).max(centre[a] - from - self.cell[a]).max(0.0)
            };
            if self.period.is_some() {
                if last - first + 1 >= n {
                    (0..self.n[a]).map(|c| (c, 0.0)).collect()
                } else {
                    (first..=last).map(|c| (c.rem_euclid(n) as usize, gap(c))).collect()
                }
            } else {
                (first.clamp(0, n - 1)..=last.clamp(0, n - 1)).map(|c| (c as usize, gap(c))).collect()
            }
        });
        let reach_sq = radius * radius * (1.0 + 1e-9);
        for &(z, gap_z) in &spans[2] {
            for &(y, gap_y) in &spans[1] {
                for &(x, gap_x) in &spans[0] {
                    if gap_x * gap_x + gap_y * gap_y + gap_z * gap_z <= reach_sq {
                        visit((z * self.n[1] + y) * self.n[0] + x);
                    }
                }
            }
        }
    }

    fn candidates(&self, place: [f64; 3]) -> &[u32] {
        let mut flat = 0;
        for a in [2, 1, 0] {
            let mut at = (place[a] - self.low[a]) / self.cell[a];
            if self.period.is_some() {
                at = at.rem_euclid(self.n[a] as f64);
            }
            let last = self.n[a] as f64;
            if !(at >= 0.0 && at <= last) {
                return &[];
            }
            flat = flat * self.n[a] + (at as usize).min(self.n[a] - 1);
        }
        match (self.starts.get(flat), self.starts.get(flat + 1)) {
            (Some(&from), Some(&to)) => &self.entries[from as usize..to as usize],
            _ => &[],
        }
    }

    fn inside(&self, sphere: u32, place: [f64; 3], tolerance: f64) -> bool {
        let (centre, radius) = self.spheres[sphere as usize];
        let mut distance_sq = 0.0;
        for a in 0..3 {
            let mut d = place[a] - centre[a];
            if let Some((_, sides)) = self.period {
                d -= sides[a] * (d / sides[a]).round();
            }
            distance_sq += d * d;
        }
        let reach = radius * (1.0 - tolerance);
        distance_sq < reach * reach
    }

    /// Is the place inside any sphere, by more than the fraction `tolerance` of its radius?
    #[must_use]
    pub fn contains(&self, place: [f64; 3], tolerance: f64) -> bool {
        self.candidates(place).iter().any(|&i| self.inside(i, place, tolerance))
    }

    /// Numbers of the spheres around the place, largest first.
    pub fn around(&self, place: [f64; 3], tolerance: f64) -> impl Iterator<Item = usize> + '_ {
        self.candidates(place).iter().filter(move |&&i| self.inside(i, place, tolerance)).map(|&i| i as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_look_at_every_sphere_finds(
            spheres in prop::collection::vec(([0.0..50.0_f64, 0.0..50.0_f64, 0.0..50.0_f64], 0.5..12.0_f64), 1..40),
            place in [0.0..50.0_f64, 0.0..50.0_f64, 0.0..50.0_f64],
            periodic in any::<bool>(),
        ) {
            let index = SphereIndex::new(&spheres, periodic.then_some(([0.0; 3], [50.0; 3])));
            let mut found: Vec<usize> = index.around(place, 0.0).collect();
            found.sort_unstable();
            let expected: Vec<usize> = (0..spheres.len()).filter(|&i| {
                let (centre, radius) = spheres[i];
                let d2: f64 = (0..3).map(|a| {
                    let d = place[a] - centre[a];
                    (if periodic { d - 50.0 * (d / 50.0).round() } else { d }).powi(2)
                }).sum();
                d2 < radius * radius
            }).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
