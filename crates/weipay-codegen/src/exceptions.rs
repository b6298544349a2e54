//! The lists of operations that are unlike the rest.

use weipay_catalog::Operation;

use crate::operation;
use crate::output::header;

pub(crate) fn lists(operations: &[Operation]) -> String {
    // What APIv2 lacks it lacks by its own rules.
    let operations: Vec<&Operation> =
        operations.iter().filter(|operation| !operation::is_xml(operation)).collect();
    let mut text = header("the `unsigned` and `base` lines of catalog/");
    text.push_str("//! Operations whose answers carry no signature, and operations of other hosts.\n\n");
    let unsigned = operations.iter().filter(|operation| operation.unsigned);
    let rows = unsigned.map(|operation| format!("    ({:?}, {:?}),\n", operation.method, operation.path));
    text.push_str("#[rustfmt::skip]\npub(super) const UNSIGNED: &[(&str, &str)] = &[\n");
    text.extend(rows);
    text.push_str("];\n\n#[rustfmt::skip]\npub(super) const ELSEWHERE: &[(&str, &str, &str)] = &[\n");
    text.extend(operations.iter().filter_map(|operation| {
        let base_url = operation.base_url?;
        Some(format!("    ({:?}, {:?}, {base_url:?}),\n", operation.method, operation.path))
    }));
    text.push_str("];\n");
    text
}
