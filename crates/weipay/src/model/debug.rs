//! How models print: what is set, in the order of the table. Sensitive values keep their text out themselves.

use std::fmt;

use super::Model;

pub(crate) fn debug(model: &dyn Model, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let table = model.table();
    let mut shown = out.debug_struct(table.name);
    model.read(&mut |slots| {
        for (field, slot) in table.fields.iter().zip(slots).filter(|(_, slot)| slot.is_set()) {
            shown.field(field.name, slot);
        }
    });
    shown.finish()
}
