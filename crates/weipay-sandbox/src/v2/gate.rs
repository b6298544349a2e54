//! The gate of APIv2: what is checked before any product sees a request, in this order.
//!
//! | check | response if it fails |
//! |---|---|
//! | a TLS client certificate, for what needs it | 400 of the web server |
//! | the method is POST | REQUIRE_POST_METHOD |
//! | there is a body, in UTF-8 | POST_DATA_EMPTY, NOT_UTF8 |
//! | it is XML | XML_FORMAT_ERROR |
//! | the certificate is that of some merchant | 400 of the web server |
//! | what is required is there | LACK_PARAMS |
//! | the merchant is known, and some merchant has the appid | MCHID_NOT_EXIST, APPID_NOT_EXIST |
//! | the signature is right | SIGNERROR |
//! | the client certificate is the merchant's | CERT_ERROR |
//! | the appid is the merchant's | APPID_MCHID_NOT_MATCH |
//! | every value keeps its rule | PARAM_ERROR |
//!
//! INFERRED(v2-check-order). All but the first have status 200 and `return_code` FAIL with a sentence; the
//! code is in the log, because the gateway sends none there. A wrong signature of profit sharing (分账) is told in a response
//! that is signed, with `result_code` FAIL, SIGN_ERROR and its own sentence, as recorded of profitsharingquery;
//! INFERRED(v2-sharing-signature): so it is by its other operations. Red packets and payments to the wallet tell it by
//! `result_code` and SIGN_ERROR too, unsigned (recorded in 2019 and 2021). Where the page of an operation lists CA_ERROR, a
//! certificate that is missing or strange is that instead, in XML with its code. Recorded (public reports of 2020 and 2022): `No
//! required SSL certificate was sent` for the others.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use weipay_catalog::sample::own::Own;
use weipay_catalog::{Operation, Purpose};
use weipay_wire::{Certificate, SignType, XmlContent, XmlElements, XmlError};

use super::elements;
use super::sentences::{self, Wording};
use crate::contract::{CarriedOut, ValidRequest, Validation};
use crate::explain::sign::WrongSign;
use crate::merchants::record::CertificateState;
use crate::merchants::{Merchant, Merchants};
use crate::platform::{ClientCertificate, Request};
use crate::reasons;
use crate::response::Refusal;

/// A request that may enter.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) operation: &'static Operation,
    pub(crate) merchant: Arc<Merchant>,
    pub(crate) elements: XmlElements,
    pub(crate) request: ValidRequest,
    /// How it is signed, and its response too.
    pub(crate) sign_type: SignType,
    /// Whether it needs a client certificate, and came by a way that has none.
    pub(crate) lacks_certificate: bool,
}

/// A request that may not.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) refusal: Box<Refusal>,
    pub(crate) told: Told,
}

/// The form of a rejection.
#[derive(Debug)]
pub(crate) enum Told {
    /// By the web server in front, which saw no certificate, or one of a stranger.
    ByFront,
    /// By `return_code`, and mostly with the sentence alone.
    ByReturnCode { has_code: bool },
    /// By `return_code`, with the sentence in `retmsg`: a payment to the wallet that names no merchant.
    ByRetcode,
    /// As the operation reports its other failures: a wrong signature of downloadbill.
    AsFailure,
    /// By `result_code`, signed for the merchant: a wrong signature of profit sharing.
    OfSharing(Arc<Merchant>),
    /// By `result_code`: a wrong signature of a red packet or a payment, with what was asked for.
    OfPayout(&'static Operation, Box<XmlElements>),
    /// By `result_code`: an element of a red packet or a payment that is missing or wrong.
    OfPayoutElement(&'static Operation, Box<XmlElements>),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let told = match &*refusal.message {
            sentences::NO_PAYER => Told::ByRetcode,
            _ => Told::ByReturnCode { has_code: false },
        };
        Self { refusal: Box::new(refusal), told }
    }
}

