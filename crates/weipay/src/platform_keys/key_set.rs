//! The platform's keys at one time, and which of them a request names.

use weipay_wire::{Certificate, PlatformKeys, PublicKey, PublicKeyId, Scheme, is_same_serial};

/// The platform's keys at one time: public keys (微信支付公钥) and certificates (平台证书) together.
pub(crate) struct PlatformKeySet {
    keys: PlatformKeys,
    /// The ID of the first public key of the merchant's scheme.
    public_key_id: Option<String>,
    certificates: Vec<Validity>,
}

/// A certificate's serial, and when it may be used, in Unix seconds.
struct Validity {
    serial: String,
    start: i64,
    end: i64,
    /// Whether its key has the merchant's scheme, or no key has.
    may_be_preferred: bool,
}

impl PlatformKeySet {
    /// `scheme` is how the merchant signs. A key of another one (国密 beside RSA) verifies, but is not preferred unless there
    /// is no other.
    pub(crate) fn new(
        public_keys: &[(PublicKeyId, PublicKey)],
        certificates: &[Certificate],
        scheme: Scheme,
    ) -> Self {
        let all =
            || public_keys.iter().map(|(_, key)| key).chain(certificates.iter().map(Certificate::public_key));
        let has_scheme = all().any(|key| key.scheme() == scheme);
        let may_be_preferred = |key: &PublicKey| !has_scheme || key.scheme() == scheme;
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
            may_be_preferred: may_be_preferred(certificate.public_key()),
        };
        Self {
            keys,
            public_key_id: public_keys
                .iter()
                .find(|(_, key)| may_be_preferred(key))
                .map(|(id, _)| id.to_string()),
            certificates: certificates.iter().map(validity).collect(),
        }
    }

    /// The keys that may sign a response.
    pub(crate) fn keys(&self) -> &PlatformKeys {
        &self.keys
    }

    /// The key with this serial or ID, to encrypt with. It is not that of an expired certificate: the platform refuses what
    /// was encrypted with it, as a fault of the request.
    pub(crate) fn to_encrypt(&self, serial: &str, now: i64) -> Option<&PublicKey> {
        let has_ended =
            self.certificates.iter().any(|one| is_same_serial(&one.serial, serial) && now > one.end);
        if has_ended { None } else { self.get(serial) }
    }

    /// The key with this serial or ID.
    pub(crate) fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.keys.get(serial)
    }

    /// Whether there is a certificate that has not expired and may be named in requests.
    pub(super) fn has_valid_certificate(&self, now: i64) -> bool {
        self.certificates.iter().any(|one| one.may_be_preferred && now <= one.end)
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
    all.iter().rev().filter(|one| one.may_be_preferred).max_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_of(all: &[(i64, i64)], now: i64) -> Option<i64> {
        let validity = |(start, end): &(i64, i64)| Validity {
            serial: String::new(),
            start: *start,
            end: *end,
            may_be_preferred: true,
        };
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
        let named = |serial: &str| {
            let serial = serial.to_owned();
            Validity { serial, start: 10, end: 100, may_be_preferred: true }
        };
        let all = [named("first"), named("second")];
        assert_eq!(latest(&all, 50).map(|one| one.serial.as_str()), Some("first"));
    }
}
