//! The request for a page, with types or without: one field of it names the page.

use super::cursor::{PageCursor, Paging};
use super::{Ask, Pages};
use crate::delivery::Mode;
use crate::model::table::Purpose;
use crate::operation::Operation;
use crate::response::Decode;

/// A request that is sent once for each page.
pub(super) trait PageRequest<M: Mode, T: Decode>: Clone + Send + Sync + 'static {
    /// What the field with this purpose has.
    fn get(&self, purpose: Purpose) -> Option<String>;

    /// Sets that field.
    fn set(&mut self, purpose: Purpose, value: String);

    fn send(self) -> M::Output<T>;
}

/// The pages of a list. `kind` is the purpose of the field that names a page; `None` if the operation has no pages.
pub(super) fn pages<M: Mode, T: Decode, R: PageRequest<M, T>>(
    operation: Option<&'static Operation>,
    kind: Option<Purpose>,
    request: R,
) -> Pages<M, T> {
    let paging = kind.map(|kind| Paging::begin(kind, |purpose| request.get(purpose)));
    let ask: Ask<M, T> = Box::new(move |cursor: &PageCursor| {
        let mut request = request.clone();
        if let (Some(kind), Some(value)) = (kind, cursor.value()) {
            request.set(kind, value);
        }
        request.send()
    });
    Pages::new(operation, paging, ask)
}
