//! The file of one path segment: a step of the pure chain, with a method for each segment below it and each verb.

use weipay_catalog::Operation;
use weipay_catalog::folder::EXTENSION;
use weipay_catalog::parse::Heading;
use weipay_catalog::rust::steps::StepNames;

use crate::documentation;
use crate::homes::Homes;
use crate::models::{braced, rule};
use crate::operation::{self, Verb};
use crate::output::{Output, header};
use crate::path_value;
use crate::table::RowNames;
use crate::tree::Tree;

/// The names that depend on all operations.
pub(crate) struct Names<'a> {
    pub rows: &'a RowNames,
    pub steps: &'a StepNames,
}

/// Writes the file of this segment and of all below it.
pub(crate) fn write(tree: &Tree<'_>, names: &Names<'_>, output: &mut Output) {
    write_below(tree, &tree.segment.replace('-', "_"), names, &mut Homes::default(), output);
}

fn write_below(tree: &Tree<'_>, place: &str, names: &Names<'_>, homes: &mut Homes, output: &mut Output) {
    let children = tree.named_children();
    output.add(&format!("{place}.rs"), text(tree, names, &children));
    for operation in &tree.operations {
        let verb = Verb::of(operation);
        if verb.has_types() {
            let module = format!("crate/{place}/{}", verb.module).replace('/', "::");
            output.add(&format!("{place}/{}.rs", verb.module), operation::text(operation, &module, homes));
        }
    }
    for (name, child) in children {
        write_below(child, &format!("{place}/{name}"), names, homes, output);
    }
}

fn text(tree: &Tree<'_>, names: &Names<'_>, children: &[(String, &Tree<'_>)]) -> String {
    let mut text = header(&sources(tree));
    text.push_str(&format!("//! `{}`\n", tree.path));
    text.push('\n');
    let mut modules: Vec<String> =
        children.iter().map(|(name, child)| format!("{}pub mod {name};\n", gate(child))).collect();
    let verbs: Vec<(&Operation, Verb)> =
        tree.operations.iter().map(|operation| (*operation, Verb::of(operation))).collect();
    modules.extend(
        verbs
            .iter()
            .filter(|(_, verb)| verb.has_types())
            .map(|(_, verb)| format!("pub mod {};\n", verb.module)),
    );
    modules.sort_by_key(|line| line.rsplit("pub mod ").next().map(str::to_owned));
    text.push_str(&modules.concat());
    if !modules.is_empty() {
        text.push('\n');
    }
    text.push_str("use crate::mode::Mode;\n");
    let mut items = Vec::new();
    items.extend(verbs.iter().any(|(_, verb)| !verb.has_request || !verb.has_answer).then_some("Nothing"));
    items.extend(children.iter().any(|(_, child)| path_value::loosest(child).is_some()).then_some("path"));
    if !items.is_empty() {
        text.push_str(&format!("use crate::model::{};\n", braced(&items)));
    }
    if !verbs.is_empty() {
        text.push_str("use crate::operation::table;\n");
    }
    // Only a verb can use what is set on the way; a step that just leads on is lighter.
    let step = if verbs.is_empty() { "chain_branch" } else { "chain_step" };
    text.push_str(&format!("use crate::styles::{step};\n\n"));

    let name = tree.type_name();
    text.push_str(&format!("{step}! {{\n    /// `{}`\n    {name}\n}}\n\n", tree.path));
    text.push_str(&format!("impl<M: Mode> {name}<M> {{\n"));
    let mut methods: Vec<String> =
        verbs.iter().map(|(operation, verb)| verb_method(operation, verb, names)).collect();
    methods.extend(children.iter().map(|(name, child)| step_method(name, child)));
    text.push_str(&methods.join("\n"));
    text.push_str("}\n");
    text
}

fn sources(tree: &Tree<'_>) -> String {
    match tree.operations.first() {
        None => format!("catalog/{}/", tree.path),
        Some(operation) => source(operation),
    }
}

/// The catalogue file of an operation.
pub(crate) fn source(operation: &Operation) -> String {
    let heading = Heading::Operation(operation.method, operation.path);
    format!("catalog/{}.{EXTENSION}", heading.place())
}

/// The first segment below the version is a product, and each product is a feature.
fn gate(child: &Tree<'_>) -> String {
    match child.path.split('/').collect::<Vec<_>>()[..] {
        [_, product] => format!("#[cfg(feature = \"{product}\")]\n"),
        _ => String::new(),
    }
}

fn step_method(name: &str, child: &Tree<'_>) -> String {
    let gate = gate(child);
    let gate = if gate.is_empty() { gate } else { format!("    {gate}") };
    let target = format!("{name}::{}", child.type_name());
    match path_value::loosest(child) {
        None => format!(
            "    /// `{}`\n{gate}    pub fn {name}(self) -> {target}<M> {{\n        {target}::new(self.call.step(\"{}\"))\n    }}\n",
            child.path, child.segment
        ),
        Some(value) => format!(
            "{}{gate}    pub fn {name}(self, {name}: impl Into<String>) -> {target}<M> {{\n        \
             {target}::new(self.call.fill({}, {name}.into()))\n    }}\n",
            documentation::lines(&documentation::field::value(&child.path, &value), "    ///"),
            rule(&value, "path", true).lines(0, usize::MAX, "", ""),
        ),
    }
}

fn verb_method(operation: &Operation, verb: &Verb, names: &Names<'_>) -> String {
    let Verb { module, has_request, has_answer } = verb;
    let answer = if *has_answer { format!("{module}::Response") } else { "Nothing".to_owned() };
    let (parameter, request) = if *has_request {
        (format!(", request: {module}::Request"), "request")
    } else {
        (String::new(), "Nothing")
    };
    let slash = if operation.path.ends_with('/') { ".step(\"\")" } else { "" };
    format!(
        "{}    pub fn {module}(self{parameter}) -> M::Sent<{answer}> {{\n        self.call{slash}.typed(&table::{row}, {request})\n    }}\n",
        documentation::lines(
            &documentation::operation::verb(
                operation,
                verb.has_types().then_some(module.as_str()),
                names.steps
            ),
            "    ///"
        ),
        row = names.rows.get(operation),
    )
}
