//! The classes of errors: one for each kind of action of a caller.

use http::StatusCode;
use weipay_wire::SealedFileError;

use crate::retry::{is_lasting_status, is_passing_status};

use super::{ApiError, Error, ErrorKind, FileError, RequestError, codes};
use crate::transport::NotOfHost;

/// The category of an error, by which a program decides what to do. [`Error::class`] returns it, according to the status and the
/// code (错误码) of the response.
///
/// A class never says whether the operation took effect: [`Error::may_have_taken_effect`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The request is wrong, or a setting of the client: found by the client before it was sent, or by the platform, such as
    /// `PARAM_ERROR`. Correct it: the same request fails again.
    Parameter,
    /// The platform does not accept the signature of the request, or the merchant's certificate: `SIGN_ERROR`. Check key, serial
    /// and clock; [`Error::sign_difference`] may name the cause.
    Signature,
    /// The merchant may not do this: `NO_AUTH`. Apply for the permission on the merchant platform (商户平台).
    Permission,
    /// The platform has no such order, refund or other object: `ORDER_NOT_EXIST`, `RESOURCE_NOT_EXISTS`. Only
    /// a whole response with a code of the platform is of this class, never the 404 of a proxy or of an
    /// unknown path. A transfer (商家转账) that is not found may still appear: query it again after some minutes, and never
    /// take it for failed.
    NotFound,
    /// The number is used, or the object is in a state that excludes this: `OUT_TRADE_NO_USED`, `ORDERPAID`,
    /// `ORDER_CLOSED`. Query its state; an earlier call may have succeeded.
    Conflict,
    /// A business rule rejects the request, such as a balance, a limit or the state of an account: `NOT_ENOUGH`, `RULE_LIMIT`.
    /// Code and message say which. Errors with a code that this version does not know are of this class too.
    Refused,
    /// Too many calls: status 429, `FREQUENCY_LIMITED`. Query the result; call again later, where that is
    /// [safe](Error::is_safe_to_repeat).
    RateLimit,
    /// The result is not decided yet: `USERPAYING`, `TRADE_ERROR`. Query the result. With status 202 the platform
    /// asks to make the same call again, as when an order cannot be closed while its payer enters the
    /// password.
    Pending,
    /// The platform failed: status 5xx, `SYSTEM_ERROR`, `BANK_ERROR`. Query the result; make the same call again only
    /// where that is [safe](Error::is_safe_to_repeat).
    PlatformFault,
    /// The network failed, or the response is not from the platform's API, but for example from a proxy.
    Transport,
    /// The response could not be verified: its signature is wrong, or the key is missing. Do not act on it.
    Verification,
    /// The response is verified, but cannot be used: its body does not have the expected type, a text cannot be decrypted, or a
    /// file cannot be written.
    Unreadable,
}

impl ErrorClass {
    /// The class as a label of metrics and logs, such as `rate_limit`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Signature => "signature",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::RateLimit => "rate_limit",
            Self::Pending => "pending",
            Self::PlatformFault => "platform_fault",
            Self::Transport => "transport",
            Self::Verification => "verification",
            Self::Unreadable => "unreadable",
        }
    }
}

use ErrorClass::{
    NotFound, Parameter, Pending, PlatformFault, RateLimit, Signature, Transport, Unreadable, Verification,
};

pub(super) fn class_of(kind: &ErrorKind, status: Option<StatusCode>) -> ErrorClass {
    match kind {
        ErrorKind::Request(RequestError::Signing(_)) => Signature,
        ErrorKind::Request(_) => Parameter,
        ErrorKind::Network(_) => Transport,
        // Its code may be that of another call, so only its status counts.
        ErrorKind::Api(error) if error.is_wrongly_signed() => match status {
            Some(StatusCode::TOO_MANY_REQUESTS) => RateLimit,
            Some(StatusCode::ACCEPTED) => Pending,
            Some(status) if is_passing_status(status) && status.is_server_error() => PlatformFault,
            Some(status) if is_passing_status(status) => Transport,
            _ => Verification,
        },
        ErrorKind::Api(error) => of_response(error, status.unwrap_or_default()),
        ErrorKind::Unverified(_) | ErrorKind::MismatchedResponse { .. } | ErrorKind::SignatureProbe => {
            Verification
        }
        // `NotFound` would be about an object of the call, not about certificates.
        ErrorKind::PlatformCertificates(fetch) => match fetch.class() {
            class @ (Transport | RateLimit | PlatformFault | Signature) => class,
            _ => Verification,
        },
        ErrorKind::File(error) => match error {
            FileError::WrongDigest { .. }
            | FileError::Sealed(SealedFileError::Refused | SealedFileError::TooShort) => Verification,
            FileError::Compression(_) | FileError::WebPage | FileError::Encoded | FileError::NoFile => {
                Transport
            }
            FileError::ErrorResponse(error) => codes::class(&error.code, status.unwrap_or_default()),
            FileError::TooLarge { .. } => Parameter,
            FileError::Write(_) | FileError::Sealed(_) => Unreadable,
        },
        ErrorKind::Decode(_) | ErrorKind::Decryption(_) => Unreadable,
    }
}

