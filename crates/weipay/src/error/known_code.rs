//! Error codes (错误码) that the catalogue knows: what they mean and what to do, for an operation and for an error.

use std::fmt;

use http::StatusCode;

use super::{Error, ErrorKind};
use crate::operation::Operation;

/// An error code (错误码) that the catalogue knows of an operation.
/// [`Operation::error_codes`](crate::Operation::error_codes) gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode {
    /// 0 if it is not known.
    status: u16,
    code: &'static str,
    advice: Advice,
    meaning: &'static str,
    message: &'static str,
    is_unconfirmed: bool,
}

impl ErrorCode {
    pub(crate) const fn new(status: u16, code: &'static str, advice: Advice, meaning: &'static str) -> Self {
        Self { status, code, advice, meaning, message: "", is_unconfirmed: false }
    }

    pub(crate) const fn says(mut self, message: &'static str) -> Self {
        self.message = message;
        self
    }

    pub(crate) const fn unconfirmed(mut self) -> Self {
        self.is_unconfirmed = true;
        self
    }

    /// The HTTP status with which the code comes, if it is known. APIv2 refuses with 200.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status).ok()
    }

    /// The code, such as `ORDER_CLOSED`. [`error_code`](crate::error_code) has a constant for each.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Its meaning.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// The official message or description (错误描述), if it is known. The platform may send other words.
    #[must_use]
    pub const fn message(&self) -> Option<&'static str> {
        if self.message.is_empty() { None } else { Some(self.message) }
    }

    /// The advice for it. [`Error::advice`] also considers whether the call may have taken effect.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        self.advice
    }

    /// Whether no source settles that the operation has this code with this status and meaning (UNCONFIRMED).
    #[must_use]
    pub const fn is_unconfirmed(&self) -> bool {
        self.is_unconfirmed
    }

    /// Whether this is the code, in either spelling: pages and responses differ in underscores.
    fn is(&self, code: &str) -> bool {
        let letters = |text: &'static str| text.bytes().filter(|letter| *letter != b'_');
        letters(self.code).eq(code.bytes().filter(|letter| !matches!(letter, b'_' | b' ')))
    }

    /// Whether the message of a response is the one of this row, without blanks and punctuation.
    fn is_said_by(&self, message: &str) -> bool {
        let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
        !self.message.is_empty() && letters(message).contains(&letters(self.message))
    }
}

/// The advice about an error. `Display` prints it as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Correct the request: the same one fails again.
    FixRequest,
    /// Send the same request again, with the same number.
    RetrySame,
    /// Wait, then send the same request again, with the same number.
    RetryLater,
    /// Query the state before anything else.
    QueryState,
    /// Query what the number stands for. A new request needs a new number.
    NewNumber,
    /// The user must act. Query the result, or ask the user.
    WaitUser,
    /// The merchant lacks a permission. Check it on the merchant platform (商户平台).
    AskPermission,
    /// Only the support of WeChat Pay can help. Read the message first.
    Contact,
}

impl Advice {
    /// The text of `Display`, for an operation whose requests have no number.
    pub(super) fn without_number(self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            Self::RetrySame => f.write_str("send the same request again"),
            Self::RetryLater => f.write_str("wait, then send the same request again"),
            other => fmt::Display::fmt(&other, f),
        })
    }
}

impl fmt::Display for Advice {
    /// A sentence without a capital letter and a full stop. The number is that of the request, if it has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FixRequest => "correct the request: the same one fails again",
            Self::RetrySame => "send the same request again, with the same number",
            Self::RetryLater => "wait, then send the same request again, with the same number",
            Self::QueryState => "query the state before anything else",
            Self::NewNumber => "query what the number stands for: a new request needs a new number",
            Self::WaitUser => "the user must act: query the result, or ask the user",
            Self::AskPermission => {
                "check the permissions of the merchant on the merchant platform (商户平台)"
            }
            Self::Contact => "read the message, then ask the support of WeChat Pay",
        })
    }
}

