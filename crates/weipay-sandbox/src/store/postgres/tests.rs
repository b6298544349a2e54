//! A real server: `.ci/with-postgres` starts one. Without it these tests say that they are skipped.

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
    within(node, |engine| engine.claim_due(0, 100, &[])).iter().map(|entry| entry.number).collect()
}

#[test]
fn nodes_that_start_at_once_make_the_tables_once() {
    let Some(config) = new_database() else { return };
    thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| Postgres::open(&config).map(drop))).collect();
        starting.into_iter().for_each(|starting| starting.join().unwrap().unwrap());
    });
}

/// Set to an address with `sslmode=verify-full` and the authority of the server.
const TLS_SERVER: &str = "WEIPAY_TEST_POSTGRES_TLS";

/// Whether the connection to a server is secure, or why there is none.
fn is_secure(address: &str) -> Result<bool, String> {
    let connections =
        Connections::new(&Address::read(address).unwrap()).map_err(|error| format!("{error:#}"))?;
    let connection = connections.connect().map_err(|failure| format!("{:#}", failure.into_error()))?;
    let rows = connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).unwrap();
    Ok(rows[0].get(0))
}

#[test]
fn tls_is_as_strict_as_the_address_says() {
    let Ok(server) = env::var(TLS_SERVER) else {
        println!("skipped: {TLS_SERVER} is not set; `.ci/with-postgres cargo test ...` sets it");
        return;
    };
    assert!(
        server.contains("@localhost:") && server.contains("sslmode=verify-full&sslrootcert="),
        "{server}"
    );
    assert_eq!(is_secure(&server), Ok(true));
    let elsewhere = server.replace("@localhost:", "@127.0.0.1:");
    assert_eq!(is_secure(&elsewhere.replace("verify-full", "verify-ca")), Ok(true));
    let refusal = is_secure(&elsewhere).unwrap_err();
    assert!(refusal.contains("the certificate of the database is for another host"), "{refusal}");
    let (without_authority, _) = server.split_once("&sslrootcert=").unwrap();
    for (mode, secure) in [("require", true), ("prefer", true), ("disable", false)] {
        assert_eq!(is_secure(&without_authority.replace("verify-full", mode)), Ok(secure), "{mode}");
    }
    // The authorities of this machine do not know it, and neither does another one.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut other = rcgen::CertificateParams::default();
    other.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    fs::write(&file, other.self_signed(&key).unwrap().pem()).unwrap();
    let other = format!("{without_authority}&sslrootcert={}", file.display());
    for address in [without_authority.to_owned(), other.clone(), other.replace("verify-full", "require")] {
        let address = address.replace("weipay@", "weipay:secret-word@");
        let refusal = is_secure(&address).unwrap_err();
        assert!(refusal.contains("no authority that is trusted has signed the certificate"), "{refusal}");
        assert!(!refusal.contains("secret-word"), "{refusal}");
        let error = Sandbox::builder().store(address.parse().unwrap()).start().unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("no authority that is trusted") && !error.contains("secret-word"), "{error}");
    }
}

/// Set to an address with the certificate and the key of a user whom the server knows by these alone.
const CERTIFICATE: &str = "WEIPAY_TEST_POSTGRES_CERTIFICATE";

#[test]
fn a_server_that_wants_a_certificate_knows_the_sandbox_by_it() {
    let Ok(server) = env::var(CERTIFICATE) else {
        println!("skipped: {CERTIFICATE} is not set; `.ci/with-postgres cargo test ...` sets it");
        return;
    };
    assert_eq!(is_secure(&server), Ok(true));
    let (without, _) = server.split_once("&sslcert=").unwrap();
    let refusal = is_secure(without).unwrap_err();
    assert!(refusal.contains("certificate"), "{refusal}");
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_wanted() {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"N").unwrap();
    });
    let refusal = is_secure(&format!("postgres://me:secret-word@{address}/db?sslmode=require")).unwrap_err();
    assert!(refusal.contains("server does not support TLS") && !refusal.contains("secret-word"), "{refusal}");
}

