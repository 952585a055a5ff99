//! The line list: read from TOML, checked once.

use serde::Deserialize;

use crate::Error;

/// Lines of the default list.
const DEFAULT: &str = include_str!("default.toml");

/// Every complex that a fit looks for, in order of wavelength.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineList {
    /// The complexes.
    pub complex: Vec<Complex>,
}

/// Lines that are fitted together.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complex {
    /// Its name, as in the results.
    pub name: String,
    /// Rest wavelengths between which it is fitted, Angstrom, both included.
    pub window_angstrom: [f64; 2],
    /// Groups of lines that share velocity and width.
    pub group: Vec<Group>,
    /// Its lines.
    pub line: Vec<Line>,
}

/// Kinematics that several lines share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name: `broad`, `narrow`, `wing`, or another.
    pub name: String,
    /// Least and greatest number of Gaussians a line; between them the Bayesian information criterion decides.
    #[serde(default = "one_component")]
    pub components: [usize; 2],
    /// A group without which this one is not added: the weaker lines of a blend must not stand in for the strong one.
    #[serde(default)]
    pub after: Option<String>,
    /// Least and greatest velocity dispersion, km/s, the instrument's removed.
    pub sigma_km_s: [f64; 2],
    /// Least and greatest velocity of the centre, km/s, positive redward.
    pub offset_km_s: [f64; 2],
}

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its name, as in the results.
    pub name: String,
    /// Vacuum rest wavelength, Angstrom.
    pub wavelength_angstrom: f64,
    /// The group whose velocity and width it has.
    pub group: String,
    /// The line of the same group of whose flux this one's is a fixed multiple.
    #[serde(default)]
    pub flux_of: Option<String>,
    /// That multiple.
    #[serde(default = "one")]
    pub ratio: f64,
    /// The line of the complex of which this is the wing: the two are measured together too.
    #[serde(default)]
    pub wing_of: Option<String>,
}

fn one_component() -> [usize; 2] {
    [1, 1]
}

fn one() -> f64 {
    1.0
}

impl LineList {
    /// The list that is part of the program.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn default_list() -> Result<Self, Error> {
        Self::parse(DEFAULT)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When the text is no such list, or a group, bound or ratio makes no sense; the message names the complex.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let list: Self = toml::from_str(text).map_err(|error| Error::LineList { reason: error.to_string() })?;
        for complex in &list.complex {
            check(complex)
                .map_err(|reason| Error::LineList { reason: format!("complex `{}`: {reason}", complex.name) })?;
        }
        Ok(list)
    }
}

fn check(complex: &Complex) -> Result<(), String> {
    let rising = |range: [f64; 2]| range[0].is_finite() && range[1].is_finite() && range[0] < range[1];
    if !rising(complex.window_angstrom) || complex.window_angstrom[0] <= 0.0 {
        return Err(format!("expected a rising window, found {:?}", complex.window_angstrom));
    }
    for group in &complex.group {
        if !rising(group.sigma_km_s) || group.sigma_km_s[0] <= 0.0 || !rising(group.offset_km_s) {
            return Err(format!("group `{}`: expected rising, positive sigma_km_s and rising offset_km_s", group.name));
        }
        if group.components[0] > group.components[1] || group.components[1] == 0 || group.components[1] > 5 {
            return Err(format!(
                "group `{}`: expected components like [1, 3], found {:?}",
                group.name, group.components
            ));
        }
    }
    for group in &complex.group {
        if let Some(after) = &group.after
            && !complex.group.iter().any(|other| other.name == *after && other.name != group.name)
        {
            return Err(format!("group `{}`: after must name another group, found `{after}`", group.name));
        }
    }
    for line in &complex.line {
        if !complex.group.iter().any(|group| group.name == line.group) {
            return Err(format!("line `{}`: there is no group `{}`", line.name, line.group));
        }
        let reference = |other: &Line| Some(&other.name) == line.flux_of.as_ref() && other.flux_of.is_none();
        if line.flux_of.is_some() && !complex.line.iter().any(|other| reference(other) && other.group == line.group) {
            return Err(format!(
                "line `{}`: flux_of must name a line of group `{}` that is not tied itself",
                line.name, line.group
            ));
        }
        if let Some(core) = &line.wing_of
            && !complex.line.iter().any(|other| other.name == *core && other.group != line.group)
        {
            return Err(format!("line `{}`: wing_of must name a line of another group, found `{core}`", line.name));
        }
        if !(line.ratio > 0.0 && line.wavelength_angstrom > 0.0) {
            return Err(format!("line `{}`: expected a positive wavelength and ratio", line.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_list_holds() {
        let list = LineList::default_list().unwrap();
        assert!(list.complex.len() >= 10);
        let oiii = list.complex.iter().flat_map(|complex| &complex.line).find(|line| line.name == "OIII4960").unwrap();
        assert!((oiii.ratio - 1.0 / 2.98).abs() < 1e-3);
        for pair in list.complex.windows(2) {
            assert!(pair[0].window_angstrom[1] <= pair[1].window_angstrom[0], "{} overlaps", pair[1].name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let text = "[[complex]]\nname = \"X\"\nwindow_angstrom = [1.0, 2.0]\nline = []\n[[complex.group]]\nname = \"broad\"\n\
                    sigma_km_s = [500.0, 100.0]\noffset_km_s = [-1.0, 1.0]\n";
        let message = LineList::parse(text).unwrap_err().to_string();
        assert!(message.contains("complex `X`") && message.contains("group `broad`"), "{message}");
        assert!(LineList::parse("[[complex]]\nwindow = 3").unwrap_err().to_string().contains("window"));
    }
}
