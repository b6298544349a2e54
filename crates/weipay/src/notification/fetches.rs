//! How many fetches of certificates notifications may cause: strangers can post whatever serial they like.
//!
//! The client of each merchant begins one fetch a minute at most. A receiver of ten thousand merchants would
//! still begin ten thousand, so they are counted here once more. A notification that the APIv3 key of a merchant
//! decrypts does not come from a stranger: it lets that merchant's client fetch at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use weipay_wire::PlatformSerial;

use super::keys::MerchantKeys;
use super::verified;

/// How many fetches the notifications of one receiver begin in a [`WINDOW`].
pub(super) const MAX_FETCHES: usize = 8;

const WINDOW: Duration = Duration::from_secs(60);

/// How many notifications in a [`WINDOW`] that no known key has signed are tried with the keys of all
/// merchants, and how long they may be. Trying costs time. Real ones have a few thousand bytes.
const MAX_TRIED: usize = 64;
const MAX_TRIED_BYTES: usize = 16 * 1024;

/// The fetches that a receiver and its clones have begun.
#[derive(Default)]
pub(super) struct Fetches(Mutex<State>);

#[derive(Default)]
struct State {
    window: Option<Instant>,
    begun: usize,
    tried: usize,
    /// Where to go on: each merchant has its turn.
    next: usize,
}

impl Fetches {
    /// No client has the certificate with this serial. Lets the client of the merchant whose APIv3 key decrypts the
    /// body fetch it, or else those of all merchants in turn, as many of them as may.
    pub(super) fn begin(&self, merchants: &[Arc<MerchantKeys>], serial: &str, body: &[u8]) {
        // Only certificates are fetched.
        if PlatformSerial::new(serial).is_err() {
            return;
        }
        if body.len() <= MAX_TRIED_BYTES && self.may_try(Instant::now()) {
            let owners = verified::owners(merchants, serial, body);
            if !owners.is_empty() {
                verified::begin_some(owners, serial);
                return;
            }
        }
        self.begin_at(Instant::now(), merchants.len(), |at| {
            merchants.get(at).is_some_and(|merchant| merchant.begin_fetch(serial))
        });
    }

    /// The counts of the window that it is now.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.window.is_none_or(|window| now.saturating_duration_since(window) >= WINDOW) {
            (state.window, state.begun, state.tried) = (Some(now), 0, 0);
        }
        state
    }

    fn may_try(&self, now: Instant) -> bool {
        let mut state = self.state(now);
        state.tried += 1;
        state.tried <= MAX_TRIED
    }

    fn begin_at(&self, now: Instant, merchants: usize, mut begin: impl FnMut(usize) -> bool) {
        let mut state = self.state(now);
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
    fn strangers_have_keys_tried_a_limited_number_of_times_a_minute() {
        let (fetches, start) = (Fetches::default(), Instant::now());
        let tried =
            |second| (0..1_000).filter(|_| fetches.may_try(start + Duration::from_secs(second))).count();
        assert_eq!([tried(0), tried(59), tried(60)], [MAX_TRIED, 0, MAX_TRIED]);
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
