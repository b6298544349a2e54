//! From JSON to a model in one pass: what the JSON reader finds goes straight into the slots. A response is read leniently,
//! and a request that a program kept as JSON strictly: see [`Strictness`].
//!
//! None of this is generic over models, so it is compiled once for all of them.

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Number, Value as Json};

use super::value::{Items, Next, Slot};
use super::{Field, Found, Model, Sensitive, Strictness, sensitive};
use weipay_wire::PrivateKey;

use crate::error::DecodeError;
use crate::json;

/// Reads a body into an empty model, and tells what in it did not read. Only what serde_json does not take for a JSON
/// object at all is an error, or what would take too much memory; an empty body leaves the model empty.
pub(crate) fn decode<M: Model + Default>(
    body: &[u8],
    opener: Option<&PrivateKey>,
) -> Result<(M, Vec<DecodeError>), DecodeError> {
    let mut model = M::default();
    match whole(body, &mut model, opener) {
        Ok(misread) => Ok((model, misread)),
        // A name that somebody cut inside a character must not hide that a payment succeeded.
        Err(problem) => {
            let text = json::repaired(body).ok_or(problem)?;
            let mut model = M::default();
            let mut misread = whole(text.as_bytes(), &mut model, opener)?;
            let reason = "invalid characters were read as U+FFFD".to_owned();
            misread.insert(0, DecodeError { path: String::new(), reason });
            Ok((model, misread))
        }
    }
}

fn whole(
    body: &[u8],
    model: &mut dyn Model,
    opener: Option<&PrivateKey>,
) -> Result<Vec<DecodeError>, DecodeError> {
    let sealed = opener.map_or(Sealed::Kept, Sealed::Opened);
    let mut reading = Reading::new(body, sealed, Strictness::Lenient);
    if !body.is_empty() && !model.table().fields.is_empty() {
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_any(Whole { model, reading: &mut reading }).and_then(|()| json.end());
        read.map_err(|error| DecodeError {
            path: String::new(),
            reason: if reading.is_exhausted { json::too_large() } else { json::reason(&error) },
        })?;
    }
    Ok(reading.misread)
}

/// What `Deserialize` of every model does. Read strictly, what did not read is an error that names each path.
#[cfg(feature = "deserialize")]
pub(crate) fn deserialize<'de, D: Deserializer<'de>, M: Model + Default>(
    from: D,
    strictness: Strictness,
) -> Result<M, D::Error> {
    let mut model = M::default();
    let mut reading = Reading::new(b"", Sealed::AsWritten, strictness);
    from.deserialize_any(Whole { model: &mut model, reading: &mut reading })?;
    if strictness == Strictness::Strict && !reading.misread.is_empty() {
        let told: Vec<String> = reading.misread.iter().map(one_problem).collect();
        return Err(D::Error::custom(told.join("; ")));
    }
    Ok(model)
}

#[cfg(feature = "deserialize")]
fn one_problem(problem: &DecodeError) -> String {
    match &*problem.path {
        "" => problem.reason.clone(),
        path => format!("{path}: {}", problem.reason),
    }
}

/// What an odd answer can make a list of is bounded; of the rest only that there is more is told.
const MOST_MISREAD: usize = 100;

/// The state of reading one body: what did not read, how to read, and the memory that is left.
struct Reading<'a> {
    misread: Vec<DecodeError>,
    sealed: Sealed<'a>,
    strictness: Strictness,
    body: &'a [u8],
    memory: usize,
    is_exhausted: bool,
    /// Whether what the body takes as any JSON was taken off `memory`.
    has_json: bool,
}

/// What becomes of a text that travels encrypted.
#[derive(Clone, Copy)]
enum Sealed<'a> {
    /// It is opened with this key.
    Opened(&'a PrivateKey),
    /// It is ciphertext, and stays ciphertext.
    Kept,
    /// It is not from the platform: a model wrote it, plain text as text and the other forms as tagged objects.
    #[cfg_attr(not(feature = "deserialize"), allow(dead_code, reason = "models do not read back then"))]
    AsWritten,
}

