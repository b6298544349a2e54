//! A refusal (错误应答): what the platform gives instead of doing what was asked, with the reason for developers.
//!
//! A refusal is a value, wherever a request is refused. Its code is the contract, its message is for people. One code
//! has different statuses on different operations, so a refusal always carries its own status. `detail` exists only
//! where the gateway was seen to send it. Its reason, for developers, travels in a header, because the body is the
//! platform's: a program that reads the body must find here what it will find there. A reason names fields and rules
//! and never a value: a value may be a person's name, or a key.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

use super::tail;
use crate::explain::SignatureExplanation;
use crate::reasons;

/// The error response that the platform gives instead of doing what was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) detail: Option<Box<Value>>,
    /// The decimal code after the dash of `Request-ID`.
    pub(crate) tail: u32,
    /// Why, for the developer, in English and without any value of the request; see [`REASON_HEADER`].
    pub(crate) reason: Option<Cow<'static, str>>,
    /// Of a wrong signature: what was signed instead.
    pub(crate) explanation: Option<Box<SignatureExplanation>>,
    /// The documented error in place of the observed one.
    pub(crate) documented: Option<&'static DocumentedRefusal>,
}

/// A refusal as the documents have it, where the platform was seen to refuse otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentedRefusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
    pub(crate) tail: u32,
}

impl Refusal {
    /// Official messages are short, and many different mistakes have the same one: the reason names the rule, and what to do.
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::without_reason(status, code, message).with_reason(reason)
    }

    /// Only where the message itself names the field and its rule, or where the request has done nothing wrong.
    pub(crate) fn without_reason(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
            tail: tail::UNEXPLAINED,
            reason: None,
            explanation: None,
            documented: None,
        }
    }

    /// The documented error in its place.
    pub(crate) fn with_documented(mut self, documented: &'static DocumentedRefusal) -> Self {
        self.documented = Some(documented);
        self
    }

    /// As the documents have it, where they differ from what was observed. APIv2 has the status 200 whatever it refuses.
    pub(crate) fn into_documented(self) -> Self {
        let Some(documented) = self.documented else { return self };
        Self {
            status: if self.status == 200 { 200 } else { documented.status },
            code: documented.code,
            message: documented.message.into(),
            tail: documented.tail,
            ..self
        }
    }

    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_tail(mut self, tail: u32) -> Self {
        self.tail = tail;
        self
    }

    /// Another reason, in the place of the one before.
    pub(crate) fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With the part of the request that it is about in front of its reason.
    pub(crate) fn of_part(mut self, part: &str) -> Self {
        self.reason = self.reason.map(|reason| format!("{part}: {reason}").into());
        self
    }

    /// 400 PARAM_ERROR: a value breaks the rule of its field.
    pub(crate) fn param_error(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(400, "PARAM_ERROR", message, reason).with_tail(tail::BAD_PARAMETER)
    }

    /// 400 INVALID_REQUEST: every field is well formed, and the request still makes no sense now.
    pub(crate) fn invalid_request(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(400, "INVALID_REQUEST", message, reason)
    }

    /// 401 SIGN_ERROR: the caller did not prove who it is.
    pub(crate) fn sign_error(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(401, "SIGN_ERROR", message, reason).with_tail(tail::UNEXPLAINED_401)
    }

    /// 403 NO_AUTH: the caller is known and may not do this. Old pages print `NOAUTH`; real responses do not.
    pub(crate) fn no_auth(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(403, "NO_AUTH", message, reason)
    }

    /// 404 RESOURCE_NOT_EXISTS.
    pub(crate) fn resource_not_exists(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(404, "RESOURCE_NOT_EXISTS", message, reason)
    }

    /// 501: the sandbox has no behaviour for an operation, and was told not to respond with examples.
    pub(crate) fn not_implemented() -> Self {
        Self::new(501, "NOT_IMPLEMENTED", "沙箱尚未实现此接口", reasons::NO_EXAMPLE)
    }

    /// 500 SYSTEM_ERROR: the sandbox itself failed, and nothing was changed.
    pub(crate) fn system_error() -> Self {
        Self::without_reason(500, "SYSTEM_ERROR", "系统错误，请稍后重试")
    }

    /// The body in APIv3; members in the alphabetical order that was seen.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code.into());
        if let Some(detail) = &self.detail {
            members.insert("detail".to_owned(), detail.as_ref().clone());
        }
        members.insert("message".to_owned(), self.message.as_ref().into());
        Value::Object(members).to_string().into_bytes()
    }
}

/// The header that says why a request was rejected, or why the operation failed although the status is 2xx, in
/// English; see [`decode_reason`].
pub const REASON_HEADER: &str = "weipay-sandbox-reason";

/// The longest header value.
const MAX_REASON_LENGTH: usize = 600;

/// Characters that are encoded in the header; non-ASCII characters always are.
const UNREADABLE: &AsciiSet = &CONTROLS.add(b'%');

/// A reason as a header value: visible ASCII and blanks stay, everything else is percent-encoded, and so is `%`.
pub(crate) fn encode_reason(reason: &str) -> String {
    let mut text = String::new();
    for character in reason.chars() {
        let mut bytes = [0; 4];
        let encoded = utf8_percent_encode(character.encode_utf8(&mut bytes), UNREADABLE).to_string();
        if text.len() + encoded.len() > MAX_REASON_LENGTH {
            break;
        }
        text.push_str(&encoded);
    }
    text
}

/// The text of a [`REASON_HEADER`] header. Control characters are left out: the text may be printed on a terminal.
#[must_use]
pub fn decode_reason(value: &str) -> String {
    let text = percent_decode_str(value).decode_utf8_lossy();
    text.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_come_in_alphabetical_order_and_detail_only_when_there_is_one() {
        let plain = Refusal::param_error("参数错误", "a reason");
        assert_eq!(plain.to_json(), r#"{"code":"PARAM_ERROR","message":"参数错误"}"#.as_bytes());
        let detailed = plain.with_detail(serde_json::json!({ "location": "body", "value": 0.01 }));
        assert_eq!(
            detailed.to_json(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0.01},"message":"参数错误"}"#
                .as_bytes()
        );
    }

    #[test]
    fn english_stays_readable_and_the_rest_is_encoded() {
        assert_eq!(encode_reason("stock_type: 5 of 10"), "stock_type: 5 of 10");
        assert_eq!(encode_reason("100%\r\n券"), "100%25%0D%0A%E5%88%B8");
        assert_eq!(decode_reason("100%25%0D%0A%E5%88%B8 %zz %"), "100%券 %zz %");
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_a_header_and_reads_back(text in "\\PC{0,40}") {
            let encoded = encode_reason(&text);
            prop_assert!(http::HeaderValue::from_str(&encoded).is_ok());
            prop_assert_eq!(decode_reason(&encoded), text);
        }

        #[test]
        fn a_long_one_is_cut_between_characters(text in "[券%a]{600,900}") {
            let encoded = encode_reason(&text);
            prop_assert!(encoded.len() <= MAX_REASON_LENGTH && text.starts_with(&decode_reason(&encoded)));
        }
    }
}
