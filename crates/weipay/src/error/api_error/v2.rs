//! Failures of APIv2: the failure in the elements of a response, and how far the request came.

use weipay_wire::XmlElements;

use super::ApiError;
use crate::error::codes::{self, Taken};

impl ApiError {
    /// The failure in the elements of an APIv2 response, if there is one.
    pub(crate) fn from_elements(elements: &XmlElements, proof: Proof) -> Option<Self> {
        let text = |name: &&str| elements.text(name).filter(|text| !text.is_empty());
        let first = |names: &[&str]| names.iter().find_map(&text).unwrap_or_default().to_owned();
        let has_failed = |name| text(&name).is_some_and(|code| code != "SUCCESS");
        let is_refused = has_failed("return_code");
        let code = first(&["err_code", "error_code"]);
        let has_failed = is_refused || has_failed("result_code");
        // Red packets say `SUCCESS` there (recorded), or `0` (their page). Any other code in a success
        // contradicts it, so nobody knows which of both holds.
        let is_none = code.bytes().all(|byte| byte == b'0')
            || ["SUCCESS", "OK"].iter().any(|word| code.eq_ignore_ascii_case(word));
        // 发放代金券 says of the coupon itself whether the person has it, beside a `result_code` of the request.
        let is_contradicted = text(&"ret_code").is_some_and(|code| code.starts_with("FAIL"));
        if !has_failed && is_none && !is_contradicted {
            return None;
        }
        // Of a request that was taken, it is the word `OK` mostly, which tells nothing.
        let returned =
            text(&"return_msg").filter(|message| is_refused || *message != "OK").unwrap_or_default();
        // Only the request itself is at fault if `return_code` is FAIL: nothing was carried out then.
        let taken = if is_refused { codes::taken(returned) } else { Taken::Perhaps };
        let message = first(&[
            "err_code_des",
            "error_code_des",
            "error_msg",
            "err_msg",
            "result_msg",
            "ret_msg",
            "retmsg",
        ]);
        Some(Self {
            code,
            message: if message.is_empty() { returned.to_owned() } else { message },
            whole: proof != Proof::Wrong && has_failed,
            of_apiv2: Some(taken),
            // Of a request that was taken, a failure is signed as a success is.
            proof: if is_refused && proof == Proof::Missing { Proof::Enough } else { proof },
            ..Self::default()
        })
    }

    /// The failure in the members of a page of APIv2, if there is one: by `retcode`, or by the names of other responses.
    pub(crate) fn from_page(members: &XmlElements) -> Option<Self> {
        let Some(code) = members.text("retcode").filter(|code| *code != "0") else {
            return Self::from_elements(members, Proof::Enough);
        };
        let message = members.text("retmsg").unwrap_or_default().to_owned();
        let of_apiv2 = Some(Taken::Perhaps);
        Some(Self { code: code.to_owned(), message, whole: true, of_apiv2, ..Self::default() })
    }
}

/// The proof that the signature of a failure gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is right, or such a failure has none.
    #[default]
    Enough,
    /// There is none, though the platform would have signed it.
    Missing,
    /// It is that of another response or of an unknown key, a part of it is missing, or the failure was changed on its way.
    Wrong,
}

/// Whether this has the form of a code. Those of APIv2 may be numbers, and that of a page may be less than 0.
pub(super) fn is_code(code: &str) -> bool {
    let code = code
        .strip_prefix('-')
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(code);
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
