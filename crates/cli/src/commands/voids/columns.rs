//! `--columns ra=NAME,dec=NAME,...` and `--redshift LOW..HIGH`: what was typed, made into names and numbers.

use voids::galaxies::ColumnNames;

/// Reads `ra=..,dec=..,z=..,target=..,magnitude=..`, or in a box `x=..,y=..,z=..`, in any order, each at most once.
pub(super) fn column_names(text: &str) -> Result<ColumnNames, String> {
    const FORM: &str = "expected ra=NAME,dec=NAME,z=NAME (in a box x=NAME,y=NAME,z=NAME), target=NAME, magnitude=NAME, or some of these";
    let mut names = ColumnNames::default();
    for pair in text.split(',') {
        let (key, name) = pair.split_once('=').ok_or_else(|| format!("`{pair}` has no `=`: {FORM}"))?;
        let slot = match key.trim() {
            "ra" => &mut names.ra,
            "dec" => &mut names.dec,
            "x" => &mut names.x,
            "y" => &mut names.y,
            "z" => &mut names.redshift,
            "target" => &mut names.target,
            "magnitude" => &mut names.magnitude,
            other => return Err(format!("`{other}` is no column that is used: {FORM}")),
        };
        if name.trim().is_empty() {
            return Err(format!("`{pair}` names no column: {FORM}"));
        }
        if slot.replace(name.trim().to_owned()).is_some() {
            return Err(format!("`{}` is given twice", key.trim()));
        }
    }
    Ok(names)
}

/// Reads `LOW..HIGH`; either end may be left open.
pub(super) fn redshift_range(text: &str) -> Result<[f64; 2], String> {
    let form = || format!("expected LOW..HIGH such as 0.01..0.24 (either may be left out), found `{text}`");
    let (low, high) = text.split_once("..").ok_or_else(form)?;
    let number = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        text => text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(form),
    };
    let range = [number(low, 0.0)?, number(high, f64::INFINITY)?];
    if range[0] < 0.0 || range[0] >= range[1] {
        return Err(format!("{}: the lower limit must not be negative and lie below the upper one", form()));
    }
    Ok(range)
}

/// Reads the sides of a box, one number for a cube.
pub(super) fn sides(text: &str) -> Result<[f64; 3], String> {
    let form = || format!("expected SIDE or SIDE,SIDE,SIDE above 0 in Mpc/h, such as 1000, found `{text}`");
    let numbers = numbers(text).filter(|sides| sides.iter().all(|side| *side > 0.0)).ok_or_else(form)?;
    match numbers[..] {
        [side] => Ok([side; 3]),
        [x, y, z] => Ok([x, y, z]),
        _ => Err(form()),
    }
}

/// Reads a corner of a box.
pub(super) fn corner(text: &str) -> Result<[f64; 3], String> {
    let numbers = numbers(text).unwrap_or_default();
    <[f64; 3]>::try_from(numbers)
        .map_err(|_| format!("expected X,Y,Z in Mpc/h, such as -500,-500,-500, found `{text}`"))
}

/// Finite numbers with commas between them.
fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|number| number.trim().parse::<f64>().ok().filter(|value| value.is_finite())).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_by_key_and_mistakes_are_named() {
        let names = column_names("z=ZCMB, ra=alpha").unwrap();
        assert_eq!((names.redshift.as_deref(), names.ra.as_deref(), names.dec), (Some("ZCMB"), Some("alpha"), None));
        for (wrong, word) in [("ra", "no `=`"), ("mass=M", "`mass`"), ("ra=", "no column"), ("z=a,z=b", "twice")] {
            assert!(column_names(wrong).unwrap_err().contains(word), "{wrong}");
        }
    }

    #[test]
    fn ranges_may_be_open_and_are_in_order() {
        assert_eq!(redshift_range("0.01..0.2").unwrap(), [0.01, 0.2]);
        assert_eq!(redshift_range("..0.2").unwrap(), [0.0, 0.2]);
        assert_eq!(redshift_range("0.1..").unwrap(), [0.1, f64::INFINITY]);
        for wrong in ["0.1", "a..b", "0.2..0.1", "-1..1", "0.1..NaN"] {
            assert!(redshift_range(wrong).is_err(), "{wrong}");
        }
    }
}
