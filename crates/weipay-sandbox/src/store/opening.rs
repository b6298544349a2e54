//! Opening a store: in the file of a data folder, in memory, or in a database that other nodes use as well.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::address::Kind;
#[cfg(feature = "postgres")]
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Beginnings, Database, Store, StoreAddress, StoreError};
use crate::data_folder::private;

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
