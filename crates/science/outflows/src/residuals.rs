//! What a fit leaves of its data, in units of the errors: how much more than noise it is, and where it lies far below.

/// Root mean square of the residuals above zero: how well a fit is where nothing absorbs, 1 for noise alone.
pub(crate) fn upper_spread(residual: &[f64]) -> f64 {
    let (sum, n) = (residual.iter().filter(|value| **value > 0.0))
        .fold((0.0, 0_usize), |(sum, n), value| (sum + value * value, n + 1));
    (sum / n.max(1) as f64).sqrt()
}

/// Which pixels lie in a run of `run` neighbours whose mean residual is below `limit` of its own standard error. Residuals are
/// in units of the errors.
pub(crate) fn runs_below(ln_wavelength: &[f64], residual: &[f64], run: usize, limit: f64) -> Vec<bool> {
    let mut below = vec![false; residual.len()];
    let threshold = limit * (run as f64).sqrt();
    // Not across a gap in the pixels.
    let widest = run as f64 * 0.0012;
    for (start, window) in residual.windows(run).enumerate() {
        let together = ln_wavelength[start + run - 1] - ln_wavelength[start] < widest;
        if together && window.iter().sum::<f64>() < threshold {
            below[start..start + run].fill(true);
        }
    }
    below
}

/// Chi2 a degree of freedom of sums of residuals over stretches of ln wavelength, at least 1: what a model lacks is little in a
/// pixel and the same in all of a stretch, and pulls a fit as no noise of pixels does.
pub(crate) fn misfit((ln_wavelength, residual): (&[f64], &[f64]), stretch: f64, fitted: usize) -> f64 {
    let (mut chi2, mut stretches, mut start) = (0.0, 0_usize, 0);
    while start < ln_wavelength.len() {
        let n = ln_wavelength[start..].partition_point(|x| *x < ln_wavelength[start] + stretch);
        chi2 += residual[start..start + n].iter().sum::<f64>().powi(2) / n as f64;
        stretches += 1;
        start += n;
    }
    (chi2 / stretches.saturating_sub(fitted).max(1) as f64).max(1.0)
}
