//! One field line: `name* type limits and words <shared> # label = example`.

use std::borrow::Cow;

use crate::field::{Carrier, Field, Format, Kind, Limits, NOTIFY_URL, Purpose};

pub(super) fn field(text: &'static str, line: usize) -> Result<Field, String> {
    let (name, rest) = text.split_once(' ').ok_or("a field needs a name and a type")?;
    let (name, case) = name.split_once('?').map_or((name, None), |(name, case)| (name, Some(case)));
    let needed_in = case.map(|case| enclosed_mark(case, '?')).transpose()?;
    let (name, mark) = name.split_once('*').map_or((name, None), |(name, mode)| (name, Some(mode)));
    let required_in =
        mark.filter(|mode| !mode.is_empty()).map(|mode| enclosed_mark(mode, '*')).transpose()?;
    let rest = rest.trim_start();
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (kind, list, items) = kind(word)?;
    let mut field = Field {
        name,
        kind,
        list,
        required: mark.is_some() && required_in.is_none(),
        required_in,
        needed_in,
        label: "",
        limits: Limits::default(),
        in_bytes: false,
        items,
        format: None,
        values: Vec::new(),
        pattern: None,
        carrier: None,
        private: false,
        purpose: None,
        echo_of: None,
        example: None,
        fields: Vec::new(),
        shared: None,
        line,
    };
    let rest = rules(&mut field, rest.trim_start())?;
    remark(&mut field, rest)?;
    Ok(field)
}

/// `(机构模式)`, after the `*`, or `(NORMAL)`, after a `?`.
fn enclosed_mark(text: &'static str, sign: char) -> Result<&'static str, String> {
    let inside = text.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
    inside.filter(|inside| !inside.is_empty()).ok_or_else(|| match sign {
        '*' => format!("`*{text}` should be `*`, or `*(MODE)` if the field is required in one mode only"),
        _ => format!("`?{text}` should be `?(CASE)`, if the field is needed in one case only"),
    })
}

/// `string`, `object[]`, `string[1..10]`.
fn kind(word: &str) -> Result<(Kind, bool, Limits), String> {
    let unknown = || {
        format!(
            "`{word}` is not a type: use string, integer, number, boolean or object, for an array with []"
        )
    };
    let (word_alone, items) = match word.split_once('[') {
        None => (word, None),
        Some((kind, items)) => (kind, Some(items.strip_suffix(']').ok_or_else(unknown)?)),
    };
    let kind = Kind::from_word(word_alone).ok_or_else(unknown)?;
    let limits = match items {
        None | Some("") => Limits::default(),
        Some(range) => {
            Limits::parse(range).ok_or_else(|| format!("`{range}` should be a range such as 1..10"))?
        }
    };
    Ok((kind, items.is_some(), limits))
}

/// The word that makes a range count bytes.
pub(crate) const BYTES: &str = "bytes";

/// The word of a value that must not be shown in a log.
pub(crate) const PRIVATE: &str = "private";

/// Everything between the type and the label. Gives back what is left from the `#` or `=` on.
fn rules(field: &mut Field, mut rest: &'static str) -> Result<&'static str, String> {
    loop {
        match rest.as_bytes().first() {
            None | Some(b'#') | Some(b'=') => return Ok(rest),
            Some(b'/') => {
                let (pattern, after) = enclosed(rest, " ").unwrap_or((rest, ""));
                let inside = pattern.strip_prefix('/').and_then(|pattern| pattern.strip_suffix('/'));
                field.pattern = Some(inside.ok_or("a pattern must be between slashes: /^[0-9]+$/")?);
                rest = after.trim_start();
            }
            Some(b'(') => {
                let (values, after) = enclosed(&rest[1..], ")").ok_or("the list of values has no `)`")?;
                field.values = values.split('|').map(str::trim).collect();
                rest = after.trim_start();
            }
            Some(_) => {
                let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                rule(field, word)?;
                rest = after.trim_start();
            }
        }
    }
}

fn enclosed(text: &'static str, end: &str) -> Option<(&'static str, &'static str)> {
    text.split_once(end)
}

fn rule(field: &mut Field, word: &'static str) -> Result<(), String> {
    if let Some(name) = word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
        field.shared = Some(name);
    } else if let Some(limits) = Limits::parse(word) {
        field.limits = limits;
    } else if word == BYTES {
        field.in_bytes = true;
    } else if word == PRIVATE {
        field.private = true;
    } else if let Some(carrier) = Carrier::from_word(word) {
        field.carrier = Some(carrier);
    } else if let Some((purpose, echo_of)) = purpose(word) {
        if let Some(other) = field.purpose.filter(|other| *other != purpose) {
            return Err(format!(
                "`{}` and `{word}` are two purposes, but a field can have only one",
                other.word()
            ));
        }
        field.purpose = Some(purpose);
        field.echo_of = echo_of;
    } else if let Some(format) = Format::from_word(word) {
        field.format = Some(format);
        if format == Format::NotifyUrl {
            field.pattern = Some(NOTIFY_URL);
        }
    } else {
        return Err(format!(
            "`{word}` is not known here: it must be a range (1..20), `bytes` (after a range), a format, encrypted, sealed, json-text, url-text or signed, `private`, a purpose (request-number), or the <name> of a shared object or list of values"
        ));
    }
    Ok(())
}

/// The word of a purpose; `echo(transaction_id)` and `merchant-number(sponsor_mchid)` also name a field of the request.
fn purpose(word: &'static str) -> Option<(Purpose, Option<&'static str>)> {
    let Some((word, name)) = word.split_once('(') else { return Some((Purpose::from_word(word)?, None)) };
    let name = name.strip_suffix(')').filter(|name| !name.is_empty())?;
    let of_a_field =
        [Purpose::Echo, Purpose::MerchantNumber].into_iter().find(|purpose| purpose.word() == word);
    of_a_field.map(|purpose| (purpose, Some(name)))
}

/// `# label = example`, both parts optional.
fn remark(field: &mut Field, rest: &'static str) -> Result<(), String> {
    let (label, example) = match rest.strip_prefix('#') {
        Some(remark) => match remark.split_once(" = ") {
            Some((label, example)) => (label, Some(example)),
            None => (remark, None),
        },
        None => ("", rest.strip_prefix('=')),
    };
    field.label = label.trim();
    field.example = match example.map(str::trim) {
        Some(quoted) if quoted.starts_with('"') => Some(Cow::Owned(unquote(quoted)?)),
        plain => plain.map(Cow::Borrowed),
    };
    Ok(())
}

/// A quoted example: `\n`, `\t`, `\"` and `\\` are the only escapes that examples need.
fn unquote(text: &str) -> Result<String, String> {
    let inside = text[1..].strip_suffix('"').ok_or("the example has no closing quote")?;
    let mut plain = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        plain.push(match (letter, letter == '\\') {
            (letter, false) => letter,
            (_, true) => match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(literal @ ('"' | '\\')) => literal,
                other => return Err(format!("`\\{}` is not an escape", other.unwrap_or(' '))),
            },
        });
    }
    Ok(plain)
}
