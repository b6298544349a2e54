//! Suggestions for a name that is not known.

/// How many names are suggested, and how similar they must be: 1 means equal.
const MAX_SUGGESTIONS: usize = 3;
const MIN_CLOSENESS: f64 = 0.6;

/// How similar a known name is to the one that was typed. In a path, only words are compared: the text in place of a
/// `{placeholder}` is a value.
pub(crate) fn closeness(typed: &str, known: &str) -> f64 {
    if !known.contains('{') {
        return strsim::normalized_damerau_levenshtein(known, typed);
    }
    let typed: Vec<&str> = typed.split('/').collect();
    let known = known.split('/').enumerate();
    let known: Vec<(bool, &str)> =
        known.map(|(index, segment)| (segment.starts_with('{') && index < typed.len(), segment)).collect();
    let words = |index: usize, segment| {
        let is_value = known.get(index).is_some_and(|(is_value, _)| *is_value);
        if is_value { "{}" } else { segment }
    };
    let typed: Vec<&str> = typed.iter().enumerate().map(|(index, segment)| words(index, *segment)).collect();
    let known: Vec<&str> =
        known.iter().enumerate().map(|(index, (_, segment))| words(index, *segment)).collect();
    strsim::normalized_damerau_levenshtein(&known.join("/"), &typed.join("/"))
}

/// The most similar names, the best first.
pub(crate) fn nearest<N: PartialEq>(names: impl Iterator<Item = (f64, N)>) -> Vec<N> {
    let mut near: Vec<(f64, N)> = names.filter(|(closeness, _)| *closeness >= MIN_CLOSENESS).collect();
    near.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    near.dedup_by(|(_, left), (_, right)| left == right);
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near<'a>(typed: &str, known: &[&'a str]) -> Vec<&'a str> {
        nearest(known.iter().map(|known| (closeness(typed, known), *known)))
    }

    #[test]
    fn the_nearest_come_first_and_the_far_ones_not_at_all() {
        let known = [
            "v3/pay/transactions/jsapi",
            "v3/pay/transactions/app",
            "v3/certificates",
            "v3/pay/transactions/app",
        ];
        assert_eq!(
            near("v3/pay/transaction/app", &known),
            ["v3/pay/transactions/app", "v3/pay/transactions/jsapi"]
        );
        assert_eq!(near("nothing of the kind", &known), [""; 0]);
    }

    #[test]
    fn a_value_in_the_place_of_a_placeholder_does_not_count() {
        let known = ["v3/refund/domestic/refunds/{out_refund_no}", "v3/refund/domestic/refunds"];
        assert_eq!(near("v3/refund/domestic/refund/1217752501201407033233368018", &known)[0], known[0]);
        assert_eq!(near("v3/refund/domestic/refund", &known)[0], known[1]);
    }
}