#[test]
fn a_database_of_a_later_form_is_refused() {
    let Some([node]) = nodes::<1>() else { return };
    let connection = node.connections.connect().unwrap();
    connection.execute_plain("INSERT INTO weipay_form (number) VALUES (99)").unwrap();
    let refusal = migrations::run(&connection).unwrap_err();
    assert!(matches!(refusal, StoreError::Version { found: 99, wanted: 1 }), "{refusal}");
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
fn what_is_due_is_claimed_by_one_node_only() {
    let Some(nodes) = nodes::<3>() else { return };
    within(&nodes[0], |engine| (1..=40).try_for_each(|number| engine.add_to_outbox(&entry(number))));
    let mut claimed: Vec<i64> = thread::scope(|scope| {
        let claiming: Vec<_> = nodes.iter().map(|node| scope.spawn(|| claim(node))).collect();
        claiming.into_iter().flat_map(|claiming| claiming.join().unwrap()).collect()
    });
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=40).collect::<Vec<_>>());
}

#[test]
fn the_holder_of_a_claim_that_ran_out_changes_nothing() {
    let Some([first, second]) = nodes::<2>() else { return };
    within(&first, |engine| engine.add_to_outbox(&entry(1)));
    assert_eq!((claim(&first), claim(&second)), (vec![1], vec![]));
    // As after the time of the lease.
    let connection = first.connections.connect().unwrap();
    connection.execute_plain("UPDATE weipay_outbox SET held_until = 1").unwrap();
    assert!(!within(&first, |engine| engine.is_claimed(1)));
    assert_eq!(claim(&second), [1]);
    let holders = [&first, &second].map(|node| within(node, |engine| engine.is_claimed(1)));
    assert_eq!(holders, [false, true]);
    within(&first, |engine| engine.remove_from_outbox(1));
    within(&first, |engine| engine.postpone(1, 9, 900));
    let there = within(&first, |engine| engine.outbox_due(0, 9));
    assert_eq!(there.len(), 1, "only its holder settles it");
    within(&second, |engine| engine.remove_from_outbox(1));
    assert_eq!(within(&first, |engine| engine.outbox_due(0, 9)), []);
}

#[test]
fn an_attempt_that_failed_is_free_for_every_node() {
    let Some([first, second]) = nodes::<2>() else { return };
    within(&first, |engine| engine.add_to_outbox(&entry(1)));
    assert_eq!(claim(&first), [1]);
    within(&first, |engine| engine.postpone(1, 1, 0));
    assert_eq!(claim(&second), [1]);
}

#[test]
fn a_time_that_was_changed_counts_also_for_what_another_node_has_claimed() {
    let Some([first, second]) = nodes::<2>() else { return };
    within(&first, |engine| engine.add_to_outbox(&entry(1)));
    assert_eq!(claim(&first), [1]);
    assert!(!within(&second, |engine| engine.postpone(1, 7, 900)), "it is not told the second's outcome");
    within(&second, |engine| engine.change_due(1, 500));
    let there = within(&first, |engine| engine.outbox_due(500, 9));
    assert_eq!((there[0].attempts, there[0].due), (0, 500));
    // Only who has claimed it gives it back.
    within(&second, |engine| engine.change_due(1, 0));
    within(&second, |engine| engine.give_back(1));
    assert!(claim(&second).is_empty());
    within(&first, |engine| engine.give_back(1));
    assert_eq!(claim(&second), [1]);
}

#[test]
fn a_clock_that_two_nodes_move_never_goes_back_and_loses_no_move() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    // The second has not looked since the first moved it.
    first.clock().advance(1_000);
    second.clock().advance(60);
    assert_eq!(second.clock().now(), 1_160);
    first.platform().tick(0).unwrap();
    assert_eq!(first.clock().now(), 1_160);
    // Both at once, while each also looks at what the other does.
    thread::scope(|scope| {
        for sandbox in [&first, &second] {
            scope.spawn(|| {
                for _ in 0..50 {
                    let before = sandbox.clock().now();
                    sandbox.clock().advance(1);
                    assert!(sandbox.clock().now() > before);
                }
            });
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(sandbox.platform().tick(0).unwrap(), 0)));
        }
    });
    for sandbox in [&first, &second] {
        sandbox.platform().tick(0).unwrap();
        assert_eq!(sandbox.clock().now(), 1_260);
    }
    // A run that another node has overtaken stays where that one is.
    first.clock().set(5_000);
    second.clock().go_on_to(2_000);
    assert_eq!((first.clock().now(), second.clock().now()), (5_000, 5_000));
}

#[test]
fn another_nodes_merchant_is_known_before_anything_is_sent_to_it() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    second.platform().look_at_merchant(&mchid).unwrap();
    assert!(second.platform().kit_of(&mchid).is_ok());
    assert!(!second.platform().look_at_merchant(&mchid).unwrap(), "nothing has changed since");
    assert!(!second.platform().look_at_merchant("1").unwrap());
}

