//! Decoding: from JSON to a model in one pass, straight into the slots. A response is read leniently,
//! and a request that a program kept as JSON strictly: see [`Strictness`].
//!
//! None of this is generic over models, so it is compiled once for all of them.

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Number, Value as Json};

use super::value::{Container, Model, Sequence, Slot, Strictness, Token};
use super::{Field, Sensitive, sensitive};
use weipay_wire::PrivateKey;

use crate::error::DecodeError;
use crate::json;

/// Reads a body into an empty model, and reports what could not be read. Only what serde_json does not take for a JSON
/// object at all is an error, or what would take too much memory; an empty body leaves the model empty.
pub(crate) fn decode<M: Model + Default>(
    body: &[u8],
    opener: Option<&PrivateKey>,
) -> Result<(M, Vec<DecodeError>), DecodeError> {
    let body = json::without_mark(body);
    let mut model = M::default();
    match text_of(body).and_then(|text| whole(text, &mut model, opener)) {
        Ok(decode_errors) => Ok((model, decode_errors)),
        // Invalid UTF-8, such as a nickname that was cut inside a character, must not hide that a payment succeeded.
        Err(problem) => {
            let text = json::repaired(body).ok_or(problem)?;
            let mut model = M::default();
            let mut decode_errors = whole(&text, &mut model, opener)?;
            let reason = json::REPAIRED.to_owned();
            decode_errors.insert(0, DecodeError { path: String::new(), reason });
            Ok((model, decode_errors))
        }
    }
}

/// The body as text: looked at once as a whole, and not each of its texts again.
fn text_of(body: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(body).map_err(|error| DecodeError::whole(error.to_string()))
}

fn whole(
    body: &str,
    model: &mut dyn Model,
    opener: Option<&PrivateKey>,
) -> Result<Vec<DecodeError>, DecodeError> {
    let encrypted = opener.map_or(Ciphertext::Kept, Ciphertext::Decrypted);
    let mut decoder = Decoder::new(body.as_bytes(), encrypted, Strictness::Lenient);
    if !body.is_empty() && !model.table().fields.is_empty() {
        let mut json = serde_json::Deserializer::from_str(body);
        let read =
            json.deserialize_any(BodyVisitor { model, decoder: &mut decoder }).and_then(|()| json.end());
        read.map_err(|error| DecodeError {
            path: String::new(),
            reason: if decoder.is_exhausted { json::too_large() } else { json::reason(&error) },
        })?;
    }
    Ok(decoder.decode_errors)
}

