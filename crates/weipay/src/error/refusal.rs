//! An error response, read as far as it reads.
//!
//! Its code decides whether money may have moved, so that damage elsewhere must not hide it: a text that was cut, a byte
//! order mark, something that is nested too deep.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::excerpt;
use crate::{decode_limit, lossy_json};

/// An error response: `code`, `message`, `detail`, as far as the body has them.
#[derive(Clone, Default, PartialEq)]
pub struct Refusal {
    /// The code (错误码), the contract. Empty when the body has none.
    pub code: String,
    /// The message (错误描述), for people; it may change.
    pub message: String,
    /// The detail (详情), as sent. It may repeat what the request held, telephone numbers for one: `Debug` shows only
    /// which field it is about, and what is wrong with it. One that is very large or nested very deep is left out;
    /// [`Error::body`](crate::Error::body) has it as it came.
    pub detail: Option<Value>,
    /// Whether the body is one object, from its first byte to its last, with one code.
    whole: bool,
}

/// What of a detail is read: everything that the platform sends is far below.
const MAX_DETAIL: usize = 1024 * 1024;
const MAX_DETAIL_DEPTH: usize = 64;

impl Refusal {
    pub(crate) fn read(body: &[u8]) -> Refusal {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let (refusal, is_json) = Refusal::of_json(body);
        if is_json {
            return refusal;
        }
        match lossy_json::repaired(body) {
            Some(repaired) => Refusal::of_json(repaired.as_bytes()).0,
            None => refusal,
        }
    }

    /// What could be read before the first error, and whether there was none.
    fn of_json(json: &[u8]) -> (Refusal, bool) {
        let measure = decode_limit::measure(json);
        let with_detail = measure.depth <= MAX_DETAIL_DEPTH && measure.bytes <= MAX_DETAIL;
        let mut refusal = Refusal { whole: true, ..Refusal::default() };
        let mut json = serde_json::Deserializer::from_slice(json);
        let read = Body { refusal: &mut refusal, with_detail }.deserialize(&mut json);
        let is_json = read.and_then(|()| json.end()).is_ok();
        refusal.whole &= is_json;
        (refusal, is_json)
    }

    /// Whether nothing is missing that could have said something else, and the code looks like one of the platform's.
    pub(super) fn is_of_the_platform(&self) -> bool {
        let letters = self.code.as_bytes();
        self.whole
            && (2..=64).contains(&letters.len())
            && letters[0].is_ascii_uppercase()
            && letters.iter().all(|letter| matches!(letter, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    }
}

/// A body, or a member of one that is an array.
struct Body<'a> {
    refusal: &'a mut Refusal,
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

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an error response")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let refusal = self.refusal;
        let mut codes = 0_usize;
        while let Some(member) = members.next_key::<Member>()? {
            match member {
                Member::Code => {
                    let Text(code) = members.next_value()?;
                    // Which of two codes is meant, nobody knows, nor what one says that is not a text.
                    codes += 1;
                    refusal.whole &= codes == 1 || refusal.code == code;
                    refusal.code = code;
                }
                Member::Message => Text(refusal.message) = members.next_value()?,
                Member::Detail if self.with_detail => refusal.detail = Some(members.next_value()?),
                Member::Detail | Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.refusal.whole = false;
        items.next_element_seed(Body { refusal: self.refusal, with_detail: self.with_detail })?;
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
    fn deserialize<D: Deserializer<'de>>(name: D) -> Result<Member, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Member;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name")
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

/// A text; empty for anything else.
#[derive(Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Text, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Text;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("JSON")
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

impl fmt::Debug for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Refusal")
            .field("code", &excerpt::text(&self.code))
            .field("message", &excerpt::text(&self.message))
            .field("detail", &self.detail.as_ref().map(Shown))
            .finish()
    }
}

/// The part of a detail that says where and why. Its `value` is what was rejected, and unknown members may be anything.
struct Shown<'a>(&'a Value);

const SHOWN: [&str; 3] = ["field", "issue", "location"];

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Object(members) => members_of(members, out),
            Value::Array(items) => out.debug_list().entries(items.iter().map(Shown)).finish(),
            _ => out.write_str(".."),
        }
    }
}

