//! *Own finder vs catalogue*: how far this run's voids are those of the published catalogue of the same algorithm.
//!
//! On a simulated sky, where the published catalogue is the truth, this is completeness and purity.

use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use astro::cosmology::Cosmology;
use astro::neighbours::PointTree;
use astro::sphere::{norm, ra_dec_deg};
use study::tables::Columns;

use super::measure::{self, Catalogues, Finder};
use super::{Settings, StudyError};
use crate::catalogue::VoidEntry;
use crate::classify::{Classification, Environment, Membership};
use crate::study::figures::title;
use crate::void_statistics::random_positions;

/// Points thrown into the survey to compare volumes: a share of a tenth is known to 1 %.
const POINTS: usize = 100_000;
/// Two voids are one when the centre of the smaller is within this part of the larger's effective radius.
const SAME_CENTRE: f64 = 0.5;

/// One algorithm by both.
struct Pair<'a> {
    published: &'a Classification,
    own: &'a Classification,
    /// Of galaxies.
    galaxies: Agreement,
    /// Of points spread evenly over the volume.
    volume: Agreement,
}

/// How two classifications of the same points agree, among the points that both can judge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Agreement {
    judged: u64,
    published: u64,
    own: u64,
    both: u64,
}

impl Agreement {
    fn of(published: &Classification, own: &Classification) -> Self {
        let mut counts = Self::default();
        let judged = |row: &Membership| row.environment != Environment::Outside;
        for (a, b) in published.rows.iter().zip(&own.rows).filter(|(a, b)| judged(a) && judged(b)) {
            let (a, b) = (a.void().is_some(), b.void().is_some());
            counts.judged += 1;
            counts.published += u64::from(a);
            counts.own += u64::from(b);
            counts.both += u64::from(a && b);
        }
        counts
    }

    fn share(part: u64, whole: u64) -> Option<f64> {
        (whole > 0).then(|| part as f64 / whole as f64)
    }

    /// Points in voids of both, of those in a void of either.
    fn common(self) -> Option<f64> {
        Self::share(self.both, self.published + self.own - self.both)
    }
}

/// One row an algorithm that was both published and run here; `None` where there is none.
pub(super) fn table(
    sample: &RecordBatch,
    catalogues: &Catalogues,
    classified: &[Classification],
    settings: &Settings,
) -> Result<Option<RecordBatch>, StudyError> {
    let by_finder = |finder: Finder| {
        classified.iter().find(|found| (found.voids.algorithm, found.voids.own) == (finder.algorithm, finder.own))
    };
    let directions = measure::directions(sample)?;
    let mut pairs = Vec::new();
    for (&finder, parts) in catalogues.iter().filter(|(finder, _)| !finder.own) {
        let own = Finder { own: true, ..finder };
        let (Some(published), Some(found)) = (by_finder(finder), by_finder(own)) else { continue };
        let (survey, omega_m) = measure::survey(&directions, parts);
        let points = as_sample(&random_positions(&survey, POINTS, settings.seed), omega_m)?;
        let both: Catalogues =
            [finder, own].into_iter().filter_map(|finder| Some((finder, catalogues.get(&finder)?.clone()))).collect();
        let volumes = measure::classify_sample(&points, &both, settings, &archive::Quiet)?;
        let [a, b] = volumes.as_slice() else { continue };
        pairs.push(Pair {
            published,
            own: found,
            galaxies: Agreement::of(published, found),
            volume: Agreement::of(a, b),
        });
    }
    if pairs.is_empty() { Ok(None) } else { Ok(Some(written(&pairs)?)) }
}

/// Positions as a table of directions and redshifts.
fn as_sample(positions_mpc_h: &[[f64; 3]], omega_m: f64) -> Result<RecordBatch, StudyError> {
    let cosmology = Cosmology::flat_lcdm(omega_m);
    let (ra, dec): (Vec<f64>, Vec<f64>) = positions_mpc_h.iter().map(|&place| ra_dec_deg(place)).unzip();
    let z = positions_mpc_h.iter().map(|&place| cosmology.redshift_at_mpc_h(norm(place))).collect();
    let field = |name: &str| Field::new(name, DataType::Float64, false);
    let schema = Schema::new(vec![field("RA"), field("DEC"), field("Z")]);
    let arrays = [ra, dec, z].map(|values| std::sync::Arc::new(Float64Array::from(values)) as _);
    Ok(RecordBatch::try_new(schema.into(), arrays.to_vec())?)
}

