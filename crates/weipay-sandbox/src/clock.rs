//! The clock of a platform: the system's, or one that a test holds in its hand.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::calendar;

/// What time it is for a platform. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The time of the machine.
    #[default]
    System,
    /// A time that stands still until it is moved.
    Held(HeldClock),
}

impl Clock {
    /// A clock that stands still at `unix_seconds`, and can be moved with [`HeldClock`].
    #[must_use]
    pub fn held(unix_seconds: i64) -> (Self, HeldClock) {
        let held =
            HeldClock(Arc::new(Held { now: AtomicI64::new(unix_seconds), listeners: Mutex::default() }));
        (Self::Held(held.clone()), held)
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_secs()).ok())
                .unwrap_or_default(),
            Self::Held(held) => held.now(),
        }
    }
}

impl FromStr for Clock {
    type Err = String;

    /// A clock that stands still at a time of RFC 3339, such as `2026-08-15T12:00:00+08:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = calendar::parse(text)
            .ok_or("write a time with its offset, as 2026-08-15T12:00:00+08:00 (RFC 3339)")?;
        Ok(Self::held(seconds).0)
    }
}

/// Is told the new time, and says whether it wants to be told again.
type Listener = Box<dyn Fn(i64) -> bool + Send + Sync>;

struct Held {
    now: AtomicI64,
    listeners: Mutex<Vec<Listener>>,
}

/// The hand on a [`Clock::Held`]. When a call that moves it returns, the platforms that have this clock have done what was
/// due by then.
#[derive(Clone)]
pub struct HeldClock(Arc<Held>);

impl fmt::Debug for HeldClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldClock").field(&self.now()).finish()
    }
}

impl HeldClock {
    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.0.now.load(Ordering::SeqCst)
    }

    /// Moves the clock forward, or back with a negative number.
    pub fn advance(&self, seconds: i64) {
        // Saturating, so that no test can wrap time around.
        let add = |now: i64| Some(now.saturating_add(seconds));
        let _ = self.0.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        self.tell();
    }

    /// Sets the clock.
    pub fn set(&self, unix_seconds: i64) {
        self.0.now.store(unix_seconds, Ordering::SeqCst);
        self.tell();
    }

    /// Tells a listener whenever the clock is moved, until it says that it has heard enough. It must not move the clock.
    pub(crate) fn listen(&self, listener: impl Fn(i64) -> bool + Send + Sync + 'static) {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    fn tell(&self) {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener(self.now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read_from_a_time_with_an_offset() {
        assert_eq!("2026-08-15T12:00:00+08:00".parse::<Clock>().unwrap().now(), 1_786_766_400);
        for text in ["", "2026-08-15", "2026-08-15T12:00:00", "1786766400"] {
            assert!(text.parse::<Clock>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_held_clock_moves_only_when_it_is_moved() {
        let (clock, hand) = Clock::held(100);
        let copy = clock.clone();
        hand.advance(5);
        assert_eq!((clock.now(), copy.now()), (105, 105));
        hand.set(7);
        assert_eq!(clock.now(), 7);
    }

    #[test]
    fn who_listens_hears_of_every_move_until_it_has_heard_enough() {
        let (_, hand) = Clock::held(100);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        hand.listen(move |now| {
            listener.lock().unwrap().push(now);
            now < 200
        });
        hand.advance(5);
        hand.set(200);
        hand.advance(1);
        assert_eq!(*heard.lock().unwrap(), [105, 200]);
    }
}
