//! APIv2: the XML of payments and refunds, and the sealed messages of a few older products, on the same route.
//!
//! The signature is in the body, made with the APIv2 key. It has no time and no id: an old message stays valid for ever, and what
//! stands for the id is made of the numbers of what happened. A refund notification carries no signature at all; that its
//! `req_info` can be decrypted with the APIv2 key is the only evidence. So what is not signed is a refund and nothing else, and
//! nothing beside its `req_info` counts.
//!
//! The notifications of deposit-free rental and stay (免押租借, 免押速住) are signed and sealed: their `event_ciphertext` can be
//! decrypted only with the APIv3 key. UNCONFIRMED: in which form they come. Public pages show them as XML with XML in it, and
//! SDKs read them so; the parameters are also listed without a form, and no recorded message is public. So both XML and JSON
//! are read, outside and inside. Either is verified like all XML of APIv2, over all elements or members of the outer object.
//! If the platform signs otherwise, such a message is rejected, never accepted unverified.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use weipay_wire::{ApiV2Key, EnvelopeAlgorithm, SignError, VerifyError, XmlElements, sha256_hex};
use zeroize::Zeroizing;

use super::keys::MerchantKeys;
use super::mistake::BodyMistake;
use super::opened::Head;
use super::rejection::{Rejection, RejectionKind};
use crate::error::DecodeError;
use crate::json::{self, WipedJson};
use crate::notification::events::marks::{MARKS, MERCHANTS};
use crate::notification::events::v2::{
    check_fail, check_success, combined_transactions_success, pap_contract_state_changed, refund_processed,
    transaction_fail, transaction_success, transaction_success_, transactions_risk_occurred,
    vehicle_state_changed_for_parking,
};
use crate::operation::ApiVersion;
use crate::response::Decode;
use crate::xml;