/// The response takes more memory than it may.
struct Exhausted;

impl Exhausted {
    fn told<E: Error>(self) -> E {
        E::custom("too large")
    }
}

impl<'a> Reading<'a> {
    fn new(body: &'a [u8], sealed: Sealed<'a>, strictness: Strictness) -> Reading<'a> {
        Reading {
            misread: Vec::new(),
            sealed,
            strictness,
            body,
            memory: json::MAX_DECODED,
            is_exhausted: false,
            has_json: false,
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.memory = self.memory.checked_sub(bytes).ok_or_else(|| {
            self.is_exhausted = true;
            Exhausted
        })?;
        Ok(())
    }

    /// Before a part of the body is read as any JSON: which part is not known beforehand, so that the whole counts, once.
    fn take_json(&mut self) -> Result<(), Exhausted> {
        if self.has_json {
            return Ok(());
        }
        self.has_json = true;
        self.take(json::measure(self.body).bytes)
    }

    #[cold]
    fn note(&mut self, at: &Step<'_>, reason: String) {
        match self.misread.len() {
            0..MOST_MISREAD => self.misread.push(DecodeError { path: at.path(), reason }),
            MOST_MISREAD => {
                let reason = "and more, which are not told".to_owned();
                self.misread.push(DecodeError { path: at.path(), reason });
            }
            _ => {}
        }
    }
}

/// Where the reader is: written out only when there is something to tell.
#[derive(Clone, Copy)]
enum Step<'a> {
    Whole,
    Member(&'a Step<'a>, &'static str),
    Item(&'a Step<'a>, usize),
}

impl Step<'_> {
    fn path(&self) -> String {
        match self {
            Step::Whole => String::new(),
            Step::Member(Step::Whole, name) => (*name).to_owned(),
            Step::Member(parent, name) => format!("{}.{name}", parent.path()),
            Step::Item(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }
}

/// The whole body, which must be an object.
struct Whole<'a, 'b> {
    model: &'a mut dyn Model,
    reading: &'a mut Reading<'b>,
}

impl<'de> Visitor<'de> for Whole<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        members(map, self.model, &Step::Whole, self.reading)
    }

    // What serde says by itself quotes the value, which may be personal.

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("string"), &self))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("boolean"), &self))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("integer"), &self))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("integer"), &self))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("floating point"), &self))
    }
}

fn members<'de, A: MapAccess<'de>>(
    mut map: A,
    model: &mut dyn Model,
    at: &Step<'_>,
    reading: &mut Reading<'_>,
) -> Result<(), A::Error> {
    let fields = model.table().fields;
    let mut result = Ok(());
    model.write(&mut |slots| result = fill(&mut map, fields, slots, at, reading));
    result
}

fn fill<'de, A: MapAccess<'de>>(
    map: &mut A,
    fields: &'static [Field],
    slots: &mut [&mut dyn Slot],
    at: &Step<'_>,
    reading: &mut Reading<'_>,
) -> Result<(), A::Error> {
    let mut after = 0;
    // Of a request alone: in a response, the last one counts.
    let mut given = vec![false; if reading.strictness == Strictness::Strict { fields.len() } else { 0 }];
    while let Some(found) = map.next_key_seed(Key { fields, after, strictness: reading.strictness })? {
        let index = match found {
            Member::Known(index) => index,
            Member::Unknown(name) => {
                match name {
                    Some(name) if name.is_empty() => {
                        reading.note(at, "has an unknown member, whose name may be a value".to_owned());
                    }
                    Some(name) => reading.note(at, format!("has an unknown member `{name}`")),
                    None => {}
                }
                map.next_value::<IgnoredAny>()?;
                continue;
            }
        };
        let (Some(field), Some(slot)) = (fields.get(index), slots.get_mut(index)) else { continue };
        after = index + 1;
        let at = Step::Member(at, field.name);
        if given.get_mut(index).is_some_and(|given| std::mem::replace(given, true)) {
            reading.note(&at, "is given twice".to_owned());
        }
        map.next_value_seed(One { place: Place::Slot(&mut **slot), sealed: field.encrypted, at, reading })?;
    }
    Ok(())
}

