//! Members that any response of a version may have, and members that name a state. They are listed by name, because they are
//! looked up for members that the operation itself does not have.

use super::{ApiVersion, table};

/// The common members of the responses of a version.
#[derive(Debug)]
pub(crate) struct AnyResponse {
    /// Members that any response may have, sorted.
    pub(super) members: &'static [&'static str],
    /// Members that many responses have, sorted: who takes part, when, in which state.
    pub(super) usual: &'static [&'static str],
    /// Members that repeat the request's field with their name, wherever both have it.
    pub(crate) echoes: &'static [&'static str],
}

impl AnyResponse {
    /// Whether any response may have a member with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.binary_search(&name).is_ok()
    }

    /// Whether many responses have a member with this name, so that it does not say which object one is about.
    pub(crate) fn is_usual(&self, name: &str) -> bool {
        self.usual.binary_search(&name).is_ok()
    }
}

impl ApiVersion {
    pub(crate) const fn any_response(self) -> &'static AnyResponse {
        match self {
            Self::V2 => &table::ANY_RESPONSE_V2,
            Self::V3 => &table::ANY_RESPONSE_V3,
        }
    }
}

/// Whether a member with this name says in which state something is.
pub(crate) fn is_state(name: &str) -> bool {
    table::STATES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(table::STATES.is_sorted() && is_state("trade_state") && !is_state("trade_type"));
        for version in [ApiVersion::V2, ApiVersion::V3] {
            let any = version.any_response();
            assert!(any.members.is_sorted() && any.members.iter().all(|name| any.has(name)));
            assert!(
                any.usual.is_sorted() && any.usual.iter().all(|name| any.is_usual(name) && !any.has(name))
            );
            assert!(!any.has("out_trade_no"));
        }
    }
}
