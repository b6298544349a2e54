//! The gate (网关): what the platform's gateway checks before any product sees a request, in its order, with its texts.
//!
//! | check | response if it fails |
//! |---|---|
//! | the path is known | 404, empty body |
//! | the method fits the path | 405, empty body |
//! | `User-Agent` and `Accept` are there (not on transactions) | 400 INVALID_REQUEST |
//! | `Accept-Language`, if it is there, has a language of the platform (not on transactions) | 406 PARAM_ERROR |
//! | `Authorization` has its shape | 401 SIGN_ERROR |
//! | its timestamp is within five minutes | 401 SIGN_ERROR |
//! | merchant and certificate are known | 401 SIGN_ERROR |
//! | the signature is right | 401 SIGN_ERROR, with what was signed |
//! | it is not a [replay](replays), where that is asked for | 401 SIGN_ERROR |
//!
//! Rejections by the gate are unsigned: the platform signs only for a caller that it knows.
//!
//! A signature covers the whole body, except in an upload (文件上传), where it covers only the part named `meta`.
//! Which bytes are signed depends on the operation and on the parts that are present. The `Content-Type` never
//! decides it: otherwise a client could pass an unsigned body as multipart.

mod replays;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use weipay_catalog::{ApiVersion, Catalog, Operation, Routed, Unrouted};
use weipay_wire::{
    Authorization, AuthorizationError, BRAND_SCHEME, Scheme, is_fresh, is_same_serial, request_message,
};

use crate::clock::ClockControl;
use crate::explain::{WrongSignature, paths, serial};
use crate::merchants::record::CertificateState;
use crate::merchants::{Merchant, Merchants};
use crate::platform::Request;
use crate::reasons;
use crate::response::{Refusal, tail};
use crate::upload::Upload;
pub(crate) use replays::Replays;

/// A request that may enter.
#[derive(Debug)]
pub(crate) struct Authenticated<'a> {
    pub(crate) routed: Routed,
    pub(crate) merchant: Arc<Merchant>,
    /// The parts of the body, when the operation is an upload.
    pub(crate) upload: Option<Upload<'a>>,
    /// The time by which the caller signs, and by which its response is signed.
    pub(crate) time: i64,
    /// Whether that is the machine's and not the sandbox's, where this node knew otherwise.
    pub(crate) is_at_machine_time: Option<bool>,
}

/// A request that may not.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// 404 or 405 of the router: no body, no `Request-ID`. The reason is for the developer.
    Unrouted { status: u16, reason: String },
    /// A refusal with a body; one of them was seen to come without `Request-ID`.
    Refused { refusal: Refusal, has_request_id: bool },
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, has_request_id: true }
    }
}

/// Products whose requests the gateway checks less: `User-Agent` and `Accept` may be missing, and an
/// `Authorization` of another scheme is refused in other words, without `Request-ID`. Recorded for orders;
/// nothing but the path was seen to decide it, and no document says it of a product, so it is a rule of the
/// wire here and not a word of the catalogue.
const LESS_CHECKED: [&str; 1] = ["/v3/pay/transactions/"];

fn is_less_checked(request: &Request) -> bool {
    LESS_CHECKED.iter().any(|prefix| request.path().starts_with(prefix))
}

const MALFORMED: &str = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》";
const OTHER_SCHEME: &str = "Http头Authorization认证类型不正确";
const NO_SIGNATURE: &str = "签名信息错误，验签失败";
const INCOMPLETE: &str = "Authorization不合法";
const STALE: &str = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟";
/// UNCONFIRMED(certificate-not-yet-valid): that a certificate before its first day is refused in these words, too.
const OTHER_SERIAL: &str = "商户证书序列号有误。请使用签名私钥匹配的证书序列号";
const EXPIRED_CERTIFICATE: &str = "商户证书已过期。";
const REVOKED_CERTIFICATE: &str = "商户证书已作废。";
/// UNCONFIRMED(replayed-request), as is that there is such a refusal.
const REPLAYED: &str = "Http头Authorization中的随机串重复";
const NO_USER_AGENT: &str = "Http头缺少Accept或User-Agent";
const OTHER_LANGUAGE: &str = "传入了不支持的Accept-Language";

