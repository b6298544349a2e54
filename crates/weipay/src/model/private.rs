//! Which fields a log must not show: the word `private` of the catalogue, which stands there beside a name, a telephone, an
//! openid, a token, a link. A field is known by its name on the wire: so the tables of models need no mark each, and a call
//! without types and a path that the catalogue does not have are treated alike. Where one name is private, it is hidden
//! everywhere.

mod names;

use names::PRIVATE_NAMES;

use crate::members::is_name;

/// Whether a field of this name is private somewhere in the API.
pub(crate) fn is_private_name(name: &str) -> bool {
    PRIVATE_NAMES.binary_search(&name).is_ok()
        || name.ends_with(|last: char| last.is_ascii_digit())
            && PRIVATE_NAMES.iter().any(|known| known.contains('$') && is_name(known, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert!(PRIVATE_NAMES.is_sorted());
        for name in ["openid", "auth_code", "refund_account_$n", "refund_account_0", "token", "notify_url"] {
            assert!(is_private_name(name), "{name}");
        }
        for name in
            ["out_trade_no", "mchid", "appid", "amount", "description", "trade_state", "refund_account_", ""]
        {
            assert!(!is_private_name(name), "{name}");
        }
    }
}
