//! Running to events (快进): a clock that is moved stops at everything that is due on the way, as if the time had passed.

use std::fmt;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::clock::{ClockControl, ClockMode, Move};
use crate::reasons;
use crate::store::{Due, LATEST, Record, StoreError, Transaction};

/// How long what is due at one moment may take, deliveries of notifications included.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The next look at deliveries that are under way.
const LOOK: Duration = Duration::from_millis(1);
/// How long a run may take. What is left of it stays to be done.
const MAX_RUN: Duration = Duration::from_secs(45);
/// More notifications do not wait.
const ALL: usize = 10_000;
/// Sorts after every kind of what is due.
const LAST_KIND: &str = "\u{10FFFF}";

/// The clock mode, as it is stored for a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptClock(ClockMode);

/// The kind of the record.
pub(super) const CLOCK: &str = "clock";

impl Record for KeptClock {
    const KIND: &'static str = CLOCK;

    fn key(&self) -> String {
        CLOCK.to_owned()
    }
}

/// The clock mode of a data folder when its sandbox ended.
pub(crate) fn kept_clock(tx: &Transaction<'_>) -> Result<Option<ClockMode>, StoreError> {
    Ok(tx.get::<KeptClock>(CLOCK)?.map(|kept| kept.0))
}

/// Keeps how the clock goes, where that is another way than before.
pub(super) fn keep(tx: &Transaction<'_>, mode: ClockMode) -> Result<(), StoreError> {
    if kept_clock(tx)? == Some(mode) {
        return Ok(());
    }
    tx.save(&KeptClock(mode))
}

/// Result of [`Sandbox::run_for`](crate::Sandbox::run_for).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockRun {
    /// Number of points in time at which work was due.
    pub events: usize,
    /// Whether the clock shows the requested time. Otherwise there was too much work at once; call again for the
    /// rest.
    pub is_complete: bool,
}

