//! What holds for every store in a database, in one place. A test gives the store, and a way to let the time of its leases pass.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use weipay::notification::{Claim, Dedup, HandleOutcome, Notification, Ticket};

use crate::delivered;

pub const SERVERS: usize = 16;

async fn handle<D: Dedup<Error: Debug>>(
    notification: &Notification,
    dedup: &D,
) -> HandleOutcome<(), D::Error> {
    notification.handle_once(dedup, async |_| Ok(())).await
}

/// A handled event is handled once, a failed one again, and a dropped one again.
pub async fn an_event_is_handled_until_a_handler_is_successful<D: Dedup<Error: Debug>>(dedup: &D) {
    let notification = delivered("handled");
    let failed = notification.handle_once(dedup, async |_| Err("no stock")).await;
    assert!(matches!(failed, HandleOutcome::Failed("no stock")), "{failed:?}");
    assert_eq!(failed.response(&notification).status(), 500);
    let handled = handle(&notification, dedup).await;
    assert!(matches!(handled, HandleOutcome::Handled), "{handled:?}");
    for _ in 0..2 {
        let again = handle(&notification, dedup).await;
        assert!(matches!(again, HandleOutcome::AlreadyHandled), "{again:?}");
        assert_eq!(again.response(&notification).status(), 204);
    }
    let other = handle(&delivered("other"), dedup).await;
    assert!(matches!(other, HandleOutcome::Handled), "{other:?}");
}

/// Many servers at once: one of them handles, and nobody says success before it has.
pub async fn of_servers_that_race_one_handles<D: Dedup<Error: Debug> + Clone + Send + Sync + 'static>(
    dedup: &D,
) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    RUNS.store(0, Ordering::SeqCst);
    let servers = (0..SERVERS).map(|_| {
        let dedup = dedup.clone();
        tokio::spawn(async move {
            let notification = delivered("raced");
            let handling = notification.handle_once(&dedup, async |_| {
                RUNS.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok::<(), ()>(())
            });
            let outcome = handling.await;
            assert!(
                matches!(
                    outcome,
                    HandleOutcome::Handled | HandleOutcome::Running | HandleOutcome::AlreadyHandled
                ),
                "{outcome:?}"
            );
        })
    });
    for server in servers.collect::<Vec<_>>() {
        server.await.unwrap();
    }
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    assert!(matches!(handle(&delivered("raced"), dedup).await, HandleOutcome::AlreadyHandled));
}

/// The platform hung up while the database was at work: the statement was sent, and nobody reads what it grants.
pub async fn a_claim_that_nobody_waits_for_keeps_nobody_out<D: Dedup<Error: Debug>>(dedup: &D) {
    for event in 0..20 {
        let id = format!("unwaited-{event}");
        {
            let mut claim = pin!(dedup.claim(&id));
            for _ in 0..event {
                let polled = poll_fn(|context| Poll::Ready(claim.as_mut().poll(context))).await;
                // Whoever has read the ticket must give it back.
                match polled {
                    Poll::Ready(Ok(Claim::Granted(ticket))) => {
                        dedup.release(&id, ticket).await.unwrap();
                        break;
                    }
                    Poll::Ready(other) => panic!("{other:?}"),
                    Poll::Pending => {}
                }
                tokio::task::yield_now().await;
            }
            // Here it is dropped, before or after the database granted it.
        }
        let granted = async {
            while !matches!(dedup.claim(&id).await.unwrap(), Claim::Granted(_)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), granted).await.unwrap();
    }
}

/// A server that died while it handled: its lease ends, and what it does afterwards changes nothing.
pub async fn a_lease_ends_and_its_ticket_is_worth_nothing_then<D: Dedup<Error: Debug>>(
    dedup: &D,
    let_time_pass: impl AsyncFn(),
) {
    let claim = async || dedup.claim("leased").await.unwrap();
    let Claim::Granted(dead) = claim().await else { panic!("it is new") };
    assert_eq!(claim().await, Claim::Running);
    let_time_pass().await;
    let Claim::Granted(next) = claim().await else { panic!("the lease has ended") };
    assert_ne!(dead, next);
    // The first holder was only slow.
    dedup.release("leased", dead).await.unwrap();
    dedup.finish("leased", dead).await.unwrap();
    assert_eq!(claim().await, Claim::Running, "the second one still handles it");
    dedup.release("leased", next).await.unwrap();
    let Claim::Granted(third) = claim().await else { panic!("it was released") };
    assert!(![dead, next].contains(&third), "a ticket is given once");
    dedup.finish("leased", third).await.unwrap();
    let_time_pass().await;
    assert_eq!(claim().await, Claim::Finished, "for ever");
    dedup.release("leased", third).await.unwrap();
    assert_eq!(claim().await, Claim::Finished, "what is handled is not released");
    dedup.finish("leased", Ticket(u64::MAX)).await.unwrap();
}

