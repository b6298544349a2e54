//! One notification of any event (触发), signed and encrypted: a realistic sample, made of what the catalogue knows and
//! a kit's merchant, for which nothing has happened; or one of an order that a running sandbox has.

mod agreement;
mod elsewhere;
mod names;
mod of_order;
mod overrides;
mod sample;
mod table;

use std::fmt;

use serde_json::{Map, Value, json};
use weipay_catalog::{ApiVersion, Catalog, Notification as Described};
use weipay_wire::{ApiV2Key, Kit, SignType, XmlElements};

use super::message::{self, Content, Message, Signature};
use super::on_demand::{NotificationError, Notifications, wait_for};
use super::receiver::Reading;
use super::record::{Attempt, AttemptKind};
use super::{Receivers, acknowledgement, address, receiver};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::kit::KitOnDisk;
use crate::merchants::Merchant;
use crate::products::number_lookup::NumberRef;
use crate::reasons;
use sample::Sample;

/// A notification to be sent.
#[derive(Debug, Clone)]
pub struct Trigger {
    described: &'static Described,
    /// Of what the sandbox has, by its number; else it is a sample.
    order: Option<String>,
    overrides: Vec<(String, String)>,
}

/// Error of making a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerError(String);

impl fmt::Display for TriggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TriggerError {}

impl From<TriggerError> for NotificationError {
    fn from(error: TriggerError) -> Self {
        Self::Invalid(error.0)
    }
}

/// A notification that was made but not sent.
#[derive(Clone)]
#[non_exhaustive]
pub struct TriggeredMessage {
    /// The header fields, signature included.
    pub headers: Vec<(&'static str, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl TriggeredMessage {
    /// As JSON: what a script posts.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        json!({ "headers": headers, "body": String::from_utf8_lossy(&self.body) })
    }
}

/// It may hold personal data.
impl fmt::Debug for TriggeredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TriggeredMessage")
    }
}

impl Trigger {
    /// A notification of an event, such as `TRANSACTION.SUCCESS`, or `v2/TRANSACTION.SUCCESS` for the one of
    /// APIv2 where both have it.
    ///
    /// # Errors
    ///
    /// If the catalogue has no such event; the error names similar ones.
    pub fn new(event: &str) -> Result<Self, TriggerError> {
        let versioned =
            event.split_once('/').and_then(|(word, name)| Some((ApiVersion::from_word(word)?, name)));
        let (version, name) = versioned.map_or((None, event), |(version, name)| (Some(version), name));
        let catalog = Catalog::embedded();
        let is_meant = |(known, event): &(ApiVersion, &'static str)| {
            version.is_none_or(|version| version == *known) && event.eq_ignore_ascii_case(name)
        };
        let mut found: Vec<_> = catalog.notification_headings().filter(is_meant).collect();
        // Of both versions the third.
        found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        let described = found.first().and_then(|(version, event)| catalog.notification(*version, event));
        let described = described.ok_or_else(|| {
            let known = catalog.notification_headings().map(|(_, event)| event);
            TriggerError(format!(
                "there is no event named {}{}; `weipay api list --notifications` lists them",
                name.escape_debug(),
                names::hint(name, known)
            ))
        })?;
        Ok(Self { described, order: None, overrides: Vec::new() })
    }

    /// Makes the notification about an order (订单) of a running sandbox, by `out_trade_no` or `transaction_id`, with
    /// the content that the sandbox itself would send; for events of other records, about a refund, a transfer and so
    /// on, by its number. If several match, the newest.
    #[must_use]
    pub fn of_order(mut self, number: impl Into<String>) -> Self {
        self.order = Some(number.into());
        self
    }

    /// Gives a member of the resource, or of an APIv2 message, another value: `amount.total`, `payer.openid`,
    /// `sub_orders.0.mchid`. The text is read as the catalogue's type of the member; objects and arrays are
    /// JSON.
    ///
    /// # Errors
    ///
    /// If the catalogue has no such member, or the value is not of its type; the error names similar ones.
    pub fn set(mut self, path: impl Into<String>, value: impl Into<String>) -> Result<Self, TriggerError> {
        let (path, value) = (path.into(), value.into());
        // Into an empty object: what fits there fits into the sample.
        overrides::apply(self.fields(), &mut Map::new(), &path, &value).map_err(TriggerError)?;
        self.overrides.push((path, value));
        Ok(self)
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &'static str {
        self.described.event
    }