/// A member's name, as the index of its row. Members often come in the order of the pages: the search begins after
/// the row that was found last.
struct Key {
    fields: &'static [Field],
    after: usize,
    strictness: Strictness,
}

/// A member's row, or, read strictly, the name that has no row; an empty one where it is not told.
enum Member {
    Known(usize),
    Unknown(Option<String>),
}

/// Whether an unknown name can be told: a mistyped one can, a person's name or telephone number in its place cannot.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=64).contains(&text.len()) && digits < 6 && text.bytes().all(is_letter)
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Member, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Member;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        let (before, rest) = self.fields.split_at_checked(self.after).unwrap_or((&[], self.fields));
        let is_it = |field: &Field| field.name == name;
        let here = rest.iter().position(is_it).map(|index| before.len() + index);
        Ok(match here.or_else(|| before.iter().position(is_it)) {
            Some(index) => Member::Known(index),
            None if self.strictness == Strictness::Lenient => Member::Unknown(None),
            None => Member::Unknown(Some(if is_name(name) { name.to_owned() } else { String::new() })),
        })
    }
}

/// What takes a value: a field, or the end of an array.
enum Place<'a> {
    Slot(&'a mut dyn Slot),
    Item(&'a mut dyn Items),
}

impl Place<'_> {
    fn take(&mut self, found: Found<'_>, strictness: Strictness) -> Result<Next<'_>, &'static str> {
        match self {
            Place::Slot(slot) => slot.fill(found, strictness),
            Place::Item(items) => items.push(found, strictness),
        }
    }

    /// What a value takes that was put here: a growing array takes up to twice its length.
    fn size(&self) -> usize {
        match self {
            Place::Slot(_) => 0,
            Place::Item(items) => 2 * items.member_size() + json::ALLOCATION,
        }
    }
}

/// One value on its way to its place.
struct One<'a, 'b> {
    place: Place<'a>,
    /// Whether it travels encrypted.
    sealed: bool,
    at: Step<'a>,
    reading: &'a mut Reading<'b>,
}

