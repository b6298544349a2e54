//! A real server: `.ci/with-postgres` starts one. Without it these tests say that they are skipped.

mod claims;
mod clock;
mod merchants;
mod restore;
mod tls;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;

use super::*;
use crate::merchants::add::NewMerchant;
use crate::sandbox::Sandbox;
use crate::store::address::{Kind, StoreAddress};
use crate::store::engine::{Due, NewRecord, OutboxEntry};

const SERVER: &str = "WEIPAY_TEST_POSTGRES";

/// The address of a new and empty database.
pub(in crate::store) fn new_database() -> Option<Address> {
    let Ok(server) = env::var(SERVER) else {
        println!(
            "skipped: {SERVER} is not set; `.ci/with-postgres cargo test ...` starts a server and sets it"
        );
        return None;
    };
    let mut address = Address::read(&server).unwrap();
    let name = format!("weipay_{}", Entropy::system().hex_digits(12));
    let connections = Connections::new(&address).unwrap();
    connections.connect().unwrap().execute_plain(&format!("CREATE DATABASE {name}")).unwrap();
    address.config.dbname(&name);
    Some(address)
}

fn nodes<const N: usize>() -> Option<[Postgres; N]> {
    let address = new_database()?;
    Some(std::array::from_fn(|_| Postgres::open(&address).unwrap()))
}

fn entry(number: i64) -> OutboxEntry {
    OutboxEntry {
        number,
        mchid: "1900000109".to_owned(),
        notify_url: "http://127.0.0.1/".to_owned(),
        platform_serial: "01".to_owned(),
        event_type: "COUPON.SEND".to_owned(),
        time: 0,
        resource: Value::Null,
        attempts: 0,
        due: 0,
    }
}

fn within<T>(node: &Postgres, work: impl FnMut(&dyn Engine) -> Result<T, StoreError>) -> T {
    node.transaction(work).unwrap()
}

fn claim(node: &Postgres) -> Vec<i64> {
    within(node, |engine| engine.claim_due(0, 100, &[], &[])).iter().map(|entry| entry.number).collect()
}

#[test]
fn nodes_that_start_at_once_make_the_tables_once() {
    let Some(config) = new_database() else { return };
    thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| Postgres::open(&config).map(drop))).collect();
        starting.into_iter().for_each(|starting| starting.join().unwrap().unwrap());
    });
}

#[test]
fn a_database_of_a_later_form_is_refused() {
    let Some([node]) = nodes::<1>() else { return };
    let connection = node.connections.connect().unwrap();
    connection.execute_plain("INSERT INTO weipay_form (number) VALUES (99)").unwrap();
    let refusal = migrations::run(&connection).unwrap_err();
    assert!(matches!(refusal, StoreError::Version { found: 99, wanted: 2 }), "{refusal}");
    // A node that was running when a later program came.
    let refusal = node.transaction(|engine| engine.count("sum", &[])).unwrap_err();
    assert!(format!("{refusal:?}").contains("newer program"), "{refusal:?}");
}

#[test]
fn a_grant_of_before_is_found_by_its_sub_merchant() {
    let Some([node]) = nodes::<1>() else { return };
    let document = r#"{"mchid":"1900000109","sub_mchid":"1900000208","out_apply_no":null,"accepted":1}"#;
    let grant = NewRecord { kind: "transfer grant", key: "a", document, indexes: &[] };
    within(&node, |engine| engine.insert(&grant));
    let found = || {
        let of_sub_merchant = [crate::store::IndexRange::equal("sub-merchant", "1900000208")];
        within(&node, |engine| engine.count("transfer grant", &of_sub_merchant))
    };
    assert_eq!(found(), 0);
    // As a program of form 1 left it.
    let connection = node.connections.connect().unwrap();
    connection.execute_plain("DELETE FROM weipay_form WHERE number = 2").unwrap();
    migrations::run(&connection).unwrap();
    assert_eq!(found(), 1);
}

#[test]
fn what_a_person_got_by_profit_sharing_this_month_still_counts() {
    let Some([node]) = nodes::<1>() else { return };
    let document = r#"{"person":"o1","month":"2026-11","fen":20000000}"#;
    let shares =
        NewRecord { kind: "shares of a person in a month", key: "2:o1:2026-11", document, indexes: &[] };
    within(&node, |engine| engine.insert(&shares));
    // As a program of form 1 left it; two nodes start.
    let connection = node.connections.connect().unwrap();
    for _ in 0..2 {
        connection.execute_plain("DELETE FROM weipay_form WHERE number = 2").unwrap();
        migrations::run(&connection).unwrap();
    }
    let found = within(&node, |engine| engine.record("received in a month", "6:shares:2:o1:2026-11"));
    let document: serde_json::Value = serde_json::from_str(&found.unwrap().document).unwrap();
    let counted =
        serde_json::json!({ "of": "shares", "person": "o1", "month": "2026-11", "fen": 20_000_000 });
    assert_eq!(document, counted);
}

