//! What several nodes deliver and do when it is due: each of them once.

use super::*;
use crate::store::receiver_of;

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
fn a_look_at_what_waits_for_a_repeat_is_in_nobodys_way() {
    let Some([first, second]) = nodes::<2>() else { return };
    within(&second, |engine| {
        (1..=3).try_for_each(|number| engine.add_to_outbox(&OutboxEntry { attempts: 1, ..entry(number) }))
    });
    let connection = second.connections.connect().unwrap();
    // What serializable transactions have read; others that write it may have to begin again.
    let read = || -> i64 {
        let counted = connection.query_plain(
            "SELECT CAST(count(*) AS TEXT) FROM pg_locks WHERE mode = 'SIReadLock'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND relation::regclass::text LIKE '%outbox%'",
        );
        counted.unwrap().unwrap().parse().unwrap()
    };
    let waiting = entry(1);
    let beyond =
        |engine: &dyn Engine| engine.repeats_beyond(&waiting.mchid, receiver_of(&waiting.notify_url), 1, 9);
    let before = read();
    let found = first.look(|engine| {
        let found = beyond(engine)?;
        assert!(read() <= before);
        Ok(found)
    });
    assert_eq!(found.unwrap().iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2]);
    within(&first, |engine| {
        beyond(engine)?;
        assert!(read() > 0, "a transaction would be in the way");
        Ok(())
    });
}
