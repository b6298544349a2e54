//! Regular expressions of the catalogue: the whole value matches, whether or not the expression says so.
//!
//! The engine takes time in proportion to the text, whatever the text is, and knows no back references.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex_lite::Regex;

/// What a notify URL (通知地址) matches, as the platform's own refusals print it: http or https, and no query.
pub const NOTIFY_URL: &str = r"^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$";

/// A pattern that was read.
enum Matcher {
    /// One set of ASCII characters, repeated: most patterns of the catalogue, which every call with a number goes through.
    Set { allowed: u128, least: usize, most: usize },
    /// Any other.
    Regex(Regex),
}

impl Matcher {
    fn new(pattern: &str) -> Option<Self> {
        set(pattern).or_else(|| Regex::new(&format!("^(?:{pattern})$")).ok().map(Self::Regex))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Set { allowed, least, most } => {
                let is_allowed = |byte: u8| byte.is_ascii() && allowed >> byte & 1 == 1;
                (*least..=*most).contains(&text.len()) && text.bytes().all(is_allowed)
            }
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Reads a pattern such as `^[0-9A-Za-z_\-|*]+$`; nothing if it is of another form.
fn set(pattern: &str) -> Option<Matcher> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let mut rest = pattern.strip_prefix('[')?;
    let mut allowed = 0_u128;
    loop {
        let first;
        (first, rest) = match member(rest)? {
            (None, rest) => break repeated(rest).map(|(least, most)| Matcher::Set { allowed, least, most }),
            (Some(first), rest) => (first, rest),
        };
        let mut last = first;
        if let Some(after) = rest.strip_prefix('-') {
            (last, rest) = match member(after)? {
                (None, _) => return None,
                (Some(last), rest) => (last, rest),
            };
        }
        (first..=last).for_each(|byte| allowed |= 1 << byte);
    }
}

/// One member of a set, or its end. Signs that may mean something in a set are left to the engine unless they are escaped.
fn member(text: &str) -> Option<(Option<u8>, &str)> {
    let mut bytes = text.bytes();
    let (byte, length) = match bytes.next()? {
        b']' => return Some((None, text.get(1..)?)),
        b'\\' => (bytes.next().filter(u8::is_ascii_punctuation)?, 2),
        byte if byte.is_ascii_alphanumeric() || b"_|*@.".contains(&byte) => (byte, 1),
        _ => return None,
    };
    Some((Some(byte), text.get(length..)?))
}

/// How often, from what follows a set.
fn repeated(text: &str) -> Option<(usize, usize)> {
    match text {
        "" => Some((1, 1)),
        "+" => Some((1, usize::MAX)),
        "*" => Some((0, usize::MAX)),
        _ => {
            let inner = text.strip_prefix('{')?.strip_suffix('}')?;
            let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
            let most = if most.is_empty() { usize::MAX } else { most.parse().ok()? };
            Some((least.parse().ok()?, most))
        }
    }
}

/// Whether the whole text matches. A pattern that does not compile is the linter's to find: it refuses nothing here, since it
/// must not stop a payment.
pub(crate) fn matches(pattern: &'static str, text: &str) -> bool {
    compiled(pattern).is_none_or(|matcher| matcher.matches(text))
}

/// Whether the engine reads the pattern.
#[must_use]
pub fn compiles(pattern: &'static str) -> bool {
    compiled(pattern).is_some()
}

/// Patterns are few and come from the catalogue: each is compiled once, and kept for good.
fn compiled(pattern: &'static str) -> Option<&'static Matcher> {
    type Compiled = HashMap<&'static str, Option<&'static Matcher>>;
    static COMPILED: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern).copied();
    known.unwrap_or_else(|| {
        let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
        let compile = || Matcher::new(pattern).map(|matcher| &*Box::leak(Box::new(matcher)));
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

    /// The engine decides what is right.
    #[test]
    fn a_set_matches_what_the_engine_matches() {
        let sets = [
            r"^[0-9A-Za-z_\-|*]+$",
            r"^[0-9a-zA-Z_\-\|\*]+$",
            r"^[0-9a-zA-Z_\-\|\*]{1,}$",
            r"^[0-9A-Za-z_\-|*@]+$",
            r"^[0-9]{6}$",
            r"^[0-9]{2,4}$",
            "[A-Z]*",
            "[a-z]",
            r"[\]\\.]+",
            "^[0-9a-]+$",
            "^[^0-9]+$",
            "^[0-9]+[a-z]+$",
            r"^[\d]+$",
            "^[0-9]+|[a-z]$",
            "^([0-9]{8}|[0-9]{14})$",
        ];
        let is_set = |pattern: &&&str| set(pattern).is_some();
        assert_eq!(sets.iter().filter(is_set).count(), 9);
        let every = (0..=u8::MAX).map(|code| char::from(code).to_string());
        let longer = [
            "",
            "12",
            "123456",
            "1234567",
            "a-b|c*d_e@",
            "AZ",
            "az",
            "1\n",
            "\n",
            "１２",
            "1 2",
            "]\\.",
            "12345678",
        ];
        let texts: Vec<String> = every.chain(longer.map(str::to_owned)).collect();
        for pattern in sets {
            let engine = Regex::new(&format!("^(?:{pattern})$")).unwrap();
            let matcher = Matcher::new(pattern).unwrap();
            for text in &texts {
                assert_eq!(matcher.matches(text), engine.is_match(text), "{pattern} {text:?}");
            }
        }
    }
}
