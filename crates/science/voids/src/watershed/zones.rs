//! Watershed zones: every cell flows to its largest neighbour, until a cell larger than all its neighbours is reached.

use super::tessellation::Tessellation;
use rayon::prelude::*;

/// Marks a cell without volume, which belongs to no zone.
pub(super) const NO_ZONE: u32 = u32::MAX;

/// One zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its largest cell.
    pub core_cell: u32,
    /// Volume a tracer of the core, (Mpc/h)^3.
    pub core_volume_mpc_h3: f64,
    /// Volume of all cells, (Mpc/h)^3.
    pub volume_mpc_h3: f64,
    /// Number of cells.
    pub cells: u32,
    /// Number of its cells that touch a cell without volume.
    pub edge_cells: u32,
}

/// The saddle between two zones that touch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The two zones, ascending.
    pub zones: [u32; 2],
    /// Volume a tracer at the saddle: the largest over touching pairs of cells of the smaller of the two, (Mpc/h)^3.
    pub volume_mpc_h3: f64,
}

/// The division of cells into zones. Zones are numbered by decreasing core volume.
#[derive(Debug, Clone)]
pub struct Zones {
    pub(super) zone_of_cell: Vec<u32>,
    pub(super) depth: Vec<u32>,
    pub(super) zones: Vec<Zone>,
    pub(super) links: Vec<Link>,
}

impl Zones {
    /// Divides the cells that have a volume. Of cells with equal volume the first counts as the larger.
    pub(super) fn new(tessellation: &Tessellation) -> Self {
        let cells = tessellation.len();
        let specific: Vec<f64> = (0..cells).map(|c| tessellation.specific_volume_mpc_h3(c)).collect();
        let larger = |a: usize, b: usize| specific[a] > specific[b] || (specific[a] == specific[b] && a < b);
        let flow: Vec<(u32, bool)> = (0..cells)
            .into_par_iter()
            .with_min_len(1024)
            .map(|cell| {
                let mut largest = cell;
                let mut edge = false;
                for neighbour in tessellation.neighbours(cell) {
                    edge |= specific[neighbour] == 0.0;
                    if larger(neighbour, largest) {
                        largest = neighbour;
                    }
                }
                (largest as u32, edge)
            })
            .collect();
        let mut order: Vec<u32> = (0..cells as u32).filter(|&c| specific[c as usize] > 0.0).collect();
        order.par_sort_unstable_by(|&a, &b| {
            specific[b as usize].total_cmp(&specific[a as usize]).then_with(|| a.cmp(&b))
        });
        let mut zone_of_cell = vec![NO_ZONE; cells];
        let mut depth = vec![0; cells];
        let mut zones: Vec<Zone> = Vec::new();
        for &cell in &order {
            let cell = cell as usize;
            let (to, edge) = flow[cell];
            if to as usize == cell {
                zone_of_cell[cell] = zones.len() as u32;
                zones.push(Zone {
                    core_cell: to,
                    core_volume_mpc_h3: specific[cell],
                    volume_mpc_h3: 0.0,
                    cells: 0,
                    edge_cells: 0,
                });
            } else {
                zone_of_cell[cell] = zone_of_cell[to as usize];
                depth[cell] = depth[to as usize] + 1;
            }
            let zone = &mut zones[zone_of_cell[cell] as usize];
            zone.volume_mpc_h3 += tessellation.volumes_mpc_h3()[cell];
            zone.cells += 1;
            zone.edge_cells += u32::from(edge);
        }
        let links = links(tessellation, &specific, &zone_of_cell);
        Self { zone_of_cell, depth, zones, links }
    }
}

/// The links between zones, by ascending zone numbers.
fn links(tessellation: &Tessellation, specific: &[f64], zone_of_cell: &[u32]) -> Vec<Link> {
    let mut touching: Vec<Link> = (0..tessellation.len())
        .into_par_iter()
        .with_min_len(1024)
        .flat_map_iter(|cell| {
            let zone = zone_of_cell[cell];
            tessellation.neighbours(cell).filter_map(move |neighbour| {
                let other = zone_of_cell[neighbour];
                let counts = zone != NO_ZONE && other != NO_ZONE && zone < other;
                counts.then(|| Link { zones: [zone, other], volume_mpc_h3: specific[cell].min(specific[neighbour]) })
            })
        })
        .collect();
    touching
        .par_sort_unstable_by(|a, b| a.zones.cmp(&b.zones).then_with(|| b.volume_mpc_h3.total_cmp(&a.volume_mpc_h3)));
    touching.dedup_by_key(|link| link.zones);
    touching
}
