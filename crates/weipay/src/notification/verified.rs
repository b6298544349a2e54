//! A notification whose signature holds, before anything of it is decrypted: the only thing that can be opened.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use weipay_wire::{Envelope as Sealed, EnvelopeAlgorithm, EnvelopeError, PrivateKey};
use zeroize::Zeroizing;

use super::event::resolve;
use super::fetches::MAX_FETCHES;
use super::keys::MerchantKeys;
use super::opened::{Head, Notification, Opened};
use super::recipient::{NamedMerchants, recipient};
use super::rejection::{Rejection, RejectionKind};
use super::v2::{V2Content, V2Event, V2Verified};
use crate::error::DecodeError;
use crate::json;
use crate::model::decode;
use crate::notification::events::event::Event;
use crate::notification::events::v3::envelope::{Envelope, Resource};
use crate::operation::ApiVersion;

/// How many different APIv3 keys are tried. Where more merchants share a certificate and a route, give each a
/// route or a public key.
const MAX_APIV3_KEYS: usize = 1024;

/// A notification that the platform has signed and that is not opened yet. Only [`Receiver::verify`] makes one.
///
/// [`Receiver::verify`]: super::Receiver::verify
#[must_use = "a notification must be opened before it can be read"]
pub struct Verified {
    head: Head,
    message: Message,
    /// The merchants that it may be for.
    merchants: Vec<Arc<MerchantKeys>>,
    /// Those that it may be for too, as soon as their clients have the key that signed it.
    unsure: Option<Unsure>,
}

/// The merchants of a receiver, and the serial that some of them may lack.
pub(super) struct Unsure {
    pub(super) merchants: Arc<Vec<Arc<MerchantKeys>>>,
    pub(super) serial: String,
}

impl Unsure {
    /// Lets the client of each merchant whose APIv3 key decrypts this, and that lacks the key of the signature, fetch it.
    /// The platform sends the notification again. A signature that only another merchant's keys verify proves nothing.
    fn begin_fetches(&self, sealed: (EnvelopeAlgorithm, &Sealed<'_>)) {
        begin_some(lacking(&self.merchants, &self.serial, sealed), &self.serial);
    }

    /// Whether the notification may be for a merchant that chose the same APIv3 key as this one: its client
    /// may have the key of the signature as soon as it fetches, which it is let begin.
    pub(super) fn may_be_for_another(&self, owner: &MerchantKeys) -> bool {
        let others = self.merchants.iter().filter(|one| one.mchid != owner.mchid && one.has_key_of(owner));
        let others: Vec<_> = others.filter(|one| one.may_have(&self.serial)).collect();
        let some = !others.is_empty();
        begin_some(others, &self.serial);
        some
    }
}

impl MerchantKeys {
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        // By reference: a copy of a key would not be wiped.
        let (one, other) = (&self.api_v3_key, &other.api_v3_key);
        one.as_ref().map(|key| key.as_bytes()) == other.as_ref().map(|key| key.as_bytes())
    }
}

/// Begins the fetches of these merchants' clients, as many as may at once. The next notification begins others.
pub(super) fn begin_some<'a>(owners: impl IntoIterator<Item = &'a Arc<MerchantKeys>>, serial: &str) {
    owners.into_iter().filter(|owner| owner.begin_fetch(serial)).take(MAX_FETCHES).for_each(drop);
}

/// Lets the clients refresh the keys that verified a notification, if they are old: those of the merchant that it is for, and of
/// others with the same APIv3 key. Those of a whole fleet that shares a certificate would all be old at once.
fn refresh_some(merchants: &[Arc<MerchantKeys>], owner: &MerchantKeys) {
    let owners = merchants.iter().filter(|one| one.has_key_of(owner));
    owners.filter(|one| one.begin_refresh()).take(MAX_FETCHES).for_each(drop);
}

/// The merchants whose clients lack the certificate with this serial and can fetch it, and whose APIv3 key decrypts this.
fn lacking<'a>(
    merchants: &'a [Arc<MerchantKeys>],
    serial: &str,
    sealed: (EnvelopeAlgorithm, &Sealed<'_>),
) -> Vec<&'a Arc<MerchantKeys>> {
    let can_fetch = || merchants.iter().filter(|merchant| merchant.can_fetch(serial));
    match try_keys(can_fetch(), sealed) {
        Ok((_, owner)) => can_fetch().filter(|one| one.has_key_of(owner)).collect(),
        Err(_) => Vec::new(),
    }
}

