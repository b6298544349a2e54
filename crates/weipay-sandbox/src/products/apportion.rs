//! Dividing an amount in proportion, in whole fen.

/// Divides fen in proportion to weights, which are amounts too. Each part leaves `kept` fen of its weight.
/// `None` when the parts together cannot take so much.
pub(crate) fn apportion(fen: i64, weights: &[i64], kept: i64) -> Option<Vec<i64>> {
    let limit = |weight: i64| weight.saturating_sub(kept).max(0);
    let sum = |weights: &[i64]| weights.iter().fold(0i64, |sum, weight| sum.saturating_add(*weight));
    let room = |weights: &[i64]| weights.iter().fold(0i64, |sum, weight| sum.saturating_add(limit(*weight)));
    if fen < 0 || weights.iter().any(|weight| *weight < 0) || fen > room(weights) {
        return None;
    }
    let (mut left, mut shares) = (fen, Vec::with_capacity(weights.len()));
    for (place, weight) in weights.iter().enumerate() {
        let (here, behind) = weights.split_at_checked(place.saturating_add(1)).unwrap_or((weights, &[]));
        let all = i128::from(sum(behind)) + i128::from(here.last().copied().unwrap_or_default());
        let share = (i128::from(left) * i128::from(*weight)).checked_div(all).unwrap_or_default();
        let share = i64::try_from(share).unwrap_or(left);
        // What those after it cannot take stays here.
        let share = share.min(limit(*weight)).max(left.saturating_sub(room(behind)));
        left = left.saturating_sub(share);
        shares.push(share);
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_in_proportion_and_add_up() {
        assert_eq!(apportion(10, &[100, 300], 0), Some(vec![2, 8]));
        assert_eq!(apportion(1, &[1, 2], 1), Some(vec![0, 1]), "the first has to keep its fen");
        assert_eq!(apportion(3, &[2, 2], 1), None);
        assert_eq!(apportion(0, &[], 0), Some(Vec::new()));
        assert_eq!(apportion(-1, &[5], 0), None);
    }

    proptest! {
        #[test]
        fn no_part_takes_more_than_it_has(weights in proptest::collection::vec(0i64..50, 0..8), fen in 0i64..300, kept in 0i64..2) {
            let room: i64 = weights.iter().map(|weight| (weight - kept).max(0)).sum();
            match apportion(fen, &weights, kept) {
                None => prop_assert!(fen > room),
                Some(shares) => {
                    prop_assert_eq!(shares.iter().sum::<i64>(), fen);
                    for (share, weight) in shares.iter().zip(&weights) {
                        prop_assert!(*share >= 0 && *share <= (weight - kept).max(0));
                    }
                }
            }
        }
    }
}