macro_rules! v2_events {
    ($($(#[$doc:meta])* $variant:ident($type:ty) = $name:literal,)*) => {
        /// The event of an APIv2 notification.
        #[non_exhaustive]
        pub enum V2Event {
            $($(#[$doc])* $variant(Box<$type>),)*
            /// Something that this version does not know:
            /// [`Notification::json`](crate::notification::Notification::json) reads it.
            Other,
        }

        impl V2Event {
            /// The name of the event in the catalogue of this crate, since APIv2 has none; `None` for [`Other`](Self::Other).
            #[must_use]
            pub fn name(&self) -> Option<&'static str> {
                Some(match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Other => return None,
                })
            }

            /// Reads an event from verified and decrypted content.
            #[inline]
            pub(super) fn decode(event: &str, content: &V2Content) -> Result<(Self, Vec<DecodeError>), DecodeError> {
                match event {
                    $($name => {
                        let (read, decode_errors) = content.read::<$type>()?;
                        Ok((Self::$variant(Box::new(read)), decode_errors))
                    })*
                    _ => Ok((Self::Other, Vec::new())),
                }
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

v2_events! {
    /// 普通支付通知: a payment. It is paid only if `result_code` is `SUCCESS`, and `trade_state`, where it is there, too.
    Payment(transaction_success_::Body) = "transaction-success",
    /// 合单支付通知: a combined payment.
    CombinedPayment(combined_transactions_success::Body) = "combined-transactions-success",
    /// 退款结果通知: a refund. **It carries no signature**: query the refund before money or goods move.
    Refund(refund_processed::Resource) = "refund-processed",
    /// 扣款服务-签约/解约结果通知: an agreement of deductions was signed or terminated.
    ContractStateChanged(pap_contract_state_changed::Body) = "pap-contract-state-changed",
    /// 事中-风险交易回调通知银行服务商: payments at risk.
    RiskyTransactions(transactions_risk_occurred::Body) = "transactions-risk-occurred",
    /// 车牌状态变更通知: the state of a number plate.
    VehicleStateChanged(vehicle_state_changed_for_parking::Body) = "vehicle-state-changed-for-parking",
    /// 用户确认订单成功回调通知: a service order was confirmed. UNCONFIRMED: whether it is XML or JSON; both are read.
    CheckSuccess(check_success::Resource) = "CHECK.SUCCESS",
    /// 用户确认订单失败回调通知: a service order was not confirmed. UNCONFIRMED: whether it is XML or JSON; both are read.
    CheckFail(check_fail::Resource) = "CHECK.FAIL",
    /// 订单支付成功回调通知: a service order was paid. UNCONFIRMED: whether it is XML or JSON; both are read.
    TransactionSuccess(transaction_success::Resource) = "TRANSACTION.SUCCESS",
    /// 订单支付失败回调通知: the payment of a service order failed. UNCONFIRMED: whether it is XML or JSON; both are read.
    TransactionFail(transaction_fail::Resource) = "TRANSACTION.FAIL",
}

/// The name alone: a resource is personal.
impl fmt::Debug for V2Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V2Event({})", self.name().unwrap_or("other"))
    }
}

/// The content of an APIv2 message, verified and decrypted.
pub(super) struct V2Content {
    /// Of XML.
    elements: Option<Zeroizing<XmlElements>>,
    /// As JSON, for those who read it themselves.
    pub(super) json: Zeroizing<Vec<u8>>,
}

impl V2Content {
    fn of_elements(elements: Zeroizing<XmlElements>) -> Self {
        let json = WipedJson(xml::json_of(&elements)).to_bytes();
        Self { elements: Some(elements), json }
    }

    #[inline]
    fn read<T: Decode>(&self) -> Result<(T, Vec<DecodeError>), DecodeError> {
        match &self.elements {
            Some(elements) => T::decode(&WipedJson(T::json_of(elements)).to_bytes(), None),
            None => T::decode(&self.json, None),
        }
    }
}

/// The one event that is not signed.
const REFUND: &str = "refund-processed";

/// The elements without which no XML is a sealed event.
const SEAL: [&str; 3] = ["event_type", "event_nonce", "event_ciphertext"];

/// How an event of APIv2 is distinguished from others, and its messages from each other, as the catalogue has it.
pub(crate) struct Mark {
    pub(crate) event: &'static str,
    /// Elements that are all there, in one or several forms.
    pub(crate) told_by: &'static [&'static [&'static str]],
    /// The numbers of what happened: one of them at least must be there, or else all elements count.
    pub(crate) numbers: &'static [&'static str],
    /// Whose they are, and what happened.
    pub(crate) identity: &'static [&'static str],
}

impl Mark {
    /// Whether all elements of one of its forms are there.
    fn fits(&self, has: impl Fn(&str) -> bool) -> bool {
        self.told_by.iter().any(|names| names.iter().all(|name| has(name)))
    }
}

/// Whether a body without signature headers is one of APIv2.
pub(super) fn is_v2(body: &[u8]) -> bool {
    const SEALED: &[u8] = b"\"event_ciphertext\"";
    let body = json::without_mark(body).trim_ascii_start();
    is_xml(body) || body.starts_with(b"{") && memchr::memmem::find(body, SEALED).is_some()
}

fn is_xml(text: &[u8]) -> bool {
    json::without_mark(text).trim_ascii_start().starts_with(b"<")
}

/// A message of APIv2 whose signature holds, where it has one.
pub(super) struct V2Verified {
    event: String,
    elements: XmlElements,
    /// Whether its content is in `event_ciphertext`.
    is_sealed: bool,
    pub(super) is_signed: bool,
}

impl V2Verified {
    /// Verifies a body with the APIv2 key of the merchant that it names.
    pub(super) fn read(
        merchants: &[Arc<MerchantKeys>],
        request_id: Option<&str>,
        body: &[u8],
    ) -> Result<(Head, Vec<Arc<MerchantKeys>>, Self), Rejection> {
        if merchants.iter().all(|one| one.api_v2_key.is_none()) {
            return Err(no_key());
        }
        let is_json = !is_xml(body);
        let elements = if is_json { members(body)? } else { read_xml(body, "xml")? };
        let is_sealed_refund = !is_json && text(&elements, "req_info").is_some();
        let mchid = MERCHANTS.iter().find_map(|name| text(&elements, name));
        let mchid = mchid.ok_or_else(|| rejected(RejectionKind::Incomplete("`mch_id`")))?;
        let named: Vec<_> = merchants
            .iter()
            .filter(|one| one.mchid.as_ref().is_some_and(|own| own.as_ref() == mchid))
            .map(Arc::clone)
            .collect();
        if named.is_empty() {
            return Err(Rejection::unknown_merchant(mchid, ApiVersion::V2));
        }
        let mut keys = named.iter().filter(|one| one.api_v2_key.is_some()).peekable();
        if keys.peek().is_none() {
            return Err(no_key());
        }
        let mut merchants = Vec::new();
        let mut failure = SignError::Missing;
        let mut is_signed = true;
        for merchant in keys {
            match merchant.api_v2_key.as_ref().map(|key| key.verify(&elements)) {
                Some(Ok(())) => merchants.push(Arc::clone(merchant)),
                Some(Err(SignError::Missing)) if is_sealed_refund => {
                    is_signed = false;
                    merchants.push(Arc::clone(merchant));
                }
                Some(Err(error)) => failure = error,
                None => {}
            }
        }
        if merchants.is_empty() {
            let mistake = if is_json {
                BodyMistake::find(body).filter(|one| *one == BodyMistake::Quoted)
            } else {
                None
            };
            return Err(rejected(RejectionKind::Unverified { error: VerifyError::Sign(failure), mistake }));
        }
        let is_sealed = is_json || is_signed && has_seal(&elements);
        let event = match (is_signed, is_sealed) {
            (false, _) => REFUND,
            (true, true) => sealed_event(&elements),
            (true, false) => event_of(&elements),
        }
        .to_owned();
        let of_sealed = |name| text(&elements, name).filter(|_| is_sealed).map(str::to_owned);
        let head = Head {
            id: of_sealed("event_id").unwrap_or_default(),
            event_type: event.clone(),
            create_time: of_sealed("event_create_time").map(Into::into),
            summary: None,
            original_type: None,
            request_id: request_id.map(str::to_owned),
        };
        Ok((head, merchants, Self { event, elements, is_sealed, is_signed }))
    }

    /// Decrypts the sealed part, or returns the message itself if it has none. Makes an id if the message has none.
    pub(super) fn open(
        &self,
        merchants: &[Arc<MerchantKeys>],
        head: &mut Head,
    ) -> Result<(V2Content, Arc<MerchantKeys>), Rejection> {
        let first = merchants.first().ok_or_else(|| rejected(RejectionKind::Incomplete("`mch_id`")))?;
        if self.is_sealed {
            let (plain, merchant) = super::verified::open_sealed(
                merchants,
                (self.algorithm()?, &self.sealed()?),
                ApiVersion::V2,
            )?;
            if head.id.is_empty() {
                head.id = id_of(&self.event, &self.elements);
            }
            return Ok((content_of(plain)?, merchant));
        }
        let (elements, merchant) = match text(&self.elements, "req_info") {
            None => (Zeroizing::new(self.elements.clone()), first),
            Some(req_info) => open_req_info(merchants, req_info)?,
        };
        head.id = id_of(&self.event, &elements);
        Ok((V2Content::of_elements(elements), Arc::clone(merchant)))
    }

    fn algorithm(&self) -> Result<EnvelopeAlgorithm, Rejection> {
        let Some(name) = text(&self.elements, "event_algorithm") else {
            return Ok(EnvelopeAlgorithm::default());
        };
        EnvelopeAlgorithm::from_name(name).ok_or_else(|| Rejection::algorithm(name, ApiVersion::V2))
    }

    fn sealed(&self) -> Result<weipay_wire::Envelope<'_>, Rejection> {
        let text = |name: &'static str, what| {
            self.elements.text(name).ok_or_else(|| rejected(RejectionKind::Incomplete(what)))
        };
        Ok(weipay_wire::Envelope {
            nonce: text("event_nonce", "`event_nonce`")?,
            associated_data: self.elements.text("event_associated_data").unwrap_or_default(),
            ciphertext: text("event_ciphertext", "`event_ciphertext`")?,
        })
    }
}

/// The decrypted content, XML or JSON.
fn content_of(plain: Zeroizing<Vec<u8>>) -> Result<V2Content, Rejection> {
    if !is_xml(&plain) {
        check_unrepeated(&plain)?;
        return Ok(V2Content { elements: None, json: plain });
    }
    let elements = XmlElements::read(&plain, "xml").map_err(|error| {
        let reason = error.to_string();
        rejected(RejectionKind::Unreadable(DecodeError { path: String::new(), reason }))
    })?;
    Ok(V2Content::of_elements(Zeroizing::new(elements)))
}

fn open_req_info<'a>(
    merchants: &'a [Arc<MerchantKeys>],
    req_info: &str,
) -> Result<(Zeroizing<XmlElements>, &'a Arc<MerchantKeys>), Rejection> {
    let mut failure = RejectionKind::Incomplete("`req_info`");
    for merchant in merchants {
        match merchant.api_v2_key.as_ref().map(|key: &ApiV2Key| key.open_req_info(req_info)) {
            // A wrong key may seem to open it; what comes out is not XML then.
            Some(Ok(opened)) => match XmlElements::read(&opened, "root") {
                Ok(elements) => return Ok((Zeroizing::new(elements), merchant)),
                Err(error) => {
                    failure = RejectionKind::Unverified { error: VerifyError::Xml(error), mistake: None };
                }
            },
            Some(Err(error)) => failure = RejectionKind::ReqInfo(error),
            None => {}
        }
    }
    Err(rejected(failure))
}

