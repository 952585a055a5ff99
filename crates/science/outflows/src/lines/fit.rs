//! The fit of one complex: components are added where they help most, as many as the Bayesian information criterion asks
//! for, and each is then tried elsewhere.

use super::binned::Binned;
use super::complex::{LineModel, Pixels};
use super::fitted::{ComplexFit, Other, describe, n_fitted, n_lines};
use super::list::Complex;
use super::scan::{Beside, Place, Scan};
use crate::separable::{Minimum, Tolerance, Workspace, dot, minimise};

/// Fewest good pixels of a complex.
const LEAST_PIXELS: usize = 20;
/// A component whose place on the grid lowers chi2 by less than this share of its penalty is not tried: refining it and
/// the others rarely gains three times that.
const WORTH_TRYING: f64 = 0.35;

/// What a parameter of one more component costs where fits with and without it are averaged, in units of chi2 (twice the
/// logarithm of the odds): Akaike's weights (Burnham & Anderson 2004, doi:10.1177/0049124104268644).
const COMPONENT_PENALTY: f64 = 2.0;
/// The same for a wing: chosen so that fluxes of lines with and without wings come back without bias
/// (`docs/reference/calibration-outflows.md`).
const WING_PENALTY: f64 = 1.0;
/// A component, no wing, whose place on the grid lowers chi2 by less than this share of its cost is not averaged over.
const WORTH_AVERAGING: f64 = 0.25;
/// Nor is one of less weight than this.
const LEAST_WEIGHT: f64 = 0.02;

/// Steps after which a start is judged.
const FIRST_STEPS: Tolerance = Tolerance { relative_chi2: 1e-4, steps: 6 };
/// Two minima whose velocities differ by less than this share of a sigma, and whose ln sigma by less than this, are one.
const ONE_MINIMUM: f64 = 0.05;

/// How hard a fit looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FitSettings {
    /// When a fit from one start stops.
    pub tolerance: Tolerance,
    /// How often each component of the best minimum is tried elsewhere, as long as that helps.
    pub rounds: usize,
    /// How many of those places are followed in a round.
    pub moves: usize,
    /// Places tried a component.
    pub places: usize,
    /// Penalty on a further component, in units of that of the Bayesian information criterion.
    pub bic_penalty: f64,
}

impl Default for FitSettings {
    fn default() -> Self {
        let tolerance = Tolerance { relative_chi2: 1e-5, steps: 40 };
        Self { tolerance, rounds: 4, moves: 5, places: 2, bic_penalty: 1.0 }
    }
}

impl FitSettings {
    /// Looks further: for single objects.
    pub fn thorough() -> Self {
        Self { tolerance: Tolerance::default(), rounds: 10, moves: 20, places: 5, bic_penalty: 1.0 }
    }
}

/// Fits a complex to the line flux (continuum already subtracted, in units of the error). `None` with too few pixels.
pub(crate) fn fit_complex(
    complex: &Complex,
    pixels: &Pixels,
    data: &[f64],
    settings: FitSettings,
    space: &mut Workspace,
) -> Option<ComplexFit> {
    let n_pixels = pixels.weight.iter().filter(|weight| **weight > 0.0).count();
    if n_pixels < LEAST_PIXELS {
        return None;
    }
    let bins = Binned::new(complex, pixels, data);
    let (searched, values, chi2_inside) = match &bins {
        Some(bins) => (&bins.pixels, &bins.data[..], bins.chi2_inside),
        None => (pixels, data, 0.0),
    };
    let components = vec![0; complex.group.len()];
    let best = Minimum { chi2: dot(values, values), converged: true, ..Minimum::default() };
    let scan = Scan::new(complex, searched);
    let mut search = Search {
        complex,
        pixels: searched,
        data: values,
        chi2_inside,
        n_pixels,
        settings,
        scan,
        beside: Beside::default(),
        space,
        components,
        best,
        refused: Vec::new(),
    };
    while search.add_required() {}
    search.move_components();
    while search.add_where_it_helps() {
        search.move_components();
    }
    search.drop_swollen_wings();
    let left_out = search.left_out();
    let Search { components, best, space, .. } = search;
    let minimum = if bins.is_some() {
        let model = LineModel::new(complex, &components, pixels);
        minimise(&model, data, &best.parameters, settings.tolerance, space)
    } else {
        best
    };
    let mut fit = describe(complex, components, pixels, minimum);
    // What is averaged over need not be at the minimum of single pixels.
    fit.others = (left_out.into_iter())
        .map(|(group, weight, components, minimum)| {
            let fit = describe(complex, components, pixels, minimum);
            Other { group, weight, fit }
        })
        .collect();
    Some(fit)
}

