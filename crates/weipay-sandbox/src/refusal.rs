//! A refusal: an error response of the platform as a value, from wherever on the journey it comes, and how APIv3 writes it. The
//! XML of APIv2 will stand beside that.
//!
//! The code is the contract, the message is for people. One code has different statuses on different operations, so a
//! refusal always carries its own status. `detail` exists only where the gateway was seen to send it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The error response that the platform gives instead of doing what was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) detail: Option<Value>,
    /// The decimal code behind the dash of `Request-ID`.
    pub(crate) tail: u32,
    /// Why, for the developer, in English and without any value of the request; see [`crate::reason`].
    pub(crate) reason: Option<Cow<'static, str>>,
}

/// Decimal codes that end a `Request-ID`. All were seen or documented.
pub(crate) mod tail {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const BAD_PARAMETER: u32 = 268_435_461;
    pub(crate) const OUT_OF_RANGE: u32 = 268_435_464;
    pub(crate) const UNDEFINED_PARAMETER: u32 = 270_924_358;
    pub(crate) const BAD_SIGNATURE: u32 = 268_443_699;
    pub(crate) const APPID_NOT_BOUND: u32 = 268_445_527;
    /// UNCONFIRMED: seen on a 400 and never explained; it stands for every case whose own number is unknown.
    pub(crate) const UNEXPLAINED: u32 = 270_924_337;
    /// UNCONFIRMED: seen on a 401 and never explained.
    pub(crate) const UNEXPLAINED_401: u32 = 269_546_525;
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), detail: None, tail: tail::UNEXPLAINED, reason: None }
    }

    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn with_tail(mut self, tail: u32) -> Self {
        self.tail = tail;
        self
    }

    pub(crate) fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// 400 PARAM_ERROR: a value breaks the rule of its field.
    pub(crate) fn param_error(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "PARAM_ERROR", message).with_tail(tail::BAD_PARAMETER)
    }

    /// 400 INVALID_REQUEST: every field is well formed, and the request still makes no sense now.
    pub(crate) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "INVALID_REQUEST", message)
    }

    /// 401 SIGN_ERROR: the caller did not prove who it is.
    pub(crate) fn sign_error(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(401, "SIGN_ERROR", message).with_tail(tail::UNEXPLAINED_401)
    }

    /// 403 NO_AUTH: the caller is known and may not do this. Old pages print `NOAUTH`; real responses do not.
    pub(crate) fn no_auth(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(403, "NO_AUTH", message)
    }

    /// 404 RESOURCE_NOT_EXISTS.
    pub(crate) fn resource_not_exists(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, "RESOURCE_NOT_EXISTS", message)
    }

    /// 501: the sandbox has no behaviour for an operation, and was told not to respond with examples.
    pub(crate) fn not_implemented() -> Self {
        Self::new(501, "NOT_IMPLEMENTED", "沙箱尚未实现此接口").with_reason(
            "the sandbox has no behaviour for this operation, and --no-examples forbids an example",
        )
    }

    /// 500 SYSTEM_ERROR: the sandbox itself failed, and nothing was changed.
    pub(crate) fn system_error() -> Self {
        Self::new(500, "SYSTEM_ERROR", "系统错误，请稍后重试")
    }

    /// The body in APIv3; members in the alphabetical order that was seen.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code.into());
        if let Some(detail) = &self.detail {
            members.insert("detail".to_owned(), detail.clone());
        }
        members.insert("message".to_owned(), self.message.as_ref().into());
        Value::Object(members).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_alphabetical_order_and_detail_only_when_there_is_one() {
        let plain = Refusal::param_error("参数错误");
        assert_eq!(plain.to_json(), r#"{"code":"PARAM_ERROR","message":"参数错误"}"#.as_bytes());
        let detailed = plain.with_detail(serde_json::json!({ "location": "body", "value": 0.01 }));
        assert_eq!(
            detailed.to_json(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0.01},"message":"参数错误"}"#
                .as_bytes()
        );
    }
}