/// Finds out whose request it is, or rejects it. If a check of the merchant fails, `reload` reads the merchant from the shared
/// database; if it has changed, the check runs again.
pub(crate) fn enter(
    operation: &'static Operation,
    request: &Request,
    merchants: &Merchants,
    validation: Validation,
    now: i64,
    reload: impl Fn(&str) -> bool,
) -> Result<Entered, Rejection> {
    let lacks_certificate = check_certificate_shown(operation, request)?;
    let elements = read(request)?;
    let is_reloaded = || elements.text(merchant_element(operation)).is_some_and(&reload);
    let is_strange = || shows_strange_certificate(operation, request, merchants);
    if is_strange() && (!is_reloaded() || is_strange()) {
        let reason =
            "the certificate of the TLS handshake is no merchant's here: use merchant_cert of kit.json";
        return Err(no_certificate(operation, "The SSL certificate error", reason));
    }
    if let Err(refusal) = check_required(operation, &elements) {
        return Err(told_of_element(operation, elements, refusal));
    }
    let check = || {
        let merchant = check_known(operation, &elements, merchants)?;
        let sign_type = check_sign(operation, request, &elements, &merchant, merchants)?;
        if validation.undefined_members {
            check_unwanted(operation, &elements)?;
        }
        check_certificate(operation, request, &merchant, now)?;
        check_appid(operation, &elements, &merchant)?;
        Ok::<_, Refusal>((merchant, sign_type))
    };
    let (merchant, sign_type) = match Merchants::check_with_reload(check, is_reloaded) {
        Ok(checked) => checked,
        Err(refusal) if is_wrong_sign(operation, &refusal) => {
            return Err(told_of_sign(operation, elements, merchants, refusal));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    // An operation whose page has PARAM_ERROR says it itself.
    let checks_amounts = operation.error_codes().all(|known| known.code != "PARAM_ERROR");
    let carried_out = CarriedOut::from_operation(operation);
    let wording = Wording::of_operation(operation);
    let values = elements::values(carried_out, checks_amounts, wording, &operation.request.xml, &elements);
    let values = match values {
        Ok(values) => values,
        Err(refusal) => return Err(told_of_element(operation, elements, refusal)),
    };
    let request = ValidRequest::from_body(values);
    Ok(Entered { operation, merchant, elements, request, sign_type, lacks_certificate })
}

/// Whether a certificate is needed and cannot have been shown.
fn check_certificate_shown(operation: &Operation, request: &Request) -> Result<bool, Rejection> {
    match request.client_certificate {
        _ if !operation.client_cert => Ok(false),
        ClientCertificate::Shown(_) => Ok(false),
        ClientCertificate::NotAsked => Ok(true),
        ClientCertificate::Missing => {
            let reason = "this operation needs the merchant certificate in the TLS handshake: give your client merchant_cert and \
                          merchant_key of kit.json (apiclient_cert.pem and apiclient_key.pem)";
            Err(no_certificate(operation, "No required SSL certificate was sent", reason))
        }
    }
}

/// The error of a missing or unknown certificate; `sentence` is that of the web server.
fn no_certificate(operation: &Operation, sentence: &'static str, reason: &'static str) -> Rejection {
    if operation.error_codes().any(|known| known.code == "CA_ERROR") {
        let refusal = Box::new(sentences::refused("CA_ERROR", sentences::NO_CERTIFICATE, reason));
        return Rejection { refusal, told: Told::ByReturnCode { has_code: true } };
    }
    Rejection { told: Told::ByFront, ..sentences::refused("CERT_ERROR", sentence, reason).into() }
}

/// Reads the body.
fn read(request: &Request) -> Result<XmlElements, Refusal> {
    if request.method != "POST" {
        let reason = format!("APIv2 takes POST, not {}", crate::log::shown_method(&request.method));
        return Err(sentences::refused("REQUIRE_POST_METHOD", sentences::NOT_POST, reason));
    }
    let elements = XmlElements::read(&request.body, "xml").map_err(|error| {
        let (code, sentence) = match error {
            XmlError::Empty => ("POST_DATA_EMPTY", sentences::NO_BODY),
            XmlError::Encoding => ("NOT_UTF8", sentences::NOT_UTF8),
            _ => ("XML_FORMAT_ERROR", sentences::NOT_XML),
        };
        // The error names no value; what stood as root may be anything.
        let reason = match error {
            XmlError::Root { .. } => "the root of the XML is not `xml`".to_owned(),
            XmlError::NotXml => "the body is not XML: APIv2 takes XML, not JSON or a form".to_owned(),
            error => error.to_string(),
        };
        sentences::refused(code, sentence, reason)
    })?;
    if elements.iter().any(|(_, content)| matches!(content, XmlContent::Elements(_))) {
        let reason = "an element contains elements; write what is nested as JSON text";
        return Err(sentences::refused("XML_FORMAT_ERROR", sentences::NOT_XML, reason));
    }
    Ok(elements)
}

fn check_required(operation: &Operation, elements: &XmlElements) -> Result<(), Refusal> {
    let has = |name: &str| elements.text(name).is_some_and(|text| !text.is_empty());
    let fields = operation.request.xml.iter();
    let required = fields.filter(|field| field.required && !field.name.contains('$')).map(|field| field.name);
    let of_all = (!operation.nonceless).then_some("nonce_str").into_iter().chain(["sign"]);
    // Payments to the wallet say themselves what it must be.
    let is_left = |name: &str| match operation.path {
        sentences::PAYMENT_TO_WALLET => name == "spbill_create_ip",
        // UNCONFIRMED(v2-key-sign-type): the page requires it, and public programs that pay to bank cards do not send it.
        sentences::PUBLIC_KEY => name == "sign_type",
        _ => false,
    };
    let missing: Vec<&str> = required.chain(of_all).filter(|name| !has(name) && !is_left(name)).collect();
    if !missing.is_empty() {
        let reason = format!("missing: {}", missing.join(", "));
        if let Some(sentence) =
            missing.iter().find_map(|name| sentences::of_payout_element(operation.path, name))
        {
            return Err(sentences::refused("PARAM_ERROR", sentence, reason));
        }
        let sentence = missing.iter().find_map(|name| sentences::missing(operation, name));
        let sentence = sentence.unwrap_or(Cow::Borrowed(sentences::MISSING));
        return Err(sentences::refused("LACK_PARAMS", sentence, reason));
    }
    // Of alternatives one must be there.
    let alternatives: Vec<&str> = operation
        .request
        .xml
        .iter()
        .filter(|field| field.needed_in.is_some())
        .map(|field| field.name)
        .collect();
    if !alternatives.is_empty() && !alternatives.iter().any(|name| has(name)) {
        let reason = format!("missing: one of {}", alternatives.join(", "));
        return Err(sentences::refused("LACK_PARAMS", sentences::MISSING, reason));
    }
    Ok(())
}

/// The name of the element with the caller's merchant number.
fn merchant_element(operation: &Operation) -> &'static str {
    operation.field_for(Purpose::MerchantNumber).map_or("mch_id", |(_, field)| field.name)
}

/// Whether a request names this merchant as its caller.
pub(crate) fn is_of_merchant(operation: &Operation, request: &Request, mchid: &str) -> bool {
    super::serves(operation)
        && XmlElements::read(&request.body, "xml")
            .is_ok_and(|elements| elements.text(merchant_element(operation)) == Some(mchid))
}

/// The caller's appid, and the name of its element: 企业付款 and 红包 name it otherwise.
fn appid(elements: &XmlElements) -> Option<(&'static str, &str)> {
    let given = |name: &&'static str| Some((*name, elements.text(name).filter(|text| !text.is_empty())?));
    Own::Appid.fields().iter().find_map(given)
}

fn check_known(
    operation: &Operation,
    elements: &XmlElements,
    merchants: &Merchants,
) -> Result<Arc<Merchant>, Refusal> {
    let name = merchant_element(operation);
    let number = elements.text(name).unwrap_or_default();
    if number.is_empty() {
        let reason = format!("missing: {name}");
        return Err(sentences::refused("LACK_PARAMS", sentences::MISSING, reason));
    }
    let merchant = merchants.find(number).ok_or_else(|| {
        let reason = format!("the sandbox has no merchant with the number in {name}: use mchid of kit.json");
        sentences::refused("MCHID_NOT_EXIST", sentences::no_merchant(operation), reason)
    })?;
    match appid(elements) {
        Some((name, appid)) if !merchants.appids().iter().any(|known| known == appid) => {
            let reason = format!("no merchant of the sandbox has {name}: use appid of kit.json");
            Err(sentences::refused("APPID_NOT_EXIST", sentences::NO_APPID, reason))
        }
        _ => Ok(merchant),
    }
}

/// The code of a wrong signature that is told by `result_code`.
const SIGN_ERROR: &str = "SIGN_ERROR";

/// The usual one, and that of payments to bank cards.
const SIGNERROR: &str = "SIGNERROR";

/// That of a bill, as reported in the community of developers (oCJUsw0gJsiP_sGgS9l895KVMDzQ).
/// UNCONFIRMED(v2-bill-signature): there is this one report.
const SIGN_ERROR_OF_BILL: &str = "20001";

fn wrong_sign(operation: &Operation, reason: impl Into<Cow<'static, str>>) -> Refusal {
    if shares_profit(operation) {
        sentences::refused(SIGN_ERROR, sentences::WRONG_SIGN_OF_SHARING, reason)
    } else if pays_out(operation) {
        sentences::refused(SIGN_ERROR, sentences::wrong_sign(operation), reason)
    } else if operation.path == sentences::BILL {
        sentences::refused(SIGN_ERROR_OF_BILL, sentences::wrong_sign(operation), reason)
    } else {
        sentences::refused(SIGNERROR, sentences::wrong_sign(operation), reason)
    }
}

/// Whether it is a wrong signature that is not told by `return_code` alone.
fn is_wrong_sign(operation: &Operation, refusal: &Refusal) -> bool {
    match refusal.code {
        SIGN_ERROR | SIGN_ERROR_OF_BILL => true,
        code => code == SIGNERROR && pays_to_bank(operation),
    }
}

/// Payments to bank cards and their query. As recorded they tell a wrong signature by `result_code`.
fn pays_to_bank(operation: &Operation) -> bool {
    operation.path.starts_with(sentences::BANK_PAYMENTS)
}

fn shares_profit(operation: &Operation) -> bool {
    operation.path.contains("profitsharing") && operation.has_result_code()
}

/// Red packets, payments to the wallet and their queries, of which nothing is signed. Where no page has the code it is not sent.
fn pays_out(operation: &Operation) -> bool {
    operation.path.starts_with("v2/mmpaymkttransfers/")
        && operation.unsigned
        && operation.error_codes().any(|known| known.code == SIGN_ERROR)
}

/// The error of an element, by `result_code` for red packets and payments to the wallet.
fn told_of_element(operation: &'static Operation, elements: XmlElements, refusal: Refusal) -> Rejection {
    let fields = operation.request.xml.iter();
    let mut own = fields.filter_map(|field| sentences::of_payout_element(operation.path, field.name));
    if own.any(|sentence| sentence == refusal.message) {
        return Rejection { told: Told::OfPayoutElement(operation, Box::new(elements)), ..refusal.into() };
    }
    refusal.into()
}

fn told_of_sign(
    operation: &'static Operation,
    elements: XmlElements,
    merchants: &Merchants,
    refusal: Refusal,
) -> Rejection {
    let caller = elements.text(merchant_element(operation)).and_then(|mchid| merchants.find(mchid));
    let told = match caller.filter(|_| shares_profit(operation)) {
        Some(merchant) => Told::OfSharing(merchant),
        None if refusal.code == SIGN_ERROR_OF_BILL => Told::AsFailure,
        None => Told::OfPayout(operation, Box::new(elements)),
    };
    Rejection { told, ..refusal.into() }
}

/// Checks that the merchant signed this request, and says how.
fn check_sign(
    operation: &'static Operation,
    request: &Request,
    elements: &XmlElements,
    merchant: &Merchant,
    merchants: &Merchants,
) -> Result<SignType, Refusal> {
    let refused = |reason: &'static str| wrong_sign(operation, reason);
    let sign_type = match elements.text("sign_type").filter(|named| !named.is_empty()) {
        // INFERRED(v2-sign-type-left-out): what takes HMAC-SHA256 only is signed with it, also where no element says
        // so: shops that run share profit so. Elsewhere it is MD5, as documented.
        None if operation.demands_hmac() => SignType::HmacSha256,
        None => SignType::Md5,
        Some(named) => {
            named.parse().map_err(|_| refused("sign_type must be MD5 or HMAC-SHA256, in capital letters"))?
        }
    };
    if operation.demands_hmac() && sign_type == SignType::Md5 {
        return Err(refused(
            "this operation takes HMAC-SHA256 only: set sign_type to HMAC-SHA256 and sign with it",
        ));
    }
    let expected = merchant.api_v2_key.sign(sign_type, elements.texts());
    // UNCONFIRMED(v2-sign-case): whether small letters are taken; documents want capital ones.
    let sign = elements.text("sign").unwrap_or_default().to_ascii_uppercase();
    if verify_slices_are_equal(sign.as_bytes(), expected.as_bytes()).is_ok() {
        return Ok(sign_type);
    }
    let wrong = WrongSign { operation, body: &request.body, elements, sign_type, merchant, merchants };
    let explanation = wrong.explain();
    let mut refusal = wrong_sign(operation, explanation.cause.clone());
    refusal.explanation = Some(Box::new(explanation));
    Err(refusal)
}

/// Elements that are not on the page of their operation, and with which the platform found a signature wrong that covered them
/// (public reports, 2019 to 2021). INFERRED(v2-unknown-elements): of other operations nothing is known.
const UNWANTED: [(&str, &[&str]); 4] = [
    ("v2/pay/profitsharingquery", &["appid", "sub_appid"]),
    ("v2/secapi/pay/profitsharingfinish", &["sub_appid"]),
    ("v2/mmpaysptrans/pay_bank", &["appid"]),
    ("v2/mmpaysptrans/query_bank", &["appid"]),
];

/// The same, of elements that the platform named as unknown to it: <https://github.com/w7corp/easywechat/pull/371> (2016),
/// <https://github.com/easy-swoole/pay/issues/46> (2021), and of a refund
/// <https://github.com/binarywang/weixin-java-pay-demo/issues/70> (2020).
const UNKNOWN: [(&str, &[&str]); 2] =
    [("v2/pay/micropay", &["notify_url"]), ("v2/secapi/pay/refund", &["detail"])];

fn check_unwanted(operation: &Operation, elements: &XmlElements) -> Result<(), Refusal> {
    let given = |table: &'static [(&str, &[&str])]| {
        let of_operation = table.iter().filter(|(path, _)| *path == operation.path);
        let mut names = of_operation.flat_map(|(_, names)| names.iter());
        names.find(|name| elements.text(name).is_some_and(|text| !text.is_empty()))
    };
    if let Some(name) = given(&UNKNOWN) {
        let reason = format!("`{name}` is not an element of this operation: leave it out");
        return Err(sentences::refused("PARAM_ERROR", sentences::unknown(name), reason));
    }
    match given(&UNWANTED) {
        None => Ok(()),
        Some(name) => {
            let reason = format!(
                "`{name}` is not an element of this operation, and the platform refuses the signature of a request that has \
                 it, although it was signed: leave it out"
            );
            Err(wrong_sign(operation, reason))
        }
    }
}

