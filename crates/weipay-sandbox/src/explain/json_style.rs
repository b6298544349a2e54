//! The styles in which common programs write JSON: blanks, escapes, order of members.

use serde_json::Value;

/// How JSON is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    blanks: Blanks,
    /// Letters beyond ASCII as `\u4e2d`, as Python and PHP write them.
    ascii: bool,
    /// `/` as `\/`, as PHP writes it.
    slashes: bool,
    /// `<`, `>` and `&` as `\u003c`, as Go writes them.
    html: bool,
    sorted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blanks {
    None,
    /// Behind commas and colons, as Python writes.
    Behind,
    /// Lines, with so many of a letter in front for each level.
    Lines {
        end: &'static str,
        letter: u8,
        indent: usize,
    },
}

const fn lines(indent: usize) -> Blanks {
    Blanks::Lines { end: "\n", letter: b' ', indent }
}

const TABS: Blanks = Blanks::Lines { end: "\n", letter: b'\t', indent: 1 };
/// As .NET does on Windows.
const WITH_CARRIAGE_RETURNS: Blanks = Blanks::Lines { end: "\r\n", letter: b' ', indent: 2 };

const USUAL: [Blanks; 5] = [Blanks::None, Blanks::Behind, lines(2), lines(4), TABS];
const OTHERS: [Blanks; 8] =
    [lines(1), lines(3), lines(8), lines(6), lines(0), lines(5), lines(7), WITH_CARRIAGE_RETURNS];

/// The styles to try, the most usual first.
pub(crate) fn styles(all: bool) -> Vec<Style> {
    let mut styles = Vec::new();
    for of_blanks in [&USUAL[..], &OTHERS] {
        for sorted in [false, true] {
            for (ascii, slashes, html) in [
                (false, false, false),
                (true, false, false),
                (true, true, false),
                (false, true, false),
                (false, false, true),
            ] {
                let of_escapes =
                    of_blanks.iter().map(|&blanks| Style { blanks, ascii, slashes, html, sorted });
                styles.extend(of_escapes);
            }
        }
    }
    styles.truncate(if all { styles.len() } else { 4 });
    styles
}

impl Style {
    /// The same JSON in this style; `None` if it is not JSON.
    pub(crate) fn apply(self, text: &[u8]) -> Option<Vec<u8>> {
        let value: Value = serde_json::from_slice(text).ok()?;
        // The parser loses the order of members, so the text itself is walked.
        let sorted = self.sorted.then(|| sorted(&value).to_string());
        let text = sorted.as_deref().map_or(text, str::as_bytes);
        let mut out = Vec::with_capacity(text.len() * 2);
        let mut depth = 0_usize;
        let mut rest = text;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                b'"' => {
                    let end = string_end(tail)?;
                    self.string(tail.get(..end)?, &mut out)?;
                    rest = tail.get(end + 1..)?;
                }
                b'{' | b'[' => {
                    out.push(*byte);
                    let next = tail.iter().find(|byte| !byte.is_ascii_whitespace())?;
                    if matches!(next, b'}' | b']') {
                        continue;
                    }
                    depth += 1;
                    self.line(depth, &mut out);
                }
                b'}' | b']' => {
                    if !matches!(out.last(), Some(b'{' | b'[')) {
                        depth = depth.checked_sub(1)?;
                        self.line(depth, &mut out);
                    }
                    out.push(*byte);
                }
                b',' => {
                    out.push(b',');
                    match self.blanks {
                        Blanks::Behind => out.push(b' '),
                        Blanks::None | Blanks::Lines { .. } => self.line(depth, &mut out),
                    }
                }
                b':' => out.extend_from_slice(if self.blanks == Blanks::None { b":" } else { b": " }),
                other => out.push(*other),
            }
        }
        Some(out)
    }

    fn line(self, depth: usize, out: &mut Vec<u8>) {
        if let Blanks::Lines { end, letter, indent } = self.blanks {
            out.extend_from_slice(end.as_bytes());
            out.resize(out.len() + depth * indent, letter);
        }
    }

    fn string(self, raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let quoted = [b"\"", raw, b"\""].concat();
        let text: String = serde_json::from_slice(&quoted).ok()?;
        let written = serde_json::to_string(&text).ok()?;
        let mut units = [0; 2];
        for letter in written.chars() {
            let escaped = !letter.is_ascii() && self.ascii
                || self.html && matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
            if escaped {
                for unit in letter.encode_utf16(&mut units) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            } else if letter == '/' && self.slashes {
                out.extend_from_slice(b"\\/");
            } else {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Some(())
    }
}

/// Where a string ends that began before `text`.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    })
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known from the programs themselves: `json.dumps(v)`, `json_encode($v)`, `JSON.stringify(v, null, 2)`.
    #[test]
    fn the_styles_of_common_programs_are_among_them() {
        let text = "{\"b\": {\"x\":[ ] , \"y\":[1,2.50]},\"a\":\"券/\\\"<\\u0041\" }";
        let written: Vec<String> = styles(true)
            .iter()
            .filter_map(|style| style.apply(text.as_bytes()))
            .map(|text| String::from_utf8(text).unwrap())
            .collect();
        for expected in [
            r#"{"b":{"x":[],"y":[1,2.50]},"a":"券/\"<A"}"#,
            r#"{"b": {"x": [], "y": [1, 2.50]}, "a": "\u5238/\"<A"}"#,
            r#"{"b":{"x":[],"y":[1,2.50]},"a":"\u5238\/\"<A"}"#,
            r#"{"b":{"x":[],"y":[1,2.50]},"a":"券/\"\u003cA"}"#,
            "{\n  \"b\": {\n    \"x\": [],\n    \"y\": [\n      1,\n      2.50\n    ]\n  },\n  \"a\": \"券/\\\"<A\"\n}",
            "{\n \"b\": {\n  \"x\": [],\n  \"y\": [\n   1,\n   2.50\n  ]\n },\n \"a\": \"\\u5238/\\\"<A\"\n}",
            "{\n\"b\": {\n\"x\": [],\n\"y\": [\n1,\n2.50\n]\n},\n\"a\": \"券/\\\"<A\"\n}",
        ] {
            assert!(written.iter().any(|text| text == expected), "{expected}\n{written:#?}");
        }
        assert!(written.iter().any(|text| text.starts_with(r#"{"a":"券/"#)));
        assert_eq!(styles(true)[0].apply(b"{"), None);
    }
}
