//! A notification whose signature holds, before anything of it is decrypted: the one thing that can be opened.

use std::fmt;
use std::sync::Arc;

use weipay_wire::{ApiV3Key, Envelope as Sealed, EnvelopeError, MerchantId, PrivateKey};
use zeroize::Zeroizing;

use super::event::resolve;
use super::keys::MerchantKeys;
use super::opened::{Head, Notification};
use super::rejection::{Rejection, RejectionKind};
use crate::error::DecodeError;
use crate::model::decode;
use crate::notifications::event::Event;
use crate::notifications::v3::envelope::{Envelope, Resource};

/// How many different APIv3 keys are tried. Where more merchants share a certificate and a route, give each a route or a public key.
const MAX_APIV3_KEYS: usize = 1024;

/// What `algorithm` names, where it is there.
const AES_GCM: &str = "AEAD_AES_256_GCM";

/// A notification that the platform has signed and that is not opened yet. Only [`Receiver::verify`] makes one.
///
/// [`Receiver::verify`]: super::Receiver::verify
#[must_use = "a notification tells nothing before it is opened"]
pub struct Verified {
    head: Head,
    resource: Resource,
    /// The merchants that it may be for.
    merchants: Vec<Arc<MerchantKeys>>,
}

/// What the APIv3 key opened.
pub(super) struct Content {
    pub(super) plain: Zeroizing<Vec<u8>>,
    merchant: Arc<MerchantKeys>,
    mchid: Option<MerchantId>,
}

impl Verified {
    /// Reads the envelope of a body whose signature holds.
    pub(super) fn read(
        merchants: Vec<Arc<MerchantKeys>>,
        request_id: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Rejection> {
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
        Ok(Self { head, resource, merchants })
    }

    /// `id` (通知的唯一ID): the same for every delivery of one notification.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.head.id
    }

    /// `event_type` (通知的类型), such as `TRANSACTION.SUCCESS`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.head.event_type
    }

    /// Decrypts the resource with the APIv3 key, and reads it as the type of its event.
    ///
    /// # Errors
    ///
    /// If no configured APIv3 key opens it, or what it holds is not a JSON object.
    #[inline]
    pub fn open(self) -> Result<Notification, Rejection> {
        let content = self.decrypt()?;
        match Event::decode(self.event(&content), &content.plain, content.decryption_key()) {
            Ok((event, misread)) => Ok(Notification::new(self.head, content.into_parts(), event, misread)),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The event by the catalogue's name.
    pub(super) fn event(&self, content: &Content) -> &str {
        let Head { event_type, original_type, summary, .. } = &self.head;
        resolve(event_type, original_type.as_deref(), summary.as_deref(), &content.plain)
    }

    pub(super) fn decrypt(&self) -> Result<Content, Rejection> {
        let rejected = |kind| Err(Rejection::v3(kind));
        let Resource { algorithm, associated_data, nonce, ciphertext, .. } = &self.resource;
        if let Some(algorithm) = algorithm.as_ref().map(|one| one.as_str()).filter(|name| *name != AES_GCM) {
            let shown = algorithm.chars().filter(char::is_ascii_graphic).take(64).collect();
            return rejected(RejectionKind::Algorithm(shown));
        }
        let Some(nonce) = nonce else { return rejected(RejectionKind::Incomplete("`resource.nonce`")) };
        let Some(ciphertext) = ciphertext else {
            return rejected(RejectionKind::Incomplete("`resource.ciphertext`"));
        };
        let associated_data = associated_data.as_deref().unwrap_or_default();
        let sealed = Sealed { nonce, associated_data, ciphertext };
        let mut tried: Vec<&ApiV3Key> = Vec::new();
        let mut failure = EnvelopeError::Refused;
        for merchant in &self.merchants {
            let Some(key) = &merchant.api_v3_key else { continue };
            if tried.iter().any(|known| known.as_bytes() == key.as_bytes()) {
                continue;
            }
            if tried.len() == MAX_APIV3_KEYS {
                break;
            }
            match key.open(&sealed) {
                Ok(plain) => {
                    let mchid = self.only_owner(key);
                    return Ok(Content { plain, merchant: Arc::clone(merchant), mchid });
                }
                Err(EnvelopeError::Refused) => tried.push(key),
                Err(error) => {
                    // It is malformed, so that no other key opens it.
                    tried.push(key);
                    failure = error;
                    break;
                }
            }
        }
        match tried.len() {
            0 => rejected(RejectionKind::NoKey(
                "no merchant that it may be for has an APIv3 key (APIv3密钥): `.api_v3_key(...)`",
            )),
            keys => rejected(RejectionKind::Sealed { error: failure, keys }),
        }
    }

    /// The merchant of a key, unless several that it may be for chose the same one.
    fn only_owner(&self, key: &ApiV3Key) -> Option<MerchantId> {
        let has_it = |one: &&Arc<MerchantKeys>| {
            one.api_v3_key.as_ref().is_some_and(|known| known.as_bytes() == key.as_bytes())
        };
        let mut owners = self.merchants.iter().filter(has_it);
        let owner = owners.next()?;
        owners.all(|other| other.mchid == owner.mchid).then(|| owner.mchid.clone())
    }
}

impl Content {
    pub(super) fn decryption_key(&self) -> Option<&PrivateKey> {
        self.merchant.decryption_key.as_deref()
    }

    pub(super) fn into_parts(self) -> (Zeroizing<Vec<u8>>, Option<MerchantId>) {
        (self.plain, self.mchid)
    }
}

/// The error of a resource that is not what its event promises.
pub(super) fn unreadable(error: DecodeError) -> Rejection {
    Rejection::v3(RejectionKind::Unreadable(error))
}

impl fmt::Debug for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt_as("Verified", out)
    }
}
