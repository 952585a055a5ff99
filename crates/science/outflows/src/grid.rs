//! Grids of photoionisation models: import, interpolation, and how wrong the interpolation is.
//!
//! A grid holds log10 of its quantities (line over H beta, or ionic columns in 1/cm2) on axes that are log10 too. For
//! slabs, the ionisation front lies at a column proportional to U (log N_front = log U + about 23), where quantities have
//! a kink. So between two values of log U, columns are compared at equal N_H / N_front: the kink then falls on itself.
//!
//! Not done here: running models ([`crate::cloudy`] does). References: Chatzikos et al. 2023 (2023RMxAA..59..327C, Cloudy), Thomas et al. 2018
//! (2018ApJ...856...89T, NebulaBayes and its MAPPINGS grids).

pub(crate) mod interpolation;

use std::path::Path;

use arrow::array::RecordBatch;
use study::tables::Columns;

use crate::object_table::{ObjectTable, ObjectTableError};

/// One axis of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct GridAxis {
    /// Its name, such as `logU`.
    pub name: String,
    /// Its values, increasing.
    pub values: Vec<f64>,
}

/// Where the values of a table's columns come from and what they are.
#[derive(Debug, Clone, PartialEq)]
pub struct GridLayout {
    /// Axes, slowest first: column, name in the grid, and whether the logarithm has to be taken.
    pub axes: Vec<(String, String, bool)>,
    /// Whether quantities are logarithms already.
    pub logarithmic: bool,
    /// The axes (U, N_H) that are sheared, by name; `None` for no shear.
    pub front: Option<(String, String)>,
}

impl GridLayout {
    /// Lines of a Cloudy slab grid: `logU`, `lognH`, `Z` (linear), `logNH`; line over H beta, linear.
    #[must_use]
    pub fn cloudy_lines() -> Self {
        let axis = |column: &str, name: &str, log: bool| (column.to_owned(), name.to_owned(), log);
        Self {
            axes: vec![
                axis("logU", "logU", false),
                axis("lognH", "lognH", false),
                axis("Z", "logZ", true),
                axis("logNH", "logNH", false),
            ],
            logarithmic: false,
            front: Some(("logU".to_owned(), "logNH".to_owned())),
        }
    }

    /// Ionic columns of the same: log10 1/cm2.
    #[must_use]
    pub fn cloudy_columns() -> Self {
        Self { logarithmic: true, ..Self::cloudy_lines() }
    }

    /// NebulaBayes' tables of MAPPINGS models: line over H beta, linear. `axes` are the columns that span the grid.
    #[must_use]
    pub fn mappings(axes: &[&str]) -> Self {
        let axes = axes.iter().map(|name| ((*name).to_owned(), (*name).to_owned(), false)).collect();
        Self { axes, logarithmic: false, front: None }
    }
}

/// A full rectangular grid.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelGrid {
    axes: Vec<GridAxis>,
    quantities: Vec<String>,
    /// log10, `[models, quantities]`, models with the last axis fastest; NaN where a model has no value.
    values: Vec<f64>,
    /// Places of the axes that are sheared: U, N_H.
    front: Option<(usize, usize)>,
}

/// A grid that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] ObjectTableError),
    /// The models do not span a rectangular grid.
    #[error("cannot use {} as a grid: expected one model at each of {expected} places, found {found}", path.display())]
    Holes {
        /// The table.
        path: std::path::PathBuf,
        /// Product of the axes' lengths.
        expected: usize,
        /// Models there are.
        found: usize,
    },
    /// A quantity or axis that the grid does not have.
    #[error("cannot find `{name}` in the grid: it has {present}{hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        present: String,
        /// The nearest name.
        hint: String,
    },
    /// A number that cannot be used.
    #[error("cannot infer gas conditions: expected {expected} for {quantity}, found {found}")]
    Value {
        /// Which.
        quantity: String,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: f64,
    },
    /// The answer cannot be put into a table.
    #[error(transparent)]
    Study(#[from] study::Error),
}

