//! The names of the objects and enumerations of one operation: equal shapes share a name, different ones get different
//! names. The order counts: a request before its answer, and a field before its members.

use crate::field::Field;

use super::camel;

/// The names that were given so far.
#[derive(Debug, Default)]
pub struct TypeNames {
    /// Each with the members that it was made of, to find it again.
    objects: Vec<(String, Vec<Field>)>,
    enumerations: Vec<(String, Vec<&'static str>)>,
}

/// A name, and whether its type was met before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The first use of this name.
    New(String),
    /// A type of this shape has this name already.
    Known(String),
}

impl Named {
    /// The name.
    pub fn into_name(self) -> String {
        match self {
            Named::New(name) | Named::Known(name) => name,
        }
    }
}

impl TypeNames {
    /// The type of an object, `owner` being the type that holds it.
    pub fn object(&mut self, field: &Field, owner: &str) -> Named {
        let shape = skeleton(&field.fields);
        let stem = camel(field.name);
        if let Some((name, _)) =
            self.objects.iter().find(|(name, known)| *known == shape && name.ends_with(&stem))
        {
            return Named::Known(name.clone());
        }
        let name = self.free_name(&stem, owner);
        self.objects.push((name.clone(), shape));
        Named::New(name)
    }

    /// The type of a field with listed values.
    pub fn enumeration(&mut self, field: &Field, owner: &str) -> Named {
        let stem = camel(field.name);
        if let Some((name, _)) =
            self.enumerations.iter().find(|(name, known)| *known == field.values && name.ends_with(&stem))
        {
            return Named::Known(name.clone());
        }
        let name = self.free_name(&stem, owner);
        self.enumerations.push((name.clone(), field.values.clone()));
        Named::New(name)
    }

    /// The plain name; where it is taken, with its owner's before it.
    fn free_name(&self, stem: &str, owner: &str) -> String {
        let taken = |name: &str| {
            RESERVED.contains(&name)
                || self.objects.iter().any(|(known, _)| known == name)
                || self.enumerations.iter().any(|(known, _)| known == name)
        };
        let mut name = stem.to_owned();
        if taken(&name) {
            name = format!("{owner}{stem}");
        }
        while taken(&name) {
            name.push('X');
        }
        name
    }
}

/// What makes two objects the same type: everything but the words about them.
fn skeleton(fields: &[Field]) -> Vec<Field> {
    let bare = |field: &Field| Field {
        label: "",
        example: None,
        line: 0,
        fields: skeleton(&field.fields),
        ..field.clone()
    };
    fields.iter().map(bare).collect()
}

/// Names that the generated files bring into scope, that their roots have, or that Rust's prelude gives a meaning.
#[rustfmt::skip]
const RESERVED: [&str; 49] = [
    "Request", "Answer", "File", "Time", "Json", "JsonText", "Number", "Mode", "Self", "Some", "None", "Ok", "Err",
    "Option", "Result", "String", "Vec", "Box", "From", "Into", "Clone", "Copy", "Debug", "Default",
    "Display", "Drop", "Eq", "Fn", "FnMut", "FnOnce", "Future", "Hash", "IntoFuture", "IntoIterator",
    "Iterator", "Ord", "PartialEq", "PartialOrd", "Send", "Sized", "Sync", "ToOwned", "ToString",
    "TryFrom", "TryInto", "Unpin", "Extend", "AsRef", "AsMut",
];
