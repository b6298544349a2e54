//! Lays out JSON for a person. Texts and numbers are written exactly as they came: a number that is parsed and printed again
//! may differ.

use std::io::{self, Write};

use serde::de::IgnoredAny;

/// Normal JSON is nested a few levels deep. Deeper nesting than this would print mostly blanks.
const MAX_DEPTH: usize = 64;

/// The text, if it is JSON that can be laid out.
pub(super) fn readable(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    (depth(text) <= MAX_DEPTH).then_some(text)
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in Tokens(json) {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Writes what is [`readable`], with a line feed at its end.
pub(super) fn write(json: &str, out: &mut impl Write) -> io::Result<()> {
    let (mut depth, mut has_begun) = (0_usize, false);
    for token in Tokens(json) {
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty array or object stays on its line.
        if has_begun != closes {
            write!(out, "\n{:1$}", "", 2 * depth)?;
        }
        has_begun = matches!(token, "{" | "[" | ",");
        match token {
            ":" => out.write_all(b": ")?,
            text if text.starts_with('"') => write_text(text, out)?,
            token => out.write_all(token.as_bytes())?,
        }
        if matches!(token, "{" | "[") {
            depth += 1;
        }
    }
    out.write_all(b"\n")
}

/// JSON allows some control characters in a text, but a terminal may act on them.
fn write_text(text: &str, out: &mut impl Write) -> io::Result<()> {
    if !text.contains(char::is_control) {
        return out.write_all(text.as_bytes());
    }
    text.chars().try_for_each(|character| {
        if character.is_control() {
            write!(out, "\\u{:04x}", u32::from(character))
        } else {
            write!(out, "{character}")
        }
    })
}

/// The tokens of JSON: brackets, commas, colons, texts with their quotes, and other values.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([' ', '\t', '\r', '\n']);
        let mut characters = rest.char_indices();
        let (_, first) = characters.next()?;
        let end = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => Some(1),
            '"' => {
                let mut escaped = false;
                let closing = characters.find(|(_, character)| {
                    let closes = *character == '"' && !escaped;
                    escaped = *character == '\\' && !escaped;
                    closes
                });
                closing.map(|(at, _)| at + 1)
            }
            _ => rest.find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\r', '\n']),
        };
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        self.0 = after;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(json: &str) -> String {
        let mut out = Vec::new();
        write(readable(json.as_bytes()).unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_looks_as_usual() {
        for json in [
            r#"{"a":[1,2,{"b":{}}],"c":[],"d":"x, {y}: [\"z\\\\\"]","e":null,"f":true}"#,
            "[[[]],{}]",
            "7",
            "\"券\"",
            "null",
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(laid_out(json), format!("{value:#}\n"));
            assert_eq!(laid_out(&format!("{value:#}")), format!("{value:#}\n"));
        }
    }

    #[test]
    fn values_are_written_as_they_came() {
        let json = r#"{"big":12345678901234567890123456789,"same":1.50,"same":1e400,"slash":"\/\u4e2d"}"#;
        let lines = laid_out(json).replace("\n  ", "").replace('\n', "").replace(": ", ":");
        assert_eq!(lines, json);
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(laid_out("\"a\u{7f}\u{9b}2J\""), "\"a\\u007f\\u009b2J\"\n");
    }

    #[test]
    fn what_is_not_json_or_too_deep_is_left_alone() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        for body in [&b"not json"[..], b"", b"{\"a\":\"\xff\"}", b"\x1f\x8b", b"{}{}", deep.as_bytes()] {
            assert!(readable(body).is_none());
        }
    }
}
