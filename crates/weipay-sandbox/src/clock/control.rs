//! Controls a clock (虚拟时钟): frozen, with an offset, or that of the machine.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use serde::{Deserialize, Serialize};

use super::machine_now;

/// The mode of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum ClockMode {
    /// It shows the time of the machine.
    Real,
    /// It runs as the machine's does, this number of seconds ahead of it or behind it.
    Offset {
        /// Positive when it is ahead.
        seconds: i64,
    },
    /// It is frozen.
    Frozen {
        /// Where, in unix seconds.
        at: i64,
    },
}

impl ClockMode {
    fn now(self) -> i64 {
        match self {
            Self::Real => machine_now(),
            Self::Offset { seconds } => machine_now().saturating_add(seconds),
            Self::Frozen { at } => at,
        }
    }

    // Saturating, so that no test can wrap time around.
    fn advanced(self, by: i64) -> Self {
        match self {
            Self::Real => Self::Offset { seconds: by },
            Self::Offset { seconds } => Self::Offset { seconds: seconds.saturating_add(by) },
            Self::Frozen { at } => Self::Frozen { at: at.saturating_add(by) },
        }
    }

    fn set(self, unix_seconds: i64) -> Self {
        match self {
            Self::Frozen { .. } => Self::Frozen { at: unix_seconds },
            Self::Real | Self::Offset { .. } => {
                Self::Offset { seconds: unix_seconds.saturating_sub(machine_now()) }
            }
        }
    }

    /// `real`, `offset` or `frozen`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Offset { .. } => "offset",
            Self::Frozen { .. } => "frozen",
        }
    }
}

/// A change of the clock mode.
pub(crate) type Move<'a> = &'a dyn Fn(ClockMode) -> ClockMode;

/// Reacts to changes of a clock. Neither function may change the clock itself.
pub(crate) trait ClockListener: Send + Sync {
    /// Stores a change, before anything is done at the new time. If another node has changed the same clock in the
    /// meantime, the change is applied to the mode that this node left.
    fn keep(&self, moved: Move<'_>);

    /// Runs due work; returns whether to call again.
    fn tick(&self, now: i64) -> bool;
}

struct Shared {
    mode: Mutex<ClockMode>,
    /// Locked while a change is made and stored.
    moving: Mutex<()>,
    /// The merchants whose last authenticated client signs with the system time, although this clock shows another
    /// time.
    at_machine_time: RwLock<BTreeSet<String>>,
    listeners: Mutex<Vec<Arc<dyn ClockListener>>>,
}

/// Controls a clock. When a call that moves it returns, the platforms with this clock have done everything that was due
/// by then; notifications may still be on their way. [`Sandbox::run_for`](crate::Sandbox::run_for) also waits for
/// these, and stops at everything in between.
#[derive(Clone)]
pub struct ClockControl(Arc<Shared>);

impl fmt::Debug for ClockControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClockControl").field(&self.mode()).finish()
    }
}

impl ClockControl {
    pub(crate) fn new(mode: ClockMode) -> Self {
        let shared = Shared {
            mode: Mutex::new(mode),
            moving: Mutex::default(),
            at_machine_time: RwLock::default(),
            listeners: Mutex::default(),
        };
        Self(Arc::new(shared))
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.mode().now()
    }