/// Share of `voids` that have a counterpart among `others`.
fn matched(voids: &[VoidEntry], others: &[VoidEntry]) -> Option<f64> {
    let centres: Vec<[f64; 3]> = others.iter().map(|entry| entry.centre_mpc_h).collect();
    let tree = PointTree::new(&centres);
    let has = |entry: &&VoidEntry| {
        let Some((row, distance)) = tree.nearest(entry.centre_mpc_h) else { return false };
        distance <= SAME_CENTRE * entry.r_eff_mpc_h.max(others[row].r_eff_mpc_h)
    };
    Agreement::share(voids.iter().filter(has).count() as u64, voids.len() as u64)
}

fn median_radius(voids: &[VoidEntry]) -> Option<f64> {
    let mut radii: Vec<f64> = voids.iter().map(|entry| entry.r_eff_mpc_h).collect();
    radii.sort_unstable_by(f64::total_cmp);
    radii.get(radii.len() / 2).copied()
}

fn written(pairs: &[Pair<'_>]) -> Result<RecordBatch, StudyError> {
    let table = Columns::new()
        .text("algorithm", "", "void-finding algorithm", pairs.iter().map(|pair| title(pair.published.voids.name())))
        .integer(
            "voids_published",
            "",
            "voids of the catalogue",
            pairs.iter().map(|pair| pair.published.voids.voids.len() as i64),
        )
        .integer("voids_own", "", "voids of this run", pairs.iter().map(|pair| pair.own.voids.voids.len() as i64))
        .optional(
            "completeness",
            "",
            "share of the catalogue's voids whose centre lies near that of one of this run",
            pairs.iter().map(|pair| matched(&pair.published.voids.voids, &pair.own.voids.voids)),
        )
        .optional(
            "purity",
            "",
            "share of this run's voids whose centre lies near that of one of the catalogue",
            pairs.iter().map(|pair| matched(&pair.own.voids.voids, &pair.published.voids.voids)),
        )
        .optional(
            "r_eff_published",
            "Mpc/h",
            "median effective radius, catalogue",
            pairs.iter().map(|pair| median_radius(&pair.published.voids.voids)),
        )
        .optional(
            "r_eff_own",
            "Mpc/h",
            "median effective radius, this run",
            pairs.iter().map(|pair| median_radius(&pair.own.voids.voids)),
        );
    let shares = |table: Columns, kind: &str, of: fn(&Pair<'_>) -> Agreement| {
        let share = |part: fn(Agreement) -> u64| {
            pairs.iter().map(move |pair| Agreement::share(part(of(pair)), of(pair).judged)).collect::<Vec<_>>()
        };
        table
            .optional(&format!("{kind}_published"), "", "share in a void of the catalogue", share(|a| a.published))
            .optional(&format!("{kind}_own"), "", "share in a void of this run", share(|a| a.own))
            .optional(
                &format!("{kind}_common"),
                "",
                "in voids of both, of those in a void of either",
                pairs.iter().map(|pair| of(pair).common()),
            )
    };
    let table = shares(table, "galaxies", |pair| pair.galaxies);
    Ok(shares(table, "volume", |pair| pair.volume).table()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn void(x: f64, r_eff_mpc_h: f64) -> VoidEntry {
        VoidEntry { part: 0, void: 0, centre_mpc_h: [x, 0.0, 0.0], r_eff_mpc_h, edge: false }
    }

    #[test]
    fn a_void_is_matched_by_its_centre_on_the_larger_radius() {
        let ours = [void(0.0, 10.0), void(100.0, 10.0)];
        let theirs = [void(9.0, 20.0), void(200.0, 5.0), void(106.0, 10.0)];
        assert_eq!(matched(&ours, &theirs), Some(0.5));
        assert_eq!(matched(&theirs, &ours), Some(1.0 / 3.0));
        assert_eq!(matched(&ours, &[]), Some(0.0));
        assert_eq!(matched(&[], &ours), None);
    }
}
