//! Where the state is kept, and opening it there: in the file of a data folder, in memory, or in a database that other nodes use
//! as well.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;
use std::sync::Mutex;

use tokio::sync::Notify;

#[cfg(feature = "postgres")]
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Beginnings, Database, Store, StoreError};
use crate::data_folder::private;

/// Where a sandbox keeps its state: in a file of its data folder, which is the default; in memory; or in a PostgreSQL database,
/// which other sandboxes may use at the same time (feature `postgres`).
///
/// It is read from `sqlite`, `memory`, or the address of a database:
///
/// ```
/// use weipay_sandbox::StoreAddress;
///
/// let memory: StoreAddress = "memory".parse().unwrap();
/// assert_eq!(memory, StoreAddress::MEMORY);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreAddress(pub(super) Kind);

#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    File,
    Memory,
    #[cfg(feature = "postgres")]
    Postgres(Box<super::postgres::Address>),
}

impl StoreAddress {
    /// `state.db` in the data folder: SQLite.
    pub const FILE: Self = Self(Kind::File);
    /// Memory: the state ends with the sandbox.
    pub const MEMORY: Self = Self(Kind::Memory);
}

impl FromStr for StoreAddress {
    type Err = String;

    /// What is wrong with an address is said without the address, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::FILE),
            "memory" => Ok(Self::MEMORY),
            _ if text.starts_with("postgres://") || text.starts_with("postgresql://") => postgres(text),
            _ => Err("a store is sqlite, memory, or postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned()),
        }
    }
}

#[cfg(feature = "postgres")]
fn postgres(text: &str) -> Result<StoreAddress, String> {
    Ok(StoreAddress(Kind::Postgres(Box::new(super::postgres::Address::read(text)?))))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &str) -> Result<StoreAddress, String> {
    Err("this program was built without PostgreSQL; build it with the feature `postgres`".to_owned())
}

/// Never the password.
impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File => f.write_str("sqlite"),
            Kind::Memory => f.write_str("memory"),
            #[cfg(feature = "postgres")]
            Kind::Postgres(address) => f.write_str(&address.place()),
        }
    }
}

impl Store {
    /// Opens the state at an address; `file` is where the data folder has it.
    pub(crate) fn at(address: &StoreAddress, file: &Path) -> Result<Self, StoreError> {
        match &address.0 {
            Kind::File => Self::open(file),
            Kind::Memory => Ok(Self::own(Sqlite::in_memory()?, "memory".to_owned())),
            #[cfg(feature = "postgres")]
            Kind::Postgres(address) => {
                let database = Database::Shared(Box::new(Postgres::open(address)?));
                Ok(Self::of(database, address.place()))
            }
        }
    }

    /// Opens the database of a data folder, and makes it when there is none.
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        // SQLite gives the files beside it (`-wal`, `-shm`) the mode of this one.
        private::open_file(File::options().append(true).create(true), file).map_err(StoreError::File)?;
        Ok(Self::own(Sqlite::open(file)?, file.display().to_string()))
    }

    fn own(sqlite: Sqlite, place: String) -> Self {
        Self::of(Database::Own(Mutex::new(sqlite)), place)
    }

    fn of(database: Database, place: String) -> Self {
        Self { database, place, outbox_changed: Notify::new(), beginnings: Beginnings::Same }
    }

    /// Lets new series of official numbers begin here.
    pub(crate) fn beginning(self, beginnings: Beginnings) -> Self {
        Self { beginnings, ..self }
    }

    /// A store that is gone with its value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self::at(&StoreAddress::MEMORY, Path::new("")).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_three() {
        assert_eq!("sqlite".parse(), Ok(StoreAddress::default()));
        assert_eq!("memory".parse(), Ok(StoreAddress::MEMORY));
        for wrong in ["", "SQLITE", "mysql://me:secret@host/db", "state.db", "postgres:secret"] {
            let refusal = wrong.parse::<StoreAddress>().unwrap_err();
            assert!(refusal.contains("postgres://USER") && !refusal.contains("secret"), "{refusal}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_password_is_neither_printed_nor_repeated() {
        let address: StoreAddress = "postgres://me:secret@db.example:5433/weipay".parse().unwrap();
        assert_eq!(format!("{address:?}"), "postgres://db.example:5433/weipay");
        for wrong in [
            "postgres://",
            "postgres://me:secret@host:port/db",
            "postgres://me@host/db?secret=1",
            "postgres://me:secret@host/db?sslmode=maybe",
        ] {
            let refusal = wrong.parse::<StoreAddress>().unwrap_err();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