    /// How it runs.
    #[must_use]
    pub fn mode(&self) -> ClockMode {
        *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward, or back with a negative number. A frozen clock stays frozen, at the new time.
    pub fn advance(&self, seconds: i64) {
        self.change(|mode| mode.advanced(seconds));
    }

    /// Sets the clock to another time. A running clock keeps running from there; a frozen one stays frozen.
    pub fn set(&self, unix_seconds: i64) {
        self.change(|mode| mode.set(unix_seconds));
    }

    /// Stops the clock at a time.
    pub fn freeze(&self, unix_seconds: i64) {
        self.change(|_| ClockMode::Frozen { at: unix_seconds });
    }

    /// Sets the clock to a time, and lets it run.
    pub fn run_from(&self, unix_seconds: i64) {
        self.change(|_| ClockMode::Real.set(unix_seconds));
    }

    /// Makes the clock follow the system time again.
    pub fn set_real(&self) {
        self.change(|_| ClockMode::Real);
    }

    /// The time with which a client signs that sent this timestamp: this clock's, or else the system time. Most SDKs
    /// always use the system clock; they must not be locked out when a developer moves this clock.
    pub(crate) fn time_of_client(&self, is_fresh_at: impl Fn(i64) -> bool) -> Option<i64> {
        [self.now(), machine_now()].into_iter().find(|time| is_fresh_at(*time))
    }

    /// Remembers with which [time](Self::time_of_client) the client of a merchant signs. Returns whether it is the
    /// system time, if this has changed.
    pub(crate) fn learn_of_client(&self, mchid: &str, is_fresh_at: impl Fn(i64) -> bool) -> Option<bool> {
        let is_at_machine_time = !is_fresh_at(self.now());
        let known = self.0.at_machine_time.read().unwrap_or_else(PoisonError::into_inner).contains(mchid);
        if known == is_at_machine_time {
            return None;
        }
        self.set_client(mchid, is_at_machine_time);
        Some(is_at_machine_time)
    }

    /// Sets whether the client of a merchant signs with the system time.
    pub(crate) fn set_client(&self, mchid: &str, is_at_machine_time: bool) {
        let mut merchants = self.0.at_machine_time.write().unwrap_or_else(PoisonError::into_inner);
        if is_at_machine_time {
            merchants.insert(mchid.to_owned());
        } else {
            merchants.remove(mchid);
        }
    }

    /// The time in the signature of a notification: the one with which the merchant's client signs.
    pub(crate) fn time_of_signatures(&self, mchid: &str) -> i64 {
        if self.0.at_machine_time.read().unwrap_or_else(PoisonError::into_inner).contains(mchid) {
            machine_now()
        } else {
            self.now()
        }
    }

    /// Moves the clock forward to a time, if it is not there already.
    pub(crate) fn go_on_to(&self, unix_seconds: i64) {
        self.change(|mode| if mode.now() < unix_seconds { mode.set(unix_seconds) } else { mode });
    }

    /// Tells a listener whenever the clock is moved, until it says that it has heard enough.
    pub(crate) fn listen(&self, listener: impl ClockListener + 'static) {
        self.listeners().push(Arc::new(listener));
    }

    /// While this is held, the clock is not moved. `None` while it is being moved.
    pub(crate) fn hold_still(&self) -> Option<MutexGuard<'_, ()>> {
        match self.0.moving.try_lock() {
            Ok(still) => Some(still),
            Err(TryLockError::Poisoned(still)) => Some(still.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The same, after the move that is being made.
    pub(crate) fn wait_until_still(&self) -> MutexGuard<'_, ()> {
        self.0.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the mode to one of another time. No listener is called before [`Self::tell`].
    pub(crate) fn restore(&self, mode: ClockMode) {
        *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn change(&self, change: impl Fn(ClockMode) -> ClockMode) {
        {
            let _moving = self.wait_until_still();
            {
                let mut mode = self.0.mode.lock().unwrap_or_else(PoisonError::into_inner);
                *mode = change(*mode);
            }
            let listeners = self.listeners().clone();
            listeners.iter().for_each(|listener| listener.keep(&change));
        }
        self.tell();
    }

    /// Lets those who listen do what is due. They are called without a lock: one that finds the clock moved
    /// by somebody else tells all of them again.
    pub(crate) fn tell(&self) {
        let listeners = self.listeners().clone();
        for listener in listeners {
            if !listener.tick(self.now()) {
                self.listeners().retain(|known| !Arc::ptr_eq(known, &listener));
            }
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Arc<dyn ClockListener>>> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_held_clock_moves_only_when_it_is_moved() {
        let (clock, hand) = Clock::frozen(100);
        let copy = clock.clone();
        hand.advance(5);
        assert_eq!((clock.now(), copy.now()), (105, 105));
        hand.set(7);
        assert_eq!(clock.now(), 7);
        hand.advance(i64::MAX);
        assert_eq!(clock.now(), i64::MAX);
    }

    #[test]
    fn a_clock_that_is_ahead_goes_on_running_until_it_is_stopped() {
        let hand = ClockControl::new(ClockMode::Real);
        hand.advance(3_600);
        assert_eq!(hand.mode(), ClockMode::Offset { seconds: 3_600 });
        hand.advance(-600);
        assert_eq!(hand.mode(), ClockMode::Offset { seconds: 3_000 });
        hand.freeze(100);
        hand.advance(1);
        assert_eq!(hand.mode(), ClockMode::Frozen { at: 101 });
        hand.run_from(1_000);
        assert!(matches!(hand.mode(), ClockMode::Offset { seconds } if seconds < 0));
        hand.set_real();
        assert_eq!(hand.mode(), ClockMode::Real);
    }

    #[test]
    fn a_client_that_cannot_be_told_the_time_signs_by_the_machines() {
        let (_, hand) = Clock::frozen(100);
        let near = |wanted: i64| move |time: i64| (time - wanted).abs() < 300;
        assert_eq!(hand.time_of_client(near(50)), Some(100));
        let machine = hand.time_of_client(near(machine_now())).unwrap();
        assert!(machine > 1_000_000_000);
        assert_eq!(hand.time_of_client(near(10_000)), None);
        // To ask changes nothing, and each merchant has its own client.
        assert_eq!(hand.time_of_signatures("1"), 100);
        assert_eq!(hand.learn_of_client("1", near(machine_now())), Some(true));
        assert_eq!(hand.learn_of_client("1", near(machine_now())), None);
        assert!(hand.time_of_signatures("1") >= machine);
        assert_eq!(hand.time_of_signatures("2"), 100);
        assert_eq!(hand.learn_of_client("1", near(50)), Some(false));
        assert_eq!(hand.time_of_signatures("1"), 100);
    }

    /// Writes down what it hears; it has heard enough at 200.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<i64>>>);

    impl ClockListener for Heard {
        fn keep(&self, _: Move<'_>) {}

        fn tick(&self, now: i64) -> bool {
            self.0.lock().unwrap().push(now);
            now < 200
        }
    }

    #[test]
    fn who_listens_hears_of_every_move_until_it_has_heard_enough() {
        let (_, hand) = Clock::frozen(100);
        let heard = Heard::default();
        hand.listen(heard.clone());
        hand.advance(5);
        hand.set(200);
        hand.advance(1);
        assert_eq!(*heard.0.lock().unwrap(), [105, 200]);
    }

    #[test]
    fn a_clock_that_goes_on_to_a_time_never_goes_back() {
        let (_, hand) = Clock::frozen(100);
        hand.go_on_to(150);
        hand.go_on_to(120);
        assert_eq!(hand.now(), 150);
    }

    /// Finds that the clock was moved by another thread while it runs due work.
    struct Follows(ClockControl, AtomicBool);

    impl ClockListener for Follows {
        fn keep(&self, _: Move<'_>) {
            assert!(self.0.hold_still().is_none(), "nobody moves it meanwhile");
        }

        fn tick(&self, _: i64) -> bool {
            if !self.1.swap(true, Ordering::Relaxed) {
                self.0.restore(ClockMode::Frozen { at: 300 });
                self.0.tell();
            }
            true
        }
    }

    #[test]
    fn who_listens_may_follow_another_clock_and_tell_everybody_again() {
        let (_, hand) = Clock::frozen(100);
        let heard = Heard::default();
        hand.listen(Follows(hand.clone(), AtomicBool::new(false)));
        hand.listen(heard.clone());
        hand.advance(5);
        assert_eq!(heard.0.lock().unwrap().first(), Some(&300));
        assert!(hand.hold_still().is_some());
    }
}
