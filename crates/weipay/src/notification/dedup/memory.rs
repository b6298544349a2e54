//! A store in memory, for one process.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{error, fmt};

use super::{BlockingDedup, Claim, Dedup, Ticket};

/// Remembers in memory, for one process: what it knows is lost when the process ends. Clones share it.
///
/// It holds a bounded number of ids, and forgets the oldest finished ones first. The platform repeats for about a day, so give it
/// room for a day of notifications.
#[derive(Clone)]
pub struct MemoryDedup {
    shared: Arc<Mutex<Memory>>,
    capacity: usize,
}

#[derive(Default)]
struct Memory {
    /// The ticket of its handler, or none when it is finished.
    states: HashMap<Arc<str>, Option<Ticket>>,
    /// The finished ones, the oldest first.
    finished: VecDeque<Arc<str>>,
    tickets: u64,
}

/// The memory is full of notifications that are being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryDedupFull;

impl fmt::Display for MemoryDedupFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many notifications are being handled at once")
    }
}

impl error::Error for MemoryDedupFull {}

/// Room for a day of notifications of a busy shop, at about 150 bytes each.
const CAPACITY: usize = 100_000;

impl Default for MemoryDedup {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl MemoryDedup {
    /// With room for 100,000 ids.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With room for `capacity` ids, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { shared: Arc::default(), capacity: capacity.max(1) }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // No code that could panic runs while it is held.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: &str) -> Result<Claim, MemoryDedupFull> {
        let mut memory = self.memory();
        match memory.states.get(id) {
            Some(Some(_)) => return Ok(Claim::Running),
            Some(None) => return Ok(Claim::Finished),
            None => {}
        }
        if memory.states.len() >= self.capacity {
            let oldest = memory.finished.pop_front().ok_or(MemoryDedupFull)?;
            memory.states.remove(&oldest);
        }
        memory.tickets += 1;
        let ticket = Ticket(memory.tickets);
        memory.states.insert(id.into(), Some(ticket));
        Ok(Claim::Granted(ticket))
    }

    fn settle(&self, id: &str, ticket: Ticket, is_finished: bool) {
        let mut memory = self.memory();
        if memory.states.get(id) != Some(&Some(ticket)) {
            return;
        }
        memory.states.remove(id);
        if is_finished {
            let id: Arc<str> = id.into();
            memory.finished.push_back(Arc::clone(&id));
            memory.states.insert(id, None);
        }
    }
}

impl Dedup for MemoryDedup {
    type Error = MemoryDedupFull;

    fn claim(&self, id: &str) -> impl Future<Output = Result<Claim, MemoryDedupFull>> + Send {
        ready(self.take(id))
    }

    fn finish(&self, id: &str, ticket: Ticket) -> impl Future<Output = Result<(), MemoryDedupFull>> + Send {
        ready(BlockingDedup::finish(self, id, ticket))
    }

    fn release(&self, id: &str, ticket: Ticket) -> impl Future<Output = Result<(), MemoryDedupFull>> + Send {
        ready(BlockingDedup::release(self, id, ticket))
    }

    fn release_on_drop(&self, id: &str, ticket: Ticket) {
        self.settle(id, ticket, false);
    }

    fn finish_on_drop(&self, id: &str, ticket: Ticket) {
        self.settle(id, ticket, true);
    }
}

impl BlockingDedup for MemoryDedup {
    type Error = MemoryDedupFull;

    fn claim(&self, id: &str) -> Result<Claim, MemoryDedupFull> {
        self.take(id)
    }

    fn finish(&self, id: &str, ticket: Ticket) -> Result<(), MemoryDedupFull> {
        self.settle(id, ticket, true);
        Ok(())
    }

    fn release(&self, id: &str, ticket: Ticket) -> Result<(), MemoryDedupFull> {
        self.settle(id, ticket, false);
        Ok(())
    }
}

impl fmt::Debug for MemoryDedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.memory().states.len();
        f.debug_struct("MemoryDedup").field("known", &known).field("capacity", &self.capacity).finish()
    }
}