/// The future of a handler is dropped when the platform hangs up. Its ticket comes back soon, and not only when the lease ends.
pub async fn the_ticket_of_a_dropped_handler_comes_back<D: Dedup<Error: Debug>>(dedup: &D) {
    let notification = delivered("dropped");
    let started = tokio::sync::Notify::new();
    let hanging = notification.handle_once(dedup, async |_| -> Result<(), ()> {
        started.notify_one();
        std::future::pending().await
    });
    tokio::select! {
        _ = hanging => panic!("it hangs"),
        () = started.notified() => {}
    }
    loop {
        match handle(&notification, dedup).await {
            HandleOutcome::Running => tokio::task::yield_now().await,
            outcome => return assert!(matches!(outcome, HandleOutcome::Handled), "{outcome:?}"),
        }
    }
}

/// The future is dropped after the handler was successful, while the database is being told. That success is not forgotten.
/// `take_connection` takes the one connection of the store, so that nothing can be told while it is held.
pub async fn a_success_is_noted_although_the_platform_hangs_up<D: Dedup<Error: Debug>, C>(
    dedup: &D,
    take_connection: impl AsyncFn() -> C,
) {
    let notification = delivered("hung-up");
    let (handled, connection) = (tokio::sync::Notify::new(), std::sync::Mutex::new(None));
    let handling = notification.handle_once(dedup, async |_| -> Result<(), ()> {
        let taken = take_connection().await;
        *connection.lock().unwrap() = Some(taken);
        handled.notify_one();
        Ok(())
    });
    tokio::select! {
        biased;
        outcome = handling => panic!("nothing can be told: {outcome:?}"),
        () = handled.notified() => {}
    }
    drop(connection.lock().unwrap().take());
    until_it_is_settled(dedup, Claim::Finished).await;
}

/// The same after the handler failed: the ticket comes back, and not only when the lease ends.
pub async fn a_failure_gives_the_ticket_back_although_the_platform_hangs_up<D: Dedup<Error: Debug>, C>(
    dedup: &D,
    take_connection: impl AsyncFn() -> C,
) {
    let notification = delivered("hung-up");
    let (failed, connection) = (tokio::sync::Notify::new(), std::sync::Mutex::new(None));
    let handling = notification.handle_once(dedup, async |_| -> Result<(), ()> {
        let taken = take_connection().await;
        *connection.lock().unwrap() = Some(taken);
        failed.notify_one();
        Err(())
    });
    tokio::select! {
        biased;
        outcome = handling => panic!("nothing can be told: {outcome:?}"),
        () = failed.notified() => {}
    }
    drop(connection.lock().unwrap().take());
    until_it_is_settled(dedup, Claim::Granted(Ticket(2))).await;
}

async fn until_it_is_settled<D: Dedup<Error: Debug>>(dedup: &D, wanted: Claim) {
    loop {
        match dedup.claim("hung-up").await.unwrap() {
            Claim::Running => tokio::task::yield_now().await,
            claim => return assert_eq!(claim, wanted),
        }
    }
}

/// Times are whole seconds. Within the second that a lease is held until, it has not ended. `hold_until_now` gives
/// every lease the present second of the database as its end, and returns it.
pub async fn a_lease_is_never_shorter_than_it_says<D: Dedup<Error: Debug>>(
    dedup: &D,
    hold_until_now: impl AsyncFn() -> i64,
) {
    assert!(matches!(dedup.claim("leased").await.unwrap(), Claim::Granted(_)));
    loop {
        let before = hold_until_now().await;
        let claim = dedup.claim("leased").await.unwrap();
        // If a second began in between, the test says nothing.
        if hold_until_now().await == before {
            return assert_eq!(claim, Claim::Running);
        }
    }
}
