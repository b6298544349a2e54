//! The documents say what is so: their code is the code that is compiled, and both languages show the same.

use std::path::{Path, PathBuf};

use weipay_catalog::Catalog;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::rust::styles::Styles;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The fenced blocks of a document, with their languages.
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some((_, text)), None) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn both_readmes_show_the_same_code_and_commands() {
    let (english, chinese) = (blocks(&read("README.md")), blocks(&read("README.zh-CN.md")));
    assert!(english.len() >= 4);
    assert_eq!(english, chinese);
}

/// Doc tests of `weipay` compile those of the English one.
#[test]
fn both_cookbooks_show_the_same_code() {
    let (english, chinese) = (blocks(&read("docs/cookbook.md")), blocks(&read("docs/cookbook.zh-CN.md")));
    assert!(english.len() >= 10);
    assert_eq!(english, chinese);
}

#[test]
fn the_first_screen_has_exactly_two_commands() {
    for document in ["README.md", "README.zh-CN.md"] {
        let (language, first) = blocks(&read(document)).swap_remove(0);
        assert_eq!(language, "sh");
        assert_eq!(first, "cargo run --release -- quickstart\ncargo test --workspace\n", "{document}");
    }
}

#[test]
fn the_program_of_the_readme_is_the_example_that_is_compiled() {
    let example = read("crates/weipay/examples/disassociate.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    let (_, shown) = blocks(&read("README.md")).into_iter().find(|(language, _)| language == "rust").unwrap();
    assert_eq!(shown, code);
    let lines = shown.lines().skip_while(|line| !line.starts_with("async fn")).count();
    assert!(lines <= 15, "{lines} lines");
}

#[test]
fn the_documents_write_each_style_as_a_page_of_the_command_does() {
    let catalog = Catalog::embedded();
    let names = StepNames::new(catalog.headings().map(|(_, path)| path));
    let operation = catalog.find("POST", "v3/marketing/busifavor/coupons/disassociate").unwrap();
    let styles = Styles::new(operation, &names);
    for (style, argument) in
        [(styles.typed, "request"), (styles.declarative, "json"), (styles.property, "json")]
    {
        let statement = style.waiting.replace("(request)", &format!("({argument})"));
        let call = statement.trim_start_matches("let response =").trim().trim_end_matches(';');
        for document in ["README.md", "README.zh-CN.md"] {
            assert!(read(document).contains(&format!("`{call}`")), "{document} does not have {call}");
        }
    }
}