/// Refuses duplicate members: it is unknown which value counts.
fn check_unrepeated(json: &[u8]) -> Result<(), Rejection> {
    let repeated = DecodeError::of_repeated_member(json);
    repeated.map_or(Ok(()), |error| Err(rejected(RejectionKind::Unreadable(error))))
}

fn no_key() -> Rejection {
    rejected(RejectionKind::NoKey(
        "the merchant that it is for has no APIv2 key (API密钥): `.api_v2_key(...)`",
    ))
}

fn rejected(kind: RejectionKind) -> Rejection {
    Rejection::new(kind, ApiVersion::V2)
}

fn read_xml(body: &[u8], root: &str) -> Result<XmlElements, Rejection> {
    XmlElements::read(body, root).map_err(|error| {
        rejected(RejectionKind::Unverified { error: VerifyError::Xml(error), mistake: None })
    })
}

/// The memory that the members of a JSON body may take. Nothing is known of who sent it yet, and the platform's are far smaller.
const MAX_MEMBERS: usize = 4 * 1024 * 1024;

/// The members of a JSON body as the fields that its signature covers. UNCONFIRMED: see the top of this file.
fn members(body: &[u8]) -> Result<XmlElements, Rejection> {
    let unreadable = |error| rejected(RejectionKind::Unreadable(error));
    if json::measure(body).bytes > MAX_MEMBERS {
        let reason = format!("it would take more than {} MiB of memory", MAX_MEMBERS / 1024 / 1024);
        return Err(unreadable(DecodeError { path: String::new(), reason }));
    }
    check_unrepeated(body)?;
    let json = Value::decode(body, None).map_err(unreadable)?.0;
    let Value::Object(members) = json else {
        let reason = "expected an object".to_owned();
        return Err(unreadable(DecodeError { path: String::new(), reason }));
    };
    xml::elements_of(&members)
        .map_err(|error| unreadable(DecodeError { path: String::new(), reason: error.to_string() }))
}

