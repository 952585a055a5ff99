//! In which void a position lies, and which void's centre is nearest.
//!
//! VoidFinder voids are the unions of their holes; watershed voids are unions of Voronoi cells, so a position belongs to
//! the zone of its nearest tracer. [`SurveyLookup`] also knows where the survey ends, [`BoxLookup`] where the box does.

use std::collections::HashMap;

use astro::Cosmology;
use astro::neighbours::PointTree;
use astro::sphere::{norm, position_mpc_h, ra_dec_deg};
use desi::desivast::{Algorithm, BoxCatalogue, BoxLimits, BoxVoids, Hole, Tracer, VoidCatalogue, ZoneMembership};

use crate::catalogue::{VoidEntry, VoidTable};
use crate::classify::{ClassifyError, ClassifySettings};
use crate::mask::HealpixMask;
use crate::sphere_union::{Cells, OwnedSphere, Period, SphereUnion};
use crate::survey::{HealpixSurvey, SurveyVolume};

/// Answers in which void a position lies.
#[derive(Debug)]
pub struct Membership(Parts);

/// What voids are made of.
#[derive(Debug)]
enum Parts {
    /// Holes, owned by indices into the numbers of the voids, ascending.
    Spheres { union: SphereUnion, voids: Vec<i64> },
    /// Tracers, with the smallest void of each one's zone.
    Cells { tree: PointTree, voids: Vec<Option<i64>>, period: Option<Period> },
}

impl Membership {
    /// Indexes a catalogue of either kind.
    #[must_use]
    pub fn new(catalogue: &VoidCatalogue) -> Self {
        match catalogue {
            VoidCatalogue::VoidFinder(catalogue) => {
                Self::spheres(&catalogue.holes, ClassifySettings::default().position_tolerance_mpc_h, None)
            }
            VoidCatalogue::Zones(catalogue) => Self::cells(&catalogue.zones, &catalogue.tracers, None),
        }
    }

    /// Indexes a catalogue of a box.
    #[must_use]
    pub fn in_box(catalogue: &BoxCatalogue) -> Self {
        let period = Period::of(&catalogue.limits);
        match &catalogue.voids {
            BoxVoids::Spheres { holes, .. } => Self::spheres(holes, 0.0, period),
            BoxVoids::Zones { zones, tracers, .. } => Self::cells(zones, tracers, period),
        }
    }

    /// A position is inside a sphere only a little below its surface, as in [`crate::classify`]: the galaxies that bound
    /// the sphere lie on the surface, and rounding, or the speed of light that a catalogue's distances were computed
    /// with, would put half of them inside.
    fn spheres(holes: &[Hole], position_tolerance_mpc_h: f64, period: Option<Period>) -> Self {
        let inner =
            |radius: f64| radius * (1.0 - ClassifySettings::default().hole_tolerance) - position_tolerance_mpc_h;
        let mut voids: Vec<i64> = holes.iter().map(|hole| hole.void).collect();
        voids.sort_unstable();
        voids.dedup();
        let spheres = holes.iter().map(|hole| OwnedSphere {
            centre: hole.centre_mpc_h,
            radius: inner(hole.radius_mpc_h),
            owner: voids.partition_point(|void| *void < hole.void) as u32,
        });
        Self(Parts::Spheres { union: SphereUnion::new(spheres, period, Cells::Coarse), voids })
    }

    /// Galaxies that the finder's cuts left out have no cell, and do not speak for the places around them.
    fn cells(zones: &[ZoneMembership], tracers: &[Tracer], period: Option<Period>) -> Self {
        let of_zone: HashMap<i64, Option<i64>> = zones.iter().map(|z| (z.zone, z.void0)).collect();
        let selected: Vec<&Tracer> = tracers.iter().filter(|tracer| tracer.was_selected()).collect();
        let positions: Vec<[f64; 3]> = selected.iter().map(|t| t.position_mpc_h).collect();
        let void = |zone: Option<i64>| zone.and_then(|zone| of_zone.get(&zone).copied().flatten());
        let voids = selected.iter().map(|t| void(t.zone)).collect();
        Self(Parts::Cells { tree: PointTree::new(&positions), voids, period })
    }

    /// The void that holds the position (Mpc/h): of overlapping VoidFinder voids that with the largest maximal sphere,
    /// as in [`crate::classify`].
    #[must_use]
    pub fn void_at(&self, place_mpc_h: [f64; 3]) -> Option<i64> {
        match &self.0 {
            Parts::Spheres { union, voids } => {
                union.owner_at(place_mpc_h).and_then(|owner| voids.get(owner as usize).copied())
            }
            Parts::Cells { tree, voids, period } => {
                nearest(tree, place_mpc_h, *period).and_then(|(tracer, _)| voids.get(tracer).copied().flatten())
            }
        }
    }
}

/// The nearest point and its distance, through the faces of a periodic box too.
fn nearest(tree: &PointTree, place: [f64; 3], period: Option<Period>) -> Option<(usize, f64)> {
    let Some(Period { side, .. }) = period else { return tree.nearest(place) };
    let image = |number: usize| {
        let step = [number % 3, number / 3 % 3, number / 9].map(|step| step as f64 - 1.0);
        [0, 1, 2].map(|k: usize| place[k] + step[k] * side[k])
    };
    let found = (0..27).filter_map(|number| tree.nearest(image(number)));
    found.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
}

/// What a catalogue says of a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Whether the position is where the catalogue can say something.
    pub inside: bool,
    /// The void that holds it.
    pub void: Option<i64>,
    /// Effective radius of that void, Mpc/h.
    pub void_r_eff_mpc_h: Option<f64>,
    /// Whether that void touches the edge.
    pub at_edge: Option<bool>,
    /// The void with the nearest centre.
    pub nearest_void: Option<i64>,
    /// Distance of that centre, Mpc/h.
    pub nearest_distance_mpc_h: Option<f64>,
    /// The same in units of that void's effective radius.
    pub nearest_r_over_r_eff: Option<f64>,
}