#[test]
fn what_falls_due_is_done_by_one_node_only() {
    let Some(nodes) = nodes::<3>() else { return };
    let due = Due { kind: "a".to_owned(), key: "1".to_owned(), at: 5 };
    within(&nodes[0], |engine| engine.schedule(&due));
    let done: Vec<bool> = thread::scope(|scope| {
        let doing: Vec<_> =
            nodes.iter().map(|node| scope.spawn(|| within(node, |engine| engine.unschedule(&due)))).collect();
        doing.into_iter().map(|doing| doing.join().unwrap()).collect()
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
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

#[test]
fn nodes_have_the_same_kits_also_of_merchants_that_one_of_them_adds() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let start = || Sandbox::builder().store(address.clone()).without_control().start().unwrap();
    let (first, second) = (start(), start());
    let key = |sandbox: &Sandbox| sandbox.kit_on_disk().merchant_key_pem().unwrap();
    assert_eq!(*key(&first), *key(&second));
    let authority = |sandbox: &Sandbox| fs::read(sandbox.ca_certificate()).unwrap();
    assert_eq!(authority(&first), authority(&second));
    let added = first.add_merchant(&NewMerchant::new()).unwrap();
    let also_added = second.add_merchant(&NewMerchant::new()).unwrap();
    assert_ne!(added.kit().mchid, also_added.kit().mchid);
    first.platform().look_at_merchants().unwrap();
    for (sandbox, kit) in [(&first, &also_added), (&second, &added)] {
        let known = sandbox.platform().kit_of(&kit.kit().mchid).unwrap();
        assert_eq!(*known.merchant_key_pem().unwrap(), *kit.merchant_key_pem().unwrap());
        assert_eq!(known.kit().base_url, sandbox.base_url());
    }
}

#[test]
fn no_change_of_a_merchant_is_lost_between_nodes() {
    use crate::merchants::record::{MerchantRecord, PlatformKeys};
    use crate::merchants::rotation::{KeyKind, RotationStep};

    const EACH: usize = 12;
    let Some(nodes) = two_sandboxes(None) else { return };
    let mchid = &*nodes[0].kit().mchid;
    thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                for bound in 0..EACH {
                    node.platform().bind(mchid, &[format!("wx{number}{bound:02}")], &[]).unwrap();
                }
            });
        }
    });
    let record = || nodes[0].platform().store.peek::<MerchantRecord>(mchid).unwrap().unwrap();
    assert_eq!(record().appids.len(), 1 + nodes.len() * EACH);

    // Both begin a rotation, and one of them is told that there is one already. What it made is nowhere.
    nodes[0].platform().set_platform_keys(mchid, PlatformKeys::PublicKey, None).unwrap();
    let begin = |node: &Sandbox| {
        node.platform().rotate_platform_key(mchid, KeyKind::PublicKey, RotationStep::Begin).is_ok()
    };
    let began = thread::scope(|scope| {
        let begun = nodes.each_ref().map(|node| scope.spawn(move || begin(node)));
        begun.map(|thread| thread.join().unwrap())
    });
    assert_eq!(began.iter().filter(|is_begun| **is_begun).count(), 1);
    assert_eq!(record().public_keys.keys.len(), 2);
    for node in &nodes {
        node.platform().look_at_merchants().unwrap();
        let kit = node.platform().kit_of(mchid).unwrap();
        kit.merchant_of(&record()).unwrap();
    }
}

#[test]
fn by_which_clock_a_client_signs_is_known_to_every_node() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mchid = &*first.kit().mchid;
    let is_at_machine_time = |node: &Sandbox| node.platform().time_of_signatures(mchid) > 1_000_000_000;
    let learn = |node: &Sandbox, is_at_machine_time| {
        node.clock().set_client(mchid, is_at_machine_time);
        node.platform().keep_client_time(mchid, is_at_machine_time);
    };
    assert!(!is_at_machine_time(&second));
    learn(&first, true);
    assert!(is_at_machine_time(&first) && is_at_machine_time(&second));
    learn(&second, false);
    assert!(!is_at_machine_time(&first) && !is_at_machine_time(&second));
}

