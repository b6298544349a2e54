//! The file with the steps of a product: a type for each path, with a method for each segment below it and each verb. The
//! modules of the paths show the steps under their own names.

use std::collections::{BTreeMap, BTreeSet};

use indoc::formatdoc;
use weipay_catalog::names;
use weipay_catalog::operation::placeholder;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::{ApiVersion, Field, Operation};

use crate::documentation::{self, aliases, lines};
use crate::flat::FlatNames;
use crate::models::{braced, rule};
use crate::operation::Verb;
use crate::output::{header, indented};
use crate::table::RowNames;
use crate::tree::Tree;

/// The names of the types of a product's steps. They stand in one file, so that each is named by its whole
/// path below the version.
pub(crate) struct StepTypes(BTreeMap<String, String>);

impl StepTypes {
    pub(crate) fn new(product: &Tree<'_>) -> Self {
        let mut steps = Self(BTreeMap::new());
        steps.give(product, "", &mut BTreeSet::new());
        steps
    }

    /// Of two that would have one name the second gets an underscore.
    fn give(&mut self, tree: &Tree<'_>, above: &str, taken: &mut BTreeSet<String>) {
        let own = match placeholder(tree.segment) {
            Some(name) => format!("{above}By{}", names::camel(name)),
            None => format!("{above}{}", names::camel(tree.segment)),
        };
        let mut name = own.clone();
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        self.0.insert(tree.path.clone(), name);
        for (_, child) in tree.named_children() {
            self.give(child, &own, taken);
        }
    }

    pub(crate) fn get(&self, tree: &Tree<'_>) -> &str {
        self.0.get(&tree.path).map_or("", String::as_str)
    }
}

/// The file of all steps of a product, whose module has this name; `version` is `v2` or `v3`.
pub(crate) fn text(
    version: &str,
    name: &str,
    product: &Tree<'_>,
    types: &StepTypes,
    names: &Names<'_>,
) -> String {
    let mut blocks = vec![first_step(version, name, product, types)];
    let mut needs = BTreeSet::new();
    write(product, "super", None, &Context { types, names }, &mut needs, &mut blocks);
    let models: Vec<&str> = ["Empty", "path"].into_iter().filter(|name| needs.contains(*name)).collect();
    let mut imports = String::from("use crate::delivery::Mode;\n");
    if !models.is_empty() {
        imports.push_str(&format!("use crate::model::{};\n", braced(&models)));
    }
    imports.push_str("use crate::operation::table;\nuse crate::call::{chain, chain_step};\n");
    formatdoc! {"
        {header}//! The steps of the pure chain (纯链式) from `{path}` on.

        {imports}
        chain! {{}}

        {blocks}",
        header = header(&format!("catalog/{}/", product.path)),
        path = product.path,
        blocks = blocks.join("\n"),
    }
}

/// The method that leads from the version to a product. It stands with the product's steps, so that a reader of a
/// chain need not open the file of the version.
fn first_step(version: &str, name: &str, product: &Tree<'_>, types: &StepTypes) -> String {
    formatdoc! {"
        impl<M: Mode> crate::{version}::{step}<M> {{
        {method}}}
        ",
        step = names::camel(version),
        method = indented(&step_method(name, product, types.get(product)), 1),
    }
}

/// The names that depend on all operations.
pub(crate) struct Names<'a> {
    pub rows: &'a RowNames,
    pub steps: &'a StepNames,
    pub flat: &'a FlatNames,
}

struct Context<'a> {
    types: &'a StepTypes,
    names: &'a Names<'a>,
}

/// Writes the step of a path, whose module has this place, and those below it. A search finds an official product by the first
/// step that has nothing else below it: `above` is the only product of the step before this one.
fn write(
    tree: &Tree<'_>,
    place: &str,
    above: Option<&str>,
    context: &Context<'_>,
    needs: &mut BTreeSet<&'static str>,
    blocks: &mut Vec<String>,
) {
    let verbs: Vec<(&Operation, Verb)> =
        tree.operations.iter().map(|operation| (*operation, Verb::new(operation))).collect();
    let children = tree.named_children();
    let mut methods: Vec<String> = Vec::new();
    for (operation, verb) in &verbs {
        if !verb.has_request || !verb.has_response {
            needs.insert("Empty");
        }
        methods.push(verb_method(operation, verb, place, context.names));
        if operation.is_paged() {
            methods.push(pages_method(operation, verb, place, context.names));
        }
        if operation.has_file_response {
            methods.push(download_method(operation, verb, place, context.names));
        }
    }
    for (name, child) in &children {
        if loosest(child).is_some() {
            needs.insert("path");
        }
        methods.push(step_method(name, child, context.types.get(child)));
    }
    let product = tree.only_product();
    let mut found_by = tree.titles();
    if tree.is_feature() {
        found_by.extend(tree.products());
    } else if product != above {
        found_by.extend(product.filter(|product| !found_by.contains(product)));
    }
    let name = context.types.get(tree);
    blocks.push(formatdoc! {"
        {step}
        impl<M: Mode> {name}<M> {{
        {methods}}}
        ",
        step = step(tree, name, &found_by),
        methods = indented(&methods.join("\n"), 1),
    });
    for (name, child) in children {
        write(child, &format!("{place}::{name}"), product, context, needs, blocks);
    }
}

/// A step, and the official names that a search finds it by.
fn step(tree: &Tree<'_>, name: &str, found_by: &[&str]) -> String {
    // Of two paths with one name, the underscore stays at the end.
    let bare = name.trim_end_matches('_');
    let path = name.replacen(bare, &format!("{bare}Path"), 1);
    formatdoc! {"
        chain_step! {{
        {doc}{aliases}    {name} at {path}
        }}
        ",
        doc = lines(&documentation::operation::step(tree), "    ///"),
        aliases = indented(&aliases(found_by.iter().copied()), 1),
    }
}