/// `Deserialize` of every model. It reads strictly: fields that cannot be read are an error that names each path.
#[cfg(feature = "deserialize")]
pub(crate) fn deserialize<'de, D: Deserializer<'de>, M: Model + Default>(
    from: D,
    strictness: Strictness,
) -> Result<M, D::Error> {
    let mut model = M::default();
    let mut decoder = Decoder::new(b"", Ciphertext::AsWritten, strictness);
    from.deserialize_any(BodyVisitor { model: &mut model, decoder: &mut decoder })?;
    if strictness == Strictness::Strict && !decoder.decode_errors.is_empty() {
        let told: Vec<String> = decoder.decode_errors.iter().map(one_problem).collect();
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

/// Limits the reported fields of an odd response; one entry says that there are more.
const MAX_DECODE_ERRORS: usize = 100;

/// The state of reading one body: what did not read, how to read, and the memory that is left.
struct Decoder<'a> {
    decode_errors: Vec<DecodeError>,
    encrypted: Ciphertext<'a>,
    strictness: Strictness,
    body: &'a [u8],
    memory: usize,
    is_exhausted: bool,
    /// Whether what the body takes as any JSON was taken off `memory`.
    has_json: bool,
}

/// How an encrypted text is treated.
#[derive(Clone, Copy)]
enum Ciphertext<'a> {
    /// It is decrypted with this key.
    Decrypted(&'a PrivateKey),
    /// It stays ciphertext.
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

impl<'a> Decoder<'a> {
    fn new(body: &'a [u8], encrypted: Ciphertext<'a>, strictness: Strictness) -> Self {
        Decoder {
            decode_errors: Vec::new(),
            encrypted,
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
    fn note(&mut self, at: &JsonPath<'_>, reason: String) {
        match self.decode_errors.len() {
            0..MAX_DECODE_ERRORS => self.decode_errors.push(DecodeError { path: at.path(), reason }),
            MAX_DECODE_ERRORS => {
                let reason = "further problems are not listed".to_owned();
                self.decode_errors.push(DecodeError { path: at.path(), reason });
            }
            _ => {}
        }
    }
}

/// Where the reader is. It becomes text only when there is a problem to report.
#[derive(Clone, Copy)]
enum JsonPath<'a> {
    Root,
    Member(&'a Self, &'static str),
    Item(&'a Self, usize),
}

impl JsonPath<'_> {
    fn path(&self) -> String {
        match self {
            JsonPath::Root => String::new(),
            JsonPath::Member(JsonPath::Root, name) => (*name).to_owned(),
            JsonPath::Member(parent, name) => format!("{}.{name}", parent.path()),
            JsonPath::Item(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }
}

/// Reads the whole body, which must be an object.
struct BodyVisitor<'a, 'b> {
    model: &'a mut dyn Model,
    decoder: &'a mut Decoder<'b>,
}

impl<'de> Visitor<'de> for BodyVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        members(map, self.model, &JsonPath::Root, self.decoder)
    }

    // The default messages of serde quote the value, which may be personal.

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
    at: &JsonPath<'_>,
    decoder: &mut Decoder<'_>,
) -> Result<(), A::Error> {
    let fields = model.table().fields;
    let mut result = Ok(());
    model.write(&mut |slots| result = fill(&mut map, fields, slots, at, decoder));
    result
}

fn fill<'de, A: MapAccess<'de>>(
    map: &mut A,
    fields: &'static [Field],
    slots: &mut [&mut dyn Slot],
    at: &JsonPath<'_>,
    decoder: &mut Decoder<'_>,
) -> Result<(), A::Error> {
    let mut after = 0;
    // Of a request alone: in a response, the last one counts.
    let mut given = vec![false; if decoder.strictness == Strictness::Strict { fields.len() } else { 0 }];
    while let Some(found) =
        map.next_key_seed(NameVisitor { fields, after, strictness: decoder.strictness })?
    {
        let index = match found {
            Name::Known(index) => index,
            Name::Unknown(name) => {
                match name {
                    Some(name) if name.is_empty() => {
                        decoder.note(at, "has an unknown member, whose name may be a value".to_owned());
                    }
                    Some(name) => decoder.note(at, format!("has an unknown member `{name}`")),
                    None => {}
                }
                map.next_value::<IgnoredAny>()?;
                continue;
            }
        };
        let (Some(field), Some(slot)) = (fields.get(index), slots.get_mut(index)) else { continue };
        after = index + 1;
        let at = JsonPath::Member(at, field.name);
        if given.get_mut(index).is_some_and(|given| std::mem::replace(given, true)) {
            decoder.note(&at, "is given twice".to_owned());
        }
        map.next_value_seed(ValueVisitor {
            target: Target::Slot(&mut **slot),
            encrypted: field.encrypted,
            at,
            decoder,
        })?;
    }
    Ok(())
}

/// A member's name, as the index of its row. Members often come in the order of the pages: the search begins after
/// the row that was found last.
struct NameVisitor {
    fields: &'static [Field],
    after: usize,
    strictness: Strictness,
}

/// A member's row, or, read strictly, the name that has no row; an empty one where it is not shown.
enum Name {
    Known(usize),
    Unknown(Option<String>),
}

/// Whether an unknown name can be shown: a mistyped one can, a person's name or phone number in its place cannot.
pub(crate) fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=64).contains(&text.len()) && digits < 6 && text.bytes().all(is_letter)
}

impl<'de> DeserializeSeed<'de> for NameVisitor {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Name, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        let (before, rest) = self.fields.split_at_checked(self.after).unwrap_or((&[], self.fields));
        let is_it = |field: &Field| field.name == name;
        let here = rest.iter().position(is_it).map(|index| before.len() + index);
        Ok(match here.or_else(|| before.iter().position(is_it)) {
            Some(index) => Name::Known(index),
            None if self.strictness == Strictness::Lenient => Name::Unknown(None),
            None => Name::Unknown(Some(if is_name(name) { name.to_owned() } else { String::new() })),
        })
    }
}

