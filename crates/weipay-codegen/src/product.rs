//! The files of one product: its modules with the types of each path, its shared types, and its steps.

use crate::chain::{self, Names, StepTypes};
use crate::operation;
use crate::output::{Output, header, indented};
use crate::shared;
use crate::tree::Tree;

/// Modules of a product that are not segments of its paths.
const OWN_MODULES: [&str; 2] = ["chain", "shared"];

pub(crate) struct Writer<'a> {
    pub names: &'a Names<'a>,
    pub output: &'a mut Output,
}

impl Writer<'_> {
    /// Writes a product whose module has this name; `version` is `v2` or `v3`.
    pub(crate) fn product(&mut self, version: &str, name: &str, product: &Tree<'_>) -> Result<(), String> {
        let taken =
            product.named_children().into_iter().find(|(name, _)| OWN_MODULES.contains(&name.as_str()));
        if let Some((name, child)) = taken {
            return Err(format!(
                "`{}` would have the module `{name}`, which is taken: give it another name in names.rs",
                child.path
            ));
        }
        let steps = StepTypes::new(product);
        let place = format!("{version}/{name}");
        let module = format!("crate::{version}::{name}");
        self.output
            .add(&format!("{place}/chain.rs"), chain::text(version, name, product, &steps, self.names));
        let shared = shared::text(product);
        let mut own = String::from("mod chain;\n");
        if let Some(text) = shared {
            self.output.add(&format!("{place}/shared.rs"), text);
            own.push_str("pub mod shared;\n");
        }
        self.file(product, &place, &Inside { module: &module, steps: &steps }, &own);
        Ok(())
    }

    /// Writes the file of a path, and those of the paths below it.
    fn file(&mut self, tree: &Tree<'_>, place: &str, inside: &Inside<'_>, own: &str) {
        let mut text = header(&match tree.operations.first() {
            Some(operation) => operation::source(operation),
            None => format!("catalog/{}/", tree.path),
        });
        text.push_str(&format!("//! `{}`\n\n", tree.path));
        text.push_str(&self.content(tree, place, inside, own));
        self.output.add(&format!("{place}.rs"), text);
    }

    /// The content of a path's module: the modules below it, the step, and the types of its operations. A path without types
    /// stands in the file of the path above it.
    fn content(&mut self, tree: &Tree<'_>, place: &str, inside: &Inside<'_>, own: &str) -> String {
        let mut modules = own.to_owned();
        for (name, child) in tree.named_children() {
            let place = format!("{place}/{name}");
            if child.typed().next().is_some() {
                modules.push_str(&format!("pub mod {name};\n"));
                self.file(child, &place, inside, "");
            } else {
                let content = indented(&self.content(child, &place, inside, ""), 1);
                modules.push_str(&format!("/// `{}`\npub mod {name} {{\n{content}}}\n", child.path));
            }
        }
        let step = format!(
            "pub use {}::chain::{};\n",
            inside.module,
            renamed(inside.steps.get(tree), &tree.type_name())
        );
        let types = tree.typed().map(|(operation, _)| {
            operation::module(operation, &format!("{}::shared", inside.module), self.names.flat)
        });
        let parts = [modules, step].into_iter().chain(types).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("\n")
    }
}

struct Inside<'a> {
    /// The module of the product.
    module: &'a str,
    steps: &'a StepTypes,
}

fn renamed(name: &str, shown: &str) -> String {
    if name == shown { name.to_owned() } else { format!("{name} as {shown}") }
}