    fn is_v2(&self) -> bool {
        self.described.version == ApiVersion::V2
    }

    /// The members that can be set: what is sealed, or else the body.
    fn fields(&self) -> &'static [weipay_catalog::Field] {
        if self.described.resource.is_empty() { &self.described.body } else { &self.described.resource }
    }

    /// Makes the message with the keys of a kit. Its sandbox does not have to run.
    ///
    /// # Errors
    ///
    /// If the kit lacks the platform's keys, something cannot be encrypted, or an order is meant: only a running
    /// sandbox has one, see [`Notifications::trigger`].
    pub fn message(&self, kit: &KitOnDisk) -> Result<TriggeredMessage, TriggerError> {
        if self.order.is_some() {
            return Err(TriggerError("only a running sandbox has orders".to_owned()));
        }
        let merchant = kit.merchant().map_err(|error| TriggerError(format!("{error:#}")))?;
        let now = Clock::System.now();
        let Message { headers, body } = self.made(kit.kit(), &merchant, now).map_err(TriggerError)?;
        Ok(TriggeredMessage { headers, body })
    }

    /// Makes the message and posts it, to an address in a private network too. `receiver_authorities` are
    /// certificates in PEM that are trusted beside those of the system; none is an empty text.
    ///
    /// # Errors
    ///
    /// If the address is not one, or is the real platform's; when the message cannot be made, or the
    /// certificates cannot be read. What the receiver did is the attempt.
    pub fn send(
        &self,
        url: &str,
        kit: &KitOnDisk,
        receiver_authorities: &str,
    ) -> Result<Attempt, TriggerError> {
        // Who gives an address here never wrote `notify_url`.
        address::check_address(url)
            .map_err(|reason| TriggerError(reason.replacen("notify_url", "the address", 1)))?;
        let TriggeredMessage { headers, body } = self.message(kit)?;
        let mut receivers = Receivers::new(true);
        if !receiver_authorities.trim().is_empty() {
            receivers = receivers.trust(receiver_authorities).map_err(TriggerError)?;
        }
        let posted = wait_for(self.posted(url, Message { headers, body }, &receivers, Clock::System.now()));
        posted.map_err(|error| TriggerError(error.to_string()))
    }

    async fn posted(&self, url: &str, message: Message, receivers: &Receivers, now: i64) -> Attempt {
        let started = std::time::Instant::now();
        let reading = if self.is_v2() { Reading::Counts } else { Reading::Shown };
        let received = receiver::post(url, message, receivers, reading).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let judged = if self.is_v2() {
            acknowledgement::judged_v2(received)
        } else {
            acknowledgement::judged(received, false)
        };
        judged.attempt(AttemptKind::Triggered, now, milliseconds)
    }

    fn made(&self, kit: &Kit, merchant: &Merchant, now: i64) -> Result<Message, String> {
        let sample = Sample { described: self.described, kit, merchant, now, fails: self.fails() };
        if self.is_v2() {
            return self.made_v2(&sample, kit, merchant);
        }
        let resource = self.overridden(sample.message(self.fields())?)?;
        self.sealed(&resource, merchant, now, now)
    }

    /// The message of something that the sandbox has.
    fn made_of(&self, real: of_order::Real, merchant: &Merchant, now: i64) -> Result<Message, String> {
        let resource = self.overridden(real.resource.as_object().cloned().unwrap_or_default())?;
        if self.is_v2() {
            message::v2::make(self.described, merchant, &resource, &Entropy::system())
        } else {
            self.sealed(&resource, merchant, real.time, now)
        }
    }

    /// `time` is when it happened.
    fn sealed(&self, resource: &Value, merchant: &Merchant, time: i64, now: i64) -> Result<Message, String> {
        let entropy = Entropy::system();
        let id = message::uuid(&entropy.letters_and_digits(32));
        let event_type = self.described.event;
        let content = Content { id, event_type, time, resource };
        let signer = &merchant.signers.usual;
        message::sealed(&content, &merchant.api_v3_key, signer, &entropy, now, Signature::Right)
    }

    /// These members, with what was set.
    fn overridden(&self, mut members: Map<String, Value>) -> Result<Value, String> {
        let before = members.clone();
        for (path, value) in &self.overrides {
            overrides::apply(self.fields(), &mut members, path, value)?;
        }
        let set: Vec<_> = self.overrides.iter().map(|(path, _)| path.as_str()).collect();
        agreement::follow(&before, &mut members, &set);
        Ok(Value::Object(members))
    }

    /// Whether the event tells of a failure, or what was set says so.
    fn fails(&self) -> bool {
        let is_state =
            |path: &str| ["state", "status", "code", "result"].iter().any(|word| path.ends_with(word));
        let is_set =
            || self.overrides.iter().any(|(path, value)| is_state(path) && sample::is_failure(value));
        let last = self.event().rsplit(['.', '-']).next().unwrap_or_default();
        sample::is_failure(last) || is_set()
    }

    /// XML with its signature; the XML of a refund with its envelope in place of one; or that of deposit-free rental
    /// and stay with both.
    fn made_v2(&self, sample: &Sample<'_>, kit: &Kit, merchant: &Merchant) -> Result<Message, String> {
        let key = ApiV2Key::new(&kit.api_v2_key).map_err(|error| error.to_string())?;
        let resource = self.overridden(sample.message(self.fields())?)?;
        let entropy = Entropy::system();
        let mut body = if self.described.resource.is_empty() {
            resource.as_object().cloned().unwrap_or_default()
        } else {
            sample.object(&self.described.body)?
        };
        let mut set = |name: &str, value: Value| {
            if self.described.body.iter().any(|field| field.name == name) {
                body.insert(name.to_owned(), value);
            }
        };
        set("nonce_str", entropy.letters_and_digits(32).into());
        set("sign_type", "HMAC-SHA256".into());
        set("algorithm", "HMAC-SHA256".into());
        if self.described.body.iter().any(|field| field.name == "event_ciphertext") {
            // Never from a seed: a nonce must not come twice under one key.
            let nonce = entropy.letters_and_digits(12);
            let associated_data = "transaction";
            // UNCONFIRMED(rental-notification): XML in XML, signed by the rule for XML.
            let plain = elements(resource.as_object().unwrap_or(&Map::new()));
            let plain = plain.write("xml").map_err(|error| error.to_string())?;
            let sealed = merchant.api_v3_key.seal(&nonce, associated_data, plain.as_bytes());
            let sealed = sealed.map_err(|error| error.to_string())?;
            for (name, value) in [
                ("event_id", message::uuid(&entropy.letters_and_digits(32))),
                ("event_type", self.described.event.to_owned()),
                ("event_create_time", crate::clock::compact(sample.now)),
                ("event_algorithm", "AEAD_AES_256_GCM".to_owned()),
                ("event_nonce", nonce),
                ("event_associated_data", associated_data.to_owned()),
                ("event_ciphertext", sealed),
            ] {
                set(name, value.into());
            }
            body.remove("sign");
            let sign = key.sign(SignType::HmacSha256, elements(&body).texts());
            body.insert("sign".to_owned(), sign.into());
            return written_xml(&body);
        }
        if self.described.body.iter().any(|field| field.name == "req_info") {
            let root = elements(resource.as_object().unwrap_or(&Map::new()));
            let root = root.write("root").map_err(|error| error.to_string())?;
            let sealed = key.seal_req_info(root.as_bytes()).map_err(|error| error.to_string())?;
            body.insert("req_info".to_owned(), sealed.into());
        } else {
            let sign_type = match body.get("sign_type") {
                Some(_) => SignType::HmacSha256,
                None => SignType::Md5,
            };
            body.remove("sign");
            let sign = key.sign(sign_type, elements(&body).texts());
            body.insert("sign".to_owned(), sign.into());
        }
        written_xml(&body)
    }
}

