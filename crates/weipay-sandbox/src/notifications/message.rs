//! The message of a notification: the resource encrypted with the merchant's APIv3 key, the body signed by a platform key. Both
//! are made for each attempt, because a receiver refuses what was signed more than five minutes ago. What stays is the
//! `id`, by which it knows a repeat.

pub(super) mod v2;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use weipay_wire::{ApiV3Key, ENVELOPE_NONCE_LENGTH, PROBE_PREFIX, SCHEME, response_message};

use super::event_name::EventName;
use super::record;
use crate::clock;
use crate::entropy::Entropy;
use crate::platform::Platform;
use crate::response::SigningKey;
use crate::store::OutboxEntry;

/// The message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// The kind of its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Right,
    /// The wrong one of a probe (探测流量): a receiver must refuse it.
    Probe,
}

/// A notification of APIv3, before it is encrypted.
pub(super) struct Content<'a> {
    pub(super) id: String,
    pub(super) event_type: &'a str,
    /// When it happened.
    pub(super) time: i64,
    pub(super) resource: &'a Value,
}

/// Makes the message of an attempt, or says why there can be none.
pub(super) fn make(
    platform: &Platform,
    entry: &OutboxEntry,
    now: i64,
    signature: Signature,
) -> Result<Message, String> {
    let merchant =
        platform.merchants.find(&entry.mchid).ok_or("its merchant no longer exists in the sandbox")?;
    if entry.resource.is_null() {
        // Every event has a content, so that is what an engine gives for text that is not JSON.
        return Err("its content in the sandbox's database is broken".to_owned());
    }
    let id = id(entry);
    // Not from the sequence of the platform's seed: an attempt is made beside requests, and must not decide which
    // numbers they get.
    let entropy = platform.entropy.of(&["attempt", &id, &attempts_so_far(platform, entry)?.to_string()]);
    let name = EventName::parse(&entry.event_type);
    if let Some(described) = name.described().filter(|_| name.is_v2()) {
        return v2::make(described, &merchant, &entry.resource, &entropy);
    }
    let content = Content { id, event_type: &entry.event_type, time: entry.time, resource: &entry.resource };
    let signer = merchant.signers.for_notification(entry.number, &entry.platform_serial);
    sealed(&content, &merchant.api_v3_key, signer, &entropy, now, signature)
}

/// How many attempts there were, so that the next one has other nonces. Of copies that are sent at the same time all have the
/// same. Nobody asks where no seed decides.
fn attempts_so_far(platform: &Platform, entry: &OutboxEntry) -> Result<usize, String> {
    if !platform.entropy.is_seeded() {
        return Ok(0);
    }
    let kept = platform.store.transaction(|tx| record::with_number(tx, entry.number));
    let kept = kept.map_err(|error| format!("the sandbox's database: {error:#}"))?;
    Ok(kept.map_or(0, |kept| kept.attempts.len()))
}

/// Encrypts and signs a notification.
pub(super) fn sealed(
    content: &Content<'_>,
    key: &ApiV3Key,
    signer: &SigningKey,
    entropy: &Entropy,
    now: i64,
    signature: Signature,
) -> Result<Message, String> {
    let described = EventName::v3(content.event_type).described();
    let described = described.ok_or("the catalogue does not have this event")?;
    // Some events come with the `event_type` of another; then the rest of the message tells them apart.
    let original_type = described.original_types.first().copied().unwrap_or_default();
    let associated_data = described.associated_data.unwrap_or(original_type);
    let resource = serde_json::to_string(content.resource).map_err(|error| error.to_string())?;
    let nonce = entropy.of(&[associated_data, &resource]).letters_and_digits(ENVELOPE_NONCE_LENGTH);
    let ciphertext = key.seal(&nonce, associated_data, resource.as_bytes());
    let ciphertext = ciphertext.map_err(|error| error.to_string())?;
    // Members in the order of recorded notifications.
    let body = json!({
        "id": content.id,
        "create_time": clock::rfc3339(content.time),
        "resource_type": "encrypt-resource",
        "event_type": described.sent_as.first().copied().unwrap_or(content.event_type),
        "summary": described.summary.unwrap_or(described.title),
        "resource": {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext,
            "associated_data": associated_data,
            "nonce": nonce,
        },
    });
    let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    Ok(Message { headers: headers(signer, entropy, &body, now, signature)?, body })
}

