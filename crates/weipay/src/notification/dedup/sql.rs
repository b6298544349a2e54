//! Stores in a database, through `sqlx`: a handler runs once for an event, even if several servers receive it, or a
//! server restarts between two deliveries.
//!
//! A row is a lease: the holder of the ticket may handle the event until the lease ends. So if a server dies, others wait
//! no longer than that. Times are those of the database, because the clocks of servers differ. Each claim is one
//! statement, which the database makes atomic; no transaction is open while a handler runs.

use std::time::Duration;

use tokio::runtime::Handle;

use super::{BlockingDedup, Claim, Dedup, OnDrop, Ticket};

/// How long a ticket is held at most, unless another time is set: five minutes.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(5 * 60);

/// The longest time for which a ticket can be held: a day. The platform repeats a notification for about as long.
pub const MAX_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a claim is tried again that met a row which was gone a moment later.
const MAX_CLAIMS: usize = 3;

/// The statements of one database.
struct Statements {
    create_table: &'static str,
    /// Parameters: id, seconds. A new row, or one whose lease has ended, gives its new ticket; any other
    /// gives no row. Times are whole seconds, rounded: a lease has ended for certain only in the second after
    /// the one that it is held until.
    claim: &'static str,
    /// Parameter: id. Whether the event was handled.
    look: &'static str,
    /// Parameters: id, ticket.
    finish: &'static str,
    /// Parameters: id, ticket. The row stays, because its ticket must never be given a second time.
    release: &'static str,
    /// Parameter: seconds.
    forget: &'static str,
}

