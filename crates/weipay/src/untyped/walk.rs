//! Walks through the JSON of a call without types together with its members in the catalogue: finds sensitive fields, and members
//! that the catalogue does not know.
//!
//! The JSON text is not serialized again: each change is an edit of a byte range. So numbers keep all their digits, and both
//! values of a duplicate member are found.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use weipay_wire::check_ciphertext;
use zeroize::Zeroizing;

use super::SensitiveTexts;
use crate::error::{Cause, RequestError};
use crate::members::{Member, Members};
use crate::model::decode::is_name;
use crate::model::sensitive::{MARK, Marked};
use crate::operation::ApiVersion;

/// Limits the number of listed members, because the input is untrusted.
const MAX_LISTED: usize = 100;

/// The result of the walk through a request.
#[derive(Clone, Default)]
pub(crate) struct Found {
    /// The replacements of parts of the text, in their order.
    pub(crate) edits: Vec<Edit>,
    /// Members that the catalogue does not know.
    pub(crate) unknown: Vec<String>,
    /// Sensitive members that have a text.
    pub(crate) sensitive: Vec<String>,
}

impl Found {
    /// The replacements of parts of the text.
    pub(super) fn withs(&self) -> impl Iterator<Item = &With> {
        self.edits.iter().map(|edit| &edit.with)
    }
}

#[derive(Clone)]
pub(crate) struct Edit {
    range: Range<usize>,
    with: With,
}

/// The replacement of a value.
#[derive(Clone)]
pub(crate) enum With {
    /// This text.
    Text(String),
    /// The ciphertext of this text.
    Encrypted(Zeroizing<String>),
}

/// The facts about the operation.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// Its protocol.
    pub(crate) version: ApiVersion,
    /// Whether bare texts in sensitive fields are plain text or ciphertext.
    pub(crate) texts: SensitiveTexts,
    /// Its members in this place; `None` if the catalogue does not have the operation.
    pub(crate) members: Option<Members>,
}

/// The kind of value that is expected somewhere.
#[derive(Clone, Copy)]
enum Expected {
    /// Anything.
    Anything,
    /// A sensitive text.
    Sensitive,
    /// An object with these members, or an array of them.
    Members { members: Members, is_json_text: bool },
}

impl Expected {
    fn new(member: Member) -> Self {
        match member.members {
            _ if member.is_encrypted => Self::Sensitive,
            Some(members) => Self::Members { members, is_json_text: member.is_json_text },
            None => Self::Anything,
        }
    }
}

/// Where the walk is. It becomes text only when there is something to report.
#[derive(Clone, Copy)]
enum At<'a> {
    Root,
    Member(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl fmt::Display for At<'_> {
    /// A name that could be a value, such as a phone number, is not shown.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name| if is_name(name) { name } else { "(a name that may be a value)" };
        match self {
            At::Root => Ok(()),
            At::Member(At::Root, name) => out.write_str(shown(name)),
            At::Member(parent, name) => write!(out, "{parent}.{}", shown(name)),
            At::Item(parent, index) => write!(out, "{parent}[{index}]"),
        }
    }
}

/// Examines the JSON text of a body.
pub(crate) fn body(text: &str, known: Known) -> Result<Found, RequestError> {
    let mut walk = Walk { text, known, is_marked: text.contains(MARK), found: Found::default() };
    let expected = match known.members {
        Some(members) => Expected::Members { members, is_json_text: false },
        None if !walk.is_marked => return Ok(walk.found),
        None => Expected::Anything,
    };
    walk.value(raw(text)?, expected, At::Root)?;
    Ok(walk.found)
}

/// The replacement of one bare text in a sensitive field.
pub(crate) fn text(name: &str, text: &str, known: Known) -> Result<Option<With>, RequestError> {
    Walk { text: "", known, is_marked: false, found: Found::default() }
        .bare(Zeroizing::new(text.to_owned()), At::Member(&At::Root, name))
}

