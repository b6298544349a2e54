//! The connection limit (连接数), and which connection is closed at the limit.
//!
//! A new connection never waits for an idle one. At the limit, the connection that was idle longest is closed: first
//! those that never sent a request, then idle keep-alive ones, then those that are slow to send a body or to read a
//! response, or have the fault `slow`. A connection whose response is being made is never closed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

/// Maximum number of connections, if the operating system lets the process have them.
const MAX_CONNECTIONS: usize = 1024;
/// The backlog of connections to accept. The standard library's 128 are full in a moment, and a client that finds the
/// backlog full retries only after a second.
const QUEUE: i32 = 4096;
/// When all requests are being handled, how soon to look again for a connection to close.
const NEXT_LOOK: Duration = Duration::from_millis(5);

/// Limits the connections of a server.
pub(super) struct ConnectionLimiter {
    free: Arc<Semaphore>,
    /// How many are kept free, so that a new connection need not wait until another one is closed.
    reserve: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    taken: BTreeMap<u64, Entry>,
    /// The connections that may be closed to make room, in this order.
    order: BTreeSet<(Rank, u64)>,
    next: u64,
    /// Counts every change, so that who changed first can be told.
    changes: u64,
}

/// One connection.
struct Entry {
    phase: Phase,
    /// Its response is stuck, because the client does not read it.
    stuck: bool,
    has_been_served: bool,
    /// The change since which it does that.
    since: u64,
    /// Dropped to end the connection.
    _stay: oneshot::Sender<()>,
}

/// A class, and since when.
type Rank = (u8, u64);

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing, or sending the head of a request.
    Waiting,
    /// Sending the body of a request.
    Sending,
    /// Sending a body of which only a few may be on their way at once.
    SendingLong,
    /// Its request is being handled.
    Responding,
    /// Its response is there and does not leave yet, because it was asked to come late. Anybody can ask for that.
    Delaying,
}

impl Entry {
    /// The order in which connections are closed; none whose request is being handled.
    fn rank(&self) -> Option<Rank> {
        let class = match self.phase {
            Phase::Responding => return None,
            Phase::Sending | Phase::SendingLong | Phase::Delaying => 2,
            Phase::Waiting if self.stuck => 2,
            Phase::Waiting => u8::from(self.has_been_served),
        };
        Some((class, self.since))
    }
}

impl Entries {
    fn insert(&mut self, id: u64, entry: Entry) {
        self.order.extend(entry.rank().map(|rank| (rank, id)));
        self.taken.insert(id, entry);
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.taken.remove(&id)?;
        if let Some(rank) = entry.rank() {
            self.order.remove(&(rank, id));
        }
        Some(entry)
    }
}

