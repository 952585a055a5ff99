//! The hierarchy of voids: as the water rises over the saddles, the shallower of two zones overflows into the deeper.
//!
//! Neyrinck (2008), doi:10.1111/j.1365-2966.2008.13180.x.

use super::zones::Zones;

/// A candidate void: the zone group that a zone is the deepest of, at the moment it overflows into a deeper one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreVoid {
    /// Its deepest zone.
    pub core_zone: u32,
    /// Volume a tracer at the saddle over which it overflows, (Mpc/h)^3; 0 for the last one, which never does.
    pub overflow_mpc_h3: f64,
}

/// All candidate voids, in the order in which they overflow; the last is the deepest of all, with every zone.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    pub(super) pre_voids: Vec<PreVoid>,
    /// For each zone the groups that flowed into the group it is the core of, with the level, in that order.
    absorbed: Vec<Vec<(f64, u32)>>,
}

impl Hierarchy {
    /// Merges zones from the highest saddle volume to the lowest.
    pub(super) fn new(zones: &Zones) -> Self {
        let count = zones.zones.len();
        let mut links = zones.links.clone();
        links.sort_unstable_by(|a, b| b.volume_mpc_h3.total_cmp(&a.volume_mpc_h3).then_with(|| a.zones.cmp(&b.zones)));
        let mut group = Groups::new(count);
        let mut absorbed: Vec<Vec<(f64, u32)>> = vec![Vec::new(); count];
        let mut pre_voids = Vec::with_capacity(count);
        for level in links.chunk_by(|a, b| a.volume_mpc_h3 == b.volume_mpc_h3) {
            let overflow_mpc_h3 = level[0].volume_mpc_h3;
            let mut cores: Vec<(u32, u32)> = Vec::with_capacity(2 * level.len());
            for zone in level.iter().flat_map(|link| link.zones) {
                cores.push((zone, group.core(zone)));
            }
            cores.sort_unstable();
            cores.dedup();
            for link in level {
                group.unite(link.zones);
            }
            // In the order of the zones that touch here, as the groups are numbered in the reference.
            let mut done: Vec<u32> = Vec::new();
            for (_, core) in cores {
                let deepest = group.core(core);
                if core != deepest && !done.contains(&core) {
                    done.push(core);
                    pre_voids.push(PreVoid { core_zone: core, overflow_mpc_h3 });
                    absorbed[deepest as usize].push((overflow_mpc_h3, core));
                }
            }
        }
        // Zones that no saddle connects with the deepest are parts of the whole survey only.
        for zone in 1..count as u32 {
            if group.core(zone) == zone {
                absorbed[0].push((0.0, zone));
            }
        }
        if count > 0 {
            pre_voids.push(PreVoid { core_zone: 0, overflow_mpc_h3: 0.0 });
        }
        Self { pre_voids, absorbed }
    }

    /// The candidate voids in the order in which they overflow.
    pub fn pre_voids(&self) -> &[PreVoid] {
        &self.pre_voids
    }

    /// Zones of the group of a candidate, ascending; only those that joined it over saddles of at least
    /// `lowest_saddle_mpc_h3` (0 for all).
    pub fn zones_of(&self, candidate: &PreVoid, lowest_saddle_mpc_h3: f64) -> Vec<u32> {
        let mut zones = vec![candidate.core_zone];
        let mut open = Vec::new();
        let joined = |zone: u32| self.absorbed[zone as usize].iter().filter(|(l, _)| *l >= lowest_saddle_mpc_h3);
        open.extend(joined(candidate.core_zone).map(|&(_, zone)| zone));
        while let Some(zone) = open.pop() {
            zones.push(zone);
            // Whatever flowed into a group did so over a higher saddle than the group itself.
            open.extend(self.absorbed[zone as usize].iter().map(|&(_, inner)| inner));
        }
        zones.sort_unstable();
        zones
    }
}

/// Union-find in which a group is named by its deepest zone, the one with the smallest number.
struct Groups(Vec<u32>);

impl Groups {
    fn new(zones: usize) -> Self {
        Self((0..zones as u32).collect())
    }

    fn core(&mut self, zone: u32) -> u32 {
        let mut at = zone;
        while self.0[at as usize] != at {
            let above = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = above;
            at = above;
        }
        at
    }

    fn unite(&mut self, zones: [u32; 2]) {
        let [a, b] = zones.map(|zone| self.core(zone));
        self.0[a.max(b) as usize] = a.min(b);
    }
}
