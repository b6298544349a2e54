//! A sentence for developers is written once. Found are equal literals on one line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::choices::sources;

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
