//! The XML of a response (应答): every value but numbers as CDATA, and the content type `text/plain`, as recorded.

use http::HeaderValue;
use weipay_catalog::Operation;
use weipay_wire::{SignType, XmlContent, XmlElements};

use super::elements::is_number;
use super::gate::{Entered, Rejection};
use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::Merchant;
use crate::response::{Refusal, Response, SERVER};

/// The elements of a request that a response repeats.
const REPEATED: [&str; 11] = [
    "appid",
    "mch_id",
    "combine_appid",
    "combine_mch_id",
    "mch_appid",
    "mchid",
    "wxappid",
    "sub_appid",
    "sub_mch_id",
    "device_info",
    "brand_id",
];

/// What the gateway rejected: nothing but why, and mostly not signed.
pub(super) fn rejected(rejection: &Rejection, now: i64, entropy: &Entropy) -> Response {
    let refusal = &rejection.refusal;
    if rejection.is_of_the_front {
        return front(&refusal.message, now);
    }
    if let Some(merchant) = &rejection.signed_for {
        return rejected_and_signed(merchant, refusal, now, entropy);
    }
    let mut elements = XmlElements::new();
    elements.push("return_code", "FAIL");
    elements.push("return_msg", &*refusal.message);
    if rejection.has_code {
        push_failure(&mut elements, refusal);
    }
    written(&elements, |_| false, now)
}

/// A wrong signature of profit sharing, as recorded: there is no `return_msg`, and the hash is HMAC-SHA256.
fn rejected_and_signed(merchant: &Merchant, refusal: &Refusal, now: i64, entropy: &Entropy) -> Response {
    let mut elements = XmlElements::new();
    elements.push("return_code", "SUCCESS");
    push_failure(&mut elements, refusal);
    elements.push("mch_id", &*merchant.account.mchid);
    elements.push("nonce_str", entropy.letters_and_digits(32));
    let sign = merchant.api_v2_key.sign(SignType::HmacSha256, elements.texts());
    elements.push("sign", sign);
    written(&elements, |_| false, now)
}

/// A response of the web server in front of the gateway.
fn front(message: &str, now: i64) -> Response {
    let mut response = Response::empty(400);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(now));
    response.set("content-type", "text/html");
    response.body = format!(
        "<html>\r\n<head><title>400 {message}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
         <center>{message}</center>\r\n</body>\r\n</html>\r\n"
    )
    .into_bytes();
    response
}

/// How the responses of an operation are written; the table of its product says where they differ from the usual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseForm {
    failure: Failure,
    /// Numbers that stand in CDATA all the same.
    quoted: &'static [&'static str],
}

/// What says that an operation failed.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// `result_code`, with this `return_msg`.
    ResultCode(&'static str),
    /// `return_code`, with the names of the code and of the sentence.
    ReturnCode { code: &'static str, message: Option<&'static str>, has_return_msg: bool },
}

impl ResponseForm {
    pub(crate) const USUAL: Self = Self { failure: Failure::ResultCode("OK"), quoted: &[] };

    /// `return_code` says that the operation failed, because the response has no `result_code`.
    /// INFERRED(v2-failure-without-result): such a failure is not signed, and `return_msg` has its sentence too.
    pub(crate) const fn failing_as(code: &'static str, message: Option<&'static str>) -> Self {
        Self { failure: Failure::ReturnCode { code, message, has_return_msg: true }, ..Self::USUAL }
    }

    /// The same without `return_msg`, and also where a success has a `result_code`.
    pub(crate) const fn failing_only_as(code: &'static str, message: &'static str) -> Self {
        let failure = Failure::ReturnCode { code, message: Some(message), has_return_msg: false };
        Self { failure, ..Self::USUAL }
    }

    /// With another `return_msg` than OK if it fails.
    pub(crate) const fn failing_with(self, return_msg: &'static str) -> Self {
        Self { failure: Failure::ResultCode(return_msg), ..self }
    }

    /// With these numbers in CDATA.
    pub(crate) const fn quoting(self, quoted: &'static [&'static str]) -> Self {
        Self { quoted, ..self }
    }

    /// Whether the value of an element stands without CDATA.
    fn is_bare(self, operation: &Operation, name: &str) -> bool {
        !self.quoted.contains(&name) && is_number(&operation.response, name)
    }
}

