//! The page of unconfirmed choices says what the source says.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/sandbox-choices.md");
const COUPONS: &str = include_str!("../../src/products/merchant_coupons/unconfirmed.rs");
const GRAMMAR: &str = include_str!("../../src/grammar.rs");

/// The text behind a mark.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).unwrap_or_else(|| panic!("no {mark}")).1
}

/// The first cell of each row of a table whose lines begin with `mark`, without its heading.
fn choices<'a>(text: &'a str, mark: &str) -> BTreeSet<&'a str> {
    let rows = text.lines().skip_while(|line| !line.starts_with(mark));
    let rows = rows.map_while(|line| line.strip_prefix(mark)).skip(2);
    rows.filter_map(|row| row.trim_start().split(" |").next()).collect()
}

/// The Chinese texts in quotation marks, comments apart.
fn sentences(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)))
}

#[test]
fn the_page_of_unconfirmed_choices_lists_the_choices_of_the_source() {
    let listed = choices(after(PAGE, "(商家券): behaviour"), "|");
    assert!(listed.len() > 10, "{listed:?}");
    assert_eq!(listed, choices(COUPONS, "//! |"));
}

#[test]
fn the_page_of_unconfirmed_choices_lists_the_sentences_of_the_source() {
    let grammar = after(GRAMMAR, "mod unconfirmed {").split("#[cfg(test)]").next().unwrap();
    let of_source: BTreeSet<&str> =
        sentences(after(COUPONS, "mod words")).chain(sentences(grammar)).collect();
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
