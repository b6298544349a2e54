//! The names of the objects and enumerations of one operation: equal shapes share a name, different ones get different
//! names. The order counts: a request before its response, and a field before its members.
//!
//! What the catalogue shares by name has that name everywhere, and what is inside a shared object has the name of the object
//! around before its own: no operation can change these names.

use std::collections::BTreeSet;

use crate::field::Field;

use crate::names::camel;

/// The names that were given so far.
#[derive(Debug, Default)]
pub(super) struct TypeNames {
    /// Each with the members that it was made of, to find it again.
    objects: Vec<Given<Vec<Field>>>,
    enumerations: Vec<Given<Vec<&'static str>>>,
    /// The names of shared types and of those inside them. They are given before all others.
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
pub(super) enum Named {
    /// The first use of this name.
    New(String),
    /// A type of this shape has this name already.
    Known(String),
}

impl TypeNames {
    /// Keeps the names of the shared types that a field brings.
    pub(super) fn reserve(&mut self, field: &Field, owner: Option<&str>) {
        let name = shared_name(field, owner);
        self.shared.extend(name.clone());
        field.fields.iter().for_each(|member| self.reserve(member, name.as_deref()));
    }

    /// The type of an object, `owner` being the type that holds it.
    pub(super) fn object(&mut self, field: &Field, owner: &str) -> Named {
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
    pub(super) fn enumeration(&mut self, field: &Field, owner: &str) -> Named {
        let stem = camel(field.name);
        if let Some(known) = self.enumerations.iter().find(|known| known.is(&stem, &field.values)) {
            return Named::Known(known.name.clone());
        }
        let name = self.free_name(&stem, owner, field.list);
        self.enumerations.push(Given { name: name.clone(), stem, shape: field.values.clone() });
        Named::New(name)
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

/// The name of a shared type, or of one inside the shared type `owner`.
pub(super) fn shared_name(field: &Field, owner: Option<&str>) -> Option<String> {
    match (field.shared, owner) {
        (Some(shared), _) => Some(camel(shared)),
        (None, Some(owner)) => Some(format!("{owner}{}", camel(field.name))),
        (None, None) => None,
    }
}

/// What makes two objects the same type: everything but the words about them, and but what clients compare a member with.
fn skeleton(fields: &[Field]) -> Vec<Field> {
    let bare = |field: &Field| Field {
        label: "",
        private: false,
        example: None,
        purpose: field.purpose.filter(|purpose| !purpose.is_compared()),
        line: 0,
        fields: skeleton(&field.fields),
        ..field.clone()
    };
    fields.iter().map(bare).collect()
}

/// Names that the generated files bring into scope, that their roots have, or that Rust's prelude gives a meaning.
#[rustfmt::skip]
const RESERVED: [&str; 50] = [
    "Request", "Response", "UploadFile", "Time", "Json", "JsonText", "Number", "Numbered", "Mode", "Self", "Some", "None", "Ok",
    "Err", "Option", "Result", "String", "Vec", "Box", "From", "Into", "Clone", "Copy", "Debug", "Default",
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
            private: false,
            purpose: None,
            echo_of: None,
            example: None,
            fields,
            shared: None,
            line: 0,
        }
    }

    #[test]
    fn the_names_of_shared_types_are_taken() {
        let own = object("pay_scene_info", false, vec![object("b", false, Vec::new())]);
        let scene =
            Field { shared: Some("pay_scene_info"), ..object("scene_info", false, vec![own.clone()]) };
        let mut names = TypeNames::default();
        names.reserve(&scene, None);
        assert_eq!(names.object(&own, "Request"), Named::New("RequestPaySceneInfo".into()));
        assert_eq!(shared_name(&scene, None), Some("PaySceneInfo".into()));
        assert_eq!(shared_name(&own, Some("PaySceneInfo")), Some("PaySceneInfoPaySceneInfo".into()));
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
