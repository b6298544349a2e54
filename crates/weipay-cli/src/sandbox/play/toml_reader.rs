//! Reading TOML so that every mistake can name its line.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong in a story, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StoryError {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// A value and its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lined<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// A table whose members are taken one by one; what nobody takes is a mistake.
pub(super) struct Table {
    line: usize,
    /// What it is called in messages, such as `a step`.
    what: &'static str,
    members: Vec<(String, Lined<Value>)>,
    /// The tables in arrays of tables, each with its line.
    tables: Vec<(String, Vec<Self>)>,
    known: Vec<&'static str>,
}

/// Reads a document. Arrays of tables with these names are read as separate tables.
pub(super) fn parse(text: &str, arrays: &[(&'static str, &'static str)]) -> Result<Table, StoryError> {
    let lines = Lines(text);
    let document = DeTable::parse(text).map_err(|error| StoryError {
        line: error.span().map_or(1, |span| lines.at(span.start)),
        reason: error.message().to_owned(),
    })?;
    table(document.get_ref(), 1, "a story", arrays, lines)
}

#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn at(self, offset: usize) -> usize {
        self.0.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

fn table(
    from: &DeTable<'_>,
    line: usize,
    what: &'static str,
    arrays: &[(&'static str, &'static str)],
    lines: Lines<'_>,
) -> Result<Table, StoryError> {
    let mut read = Table { line, what, members: Vec::new(), tables: Vec::new(), known: Vec::new() };
    for (name, value) in from {
        let name_line = lines.at(name.span().start);
        let name = name.get_ref().as_ref();
        if let Some((_, what)) = arrays.iter().find(|(known, _)| *known == name) {
            let DeValue::Array(items) = value.get_ref() else {
                return Err(StoryError { line: name_line, reason: format!("write {name} as [[{name}]]") });
            };
            let items: Result<Vec<Table>, StoryError> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Table(members) => table(members, lines.at(item.span().start), what, &[], lines),
                    _ => Err(StoryError { line: name_line, reason: format!("write {name} as [[{name}]]") }),
                })
                .collect();
            read.tables.push((name.to_owned(), items?));
        } else {
            let value = json(value, lines)?;
            read.members.push((name.to_owned(), Lined { value, line: name_line }));
        }
    }
    Ok(read)
}

fn json(value: &Spanned<DeValue<'_>>, lines: Lines<'_>) -> Result<Value, StoryError> {
    let wrong = |reason: &str| StoryError { line: lines.at(value.span().start), reason: reason.to_owned() };
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| wrong("the number is too large"))?,
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| wrong("JSON has no such number"))?
        }
        DeValue::Boolean(flag) => Value::from(*flag),
        // As times travel in the API.
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(item, lines)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(members) => {
            let members =
                members.iter().map(|(name, value)| Ok((name.get_ref().to_string(), json(value, lines)?)));
            Value::Object(members.collect::<Result<Map<_, _>, StoryError>>()?)
        }
    })
}

impl Table {
    /// A table inside a value that was taken already.
    pub(super) fn from_object(what: &'static str, line: usize, members: Map<String, Value>) -> Self {
        let members = members.into_iter().map(|(name, value)| (name, Lined { value, line })).collect();
        Self { line, what, members, tables: Vec::new(), known: Vec::new() }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> StoryError {
        StoryError { line: self.line, reason: reason.into() }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<Lined<Value>> {
        self.known.push(name);
        let at = self.members.iter().position(|(known, _)| known == name)?;
        Some(self.members.swap_remove(at).1)
    }

    fn take_as<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<Lined<T>>, StoryError> {
        let Some(Lined { value, line }) = self.take(name) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(Lined { value, line })),
            None => Err(StoryError { line, reason: format!("`{name}` must be {wanted}") }),
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<Lined<String>>, StoryError> {
        self.take_as(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, StoryError> {
        let texts = self.take_as(name, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })?;
        Ok(texts.map(|texts| texts.value).unwrap_or_default())
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, StoryError> {
        Ok(self.take_as(name, "true or false", |value| value.as_bool())?.is_some_and(|flag| flag.value))
    }

    /// A number from 0 to `max`; 0 if it is missing.
    pub(super) fn count(&mut self, name: &'static str, max: u32) -> Result<u32, StoryError> {
        let wanted = format!("a number from 0 to {max}");
        let count = self.take_as(name, &wanted, |value| {
            value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= max)
        })?;
        Ok(count.map(|count| count.value).unwrap_or_default())
    }

    pub(super) fn status(&mut self, name: &'static str) -> Result<Option<u16>, StoryError> {
        let status = self.take_as(name, "an HTTP status, such as 200", |value| {
            value
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (100..600).contains(status))
        })?;
        Ok(status.map(|status| status.value))
    }

    pub(super) fn object(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Lined<Map<String, Value>>>, StoryError> {
        self.take_as(name, "a table", |value| match value {
            Value::Object(members) => Some(members),
            _ => None,
        })
    }

    pub(super) fn tables(&mut self, name: &'static str) -> Vec<Self> {
        self.known.push(name);
        let at = self.tables.iter().position(|(known, _)| known == name);
        at.map(|at| self.tables.swap_remove(at).1).unwrap_or_default()
    }

    /// Checks that everything was taken.
    pub(super) fn check_nothing_left(&self) -> Result<(), StoryError> {
        let Some((name, value)) = self.members.iter().min_by_key(|(_, value)| value.line) else {
            return Ok(());
        };
        let (what, known) = (self.what, self.known.join(", "));
        let reason = format!("{what} has no `{}`; it may have: {known}", name.escape_debug());
        Err(StoryError { line: value.line, reason })
    }
}