/// Finds out whose request it is, or rejects it. With `replays`, a signature is accepted once. If a check of the
/// merchant fails, `reload` reads the merchant from the shared database; if it has changed, the check runs again.
pub(crate) fn authenticate<'a>(
    request: &'a Request,
    merchants: &Merchants,
    replays: Option<&Replays>,
    clock: &ClockControl,
    reload: impl Fn(&str) -> bool,
) -> Result<Authenticated<'a>, Rejection> {
    let now = clock.now();
    let routed = route(&request.method, request.path())?;
    check_client_headers(request)?;
    check_language(request)?;
    let authorization = authorization(request)?;
    check_scheme(request, &authorization)?;
    let is_fresh_at = |time| is_fresh(time, authorization.timestamp);
    let Some(time) = clock.time_of_client(is_fresh_at) else {
        let clocks = [now, crate::clock::machine_now()];
        return Err(Refusal::sign_error(STALE, stale(authorization.timestamp, clocks)).into());
    };
    let operation = routed.operation;
    let upload = if operation.is_upload() { Upload::read(operation, request) } else { None };
    let check = || {
        let merchant = check_known(&authorization, merchants, now)?;
        check_signature(request, operation, upload.as_ref(), &authorization, &merchant, merchants)?;
        Ok::<_, Rejection>(merchant)
    };
    let merchant = Merchants::check_with_reload(check, || reload(&authorization.mchid))?;
    if replays.is_some_and(|replays| !replays.is_first(&authorization, time)) {
        let reason = "this Authorization was used before, and this sandbox accepts each one only once: sign every \
                      request separately";
        return Err(Refusal::sign_error(REPLAYED, reason).into());
    }
    let is_at_machine_time = clock.learn_of_client(&merchant.account.mchid, is_fresh_at);
    Ok(Authenticated { routed, merchant, upload, time, is_at_machine_time })
}

/// What is wrong with a client's clock, measured from the nearer one of those that it may follow: the
/// sandbox's and the machine's.
fn stale(signed: i64, [sandbox, machine]: [i64; 2]) -> String {
    let is_machine_nearer = signed.abs_diff(machine) < signed.abs_diff(sandbox);
    let now = if is_machine_nearer { machine } else { sandbox };
    let seconds = signed.abs_diff(now);
    let told = match sandbox.abs_diff(machine) {
        0..=1 => format!("the request was signed at {signed}, but the sandbox's clock shows {sandbox}"),
        _ => format!(
            "the request was signed at {signed}; the sandbox's clock shows {sandbox} and this machine's {machine}, and either is accepted"
        ),
    };
    if signed / 1000 >= now / 10 {
        return format!("{told}: the timestamp is in milliseconds; write seconds");
    }
    let side = if signed < now { "behind" } else { "ahead of" };
    let zone = match seconds % 3600 {
        0..=300 | 3300.. if seconds >= 3300 => ", about whole hours: is local time used as Unix time?",
        _ => "",
    };
    let whose = match (is_machine_nearer, sandbox.abs_diff(machine)) {
        (_, 0..=1) => "it",
        (true, _) => "this machine's",
        (false, _) => "the sandbox's",
    };
    format!("{told}: the client's clock is {seconds} seconds {side} {whose}{zone}")
}

/// Whether requests of an operation are let in here: APIv2 has [another gateway](crate::v2).
pub(crate) fn serves(operation: &Operation) -> bool {
    operation.version() == ApiVersion::V3
}

/// The operation that a request line asks for.
pub(crate) fn route(method: &str, path: &str) -> Result<Routed, Rejection> {
    match Catalog::embedded().route(method, path) {
        Ok(routed) if !serves(routed.operation) => Err(unrouted(404, V2_IN_PATH.to_owned())),
        Ok(routed) => Ok(routed),
        Err(Unrouted::UnknownPath) => Err(unrouted(404, unknown_path(method, path))),
        Err(Unrouted::OtherMethod(methods)) => {
            Err(unrouted(405, format!("this path takes {}", methods.join(", "))))
        }
    }
}

const V2_IN_PATH: &str = "addresses of APIv2 have no /v2 in front, as in POST /pay/unifiedorder";
const OF_V2: &str =
    "the sandbox serves only the APIv2 operations that take XML; this is a page for a browser or an upload";

/// The catalogue keeps the paths of APIv2 below `v2/`, which their addresses do not have.
fn is_of_v2(path: &str) -> bool {
    !Catalog::embedded().all_at(&format!("v2{path}")).is_empty()
}

fn unknown_path(method: &str, path: &str) -> String {
    match Catalog::embedded().but_for_the_last_slash(method, path) {
        Some(meant) if meant.path.ends_with('/') => format!("the path ends in a slash: /{}", meant.path),
        Some(meant) => format!("the path does not end in a slash: /{}", meant.path),
        None if is_of_v2(path) => OF_V2.to_owned(),
        None => match paths::nearest(method, path) {
            near if near.is_empty() => "no operation of the catalogue has this path".to_owned(),
            near => {
                format!("no operation of the catalogue has this path; similar paths: {}", near.join(", "))
            }
        },
    }
}

