//! Which tracer speaks for a galaxy: itself, or the one whose Voronoi cell it lies in.

use std::collections::HashMap;

use arrow::array::Array;
use astro::neighbours::PointTree;
use desi::desivast::{Tracer, ZoneCatalogue};

use super::galaxies::{Place, PlacedGalaxies};
use super::{ClassifyError, NONE};
use crate::catalogue::algorithm_name;

/// How far apart the finder's position of a galaxy and ours may be for `GAL` to be believed, Mpc/h.
const SAME_GALAXY_MPC_H: f64 = 0.05;

/// For every galaxy the tracer that speaks for it, as an index into the tracers of all parts, one part after the
/// other. Made once for all watershed catalogues of the same tracers.
#[derive(Debug)]
pub struct TracerOf {
    pub(crate) index: Vec<u32>,
}

/// Whether two sets of catalogues share their tracers, so that one [`TracerOf`] serves both.
#[must_use]
pub fn same_tracers(one: &[&ZoneCatalogue], other: &[&ZoneCatalogue]) -> bool {
    let key = |t: &Tracer| (t.gal, t.target, t.position_mpc_h.map(f64::to_bits), t.out);
    one.len() == other.len()
        && one.iter().zip(other).all(|(a, b)| {
            a.tracers.len() == b.tracers.len() && a.tracers.iter().zip(&b.tracers).all(|(a, b)| key(a) == key(b))
        })
}

/// Finds the tracer of every galaxy inside the volume: by `TARGETID`; else by `GAL`, when a single catalogue numbers
/// the very galaxies given (checked by position); else the nearest tracer inside the mask, lowest index on a tie. A
/// galaxy that the table lists but the finder's cuts left out is no tracer: its nearest one speaks for it.
///
/// # Errors
/// When no tracer lies inside the mask.
pub fn locate_tracers(galaxies: &PlacedGalaxies, parts: &[&ZoneCatalogue]) -> Result<TracerOf, ClassifyError> {
    let tracers: Vec<&Tracer> = parts.iter().flat_map(|part| &part.tracers).collect();
    let inside: Vec<u32> =
        (0_u32..).zip(&tracers).filter(|(_, tracer)| tracer.was_selected()).map(|(index, _)| index).collect();
    if inside.is_empty() {
        let algorithm = parts.first().map_or("watershed", |part| algorithm_name(part.algorithm));
        return Err(ClassifyError::NoTracers { algorithm });
    }
    let positions: Vec<[f64; 3]> = inside.iter().map(|&index| tracers[index as usize].position_mpc_h).collect();
    let tree = PointTree::new(&positions);
    let known = itself(galaxies, &tracers, parts.len());
    let index = galaxies.ask_inside(
        NONE,
        |_| (),
        |(), row| {
            known.tracer(galaxies, row).unwrap_or_else(|| {
                tree.nearest(galaxies.positions_mpc_h[row]).map_or(NONE, |(nearest, _)| inside[nearest])
            })
        },
    );
    Ok(TracerOf { index })
}

/// How a galaxy that is itself a tracer is recognised.
enum Itself {
    ByTarget(HashMap<i64, u32>),
    ByRow(Vec<u32>),
    Unknown,
}

impl Itself {
    fn tracer(&self, galaxies: &PlacedGalaxies, row: usize) -> Option<u32> {
        match self {
            Self::ByTarget(index) => {
                let targets = galaxies.target.as_ref().filter(|targets| targets.is_valid(row))?;
                index.get(&targets.value(row)).copied()
            }
            Self::ByRow(index) => index.get(row).copied().filter(|&tracer| tracer != NONE),
            Self::Unknown => None,
        }
    }
}

fn itself(galaxies: &PlacedGalaxies, tracers: &[&Tracer], parts: usize) -> Itself {
    if galaxies.target.is_some() {
        let speaks = |tracer: &Tracer| tracer.out || tracer.was_selected();
        let index: HashMap<i64, u32> = (0_u32..)
            .zip(tracers)
            .filter(|(_, tracer)| speaks(tracer))
            .filter_map(|(index, tracer)| Some((tracer.target?, index)))
            .collect();
        if !index.is_empty() {
            return Itself::ByTarget(index);
        }
    }
    if parts != 1 {
        return Itself::Unknown;
    }
    let mut by_row = vec![NONE; galaxies.len()];
    for (index, tracer) in (0_u32..).zip(tracers).filter(|(_, tracer)| tracer.was_selected()) {
        let Some(row) = usize::try_from(tracer.gal).ok().filter(|row| *row < by_row.len()) else {
            return Itself::Unknown;
        };
        if galaxies.places[row] == Place::Outside {
            continue;
        }
        let position = galaxies.positions_mpc_h[row];
        let apart = (0..3).map(|axis| (position[axis] - tracer.position_mpc_h[axis]).powi(2)).sum::<f64>().sqrt();
        if apart > SAME_GALAXY_MPC_H {
            return Itself::Unknown;
        }
        by_row[row] = index;
    }
    Itself::ByRow(by_row)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array};
    use astro::Cosmology;
    use desi::desivast::{Algorithm, SurveyLimits};

    use super::super::Galaxies;
    use super::*;
    use crate::survey::HealpixSurvey;

    /// Three galaxies on one line of sight; the middle one is nearest to the first.
    const REDSHIFT: [f64; 3] = [0.050, 0.052, 0.060];

    fn catalogue(zones: [Option<i64>; 3]) -> ZoneCatalogue {
        let cosmology = Cosmology::flat_lcdm(0.3);
        let tracer = |row: usize| Tracer {
            gal: row as i64,
            target: Some(row as i64),
            position_mpc_h: [cosmology.comoving_distance_mpc_h(REDSHIFT[row]), 0.0, 0.0],
            zone: zones[row],
            depth: 0,
            edge: false,
            out: false,
        };
        ZoneCatalogue {
            algorithm: Algorithm::Vide,
            limits: SurveyLimits { omega_m: 0.3, distance_mpc_h: [0.0, 400.0], redshift: [0.0, 0.14] },
            voids: Vec::new(),
            zones: Vec::new(),
            tracers: (0..3).map(tracer).collect(),
            surfaces: None,
        }
    }

    fn located(targets: Option<Int64Array>, catalogue: &ZoneCatalogue) -> Vec<u32> {
        let zeros = || Float64Array::from(vec![0.0; 3]);
        let galaxies = Galaxies::new(zeros(), zeros(), Float64Array::from(REDSHIFT.to_vec()), targets).unwrap();
        let survey = HealpixSurvey::from_directions(1, &[(0.0, 0.0)], [0.0, 400.0]);
        locate_tracers(&galaxies.place(0.3, &survey, 0.0), &[catalogue]).unwrap().index
    }

    #[test]
    fn a_listed_galaxy_without_a_cell_is_spoken_for_by_its_nearest_tracer() {
        let targets = || Some(Int64Array::from(vec![0, 1, 2]));
        for targets in [targets(), None] {
            assert_eq!(located(targets.clone(), &catalogue([Some(0), Some(1), Some(2)])), [0, 1, 2]);
            assert_eq!(located(targets, &catalogue([Some(0), None, Some(2)])), [0, 0, 2]);
        }
    }
}
