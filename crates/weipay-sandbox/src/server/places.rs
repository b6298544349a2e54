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

/// The places of a server.
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// How many are kept free, so that a new connection need not wait until another one is closed.
    reserve: usize,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    taken: BTreeMap<u64, Seat>,
    /// Those who may give way, the first of them first.
    order: BTreeSet<(Rank, u64)>,
    next: u64,
    /// Counts every change, so that who changed first can be told.
    changes: u64,
}

/// One connection.
struct Seat {
    doing: Doing,
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

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
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

impl Seat {
    /// The order in which connections are closed; none whose request is being handled.
    fn rank(&self) -> Option<Rank> {
        let class = match self.doing {
            Doing::Responding => return None,
            Doing::Sending | Doing::SendingLong | Doing::Delaying => 2,
            Doing::Waiting if self.stuck => 2,
            Doing::Waiting => u8::from(self.has_been_served),
        };
        Some((class, self.since))
    }
}

impl Seats {
    fn sit(&mut self, id: u64, seat: Seat) {
        self.order.extend(seat.rank().map(|rank| (rank, id)));
        self.taken.insert(id, seat);
    }

    fn leave(&mut self, id: u64) -> Option<Seat> {
        let seat = self.taken.remove(&id)?;
        if let Some(rank) = seat.rank() {
            self.order.remove(&(rank, id));
        }
        Some(seat)
    }
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), reserve: most / 64, seats: Mutex::default() }
    }

    /// A place for an accepted connection; at the limit, another connection is closed for it.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Place> {
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
        let (stay, given_way) = oneshot::channel();
        let mut seats = self.seats();
        let (id, since) = (seats.next, seats.changes);
        seats.next += 1;
        seats.changes += 1;
        let seat = Seat { doing: Doing::Waiting, stuck: false, has_been_served: false, since, _stay: stay };
        seats.sit(id, seat);
        drop(seats);
        Some(Place {
            places: Arc::clone(self),
            id,
            given_way: Some(given_way),
            is_reset: AtomicBool::new(false),
            _permit: permit,
        })
    }

    /// Ends the connection that gives way first.
    pub(super) fn make_room(&self) {
        let mut seats = self.seats();
        if let Some((_, id)) = seats.order.first().copied() {
            seats.leave(id);
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    given_way: Option<oneshot::Receiver<()>>,
    /// Whether its connection is to end with a reset.
    is_reset: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Comes to an end when the connection must give way. To be taken once.
    pub(super) fn given_way(&mut self) -> Option<oneshot::Receiver<()>> {
        self.given_way.take()
    }

    /// Says what the connection does now; `false` when it has given way.
    pub(super) fn is_now(&self, doing: Doing) -> bool {
        self.change(|seat| {
            seat.has_been_served |= seat.doing == Doing::Responding;
            seat.doing = doing;
        })
    }

    /// Says that the body it sends is a long one.
    pub(super) fn sends_long_body(&self) {
        self.is_now(Doing::SendingLong);
    }

    /// Ends the connection that has been sending a long body for longest.
    pub(super) fn ends_a_long_body(&self) {
        let mut seats = self.places.seats();
        let long = seats.taken.iter().filter(|(_, seat)| seat.doing == Doing::SendingLong);
        if let Some(id) = long.min_by_key(|(_, seat)| seat.since).map(|(id, _)| *id) {
            seats.leave(id);
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
    pub(super) fn is_stuck(&self, stuck: bool) {
        self.change(|seat| seat.stuck = stuck);
    }

    fn change(&self, change: impl FnOnce(&mut Seat)) -> bool {
        let mut seats = self.places.seats();
        seats.changes += 1;
        let since = seats.changes;
        let Some(mut seat) = seats.leave(self.id) else { return false };
        change(&mut seat);
        seat.since = since;
        seats.sit(self.id, seat);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.seats().leave(self.id);
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

    async fn three() -> (Arc<Places>, [(Place, oneshot::Receiver<()>); 3]) {
        let places = Arc::new(Places::new(3));
        let mut taken = Vec::new();
        for _ in 0..3 {
            let mut place = places.take().await.unwrap();
            let given_way = place.given_way().unwrap();
            taken.push((place, given_way));
        }
        (places, taken.try_into().unwrap_or_else(|_| panic!("three")))
    }

    /// Which of them ended when one more came. Each ends as a connection does: by letting go of its place.
    async fn gives_way(places: &Arc<Places>, taken: [(Place, oneshot::Receiver<()>); 3]) -> Vec<usize> {
        let ended = Arc::new(Mutex::new(Vec::new()));
        for (index, (place, given_way)) in taken.into_iter().enumerate() {
            let ended = Arc::clone(&ended);
            tokio::spawn(async move {
                let _ = given_way.await;
                ended.lock().unwrap().push(index);
                drop(place);
            });
        }
        places.take().await.unwrap();
        std::mem::take(&mut *ended.lock().unwrap())
    }

    #[test]
    fn the_longest_idle_gives_way_first() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            taken[0].0.is_now(Doing::Waiting);
            assert_eq!(gives_way(&places, taken).await, [1]);
        });
    }

    #[test]
    fn who_was_served_stays_longer_than_who_never_asked() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            for doing in [Doing::Responding, Doing::Waiting] {
                taken[0].0.is_now(doing);
            }
            taken[1].0.is_now(Doing::Responding);
            assert_eq!(gives_way(&places, taken).await, [2]);
        });
    }

    #[test]
    fn a_slow_reader_gives_way_and_a_request_that_is_being_answered_does_not() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            for (place, _) in &taken {
                place.is_now(Doing::Responding);
            }
            taken[1].0.is_now(Doing::Waiting);
            taken[1].0.is_stuck(true);
            taken[2].0.is_stuck(true);
            assert_eq!(gives_way(&places, taken).await, [1]);
        });
    }

    #[test]
    fn who_wants_its_response_late_gives_way_and_only_then() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            for (place, _) in &taken {
                place.is_now(Doing::Responding);
            }
            taken[1].0.is_now(Doing::Delaying);
            taken[2].0.is_now(Doing::Delaying);
            assert_eq!(gives_way(&places, taken).await, [1]);
        });
    }

    #[test]
    fn of_long_bodies_the_slowest_gives_way() {
        runtime().block_on(async {
            let (_places, taken) = three().await;
            taken[1].0.sends_long_body();
            taken[0].0.sends_long_body();
            taken[2].0.ends_a_long_body();
            let stays: Vec<bool> = taken.iter().map(|(place, _)| place.is_now(Doing::Waiting)).collect();
            assert_eq!(stays, [true, false, true]);
        });
    }

    #[test]
    fn who_has_given_way_is_told_at_its_next_step() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            places.make_room();
            assert!(!taken[0].0.is_now(Doing::Responding) && taken[1].0.is_now(Doing::Responding));
        });
    }

    #[test]
    fn a_place_that_was_let_go_is_free() {
        runtime().block_on(async {
            let (places, taken) = three().await;
            drop(taken);
            let (_first, _second) = (places.take().await.unwrap(), places.take().await.unwrap());
            assert_eq!(places.seats().taken.len(), 2);
        });
    }
}
