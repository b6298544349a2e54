//! How calls are delivered: what is sent again, after which waits, to which host, and what the outcome tells of it. Over real
//! sockets, for both clients; the time is the tests' own.

mod connecting;
mod failover;
mod intermediary;
mod proxy;
mod retries;
mod routed;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use weipay::retry::{Sleep, Timer};

/// Safe to repeat with the same `out_trade_no`.
const ORDER: &str = "v3/pay/transactions/native";
/// Its repeat is not known to be safe.
const BY_CODE: &str = "v3/pay/transactions/codepay";
const REFUND: &str = "v3/refund/domestic/refunds";

/// A timer on which nobody waits: it notes the waits, and moves on.
#[derive(Clone, Default)]
pub(crate) struct Noting(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl Noting {
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().1.clone()
    }

    fn advance(&self, time: Duration) {
        self.0.lock().unwrap().0 += time;
    }
}

impl Timer for Noting {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep(&self, wait: Duration) -> Sleep<'_> {
        Box::pin(async move { self.sleep_blocking(wait) })
    }

    fn sleep_blocking(&self, wait: Duration) {
        let mut noted = self.0.lock().unwrap();
        noted.0 += wait;
        noted.1.push(wait);
    }
}
