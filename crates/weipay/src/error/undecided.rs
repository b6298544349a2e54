//! Which error answers leave open whether the operation was carried out.

use http::StatusCode;

use super::Refusal;

/// The statuses under which the platform is documented to refuse a call. Others of 4xx are of somebody in between: 408, 425
/// and 499 tell that it lost patience, 409 and 413 are nothing that the platform sends, 429 is a limit on the number of
/// calls, which the pages on refunds say is no proof that the refund was not accepted.
const REFUSING: [StatusCode; 4] =
    [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];

/// Codes that leave it open under any status: the status of a code differs from operation to operation, and pages list
/// `SYSTEM_ERROR` under 400 too. Both spellings of a code are in use.
const CODES: &[&str] = &[
    // The advice is to repeat with the same parameters, or to look up what became of it.
    "SYSTEM_ERROR",
    "SYSTEMERROR",
    "BANK_ERROR",
    "BANKERROR",
    "BIZ_ERR_NEED_RETRY",
    "BIZERR_NEED_RETRY",
    "PROCESSING",
    "SEND_FAILED",
    "SERVICE_UNAVAILABLE",
    "TRADE_ERROR",
    // The user is being asked for the password: the payment may yet succeed.
    "USERPAYING",
    "USER_PAYING",
    // Limits on the number of calls: see 429.
    "FREQUENCY_LIMITED",
    "FREQUENCY_LIMIT",
    "FREQUENCY_LIMIT_EXCEED",
    "FREQ_LIMIT",
    "INVALID_REQ_TOO_MUCH",
    "RATELIMIT_EXCEEDED",
    "RATELIMIT_EXCEED",
    "RATE_LIMITED",
];

/// Whether an error response leaves it open. Only a refusal that is provably the platform's own does not: under a status with
/// which it refuses, a whole JSON object with a code of its form.
pub(super) fn is_undecided(status: StatusCode, refusal: &Refusal) -> bool {
    !REFUSING.contains(&status) || !refusal.is_of_the_platform() || CODES.contains(&refusal.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_open(status: u16, body: &str) -> bool {
        is_undecided(StatusCode::from_u16(status).unwrap(), &Refusal::read(body.as_bytes()))
    }

    #[test]
    fn a_code_whose_advice_is_to_repeat_leaves_it_open_under_any_status() {
        for status in [400, 403, 404, 429, 500] {
            for code in CODES {
                assert!(leaves_open(status, &format!(r#"{{"code":"{code}"}}"#)), "{status} {code}");
            }
        }
    }

    #[test]
    fn another_code_goes_by_its_status() {
        for status in (300..600).filter(|status| StatusCode::from_u16(*status).is_ok()) {
            let open = ![400, 401, 403, 404].contains(&status);
            for code in ["PARAM_ERROR", "NOT_ENOUGH", "RESOURCE_ALREADY_EXISTS", "SYSTEM_ERROR_"] {
                assert_eq!(leaves_open(status, &format!(r#"{{"code":"{code}"}}"#)), open, "{status} {code}");
            }
        }
    }

    #[test]
    fn what_is_not_provably_of_the_platform_leaves_it_open() {
        for status in [400, 401, 403, 404, 405, 409, 413, 425, 499] {
            for body in [
                "",
                "{}",
                "<html>403 Forbidden</html>",
                r#"{"errcode":40001,"errmsg":"x"}"#,
                r#"{"code":403,"message":"x"}"#,
                r#"{"code":"forbidden"}"#,
                r#"{"message":"no route"}"#,
                r#"[{"code":"PARAM_ERROR"}]"#,
                r#"{"code":"PARAM_ERROR","mess"#,
                r#"{"code":"SYSTEM_ERROR","code":"PARAM_ERROR"}"#,
                r#"{"error":{"code":"PARAM_ERROR"}}"#,
            ] {
                assert!(leaves_open(status, body), "{status} {body}");
            }
        }
    }
}
