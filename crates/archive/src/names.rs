//! "Did you mean": the most similar of some names.

/// The candidate most similar to `wanted`, ignoring case, when it is similar enough to be a slip of the pen.
#[must_use]
pub fn nearest_name<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let limit = wanted.chars().count().div_ceil(3).max(1);
    candidates
        .map(|candidate| (edit_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions and replacements between two words (Levenshtein 1966).
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, candidate) in other.iter().enumerate() {
            let replaced = previous[column] + usize::from(letter != *candidate);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest_name;

    #[test]
    fn slips_are_mended_and_strangers_are_not() {
        let names = ["TARGETID", "LOGMSTAR", "Z"];
        assert_eq!(nearest_name("targetd", names.into_iter()).as_deref(), Some("TARGETID"));
        assert_eq!(nearest_name("LOGMASS", names.into_iter()).as_deref(), None);
        assert_eq!(nearest_name("LOGMSTR", names.into_iter()).as_deref(), Some("LOGMSTAR"));
        assert_eq!(nearest_name("declination", names.into_iter()), None);
    }
}
