//! Objects that several files share by name: `promotion_detail object[] <refund_promotion_detail>`.
//!
//! They are kept as text and parsed where they are used, so that a field is always complete and start-up costs nothing.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::parse::{self, Heading};

/// How deeply shared objects may be nested. Deeper nesting means that an object contains itself.
const MAX_DEPTH: usize = 16;

/// The shared objects of a catalogue, by name.
#[derive(Debug, Default)]
pub(crate) struct SharedObjects(BTreeMap<&'static str, &'static str>);

impl SharedObjects {
    /// The texts whose heading is `OBJECT`; the others are left out.
    pub(crate) fn from_texts(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let named = |text: &'static str| match parse::heading(text.lines().next()?)? {
            Heading::Object(name) => Some((name, text)),
            _ => None,
        };
        Self(texts.into_iter().filter_map(named).collect())
    }

    pub(crate) fn insert(&mut self, name: &'static str, text: &'static str) {
        self.0.insert(name, text);
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
        let text = self.objects.0.get(name).ok_or_else(|| {
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
}
