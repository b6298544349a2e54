//! Records of a person, such as coupons or contracts, under all openids: counted, all, by page, and one by one.

use std::iter::Peekable;

use crate::people::Person;
use crate::store::{Direction, IndexRange, Page, Record, Scan, StoreError, Transaction};

/// How many there are. `of_openid` says where those of one openid are.
pub(crate) fn count<R: Record>(
    tx: &Transaction<'_>,
    openid: &str,
    of_openid: impl Fn(&str) -> IndexRange,
) -> Result<i64, StoreError> {
    let openids = Person::all_openids(tx, openid)?;
    openids.iter().try_fold(0_i64, |sum, openid| Ok(sum.saturating_add(tx.count::<R>(&[of_openid(openid)])?)))
}

/// All of it, by openid, where only a few can be.
pub(crate) fn all<R: Record>(
    tx: &Transaction<'_>,
    openid: &str,
    of_openid: impl Fn(&str) -> IndexRange,
) -> Result<Vec<R>, StoreError> {
    let openids = Person::all_openids(tx, openid)?;
    openids.iter().flat_map(|openid| tx.scan(of_openid(openid), Direction::Ascending)).collect()
}

/// A page, the newest first, and how many there are in all. `conditions` are those of one openid; `received` says when it was.
pub(crate) fn page<R: Record>(
    tx: &Transaction<'_>,
    openid: &str,
    page: Page,
    conditions: impl Fn(String) -> Vec<IndexRange>,
    received: impl Fn(&R) -> i64,
) -> Result<(Vec<R>, i64), StoreError> {
    let (mut all_conditions, mut total) = (Vec::new(), 0_i64);
    for openid in Person::all_openids(tx, openid)? {
        let conditions = conditions(openid);
        let count = tx.count::<R>(&conditions)?;
        if count > 0 {
            total = total.saturating_add(count);
            all_conditions.push(conditions);
        }
    }
    if let [conditions] = all_conditions.as_slice() {
        return Ok((tx.find(conditions, page)?, total));
    }
    // Under several openids: the page is cut from what each of them has in front of its end.
    let end = page.offset.saturating_add(page.limit).min(total);
    let mut found: Vec<R> = Vec::new();
    for conditions in &all_conditions {
        found.extend(tx.find::<R>(conditions, Page { offset: 0, limit: end })?);
    }
    found.sort_by_key(|record| std::cmp::Reverse(received(record)));
    let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((found.into_iter().skip(number(page.offset)).take(number(page.limit)).collect(), total))
}

/// One after the other, read as they are needed. `scan` gives those of one openid, each before the later ones by `is_before`.
pub(crate) fn scan<'a, R: Record>(
    tx: &'a Transaction<'_>,
    openid: &str,
    scan: impl Fn(&str) -> Scan<'a, R>,
    is_before: impl Fn(&R, &R) -> bool,
) -> Result<impl Iterator<Item = Result<R, StoreError>>, StoreError> {
    let openids = Person::all_openids(tx, openid)?;
    let mut scans: Vec<Peekable<Scan<'a, R>>> =
        openids.iter().map(|openid| scan(openid).peekable()).collect();
    Ok(std::iter::from_fn(move || {
        let mut next: Option<(usize, &R)> = None;
        for (at, scan) in scans.iter_mut().enumerate() {
            match scan.peek() {
                Some(Ok(record)) if next.is_none_or(|(_, first)| is_before(record, first)) => {
                    next = Some((at, record));
                }
                Some(Err(_)) => {
                    return scan.next();
                }
                _ => {}
            }
        }
        let at = next?.0;
        scans.get_mut(at)?.next()
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::store::{IndexEntry, Store};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Gift {
        openid: String,
        time: i64,
    }

    const OF: &str = "openid";

    impl Record for Gift {
        const KIND: &'static str = "gift of a test";

        fn key(&self) -> String {
            self.time.to_string()
        }

        fn indexes(&self) -> Vec<IndexEntry> {
            vec![IndexEntry::new(OF, self.openid.as_str())]
        }
    }

    const A: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
    const B: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p";

    /// Two openids of one person take turns, and somebody else has something too.
    fn filled() -> Store {
        let store = Store::in_memory();
        let openids = BTreeMap::from([("wx1".to_owned(), A.to_owned()), ("wx2".to_owned(), B.to_owned())]);
        let person = Person { unionid: "u".to_owned(), openids };
        store.transaction(|tx| tx.save(&person)).unwrap();
        for (time, openid) in [A, B, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6q", B, A, B].into_iter().enumerate() {
            let gift = Gift { openid: openid.to_owned(), time: time as i64 };
            store.transaction(|tx| tx.save(&gift)).unwrap();
        }
        store
    }

    fn of_openid(openid: &str) -> IndexRange {
        IndexRange::equal(OF, openid)
    }

    #[test]
    fn all_openids_of_a_person_are_counted_paged_and_scanned_as_one() {
        let store = filled();
        let times = |gifts: Vec<Gift>| gifts.iter().map(|gift| gift.time).collect::<Vec<_>>();
        let done: Result<(), StoreError> = store.transaction(|tx| {
            for openid in [A, B] {
                assert_eq!(count::<Gift>(tx, openid, of_openid)?, 5);
                let mut everything = times(all(tx, openid, of_openid)?);
                everything.sort_unstable();
                assert_eq!(everything, [0, 1, 3, 4, 5]);
                let cut = |offset, limit| {
                    let conditions = |openid: String| vec![of_openid(&openid)];
                    page(tx, openid, Page { offset, limit }, conditions, |gift: &Gift| gift.time)
                };
                let (found, total) = cut(1, 3)?;
                assert_eq!((times(found), total), (vec![4, 3, 1], 5));
                assert_eq!(times(cut(4, 9)?.0), [0]);
                let newest_first = scan(
                    tx,
                    openid,
                    |openid| tx.scan(of_openid(openid), Direction::Descending),
                    |one: &Gift, other| one.time > other.time,
                )?;
                assert_eq!(times(newest_first.collect::<Result<_, _>>()?), [5, 4, 3, 1, 0]);
            }
            Ok(())
        });
        done.unwrap();
    }
}
