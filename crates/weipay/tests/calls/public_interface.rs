//! What a user of the crates sees: no type of a crate below 1.0, which could break them, and no word of the inside.
//!
//! The sources are read as text: the compiler shows its view of them to nightly tools only. An item is read to its end,
//! over as many lines as it has, and a type of a dependency is recognized by its path and by the name under which the
//! file imports it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of which types are public on purpose: what converts them, and what uses them, stands behind its own
/// feature, so a new series of theirs is another feature.
const BEHIND_FEATURES: [&str; 6] = ["axum_core", "chrono", "futures_core", "jiff", "sqlx", "time"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The dependencies in a manifest, with their versions: `None` stands for that of the workspace.
fn dependencies(manifest: &str, section: &str) -> Vec<(String, Option<String>)> {
    let mut lines = manifest.lines().skip_while(|line| *line != section);
    lines.next();
    let entries = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let version = |text: &str| {
        let text = text.split_once("version = ").map_or(text, |(_, version)| version);
        let quoted = text.trim_start().strip_prefix('"')?;
        Some(quoted.split('"').next().unwrap_or_default().to_owned())
    };
    entries
        .filter_map(|line| line.split_once('='))
        .map(|(name, rest)| {
            let name = name.trim();
            let shared = name.strip_suffix(".workspace");
            (shared.unwrap_or(name).to_owned(), version(rest).filter(|_| shared.is_none()))
        })
        .collect()
}

/// The dependencies of a crate whose next release may change a type, as code names them.
fn below_one(name: &str) -> BTreeSet<String> {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let shared = dependencies(&read(folder("..").join("Cargo.toml")), "[workspace.dependencies]");
    let own = dependencies(&read(folder(name).join("Cargo.toml")), "[dependencies]");
    let version = |(name, own): (String, Option<String>)| {
        let of_workspace =
            || shared.iter().find(|(known, _)| *known == name).and_then(|(_, version)| version.clone());
        (name.replace('-', "_"), own.or_else(of_workspace).unwrap_or_default())
    };
    let below = own.into_iter().map(version).filter(|(_, version)| version.starts_with("0."));
    below.map(|(name, _)| name).filter(|name| !name.starts_with("weipay")).collect()
}

/// Code without comments and without the contents of strings and characters.
fn without_texts(code: &str) -> String {
    let mut left = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        let is_word_before = left.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let raw = rest.strip_prefix('r').filter(|_| !is_word_before).map(|rest| {
            let marks = rest.len() - rest.trim_start_matches('#').len();
            (marks, &rest[marks..])
        });
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((marks, text)) = raw.filter(|(_, text)| text.starts_with('"')) {
            let end = format!("\"{}", "#".repeat(marks));
            rest.len() - text.len() + 1 + text[1..].find(&end).map_or(0, |at| at + end.len())
        } else if letter == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|letter| {
                let is_end = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                is_end
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if letter == '\'' {
            // A character, or the beginning of a lifetime.
            let mut letters = rest[1..].chars();
            match (letters.next(), letters.next()) {
                (Some('\\'), _) => rest[3..].find('\'').map_or(rest.len(), |end| end + 4),
                (Some(one), Some('\'')) => 2 + one.len_utf8(),
                _ => 0,
            }
        } else {
            0
        };
        if skipped > 0 {
            left.push(' ');
            rest = &rest[skipped..];
        } else {
            left.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    left
}

/// The words and signs of code.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let end = match is_word(first) {
            true => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

/// What others see of a file: each public item up to its body, what the variants of an enumeration hold, all of a
/// trait, each public field, and what is implemented for the file's public types.
fn public_items<'a>(tokens: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut items = Vec::new();
    let mut seen = 0;
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        let next = |distance: usize| rest.get(distance).copied().unwrap_or_default();
        let is_public = next(0) == "pub" && next(1) != "(";
        if at < seen || !is_public && next(0) != "impl" {
            continue;
        }
        let item = &rest[..length(rest)];
        seen = at + item.len();
        if next(1) == "enum" {
            items.push(without_names_of_variants(item));
        } else if is_public || is_for_a_public_type(item, tokens) {
            items.push(item.to_vec());
        }
    }
    items
}

/// How many tokens the item has that begins here, without its body.
fn length(item: &[&str]) -> usize {
    let next = |distance: usize| item.get(distance).copied().unwrap_or_default();
    let is_whole = matches!(next(1), "enum" | "trait" | "use");
    let is_field = next(2) == ":" && next(3) != ":";
    let mut depth = 0;
    let end = item.iter().enumerate().position(|(at, token)| {
        match *token {
            "{" if !is_whole => {}
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        match *token {
            "}" => depth < 0 || depth == 0 && is_whole && next(1) != "use",
            ")" => depth < 0,
            "{" => !is_whole,
            ";" => depth == 0,
            "=" => depth == 0 && next(1) != "type",
            // The next field, not the next argument of a type.
            "," => is_field && depth == 0 && matches!(item.get(at + 1), Some(&"pub" | &"#" | &"}")),
            _ => false,
        }
    });
    end.unwrap_or(item.len())
}

/// A variant may be called like an imported type.
fn without_names_of_variants<'a>(item: &[&'a str]) -> Vec<&'a str> {
    let mut depth = 0;
    let mut within = |token: &&&'a str| {
        match **token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        depth != 1
    };
    item.iter().filter(|token| within(token)).copied().collect()
}

