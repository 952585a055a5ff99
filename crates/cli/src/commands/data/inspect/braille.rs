//! A spectrum in the terminal: dots of Braille letters, two across and four down each.

use std::io::IsTerminal;

use desi::spectra::Spectrum;

use super::spectrum_figure::lines_within;

/// Letters of the plot's height.
const HEIGHT: usize = 16;
/// Width of the numbers left of it.
const MARGIN: usize = 9;

/// Columns that a terminal says it has (COLUMNS), or 100.
pub(super) fn terminal_columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let columns = told.filter(|_| std::io::stdout().is_terminal()).unwrap_or(100);
    columns.clamp(40, 240)
}

/// The plot, with an axis below and the names of the lines above.
pub(super) fn plot(spectrum: &Spectrum, redshift: Option<f64>, columns: usize) -> String {
    let letters = columns - MARGIN - 1;
    let means = means(spectrum, 2 * letters);
    let known: Vec<f64> = means.iter().flatten().copied().collect();
    let (Some(first), Some(last)) = (spectrum.wavelength_angstrom.first(), spectrum.wavelength_angstrom.last()) else {
        return "no pixels\n".to_owned();
    };
    if known.is_empty() {
        return "no good pixel\n".to_owned();
    }
    let mut sorted = known.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, high) = (at(0.002).min(0.0), at(0.998).max(at(0.002).abs() * 1e-3 + 1e-12));
    let dots = dots(&means, (low, high), letters);
    let mut text = String::new();
    if let Some(redshift) = redshift {
        text.push_str(&names(&lines_within(redshift, (*first, *last)), (*first, *last), letters));
    }
    for (row, line) in dots.chunks(letters).enumerate() {
        let value = high - (high - low) * (row as f64 + 0.5) / HEIGHT as f64;
        let label = if row % 5 == 0 { short(value) } else { String::new() };
        let line: String = line.iter().map(|bits| char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ')).collect();
        text.push_str(&format!("{label:>MARGIN$}┤{}\n", line.trim_end_matches('\u{2800}')));
    }
    text.push_str(&axis((*first, *last), letters));
    text
}

/// A number in at most eight letters.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Mean flux of each of `bins` even stretches of wavelength, weighted by inverse variance.
fn means(spectrum: &Spectrum, bins: usize) -> Vec<Option<f64>> {
    let (mut sums, mut weights) = (vec![0.0; bins], vec![0.0; bins]);
    let first = spectrum.wavelength_angstrom.first().copied().unwrap_or(0.0);
    let span = spectrum.wavelength_angstrom.last().copied().unwrap_or(1.0) - first;
    for pixel in (0..spectrum.len()).filter(|pixel| spectrum.good[*pixel]) {
        let bin = ((spectrum.wavelength_angstrom[pixel] - first) / span * bins as f64) as usize;
        let bin = bin.min(bins - 1);
        sums[bin] += spectrum.ivar[pixel] * spectrum.flux_1e17_cgs[pixel];
        weights[bin] += spectrum.ivar[pixel];
    }
    sums.into_iter().zip(weights).map(|(sum, weight)| (weight > 0.0).then(|| sum / weight)).collect()
}

/// Bits of the letters, row after row; each value is joined to the one before.
fn dots(means: &[Option<f64>], (low, high): (f64, f64), letters: usize) -> Vec<u8> {
    /// Bit of a dot by its row and column in the letter.
    const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let rows = 4 * HEIGHT;
    let height = |value: f64| {
        let share = ((high - value) / (high - low)).clamp(0.0, 1.0);
        (share * (rows - 1) as f64).round() as usize
    };
    let mut bits = vec![0_u8; letters * HEIGHT];
    let mut before: Option<usize> = None;
    for (column, mean) in means.iter().enumerate() {
        let Some(row) = mean.map(height) else {
            before = None;
            continue;
        };
        // Up to, and not with, the dot before.
        let (top, bottom) = match before {
            Some(last) if last < row => (last + 1, row),
            Some(last) if last > row => (row, last - 1),
            _ => (row, row),
        };
        for dot in top..=bottom {
            bits[dot / 4 * letters + column / 2] |= BITS[dot % 4][column % 2];
        }
        before = Some(row);
    }
    bits
}

/// Names of lines at their places; a name that finds no room is left out.
fn names(lines: &[(f64, &str)], (first, last): (f64, f64), letters: usize) -> String {
    let mut row: Vec<char> = vec![' '; letters];
    for (at, name) in lines {
        let width = name.chars().count();
        let middle = ((at - first) / (last - first) * letters as f64) as usize;
        let start = middle.saturating_sub(width / 2).min(letters.saturating_sub(width));
        let from = start.saturating_sub(1);
        let free = row[from..(start + width + 1).min(letters)].iter().all(|letter| *letter == ' ');
        if free && start + width <= letters {
            row[start..start + width].iter_mut().zip(name.chars()).for_each(|(place, letter)| *place = letter);
        }
    }
    format!("{:MARGIN$} {}\n", "", row.into_iter().collect::<String>().trim_end())
}

fn axis((first, last): (f64, f64), letters: usize) -> String {
    let step = if last - first > 4_000.0 { 1_000.0 } else { 500.0 };
    let mut ticks: Vec<char> = vec!['─'; letters];
    let mut numbers: Vec<char> = vec![' '; letters + 8];
    let mut tick = (first / step).ceil() * step;
    while tick <= last {
        let place = (((tick - first) / (last - first) * letters as f64) as usize).min(letters - 1);
        ticks[place] = '┴';
        let label = format!("{tick:.0}");
        let start = place.saturating_sub(label.len() / 2);
        if numbers[start.saturating_sub(1)..(start + label.len() + 1).min(letters + 8)].iter().all(|c| *c == ' ') {
            numbers[start..start + label.len()].iter_mut().zip(label.chars()).for_each(|(to, from)| *to = from);
        }
        tick += step;
    }
    let numbers: String = numbers.into_iter().collect();
    format!("{:MARGIN$}└{}\n{:MARGIN$} {}  Å\n", "", ticks.into_iter().collect::<String>(), "", numbers.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_spectrum_rises() {
        let wavelength: Vec<f64> = (0..1_000).map(|i| 4_000.0 + f64::from(i)).collect();
        let flux: Vec<f64> = (0..1_000).map(f64::from).collect();
        let text = plot(&Spectrum::from_arrays(wavelength, flux, vec![1.0; 1_000]), None, 60);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), HEIGHT + 2);
        // The first line has dots at its right end only, the last at its left.
        assert!(lines[0].chars().count() > 55 && lines[HEIGHT - 1].chars().count() < 20, "{text}");
        assert!(text.contains("4500"));
    }

    #[test]
    fn nothing_to_show_is_said() {
        assert_eq!(plot(&Spectrum::default(), None, 80), "no pixels\n");
        let dark = Spectrum::from_arrays(vec![1.0, 2.0], vec![1.0, 1.0], vec![0.0, 0.0]);
        assert_eq!(plot(&dark, None, 80), "no good pixel\n");
    }
}
