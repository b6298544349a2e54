//! One member of a JSON object, found without reading the others: nothing is allocated, and what follows the
//! member is not looked at.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use super::without_mark;

/// The member of a JSON object that has this name, if it is a text or a number without sign and fraction. Of several with the
/// name it is the first.
///
/// Text that is not valid JSON has no members, or only some of those before the damage. The full parse of the body reports
/// that.
pub(crate) fn member<'a>(json: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    value(json, name).and_then(plain)
}

/// Whether there may be a member of this name. To say no costs much less than to look at all members: a name without an escape is
/// written as it is.
pub(crate) fn may_have(json: &[u8], name: &str) -> bool {
    memmem::find(json, name.as_bytes()).is_some() || memchr(b'\\', json).is_some()
}

/// The member of a JSON object that has this name, if it is an object, as it is written. Of several it is the first.
pub(crate) fn object_member<'a>(json: &'a [u8], name: &str) -> Option<&'a [u8]> {
    value(json, name).filter(|value| is_object(value))
}

/// Whether a JSON object has a member of this name, whatever its value is.
pub(crate) fn has_member(json: &[u8], name: &str) -> bool {
    value(json, name).is_some()
}

/// Whether a JSON object has a member with such a name. They are asked in their order, until one is; a name that no
/// reader can read is empty.
pub(crate) fn any_member(json: &[u8], mut is_such: impl FnMut(&str) -> bool) -> bool {
    find(json, |name| is_such(name.read().as_deref().unwrap_or_default())).is_some()
}

/// Whether this begins like a JSON object.
pub(crate) fn is_object(json: &[u8]) -> bool {
    after(without_mark(json), b'{').is_some()
}

/// The name of a member that an object of this JSON has twice, at any depth. Parsers disagree whether the first or the
/// last value counts, so neither can be trusted. JSON text inside a string is not examined.
pub(crate) fn repeated_member(json: &[u8]) -> Option<String> {
    // The names of all objects that are open, and where in them each object begins.
    let (mut names, mut begins): (Vec<Cow<'_, [u8]>>, _) = (Vec::with_capacity(32), Vec::new());
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}')) {
        match rest[at] {
            b'"' => {
                let (found, after) = text(&rest[at..])?;
                // A text with a colon behind it is a name.
                if after.trim_ascii_start().starts_with(b":") && !begins.is_empty() {
                    names.push(found.read_bytes());
                }
                rest = after;
                continue;
            }
            b'{' => begins.push(names.len()),
            _ => {
                let begin = begins.pop()?;
                let of_object = &mut names[begin..];
                // By length first: names of one length are few.
                of_object
                    .sort_unstable_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
                if let Some(twice) = of_object.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Some(String::from_utf8_lossy(&twice[0]).into_owned());
                }
                names.truncate(begin);
            }
        }
        rest = &rest[at + 1..];
    }
    None
}

/// The value of the first member of this name, as it is written.
fn value<'a>(json: &'a [u8], name: &str) -> Option<&'a [u8]> {
    find(json, |found| found.is(name))
}

/// The value of the first member whose name, as it is written, is wanted.
fn find(json: &[u8], mut is_wanted: impl FnMut(Text<'_>) -> bool) -> Option<&[u8]> {
    let mut rest = after(without_mark(json), b'{')?;
    loop {
        let (name, value) = text(rest)?;
        let (value, next) = value_and_rest(after(value, b':')?)?;
        if is_wanted(name) {
            return Some(value);
        }
        rest = after(next, b',')?;
    }
}

/// The rest after this sign; `None` if another one comes first.
fn after(json: &[u8], sign: u8) -> Option<&[u8]> {
    json.trim_ascii_start().strip_prefix(&[sign])
}

/// A text, and what follows it.
fn text(json: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let json = after(json, b'"')?;
    let (mut at, mut is_escaped) = (0, false);
    loop {
        at += memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some((Text { written: &json[..at], is_escaped }, &json[at + 1..]));
        }
        (at, is_escaped) = (at + 2, true);
    }
}

/// A text without its quotation marks.
#[derive(Clone, Copy)]
struct Text<'a> {
    written: &'a [u8],
    /// Whether it reads as something else than what is written.
    is_escaped: bool,
}

impl<'a> Text<'a> {
    fn is(self, text: &str) -> bool {
        match self.is_escaped {
            true => self.read().is_some_and(|read| read == text),
            false => self.written == text.as_bytes(),
        }
    }

