//! One order of time for what several sources give.

use std::iter::Peekable;

use crate::store::StoreError;

/// Merges events in the order of time.
pub(crate) type Events<'a, E> = Box<dyn Iterator<Item = Result<E, StoreError>> + 'a>;

/// Several sources, each in the order of time, as one; the newest first when `time` counts backwards. What happened in
/// one second stands in the order of the sources. Of each source one event is in memory.
pub(crate) fn by_time<'a, E: 'a>(
    sources: Vec<Events<'a, E>>,
    time: impl Fn(&E) -> i64 + 'a,
) -> Events<'a, E> {
    let mut sources: Vec<Peekable<Events<'a, E>>> = sources.into_iter().map(Iterator::peekable).collect();
    Box::new(std::iter::from_fn(move || {
        let first = |source: &mut Peekable<Events<'a, E>>| {
            // An error comes before everything.
            source.peek().map(|next| next.as_ref().map_or(i64::MIN, &time))
        };
        let times =
            sources.iter_mut().enumerate().filter_map(|(index, source)| Some((first(source)?, index)));
        let (_, index) = times.min()?;
        sources[index].next()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source<'a>(events: &'a [(i64, char)]) -> Events<'a, (i64, char)> {
        Box::new(events.iter().copied().map(Ok))
    }

    #[test]
    fn events_come_in_the_order_of_time_and_then_of_their_sources() {
        let sources = vec![
            source(&[(1, 'a'), (3, 'b'), (3, 'c')]),
            source(&[]),
            source(&[(0, 'd'), (3, 'e'), (4, 'f')]),
        ];
        let merged: Result<String, StoreError> =
            by_time(sources, |event| event.0).map(|event| Ok(event?.1)).collect();
        assert_eq!(merged.unwrap(), "dabcef");
    }

    #[test]
    fn an_error_of_any_source_is_given() {
        let broken: Events<'_, (i64, char)> =
            Box::new(std::iter::once(Err(StoreError::Corrupt("on purpose".to_owned()))));
        let mut merged = by_time(vec![source(&[(1, 'a')]), broken], |event| event.0);
        assert!(merged.next().unwrap().is_err());
    }
}
