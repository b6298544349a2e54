//! Why a sandbox did not start, and how errors print: `{}` says what happened, and `{:#}` adds the causes that `source()` gives,
//! on the same line.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use crate::data_folder::FolderError;
use crate::faults::FaultError;
use crate::kit::KitError;
use crate::merchants::change::MerchantError;
use crate::seed::SeedError;
use crate::store::StoreError;

/// Error of starting a sandbox.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Something is wrong with the data folder.
    Folder(FolderError),
    /// Something is wrong with the kit.
    Kit(KitError),
    /// A merchant could not be added.
    Merchant(MerchantError),
    /// A rule of a fault cannot be met.
    Fault(FaultError),
    /// Something is wrong with this seed file.
    Seed(PathBuf, SeedError),
    /// Something is wrong with the state, in this file.
    Store(PathBuf, StoreError),
    /// The address cannot be listened on.
    Listen(String, io::Error),
    /// The server could not be started.
    Server(io::Error),
    /// The certificate authority of receivers cannot be trusted.
    ReceiverAuthority(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "{error}"),
            Self::Merchant(error) => write!(f, "{error}"),
            Self::Fault(error) => write!(f, "{error}"),
            Self::Seed(file, error) => write!(f, "the seed file {}: {error}", file.display()),
            Self::Kit(_) => f.write_str("the sandbox's kit is inconsistent"),
            Self::Store(file, StoreError::Database(_) | StoreError::Corrupt(_)) if file.is_file() => write!(
                f,
                "{} cannot be used: restore the file, or remove it (and the files {}-wal and -shm) to begin with an empty state",
                file.display(),
                file.display()
            ),
            Self::Store(file, _) => write!(f, "{} cannot be used", file.display()),
            Self::Listen(address, _) => {
                write!(f, "cannot listen on {address}; choose another address, or port 0 for a free one")
            }
            Self::Server(_) => f.write_str("the sandbox's server could not be started"),
            Self::ReceiverAuthority(reason) => f.write_str(reason),
        }?;
        append_causes(self, f)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(_, error) | Self::Server(error) => Some(error),
            Self::Folder(error) => error.source(),
            Self::Merchant(error) => error.source(),
            Self::Fault(error) => error.source(),
            Self::Seed(_, error) => error.source(),
            Self::Kit(error) => Some(error),
            Self::Store(_, error) => Some(error),
            Self::ReceiverAuthority(_) => None,
        }
    }
}

impl From<KitError> for StartError {
    fn from(error: KitError) -> Self {
        Self::Kit(error)
    }
}

impl From<FolderError> for StartError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

/// Adds the causes where `{:#}` asks for them: the end of every `Display` of an error that has causes.
pub(crate) fn append_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut cause = error.source().filter(|_| f.alternate());
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

/// What is the same for the errors of which only that of the database has a cause.
macro_rules! caused_by_store {
    ($error:ident) => {
        impl std::error::Error for $error {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                if let Self::Store(error) = self { Some(error) } else { None }
            }
        }

        impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Store(error)
            }
        }
    };
}
pub(crate) use caused_by_store;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::on_demand::NotificationError;
    use crate::platform::ClockError;
    use crate::platform::snapshots::SnapshotError;
    use crate::products::complaints::control::ComplaintError;
    use crate::products::pay_score::control::ServiceOrderError;
    use crate::products::payments::person::PaymentError;
    use crate::products::transfers::control::TransferError;

    #[test]
    fn each_error_tells_its_cause_once_and_keeps_its_type() {
        let cause = || io::Error::other("the disk is gone");
        let errors: [(StartError, &str); 6] = [
            (
                StartError::Folder(FolderError::Temporary(cause())),
                "the folder for the sandbox's data could not be created",
            ),
            (
                StartError::Folder(FolderError::File { path: "x".into(), error: cause() }),
                "x cannot be used; use another data folder",
            ),
            (
                StartError::Kit(KitError::File { path: "kit.json".into(), error: cause() }),
                "the sandbox's kit is inconsistent: kit.json cannot be read or written",
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
            tells_its_cause_once(&error, text);
        }
    }

    fn tells_its_cause_once(error: &(dyn Error + 'static), text: &str) {
        let whole = format!("{text}: the disk is gone");
        assert_eq!(format!("{error:#}"), whole);
        assert!(text.starts_with(&error.to_string()), "{error}");
        // As programs print it that walk through the causes.
        let (mut last, mut walked) = (error, error.to_string());
        while let Some(cause) = last.source() {
            walked.push_str(&format!(": {cause}"));
            last = cause;
        }
        assert_eq!(walked, whole);
        assert!(last.is::<io::Error>(), "{last:?}");
    }

    #[test]
    fn an_error_that_is_its_cause_has_the_causes_of_its_cause() {
        let database = || StoreError::File(io::Error::other("the disk is gone"));
        let text = "the sandbox's database could not be opened";
        tells_its_cause_once(&ClockError::Store(database()), text);
        tells_its_cause_once(&SnapshotError::Store(database()), text);
        tells_its_cause_once(&PaymentError::Store(database()), text);
        tells_its_cause_once(
            &NotificationError::Store(database()),
            &format!("the notifications could not be read or stored: {text}"),
        );
        tells_its_cause_once(
            &MerchantError::Store(database()),
            &format!("the merchant could not be stored: {text}"),
        );
        tells_its_cause_once(
            &ComplaintError::Store(database()),
            &format!("the complaint could not be stored: {text}"),
        );
        tells_its_cause_once(
            &ServiceOrderError::Store(database()),
            &format!("the order could not be stored: {text}"),
        );
        tells_its_cause_once(
            &TransferError::Store(database()),
            &format!("the transfer could not be stored: {text}"),
        );
    }
}
