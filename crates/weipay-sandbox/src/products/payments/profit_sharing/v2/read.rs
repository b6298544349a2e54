//! The JSON texts of requests: who gets what, and a receiver. The gateway only checks that they are JSON.

use serde_json::{Map, Value};

use super::AskedPart;
use crate::reasons;
use crate::response::Refusal;

const KINDS: [&str; 3] = ["MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"];

/// The sentence is that of a public report.
fn bad_list(reason: String) -> Refusal {
    Refusal::new(200, "PARAM_ERROR", "分账接收方列表格式错误", reason)
}

/// Reads `receivers`. How many there may be, and that each stands once, are rules of every version.
pub(super) fn parts(text: &str) -> Result<Vec<AskedPart>, Refusal> {
    let refuse =
        || bad_list("receivers must be the JSON text of an array of objects, with one at least".to_owned());
    let listed: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| refuse())?;
    if listed.is_empty() {
        return Err(refuse());
    }
    listed.iter().enumerate().map(|(place, receiver)| part(place, receiver)).collect()
}

fn part(place: usize, receiver: &Map<String, Value>) -> Result<AskedPart, Refusal> {
    let refuse = |name: &str, why: &str| bad_list(format!("receivers[{place}].{name} must be {why}"));
    let text =
        |name: &'static str| receiver.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("type").filter(|kind| KINDS.contains(kind));
    Ok(AskedPart {
        kind: kind.ok_or_else(|| refuse("type", &KINDS.join(" or ")))?.to_owned(),
        account: text("account").ok_or_else(|| refuse("account", "a text"))?.to_owned(),
        amount: receiver
            .get("amount")
            .and_then(Value::as_i64)
            .filter(|&fen| fen >= 1)
            .ok_or_else(|| refuse("amount", reasons::FEN_IN_JSON))?,
        description: text("description")
            .filter(|text| text.chars().count() <= 80)
            .ok_or_else(|| refuse("description", "a text of at most 80 characters"))?
            .to_owned(),
    })
}

/// A receiver as a request says it. Its name is not kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AskedReceiver {
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) has_name: bool,
    /// Whether the relation is a custom one (`CUSTOM`) that is not said.
    pub(super) is_vague: bool,
}

/// Reads `receiver`.
pub(super) fn receiver(text: &str) -> Result<AskedReceiver, Refusal> {
    let refuse = |reason: String| Refusal::new(200, "PARAM_ERROR", "分账接收方格式错误", reason);
    let receiver: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| refuse("receiver must be the JSON text of an object".to_owned()))?;
    let text = |name: &str| receiver.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("type").filter(|kind| KINDS.contains(kind));
    let kind = kind.ok_or_else(|| refuse(format!("receiver.type must be {}", KINDS.join(" or "))))?;
    let account = text("account").ok_or_else(|| refuse("receiver.account must be a text".to_owned()))?;
    Ok(AskedReceiver {
        kind: kind.to_owned(),
        account: account.to_owned(),
        has_name: text("name").is_some(),
        is_vague: text("relation_type") == Some("CUSTOM") && text("custom_relation").is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_split_are_read() {
        let text = r#"[{"type":"MERCHANT_ID","account":"190001001","amount":100,"description":"分到商户"},
            {"type":"PERSONAL_OPENID","account":"o1","amount":1,"description":"分到个人","name":"张三"}]"#;
        let parts = parts(text).unwrap();
        let read: Vec<_> = parts.iter().map(|part| (&*part.kind, &*part.account, part.amount)).collect();
        assert_eq!(read, [("MERCHANT_ID", "190001001", 100), ("PERSONAL_OPENID", "o1", 1)]);
    }

    #[test]
    fn what_is_not_a_list_of_parts_is_refused_by_name_and_never_shown() {
        let whole = r#"{"type":"MERCHANT_ID","account":"secret","amount":100,"description":"secret"}"#;
        assert!(parts(&format!("[{whole}]")).is_ok());
        for (bad, reason) in [
            ("[]".to_owned(), "with one at least"),
            (whole.to_owned(), "an array of objects"),
            ("[1]".to_owned(), "an array of objects"),
            (format!("[{}]", whole.replace("MERCHANT_ID", "SHOP")), "receivers[0].type"),
            (format!("[{}]", whole.replace("\"secret\",\"amount", "\"\",\"amount")), "receivers[0].account"),
            (format!("[{whole},{}]", whole.replace("100", "0")), "receivers[1].amount"),
            (format!("[{}]", whole.replace("100", "-1")), "receivers[0].amount"),
            (format!("[{}]", whole.replace("100", "1.5")), "receivers[0].amount"),
            (format!("[{}]", whole.replace("100", "\"100\"")), "receivers[0].amount"),
            (format!("[{}]", whole.replace("100", "9223372036854775808")), "receivers[0].amount"),
            (
                format!("[{}]", whole.replace("\"description\":\"secret\"", "\"x\":1")),
                "receivers[0].description",
            ),
        ] {
            let refusal = parts(&bad).unwrap_err();
            let said = refusal.reason.unwrap();
            assert!(said.contains(reason) && !said.contains("secret"), "{bad}: {said}");
            assert_eq!((refusal.code, &*refusal.message), ("PARAM_ERROR", "分账接收方列表格式错误"));
        }
    }

    #[test]
    fn a_receiver_needs_a_kind_and_an_account() {
        let read =
            receiver(r#"{"type":"MERCHANT_ID","account":"1","name":"店","relation_type":"CUSTOM"}"#).unwrap();
        assert!(read.has_name && read.is_vague);
        for bad in ["[]", "1", "{}", r#"{"type":"MERCHANT_ID"}"#, r#"{"type":"SHOP","account":"1"}"#] {
            assert_eq!(receiver(bad).unwrap_err().code, "PARAM_ERROR", "{bad}");
        }
    }
}
