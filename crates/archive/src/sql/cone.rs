//! A cone search reads only what it can find something in.
//!
//! Where a filter holds `cone(RA, DEC, ra0, dec0, radius)` on the positions of a catalogue and the last three are
//! numbers, this rule leaves only the partitions whose HEALPix cells meet the cone, and adds the ranges of `_healpix_29`
//! that cover it, so that Parquet statistics rule out row groups and pages. The angle itself is still tested row by row.
//! It runs right after filters were pushed down to the tables, so views and joins profit too.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::DataType;
use astro::healpix::cone_ranges29;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{EmptyRelation, Expr, Filter, LogicalPlan, TableScan, and, col, lit};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

use super::listing;
use crate::hats::{Catalogue, INDEX_COLUMN, PartitionFile};

/// Ranges that the row-level test has at most: what lies in a gap that was closed is left to the angle.
const MAX_RANGES: usize = 16;
/// The rule after which filters are where this one looks for them.
const AFTER: &str = "push_down_filter";

/// The engine's own rules and this one.
pub(super) fn rules(catalogues: &[Catalogue]) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == AFTER).map_or(0, |place| place + 1);
    rules.insert(place, Arc::new(ConePruning::new(catalogues)));
    rules
}

#[derive(Debug)]
struct ConePruning {
    catalogues: BTreeMap<String, Catalogue>,
}

impl ConePruning {
    fn new(catalogues: &[Catalogue]) -> Self {
        let on_the_sky = catalogues.iter().filter(|catalogue| catalogue.position_columns.is_some());
        Self { catalogues: on_the_sky.map(|catalogue| (catalogue.name.clone(), catalogue.clone())).collect() }
    }
}

impl OptimizerRule for ConePruning {
    fn name(&self) -> &'static str {
        "cone_pruning"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else { return Ok(Transformed::no(plan)) };
        let LogicalPlan::TableScan(scan) = filter.input.as_ref() else { return Ok(Transformed::no(plan)) };
        let Some(catalogue) = self.catalogues.get(scan.table_name.table()) else { return Ok(Transformed::no(plan)) };
        let cones: Vec<Vec<Range<u64>>> =
            split_conjunction(&filter.predicate).into_iter().filter_map(|term| ranges(term, catalogue)).collect();
        let indexed = scan.projected_schema.has_column_with_unqualified_name(INDEX_COLUMN);
        if cones.is_empty() || !indexed || bounded(&filter.predicate) {
            return Ok(Transformed::no(plan));
        }
        let met: Vec<PartitionFile> = catalogue.partitions.iter().filter(|file| meets(file, &cones)).cloned().collect();
        if met.is_empty() {
            let schema = Arc::clone(filter.input.schema());
            return Ok(Transformed::yes(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })));
        }
        let mut predicate = filter.predicate.clone();
        for cone in &cones {
            if let Some(bounds) = bounds(cone, scan) {
                predicate = and(bounds, predicate);
            }
        }
        let mut scan = scan.clone();
        let fewer = Catalogue { partitions: met, ..catalogue.clone() };
        let table = listing(&fewer).map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)))?;
        scan.source = provider_as_source(Arc::new(table));
        let scan = Arc::new(LogicalPlan::TableScan(scan));
        Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, scan)?)))
    }
}

/// Whether the predicate bounds the index already: by this rule in an earlier pass, or by the user.
fn bounded(predicate: &Expr) -> bool {
    predicate.column_refs().iter().any(|column| column.name == INDEX_COLUMN)
}

/// Order-29 ranges of a `cone(...)` on the catalogue's positions around a place that is known.
fn ranges(term: &Expr, catalogue: &Catalogue) -> Option<Vec<Range<u64>>> {
    let Expr::ScalarFunction(call) = term else { return None };
    let [ra, dec, ra0, dec0, radius] = call.args.as_slice() else { return None };
    let (ra_name, dec_name) = catalogue.position_columns.as_ref()?;
    let positions = call.func.name() == "cone" && is_column(ra, ra_name) && is_column(dec, dec_name);
    let (ra_deg, dec_deg, radius_deg) = (number(ra0)?, number(dec0)?, number(radius)?);
    let sound = positions && ra_deg.is_finite() && dec_deg.abs() <= 90.0 && (0.0..=180.0).contains(&radius_deg);
    sound.then(|| cone_ranges29(ra_deg, dec_deg, radius_deg))
}

fn is_column(expression: &Expr, name: &str) -> bool {
    match expression {
        Expr::Column(column) => column.name == name,
        Expr::Cast(cast) => is_column(&cast.expr, name),
        _ => false,
    }
}

fn number(expression: &Expr) -> Option<f64> {
    let Expr::Literal(value, _) = expression else { return None };
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(number) => number,
        _ => None,
    }
}

fn meets(file: &PartitionFile, cones: &[Vec<Range<u64>>]) -> bool {
    let Some(cell) = file.cell else { return true };
    let cell = cell.range29();
    cones.iter().all(|cone| cone.iter().any(|range| range.start < cell.end && cell.start < range.end))
}

/// The ranges as a predicate on the index, the smallest gaps closed where there are many.
fn bounds(cone: &[Range<u64>], scan: &TableScan) -> Option<Expr> {
    let index = col(Column::new(Some(scan.table_name.clone()), INDEX_COLUMN));
    let ends = |range: &Range<u64>| (lit(range.start.cast_signed()), lit(range.end.cast_signed()));
    closed(cone.to_vec())
        .iter()
        .map(|range| {
            let (start, end) = ends(range);
            and(index.clone().gt_eq(start), index.clone().lt(end))
        })
        .reduce(Expr::or)
}

fn closed(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    while ranges.len() > MAX_RANGES {
        let gap = |place: usize| ranges[place + 1].start - ranges[place].end;
        let Some(smallest) = (0..ranges.len() - 1).min_by_key(|&place| gap(place)) else { break };
        ranges[smallest].end = ranges[smallest + 1].end;
        ranges.remove(smallest + 1);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_gaps_keeps_every_range() {
        let ranges: Vec<Range<u64>> = (0..40_u64).map(|k| k * k * 10..k * k * 10 + 5).collect();
        let fewer = closed(ranges.clone());
        assert_eq!(fewer.len(), MAX_RANGES);
        assert!(ranges.iter().all(|range| fewer.iter().any(|held| held.start <= range.start && range.end <= held.end)));
        assert!(fewer.windows(2).all(|pair| pair[0].end < pair[1].start));
    }
}
