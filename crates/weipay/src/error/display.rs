//! How an error reads: the sentence of `{}` and `{:#}`, and what `{:?}` shows.

use std::{error, fmt};

use http::header::VIA;
use weipay_wire::VerifyError;

use super::{Error, ErrorKind, redact};
use crate::core::content_coding;
use crate::retry::Attempt;

impl Error {
    /// The likely change on the way, by the headers, of a body whose signature is wrong or that cannot be read.
    fn changed_on_its_way(&self) -> Option<&'static str> {
        let headers = self.headers()?;
        let is_mismatch = match self.kind() {
            ErrorKind::Unverified(VerifyError::Mismatch { .. }) => true,
            ErrorKind::Unverified(VerifyError::Xml(_)) => false,
            ErrorKind::Api(error) if error.code.is_empty() && error.message.is_empty() => false,
            _ => return None,
        };
        match (content_coding(headers), headers.get(VIA)) {
            (Some(_), _) => Some(
                "; it has the header `Content-Encoding`, which the client did not request: a proxy may have compressed the body",
            ),
            (None, Some(_)) if is_mismatch => {
                Some("; it has the header `Via`: a proxy on its way may have changed the body")
            }
            (None, _) => None,
        }
    }

    /// The beginning of an error response that has neither code nor message.
    fn unknown_body(&self) -> Option<String> {
        let error = self.api_error()?;
        let is_unknown = error.code.is_empty() && error.message.is_empty();
        self.body().filter(|_| is_unknown).and_then(|body| redact::body(body, &self.0.sent))
    }
}

/// What happened, without the causes that [`source`](error::Error::source) gives. `{:#}` prints them too, on the same line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ErrorKind::Request(error) => write!(f, "nothing was sent: {error}")?,
            ErrorKind::Network(error) => write!(f, "{error}")?,
            ErrorKind::Api(error) => match (self.changed_on_its_way(), self.unknown_body()) {
                (Some(change), _) => write!(f, "{error}{change}")?,
                (None, Some(beginning)) => write!(f, "{error}: {beginning}")?,
                (None, None) if error.is_wrongly_signed() => {
                    write!(
                        f,
                        "{error}; its signature cannot be verified: it may belong to another call, or the local clock is wrong"
                    )?;
                }
                (None, None) => write!(f, "{error}")?,
            },
            ErrorKind::Unverified(_) if self.is_intermediary_page() => f.write_str(
                "the response is a web page (HTML), not a response of WeChat Pay: something between the client and the platform \
                 answered, such as a proxy, the login page of a network or a CDN",
            )?,
            ErrorKind::Unverified(_) => {
                f.write_str("the signature of the response cannot be verified")?;
                f.write_str(self.changed_on_its_way().unwrap_or_default())?;
            }
            ErrorKind::MismatchedResponse { field } => {
                f.write_str("the response belongs to another request: ")?;
                match field {
                    Some(field) => write!(f, "its `{field}` is not that of this call, or is missing")?,
                    None => f.write_str("it has a field that a success of this operation never has")?,
                }
                f.write_str(match self.is_read_only() {
                    true => "; do not act on it",
                    false => {
                        "; this call may have taken effect: query the result, and do not act on this response"
                    }
                })?;
            }
            ErrorKind::SignatureProbe => {
                f.write_str(
                    "the platform tested the client with a wrong signature (签名探测, WECHATPAY/SIGNTEST/): ",
                )?;
                f.write_str(match self.is_read_only() || self.is_safe_to_repeat() {
                    true => "make the same call again",
                    false => "the call may have taken effect, and a repeat may not be safe: query the result",
                })?;
            }
            ErrorKind::PlatformCertificates(fetch) => {
                f.write_str(
                    "the platform certificates (平台证书), which verify responses, could not be fetched",
                )?;
                if fetch.code() == Some("RESOURCE_NOT_EXISTS") {
                    f.write_str(
                        ", because this merchant has none: give the client the WeChat Pay public key (微信支付公钥) with its ID",
                    )?;
                }
            }
            ErrorKind::Decode(error) => write!(f, "{error}")?,
            ErrorKind::File(error) => write!(f, "{error}")?,
            ErrorKind::Decryption(_) => f.write_str("the text cannot be decrypted")?,
        }
        if let Some(difference) = self.0.sign_difference {
            write!(f, ": {difference}")?;
        } else if let Some(advice) = self.advice() {
            match self.operation().is_some_and(|known| known.request_number().is_none()) {
                true => write!(f, "; {}", advice.without_number())?,
                false => write!(f, "; {advice}")?,
            }
        }
        if f.alternate() {
            write!(f, "{}", Causes(self))?;
        }
        let mut facts = Vec::new();
        facts.extend(self.endpoint().map(|called| match self.0.operation {
            Some(known) => format!("{} · {called}", known.title()),
            None => called.to_owned(),
        }));
        facts.extend(self.status().map(|status| format!("HTTP {}", status.as_u16())));
        if self.0.attempts.len() > 1 {
            let open = self.0.attempts.iter().rev().skip(1).any(Attempt::may_have_taken_effect);
            let open =
                if open && !self.is_read_only() { ", an earlier one may have taken effect" } else { "" };
            facts.push(format!("{} attempts{open}", self.0.attempts.len()));
        }
        facts.extend(self.location().map(|location| format!("Location {location}")));
        facts.extend(self.request_id().map(|id| format!("Request-ID {id}")));
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

