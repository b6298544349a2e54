//! Snapshots (快照): the state as it is, kept under a name, and put back later.
//!
//! A snapshot has everything that requests, people and the clock have made: records, counters, idempotency
//! keys, the outbox, due times, where the clock stands or how it runs, and where a seeded sequence of numbers
//! is. So what was to expire expires, and a notification that waited waits again, even if it was acknowledged in
//! between. With a seed the same requests afterwards have the same responses. Without one no official number that was
//! given after the snapshot is given again, because a shop's database has it: the series go on.
//!
//! It has no merchants and no keys. A restore leaves them as they are now: a merchant that was added since
//! then stays, and so does its kit; a key that was rotated away or a certificate that was revoked does not
//! come back. A snapshot of a sandbox with merchants that this one does not have is refused. Rules of faults
//! and the log of requests are not state, and stay as well.
//!
//! A restore is one transaction: it happens whole, or nothing changes. Meanwhile no request is carried out
//! and nothing falls due, so that nothing is done to the new state at the time of the old one.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::{error, fmt};

use super::{Epoch, Platform, Task, events, tick};
use crate::clock;
use crate::data_folder::{SNAPSHOTS, private};
use crate::error::append_causes;
use crate::gate::Replays;
use crate::reasons;
use crate::store::snapshot::{FORM, Head, OLDEST_FORM, ReadError, Reader, Writer};
use crate::store::{StoreError, StoredRow, Transaction};

/// Maximum number of snapshots; one must be removed before another is kept.
const MAX_SNAPSHOTS: usize = 100;
const EXTENSION: &str = "jsonl";

/// Name prefix of temporary snapshots, which the command makes while it copies from or to another file. They do not
/// count towards the limit.
pub const TEMPORARY_SNAPSHOT_PREFIX: &str = "of-command-";

/// A snapshot in the data folder. It contains personal data, such as openids and names, and only its owner can read
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name, by which it is restored.
    pub name: String,
    /// The file, in JSON lines.
    pub file: PathBuf,
    /// The size of the file.
    pub bytes: u64,
}

/// Error of taking or restoring a snapshot. The state is unchanged.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The name cannot be the name of a file everywhere.
    Name(String),
    /// There is no snapshot with this name; the existing ones.
    Unknown(String, Vec<String>),
    /// The limit on snapshots is reached.
    TooMany,
    /// The clock is being moved by another call.
    Busy,
    /// The file could not be read or written.
    File(PathBuf, io::Error),
    /// A line of the file is not what a snapshot has there.
    Broken {
        /// Which line, from 1.
        line: u64,
        /// The mistake in it.
        reason: String,
    },
    /// Another version of this program took it.
    Form {
        /// The schema version of the snapshot.
        found: usize,
        /// The schema version that this program writes.
        wanted: usize,
    },
    /// It names a merchant that this sandbox does not have.
    Merchant(String),
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "{name:?} cannot name a snapshot: use 1 to 64 letters, digits, `-`, `_` and `.`, and no `.` at the beginning"
            ),
            Self::Unknown(name, known) if known.is_empty() => {
                write!(f, "no snapshot has the name {name}; none was taken")
            }
            Self::Unknown(name, known) => {
                write!(f, "no snapshot has the name {name}; there are: {}", known.join(", "))
            }
            Self::TooMany => write!(
                f,
                "there are {MAX_SNAPSHOTS} snapshots already; remove one first, with: weipay sandbox snapshot --remove NAME"
            ),
            Self::Busy => f.write_str(reasons::CLOCK_IS_MOVED),
            Self::File(path, _) => write!(f, "{} cannot be read or written", path.display()),
            Self::Broken { line, reason } => {
                write!(f, "the snapshot is broken in line {line}: {reason}; nothing was restored")
            }
            Self::Form { found, wanted } => write!(
                f,
                "the snapshot has schema version {found}, but this program needs {wanted}; take it again with this \
                 program; nothing was restored"
            ),
            Self::Merchant(mchid) => write!(
                f,
                "the snapshot was taken with merchant {mchid}, which this sandbox does not have; add it first; nothing \
                 was restored"
            ),
            Self::Store(error) => return error.fmt(f),
        }?;
        append_causes(self, f)
    }
}

