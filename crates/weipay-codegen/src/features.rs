//! The features of the SDK: one for each product, which is the first segment below the version whichever that is, one for
//! all notifications, and `full`.

use std::collections::{BTreeMap, BTreeSet};

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
    let mut text = String::from("## Typed operations of every product, and typed notifications.\nfull = [\n");
    text.push_str("    \"notifications\",\n");
    for product in counts.keys() {
        text.push_str(&format!("    {product:?},\n"));
    }
    text.push_str("]\n## Typed notifications (回调通知).\nnotifications = []\n");
    for (product, count) in counts {
        let many = if count == 1 { "operation" } else { "operations" };
        let named: Vec<&str> = groups[product].iter().copied().collect();
        let named = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
        text.push_str(&format!("## {count} {many}{named}.\n{product} = []\n"));
    }
    text
}
