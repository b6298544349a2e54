//! Waiting for what another thread does. A wait without an end would hold the tests of the whole workspace.

use std::thread;
use std::time::{Duration, Instant};

const MAX_WAIT: Duration = Duration::from_secs(60);

/// Looks again and again. Each look may do what brings it about.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < MAX_WAIT, "it did not happen within {MAX_WAIT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
