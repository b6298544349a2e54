//! The names of the objects and enumerations of one operation: equal shapes share a name, different ones get different
//! names. The order counts: a request before its response, and a field before its members.
//!
//! An object that the catalogue shares by name has that name everywhere, and what is inside it has the name of the object
//! around before its own: no operation that uses it can change these names.

use std::collections::BTreeSet;

use crate::field::{Field, Kind};

use super::camel;
use super::request::{Inside, inside_json_text, is_enumeration};

/// The names that were given so far.
#[derive(Debug, Default)]
pub struct TypeNames {
    /// Each with the members that it was made of, to find it again.
    objects: Vec<Given<Vec<Field>>>,
    enumerations: Vec<Given<Vec<&'static str>>>,
    /// The names of shared objects and of what is inside them: they are given before all others.
    shared: BTreeSet<String>,
}

#[derive(Debug)]
struct Given<S> {
    name: String,
    /// The field's own name, which may stand inside the type's.
    stem: String,
    shape: S,
}

impl<S: PartialEq> Given<S> {
    fn is(&self, stem: &str, shape: &S) -> bool {
        self.shape == *shape && (self.stem == stem || self.name.ends_with(stem))
    }
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
    /// Names for the types of all these fields and of what is inside them.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Self {
        let mut shared = BTreeSet::new();
        fields.into_iter().for_each(|field| collect_shared(field, &mut shared));
        Self { shared, ..Self::default() }
    }

    /// The names of the shared types that these fields bring, and of those inside them.
    pub fn shared(&self) -> impl Iterator<Item = &str> {
        self.shared.iter().map(String::as_str)
    }

    /// The type of an object, `owner` being the type that holds it.
    pub fn object(&mut self, field: &Field, owner: &str) -> Named {
        if let Some(name) = self.in_shared(field, owner) {
            return Named::Known(name);
        }
        let shape = skeleton(&field.fields);
        let stem = camel(field.name);
        if let Some(known) = self.objects.iter().find(|known| known.is(&stem, &shape)) {
            return Named::Known(known.name.clone());
        }
        let name = self.free_name(&stem, owner, field.list);
        self.objects.push(Given { name: name.clone(), stem, shape });
        Named::New(name)
    }

    /// The type of a field with listed values.
    pub fn enumeration(&mut self, field: &Field, owner: &str) -> Named {
        if let Some(name) = self.in_shared(field, owner) {
            return Named::Known(name);
        }
        let stem = camel(field.name);
        if let Some(known) = self.enumerations.iter().find(|known| known.is(&stem, &field.values)) {
            return Named::Known(known.name.clone());
        }
        let name = self.free_name(&stem, owner, field.list);
        self.enumerations.push(Given { name: name.clone(), stem, shape: field.values.clone() });
        Named::New(name)
    }

    /// The name of a shared object, or of what is inside one.
    fn in_shared(&self, field: &Field, owner: &str) -> Option<String> {
        match field.shared {
            Some(shared) => Some(camel(shared)),
            None => self.shared.contains(owner).then(|| inside(owner, field)),
        }
    }

    /// The plain name; where it is taken, with its owner's before it. Where the owner has that very name, what is inside
    /// is its `Item`, as the member of an array, or its `Content`.
    fn free_name(&self, stem: &str, owner: &str, in_array: bool) -> String {
        let taken = |name: &str| {
            RESERVED.contains(&name)
                || self.shared.contains(name)
                || self.objects.iter().any(|known| known.name == name)
                || self.enumerations.iter().any(|known| known.name == name)
        };
        let mut name = stem.to_owned();
        if taken(&name) {
            name = match (owner.ends_with(stem), in_array) {
                (true, true) => format!("{owner}Item"),
                (true, false) => format!("{owner}Content"),
                (false, _) => format!("{owner}{stem}"),
            };
        }
        while taken(&name) {
            name.push('_');
        }
        name
    }
}

/// The name of a type inside a shared object, or inside a type that is inside one.
pub fn inside(owner: &str, field: &Field) -> String {
    format!("{owner}{}", camel(field.name))
}

