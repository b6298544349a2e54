//! What the source keeps to: a sentence for developers is written once (found are equal literals on one line), and the name of a
//! kind of records belongs to one type, because two with the same name would read each other's records.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of the source, with what is in them.
pub(crate) fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

/// Sentences for developers. Shorter texts are words of the API, and each member of a control request has its own description.
fn sentences(code: &str) -> impl Iterator<Item = &str> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines =
        code.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("Member::"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| text.len() > 30 && text.split(' ').count() > 4)
}

fn is_for_tests(path: &Path) -> bool {
    let names = ["tests", "model", "fixtures", "world", "race"];
    path.components()
        .any(|part| names.iter().any(|name| Path::new(part.as_os_str()).file_stem() == Some(name.as_ref())))
}

#[test]
fn no_reason_is_written_twice() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let is_read = |path: &Path| {
        let inside = path.strip_prefix(&source).unwrap();
        if is_for_tests(inside) {
            return false;
        }
        // Two databases are asked the same in SQL.
        !inside.starts_with("store")
    };
    let mut found: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    for (path, code) in files.iter().filter(|(path, _)| is_read(path)) {
        for sentence in sentences(code) {
            found.entry(sentence).or_default().push(path);
        }
    }
    assert!(found.len() > 500, "{}", found.len());
    let twice: Vec<_> = found.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(twice.is_empty(), "write each once, in `reasons` if several products say it: {twice:#?}");
}

#[test]
fn every_kind_of_record_is_one_type() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut kinds: HashMap<&str, &Path> = HashMap::new();
    for (file, text) in &files {
        // Tests have kinds too, in databases that no product uses.
        if file.ends_with("tests.rs") || file.ends_with("store/model.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for line in code.lines() {
            let Some(kind) = line.trim().strip_prefix("const KIND: &'static str = ") else { continue };
            // A constant of the file, or the text itself.
            let constant = format!("const {}: &str = ", kind.trim_end_matches(';'));
            let kind = code.split_once(&constant).map_or(kind, |(_, rest)| rest.lines().next().unwrap());
            let other = kinds.insert(kind, file);
            assert_eq!(other, None, "{kind} is in {} too", file.display());
        }
    }
    assert!(kinds.len() > 50, "{}", kinds.len());
}
