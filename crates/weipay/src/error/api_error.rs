//! An error response: what can be read of it, and whether it settles that the operation was not carried out.
//!
//! Its code decides whether money may have moved. So damage elsewhere must not hide the code: a truncated text, a byte order
//! mark, a value that is nested too deep.

mod v2;

pub(crate) use v2::Proof;

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::codes::{self, Taken};
use super::redact;
use super::sent_values::SentValues;
use crate::json;

/// The content of an error response (错误应答): `code`, `message` and `detail`, as far as its body has them.
#[derive(Clone, Default, PartialEq)]
pub struct ApiError {
    /// The code (错误码), for programs. Empty if the body has none.
    pub code: String,
    /// The message (错误描述), for people. Its text may change.
    pub message: String,
    /// The detail (详情), as received. It may repeat personal data of the request, such as a phone number, so `Debug` shows
    /// only which field it is about and what is wrong with it. A detail that is very large or very deeply nested is left out;
    /// [`Error::body`](crate::Error::body) still has it.
    pub detail: Option<Value>,
    /// Whether the body is one object, from its first byte to its last, with one code.
    whole: bool,
    /// Of APIv2 only: how far the request came.
    of_apiv2: Option<Taken>,
    /// The proof that its signature gives.
    proof: Proof,
    /// Values that the request sent, which must not be printed.
    pub(super) sent: SentValues,
}

/// Limits of a detail that is read. The platform's are far smaller.
const MAX_DETAIL: usize = 1024 * 1024;
const MAX_DETAIL_DEPTH: usize = 64;

/// The statuses with which the platform is documented to refuse a call. Other 4xx statuses come from something in between:
/// 408, 425 and 499 say that it stopped waiting, the platform does not send 409 and 413, and 429 limits the number of calls,
/// which according to the pages on refunds does not prove that a refund was not accepted.
const REFUSING: [StatusCode; 4] =
    [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];

/// The longest body under a status of success that is looked at for an error: those of the platform have a few hundred bytes.
pub(crate) const MAX_UNDER_SUCCESS: usize = 64 * 1024;

impl ApiError {
    /// The same error with what its signature proves: unless that is [`Proof::Enough`], it settles nothing.
    pub(crate) fn with_proof(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self
    }

    /// Whether its signature is wrong or cannot be verified. It may be the response to another call, so its code must not be
    /// acted on.
    pub(crate) fn is_wrongly_signed(&self) -> bool {
        self.proof == Proof::Wrong
    }

    /// Whether it has the signature that such an error has, if it has one.
    pub(super) fn is_proven(&self) -> bool {
        self.proof == Proof::Enough
    }

    /// Reads an error response.
    ///
    /// A byte order mark before it changes nothing: the object after it is whole. So the mark neither makes a
    /// refusal less certain nor hides a code that leaves the outcome open.
    pub(crate) fn read(body: &[u8]) -> Self {
        let body = json::without_mark(body);
        let (error, is_json) = Self::from_json(body);
        if is_json {
            return error;
        }
        match json::repaired(body) {
            Some(repaired) => Self::from_json(repaired.as_bytes()).0,
            None => error,
        }
    }

    /// The error that a body with a status of success is, if it is one: an object with a code of the
    /// platform's form and a message. 202 is documented with such a body, `USERPAYING` for an order that
    /// cannot be closed yet. A caller that took it for a success would ship unpaid goods.
    ///
    /// Responses whose own fields are `code` and `message` have digits or `SUCCESS` as the code, and those that have a `code` of
    /// a card have no `message`.
    pub(crate) fn under_success(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_UNDER_SUCCESS || !json::may_have(body, "code") {
            return None;
        }
        let code = json::member(body, "code")?;
        let is_known = codes::is_known(&code);
        // The part that serves receipts writes `INVALID REQUEST`.
        let is_code = is_known || is_code_of_platform(&code.replace(' ', "_"));
        if !is_code || ["SUCCESS", "OK"].contains(&&*code) {
            return None;
        }
        Some(Self::read(body)).filter(|error| is_known || !error.message.is_empty())
    }

    /// The members before the first syntax error, and whether there was no such error.
    fn from_json(json: &[u8]) -> (Self, bool) {
        let measure = json::measure(json);
        let with_detail = measure.depth <= MAX_DETAIL_DEPTH && measure.bytes <= MAX_DETAIL;
        let mut error = Self { whole: true, ..Self::default() };
        let mut json = serde_json::Deserializer::from_slice(json);
        let read = Body { error: &mut error, with_detail }.deserialize(&mut json);
        let is_json = read.and_then(|()| json.end()).is_ok();
        error.whole &= is_json;
        (error, is_json)
    }

