//! The authentication scheme (认证类型): with which algorithms a request and its response are signed.

use std::fmt::{self, Display, Formatter};

/// With which algorithms a request is signed. The private key decides: [`PrivateKey::scheme`](crate::PrivateKey::scheme).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `WECHATPAY2-SHA256-RSA2048`: RSA with 2048 bits and SHA-256.
    #[default]
    Sha256Rsa2048,
    /// `WECHATPAY2-SM2-WITH-SM3` (国密): SM2 and SM3. It needs the feature `sm`.
    #[cfg(feature = "sm")]
    Sm2WithSm3,
}

impl Scheme {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Sha256Rsa2048,
        #[cfg(feature = "sm")]
        Self::Sm2WithSm3,
    ];

    /// The name, as `Authorization` and `Wechatpay-Signature-Type` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256Rsa2048 => "WECHATPAY2-SHA256-RSA2048",
            #[cfg(feature = "sm")]
            Self::Sm2WithSm3 => "WECHATPAY2-SM2-WITH-SM3",
        }
    }

    /// The scheme of this name, written exactly so; `None` for any other.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scheme| scheme.name() == name)
    }
}

impl Display for Scheme {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_found_by_exactly_its_name() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::from_name(scheme.name()), Some(*scheme));
            assert_eq!(Scheme::from_name(&scheme.name().to_lowercase()), None);
        }
        assert_eq!(Scheme::from_name(""), None);
    }
}
