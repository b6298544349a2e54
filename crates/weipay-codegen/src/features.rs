//! The features of the SDK: one for each product, which is the first segment below the version whichever that is, one for
//! all notifications, and `full`.

use std::collections::{BTreeMap, BTreeSet};

use indoc::formatdoc;
use weipay_catalog::Operation;

/// The line of the manifest that stands before the generated features.
pub(crate) const BEGIN: &str = "# Products, written by weipay-codegen.\n";
const END: &str = "# End of products.\n";

/// The manifest with its products up to date, or nothing where it has no place for them.
pub(crate) fn manifest(manifest: &str, operations: &[Operation]) -> Option<String> {
    let (before, rest) = manifest.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}{END}{after}", products(operations)))
}

fn products(operations: &[Operation]) -> String {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for operation in operations {
        let Some(product) = operation.path.split('/').nth(1) else { continue };
        groups.entry(product).or_default().extend(Some(operation.group).filter(|group| !group.is_empty()));
        *counts.entry(product).or_default() += 1;
    }
    let full: String = counts.keys().map(|product| format!("    {product:?},\n")).collect();
    let product = |(product, count): (&&str, &usize)| {
        let many = if *count == 1 { "operation" } else { "operations" };
        let named: Vec<&str> = groups[product].iter().copied().collect();
        let named = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
        formatdoc! {"
            ## {count} {many}{named}.
            {product} = []
        "}
    };
    let products: String = counts.iter().map(product).collect();
    formatdoc! {"
        ## Typed operations of all products, and typed notifications.
        full = [
            \"notifications\",
        {full}]
        ## Typed notifications (回调通知).
        notifications = []
        {products}"}
}
