//! Dialects: how a refusal is written. APIv3 has JSON; the XML of APIv2 will stand beside it.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The body in APIv3; members in the alphabetical order that was seen.
pub(crate) fn json(refusal: &Refusal) -> Vec<u8> {
    let mut members = Map::new();
    members.insert("code".to_owned(), refusal.code.into());
    if let Some(detail) = &refusal.detail {
        members.insert("detail".to_owned(), detail.clone());
    }
    members.insert("message".to_owned(), refusal.message.as_ref().into());
    Value::Object(members).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_alphabetical_order_and_detail_only_when_there_is_one() {
        let plain = Refusal::param_error("参数错误");
        assert_eq!(json(&plain), r#"{"code":"PARAM_ERROR","message":"参数错误"}"#.as_bytes());
        let detailed = plain.with_detail(serde_json::json!({ "location": "body", "value": 0.01 }));
        assert_eq!(
            json(&detailed),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0.01},"message":"参数错误"}"#
                .as_bytes()
        );
    }
}