    /// Whether the operation may have been carried out although this error came with this status. Only an error that is
    /// provably the platform's own refusal excludes it: one of the statuses with which the platform refuses, and one whole
    /// JSON object with a code that is known. Gateways write codes of the same form, and the platform adds codes
    /// that may say anything. `is_listed` says whether the catalogue has the code for the operation.
    pub(super) fn leaves_outcome_open(&self, status: StatusCode, is_listed: bool) -> bool {
        // 406 only where the catalogue has it: anything on the way may refuse what a caller accepts.
        let refuses = REFUSING.contains(&status)
            || status == StatusCode::NOT_ACCEPTABLE && is_listed
            || self.of_apiv2.is_some() && status.is_success();
        let is_settled = is_listed || codes::settles(&self.code) || self.of_apiv2 == Some(Taken::No);
        !refuses || !self.is_from_platform() || !self.is_proven() || !is_settled || codes::is_open(&self.code)
    }

    /// Whether the body is complete, so that nothing in it could contradict the code, and the code has the platform's form.
    pub(super) fn is_from_platform(&self) -> bool {
        if let Some(taken) = self.of_apiv2 {
            return self.whole && (v2::is_code(&self.code) || self.code.is_empty() && taken == Taken::No);
        }
        self.whole && is_code_of_platform(&self.code)
    }
}

impl ApiError {
    /// Whether the body is complete and its code is one of the platform's, written with blanks (`PARAM
    /// ERROR`), as a few of its parts do.
    pub(super) fn has_code_with_blanks(&self) -> bool {
        self.whole && codes::is_known(&self.code) && is_code_of_platform(&self.code.replace(' ', "_"))
    }
}

/// Whether this has the form of a code of APIv3.
fn is_code_of_platform(code: &str) -> bool {
    let letters = code.as_bytes();
    (2..=64).contains(&letters.len())
        && letters[0].is_ascii_uppercase()
        && letters.iter().all(|letter| matches!(letter, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

/// A body, or a member of one that is an array.
struct Body<'a> {
    error: &'a mut ApiError,
    with_detail: bool,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, body: D) -> Result<(), D::Error> {
        body.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error response")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let error = self.error;
        let mut codes = 0_usize;
        while let Some(member) = members.next_key::<Member>()? {
            match member {
                Member::Code => {
                    let Text(code) = members.next_value()?;
                    // Of two codes it is unknown which one is meant, and a code that is not text says nothing.
                    codes += 1;
                    error.whole &= codes == 1 || error.code == code;
                    error.code = code;
                }
                Member::Message => Text(error.message) = members.next_value()?,
                Member::Detail if self.with_detail => error.detail = Some(members.next_value()?),
                Member::Detail | Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.error.whole = false;
        items.next_element_seed(Body { error: self.error, with_detail: self.with_detail })?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

enum Member {
    Code,
    Message,
    Detail,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(name: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Member;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "code" => Member::Code,
                    "message" => Member::Message,
                    "detail" => Member::Detail,
                    _ => Member::Other,
                })
            }
        }

        name.deserialize_str(Name)
    }
}

/// A text; empty if the value has another type.
#[derive(Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
                Ok(Text::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
                Ok(Text::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
                Ok(Text::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
                Ok(Text::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
        }

        value.deserialize_any(Any)
    }
}

impl fmt::Display for ApiError {
    /// Code and message, on one line and without what looks personal, or what the request sent that is secret or private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => f.write_str("an error response without code and message"),
            (code, "") => f.write_str(&self.shown_code(code)),
            ("", text) => f.write_str(&redact::text(text, &self.sent)),
            (code, message) => {
                write!(f, "{}: {}", self.shown_code(code), redact::text(message, &self.sent))
            }
        }
    }
}

impl ApiError {
    /// A code that is known says nothing of the caller, though the request may have held the same word (`AVAILABLE`).
    fn shown_code<'a>(&self, code: &'a str) -> Cow<'a, str> {
        match codes::is_known(code) {
            true => Cow::Borrowed(code),
            false => Cow::Owned(redact::text(code, &self.sent)),
        }
    }
}

impl std::error::Error for ApiError {}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("code", &self.shown_code(&self.code))
            .field("message", &redact::text(&self.message, &self.sent))
            .field("detail", &self.detail.as_ref().map(|detail| Shown(detail, &self.sent)))
            .finish()
    }
}

