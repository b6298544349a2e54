//! Handled notifications in a real PostgreSQL server: `.ci/with-postgres` starts one. Without it these tests say that they are
//! skipped.

use std::str::FromStr as _;

use weipay::notification::PostgresDedup;
use weipay::sqlx;
use weipay::sqlx::PgPool;
use weipay::sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::leases;

const SERVER: &str = "WEIPAY_TEST_POSTGRES";

/// A store in its own schema, so that tests run at once.
async fn store(schema: &str) -> Option<(PgPool, PostgresDedup)> {
    let Ok(server) = std::env::var(SERVER) else {
        eprintln!(
            "skipped: {SERVER} is not set; `.ci/with-postgres cargo test ...` starts a server and sets it"
        );
        return None;
    };
    let options = PgConnectOptions::from_str(&server).unwrap();
    let pool = PgPool::connect_with(options.clone()).await.unwrap();
    let create = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
    let pool = PgPool::connect_with(options.options([("search_path", schema)])).await.unwrap();
    // Many servers start at once.
    let dedup = PostgresDedup::new(pool.clone());
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let dedup = dedup.clone();
            tokio::spawn(async move { dedup.create_table().await })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    Some((pool, dedup))
}

async fn pass(pool: &PgPool) {
    let older =
        "UPDATE weipay_notifications SET held_until = held_until - 90000, changed_at = changed_at - 90000";
    sqlx::query(older).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_handler_runs_until_it_is_successful_and_then_no_more() {
    let Some((_, dedup)) = store("handled").await else { return };
    leases::an_event_is_handled_until_a_handler_is_successful(&dedup).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_servers_that_race_one_handles() {
    let Some((_, dedup)) = store("raced").await else { return };
    leases::of_servers_that_race_one_handles(&dedup).await;
}

#[tokio::test]
async fn a_lease_ends_and_a_late_holder_changes_nothing() {
    let Some((pool, dedup)) = store("leased").await else { return };
    leases::a_lease_ends_and_its_ticket_is_worth_nothing_then(&dedup, async || pass(&pool).await).await;
}

#[tokio::test]
async fn the_ticket_of_a_dropped_handler_comes_back() {
    let Some((_, dedup)) = store("dropped").await else { return };
    leases::the_ticket_of_a_dropped_handler_comes_back(&dedup).await;
}

/// A pool of one connection to the same schema.
async fn pool_of_one_connection(pool: &PgPool) -> PgPool {
    let options = (*pool.connect_options()).clone();
    PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

#[tokio::test]
async fn a_success_is_noted_although_the_platform_hangs_up() {
    let Some((pool, _)) = store("hung_up").await else { return };
    let pool = pool_of_one_connection(&pool).await;
    let (dedup, take) = (PostgresDedup::new(pool.clone()), async || pool.acquire().await.unwrap());
    leases::a_success_is_noted_although_the_platform_hangs_up(&dedup, take).await;
}

#[tokio::test]
async fn a_failure_gives_the_ticket_back_although_the_platform_hangs_up() {
    let Some((pool, _)) = store("failed_hung_up").await else { return };
    let pool = pool_of_one_connection(&pool).await;
    let (dedup, take) = (PostgresDedup::new(pool.clone()), async || pool.acquire().await.unwrap());
    leases::a_failure_gives_the_ticket_back_although_the_platform_hangs_up(&dedup, take).await;
}

#[tokio::test]
async fn a_lease_is_never_shorter_than_it_says() {
    let Some((pool, dedup)) = store("long_enough").await else { return };
    let hold_until_now = async || {
        let now = "UPDATE weipay_notifications SET held_until = EXTRACT(EPOCH FROM clock_timestamp())::BIGINT RETURNING held_until";
        sqlx::query_scalar::<_, i64>(now).fetch_one(&pool).await.unwrap()
    };
    leases::a_lease_is_never_shorter_than_it_says(&dedup, hold_until_now).await;
}

#[tokio::test]
async fn old_events_are_forgotten() {
    let Some((pool, dedup)) = store("forgotten").await else { return };
    leases::an_event_is_handled_until_a_handler_is_successful(&dedup).await;
    pass(&pool).await;
    assert_eq!(dedup.forget_older_than(std::time::Duration::ZERO).await.unwrap(), 2);
}
