//! Holding a request against its table before it is sent.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex_lite::Regex;

use super::Model;
use super::field::Field;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where it stands, as `coupon_use_rule.coupon_available_time.available_end_time`.
    pub path: String,
    /// The rule, as the end of a sentence about the field.
    pub rule: String,
}

impl Violation {
    pub(crate) fn new(path: &str, rule: &str) -> Violation {
        Violation { path: path.to_owned(), rule: rule.to_owned() }
    }
}

/// The first rule that a request breaks, if any.
pub(crate) fn check<M: Model>(model: &M) -> Result<(), Violation> {
    members(model, "")
}

pub(crate) fn members<M: Model>(model: &M, path: &str) -> Result<(), Violation> {
    for (field, slot) in M::FIELDS.iter().zip(model.slots()) {
        let dot = if path.is_empty() { "" } else { "." };
        slot.check(field, &format!("{path}{dot}{}", field.name))?;
    }
    Ok(())
}

pub(super) fn length(text: &str, field: &Field, path: &str) -> Result<(), Violation> {
    let Some((min, max)) = field.length else { return Ok(()) };
    let characters = text.chars().count();
    if (min..=max).contains(&characters) {
        return Ok(());
    }
    Err(Violation::new(path, &outside(&format!("has {characters}"), min, max, " characters")))
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
    const LOWEST: usize = 0;
    const HIGHEST: usize = usize::MAX;
}

impl Extreme for i64 {
    const LOWEST: i64 = i64::MIN;
    const HIGHEST: i64 = i64::MAX;
}

pub(super) fn matches_pattern(text: &str, field: &Field, path: &str) -> Result<(), Violation> {
    let Some(pattern) = field.pattern else { return Ok(()) };
    // A pattern that does not compile is the linter's to find; it must not stop a payment.
    let fits = compiled(pattern).is_none_or(|regex| regex.is_match(text));
    if fits { Ok(()) } else { Err(Violation::new(path, &format!("does not match {pattern}"))) }
}

/// Patterns are few and static: each is compiled once.
fn compiled(pattern: &'static str) -> Option<Regex> {
    static COMPILED: LazyLock<Mutex<HashMap<&'static str, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).ok()).clone()
}
