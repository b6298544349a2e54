//! Handled notifications in a real SQLite file, which several processes open at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;
use weipay::notification::{Claim, Dedup, HandleOutcome, MAX_LEASE, SqliteDedup};
use weipay::sqlx;
use weipay::sqlx::SqlitePool;
use weipay::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::{delivered, leases};

const FOLDER: &str = "WEIPAY_TEST_FOLDER";
const EVENTS: usize = 12;
const PROCESSES: usize = 4;

async fn pool(folder: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.join("seen.db")).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

async fn store() -> (TempDir, SqlitePool, SqliteDedup) {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(folder.path()).await;
    let dedup = SqliteDedup::new(pool.clone());
    dedup.create_table().await.unwrap();
    (folder, pool, dedup)
}

/// Every lease is a day older.
async fn pass(pool: &SqlitePool) {
    let older =
        "UPDATE weipay_notifications SET held_until = held_until - 90000, changed_at = changed_at - 90000";
    sqlx::query(older).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_handler_runs_until_it_is_successful_and_then_no_more() {
    let (_folder, _, dedup) = store().await;
    leases::an_event_is_handled_until_a_handler_is_successful(&dedup).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_that_race_one_handles() {
    let (_folder, _, dedup) = store().await;
    leases::of_servers_that_race_one_handles(&dedup).await;
}

#[tokio::test]
async fn a_lease_ends_and_a_late_holder_changes_nothing() {
    let (_folder, pool, dedup) = store().await;
    leases::a_lease_ends_and_its_ticket_is_worth_nothing_then(&dedup, async || pass(&pool).await).await;
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_keeps_nobody_out() {
    let (_folder, _, dedup) = store().await;
    leases::a_claim_that_nobody_waits_for_keeps_nobody_out(&dedup).await;
}

#[tokio::test]
async fn the_ticket_of_a_dropped_handler_comes_back() {
    let (_folder, _, dedup) = store().await;
    leases::the_ticket_of_a_dropped_handler_comes_back(&dedup).await;
}

/// A store with one connection, and what takes it.
async fn store_of_one_connection(folder: &Path) -> (SqlitePool, SqliteDedup) {
    let options = SqliteConnectOptions::new().filename(folder.join("seen.db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let dedup = SqliteDedup::new(pool.clone());
    dedup.create_table().await.unwrap();
    (pool, dedup)
}

#[tokio::test]
async fn a_success_is_noted_although_the_platform_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, dedup) = store_of_one_connection(folder.path()).await;
    let take = async || pool.acquire().await.unwrap();
    leases::a_success_is_noted_although_the_platform_hangs_up(&dedup, take).await;
}

#[tokio::test]
async fn a_failure_gives_the_ticket_back_although_the_platform_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, dedup) = store_of_one_connection(folder.path()).await;
    let take = async || pool.acquire().await.unwrap();
    leases::a_failure_gives_the_ticket_back_although_the_platform_hangs_up(&dedup, take).await;
}

#[tokio::test]
async fn a_lease_is_never_shorter_than_it_says() {
    let (_folder, pool, dedup) = store().await;
    let hold_until_now = async || {
        let now = "UPDATE weipay_notifications SET held_until = CAST(strftime('%s', 'now') AS INTEGER) RETURNING held_until";
        sqlx::query_scalar::<_, i64>(now).fetch_one(&pool).await.unwrap()
    };
    leases::a_lease_is_never_shorter_than_it_says(&dedup, hold_until_now).await;
}

#[tokio::test]
async fn the_table_is_created_once_and_old_events_are_forgotten() {
    let (folder, pool, dedup) = store().await;
    SqliteDedup::new(self::pool(folder.path()).await).create_table().await.unwrap();
    assert!(matches!(
        delivered("old").handle_once(&dedup, async |_| Ok::<(), ()>(())).await,
        HandleOutcome::Handled
    ));
    assert_eq!(dedup.forget_older_than(std::time::Duration::ZERO).await.unwrap(), 0, "a day at least");
    pass(&pool).await;
    assert_eq!(dedup.claim("new").await.unwrap(), Claim::Granted(weipay::notification::Ticket(1)));
    assert_eq!(dedup.forget_older_than(std::time::Duration::MAX).await.unwrap(), 0, "never");
    assert_eq!(dedup.claim("old").await.unwrap(), Claim::Finished);
    assert_eq!(dedup.forget_older_than(MAX_LEASE).await.unwrap(), 1);
    assert!(matches!(dedup.claim("old").await.unwrap(), Claim::Granted(_)));
    assert_eq!(dedup.claim("new").await.unwrap(), Claim::Running);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = SqliteDedup::new(pool(folder.path()).await);
    let notification = delivered("lost");
    let outcome = notification.handle_once(&dedup, async |_| Ok::<(), ()>(())).await;
    assert!(matches!(outcome, HandleOutcome::NotClaimed(_)), "there is no table: {outcome:?}");
    assert_eq!(outcome.response(&notification).status(), 500);
}

#[test]
fn a_program_without_futures_uses_the_same_store() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_folder, _, dedup) = runtime.block_on(store());
    let dedup = dedup.blocking(runtime.handle().clone());
    let notification = delivered("blocking");
    assert!(matches!(
        notification.handle_once_blocking(&dedup, |_| Err("later")),
        HandleOutcome::Failed("later")
    ));
    assert!(matches!(
        notification.handle_once_blocking(&dedup, |_| Ok::<(), ()>(())),
        HandleOutcome::Handled
    ));
    assert!(matches!(
        notification.handle_once_blocking(&dedup, |_| Ok::<(), ()>(())),
        HandleOutcome::AlreadyHandled
    ));
}

