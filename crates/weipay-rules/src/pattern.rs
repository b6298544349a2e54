//! Regular expressions of the catalogue: the whole value matches, whether or not the expression says so.
//!
//! The engine takes time in proportion to the text, whatever the text is, and knows no back references.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex_lite::Regex;

/// What a notify URL (通知地址) matches, as the platform's own refusals print it: http or https, and no query.
pub const NOTIFY_URL: &str = r"^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$";

/// Whether the whole text matches. A pattern that does not compile is the linter's to find: it refuses nothing here, since it
/// must not stop a payment.
pub(crate) fn matches(pattern: &'static str, text: &str) -> bool {
    compiled(pattern).is_none_or(|regex| regex.is_match(text))
}

/// Whether the engine reads the pattern.
#[must_use]
pub fn compiles(pattern: &'static str) -> bool {
    compiled(pattern).is_some()
}

/// Patterns are few and come from the catalogue: each is compiled once, and kept for good.
fn compiled(pattern: &'static str) -> Option<&'static Regex> {
    type Compiled = HashMap<&'static str, Option<&'static Regex>>;
    static COMPILED: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern).copied();
    known.unwrap_or_else(|| {
        let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
        let compile =
            || Regex::new(&format!("^(?:{pattern})$")).ok().map(|regex| &*Box::leak(Box::new(regex)));
        *compiled.entry(pattern).or_insert_with(compile)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_must_match() {
        // Twice, because the second time the pattern is known.
        for _ in 0..2 {
            for pattern in ["[0-9]+", "^[0-9]+$", "^[0-9]+", "[0-9]+$"] {
                assert!(matches(pattern, "123"), "{pattern}");
                for text in ["", "123a", "a123", "123\n", "\n123", "1 2", "１２"] {
                    assert!(!matches(pattern, text), "{pattern} {text:?}");
                }
            }
        }
        // Each branch is anchored, not the first and the last only.
        for text in ["A1", "1B", "AB"] {
            assert!(!matches("A|B", text), "{text}");
        }
        assert!(matches("A|B", "A") && matches("A|B", "B"));
    }

    #[test]
    fn a_pattern_that_does_not_compile_refuses_nothing() {
        assert!(!compiles("[a-"));
        assert!(matches("[a-", "anything"));
    }

    #[test]
    fn a_pattern_that_other_engines_choke_on_is_done_at_once() {
        assert!(!matches("(a|a)*(a|aa)*b", &"a".repeat(5_000)));
    }
}
