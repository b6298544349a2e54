//! The merchant whom a notification of APIv3 is for. No header names it. Usually the APIv3 key that decrypts it, or the key that
//! signed it, belongs to one merchant only. If several merchants share both keys, the resource decides: most events name their
//! recipient (`merchant-number` in the catalogue), which must be a merchant of the receiver. Otherwise a shop could ship for a
//! payment to another shop of the same owner, if both use the same keys, address and order numbers.

use std::borrow::Cow;
use std::sync::Arc;

use weipay_wire::MerchantId;

use super::keys::MerchantKeys;
use super::rejection::{Rejection, RejectionKind};
use super::verified::Unsure;
use crate::json::member;
use crate::notification::events::event::MERCHANTS;
use crate::operation::ApiVersion;

/// The recipients that a resource names. The resource of a partner's event may name two or three merchants.
pub(super) struct NamedMerchants<'a>(Vec<Cow<'a, str>>);

impl<'a> NamedMerchants<'a> {
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

/// The merchant whom a notification is for, and its number, unless it may be for another of these merchants. `owner` is the first
/// merchant whose APIv3 key decrypted it.
///
/// # Errors
///
/// If it names a merchant, and none of these.
pub(super) fn recipient(
    merchants: &[Arc<MerchantKeys>],
    owner: Arc<MerchantKeys>,
    unsure: Option<&Unsure>,
    named: &NamedMerchants<'_>,
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
    Err(match unsure.filter(is_of_the_rest) {
        // Its client does not have the key that signed this, or not yet.
        Some(unsure) => Rejection::v3(RejectionKind::NotFetched { serial: unsure.serial.clone() }),
        None => Rejection::unknown_merchant(first, ApiVersion::V3),
    })
}

/// The number of a merchant, unless several that it may be for chose the same APIv3 key.
fn only_owner(merchants: &[Arc<MerchantKeys>], owner: &MerchantKeys) -> Option<MerchantId> {
    let mut others = merchants.iter().filter(|one| one.mchid != owner.mchid);
    if others.any(|one| one.has_key_of(owner)) { None } else { owner.mchid.clone() }
}
