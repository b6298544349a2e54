//! What the platform tells a known merchant whose signature is wrong: the message that it built, cut short.
//!
//! The form is the one that was seen; the documentation has `issue` one level higher.

use serde_json::{Value, json};

use crate::exchange::Request;

/// So many bytes of the body are shown.
const SHOWN_BODY: usize = 8;

/// The `detail` of 签名错误. `message` is the whole message that should have been signed.
pub(super) fn detail(request: &Request, body: &[u8], message: &[u8]) -> Value {
    json!({
        "detail": { "issue": "sign not match" },
        "field": "signature",
        "location": "authorization",
        "sign_information": {
            "method": request.method,
            "sign_message_length": message.len(),
            "truncated_sign_message": truncated(body, message),
            "url": request.target,
        },
    })
}

fn truncated(body: &[u8], message: &[u8]) -> String {
    // The body is the last line; its line feed ends the message.
    let before_body = message.len().saturating_sub(body.len() + 1);
    let head = message.get(..before_body).unwrap_or_default();
    let shown = body.get(..SHOWN_BODY).unwrap_or(body);
    // UNCONFIRMED: what happens when the cut goes through a character; here the broken rest is left out.
    let shown = shown.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    format!("{}{shown}\n", String::from_utf8_lossy(head))
}

#[cfg(test)]
mod tests {
    use weipay_wire::request_message;

    use super::*;

    fn detail_of(method: &str, target: &str, nonce: &str, body: &[u8]) -> Value {
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            body: body.to_vec(),
            ..Request::default()
        };
        detail(&request, body, &request_message(method, target, 1_756_951_532, nonce, body))
    }

    #[test]
    fn the_body_is_cut_to_eight_bytes_and_the_length_is_of_the_whole() {
        let body = br#"{"amount":{"total":1}}"#;
        let detail = detail_of("POST", "/v3/pay/transactions/jsapi", "NONCE", body);
        let information = &detail["sign_information"];
        assert_eq!(
            information["truncated_sign_message"],
            "POST\n/v3/pay/transactions/jsapi\n1756951532\nNONCE\n{\"amount\n"
        );
        assert_eq!(information["sign_message_length"], 49 + body.len() + 1);
        assert_eq!(information["url"], "/v3/pay/transactions/jsapi");
    }

    #[test]
    fn the_recorded_form_is_kept_member_by_member() {
        let detail = detail_of("GET", "/v3/certificates", "593BEC0C930BF1AFEB40B4A08C8FB242", b"");
        assert_eq!(
            detail.to_string(),
            r#"{"detail":{"issue":"sign not match"},"field":"signature","location":"authorization","sign_information":{"method":"GET","sign_message_length":66,"truncated_sign_message":"GET\n/v3/certificates\n1756951532\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n","url":"/v3/certificates"}}"#
        );
    }

    #[test]
    fn a_character_that_the_cut_would_break_is_left_out() {
        let detail = detail_of("POST", "/v3/x", "n", "1234567券".as_bytes());
        assert_eq!(
            detail["sign_information"]["truncated_sign_message"],
            "POST\n/v3/x\n1756951532\nn\n1234567\n"
        );
        assert!(detail_of("POST", "/v3/x", "n", b"\xff\xff").is_object());
    }
}