#[test]
fn one_nodes_seeded_people_are_there_after_a_reset_on_another() {
    let Some(config) = new_database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.json");
    fs::write(&file, r#"{ "people": [{ "unionid": "oUnionAlice0000000000000001a" }] }"#).unwrap();
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let builder = || Sandbox::builder().store(address.clone()).without_control();
    let (first, second) = (builder().seed_file(file).start().unwrap(), builder().start().unwrap());
    second.reset().unwrap();
    let find = |tx: &crate::store::Transaction<'_>| crate::Person::find(tx, "oUnionAlice0000000000000001a");
    assert!(first.platform().store.transaction(find).unwrap().is_some());
}

#[test]
fn a_folder_with_a_kit_of_its_own_does_not_join_a_database_with_another() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let builder = || Sandbox::builder().store(address.clone()).without_control();
    drop(builder().start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    crate::kit::init(folder.path()).unwrap();
    let refusal = format!("{:#}", builder().data(folder.path()).start().unwrap_err());
    assert!(refusal.contains("the database has another kit"), "{refusal}");
}

fn two_sandboxes(clock: Option<i64>) -> Option<[Sandbox; 2]> {
    let config = new_database()?;
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    Some(std::array::from_fn(|_| {
        let builder = Sandbox::builder().store(address.clone());
        let builder = clock.into_iter().fold(builder, |builder, at| builder.clock(crate::Clock::held(at).0));
        builder.start().unwrap()
    }))
}

fn call(sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>) -> Value {
    sandbox.control().unwrap().call(method, path, body.as_ref()).unwrap()
}

#[test]
fn a_clock_that_is_moved_on_one_node_is_moved_on_all_at_once() {
    use crate::clock::ClockMode;

    let Some([first, second]) = two_sandboxes(None) else { return };
    let noon = 1_786_766_400;
    first.clock().freeze(noon);
    assert_eq!(call(&second, "GET", "/clock", None)["unix_seconds"], noon);
    // Each goes on from where the other has moved it.
    call(&second, "POST", "/clock/advance", Some(serde_json::json!({ "duration": "1h" })));
    assert_eq!(call(&first, "GET", "/clock", None)["unix_seconds"], noon + 3_600);
    // A request looks first, too.
    second.clock().advance(60);
    first.platform().respond(&crate::Request { method: "GET".to_owned(), ..Default::default() });
    assert_eq!(first.clock().mode(), ClockMode::Frozen { at: noon + 3_660 });
    // And who starts later finds it so.
    second.clock().set_real();
    first.platform().tick(0).unwrap();
    assert_eq!(first.clock().mode(), ClockMode::Real);
}

#[test]
fn the_clock_of_the_database_counts_for_a_node_that_comes_later() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    first.clock().advance(900);
    second.platform().tick(0).unwrap();
    assert_eq!((first.clock().now(), second.clock().now()), (1_000, 1_000));
    // A node that is killed and started again with the same command line does not move it back.
    let config = StoreAddress(Kind::Postgres(Box::new(address_of(&first))));
    let again = Sandbox::builder().store(config).clock(crate::Clock::held(100).0).start().unwrap();
    assert_eq!(again.clock().now(), 1_000);
}

fn address_of(sandbox: &Sandbox) -> Address {
    let mut address = Address::read(&env::var(SERVER).unwrap()).unwrap();
    let (_, name) = sandbox.platform().store.place().rsplit_once('/').unwrap();
    address.config.dbname(name);
    address
}

#[test]
fn what_is_due_by_a_moved_clock_is_done_by_a_node_that_did_not_move_it() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let due = Due { kind: "of another program".to_owned(), key: "1".to_owned(), at: 500 };
    let kept: Result<(), StoreError> = first.platform().store.transaction(|tx| tx.schedule(&due));
    kept.unwrap();
    assert_eq!(second.platform().tick(100).unwrap(), 0);
    first.clock().set(500);
    // It may have followed by itself already. It has no handler for what is due, and puts it aside.
    second.platform().follow_clock().unwrap();
    second.platform().tick(second.clock().now()).unwrap();
    assert_eq!(first.platform().count_put_aside().unwrap(), 1);
}