/// Whole seconds, so that a lease is never shorter than it says. The longest time stays the longest.
fn seconds(time: Duration) -> i64 {
    let rounded = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

fn lease_in_bounds(lease: Duration) -> i64 {
    seconds(lease.clamp(Duration::from_secs(1), MAX_LEASE))
}

macro_rules! sql_dedup {
    ($(#[$doc:meta])* $name:ident, $pool:ty, $statements:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            pool: $pool,
            lease_seconds: i64,
        }

        impl $name {
            /// The SQL of [`create_table`](Self::create_table), for programs that keep their migrations together.
            pub const CREATE_TABLE: &'static str = $statements.create_table;

            /// A store in the database of this pool. A ticket is held for [`DEFAULT_LEASE`] at most.
            #[must_use]
            pub fn new(pool: $pool) -> Self {
                Self { pool, lease_seconds: seconds(DEFAULT_LEASE) }
            }

            /// Sets how long a ticket is held, from one second to [`MAX_LEASE`]; other values are moved into these bounds, and
            /// fractions of a second are rounded up. It must be longer than any handler
            /// takes: when it ends, the next delivery is handled although the handler may still run.
            #[must_use]
            pub fn lease(self, lease: Duration) -> Self {
                Self { lease_seconds: lease_in_bounds(lease), ..self }
            }

            /// Creates the table `weipay_notifications` unless it exists. Several servers may do so at their start.
            ///
            /// # Errors
            ///
            /// If the database cannot be reached or refuses.
            pub async fn create_table(&self) -> Result<(), sqlx::Error> {
                let create = || sqlx::query(Self::CREATE_TABLE).execute(&self.pool);
                match create().await {
                    // Of two servers that create it at the same moment, PostgreSQL lets one fail.
                    Err(sqlx::Error::Database(_)) => create().await.map(drop),
                    created => created.map(drop),
                }
            }

            /// Deletes events that have not changed for this time, and returns their number. Call it once a day, so
            /// that the table does not grow forever. The platform repeats a notification for about a day, so use two
            /// days. A message of APIv2 is signed without a timestamp, and anyone who has an old one can send
            /// it again: keep those for as long as your handler would act on them. Less than a day counts as a day, and
            /// `Duration::MAX` deletes nothing.
            ///
            /// # Errors
            ///
            /// If the database cannot be reached or refuses.
            pub async fn forget_older_than(&self, age: Duration) -> Result<u64, sqlx::Error> {
                let forget = sqlx::query($statements.forget).bind(seconds(age.max(MAX_LEASE)));
                Ok(forget.execute(&self.pool).await?.rows_affected())
            }

            /// The same store for [`handle_once_blocking`](crate::notification::Notification::handle_once_blocking). It waits
            /// for the database on this runtime.
            ///
            /// # Panics
            ///
            /// The methods of the returned store panic in async code. Call them on a thread of your own, or in `spawn_blocking`.
            #[must_use]
            pub fn blocking(self, runtime: Handle) -> BlockingSqlDedup<Self> {
                BlockingSqlDedup { dedup: self, runtime }
            }

            async fn claim_now(&self, id: &str) -> Result<Claim, sqlx::Error> {
                for _ in 0..MAX_CLAIMS {
                    // All rows, of which there is one at most, so that the statement runs to its end.
                    let claimed = sqlx::query_scalar::<_, i64>($statements.claim).bind(id).bind(self.lease_seconds);
                    if let Some(ticket) = claimed.fetch_all(&self.pool).await?.first() {
                        let ticket = u64::try_from(*ticket).map_err(|error| sqlx::Error::Decode(error.into()))?;
                        return Ok(Claim::Granted(Ticket(ticket)));
                    }
                    let is_finished = sqlx::query_scalar::<_, bool>($statements.look).bind(id);
                    match is_finished.fetch_optional(&self.pool).await? {
                        Some(true) => return Ok(Claim::Finished),
                        Some(false) => return Ok(Claim::Running),
                        // It was forgotten meanwhile.
                        None => {}
                    }
                }
                Ok(Claim::Running)
            }

            async fn end(&self, statement: &'static str, id: &str, ticket: Ticket) -> Result<(), sqlx::Error> {
                let Ok(ticket) = i64::try_from(ticket.0) else { return Ok(()) };
                sqlx::query(statement).bind(id).bind(ticket).execute(&self.pool).await.map(drop)
            }

            /// The same in the background, if the runtime still runs. Otherwise the lease ends by itself, and the event
            /// is handled again.
            fn end_unwaited(&self, statement: &'static str, id: &str, ticket: Ticket) {
                if let Ok(runtime) = Handle::try_current() {
                    let (this, id) = (self.clone(), id.to_owned());
                    runtime.spawn(async move { this.end(statement, &id, ticket).await.ok() });
                }
            }
        }

        impl Dedup for $name {
            type Error = sqlx::Error;

            /// The database may grant what its caller does not wait for any more, because the platform hung
            /// up. So the claim is a task of its own, and a ticket that nobody takes is given back. The task ends as soon as the
            /// database answers. Where no connection of the pool is free, that takes as long as the pool waits for one
            /// (`acquire_timeout`, 30 seconds unless it is set). Until then it holds nothing, so the next delivery is
            /// not kept out.
            async fn claim(&self, id: &str) -> Result<Claim, sqlx::Error> {
                let Ok(runtime) = Handle::try_current() else { return self.claim_now(id).await };
                let (this, id) = (self.clone(), id.to_owned());
                let claim = runtime.spawn(async move {
                    let claim = this.claim_now(&id).await?;
                    let give_back = move || {
                        if let Claim::Granted(ticket) = claim {
                            this.release_on_drop(&id, ticket);
                        }
                    };
                    Ok((claim, OnDrop(Some(give_back))))
                });
                match claim.await {
                    Ok(Ok((claim, untaken))) => {
                        untaken.forget();
                        Ok(claim)
                    }
                    Ok(Err(error)) => Err(error),
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => Err(sqlx::Error::Protocol("the runtime is shutting down".to_owned())),
                }
            }

            async fn finish(&self, id: &str, ticket: Ticket) -> Result<(), sqlx::Error> {
                self.end($statements.finish, id, ticket).await
            }

            async fn release(&self, id: &str, ticket: Ticket) -> Result<(), sqlx::Error> {
                self.end($statements.release, id, ticket).await
            }

            fn release_on_drop(&self, id: &str, ticket: Ticket) {
                self.end_unwaited($statements.release, id, ticket);
            }

            fn finish_on_drop(&self, id: &str, ticket: Ticket) {
                self.end_unwaited($statements.finish, id, ticket);
            }
        }
    };
}

#[cfg(feature = "dedup-sqlite")]
const SQLITE: Statements = Statements {
    create_table: "\
CREATE TABLE IF NOT EXISTS weipay_notifications (
    id TEXT NOT NULL PRIMARY KEY,
    ticket INTEGER NOT NULL,
    held_until INTEGER,
    changed_at INTEGER NOT NULL
)",
    claim: "\
INSERT INTO weipay_notifications (id, ticket, held_until, changed_at)
VALUES (?1, 1, CAST(strftime('%s', 'now') AS INTEGER) + ?2, CAST(strftime('%s', 'now') AS INTEGER))
ON CONFLICT (id) DO UPDATE
SET ticket = weipay_notifications.ticket + 1, held_until = excluded.held_until, changed_at = excluded.changed_at
WHERE weipay_notifications.held_until < excluded.changed_at
RETURNING ticket",
    look: "SELECT held_until IS NULL FROM weipay_notifications WHERE id = ?1",
    finish: "\
UPDATE weipay_notifications SET held_until = NULL, changed_at = CAST(strftime('%s', 'now') AS INTEGER)
WHERE id = ?1 AND ticket = ?2",
    release: "\
UPDATE weipay_notifications SET held_until = 0, changed_at = CAST(strftime('%s', 'now') AS INTEGER)
WHERE id = ?1 AND ticket = ?2 AND held_until IS NOT NULL",
    forget: "DELETE FROM weipay_notifications WHERE changed_at < CAST(strftime('%s', 'now') AS INTEGER) - ?1",
};

