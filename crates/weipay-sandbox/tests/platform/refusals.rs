//! Official texts of refusals are short, and many different mistakes have the same one. So every refusal of a product and of the gate has a
//! reason for the developer, which names the rule. This reads the source, because no list of refusals exists at run time.

use std::fs;
use std::path::{Path, PathBuf};

/// The functions that make refusals; those of a product that only pass code and text on are called by others with a reason.
const MAKERS: [&str; 7] =
    ["new", "invalid_request", "param_error", "no_auth", "resource_not_exists", "sign_error", "refused"];

/// The files of a folder and its folders.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// What stands behind the brackets that open at the beginning of a text; a text in quotation marks may hold brackets.
fn behind_brackets(text: &str) -> &str {
    let (mut depth, mut letters) = (0, text.char_indices());
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => {
                while let Some((_, inner)) = letters.next() {
                    match inner {
                        '\\' => drop(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '(' => depth += 1,
            ')' if depth == 1 => return &text[place + 1..],
            ')' => depth -= 1,
            _ => {}
        }
    }
    ""
}

/// Whether `.with_reason` follows a call, among other methods.
fn has_reason(mut rest: &str) -> bool {
    loop {
        let Some(method) = rest.trim_start().strip_prefix('.') else { return false };
        if method.starts_with("with_reason(") {
            return true;
        }
        let Some(open) = method.find('(') else { return false };
        rest = behind_brackets(&method[open..]);
    }
}

/// The refusals without a reason: file and line.
fn without_reason(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let code = &text[..end];
    let mut found = Vec::new();
    for maker in MAKERS {
        let call = if maker == "refused" { "refused(\"".to_owned() } else { format!("Refusal::{maker}(") };
        for (place, _) in code.match_indices(&call) {
            let open = place + call.find('(').unwrap();
            let line_begin = code[..place].rfind('\n').map_or(0, |newline| newline + 1);
            let rest = behind_brackets(&code[open..]);
            // A variable gets its reason in the statement that follows.
            // What a page is told has its reason beside the code.
            if code[..place].ends_with("Reception::") {
                continue;
            }
            // A closure of this name takes only the reason; codes are capital letters.
            if maker == "refused" && code[open + 2..].starts_with(|letter: char| !letter.is_ascii_uppercase())
            {
                continue;
            }
            let is_variable = code[line_begin..place].trim_start().starts_with("let ");
            let next: String = rest.chars().take(400).collect();
            let gets_one = is_variable && (next.contains(".with_reason(") || next.contains("refusal.reason"));
            if !has_reason(rest) && !gets_one && !passes_on(code, place) {
                found.push(format!("{}:{}", file.display(), code[..place].lines().count()));
            }
        }
    }
    found
}

/// Whether a call is the body of a function that is called with a reason: it takes the code, or is `wrong_signature`.
fn passes_on(code: &str, place: usize) -> bool {
    let function = &code[code[..place].rfind("fn ").unwrap_or(0)..place];
    function.starts_with("fn refused(code") || function.starts_with("fn wrong_signature(")
}

#[test]
fn every_refusal_of_a_product_and_of_the_gate_names_its_rule() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = vec![source.join("gate.rs"), source.join("v2/gate.rs"), source.join("v2/elements.rs")];
    files(&source.join("products"), &mut all);
    let is_test = |file: &PathBuf| {
        let name = file.to_string_lossy();
        ["/tests", "/model", "/fixtures", "/world", "/race"].iter().any(|part| name.contains(part))
    };
    let missing: Vec<String> =
        all.iter().filter(|file| !is_test(file)).flat_map(|file| without_reason(file)).collect();
    assert!(
        missing.is_empty(),
        "add `.with_reason(...)`, which names the rule and what to do:\n{}",
        missing.join("\n")
    );
}

#[test]
fn a_refusal_without_a_reason_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refusals.rs");
    let code = r#"
        fn a() { Refusal::invalid_request("a (b)").with_tail(1) }
        fn b() { Refusal::invalid_request("a").with_tail(tail(1)).with_reason("b") }
        fn c() { refused("CODE", "text") }
        fn refused(code: &str) { Refusal::new(200, code) }
    "#;
    fs::write(&file, code).unwrap();
    let found = without_reason(&file);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].ends_with(":2") && found[1].ends_with(":4"), "{found:?}");
}