fn is_for_a_public_type(item: &[&str], tokens: &[&str]) -> bool {
    let named = item.iter().position(|token| *token == "for").and_then(|at| item.get(at + 1));
    named.is_some_and(|named| {
        tokens.windows(3).any(|found| {
            found[0] == "pub" && matches!(found[1], "struct" | "enum" | "trait") && found[2] == *named
        })
    })
}

/// The names under which a file knows what is of these crates.
fn imported<'a>(tokens: &'a [&'a str], crates: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| **token == "use") {
        let import: Vec<&str> = tokens[at + 1..].iter().copied().take_while(|token| *token != ";").collect();
        if !import.first().is_some_and(|first| crates.contains(*first)) {
            continue;
        }
        let ends = import.iter().enumerate().filter(|(at, token)| {
            let is_word = token.starts_with(|letter: char| letter.is_alphabetic());
            is_word && !matches!(import.get(at + 1), Some(&":" | &"as")) && **token != "self"
        });
        names.extend(ends.map(|(_, token)| *token));
    }
    names
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The public items of a file that name a crate below 1.0, or a word of the inside.
fn faults(code: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    if !code.contains("_typed") && !crates.iter().any(|known| code.contains(&**known)) {
        return Vec::new();
    }
    let code = without_texts(code);
    let tokens = tokens(&code);
    let imported = imported(&tokens, crates);
    let names_one = |item: &[&str]| {
        let path = |at: usize| item.get(at + 1..at + 3) == Some(&[":", ":"]);
        item.iter().enumerate().any(|(at, token)| {
            let is_member =
                at > 0 && matches!(item[at - 1], ":" | ".") && item.get(at.wrapping_sub(2)) == Some(&":");
            crates.contains(*token) && path(at) && !is_member || imported.contains(token) && !is_member
        })
    };
    let is_inside =
        |item: &[&str]| item.iter().any(|token| token.ends_with("_typed") || token.starts_with("_typed"));
    public_items(&tokens)
        .into_iter()
        .filter(|item| names_one(item) || is_inside(item))
        .map(|item| item.join(" "))
        .collect()
}

#[test]
fn no_public_item_names_a_crate_below_one_or_a_word_of_the_inside() {
    let mut read = 0;
    let mut found = Vec::new();
    for name in ["weipay", "weipay-rules", "weipay-wire", "weipay-catalog", "weipay-sandbox"] {
        let mut crates = below_one(name);
        crates.retain(|known| !BEHIND_FEATURES.contains(&&**known));
        let mut files = Vec::new();
        sources(&folder(name).join("src"), &mut files);
        read += files.len();
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            found
                .extend(faults(&text, &crates).into_iter().map(|item| format!("{}: {item}", file.display())));
        }
    }
    assert!(read > 500);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn dependencies_below_one_are_read_from_the_manifests() {
    let of_sandbox = below_one("weipay-sandbox");
    for name in ["rusqlite", "tokio_postgres", "rcgen", "rustls", "hyper_util", "time"] {
        assert!(of_sandbox.contains(name), "{name}: {of_sandbox:?}");
    }
    assert!(!of_sandbox.contains("hyper") && !of_sandbox.contains("tokio") && !of_sandbox.contains("serde"));
    assert!(below_one("weipay-wire").contains("base64"), "its version is that of the workspace");
}

/// The check sees what it should see, over lines and through imports, and nothing else.
#[test]
fn a_type_of_a_crate_below_one_is_found_wherever_it_stands() {
    let crates = BTreeSet::from(["ureq".to_owned()]);
    for code in [
        "pub fn a(agent: &ureq::Agent) {}",
        "pub fn a(\n    first: u8,\n    agent: &ureq::Agent,\n) -> u8 {}",
        "use ureq::Agent;\npub fn a() -> Option<\n    Agent,\n> {}",
        "use ureq::{Agent as Client, http::{self, Uri}};\npub struct A { pub uri: Vec<Uri> }",
        "use ureq::{Agent as Client};\npub struct A(pub Client);",
        "pub enum A {\n    B { cause: ureq::Error },\n}",
        "pub trait A {\n    fn b(&self) -> ureq::Agent;\n}",
        "pub type A = Result<(), ureq::Error>;",
        "pub use ureq::{Agent};",
        "pub struct A;\nimpl From<ureq::Error> for A {}",
        "use ureq::Middleware;\npub struct A;\nimpl Middleware\n    for A {}",
        "pub fn a<T>(t: T)\nwhere\n    T: Into<ureq::Agent>,\n{}",
        "pub mod pay_typed;",
    ] {
        assert_eq!(faults(code, &crates).len(), 1, "{code}: {:?}", faults(code, &crates));
    }
    for code in [
        "fn a(agent: &ureq::Agent) {}",
        "pub(crate) fn a(agent: &ureq::Agent) {}",
        "pub fn a() -> u8 {\n    ureq::get(\"\").call()\n}",
        "pub struct A {\n    agent: ureq::Agent,\n    pub b: u8,\n}",
        "pub const A: &str = \"pub fn a(b: ureq::Agent)\";",
        "// pub fn a(b: ureq::Agent) {}\npub fn b() -> char {\n    '\"'\n}",
        "struct A;\nimpl From<ureq::Error> for A {}",
        "use ureq::Error;\npub enum A {\n    Error,\n    Agent { a: u8 },\n}",
        "impl A {\n    fn b(&self) -> ureq::Agent {}\n}",
        "pub fn a() {}\n#[cfg(test)]\nmod tests {\n    pub fn a(agent: &ureq::Agent) {}\n}",
        "use ureq::Error as Cause;\npub fn a() -> Result<(), crate::error::Error> {}",
    ] {
        assert_eq!(faults(code, &crates), Vec::<String>::new(), "{code}");
    }
}
