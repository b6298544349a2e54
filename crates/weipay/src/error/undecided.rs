//! Which refusals leave open whether the operation was carried out.

use http::StatusCode;

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
    // The user is being asked for the password: the payment may yet succeed.
    "USERPAYING",
    // A limit on the number of calls reads like a refusal at the door, but the pages on refunds say that it is no proof
    // that the refund was not accepted.
    "FREQUENCY_LIMITED",
    "FREQUENCY_LIMIT",
    "FREQUENCY_LIMIT_EXCEED",
    "RATELIMIT_EXCEEDED",
    "RATELIMIT_EXCEED",
    "RATE_LIMITED",
];

/// Whether an error answer leaves it open. A 4xx is a plain refusal otherwise, but for 429, see above, and 408: whoever
/// answers that has not seen the request through.
pub(super) fn is_undecided(status: StatusCode, code: &str) -> bool {
    !status.is_client_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
        || CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_whose_advice_is_to_repeat_leaves_it_open_under_any_status() {
        for status in [400, 403, 404, 429, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            for code in CODES {
                assert!(is_undecided(status, code), "{status} {code}");
            }
        }
    }

    #[test]
    fn another_code_goes_by_its_status() {
        for (status, open) in [(400, false), (404, false), (408, true), (429, true), (500, true), (502, true)]
        {
            for code in ["", "PARAM_ERROR", "NOT_ENOUGH", "RESOURCE_ALREADY_EXISTS", "SYSTEM_ERROR_"] {
                assert_eq!(
                    is_undecided(StatusCode::from_u16(status).unwrap(), code),
                    open,
                    "{status} {code}"
                );
            }
        }
    }
}
