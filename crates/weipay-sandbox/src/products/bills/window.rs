//! Reading a day in parts: a page of the store is bounded, and a part of the day has no more rows than a page.

use crate::store::{Page, StoreError};

/// The most records of one source that are in memory at once, except those of a single second.
const PAGE: i64 = 1_000;

/// Calls `visit` with what `read` finds, one part of the time after the other. `read` finds what is in a part of the time,
/// a page of it, and says how many records its fullest source gave.
pub(in crate::products) fn each<T>(
    (from, until): (i64, i64),
    mut read: impl FnMut(i64, i64, Page) -> Result<(Vec<T>, usize), StoreError>,
    mut visit: impl FnMut(Vec<T>),
) -> Result<(), StoreError> {
    let is_full = |fullest: usize| i64::try_from(fullest).is_ok_and(|fullest| fullest >= PAGE);
    let (mut start, mut length) = (from, until.saturating_sub(from));
    while start < until {
        let end = until.min(start.saturating_add(length));
        let (mut found, mut fullest) = read(start, end, Page { offset: 0, limit: PAGE })?;
        if is_full(fullest) && length > 1 {
            length = (length / 2).max(1);
            continue;
        }
        let mut offset = PAGE;
        while is_full(fullest) {
            let (more, next) = read(start, end, Page { offset, limit: PAGE })?;
            found.extend(more);
            (fullest, offset) = (next, offset + PAGE);
        }
        // The next part may be emptier again.
        if found.len() < 300 {
            length = length.saturating_mul(2);
        }
        visit(found);
        start = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_visited_once_and_in_the_order_of_time() {
        // Many in one second, many in one hour, few in the rest.
        let mut times: Vec<i64> = vec![10; 2_500];
        times.extend(3_600..9_000);
        times.extend([0, 86_399, 50_000]);
        times.sort_unstable();
        let mut visited = Vec::new();
        let read = |from: i64, until: i64, page: Page| {
            let inside: Vec<i64> =
                times.iter().copied().filter(|time| (from..until).contains(time)).collect();
            let skipped = usize::try_from(page.offset).unwrap();
            let found: Vec<i64> =
                inside.into_iter().skip(skipped).take(usize::try_from(page.limit).unwrap()).collect();
            let count = found.len();
            Ok((found, count))
        };
        each((0, 86_400), read, |found| visited.extend(found)).unwrap();
        assert_eq!(visited, times);
    }
}
