//! Failures of APIv2: what the elements of a response tell, and how far the request came.

use serde_json::Value;
use weipay_wire::XmlElements;

use super::ApiError;
use crate::json;

/// How far a request of APIv2 came.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Taken {
    /// `return_code` is FAIL for a reason that lies in the request itself: nothing was carried out.
    No,
    /// The platform took the request, or may have.
    Perhaps,
}

/// What stands in the `return_msg` of a request that the platform does not take: its form, its signature, the certificate or the
/// numbers of its sender are not right. Every other text leaves the outcome open, since a fault of the platform may stand there too.
///
/// UNCONFIRMED: no official page lists these texts. They are those of public reports, and none that a fault could contain.
const NOT_TAKEN: &[&str] = &[
    "签名",
    "参数",
    "缺少",
    "xml格式",
    "xml解析",
    "证书",
    "权限",
    "商户号",
    "mch_id",
    "appid",
    "invalid sign",
    "post方法",
    "post数据",
    "utf8",
    "utf-8",
];

impl ApiError {
    /// The failure that the elements of an APIv2 response tell, if they do. `is_intact` says whether its signature is not wrong.
    pub(crate) fn from_elements(elements: &XmlElements, is_intact: bool) -> Option<Self> {
        let text = |name: &&str| elements.text(name).filter(|text| !text.is_empty());
        let first = |names: &[&str]| names.iter().find_map(&text).unwrap_or_default().to_owned();
        let has_failed = |name| text(&name).is_some_and(|code| code != "SUCCESS");
        let is_refused = has_failed("return_code");
        if !is_refused && !has_failed("result_code") {
            return None;
        }
        // Of a request that was taken, it is the word `OK` mostly, which tells nothing.
        let returned =
            text(&"return_msg").filter(|message| is_refused || *message != "OK").unwrap_or_default();
        let reason = returned.to_lowercase();
        let is_not_taken = is_refused && NOT_TAKEN.iter().any(|part| reason.contains(part));
        let message = first(&["err_code_des", "error_code_des", "err_msg", "result_msg"]);
        Some(Self {
            code: first(&["err_code", "error_code"]),
            message: if message.is_empty() { returned.to_owned() } else { message },
            detail: None,
            whole: is_intact,
            of_apiv2: Some(if is_not_taken { Taken::No } else { Taken::Perhaps }),
        })
    }

    /// The failure that a page of APIv2 tells as JSON, if it does.
    pub(crate) fn from_page(body: &[u8]) -> Option<Self> {
        let members = json::fits(body).then(|| serde_json::from_slice::<Value>(body).ok()).flatten()?;
        let code = members.get("retcode").filter(|code| **code != 0 && **code != "0")?;
        let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        let message = members.get("retmsg").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self { code, message, detail: None, whole: true, of_apiv2: Some(Taken::Perhaps) })
    }
}

/// Whether this has the form of a code. Those of APIv2 may be numbers.
pub(super) fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
