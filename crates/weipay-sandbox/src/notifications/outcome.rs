//! The result of an attempt, in one transaction: whether it is still to be made, when the next one is due, and what
//! is stored.

use super::claim::ClaimedEntry;
use super::event_name::EventName;
use super::hold;
use super::record::{self, Attempt, Notification, NotificationState};
use crate::platform::Epoch;
use crate::store::{OutboxEntry, Store, StoreError, Transaction, receiver_of};

/// UNCONFIRMED(most-repeats): the maximum number of notifications of one merchant that wait for a retry at one
/// receiver. Without it they would grow without end where the receiver is gone and the clock is frozen. It counts for
/// each receiver, so that nothing is given up because another receiver is gone. Notifications that were never
/// attempted, or are held, do not count: nothing is given up before its receiver was called once, and a developer who
/// holds notifications wants them all.
const MAX_REPEATS: i64 = 10_000;

/// Maximum number that one attempt gives up, where many were released at once.
const MAX_GIVEN_UP: i64 = 100;

/// Whether to check the limit after this notification. The check reads 10,000 entries, so it runs for about one in
/// 64, and then gives up several at once. The number is hashed, because those of one merchant may all be odd.
fn checks_limit_after(number: i64) -> bool {
    number.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58 == 0
}

/// When the attempt after this one is due, by the retry table of the event. UNCONFIRMED(retry-wait): that the
/// wait begins with the attempt, and not when it timed out.
pub(super) fn next_attempt(entry: &OutboxEntry, started: i64) -> Option<i64> {
    let described = EventName::parse(&entry.event_type).described()?;
    let wait = described.retry.waits.get(usize::try_from(entry.attempts).ok()?)?;
    Some(started.saturating_add(i64::from(*wait)))
}

/// Whether a notification that was read from the outbox is still to be sent: since then it may have been
/// acknowledged, held or sent. Its record decides; an outbox entry that differs is corrected.
pub(super) fn check_due(tx: &Transaction<'_>, taken: &ClaimedEntry) -> Result<bool, StoreError> {
    let entry = &taken.entry;
    // If the claim was lost, the node that holds it decides.
    if Epoch::current(tx)? != taken.epoch || !tx.is_claimed(entry)? {
        return Ok(false);
    }
    let Some(kept) = record::of_entry(tx, entry)? else {
        // It was finished, and its record has made place for another one, while a node that has ended since delivered a copy.
        // Otherwise another notification has its number, and its place in the outbox.
        if record::with_number(tx, entry.number)?.is_none() {
            tx.remove_from_outbox(entry)?;
        }
        return Ok(false);
    };
    match kept.state {
        NotificationState::Waiting => {
            let due = kept.due.unwrap_or(entry.due);
            let is_as_read = kept.failed == entry.attempts && due <= entry.due;
            if !is_as_read {
                tx.reschedule(entry, kept.failed, due)?;
            }
            Ok(is_as_read)
        }
        NotificationState::Acknowledged | NotificationState::GivenUp => {
            tx.remove_from_outbox(entry)?;
            Ok(false)
        }
        NotificationState::Held => {
            tx.reschedule(entry, kept.failed, hold::held(entry.due))?;
            Ok(false)
        }
    }
}

/// Stores an attempt of the retry schedule: the notification leaves the outbox, or waits for the next attempt. A
/// decision that was made meanwhile stays, unless it is acknowledged now. Returns `true` if this was its first
/// failure.
pub(super) fn settle(
    tx: &Transaction<'_>,
    taken: &ClaimedEntry,
    attempt: Attempt,
    next: Option<i64>,
) -> Result<bool, StoreError> {
    let entry = &taken.entry;
    // After a reset or a restore it belongs to the old state, and another notification may have its number.
    if Epoch::current(tx)? != taken.epoch {
        return Ok(false);
    }
    let Some(mut kept) = record::of_entry(tx, entry)? else { return Ok(false) };
    let is_acknowledged = attempt.acknowledged;
    kept.add_attempt(attempt);
    if is_acknowledged {
        close(tx, &mut kept, entry, NotificationState::Acknowledged)?;
    } else if kept.is_closed() {
        // A copy of it was acknowledged.
        tx.remove_from_outbox(entry)?;
    } else if kept.failed == entry.attempts {
        match next {
            Some(next) => wait(tx, &mut kept, entry, next)?,
            None => close(tx, &mut kept, entry, NotificationState::GivenUp)?,
        }
    }
    tx.save(&kept)?;
    // Only the first failure adds one that waits for a retry.
    Ok(kept.state == NotificationState::Waiting && kept.failed == 1)
}

