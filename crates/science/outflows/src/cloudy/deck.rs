//! What Cloudy is asked: one deck a model.

use std::fmt::Write;
use std::path::PathBuf;

use super::CloudyError;

/// Lines whose cumulative intensities are saved, by Cloudy's labels (air wavelengths above 2000 Angstrom).
const LINES: [&str; 42] = [
    "H  1 4861.33A",
    "H  1 6562.81A",
    "H  1 1215.67A",
    "He 2 4685.64A",
    "He 2 1640.43A",
    "He 1 5875.64A",
    "O  1 6300.30A",
    "O  2 3726.03A",
    "O  2 3728.81A",
    "Blnd 7325",
    "O  3 5006.84A",
    "O  3 4958.91A",
    "O  3 4363.21A",
    "Blnd 1666",
    "N  2 6583.45A",
    "N  2 5754.61A",
    "S  2 6716.44A",
    "S  2 6730.82A",
    "S  2 4068.60A",
    "S  2 4076.35A",
    "S  3 9530.62A",
    "Ne 3 3868.76A",
    "Ne 5 3426.03A",
    "Mg 2 2795.53A",
    "Mg 2 2802.71A",
    "Blnd 2798",
    "C  3 1908.73A",
    "C  3 1906.68A",
    "Blnd 1909",
    "C  4 1548.19A",
    "C  4 1550.78A",
    "Blnd 1549",
    "Blnd 1397",
    "Blnd 1402",
    "Al 3 1854.72A",
    "Al 3 1862.79A",
    "N  5 1238.82A",
    "N  5 1242.80A",
    "Blnd 1240",
    "O  6 1031.91A",
    "O  6 1037.62A",
    "Blnd 1035",
];

/// Elements whose ions are saved: Cloudy's name, ending of the file, symbol, solar abundance by number (GASS10), whether
/// `metals` scales it.
pub(super) const ELEMENTS: [(&str, &str, &str, f64, bool); 11] = [
    ("hydrogen", "hyd", "H", 1.0, false),
    ("helium", "hel", "He", 8.51e-2, false),
    ("carbon", "car", "C", 2.69e-4, true),
    ("nitrogen", "nit", "N", 6.76e-5, true),
    ("oxygen", "oxy", "O", 4.90e-4, true),
    ("neon", "neo", "Ne", 8.51e-5, true),
    ("magnesium", "mag", "Mg", 3.98e-5, true),
    ("aluminium", "alu", "Al", 2.82e-6, true),
    ("silicon", "sil", "Si", 3.24e-5, true),
    ("sulphur", "sul", "S", 1.32e-5, true),
    ("iron", "iro", "Fe", 3.16e-5, true),
];

/// What lights the gas.
#[derive(Debug, Clone, PartialEq)]
pub enum Sed {
    /// `AGN T=1.5e5 a_ox=-1.4 a_uv=-0.5 a_x=-1`.
    Agn,
    /// Mathews & Ferland 1987 (`table AGN`).
    MathewsFerland,
    /// A file of Cloudy's `table SED` format.
    Table(PathBuf),
}

/// How the gas lies about the nucleus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Geometry {
    /// An open slab.
    #[default]
    Slab,
    /// A closed shell.
    Sphere,
}

/// The models of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct GridPlan {
    /// log10 of the ionisation parameter.
    pub log_u: Vec<f64>,
    /// log10 of the hydrogen density, 1/cm3.
    pub log_n_h: Vec<f64>,
    /// Metals over solar, linear.
    pub metallicity: Vec<f64>,
    /// Columns at which lines and ions are told, log10 1/cm2, increasing; the last stops the model.
    pub log_column: Vec<f64>,
    /// What lights the gas.
    pub sed: Sed,
    /// How it lies.
    pub geometry: Geometry,
}

impl Default for GridPlan {
    fn default() -> Self {
        Self {
            log_u: steps(-4.0, -1.0, 0.1),
            log_n_h: steps(1.0, 6.0, 0.25),
            metallicity: vec![0.1, 0.3, 1.0, 2.0, 3.0],
            log_column: steps(20.0, 22.0, 0.5),
            sed: Sed::Agn,
            geometry: Geometry::Slab,
        }
    }
}

/// From `low` to `high`, both included, rounded to a millionth so that names are short.
pub(super) fn steps(low: f64, high: f64, step: f64) -> Vec<f64> {
    let count = ((high - low) / step + 1e-9).floor().max(0.0) as usize;
    (0..=count).map(|at| ((low + step * at as f64) * 1e6).round() / 1e6).collect()
}

/// One model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// log10 of the ionisation parameter.
    pub log_u: f64,
    /// log10 of the hydrogen density, 1/cm3.
    pub log_n_h: f64,
    /// Metals over solar.
    pub metallicity: f64,
}

impl Model {
    /// The name of its files.
    #[must_use]
    pub fn name(&self) -> String {
        format!("g_U{}_n{}_Z{}", self.log_u, self.log_n_h, self.metallicity)
    }
}

