//! Reads a folder of catalogue files from disk, for tools: the code generator and the linter.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use crate::any_response::AnyResponse;
use crate::notification::Notification;
use crate::operation::Operation;
use crate::parse::{self, Heading, ParseError};
use crate::shared::Shared;

/// The extension of a catalogue file.
pub const EXTENSION: &str = "api";

/// What is wrong with a folder of catalogue files.
#[derive(Debug)]
pub enum FolderError {
    /// A file or folder could not be read.
    Read(PathBuf, io::Error),
    /// A file breaks the format.
    Parse(PathBuf, ParseError),
    /// A file describes something else than its place in the folder says.
    Misplaced(PathBuf, usize, String),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(file, _) => write!(f, "{} cannot be read", file.display()),
            Self::Parse(file, error) => {
                write!(f, "{}:{}: {}", file.display(), error.line, error.reason)
            }
            Self::Misplaced(file, line, place) => {
                write!(f, "{}:{line}: this must be in {place}.{EXTENSION}", file.display())
            }
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            // The sentence about the file has the line and the reason of the cause in it.
            Self::Parse(..) | Self::Misplaced(..) => None,
        }
    }
}

/// A file of a folder, as read.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The file.
    pub path: PathBuf,
    /// Its place below the folder, without the ending and with `/` between the parts.
    pub place: String,
    /// What is in it. It lives as long as the program: tools that read a folder end soon.
    pub text: &'static str,
}

/// The catalogue files in a folder and its subfolders, sorted.
///
/// # Errors
///
/// If a folder cannot be read.
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

/// The catalogue files in a folder and its subfolders with their texts, sorted.
///
/// # Errors
///
/// If a file or folder cannot be read.
pub fn sources(root: &Path) -> Result<Vec<SourceFile>, FolderError> {
    let mut sources = Vec::new();
    for path in files(root)? {
        let text = fs::read_to_string(&path).map_err(|error| FolderError::Read(path.clone(), error))?;
        let parts = path.strip_prefix(root).unwrap_or(&path).with_extension("");
        let parts: Vec<_> = parts.iter().map(|part| part.to_string_lossy()).collect();
        sources.push(SourceFile { place: parts.join("/"), path, text: Box::leak(text.into_boxed_str()) });
    }
    Ok(sources)
}

/// Every operation in a folder. The texts live as long as the program: tools that call this end soon.
///
/// # Errors
///
/// If a file cannot be read or parsed, or is in the wrong place.
pub fn operations(root: &Path) -> Result<Vec<Operation>, FolderError> {
    let folder = Folder::open(root)?;
    let wanted = |heading: &Heading| matches!(heading, Heading::Operation(..));
    folder.read(wanted, |text| parse::operation(text, folder.shared.resolver()))
}

/// Every notification in a folder.
///
/// # Errors
///
/// If a file cannot be read or parsed, or is in the wrong place.
pub fn notifications(root: &Path) -> Result<Vec<Notification>, FolderError> {
    let folder = Folder::open(root)?;
    let resolver = folder.shared.resolver();
    let envelopes = folder
        .read(|heading| matches!(heading, Heading::Envelope(_)), |text| parse::envelope(text, resolver))?;
    let wanted = |heading: &Heading| matches!(heading, Heading::Notification(..));
    folder.read(wanted, |text| {
        let version = text.lines().next().and_then(parse::heading);
        let envelope = envelopes.iter().find(|envelope| {
            matches!(version, Some(Heading::Notification(version, _)) if version == envelope.version)
        });
        parse::notification(text, resolver, envelope)
    })
}

/// What the responses of each version have in common.
///
/// # Errors
///
/// If a file cannot be read or parsed, or is in the wrong place.
pub fn any_responses(root: &Path) -> Result<Vec<AnyResponse>, FolderError> {
    let folder = Folder::open(root)?;
    let wanted = |heading: &Heading| matches!(heading, Heading::Response(_));
    folder.read(wanted, |text| parse::any_response(text, folder.shared.resolver()))
}

struct Folder {
    sources: Vec<SourceFile>,
    shared: Shared,
}

impl Folder {
    fn open(root: &Path) -> Result<Self, FolderError> {
        let sources = sources(root)?;
        let texts = sources.iter().flat_map(|source| parse::sections(source.text)).map(|(_, text)| text);
        Ok(Self { shared: Shared::from_texts(texts), sources })
    }

    /// Reads the texts that are wanted, and refuses one that stands in the wrong file.
    fn read<T>(
        &self,
        wanted: impl Fn(&Heading) -> bool,
        read: impl Fn(&'static str) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, FolderError> {
        let mut all = Vec::new();
        for source in &self.sources {
            for (first, text) in parse::sections(source.text) {
                let at = |error: ParseError| {
                    let line = error.line + first - 1;
                    FolderError::Parse(source.path.clone(), ParseError { line, ..error })
                };
                let heading = text.lines().next().and_then(parse::heading);
                if heading.is_some_and(|heading| !wanted(&heading)) {
                    continue;
                }
                all.push(read(text).map_err(at)?);
                let place = heading.map(|heading| heading.place()).unwrap_or_default();
                if place != source.place {
                    return Err(FolderError::Misplaced(source.path.clone(), first, place));
                }
            }
        }
        Ok(all)
    }
}
