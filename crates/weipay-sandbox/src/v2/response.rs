//! The XML of a response (应答): every value but numbers as CDATA, and the content type `text/plain`, as recorded.

use http::HeaderValue;
use weipay_catalog::Operation;
use weipay_wire::{SignType, XmlContent, XmlElements};

use super::elements::is_number;
use super::gate::{Entered, Rejection, Told};
use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::Merchant;
use crate::products::payments::creation::h5_url;
use crate::products::payments::v2::codes::NUMBER_IS_TAKEN;
use crate::response::{Refusal, Response, SERVER, request_id, tail};

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

/// The elements of a request that the responses of red packets repeat, whether it was carried out or not.
const OF_RED_PACKET: [&str; 5] = ["mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"];

/// The response to a rejected request: mostly only the sentence, and not signed.
pub(super) fn rejected(rejection: &Rejection, form: ResponseForm, now: i64, entropy: &Entropy) -> Response {
    let refusal = &rejection.refusal;
    let response = match &rejection.told {
        Told::ByFront => return front(&refusal.message, now),
        Told::ByReturnCode { has_code } => told_by_return_code(refusal, *has_code, now),
        Told::ByRetcode => told_by_retcode(refusal, now),
        Told::AsFailure => told_as_failure(form, refusal, now),
        Told::OfSharing(merchant) => rejected_and_signed(merchant, refusal, now, entropy),
        Told::OfPayout(operation, request) => wrong_sign_of_payout(operation, request, form, refusal, now),
        Told::OfPayoutElement(operation, request) => {
            wrong_element_of_payout(operation, request, form, refusal, now)
        }
    };
    identified(response, tail::FAILURE_OF_V2, now, entropy)
}

/// The response with its `Request-ID`. The web server in front of the gateway sends none.
fn identified(mut response: Response, tail: u32, now: i64, entropy: &Entropy) -> Response {
    response.set("request-id", &request_id(now, tail, entropy));
    response
}

/// As the operation reports its other failures.
fn told_as_failure(form: ResponseForm, refusal: &Refusal, now: i64) -> Response {
    match form.failure {
        Failure::ReturnCode { code, message, has_return_msg } => {
            failed_as(code, [has_return_msg.then_some("return_msg"), message], refusal, now)
        }
        _ => told_by_return_code(refusal, true, now),
    }
}

fn told_by_return_code(refusal: &Refusal, has_code: bool, now: i64) -> Response {
    let mut elements = XmlElements::new();
    elements.push("return_code", "FAIL");
    elements.push("return_msg", &*refusal.message);
    if has_code {
        push_failure(&mut elements, refusal);
    }
    written(&elements, |_| false, now)
}

/// As reported of a payment to the wallet; see [`NO_PAYER`](super::sentences::NO_PAYER).
fn told_by_retcode(refusal: &Refusal, now: i64) -> Response {
    let mut elements = XmlElements::new();
    elements.push("return_code", "FAIL");
    elements.push("retmsg", &*refusal.message);
    elements.push("retcode", "1");
    written(&elements, |_| false, now)
}

/// A wrong signature of a red packet, and of a payment to the wallet, as recorded: it is told like what a product refuses, and of
/// the latter `return_msg` is the code. INFERRED(v2-payout-signature): so it is of the others.
fn wrong_sign_of_payout(
    operation: &Operation,
    request: &XmlElements,
    form: ResponseForm,
    refusal: &Refusal,
    now: i64,
) -> Response {
    let elements = match form.failure {
        Failure::WithCode { repeated, .. } => failed_with_code(request, refusal, repeated),
        _ => {
            let mut elements = XmlElements::new();
            elements.push("return_code", "SUCCESS");
            elements.push("return_msg", refusal.code);
            repeat(request, &REPEATED, &mut elements);
            push_failure(&mut elements, refusal);
            elements
        }
    };
    written(&elements, |name| form.is_bare(operation, name), now)
}

/// An element of a red packet or a payment to the wallet, as recorded: only the former repeats the request, with an empty number
/// if it had none.
fn wrong_element_of_payout(
    operation: &Operation,
    request: &XmlElements,
    form: ResponseForm,
    refusal: &Refusal,
    now: i64,
) -> Response {
    let mut elements = with_code("FAIL", refusal.code, &refusal.message);
    if let Failure::WithCode { repeated, .. } = form.failure {
        if request.text("mch_billno").unwrap_or_default().is_empty() {
            elements.push("mch_billno", "");
        }
        repeat(request, repeated, &mut elements);
    }
    written(&elements, |name| form.is_bare(operation, name), now)
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
    /// Elements of the request that a failure repeats beside those that every response does.
    repeated: &'static [&'static str],
    /// Numbers that stand in CDATA all the same.
    quoted: &'static [&'static str],
    /// Whether a success has a code and a sentence as well, and neither appid nor nonce_str.
    success_has_code: bool,
    /// Elements that a failure has beside the usual ones; one without a value has the sentence.
    added: &'static [(&'static str, Option<&'static str>)],
}

