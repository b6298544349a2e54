//! Checks of openids (用户标识): the form, and whether the person has another one under the appid.

use super::Person;
use crate::store::{StoreError, Transaction};

pub(super) const LENGTH: usize = 28;

/// The reason for a malformed openid or unionid.
pub(crate) const FORM: &str = "must have 28 letters, digits, _ or -, and begin with o";

/// Where an openid or a unionid can be given, and the text is neither.
pub(crate) const PERSON_FORM: &str =
    "the person must be an openid or a unionid: 28 letters, digits, _ or -, the first an o";

/// Whether a text has the official form of an openid: 28 characters, the first an `o`.
///
/// Every such text is a user here, so that a story needs no set-up of people.
pub(crate) fn is_openid(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() == LENGTH && text.starts_with('o') && text.bytes().all(plain)
}

/// Why an openid is nobody's, or nobody's under an appid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongOpenid {
    /// It is no openid at all.
    Form,
    OfAnotherAppid,
}

impl WrongOpenid {
    /// The error of an openid under an appid, if any.
    pub(crate) fn find(tx: &Transaction<'_>, openid: &str, appid: &str) -> Result<Option<Self>, StoreError> {
        if !is_openid(openid) {
            return Ok(Some(Self::Form));
        }
        Ok(Person::has_another_openid(tx, openid, appid)?.then_some(Self::OfAnotherAppid))
    }

    /// The reason for the developer.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Form => {
                "an openid must have 28 letters, digits, _ or -, and begin with o; every such text is a user here"
            }
            Self::OfAnotherAppid => {
                "this openid belongs to a person who has another openid under this appid: weipay sandbox person show \
                 OPENID shows it"
            }
        }
    }
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

    #[test]
    fn every_sentence_tells_the_same_form() {
        assert!(WrongOpenid::Form.reason().starts_with(&format!("an openid {FORM};")));
    }
}
