//! Checks a request against its table before it is sent.

use std::fmt::{self, Display, Formatter, Write};

use weipay_rules::BrokenRule;

use super::codec::Model;
use super::field::Field;
use super::into_field::unfit_values;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where it stands, as `coupon_use_rule.coupon_available_time.available_end_time`.
    pub path: String,
    /// The rule, as the end of a sentence about the field.
    pub rule: String,
}

impl Display for Violation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}", self.path, self.rule)
    }
}

impl Violation {
    pub(crate) fn new(rule: impl Into<String>) -> Self {
        Self { path: String::new(), rule: rule.into() }
    }

    /// The same violation, seen from one object further out.
    pub(crate) fn within(mut self, field: &str) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, field);
        self
    }

    /// The same violation, seen from the array around it.
    pub(crate) fn at(self, index: usize) -> Self {
        let mut step = String::new();
        let _ = write!(step, "[{index}]");
        self.within(&step)
    }
}

impl From<BrokenRule> for Violation {
    fn from(rule: BrokenRule) -> Self {
        Self::new(rule.to_string())
    }
}

/// The first rule that a request breaks, if any.
pub(crate) fn check(model: &dyn Model) -> Result<(), Violation> {
    if let Some(unfit) = unfit_values(model).into_iter().next() {
        return Err(unfit);
    }
    let mut found = Ok(());
    model.read(&mut |table, slots| {
        found = table
            .fields
            .iter()
            .zip(slots)
            .try_for_each(|(field, slot)| slot.check(field).map_err(|rule| rule.within(field.name)));
    });
    found
}

/// The rules of a text.
pub(crate) fn text(text: &str, field: &Field) -> Result<(), Violation> {
    Ok(field.rules.check_text(text)?)
}
