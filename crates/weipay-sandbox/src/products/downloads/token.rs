//! The token in the address of a file: a text, sealed with a key that only merchant and platform have, so
//! that nothing must be kept.

use std::borrow::Cow;

use weipay_wire::{ApiV3Key, ENVELOPE_NONCE_LENGTH, Envelope};

use crate::entropy::Entropy;
use crate::products::Links;
use crate::response::Refusal;

/// The key that seals the tokens of one merchant: its APIv3 key. Every data folder has another one, so with a seed, where the
/// same requests get the same bytes, it is a key of the seed: it guards no more than an address, which the merchant
/// must sign for.
pub(in crate::products) struct Sealer<'a> {
    key: Cow<'a, ApiV3Key>,
    entropy: &'a Entropy,
}

impl<'a> Sealer<'a> {
    pub(in crate::products) fn new(entropy: &'a Entropy, mchid: &str, api_v3_key: &'a ApiV3Key) -> Self {
        let of_seed =
            || ApiV3Key::new(&entropy.of(&["addresses of files", mchid]).letters_and_digits(32)).ok();
        let of_seed = if entropy.is_seeded() { of_seed() } else { None };
        Self { key: of_seed.map_or(Cow::Borrowed(api_v3_key), Cow::Owned), entropy }
    }

    /// Seals a text. What kind of file it is for is its associated data, so that a token of one kind is not valid for another.
    pub(in crate::products) fn seal(&self, associated_data: &str, text: &str) -> Option<String> {
        let nonce = self.entropy.of(&[associated_data, text]).hex_digits(ENVELOPE_NONCE_LENGTH);
        let sealed = self.key.seal(&nonce, associated_data, text.as_bytes()).ok()?;
        let sealed = sealed.trim_end_matches('=').replace('+', "-").replace('/', "_");
        Some(format!("{nonce}{sealed}"))
    }

    /// The text in a token, if this key sealed it for this kind of file.
    pub(in crate::products) fn open(&self, associated_data: &str, token: &str) -> Option<String> {
        let (nonce, sealed) = token.split_at_checked(ENVELOPE_NONCE_LENGTH)?;
        let mut ciphertext = sealed.replace('-', "+").replace('_', "/");
        while !ciphertext.len().is_multiple_of(4) {
            ciphertext.push('=');
        }
        let envelope = Envelope { nonce, associated_data, ciphertext: &ciphertext };
        std::str::from_utf8(&self.key.open(&envelope).ok()?).ok().map(str::to_owned)
    }
}

/// The target of a token, as `open` reads it for a merchant: only its own merchant may have it. `None` for any other text.
pub(in crate::products) fn open_own<T>(
    links: &Links<'_>,
    open: impl Fn(&Sealer<'_>) -> Option<T>,
) -> Option<Result<T, Refusal>> {
    if let Some(found) = open(&links.sealer()) {
        return Some(Ok(found));
    }
    let is_of_another = links
        .merchants
        .all()
        .iter()
        .any(|one| open(&Sealer::new(links.entropy, &one.account.mchid, &one.api_v3_key)).is_some());
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
        let (random, seeded) = (Entropy::system(), Entropy::seeded(1));
        for (own, another) in [
            (Sealer::new(&random, "1900000109", &key), Sealer::new(&random, "1900000110", &other)),
            (Sealer::new(&seeded, "1900000109", &key), Sealer::new(&seeded, "1900000110", &key)),
        ] {
            let token = own.seal("bill", "trade 1900000109").unwrap();
            assert_eq!(own.open("bill", &token).as_deref(), Some("trade 1900000109"));
            assert_eq!(own.open("another", &token), None);
            assert_eq!(another.open("bill", &token), None);
            for text in ["", "a", "0123456789ab", "0123456789abä"] {
                assert_eq!(own.open("bill", text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_token_in_each_folder() {
        let (key, other) = (ApiV3Key::new(&"0".repeat(32)).unwrap(), ApiV3Key::new(&"1".repeat(32)).unwrap());
        let sealed =
            |entropy: &Entropy, key, text| Sealer::new(entropy, "1900000109", key).seal("bill", text);
        let seeded = Entropy::seeded(1);
        assert_eq!(sealed(&seeded, &key, "a"), sealed(&Entropy::seeded(1), &other, "a"));
        assert_ne!(sealed(&seeded, &key, "a"), sealed(&Entropy::seeded(2), &key, "a"));
        let nonce = |token: Option<String>| token.unwrap()[..ENVELOPE_NONCE_LENGTH].to_owned();
        assert_ne!(nonce(sealed(&seeded, &key, "a")), nonce(sealed(&seeded, &key, "b")));
        let random = Entropy::system();
        assert_ne!(sealed(&random, &key, "a"), sealed(&random, &key, "a"));
    }
}
