//! The products (产品) that have behaviour here, each a module of pure functions.
//!
//! State and request go in, new state and a reply or a refusal come out. Time and randomness are arguments, there is
//! no I/O: which records an operation reads and writes is the business of its [desk](crate::desk).

pub(crate) mod merchant_coupons;
pub(crate) mod platform_certificates;
pub(crate) mod repeat;

use crate::refusal::Refusal;
use crate::refusal::tail;

/// Who calls, and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The merchant number (商户号) of the `Authorization` header.
    pub(crate) mchid: &'a str,
    /// The appid that is bound to that merchant. The sandbox has one.
    pub(crate) appid: &'a str,
}

impl Caller<'_> {
    /// An appid that is not bound to the caller.
    pub(crate) fn check_appid(&self, appid: &str) -> Result<(), Refusal> {
        if appid == self.appid {
            return Ok(());
        }
        Err(Refusal::new(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
            .with_tail(tail::APPID_NOT_BOUND)
            .with_reason("the only appid that is bound to the merchant here is that of this sandbox's kit"))
    }
}

/// Whether a text has the official form of an openid: 28 characters, the first an `o`.
///
/// Every such text is a user here, so that a story needs no set-up of people.
pub(crate) fn is_openid(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() == 28 && text.starts_with('o') && text.bytes().all(plain)
}

/// 404 USER_NOT_EXISTS unless the openid has its form.
pub(crate) fn check_user_exists(openid: &str) -> Result<(), Refusal> {
    if is_openid(openid) {
        return Ok(());
    }
    Err(Refusal::new(404, "USER_NOT_EXISTS", "用户不存在").with_reason(
        "an openid has 28 letters, digits, _ or -, and begins with o; every such text is a user here",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openid_has_28_characters_and_begins_with_o() {
        assert!(is_openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"));
        for other in [
            "",
            "oUpF8uMuAJO_M2pxb1Q9zNjWeS6",
            "xUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            "oUpF8uMuAJO/M2pxb1Q9zNjWeS6o",
        ] {
            assert!(!is_openid(other), "{other}");
        }
    }
}
