//! The signature of a request: what it covers, whether it is right, and what a known merchant is told when it is not.
//!
//! It covers the whole body, except in an upload (文件上传), where it covers the text of the part named `meta` alone. What is
//! signed follows from the operation and from the parts that are really there. A content type by itself decides nothing:
//! otherwise an unsigned body could be carried out by calling it multipart.

use serde_json::{Value, json};
use weipay_wire::{Authorization, request_message};

use super::Rejection;
use crate::exchange::Request;
use crate::merchants::Merchant;
use crate::refusal::{Refusal, tail};
use crate::upload::Upload;

/// Checks that the merchant signed this request.
pub(super) fn check<'a>(
    request: &'a Request,
    upload: Option<&Upload<'a>>,
    authorization: &Authorization,
    merchant: &Merchant,
) -> Result<(), Rejection> {
    let Authorization { timestamp, nonce_str, signature, .. } = authorization;
    let mut first = None;
    for body in signed_bodies(request, upload) {
        let message = request_message(&request.method, &request.target, *timestamp, nonce_str, body);
        if merchant.key.verify(&message, signature).is_ok() {
            return Ok(());
        }
        // What should have been signed is the usual one.
        first.get_or_insert_with(|| {
            let reason = "the signature does not fit what arrived: method, path with query, timestamp, nonce and body, \
                          each with a line feed behind it; detail.sign_information shows how it began";
            let detail = detail(request, body, &message);
            self::refusal().with_detail(detail).with_reason(reason)
        });
    }
    Err(first.unwrap_or_else(refusal).into())
}

/// The refusal of a wrong signature, without what was signed.
pub(super) fn refusal() -> Refusal {
    Refusal::sign_error("签名错误").with_tail(tail::BAD_SIGNATURE)
}

/// The texts of which one must stand as body in the message that was signed, the usual one first.
///
/// An upload without `meta` is refused behind the gate whatever it says. UNCONFIRMED what the platform lets its caller sign,
/// so that it is told which part is missing: the whole body or nothing.
fn signed_bodies<'a>(request: &'a Request, upload: Option<&Upload<'a>>) -> Vec<&'a [u8]> {
    match upload {
        None => vec![&request.body],
        Some(upload) => upload.meta().map_or_else(|| vec![&request.body[..], b""], |meta| vec![meta]),
    }
}

/// So many bytes of the body are shown.
const SHOWN_BODY: usize = 8;

/// The `detail` of 签名错误: the message that the platform built, cut short. `message` is the whole message. The form is the one
/// that was seen; the documentation has `issue` one level higher.
fn detail(request: &Request, body: &[u8], message: &[u8]) -> Value {
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
    use http::HeaderValue;
    use weipay_catalog::Catalog;

    use super::*;

    const BODY: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\xff\xd8\r\n--b\r\n\
        Content-Disposition: form-data; name=\"meta\";\r\nContent-Type: application/json\r\n\r\n{\"sha256\":\"0\"}\r\n--b--\r\n";

    #[track_caller]
    fn signed(path: &str, content_type: &'static str, body: &[u8], expected: &[&[u8]]) {
        let operation = Catalog::embedded().find("POST", path).unwrap();
        let mut request = Request { body: body.to_vec(), ..Request::default() };
        request.headers.insert("content-type", HeaderValue::from_static(content_type));
        assert_eq!(signed_bodies(&request, Upload::read(operation, &request).as_ref()), expected);
    }

    const UPLOAD: &str = "v3/merchant/media/upload";
    const ORDER: &str = "v3/pay/transactions/native";

    #[test]
    fn json_is_signed_whole_and_an_upload_by_its_meta() {
        signed(ORDER, "application/json; charset=utf-8", b"{}", &[b"{}"]);
        signed(UPLOAD, "multipart/form-data; boundary=b", BODY, &[br#"{"sha256":"0"}"#]);
        signed(UPLOAD, "multipart/form-data; boundary=\"b\"", BODY, &[br#"{"sha256":"0"}"#]);
        signed(UPLOAD, "multipart/form-data", BODY, &[br#"{"sha256":"0"}"#]);
    }

    #[test]
    fn a_content_type_does_not_make_an_upload_of_another_operation() {
        signed(ORDER, "multipart/form-data; boundary=b", b"{}", &[b"{}"]);
        signed(ORDER, "multipart/form-data; boundary=b", BODY, &[BODY]);
        signed(ORDER, "multipart/form-data", BODY, &[BODY]);
    }

    #[test]
    fn an_upload_without_its_meta_is_signed_whole_or_not_at_all() {
        signed(UPLOAD, "multipart/form-data; boundary=c", BODY, &[BODY, b""]);
        signed(UPLOAD, "application/json", b"{}", &[b"{}", b""]);
        let named = String::from_utf8_lossy(BODY).replace("name=\"meta\";", "name=\"meta\"; filename=\"m\"");
        signed(UPLOAD, "multipart/form-data; boundary=b", named.as_bytes(), &[named.as_bytes(), b""]);
    }

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
