//! A handler runs once for a notification that was handled, and again for one that was not.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use weipay::notification::{HandleOutcome, MemoryDedup, Notification};

use super::{ID, paid, receiver, signed};

fn delivered(id: &str) -> Notification {
    let body = paid().replace(ID, id);
    receiver().receive(&signed(body.as_bytes()), body.as_bytes()).unwrap()
}

#[test]
fn a_handler_runs_once_for_an_id_and_every_delivery_gets_success() {
    let (seen, runs) = (MemoryDedup::new(), Cell::new(0));
    for _ in 0..3 {
        let notification = delivered("one");
        let outcome = notification.handle_once_blocking(&seen, |_| {
            runs.set(runs.get() + 1);
            Ok::<(), ()>(())
        });
        assert_eq!(outcome.response(&notification).status(), 204);
    }
    assert_eq!(runs.get(), 1);
    assert!(matches!(
        delivered("two").handle_once_blocking(&seen, |_| Ok::<(), ()>(())),
        HandleOutcome::Handled
    ));
}

#[test]
fn a_handler_that_failed_or_panicked_runs_again() {
    let seen = MemoryDedup::new();
    let notification = delivered("one");
    let failed = notification.handle_once_blocking(&seen, |_| Err("no stock"));
    assert!(matches!(failed, HandleOutcome::Failed("no stock")));
    assert_eq!(failed.response(&notification).status(), 500);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        drop(notification.handle_once_blocking(&seen, |_| -> Result<(), ()> { panic!("a bug") }));
    }));
    assert!(panicked.is_err());
    assert!(matches!(notification.handle_once_blocking(&seen, |_| Ok::<(), ()>(())), HandleOutcome::Handled));
}

#[test]
fn of_deliveries_that_race_one_is_handled() {
    const SERVERS: usize = 8;
    let (seen, runs, start) = (MemoryDedup::new(), AtomicUsize::new(0), Barrier::new(SERVERS));
    thread::scope(|scope| {
        for _ in 0..SERVERS {
            scope.spawn(|| {
                let notification = delivered("one");
                start.wait();
                let outcome = notification.handle_once_blocking(&seen, |_| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    Ok::<(), ()>(())
                });
                assert!(matches!(
                    outcome,
                    HandleOutcome::Handled | HandleOutcome::Running | HandleOutcome::AlreadyHandled
                ));
            });
        }
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[test]
fn while_one_delivery_is_handled_another_is_not_answered_with_success() {
    let seen = MemoryDedup::new();
    let (first, second) = (delivered("one"), delivered("one"));
    let outcome = first.handle_once_blocking(&seen, |_| {
        let running = second.handle_once_blocking(&seen, |_| Ok::<(), ()>(()));
        assert!(matches!(running, HandleOutcome::Running));
        assert_eq!(running.response(&second).status(), 500);
        Err("it may still fail")
    });
    assert!(matches!(outcome, HandleOutcome::Failed(_)));
}

#[tokio::test]
async fn a_handler_whose_future_is_dropped_runs_again() {
    let seen = MemoryDedup::new();
    let notification = delivered("one");
    let hanging =
        notification.handle_once(&seen, async |_| -> Result<(), ()> { std::future::pending().await });
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(1), hanging).await;
    assert!(dropped.is_err());
    let failed = notification.handle_once(&seen, async |_| Err("later")).await;
    assert!(matches!(failed, HandleOutcome::Failed("later")));
    assert!(matches!(
        notification.handle_once(&seen, async |_| Ok::<(), ()>(())).await,
        HandleOutcome::Handled
    ));
    assert!(matches!(
        notification.handle_once(&seen, async |_| Ok::<(), ()>(())).await,
        HandleOutcome::AlreadyHandled
    ));
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest_first() {
    let seen = MemoryDedup::with_capacity(2);
    let handle = |id: &str| delivered(id).handle_once_blocking(&seen, |_| Ok::<(), ()>(()));
    for id in ["one", "two", "three"] {
        assert!(matches!(handle(id), HandleOutcome::Handled), "{id}");
    }
    assert!(matches!(handle("three"), HandleOutcome::AlreadyHandled));
    assert!(matches!(handle("two"), HandleOutcome::AlreadyHandled));
    assert!(matches!(handle("one"), HandleOutcome::Handled), "it was forgotten");
}

#[test]
fn a_memory_full_of_running_handlers_takes_no_more_and_forgets_none() {
    let seen = MemoryDedup::with_capacity(1);
    let (first, second) = (delivered("one"), delivered("two"));
    let outcome = first.handle_once_blocking(&seen, |_| {
        let full = second.handle_once_blocking(&seen, |_| Ok::<(), ()>(()));
        assert!(matches!(full, HandleOutcome::NotClaimed(_)));
        assert_eq!(full.response(&second).status(), 500);
        Ok::<(), ()>(())
    });
    assert!(matches!(outcome, HandleOutcome::Handled));
}