impl Error {
    /// The meaning of the platform's code for the operation that was called, if the catalogue has it. If the code has several
    /// meanings, and the message does not identify one, this is the general one, or none.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        let rows = self.known_rows();
        let common = || {
            let common = self.operation()?.common_error_codes();
            rows.iter().find(|row| common.contains(row)).map(|row| row.meaning)
        };
        single(rows.iter().map(|row| row.meaning)).or_else(common)
    }

    /// The advice about the platform's error, if the catalogue has the code for the operation that was called and its entries
    /// agree.
    ///
    /// It never leads to a second effect: if the operation [may have taken effect](Self::may_have_taken_effect), the advice is to
    /// query the state, or to repeat the same request if that [is safe](Self::is_safe_to_repeat).
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        if let ErrorKind::Api(error) = self.kind()
            && error.is_wrongly_signed()
        {
            let may_be_repeated = self.is_read_only() || self.is_safe_to_repeat();
            return Some(if may_be_repeated { Advice::RetrySame } else { Advice::QueryState });
        }
        let rows = self.known_rows();
        let advice = single(rows.iter().map(|row| row.advice))?;
        if advice == Advice::NewNumber && self.code().is_some_and(super::codes::is_of_an_earlier_call) {
            return Some(Advice::QueryState);
        }
        if self.is_read_only() || !self.may_have_taken_effect() {
            return Some(advice);
        }
        Some(match advice {
            Advice::RetrySame | Advice::RetryLater if self.is_safe_to_repeat() => advice,
            Advice::WaitUser => advice,
            _ => Advice::QueryState,
        })
    }

    /// Whether it is this code with this message, or with any if that is empty. Messages of the catalogue are
    /// Chinese. In the response to a request for another language, one that is not known of the code may be this.
    pub(crate) fn may_be(&self, code: &str, message: &str) -> bool {
        let said = self.message().unwrap_or_default();
        let is_known = || {
            let mut rows = self.operation().into_iter().flat_map(Operation::error_codes);
            rows.any(|row| row.is(code) && row.is_said_by(said))
        };
        self.code() == Some(code)
            && (said.contains(message) || self.asks_for_another_language() && !is_known())
    }

    /// Whether the catalogue has this code for the operation, or for all of its version.
    pub(super) fn is_listed(&self, code: &str) -> bool {
        self.operation().is_some_and(|operation| operation.error_codes().any(|row| row.is(code)))
    }

    /// The rows of the catalogue that the response may be: those with its message; otherwise those with its code and status whose
    /// message is not known.
    fn known_rows(&self) -> Vec<&'static ErrorCode> {
        let (ErrorKind::Api(error), Some(operation)) = (self.kind(), self.operation()) else {
            return Vec::new();
        };
        if error.is_wrongly_signed() {
            return Vec::new();
        }
        let mut rows: Vec<&ErrorCode> = operation.error_codes().filter(|row| row.is(&error.code)).collect();
        let status = self.status();
        keep(&mut rows, |row| row.status().is_none() || row.status() == status);
        if rows.iter().any(|row| row.is_said_by(&error.message)) {
            keep(&mut rows, |row| row.is_said_by(&error.message));
        } else {
            keep(&mut rows, |row| row.message.is_empty());
        }
        rows
    }
}

/// Keeps only the rows that fit, if any does.
fn keep(rows: &mut Vec<&ErrorCode>, fits: impl Fn(&ErrorCode) -> bool) {
    if rows.iter().any(|row| fits(row)) {
        rows.retain(|row| fits(row));
    }
}

