//! How models print: what is set, in the order of the table. What travels encrypted is personal, and stays out of logs.

use std::fmt;

use super::Model;

pub(crate) fn debug<M: Model>(model: &M, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = out.debug_struct(M::NAME);
    for (field, slot) in M::FIELDS.iter().zip(model.slots()) {
        if !slot.is_set() {
            continue;
        }
        if field.encrypted {
            shown.field(field.name, &format_args!("(encrypted)"));
        } else {
            shown.field(field.name, &slot);
        }
    }
    shown.finish()
}