    /// The text as it reads; `None` if it cannot be read.
    fn read(self) -> Option<Cow<'a, str>> {
        match self.is_escaped {
            true => serde_json::from_slice(&[b"\"", self.written, b"\""].concat()).ok().map(Cow::Owned),
            false => str::from_utf8(self.written).ok().map(Cow::Borrowed),
        }
    }

    /// The same; what cannot be read is as it is written.
    fn read_bytes(self) -> Cow<'a, [u8]> {
        let read = if self.is_escaped { self.read() } else { None };
        read.map_or(Cow::Borrowed(self.written), |text| Cow::Owned(text.into_owned().into_bytes()))
    }
}

/// A value as it is written, and what follows it.
fn value_and_rest(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let json = json.trim_ascii_start();
    let (mut rest, mut depth) = (json, 0_usize);
    loop {
        match rest.split_first()? {
            (b'"', _) => rest = text(rest)?.1,
            (byte, after) => {
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                rest = after;
            }
        }
        if depth == 0 && matches!(rest.first()?, b',' | b'}') {
            return Some(json.split_at(json.len() - rest.len()));
        }
    }
}

fn plain(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = value.trim_ascii_end();
    if value.starts_with(b"\"") {
        return text(value).filter(|(_, after)| after.is_empty())?.0.read();
    }
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    str::from_utf8(value).ok().filter(|_| is_number).map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn a_text_or_a_number_is_found_wherever_it_stands() {
        for (json, found) in [
            (r#"{"a":"1"}"#, Some("1")),
            ("\n{ \"b\" : [ 1 , {\"a\":2} ] ,\t\"a\" : \"1\" }", Some("1")),
            (r#"{"b":{"a":"2"},"c":"]}\",\\","d":null,"e":-1.5,"a":17}"#, Some("17")),
            (r#"{"\u0061":"\u4f60\n"}"#, Some("你\n")),
            (r#"{"a":""}"#, Some("")),
            (r#"{"a":"1","a":"2"}"#, Some("1")),
            (r#"{"a":"1","b":nonsense"#, Some("1")),
        ] {
            assert_eq!(member(json.as_bytes(), "a").as_deref(), found, "{json}");
        }
    }

    #[test]
    fn a_member_that_is_there_may_be_there() {
        for json in [r#"{"a":1}"#, r#"{"\u0061":1}"#, r#"{"b":"\n"}"#, r#"{"ba":1}"#] {
            assert!(may_have(json.as_bytes(), "a"), "{json}");
        }
        assert!(!may_have(br#"{"b":1}"#, "a"));
    }

    #[test]
    fn a_member_is_there_whatever_its_value_is() {
        for value in ["null", "true", "[]", "{}", "-1", "\"\""] {
            assert!(has_member(format!("{{\"b\":1,\"a\":{value}}}").as_bytes(), "a"), "{value}");
        }
        for none in ["", "[]", "{}", "{\"b\":{\"a\":1}}", "\"a\""] {
            assert!(!has_member(none.as_bytes(), "a"), "{none}");
        }
        assert_eq!(member("\u{FEFF}{\"a\":1}".as_bytes(), "a").as_deref(), Some("1"));
    }

    #[test]
    fn an_object_in_an_object_is_found_whole() {
        let json = r#"{"a":{"b":{"c":"}"},"a" : "1" } ,"b":{"a":"2"}}"#.as_bytes();
        let inside = object_member(json, "a").unwrap();
        assert_eq!(member(inside, "a").as_deref(), Some("1"));
        assert_eq!(member(object_member(inside, "b").unwrap(), "c").as_deref(), Some("}"));
        for none in [r#"{"a":[{"a":"1"}]}"#, r#"{"a":"{}"}"#, r#"{"a":null}"#, r#"{"a":{"a":"1""#, "{}", "[]"]
        {
            assert_eq!(object_member(none.as_bytes(), "a"), None, "{none}");
        }
    }

    #[test]
    fn a_member_that_nobody_knows_is_found() {
        let is_unknown = |name: &str| !["a", "b"].contains(&name);
        for known in ["", "{}", "[]", "null", r#"{"a":{"c":1},"\u0062":2}"#] {
            assert!(!any_member(known.as_bytes(), is_unknown), "{known}");
        }
        for unknown in [r#"{"a":1,"c":2}"#, r#"{"\\":1}"#, r#"{"\ud83d":1}"#] {
            assert!(any_member(unknown.as_bytes(), is_unknown), "{unknown}");
        }
    }

    #[test]
    fn an_object_is_told_from_what_is_none() {
        for (json, is) in
            [("\u{FEFF} {}", true), ("{\"a\":1}", true), ("", false), ("[]", false), ("null", false)]
        {
            assert_eq!(is_object(json.as_bytes()), is, "{json}");
        }
    }

    #[test]
    fn a_member_that_an_object_has_twice_is_found_and_no_other() {
        for (json, found) in [
            (r#"{"a":1,"b":2,"a":1}"#, Some("a")),
            ("\u{FEFF} { \"a\" : 1 , \"\\u0061\"\n: [2] }", Some("a")),
            (r#"{"x":[{"b":{"a":1}},{"c":1,"d":{"e":{}},"c":null}]}"#, Some("c")),
            (r#"{"a":{"a":[{"a":1},{"a":2}]},"b":"a","c":["a","a"]}"#, None),
            (r#"{"a":"{\"b\":1,\"b\":2}","b":"\\","c":"}"}"#, None),
            (r#"{"\\":1,"\\\\":2}"#, None),
            (r#""a":1,"a":2"#, None),
            ("", None),
            ("{\"a\":1,\"a", None),
            ("}{\"a\":1,\"a\":2}", None),
        ] {
            assert_eq!(repeated_member(json.as_bytes()).as_deref(), found, "{json}");
        }
        let deep = format!("{{\"a\":1,\"b\":{}1{},\"a\":2}}", "[{\"c\":".repeat(500), "}]".repeat(500));
        assert_eq!(repeated_member(deep.as_bytes()).as_deref(), Some("a"));
    }

    #[test]
    fn an_escaped_name_is_not_the_one_that_its_bytes_spell() {
        let json = br#"{"\\":null,"\\\\":"two"}"#;
        assert_eq!((member(json, r"\\").as_deref(), member(json, r"\")), (Some("two"), None));
    }

    #[test]
    fn nothing_is_found_where_there_is_no_such_member() {
        for json in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            "\"a\"",
            "<html>",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":\"",
            "{\"a\":\"1",
            "{\"a\":\"\\",
            "{\"a\":1",
            "{\"b\":\"a\"}",
            "{\"b\":{\"a\":1}}",
            "[{\"a\":1}]",
            "{\"a\":null}",
            "{\"a\":true}",
            "{\"a\":[\"1\"]}",
            "{\"a\":-1}",
            "{\"a\":1.0}",
            "{\"a\":]}",
            "{\"a\":}",
            "{\"a\":\"\\ud800\"}",
            "{\"b\":]],\"a\":1}",
            "{,\"a\":1}",
            "{\"a\" 1}",
        ] {
            assert_eq!(member(json.as_bytes(), "a"), None, "{json}");
        }
        assert_eq!(member(b"{\"a\":\"\xff\"}", "a"), None);
    }

    proptest! {
        /// As serde_json reads it, for any object.
        #[test]
        fn what_is_found_is_what_a_whole_reading_finds(
            members in prop::collection::vec(("[a-c\"\\\\\u{4f60}]{0,2}", values()), 0..6), is_pretty: bool
        ) {
            let object: Map<String, Value> = members.into_iter().collect();
            let json = if is_pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let json = json.unwrap();
            for name in object.keys().map(String::as_str).chain(["absent"]) {
                let expected = match object.get(name) {
                    Some(Value::String(text)) => Some(text.clone()),
                    Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
                    _ => None,
                };
                let found = member(json.as_bytes(), name);
                prop_assert_eq!(found.as_deref(), expected.as_deref());
            }
            prop_assert_eq!(repeated_member(json.as_bytes()), None);
        }

        #[test]
        fn any_bytes_are_survived(json: Vec<u8>, inside: Vec<u8>) {
            member(&json, "a");
            member(&[b"{\"b\":", &inside[..], b",\"a\":1}"].concat(), "a");
            repeated_member(&json);
            repeated_member(&[b"{\"b\":", &inside[..], b",\"a\":1}"].concat());
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\"\\\\{}\\[\\],:\n\u{4f60}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"]{0,2}", inner, 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }
}