/// The replacement of a value that is marked as plain text, ciphertext or unencrypted.
pub(crate) fn marked(
    name: &str,
    value: Marked,
    is_sensitive: bool,
    known: Known,
) -> Result<With, RequestError> {
    Walk { text: "", known, is_marked: true, found: Found::default() }.marked(
        value,
        is_sensitive,
        At::Member(&At::Root, name),
    )
}

/// Puts the edits into a text.
pub(crate) fn edited(
    text: &str,
    edits: &[Edit],
    encrypt: &dyn Fn(&str) -> Result<String, RequestError>,
) -> Result<String, RequestError> {
    let (mut edited, mut at) = (String::with_capacity(text.len() + 400 * edits.len()), 0);
    for Edit { range, with } in edits {
        edited.push_str(text.get(at..range.start).unwrap_or_default());
        let value = match with {
            With::Text(text) => serde_json::Value::from(text.as_str()),
            With::Encrypted(text) => serde_json::Value::from(encrypt(text)?),
        };
        edited.push_str(&value.to_string());
        at = range.end;
    }
    edited.push_str(text.get(at..).unwrap_or_default());
    Ok(edited)
}

struct Walk<'a> {
    text: &'a str,
    known: Known,
    /// Whether values may say what they are, so that the whole text is looked at.
    is_marked: bool,
    found: Found,
}