#[test]
fn work_that_others_come_between_is_done_again_until_all_is_done() {
    let Some(nodes) = nodes::<3>() else { return };
    fn new(document: &str) -> NewRecord<'_> {
        NewRecord { kind: "sum", key: "1", document, indexes: &[] }
    }
    within(&nodes[0], |engine| engine.insert(&new("0")));
    let tries = AtomicU32::new(0);
    let add = |node: &Postgres| {
        within(node, |engine| {
            tries.fetch_add(1, Ordering::Relaxed);
            let known = engine.record("sum", "1")?.unwrap();
            let sum: u32 = known.document.parse().unwrap();
            engine.update(&new(&(sum + 1).to_string()), known.version, false)
        })
    };
    thread::scope(|scope| {
        for node in &nodes {
            (0..2).for_each(|_| {
                scope.spawn(|| (0..20).for_each(|_| assert!(add(node))));
            });
        }
    });
    let sum = within(&nodes[1], |engine| engine.record("sum", "1")).unwrap();
    assert_eq!((&*sum.document, sum.version), ("120", 121));
    assert!(tries.into_inner() >= 120);
}

#[test]
fn a_rule_that_reads_what_others_write_holds_for_all_of_them_together() {
    let Some(nodes) = nodes::<3>() else { return };
    // At most ten records: each transaction counts, then adds one under a new key.
    let indexes = [crate::store::IndexEntry::new("all", "")];
    let all = [crate::store::IndexRange::equal("all", "")];
    let add = |node: &Postgres, key: &str| {
        within(node, |engine| {
            let is_free = engine.count("seat", &all)? < 10;
            let new = NewRecord { kind: "seat", key, document: "{}", indexes: &indexes };
            if is_free { engine.insert(&new) } else { Ok(false) }
        })
    };
    thread::scope(|scope| {
        for (place, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                (0..10).for_each(|number| {
                    let _ = add(node, &format!("{place}-{number}"));
                })
            });
        }
    });
    assert_eq!(within(&nodes[0], |engine| engine.count("seat", &all)), 10);
}

#[test]
fn an_error_takes_everything_back_and_a_number_is_never_given_twice() {
    let Some([node]) = nodes::<1>() else { return };
    let new = NewRecord { kind: "sum", key: "1", document: "0", indexes: &[] };
    let mut numbers = Vec::new();
    let attempt: Result<(), StoreError> = node.transaction(|engine| {
        numbers.push(engine.next_number("stock", 1)?);
        engine.insert(&new)?;
        Err(StoreError::Corrupt("on purpose".to_owned()))
    });
    assert!(matches!(attempt, Err(StoreError::Corrupt(_))));
    assert_eq!(within(&node, |engine| engine.record("sum", "1")), None);
    numbers.push(within(&node, |engine| engine.next_number("stock", 1)));
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_connection_that_the_server_ended_is_replaced() {
    let Some([node]) = nodes::<1>() else { return };
    let killer = node.connections.connect().unwrap();
    within(&node, |engine| engine.next_number("a", 1));
    killer
        .query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
            &[],
        )
        .unwrap();
    assert_eq!(within(&node, |engine| engine.next_number("a", 1)), 2);
}

#[test]
fn a_server_that_is_not_there_is_named_without_the_password() {
    let address = Address::read("postgres://me:secret@127.0.0.1:1/weipay").unwrap();
    let refusal = format!("{:#}", Postgres::open(&address).map(drop).unwrap_err());
    assert!(refusal.contains("refused") && !refusal.contains("secret"), "{refusal}");
}

fn two_sandboxes(clock: Option<i64>) -> Option<[Sandbox; 2]> {
    let config = new_database()?;
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    Some(std::array::from_fn(|_| {
        let builder = Sandbox::builder().store(address.clone());
        let builder =
            clock.into_iter().fold(builder, |builder, at| builder.clock(crate::Clock::frozen(at).0));
        builder.start().unwrap()
    }))
}

fn call(sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>) -> Value {
    sandbox.control().unwrap().call(method, path, body.as_ref()).unwrap()
}

fn address_of(sandbox: &Sandbox) -> Address {
    let mut address = Address::read(&env::var(SERVER).unwrap()).unwrap();
    let (_, name) = sandbox.platform().store.place().rsplit_once('/').unwrap();
    address.config.dbname(name);
    address
}

#[test]
fn a_database_that_accepts_connections_and_says_nothing_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Address::read(&format!("postgres://u:p@127.0.0.1:{port}/db?sslmode=disable")).unwrap();
    let error = Postgres::open(&address).map(drop).unwrap_err();
    assert!(format!("{error:#}").contains("does not respond"), "{error:#}");
}
