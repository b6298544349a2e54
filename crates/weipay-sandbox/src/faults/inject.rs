//! Changes a response as a fault asks for it.

use std::time::Duration;

use weipay_catalog::{Advice, Operation};

use super::FAULT_HEADER;
use super::fault::{Body, Fault, Kind, error_code};
use crate::response::{Refusal, Response, UnsignedResponse, tail};
use crate::v2;

/// How a response leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    #[default]
    Whole,
    /// Whole, after a while.
    Late(Duration),
    /// Its head and half of its body, and then the connection ends.
    Truncated,
    /// Not at all: the connection ends.
    Dropped,
    /// Not at all: the connection is reset.
    Reset,
}

impl Delivery {
    /// Whether the client gets a status.
    pub(crate) fn has_status(self) -> bool {
        !matches!(self, Self::Dropped | Self::Reset)
    }
}

/// The headers of a signature.
const SIGNATURE: [&str; 5] = [
    "wechatpay-nonce",
    "wechatpay-signature",
    "wechatpay-timestamp",
    "wechatpay-serial",
    "wechatpay-signature-type",
];

/// The prefix of the signature of a probe.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

impl Fault {
    /// Whether the platform itself responds with it, signed, in place of its response: the caller must be known first.
    pub(crate) fn is_signed(self) -> bool {
        matches!(self.kind, Kind::Status(202, _) | Kind::Status(_, Body::Json) | Kind::Error(_))
    }

    /// Whether nothing is done.
    pub(crate) fn is_instead(self) -> bool {
        !self.commits && matches!(self.kind, Kind::Status(..) | Kind::Error(_) | Kind::Drop | Kind::Reset)
    }

    /// Whether it takes the place of the real response.
    pub(crate) fn replaces(self) -> bool {
        matches!(self.kind, Kind::Status(..) | Kind::Error(_))
    }

    /// The refusal with an error code of the operation. APIv2 says it with 200.
    fn with_code(self, operation: &Operation) -> Option<Refusal> {
        let Kind::Error(code) = self.kind else { return None };
        let known = error_code(operation, code)?;
        let status = if operation.path.starts_with("v2/") { 200 } else { known.status.unwrap_or(400) };
        let message = if known.message.is_empty() { known.meaning } else { known.message };
        Some(Refusal::without_reason(status, known.code, message))
    }

    /// The response of the platform in its place. UNCONFIRMED(fault-response): code and sentence where the
    /// operation's page has none for the status, and that a response with 202 has no body.
    pub(crate) fn refusal(self, operation: &Operation) -> UnsignedResponse {
        if let Some(refusal) = self.with_code(operation) {
            return UnsignedResponse::from(&refusal);
        }
        let Kind::Status(status, _) = self.kind else {
            return UnsignedResponse::from(&Refusal::system_error());
        };
        if status == 202 {
            return UnsignedResponse { status, body: Vec::new(), tail: tail::SUCCESS };
        }
        // Other codes of a status may say that the request is wrong.
        let passes = |advice| matches!(advice, Advice::RetrySame | Advice::RetryLater);
        let all =
            || operation.error_codes().filter(|known| known.status == Some(status) && passes(known.advice));
        let code = all().next().map(|known| known.code);
        // A row with a sentence may be about certain requests only.
        let known =
            all().filter(|known| Some(known.code) == code).min_by_key(|known| !known.message.is_empty());
        let (code, message) = match (known, status) {
            (Some(known), _) => (known.code, known.message),
            (None, 429) => ("RATELIMIT_EXCEEDED", ""),
            (None, 500) => ("SYSTEM_ERROR", ""),
            (None, _) => ("SERVICE_UNAVAILABLE", ""),
        };
        let message = match (message, status) {
            ("", 429) => "请求过于频繁，请稍后重试",
            ("", 500) => "系统错误，请稍后重试",
            ("", _) => "服务不可用，请稍后重试",
            (message, _) => message,
        };
        UnsignedResponse::from(&Refusal::without_reason(status, code, message))
    }

    /// The same in APIv2, whose status is 200 in every case.
    pub(crate) fn refusal_v2(self, operation: &Operation) -> Refusal {
        if let Some(refusal) = self.with_code(operation) {
            return refusal;
        }
        let Kind::Status(status, _) = self.kind else {
            return Refusal::without_reason(200, "SYSTEMERROR", "系统错误");
        };
        let is_known = |code: &str| operation.error_codes().any(|known| known.code == code);
        let code = match status {
            202 if is_known("USERPAYING") => "USERPAYING",
            429 if is_known("FREQ_LIMIT") => "FREQ_LIMIT",
            429 => "FREQUENCY_LIMITED",
            _ => "SYSTEMERROR",
        };
        let message = match code {
            "USERPAYING" => "需要用户输入支付密码",
            "SYSTEMERROR" => "系统错误",
            _ => "请求过于频繁，请稍后重试",
        };
        Refusal::without_reason(200, code, message)
    }