/// A success, signed as the request was.
pub(super) fn signed(
    entered: &Entered,
    form: ResponseForm,
    given: XmlElements,
    now: i64,
    entropy: &Entropy,
) -> Response {
    let mut elements = begin(entered, entropy);
    if entered.operation.response.iter().any(|field| field.name == "result_code") {
        // A handler that keeps something although it says FAIL gives the code and the sentence itself.
        elements.push("result_code", given.text("result_code").unwrap_or("SUCCESS"));
    }
    let is_begun = |name: &str| matches!(name, "return_code" | "return_msg" | "nonce_str" | "result_code");
    for (name, content) in given.iter().filter(|(name, _)| !is_begun(name)) {
        match content {
            XmlContent::Text(text) => elements.set(name, text),
            XmlContent::Elements(nested) => elements.push_elements(name, nested.clone()),
        }
    }
    sign(entered, &mut elements);
    written(&elements, |name| form.is_bare(entered.operation, name), now)
}

/// A request that was let in and failed.
pub(super) fn failed(
    entered: &Entered,
    form: ResponseForm,
    refusal: &Refusal,
    now: i64,
    entropy: &Entropy,
) -> Response {
    let return_msg = match form.failure {
        Failure::ResultCode(return_msg) => return_msg,
        Failure::ReturnCode { code, message, has_return_msg } => {
            let names = [has_return_msg.then_some("return_msg"), message];
            return failed_as(code, names, refusal, now);
        }
    };
    let mut elements = begin(entered, entropy);
    elements.set("return_msg", return_msg);
    push_failure(&mut elements, refusal);
    sign(entered, &mut elements);
    written(&elements, |name| form.is_bare(entered.operation, name), now)
}

/// Such a failure is not signed. Its sentence stands before the code, behind it, or at both places.
fn failed_as(
    code: &str,
    [before, behind]: [Option<&'static str>; 2],
    refusal: &Refusal,
    now: i64,
) -> Response {
    let mut elements = XmlElements::new();
    elements.push("return_code", "FAIL");
    if let Some(name) = before {
        elements.push(name, &*refusal.message);
    }
    elements.push(code, refusal.code);
    if let Some(name) = behind {
        elements.push(name, &*refusal.message);
    }
    written(&elements, |_| false, now)
}

fn push_failure(elements: &mut XmlElements, refusal: &Refusal) {
    elements.push("result_code", "FAIL");
    elements.push("err_code", refusal.code);
    elements.push("err_code_des", &*refusal.message);
}

fn begin(entered: &Entered, entropy: &Entropy) -> XmlElements {
    let mut elements = XmlElements::new();
    elements.push("return_code", "SUCCESS");
    elements.push("return_msg", "OK");
    for name in REPEATED {
        if let Some(text) = entered.elements.text(name).filter(|text| !text.is_empty()) {
            elements.push(name, text);
        }
    }
    elements.push("nonce_str", entropy.letters_and_digits(32));
    elements
}

fn sign(entered: &Entered, elements: &mut XmlElements) {
    if !entered.operation.unsigned || entered.operation.has_file_response {
        let sign = entered.merchant.api_v2_key.sign(entered.sign_type, elements.texts());
        elements.push("sign", sign);
    }
}

/// A file, unsigned.
pub(super) fn file(bytes: Vec<u8>, now: i64) -> Response {
    let mut response = Response::empty(200);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(now));
    response.set("content-type", "text/plain");
    response.body = bytes;
    response
}

fn written(elements: &XmlElements, is_bare: impl Fn(&str) -> bool, now: i64) -> Response {
    let mut response = Response::empty(200);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(now));
    response.set("content-type", "text/plain");
    response.body = elements.write_with_cdata("xml", is_bare).unwrap_or_default().into_bytes();
    response
}

/// Whether a response is one of this gateway.
pub(crate) fn is_xml(response: &Response) -> bool {
    response.headers.get("content-type").map(HeaderValue::as_bytes) == Some(b"text/plain")
        && response.body.starts_with(b"<xml>")
}

/// The text of a response with another `sign`, or without one; `None` if it has none.
pub(crate) fn spoilt(response: &Response, keeps_sign: bool) -> Option<Vec<u8>> {
    if !is_xml(response) {
        return None;
    }
    let elements = XmlElements::read(&response.body, "xml").ok()?;
    let right = elements.text("sign")?;
    let wrong: String = right
        .chars()
        .map(|digit| {
            if digit == '0' {
                '1'
            } else if digit == '1' {
                '0'
            } else {
                digit
            }
        })
        .rev()
        .collect();
    let element = |text: &str| format!("<sign><![CDATA[{text}]]></sign>");
    let body = str::from_utf8(&response.body).ok()?;
    let spoilt = body.replace(&element(right), &if keeps_sign { element(&wrong) } else { String::new() });
    Some(spoilt.into_bytes())
}
