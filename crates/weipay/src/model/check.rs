//! Holding a request against its table before it is sent.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter, Write};
use std::sync::{LazyLock, PoisonError, RwLock};

use regex_lite::Regex;

use super::codec::Model;
use super::field::{Field, NOTIFY_URL};

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

/// The first rule that a request breaks, if any.
pub(crate) fn check(model: &dyn Model) -> Result<(), Violation> {
    if let Some(unfit) = model.unfit().first(model.table().fields) {
        return Err(unfit);
    }
    let mut found = Ok(());
    model.read(&mut |slots| {
        found = model
            .table()
            .fields
            .iter()
            .zip(slots)
            .try_for_each(|(field, slot)| slot.check(field).map_err(|rule| rule.within(field.name)));
    });
    found
}

/// The rules of a text.
pub(super) fn text(text: &str, field: &Field) -> Result<(), Violation> {
    length(text, field)?;
    matches_pattern(text, field)
}

fn length(text: &str, field: &Field) -> Result<(), Violation> {
    if let Some((min, max)) = field.bytes {
        within(text.len(), min, max, " bytes")?;
    }
    match field.length {
        Some((min, max)) => within(text.chars().count(), min, max, " characters"),
        None => Ok(()),
    }
}

fn within(length: usize, min: usize, max: usize, unit: &str) -> Result<(), Violation> {
    if (min..=max).contains(&length) {
        return Ok(());
    }
    Err(Violation::new(outside(&format!("has {length}"), min, max, unit)))
}

/// "has 33 characters: at most 32", "is 0: at least 1".
pub(super) fn outside<N: Display + PartialEq + Extreme>(found: &str, min: N, max: N, unit: &str) -> String {
    match (min == N::LOWEST, max == N::HIGHEST) {
        (_, true) => format!("{found}{unit}: at least {min}"),
        (true, false) => format!("{found}{unit}: at most {max}"),
        (false, false) => format!("{found}{unit}: {min} to {max}"),
    }
}

/// The ends that stand for "no limit" in a table.
pub(super) trait Extreme {
    const LOWEST: Self;
    const HIGHEST: Self;
}

impl Extreme for usize {
    const LOWEST: Self = 0;
    const HIGHEST: Self = Self::MAX;
}

impl Extreme for i64 {
    const LOWEST: Self = Self::MIN;
    const HIGHEST: Self = Self::MAX;
}

fn matches_pattern(text: &str, field: &Field) -> Result<(), Violation> {
    let Some(pattern) = field.pattern else { return Ok(()) };
    // A pattern that does not compile is the linter's to find; it must not stop a payment.
    let fits = compiled(pattern).is_none_or(|regex| regex.is_match(text));
    match pattern {
        _ if fits => Ok(()),
        NOTIFY_URL => Err(Violation::new(
            "is not a URL that the platform calls: it needs http:// or https://, and has no query (?), fragment (#) or blank",
        )),
        pattern => Err(Violation::new(format!("does not match {pattern}"))),
    }
}

/// Patterns are few and static: each is compiled once, and kept for good.
fn compiled(pattern: &'static str) -> Option<&'static Regex> {
    type Compiled = HashMap<&'static str, Option<&'static Regex>>;
    static COMPILED: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern).copied();
    known.unwrap_or_else(|| {
        let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
        let compile = || Regex::new(pattern).ok().map(|regex| &*Box::leak(Box::new(regex)));
        *compiled.entry(pattern).or_insert_with(compile)
    })
}
