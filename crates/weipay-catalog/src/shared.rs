//! What several files share by name: objects (`promotion_detail object[] <refund_promotion_detail>`) and lists of values
//! (`trade_state string <trade_state>`).
//!
//! They are kept as text and parsed where they are used, so that a field is always complete and start-up costs nothing.

use std::collections::BTreeMap;

use crate::field::{Field, Kind};
use crate::parse::{self, Heading};

/// How deeply shared objects may be nested. Deeper nesting means that an object contains itself.
const MAX_DEPTH: usize = 16;

/// The shared objects and the shared lists of values of a catalogue, by name.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    objects: BTreeMap<&'static str, &'static str>,
    values: BTreeMap<&'static str, &'static str>,
}

impl Shared {
    /// The texts whose heading is `OBJECT` or `VALUES`; the others are left out.
    pub(crate) fn from_texts(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let mut shared = Self::default();
        for text in texts {
            match text.lines().next().and_then(parse::heading) {
                Some(Heading::Object(name)) => shared.insert_object(name, text),
                Some(Heading::Values(name)) => shared.insert_values(name, text),
                _ => {}
            }
        }
        shared
    }

    pub(crate) fn insert_object(&mut self, name: &'static str, text: &'static str) {
        self.objects.insert(name, text);
    }

    pub(crate) fn insert_values(&mut self, name: &'static str, text: &'static str) {
        self.values.insert(name, text);
    }

    /// What a text is read with.
    pub(crate) fn resolver(&self) -> Resolver<'_> {
        Resolver { shared: self, depth: 0 }
    }
}

/// Finds what is shared while a text is read, and detects an object that contains itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver<'a> {
    shared: &'a Shared,
    depth: usize,
}

impl Resolver<'_> {
    /// Gives a field what its `<name>` stands for: members, or values.
    pub(crate) fn complete(self, field: &mut Field) -> Result<(), String> {
        let Some(name) = field.shared else { return Ok(()) };
        if field.can_have_members() {
            field.fields = self.members(name)?;
        } else if field.kind != Kind::String {
            let kind = field.kind.word();
            return Err(format!(
                "`<{name}>` cannot describe `{}`: a {kind} has neither members nor a shared list of values",
                field.name
            ));
        } else if !field.values.is_empty() {
            return Err(format!("`{}` lists values and has the list <{name}>: keep one of them", field.name));
        } else {
            field.values = self.values(name)?;
        }
        Ok(())
    }

    /// The members of a shared object, with those of shared objects among them.
    fn members(self, name: &str) -> Result<Vec<Field>, String> {
        let text = self.shared.objects.get(name).ok_or_else(|| match self.shared.values.get(name) {
            Some(_) => {
                format!("<{name}> is a list of values, which has no members: it can only describe a string")
            }
            None => format!("the shared object <{name}> does not exist: describe it in shared/{name}.api"),
        })?;
        if self.depth == MAX_DEPTH {
            return Err(format!("the shared object `{name}` contains itself"));
        }
        let deeper = Resolver { shared: self.shared, depth: self.depth + 1 };
        parse::object(text, deeper).map_err(|error| match self.depth {
            0 => format!("shared/{name}.api: {error}"),
            _ => error.reason,
        })
    }

    /// The values of a shared list.
    fn values(self, name: &str) -> Result<Vec<&'static str>, String> {
        let text = self.shared.values.get(name).ok_or_else(|| match self.shared.objects.get(name) {
            Some(_) => format!("<{name}> is an object, but a string can only have a shared list of values"),
            None => {
                format!("the shared list of values <{name}> does not exist: describe it in values/{name}.api")
            }
        })?;
        parse::values(text).map_err(|error| format!("values/{name}.api: {error}"))
    }
}
