//! The file of a product's shared types: the objects and lists of values that the catalogue shares by name, under that
//! name, each once.

use std::collections::{BTreeMap, BTreeSet};

use indoc::formatdoc;
use weipay_catalog::Field;
use weipay_catalog::rust::module_types::{
    Types, has_members, is_enumeration, request_fields, response_fields,
};

use crate::documentation::lines;
use crate::models::Module;
use crate::output::header;
use crate::tree::Tree;

/// What some operations or notifications share: by name the fields that have it, and of each whether a request holds it.
#[derive(Default)]
pub(crate) struct SharedTypes<'a>(BTreeMap<&'static str, Vec<(&'a Field, bool)>>);

impl<'a> SharedTypes<'a> {
    /// Adds those that a field of a request or of a response brings.
    pub(crate) fn add(&mut self, field: &'a Field, in_request: bool) {
        if let Some(name) = field.shared.filter(|_| has_members(field) || is_enumeration(field)) {
            self.0.entry(name).or_default().push((field, in_request));
        }
        if has_members(field) {
            field.fields.iter().for_each(|member| self.add(member, in_request));
        }
    }

    /// The content of their module, or `None` if there are no shared types. Types without a title are found by these titles.
    pub(crate) fn text(&self, titles: &[&str]) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let types = Types::shared(self.0.values().flatten().copied());
        let module = Module { types: &types, shared: None, level: 0, root_doc: &|_| None, titles };
        Some(module.text())
    }
}

/// The file of a product that has shared types.
pub(crate) fn text(product: &Tree<'_>) -> Option<String> {
    let operations = product.all();
    let mut shared = SharedTypes::default();
    for operation in &operations {
        request_fields(operation).iter().for_each(|(_, field)| shared.add(field, true));
        response_fields(operation).iter().for_each(|(_, field)| shared.add(field, false));
    }
    let groups: BTreeSet<&str> = operations.iter().map(|operation| operation.group).collect();
    let groups: Vec<&str> = groups.into_iter().filter(|group| !group.is_empty()).collect();
    let doc = format!("The types that several operations of `{}` share.", product.path);
    Some(formatdoc! {"
        {header}{doc}
        {content}",
        header = header("catalog/{shared,values}/"),
        doc = lines(&doc, "//!"),
        content = shared.text(&groups)?,
    })
}
