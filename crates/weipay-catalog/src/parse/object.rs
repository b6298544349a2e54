//! The text of an object that several files share.

use super::outline::{self, push_field};
use super::{Heading, ParseError, error, expect_heading};
use crate::field::Field;
use crate::shared::Resolver;

/// Reads the members of one shared object.
pub(crate) fn object(text: &'static str, objects: Resolver<'_>) -> Result<Vec<Field>, ParseError> {
    let Heading::Object(_) = expect_heading(text)? else {
        return Err(error(1, "not a shared object: its heading is OBJECT and a name".to_owned()));
    };
    let mut members = Vec::new();
    for line in outline::lines(text) {
        let line = line?;
        push_field(&mut members, line.level - 1, &line, objects)?;
    }
    if members.is_empty() {
        return Err(error(1, "a shared object needs members".to_owned()));
    }
    Ok(members)
}