impl One<'_, '_> {
    fn scalar(&mut self, found: Found<'_>) -> Result<(), Exhausted> {
        let kind = found.kind();
        match self.place.take(found, self.reading.strictness) {
            Ok(_) => self.reading.take(self.place.size()),
            Err(expected) => {
                self.reading.note(&self.at, format!("expected {expected}, found {kind}"));
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Exhausted> {
        if !self.sealed {
            return self.plain_text(text);
        }
        match self.reading.sealed {
            Sealed::AsWritten => self.plain_text(text),
            Sealed::Kept => self.scalar(Found::Ciphertext(text)),
            Sealed::Opened(key) => match sensitive::opened(text, key) {
                Ok(plain) => self.plain_text(&plain),
                // It stays ciphertext: it must not pass for plain text.
                Err(reason) => {
                    self.reading.note(&self.at, reason);
                    self.scalar(Found::Ciphertext(text))
                }
            },
        }
    }

    fn plain_text(&mut self, text: &str) -> Result<(), Exhausted> {
        let size = self.place.size() + text.len() + json::ALLOCATION;
        match self.place.take(Found::Text(text), self.reading.strictness) {
            Ok(Next::Nothing) => self.reading.take(size)?,
            // The place knows that its text is JSON.
            Ok(next) => {
                // What is in a text does not count in the measure of the body.
                self.reading.take(size + json::measure(text.as_bytes()).bytes)?;
                let mut json = serde_json::Deserializer::from_str(text);
                let inside = Inside { next, sealed: self.sealed, at: self.at, reading: &mut *self.reading };
                if let Err(error) = json.deserialize_any(inside).and_then(|()| json.end()) {
                    if self.reading.is_exhausted {
                        return Err(Exhausted);
                    }
                    self.reading
                        .note(&self.at, format!("JSON text that ends in an error: {}", json::reason(&error)));
                }
            }
            Err(expected) => self.reading.note(&self.at, format!("expected {expected}, found a string")),
        }
        Ok(())
    }

    /// What a model wrote of a sensitive value that is not plain text.
    fn tagged(&mut self, json: &Json) -> Result<(), Exhausted> {
        match Sensitive::from_tagged(json) {
            Some(value) => self.scalar(Found::Sensitive(value)),
            None => self.scalar(Found::Object),
        }
    }

    fn number(&mut self, number: Number) -> Result<(), Exhausted> {
        match number.as_i64() {
            Some(integer) => self.scalar(Found::Integer(integer)),
            None => self.scalar(Found::Number(number)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.scalar(Found::Null).map_err(Exhausted::told)
    }

    fn visit_bool<E: Error>(mut self, truth: bool) -> Result<(), E> {
        self.scalar(Found::Bool(truth)).map_err(Exhausted::told)
    }

    fn visit_i64<E: Error>(mut self, number: i64) -> Result<(), E> {
        self.scalar(Found::Integer(number)).map_err(Exhausted::told)
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<(), E> {
        self.number(number.into()).map_err(Exhausted::told)
    }

    fn visit_f64<E: Error>(mut self, number: f64) -> Result<(), E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("a number that is not finite"))?;
        self.number(number).map_err(Exhausted::told)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.text(text).map_err(Exhausted::told)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        let strictness = self.reading.strictness;
        if self.sealed && matches!(self.reading.sealed, Sealed::AsWritten) {
            let json = Json::deserialize(MapAccessDeserializer::new(map))?;
            return self.tagged(&json).map_err(Exhausted::told);
        }
        let size = self.place.size();
        match self.place.take(Found::Object, strictness) {
            Ok(next @ (Next::Members(_) | Next::Json(_))) => {
                self.reading.take(size).map_err(Exhausted::told)?;
                Inside { next, sealed: self.sealed, at: self.at, reading: self.reading }.visit_map(map)
            }
            _ => {
                // Where a program switches on serde_json's `arbitrary_precision`, numbers come as objects too, of a
                // kind that only its own types know.
                self.reading.take_json().map_err(Exhausted::told)?;
                match Json::deserialize(MapAccessDeserializer::new(map))? {
                    Json::Number(number) => self.number(number),
                    _ => self.scalar(Found::Object),
                }
                .map_err(Exhausted::told)
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let strictness = self.reading.strictness;
        let size = self.place.size();
        match self.place.take(Found::Array, strictness) {
            Ok(next @ (Next::Items(_) | Next::Json(_))) => {
                self.reading.take(size).map_err(Exhausted::told)?;
                Inside { next, sealed: self.sealed, at: self.at, reading: self.reading }.visit_seq(seq)
            }
            _ => {
                self.scalar(Found::Array).map_err(Exhausted::told)?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(())
            }
        }
    }
}

/// What is in a value that has begun.
struct Inside<'a, 'b> {
    next: Next<'a>,
    /// Whether the members of an array travel encrypted.
    sealed: bool,
    at: Step<'a>,
    reading: &'a mut Reading<'b>,
}

impl<'de> Visitor<'de> for Inside<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON that goes on as it began")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.next {
            Next::Members(model) => members(map, model, &self.at, self.reading),
            Next::Json(json) => {
                self.reading.take_json().map_err(Exhausted::told)?;
                *json = Json::deserialize(MapAccessDeserializer::new(map))?;
                Ok(())
            }
            Next::Items(_) | Next::Nothing => Err(A::Error::custom("an object where none began")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        match self.next {
            Next::Items(items) => {
                for index in 0.. {
                    let at = Step::Item(&self.at, index);
                    let place = Place::Item(&mut *items);
                    let one = One { place, sealed: self.sealed, at, reading: &mut *self.reading };
                    if seq.next_element_seed(one)?.is_none() {
                        break;
                    }
                }
                Ok(())
            }
            Next::Json(json) => {
                self.reading.take_json().map_err(Exhausted::told)?;
                *json = Json::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(())
            }
            Next::Members(_) | Next::Nothing => Err(A::Error::custom("an array where none began")),
        }
    }
}