impl ModelGrid {
    /// Reads a grid from a table (FITS, Parquet, CSV) with one row a model; columns that are no axes are quantities. A
    /// linear value of zero has no logarithm and becomes missing.
    ///
    /// # Errors
    /// The table cannot be read, lacks an axis, or has holes.
    pub fn read(path: &Path, layout: &GridLayout) -> Result<Self, GridError> {
        let table = ObjectTable::read(path)?;
        let mut axes = Vec::new();
        let mut places = vec![0_usize; table.len()];
        for (column, name, take_log) in &layout.axes {
            let place_of = |value: &Option<f64>| {
                let value = value.unwrap_or(f64::NAN);
                // To a millionth: f32 columns hold -3.8 as -3.799999952.
                ((if *take_log { value.log10() } else { value }) * 1e6).round() / 1e6
            };
            let column: Vec<f64> = table.numbers(column)?.iter().map(place_of).collect();
            let mut values = column.clone();
            values.sort_by(f64::total_cmp);
            values.dedup();
            for (place, value) in places.iter_mut().zip(&column) {
                let index = values.partition_point(|other| other < value);
                *place = *place * values.len() + index.min(values.len() - 1);
            }
            axes.push(GridAxis { name: name.clone(), values });
        }
        let expected: usize = axes.iter().map(|axis| axis.values.len()).product();
        let mut row_at = vec![usize::MAX; expected];
        for (row, place) in places.iter().enumerate() {
            row_at[*place] = row;
        }
        let found = row_at.iter().filter(|row| **row != usize::MAX).count();
        if found != expected || table.len() != expected {
            return Err(GridError::Holes { path: path.to_owned(), expected, found });
        }
        let is_axis = |name: &String| layout.axes.iter().any(|(column, ..)| column.eq_ignore_ascii_case(name));
        // Texts, such as the hash of a deck, are no quantities.
        let is_quantity = |name: &String| !is_axis(name) && table.numbers(name).is_ok();
        let quantities: Vec<String> = table.names().into_iter().filter(is_quantity).collect();
        let mut values = vec![f64::NAN; expected * quantities.len()];
        for (index, name) in quantities.iter().enumerate() {
            let column = table.numbers(name)?;
            for (place, row) in row_at.iter().enumerate() {
                let value =
                    column[*row].map_or(f64::NAN, |value| if layout.logarithmic { value } else { value.log10() });
                values[place * quantities.len() + index] = if value.is_finite() { value } else { f64::NAN };
            }
        }
        let position = |wanted: &String| axes.iter().position(|axis| axis.name == *wanted);
        let front = layout.front.as_ref().and_then(|(u, n_h)| Some((position(u)?, position(n_h)?)));
        Ok(Self { axes, quantities, values, front })
    }

    /// The same grid without the front as a coordinate, for comparison.
    #[must_use]
    pub fn without_front(mut self) -> Self {
        self.front = None;
        self
    }

    /// Axes, slowest first.
    #[must_use]
    pub fn axes(&self) -> &[GridAxis] {
        &self.axes
    }

    /// Names of the quantities.
    #[must_use]
    pub fn quantities(&self) -> &[String] {
        &self.quantities
    }

