//! Requests that come twice: the same `Authorization` for the same message.
//!
//! UNCONFIRMED(replayed-request): what the platform does with them. They pass, unless the sandbox is configured otherwise
//! ([`Validation::replayed_requests`](crate::Validation::replayed_requests)): the official Java SDK itself sends a request
//! again, signed once, to the second host when the first one cannot be reached.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use weipay_wire::{Authorization, is_fresh};

/// The most requests remembered. Beyond, those whose time has passed are forgotten, and when there are none, all are.
const MAX_REMEMBERED: usize = 100_000;

/// The signatures of the last minutes, each with its timestamp. A signature covers nonce, time and message.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<HashMap<String, i64>>);

impl Replays {
    /// Forgets everything: the state in which the requests came is gone.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Remembers a request that was verified. Whether it is the first of its kind.
    pub(super) fn is_first(&self, authorization: &Authorization, now: i64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_REMEMBERED {
            seen.retain(|_, timestamp| is_fresh(now, *timestamp));
            if seen.len() >= MAX_REMEMBERED {
                seen.clear();
            }
        }
        seen.insert(authorization.signature.clone(), authorization.timestamp).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(signature: &str, timestamp: i64) -> Authorization {
        Authorization {
            scheme: weipay_wire::Scheme::default(),
            mchid: "1900000109".to_owned(),
            serial_no: "01".to_owned(),
            timestamp,
            nonce_str: "nonce".to_owned(),
            signature: signature.to_owned(),
        }
    }

    #[test]
    fn a_request_is_new_once() {
        let replays = Replays::default();
        assert!(replays.is_first(&signed("a", 0), 0));
        assert!(!replays.is_first(&signed("a", 0), 1));
        assert!(replays.is_first(&signed("b", 0), 1));
    }

    #[test]
    fn memory_is_bounded() {
        let replays = Replays::default();
        for number in 0..=MAX_REMEMBERED {
            replays.is_first(&signed(&number.to_string(), 0), 0);
        }
        assert_eq!(replays.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_the_clock_would_refuse_makes_room_first() {
        let replays = Replays::default();
        replays.is_first(&signed("young", 900), 900);
        for number in 1..MAX_REMEMBERED {
            replays.is_first(&signed(&number.to_string(), 0), 0);
        }
        assert!(replays.is_first(&signed("new", 900), 900));
        assert!(!replays.is_first(&signed("young", 900), 900));
    }
}