#[cfg(feature = "dedup-sqlite")]
sql_dedup! {
    /// SQLite remembers which notifications were handled. All processes that open the file share it. Clones share the pool.
    ///
    /// ```no_run
    /// use weipay::notification::SqliteDedup;
    /// use weipay::sqlx::SqlitePool;
    ///
    /// # async fn run() -> Result<(), weipay::sqlx::Error> {
    /// let seen = SqliteDedup::new(SqlitePool::connect("sqlite:shop.db?mode=rwc").await?);
    /// seen.create_table().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Give it to [`Notification::handle_once`](crate::notification::Notification::handle_once). The table, which
    /// [`create_table`](Self::create_table) creates:
    ///
    /// ```sql
    /// CREATE TABLE weipay_notifications (
    ///     id TEXT NOT NULL PRIMARY KEY,  -- of the notification
    ///     ticket INTEGER NOT NULL,       -- whose turn it is: it grows with each claim
    ///     held_until INTEGER,            -- in seconds since 1970; NULL: handled
    ///     changed_at INTEGER NOT NULL
    /// );
    /// ```
    SqliteDedup, sqlx::SqlitePool, SQLITE
}

#[cfg(feature = "dedup-postgres")]
const POSTGRES: Statements = Statements {
    create_table: "\
CREATE TABLE IF NOT EXISTS weipay_notifications (
    id TEXT NOT NULL PRIMARY KEY,
    ticket BIGINT NOT NULL,
    held_until BIGINT,
    changed_at BIGINT NOT NULL
)",
    claim: "\
INSERT INTO weipay_notifications (id, ticket, held_until, changed_at)
VALUES ($1, 1, EXTRACT(EPOCH FROM clock_timestamp())::BIGINT + $2, EXTRACT(EPOCH FROM clock_timestamp())::BIGINT)
ON CONFLICT (id) DO UPDATE
SET ticket = weipay_notifications.ticket + 1, held_until = excluded.held_until, changed_at = excluded.changed_at
WHERE weipay_notifications.held_until < excluded.changed_at
RETURNING ticket",
    look: "SELECT held_until IS NULL FROM weipay_notifications WHERE id = $1",
    finish: "\
UPDATE weipay_notifications SET held_until = NULL, changed_at = EXTRACT(EPOCH FROM clock_timestamp())::BIGINT
WHERE id = $1 AND ticket = $2",
    release: "\
UPDATE weipay_notifications SET held_until = 0, changed_at = EXTRACT(EPOCH FROM clock_timestamp())::BIGINT
WHERE id = $1 AND ticket = $2 AND held_until IS NOT NULL",
    forget: "DELETE FROM weipay_notifications WHERE changed_at < EXTRACT(EPOCH FROM clock_timestamp())::BIGINT - $1",
};

#[cfg(feature = "dedup-postgres")]
sql_dedup! {
    /// PostgreSQL (9.5 or newer) remembers which notifications were handled, for any number of servers. Clones share the pool.
    ///
    /// ```no_run
    /// use weipay::notification::PostgresDedup;
    /// use weipay::sqlx::PgPool;
    ///
    /// # async fn run() -> Result<(), weipay::sqlx::Error> {
    /// let seen = PostgresDedup::new(PgPool::connect("postgres://shop@localhost/shop").await?);
    /// seen.create_table().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Give it to [`Notification::handle_once`](crate::notification::Notification::handle_once). The table, which
    /// [`create_table`](Self::create_table) creates in the first schema of the search path:
    ///
    /// ```sql
    /// CREATE TABLE weipay_notifications (
    ///     id TEXT NOT NULL PRIMARY KEY,  -- of the notification
    ///     ticket BIGINT NOT NULL,        -- whose turn it is: it grows with each claim
    ///     held_until BIGINT,             -- in seconds since 1970; NULL: handled
    ///     changed_at BIGINT NOT NULL
    /// );
    /// ```
    PostgresDedup, sqlx::PgPool, POSTGRES
}

/// A store in a database for programs without futures: see `blocking` of the store.
#[derive(Clone, Debug)]
pub struct BlockingSqlDedup<D> {
    dedup: D,
    runtime: Handle,
}

impl<D: Dedup> BlockingDedup for BlockingSqlDedup<D> {
    type Error = D::Error;

    fn claim(&self, id: &str) -> Result<Claim, D::Error> {
        self.runtime.block_on(self.dedup.claim(id))
    }

    fn finish(&self, id: &str, ticket: Ticket) -> Result<(), D::Error> {
        self.runtime.block_on(self.dedup.finish(id, ticket))
    }

    fn release(&self, id: &str, ticket: Ticket) -> Result<(), D::Error> {
        self.runtime.block_on(self.dedup.release(id, ticket))
    }
}