impl ConnectionLimiter {
    pub(super) fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), reserve: most / 64, entries: Mutex::default() }
    }

    /// A slot for an accepted connection; at the limit, another connection is closed for it.
    pub(super) async fn take(self: &Arc<Self>) -> Option<ConnectionSlot> {
        let permit = loop {
            let free = Arc::clone(&self.free);
            if free.available_permits() <= self.reserve {
                self.make_room();
            }
            if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
                break permit;
            }
            if let Ok(permit) = timeout(NEXT_LOOK, free.acquire_owned()).await {
                break permit.ok()?;
            }
        };
        let (stay, evicted) = oneshot::channel();
        let mut entries = self.entries();
        let (id, since) = (entries.next, entries.changes);
        entries.next += 1;
        entries.changes += 1;
        let entry = Entry { phase: Phase::Waiting, stuck: false, has_been_served: false, since, _stay: stay };
        entries.insert(id, entry);
        drop(entries);
        Some(ConnectionSlot {
            limiter: Arc::clone(self),
            id,
            evicted: Some(evicted),
            is_reset: AtomicBool::new(false),
            _permit: permit,
        })
    }

    /// Ends the connection that gives way first.
    pub(super) fn make_room(&self) {
        let mut entries = self.entries();
        if let Some((_, id)) = entries.order.first().copied() {
            entries.remove(id);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of one connection; freed when it is dropped.
pub(super) struct ConnectionSlot {
    limiter: Arc<ConnectionLimiter>,
    id: u64,
    evicted: Option<oneshot::Receiver<()>>,
    /// Whether its connection is to end with a reset.
    is_reset: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionSlot {
    /// Comes to an end when the connection must give way. To be taken once.
    pub(super) fn evicted(&mut self) -> Option<oneshot::Receiver<()>> {
        self.evicted.take()
    }

    /// Says what the connection does now; `false` when it has given way.
    pub(super) fn set_phase(&self, phase: Phase) -> bool {
        self.change(|entry| {
            entry.has_been_served |= entry.phase == Phase::Responding;
            entry.phase = phase;
        })
    }

    /// Says that the body it sends is a long one.
    pub(super) fn set_long_body(&self) {
        self.set_phase(Phase::SendingLong);
    }

    /// Ends the connection that has been sending a long body for longest.
    pub(super) fn evict_a_long_body(&self) {
        let mut entries = self.limiter.entries();
        let long = entries.taken.iter().filter(|(_, entry)| entry.phase == Phase::SendingLong);
        if let Some(id) = long.min_by_key(|(_, entry)| entry.since).map(|(id, _)| *id) {
            entries.remove(id);
        }
    }

    /// Lets its connection end with a reset instead of in order.
    pub(super) fn reset_at_end(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_reset(&self) -> bool {
        self.is_reset.load(Ordering::Relaxed)
    }

    /// Sets whether a response is stuck because the client does not read it.
    pub(super) fn set_stuck(&self, stuck: bool) {
        self.change(|entry| entry.stuck = stuck);
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) -> bool {
        let mut entries = self.limiter.entries();
        entries.changes += 1;
        let since = entries.changes;
        let Some(mut entry) = entries.remove(self.id) else { return false };
        change(&mut entry);
        entry.since = since;
        entries.insert(self.id, entry);
        true
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.limiter.entries().remove(self.id);
    }
}

/// Half of the limit of open files; the rest is for the database and the host process.
pub(super) fn most() -> usize {
    open_files().map_or(MAX_CONNECTIONS, |limit| (limit / 2).clamp(4, MAX_CONNECTIONS))
}

/// Lets more wait to be accepted. Where the operating system says no, fewer do.
pub(super) fn lengthen_queue(listener: &TcpListener) {
    #[cfg(unix)]
    let _ = rustix::net::listen(listener, QUEUE);
    #[cfg(not(unix))]
    let _ = (listener, QUEUE);
}

#[cfg(unix)]
fn open_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    async fn three() -> (Arc<ConnectionLimiter>, [(ConnectionSlot, oneshot::Receiver<()>); 3]) {
        let limiter = Arc::new(ConnectionLimiter::new(3));
        let mut taken = Vec::new();
        for _ in 0..3 {
            let mut slot = limiter.take().await.unwrap();
            let evicted = slot.evicted().unwrap();
            taken.push((slot, evicted));
        }
        (limiter, taken.try_into().unwrap_or_else(|_| panic!("three")))
    }

    /// Which of them ended when one more came. Each ends as a connection does: by letting go of its slot.
    async fn evicted_by_one_more(
        limiter: &Arc<ConnectionLimiter>,
        taken: [(ConnectionSlot, oneshot::Receiver<()>); 3],
    ) -> Vec<usize> {
        let ended = Arc::new(Mutex::new(Vec::new()));
        for (index, (slot, evicted)) in taken.into_iter().enumerate() {
            let ended = Arc::clone(&ended);
            tokio::spawn(async move {
                let _ = evicted.await;
                ended.lock().unwrap().push(index);
                drop(slot);
            });
        }
        limiter.take().await.unwrap();
        std::mem::take(&mut *ended.lock().unwrap())
    }

    #[test]
    fn the_longest_idle_gives_way_first() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            taken[0].0.set_phase(Phase::Waiting);
            assert_eq!(evicted_by_one_more(&limiter, taken).await, [1]);
        });
    }

    #[test]
    fn who_was_served_stays_longer_than_who_never_asked() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            for phase in [Phase::Responding, Phase::Waiting] {
                taken[0].0.set_phase(phase);
            }
            taken[1].0.set_phase(Phase::Responding);
            assert_eq!(evicted_by_one_more(&limiter, taken).await, [2]);
        });
    }

    #[test]
    fn a_slow_reader_gives_way_and_a_request_that_is_being_answered_does_not() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            for (slot, _) in &taken {
                slot.set_phase(Phase::Responding);
            }
            taken[1].0.set_phase(Phase::Waiting);
            taken[1].0.set_stuck(true);
            taken[2].0.set_stuck(true);
            assert_eq!(evicted_by_one_more(&limiter, taken).await, [1]);
        });
    }

    #[test]
    fn who_wants_its_response_late_gives_way_and_only_then() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            for (slot, _) in &taken {
                slot.set_phase(Phase::Responding);
            }
            taken[1].0.set_phase(Phase::Delaying);
            taken[2].0.set_phase(Phase::Delaying);
            assert_eq!(evicted_by_one_more(&limiter, taken).await, [1]);
        });
    }

    #[test]
    fn of_long_bodies_the_slowest_gives_way() {
        runtime().block_on(async {
            let (_places, taken) = three().await;
            taken[1].0.set_long_body();
            taken[0].0.set_long_body();
            taken[2].0.evict_a_long_body();
            let stays: Vec<bool> = taken.iter().map(|(slot, _)| slot.set_phase(Phase::Waiting)).collect();
            assert_eq!(stays, [true, false, true]);
        });
    }

    #[test]
    fn who_has_given_way_is_told_at_its_next_step() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            limiter.make_room();
            assert!(!taken[0].0.set_phase(Phase::Responding) && taken[1].0.set_phase(Phase::Responding));
        });
    }

    #[test]
    fn a_place_that_was_let_go_is_free() {
        runtime().block_on(async {
            let (limiter, taken) = three().await;
            drop(taken);
            let (_first, _second) = (limiter.take().await.unwrap(), limiter.take().await.unwrap());
            assert_eq!(limiter.entries().taken.len(), 2);
        });
    }
}