/// The merchants that may fetch this serial and whose APIv3 key decrypts the resource of a body. Who signed it is not known here.
pub(super) fn owners<'a>(
    merchants: &'a [Arc<MerchantKeys>],
    serial: &str,
    body: &[u8],
) -> Vec<&'a Arc<MerchantKeys>> {
    let resource = decode::decode::<Envelope>(body, None).ok().and_then(|(envelope, _)| envelope.resource);
    match resource.as_ref().map(sealed) {
        Some(Ok((algorithm, sealed))) => lacking(merchants, serial, (algorithm, &sealed)),
        _ => Vec::new(),
    }
}

enum Message {
    V3(Box<Resource>),
    V2(Box<V2Verified>),
}

/// The decrypted content.
pub(super) enum Content {
    V3 {
        plain: Zeroizing<Vec<u8>>,
        key: Option<Arc<PrivateKey>>,
        /// The event, where it is not its `event_type`.
        other_event: Option<&'static str>,
    },
    V2(V2Content),
}

impl Content {
    fn json(&self) -> &[u8] {
        match self {
            Self::V3 { plain, .. } => plain,
            Self::V2(content) => &content.json,
        }
    }
}

impl Verified {
    /// Reads the envelope of a body whose signature holds.
    pub(super) fn read(
        merchants: Vec<Arc<MerchantKeys>>,
        unsure: Option<Unsure>,
        request_id: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Rejection> {
        check_unrepeated(body)?;
        let incomplete = |what| Rejection::v3(RejectionKind::Incomplete(what));
        let read = decode::decode::<Envelope>(body, None);
        let (envelope, _) = read.map_err(|error| Rejection::v3(RejectionKind::Unreadable(error)))?;
        let resource = envelope.resource.ok_or_else(|| incomplete("`resource`"))?;
        let head = Head {
            id: envelope.id.filter(|id| !id.is_empty()).ok_or_else(|| incomplete("`id`"))?,
            event_type: envelope.event_type.ok_or_else(|| incomplete("`event_type`"))?,
            create_time: envelope.create_time,
            summary: envelope.summary,
            original_type: resource.original_type.clone(),
            request_id: request_id.map(str::to_owned),
        };
        Ok(Self { head, message: Message::V3(Box::new(resource)), merchants, unsure })
    }

    /// Verifies and reads one of APIv2, whose signature is in its body.
    pub(super) fn read_v2(
        merchants: &[Arc<MerchantKeys>],
        request_id: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Rejection> {
        let (head, merchants, message) = V2Verified::read(merchants, request_id, body)?;
        Ok(Self { head, message: Message::V2(Box::new(message)), merchants, unsure: None })
    }

    /// `id` (通知的唯一ID): the same for every delivery of one notification. It is empty for XML of APIv2
    /// that has no `event_id`: that has none until it is opened.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.head.id
    }

    /// `event_type` (通知的类型), such as `TRANSACTION.SUCCESS`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.head.event_type
    }

    /// Decrypts the resource with the APIv3 key, and reads it as the type of its event. Of APIv2, `req_info`
    /// is decrypted with the APIv2 key.
    ///
    /// # Errors
    ///
    /// If no configured key decrypts it, or its content is not an object.
    #[inline]
    pub fn open(self) -> Result<Notification, Rejection> {
        let (head, content, opened) = self.decrypt()?;
        let decoded = match &content {
            Content::V3 { plain, key, other_event } => {
                Event::decode(other_event.unwrap_or(&head.event_type), plain, key.as_deref())
            }
            Content::V2(content) => V2Event::decode(&head.event_type, content)
                .map(|(event, decode_errors)| (Event::V2(event), decode_errors)),
        };
        match decoded {
            // A response may have no body. A notification without content says nothing, and must not be taken for a payment.
            Ok((event, _)) if event.name().is_some() && json::without_mark(content.json()).is_empty() => {
                let error = DecodeError::whole("the decrypted content is empty".to_owned());
                Err(Rejection::new(RejectionKind::Unreadable(error), opened.version))
            }
            Ok((event, decode_errors)) => {
                Ok(Notification::new(head, opened.with(content), event, decode_errors))
            }
            Err(error) => Err(Rejection::new(RejectionKind::Unreadable(error), opened.version)),
        }
    }

