//! Joins the files of `catalog/` into the one text that is embedded. Formatting is checked by the linter and by the
//! tests, so this stays a copy, sorted so that a build is repeatable.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("catalog");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut joined = String::new();
    for file in files {
        joined.push_str(&fs::read_to_string(file)?);
        joined.push('\n');
    }
    let target = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("catalog.txt");
    fs::write(target, joined)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "api") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
