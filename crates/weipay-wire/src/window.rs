//! The clock window (时间窗口): how far a signed timestamp may be from now.
//!
//! A signature proves who wrote a message, but not when it arrived; the window makes an old recording useless. The
//! platform applies it to requests, and expects merchants to apply it to responses and notifications.

/// How far a timestamp may be from the local clock, in seconds: five minutes.
pub const WINDOW_SECONDS: u64 = 300;

/// Whether `timestamp` is within five minutes of `now`, either way; both are Unix seconds.
///
/// A difference of exactly 300 seconds is still fresh. The SDKs disagree about that one second; accepting it never
/// rejects a genuine message.
#[must_use]
pub fn is_fresh(now: i64, timestamp: i64) -> bool {
    now.abs_diff(timestamp) <= WINDOW_SECONDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_hundred_seconds_is_fresh_and_one_more_is_stale() {
        for (difference, fresh) in [(0, true), (299, true), (300, true), (301, false)] {
            assert_eq!(is_fresh(1_554_208_460, 1_554_208_460 + difference), fresh, "ahead by {difference}");
            assert_eq!(is_fresh(1_554_208_460, 1_554_208_460 - difference), fresh, "behind by {difference}");
        }
    }

    #[test]
    fn the_far_ends_of_time_are_stale_and_do_not_overflow() {
        assert!(!is_fresh(i64::MIN, i64::MAX));
        assert!(!is_fresh(i64::MAX, i64::MIN));
        assert!(is_fresh(i64::MIN, i64::MIN));
    }

    proptest! {
        #[test]
        fn freshness_is_symmetric_for_any_two_times(now: i64, timestamp: i64) {
            prop_assert_eq!(is_fresh(now, timestamp), is_fresh(timestamp, now));
        }

        #[test]
        fn freshness_is_the_distance_in_whole_seconds(now: i64, timestamp: i64) {
            let distance = (i128::from(now) - i128::from(timestamp)).abs();
            prop_assert_eq!(is_fresh(now, timestamp), distance <= 300);
        }
    }
}
