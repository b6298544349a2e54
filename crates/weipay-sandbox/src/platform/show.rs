//! Examples and files: the responses to operations that have no behaviour.

use super::{Authenticated, Content, Done, Note, Platform, Request};
use crate::authority::is_official;
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

    /// Where this client reaches the sandbox: as it named the host, so that other machines and containers can follow an
    /// address too. Over TLS a name of the real platform leads here. Over plain HTTP it would lead there, so it is not
    /// passed on.
    pub(crate) fn base_url_for(&self, request: &Request) -> String {
        let scheme = if request.is_secure { "https" } else { "http" };
        let named = request.header("host").filter(|host| {
            let name = host.split(':').next().unwrap_or_default();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            !host.is_empty() && host.bytes().all(is_plain) && (request.is_secure || !is_official(name))
        });
        named.map_or_else(|| self.base_url.clone(), |host| format!("{scheme}://{host}"))
    }
}