/// Error of moving the clock.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClockError {
    /// The clock is being moved by another call.
    Busy,
    /// Work of this moment did not end in time, such as a delivery to a slow receiver.
    Unsettled,
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str(reasons::CLOCK_IS_MOVED),
            Self::Unsettled => f.write_str(
                "the work that is due now did not finish within 20 seconds, so the clock was not moved; try again",
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` is that of the cause.
            Self::Store(error) => error.source(),
            Self::Busy | Self::Unsettled => None,
        }
    }
}

impl From<StoreError> for ClockError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Platform {
    /// Its clock.
    pub(crate) fn clock(&self) -> &ClockControl {
        &self.clock
    }

    /// Stores the clock mode after a change, for a restart with the same data folder, and for the other nodes of a
    /// shared database. If another node has changed it in the meantime, the change is applied to that mode, so no
    /// change is overwritten unseen.
    pub(crate) fn keep_clock(&self, moved: Move<'_>) -> Result<(), StoreError> {
        let mut seen = self.seen_clock.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.clock.mode();
        let mode = self.store.transaction(|tx| {
            let mode = match kept_clock(tx)? {
                Some(kept) if self.store.is_shared() && *seen != Some(kept) => moved(kept),
                _ => own,
            };
            keep(tx, mode)?;
            Ok::<_, StoreError>(mode)
        })?;
        *seen = Some(mode);
        if mode != own {
            self.clock.restore(mode);
        }
        Ok(())
    }

    /// Takes over the clock mode that another node has stored since this one last looked, and runs the work that is
    /// due then. Returns whether there was a new mode. A change that this node has made and not yet stored is not
    /// undone.
    pub(crate) fn follow_clock(&self) -> Result<bool, StoreError> {
        let is_moved = self.take_over_clock()?.unwrap_or_default();
        if is_moved {
            self.clock.tell();
        }
        Ok(is_moved)
    }

    /// [`follow_clock`](Self::follow_clock) without running due work. `None` while this node itself changes the clock.
    pub(super) fn take_over_clock(&self) -> Result<Option<bool>, StoreError> {
        if !self.store.is_shared() {
            return Ok(Some(false));
        }
        // Waits for another thread that does the same.
        let mut seen = self.seen_clock.lock().unwrap_or_else(PoisonError::into_inner);
        // This node is changing the clock. It meets the mode of the other node when it stores the change.
        let Some(_still) = self.clock.hold_still() else { return Ok(None) };
        match self.store.peek::<KeptClock>(CLOCK)? {
            Some(KeptClock(kept)) if *seen != Some(kept) => {
                *seen = Some(kept);
                self.clock.restore(kept);
                Ok(Some(true))
            }
            _ => Ok(Some(false)),
        }
    }

    /// Stores the clock mode at the start. On a shared database the mode of the first node, or of the last change,
    /// stays. In a state of its own, the mode may differ from the one that was stored last, and replaces it.
    pub(crate) fn share_clock(&self) -> Result<(), StoreError> {
        if !self.store.is_shared() {
            let mode = self.clock.mode();
            return self.store.transaction(|tx| match kept_clock(tx)? {
                None if mode == ClockMode::Real => Ok(()),
                _ => keep(tx, mode),
            });
        }
        self.follow_clock()?;
        let kept = self.store.peek::<KeptClock>(CLOCK)?;
        if kept.is_none() && self.clock.mode() != ClockMode::Real {
            self.keep_clock(&|mode| mode)
        } else {
            Ok(())
        }
    }

    /// When the next thing after this moment is due: an expiry, or an attempt to deliver a notification.
    pub(crate) fn next_event(&self) -> Result<Option<i64>, StoreError> {
        let now = self.clock.now();
        self.store.transaction(|tx| {
            let passed = Due { kind: LAST_KIND.to_owned(), key: String::new(), at: now };
            let due = tx.next_due(LATEST, Some(&passed))?.map(|due| due.at);
            let is_ahead = |entries: &[crate::store::OutboxEntry]| {
                entries.iter().map(|entry| entry.due).find(|due| *due > now)
            };
            let first = tx.outbox_due(LATEST, 1)?;
            let attempt = match (is_ahead(&first), first.is_empty()) {
                (None, false) => is_ahead(&tx.outbox_due(LATEST, ALL)?),
                (found, _) => found,
            };
            Ok([due, attempt].into_iter().flatten().min())
        })
    }

    /// Waits until everything that is due now is done, moves the clock to the next moment at which something is due, and waits
    /// until that is done too. Gives that moment; `None` when nothing will ever be due.
    pub(crate) fn run_to_next_event(&self) -> Result<Option<i64>, ClockError> {
        let _turn = self.clock_run_lock.try_lock().map_err(|_| ClockError::Busy)?;
        self.follow_clock()?;
        self.step(i64::MAX)
    }

    /// Lets these seconds pass, and stops at every moment on the way at which something is due.
    pub(crate) fn run_for(&self, seconds: i64) -> Result<ClockRun, ClockError> {
        let _turn = self.clock_run_lock.try_lock().map_err(|_| ClockError::Busy)?;
        self.follow_clock()?;
        let began = Instant::now();
        let target = self.clock.now().saturating_add(seconds);
        let mut events = 0;
        while self.step(target)?.is_some() {
            events += 1;
            if began.elapsed() > MAX_RUN {
                return Ok(ClockRun { events, is_complete: false });
            }
        }
        // A clock that runs may have passed it meanwhile.
        self.clock.go_on_to(target);
        Ok(ClockRun { events, is_complete: true })
    }

    /// One step to the next event that is not later than `target`.
    fn step(&self, target: i64) -> Result<Option<i64>, ClockError> {
        self.settle()?;
        let Some(next) = self.next_event()?.filter(|next| *next <= target) else { return Ok(None) };
        // Another node may be further already.
        self.clock.go_on_to(next);
        self.settle()?;
        Ok(Some(next))
    }

    /// Does what is due now, and waits until the attempts that are due now have ended.
    fn settle(&self) -> Result<(), ClockError> {
        let (now, began) = (self.clock.now(), Instant::now());
        self.do_what_is_due(now)?;
        while !self.store.transaction(|tx| tx.outbox_due(now, 1))?.is_empty() {
            if began.elapsed() > MAX_WAIT {
                return Err(ClockError::Unsettled);
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::sandbox::Sandbox;
    use crate::store::Announcement;

    const NOW: i64 = 1_786_766_400;

    /// Seconds from the first attempt to each repeat, from the official table
    /// (15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h).
    const REPEATS: [i64; 15] =
        [15, 30, 60, 240, 840, 2_040, 3_840, 5_640, 7_440, 11_040, 21_840, 32_640, 43_440, 65_040, 86_640];

    /// A receiver that refuses everything, and the times in the signatures that arrived.
    fn refusing_receiver() -> (String, Arc<Mutex<Vec<i64>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&arrived);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut time, mut length) = (0, 0);
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    match line.trim_end().to_ascii_lowercase().split_once(": ") {
                        Some(("wechatpay-timestamp", value)) => time = value.parse().unwrap(),
                        Some(("content-length", value)) => length = value.parse().unwrap(),
                        Some(_) => {}
                        None if line.trim_end().is_empty() => break,
                        None => {}
                    }
                }
                stream.read_exact(&mut vec![0; length]).unwrap();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(time);
                let refusal = b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.get_mut().write_all(refusal).unwrap();
            }
        });
        (url, arrived)
    }

    fn announce(sandbox: &Sandbox, url: &str) {
        let announcement = Announcement {
            mchid: sandbox.kit().mchid.clone(),
            notify_url: url.to_owned(),
            platform_serial: String::new(),
            event_type: "TRANSACTION.SUCCESS",
            time: NOW,
            resource: json!({ "out_trade_no": "1" }),
        };
        sandbox.platform().store.transaction(|tx| tx.announce(&announcement)).unwrap();
    }

    fn held() -> Sandbox {
        Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap()
    }

    #[test]
    fn all_fifteen_repeats_come_at_their_exact_seconds() {
        let ((url, arrived), sandbox) = (refusing_receiver(), held());
        announce(&sandbox, &url);
        let mut events = Vec::new();
        while let Some(event) = sandbox.run_to_next_event().unwrap() {
            assert_eq!(sandbox.clock().now(), event);
            events.push(event - NOW);
        }
        assert_eq!(events, REPEATS);
        let arrived: Vec<i64> = arrived.lock().unwrap().iter().map(|time| time - NOW).collect();
        assert_eq!(arrived, [&[0], &REPEATS[..]].concat());
    }

    #[test]
    fn time_that_passes_stops_at_what_is_due_on_the_way() {
        let ((url, arrived), sandbox) = (refusing_receiver(), held());
        announce(&sandbox, &url);
        assert_eq!(sandbox.run_for(240).unwrap(), ClockRun { events: 4, is_complete: true });
        assert_eq!(sandbox.run_for(100).unwrap(), ClockRun { events: 0, is_complete: true });
        assert_eq!(sandbox.clock().now(), NOW + 340);
        assert_eq!(sandbox.platform().next_event().unwrap(), Some(NOW + 840));
        let arrived: Vec<i64> = arrived.lock().unwrap().iter().map(|time| time - NOW).collect();
        assert_eq!(arrived, [0, 15, 30, 60, 240]);
    }

    /// A record of a notification that a fault has damaged.
    #[derive(Serialize, Deserialize)]
    struct Broken;

    impl Record for Broken {
        const KIND: &'static str = "notification";

        fn key(&self) -> String {
            "1".to_owned()
        }
    }

    #[test]
    fn a_broken_record_stops_no_delivery() {
        let ((url, arrived), sandbox) = (refusing_receiver(), held());
        let broken = |tx: &Transaction<'_>| {
            tx.get_to_replace::<Broken>("1")?;
            tx.save(&Broken)
        };
        sandbox.platform().store.transaction(broken).unwrap();
        announce(&sandbox, &url);
        assert_eq!(sandbox.run_for(0).unwrap(), ClockRun { events: 0, is_complete: true });
        sandbox.platform().store.transaction(broken).unwrap();
        assert_eq!(sandbox.run_for(20).unwrap(), ClockRun { events: 1, is_complete: true });
        assert_eq!(*arrived.lock().unwrap(), [NOW, NOW + 15]);
        assert_eq!(sandbox.notifications().find("1").unwrap().attempts.len(), 1);
    }

    #[test]
    fn without_anything_that_waits_there_is_no_next_event() {
        let sandbox = held();
        assert_eq!(sandbox.run_to_next_event().unwrap(), None);
        assert_eq!(sandbox.run_for(86_400).unwrap(), ClockRun { events: 0, is_complete: true });
        assert_eq!(sandbox.clock().now(), NOW + 86_400);
    }

    #[test]
    fn one_call_moves_the_clock_at_a_time() {
        let sandbox = held();
        let _turn = sandbox.platform().clock_run_lock.lock().unwrap();
        assert!(matches!(sandbox.run_to_next_event(), Err(ClockError::Busy)));
        assert!(matches!(sandbox.run_for(1), Err(ClockError::Busy)));
    }
}
