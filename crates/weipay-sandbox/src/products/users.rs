//! Users (用户): every well-formed openid is one.

use super::HandlerError;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::response::Refusal;
use crate::store::Transaction;

/// 404 USER_NOT_EXISTS unless the openid has its form.
pub(crate) fn check_user_exists(openid: &str) -> Result<(), Refusal> {
    if is_openid(openid) { Ok(()) } else { Err(not_a_user(WrongOpenid::Form)) }
}

/// 404 USER_NOT_EXISTS unless the openid has its form, and is the person's under this appid.
/// INFERRED(user-of-appid): the code, that of a wrong openid.
pub(crate) fn check_user_of_appid(
    tx: &Transaction<'_>,
    openid: &str,
    appid: &str,
) -> Result<(), HandlerError> {
    let wrong = WrongOpenid::find(tx, openid, appid)?;
    wrong.map_or(Ok(()), |wrong| Err(not_a_user(wrong).into()))
}

pub(crate) fn of_another_appid() -> Refusal {
    not_a_user(WrongOpenid::OfAnotherAppid)
}

fn not_a_user(wrong: WrongOpenid) -> Refusal {
    Refusal::new(404, "USER_NOT_EXISTS", "用户不存在", wrong.reason())
}