/// A fit under way: the components so far and their best minimum.
struct Search<'a, 's> {
    complex: &'a Complex,
    pixels: &'a Pixels,
    data: &'a [f64],
    /// What chi2 of all pixels has more than that of these.
    chi2_inside: f64,
    n_pixels: usize,
    settings: FitSettings,
    scan: Scan<'a>,
    beside: Beside,
    space: &'s mut Workspace,
    components: Vec<usize>,
    best: Minimum,
    /// Groups to which one more component was not added in the last round, and the fits with it.
    refused: Vec<(usize, Vec<usize>, Minimum)>,
}

impl Search<'_, '_> {
    /// Adds the most helpful of the components that must be there; whether one was missing.
    fn add_required(&mut self) -> bool {
        let lacking =
            |search: &Self, group: usize| search.components[group] < search.complex.group[group].components[0];
        let offers = self.offers(lacking);
        let missing = (0..self.components.len()).find(|group| lacking(self, *group));
        let (group, place) = match (offers.first(), missing) {
            (Some((_, group, place)), _) => (*group, *place),
            // It helps nowhere: in the middle of its range it is out of the way.
            (None, Some(group)) => (group, self.middle(group)),
            (None, None) => return false,
        };
        (self.components, self.best) = self.with(group, place);
        true
    }

    /// Adds a component where the information criterion asks for it; whether it did. Fits that it did not ask for are kept aside.
    fn add_where_it_helps(&mut self) -> bool {
        self.refused.clear();
        let offers = self.offers(|search, group| {
            search.components[group] < search.complex.group[group].components[1] && search.has_cores(group)
        });
        for (gain, group, place) in offers {
            let penalty = self.penalty(group);
            if gain + penalty < WORTH_TRYING * penalty {
                break;
            }
            let (components, minimum) = self.with(group, place);
            if self.gain(&components, &minimum, penalty) > 0.0 && !self.is_swollen(group, &components, &minimum) {
                (self.components, self.best) = (components, minimum);
                return true;
            }
            self.refused.push((group, components, minimum));
        }
        false
    }

    /// Of each group that may have a component more, wings included, the best fit with it that the criterion did not ask for,
    /// and its weight.
    fn left_out(&mut self) -> Vec<(usize, f64, Vec<usize>, Minimum)> {
        let offers = self.offers(|search, group| {
            let (has, most) = (search.components[group], search.complex.group[group].components[1]);
            has < most && (has > 0 || search.is_wing(group)) && search.has_cores(group)
        });
        let mut left_out = Vec::new();
        for (gain, group, place) in offers {
            let (added, cost) = (gain + self.penalty(group), self.cost(group));
            let known = self.refused.iter().position(|(refused, ..)| *refused == group);
            let (components, minimum) = match known.map(|at| self.refused.swap_remove(at)) {
                Some((_, components, minimum)) => (components, minimum),
                None if !self.is_wing(group) && added < WORTH_AVERAGING * cost => continue,
                None => self.with(group, place),
            };
            // One that the criterion would have was refused for its width.
            if self.is_swollen(group, &components, &minimum)
                && self.gain(&components, &minimum, self.penalty(group)) > 0.0
            {
                continue;
            }
            let scale = self.scale(minimum.chi2, n_fitted(self.complex, &components));
            let odds = (0.5 * ((self.best.chi2 - minimum.chi2) / scale - cost)).exp();
            let weight = odds / (1.0 + odds);
            if weight > LEAST_WEIGHT {
                left_out.push((group, weight, components, minimum));
            }
        }
        left_out
    }

