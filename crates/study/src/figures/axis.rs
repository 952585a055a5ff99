//! Axes: linear, logarithmic or of categories; their ticks and the labels of the ticks.

/// How values are laid along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scale {
    Linear,
    Log,
    Categories(Vec<String>),
}

/// One axis: its label with unit, its scale and range.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) inverted: bool,
}

impl Axis {
    /// A linear axis, its range taken from the data.
    #[must_use]
    pub fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), scale: Scale::Linear, range: None, inverted: false }
    }

    /// A logarithmic axis: values in plain units, decades as ticks; values <= 0 are not drawn.
    #[must_use]
    pub fn log(label: &str) -> Self {
        Self { scale: Scale::Log, ..Self::linear(label) }
    }

    /// Named places 0, 1, 2, ...; as the vertical axis the first is on top.
    #[must_use]
    pub fn categories<S: Into<String>>(label: &str, names: impl IntoIterator<Item = S>) -> Self {
        Self { scale: Scale::Categories(names.into_iter().map(Into::into).collect()), ..Self::linear(label) }
    }

    /// Sets the range, both ends included.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Lets values grow to the left (or downwards), as right ascension and magnitudes do.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.inverted = !self.inverted;
        self
    }

    /// The range to draw: as set, else that of `data` with a margin; always of positive width.
    pub(crate) fn drawn_range(&self, data: Option<(f64, f64)>, from_zero: bool) -> (f64, f64) {
        if let Scale::Categories(names) = &self.scale {
            return (-0.5, names.len().max(1) as f64 - 0.5);
        }
        let usable = self.range.filter(|(low, high)| low < high && (self.scale != Scale::Log || *low > 0.0));
        if let Some(range) = usable {
            return range;
        }
        let (low, high) = data.unwrap_or(if self.scale == Scale::Log { (0.1, 10.0) } else { (0.0, 1.0) });
        if self.scale == Scale::Log {
            let margin = ((high / low).ln() * 0.05).max(0.1).exp();
            return (low / margin, high * margin);
        }
        let margin = if high > low { 0.05 * (high - low) } else { 0.5 * low.abs().max(1.0) };
        let bottom = if from_zero && low >= 0.0 { 0.0 } else { low - margin };
        (bottom, high + margin)
    }

    /// Where `value` lies within `range`: 0 at its low end, 1 at its high end. `None` where it has no place.
    pub(crate) fn fraction(&self, value: f64, (low, high): (f64, f64)) -> Option<f64> {
        let fraction = match self.scale {
            Scale::Log if value <= 0.0 => return None,
            Scale::Log => (value / low).ln() / (high / low).ln(),
            _ => (value - low) / (high - low),
        };
        fraction.is_finite().then_some(if self.inverted { 1.0 - fraction } else { fraction })
    }

    /// Ticks for an axis of `length` pixels whose labels need `room` pixels each.
    pub(crate) fn ticks(&self, range: (f64, f64), length: f64, room: f64) -> Ticks {
        let wanted = (length / room).max(2.0);
        match &self.scale {
            Scale::Categories(names) => Ticks {
                major: names.iter().enumerate().map(|(index, name)| (index as f64, name.clone())).collect(),
                minor: Vec::new(),
            },
            Scale::Log => log_ticks(range, wanted),
            Scale::Linear => linear_ticks(range, wanted),
        }
    }
}

/// Places of ticks: `major` with labels, `minor` without.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) major: Vec<(f64, String)>,
    pub(crate) minor: Vec<f64>,
}