/// If too many notifications wait for a retry at the receiver of one that failed, gives up the oldest of its
/// merchant, and returns them. The query runs outside of the transaction: reading ten thousand entries in it would
/// conflict with all other attempts of the merchant, on all nodes.
pub(super) fn give_up_oldest(
    store: &Store,
    failed: &OutboxEntry,
    epoch: &Epoch,
) -> Result<Vec<OutboxEntry>, StoreError> {
    if !checks_limit_after(failed.number) {
        return Ok(Vec::new());
    }
    let receiver = receiver_of(&failed.notify_url);
    let oldest = store.repeats_beyond(&failed.mchid, receiver, MAX_REPEATS, MAX_GIVEN_UP)?;
    if oldest.is_empty() {
        return Ok(oldest);
    }
    store.transaction(|tx| {
        let mut given_up = Vec::new();
        if Epoch::current(tx)? != *epoch {
            return Ok(given_up);
        }
        for entry in &oldest {
            let Some(mut kept) = record::of_entry(tx, entry)? else { continue };
            // Since they were read it may have been acknowledged or held; a repeat that failed changes nothing.
            if kept.state != NotificationState::Waiting {
                continue;
            }
            close(tx, &mut kept, entry, NotificationState::GivenUp)?;
            tx.save(&kept)?;
            // Unless another node delivers it now.
            if kept.is_closed() {
                given_up.push(entry.clone());
            }
        }
        Ok(given_up)
    })
}

/// Why a notification was [given up for newer ones](give_up_oldest).
pub(super) fn why_given_up(number: i64) -> String {
    format!(
        "notification {number} is given up: {MAX_REPEATS} newer notifications of its merchant wait for this receiver, which does not seem to respond"
    )
}

/// Lets a notification wait for the attempt after one that failed. If the claim was lost, the node that holds it
/// decides.
fn wait(
    tx: &Transaction<'_>,
    kept: &mut Notification,
    entry: &OutboxEntry,
    next: i64,
) -> Result<(), StoreError> {
    let (due, is_held) = hold::due(tx, &entry.mchid, next)?;
    let failed = entry.attempts.saturating_add(1);
    if tx.reschedule(entry, failed, due)? {
        kept.failed = failed;
        (kept.state, kept.due) =
            if is_held { (NotificationState::Held, None) } else { (NotificationState::Waiting, Some(next)) };
    }
    Ok(())
}