#[test]
fn a_replay_waits_for_the_node_that_delivers() {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use crate::notifications::on_demand::NotificationFilter;
    use crate::store::Announcement;

    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    // The first response waits until it is told to leave.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let ((arrive, arrived), (leave, left)) = (mpsc::channel(), mpsc::channel());
    thread::spawn(move || {
        for (place, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]).unwrap();
            arrive.send(place).unwrap();
            if place == 0 {
                let _: Result<(), _> = left.recv();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    let announcement = Announcement {
        mchid: first.kit().mchid.clone(),
        notify_url: url,
        platform_serial: String::new(),
        event_type: "COUPON.SEND",
        time: 100,
        resource: serde_json::json!({ "a": 1 }),
    };
    let kept: Result<(), StoreError> = first.platform().store.transaction(|tx| tx.announce(&announcement));
    kept.unwrap();
    assert_eq!(arrived.recv().unwrap(), 0);
    // One of the two nodes delivers it now; ask the other, whichever it is, and then both.
    let replays: Vec<_> = [first, second]
        .into_iter()
        .map(|node| {
            thread::spawn(move || {
                let kept = node.notifications().list(&NotificationFilter::default()).unwrap();
                node.notifications().replay(&kept[0].id).unwrap().acknowledged
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    leave.send(()).unwrap();
    assert!(replays.into_iter().all(|replay| replay.join().unwrap()));
    assert_eq!((arrived.recv().unwrap(), arrived.recv().unwrap()), (1, 2));
}

/// A receiver that refuses everything, and how many requests it had at once at most.
fn crowded_receiver() -> (String, Arc<AtomicU32>) {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let (here, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let seen = Arc::clone(&most);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, here, most) = (stream.unwrap(), Arc::clone(&here), Arc::clone(&most));
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 8192]).unwrap();
                most.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(100));
                here.fetch_sub(1, Ordering::SeqCst);
                stream
                    .write_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            });
        }
    });
    (url, seen)
}

#[test]
fn a_notification_is_sent_by_one_node_at_a_time() {
    use crate::store::Announcement;

    let Some(nodes) = two_sandboxes(Some(100)) else { return };
    let (url, most) = crowded_receiver();
    let announcement = Announcement {
        mchid: nodes[0].kit().mchid.clone(),
        notify_url: url,
        platform_serial: String::new(),
        event_type: "COUPON.SEND",
        time: 100,
        resource: serde_json::json!({ "a": 1 }),
    };
    let kept: Result<(), StoreError> = nodes[0].platform().store.transaction(|tx| tx.announce(&announcement));
    kept.unwrap();
    // The first attempt is on its way; probes and their repeats, replays and copies come from both nodes.
    thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| assert_eq!(node.notifications().probe("1").unwrap().len(), 2));
            scope.spawn(|| node.notifications().replay("1").unwrap());
            scope.spawn(|| assert_eq!(node.notifications().duplicate("1", 1).unwrap().len(), 1));
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let kept = nodes[1].notifications().find("1").unwrap();
    assert_eq!(kept.state, crate::NotificationState::Waiting);
    assert!(kept.attempts.len() >= 8, "{:?}", kept.attempts);
}

#[test]
fn a_snapshot_is_put_back_for_all_nodes() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let person = first.platform().add_person(&["wx1".to_owned()]).unwrap();
    let snapshot = first.snapshot("one").unwrap();
    first.clock().advance(900);
    second.reset().unwrap();
    let copy = second.snapshot("one").unwrap();
    fs::copy(&snapshot.file, &copy.file).unwrap();
    second.restore("one").unwrap();
    let found = call(&first, "GET", &format!("/people/{}", person.unionid), None);
    assert_eq!(found["unionid"], person.unionid.as_str());
    assert_eq!(call(&first, "GET", "/clock", None)["unix_seconds"], 100);
}

/// Two sandboxes, the clock of whose state is at 1000, and a snapshot at 100 that the second can restore.
fn two_with_an_earlier_snapshot() -> Option<[Sandbox; 2]> {
    let nodes = two_sandboxes(Some(100))?;
    nodes[1].snapshot("one").unwrap();
    nodes[1].clock().advance(900);
    nodes[0].platform().follow_clock().unwrap();
    assert_eq!(nodes[0].clock().now(), 1_000);
    Some(nodes)
}

