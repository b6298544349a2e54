//! The members of a notification: what the catalogue shows of each, with a kit's merchant, numbers that come
//! once, and the time of today.
//!
//! Many events have the members of several kinds of merchants side by side. A sample has those of a merchant,
//! and not those of a partner or of a combined order where both are there; nor those that only a failure has,
//! unless it is one; nor those of coupons, so that the amounts are easy to follow.

use serde_json::{Map, Value};
use weipay_catalog::sample::own::Own;
use weipay_catalog::{ApiVersion, Carrier, Field, Format, Kind, Notification, sample};
use weipay_wire::Kit;

use super::{agreement, elsewhere, table};
use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::Merchant;

/// The values of the members.
pub(super) struct Sample<'a> {
    pub(super) described: &'static Notification,
    pub(super) kit: &'a Kit,
    pub(super) merchant: &'a Merchant,
    pub(super) now: i64,
    /// Whether it tells that something has failed.
    pub(super) fails: bool,
}

/// How long something is still valid.
const THIRTY_DAYS: i64 = 30 * 86_400;

/// Whether a member holds the merchant, the appid or the person of the kit.
#[cfg(test)]
pub(super) fn is_of_the_merchant(field: &Field) -> bool {
    Own::of_field(field.name).is_some()
}

/// Whether a word says that something has failed.
pub(super) fn is_failure(word: &str) -> bool {
    ["FAIL", "ABNORMAL", "REJECT"].iter().any(|failure| word.contains(failure))
}

