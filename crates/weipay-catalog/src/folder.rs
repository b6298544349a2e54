//! Reading a folder of catalogue files from disk, for tools: the code generator and the linter.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use crate::operation::Operation;
use crate::parse::{self, ParseError};

/// The ending of a catalogue file.
pub const EXTENSION: &str = "api";

/// What is wrong with a folder of catalogue files.
#[derive(Debug)]
pub enum FolderError {
    /// A file or folder could not be read.
    Read(PathBuf, io::Error),
    /// A file breaks the format.
    Parse(PathBuf, ParseError),
    /// A file describes a path that is not the one its place in the folders says.
    Misplaced(PathBuf, usize, &'static str),
}

impl fmt::Display for FolderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderError::Read(file, error) => write!(out, "{}: {error}", file.display()),
            FolderError::Parse(file, error) => {
                write!(out, "{}:{}: {}", file.display(), error.line, error.reason)
            }
            FolderError::Misplaced(file, line, path) => {
                write!(out, "{}:{line}: `{path}` belongs in {path}.{EXTENSION}", file.display())
            }
        }
    }
}

impl std::error::Error for FolderError {}

/// The catalogue files below a folder, sorted.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let read = |error| FolderError::Read(folder.clone(), error);
        for entry in fs::read_dir(&folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Every operation below a folder. The texts live as long as the program: tools that call this end soon.
pub fn operations(root: &Path) -> Result<Vec<Operation>, FolderError> {
    let mut all = Vec::new();
    for file in files(root)? {
        let text = fs::read_to_string(&file).map_err(|error| FolderError::Read(file.clone(), error))?;
        let place = file.strip_prefix(root).unwrap_or(&file).with_extension("");
        for (first, text) in parse::sections(Box::leak(text.into_boxed_str())) {
            let operation = parse::operation(text).map_err(|mut error| {
                error.line += first - 1;
                FolderError::Parse(file.clone(), error)
            })?;
            if Path::new(operation.path) != place {
                return Err(FolderError::Misplaced(file.clone(), first, operation.path));
            }
            all.push(operation);
        }
    }
    Ok(all)
}