    pub(super) fn decrypt(mut self) -> Result<(Head, Content, Opened), Rejection> {
        let opened =
            |mchid, version, is_signed| Opened { resource: Zeroizing::default(), mchid, version, is_signed };
        match self.message {
            Message::V3(resource) => {
                let (algorithm, sealed) = sealed(&resource)?;
                let opened_by = open_sealed(&self.merchants, (algorithm, &sealed), ApiVersion::V3);
                if let (Err(_), Some(unsure)) = (&opened_by, &self.unsure) {
                    unsure.begin_fetches((algorithm, &sealed));
                }
                let (plain, merchant) = opened_by?;
                check_unrepeated(&plain)?;
                refresh_some(&self.merchants, &merchant);
                let other_event = other_event(&self.head, &plain);
                let named = NamedMerchants::by(other_event.unwrap_or(&self.head.event_type), &plain);
                let (merchant, mchid) = recipient(&self.merchants, merchant, self.unsure.as_ref(), &named)?;
                drop(named);
                let content = Content::V3 { plain, key: merchant.decryption_key.clone(), other_event };
                Ok((self.head, content, opened(mchid, ApiVersion::V3, true)))
            }
            Message::V2(message) => {
                let (content, merchant) = message.open(&self.merchants, &mut self.head)?;
                let mchid = merchant.mchid.clone();
                Ok((self.head, Content::V2(content), opened(mchid, ApiVersion::V2, message.is_signed)))
            }
        }
    }
}

/// A member that is in an object twice is an error, in a notification as in a response.
fn check_unrepeated(json: &[u8]) -> Result<(), Rejection> {
    let repeated = DecodeError::of_repeated_member(json);
    repeated.map_or(Ok(()), |error| Err(Rejection::v3(RejectionKind::Unreadable(error))))
}

impl Opened {
    pub(super) fn with(self, content: Content) -> Self {
        let resource = match content {
            Content::V3 { plain, .. } => plain,
            Content::V2(content) => content.json,
        };
        Self { resource, ..self }
    }
}

/// The event by the catalogue's name, where that is not its `event_type`.
fn other_event(head: &Head, resource: &[u8]) -> Option<&'static str> {
    let Head { event_type, original_type, summary, .. } = head;
    resolve(event_type, original_type.as_deref(), summary.as_deref(), resource)
}

fn sealed(resource: &Resource) -> Result<(EnvelopeAlgorithm, Sealed<'_>), Rejection> {
    let rejected = |kind| Err(Rejection::v3(kind));
    let Resource { algorithm, associated_data, nonce, ciphertext, .. } = resource;
    let name = algorithm.as_ref().map_or(EnvelopeAlgorithm::default().name(), |one| one.as_str());
    let Some(algorithm) = EnvelopeAlgorithm::from_name(name) else {
        return Err(Rejection::algorithm(name, ApiVersion::V3));
    };
    let Some(nonce) = nonce else { return rejected(RejectionKind::Incomplete("`resource.nonce`")) };
    let Some(ciphertext) = ciphertext else {
        return rejected(RejectionKind::Incomplete("`resource.ciphertext`"));
    };
    let associated_data = associated_data.as_deref().unwrap_or_default();
    Ok((algorithm, Sealed { nonce, associated_data, ciphertext }))
}