fn written_xml(body: &Map<String, Value>) -> Result<Message, String> {
    let body = elements(body).write("xml").map_err(|error| error.to_string())?;
    let headers = vec![
        ("content-type", "text/xml".to_owned()),
        ("user-agent", "Mozilla/4.0".to_owned()),
        ("accept", "*/*".to_owned()),
        ("pragma", "no-cache".to_owned()),
    ];
    Ok(Message { headers, body: body.into_bytes() })
}

/// Members as elements: what is nested is JSON text, and a numbered name has its number.
fn elements(members: &Map<String, Value>) -> XmlElements {
    let mut elements = XmlElements::new();
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        elements.push(name.replace("$n", "0"), text);
    }
    elements
}

impl Notifications {
    /// Sends one notification of an event to an address, as if something had happened to a merchant; by
    /// default the first. It is not kept, and not repeated. Of an [order](Trigger::of_order), its own merchant is told.
    ///
    /// # Errors
    ///
    /// If there is no such merchant or order, or the notification cannot be made. What the receiver did is the attempt.
    pub fn trigger(
        &self,
        trigger: &Trigger,
        url: &str,
        mchid: Option<&str>,
    ) -> Result<Attempt, NotificationError> {
        let platform = self.platform();
        let (message, now) = self.triggered(trigger, mchid)?;
        let receivers = &platform.deliveries.receivers;
        let attempt = wait_for(trigger.posted(url, message, receivers, now))?;
        let (shown, reason) = (address::shown(url), attempt.reason.clone());
        platform.tell(crate::log::LogEntry::notification(trigger.event(), &shown, attempt.status, reason));
        Ok(attempt)
    }