impl Walk<'_> {
    fn value(&mut self, value: &RawValue, expected: Expected, at: At<'_>) -> Result<(), RequestError> {
        let is_closed = matches!(expected, Expected::Anything) && !self.is_marked;
        match (value.get().as_bytes().first(), expected) {
            (Some(b'{' | b'['), _) if is_closed => Ok(()),
            (Some(b'{'), _) => self.object(value, expected, at),
            (Some(b'['), _) => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(unreadable)?;
                let mut items = items.into_iter().enumerate();
                items.try_for_each(|(index, item)| self.value(item, expected, At::Item(&at, index)))
            }
            (Some(b'n'), _) | (_, Expected::Anything) => Ok(()),
            (Some(b'"'), Expected::Sensitive) => {
                let with = self.bare(string(value)?, at)?;
                self.edit(value, with);
                Ok(())
            }
            (Some(b'"'), Expected::Members { members, is_json_text: true }) => {
                self.json_text(&string(value)?, members, at)
            }
            (_, Expected::Sensitive) => Err(problem(
                at,
                "must be encrypted (敏感信息加密), so it must be a JSON string: put its value in quotes",
            )),
            (_, Expected::Members { members, .. }) if members.has_encrypted() => {
                Err(problem(at, "contains sensitive fields (敏感信息加密): write it as an object"))
            }
            (_, Expected::Members { .. }) => Ok(()),
        }
    }

    fn object(&mut self, object: &RawValue, expected: Expected, at: At<'_>) -> Result<(), RequestError> {
        let Object(members) = serde_json::from_str(object.get()).map_err(unreadable)?;
        let is_sensitive = matches!(expected, Expected::Sensitive);
        if let [(name, value)] = &members[..]
            && let Ok(text) = string(value)
            && let Some(marked) = Marked::new(name, text, is_sensitive)
        {
            let with = self.marked(marked, is_sensitive, at)?;
            self.edit(object, Some(with));
            return Ok(());
        }
        if is_sensitive {
            return Err(problem(
                at,
                "must be encrypted (敏感信息加密), so it must be a JSON string: put its value in quotes, or give a \
                 `Sensitive`",
            ));
        }
        for (name, value) in &members {
            let at = At::Member(&at, name);
            let expected = match expected {
                Expected::Anything | Expected::Sensitive => Expected::Anything,
                Expected::Members { members, .. } => match members.get(name) {
                    Some(member) => Expected::new(member),
                    None => {
                        note(&mut self.found.unknown, at);
                        Expected::Anything
                    }
                },
            };
            self.value(value, expected, at)?;
        }
        Ok(())
    }

    /// The members of a JSON text are only checked: none of them is encrypted.
    fn json_text(&mut self, text: &str, members: Members, at: At<'_>) -> Result<(), RequestError> {
        let Ok(value) = raw(text) else { return Ok(()) };
        let mut walk = Walk { text, known: self.known, is_marked: false, found: Found::default() };
        walk.value(value, Expected::Members { members, is_json_text: false }, at)?;
        walk.found.unknown.into_iter().for_each(|path| push(&mut self.found.unknown, path));
        match walk.found.edits.is_empty() {
            true => Ok(()),
            false => Err(problem(
                at,
                "contains sensitive fields (敏感信息加密): write it as an object, not as a string",
            )),
        }
    }

    /// A text that does not say what it is, in a sensitive field.
    fn bare(&mut self, mut text: Zeroizing<String>, at: At<'_>) -> Result<Option<With>, RequestError> {
        if text.is_empty() {
            return Ok(None);
        }
        note(&mut self.found.sensitive, at);
        match self.known.texts {
            SensitiveTexts::Plain => self.plain_text(text, at).map(Some),
            SensitiveTexts::Ciphertext => ciphertext(std::mem::take(&mut *text), at).map(|_| None),
        }
    }

    fn plain_text(&self, text: Zeroizing<String>, at: At<'_>) -> Result<With, RequestError> {
        match self.known.version {
            ApiVersion::V3 => Ok(With::Encrypted(text)),
            ApiVersion::V2 => Err(problem(
                at,
                "must be encrypted (敏感信息加密) with a key of APIv2: get the key (v2/risk/getpublickey or \
                 v2/risk/getcertficates), encrypt with `PublicKey::encrypt_oaep`, and give the result as \
                 `Sensitive::ciphertext`",
            )),
        }
    }

    /// A value that says what it is.
    fn marked(&mut self, value: Marked, is_sensitive: bool, at: At<'_>) -> Result<With, RequestError> {
        match value {
            Marked::Ciphertext(text) => ciphertext(text, at).map(With::Text),
            Marked::Unencrypted(mut text) => Ok(With::Text(std::mem::take(&mut *text))),
            Marked::Plain(text) if text.is_empty() => Ok(With::Text(String::new())),
            Marked::Plain(text) if is_sensitive => {
                note(&mut self.found.sensitive, at);
                self.plain_text(text, at)
            }
            Marked::Plain(_) => Err(problem(
                at,
                match self.known.members {
                    Some(_) => {
                        "is a `Sensitive` with plain text, but the catalogue has no encrypted field here: move it to \
                         the right place, or give it as `Sensitive::ciphertext` or as a plain string"
                    }
                    None => {
                        "is a `Sensitive` with plain text, but the catalogue does not have this operation: encrypt it \
                         with `encrypt_sensitive`, and give it as `Sensitive::ciphertext`"
                    }
                },
            )),
        }
    }

    fn edit(&mut self, value: &RawValue, with: Option<With>) {
        let Some(with) = with else { return };
        // A part of the text that was read: its place is the distance of the two.
        let start = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.found.edits.push(Edit { range: start..start + value.get().len(), with });
    }
}

fn ciphertext(text: String, at: At<'_>) -> Result<String, RequestError> {
    let checked = check_ciphertext(&text);
    checked.map(|()| text).map_err(|_| RequestError::NotCiphertext { path: at.to_string() })
}

fn problem(at: At<'_>, rule: &str) -> RequestError {
    RequestError::Field { path: at.to_string(), rule: rule.to_owned() }
}

fn note(list: &mut Vec<String>, at: At<'_>) {
    push(list, at.to_string());
}

fn push(list: &mut Vec<String>, path: String) {
    if list.len() < MAX_LISTED {
        list.push(path);
    }
}

fn raw(text: &str) -> Result<&RawValue, RequestError> {
    serde_json::from_str(text).map_err(unreadable)
}

fn string(value: &RawValue) -> Result<Zeroizing<String>, RequestError> {
    serde_json::from_str(value.get()).map(Zeroizing::new).map_err(unreadable)
}

/// The message of serde_json may quote the text, so it is dropped.
fn unreadable(_: serde_json::Error) -> RequestError {
    RequestError::Body(Cause::new("it is not JSON"))
}

/// The members of an object in their order, also those that are there twice.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        json.deserialize_map(Members)
    }
}
