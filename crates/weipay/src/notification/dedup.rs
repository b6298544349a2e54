//! Handling a notification once, although the platform may deliver it many times and to two servers at the same moment.

mod memory;
#[cfg(any(feature = "dedup-sqlite", feature = "dedup-postgres"))]
mod sql;

use std::future::Future;

use bytes::Bytes;

use super::opened::Notification;

pub use memory::{MemoryDedup, MemoryDedupFull};
#[cfg(feature = "dedup-postgres")]
pub use sql::PostgresDedup;
#[cfg(feature = "dedup-sqlite")]
pub use sql::SqliteDedup;
#[cfg(any(feature = "dedup-sqlite", feature = "dedup-postgres"))]
pub use sql::{BlockingSqlDedup, DEFAULT_LEASE, MAX_LEASE};

/// Remembers which notifications were handled: a hook for a store of your own, such as a table with the id as its key.
///
/// A handler that runs for a notification holds its ticket. The store gives one ticket for an id at a time, and none once the
/// notification was finished. [`BlockingDedup`] is the same without futures.
pub trait Dedup: Sync {
    /// Why the store failed.
    type Error: Send;

    /// Claims the notification atomically: if two callers claim it at the same time, one of them gets the ticket. A
    /// store that outlives its process should give a ticket again after some minutes, because its holder may
    /// have died. The platform closes the connection after five seconds, and this future is dropped then: a store that
    /// grants a ticket nevertheless should take it back, as those of this crate do.
    fn claim(&self, id: &str) -> impl Future<Output = Result<Claim, Self::Error>> + Send;

    /// The handler was successful: the notification is never handled again. If the ticket was meanwhile given to
    /// another handler, this does nothing.
    fn finish(&self, id: &str, ticket: Ticket) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The handler failed: the next delivery is handled.
    fn release(&self, id: &str, ticket: Ticket) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The future of the handler was dropped, because its server stopped or the platform closed the connection. This cannot
    /// wait; a store that needs to wait leaves this empty, and gives the ticket again after some minutes.
    fn release_on_drop(&self, _id: &str, _ticket: Ticket) {}

    /// The future of [`finish`](Self::finish) was dropped before its end, because the platform closed the
    /// connection: the handler was successful, and that may not be recorded. This cannot wait; a store that needs to wait
    /// records it in the background. If this does nothing, the handler may run a second time.
    fn finish_on_drop(&self, _id: &str, _ticket: Ticket) {}
}

/// As [`Dedup`], for programs without futures. No future can be dropped here, so it has neither `release_on_drop` nor
/// `finish_on_drop`.
pub trait BlockingDedup {
    /// Why the store failed.
    type Error;

    /// As [`Dedup::claim`].
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn claim(&self, id: &str) -> Result<Claim, Self::Error>;

    /// As [`Dedup::finish`].
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn finish(&self, id: &str, ticket: Ticket) -> Result<(), Self::Error>;

    /// As [`Dedup::release`].
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn release(&self, id: &str, ticket: Ticket) -> Result<(), Self::Error>;
}

/// A claim on a notification. The store chooses the number, which is different for each claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// The result of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The notification may be handled, with this ticket.
    Granted(Ticket),
    /// Another handler has the ticket.
    Running,
    /// It was handled.
    Finished,
}

/// How an attempt to handle a notification once ended. [`response`](Self::response) is the response to send.
#[derive(Debug)]
#[must_use = "the platform waits for a response"]
pub enum HandleOutcome<H, S> {
    /// The handler was successful.
    Handled,
    /// It was handled before: the handler did not run.
    AlreadyHandled,
    /// Another delivery of the notification is being handled right now. The handler did not run. The platform sends the
    /// notification again.
    Running,
    /// The handler failed. It runs again for the next delivery.
    Failed(H),
    /// The store failed before the handler ran. It runs for the next delivery.
    NotClaimed(S),
    /// The handler was successful, but the store could not record it. The next delivery may run the handler again.
    NotRecorded(S),
}

