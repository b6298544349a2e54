//! Pages and items as streams of `futures-core`, which programs combine with those of others.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::{Items, Page, PageError, Pages};
use crate::delivery::{Async, Mode};
use crate::response::Decode;

// Nothing in them is ever pinned where it is: calls are boxed.
impl<M: Mode, T: Decode> Unpin for Pages<M, T> {}
impl<M: Mode, T: Decode, I, F> Unpin for Items<M, T, I, F> {}

/// The pages, in their order; `None` after the last one. A call that waits for its response stays in the
/// stream, and goes on when the stream is polled again. `next` drops such a call, and asks for its page
/// again. After an error of the call the stream asks for the same page again; a page that fails three times
/// in a row ends the list.
impl<T: Decode> Stream for Pages<Async, T> {
    type Item = Result<Page<T>, PageError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pages = self.get_mut();
        let mut call = match pages.take_waiting() {
            Some(call) => call,
            None => {
                if let Some(error) = pages.left() {
                    return Poll::Ready(Some(Err(error)));
                }
                match pages.begin() {
                    Ok(call) => call,
                    Err(instead) => return Poll::Ready(instead.map(Err)),
                }
            }
        };
        match Pin::new(&mut call).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(pages.take(outcome)),
            Poll::Pending => {
                pages.keep_waiting(call);
                Poll::Pending
            }
        }
    }
}

/// The items of all pages, in their order. An error takes the place of the items of its page.
impl<T: Decode, I, F: FnMut(T) -> Option<Vec<I>>> Stream for Items<Async, T, I, F> {
    type Item = Result<I, PageError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let items = self.get_mut();
        loop {
            if let Some(item) = items.queue.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(page) = ready!(Pin::new(&mut items.pages).poll_next(context)) else {
                return Poll::Ready(None);
            };
            if let Err(error) = items.fill(page) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
