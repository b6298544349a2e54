//! How errors print: `{}` says what happened, and `{:#}` adds the causes that `source()` gives, on the same line.

use std::error::Error;
use std::fmt;

/// Adds the causes where `{:#}` asks for them: the end of every `Display` of an error that has causes.
pub(crate) fn append(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut cause = error.source().filter(|_| f.alternate());
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::data_folder::FolderError;
    use crate::kit::KitError;
    use crate::sandbox::StartError;
    use crate::store::StoreError;

    #[test]
    fn each_error_tells_its_cause_once_and_keeps_its_type() {
        let cause = || io::Error::other("the disk is gone");
        let errors: [(StartError, &str); 6] = [
            (
                StartError::Folder(FolderError::Temporary(cause())),
                "no folder for the sandbox's data could be made",
            ),
            (
                StartError::Folder(FolderError::File { path: "x".into(), error: cause() }),
                "x cannot be used; use another data directory",
            ),
            (
                StartError::Kit(KitError::File { path: "kit.json".into(), error: cause() }),
                "the sandbox's kit is not in order: kit.json cannot be read or written",
            ),
            (
                StartError::Store("state.db".into(), StoreError::File(cause())),
                "state.db cannot be used: the sandbox's database could not be opened",
            ),
            (
                StartError::Listen("127.0.0.1:80".to_owned(), cause()),
                "cannot listen on 127.0.0.1:80; choose another address, or port 0 for a free one",
            ),
            (StartError::Server(cause()), "the sandbox's server could not be started"),
        ];
        for (error, text) in errors {
            assert_eq!(format!("{error:#}"), format!("{text}: the disk is gone"));
            assert!(text.starts_with(&error.to_string()), "{error}");
            let mut last: &dyn std::error::Error = &error;
            while let Some(cause) = last.source() {
                last = cause;
            }
            assert!(last.is::<io::Error>(), "{last:?}");
        }
    }
}
