//! Which of several platform certificates (平台证书) is in use: while they change, the one with the latest start.

use weipay_wire::Certificate;

pub(super) fn of(certificates: &[Certificate], now: i64) -> Option<&Certificate> {
    latest(certificates, |certificate| (certificate.not_before(), certificate.not_after()), now)
}

/// The one with the latest start among those that are valid; the first of equals. Where none is valid, the same among
/// all, so that the platform says what is wrong.
fn latest<T>(all: &[T], validity: impl Fn(&T) -> (i64, i64), now: i64) -> Option<&T> {
    let rank = |one: &T| {
        let (start, end) = validity(one);
        ((start..=end).contains(&now), start)
    };
    // Of equals `max_by_key` takes the last.
    all.iter().rev().max_by_key(|one| rank(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_of(all: &[(i64, i64)], now: i64) -> Option<i64> {
        latest(all, |one| *one, now).map(|one| one.0)
    }

    #[test]
    fn the_latest_start_among_the_valid_ones_wins_in_any_order() {
        for all in [[(10, 100), (20, 110), (60, 150)], [(60, 150), (20, 110), (10, 100)]] {
            assert_eq!(start_of(&all, 50), Some(20), "one of them is not valid yet");
            assert_eq!(start_of(&all, 60), Some(60));
            assert_eq!(start_of(&all, 15), Some(10));
        }
        assert_eq!(start_of(&[(20, 30), (10, 100)], 50), Some(10), "the later one has ended");
    }

    #[test]
    fn one_is_taken_even_where_none_is_valid() {
        assert_eq!(start_of(&[(10, 20), (15, 25)], 50), Some(15));
        assert_eq!(start_of(&[], 50), None);
    }

    #[test]
    fn the_first_of_equals_is_taken() {
        let all = [(10, 100, "first"), (10, 100, "second")];
        assert_eq!(latest(&all, |one| (one.0, one.1), 50).map(|one| one.2), Some("first"));
    }
}