/// The text of an element. An empty one says nothing.
fn text<'a>(elements: &'a XmlElements, name: &str) -> Option<&'a str> {
    elements.text(name).filter(|text| !text.is_empty())
}

/// The event of signed XML. APIv2 has no name for it, so its elements decide: those that say
/// something, and else those that are there. Empty elements are not signed, so they count only with a
/// `return_code`, which the platform signs. What a front end shows, such as the QR code of a product, is
/// signed with the same key, and a stranger could add empty elements to it.
fn event_of(elements: &XmlElements) -> &'static str {
    let has_outcome = text(elements, "return_code").is_some();
    let has =
        |mark: &&Mark| has_outcome && mark.event != REFUND && mark.fits(|name| elements.text(name).is_some());
    event_by_values(elements).or_else(|| MARKS.iter().find(has)).map_or("", |mark| mark.event)
}

/// The event whose elements are there and say something.
fn event_by_values(elements: &XmlElements) -> Option<&'static Mark> {
    MARKS.iter().find(|mark| mark.fits(|name| text(elements, name).is_some()))
}

/// Whether signed XML is a sealed event: one that has the elements of any other event is that. Empty elements do not
/// count, since they are not signed.
fn has_seal(elements: &XmlElements) -> bool {
    SEAL.iter().all(|name| text(elements, name).is_some()) && event_by_values(elements).is_none()
}