/// Steps of 1, 2, 2.5 or 5 times a power of ten, at most `wanted` of them.
pub(crate) fn linear_ticks((low, high): (f64, f64), wanted: f64) -> Ticks {
    let rough = (high - low) / wanted;
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [(1.0, 5), (2.0, 4), (2.5, 5), (5.0, 5), (10.0, 5)];
    let (multiple, parts) =
        steps.into_iter().find(|(multiple, _)| multiple * decade >= rough * 0.999).unwrap_or((10.0, 5));
    let step = multiple * decade;
    let tolerance = 1e-9 * (high - low);
    let (first, last) = (((low - tolerance) / step).ceil() as i64, ((high + tolerance) / step).floor() as i64);
    let values: Vec<f64> = (first..=last).map(|index| index as f64 * step).collect();
    let minor_step = step / f64::from(parts);
    let (first, last) =
        (((low - tolerance) / minor_step).ceil() as i64, ((high + tolerance) / minor_step).floor() as i64);
    let minor =
        (first..=last).filter(|index| index % i64::from(parts) != 0).map(|index| index as f64 * minor_step).collect();
    Ticks { major: values.iter().map(|&value| (value, plain(value, step))).collect(), minor }
}

/// Decades; where fewer than two are in range, also 2 and 5 (or every digit) of each.
fn log_ticks((low, high): (f64, f64), wanted: f64) -> Ticks {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let inside = |value: f64| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9);
    let decades: Vec<i32> = (first..=last).filter(|&power| inside(10f64.powi(power))).collect();
    let all = |digits: &[f64]| -> Vec<f64> {
        let values = (first..=last).flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)));
        values.filter(|&value| inside(value)).collect()
    };
    if decades.len() < 2 {
        let coarse = all(&[1.0, 2.0, 5.0]);
        if coarse.len() < 2 {
            return linear_ticks((low, high), wanted);
        }
        let major = coarse.iter().map(|&value| (value, plain(value, value))).collect();
        return Ticks { major, minor: all(&[3.0, 4.0, 6.0, 7.0, 8.0, 9.0]) };
    }
    let every = ((decades.len() as f64 / wanted).ceil() as i32).max(1);
    let written_out = first >= -3 && last <= 4;
    let major = decades.iter().filter(|&&power| power.rem_euclid(every) == 0).map(|&power| {
        let value = 10f64.powi(power);
        (value, if written_out { plain(value, value) } else { format!("10{}", superscript(power)) })
    });
    let minor = if every == 1 {
        all(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    } else {
        decades.iter().map(|&p| 10f64.powi(p)).collect()
    };
    Ticks { major: major.collect(), minor }
}

/// A tick's label with the decimals its step needs, a true minus sign, and powers of ten where digits would be many.
pub(crate) fn plain(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() >= 1e6 || step.abs() < 1e-5 {
        let power = value.abs().log10().floor() as i32;
        let mantissa = format!("{:.2}", value / 10f64.powi(power));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
        return if mantissa == "1" {
            format!("10{}", superscript(power))
        } else {
            format!("{mantissa}×10{}", superscript(power))
        };
    }
    let exponent = step.abs().log10().floor();
    let mantissa = step.abs() / 10f64.powf(exponent);
    let extra = if (mantissa - mantissa.round()).abs() > 1e-6 { 1.0 } else { 0.0 };
    let decimals = (extra - exponent).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}").replace('-', "−")
}

/// A whole number as superscript characters.
pub(crate) fn superscript(power: i32) -> String {
    power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => digit.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(digit),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{linear_ticks, log_ticks, plain, superscript};

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        let ticks = linear_ticks((0.003, 0.26), 6.0);
        let labels: Vec<&str> = ticks.major.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0.05", "0.10", "0.15", "0.20", "0.25"]);
        assert!(ticks.minor.iter().all(|&value| (0.003..=0.26).contains(&value)));
        let ticks = log_ticks((1e-5, 0.02), 5.0);
        let labels: Vec<&str> = ticks.major.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"]);
    }

    #[test]
    fn labels_show_the_decimals_of_their_step() {
        assert_eq!(plain(-0.25, 0.25), "−0.25");
        assert_eq!(plain(30.0, 10.0), "30");
        assert_eq!(plain(2e6, 1e6), "2×10⁶");
        assert_eq!(superscript(-12), "⁻¹²");
    }
}
