//! The token in the address of a file: a text, sealed with a key that only merchant and platform have, so
//! that nothing must be kept.

use weipay_wire::{ApiV3Key, ENVELOPE_NONCE_LENGTH, Envelope};

use crate::entropy::Entropy;
use crate::products::Links;
use crate::response::Refusal;

/// Seals a text. What kind of file it is for is its associated data, so that a token of one kind is not valid for another.
pub(in crate::products) fn seal(key: &ApiV3Key, associated_data: &str, text: &str) -> Option<String> {
    // Never from a seed: a nonce must not come twice under one key.
    let nonce = Entropy::system().hex_digits(ENVELOPE_NONCE_LENGTH);
    let sealed = key.seal(&nonce, associated_data, text.as_bytes()).ok()?;
    let sealed = sealed.trim_end_matches('=').replace('+', "-").replace('/', "_");
    Some(format!("{nonce}{sealed}"))
}

/// The text in a token, if this key sealed it for this kind of file.
pub(in crate::products) fn open(key: &ApiV3Key, associated_data: &str, token: &str) -> Option<String> {
    let (nonce, sealed) = token.split_at_checked(ENVELOPE_NONCE_LENGTH)?;
    let mut ciphertext = sealed.replace('-', "+").replace('_', "/");
    while !ciphertext.len().is_multiple_of(4) {
        ciphertext.push('=');
    }
    let envelope = Envelope { nonce, associated_data, ciphertext: &ciphertext };
    std::str::from_utf8(&key.open(&envelope).ok()?).ok().map(str::to_owned)
}

/// What a token leads to, as `open` reads it with a merchant's key: only its own merchant may have it. `None` for any other text.
pub(in crate::products) fn open_own<T>(
    links: &Links<'_>,
    open: impl Fn(&ApiV3Key) -> Option<T>,
) -> Option<Result<T, Refusal>> {
    if let Some(found) = open(links.key) {
        return Some(Ok(found));
    }
    let is_of_another = links.merchants.all().iter().any(|one| open(&one.api_v3_key).is_some());
    is_of_another.then(|| Err(of_another_merchant()))
}

fn of_another_merchant() -> Refusal {
    Refusal::no_auth(
        "无权下载该账单",
        "the `token` was given to another merchant: only the merchant that asked for a bill can download it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_with_its_key_and_for_its_kind_only() {
        let (key, other) = ("0".repeat(32), "1".repeat(32));
        let (key, other) = (ApiV3Key::new(&key).unwrap(), ApiV3Key::new(&other).unwrap());
        let token = seal(&key, "bill", "trade 1900000109").unwrap();
        assert_eq!(open(&key, "bill", &token).as_deref(), Some("trade 1900000109"));
        assert_eq!(open(&key, "another", &token), None);
        assert_eq!(open(&other, "bill", &token), None);
        for text in ["", "a", "0123456789ab", "0123456789abä"] {
            assert_eq!(open(&key, "bill", text), None, "{text}");
        }
    }
}