    /// What one more component of a group costs where fits are averaged.
    fn cost(&self, group: usize) -> f64 {
        let added = (2 + n_lines(self.complex, &self.complex.group[group])) as f64;
        added * if self.is_wing(group) { WING_PENALTY } else { COMPONENT_PENALTY }
    }

    fn is_wing(&self, group: usize) -> bool {
        let name = &self.complex.group[group].name;
        self.complex.line.iter().any(|line| line.group == *name && line.wing_of.is_some())
    }

    /// Whether a wing is as wide as the list lets it be: that is what the continuum and Fe II leave, not a line's.
    fn is_swollen(&self, group: usize, components: &[usize], minimum: &Minimum) -> bool {
        if !self.is_wing(group) {
            return false;
        }
        let bounds = LineModel::new(self.complex, components, self.pixels).bounds;
        let first = components[..group].iter().sum::<usize>();
        (first..first + components[group]).any(|at| minimum.parameters[2 * at + 1] >= bounds[2 * at + 1].1)
    }

    /// Takes out wings that ended as wide as they may be.
    fn drop_swollen_wings(&mut self) {
        for group in (0..self.components.len()).rev() {
            if !self.is_swollen(group, &self.components, &self.best) {
                continue;
            }
            let first = 2 * self.components[..group].iter().sum::<usize>();
            let mut start = self.best.parameters.clone();
            start.drain(first..first + 2 * self.components[group]);
            self.components[group] = 0;
            self.refused.clear();
            let model = LineModel::new(self.complex, &self.components, self.pixels);
            self.best = minimise(&model, self.data, &start, self.settings.tolerance, self.space);
            self.move_components();
        }
    }

    /// Whether the lines of which a group holds the wings are there (a wing alone is a core of the wrong name), and the group
    /// that it must come after.
    fn has_cores(&self, group: usize) -> bool {
        let complex = self.complex;
        let name = &complex.group[group].name;
        let cores = complex.line.iter().filter(|line| line.group == *name).filter_map(|line| line.wing_of.as_ref());
        let group_of = |core: &String| {
            let line = complex.line.iter().find(|line| line.name == *core)?;
            complex.group.iter().position(|group| group.name == line.group)
        };
        let first = complex.group[group].after.as_ref();
        let before = first.and_then(|first| complex.group.iter().position(|group| group.name == *first));
        cores.filter_map(group_of).chain(before).all(|core| self.components[core] > 0)
    }

    /// The best place of every group that may have one more component: gain beyond its penalty, most gain first.
    fn offers(&mut self, wanted: impl Fn(&Self, usize) -> bool) -> Vec<(f64, usize, [f64; 2])> {
        let groups: Vec<usize> = (0..self.components.len()).filter(|group| wanted(self, *group)).collect();
        if groups.is_empty() {
            return Vec::new();
        }
        let model = LineModel::new(self.complex, &self.components, self.pixels);
        self.beside.set(&model, &self.best.parameters, self.data, None);
        let scale = self.scale(self.beside.chi2, n_fitted(self.complex, &self.components));
        let mut offers = Vec::new();
        for group in groups {
            let penalty = self.penalty(group);
            let places = self.scan.places(group, &self.beside, None, 1);
            offers.extend(places.first().map(|(fall, at)| (fall / scale - penalty, group, *at)));
        }
        offers.sort_by(|a, b| b.0.total_cmp(&a.0));
        offers
    }

    fn middle(&self, group: usize) -> [f64; 2] {
        let mut one = vec![0; self.components.len()];
        one[group] = 1;
        let bounds = LineModel::new(self.complex, &one, self.pixels).bounds;
        [0, 1].map(|at| 0.5 * (bounds[at].0 + bounds[at].1))
    }

