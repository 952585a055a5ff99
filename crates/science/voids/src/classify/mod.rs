//! Who is in a void: the environment of each galaxy by one void catalogue.
//!
//! VoidFinder: inside the union of a void's holes, strictly, with a tolerance, because the galaxies that define a hole
//! lie on its surface (Hoyle & Vogeley 2002, 2002ApJ...566..641H; Pan et al. 2012, 2012MNRAS.421..926P find 7 % of
//! galaxies in voids). Watershed: the zone of the Voronoi cell a galaxy lies in (Neyrinck 2008,
//! 2008MNRAS.386.2101N). Outside the survey volume no statement is made. No statistics here, and no files.

mod error;
mod galaxies;
mod nearby;
mod order;
mod table;
mod tracers;
mod volume;

use std::collections::HashMap;

use desi::desivast::{VoidCatalogue, VoidFinderCatalogue, ZoneCatalogue};

pub use error::ClassifyError;
pub use galaxies::{Galaxies, PlacedGalaxies};
pub use table::{Counts, environment_table};
pub use tracers::{TracerOf, locate_tracers, same_tracers};
pub use volume::{VolumeShares, volume_shares};

use crate::catalogue::{VoidTable, algorithm_name};
use crate::sphere_union::{Cells, OwnedSphere, SphereUnion};
use galaxies::Place;
use nearby::NearestOf;

/// No void, no tracer.
pub(crate) const NONE: u32 = u32::MAX;

/// A galaxy's environment by one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Environment {
    /// In a void, away from the survey's boundary.
    Void,
    /// In no void, away from the survey's boundary.
    Wall,
    /// Within the margin of the survey's boundary, or in a void that touches it: kept, left out of statistics.
    Edge,
    /// Outside the survey volume: no statement.
    Outside,
}

impl Environment {
    /// Every environment, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Void, Self::Wall, Self::Edge, Self::Outside];

    /// Lower-case name, as in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Wall => "wall",
            Self::Edge => "edge",
            Self::Outside => "outside",
        }
    }
}

/// The rules that may be varied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifySettings {
    /// A galaxy is in a hole when d < R (1 - this) - `position_tolerance_mpc_h`.
    pub hole_tolerance: f64,
    /// How far our position of a galaxy may be from the finder's, Mpc/h. VAST uses c = 299792 km/s and single
    /// precision, which moves galaxies by up to 6e-4 Mpc/h at z = 0.1 and 1.1e-3 at z = 0.24. With 0 the galaxies
    /// on the surfaces of holes fall in: 20 % of DR7 tracers instead of 6.5 %.
    pub position_tolerance_mpc_h: f64,
    /// Distance along the axes within which the boundary is near, Mpc/h.
    pub boundary_margin_mpc_h: f64,
    /// A watershed void touches the edge when more than this part of its outer surface does.
    pub edge_area_fraction: f64,
}

impl Default for ClassifySettings {
    fn default() -> Self {
        Self {
            hole_tolerance: 1e-6,
            position_tolerance_mpc_h: 2e-3,
            boundary_margin_mpc_h: 10.0,
            edge_area_fraction: 0.1,
        }
    }
}

/// What one algorithm says of one galaxy. Rows of voids refer to [`Classification::voids`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Membership {
    /// The environment.
    pub environment: Environment,
    /// Whether a point 10 Mpc/h away along an axis is outside the survey.
    pub near_boundary: bool,
    /// Whether the void it is in touches the survey's edge, or its Voronoi cell does.
    pub edge_void: bool,
    /// Whether it is within `R_eff` of any void's centre, the simple rule.
    pub spherical: bool,
    void: u32,
    nearest: u32,
    /// Distance to the centre of the nearest void, Mpc/h; meaningless when there is none.
    distance_mpc_h: f32,
}

impl Membership {
    const OUTSIDE: Self = Self {
        environment: Environment::Outside,
        near_boundary: false,
        edge_void: false,
        spherical: false,
        void: NONE,
        nearest: NONE,
        distance_mpc_h: 0.0,
    };

    /// Row of the void it is in; kept for galaxies at the edge. Where voids overlap, the first of them.
    #[must_use]
    pub fn void(&self) -> Option<u32> {
        (self.void != NONE).then_some(self.void)
    }