/// The names of the types that a field brings from shared objects.
fn collect_shared(field: &Field, names: &mut BTreeSet<String>) {
    match inside_json_text(field) {
        Some(Inside::Array(item)) => collect_shared(item, names),
        _ => match field.shared.filter(|_| has_members(field)) {
            Some(shared) => collect_inside(camel(shared), &field.fields, names),
            None if has_members(field) => {
                field.fields.iter().for_each(|member| collect_shared(member, names));
            }
            None => {}
        },
    }
}

fn collect_inside(name: String, members: &[Field], names: &mut BTreeSet<String>) {
    for field in members {
        let field = match inside_json_text(field) {
            Some(Inside::Array(item)) => item,
            _ => field,
        };
        if field.shared.is_some() {
            collect_shared(field, names);
        } else if has_members(field) {
            collect_inside(inside(&name, field), &field.fields, names);
        } else if is_enumeration(field) {
            names.insert(inside(&name, field));
        }
    }
    names.insert(name);
}

/// Whether a field is an object with a type of its own, as itself or as JSON text.
pub fn has_members(field: &Field) -> bool {
    (field.kind == Kind::Object || inside_json_text(field).is_some()) && !field.fields.is_empty()
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
    "Request", "Response", "File", "Time", "Json", "JsonText", "Number", "Mode", "Self", "Some", "None", "Ok", "Err",
    "Option", "Result", "String", "Vec", "Box", "From", "Into", "Clone", "Copy", "Debug", "Default",
    "Display", "Drop", "Eq", "Fn", "FnMut", "FnOnce", "Future", "Hash", "IntoFuture", "IntoIterator",
    "Iterator", "Ord", "PartialEq", "PartialOrd", "Send", "Sized", "Sync", "ToOwned", "ToString",
    "TryFrom", "TryInto", "Unpin", "Extend", "AsRef", "AsMut",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Kind, Limits};

    fn object(name: &'static str, list: bool, fields: Vec<Field>) -> Field {
        Field {
            name,
            kind: Kind::Object,
            list,
            required: false,
            required_in: None,
            needed_in: None,
            label: "",
            limits: Limits::default(),
            in_bytes: false,
            items: Limits::default(),
            format: None,
            values: Vec::new(),
            pattern: None,
            carrier: None,
            purpose: None,
            example: None,
            fields,
            shared: None,
            line: 0,
        }
    }

    #[test]
    fn a_shared_object_keeps_its_name_and_gives_it_to_what_is_inside() {
        let inner = object("store_info", false, vec![object("a", false, Vec::new())]);
        let scene =
            Field { shared: Some("pay_scene_info"), ..object("scene_info", false, vec![inner.clone()]) };
        let own = object("pay_scene_info", false, vec![object("b", false, Vec::new())]);
        let mut names = TypeNames::from_fields([&own, &scene]);
        assert_eq!(names.object(&own, "Request"), Named::New("RequestPaySceneInfo".into()));
        assert_eq!(names.object(&scene, "Request"), Named::Known("PaySceneInfo".into()));
        assert_eq!(names.object(&inner, "PaySceneInfo"), Named::Known("PaySceneInfoStoreInfo".into()));
        assert_eq!(names.object(&inner, "Request"), Named::New("StoreInfo".into()));
    }

    #[test]
    fn a_taken_name_takes_its_owners_before_it_and_is_not_doubled() {
        let (a, b) = (object("a", false, Vec::new()), object("b", false, Vec::new()));
        let inner = object("scene_info", false, vec![a.clone()]);
        let item = object("scene_info", true, vec![b.clone()]);
        let mut names = TypeNames::default();
        let outer = object("scene_info", false, vec![inner.clone()]);
        assert_eq!(names.object(&outer, "Request"), Named::New("SceneInfo".into()));
        assert_eq!(names.object(&inner, "SceneInfo"), Named::New("SceneInfoContent".into()));
        assert_eq!(names.object(&inner, "Response"), Named::Known("SceneInfoContent".into()));
        assert_eq!(names.object(&item, "SceneInfo"), Named::New("SceneInfoItem".into()));
        let elsewhere = object("scene_info", false, vec![a, b]);
        assert_eq!(names.object(&elsewhere, "Detail"), Named::New("DetailSceneInfo".into()));
    }
}