/// The elements that say that an operation failed.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// `result_code`.
    ResultCode,
    /// `result_code`, with 支付失败 in `return_msg`, or with the sentence if a parameter is wrong.
    OfPayment,
    /// `return_code`, with the names of the code and of the sentence.
    ReturnCode { code: &'static str, message: Option<&'static str>, has_return_msg: bool },
    /// `result_code`, with the sentence in `return_msg` too, and these elements of the request. A success has a code, and these as
    /// `return_msg` and `err_code_des`.
    WithCode { repeated: &'static [&'static str], success: [&'static str; 2] },
}

impl ResponseForm {
    pub(crate) const USUAL: Self = Self {
        failure: Failure::ResultCode,
        repeated: &[],
        quoted: &[],
        success_has_code: false,
        added: &[],
    };

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

    /// As recorded of sendredpack (public reports of 2017 to 2020): code and sentence are there in any case, `return_msg` is the
    /// sentence, and the numbers of the request are repeated. INFERRED(red-packet-form): so it is of its kin.
    pub(crate) const OF_RED_PACKET: Self = Self::with_code(&OF_RED_PACKET, ["发放成功", "发放成功"]);

    /// As recorded of pay_bank: successes in public captures of 2017 and 2019, a wrong signature in
    /// <https://github.com/binarywang/WxJava/issues/1042> (2019). UNCONFIRMED(bank-words): other failures have the same elements.
    pub(crate) const OF_BANK_PAYMENT: Self = Self::with_code(
        &["nonce_str", "mch_id", "partner_trade_no", "amount"],
        ["支付成功", "微信侧受理成功"],
    );

    /// A wrong signature as recorded: <https://github.com/w7corp/easywechat/issues/1123> (2018). A success as in tests of SDKs,
    /// which are copies of the page.
    pub(crate) const OF_BANK_QUERY: Self = Self::with_code(&[], ["ok", "ok"]);

    const fn with_code(repeated: &'static [&'static str], success: [&'static str; 2]) -> Self {
        Self { failure: Failure::WithCode { repeated, success }, ..Self::USUAL }
    }

    /// As recorded of gethbinfo: <https://github.com/liyiorg/weixin-popular/issues/129> (2017).
    pub(crate) const OF_RED_PACKET_QUERY: Self = Self { success_has_code: true, ..Self::USUAL };

    /// As recorded of a payment to the wallet: a failure has no `nonce_str`, and a success an empty `return_msg`.
    pub(crate) const OF_PAYMENT: Self = Self { failure: Failure::OfPayment, ..Self::USUAL };

    /// As recorded of a coupon that was not sent: <https://github.com/lokielse/omnipay-wechatpay/pull/106> (2019).
    pub(crate) const OF_SENT_COUPON: Self = Self {
        repeated: &["coupon_stock_id", "openid"],
        added: &[
            ("resp_count", Some("1")),
            ("success_count", Some("0")),
            ("failed_count", Some("1")),
            ("ret_code", Some("FAIL")),
            ("ret_msg", None),
        ],
        ..Self::USUAL
    };

    /// With these elements of the request if it fails.
    pub(crate) const fn repeating(self, repeated: &'static [&'static str]) -> Self {
        Self { repeated, ..self }
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
    let mut elements = match form.failure {
        Failure::WithCode { repeated, success: [message, sentence] } => {
            let mut elements = with_code("SUCCESS", "SUCCESS", sentence);
            elements.set("return_msg", message);
            repeat(&entered.elements, repeated, &mut elements);
            elements
        }
        _ if form.success_has_code => with_code("SUCCESS", "SUCCESS", "OK"),
        _ => begin(entered, entropy),
    };
    if matches!(form.failure, Failure::OfPayment) {
        elements.set("return_msg", "");
    }
    let has_result = entered.operation.response.iter().any(|field| field.name == "result_code");
    if has_result && elements.text("result_code").is_none() {
        // A handler that keeps something although it says FAIL gives the code and the sentence itself.
        elements.push("result_code", given.text("result_code").unwrap_or("SUCCESS"));
    }
    if form.success_has_code {
        repeat(&entered.elements, &["mch_id"], &mut elements);
    }
    let is_begun = |name: &str| matches!(name, "return_code" | "return_msg" | "nonce_str" | "result_code");
    for (name, content) in given.iter().filter(|(name, _)| !is_begun(name)) {
        match content {
            XmlContent::Text(text) => elements.set(name, text),
            XmlContent::Elements(nested) => elements.push_elements(name, nested.clone()),
        }
    }
    sign(entered, &mut elements);
    let response = written(&elements, |name| form.is_bare(entered.operation, name), now);
    identified(response, tail::SUCCESS, now, entropy)
}