impl error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            // `Display` is that of the cause.
            Self::Store(error) => error.source(),
            _ => None,
        }
    }
}

impl From<StoreError> for SnapshotError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Kinds of records that are not part of a snapshot. The clock stands in its first line.
fn is_left_out(row: &StoredRow) -> bool {
    matches!(row, StoredRow::Record { kind, .. } if tick::KEPT.contains(&&**kind))
}

impl Platform {
    /// Keeps the state under a name, in the place of the snapshot that had it before.
    pub(crate) fn take_snapshot(&self, name: &str) -> Result<(Snapshot, u64), SnapshotError> {
        check_name(name)?;
        let folder = self.home.join(SNAPSHOTS);
        let file = folder.join(format!("{name}.{EXTENSION}"));
        let failed = |error| SnapshotError::File(file.clone(), error);
        private::make_folder(&folder).map_err(failed)?;
        let is_passing = |name: &str| name.starts_with(TEMPORARY_SNAPSHOT_PREFIX);
        let counts = |known: &&Snapshot| known.name != name && is_passing(&known.name) == is_passing(name);
        if self.snapshots()?.iter().filter(counts).count() >= MAX_SNAPSHOTS {
            return Err(SnapshotError::TooMany);
        }
        let unfinished = file.with_extension("unfinished");
        // What fails here is told. Another node may have added a merchant a moment ago.
        let _ = self.watched(Task::Merchants, self.look_at_merchants());
        let _alone = self.state_lock.write().unwrap_or_else(PoisonError::into_inner);
        let mut head = Head {
            form: FORM,
            time: clock::rfc3339(clock::machine_now()),
            clock: self.clock.mode(),
            sequence: self.entropy.place().map(|place| place.to_string()),
            merchants: self.merchants.all().iter().map(|merchant| merchant.account.mchid.clone()).collect(),
        };
        let written = self.store.transaction(|tx| {
            // Another node may have moved the clock: rows and clock are of one moment.
            if self.store.is_shared()
                && let Some(kept) = events::kept_clock(tx)?
            {
                head.clock = kept;
            }
            write(tx, &unfinished, &head).map_err(|error| match error {
                WriteError::File(error) => failed(error),
                WriteError::Store(error) => error.into(),
            })
        });
        let kept = written.and_then(|rows| fs::rename(&unfinished, &file).map_err(failed).map(|()| rows));
        if kept.is_err() {
            // It would fill the disk further, and nobody would see it. What failed is told.
            let _ = fs::remove_file(&unfinished);
        }
        let rows = kept?;
        Ok((snapshot(name.to_owned(), file)?, rows))
    }

    /// Puts the state of a snapshot in the place of what there is.
    pub(crate) fn restore_snapshot(&self, name: &str) -> Result<u64, SnapshotError> {
        let file = self.find_snapshot(name)?.file;
        let _ = self.watched(Task::Merchants, self.look_at_merchants());
        let _turn = self.clock_run_lock.try_lock().map_err(|_| SnapshotError::Busy)?;
        let rows = {
            // In this order: a request that holds the state may have to look at the clock before it lets go.
            let _alone = self.state_lock.write().unwrap_or_else(PoisonError::into_inner);
            let _still = self.clock.wait_until_still();
            let (head, rows) = self.store.transaction(|tx| self.put_back(tx, &file))?;
            self.replays.iter().for_each(Replays::clear);
            // Beside others, a place may be one that another node draws from.
            let place = head.sequence.filter(|_| !self.store.is_shared());
            if let Some(place) = place.and_then(|place| place.parse().ok()) {
                self.entropy.go_to(place);
            }
            *self.seen_clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(head.clock);
            self.clock.restore(head.clock);
            rows
        };
        // Outside of the lock, because what listens does what is due.
        self.clock.tell();
        self.store.look_at_outbox();
        Ok(rows)
    }