    /// Makes the same, and sends nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::trigger`].
    pub fn trigger_message(
        &self,
        trigger: &Trigger,
        mchid: Option<&str>,
    ) -> Result<TriggeredMessage, NotificationError> {
        let (Message { headers, body }, _) = self.triggered(trigger, mchid)?;
        Ok(TriggeredMessage { headers, body })
    }

    /// The message, and when it is signed.
    fn triggered(&self, trigger: &Trigger, mchid: Option<&str>) -> Result<(Message, i64), NotificationError> {
        let platform = self.platform();
        let unknown = |mchid: &str| NotificationError::Invalid(reasons::no_merchant(mchid));
        let find = |mchid: &str| platform.merchants.find(mchid).ok_or_else(|| unknown(mchid));
        let signed_at = |merchant: &Merchant| platform.refresh_time_of_signatures(&merchant.account.mchid);
        if let Some(number) = &trigger.order {
            let is_known = |mchid| platform.merchants.all().iter().any(|known| known.account.acts_for(mchid));
            if let Some(mchid) = mchid.filter(|mchid| !is_known(mchid)) {
                return Err(unknown(mchid));
            }
            let number = NumberRef { number: number.trim(), mchid };
            let real = platform.act(|tx, now| of_order::find(tx, trigger.described, number, now))?;
            let merchant = find(&real.mchid)?;
            let now = signed_at(&merchant);
            let message = trigger.made_of(real, &merchant, now).map_err(NotificationError::Invalid)?;
            return Ok((message, now));
        }
        let kit = match mchid {
            None => crate::kit::read(&platform.home),
            Some(mchid) => match platform.kit_of(mchid) {
                Ok(kit) => Ok(kit),
                Err(crate::merchants::change::MerchantError::Kit(error)) => Err(error),
                Err(_) => return Err(unknown(mchid)),
            },
        };
        let kit = kit.map_err(|error| NotificationError::Invalid(format!("{error:#}")))?;
        let merchant = find(&kit.kit().mchid)?;
        let now = signed_at(&merchant);
        let message = trigger.made(kit.kit(), &merchant, now).map_err(NotificationError::Invalid)?;
        Ok((message, now))
    }
}

#[cfg(test)]
mod tests;
