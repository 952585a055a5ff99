//! How much the effect depends on choices: the error budget.

use super::Effect;

/// The effect measured with one set of choices.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Void-finding algorithm.
    pub algorithm: String,
    /// Whose voids: a published catalogue's, or those of this run.
    pub finder: String,
    /// What happens to galaxies at the survey's edge.
    pub edge_rule: String,
    /// Definition of quenching.
    pub definition: String,
    /// Distance scale.
    pub cosmology: String,
    /// Weights: completeness used or not.
    pub completeness: String,
    /// The measurement.
    pub effect: Effect,
}

/// The line of all choices together: the root of the sum of squares of the lines that were varied.
pub const SYSTEMATIC: &str = "systematic, together";

/// One line of the error budget.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetLine {
    /// Source of uncertainty.
    pub source: &'static str,
    /// How many choices of it were tried, the fiducial one included.
    pub choices: usize,
    /// Half the range of the effect over those choices, all else as in the fiducial variant; for `statistical` the
    /// jackknife error. `None` where nothing was varied, which is not the same as zero.
    pub error: Option<f64>,
    /// The choice that moves the effect most, and by how much.
    pub largest: Option<(String, f64)>,
}

/// The budget around the first variant, the fiducial one: one choice varied at a time.
#[must_use]
pub fn error_budget(variants: &[Variant]) -> Vec<BudgetLine> {
    let Some(fiducial) = variants.first() else { return Vec::new() };
    let mut lines =
        vec![BudgetLine { source: "statistical", choices: 1, error: Some(fiducial.effect.error), largest: None }];
    for (axis, source) in SOURCES.into_iter().enumerate() {
        let others: Vec<(&String, f64)> = variants
            .iter()
            .filter(|variant| (0..SOURCES.len()).all(|k| (choices(variant)[k] == choices(fiducial)[k]) == (k != axis)))
            .map(|variant| (choices(variant)[axis], variant.effect.value))
            .collect();
        let values = || others.iter().map(|(_, value)| *value).chain([fiducial.effect.value]);
        let (low, high) = values().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let largest = others
            .iter()
            .map(|(name, value)| ((*name).clone(), value - fiducial.effect.value))
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let error = (!others.is_empty()).then_some(0.5 * (high - low));
        lines.push(BudgetLine { source, choices: others.len() + 1, error, largest });
    }
    // Choices are taken as independent of each other.
    let errors: Vec<f64> = lines.iter().skip(1).filter_map(|line| line.error).collect();
    let total = errors.iter().map(|error| error * error).sum::<f64>().sqrt();
    let error = (!errors.is_empty()).then_some(total);
    lines.push(BudgetLine { source: SYSTEMATIC, choices: errors.len(), error, largest: None });
    lines
}

/// A variant's choices in words.
#[must_use]
pub fn in_words(variant: &Variant) -> String {
    choices(variant).map(String::as_str).join("; ")
}

/// The fiducial variant and those that differ from it in one choice, each with the choice in words.
#[must_use]
pub fn one_at_a_time(variants: &[Variant]) -> Vec<(String, &Variant)> {
    let Some(fiducial) = variants.first() else { return Vec::new() };
    let mut shown = vec![("fiducial".to_owned(), fiducial)];
    for (axis, words) in ["algorithm: ", "voids: ", "", "quenched: ", "", ""].into_iter().enumerate() {
        let others = variants
            .iter()
            .filter(|variant| (0..SOURCES.len()).all(|k| (choices(variant)[k] == choices(fiducial)[k]) == (k != axis)));
        shown.extend(others.map(|variant| (format!("{words}{}", choices(variant)[axis]), variant)));
    }
    shown
}

/// What is chosen, in the order of [`choices`].
const SOURCES: [&str; 6] = ["algorithm", "finder", "edge rule", "quenching definition", "cosmology", "completeness"];

fn choices(variant: &Variant) -> [&String; SOURCES.len()] {
    let Variant { algorithm, finder, edge_rule, definition, cosmology, completeness, .. } = variant;
    [algorithm, finder, edge_rule, definition, cosmology, completeness]
}
