//! The list of operations whose answers carry no signature.

use weipay_catalog::Operation;

use crate::output::header;

pub(crate) fn list(operations: &[Operation]) -> String {
    let mut text = header("the `unsigned` operations of catalog/");
    text.push_str("//! Operations whose answers carry no signature.\n\n");
    let rows: Vec<String> = operations
        .iter()
        .filter(|operation| operation.unsigned)
        .map(|operation| format!("    ({:?}, {:?}),\n", operation.method, operation.path))
        .collect();
    if rows.is_empty() {
        text.push_str("pub(super) const UNSIGNED: &[(&str, &str)] = &[];\n");
    } else {
        text.push_str(&format!(
            "#[rustfmt::skip]\npub(super) const UNSIGNED: &[(&str, &str)] = &[\n{}];\n",
            rows.concat()
        ));
    }
    text
}
