//! Single flight: of all calls that want certificates at one time, one fetches, and the others wait for it.

#[cfg(feature = "async")]
pub(crate) mod asynchronous {
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::time::{Duration, Instant};

    use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

    use crate::delivery::Deadline;
    use crate::platform_keys::fetch::STALL_GRACE;
    use crate::runtime::{has_timers, timeout};

    /// Lets one task fetch at a time. The others wait, but not beyond their time, and not for a task that
    /// stands still because its runtime, which may have only one thread, is not driven any more.
    #[derive(Default)]
    pub struct SingleFlight(Mutex<Current>);

    #[derive(Default)]
    struct Current {
        lock: Arc<Lock<()>>,
        /// When the last turn must have ended, or else it stands still.
        ends: Option<Instant>,
    }

    /// The turn of a task, until it is dropped.
    pub type FlightGuard = OwnedMutexGuard<()>;

    impl SingleFlight {
        fn current(&self) -> MutexGuard<'_, Current> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits for a turn, which lasts as long as this at most.
        pub(crate) async fn take(&self, deadline: Deadline, lasts: Duration) -> Option<FlightGuard> {
            loop {
                let (lock, ends) = {
                    let current = self.current();
                    (Arc::clone(&current.lock), current.ends)
                };
                let turn = match Arc::clone(&lock).try_lock_owned() {
                    Ok(turn) => turn,
                    // The fetch that runs has its own limit.
                    Err(_) if !has_timers() => Arc::clone(&lock).lock_owned().await,
                    Err(_) => {
                        // `ends` may not be set yet if the holder has just taken the turn.
                        let ends_in =
                            ends.map_or(STALL_GRACE, |at| at.saturating_duration_since(Instant::now()));
                        match timeout(deadline.left().min(ends_in), Arc::clone(&lock).lock_owned()).await {
                            Ok(turn) => turn,
                            Err(_) if deadline.left().is_zero() => return None,
                            Err(_) => {
                                self.replace_stalled(&lock);
                                continue;
                            }
                        }
                    }
                };
                let mut current = self.current();
                // A turn that was left behind meanwhile is no turn any more.
                if Arc::ptr_eq(&current.lock, &lock) {
                    current.ends = Some(Instant::now() + lasts);
                    return Some(turn);
                }
            }
        }

        /// Nobody waits any more for a turn that has lasted longer than a fetch can.
        fn replace_stalled(&self, lock: &Arc<Lock<()>>) {
            let mut current = self.current();
            let is_over = current.ends.is_none_or(|at| at <= Instant::now());
            if is_over && Arc::ptr_eq(&current.lock, lock) {
                *current = Current::default();
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::platform_keys::fetch::MAX_FETCH;

        fn block_on<T>(future: impl Future<Output = T>) -> T {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(future)
        }

        #[test]
        fn one_task_has_the_turn_and_the_next_gets_it_when_that_ends() {
            let (flight, soon) = (SingleFlight::default(), Deadline::after(Duration::from_millis(20)));
            let turn = block_on(flight.take(soon, MAX_FETCH)).unwrap();
            assert!(block_on(flight.take(soon, MAX_FETCH)).is_none());
            drop(turn);
            assert!(block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).is_some());
        }

        #[test]
        fn nobody_waits_for_a_turn_that_lasts_longer_than_a_fetch_can() {
            let flight = SingleFlight::default();
            // Its own length counts, not that of the next.
            let stands_still = block_on(flight.take(Deadline::after(MAX_FETCH), Duration::ZERO)).unwrap();
            let next = block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).unwrap();
            // The fetch that was left behind ends, and must not free the turn of another.
            drop(stands_still);
            let soon = Deadline::after(Duration::from_millis(20));
            assert!(block_on(flight.take(soon, MAX_FETCH)).is_none());
            drop(next);
            assert!(block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).is_some());
        }
    }
}

#[cfg(feature = "blocking")]
pub(crate) mod blocking {
    use std::sync::{Condvar, Mutex, PoisonError};
    use std::time::Duration;

    /// Lets one thread fetch at a time. The others wait, but not beyond their time.
    #[derive(Default)]
    pub struct SingleFlight {
        is_taken: Mutex<bool>,
        freed: Condvar,
    }

    /// The turn of a thread, until it is dropped.
    pub(crate) struct FlightGuard<'a>(&'a SingleFlight);

    impl SingleFlight {
        pub(crate) fn is_taken(&self) -> bool {
            *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn take(&self, wait: Duration) -> Option<FlightGuard<'_>> {
            let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.freed.wait_timeout_while(is_taken, wait, |is_taken| *is_taken);
            let (mut is_taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() && *is_taken {
                return None;
            }
            *is_taken = true;
            Some(FlightGuard(self))
        }
    }

    impl Drop for FlightGuard<'_> {
        fn drop(&mut self) {
            *self.0.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
            self.0.freed.notify_one();
        }
    }
}