impl Sample<'_> {
    /// All members.
    pub(super) fn message(&self, fields: &[Field]) -> Result<Map<String, Value>, String> {
        let mut members = self.object(fields)?;
        agreement::settle(&mut members);
        Ok(members)
    }

    /// The members of an object.
    pub(super) fn object(&self, fields: &[Field]) -> Result<Map<String, Value>, String> {
        let mut members = Map::new();
        for field in fields.iter().filter(|field| self.is_shown(field, fields)) {
            members.insert(field.name.to_owned(), self.value(field)?);
        }
        Ok(members)
    }

    fn is_shown(&self, field: &Field, siblings: &[Field]) -> bool {
        if let Some(is_there) = table::is_there(self.described, field) {
            return is_there;
        }
        if field.name == "success_time" && self.fails {
            return false;
        }
        if field.required {
            return true;
        }
        let has = |name: &str| siblings.iter().any(|sibling| sibling.name == name);
        let is_of_others = ["sp_", "sub_", "combine_"].iter().any(|family| {
            field.name.strip_prefix(family).is_some_and(|rest| has(rest) || has("mchid") || has("mch_id"))
        });
        !is_of_others
            && table::is_of_the_kind(self.described, field)
            && (self.fails || !table::is_of_a_failure(self.described, field))
            && self.is_of_the_outcome(field.name)
            && !is_of_a_coupon(field.name)
            && field.name != "sign"
    }

    /// Whether a member is there when it came to this.
    fn is_of_the_outcome(&self, name: &str) -> bool {
        if name == "success_time" {
            return !self.fails && !self.described.event.ends_with(".CLOSED");
        }
        let has_part = |word: &&str| name.split('_').any(|part| part.starts_with(*word));
        let is_of_a_failure =
            ["fail", "err", "reject", "refuse", "invalid", "blocked", "unfinished"].iter().any(&has_part);
        if is_of_a_failure {
            return self.fails;
        }
        // What ends something is told where it ends.
        let event = self.described.event.to_ascii_lowercase();
        !["cancel", "clos", "revok", "terminat", "unlock"]
            .iter()
            .any(|word| has_part(word) && !event.contains(word))
    }

    fn value(&self, field: &Field) -> Result<Value, String> {
        let one = self.one(field)?;
        Ok(if field.list { Value::Array(vec![one]) } else { one })
    }

    fn one(&self, field: &Field) -> Result<Value, String> {
        let example = field.example.as_deref();
        Ok(match (field.carrier, field.kind) {
            (Some(Carrier::JsonText), _) if !field.fields.is_empty() => {
                Value::Object(self.object(&field.fields)?).to_string().into()
            }
            (Some(Carrier::Encrypted), _) => {
                let sealed = self.merchant.key.encrypt_oaep(self.text(field).as_bytes());
                sealed.map_err(|error| error.to_string())?.into()
            }
            (Some(_), _) | (None, Kind::String) => self.text(field).into(),
            (None, Kind::Object) => Value::Object(self.object(&field.fields)?),
            (None, Kind::Integer) => self.whole(field).into(),
            (None, Kind::Number) => {
                example.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default().into()
            }
            (None, Kind::Boolean) => {
                let said = table::in_event(self.described.event, field.name).or(example);
                (said != Some("false")).into()
            }
        })
    }

    fn whole(&self, field: &Field) -> i64 {
        if let Some(said) = table::in_event(self.described.event, field.name)
            && let Ok(whole) = said.parse()
        {
            return whole;
        }
        let is_amount = matches!(field.format, Some(Format::Fen | Format::Minor));
        match field.example {
            None if field.name.ends_with("_time") => self.now,
            None if is_amount && field.values.is_empty() && field.limits.max.is_none_or(|max| max >= 100) => {
                100
            }
            _ => sample::whole(field),
        }
    }

    /// Whether a member stands at the top of the message.
    fn is_of_the_event(&self, field: &Field) -> bool {
        let mut tops = self.described.resource.iter().chain(&self.described.body);
        tops.any(|top| std::ptr::eq(top, field))
    }

    fn text(&self, field: &Field) -> String {
        let name = field.name;
        match Own::of_field(name) {
            Some(Own::MerchantNumber) => return self.kit.mchid.clone(),
            Some(Own::Appid) => return self.kit.appid.clone(),
            Some(Own::Openid) => return self.kit.openid.clone(),
            // Who has used a coupon is the merchant that is told.
            None if name == "consume_mchid" => return self.kit.mchid.clone(),
            None => {}
        }
        let is_plain = field.carrier.is_none() && field.format.is_none();
        let listed = if field.values.is_empty() {
            elsewhere::values(field).filter(|_| is_plain).unwrap_or_default()
        } else {
            &field.values[..]
        };
        // Members of one name can stand at several places, and mean several things. Of the event's own member no other page
        // knows.
        let others: &[&str] = if self.is_of_the_event(field) { &field.values } else { listed };
        let fits = |text: &&str| others.is_empty() || others.contains(text);
        if let Some(text) = table::in_event(self.described.event, name).filter(fits) {
            return text.to_owned();
        }
        if !field.values.is_empty() {
            return self.fitting(listed);
        }
        if let Some(time) = self.time(field) {
            return time;
        }
        if let Some(number) = number(field) {
            return number;
        }
        if !listed.is_empty() {
            return self.fitting(listed);
        }
        if let Some(text) = table::usual(name) {
            return text.to_owned();
        }
        if field.example.is_some() || field.format.is_some_and(|format| format != Format::MediaId) {
            return sample::text(field);
        }
        // What travels encrypted has ciphertexts as its examples.
        match elsewhere::example(field).filter(|_| field.carrier != Some(Carrier::Encrypted)) {
            Some(text) => text.to_owned(),
            None => placeholder(field),
        }
    }

    /// Of listed values the one that the event is named after, such as `CLOSED` of `REFUND.CLOSED` and `SIGNED` of
    /// `ENTRUST.SIGN`; else success; else the first that says something.
    fn fitting(&self, values: &[&'static str]) -> String {
        let last = self.described.event.rsplit('.').next().unwrap_or_default();
        let first_part = last.split('_').next().unwrap_or_default();
        let parts_begin_with = |value: &str, word: &str| value.split('_').any(|part| part.starts_with(word));
        let is_end = |long: &str, short: &str| short.len() > 3 && long.ends_with(short);
        let find = |fits: &dyn Fn(&str) -> bool| values.iter().find(|value| fits(value)).copied();
        let named = find(&|value| value == last)
            .or_else(|| find(&|value| is_end(value, last) || is_end(last, value)))
            .or_else(|| find(&|value| parts_begin_with(value, last)))
            .or_else(|| find(&|value| first_part.len() > 3 && parts_begin_with(value, first_part)));
        let is_success = |value: &str| is_end(value, "SUCCESS") || is_end(value, "SUCCEED");
        let succeeded = || {
            if self.fails { None } else { find(&|value| value == "SUCCESS").or_else(|| find(&is_success)) }
        };
        let says_something = || find(&|value| !value.contains("UNKNOWN") && !value.contains("INVALID"));
        let chosen = named.or_else(succeeded).or_else(says_something).or_else(|| values.first().copied());
        chosen.unwrap_or_default().to_owned()
    }

    fn is_sealed_v2(&self) -> bool {
        self.described.body.iter().any(|field| field.name == "event_ciphertext")
    }

    /// The time of today, in the form of the field.
    fn time(&self, field: &Field) -> Option<String> {
        let name = field.name;
        let is_named_so = name.ends_with("time") || name.starts_with("time_");
        let example = field.example.as_deref().or_else(|| elsewhere::example(field));
        let form = example.and_then(Form::of);
        let is_to_come = name.contains("expire") || (name.contains("end") && name.contains("available"));
        let at = if is_to_come { self.now.saturating_add(THIRTY_DAYS) } else { self.now };
        let is_v2 = self.described.version == ApiVersion::V2;
        let form = match (field.format, form) {
            (Some(Format::Rfc3339), _) => Form::Rfc3339,
            (Some(Format::Compact), _) => Form::Compact,
            (Some(Format::Date), _) => Form::Date,
            (Some(_), _) => return None,
            // UNCONFIRMED(rental-notification): the pages of the sealed ones show all times so.
            (None, _) if is_named_so && self.is_sealed_v2() => Form::Compact,
            // The examples are of APIv3, where most pages are.
            (None, Some(Form::Rfc3339)) if is_named_so && is_v2 => Form::Spaced,
            (None, Some(form)) if is_named_so => form,
            (None, _) if name == "time_end" => Form::Compact,
            (None, None) if is_named_so && is_v2 => Form::Spaced,
            (None, None) if is_named_so => Form::Rfc3339,
            _ => return None,
        };
        Some(form.written(at))
    }
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Rfc3339,
    /// `20260815120000`
    Compact,
    /// `2026-08-15 12:00:00`
    Spaced,
    Date,
}

