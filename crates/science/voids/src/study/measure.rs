//! *Measure*: the environment of every galaxy by every algorithm.

use std::collections::BTreeMap;

use archive::Progress;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Field;
use desi::desivast::{Algorithm, SurveyLimits, VoidCatalogue};
use study::tables::Columns;

use super::select::{floats, targets};
use super::{Settings, StudyError};
use crate::catalogue::{VoidTable, algorithm_of, catalogue_name};
use crate::classify::{Classification, ClassifySettings, Galaxies, PlacedGalaxies, classify, environment_table};
use crate::survey::HealpixSurvey;

/// Who found voids: published catalogues come before this run's own, algorithm by algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finder {
    /// With what.
    pub(super) algorithm: Algorithm,
    /// This run, not a published catalogue.
    pub(super) own: bool,
}

impl Finder {
    /// The name that columns and tables have for its voids.
    pub(super) fn name(self) -> &'static str {
        catalogue_name(self.algorithm, self.own)
    }
}

/// The catalogues of one finder, every cap together.
pub(super) type Catalogues = BTreeMap<Finder, Vec<VoidCatalogue>>;

/// Groups published and own catalogues by the algorithm that made them, keeping the order within each.
pub(super) fn by_finder(
    published: impl IntoIterator<Item = VoidCatalogue>,
    own: impl IntoIterator<Item = VoidCatalogue>,
) -> Catalogues {
    let mut groups = Catalogues::new();
    let published = published.into_iter().map(|catalogue| (false, catalogue));
    for (own, catalogue) in published.chain(own.into_iter().map(|catalogue| (true, catalogue))) {
        groups.entry(Finder { algorithm: algorithm_of(&catalogue), own }).or_default().push(catalogue);
    }
    groups
}

/// Classifies the sample by every algorithm, in the order of [`Finder`].
pub(super) fn classify_sample(
    sample: &RecordBatch,
    catalogues: &Catalogues,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Vec<Classification>, StudyError> {
    let (ra, dec, z) = (floats(sample, "RA")?, floats(sample, "DEC")?, floats(sample, "Z")?);
    let galaxies = Galaxies::new(ra.clone(), dec.clone(), z.clone(), targets(sample))?;
    let directions = directions(sample)?;
    let rules = ClassifySettings {
        boundary_margin_mpc_h: settings.environment.edge_distance_mpc_h,
        ..ClassifySettings::default()
    };
    let mut placed: Vec<(Frame, PlacedGalaxies)> = Vec::new();
    let mut found = Vec::with_capacity(catalogues.len());
    for (finder, parts) in catalogues {
        let frame = Frame::of(parts);
        let known = placed.iter().position(|(other, _)| *other == frame);
        let index = match known {
            Some(index) => index,
            None => {
                let volume = frame.survey(&directions);
                placed.push((frame, galaxies.place(frame.omega_m, &volume, rules.boundary_margin_mpc_h)));
                placed.len() - 1
            }
        };
        let mut classified = classify(&placed[index].1, parts, &rules)?;
        classified.voids.own = finder.own;
        found.push(classified);
        progress.advance(1);
    }
    Ok(found)
}

/// The distance scale and limits that the catalogues of one algorithm share.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    omega_m: f64,
    distance_mpc_h: [f64; 2],
}

impl Frame {
    fn of(parts: &[VoidCatalogue]) -> Self {
        let mut frame = Self { omega_m: 0.0, distance_mpc_h: [f64::INFINITY, 0.0] };
        for part in parts {
            let SurveyLimits { omega_m, distance_mpc_h, .. } = limits(part);
            frame.omega_m = *omega_m;
            frame.distance_mpc_h =
                [frame.distance_mpc_h[0].min(distance_mpc_h[0]), frame.distance_mpc_h[1].max(distance_mpc_h[1])];
        }
        frame
    }

    fn survey(&self, directions_deg: &[(f64, f64)]) -> HealpixSurvey {
        let order = HealpixSurvey::suitable_order(directions_deg);
        HealpixSurvey::from_directions(order, directions_deg, self.distance_mpc_h)
    }
}

/// Right ascension and declination of every galaxy, degrees.
pub(super) fn directions(sample: &RecordBatch) -> Result<Vec<(f64, f64)>, StudyError> {
    let (ra, dec) = (floats(sample, "RA")?, floats(sample, "DEC")?);
    Ok(ra.values().iter().copied().zip(dec.values().iter().copied()).collect())
}