fn members_of(members: &Map<String, Value>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = out.debug_struct("Detail");
    for name in SHOWN {
        if let Some(text) = members.get(name).and_then(Value::as_str) {
            shown.field(name, &excerpt::text(text));
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
            let refusal = Refusal::read(body.as_bytes());
            assert_eq!(refusal.code, "SYSTEM_ERROR", "{body:.60}");
            assert_eq!(refusal.is_of_the_platform(), is_whole, "{body:.60}");
        }
        let cut_inside_a_character = format!("{{{code},\"message\":\"系统\"}}");
        for end in 0..=cut_inside_a_character.len() {
            let refusal = Refusal::read(&cut_inside_a_character.as_bytes()[..end]);
            assert_eq!(refusal.code, if end > code.len() { "SYSTEM_ERROR" } else { "" }, "{end}");
            assert_eq!(refusal.is_of_the_platform(), end == cut_inside_a_character.len());
        }
        let mut bytes = cut_inside_a_character.into_bytes();
        let at = bytes.len() - 3;
        bytes.remove(at);
        let refusal = Refusal::read(&bytes);
        assert_eq!((&*refusal.message, refusal.is_of_the_platform()), ("系\u{FFFD}", true));
    }

    #[test]
    fn a_code_that_does_not_look_like_one_of_the_platform_proves_nothing() {
        for code in
            ["", "7", "forbidden", "Forbidden", "PARAM ERROR", "PARAM_ERROR ", "E", "错误", "_A", "1A"]
        {
            let body = serde_json::json!({"code": code, "message": "m"}).to_string();
            let refusal = Refusal::read(body.as_bytes());
            assert_eq!((&*refusal.code, refusal.is_of_the_platform()), (code, false));
        }
        assert!(
            !Refusal::read(format!("{{\"code\":\"{}\"}}", "A".repeat(65)).as_bytes()).is_of_the_platform()
        );
        for code in ["NOAUTH", "PARAM_ERROR", "V2_ACCOUNT_SIMPLE_BAN"] {
            assert!(Refusal::read(format!("{{\"code\":\"{code}\"}}").as_bytes()).is_of_the_platform());
        }
    }

    #[test]
    fn a_detail_that_would_take_much_memory_is_left_out() {
        for detail in ["[{},", "[[],"].map(|piece| piece.repeat(20_000)) {
            let body = format!("{{\"detail\":{detail}0{},\"code\":\"PARAM_ERROR\"}}", "]".repeat(20_000));
            let refusal = Refusal::read(body.as_bytes());
            assert_eq!((&*refusal.code, refusal.detail.is_none()), ("PARAM_ERROR", true));
        }
        let flat = format!("{{\"detail\":[{}0],\"code\":\"PARAM_ERROR\"}}", "{},".repeat(20_000));
        let refusal = Refusal::read(flat.as_bytes());
        assert!(refusal.detail.is_none() && refusal.is_of_the_platform());
    }

    #[test]
    fn what_was_rejected_is_not_printed() {
        let detail =
            r#"{"field":"/phone","issue":"too long","location":"body","value":"13800138000","x":"张三"}"#;
        let listed = format!("[{detail}]");
        for detail in [detail, &listed, r#""13800138000""#, r#"{"field":{"value":"13800138000"}}"#] {
            let body = format!(r#"{{"code":"PARAM_ERROR","message":"参数错误","detail":{detail}}}"#);
            let printed = format!("{:?}", Refusal::read(body.as_bytes()));
            assert!(!printed.contains("138") && !printed.contains("张三"), "{printed}");
            assert!(printed.contains("PARAM_ERROR") && printed.contains("参数错误"), "{printed}");
        }
        let body = br#"{"code":"PARAM_ERROR","message":"13800138000","detail":{"issue":"13800138000"}}"#;
        let printed = format!("{:#?}", Refusal::read(body));
        assert!(!printed.contains("138"), "{printed}");
        let body = format!(r#"{{"code":"PARAM_ERROR","detail":{detail}}}"#);
        let printed = format!("{:?}", Refusal::read(body.as_bytes()));
        for shown in ["/phone", "too long", "body"] {
            assert!(printed.contains(shown), "{printed}");
        }
    }
}