/// A request that was let in and failed.
pub(super) fn failed(
    entered: &Entered,
    form: ResponseForm,
    refusal: &Refusal,
    now: i64,
    entropy: &Entropy,
) -> Response {
    identified(unidentified_failure(entered, form, refusal, now, entropy), tail::FAILURE_OF_V2, now, entropy)
}

fn unidentified_failure(
    entered: &Entered,
    form: ResponseForm,
    refusal: &Refusal,
    now: i64,
    entropy: &Entropy,
) -> Response {
    // A product may refuse a request as the gateway does, which sends no code.
    if refusal.code.is_empty() {
        return told_by_return_code(refusal, false, now);
    }
    let mut elements = match form.failure {
        Failure::ResultCode | Failure::OfPayment => {
            let is_payment = matches!(form.failure, Failure::OfPayment);
            let mut elements =
                if is_payment { begin_without_nonce(entered) } else { begin(entered, entropy) };
            if is_payment {
                let is_parameter = refusal.code == "PARAM_ERROR";
                elements.set("return_msg", if is_parameter { &*refusal.message } else { "支付失败" });
            }
            push_failure(&mut elements, refusal);
            repeat(&entered.elements, form.repeated, &mut elements);
            if is_h5_of_another_order(entered, refusal) {
                elements.push("mweb_url", h5_url(""));
            }
            for (name, text) in form.added {
                elements.push(*name, text.unwrap_or(&*refusal.message));
            }
            elements
        }
        Failure::WithCode { repeated, .. } => failed_with_code(&entered.elements, refusal, repeated),
        Failure::ReturnCode { .. } => return told_as_failure(form, refusal, now),
    };
    sign(entered, &mut elements);
    written(&elements, |name| form.is_bare(entered.operation, name), now)
}

/// Whether it is an H5 order whose number is taken: as recorded, in a public capture, it has the address of a page that has nothing to
/// be paid.
fn is_h5_of_another_order(entered: &Entered, refusal: &Refusal) -> bool {
    entered.operation.path == "v2/pay/unifiedorder"
        && entered.elements.text("trade_type") == Some("MWEB")
        && refusal.message == NUMBER_IS_TAKEN
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
    let mut elements = begin_without_nonce(entered);
    elements.push("nonce_str", entropy.letters_and_digits(32));
    elements
}

fn begin_without_nonce(entered: &Entered) -> XmlElements {
    let mut elements = XmlElements::new();
    elements.push("return_code", "SUCCESS");
    elements.push("return_msg", "OK");
    repeat(&entered.elements, &REPEATED, &mut elements);
    elements
}

/// The elements of a request that a response repeats.
fn repeat(request: &XmlElements, names: &[&str], elements: &mut XmlElements) {
    for name in names {
        if let Some(text) = request.text(name).filter(|text| !text.is_empty()) {
            elements.push(*name, text);
        }
    }
}

fn failed_with_code(request: &XmlElements, refusal: &Refusal, repeated: &[&str]) -> XmlElements {
    let mut elements = with_code("FAIL", refusal.code, &refusal.message);
    repeat(request, repeated, &mut elements);
    elements
}

fn with_code(result: &str, code: &str, sentence: &str) -> XmlElements {
    let mut elements = XmlElements::new();
    for (name, text) in [
        ("return_code", "SUCCESS"),
        ("return_msg", sentence),
        ("result_code", result),
        ("err_code", code),
        ("err_code_des", sentence),
    ] {
        elements.push(name, text);
    }
    elements
}

fn sign(entered: &Entered, elements: &mut XmlElements) {
    if !entered.operation.unsigned || entered.operation.has_file_response {
        let sign = entered.merchant.api_v2_key.sign(entered.sign_type, elements.texts());
        elements.push("sign", sign);
    }
}

/// A file, unsigned.
pub(super) fn file(bytes: Vec<u8>, now: i64, entropy: &Entropy) -> Response {
    let mut response = Response::empty(200);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(now));
    response.set("content-type", "text/plain");
    response.body = bytes;
    identified(response, tail::SUCCESS, now, entropy)
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
