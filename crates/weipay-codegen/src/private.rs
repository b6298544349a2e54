//! The names of the fields that logs must not show.

use std::collections::BTreeSet;

use indoc::formatdoc;
use weipay_catalog::{Field, Notification, Operation, Place};

use crate::output::header;

/// The file of all names. What travels encrypted has a type of its own, which hides it.
pub(crate) fn names(operations: &[Operation], notifications: &[Notification]) -> String {
    let mut names = BTreeSet::new();
    for operation in operations {
        Place::ALL.iter().for_each(|place| collect(operation.request.fields(*place), &mut names));
        collect(&operation.response, &mut names);
    }
    for notification in notifications {
        collect(&notification.body, &mut names);
        collect(&notification.resource, &mut names);
        collect(&notification.response, &mut names);
    }
    let rows: String = names.iter().map(|name| format!("    {name:?},\n")).collect();
    let count = names.len();
    formatdoc! {"
        {header}//! The names of the fields that are private somewhere in the API.

        #[rustfmt::skip]
        pub(super) static PRIVATE_NAMES: [&str; {count}] = [
        {rows}];
        ",
        header = header("catalog/"),
    }
}

fn collect<'a>(fields: &'a [Field], names: &mut BTreeSet<&'a str>) {
    for field in fields {
        if field.is_private() && !field.is_encrypted() {
            names.insert(field.name);
        }
        collect(&field.fields, names);
    }
}