/// The part of a detail that says where and why. Its `value` is the rejected value, and unknown members may be personal too.
struct Shown<'a>(&'a Value, &'a SentValues);

const SHOWN: [&str; 3] = ["field", "issue", "location"];

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Object(members) => show_members(members, self.1, f),
            Value::Array(items) => {
                f.debug_list().entries(items.iter().map(|item| Shown(item, self.1))).finish()
            }
            _ => f.write_str(".."),
        }
    }
}

fn show_members(members: &Map<String, Value>, sent: &SentValues, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = f.debug_struct("Detail");
    for name in SHOWN {
        if let Some(text) = members.get(name).and_then(Value::as_str) {
            shown.field(name, &redact::text(text, sent));
        }
    }
    if members.keys().all(|name| SHOWN.contains(&name.as_str())) {
        shown.finish()
    } else {
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_elsewhere_does_not_hide_a_code() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let code = r#""code":"SYSTEM_ERROR""#;
        for (body, is_whole) in [
            (format!("{{{code},\"message\":\"m\"}}"), true),
            (format!("\u{FEFF}{{{code}}}\r\n"), true),
            (format!("{{{code},\"detail\":{deep}}}"), true),
            (format!("{{\"detail\":{deep},\"x\":{deep},{code}}}"), true),
            (format!("{{\"message\":{deep},{code}}}").replace("SYSTEM_ERROR\"", "SYSTEM_ERROR\" "), true),
            (format!("{{\"message\":7,{code}}}"), true),
            (format!("{{\"message\":\"\\ud83d\",{code}}}"), true),
            (format!("[{{{code}}},[]]"), false),
            (format!("{{{code}"), false),
            (format!("{{{code},\"mess"), false),
            (format!("{{{code}}}}}"), false),
            (format!("{{{code}}}{{}}"), false),
            (format!("{{\"code\":\"PARAM_ERROR\",{code}}}"), false),
            (format!("{{\"code\":7,{code}}}"), false),
            (format!("{{\"code\":{{\"x\":1}},{code}}}"), false),
            (format!("{{\"code\":null,{code}}}"), false),
            (format!("{{{code},{code}}}"), true),
        ] {
            let error = ApiError::read(body.as_bytes());
            assert_eq!(error.code, "SYSTEM_ERROR", "{body:.60}");
            assert_eq!(error.is_from_platform(), is_whole, "{body:.60}");
        }
        let cut_inside_a_character = format!("{{{code},\"message\":\"系统\"}}");
        for end in 0..=cut_inside_a_character.len() {
            let error = ApiError::read(&cut_inside_a_character.as_bytes()[..end]);
            assert_eq!(error.code, if end > code.len() { "SYSTEM_ERROR" } else { "" }, "{end}");
            assert_eq!(error.is_from_platform(), end == cut_inside_a_character.len());
        }
        let mut bytes = cut_inside_a_character.into_bytes();
        let at = bytes.len() - 3;
        bytes.remove(at);
        let error = ApiError::read(&bytes);
        assert_eq!((&*error.message, error.is_from_platform()), ("系\u{FFFD}", true));
    }

    #[test]
    fn a_code_that_does_not_look_like_one_of_the_platform_proves_nothing() {
        for code in
            ["", "7", "forbidden", "Forbidden", "PARAM ERROR", "PARAM_ERROR ", "E", "错误", "_A", "1A"]
        {
            let body = serde_json::json!({"code": code, "message": "m"}).to_string();
            let error = ApiError::read(body.as_bytes());
            assert_eq!((&*error.code, error.is_from_platform()), (code, false));
        }
        assert!(
            !ApiError::read(format!("{{\"code\":\"{}\"}}", "A".repeat(65)).as_bytes()).is_from_platform()
        );
        for code in ["NOAUTH", "PARAM_ERROR", "V2_ACCOUNT_SIMPLE_BAN"] {
            assert!(ApiError::read(format!("{{\"code\":\"{code}\"}}").as_bytes()).is_from_platform());
        }
    }

    #[test]
    fn a_detail_that_would_take_much_memory_is_left_out() {
        for detail in ["[{},", "[[],"].map(|piece| piece.repeat(20_000)) {
            let body = format!("{{\"detail\":{detail}0{},\"code\":\"PARAM_ERROR\"}}", "]".repeat(20_000));
            let error = ApiError::read(body.as_bytes());
            assert_eq!((&*error.code, error.detail.is_none()), ("PARAM_ERROR", true));
        }
        let flat = format!("{{\"detail\":[{}0],\"code\":\"PARAM_ERROR\"}}", "{},".repeat(20_000));
        let error = ApiError::read(flat.as_bytes());
        assert!(error.detail.is_none() && error.is_from_platform());
    }

    #[test]
    fn what_was_rejected_is_not_printed() {
        let detail =
            r#"{"field":"/phone","issue":"too long","location":"body","value":"13800138000","x":"张三"}"#;
        let listed = format!("[{detail}]");
        for detail in [detail, &listed, r#""13800138000""#, r#"{"field":{"value":"13800138000"}}"#] {
            let body = format!(r#"{{"code":"PARAM_ERROR","message":"参数错误","detail":{detail}}}"#);
            let printed = format!("{:?}", ApiError::read(body.as_bytes()));
            assert!(!printed.contains("138") && !printed.contains("张三"), "{printed}");
            assert!(printed.contains("PARAM_ERROR") && printed.contains("参数错误"), "{printed}");
        }
        let body = br#"{"code":"PARAM_ERROR","message":"13800138000","detail":{"issue":"13800138000"}}"#;
        let printed = format!("{:#?}", ApiError::read(body));
        assert!(!printed.contains("138"), "{printed}");
        let body = format!(r#"{{"code":"PARAM_ERROR","detail":{detail}}}"#);
        let printed = format!("{:?}", ApiError::read(body.as_bytes()));
        for shown in ["/phone", "too long", "body"] {
            assert!(printed.contains(shown), "{printed}");
        }
    }

    fn leaves_open(status: u16, body: &str) -> bool {
        ApiError::read(body.as_bytes()).leaves_outcome_open(StatusCode::from_u16(status).unwrap(), false)
    }

    #[test]
    fn a_code_that_advises_a_repeat_leaves_the_outcome_open() {
        for status in [400, 403, 404, 429, 500] {
            for code in [
                "SYSTEM_ERROR",
                "SYSTEMERROR",
                "BANK_ERROR",
                "TRADE_ERROR",
                "USERPAYING",
                "FREQUENCY_LIMITED",
            ] {
                assert!(leaves_open(status, &format!(r#"{{"code":"{code}"}}"#)), "{status} {code}");
            }
        }
    }

    #[test]
    fn any_other_code_that_is_known_is_judged_by_its_status() {
        for status in (300..600).filter(|status| StatusCode::from_u16(*status).is_ok()) {
            let open = ![400, 401, 403, 404].contains(&status);
            for code in ["PARAM_ERROR", "NOT_ENOUGH", "RESOURCE_ALREADY_EXISTS"] {
                assert_eq!(leaves_open(status, &format!(r#"{{"code":"{code}"}}"#)), open, "{status} {code}");
            }
        }
    }

    #[test]
    fn an_unknown_code_settles_nothing_and_a_usual_word_only_by_the_catalogue() {
        let leaves_open = |code: &str, is_listed| {
            let error = ApiError::read(format!(r#"{{"code":"{code}"}}"#).as_bytes());
            error.leaves_outcome_open(StatusCode::NOT_FOUND, is_listed)
        };
        for code in ["SYSTEM_ERROR_2", "FORBIDDEN", "NOT_FOUND", "ALREADY_EXISTS", "ERROR"] {
            assert!(leaves_open(code, false) && !leaves_open(code, true), "{code}");
        }
        assert!(leaves_open("SYSTEM_ERROR", true));
    }

    #[test]
    fn an_error_that_is_not_provably_the_platforms_leaves_the_outcome_open() {
        for status in [400, 401, 403, 404, 405, 409, 413, 425, 499] {
            for body in [
                "",
                "{}",
                "<html>403 Forbidden</html>",
                r#"{"errcode":40001,"errmsg":"x"}"#,
                r#"{"code":403,"message":"x"}"#,
                r#"{"code":"forbidden"}"#,
                r#"{"message":"no route"}"#,
                r#"[{"code":"PARAM_ERROR"}]"#,
                r#"{"code":"PARAM_ERROR","mess"#,
                r#"{"code":"SYSTEM_ERROR","code":"PARAM_ERROR"}"#,
                r#"{"error":{"code":"PARAM_ERROR"}}"#,
            ] {
                assert!(leaves_open(status, body), "{status} {body}");
            }
        }
    }
}
