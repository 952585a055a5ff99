//! The voids of one algorithm, every survey cap together, in the form that membership needs.
//!
//! Void numbers repeat between the files of the two caps, so a void is known by its row in [`VoidTable`], which keeps
//! the file's own number beside it.

use std::collections::HashMap;

use desi::desivast::{Algorithm, BoxCatalogue, BoxVoids, Hole, Maximal, VoidCatalogue};
use rayon::prelude::*;

use crate::classify::ClassifyError;
use crate::union_volume::union_volume;

/// Seed of the shifts of the lattice on which absent effective radii are measured.
const VOLUME_SEED: u64 = 0;

/// One void of any algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct VoidEntry {
    /// Which of the catalogues given (a survey cap) it comes from, counted from 0.
    pub part: usize,
    /// The finder's own number.
    pub void: i64,
    /// Centre of the maximal sphere, or volume-weighted centre of the zones; comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Radius of the sphere with the void's volume, Mpc/h.
    pub r_eff_mpc_h: f64,
    /// Whether the void touches the survey edge.
    pub edge: bool,
}

/// The voids of one algorithm, in the order of the catalogues given.
#[derive(Debug, Clone, PartialEq)]
pub struct VoidTable {
    /// Which algorithm made them.
    pub algorithm: Algorithm,
    /// Whether they were found here, not published: their columns are named apart.
    pub own: bool,
    /// One entry a void.
    pub voids: Vec<VoidEntry>,
}

/// The lower-case name that columns and tables use.
#[must_use]
pub fn algorithm_name(algorithm: Algorithm) -> &'static str {
    algorithm.word()
}

/// The name of a catalogue: its algorithm's, or `vide_own` for voids found here.
#[must_use]
pub fn catalogue_name(algorithm: Algorithm, own: bool) -> &'static str {
    match (algorithm, own) {
        (published, false) => algorithm_name(published),
        (Algorithm::VoidFinder, true) => "voidfinder_own",
        (Algorithm::Vide, true) => "vide_own",
        (Algorithm::Zobov, true) => "zobov_own",
        (Algorithm::Revolver, true) => "revolver_own",
    }
}

/// The algorithm that made a catalogue.
#[must_use]
pub fn algorithm_of(catalogue: &VoidCatalogue) -> Algorithm {
    match catalogue {
        VoidCatalogue::VoidFinder(_) => Algorithm::VoidFinder,
        VoidCatalogue::Zones(zones) => zones.algorithm,
    }
}

impl VoidTable {
    /// Joins the caps of one algorithm. A VoidFinder void counts as touching the edge when its flag is not 0, a
    /// watershed void when more than `edge_area_fraction` of its outer surface lies against the edge (or its flag is
    /// not 0, where there are no surfaces). Absent effective radii are measured from the holes.
    ///
    /// # Errors
    /// When there is no catalogue, or they come from different algorithms.
    pub fn new(parts: &[VoidCatalogue], edge_area_fraction: f64) -> Result<Self, ClassifyError> {
        let algorithm = algorithm_of(parts.first().ok_or(ClassifyError::NoCatalogue)?);
        let mut voids = Vec::new();
        for (part, catalogue) in parts.iter().enumerate() {
            if algorithm_of(catalogue) != algorithm {
                return Err(ClassifyError::MixedAlgorithms {
                    first: algorithm_name(algorithm),
                    other: algorithm_name(algorithm_of(catalogue)),
                });
            }
            match catalogue {
                VoidCatalogue::VoidFinder(catalogue) => {
                    let radii = effective_radii(&catalogue.maximals, &catalogue.holes);
                    voids.extend(catalogue.maximals.iter().zip(radii).map(|(maximal, r_eff_mpc_h)| VoidEntry {
                        part,
                        void: maximal.void,
                        centre_mpc_h: maximal.centre_mpc_h,
                        r_eff_mpc_h,
                        edge: maximal.edge != 0,
                    }));
                }
                VoidCatalogue::Zones(catalogue) => voids.extend(catalogue.voids.iter().map(|void| {
                    VoidEntry {
                        part,
                        void: void.void,
                        centre_mpc_h: void.centre_mpc_h,
                        r_eff_mpc_h: void.radius_mpc_h,
                        edge: touches_edge((void.tot_area, void.edge_area), edge_area_fraction)
                            .unwrap_or_else(|| void.edge.is_some_and(|edge| edge != 0)),
                    }
                })),
            }
        }
        Ok(Self { algorithm, own: false, voids })
    }

    /// The voids of a box, by the same rules.
    #[must_use]
    pub fn in_box(catalogue: &BoxCatalogue, edge_area_fraction: f64) -> Self {
        let voids = match &catalogue.voids {
            BoxVoids::Spheres { maximals, holes } => maximals
                .iter()
                .zip(effective_radii(maximals, holes))
                .map(|(maximal, r_eff_mpc_h)| VoidEntry {
                    part: 0,
                    void: maximal.void,
                    centre_mpc_h: maximal.centre_mpc_h,
                    r_eff_mpc_h,
                    edge: maximal.edge != 0,
                })
                .collect(),
            BoxVoids::Zones { voids, .. } => voids
                .iter()
                .map(|void| VoidEntry {
                    part: 0,
                    void: void.void,
                    centre_mpc_h: void.centre_mpc_h,
                    r_eff_mpc_h: void.radius_mpc_h,
                    edge: touches_edge((void.tot_area, void.edge_area), edge_area_fraction).unwrap_or(false),
                })
                .collect(),
        };
        Self { algorithm: catalogue.algorithm(), own: true, voids }
    }

    /// The name that columns and tables have for it, see [`catalogue_name`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        catalogue_name(self.algorithm, self.own)
    }

    /// Rows by (part, void number).
    pub(crate) fn rows(&self) -> HashMap<(usize, i64), u32> {
        self.voids.iter().zip(0_u32..).map(|(entry, row)| ((entry.part, entry.void), row)).collect()
    }
}

/// Whether more than a part of a void's outer surface lies against the edge; `None` where the surface is not known.
fn touches_edge((total, edge): (Option<f64>, Option<f64>), fraction: f64) -> Option<bool> {
    total.zip(edge).filter(|(total, _)| *total > 0.0).map(|(total, edge)| edge / total > fraction)
}

/// `R_EFF` of each maximal, measured with a fixed seed where the file does not give it: errs by about 0.1 %.
fn effective_radii(maximals: &[Maximal], holes: &[Hole]) -> Vec<f64> {
    let mut of_void: HashMap<i64, Vec<([f64; 3], f64)>> = HashMap::new();
    for hole in holes {
        of_void.entry(hole.void).or_default().push((hole.centre_mpc_h, hole.radius_mpc_h));
    }
    let measured = |spheres: &Vec<([f64; 3], f64)>, void: i64| {
        union_volume(spheres, VOLUME_SEED, void.cast_unsigned()).effective_radius_mpc_h().0
    };
    maximals
        .par_iter()
        .map(|maximal| {
            maximal.r_eff_mpc_h.unwrap_or_else(|| {
                of_void.get(&maximal.void).map_or(maximal.radius_mpc_h, |spheres| measured(spheres, maximal.void))
            })
        })
        .collect()
}
