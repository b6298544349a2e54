//! The page of unconfirmed choices says what the source says.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source_code::sources;

const PAGE: &str = include_str!("../../docs/sandbox-choices.md");
const COUPONS: &str = include_str!("../../src/products/merchant_coupons/unconfirmed.rs");
const PAYMENTS: &str = include_str!("../../src/products/payments/unconfirmed.rs");
const GRAMMAR: &str = include_str!("../../src/grammar.rs");

/// The text after a mark.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).unwrap_or_else(|| panic!("no {mark}")).1
}

/// The names of choices on the page: the first cell of a row.
fn names_on_page() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(name, _)| name.to_owned()).collect()
}

/// The name in each mark, with the line that it stands in. A longer word, such as one of the platform's, is not a mark.
fn marks(text: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    text.lines().flat_map(|line| {
        let behind = move |mark: &'static str| {
            let found = line.match_indices(mark).filter(|(at, _)| !line[..*at].ends_with('_'));
            found.map(move |(at, _)| &line[at + mark.len()..])
        };
        let marks = ["UNCONFIRMED", "INFERRED"].into_iter().flat_map(behind);
        marks.map(move |after| {
            let name = after.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
            (name, line)
        })
    })
}

/// The Chinese texts in quotation marks, comments apart.
fn sentences(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)))
}

/// Values and sentences are marked where they all stand together, and are compared below.
#[test]
fn every_choice_that_the_source_marks_is_on_the_page_under_its_name() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut of_source = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("unconfirmed.rs")) {
        let text = match path.ends_with("grammar.rs") {
            true => text.split("mod unconfirmed {").next().unwrap(),
            false => text,
        };
        for (name, line) in marks(text) {
            let name = name.unwrap_or_else(|| {
                panic!("{}: write UNCONFIRMED(name), and the name on the page: {line}", path.display())
            });
            of_source.insert(name.to_owned());
        }
    }
    assert!(of_source.len() > 40, "{of_source:?}");
    assert_eq!(names_on_page(), of_source);
}

#[test]
fn the_page_of_unconfirmed_choices_lists_the_sentences_of_the_source() {
    let grammar = after(GRAMMAR, "mod unconfirmed {").split("#[cfg(test)]").next().unwrap();
    let of_source: BTreeSet<&str> = [after(COUPONS, "mod words"), after(PAYMENTS, "mod words"), grammar]
        .into_iter()
        .flat_map(sentences)
        .collect();
    let items = PAGE.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    assert_eq!(items.collect::<BTreeSet<&str>>(), of_source);
}

#[test]
fn the_page_of_unconfirmed_choices_has_the_values_of_the_source() {
    for (value, said) in [
        ("STATE_AFTER_CREATION: StockState = StockState::Running;", "`RUNNING`"),
        ("RULE_LIMIT: &str = \"RULE_LIMIT\";", "`RULE_LIMIT`"),
        ("DEFAULT_PAGE_SIZE: i64 = 20;", "`20`"),
        ("MAX_PAGE_SIZE: i64 = 50;", "`50`"),
    ] {
        assert!(COUPONS.contains(value), "{value}: change the page, then this test");
        assert!(after(PAGE, "coupons: values").contains(said), "{said}");
    }
}