/// A void by its number.
#[derive(Debug, Clone, Copy)]
struct Known {
    void: i64,
    r_eff_mpc_h: f64,
    edge: bool,
}

/// Voids with what is told of them.
#[derive(Debug)]
struct Voids {
    membership: Membership,
    known: Vec<Known>,
    rows: HashMap<i64, usize>,
    centres: PointTree,
    period: Option<Period>,
}

impl Voids {
    fn new(membership: Membership, table: &VoidTable, period: Option<Period>) -> Self {
        let known = |void: &VoidEntry| Known { void: void.void, r_eff_mpc_h: void.r_eff_mpc_h, edge: void.edge };
        let centres: Vec<[f64; 3]> = table.voids.iter().map(|void| void.centre_mpc_h).collect();
        let rows = table.voids.iter().enumerate().map(|(row, void)| (void.void, row)).collect();
        let known = table.voids.iter().map(known).collect();
        Self { membership, known, rows, centres: PointTree::new(&centres), period }
    }

    fn standing(&self, place_mpc_h: [f64; 3], inside: bool) -> Standing {
        let void = self.membership.void_at(place_mpc_h).filter(|_| inside);
        let entry = void.and_then(|void| self.rows.get(&void)).and_then(|&row| self.known.get(row));
        let near = nearest(&self.centres, place_mpc_h, self.period).filter(|_| inside);
        let near = near.and_then(|(row, distance)| Some((self.known.get(row)?, distance)));
        Standing {
            inside,
            void,
            void_r_eff_mpc_h: entry.map(|entry| entry.r_eff_mpc_h),
            at_edge: entry.map(|entry| entry.edge),
            nearest_void: near.map(|(entry, _)| entry.void),
            nearest_distance_mpc_h: near.map(|(_, distance)| distance),
            nearest_r_over_r_eff: near.map(|(entry, distance)| distance / entry.r_eff_mpc_h),
        }
    }
}

/// A catalogue of a survey, ready to be asked.
#[derive(Debug)]
pub struct SurveyLookup {
    algorithm: Algorithm,
    voids: Voids,
    cosmology: Cosmology,
    distance_mpc_h: [f64; 2],
    sky: Option<HealpixSurvey>,
}

impl SurveyLookup {
    /// Indexes a catalogue. The sky is the mask's, else where the catalogue's tracers are; unknown where it has none.
    ///
    /// # Errors
    /// As [`VoidTable::new`].
    pub fn new(
        catalogue: VoidCatalogue,
        mask: Option<&HealpixMask>,
        edge_area_fraction: f64,
    ) -> Result<Self, ClassifyError> {
        let membership = Membership::new(&catalogue);
        let (limits, directions) = match &catalogue {
            VoidCatalogue::VoidFinder(spheres) => (spheres.limits.clone(), Vec::new()),
            VoidCatalogue::Zones(zones) => {
                let inside = zones.tracers.iter().filter(|tracer| !tracer.out);
                (zones.limits.clone(), inside.map(|tracer| ra_dec_deg(tracer.position_mpc_h)).collect())
            }
        };
        let distance_mpc_h = limits.distance_mpc_h;
        let sky = match mask {
            Some(mask) => Some(HealpixSurvey::new(mask.clone(), distance_mpc_h)),
            None if directions.is_empty() => None,
            None => {
                let order = HealpixSurvey::suitable_order(&directions);
                Some(HealpixSurvey::from_directions(order, &directions, distance_mpc_h))
            }
        };
        let table = VoidTable::new(&[catalogue], edge_area_fraction)?;
        let voids = Voids::new(membership, &table, None);
        let cosmology = Cosmology::flat_lcdm(limits.omega_m);
        Ok(Self { algorithm: table.algorithm, voids, cosmology, distance_mpc_h, sky })
    }

    /// The algorithm of the catalogue.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is known of a place: ICRS degrees and redshift.
    #[must_use]
    pub fn at(&self, ra_deg: f64, dec_deg: f64, redshift: f64) -> Standing {
        let place = position_mpc_h(ra_deg, dec_deg, self.cosmology.comoving_distance_mpc_h(redshift.max(0.0)));
        let [near, far] = self.distance_mpc_h;
        let within = (near..=far).contains(&norm(place));
        let inside = self.sky.as_ref().map_or(within, |sky| sky.contains(place));
        self.voids.standing(place, inside)
    }
}

/// A catalogue of a box, ready to be asked.
#[derive(Debug)]
pub struct BoxLookup {
    algorithm: Algorithm,
    voids: Voids,
    limits: BoxLimits,
}

impl BoxLookup {
    /// Indexes a catalogue.
    #[must_use]
    pub fn new(catalogue: &BoxCatalogue, edge_area_fraction: f64) -> Self {
        let table = VoidTable::in_box(catalogue, edge_area_fraction);
        let voids = Voids::new(Membership::in_box(catalogue), &table, Period::of(&catalogue.limits));
        Self { algorithm: catalogue.algorithm(), voids, limits: catalogue.limits }
    }

    /// The algorithm of the catalogue.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is known of a position, comoving Mpc/h.
    #[must_use]
    pub fn at(&self, place_mpc_h: [f64; 3]) -> Standing {
        let BoxLimits { low_mpc_h: low, high_mpc_h: high, .. } = self.limits;
        self.voids.standing(place_mpc_h, (0..3).all(|k| place_mpc_h[k] >= low[k] && place_mpc_h[k] <= high[k]))
    }
}
