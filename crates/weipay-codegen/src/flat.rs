//! One flat name for the types of each operation, by product: the names that the OpenAPI document has for them, so that
//! whoever knows one finds the other. APIv2 is not in that document; its names have `V2` before their ending, whether or
//! not APIv3 has the same path.

use std::collections::BTreeMap;

use indoc::formatdoc;
use weipay_catalog::names::identifier::Identifiers;
use weipay_catalog::{ApiVersion, Operation, names};

use crate::documentation::{aliases, lines, operation as documentation};
use crate::operation::Verb;
use crate::output::{Output, header};
use crate::tree::Tree;

pub(crate) struct FlatNames {
    v2: Identifiers,
    v3: Identifiers,
}

impl FlatNames {
    pub(crate) fn new(operations: &[Operation]) -> Self {
        let identifiers = |version| {
            let all = operations.iter().filter(|operation| operation.version() == version);
            Identifiers::new(&all.collect::<Vec<_>>())
        };
        Self { v2: identifiers(ApiVersion::V2), v3: identifiers(ApiVersion::V3) }
    }

    /// The name of the request or the response, which `ending` is.
    fn get(&self, operation: &Operation, ending: &str) -> String {
        match operation.version() {
            ApiVersion::V2 => format!("{}V2{ending}", self.v2.identifier(operation)),
            ApiVersion::V3 => format!("{}{ending}", self.v3.identifier(operation)),
        }
    }

    /// The name with the modules before it.
    pub(crate) fn path(&self, operation: &Operation, ending: &str) -> Option<String> {
        let product = operation.path.split('/').nth(1)?;
        Some(format!("weipay::{}::{}", names::snake(product), self.get(operation, ending)))
    }
}

/// Writes a file for each product, and the one that lists them.
pub(crate) fn write(trees: &[Tree<'_>], names: &FlatNames, output: &mut Output) -> Result<(), String> {
    let mut products: BTreeMap<String, (&str, String)> = BTreeMap::new();
    for version in trees {
        for (module, product) in version.named_children() {
            let own = names::snake(product.segment);
            let (feature, text) = products.entry(own.clone()).or_insert((product.segment, String::new()));
            if *feature != product.segment || module != own {
                return Err(format!("the products `{feature}` and `{}` have one name", product.segment));
            }
            let path = format!("crate::{}::{module}", version.path);
            text.push_str(&aliases_below(product, &path, names));
        }
    }
    let mut list = String::new();
    for (module, (feature, text)) in &products {
        list.push_str(&format!("#[cfg(feature = {feature:?})]\npub mod {module};\n"));
        let file = formatdoc! {"
            {header}//! The types of `{feature}`, each under the name that the OpenAPI document has for it.

            {text}",
            header = header("catalog/"),
        };
        output.add(&format!("products/{module}.rs"), file);
    }
    let file = formatdoc! {"
        {header}//! The types of each product under one flat name each, for imports: `weipay::refund::...`.

        {list}",
        header = header("catalog/"),
    };
    output.add("products.rs", file);
    Ok(())
}

/// The names of the operations of a path, whose module this is, and of all paths below it.
fn aliases_below(tree: &Tree<'_>, module: &str, names: &FlatNames) -> String {
    let mut text = String::new();
    for (operation, Verb { module: verb, has_request, has_response }) in tree.typed() {
        let roots = [("Request", "the request", has_request), ("Response", "the response", has_response)];
        for (name, what, _) in roots.into_iter().filter(|(_, _, has)| *has) {
            text.push_str(&formatdoc! {"
                {doc}{aliases}pub type {flat} = {module}::{verb}::{name};

                ",
                doc = lines(&documentation::root(operation, what, None), "///"),
                aliases = aliases([operation.title]),
                flat = names.get(operation, name),
            });
        }
    }
    for (name, child) in tree.named_children() {
        text.push_str(&aliases_below(child, &format!("{module}::{name}"), names));
    }
    text
}