    /// Row of the void with the nearest centre, and the distance to it in Mpc/h.
    #[must_use]
    pub fn nearest(&self) -> Option<(u32, f32)> {
        (self.nearest != NONE).then_some((self.nearest, self.distance_mpc_h))
    }
}

/// The environments of all galaxies by one algorithm, in input order. 20 bytes a galaxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// The voids that the rows refer to.
    pub voids: VoidTable,
    /// One row a galaxy.
    pub rows: Vec<Membership>,
}

/// Classifies galaxies by the caps of one algorithm. Parallel over galaxies; the answer does not depend on threads.
///
/// # Errors
/// When the catalogues do not belong together or refer to voids or zones that they do not hold.
pub fn classify(
    galaxies: &PlacedGalaxies,
    parts: &[VoidCatalogue],
    settings: &ClassifySettings,
) -> Result<Classification, ClassifyError> {
    check_distance_scale(galaxies, parts)?;
    let zones: Vec<&ZoneCatalogue> = zone_parts(parts);
    if zones.is_empty() {
        return classify_by_holes(galaxies, parts, settings);
    }
    let tracers = locate_tracers(galaxies, &zones)?;
    classify_by_zones(galaxies, parts, &tracers, settings)
}

/// Classifies by several algorithms, one item each with all its caps; tracers are located once where they are shared.
///
/// # Errors
/// As [`classify`], for the first algorithm that fails.
pub fn classify_all(
    galaxies: &PlacedGalaxies,
    algorithms: &[Vec<VoidCatalogue>],
    settings: &ClassifySettings,
) -> Result<Vec<Classification>, ClassifyError> {
    let mut located: Vec<(Vec<&ZoneCatalogue>, TracerOf)> = Vec::new();
    let mut results = Vec::with_capacity(algorithms.len());
    for parts in algorithms {
        check_distance_scale(galaxies, parts)?;
        let zones = zone_parts(parts);
        if zones.is_empty() {
            results.push(classify_by_holes(galaxies, parts, settings)?);
            continue;
        }
        let found = located.iter().position(|(other, _)| same_tracers(other, &zones));
        let index = match found {
            Some(index) => index,
            None => {
                let tracers = locate_tracers(galaxies, &zones)?;
                located.push((zones, tracers));
                located.len() - 1
            }
        };
        results.push(classify_by_zones(galaxies, parts, &located[index].1, settings)?);
    }
    Ok(results)
}

/// Positions on another distance scale would be megaparsecs away from the voids.
fn check_distance_scale(galaxies: &PlacedGalaxies, parts: &[VoidCatalogue]) -> Result<(), ClassifyError> {
    for catalogue in parts {
        let omega_m = match catalogue {
            VoidCatalogue::VoidFinder(catalogue) => catalogue.limits.omega_m,
            VoidCatalogue::Zones(catalogue) => catalogue.limits.omega_m,
        };
        // Headers round: 1e-6 in omega_m moves z = 0.24 by 2e-5 Mpc/h.
        if (omega_m - galaxies.omega_m).abs() > 1e-6 {
            return Err(ClassifyError::OtherDistanceScale { galaxies: galaxies.omega_m, catalogue: omega_m });
        }
    }
    Ok(())
}

fn zone_parts(parts: &[VoidCatalogue]) -> Vec<&ZoneCatalogue> {
    parts
        .iter()
        .filter_map(|part| match part {
            VoidCatalogue::Zones(zones) => Some(zones),
            VoidCatalogue::VoidFinder(_) => None,
        })
        .collect()
}

fn classify_by_holes(
    galaxies: &PlacedGalaxies,
    parts: &[VoidCatalogue],
    settings: &ClassifySettings,
) -> Result<Classification, ClassifyError> {
    let voids = VoidTable::new(parts, settings.edge_area_fraction)?;
    let rows = voids.rows();
    let mut spheres = Vec::new();
    for (part, catalogue) in parts.iter().enumerate() {
        if let VoidCatalogue::VoidFinder(VoidFinderCatalogue { holes, .. }) = catalogue {
            for (row, hole) in holes.iter().enumerate() {
                let owner = *rows.get(&(part, hole.void)).ok_or(ClassifyError::UnknownReference {
                    algorithm: algorithm_name(voids.algorithm),
                    part,
                    table: "HOLES",
                    row,
                    what: "void",
                    id: hole.void,
                })?;
                let radius = hole.radius_mpc_h * (1.0 - settings.hole_tolerance) - settings.position_tolerance_mpc_h;
                spheres.push(OwnedSphere { centre: hole.centre_mpc_h, radius, owner });
            }
        }
    }
    let holes = SphereUnion::new(spheres, None, Cells::Fine);
    Ok(each_galaxy(galaxies, voids, |row| Home {
        void: holes.owner_at(galaxies.positions_mpc_h[row]).unwrap_or(NONE),
        edge_cell: false,
        out: false,
    }))
}

