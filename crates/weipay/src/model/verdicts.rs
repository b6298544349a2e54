//! The linter, the SDK and the sandbox judge a value of a field alike.

use std::fmt::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;
use weipay_catalog::field::NOTIFY_URL;
use weipay_catalog::folder::SourceFile;
use weipay_catalog::{Field as Described, Format, Kind, Limits, lint};

use super::{Field, Time, Value, body};

fn described(kind: Kind) -> Described {
    Described {
        name: "value",
        kind,
        list: false,
        required: false,
        required_in: None,
        needed_in: None,
        label: "",
        limits: Limits::OPEN,
        in_bytes: false,
        items: Limits::OPEN,
        format: None,
        values: Vec::new(),
        pattern: None,
        carrier: None,
        private: false,
        purpose: None,
        echo_of: None,
        example: None,
        fields: Vec::new(),
        shared: None,
        line: 1,
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let end = |ends: std::ops::Range<i64>| proptest::option::of(ends);
    (end(0..6), end(6..14)).prop_map(|(min, max)| Limits::new(min, max))
}

/// A field with some of the rules that a text can have.
fn text_field() -> impl Strategy<Value = Described> {
    let patterns =
        vec![None, Some("^[0-9]+$"), Some("[0-9a-z]+"), Some("^([0-9]{8}|[0-9]{14})$"), Some("a|b")];
    let formats = Format::ALL.iter().copied().filter(|format| format.unit().is_none()).map(Some);
    let formats: Vec<_> = formats.chain([None, None, None, None]).collect();
    let rules = (any::<bool>(), limits(), any::<bool>());
    let forms = (proptest::sample::select(patterns), proptest::sample::select(formats));
    (rules, forms).prop_map(|((required, limits, in_bytes), (pattern, format))| Described {
        required,
        limits,
        in_bytes: in_bytes && !limits.is_open(),
        pattern: if format == Some(Format::NotifyUrl) { Some(NOTIFY_URL) } else { pattern },
        format,
        ..described(Kind::String)
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "",
        "[0-9]{1,14}",
        "[ab1券é😀 +.-]{1,9}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
        "2015-05-20[Tt ]13:29:[3-6][0-9](\\.[0-9]{0,3})?(Z|z|\\+08:00|\\+8:00)",
        "(https?|ftp)://[a-z.]{1,5}(:[0-9]{1,3})?(/[a-z?#]{0,3})?",
        "[A-Za-z0-9+/]{3,8}={0,2}",
        "[\\[{][\\]}]?",
        "[01][0-9]/[0-9]{2}",
        "data:[a-z]?,?",
    ]
}

/// A field of integers, with its width.
fn integer_field() -> impl Strategy<Value = Described> {
    let formats =
        vec![None, Some(Format::Int32), Some(Format::Uint32), Some(Format::Uint64), Some(Format::Fen)];
    (limits(), proptest::sample::select(formats)).prop_map(|(limits, format)| Described {
        limits,
        format,
        ..described(Kind::Integer)
    })
}

/// Whether the linter takes the value as an example of the field.
fn lints(field: &Described, example: &str) -> bool {
    let end = |end: Option<i64>| end.map_or(String::new(), |end| end.to_string());
    let mut line = format!("value{} {}", if field.required { "*" } else { "" }, field.kind.word());
    if !field.limits.is_open() {
        let _ = write!(line, " {}..{}", end(field.limits.min), end(field.limits.max));
    }
    line.push_str(if field.in_bytes { " bytes" } else { "" });
    if let Some(format) = field.format {
        let _ = write!(line, " {}", format.word());
    }
    if let Some(pattern) = field.pattern.filter(|pattern| *pattern != NOTIFY_URL) {
        let _ = write!(line, " /{pattern}/");
    }
    let text = format!("POST v3/a\n  title x\n  repeat unknown\n  json\n    {line} # 值 = \"{example}\"\n");
    let text = Box::leak(text.into_boxed_str());
    let source = SourceFile { path: PathBuf::from("a.api"), place: "v3/a".to_owned(), text };
    let found = lint::check_files(&[source]);
    // That a time should say so is advice, and no verdict.
    found.iter().all(|finding| finding.problem.contains("does not have the format rfc3339"))
}

/// The SDK's row, as the generator writes it.
fn row(field: &Described) -> Field {
    Field { rules: field.rules(), ..body("value") }
}

proptest! {
    #[test]
    fn a_text_gets_one_verdict(field in text_field(), text in text()) {
        let sdk = match field.format {
            Some(Format::Rfc3339) => Time::from(text.as_str()).check(&row(&field)).is_ok(),
            _ => text.check(&row(&field)).is_ok(),
        };
        prop_assert_eq!(lints(&field, &text), sdk, "linter and SDK: {:?} {:?}", field, text);
        let refusal = weipay_sandbox::refusal_of(&field, &json!(text));
        prop_assert_eq!(refusal.is_none(), sdk, "{:?}: {:?} {:?}", refusal, field, text);
    }

    #[test]
    fn an_integer_gets_one_verdict(
        field in integer_field(),
        number in prop_oneof![-2_i64..16, any::<i64>(), Just(1 << 31), Just((1 << 31) - 1), Just(1 << 32)],
    ) {
        let sdk = number.check(&row(&field)).is_ok();
        prop_assert_eq!(lints(&field, &number.to_string()), sdk, "linter and SDK: {:?} {}", field, number);
        let refusal = weipay_sandbox::refusal_of(&field, &json!(number));
        prop_assert_eq!(refusal.is_none(), sdk, "{:?}: {:?} {}", refusal, field, number);
    }

    #[test]
    fn a_number_of_members_gets_one_verdict(items in limits(), count in 0_usize..16) {
        let field = Described { list: true, items, ..described(Kind::String) };
        let members = vec!["a".to_owned(); count];
        let sdk = members.check(&row(&field)).is_ok();
        prop_assert_eq!(weipay_sandbox::refusal_of(&field, &json!(members)).is_none(), sdk);
    }
}