/// Ends a notification, and takes it out of the outbox. If another node delivers it now, its place stays until that
/// node has [stored](settle) its result, or until the node's claim has run out and [somebody looks](check_due).
pub(super) fn close(
    tx: &Transaction<'_>,
    kept: &mut Notification,
    entry: &OutboxEntry,
    state: NotificationState,
) -> Result<(), StoreError> {
    let is_gone = tx.remove_from_outbox(entry)?;
    if is_gone || state == NotificationState::Acknowledged {
        (kept.state, kept.due) = (state, None);
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notifications::claim::ClaimTime;
    use crate::notifications::record::AttemptKind;
    use crate::notifications::{acknowledgement, receiver};
    use crate::store::{Announcement, Store};

    pub(in crate::notifications) fn entry(event_type: &str, attempts: u32) -> OutboxEntry {
        OutboxEntry {
            number: 1,
            mchid: String::new(),
            notify_url: "http://someone@127.0.0.1:8000/a/b".to_owned(),
            platform_serial: String::new(),
            event_type: event_type.to_owned(),
            time: 0,
            resource: Value::Null,
            attempts,
            due: 0,
        }
    }

    /// From the first attempt to the last, in seconds.
    fn schedule(event_type: &str) -> Vec<i64> {
        let mut times = vec![0];
        while let Some(next) =
            next_attempt(&entry(event_type, times.len() as u32 - 1), times[times.len() - 1])
        {
            times.push(next);
        }
        times
    }

    #[test]
    fn each_event_is_repeated_by_its_own_table() {
        let coupon = schedule("COUPON.SEND");
        assert_eq!((coupon.len(), coupon[1], coupon[11]), (12, 60, 660));
        let payment = schedule("TRANSACTION.SUCCESS");
        assert_eq!(
            payment,
            [0, 15, 30, 60, 240, 840, 2040, 3840, 5640, 7440, 11040, 21840, 32640, 43440, 65040, 86_640]
        );
        assert_eq!(schedule("v2/transaction-success"), payment, "until the XML says SUCCESS");
        for event in ["PAYSCORE.USER_OPEN_SERVICE", "PAYSCORE.USER_CLOSE_SERVICE"] {
            assert_eq!(schedule(event), [0, 15, 30, 60, 240, 2040, 3840, 5640, 7440, 11_040], "{event}");
        }
        assert_eq!(schedule("NO.SUCH.EVENT"), [0]);
    }

    fn within<T>(store: &Store, mut work: impl FnMut(&Transaction<'_>) -> Result<T, StoreError>) -> T {
        store.transaction(|tx| work(tx)).unwrap()
    }

    /// A store in which one notification waits, and that as a node has taken it.
    pub(in crate::notifications) fn one_that_waits() -> (Store, ClaimedEntry) {
        let store = Store::in_memory();
        within(&store, |tx| tx.announce(&announcement("1")));
        let entry = within(&store, |tx| tx.claim_due(0, 1, &[], &[])).remove(0);
        let epoch = within(&store, Epoch::current);
        (store, ClaimedEntry { entry, epoch, claimed: ClaimTime::now() })
    }

    fn announcement(number: &str) -> Announcement {
        Announcement {
            mchid: "1900000109".to_owned(),
            notify_url: "http://127.0.0.1:8000/".to_owned(),
            platform_serial: String::new(),
            event_type: "COUPON.SEND",
            time: 0,
            resource: json!({ "out_trade_no": number }),
        }
    }

    fn attempt(status: u16) -> Attempt {
        let received = receiver::Received { status, body: String::new(), end: receiver::BodyEnd::Whole };
        acknowledgement::judged(Ok(received), false).attempt(AttemptKind::Scheduled, 0, 1)
    }

    fn kept(store: &Store) -> Notification {
        within(store, |tx| record::with_number(tx, 1)).unwrap()
    }

    fn outbox(store: &Store) -> Vec<(i64, u32, i64)> {
        let waiting = within(store, |tx| tx.outbox_due(i64::MAX, 10));
        waiting.into_iter().map(|entry| (entry.number, entry.attempts, entry.due)).collect()
    }

    /// As when a copy is acknowledged while the attempt is under way.
    fn acknowledge_a_copy(store: &Store) {
        within(store, |tx| {
            let mut kept = record::with_number(tx, 1)?.unwrap();
            let entry = kept.entry(0);
            close(tx, &mut kept, &entry, NotificationState::Acknowledged)?;
            kept.add_attempt(attempt(200));
            tx.save(&kept)
        });
    }

    #[test]
    fn a_failure_after_an_acknowledgement_opens_nothing_again() {
        for next in [Some(60), None] {
            let (store, taken) = one_that_waits();
            acknowledge_a_copy(&store);
            within(&store, |tx| settle(tx, &taken, attempt(500), next));
            let kept = kept(&store);
            assert_eq!((kept.state, kept.due), (NotificationState::Acknowledged, None));
            assert_eq!((kept.attempts.len(), outbox(&store)), (2, vec![]));
        }
    }

    #[test]
    fn what_was_given_up_can_still_be_acknowledged() {
        for (status, state) in [(200, NotificationState::Acknowledged), (500, NotificationState::GivenUp)] {
            let (store, taken) = one_that_waits();
            within(&store, |tx| settle(tx, &taken, attempt(500), None));
            let next = (status == 500).then_some(60);
            within(&store, |tx| settle(tx, &taken, attempt(status), next));
            assert_eq!((kept(&store).state, outbox(&store)), (state, vec![]));
        }
    }

    #[test]
    fn an_attempt_of_an_earlier_epoch_changes_nothing() {
        let (store, taken) = one_that_waits();
        // The same notification again, as a snapshot brings it back.
        let later = ClaimedEntry { epoch: Epoch::default(), ..taken.clone() };
        within(&store, Epoch::begin_next);
        assert!(!within(&store, |tx| check_due(tx, &later)));
        for (status, next) in [(200, None), (500, Some(60))] {
            within(&store, |tx| settle(tx, &taken, attempt(status), next));
        }
        let kept = kept(&store);
        assert_eq!((kept.state, kept.attempts.len()), (NotificationState::Waiting, 0));
        assert_eq!(outbox(&store), [(1, 0, 0)]);
    }

    #[test]
    fn what_has_the_number_of_another_notification_now_stays_in_the_outbox() {
        let (store, taken) = one_that_waits();
        within(&store, |tx| {
            tx.clear(&[])?;
            tx.announce(&announcement("2"))
        });
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        within(&store, |tx| settle(tx, &taken, attempt(200), None));
        assert_eq!(outbox(&store), [(1, 0, 0)]);
        assert_eq!(kept(&store).attempts.len(), 0);
    }

    #[test]
    fn what_was_claimed_is_sent_only_if_it_is_as_it_was_read() {
        let (store, taken) = one_that_waits();
        assert!(within(&store, |tx| check_due(tx, &taken)));
        // Sent and not acknowledged since then.
        within(&store, |tx| settle(tx, &taken, attempt(500), Some(60)));
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        assert_eq!(outbox(&store), [(1, 1, 60)]);
        // Only its time is another.
        let early =
            ClaimedEntry { entry: OutboxEntry { attempts: 1, ..taken.entry.clone() }, ..taken.clone() };
        assert!(!within(&store, |tx| check_due(tx, &early)));
        let in_time = ClaimedEntry { entry: OutboxEntry { due: 60, ..early.entry.clone() }, ..taken };
        assert!(within(&store, |tx| check_due(tx, &in_time)));
    }

    #[test]
    fn what_has_broken_content_fails_by_the_retry_table_until_it_is_given_up() {
        let (store, taken) = one_that_waits();
        let broken = ClaimedEntry { entry: OutboxEntry { resource: Value::Null, ..taken.entry }, ..taken };
        assert!(within(&store, |tx| check_due(tx, &broken)));
        within(&store, |tx| settle(tx, &broken, attempt(500), None));
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::GivenUp, vec![]));
    }

    #[test]
    fn what_is_held_while_a_node_has_claimed_it_goes_out_when_it_is_released() {
        let (store, taken) = one_that_waits();
        assert_eq!(within(&store, |tx| hold::hold(tx, None)), 1);
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        assert_eq!(outbox(&store), [(1, 0, hold::held(0))]);
        // A database in which its time was not put off.
        within(&store, |tx| tx.change_due(&taken.entry, 0));
        let released = within(&store, |tx| hold::release(tx, None, |due| due));
        assert_eq!(released.iter().map(|kept| kept.number).collect::<Vec<_>>(), [1]);
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::Waiting, vec![(1, 0, 0)]));
        assert!(within(&store, |tx| check_due(tx, &taken)));
    }

    #[test]
    fn what_is_closed_is_neither_held_nor_released_again() {
        let (store, taken) = one_that_waits();
        acknowledge_a_copy(&store);
        // As if another node delivered it: its place stays until then.
        within(&store, |tx| tx.put_into_outbox(&taken.entry));
        assert_eq!(within(&store, |tx| hold::hold(tx, None)), 0);
        assert_eq!(kept(&store).state, NotificationState::Acknowledged);
        assert!(within(&store, |tx| hold::release(tx, None, |due| due)).is_empty());
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::Acknowledged, vec![]));
    }

    #[test]
    fn how_many_wait_is_looked_at_more_often_than_so_many_are_given_up() {
        // Of all numbers, and where every other one is of another merchant.
        for (first, step) in [(1, 1), (1, 2), (2, 2), (5, 1_000)] {
            let mut since = 0;
            for number in (first..).step_by(step).take(100_000) {
                since = if checks_limit_after(number) { 0 } else { since + 1 };
                assert!(since < MAX_GIVEN_UP, "{first} {step}: {number}");
            }
        }
    }

    #[test]
    fn a_merchant_whose_receiver_is_gone_has_its_oldest_given_up_and_nobody_elses() {
        let store = Store::in_memory();
        let announce_at = |tx: &Transaction<'_>, mchid: &str, notify_url: &str| {
            let (mchid, notify_url) = (mchid.to_owned(), notify_url.to_owned());
            tx.announce(&Announcement { mchid, notify_url, ..announcement("1") })
        };
        let announce =
            |tx: &Transaction<'_>, mchid: &str| announce_at(tx, mchid, "http://127.0.0.1:8000/gone");
        let fail = |tx: &Transaction<'_>, number: i64| {
            let mut kept = record::with_number(tx, number)?.unwrap();
            let entry = kept.entry(0);
            wait(tx, &mut kept, &entry, 60)?;
            tx.save(&kept)
        };
        // It is looked after some only, so others come between.
        let looked_after = |from: i64| (from..).find(|number| checks_limit_after(*number)).unwrap();
        let count = MAX_REPEATS + 4;
        let last = looked_after(count + 1);
        let epoch = within(&store, |tx| {
            announce(tx, "1900000208")?;
            (2..4).try_for_each(|_| announce(tx, "1900000109"))?;
            // 4 waits for another receiver, which may be there.
            announce_at(tx, "1900000109", "http://127.0.0.1:80/")?;
            (5..=count).try_for_each(|_| announce(tx, "1900000109"))?;
            (count + 1..last).try_for_each(|_| announce(tx, "1900000208"))?;
            announce(tx, "1900000109")?;
            // Of the merchant: 2 was never attempted, 3 is held, and the last one is attempted now.
            (1..=count).filter(|number| *number != 2).try_for_each(|number| fail(tx, number))?;
            let mut held = record::with_number(tx, 3)?.unwrap();
            (held.state, held.due) = (NotificationState::Held, None);
            tx.change_due(&held.entry(60), hold::held(60))?;
            tx.save(&held)?;
            Epoch::current(tx)
        });
        let state = |number| within(&store, |tx| record::with_number(tx, number)).map(|kept| kept.state);
        let settle_last = |number| {
            let entry = within(&store, |tx| Ok(record::with_number(tx, number)?.unwrap().entry(0)));
            let taken = ClaimedEntry { entry, epoch, claimed: ClaimTime::now() };
            assert!(within(&store, |tx| settle(tx, &taken, attempt(500), Some(60))));
            let given_up = give_up_oldest(&store, &taken.entry, &taken.epoch).unwrap();
            given_up.iter().map(|entry| entry.number).collect::<Vec<_>>()
        };
        // From 5 to the one that fails now, 10,001 wait for a repeat at its receiver.
        assert_eq!(settle_last(last), [5]);
        let (waiting, held) = (NotificationState::Waiting, NotificationState::Held);
        let states: Vec<_> = (1..=6).map(|number| state(number).unwrap()).collect();
        let given_up = NotificationState::GivenUp;
        assert_eq!(states, [waiting, waiting, held, waiting, given_up, waiting]);
        // One more, one fewer. The new one has a shelf of its own, so what became of the oldest is still to be seen.
        let next = looked_after(last + 1);
        within(&store, |tx| {
            (last + 1..next).try_for_each(|_| announce(tx, "1900000208"))?;
            announce(tx, "1900000109")
        });
        assert_eq!(settle_last(next), [6]);
        assert_eq!((state(6), state(next)), (Some(given_up), Some(waiting)));
    }
}
