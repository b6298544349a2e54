//! How a client measures time, and waits between two attempts.

use std::pin::Pin;
use std::time::{Duration, Instant};

/// The future that [`Timer::sleep`] returns.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How a client measures time, and waits between two attempts of a call. Tests of your own replace it, so
/// that they need not wait: see [`ClientBuilder::timer`](crate::ClientBuilder::timer).
///
/// Time limits of a single attempt are kept by the transport, not by a timer.
pub trait Timer: Send + Sync {
    /// The time since a fixed moment in the past. It must never go back. All calls of a client use it, on any thread, and so do
    /// the clients that are made from that client.
    fn now(&self) -> Duration;

    /// Waits, for the async client.
    fn sleep(&self, wait: Duration) -> Sleep<'_>;

    /// Waits, for the blocking client.
    fn sleep_blocking(&self, wait: Duration);
}

/// The system's time; async calls wait with tokio, or on a thread of their own where it has no timers.
pub(crate) struct SystemTimer(Instant);

impl Default for SystemTimer {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Timer for SystemTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep<'_> {
        #[cfg(feature = "async")]
        return match crate::runtime::has_timers() {
            true => Box::pin(tokio::time::sleep(wait)),
            false => Box::pin(sleep_elsewhere(wait)),
        };
        #[cfg(not(feature = "async"))]
        Box::pin(async move { self.sleep_blocking(wait) })
    }

    fn sleep_blocking(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

/// Waits on another thread, or on this one if the system gives none: to skip the wait would repeat at once.
#[cfg(feature = "async")]
async fn sleep_elsewhere(wait: Duration) {
    let (end, ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        std::thread::sleep(wait);
        end.send(()).ok();
    });
    match thread {
        Ok(_) => drop(ended.await),
        Err(_) => std::thread::sleep(wait),
    }
}
