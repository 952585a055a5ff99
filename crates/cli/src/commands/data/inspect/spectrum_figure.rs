//! A spectrum as a figure: flux and error, masked pixels, and the main lines at its redshift.

use desi::spectra::Spectrum;
use study::figures::{Axis, Colour, Figure, Line, Note, Panel, Rule};

use super::spectrum::Shown;

/// Emission and absorption lines that are named: vacuum wavelength (Angstrom) and name.
const LINES: [(f64, &str); 18] = [
    (1025.7, "Lyβ"),
    (1215.7, "Lyα"),
    (1240.1, "N V"),
    (1396.8, "Si IV"),
    (1549.1, "C IV"),
    (1640.4, "He II"),
    (1908.7, "C III]"),
    (2799.1, "Mg II"),
    (3426.9, "[Ne V]"),
    (3728.5, "[O II]"),
    (3934.8, "Ca K"),
    (3969.6, "Ca H"),
    (4341.7, "Hγ"),
    (4862.7, "Hβ"),
    (5008.2, "[O III]"),
    (5891.6, "Na I"),
    (6564.6, "Hα"),
    (6725.5, "[S II]"),
];
const FLUX_LABEL: &str = "f(λ) (10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹)";
/// Pixels over which the smooth curve is a mean weighted by inverse variance.
const SMOOTH: usize = 9;

pub(super) fn figure(shown: &Shown) -> Figure {
    let spectrum = &shown.spectrum;
    let good: Vec<usize> = (0..spectrum.len()).filter(|pixel| spectrum.good[*pixel]).collect();
    let take = |value: &dyn Fn(usize) -> f64| good.iter().map(|pixel| value(*pixel)).collect::<Vec<f64>>();
    let wavelength = take(&|pixel| spectrum.wavelength_angstrom[pixel]);
    let flux = take(&|pixel| spectrum.flux_1e17_cgs[pixel]);
    let error = take(&|pixel| spectrum.ivar[pixel].sqrt().recip());
    let (smooth_x, smooth_y) = smoothed(spectrum);
    let (low, high) = flux_range(&smooth_y, &error);
    let ends = (spectrum.wavelength_angstrom.first(), spectrum.wavelength_angstrom.last());
    let (first, last) = (ends.0.copied().unwrap_or(0.0), ends.1.copied().unwrap_or(1.0));
    let mut panel = Panel::new()
        .x(Axis::linear("Wavelength (Å), vacuum, observed").range(first, last))
        .y(Axis::linear(FLUX_LABEL).range(low, high))
        .line(Line::new(&wavelength, &flux).colour(Colour::LIGHT_GREY).width(0.6).label("flux"))
        .line(Line::new(&wavelength, &error).colour(Colour::VERMILLION).width(0.6).label("error"))
        .line(Line::new(&smooth_x, &smooth_y).colour(Colour::BLACK).width(0.9).label("mean of 9 pixels"));
    for (start, end) in masked(spectrum) {
        // A thin line along the bottom, wide enough to be seen.
        let wide = (end - start).max(0.001 * (last - first));
        let y = low + 0.012 * (high - low);
        panel = panel.line(Line::new(&[start, start + wide], &[y, y]).colour(Colour::PURPLE).width(4.0));
    }
    if let Some(redshift) = shown.redshift {
        for (number, (at, name)) in lines_within(redshift, (first, last)).into_iter().enumerate() {
            let across = (at - first) / (last - first);
            // Right of the middle a note ends where it is put.
            let across = if across > 0.5 { across - 0.004 } else { across + 0.004 };
            let up = 0.955 - 0.05 * (number % 3) as f64;
            panel = panel
                .rule(Rule::vertical(at).colour(Colour::SKY))
                .note(Note::new(across, up, name).colour(Colour::BLUE));
        }
    }
    Figure::new(&shown.title()).panel_size(1_000.0, 380.0).panel(panel)
}

/// Observed wavelengths and names of the lines in a range.
pub(super) fn lines_within(redshift: f64, (first, last): (f64, f64)) -> Vec<(f64, &'static str)> {
    let observed = LINES.map(|(rest, name)| (rest * (1.0 + redshift), name));
    observed.into_iter().filter(|(at, _)| *at > first && *at < last).collect()
}

/// Means of neighbouring good pixels, weighted by inverse variance.
fn smoothed(spectrum: &Spectrum) -> (Vec<f64>, Vec<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for start in (0..spectrum.len()).step_by(SMOOTH / 3) {
        let pixels = start..(start + SMOOTH).min(spectrum.len());
        let (mut sum, mut weights) = (0.0, 0.0);
        for pixel in pixels.clone().filter(|pixel| spectrum.good[*pixel]) {
            sum += spectrum.ivar[pixel] * spectrum.flux_1e17_cgs[pixel];
            weights += spectrum.ivar[pixel];
        }
        if weights > 0.0 {
            x.push(spectrum.wavelength_angstrom[(pixels.start + pixels.end - 1) / 2]);
            y.push(sum / weights);
        }
    }
    (x, y)
}

/// The range drawn: all of the smooth curve but its wildest half per cent, and room above for names.
fn flux_range(smooth: &[f64], error: &[f64]) -> (f64, f64) {
    let mut sorted = smooth.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(0.0);
    let mut errors = error.to_vec();
    errors.sort_by(f64::total_cmp);
    let typical = errors.get(errors.len() / 2).copied().unwrap_or(1.0);
    let (low, high) = (at(0.005), at(0.9975).max(at(0.995) + typical));
    let room = (high - low).max(typical);
    ((low - 0.1 * room).min(0.0), high + 0.25 * room)
}

/// Stretches without a good pixel, Angstrom.
fn masked(spectrum: &Spectrum) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    for pixel in 0..=spectrum.len() {
        let bad = spectrum.good.get(pixel).is_some_and(|good| !good);
        match (bad, start) {
            (true, None) => start = Some(pixel),
            (false, Some(first)) => {
                found.push((spectrum.wavelength_angstrom[first], spectrum.wavelength_angstrom[pixel - 1]));
                start = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_stretches_and_lines_are_found() {
        let wavelength: Vec<f64> = (0..10).map(|i| 4_000.0 + f64::from(i)).collect();
        let ivar = vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let spectrum = Spectrum::from_arrays(wavelength, vec![1.0; 10], ivar);
        assert_eq!(masked(&spectrum), [(4_001.0, 4_002.0), (4_009.0, 4_009.0)]);
        let lines = lines_within(2.0, (3_600.0, 9_824.0));
        assert!(lines.iter().any(|(at, name)| *name == "C IV" && (at - 4_647.3).abs() < 0.1));
        assert!(lines.iter().all(|(_, name)| *name != "Lyβ" && *name != "[Ne V]"));
    }
}
