//! The row of a placeholder: what the operations below it say of its value, as one field.

use weipay_catalog::Field;
use weipay_catalog::operation::placeholder;

use crate::tree::Tree;

/// The field of a placeholder; nothing for a literal segment. The value is given before the operation is named, so
/// where the operations below differ, the loosest of their limits counts: a value that one of them takes must pass.
pub(crate) fn loosest(tree: &Tree<'_>) -> Option<Field> {
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