/// The headers of recorded notifications. UNCONFIRMED(notification-headers): pages list `Request-ID` and
/// `Wechatpay-Signature-Type`, and two recorded notifications lack both. The second is sent: clients are in
/// use that refuse a notification without it (wechatpayv3).
fn headers(
    signer: &SigningKey,
    entropy: &Entropy,
    body: &[u8],
    now: i64,
    signature: Signature,
) -> Result<Vec<(&'static str, String)>, String> {
    let (timestamp, nonce) = (now.to_string(), entropy.letters_and_digits(32));
    let signature = match signature {
        Signature::Right => signer.key.sign(&response_message(&timestamp, &nonce, body)),
        Signature::Probe => Ok(format!("{PROBE_PREFIX}{}", entropy.letters_and_digits(PROBE_LENGTH))),
    };
    let signature = signature.map_err(|error| error.to_string())?;
    Ok(vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Mozilla/4.0".to_owned()),
        ("accept", "*/*".to_owned()),
        ("pragma", "no-cache".to_owned()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-serial", signer.serial.clone()),
        ("wechatpay-signature", signature),
        ("wechatpay-signature-type", SCHEME.to_owned()),
        ("wechatpay-timestamp", timestamp),
    ])
}

/// With the prefix as long as a signature.
const PROBE_LENGTH: usize = 344 - PROBE_PREFIX.len();

/// The name space of our identifiers: any 16 bytes that no other program uses.
const NAME_SPACE: &[u8; 16] = b"weipay-sandbox-1";

/// A version 5 UUID (RFC 9562, 5.5), as every recorded `id` is: it follows from what it names, so a repeat has the same.
pub(super) fn id(entry: &OutboxEntry) -> String {
    let OutboxEntry { number, mchid, event_type, time, resource, .. } = entry;
    // The text that `Display` gives, in half the time.
    let resource = serde_json::to_string(resource).unwrap_or_default();
    uuid(&format!("{mchid}\n{number}\n{event_type}\n{time}\n{resource}"))
}

/// The UUID of a name.
pub(super) fn uuid(name: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[NAME_SPACE, name.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(hash.as_ref().split_at(16).0);
    bytes[6] = (bytes[6] & 0x0F) | 0x50;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let digits = base16ct::lower::encode_string(&bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64) -> OutboxEntry {
        OutboxEntry {
            number,
            mchid: "1900000109".to_owned(),
            notify_url: String::new(),
            platform_serial: String::new(),
            event_type: "COUPON.SEND".to_owned(),
            time: 0,
            resource: json!({ "a": 1 }),
            attempts: 0,
            due: 0,
        }
    }

    #[test]
    fn an_attempt_takes_no_number_from_a_seeded_sequence() {
        let sandbox = crate::Sandbox::builder().seed(1).start().unwrap();
        let platform = sandbox.platform();
        let place = platform.entropy.place();
        for event_type in ["COUPON.SEND", "v2/transaction-success", "v2/refund-processed"] {
            let mchid = sandbox.kit().mchid.clone();
            let entry = OutboxEntry { mchid, event_type: event_type.to_owned(), ..entry(1) };
            make(platform, &entry, 0, Signature::Right).unwrap();
            assert_eq!(platform.entropy.place(), place, "{event_type}");
        }
    }

    #[test]
    fn a_seed_decides_every_nonce_of_an_attempt_and_without_one_each_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let made = |seed: Option<u64>, event_type: &str| {
            let builder = crate::Sandbox::builder().data(folder.path());
            let sandbox = seed.into_iter().fold(builder, crate::SandboxBuilder::seed).start().unwrap();
            let mchid = sandbox.kit().mchid.clone();
            let entry = OutboxEntry { mchid, event_type: event_type.to_owned(), ..entry(1) };
            let made = || make(sandbox.platform(), &entry, 0, Signature::Right).unwrap();
            let (message, again) = (made(), made());
            assert_eq!(message.body == again.body, seed.is_some(), "{event_type}");
            (message.headers, String::from_utf8(message.body).unwrap())
        };
        for event_type in ["COUPON.SEND", "v2/transaction-success"] {
            let (seeded, other, random) =
                (made(Some(1), event_type), made(Some(2), event_type), made(None, event_type));
            assert_eq!(seeded, made(Some(1), event_type));
            assert_ne!(seeded.1, other.1);
            assert_ne!(seeded.1, random.1);
        }
    }

    #[test]
    fn an_id_is_a_version_5_uuid_that_stays_with_its_notification() {
        let first = id(&entry(1));
        assert_eq!(first, id(&OutboxEntry { attempts: 3, due: 60, ..entry(1) }));
        assert_ne!(first, id(&entry(2)));
        assert_eq!(first.len(), 36);
        let parts: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(first.as_bytes()[14] == b'5' && b"89ab".contains(&first.as_bytes()[19]), "{first}");
    }
}