    /// The minimum with one component more.
    fn with(&mut self, group: usize, place: [f64; 2]) -> (Vec<usize>, Minimum) {
        let mut components = self.components.clone();
        let at = 2 * components[..=group].iter().sum::<usize>();
        components[group] += 1;
        let mut start = self.best.parameters.clone();
        start.splice(at..at, place);
        let model = LineModel::new(self.complex, &components, self.pixels);
        let minimum = minimise(&model, self.data, &start, self.settings.tolerance, self.space);
        (components, minimum)
    }

    /// Tries each component elsewhere, as long as that finds a deeper minimum.
    fn move_components(&mut self) {
        let components = self.components.clone();
        let model = LineModel::new(self.complex, &components, self.pixels);
        if model.groups.is_empty() {
            return;
        }
        for _ in 0..self.settings.rounds {
            let before = self.best.chi2;
            let mut starts: Vec<(f64, Vec<f64>)> = Vec::new();
            for component in 0..model.groups.len() {
                let known = [self.best.parameters[2 * component], self.best.parameters[2 * component + 1]];
                self.beside.set(&model, &self.best.parameters, self.data, Some(component));
                let places: Vec<Place> =
                    self.scan.places(model.groups[component], &self.beside, Some(known), self.settings.places);
                for (fall, at) in places {
                    let mut start = self.best.parameters.clone();
                    start[2 * component..2 * component + 2].copy_from_slice(&at);
                    starts.push((self.beside.chi2 - fall, start));
                }
            }
            starts.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (estimate, start) in starts.iter().take(self.settings.moves) {
                let Some(first) = self.promising(&model, start, *estimate) else { continue };
                let minimum = minimise(&model, self.data, &first.parameters, self.settings.tolerance, self.space);
                if minimum.chi2 < self.best.chi2 {
                    self.best = minimum;
                }
            }
            if self.best.chi2 > before - 1e-5 * (before + self.chi2_inside) {
                break;
            }
        }
    }

    /// Some steps from a start; `None` where they fall too slowly to get below the best, or lead back to it.
    fn promising(&mut self, model: &LineModel<'_>, start: &[f64], estimate: f64) -> Option<Minimum> {
        let first = minimise(model, self.data, start, FIRST_STEPS, self.space);
        let above = first.chi2 - self.best.chi2;
        let slow = above > 0.5 * (estimate - first.chi2).max(0.0);
        let back = above > 0.0 && same(&first.parameters, &self.best.parameters);
        (!slow && !back).then_some(first)
    }

    /// Chi2 per degree of freedom, at least 1: features that no Gaussian describes must not buy components.
    fn scale(&self, chi2: f64, fitted: usize) -> f64 {
        ((chi2 + self.chi2_inside) / self.n_pixels.saturating_sub(fitted).max(1) as f64).max(1.0)
    }

    fn penalty(&self, group: usize) -> f64 {
        let added = 2 + n_lines(self.complex, &self.complex.group[group]);
        self.settings.bic_penalty * added as f64 * (self.n_pixels as f64).ln()
    }

    /// How much the criterion falls, with chi2 scaled so that the richer model would fit well.
    fn gain(&self, components: &[usize], minimum: &Minimum, penalty: f64) -> f64 {
        let scale = self.scale(minimum.chi2, n_fitted(self.complex, components));
        (self.best.chi2 - minimum.chi2) / scale - penalty
    }
}

/// Whether two sets of parameters are at one minimum.
fn same(a: &[f64], b: &[f64]) -> bool {
    let close = |(a, b): (&[f64; 2], &[f64; 2])| {
        (a[1] - b[1]).abs() < ONE_MINIMUM && (a[0] - b[0]).abs() < ONE_MINIMUM * b[1].exp()
    };
    a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0).all(close)
}

#[cfg(test)]
#[path = "oracle.rs"]
mod oracle;
