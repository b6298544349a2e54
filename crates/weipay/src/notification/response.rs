//! The responses that the platform expects: of APIv3 a status, of APIv2 an XML that says so.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use weipay_wire::XmlElements;

use crate::operation::ApiVersion;

/// The longest message of a failure, in characters. It is for people; the platform does not act on it.
const MAX_MESSAGE: usize = 256;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

pub(super) fn success(version: ApiVersion) -> http::Response<Bytes> {
    match version {
        ApiVersion::V3 => response(StatusCode::NO_CONTENT, None, Bytes::new()),
        ApiVersion::V2 => response(StatusCode::OK, Some(XML), xml("SUCCESS", "OK")),
    }
}

/// A failure. Its status is at least 400, because the platform takes 2xx for success whatever the body says.
pub(super) fn failure(version: ApiVersion, status: StatusCode, message: &str) -> http::Response<Bytes> {
    let message: String = message.chars().filter(|each| !each.is_control()).take(MAX_MESSAGE).collect();
    match version {
        ApiVersion::V3 => json_body(status, &json!({ "code": "FAIL", "message": message })),
        ApiVersion::V2 => response(status, Some(XML), xml("FAIL", &message)),
    }
}

pub(super) fn json_body(status: StatusCode, body: &serde_json::Value) -> http::Response<Bytes> {
    response(status, Some(JSON), body.to_string().into())
}

fn response(status: StatusCode, content_type: Option<HeaderValue>, body: Bytes) -> http::Response<Bytes> {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

fn xml(code: &str, message: &str) -> Bytes {
    let mut elements = XmlElements::new();
    elements.push("return_code", code);
    elements.push("return_msg", message);
    // A character that XML has no place for is left out before, so that this does not fail; without the message if it did.
    let written = elements.write("xml");
    written.unwrap_or_else(|_| format!("<xml><return_code>{code}</return_code></xml>")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_of_apiv3_has_no_body_and_a_failure_is_json() {
        let done = success(ApiVersion::V3);
        assert_eq!((done.status().as_u16(), done.body().len()), (204, 0));
        let failed = failure(ApiVersion::V3, StatusCode::INTERNAL_SERVER_ERROR, "no \"stock\"\n");
        assert_eq!(failed.status(), 500);
        assert_eq!(&failed.body()[..], br#"{"code":"FAIL","message":"no \"stock\""}"#);
        assert_eq!(failed.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
    }

    #[test]
    fn apiv2_is_answered_in_xml() {
        let done = success(ApiVersion::V2);
        assert_eq!(done.status(), 200);
        let read = XmlElements::read(done.body(), "xml").unwrap();
        assert_eq!((read.text("return_code"), read.text("return_msg")), (Some("SUCCESS"), Some("OK")));
        let failed = failure(ApiVersion::V2, StatusCode::UNAUTHORIZED, "a <b> & \u{FFFE}");
        let read = XmlElements::read(failed.body(), "xml").unwrap();
        assert_eq!((failed.status().as_u16(), read.text("return_code")), (401, Some("FAIL")));
    }
}
