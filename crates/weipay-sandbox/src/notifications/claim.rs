//! Entries of the outbox that a node has claimed, and until when no other node delivers them.

use std::time::{Instant, SystemTime};

use super::receiver::TIME_LIMIT;
use crate::platform::Epoch;
use crate::store::{LEASE, OutboxEntry};

/// A claimed notification.
#[derive(Debug, Clone)]
pub(super) struct ClaimedEntry {
    pub(super) entry: OutboxEntry,
    /// The state in which it was claimed.
    pub(super) epoch: Epoch,
    pub(super) claimed: ClaimTime,
}

/// When this node began to claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimTime {
    pub(super) instant: Instant,
    /// On some systems `Instant` does not advance while the machine sleeps.
    pub(super) time: SystemTime,
}

impl ClaimTime {
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), time: SystemTime::now() }
    }

    /// Whether the claim may have expired, because this process, its machine or the database was paused.
    pub(super) fn may_be_anothers(&self) -> bool {
        let by_time = self.time.elapsed().unwrap_or_default();
        self.instant.elapsed().max(by_time) + TIME_LIMIT * 2 > LEASE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_over_by_either_clock() {
        let now = ClaimTime::now();
        assert!(!now.may_be_anothers());
        assert!(ClaimTime { time: now.time - LEASE, ..now }.may_be_anothers());
        assert!(!ClaimTime { time: now.time + LEASE, ..now }.may_be_anothers());
    }
}