impl Form {
    /// That of an example, if it is a time.
    fn of(example: &str) -> Option<Self> {
        let digits = example.bytes().filter(u8::is_ascii_digit).count();
        match example.len() {
            14 if digits == 14 => Some(Self::Compact),
            10 if digits == 8 && example.contains('-') => Some(Self::Date),
            19 if digits == 14 && example.contains(' ') => Some(Self::Spaced),
            _ => clock::parse(example).map(|_| Self::Rfc3339),
        }
    }

    fn written(self, at: i64) -> String {
        match self {
            Self::Rfc3339 => clock::rfc3339(at),
            Self::Compact => clock::compact(at),
            Self::Spaced => clock::spaced(at),
            Self::Date => clock::date(at),
        }
    }
}

/// Whether a member tells of the coupons that an order was paid with.
fn is_of_a_coupon(name: &str) -> bool {
    name == "promotion_detail" || name.ends_with("_$n") || ["coupon_fee", "coupon_count"].contains(&name)
}

/// A number that comes once, so that a receiver does not take the notification for a repeat.
fn number(field: &Field) -> Option<String> {
    let name = field.name;
    let is_of_the_merchant = name.starts_with("out_") && name.ends_with("_no");
    let length = match name {
        "transaction_id" | "combine_transaction_id" | "refund_id" => 28,
        "combine_out_trade_no" => 20,
        _ if is_of_the_merchant && field.format.is_none() && field.pattern.is_none() => 20,
        _ => return None,
    };
    let limit = field.limits.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(length);
    let begin = if name == "transaction_id" { "4200" } else { "" };
    let digits = format!("{begin}{}", Entropy::system().digits(length));
    Some(digits.chars().take(length.min(limit)).collect())
}

/// What a member says of which no page says anything: a number, an amount, or what it is called.
fn placeholder(field: &Field) -> String {
    let name = field.name;
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let text = match name {
        _ if ends(&["_fee", "_amount", "_total"]) => "100",
        _ if ends(&["_count", "_num"]) => "1",
        _ if ends(&["_merchant", "mchid", "mch_id"]) => sample::MCHID,
        _ if ends(&["_no", "No", "_id", "Id", "_code", "_number", "_tid"]) => "20260815000000000001",
        _ if field.label.is_empty() => name,
        _ => field.label,
    };
    let limit = field.limits.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
    text.chars().take(limit).collect()
}
