//! The pages of a typed list.

use super::Pages;
use super::cursor::kind_of;
use super::request::{PageRequest, pages};
use crate::call::Call;
use crate::delivery::Mode;
use crate::members::Place;
use crate::model::Model;
use crate::model::table::Purpose;
use crate::operation::Operation;
use crate::request::encoding::{set_with_purpose, with_purpose};
use crate::response::Decode;

struct Typed<M: Mode, R> {
    call: Call<M>,
    operation: &'static Operation,
    request: R,
}

impl<M: Mode, R: Clone> Clone for Typed<M, R> {
    fn clone(&self) -> Self {
        let Self { call, operation, request } = self;
        Self { call: call.clone(), operation, request: request.clone() }
    }
}

impl<M: Mode, R: Model + Clone, T: Decode> PageRequest<M, T> for Typed<M, R> {
    fn get(&self, purpose: Purpose) -> Option<String> {
        with_purpose(&self.request, purpose)
    }

    fn set(&mut self, purpose: Purpose, value: String) {
        set_with_purpose(&mut self.request, purpose, &value);
    }

    fn send(self) -> M::Output<T> {
        self.call.typed(self.operation, self.request)
    }
}

#[allow(dead_code, reason = "the products that are compiled may have no list")]
impl<M: Mode> Call<M> {
    /// The pages of a typed list. The request says where it begins.
    pub(crate) fn typed_pages<R: Model + Clone, T: Decode>(
        self,
        operation: &'static Operation,
        request: R,
    ) -> Pages<M, T> {
        let kind = kind_of([operation.members(Place::Query), operation.members(Place::Body)]);
        pages(Some(operation), kind, Typed { call: self, operation, request })
    }
}
