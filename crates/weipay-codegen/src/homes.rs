//! Where a type is written. Operations of one product often carry the same object, such as an amount or a store: the first
//! of them has it in its file, and the others take it from there, so that it is one type to the compiler and to the
//! caller. Products do not share, because each can be compiled alone.
//!
//! The same means the same text, labels and the names of inner types included: the documentation of a type is that of the
//! operation that it is reached by, and a name means one type in all files that have it from one home.

use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Homes {
    /// The module of each type that was written, by product and by everything that the type says.
    modules: HashMap<(String, String), String>,
}

impl Homes {
    /// The other module that has this very type already; without one, it is to be written in `module`.
    pub(crate) fn elsewhere(&mut self, content: String, module: &str) -> Option<&str> {
        let product = module.split("::").take(3).collect();
        let home = self.modules.entry((product, content)).or_insert_with(|| module.to_owned());
        (home != module).then_some(home)
    }
}
