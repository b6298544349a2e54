//! Examples and files: the responses to operations that have no behaviour.

use super::{Authenticated, Content, Done, Note, Platform, Request};
use crate::contract::ValidRequest;
use crate::example::{self, RequestValues};
use crate::products::{self, Behaviour, HandlerError, Links};
use crate::response::{UnsignedResponse, tail};
use crate::sensitive;

impl Platform {
    pub(super) fn show(
        &self,
        request: &Request,
        authenticated: &Authenticated<'_>,
        checked: &ValidRequest,
        now: i64,
    ) -> Result<Done, HandlerError> {
        let operation = authenticated.routed.operation;
        let base_url = self.base_url_for(request);
        let links = Links {
            base_url: &base_url,
            mchid: &authenticated.merchant.account.mchid,
            key: &authenticated.merchant.api_v3_key,
            entropy: &self.entropy,
            now,
            store: &self.store,
            merchants: &self.merchants,
        };
        let note = Note::Answered(Behaviour::Example);
        let files = products::files(self.products);
        if let Some(files) = files.filter(|_| operation.unsigned) {
            let file = (files.open)(operation, checked, &links)?;
            let note = Note::Answered(file.origin);
            return Ok(Done { content: Content::File(file), note });
        }
        let merchant = &authenticated.merchant;
        let mut response =
            example::response(operation, &RequestValues::from_request(operation, checked, &merchant.account));
        if let Some(response) = &mut response {
            if let Some(files) = files {
                (files.link)(operation, checked, response, &links);
            }
            sensitive::encrypt(&operation.response, response, &merchant.key)?;
        }
        let body = response.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        let unsigned = UnsignedResponse { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(unsigned), note })
    }
}
