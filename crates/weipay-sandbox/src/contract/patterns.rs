//! The catalogue's regular expressions, compiled when first needed and kept.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use regex_lite::Regex;

/// Compiled patterns. They come from the catalogue only, so their number is bounded.
#[derive(Debug, Default)]
pub(super) struct Patterns(RwLock<HashMap<&'static str, Option<Regex>>>);

impl Patterns {
    /// Whether the whole text matches. A pattern that the engine cannot compile refuses nothing.
    pub(super) fn matches(&self, pattern: &'static str, text: &str) -> bool {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
            return fits(known, text);
        }
        let mut patterns = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fits(patterns.entry(pattern).or_insert_with(|| compile(pattern)), text)
    }
}

fn fits(regex: &Option<Regex>, text: &str) -> bool {
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Anchored, because the whole value must match whether or not the pattern says so.
fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

#[cfg(test)]
mod tests {
    use weipay_catalog::{Catalog, Field};

    use super::*;

    #[test]
    fn the_whole_text_must_match() {
        let patterns = Patterns::default();
        for _ in 0..2 {
            assert!(patterns.matches("[0-9]+", "123"));
            assert!(!patterns.matches("[0-9]+", "123a"));
            assert!(!patterns.matches("^[0-9]+$", "123\n"));
        }
    }

    #[test]
    fn every_pattern_of_the_catalogue_compiles() {
        fn look(fields: &[Field]) {
            for field in fields {
                if let Some(pattern) = field.pattern {
                    assert!(compile(pattern).is_some(), "{}: {pattern}", field.name);
                }
                look(&field.fields);
            }
        }
        for operation in Catalog::embedded().operations() {
            let request = &operation.request;
            for fields in [&request.path, &request.query, &request.json] {
                look(fields);
            }
        }
    }
}
