//! What several files share by name: objects (`promotion_detail object[] <refund_promotion_detail>`), lists of error codes.
//!
//! They are kept as text and parsed where they are used, so that a field is always complete and start-up costs nothing.

use std::collections::BTreeMap;

use crate::errors::{ErrorCode, ErrorLists};
use crate::field::Field;
use crate::parse::{self, Heading};

/// How deeply shared objects may be nested. Deeper nesting means that an object contains itself.
const MAX_DEPTH: usize = 16;

/// What the files of a catalogue share, by name.
#[derive(Debug, Default)]
pub(crate) struct SharedObjects {
    objects: BTreeMap<&'static str, &'static str>,
    errors: ErrorLists,
}

impl SharedObjects {
    /// The texts that have the heading of something shared; the others are left out.
    pub(crate) fn from_texts(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let mut shared = Self::default();
        for text in texts {
            match text.lines().next().and_then(parse::heading) {
                Some(Heading::Object(name)) => shared.insert(name, text),
                Some(Heading::Errors(name)) => shared.insert_errors(name, text),
                _ => {}
            }
        }
        shared
    }

    pub(crate) fn insert(&mut self, name: &'static str, text: &'static str) {
        self.objects.insert(name, text);
    }

    pub(crate) fn insert_errors(&mut self, name: &'static str, text: &'static str) {
        self.errors.insert(name, text);
    }

    /// What a text is read with.
    pub(crate) fn resolver(&self) -> Resolver<'_> {
        Resolver { objects: self, depth: 0 }
    }
}

/// Finds the members of shared objects while a text is read, and detects an object that contains itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver<'a> {
    objects: &'a SharedObjects,
    depth: usize,
}

impl Resolver<'_> {
    /// The members of a shared object, with those of shared objects among them.
    pub(crate) fn members(self, name: &str) -> Result<Vec<Field>, String> {
        let text = self.objects.objects.get(name).ok_or_else(|| {
            format!("the shared object <{name}> does not exist: describe it in shared/{name}.api")
        })?;
        if self.depth == MAX_DEPTH {
            return Err(format!("the shared object `{name}` contains itself"));
        }
        let deeper = Resolver { objects: self.objects, depth: self.depth + 1 };
        parse::object(text, deeper).map_err(|error| match self.depth {
            0 => format!("shared/{name}.api: {error}"),
            _ => error.reason,
        })
    }

    /// The codes of a shared list, with its name.
    pub(crate) fn error_codes(self, name: &str) -> Result<(&'static str, Vec<ErrorCode>), String> {
        let (name, text) = self.objects.errors.text(name).ok_or_else(|| {
            format!("the list of error codes <{name}> does not exist: describe it in errors/{name}.api")
        })?;
        let codes = parse::error_list(text).map_err(|error| format!("errors/{name}.api: {error}"))?;
        Ok((name, codes))
    }

    /// Whether there is a list of error codes with this name.
    pub(crate) fn has_error_list(self, name: &str) -> bool {
        self.objects.errors.text(name).is_some()
    }
}