fn unrouted(status: u16, reason: String) -> Rejection {
    Rejection::Unrouted { status, reason }
}

/// Both headers must be there; any value passes.
fn check_client_headers(request: &Request) -> Result<(), Rejection> {
    let has = |name: &str| request.headers.get(name).is_some_and(|value| !value.is_empty());
    if is_less_checked(request) || (has("user-agent") && has("accept")) {
        return Ok(());
    }
    Err(Refusal::invalid_request(
        NO_USER_AGENT,
        "send both headers, `User-Agent` and `Accept`, with any value",
    )
    .into())
}

/// UNCONFIRMED(accept-language): which lists pass. Recorded are a missing header, which passes, and `*`, which does not.
fn check_language(request: &Request) -> Result<(), Rejection> {
    let mut languages = request
        .headers
        .get_all("accept-language")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|language| language.split(';').next().unwrap_or_default().trim())
        .filter(|language| !language.is_empty())
        .peekable();
    let is_of_platform = |language: &str| {
        let language = language.split('-').next().unwrap_or_default();
        language.eq_ignore_ascii_case("zh") || language.eq_ignore_ascii_case("en")
    };
    if is_less_checked(request) || languages.peek().is_none() || languages.any(is_of_platform) {
        return Ok(());
    }
    Err(Refusal::new(
        406,
        "PARAM_ERROR",
        OTHER_LANGUAGE,
        "the platform has texts in zh-CN, zh-HK, zh-TW and en: send `Accept-Language: zh-CN`. Node's fetch sends `*` if the program \
         does not set this header",
    )
    .into())
}

/// Whether the one `Authorization` header is no text as headers are.
fn is_not_ascii(request: &Request) -> bool {
    request.headers.get("authorization").is_some_and(|value| value.to_str().is_err())
}

fn authorization(request: &Request) -> Result<Authorization, Rejection> {
    let of_transactions = is_less_checked(request);
    let how_many = request.headers.get_all("authorization").iter().count();
    let parsed = request.header("authorization").unwrap_or_default().parse::<Authorization>();
    parsed.map_err(|error| {
        let reason = match &error {
            _ if how_many == 0 => {
                "the request has no Authorization header: sign it, and send the signature in one".to_owned()
            }
            _ if how_many > 1 => "the request has several Authorization headers: send one".to_owned(),
            AuthorizationError::MissingScheme if is_not_ascii(request) => {
                "the Authorization header has characters that are not ASCII: nothing in it needs any, and the signature is base64"
                    .to_owned()
            }
            AuthorizationError::OtherScheme { .. } if is_of_a_brand(request) => format!(
                "the Authorization header is that of a brand ({BRAND_SCHEME}), and the sandbox has no brands: no source describes what \
                 they call. Sign as a partner with WECHATPAY2-SHA256-RSA2048"
            ),
            // What stands in the place of a scheme may be a token.
            AuthorizationError::OtherScheme { .. } => {
                "the Authorization header is of another scheme than WECHATPAY2-SHA256-RSA2048".to_owned()
            }
            error => error.to_string(),
        };
        let refused = |words| Refusal::sign_error(words, reason);
        match error {
            AuthorizationError::MissingScheme | AuthorizationError::OtherScheme { .. } if of_transactions => {
                Rejection::Refused { refusal: refused(NO_SIGNATURE), has_request_id: false }
            }
            AuthorizationError::MissingScheme => refused(MALFORMED).into(),
            AuthorizationError::OtherScheme { .. } => refused(OTHER_SCHEME).into(),
            _ => refused(INCOMPLETE).into(),
        }
    })
}

fn is_of_a_brand(request: &Request) -> bool {
    let scheme = request.header("authorization").unwrap_or_default().split(' ').next();
    scheme == Some(BRAND_SCHEME)
}

/// Every merchant of the sandbox has a key of RSA: a signature of SM2 (国密) can be nobody's here.
fn check_scheme(request: &Request, authorization: &Authorization) -> Result<(), Rejection> {
    if authorization.scheme == Scheme::Sha256Rsa2048 {
        return Ok(());
    }
    let reason = "the Authorization header says WECHATPAY2-SM2-WITH-SM3 (国密), but the sandbox's merchants have RSA keys: \
                  write WECHATPAY2-SHA256-RSA2048";
    match is_less_checked(request) {
        true => Err(Rejection::Refused {
            refusal: Refusal::sign_error(NO_SIGNATURE, reason),
            has_request_id: false,
        }),
        false => Err(Refusal::sign_error(OTHER_SCHEME, reason).into()),
    }
}