/// This program as another process, which runs one of the two tests below.
fn process(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("sqlite::{test}"), "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).expect("another test starts this one").into()
}

#[tokio::test]
async fn of_processes_that_share_a_file_one_handles_each_event() {
    let (folder, _, _) = store().await;
    let processes: Vec<Child> = (0..PROCESSES).map(|_| process("server", folder.path())).collect();
    for mut process in processes {
        assert!(thread::spawn(move || process.wait().unwrap()).join().unwrap().success());
    }
    for event in 0..EVENTS {
        let runs = fs::read(folder.path().join(format!("event-{event}"))).unwrap();
        assert_eq!(runs.len(), 1, "event {event}");
    }
}

#[tokio::test]
#[ignore = "a process of another test"]
async fn server() {
    let folder = folder();
    let dedup = SqliteDedup::new(pool(&folder).await);
    for event in 0..EVENTS {
        let notification = delivered(&format!("event-{event}"));
        loop {
            let handling = notification.handle_once(&dedup, async |_| {
                use std::io::Write as _;
                let runs = folder.join(format!("event-{event}"));
                fs::OpenOptions::new().append(true).create(true).open(runs)?.write_all(b"x")
            });
            match handling.await {
                HandleOutcome::Handled | HandleOutcome::AlreadyHandled => break,
                HandleOutcome::Running => tokio::task::yield_now().await,
                failed => panic!("{failed:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_event_whose_server_died_is_handled_by_another_after_the_lease() {
    let (folder, pool, dedup) = store().await;
    let mut process = process("dying_server", folder.path());
    assert!(!thread::spawn(move || process.wait().unwrap()).join().unwrap().success());
    let notification = delivered("deadly");
    let handle = async || notification.handle_once(&dedup, async |_| Ok::<(), ()>(())).await;
    assert!(matches!(handle().await, HandleOutcome::Running), "nobody knows that it died");
    pass(&pool).await;
    assert!(matches!(handle().await, HandleOutcome::Handled));
}

#[tokio::test]
#[ignore = "a process of another test"]
async fn dying_server() {
    let dedup = SqliteDedup::new(pool(&folder()).await);
    let notification = delivered("deadly");
    drop(notification.handle_once(&dedup, async |_| -> Result<(), ()> { std::process::abort() }).await);
}