    fn put_back(&self, tx: &Transaction<'_>, file: &Path) -> Result<(Head, u64), SnapshotError> {
        let failed = |error| match error {
            ReadError::File(error) => SnapshotError::File(file.to_owned(), error),
            ReadError::Broken { line, reason } => SnapshotError::Broken { line, reason },
        };
        let opened = File::open(file).map_err(|error| SnapshotError::File(file.to_owned(), error))?;
        let (mut reader, head) = Reader::new(BufReader::new(opened)).map_err(failed)?;
        if !(OLDEST_FORM..=FORM).contains(&head.form) {
            return Err(SnapshotError::Form { found: head.form, wanted: FORM });
        }
        if let Some(mchid) = head.merchants.iter().find(|mchid| self.merchants.find(mchid).is_none()) {
            return Err(SnapshotError::Merchant(mchid.chars().take(32).collect()));
        }
        let mut given = tx.given_numbers()?;
        tx.clear(&tick::KEPT)?;
        Epoch::begin_next(tx)?;
        let mut rows = 0;
        while let Some(mut row) = reader.row().map_err(failed)? {
            if let StoredRow::Counter { name, value } = &mut row {
                *value = (*value).max(given.remove(&*name).unwrap_or_default());
            }
            if is_left_out(&row) {
                return Err(failed(reader.broken("a snapshot has no records of this kind".to_owned())));
            }
            if !tx.add_row(&row)? {
                return Err(failed(reader.broken("the row is in the file twice".to_owned())));
            }
            rows += 1;
        }
        // Series that began after the snapshot.
        tx.go_on_after(given)?;
        events::keep(tx, head.clock)?;
        Ok((head, rows))
    }

    /// The snapshots that there are, by name.
    pub(crate) fn snapshots(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        let folder = self.home.join(SNAPSHOTS);
        let failed = |error| SnapshotError::File(folder.clone(), error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file() {
                found.push(snapshot(name, path)?);
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Takes a snapshot away.
    pub(crate) fn remove_snapshot(&self, name: &str) -> Result<(), SnapshotError> {
        let file = self.find_snapshot(name)?.file;
        fs::remove_file(&file).map_err(|error| SnapshotError::File(file, error))
    }

    fn find_snapshot(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        check_name(name)?;
        let mut known = self.snapshots()?;
        match known.iter().position(|snapshot| snapshot.name == name) {
            Some(place) => Ok(known.swap_remove(place)),
            None => {
                let known = known.into_iter().map(|snapshot| snapshot.name).collect();
                Err(SnapshotError::Unknown(name.to_owned(), known))
            }
        }
    }
}

fn snapshot(name: String, file: PathBuf) -> Result<Snapshot, SnapshotError> {
    match fs::metadata(&file) {
        Ok(metadata) => Ok(Snapshot { name, file, bytes: metadata.len() }),
        Err(error) => Err(SnapshotError::File(file, error)),
    }
}

/// It names a file.
fn check_name(name: &str) -> Result<(), SnapshotError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(SnapshotError::Name(name.chars().take(80).collect()))
    }
}

enum WriteError {
    File(io::Error),
    Store(StoreError),
}

/// Writes the file again, down to the disk: the transaction may be done again.
fn write(tx: &Transaction<'_>, file: &Path, head: &Head) -> Result<u64, WriteError> {
    let opened = private::open_file(File::options().write(true).create(true).truncate(true), file);
    let mut writer =
        Writer::new(BufWriter::new(opened.map_err(WriteError::File)?), head).map_err(WriteError::File)?;
    let mut failed = None;
    let written = tx.rows(&mut |row| {
        if !is_left_out(&row)
            && let Err(error) = writer.row(&row)
        {
            failed = Some(error);
            return Err(StoreError::Internal("the file of the snapshot could not be written".to_owned()));
        }
        Ok(())
    });
    match (failed, written) {
        (Some(error), _) => return Err(WriteError::File(error)),
        (None, written) => written.map_err(WriteError::Store)?,
    }
    let (buffer, rows) = writer.end().map_err(WriteError::File)?;
    let file = buffer.into_inner().map_err(|error| WriteError::File(error.into_error()))?;
    file.sync_all().map_err(WriteError::File)?;
    Ok(rows)
}
