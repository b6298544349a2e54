//! How many repeats a client may make: a token bucket, so that an outage of the platform is not amplified by repeats.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a repeat takes from the bucket.
const REPEAT: u32 = 10;
/// A full bucket: twenty repeats.
const FULL: u32 = 20 * REPEAT;

/// The budget of a client. A call that succeeds with its first attempt puts a tenth of a repeat into it.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl Budget {
    /// Takes a repeat, if there is one.
    pub(crate) fn take(&self) -> bool {
        let less = |tokens: u32| tokens.checked_sub(REPEAT);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// A call succeeded at once. A full bucket, as it almost always is, is only read.
    pub(crate) fn refill(&self) {
        if self.0.load(Ordering::Relaxed) < FULL {
            let more = |tokens: u32| (tokens < FULL).then_some(tokens + 1);
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_used_up_and_filled_by_what_succeeds() {
        let budget = Budget::default();
        budget.refill();
        assert_eq!((0..30).filter(|_| budget.take()).count(), 20);
        for _ in 0..9 {
            budget.refill();
        }
        assert!(!budget.take());
        budget.refill();
        assert!(budget.take());
        for _ in 0..1_000 {
            budget.refill();
        }
        assert_eq!((0..30).filter(|_| budget.take()).count(), 20);
    }
}
