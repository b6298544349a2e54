//! Responses that are surely not the platform's. Something between the client and the platform wrote them: a proxy, the login
//! page of a network, a CDN.

use http::{HeaderMap, StatusCode};

use super::{Error, ErrorKind, FileError};
use crate::download::{Form, is_web_page};
use crate::json::beginning;

impl Error {
    /// Whether an intermediary (RFC 9110, 3.7) answered in place of the platform, so that the other host may be reached.
    pub(crate) fn is_from_intermediary(&self) -> bool {
        match self.kind() {
            ErrorKind::Api(_) => {
                let is_redirect = self.status().is_some_and(|status| status.is_redirection());
                is_redirect && self.headers().is_some_and(has_no_header_of_the_platform)
            }
            _ => self.is_intermediary_page(),
        }
    }

    /// Whether the response is a web page in place of a success.
    pub(super) fn is_intermediary_page(&self) -> bool {
        match self.kind() {
            ErrorKind::File(FileError::WebPage) => true,
            ErrorKind::Unverified(_) => {
                let response = self.status().zip(self.headers()).zip(self.body());
                response.is_some_and(|((status, headers), body)| {
                    status != StatusCode::NO_CONTENT
                        && has_no_header_of_the_platform(headers)
                        && is_page(headers, body)
                })
            }
            _ => false,
        }
    }
}

/// A success that has a part of a signature may be the platform's.
fn has_no_header_of_the_platform(headers: &HeaderMap) -> bool {
    headers.keys().all(|name| !name.as_str().starts_with("wechatpay-"))
}

/// Markup that is not the XML of APIv2, or what is called HTML and is not JSON: only the headers of a response may be lost.
fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_xml = || [&b"<xml"[..], b"<?xml"].iter().any(|opening| beginning(body).starts_with(opening));
    match Form::of_body(body) {
        Form::Json => false,
        Form::Markup => !is_xml(),
        Form::Nothing | Form::Undecided | Form::Other => is_web_page(headers),
    }
}
