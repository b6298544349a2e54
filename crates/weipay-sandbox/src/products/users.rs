//! Users (用户): every well-formed openid is one.

use super::HandlerError;
use crate::people::Person;
use crate::reasons;
use crate::response::Refusal;
use crate::store::Transaction;

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
    Err(Refusal::new(404, "USER_NOT_EXISTS", "用户不存在", reasons::OPENID_FORM))
}

/// 404 USER_NOT_EXISTS unless the openid has its form, and is the person's under this appid.
/// INFERRED(user-of-appid): the code, that of a wrong openid.
pub(crate) fn check_user_of_appid(
    tx: &Transaction<'_>,
    openid: &str,
    appid: &str,
) -> Result<(), HandlerError> {
    check_user_exists(openid)?;
    if Person::has_another_openid(tx, openid, appid)? {
        return Err(of_another_appid().into());
    }
    Ok(())
}

pub(crate) fn of_another_appid() -> Refusal {
    Refusal::new(404, "USER_NOT_EXISTS", "用户不存在", reasons::OPENID_OF_ANOTHER_APPID)
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