/// Opens an envelope with the APIv3 key of one of these merchants.
pub(super) fn open_sealed(
    merchants: &[Arc<MerchantKeys>],
    sealed: (EnvelopeAlgorithm, &Sealed<'_>),
    version: ApiVersion,
) -> Result<(Zeroizing<Vec<u8>>, Arc<MerchantKeys>), Rejection> {
    match try_keys(merchants.iter(), sealed) {
        Ok((plain, merchant)) => Ok((plain, Arc::clone(merchant))),
        Err((_, 0)) => Err(Rejection::new(
            RejectionKind::NoKey(
                "no merchant that it may be for has an APIv3 key (APIv3密钥): `.api_v3_key(...)`",
            ),
            version,
        )),
        Err((error, keys)) => Err(Rejection::new(RejectionKind::Sealed { error, keys }, version)),
    }
}

/// The content that a key decrypted, and a merchant with that key.
type OpenedBy<'a> = (Zeroizing<Vec<u8>>, &'a Arc<MerchantKeys>);

/// Tries each different APIv3 key of these merchants once, up to a limit: the decrypted content, and the first
/// merchant with that key. Or else why not, and how many keys were tried.
fn try_keys<'a>(
    merchants: impl Iterator<Item = &'a Arc<MerchantKeys>>,
    (algorithm, sealed): (EnvelopeAlgorithm, &Sealed<'_>),
) -> Result<OpenedBy<'a>, (EnvelopeError, usize)> {
    let mut tried: HashSet<&[u8; 32]> = HashSet::new();
    let mut failure = EnvelopeError::Refused;
    for merchant in merchants {
        let Some(key) = &merchant.api_v3_key else { continue };
        if tried.len() == MAX_APIV3_KEYS {
            break;
        }
        if !tried.insert(key.as_bytes()) {
            continue;
        }
        match key.open_with(algorithm, sealed) {
            Ok(plain) => return Ok((plain, merchant)),
            Err(EnvelopeError::Refused) => {}
            Err(error) => {
                // It is malformed, so that no other key opens it.
                failure = error;
                break;
            }
        }
    }
    Err((failure, tried.len()))
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt_as("Verified", f)
    }
}

#[cfg(test)]
mod tests {
    use weipay_wire::{ApiV3Key, MerchantId, PublicKeyId};

    use super::*;
    use crate::ClientBuilder;
    use crate::notification::keys::GivenBy;

    fn merchants(keys: impl Iterator<Item = String>) -> Vec<Arc<MerchantKeys>> {
        let platform = PrivateKey::generate().unwrap().public_key();
        let merchant = |key: String| {
            let settings = ClientBuilder::default()
                .mchid(MerchantId::new("1900000001").unwrap())
                .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(), platform.clone())
                .api_v3_key(ApiV3Key::new(&key).unwrap());
            Arc::new(MerchantKeys::from_builder(settings, GivenBy::Builder).unwrap())
        };
        keys.map(merchant).collect()
    }

    #[test]
    fn each_different_key_is_tried_once_and_no_more_than_a_thousand() {
        let ciphertext = ApiV3Key::new(&"x".repeat(32)).unwrap().seal("61f9c719728a", "", b"{}").unwrap();
        let tried = |merchants: &[Arc<MerchantKeys>], ciphertext| {
            let sealed = Sealed { nonce: "61f9c719728a", associated_data: "", ciphertext };
            try_keys(merchants.iter(), (EnvelopeAlgorithm::default(), &sealed)).map(drop).unwrap_err().1
        };
        let same = merchants((0..100).map(|_| "y".repeat(32)));
        assert_eq!(tried(&same, &ciphertext), 1);
        let different = merchants((0..1_100).map(|number| format!("{number:032}")));
        assert_eq!(tried(&different, &ciphertext), MAX_APIV3_KEYS);
        assert_eq!(tried(&different, "not Base64"), 1, "no key opens what is malformed");
    }

    /// Settings fetch nothing, so their keys are not tried for that.
    #[test]
    fn only_merchants_that_can_fetch_are_looked_through() {
        let merchants = merchants(std::iter::once("x".repeat(32)));
        let ciphertext = ApiV3Key::new(&"x".repeat(32)).unwrap().seal("61f9c719728a", "", b"{}").unwrap();
        let sealed = Sealed { nonce: "61f9c719728a", associated_data: "", ciphertext: &ciphertext };
        let sealed = (EnvelopeAlgorithm::default(), &sealed);
        assert!(try_keys(merchants.iter(), sealed).is_ok());
        assert!(lacking(&merchants, "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", sealed).is_empty());
    }
}
