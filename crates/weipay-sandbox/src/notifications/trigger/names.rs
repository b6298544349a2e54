//! Suggests the known name for a mistyped one.

/// Names that differ in more than a third of their letters are not alike.
const MAX_DIFFERENCE: usize = 3;
/// Longer names are not compared.
const MAX_LENGTH: usize = 128;

/// ` (did you mean NAME?)`, or nothing.
pub(super) fn hint<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    let lower = typed.to_ascii_lowercase();
    let differs = |known: &str| distance(&lower, &known.to_ascii_lowercase());
    let nearest = known.map(|known| (differs(known), known)).min();
    match nearest {
        Some((distance, known))
            if typed.len() <= MAX_LENGTH
                && distance.saturating_mul(MAX_DIFFERENCE) <= known.len().max(MAX_DIFFERENCE) =>
        {
            format!(" (did you mean {known}?)")
        }
        _ => String::new(),
    }
}

/// How many letters must be added, left out or replaced (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    if left.len() > MAX_LENGTH {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut next = vec![above + 1];
        let mut diagonal = above;
        for (other, up) in right.iter().zip(row.iter().skip(1)) {
            let beside = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(*other != letter)).min(beside + 1).min(up + 1));
            diagonal = *up;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted() {
        for (left, right, count) in
            [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(left, right), count, "{left} {right}");
        }
    }

    #[test]
    fn only_a_similar_name_is_a_hint() {
        let known = || ["total", "payer_total", "currency"].into_iter();
        assert_eq!(hint("totl", known()), " (did you mean total?)");
        assert_eq!(hint("CURRENCY", known()), " (did you mean currency?)");
        assert_eq!(hint("something else", known()), "");
        assert_eq!(hint(&"x".repeat(100_000), known()), "");
    }
}
