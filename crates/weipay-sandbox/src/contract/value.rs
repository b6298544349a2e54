//! One value against one field of the catalogue, in one of the three passes that a source is checked in.

use serde_json::Value;
use weipay_catalog::{Carrier, Field, Format, Kind, Limits};

use super::{Contract, Undefined};
use crate::calendar;
use crate::grammar::{INT32, INT64, Length, OBJECT, Place, Source, UINT32, UINT64, unconfirmed};
use crate::refusal::Refusal;

/// What a walk looks at. Recorded: a wrong type wins over a missing field that stands before it, and a missing field over an
/// empty string that stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Types,
    Required,
    Rules,
}

impl Pass {
    pub(super) const ALL: [Self; 3] = [Self::Types, Self::Required, Self::Rules];
}

/// A walk through one source of a request; the pointer grows and shrinks with the depth.
pub(super) struct Walk<'a> {
    pub(super) contract: &'a Contract,
    pub(super) source: Source,
    pub(super) pass: Pass,
    pub(super) pointer: String,
    pub(super) undefined: &'a mut Undefined,
}

impl Walk<'_> {
    fn place<'b>(&'b self, field: &'b Field) -> Place<'b> {
        let title = if field.label.is_empty() { field.name } else { field.label };
        Place { source: self.source, pointer: &self.pointer, title }
    }

    fn below<R>(&mut self, segment: &str, visit: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        self.pointer.push('/');
        // A name may hold the two characters that a JSON Pointer escapes.
        if segment.contains(['~', '/']) {
            self.pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(segment);
        }
        let result = visit(self);
        self.pointer.truncate(length);
        result
    }

    /// The members of an object against its fields, in the catalogue's order.
    pub(super) fn members(
        &mut self,
        fields: &[Field],
        object: &serde_json::Map<String, Value>,
    ) -> Result<(), Refusal> {
        for field in fields {
            self.below(field.name, |walk| walk.member(field, object.get(field.name)))?;
        }
        let known = fields.iter().filter(|field| object.contains_key(field.name)).count();
        if self.pass == Pass::Types && object.len() > known {
            for name in object.keys().filter(|name| fields.iter().all(|field| field.name != *name)) {
                self.below(name, |walk| walk.undefined.add(&walk.pointer));
            }
        }
        Ok(())
    }

    /// A member that may be missing. `null` is as good as missing.
    pub(super) fn member(&mut self, field: &Field, value: Option<&Value>) -> Result<(), Refusal> {
        match value {
            None | Some(Value::Null) if field.required && self.pass == Pass::Required => {
                Err(self.place(field).required())
            }
            None | Some(Value::Null) => Ok(()),
            Some(value) if field.list => self.list(field, value),
            Some(value) => self.one(field, value),
        }
    }

    fn list(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        let Value::Array(members) = value else {
            return Err(self.place(field).not_a_list(value.clone()));
        };
        let count = length(members.len());
        if self.pass == Pass::Rules
            && let Some((_, limit)) = outside(field.items, count)
        {
            return Err(self.place(field).array_size(count, limit));
        }
        for (index, member) in members.iter().enumerate() {
            self.below(&index.to_string(), |walk| walk.one(field, member))?;
        }
        Ok(())
    }

    fn one(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        if field.carrier.is_some() {
            return self.text(field, value);
        }
        match field.kind {
            Kind::String => self.text(field, value),
            Kind::Integer => self.integer(field, value),
            Kind::Number if value.is_number() => Ok(()),
            Kind::Number => Err(self.place(field).wrong_type(unconfirmed::NUMBER, value.clone())),
            Kind::Boolean if value.is_boolean() => Ok(()),
            Kind::Boolean => Err(self.place(field).wrong_type(unconfirmed::BOOLEAN, value.clone())),
            Kind::Object => match value {
                Value::Object(members) => self.members(&field.fields, members),
                _ => Err(self.place(field).wrong_type(OBJECT, value.clone())),
            },
        }
    }

    fn text(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::String(text) if self.pass == Pass::Rules => self.string(field, text),
            Value::String(_) => Ok(()),
            _ => Err(self.place(field).not_a_string(value.clone())),
        }
    }

    /// The rules of a string. Lengths count what the catalogue says: characters or bytes.
    pub(super) fn string(&self, field: &Field, text: &str) -> Result<(), Refusal> {
        // The real platform accepted empty strings for optional fields, whatever the page says of their length.
        if text.is_empty() && !field.required {
            return Ok(());
        }
        // What travels encrypted has another length and other characters than the page means.
        if matches!(field.carrier, Some(Carrier::Encrypted | Carrier::Sealed)) {
            return Ok(());
        }
        let place = self.place(field);
        let measured = match field.in_bytes {
            true => Length::Bytes(length(text.len())),
            false => Length::Characters(length(text.chars().count())),
        };
        match outside(field.limits, measured.count()) {
            Some((Side::Below, min)) => return Err(place.too_short(measured, min)),
            Some((Side::Above, max)) => return Err(place.too_long(measured, max)),
            None => {}
        }
        if let Some(pattern) = field.pattern
            && !self.contract.patterns.matches(pattern, text)
        {
            return Err(place.unmatched(pattern, text));
        }
        if field.format == Some(Format::Rfc3339) && calendar::parse(text).is_none() {
            return Err(place.not_rfc3339(text));
        }
        if self.contract.validation.unlisted_values
            && !field.values.is_empty()
            && !field.values.contains(&text)
        {
            return Err(place.unlisted(text.into()));
        }
        Ok(())
    }

    fn integer(&self, field: &Field, value: &Value) -> Result<(), Refusal> {
        let (wanted, fits) = width(field.format);
        match value.as_i64() {
            Some(number) if fits(number) => self.number(field, number, value),
            // Between i64::MAX and u64::MAX: a valid unsigned number, beyond every limit that a field has.
            None if value.is_u64() && wanted == UINT64 => self.number(field, i64::MAX, value),
            _ => Err(self.place(field).wrong_type(wanted, value.clone())),
        }
    }

    fn number(&self, field: &Field, number: i64, value: &Value) -> Result<(), Refusal> {
        match outside(field.limits, number).filter(|_| self.pass == Pass::Rules) {
            Some((Side::Below, min)) => Err(self.place(field).below(min, value.clone())),
            Some((Side::Above, max)) => Err(self.place(field).above(max, value.clone())),
            None => Ok(()),
        }
    }

    /// A value from the URL, where everything is text.
    pub(super) fn url_text(&self, field: &Field, text: &str) -> Result<(), Refusal> {
        if text.is_empty() && !field.required {
            return Ok(());
        }
        let place = self.place(field);
        match field.kind {
            Kind::Integer => {
                // `parse` takes a plus sign, which no number of JSON has.
                let number = Some(text).filter(|text| !text.starts_with('+'));
                let signed = number.and_then(|text| text.parse::<i64>().ok()).map(Value::from);
                let number = signed.or_else(|| number?.parse::<u64>().ok().map(Value::from));
                match number {
                    // One that does not fit is told as it was sent, as text.
                    Some(number) => self.integer(field, &number).map_err(|refusal| match self.pass {
                        Pass::Types => place.wrong_type(width(field.format).0, text.into()),
                        _ => refusal,
                    }),
                    None => Err(place.wrong_type(width(field.format).0, text.into())),
                }
            }
            Kind::Number if text.parse::<f64>().is_err() => {
                Err(place.wrong_type(unconfirmed::NUMBER, text.into()))
            }
            Kind::Boolean if !matches!(text, "true" | "false") => {
                Err(place.wrong_type(unconfirmed::BOOLEAN, text.into()))
            }
            Kind::Number | Kind::Boolean => Ok(()),
            // Objects and lists travel as JSON text; their inside is the operation's own affair.
            Kind::Object => Ok(()),
            Kind::String if self.pass == Pass::Rules => self.string(field, text),
            Kind::String => Ok(()),
        }
    }
}

/// What the sentence calls an integer of this format, and whether a number is one.
fn width(format: Option<Format>) -> (&'static str, fn(i64) -> bool) {
    match format {
        Some(Format::Int32) => (INT32, |number| i32::try_from(number).is_ok()),
        Some(Format::Uint32) => (UINT32, |number| u32::try_from(number).is_ok()),
        Some(Format::Uint64 | Format::Uint) => (UINT64, |number| number >= 0),
        _ => (INT64, |_| true),
    }
}

enum Side {
    Below,
    Above,
}

fn outside(limits: Limits, number: i64) -> Option<(Side, i64)> {
    match (limits.min, limits.max) {
        (Some(min), _) if number < min => Some((Side::Below, min)),
        (_, Some(max)) if number > max => Some((Side::Above, max)),
        _ => None,
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
