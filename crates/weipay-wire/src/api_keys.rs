//! The two symmetric keys of a merchant: the APIv3 key (APIv3密钥), which decrypts envelopes, and the APIv2 key
//! (API密钥), which signs APIv2 messages.
//!
//! Both are 32 characters that the merchant chose, so only their types distinguish them. They are wiped on drop and
//! never printed.

use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use zeroize::Zeroizing;

const LENGTH: usize = 32;

/// The 32 bytes. They stay at one place in memory, so that moving a key leaves no copy behind.
type Bytes = Box<Zeroizing<[u8; LENGTH]>>;

macro_rules! api_key {
    ($(#[$doc:meta])* $name:ident, $called:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Bytes);

        impl $name {
            /// Takes the key: exactly 32 visible ASCII characters.
            ///
            /// # Errors
            ///
            /// If the text has another length or contains another character.
            pub fn new(text: &str) -> Result<Self, ApiKeyError> {
                key_bytes(text, $called).map(Self)
            }

            /// The key's bytes. Keep them out of logs.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; LENGTH] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ApiKeyError;

            fn from_str(text: &str) -> Result<Self, ApiKeyError> {
                Self::new(text)
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

api_key! {
    /// The APIv3 key (APIv3密钥): decrypts notifications and downloaded platform certificates.
    ApiV3Key, "APIv3 key (APIv3密钥)"
}

api_key! {
    /// The APIv2 key (API密钥): signs APIv2 messages.
    ApiV2Key, "APIv2 key (API密钥)"
}

fn key_bytes(text: &str, called: &'static str) -> Result<Bytes, ApiKeyError> {
    if text.len() != LENGTH {
        return Err(ApiKeyError::WrongLength { called, length: text.len() });
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiKeyError::StrangeCharacter { called });
    }
    let mut bytes = Bytes::default();
    bytes.copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// Why a text is not an APIv3 or APIv2 key. It never carries the text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// The text is not 32 bytes long.
    WrongLength {
        /// Which key was expected.
        called: &'static str,
        /// How long the text is, in bytes.
        length: usize,
    },
    /// The text contains a space, a line break, or a non-ASCII character.
    StrangeCharacter {
        /// Which key was expected.
        called: &'static str,
    },
}

impl Display for ApiKeyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongLength { called, length } => write!(
                f,
                "the {called} has {length} bytes, but must have exactly {LENGTH}; copy it again from the merchant \
                 platform (商户平台, 账户中心, API安全), without a line break"
            ),
            Self::StrangeCharacter { called } => write!(
                f,
                "the {called} contains a space, a line break or a non-ASCII character, but must be {LENGTH} letters \
                 and digits; copy it again"
            ),
        }
    }
}

impl Error for ApiKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_key_is_exactly_32_bytes() {
        assert_eq!(ApiV3Key::new(TEXT).unwrap().as_bytes(), TEXT.as_bytes());
        for length in [0, 31, 33] {
            let refusal = ApiV2Key::new(&"a".repeat(length)).unwrap_err();
            assert!(matches!(refusal, ApiKeyError::WrongLength { length: found, .. } if found == length));
        }
    }

    #[test]
    fn a_key_copied_with_white_space_or_wide_letters_is_refused() {
        for text in [
            "0123456789abcdef0123456789abcde\n",
            "0123456789abcdef 123456789abcdef",
            "密密密密密密密密密密ab",
        ] {
            assert_eq!(text.len(), LENGTH);
            assert!(
                matches!(text.parse::<ApiV3Key>(), Err(ApiKeyError::StrangeCharacter { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        assert_eq!(format!("{:?}", ApiV3Key::new(TEXT).unwrap()), "ApiV3Key(..)");
        assert_eq!(format!("{:#?}", ApiV2Key::new(TEXT).unwrap()), "ApiV2Key(..)");
    }

    #[test]
    fn a_refusal_names_the_key_and_never_the_text() {
        let refusal = ApiV3Key::new("my-secret-key").unwrap_err();
        assert!(refusal.to_string().contains("APIv3密钥"), "{refusal}");
        assert!(!format!("{refusal} {refusal:?}").contains("secret"), "{refusal:?}");
    }
}
