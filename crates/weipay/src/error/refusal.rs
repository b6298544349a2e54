//! An error answer, read as far as it reads.

use std::fmt;

use serde_json::{Map, Value};

/// An error answer: `code`, `message`, `detail`, as far as the body has them.
#[derive(Clone, Default, PartialEq)]
pub struct Refusal {
    /// The code (错误码), the contract. Empty when the body has none.
    pub code: String,
    /// The message (错误描述), for people; it may change.
    pub message: String,
    /// The detail (详情), as sent. It may repeat what the request held, telephone numbers for one: `Debug` shows only
    /// which field it is about, and what is wrong with it.
    pub detail: Option<Value>,
}

impl Refusal {
    pub(crate) fn read(body: &[u8]) -> Refusal {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else { return Refusal::default() };
        let mut text = |name| match members.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        Refusal { code: text("code"), message: text("message"), detail: members.remove("detail") }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Refusal")
            .field("code", &self.code)
            .field("message", &self.message)
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
            shown.field(name, &text);
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
        let body = format!(r#"{{"code":"PARAM_ERROR","detail":{detail}}}"#);
        let printed = format!("{:?}", Refusal::read(body.as_bytes()));
        for shown in ["/phone", "too long", "body"] {
            assert!(printed.contains(shown), "{printed}");
        }
    }
}
