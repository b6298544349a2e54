//! What a user of the crates sees: no type of a crate below 1.0, which could break them, and no word of the inside.

use std::fs;
use std::path::{Path, PathBuf};

/// Dependencies whose releases may change a type without a new major version of ours.
const BELOW_ONE: [&str; 12] = [
    "ureq",
    "hyper_util",
    "rustls",
    "rusqlite",
    "postgres",
    "aws_lc_rs",
    "x509_cert",
    "base64",
    "regex_lite",
    "hyper_rustls",
    "strsim",
    "rcgen",
];

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

#[test]
fn no_public_item_names_a_crate_below_one_or_a_word_of_the_inside() {
    let mut files = Vec::new();
    for name in ["weipay", "weipay-wire", "weipay-sandbox"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut files);
    }
    assert!(files.len() > 500);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("pub ")) {
            let names_one = BELOW_ONE.iter().find(|name| line.contains(&format!("{name}::")));
            assert_eq!(names_one, None, "{}: {line}", file.display());
            let name = line.split(['(', '<', ':', ';', '{', '=']).next().unwrap_or_default();
            assert!(!name.contains("_typed") || name.contains("typed_row"), "{}: {line}", file.display());
        }
    }
}
