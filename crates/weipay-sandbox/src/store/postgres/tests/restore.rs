//! A reset or a restored snapshot, for all nodes.

use super::*;

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
    let now: Result<_, StoreError> = first.platform().transaction_at(early, |_, now| Ok(now));
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

/// The next number of a series that merchants see.
fn draw(node: &Sandbox, series: &'static str) -> i64 {
    let drawn: Result<_, StoreError> = node.platform().store.transaction(|tx| tx.next_number(series));
    drawn.unwrap()
}

#[test]
fn numbers_go_on_after_a_reset_and_a_restore_on_another_node() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let kept = draw(&second, "order");
    first.snapshot("one").unwrap();
    // One series is in the snapshot with a smaller number, the other began later.
    let mut last = [draw(&second, "order"), draw(&second, "began later")];
    assert!(last[0] > kept);
    let exchanges: [&dyn Fn(); 4] = [
        &|| first.reset().unwrap(),
        &|| first.restore("one").unwrap(),
        &|| first.restore("one").unwrap(),
        &|| first.reset().unwrap(),
    ];
    for exchange in exchanges {
        exchange();
        for (series, last) in ["order", "began later"].into_iter().zip(&mut last) {
            // Each node in turn.
            for node in [&second, &first] {
                let next = draw(node, series);
                assert!(next > *last, "{series}: {next} after {last}");
                *last = next;
            }
        }
    }
}

#[test]
fn a_number_that_is_drawn_while_another_node_clears_the_state_is_not_given_again() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mut last = draw(&second, "order");
    let mut tries = 0;
    // What a reset does, with another node in between.
    let cleared: Result<(), StoreError> = first.platform().store.transaction(|tx| {
        let given = tx.given_numbers()?;
        if tries == 0 {
            last = draw(&second, "order");
        }
        tries += 1;
        tx.clear(&[])?;
        tx.go_on_after(given)
    });
    cleared.unwrap();
    assert_eq!(tries, 2, "the database has noticed it");
    let next = draw(&first, "order");
    assert!(next > last, "{next} after {last}");
}