impl GridPlan {
    /// Values from `low` to `high` in steps, both ends included.
    ///
    /// # Errors
    /// A step that is not positive, or ends out of order.
    pub fn range(quantity: &'static str, [low, high, step]: [f64; 3]) -> Result<Vec<f64>, CloudyError> {
        if !(step > 0.0 && low <= high && low.is_finite() && high.is_finite()) {
            let found = format!("{low}:{high}:{step}");
            return Err(CloudyError::Plan { quantity, expected: "low:high:step with a step above 0", found });
        }
        Ok(steps(low, high, step))
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// An empty axis or a value that no gas has.
    pub fn check(&self) -> Result<(), CloudyError> {
        let axes: [(&'static str, &[f64], [f64; 2], &'static str); 4] = [
            ("log U", &self.log_u, [-8.0, 4.0], "values of -8 to 4"),
            ("log n_H", &self.log_n_h, [-3.0, 15.0], "values of -3 to 15"),
            ("metals", &self.metallicity, [1e-4, 100.0], "values of 0.0001 to 100"),
            ("log N_H", &self.log_column, [15.0, 25.0], "values of 15 to 25"),
        ];
        for (quantity, values, [least, most], expected) in axes {
            if values.is_empty() {
                return Err(CloudyError::Plan { quantity, expected: "at least one value", found: "none".to_owned() });
            }
            if let Some(found) = values.iter().find(|value| !(least..=most).contains(*value)) {
                return Err(CloudyError::Plan { quantity, expected, found: found.to_string() });
            }
        }
        if self.log_column.windows(2).any(|pair| pair[1] <= pair[0]) {
            let found = format!("{:?}", self.log_column);
            return Err(CloudyError::Plan { quantity: "log N_H", expected: "increasing columns", found });
        }
        Ok(())
    }

    /// Every model, log U slowest.
    #[must_use]
    pub fn models(&self) -> Vec<Model> {
        let mut models = Vec::new();
        for &log_u in &self.log_u {
            for &log_n_h in &self.log_n_h {
                models.extend(self.metallicity.iter().map(|&metallicity| Model { log_u, log_n_h, metallicity }));
            }
        }
        models
    }

    /// The deck of a model.
    #[must_use]
    pub fn deck(&self, model: &Model) -> String {
        let name = model.name();
        let sed = match &self.sed {
            Sed::Agn => "AGN T=1.5e5 a_ox=-1.4 a_uv=-0.5 a_x=-1".to_owned(),
            Sed::MathewsFerland => "table AGN".to_owned(),
            Sed::Table(path) => format!("table SED \"{}\"", path.display()),
        };
        let stop = self.log_column.last().copied().unwrap_or(22.0);
        let mut deck = format!("title {name}\nset UTA Kisielius off\n{sed}\nionization parameter {}\n", model.log_u);
        if self.geometry == Geometry::Sphere {
            deck.push_str("sphere\n");
        }
        let _ = write!(
            deck,
            "hden {}\nabundances GASS10 no grains\nmetals {} linear\nstop column density {stop}\nstop temperature off\n\
             no level2\nno molecules\nelement limit off -6.5\ndatabase He-like levels small\nprint last\nprint line faint -3\n\
             save overview last \"{name}.ovr\"\n",
            model.log_n_h, model.metallicity
        );
        for (element, ending, ..) in ELEMENTS {
            let _ = writeln!(deck, "save element {element} last \"{name}.{ending}\"");
        }
        let _ = writeln!(deck, "save lines, zone cumulative, last \"{name}.cum\"");
        for line in LINES {
            deck.push_str(line);
            deck.push('\n');
        }
        deck.push_str("end of lines\n");
        deck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_grid_has_its_models() {
        let plan = GridPlan::default();
        assert_eq!((plan.log_u.len(), plan.log_n_h.len()), (31, 21));
        assert_eq!(plan.models().len(), 31 * 21 * 5);
        plan.check().unwrap();
        let empty = GridPlan { log_u: Vec::new(), ..GridPlan::default() };
        assert!(empty.check().unwrap_err().to_string().contains("log U"));
    }

    #[test]
    fn a_deck_says_what_the_real_one_says() {
        let Some(data) = testkit::real_data() else { return };
        let path = data.join("photoionization/cloudy_grid/example_U-2_n3_Z1.in");
        let real = std::fs::read_to_string(path).unwrap();
        let plan = GridPlan { sed: Sed::MathewsFerland, ..GridPlan::default() };
        let deck = plan.deck(&Model { log_u: -2.0, log_n_h: 3.0, metallicity: 1.0 });
        // Titles, comments and names of files differ.
        let commands = |text: &str| -> Vec<String> {
            let kept = text.lines().filter(|line| !line.starts_with("title") && !line.starts_with('#'));
            kept.map(|line| line.split('"').step_by(2).collect::<String>().trim().to_owned()).collect()
        };
        assert_eq!(commands(&deck), commands(&real));
    }
}