impl<H, S> HandleOutcome<H, S> {
    /// Success if the notification is handled, now or before; else a failure, so that the platform sends it again. A handler
    /// of axum returns it with `.map(axum::body::Body::from)`.
    pub fn response(&self, notification: &Notification) -> http::Response<Bytes> {
        match self {
            Self::Handled | Self::AlreadyHandled | Self::NotRecorded(_) => notification.success(),
            Self::Running => notification.failure("another delivery of this notification is being handled"),
            Self::Failed(_) | Self::NotClaimed(_) => notification.failure("not handled"),
        }
    }
}

impl Notification {
    /// Runs `handler` unless this notification was handled before, or is being handled. If the handler fails,
    /// panics or is dropped, it runs again for the next delivery.
    ///
    /// ```
    /// # use weipay::notification::{Event, MemoryDedup, Notification};
    /// # async fn pay(order: &str) -> Result<(), String> { Ok(()) }
    /// # async fn handle(notification: Notification, seen: &MemoryDedup) -> weipay::http::Response<weipay::bytes::Bytes> {
    /// let handling = notification.handle_once(seen, async |event| match event {
    ///     Event::TransactionSuccess(order) => pay(order.out_trade_no.as_deref().unwrap_or_default()).await,
    ///     // What is acknowledged never comes again.
    ///     _ => Err("nobody handles this event".to_owned()),
    /// });
    /// handling.await.response(&notification)
    /// # }
    /// ```
    pub async fn handle_once<D: Dedup, H>(
        &self,
        dedup: &D,
        handler: impl AsyncFnOnce(&super::Event) -> Result<(), H>,
    ) -> HandleOutcome<H, D::Error> {
        let id = self.id();
        let ticket = match dedup.claim(id).await {
            Ok(Claim::Granted(ticket)) => ticket,
            Ok(Claim::Running) => return HandleOutcome::Running,
            Ok(Claim::Finished) => return HandleOutcome::AlreadyHandled,
            Err(error) => return HandleOutcome::NotClaimed(error),
        };
        let held = OnDrop(Some(|| dedup.release_on_drop(id, ticket)));
        match handler(self.event()).await {
            Ok(()) => {
                held.forget();
                let unfinished = OnDrop(Some(|| dedup.finish_on_drop(id, ticket)));
                let recorded = dedup.finish(id, ticket).await;
                unfinished.forget();
                match recorded {
                    Ok(()) => HandleOutcome::Handled,
                    Err(error) => HandleOutcome::NotRecorded(error),
                }
            }
            Err(error) => {
                // A store that cannot take the ticket back gives it again after some minutes.
                drop(dedup.release(id, ticket).await);
                held.forget();
                HandleOutcome::Failed(error)
            }
        }
    }

    /// As [`handle_once`](Self::handle_once), without futures.
    pub fn handle_once_blocking<D: BlockingDedup, H>(
        &self,
        dedup: &D,
        handler: impl FnOnce(&super::Event) -> Result<(), H>,
    ) -> HandleOutcome<H, D::Error> {
        let id = self.id();
        let ticket = match dedup.claim(id) {
            Ok(Claim::Granted(ticket)) => ticket,
            Ok(Claim::Running) => return HandleOutcome::Running,
            Ok(Claim::Finished) => return HandleOutcome::AlreadyHandled,
            Err(error) => return HandleOutcome::NotClaimed(error),
        };
        let held = OnDrop(Some(|| drop(dedup.release(id, ticket))));
        let done = handler(self.event());
        match done {
            Ok(()) => {
                held.forget();
                match dedup.finish(id, ticket) {
                    Ok(()) => HandleOutcome::Handled,
                    Err(error) => HandleOutcome::NotRecorded(error),
                }
            }
            Err(error) => HandleOutcome::Failed(error),
        }
    }
}

/// Runs a function when it is dropped: also after a panic, or when a future is dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}