/// The causes of an error, each after a colon.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// `{:?}` is the sentence of `{:#}`, with the causes, because a program prints that if its `main` returns the error. `{:#?}`
    /// shows the parts. Body and headers are left out, since they may hold what a log must not; an error that cannot be
    /// understood without its body shows the same excerpt as `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{self:#}");
        }
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &self.0.kind).field("endpoint", &self.0.endpoint);
        shown.field("status", &self.status()).field("request_id", &self.request_id());
        if let Some(location) = self.location() {
            shown.field("location", &location);
        }
        if let Some(body) = self.unknown_body() {
            shown.field("body", &body);
        }
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::Method;

    use super::*;
    use crate::error::{NetworkError, NextStep, Sent};
    use crate::operation::Operation;
    use crate::request::Request;

    /// As programs print an error with its causes.
    fn printed(error: &dyn error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    #[test]
    fn an_error_with_its_causes_prints_each_thing_once() {
        let lost = || NetworkError { sent: Sent::Perhaps, source: io::Error::other("reset").into() };
        let head = "no complete response was received, and the request may have been sent";
        let all = format!("{head}: reset");
        assert_eq!(printed(&lost()), all);
        let error = Error::new(ErrorKind::Network(lost()));
        assert_eq!((error.to_string(), printed(&error)), (head.to_owned(), all.clone()));
        assert_eq!((format!("{error:#}"), format!("{error:?}")), (all.clone(), all));
        let unverified = Error::new(ErrorKind::Unverified(VerifyError::Missing("Wechatpay-Nonce")));
        for text in [printed(&unverified), format!("{unverified:#}")] {
            assert_eq!(text.matches("Wechatpay-Nonce").count(), 1, "{text}");
        }
    }
    /// A query of APIv2 is a POST, and has as little effect as one of APIv3.
    #[test]
    fn only_what_acts_may_have_taken_effect() {
        for (path, acts) in [
            ("v2/pay/orderquery", false),
            ("v3/gov/subsidy/sncode/query", false),
            ("v2/pay/closeorder", true),
            ("v3/pay/transactions/jsapi", true),
        ] {
            let mut request = Request::new(path.to_owned());
            request.method = Method::POST;
            request.operation = Operation::find(&Method::POST, path);
            let field = Some("out_trade_no");
            let error = Error::new(ErrorKind::MismatchedResponse { field }).in_call(&request);
            let text = error.to_string();
            assert_eq!(text.contains("may have taken effect"), acts, "{text}");
            assert_eq!(error.is_read_only(), !acts, "{text}");
            assert_eq!(error.next_step() == NextStep::Repeat, !acts, "{text}");
        }
    }
}
