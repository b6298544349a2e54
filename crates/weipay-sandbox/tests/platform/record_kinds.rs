//! The name of a kind of records belongs to one type: two with the same name would read each other's records.

use std::collections::HashMap;
use std::path::Path;

use crate::choices::sources;

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