fn classify_by_zones(
    galaxies: &PlacedGalaxies,
    parts: &[VoidCatalogue],
    tracer_of: &TracerOf,
    settings: &ClassifySettings,
) -> Result<Classification, ClassifyError> {
    let voids = VoidTable::new(parts, settings.edge_area_fraction)?;
    let void_rows = voids.rows();
    let mut homes = Vec::new();
    for (part, zones) in zone_parts(parts).into_iter().enumerate() {
        zone_homes(part, zones, &void_rows, &mut homes)?;
    }
    let nowhere = Home { void: NONE, edge_cell: false, out: true };
    Ok(each_galaxy(galaxies, voids, |row| homes.get(tracer_of.index[row] as usize).copied().unwrap_or(nowhere)))
}

/// Where a galaxy belongs before the survey's boundary is considered.
#[derive(Debug, Clone, Copy)]
struct Home {
    void: u32,
    edge_cell: bool,
    out: bool,
}

/// The void of each tracer of one part: the smallest void that holds its zone. A tracer whose cell has no volume is in
/// no zone, whatever number (the pseudo-zone's) the file gives it.
fn zone_homes(
    part: usize,
    catalogue: &ZoneCatalogue,
    void_rows: &HashMap<(usize, i64), u32>,
    homes: &mut Vec<Home>,
) -> Result<(), ClassifyError> {
    let unknown = |table, row, what, id| ClassifyError::UnknownReference {
        algorithm: algorithm_name(catalogue.algorithm),
        part,
        table,
        row,
        what,
        id,
    };
    let mut zones = HashMap::with_capacity(catalogue.zones.len());
    for (row, zone) in catalogue.zones.iter().enumerate() {
        let void = match zone.void0.or(zone.void1) {
            None => NONE,
            Some(id) => *void_rows.get(&(part, id)).ok_or_else(|| unknown("ZONEVOID", row, "void", id))?,
        };
        zones.insert(zone.zone, void);
    }
    for (row, tracer) in catalogue.tracers.iter().enumerate() {
        let void = match tracer.zone.filter(|_| !tracer.edge && !tracer.out) {
            None => NONE,
            Some(zone) => *zones.get(&zone).ok_or_else(|| unknown("GALZONE", row, "zone", zone))?,
        };
        homes.push(Home { void, edge_cell: tracer.edge, out: tracer.out });
    }
    Ok(())
}

fn each_galaxy(galaxies: &PlacedGalaxies, voids: VoidTable, home: impl Fn(usize) -> Home + Sync) -> Classification {
    let centres = NearestOf::new(voids.voids.iter().map(|void| void.centre_mpc_h).collect());
    let balls = voids.voids.iter().zip(0_u32..).map(|(void, owner)| OwnedSphere {
        centre: void.centre_mpc_h,
        radius: void.r_eff_mpc_h,
        owner,
    });
    let balls = SphereUnion::new(balls, None, Cells::Fine);
    let near = |rows: &[u32]| centres.candidates(rows.iter().map(|&row| galaxies.positions_mpc_h[row as usize]));
    let rows = galaxies.ask_inside(Membership::OUTSIDE, near, |near, row| {
        let Home { void, edge_cell, out } = home(row);
        if out {
            return Membership::OUTSIDE;
        }
        let position = galaxies.positions_mpc_h[row];
        let (nearest, distance) = centres.nearest(near, position).unwrap_or((NONE, 0.0));
        let near_boundary = galaxies.places[row] == Place::NearBoundary;
        let edge_void = edge_cell || voids.voids.get(void as usize).is_some_and(|void| void.edge);
        let environment = match (near_boundary || edge_void, void) {
            (true, _) => Environment::Edge,
            (false, NONE) => Environment::Wall,
            (false, _) => Environment::Void,
        };
        let spherical = balls.owner_at(position).is_some();
        Membership { environment, near_boundary, edge_void, spherical, void, nearest, distance_mpc_h: distance as f32 }
    });
    Classification { voids, rows }
}
