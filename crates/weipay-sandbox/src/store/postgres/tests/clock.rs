//! One clock for all nodes.

use super::*;

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
fn by_which_clock_a_client_signs_is_known_to_every_node() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    let mchid = &*first.kit().mchid;
    let is_at_machine_time =
        |node: &Sandbox| node.platform().refresh_time_of_signatures(mchid) > 1_000_000_000;
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
    let again = Sandbox::builder().store(config).clock(crate::Clock::frozen(100).0).start().unwrap();
    assert_eq!(again.clock().now(), 1_000);
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
fn a_snapshot_has_the_clock_as_another_node_has_just_moved_it() {
    let Some([first, second]) = two_sandboxes(Some(100)) else { return };
    first.clock().advance(900);
    second.snapshot("one").unwrap();
    first.clock().advance(900);
    second.restore("one").unwrap();
    assert_eq!(second.clock().now(), 1_000);
}