/// The event that a sealed message names. The names of those whose messages are not sealed are the catalogue's, not the
/// platform's.
fn sealed_event(elements: &XmlElements) -> &str {
    let named = elements.text("event_type").unwrap_or_default();
    if MARKS.iter().any(|mark| mark.event == named) { "" } else { named }
}

/// Makes an id: a digest of the numbers in the message, which is the same for each delivery. A digest, because ids are logged
/// and a number plate is personal.
fn id_of(event: &str, elements: &XmlElements) -> String {
    let mark = MARKS.iter().find(|mark| mark.event == event);
    let (numbers, others) = mark.map_or((&[][..], &[][..]), |mark| (mark.numbers, mark.identity));
    let mut fields: Vec<(&str, &str)> = if numbers.iter().any(|name| text(elements, name).is_some()) {
        let names = numbers.iter().chain(others);
        let told = names.filter_map(|name| Some((*name, text(elements, name)?)));
        // A message whose `return_code` is not a success must not have the id of the one that is.
        let outcome = text(elements, "return_code").filter(|code| *code != "SUCCESS");
        told.chain(outcome.map(|code| ("return_code", code))).collect()
    } else {
        elements.texts().filter(|(name, _)| !matches!(*name, "sign" | "nonce_str")).collect()
    };
    fields.sort_unstable();
    // Full capacity from the start: growing would leave plain text behind in freed memory.
    let length = fields.iter().map(|(name, text)| name.len() + text.len() + 24).sum::<usize>();
    let mut of_event = Zeroizing::new(String::with_capacity(event.len() + length));
    of_event.push_str(event);
    for (name, text) in fields {
        // With its length, so that no text can look like the next element.
        of_event.extend(["\n", name, "=", &text.len().to_string(), ":", text]);
    }
    let digest = sha256_hex(of_event.as_bytes());
    format!("v2-{}", digest.get(..32).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use weipay_catalog::{ApiVersion, Catalog};

    use super::*;

    #[test]
    fn no_mark_fits_what_another_event_must_have() {
        for one in Catalog::embedded().notifications().filter(|one| one.version == ApiVersion::V2) {
            let Some(form) = one.told_by.first() else { continue };
            let required = one.body.iter().filter(|field| field.required).map(|field| field.name);
            let mut names: Vec<_> = required.chain(form.iter().copied()).collect();
            names.sort_unstable();
            names.dedup();
            let mut elements = XmlElements::default();
            names.iter().for_each(|name| elements.push(*name, "1"));
            assert_eq!(event_of(&elements), one.event, "{names:?}");
        }
    }

    #[test]
    fn every_notification_of_apiv2_in_the_catalogue_is_an_event() {
        let mut listed: Vec<&str> = Catalog::embedded()
            .notifications()
            .filter(|one| one.version == ApiVersion::V2)
            .map(|one| one.event)
            .collect();
        let mut known = NAMES.to_vec();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, listed);
    }
}
