//! Errors of the store.

use std::error::Error;
use std::fmt;
use std::io;

use crate::error::append_causes;

/// Error of the store, which holds the state of a sandbox.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The file of the database could not be created or opened.
    File(io::Error),
    /// The database failed: a full disk, a lost file, a broken page.
    Database(Box<dyn Error + Send + Sync>),
    /// A record contains what this program never wrote.
    Corrupt(String),
    /// Other requests came in between. Nothing was changed by this one. Holds the sentence that says what happened.
    Conflict(String),
    /// A part of the sandbox failed; the database did not. Holds the sentence that says what happened.
    Internal(String),
    /// The database belongs to a later version of this program.
    Version {
        /// The version in the file.
        found: i64,
        /// The version of this program.
        wanted: i64,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => write!(f, "the sandbox's database could not be opened"),
            Self::Database(_) => write!(f, "the sandbox's database failed"),
            Self::Conflict(what) => write!(f, "{what}; repeat the request"),
            Self::Internal(what) => f.write_str(what),
            Self::Corrupt(what) => write!(f, "the sandbox's database holds a broken record: {what}"),
            Self::Version { found, wanted } => write!(
                f,
                "the sandbox's database has schema version {found}, but this program needs {wanted}; use the program \
                 that made it, or another data folder"
            ),
        }?;
        append_causes(self, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Database(error) => Some(&**error),
            Self::Corrupt(_) | Self::Conflict(_) | Self::Internal(_) | Self::Version { .. } => None,
        }
    }
}
