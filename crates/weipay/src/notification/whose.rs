//! Whose a notification of APIv3 is. There is no header for it: the key that signed and the APIv3 key that decrypts say it, unless
//! several merchants have both. The resource of most events names the merchant, too (`merchant-number` in the catalogue), and that
//! one must be a merchant of the receiver: shops of one owner that have one key, one address and the same numbers of orders would
//! otherwise ship for the payment of another.

use std::borrow::Cow;
use std::sync::Arc;

use weipay_wire::MerchantId;

use super::keys::MerchantKeys;
use super::rejection::{Rejection, RejectionKind};
use super::verified::Unsure;
use crate::json::member;
use crate::notification::events::event::MERCHANTS;

/// The merchants that a resource names as those whom it is for. A partner's names two or three, as its event has them.
pub(super) struct Named<'a>(Vec<Cow<'a, str>>);

impl<'a> Named<'a> {
    pub(super) fn by(event: &str, resource: &'a [u8]) -> Self {
        let members = MERCHANTS.iter().find(|(of, _)| *of == event).map_or(&[][..], |(_, members)| *members);
        let named = members.iter().filter_map(|name| member(resource, name));
        Self(named.filter(|number| !number.is_empty()).collect())
    }

    fn has(&self, merchant: &MerchantKeys) -> bool {
        let number = merchant.mchid.as_ref().map(AsRef::<str>::as_ref);
        number.is_some_and(|number| self.0.iter().any(|named| named == number))
    }
}

/// The merchant whom a notification is for, and its number if no other of these merchants may be meant. `owner` is the first whose
/// APIv3 key decrypted it.
///
/// # Errors
///
/// If it names a merchant, and none of these.
pub(super) fn whose(
    merchants: &[Arc<MerchantKeys>],
    owner: Arc<MerchantKeys>,
    unsure: Option<&Unsure>,
    named: &Named<'_>,
) -> Result<(Arc<MerchantKeys>, Option<MerchantId>), Rejection> {
    // In any case, the clients that may lack the key of the signature are let fetch it.
    let is_unsure = unsure.is_some_and(|unsure| unsure.may_be_for_another(&owner));
    // A brand has no number.
    let Some(first) = named.0.first().filter(|_| owner.mchid.is_some()) else {
        let mchid = if is_unsure { None } else { only_owner(merchants, &owner) };
        return Ok((owner, mchid));
    };
    let mut found = merchants.iter().filter(|one| one.has_key_of(&owner) && named.has(one));
    if let Some(one) = found.next() {
        let is_only = found.all(|other| other.mchid == one.mchid);
        return Ok((Arc::clone(one), one.mchid.clone().filter(|_| is_only)));
    }
    let is_of_the_rest =
        |unsure: &&Unsure| unsure.merchants.iter().any(|one| one.has_key_of(&owner) && named.has(one));
    Err(Rejection::v3(match unsure.filter(is_of_the_rest) {
        // Its client does not have the key that signed this, or not yet.
        Some(unsure) => RejectionKind::NotFetched { serial: unsure.serial.clone() },
        None => RejectionKind::UnknownMerchant(
            first.chars().filter(char::is_ascii_alphanumeric).take(32).collect(),
        ),
    }))
}

/// The number of a merchant, unless several that it may be for chose the same APIv3 key.
fn only_owner(merchants: &[Arc<MerchantKeys>], owner: &MerchantKeys) -> Option<MerchantId> {
    let mut others = merchants.iter().filter(|one| one.mchid != owner.mchid);
    if others.any(|one| one.has_key_of(owner)) { None } else { owner.mchid.clone() }
}
