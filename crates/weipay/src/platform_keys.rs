//! The platform's keys: which there are, which one a request names, and how certificates come and go while a client runs.
//!
//! [`PlatformKeySet`] is one state of them and never changes. [`KeyRing`] holds the current set and swaps it. Calls take the set
//! with one clone of an `Arc`, so no lock is held while they sign or verify.

mod certificate_list;
mod fetch;
mod ring;

use weipay_wire::{Certificate, PlatformKeys, PublicKey, PublicKeyId};

#[cfg(any(feature = "async", feature = "blocking"))]
pub(crate) use fetch::Deadline;
pub(crate) use ring::KeyRing;

#[cfg(feature = "blocking")]
pub(crate) use fetch::waiting::Flight as BlockingFlight;

/// The platform's keys at one time: public keys (微信支付公钥) and certificates (平台证书) together.
pub(crate) struct PlatformKeySet {
    keys: PlatformKeys,
    /// The ID of the first public key.
    public_key_id: Option<String>,
    certificates: Vec<Validity>,
}

/// A certificate's serial, and when it may be used, in Unix seconds.
struct Validity {
    serial: String,
    start: i64,
    end: i64,
}

impl PlatformKeySet {
    pub(crate) fn new(public_keys: &[(PublicKeyId, PublicKey)], certificates: &[Certificate]) -> Self {
        let mut keys = PlatformKeys::new();
        for (id, key) in public_keys {
            keys.insert_public_key(id.clone(), key.clone());
        }
        for certificate in certificates {
            keys.insert_certificate(certificate);
        }
        let validity = |certificate: &Certificate| Validity {
            serial: certificate.serial().to_owned(),
            start: certificate.not_before(),
            end: certificate.not_after(),
        };
        Self {
            keys,
            public_key_id: public_keys.first().map(|(id, _)| id.to_string()),
            certificates: certificates.iter().map(validity).collect(),
        }
    }

    /// The keys that may sign a response.
    pub(crate) fn keys(&self) -> &PlatformKeys {
        &self.keys
    }

    /// The key with this serial or ID.
    pub(crate) fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.keys.get(serial)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The serial or ID that is sent as `Wechatpay-Serial` if the caller sets none; nothing if there is no key yet. While a
    /// merchant migrates from certificates to a public key, it decides which of the two signs the response. Sensitive fields are
    /// encrypted with its key. A public key is preferred to certificates, and the first one to others, because a merchant who has
    /// one has begun to migrate. Of certificates it is the one with the latest start that is valid now: while certificates
    /// change there are several.
    pub(crate) fn preferred(&self, now: i64) -> Option<&str> {
        let of_certificate = || latest(&self.certificates, now).map(|found| found.serial.as_str());
        self.public_key_id.as_deref().or_else(of_certificate)
    }
}

/// The one with the latest start among those that are valid; of equal ones the first. If none is valid, the same among all, so
/// that the platform reports what is wrong.
fn latest(all: &[Validity], now: i64) -> Option<&Validity> {
    let rank = |one: &&Validity| ((one.start..=one.end).contains(&now), one.start);
    // Of equals `max_by_key` takes the last.
    all.iter().rev().max_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_of(all: &[(i64, i64)], now: i64) -> Option<i64> {
        let validity =
            |(start, end): &(i64, i64)| Validity { serial: String::new(), start: *start, end: *end };
        latest(&all.iter().map(validity).collect::<Vec<_>>(), now).map(|one| one.start)
    }

    #[test]
    fn the_latest_start_among_the_valid_ones_wins_in_any_order() {
        for all in [[(10, 100), (20, 110), (60, 150)], [(60, 150), (20, 110), (10, 100)]] {
            assert_eq!(start_of(&all, 50), Some(20), "one of them is not valid yet");
            assert_eq!(start_of(&all, 60), Some(60));
            assert_eq!(start_of(&all, 15), Some(10));
        }
        assert_eq!(start_of(&[(20, 30), (10, 100)], 50), Some(10), "the later one has ended");
    }

    #[test]
    fn one_is_taken_even_if_none_is_valid() {
        assert_eq!(start_of(&[(10, 20), (15, 25)], 50), Some(15));
        assert_eq!(start_of(&[], 50), None);
    }

    #[test]
    fn of_equal_ones_the_first_is_taken() {
        let named = |serial: &str| Validity { serial: serial.to_owned(), start: 10, end: 100 };
        let all = [named("first"), named("second")];
        assert_eq!(latest(&all, 50).map(|one| one.serial.as_str()), Some("first"));
    }
}