fn check_known(
    authorization: &Authorization,
    merchants: &Merchants,
    now: i64,
) -> Result<Arc<Merchant>, Rejection> {
    let Some(merchant) = merchants.find(&authorization.mchid) else {
        // Seen for a merchant that does not exist: the short form, as if its signature were wrong.
        let reason = serial::cause_of_unknown(&authorization.mchid, merchants);
        return Err(wrong_signature(WRONG_SIGNATURE, reason).into());
    };
    if !is_same_serial(&authorization.serial_no, &merchant.serial) {
        let reason = serial::cause(&authorization.serial_no, &merchant, merchants);
        return Err(Refusal::sign_error(OTHER_SERIAL, reason).into());
    }
    if merchant.certificate == CertificateState::Revoked {
        return Err(Refusal::sign_error(
            REVOKED_CERTIFICATE,
            "the merchant certificate of this serial_no was revoked; in the sandbox it is valid again after `weipay sandbox merchant certificate \
             MCHID valid`",
        )
        .into());
    }
    if now > merchant.not_after || merchant.certificate == CertificateState::Expired {
        let reason = "the merchant certificate of this serial_no is expired by the sandbox's clock, or by `weipay sandbox \
                      merchant certificate MCHID expired`; set the clock back, or the certificate to valid";
        return Err(Refusal::sign_error(EXPIRED_CERTIFICATE, reason).into());
    }
    if now < merchant.not_before || merchant.certificate == CertificateState::NotYetValid {
        return Err(Refusal::sign_error(OTHER_SERIAL, reasons::NOT_YET_VALID).into());
    }
    Ok(merchant)
}

/// Checks that the merchant signed this request.
fn check_signature<'a>(
    request: &'a Request,
    operation: &'static Operation,
    upload: Option<&Upload<'a>>,
    authorization: &Authorization,
    merchant: &Merchant,
    merchants: &Merchants,
) -> Result<(), Rejection> {
    let Authorization { timestamp, nonce_str, signature, .. } = authorization;
    let bodies = signed_bodies(request, upload);
    for body in &bodies {
        let message = request_message(&request.method, &request.target, *timestamp, nonce_str, body);
        if merchant.key.verify(&message, signature).is_ok() {
            return Ok(());
        }
    }
    // What should have been signed is the usual one.
    let body = bodies.first().copied().unwrap_or_default();
    let message = request_message(&request.method, &request.target, *timestamp, nonce_str, body);
    let wrong = WrongSignature { request, operation, body, authorization, merchant, merchants };
    let explanation = wrong.explain();
    let refusal = wrong_signature(sentence_of_wrong_signature(operation), explanation.cause.clone());
    let mut refusal = refusal.with_detail(detail(request, body, &message));
    refusal.explanation = Some(Box::new(explanation));
    Err(refusal.into())
}

const WRONG_SIGNATURE: &str = "签名错误";

/// UNCONFIRMED(wrong-signature): which operations say it with another sentence. It is recorded of the list of certificates and of
/// batches of transfers.
fn sentence_of_wrong_signature(operation: &Operation) -> &'static str {
    match operation.path == "v3/certificates" || operation.path.starts_with("v3/transfer/") {
        true => "错误的签名，验签失败",
        false => WRONG_SIGNATURE,
    }
}

/// The refusal of a wrong signature, without what was signed.
fn wrong_signature(sentence: &'static str, reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::sign_error(sentence, reason).with_tail(tail::BAD_SIGNATURE)
}

/// Bodies that the signature may cover, the usual one first.
///
/// An upload without `meta` is always refused after the gate. UNCONFIRMED(upload-without-meta): which body its caller
/// may sign to get that refusal, the whole body or an empty one.
fn signed_bodies<'a>(request: &'a Request, upload: Option<&Upload<'a>>) -> Vec<&'a [u8]> {
    match upload {
        None => vec![&request.body],
        Some(upload) => upload.meta().map_or_else(|| vec![&request.body[..], b""], |meta| vec![meta]),
    }
}

/// Maximum number of bytes of a body that are shown.
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
    // UNCONFIRMED(sign-message-cut): what happens when the cut goes through a character; here the broken rest is left out.
    let shown = shown.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    format!("{}{shown}\n", String::from_utf8_lossy(head))
}

#[cfg(test)]
mod tests;