    /// A response that comes from a proxy, or does not come.
    pub(crate) fn unsigned(self) -> Response {
        let Kind::Status(status, body) = self.kind else { return Response::empty(0) };
        let mut response = Response::empty(status);
        if body == Body::Html {
            let title = match status {
                429 => "429 Too Many Requests",
                500 => "500 Internal Server Error",
                502 => "502 Bad Gateway",
                _ => "503 Service Temporarily Unavailable",
            };
            response.set("content-type", "text/html");
            response.body = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
            )
            .into_bytes();
        }
        response
    }

    /// Does to a response what is left to be done, and says so in its header and so in the log.
    pub(crate) fn apply_to(self, response: &mut Response) {
        let is_signed = response.headers.contains_key("wechatpay-signature");
        let is_v2 = v2::response::is_xml(response);
        match self.kind {
            // The gate did not let the request in.
            Kind::Status(..) | Kind::Error(_) if is_v2 && !response.is_let_in => return,
            Kind::Error(_) if !response.is_let_in => return,
            Kind::Status(..) | Kind::Error(_) if is_v2 => {}
            // The signature stands in the body.
            Kind::WrongSignature | Kind::MissingSignature if is_v2 => {
                let Some(body) = v2::response::spoilt(response, self.kind == Kind::WrongSignature) else {
                    return;
                };
                response.body = body;
            }
            // The gate did not let the request in.
            Kind::Status(status, _) if response.status != status => return,
            Kind::Status(..) | Kind::Error(_) => {}
            Kind::Drop => response.delivery = Delivery::Dropped,
            Kind::Reset => response.delivery = Delivery::Reset,
            Kind::Slow(delay) => response.delivery = Delivery::Late(delay),
            // Nothing cannot be cut in half.
            Kind::Truncated if response.body.is_empty() => response.delivery = Delivery::Dropped,
            Kind::Truncated => response.delivery = Delivery::Truncated,
            // Nothing of an unsigned response can be spoilt.
            _ if !is_signed => return,
            Kind::WrongSignature => {
                let wrong = wrong_signature(response);
                response.set("wechatpay-signature", &wrong);
            }
            Kind::MissingSignature => {
                for name in SIGNATURE {
                    response.headers.remove(name);
                }
            }
            Kind::ProbeSignature => {
                let wrong = wrong_signature(response);
                response.set("wechatpay-signature", &format!("{PROBE}{wrong}"));
            }
            Kind::UnknownSerial => {
                let is_public_key = response
                    .header("wechatpay-serial")
                    .is_some_and(|serial| serial.starts_with("PUB_KEY_ID_"));
                let serial =
                    if is_public_key { format!("PUB_KEY_ID_{}", "0".repeat(28)) } else { "F".repeat(40) };
                response.set("wechatpay-serial", &serial);
            }
        }
        response.set(FAULT_HEADER, &self.to_string());
    }
}

/// The signature of a response with another first letter: still Base64 of the same length.
fn wrong_signature(response: &Response) -> String {
    let right = response.header("wechatpay-signature").unwrap_or_default();
    let rest = right.get(1..).unwrap_or_default();
    let first = if right.starts_with('A') { 'B' } else { 'A' };
    format!("{first}{rest}")
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn an_error_is_that_of_the_catalogue() {
        let operation = |method, path| Catalog::embedded().find(method, path).unwrap();
        let native = operation("POST", "v3/pay/transactions/native");
        let not_opened: Fault = "error; code=NO_AUTH".parse().unwrap();
        let response = not_opened.refusal(native);
        assert_eq!(response.status, 403);
        assert!(String::from_utf8(response.body).unwrap().contains("\"NO_AUTH\""));
        assert!(not_opened.fits(Some(native)) && !not_opened.fits(None));
        let unified = operation("POST", "v2/pay/unifiedorder");
        let of_v2: Fault = "error; code=NOAUTH".parse().unwrap();
        assert_eq!((of_v2.refusal_v2(unified).status, of_v2.refusal_v2(unified).code), (200, "NOAUTH"));
        assert!(of_v2.fits(Some(unified)) && !of_v2.fits(Some(native)) && !not_opened.fits(Some(unified)));
    }

    #[test]
    fn too_many_calls_are_refused_with_the_code_of_the_operation() {
        let fault: Fault = "429".parse().unwrap();
        for (method, path, code) in [
            ("POST", "v3/pay/transactions/jsapi", "FREQUENCY_LIMITED"),
            ("POST", "v3/pay/transactions/native", "FREQUENCY_LIMITED"),
            ("POST", "v3/pay/transactions/codepay", "FREQUENCY_LIMITED"),
            ("POST", "v3/pay/partner/transactions/h5", "FREQUENCY_LIMITED"),
            ("GET", "v3/pay/transactions/id/{transaction_id}", "FREQUENCY_LIMITED"),
            ("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/close", "FREQUENCY_LIMITED"),
            ("POST", "v3/combine-transactions/app", "FREQUENCY_LIMITED"),
            ("GET", "v3/combine-transactions/out-trade-no/{combine_out_trade_no}", "FREQUENCY_LIMITED"),
            ("POST", "v3/refund/domestic/refunds", "FREQUENCY_LIMITED"),
            ("GET", "v3/refund/domestic/refunds/{out_refund_no}", "FREQUENCY_LIMITED"),
            ("POST", "v3/ecommerce/refunds/apply", "FREQUENCY_LIMITED"),
            ("GET", "v3/bill/tradebill", "FREQUENCY_LIMITED"),
            ("GET", "v3/bill/fundflowbill", "FREQUENCY_LIMITED"),
            ("GET", "v3/bill/sub-merchant-fundflowbill", "FREQUENCY_LIMITED"),
            ("POST", "v3/profitsharing/orders", "RATELIMIT_EXCEED"),
            ("POST", "v3/marketing/favor/users/{openid}/coupons", "FREQUENCY_LIMIT_EXCEED"),
            ("POST", "v3/fund-app/mch-transfer/transfer-bills", "FREQUENCY_LIMIT"),
        ] {
            let operation = Catalog::embedded().find(method, path).unwrap();
            let refusal = String::from_utf8(fault.refusal(operation).body).unwrap();
            assert!(refusal.contains(&format!("\"{code}\"")), "{path}: {refusal}");
            assert!(!refusal.contains("1个月之前"), "{path}: {refusal}");
        }
    }
}