/// The target of a value: a field, or the end of an array.
enum Target<'a> {
    Slot(&'a mut dyn Slot),
    Item(&'a mut dyn Sequence),
}

impl Target<'_> {
    fn take(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str> {
        match self {
            Target::Slot(slot) => slot.fill(found, strictness),
            Target::Item(items) => items.push(found, strictness),
        }
    }

    /// The memory for a value that is put here: a growing array takes up to twice its length.
    fn size(&self) -> usize {
        match self {
            Target::Slot(_) => 0,
            Target::Item(items) => 2 * items.member_size() + json::ALLOCATION,
        }
    }
}

/// Reads one value into its target.
struct ValueVisitor<'a, 'b> {
    target: Target<'a>,
    /// Whether it is encrypted.
    encrypted: bool,
    at: JsonPath<'a>,
    decoder: &'a mut Decoder<'b>,
}

impl ValueVisitor<'_, '_> {
    fn scalar(&mut self, found: Token<'_>) -> Result<(), Exhausted> {
        let kind = found.kind();
        match self.target.take(found, self.decoder.strictness) {
            Ok(_) => self.decoder.take(self.target.size()),
            Err(expected) => {
                self.decoder.note(&self.at, format!("expected {expected}, found {kind}"));
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Exhausted> {
        if !self.encrypted {
            return self.plain_text(text);
        }
        match self.decoder.encrypted {
            Ciphertext::AsWritten => self.plain_text(text),
            Ciphertext::Kept => self.scalar(Token::Ciphertext(text)),
            Ciphertext::Decrypted(key) => match sensitive::opened(text, key) {
                Ok(plain) => self.plain_text(&plain),
                // It stays ciphertext: it must not pass for plain text.
                Err(reason) => {
                    self.decoder.note(&self.at, reason);
                    self.scalar(Token::Ciphertext(text))
                }
            },
        }
    }

    fn plain_text(&mut self, text: &str) -> Result<(), Exhausted> {
        let size = self.target.size() + text.len() + json::ALLOCATION;
        match self.target.take(Token::Text(text), self.decoder.strictness) {
            Ok(Container::Complete) => self.decoder.take(size)?,
            // The target knows that its text is JSON.
            Ok(container) => {
                // JSON inside a string was not counted when the body was measured.
                self.decoder.take(size.saturating_add(json::measure(text.as_bytes()).bytes))?;
                let mut json = serde_json::Deserializer::from_str(text);
                let inside = ContainerVisitor {
                    container,
                    encrypted: self.encrypted,
                    at: self.at,
                    decoder: &mut *self.decoder,
                };
                if let Err(error) = json.deserialize_any(inside).and_then(|()| json.end()) {
                    if self.decoder.is_exhausted {
                        return Err(Exhausted);
                    }
                    self.decoder
                        .note(&self.at, format!("JSON text that ends in an error: {}", json::reason(&error)));
                }
            }
            Err(expected) => self.decoder.note(&self.at, format!("expected {expected}, found a string")),
        }
        Ok(())
    }

    /// Reads a sensitive value that a model wrote with a tag, because it is not plain text.
    fn tagged(&mut self, json: &Json) -> Result<(), Exhausted> {
        match Sensitive::from_tagged(json) {
            Some(value) => self.scalar(Token::Sensitive(value)),
            None => self.scalar(Token::Object),
        }
    }

    fn number(&mut self, number: Number) -> Result<(), Exhausted> {
        match number.as_i64() {
            Some(integer) => self.scalar(Token::Integer(integer)),
            None => self.scalar(Token::Number(number)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.scalar(Token::Null).map_err(Exhausted::told)
    }

    fn visit_bool<E: Error>(mut self, truth: bool) -> Result<(), E> {
        self.scalar(Token::Bool(truth)).map_err(Exhausted::told)
    }

    fn visit_i64<E: Error>(mut self, number: i64) -> Result<(), E> {
        self.scalar(Token::Integer(number)).map_err(Exhausted::told)
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
        let strictness = self.decoder.strictness;
        if self.encrypted && matches!(self.decoder.encrypted, Ciphertext::AsWritten) {
            let json = Json::deserialize(MapAccessDeserializer::new(map))?;
            return self.tagged(&json).map_err(Exhausted::told);
        }
        let size = self.target.size();
        match self.target.take(Token::Object, strictness) {
            Ok(container @ (Container::Object(_) | Container::Any(_))) => {
                self.decoder.take(size).map_err(Exhausted::told)?;
                ContainerVisitor { container, encrypted: self.encrypted, at: self.at, decoder: self.decoder }
                    .visit_map(map)
            }
            _ => {
                // Where a program switches on serde_json's `arbitrary_precision`, numbers come as objects too, of a
                // kind that only its own types know.
                self.decoder.take_json().map_err(Exhausted::told)?;
                match Json::deserialize(MapAccessDeserializer::new(map))? {
                    Json::Number(number) => self.number(number),
                    _ => self.scalar(Token::Object),
                }
                .map_err(Exhausted::told)
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let strictness = self.decoder.strictness;
        let size = self.target.size();
        match self.target.take(Token::Array, strictness) {
            Ok(container @ (Container::Array(_) | Container::Any(_))) => {
                self.decoder.take(size).map_err(Exhausted::told)?;
                ContainerVisitor { container, encrypted: self.encrypted, at: self.at, decoder: self.decoder }
                    .visit_seq(seq)
            }
            _ => {
                self.scalar(Token::Array).map_err(Exhausted::told)?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(())
            }
        }
    }
}

/// Reads the members of an object or array that has begun.
struct ContainerVisitor<'a, 'b> {
    container: Container<'a>,
    /// Whether the items of an array are encrypted.
    encrypted: bool,
    at: JsonPath<'a>,
    decoder: &'a mut Decoder<'b>,
}

impl<'de> Visitor<'de> for ContainerVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the rest of the value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.container {
            Container::Object(model) => members(map, model, &self.at, self.decoder),
            Container::Any(json) => {
                self.decoder.take_json().map_err(Exhausted::told)?;
                *json = Json::deserialize(MapAccessDeserializer::new(map))?;
                Ok(())
            }
            Container::Array(_) | Container::Complete => Err(A::Error::custom("unexpected object")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        match self.container {
            Container::Array(items) => {
                for index in 0.. {
                    let at = JsonPath::Item(&self.at, index);
                    let target = Target::Item(&mut *items);
                    let one =
                        ValueVisitor { target, encrypted: self.encrypted, at, decoder: &mut *self.decoder };
                    if seq.next_element_seed(one)?.is_none() {
                        break;
                    }
                }
                Ok(())
            }
            Container::Any(json) => {
                self.decoder.take_json().map_err(Exhausted::told)?;
                *json = Json::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(())
            }
            Container::Object(_) | Container::Complete => Err(A::Error::custom("unexpected array")),
        }
    }
}