/// The value, if all are the same.
fn single<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, LazyLock};

    use http::Method;

    use super::*;
    use crate::error::ApiError;
    use crate::request::Request;
    use crate::{error_code, operations};

    static KEY: LazyLock<Arc<weipay_wire::PrivateKey>> =
        LazyLock::new(|| Arc::new(weipay_wire::PrivateKey::generate().unwrap()));

    pub(in crate::error) fn refused(path: &str, status: u16, code: &str, message: &str) -> Error {
        let body = serde_json::json!({"code": code, "message": message}).to_string();
        let mut response = http::Response::new(bytes::Bytes::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let response = crate::response::RawResponse::new(response, Some(KEY.clone()));
        let error = Error::with_response(ErrorKind::Api(ApiError::read(body.as_bytes())), response);
        let mut request = Request::new(path.to_owned());
        request.method = Method::POST;
        request.operation = Operation::find(&request.method, path);
        if let Some(number) = request.operation.and_then(Operation::request_number) {
            request.values.push((number.to_owned(), "number-1".to_owned()));
        }
        error.in_call(&request)
    }

    #[test]
    fn a_request_without_its_number_is_never_to_be_repeated() {
        for path in [REFUNDS, "v3/marketing/partnerships/build", "v3/merchants", "v3/global/merchants"] {
            let error = refused(path, 500, "SYSTEM_ERROR", "");
            assert!(error.is_safe_to_repeat() && error.is_retryable(), "{path}");
            let mut request = Request::new(path.to_owned());
            request.method = Method::POST;
            request.operation = Operation::find(&request.method, path);
            let error = error.in_call(&request);
            assert!(error.may_have_taken_effect(), "{path}");
            assert!(!error.is_safe_to_repeat() && !error.is_retryable(), "{path}");
            assert!(matches!(error.advice(), None | Some(Advice::QueryState)), "{path}");
        }
    }

    const REFUNDS: &str = "v3/refund/domestic/refunds";
    const CLOSE: &str = "v3/pay/transactions/out-trade-no/{out_trade_no}/close";
    const DISASSOCIATE: &str = "v3/marketing/busifavor/coupons/disassociate";
    const CODEPAY: &str = "v3/pay/transactions/codepay";

    #[test]
    fn a_code_has_its_meaning_for_the_operation_in_either_spelling() {
        let closed = refused(CLOSE, 400, error_code::ORDER_CLOSED, "x");
        assert_eq!(
            (closed.meaning(), closed.advice()),
            (Some("the order is closed"), Some(Advice::QueryState))
        );
        assert_eq!(refused(CLOSE, 400, "ORDERCLOSED", "x").meaning(), closed.meaning());
        assert_eq!(refused(DISASSOCIATE, 400, error_code::ORDER_CLOSED, "x").meaning(), None);
        assert_eq!(refused("v3/never/heard/of", 400, "PARAM_ERROR", "x").advice(), None);
    }

    #[test]
    fn the_message_decides_between_meanings_of_a_code() {
        let meaning = |message| refused(DISASSOCIATE, 400, "INVALID_REQUEST", message);
        let gone = meaning("券不存在");
        assert_eq!(gone.meaning(), Some("there is no such coupon in this stock"));
        assert_eq!(gone.advice(), Some(Advice::FixRequest));
        let unusable = meaning("券状态非可用态。");
        assert_eq!(unusable.meaning(), Some("the coupon is not usable"));
        assert_eq!(unusable.advice(), Some(Advice::QueryState));
        // Of another message nothing certain is said.
        let other = meaning("x");
        assert!(other.meaning().is_some_and(|meaning| meaning.starts_with("the request breaks a rule")));
        assert_eq!(other.advice(), None);
    }

    #[test]
    fn the_status_decides_between_rows_of_a_code() {
        let meaning = |status| refused(REFUNDS, status, error_code::SYSTEM_ERROR, "").meaning();
        assert_eq!(meaning(500), meaning(400));
        let limited = refused(REFUNDS, 404, error_code::RATELIMIT_EXCEEDED, "");
        assert_eq!(limited.meaning(), Some("too many calls"), "no row has this status");
    }

    #[test]
    fn advice_never_leads_to_a_second_effect() {
        let advice = |path, status, code| refused(path, status, code, "").advice();
        assert_eq!(advice(REFUNDS, 500, "SYSTEM_ERROR"), Some(Advice::RetrySame));
        assert_eq!(advice(REFUNDS, 429, "RATELIMIT_EXCEEDED"), Some(Advice::RetryLater));
        // No page says that a payment code may be charged again under the same number.
        assert_eq!(advice(CODEPAY, 500, "SYSTEM_ERROR"), Some(Advice::QueryState));
        assert_eq!(advice(CODEPAY, 429, "RATELIMIT_EXCEEDED"), Some(Advice::QueryState));
        // A code that refuses, with a status that proves nothing.
        assert_eq!(advice(CLOSE, 502, "ORDER_CLOSED"), Some(Advice::QueryState));
    }

    #[test]
    fn a_number_that_was_used_is_queried_before_a_new_one_is_taken() {
        let order = "v3/pay/transactions/jsapi";
        let used = refused(order, 403, error_code::OUT_TRADE_NO_USED, "商户订单号重复");
        assert_eq!(used.advice(), Some(Advice::QueryState));
        for message in ["请求重入时，参数与首次请求时不一致", "201 商户订单号重复", "该订单已支付"]
        {
            assert_eq!(refused(order, 400, "INVALID_REQUEST", message).advice(), Some(Advice::QueryState));
        }
    }

    /// A query or a close makes no new order, and a request without a number is not sent again "with the same number".
    #[test]
    fn advice_fits_what_the_operation_does() {
        for operation in operations().filter(|operation| operation.request_number().is_none()) {
            let mut rows = operation.error_codes();
            assert!(rows.all(|row| row.advice() != Advice::NewNumber), "{operation}");
        }
        let busy = |path: &str| refused(path, 429, error_code::RATELIMIT_EXCEEDED, "").to_string();
        let limited = refused(CLOSE, 429, error_code::FREQUENCY_LIMITED, "").to_string();
        assert!(limited.contains("; wait, then send the same request again ("), "{limited}");
        let refund = busy(REFUNDS);
        assert!(
            refund.contains("; wait, then send the same request again, with the same number ("),
            "{refund}"
        );
    }

    #[test]
    fn no_advice_on_an_open_outcome_asks_for_a_new_number() {
        let acts = |operation: &&Operation| operation.method() == Method::POST && !operation.is_read_only();
        for operation in operations().filter(acts) {
            for known in operation.error_codes() {
                for status in [known.status, 500].into_iter().filter(|status| *status > 0) {
                    let error = refused(operation.path(), status, known.code, known.message);
                    let Some(advice) = error.advice().filter(|_| error.may_have_taken_effect()) else {
                        continue;
                    };
                    let repeats = matches!(advice, Advice::RetrySame | Advice::RetryLater);
                    let waits = matches!(advice, Advice::QueryState | Advice::WaitUser);
                    assert!(waits || repeats && operation.is_safe_to_repeat(), "{operation}: {}", known.code);
                }
            }
        }
    }

    #[test]
    fn every_operation_of_apiv3_has_the_common_codes() {
        for operation in operations().filter(|operation| operation.version() == crate::ApiVersion::V3) {
            for code in [error_code::PARAM_ERROR, error_code::SIGN_ERROR, error_code::SYSTEM_ERROR] {
                assert!(operation.error_codes().any(|known| known.code == code), "{operation}");
            }
        }
        let unconfirmed = Operation::find(&Method::POST, "v3/marketing/busifavor/coupons/send").unwrap();
        assert!(unconfirmed.error_codes().any(ErrorCode::is_unconfirmed));
    }
}
