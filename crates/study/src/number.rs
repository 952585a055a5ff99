//! Numbers as the field prints them: as many digits as the uncertainty allows.
//!
//! Rounding of uncertainties: Particle Data Group, Review of Particle Physics, introduction, section 5.3 (the three
//! leading digits decide: up to 354 two digits, up to 949 one, above that rounded up to two).

use crate::figures::superscript;

/// `value ± error`, both to the digits that `error` allows; with a power of ten where the numbers need one.
///
/// ```
/// use study::number::plus_minus;
/// assert_eq!(plus_minus(0.82753, 0.0119), "0.828 ± 0.012");
/// assert_eq!(plus_minus(-0.0312, 0.0087), "−0.031 ± 0.009");
/// assert_eq!(plus_minus(1.2345e-7, 4.4e-9), "(1.23 ± 0.04)×10⁻⁷");
/// ```
#[must_use]
pub fn plus_minus(value: f64, error: f64) -> String {
    if !value.is_finite() || !error.is_finite() || error <= 0.0 {
        return plain(value);
    }
    let size = value.abs().max(error);
    let power = size.log10().floor() as i32;
    if (-4..6).contains(&power) {
        let decimals = decimals_for(error);
        let shown = rounded_to(error, decimals);
        return format!("{} ± {}", fixed(value, decimals), fixed(shown, decimals));
    }
    let scale = 10f64.powi(power);
    let decimals = decimals_for(error / scale);
    let exponent = superscript(power);
    format!("({} ± {})×10{exponent}", fixed(value / scale, decimals), fixed(error / scale, decimals))
}

/// A number without an uncertainty: four significant digits, whole numbers in full with thin spaces between thousands.
#[must_use]
pub fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "—".to_owned();
    }
    if value == value.trunc() && value.abs() < 1e15 {
        return grouped(value as i64);
    }
    let power = value.abs().log10().floor() as i32;
    if (-4..6).contains(&power) {
        return fixed(value, 3 - power.min(3));
    }
    format!("{}×10{}", fixed(value / 10f64.powi(power), 3), superscript(power))
}

/// A whole number with narrow spaces between thousands.
#[must_use]
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if value < 0 { format!("−{out}") } else { out }
}

/// Decimals (negative: tens, hundreds) that an uncertainty is printed with.
fn decimals_for(error: f64) -> i32 {
    let power = error.log10().floor() as i32;
    let leading = (error / 10f64.powi(power) * 100.0).round();
    // 950 and more rounds up to 1000: one digit further left, two digits shown.
    let digits = if leading <= 354.0 { 2 } else { 1 };
    digits - 1 - power
}

fn rounded_to(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

fn fixed(value: f64, decimals: i32) -> String {
    let rounded = rounded_to(value, decimals);
    let digits = usize::try_from(decimals.max(0)).unwrap_or(0);
    let text = format!("{:.digits$}", if rounded == 0.0 { 0.0 } else { rounded });
    text.replace('-', "−")
}