#[test]
fn work_that_began_before_a_restore_is_done_at_the_restored_time() {
    let Some([first, second]) = two_with_an_earlier_snapshot() else { return };
    // Its clock was asked before the restore, and its transaction begins behind it.
    let early = first.platform().moment(first.platform().generation());
    second.restore("one").unwrap();
    let now: Result<_, StoreError> = first.platform().at_one_time(early, |_, now| Ok(now));
    assert_eq!((early.now, now.unwrap()), (1_000, 100));

    // Its transaction is open while the other restores.
    second.clock().advance(900);
    let mut times = Vec::new();
    let done: Result<(), StoreError> = first.platform().act(|tx, now| {
        if times.is_empty() {
            second.restore("one").unwrap();
        }
        times.push(now);
        tx.schedule(&Due { kind: "of another program".to_owned(), key: "1".to_owned(), at: now + 900 })
    });
    done.unwrap();
    assert_eq!((times.first(), times.last()), (Some(&1_000), Some(&100)), "{times:?}");
    let due: Result<_, StoreError> = second.platform().store.transaction(|tx| tx.next_due(i64::MAX, None));
    assert_eq!(due.unwrap().map(|due| due.at), Some(1_000));
}

#[test]
fn what_was_due_before_a_restore_is_not_done_early_after_it() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let due = Due { kind: "of another program".to_owned(), key: "1".to_owned(), at: 500 };
    let kept: Result<(), StoreError> = second.platform().store.transaction(|tx| tx.schedule(&due));
    kept.unwrap();
    second.snapshot("one").unwrap();
    second.reset().unwrap();
    second.clock().advance(900);
    first.platform().follow_clock().unwrap();
    second.restore("one").unwrap();
    // It still goes by the time of the state that was.
    first.platform().do_what_is_due(1_000).unwrap();
    assert_eq!(first.platform().count_put_aside().unwrap(), 0);
    let left: Result<_, StoreError> = first.platform().store.transaction(|tx| tx.next_due(i64::MAX, None));
    assert_eq!(left.unwrap(), Some(due));
}

#[test]
fn the_count_of_generations_is_no_part_of_the_state() {
    let Some(nodes) = nodes::<2>() else { return };
    let counters = |node: &Postgres| {
        let mut found = Vec::new();
        within(node, |engine| {
            found.clear();
            engine.rows(&mut |row| {
                if let crate::store::engine::StoredRow::Counter { name, value } = row {
                    found.push((name, value));
                }
                Ok(())
            })
        });
        found
    };
    within(&nodes[0], |engine| engine.next_number("coupon", 1));
    for generation in 1..3 {
        within(&nodes[0], |engine| engine.clear(&[]));
        assert_eq!(within(&nodes[1], |engine| Ok(engine.generation())), generation);
        assert_eq!(counters(&nodes[1]), []);
    }
}

#[test]
fn a_database_that_accepts_connections_and_says_nothing_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Address::read(&format!("postgres://u:p@127.0.0.1:{port}/db?sslmode=disable")).unwrap();
    let error = Postgres::open(&address).map(drop).unwrap_err();
    assert!(format!("{error:#}").contains("does not respond"), "{error:#}");
}

#[test]
fn a_snapshot_has_the_clock_as_another_node_has_just_moved_it() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    first.clock().advance(900);
    second.snapshot("one").unwrap();
    first.clock().advance(900);
    second.restore("one").unwrap();
    assert_eq!(second.clock().now(), 1_000);
}

#[test]
fn nodes_that_start_at_once_with_one_seed_file_all_serve() {
    let Some(config) = new_database() else { return };
    let address = StoreAddress(Kind::Postgres(Box::new(config)));
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    fs::write(&seed, r#"{ "merchants": [{ "mchid": "1900000100" }, { "mchid": "1900000101", "certificate": "revoked" }] }"#).unwrap();
    let start = || {
        Sandbox::builder()
            .store(address.clone())
            .seed_file(&seed)
            .start()
            .map_err(|error| format!("{error:#}"))
    };
    let nodes: Vec<Sandbox> = thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|starting| starting.join().unwrap().unwrap()).collect()
    });
    for mchid in ["1900000100", "1900000101"] {
        let serials: Vec<_> = nodes
            .iter()
            .map(|node| node.platform().kit_of(mchid).unwrap().kit().merchant_serial.clone())
            .collect();
        assert!(serials.iter().all(|serial| *serial == serials[0]), "{serials:?}");
    }
}

#[test]
fn a_merchant_that_another_node_has_added_is_known_to_every_route_at_once() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    call(&second, "POST", "/faults", Some(serde_json::json!({ "fault": "429", "merchant": mchid })));
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert_eq!(second.notifications().hold(Some(&mchid)).unwrap(), 0);
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert!(fs::read_to_string(second.snapshot("one").unwrap().file).unwrap().contains(&mchid));
    let mchid = first.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
    assert!(call(&second, "GET", "/merchants", None).to_string().contains(&mchid));
}