/// Whether the certificate that was shown is no merchant's. The web server refuses it, as reported of refund (2020):
/// <https://github.com/binarywang/weixin-java-pay-demo/issues/60>. That of another merchant is told by `check_certificate`.
fn shows_strange_certificate(operation: &Operation, request: &Request, merchants: &Merchants) -> bool {
    let ClientCertificate::Shown(der) = &request.client_certificate else { return false };
    let is_of = |shown: &Certificate, merchant: &Merchant| {
        shown.serial() == merchant.serial && *shown.public_key() == merchant.key
    };
    operation.client_cert
        && Certificate::from_der(der)
            .map_or(true, |shown| !merchants.all().iter().any(|merchant| is_of(&shown, merchant)))
}

/// Checks that the certificate that was shown is the merchant's. The handshake has proven that the client has its key.
fn check_certificate(
    operation: &Operation,
    request: &Request,
    merchant: &Merchant,
    now: i64,
) -> Result<(), Refusal> {
    let ClientCertificate::Shown(der) = &request.client_certificate else { return Ok(()) };
    if !operation.client_cert {
        return Ok(());
    }
    let refused_with = |sentence: &'static str, reason: &'static str| {
        Err(sentences::refused("CERT_ERROR", sentence, reason))
    };
    let refused = |reason| refused_with(sentences::WRONG_CERTIFICATE, reason);
    let Ok(shown) = Certificate::from_der(der) else {
        return refused("the certificate of the TLS handshake is not a merchant's");
    };
    if shown.serial() != merchant.serial || *shown.public_key() != merchant.key {
        return refused(
            "the certificate of the TLS handshake is not this merchant's: use merchant_cert of its kit.json",
        );
    }
    let state = match merchant.certificate {
        CertificateState::Valid if now > merchant.not_after => CertificateState::Expired,
        CertificateState::Valid if now < merchant.not_before => CertificateState::NotYetValid,
        state => state,
    };
    match state {
        CertificateState::Revoked => refused("the merchant certificate was revoked"),
        CertificateState::NotYetValid => refused(reasons::NOT_YET_VALID),
        CertificateState::Expired => {
            refused_with(sentences::EXPIRED_CERTIFICATE, "the merchant certificate is expired")
        }
        CertificateState::Valid => Ok(()),
    }
}

fn check_appid(operation: &Operation, elements: &XmlElements, merchant: &Merchant) -> Result<(), Refusal> {
    match appid(elements) {
        Some((name, appid)) if !merchant.account.appids.iter().any(|own| own == appid) => {
            let number = merchant_element(operation);
            let reason = format!("{name} is bound to another merchant than {number}");
            Err(sentences::refused("APPID_MCHID_NOT_MATCH", sentences::APPID_OF_ANOTHER, reason))
        }
        _ => Ok(()),
    }
}