fn of_response(error: &ApiError, status: StatusCode) -> ErrorClass {
    match status {
        StatusCode::TOO_MANY_REQUESTS => return RateLimit,
        StatusCode::UNAUTHORIZED => return Signature,
        _ if !error.code.is_empty() => {}
        _ if status.is_server_error() => return PlatformFault,
        // Of APIv2, and it tells its reason as a text.
        _ if status.is_success() => {
            return codes::class_of_message(&error.message);
        }
        _ => return Transport,
    }
    let class = codes::class(&error.code, status);
    // Some parts of the platform write blanks in their codes. Callers create what was not found a second time, so that
    // must be certain.
    let is_certain = match class {
        NotFound => error.is_from_platform() && error.is_proven(),
        _ => error.is_from_platform() || error.has_code_with_blanks(),
    };
    match class {
        _ if is_certain => class,
        NotFound if status.is_server_error() => PlatformFault,
        _ if status.is_server_error() => class,
        _ => Transport,
    }
}

impl Error {
    /// The category of the error, by which a program decides what to do.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match (class_of(self.kind(), self.status()), self.kind()) {
            // A word that any gateway may write says nothing of an operation whose pages do not have it.
            (NotFound, ErrorKind::Api(error))
                if !codes::settles(&error.code) && !self.is_listed(&error.code) =>
            {
                Transport
            }
            (Verification, ErrorKind::Unverified(_)) if self.is_intermediary_page() => Transport,
            (class, _) => class,
        }
    }

    /// Whether the same call may be made again, with the same number and the same content, because it may succeed
    /// then and cannot take effect twice. Wait before each repeat, longer each time.
    ///
    /// - `true` if nothing was sent because the network failed, or if a downloaded file is damaged or does not match its digest.
    /// - `true` in these cases, if the call only reads, or a repeat of this request is known to be safe
    ///   ([`is_safe_to_repeat`](Self::is_safe_to_repeat)): the network failed later; status 202, 408, 425, 429, 499 or
    ///   5xx except 501 and 505; `SYSTEM_ERROR`; a signature probe; a response that belongs to another request; an
    ///   error response with a wrong signature; a web page (HTML) with a status of success and without a signature.
    /// - `true` while the result is not decided ([`ErrorClass::Pending`]), if the call only reads. Otherwise query the result.
    /// - `false` in all other cases, because the same call would fail again: for example a response larger than 8 MiB, a
    ///   file to upload that cannot be read, or a missing tokio runtime.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let is_safe = || !self.may_have_taken_effect() || self.is_read_only() || self.is_safe_to_repeat();
        match (self.kind(), self.class()) {
            (ErrorKind::PlatformCertificates(fetch), _) => fetch.is_retryable(),
            (ErrorKind::Network(problem), _) if NotOfHost::lasts(problem) => false,
            (ErrorKind::Network(_) | ErrorKind::MismatchedResponse { .. } | ErrorKind::SignatureProbe, _)
            | (ErrorKind::Unverified(_), Transport) => is_safe(),
            (ErrorKind::Api(error), Verification) if error.is_wrongly_signed() => is_safe(),
            (ErrorKind::Api(_), Transport | Pending) if self.status().is_some_and(is_passing_status) => {
                is_safe()
            }
            (_, RateLimit | PlatformFault) => {
                let asks = self.code().is_some_and(codes::asks_for_a_repeat);
                (asks || !self.status().is_some_and(is_lasting_status)) && is_safe()
            }
            // A download changes nothing.
            (ErrorKind::File(_), Verification | Transport) => true,
            (_, Pending) => self.is_read_only(),
            _ => false,
        }
    }

    /// The number at the end of the `Request-ID`, which is more specific than the code: 268443699 is a wrong signature.
    /// 0 means none.
    #[must_use]
    pub fn request_id_code(&self) -> Option<u64> {
        let (_, tail) = self.request_id()?.rsplit_once('-')?;
        tail.parse().ok().filter(|_| tail.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The field that the platform rejects (错误参数), such as `/body/amount/total`: from the detail, or from the message,
    /// where the platform mostly writes it.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        let named = self.detail().and_then(|detail| detail.get("field")?.as_str());
        named.filter(|field| !field.is_empty()).or_else(|| {
            let (_, rest) = self.message()?.split_once('“')?;
            let (pointer, _) = rest.split_once('”')?;
            pointer.starts_with('/').then_some(pointer)
        })
    }

    /// The problem of that field (错误原因), from the detail.
    #[must_use]
    pub fn issue(&self) -> Option<&str> {
        let detail = self.detail()?;
        let inner = || detail.get("detail")?.get("issue");
        detail.get("issue").or_else(inner)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorClass::{Conflict, Permission, Refused};
    use super::*;

    fn class(status: u16, body: &str) -> ErrorClass {
        class_of(&ErrorKind::Api(ApiError::read(body.as_bytes())), StatusCode::from_u16(status).ok())
    }

    #[test]
    fn a_code_decides_in_either_spelling_and_then_the_status() {
        for (status, code, expected) in [
            (400, "PARAM_ERROR", Parameter),
            (400, "INVALID_REQUEST", Parameter),
            (401, "SIGN_ERROR", Signature),
            (401, "ANYTHING", Signature),
            (403, "NO_AUTH", Permission),
            (403, "NOAUTH", Permission),
            (404, "ORDER_NOT_EXIST", NotFound),
            (404, "COUPON_NOT_EXISTS", NotFound),
            (400, "MCH_NOT_EXISTS", Parameter),
            (403, "OUT_TRADE_NO_USED", Conflict),
            (400, "ORDERPAID", Conflict),
            (400, "ORDER_PAID", Conflict),
            (403, "NOT_ENOUGH", Refused),
            (403, "A_CODE_OF_TOMORROW", Refused),
            (429, "RATELIMIT_EXCEED", RateLimit),
            (429, "A_CODE_OF_TOMORROW", RateLimit),
            (403, "FREQUENCY_LIMITED", RateLimit),
            (400, "SYSTEM_ERROR", PlatformFault),
            (500, "A_CODE_OF_TOMORROW", PlatformFault),
            (500, "OPENID_MISMATCH", Parameter),
            (403, "TRADE_ERROR", Pending),
            (400, "PARAM ERROR", Parameter),
            (403, "INVALID REQUEST", Parameter),
            (404, "ORDER NOT EXIST", Transport),
            (500, "ORDER NOT EXIST", PlatformFault),
            (400, "param error", Transport),
        ] {
            assert_eq!(class(status, &format!(r#"{{"code":"{code}"}}"#)), expected, "{status} {code}");
        }
    }

    /// A caller may create again what was not found.
    #[test]
    fn what_the_platform_did_not_provably_say_is_never_not_found() {
        for body in [
            "",
            "<html>404</html>",
            "{}",
            r#"{"code":"not_found"}"#,
            r#"{"code":"ORDER_NOT_EXIST","mess"#,
            r#"[{"code":"ORDER_NOT_EXIST"}]"#,
            r#"{"code":404}"#,
        ] {
            assert_eq!(class(404, body), Transport, "{body}");
        }
        let mut none = http::Response::new(bytes::Bytes::new());
        *none.status_mut() = StatusCode::NOT_FOUND;
        let none = Error::with_response(
            ErrorKind::Api(ApiError::read(br#"{"code":"RESOURCE_NOT_EXISTS"}"#)),
            crate::response::RawResponse::new(none, None),
        );
        assert_eq!(none.class(), NotFound);
        assert_eq!(Error::without_keys(std::sync::Arc::new(none)).class(), Verification);
    }

    /// A caller that takes an order for absent creates another one.
    #[test]
    fn a_gateways_word_is_no_absence_where_the_catalogue_does_not_have_it() {
        let class = |path: &str| {
            let mut missing = http::Response::new(bytes::Bytes::new());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            let body = br#"{"code":"NOT_FOUND","message":"no route"}"#;
            let missing = crate::response::RawResponse::new(missing, None);
            let error = Error::with_response(ErrorKind::Api(ApiError::read(body)), missing);
            let mut request = crate::request::Request::new(path.to_owned());
            request.operation = crate::operation::Operation::find(&http::Method::GET, path);
            error.in_call(&request).class()
        };
        assert_eq!(class("v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}"), NotFound);
        for path in [
            "v3/pay/transactions/out-trade-no/{out_trade_no}",
            "v3/refund/domestic/refunds/{out_refund_no}",
            "v3/never/heard/of",
        ] {
            assert_eq!(class(path), Transport, "{path}");
        }
    }

    #[test]
    fn pages_of_a_proxy_and_of_a_failed_server_differ_in_class() {
        for status in [302, 400, 403, 405, 408, 413] {
            assert_eq!(class(status, "<html>"), Transport, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(class(status, "<html>"), PlatformFault, "{status}");
        }
    }
}