/// The method that leads to a step.
fn step_method(name: &str, child: &Tree<'_>, target: &str) -> String {
    match loosest(child) {
        None => formatdoc! {"
            {doc}pub fn {name}(self) -> {target}<M> {{
                {target}::new(self.call.step({segment:?}))
            }}
            ",
            doc = lines(&documentation::operation::step(child), "///"),
            segment = child.segment,
        },
        Some(value) => formatdoc! {"
            {doc}pub fn {name}(self, {name}: impl Into<String>) -> {target}<M> {{
                {target}::new(self.call.fill({rule}, {name}.into()))
            }}
            ",
            doc = lines(&documentation::field::value(&child.path, &value), "///"),
            rule = rule(&value, "path", true).lines(0, usize::MAX, "", ""),
        },
    }
}

fn verb_method(operation: &Operation, verb: &Verb, place: &str, names: &Names<'_>) -> String {
    let Verb { module, has_request, has_response } = verb;
    let types = format!("{place}::{module}");
    let response = if *has_response { format!("{types}::Response") } else { "Empty".to_owned() };
    let (parameter, request) = match has_request {
        true => (format!(", request: {types}::Request"), "request"),
        false => (String::new(), "Empty"),
    };
    let slash = if operation.path.ends_with('/') { ".step(\"\")" } else { "" };
    formatdoc! {"
        {doc}{aliases}pub fn {module}(self{parameter}) -> M::Output<{response}> {{
            self.call{slash}.typed(&table::{row}, {request})
        }}
        ",
        doc = lines(&documentation::operation::verb(operation, verb.has_types().then_some(types.as_str()), names.steps), "///"),
        aliases = aliases([operation.title]),
        row = names.rows.get(operation),
    }
}

/// The method that streams a response that is a file.
fn download_method(operation: &Operation, verb: &Verb, place: &str, names: &Names<'_>) -> String {
    let (parameter, request) = match verb.has_request {
        true => (format!(", request: {place}::{}::Request", verb.module), "request"),
        false => (String::new(), "Empty"),
    };
    formatdoc! {"
        /// The same, as a file of any length that is streamed: see [`download`](crate::download).
        pub fn download(self{parameter}) -> crate::download::Download<M> {{
            self.call.typed_download(&table::{row}, {request})
        }}
        ",
        row = names.rows.get(operation),
    }
}

/// The method that reads a list page by page.
fn pages_method(operation: &Operation, verb: &Verb, place: &str, names: &Names<'_>) -> String {
    let types = format!("{place}::{}", verb.module);
    let slash = if operation.path.ends_with('/') { ".step(\"\")" } else { "" };
    formatdoc! {"
        /// The pages of the list, from the one that the request names: see [`paging`](crate::paging).
        pub fn pages(self, request: {types}::Request) -> crate::paging::Pages<M, {types}::Response> {{
            self.call{slash}.typed_pages(&table::{row}, request)
        }}
        ",
        row = names.rows.get(operation),
    }
}

/// The file of a version: its step, and a module for each product, which adds the way to it.
pub(crate) fn version(tree: &Tree<'_>, version: ApiVersion) -> String {
    // The first segment below the version is a product, and each product is a feature.
    let module = |name: &str, product: &Tree<'_>| {
        format!("#[cfg(feature = {:?})]\npub mod {name};\n", product.segment)
    };
    let modules: String = tree.named_children().iter().map(|(name, child)| module(name, child)).collect();
    formatdoc! {"
        {header}//! The typed operations of API{version}: a module for each product, and in it one for each part of a path.

        {modules}
        use crate::call::{{chain, chain_step}};

        chain! {{}}

        {step}",
        header = header(&format!("catalog/{}/", tree.path)),
        version = if version == ApiVersion::V2 { "v2" } else { "v3" },
        step = step(tree, &tree.type_name(), &[]),
    }
}

/// The field of a placeholder; nothing for a literal segment. The value is given before the operation is named, so
/// where the operations below differ, the loosest of their limits counts: a value that one of them takes must pass.
fn loosest(tree: &Tree<'_>) -> Option<Field> {
    let name = placeholder(tree.segment)?;
    let mut found = Vec::new();
    collect(tree, name, &mut found);
    let mut loosest = found.first().copied().cloned()?;
    for other in found {
        loosen(&mut loosest, other);
    }
    // A chain cannot leave it out.
    loosest.required = false;
    // Which value it is, the operation says by itself.
    loosest.purpose = None;
    Some(loosest)
}

fn collect<'a>(tree: &Tree<'a>, name: &str, found: &mut Vec<&'a Field>) {
    let own = tree.operations.iter().flat_map(|operation| &operation.request.path);
    found.extend(own.filter(|field| field.name == name));
    for child in tree.children.values() {
        collect(child, name, found);
    }
}

fn loosen(loosest: &mut Field, other: &Field) {
    if loosest.label.is_empty() {
        loosest.label = other.label;
    }
    // Characters and bytes have no lower end in common; the upper one is looser in characters.
    if loosest.in_bytes != other.in_bytes {
        loosest.in_bytes = false;
        loosest.limits.min = None;
    }
    let both = |one: Option<i64>, two: Option<i64>| one.zip(two);
    loosest.limits.min = both(loosest.limits.min, other.limits.min).map(|(one, two)| one.min(two));
    loosest.limits.max = both(loosest.limits.max, other.limits.max).map(|(one, two)| one.max(two));
    loosest.pattern = loosest.pattern.filter(|pattern| other.pattern == Some(pattern));
    loosest.format = loosest.format.filter(|format| other.format == Some(*format));
    if loosest.values != other.values {
        loosest.values.clear();
    }
}