    /// Number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// Place of a quantity by name, in any case.
    ///
    /// # Errors
    /// The grid does not have it.
    pub fn quantity(&self, name: &str) -> Result<usize, GridError> {
        self.quantities.iter().position(|one| one.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let near = archive::nearest_name(name, self.quantities.iter().map(String::as_str));
            GridError::Unknown {
                name: name.to_owned(),
                present: self.quantities.iter().take(20).cloned().collect::<Vec<_>>().join(", "),
                hint: near.map_or(String::new(), |near| format!("\nhint: did you mean `{near}`?")),
            }
        })
    }

    /// One row a model: the axes, then log10 of every quantity (null where missing).
    ///
    /// # Errors
    /// None in practice: columns have one length.
    pub fn table(&self) -> Result<RecordBatch, GridError> {
        let models = self.models();
        let mut columns = Columns::new();
        let mut inner = models;
        for axis in &self.axes {
            inner /= axis.values.len();
            let values = (0..models).map(|model| axis.values[model / inner % axis.values.len()]);
            columns = columns.float(&axis.name, "", "axis of the grid, log10", values);
        }
        for (index, name) in self.quantities.iter().enumerate() {
            let values = (0..models).map(|model| self.values[model * self.quantities.len() + index]);
            let values = values.map(|value| Some(value).filter(|value| value.is_finite()));
            columns = columns.optional(&format!("LOG_{name}"), "", "log10 of the model's value", values);
        }
        Ok(columns.table()?)
    }

    /// log10 of a quantity at a place (one coordinate an axis), linear in the logarithms; `None` outside the grid or
    /// where a neighbouring model has no value.
    #[must_use]
    pub fn at(&self, quantity: usize, place: &[f64]) -> Option<f64> {
        let known = Some(quantity).filter(|quantity| *quantity < self.quantities.len())?;
        Some(self.value(known, &self.corners_of(place, &[known])?))
    }

    /// The grid without every second node of an axis, to test inference at places between nodes: the nodes left out.
    #[must_use]
    pub fn thinned(&self, axis: usize) -> Self {
        let lengths: Vec<usize> = self.axes.iter().map(|axis| axis.values.len()).collect();
        let inner: usize = lengths[axis + 1..].iter().product();
        let kept = |model: usize| (model / inner % lengths[axis]).is_multiple_of(2);
        let mut axes = self.axes.clone();
        if let Some(axis) = axes.get_mut(axis) {
            axis.values = axis.values.iter().copied().step_by(2).collect();
        }
        let n = self.quantities.len();
        let models = (0..self.models()).filter(|model| kept(*model));
        let values = models.flat_map(|model| self.values[model * n..(model + 1) * n].iter().copied()).collect();
        Self { axes, quantities: self.quantities.clone(), values, front: self.front }
    }

    /// The places of all models, in their order.
    #[must_use]
    pub fn places(&self) -> Vec<Vec<f64>> {
        let place = |model: usize| {
            let (mut rest, mut place) = (model, vec![0.0; self.axes.len()]);
            for (index, axis) in self.axes.iter().enumerate().rev() {
                place[index] = axis.values[rest % axis.values.len()];
                rest /= axis.values.len();
            }
            place
        };
        (0..self.models()).map(place).collect()
    }

    /// Place of an axis by name.
    ///
    /// # Errors
    /// The grid has no such axis.
    pub fn axis(&self, name: &str) -> Result<usize, GridError> {
        self.axes.iter().position(|axis| axis.name == name).ok_or_else(|| GridError::Unknown {
            name: name.to_owned(),
            present: self.axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>().join(", "),
            hint: String::new(),
        })
    }

    /// Leave-one-out errors of a quantity, dex: each inner node of an axis is taken away and interpolated from its
    /// neighbours. `(place, interpolated - true)`. The step is twice the grid's, so that where the grid is smooth the
    /// interpolation between its nodes is about four times better than this.
    ///
    /// # Errors
    /// The grid has no such axis.
    pub fn leave_one_out(&self, quantity: usize, axis: &str) -> Result<Vec<(Vec<f64>, f64)>, GridError> {
        let axis = self.axis(axis)?;
        let error = |(model, place): (usize, Vec<f64>)| {
            let error = self.left_out_error(quantity, &place, model, axis)?;
            Some((place, error))
        };
        Ok(self.places().into_iter().enumerate().filter_map(error).collect())
    }
}

/// The one or two nodes about a value and their shares; outside `None`, or the outermost two if they may be `continued`.
/// `skip` is treated as absent.
fn bracket(values: &[f64], at: f64, skip: Option<usize>, continued: bool) -> Option<Vec<(usize, f64)>> {
    const TOUCH: f64 = 1e-9;
    let nodes: Vec<usize> = (0..values.len()).filter(|node| Some(*node) != skip).collect();
    let (first, last) = (*nodes.first()?, *nodes.last()?);
    if let Some(node) = nodes.iter().find(|node| (values[**node] - at).abs() <= TOUCH) {
        return Some(vec![(*node, 1.0)]);
    }
    if !(continued && nodes.len() > 1 || at >= values[first] && at <= values[last]) {
        return None;
    }
    let high = nodes.iter().position(|node| values[*node] > at).unwrap_or(nodes.len() - 1).max(1);
    let (low, high) = (nodes[high - 1], nodes[high]);
    let share = (at - values[low]) / (values[high] - values[low]);
    Some(vec![(low, 1.0 - share), (high, share)])
}