/// The volume in which the catalogues of one algorithm can say something about galaxies in these directions, and the
/// matter density of its distance scale.
pub(super) fn survey(directions_deg: &[(f64, f64)], parts: &[VoidCatalogue]) -> (HealpixSurvey, f64) {
    let frame = Frame::of(parts);
    (frame.survey(directions_deg), frame.omega_m)
}

pub(super) fn limits(catalogue: &VoidCatalogue) -> &SurveyLimits {
    match catalogue {
        VoidCatalogue::VoidFinder(catalogue) => &catalogue.limits,
        VoidCatalogue::Zones(catalogue) => &catalogue.limits,
    }
}

/// One row a galaxy: identifier, position, and each algorithm's columns.
pub(super) fn environments(
    sample: &RecordBatch,
    classifications: &[Classification],
) -> Result<RecordBatch, StudyError> {
    let schema = sample.schema();
    let leading: Vec<(Field, ArrayRef)> = ["TARGETID", "RA", "DEC", "Z"]
        .iter()
        .filter_map(|name| schema.index_of(name).ok())
        .map(|index| (schema.field(index).clone(), sample.column(index).clone()))
        .collect();
    Ok(environment_table(leading, classifications)?)
}

/// One row an algorithm: galaxies by environment and the share in voids with its binomial error.
pub(super) fn counts_table(classifications: &[Classification]) -> Result<RecordBatch, StudyError> {
    let counts: Vec<_> = classifications.iter().map(Classification::counts).collect();
    let column = |index: usize| counts.iter().map(move |count| count.by_environment[index] as i64).collect::<Vec<_>>();
    let share = |count: &crate::classify::Counts| count.void_share();
    let error =
        |count: &crate::classify::Counts| count.void_share().map(|p| (p * (1.0 - p) / count.inside() as f64).sqrt());
    let table = Columns::new()
        .text("algorithm", "", "void-finding algorithm", classifications.iter().map(|found| found.voids.name()))
        .integer("void", "", "in a void, away from the survey's boundary", column(0))
        .integer("wall", "", "in no void, away from the boundary", column(1))
        .integer("edge", "", "near the boundary or in a void that touches it", column(2))
        .integer("outside", "", "outside the volume of the voids: no statement", column(3))
        .integer(
            "in_void",
            "",
            "in any void, those at the edge included",
            counts.iter().map(|count| count.in_void as i64),
        )
        .integer("spherical", "", "within R_eff of a void's centre", counts.iter().map(|count| count.spherical as i64))
        .optional(
            "void_share",
            "",
            "share of the galaxies inside the volume that are in a void",
            counts.iter().map(share),
        )
        .optional("void_share_error", "", "its binomial standard error", counts.iter().map(error))
        .table()?;
    Ok(table)
}

/// One row a void of every algorithm.
pub(super) fn void_table(classifications: &[Classification]) -> Result<RecordBatch, StudyError> {
    let entries: Vec<(&VoidTable, &crate::catalogue::VoidEntry)> = classifications
        .iter()
        .flat_map(|found| found.voids.voids.iter().map(move |entry| (&found.voids, entry)))
        .collect();
    let axis = |axis: usize| entries.iter().map(move |(_, entry)| entry.centre_mpc_h[axis]).collect::<Vec<_>>();
    let sky: Vec<(f64, f64)> = entries.iter().map(|(_, entry)| astro::sphere::ra_dec_deg(entry.centre_mpc_h)).collect();
    let table = Columns::new()
        .text("algorithm", "", "void-finding algorithm", entries.iter().map(|(table, _)| table.name()))
        .integer(
            "part",
            "",
            "catalogue file (survey cap) of the algorithm, from 0",
            entries.iter().map(|(_, e)| e.part as i64),
        )
        .integer("void", "", "the finder's number", entries.iter().map(|(_, entry)| entry.void))
        .float("x", "Mpc/h", "comoving centre", axis(0))
        .float("y", "Mpc/h", "comoving centre", axis(1))
        .float("z", "Mpc/h", "comoving centre", axis(2))
        .float("ra", "deg", "right ascension of the centre, ICRS", sky.iter().map(|place| place.0))
        .float("dec", "deg", "declination of the centre, ICRS", sky.iter().map(|place| place.1))
        .float("r_eff", "Mpc/h", "effective radius", entries.iter().map(|(_, entry)| entry.r_eff_mpc_h))
        .flag("edge", "touches the survey's edge", entries.iter().map(|(_, entry)| entry.edge))
        .table()?;
    Ok(table)
}
