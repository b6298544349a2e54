//! A route of the control API, and the members that it takes: what a request is checked by, and what the OpenAPI document says.

use serde_json::Value;

use super::{Control, ControlError, ControlRequest};

/// Carries out one route. The request has the members that its route says.
pub(crate) type ControlHandler = fn(&Control, &ControlRequest) -> Result<Value, ControlError>;

/// One route.
pub(crate) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) members: &'static [Member],
    /// Whether it needs no token.
    pub(super) is_open: bool,
    pub(super) handler: ControlHandler,
}

impl Route {
    const fn new(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self { method, path, summary, members, is_open: false, handler }
    }

    pub(crate) const fn get(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("GET", path, summary, members, handler)
    }

    pub(crate) const fn post(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("POST", path, summary, members, handler)
    }

    pub(crate) const fn put(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("PUT", path, summary, members, handler)
    }

    pub(crate) const fn delete(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("DELETE", path, summary, members, handler)
    }

    /// It needs no token: nothing of it is secret.
    pub(super) const fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    pub(super) fn has_body(&self) -> bool {
        matches!(self.method, "POST" | "PUT")
    }

    /// The values of the placeholders, when this is the route of a path.
    pub(super) fn values(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let (mut template, mut given) = (self.path.split('/'), path.split('/'));
        let mut values = Vec::new();
        loop {
            match (template.next(), given.next()) {
                (None, None) => return Some(values),
                (Some(template), Some(given)) => match placeholder(template) {
                    Some(name) if !given.is_empty() => values.push((name, decoded(given)?)),
                    None if template == given => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }
}

pub(super) fn placeholder(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

pub(super) fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// A member of a body, or a parameter of a query.
pub(crate) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: MemberKind,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum MemberKind {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Texts,
    Integer,
    Number,
    Boolean,
    /// An object with these members, or with any; the handler reads it.
    Object(&'static [Member]),
    /// A list of such objects.
    Objects(&'static [Member]),
}

impl Member {
    /// Own numbers (商户单号) of merchants are theirs alone, so two can have given the same.
    pub(crate) const MCHID_OF_NUMBER: Self =
        Self::text("mchid", "The merchant whose number is meant, when several have used it");

    const fn new(name: &'static str, kind: MemberKind, description: &'static str) -> Self {
        Self { name, kind, is_required: false, description }
    }

    pub(crate) const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Text, description)
    }

    pub(crate) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Word(words), description)
    }

    pub(crate) const fn texts(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Texts, description)
    }

    pub(crate) const fn integer(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Integer, description)
    }

    pub(crate) const fn number(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Number, description)
    }

    pub(crate) const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Boolean, description)
    }

    /// `members` are those that the handler looks at; any, where none is named.
    pub(crate) const fn object(
        name: &'static str,
        members: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Object(members), description)
    }

    pub(crate) const fn objects(
        name: &'static str,
        members: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Objects(members), description)
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The value of a query as the value of a body.
    pub(super) fn value_of_query(&self, text: &str) -> Value {
        match self.kind {
            MemberKind::Integer | MemberKind::Number | MemberKind::Boolean => {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            MemberKind::Texts => text.split(',').collect(),
            MemberKind::Text | MemberKind::Word(_) | MemberKind::Object(_) | MemberKind::Objects(_) => {
                text.into()
            }
        }
    }

    pub(super) fn check(&self, value: &Value) -> Result<(), ControlError> {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let fits = match self.kind {
            MemberKind::Text => is_text(value),
            MemberKind::Word(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            MemberKind::Texts => value.as_array().is_some_and(|items| items.iter().all(is_text)),
            MemberKind::Integer => value.is_i64(),
            MemberKind::Number => value.is_number(),
            MemberKind::Boolean => value.is_boolean(),
            MemberKind::Object(_) => value.is_object(),
            MemberKind::Objects(_) => {
                value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
            }
        };
        if fits {
            return Ok(());
        }
        let wanted = match self.kind {
            MemberKind::Text => "a text that is not empty".to_owned(),
            MemberKind::Word(words) => format!("one of {}", words.join(", ")),
            MemberKind::Texts => "a list of texts".to_owned(),
            MemberKind::Integer => "an integer".to_owned(),
            MemberKind::Number => "a number".to_owned(),
            MemberKind::Boolean => "true or false".to_owned(),
            MemberKind::Object(_) => "an object".to_owned(),
            MemberKind::Objects(_) => "a list of objects".to_owned(),
        };
        Err(ControlError::invalid(format!("`{}` must be {wanted}", self.name)))
    }
}
