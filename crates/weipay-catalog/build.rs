//! Joins the files of `catalog/` into the one text that is embedded, and writes down where each description in it
//! begins, so that a program need not look for them when it starts. The format is checked by the linter and by the
//! tests, so this stays a copy, sorted so that a build is repeatable.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("catalog");
    // Cargo looks at everything below a folder.
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut joined = String::new();
    for file in files {
        joined.push_str(&fs::read_to_string(file)?);
        joined.push('\n');
    }
    let target = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(target.join("index.rs"), index(&joined))?;
    fs::write(target.join("catalog.txt"), joined)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "api") {
            files.push(path);
        }
    }
    Ok(())
}

/// An array of every heading with the bytes from where to where its text goes.
fn index(joined: &str) -> String {
    let mut headings = Vec::new();
    let mut offset = 0;
    for line in joined.split_inclusive('\n') {
        if line.as_bytes().first().is_some_and(u8::is_ascii_uppercase) {
            headings.push((offset, line.trim_end()));
        }
        offset += line.len();
    }
    let ends = headings.iter().skip(1).map(|(start, _)| *start).chain([joined.len()]);
    let mut rows = String::from("&[\n");
    for ((start, heading), end) in headings.iter().zip(ends) {
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "({heading:?}, {start}, {end}),");
    }
    rows.push(']');
    rows
}
