//! How many fetches of certificates notifications may cause: strangers can post whatever serial they like.
//!
//! The client of each merchant begins one fetch a minute at most. A receiver of ten thousand merchants would still begin ten
//! thousand, so that they are counted here once more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::keys::MerchantKeys;

/// How many fetches the notifications of one receiver begin in a [`WINDOW`].
const MAX_FETCHES: usize = 8;

const WINDOW: Duration = Duration::from_secs(60);

/// The fetches that a receiver and its clones have begun.
#[derive(Default)]
pub(super) struct Fetches(Mutex<State>);

#[derive(Default)]
struct State {
    window: Option<Instant>,
    begun: usize,
    /// Where to go on: each merchant has its turn.
    next: usize,
}

impl Fetches {
    /// Lets the clients of these merchants fetch the certificate with this serial, as many of them as may.
    pub(super) fn begin(&self, merchants: &[Arc<MerchantKeys>], serial: &str) {
        self.begin_at(Instant::now(), merchants.len(), |at| {
            merchants.get(at).is_some_and(|merchant| merchant.begin_fetch(serial))
        });
    }

    fn begin_at(&self, now: Instant, merchants: usize, mut begin: impl FnMut(usize) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.window.is_none_or(|window| now.saturating_duration_since(window) >= WINDOW) {
            (state.window, state.begun) = (Some(now), 0);
        }
        for _ in 0..merchants {
            if state.begun == MAX_FETCHES {
                return;
            }
            let at = state.next % merchants;
            state.next = at + 1;
            if begin(at) {
                state.begun += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_merchants_fetch_eight_times_a_minute_and_each_has_its_turn() {
        let (fetches, start) = (Fetches::default(), Instant::now());
        let mut begun = Vec::new();
        for second in 0..120 {
            fetches.begin_at(start + Duration::from_secs(second), 1000, |at| {
                begun.push(at);
                true
            });
        }
        assert_eq!(begun, (0..2 * MAX_FETCHES).collect::<Vec<_>>());
    }

    #[test]
    fn a_merchant_that_does_not_fetch_takes_nobody_s_place() {
        let (fetches, now) = (Fetches::default(), Instant::now());
        let mut begun = 0;
        fetches.begin_at(now, 100, |at| {
            let begins = at >= 90;
            begun += usize::from(begins);
            begins
        });
        assert_eq!(begun, MAX_FETCHES);
        fetches.begin_at(now, 0, |_| true);
    }
}
