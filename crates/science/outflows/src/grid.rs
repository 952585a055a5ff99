//! Grids of photoionisation models: import, interpolation, and how wrong the interpolation is.
//!
//! A grid holds log10 of its quantities (line over H beta, or ionic columns in 1/cm2) on axes that are log10 too. For
//! slabs, the ionisation front lies at a column proportional to U (log N_front = log U + about 23), where quantities have
//! a kink. So between two values of log U, columns are compared at equal N_H / N_front: the kink then falls on itself.
//!
//! Not done here: running models ([`crate::cloudy`] does). References: Chatzikos et al. 2023 (2023RMxAA..59..327C, Cloudy), Thomas et al. 2018
//! (2018ApJ...856...89T, NebulaBayes and its MAPPINGS grids).

use std::path::Path;

use arrow::array::RecordBatch;
use study::tables::Columns;

use crate::object_table::{ObjectTable, ObjectTableError};

/// Share of a leave-one-out error that interpolation between all nodes is taken to have.
const LEFT_BETWEEN_NODES: f64 = 0.5;

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
        self.interpolate(quantity, place, None)
    }

    /// Interpolates, as if the node `left_out` (axis, node) did not exist.
    fn interpolate(&self, quantity: usize, place: &[f64], left_out: Option<(usize, usize)>) -> Option<f64> {
        if place.len() != self.axes.len() || quantity >= self.quantities.len() {
            return None;
        }
        let sheared = self.front.and_then(|front| self.walk(quantity, place, left_out, Some(front)));
        sheared.or_else(|| self.walk(quantity, place, left_out, None))
    }

    /// Weighted sum over the neighbouring models, with the column's coordinate moved along the front or not.
    fn walk(
        &self,
        quantity: usize,
        place: &[f64],
        left_out: Option<(usize, usize)>,
        front: Option<(usize, usize)>,
    ) -> Option<f64> {
        let mut corners = vec![(1.0, 0_usize, place.to_vec())];
        for (index, axis) in self.axes.iter().enumerate() {
            let skip = left_out.filter(|(axis, _)| *axis == index).map(|(_, node)| node);
            let mut next = Vec::with_capacity(2 * corners.len());
            for (weight, offset, at) in corners {
                for (node, share) in bracket(&axis.values, at[index], skip)? {
                    let mut at = at.clone();
                    if let Some((u, n_h)) = front
                        && u == index
                    {
                        at[n_h] += axis.values[node] - place[u];
                    }
                    next.push((weight * share, offset * axis.values.len() + node, at));
                }
            }
            corners = next;
        }
        let value = |offset: usize| self.values[offset * self.quantities.len() + quantity];
        let sum: f64 = corners.iter().map(|(weight, offset, _)| weight * value(*offset)).sum();
        sum.is_finite().then_some(sum)
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

    /// The error of interpolation about each model along each axis, dex and signed, `[axis][model]`: half the leave-one-out
    /// error, which has twice the grid's step. Where the grid is smooth a quarter would do; at a kink, all of it is left. At an
    /// edge it is that of the nearest model with neighbours; an axis of two nodes has none.
    ///
    /// # Errors
    /// None in practice: the axes are the grid's own.
    pub fn interpolation_errors(&self, quantity: usize) -> Result<Vec<Vec<f64>>, GridError> {
        let mut errors = vec![vec![0.0; self.models()]; self.axes.len()];
        for (index, axis) in self.axes.iter().enumerate().filter(|(_, axis)| axis.values.len() > 2) {
            let mut map = vec![f64::NAN; self.models()];
            for (place, error) in self.leave_one_out(quantity, &axis.name)? {
                map[self.nearest_model(&place)] = LEFT_BETWEEN_NODES * error;
            }
            let inner: usize = self.axes[index + 1..].iter().map(|axis| axis.values.len()).product();
            let length = axis.values.len();
            for model in 0..self.models() {
                let node = model / inner % length;
                let inside = node.clamp(1, length - 2);
                let error = map[model + inside * inner - node * inner];
                errors[index][model] = if error.is_finite() { error } else { 0.0 };
            }
        }
        Ok(errors)
    }

    /// The model nearest to a place.
    #[must_use]
    pub fn nearest_model(&self, place: &[f64]) -> usize {
        self.axes.iter().zip(place).fold(0, |model, (axis, at)| {
            let high = axis.values.partition_point(|value| value < at).min(axis.values.len() - 1);
            let low = high.saturating_sub(1);
            let node = if at - axis.values[low] < axis.values[high] - at { low } else { high };
            model * axis.values.len() + node
        })
    }

    /// Leave-one-out errors of a quantity, dex: each inner node of an axis is taken away and interpolated from its
    /// neighbours. `(place, interpolated - true)`. The step is twice the grid's, so that where the grid is smooth the
    /// interpolation between its nodes is about four times better than this.
    ///
    /// # Errors
    /// The grid has no such axis.
    pub fn leave_one_out(&self, quantity: usize, axis: &str) -> Result<Vec<(Vec<f64>, f64)>, GridError> {
        let axis_index = self.axes.iter().position(|one| one.name == axis).ok_or_else(|| GridError::Unknown {
            name: axis.to_owned(),
            present: self.axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>().join(", "),
            hint: String::new(),
        })?;
        let nodes = self.axes[axis_index].values.len();
        let mut errors = Vec::new();
        for model in 0..self.models() {
            let (mut rest, mut place, mut node) = (model, vec![0.0; self.axes.len()], 0);
            for index in (0..self.axes.len()).rev() {
                let length = self.axes[index].values.len();
                place[index] = self.axes[index].values[rest % length];
                if index == axis_index {
                    node = rest % length;
                }
                rest /= length;
            }
            let truth = self.values[model * self.quantities.len() + quantity];
            if node == 0 || node + 1 >= nodes || !truth.is_finite() {
                continue;
            }
            if let Some(guess) = self.interpolate(quantity, &place, Some((axis_index, node))) {
                errors.push((place, guess - truth));
            }
        }
        Ok(errors)
    }
}

/// The one or two nodes about a value and their shares; `None` outside. `skip` is treated as absent.
fn bracket(values: &[f64], at: f64, skip: Option<usize>) -> Option<Vec<(usize, f64)>> {
    const TOUCH: f64 = 1e-9;
    let nodes: Vec<usize> = (0..values.len()).filter(|node| Some(*node) != skip).collect();
    let (first, last) = (*nodes.first()?, *nodes.last()?);
    if !(at >= values[first] - TOUCH && at <= values[last] + TOUCH) {
        return None;
    }
    if let Some(node) = nodes.iter().find(|node| (values[**node] - at).abs() <= TOUCH) {
        return Some(vec![(*node, 1.0)]);
    }
    let high = nodes.iter().position(|node| values[*node] > at)?;
    let (low, high) = (*nodes.get(high.checked_sub(1)?)?, nodes[high]);
    let share = (at - values[low]) / (values[high] - values[low]);
    Some(vec![(low, 1.0 - share), (high, share)])
}
