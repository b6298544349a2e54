//! SQLite as the [engine](super::engine) of the store.

mod migrations;
mod whole_state;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, params_from_iter};

use super::StoreError;
use super::engine::{
    Direction, Due, Engine, Fingerprint, IdempotencyKey, IndexPosition, IndexRange, NewRecord, OutboxEntry,
    Page, StoredRecord, StoredResponse,
};
pub(super) use migrations::FORM;

/// The log is folded into the database after this number of pages of 4 KiB. Folding waits for the disk twice, tens of
/// milliseconds on a slow one, and SQLite's usual 1,000 pages are full after some 250 requests. A log that a killed
/// process left is read at the next start, which bounds its length from above: 16 MiB take about ten milliseconds.
const LOG_PAGES: u32 = 4096;

/// The largest database, in pages, that is looked through at the start: 16 MiB take some ten milliseconds.
const MAX_CHECKED_PAGES: u32 = 4096;

/// The columns of a notification, as [`waiting`] reads them.
const OUTBOX: &str = "number, mchid, notify_url, platform_serial, event_type, time, resource, attempts, due";

/// A connection to one database, which is in order and has the tables of this program.
pub(super) struct Sqlite(Connection, Option<OpenFile>);

/// The file of a database, as it was when it was opened: what is written after somebody has deleted it is lost.
struct OpenFile {
    path: PathBuf,
    /// Which file it is, where the system tells.
    number: Option<u64>,
}

impl OpenFile {
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), number: Self::number(path) }
    }

    #[cfg(unix)]
    fn number(path: &Path) -> Option<u64> {
        std::fs::metadata(path).ok().map(|found| std::os::unix::fs::MetadataExt::ino(&found))
    }

    #[cfg(not(unix))]
    fn number(_: &Path) -> Option<u64> {
        None
    }

    fn check(&self) -> Result<(), StoreError> {
        let gone = || {
            let reason =
                "the file was deleted or replaced while the sandbox ran: stop the sandbox and start it again";
            StoreError::File(io::Error::new(io::ErrorKind::NotFound, reason))
        };
        if self.number.is_some() && Self::number(&self.path) != self.number {
            return Err(gone());
        }
        Ok(())
    }
}

impl Sqlite {
    /// Opens a database, and brings it to the form of this program.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let opened = Self::prepared(sql(|| Connection::open(file))?)?;
        Ok(Self(opened.0, Some(OpenFile::of(file))))
    }

    /// A database that is gone with its value.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::prepared(sql(Connection::open_in_memory)?)
    }

    fn prepared(mut connection: Connection) -> Result<Self, StoreError> {
        sql(|| {
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
            // Otherwise a plan depends on the value of a limit, and every statement with one is compiled
            // again each time that it is run.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        })?;
        migrations::run(&mut connection)?;
        check_whole(&connection)?;
        Ok(Self(connection, None))
    }

    /// Does work in one transaction. An error takes everything back.
    pub(super) fn transaction<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&dyn Engine) -> Result<T, E>,
    ) -> Result<T, E> {
        self.1.as_ref().map_or(Ok(()), OpenFile::check)?;
        let open = sql(|| Open::begin(&self.0))?;
        let done = work(&self.0)?;
        sql(|| open.commit())?;
        Ok(done)
    }

    /// Looks whether anything is due, without the cost of a transaction that writes.
    pub(super) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        self.1.as_ref().map_or(Ok(()), OpenFile::check)?;
        sql(|| {
            let mut statement = self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM due WHERE at <= ?1)")?;
            statement.query_row([now], |row| row.get(0))
        })
    }
}

/// An open transaction. What was not committed is taken back.
///
/// It is rusqlite's `Transaction`, with statements that are compiled once: there are several transactions for each request.
struct Open<'a>(&'a Connection);

impl<'a> Open<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // After a commit, and after errors with which SQLite itself takes everything back, none is open.
        if !self.0.is_autocommit() {
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// Runs a statement, and maps its errors.
pub(super) fn sql<T>(work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StoreError> {
    work().map_err(|error| match error {
        // The rejected statement is long, and means nothing to the user of a sandbox.
        rusqlite::Error::SqlInputError { msg, .. } => StoreError::Database(msg.into()),
        error => StoreError::Database(Box::new(error)),
    })
}

/// Runs an integrity check on a small database, so that corruption is found at startup.
fn check_whole(connection: &Connection) -> Result<(), StoreError> {
    let pages: u32 = sql(|| connection.pragma_query_value(None, "page_count", |row| row.get(0)))?;
    if pages > MAX_CHECKED_PAGES {
        return Ok(());
    }
    let found: String = sql(|| connection.pragma_query_value(None, "quick_check", |row| row.get(0)))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(found)) }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord { key: row.get(0)?, version: row.get(1)?, document: row.get(2)? })
}

/// A notification as [`OUTBOX`] selects it.
fn waiting(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    let resource: String = row.get(6)?;
    Ok(OutboxEntry {
        number: row.get(0)?,
        mchid: row.get(1)?,
        notify_url: row.get(2)?,
        platform_serial: row.get(3)?,
        event_type: row.get(4)?,
        time: row.get(5)?,
        resource: serde_json::from_str(&resource).unwrap_or_default(),
        attempts: row.get(7)?,
        due: row.get(8)?,
    })
}

/// `FROM` and `WHERE` of a search by conditions, with their values. The first condition finds, in the order of its index;
/// the others are asked about what it found.
fn search(kind: &str, conditions: &[IndexRange]) -> Option<(String, Vec<SqlValue>)> {
    let mut values = Vec::new();
    let mut test = |table: &str, condition: &IndexRange| {
        let texts = [kind, condition.index, &condition.from, &condition.to];
        let (test, count) = if condition.is_one_value() { ("= ?", 3) } else { ("BETWEEN ? AND ?", 4) };
        values.extend(texts.into_iter().take(count).map(|text| SqlValue::from(text.to_owned())));
        format!("{table}.kind = ? AND {table}.name = ? AND {table}.value {test}")
    };
    let (first, others) = conditions.split_first()?;
    let mut text = format!(
        "FROM record_indexes AS found JOIN records ON records.number = found.number WHERE {}",
        test("found", first)
    );
    for condition in others {
        text.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM record_indexes AS other WHERE other.number = found.number AND {})",
            test("other", condition)
        ));
    }
    Some((text, values))
}

/// Writes the index entries of a record.
fn write_indexes(connection: &Connection, record: &NewRecord<'_>, number: i64) -> rusqlite::Result<()> {
    let entries = record.indexes.iter().map(|entry| (entry.index, &*entry.value));
    write_entries(connection, record.kind, entries, number)
}

/// Updates the index entries of a record. Unchanged entries are not rewritten, to keep the WAL small: each is on a
/// page of its own.
fn change_indexes(connection: &Connection, record: &NewRecord<'_>, number: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("SELECT kind, name, value FROM record_indexes WHERE number = ?1")?;
    let read = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    let there: Vec<[String; 3]> = statement.query_map([number], read)?.collect::<Result<_, _>>()?;
    let stays = |[kind, name, value]: &[String; 3]| {
        kind == record.kind && record.indexes.iter().any(|entry| entry.index == name && entry.value == *value)
    };
    let mut delete = connection.prepare_cached(
        "DELETE FROM record_indexes WHERE kind = ?1 AND name = ?2 AND value = ?3 AND number = ?4",
    )?;
    for gone in there.iter().filter(|entry| !stays(entry)) {
        let [kind, name, value] = gone;
        delete.execute(params![kind, name, value, number])?;
    }
    let is_new = |name: &str, value: &str| {
        !there.iter().any(|entry| stays(entry) && entry[1] == name && entry[2] == value)
    };
    let entries = record.indexes.iter().map(|entry| (entry.index, &*entry.value));
    write_entries(connection, record.kind, entries.filter(|(name, value)| is_new(name, value)), number)
}

fn write_entries<'a>(
    connection: &Connection,
    kind: &str,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    number: i64,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO record_indexes (kind, name, value, number) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (name, value) in entries {
        statement.execute(params![kind, name, value, number])?;
    }
    Ok(())
}

fn insert_into_outbox(connection: &Connection, entry: &OutboxEntry) -> rusqlite::Result<usize> {
    let OutboxEntry { number, mchid, notify_url, platform_serial, event_type, time, resource, attempts, due } =
        entry;
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO outbox ({OUTBOX}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    ))?;
    let resource = serde_json::to_string(resource)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    statement.execute(params![
        number,
        mchid,
        notify_url,
        platform_serial,
        event_type,
        time,
        resource,
        attempts,
        due
    ])
}

impl Engine for Connection {
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        sql(|| {
            let mut statement = self
                .prepare_cached("SELECT key, version, document FROM records WHERE kind = ?1 AND key = ?2")?;
            statement.query_row([kind, key], stored).optional()
        })
    }

    fn records(
        &self,
        kind: &str,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let Some((search, mut values)) = search(kind, conditions) else { return Ok(Vec::new()) };
        values.extend([SqlValue::from(page.limit), SqlValue::from(page.offset)]);
        sql(|| {
            let mut statement = self.prepare_cached(&format!(
                "SELECT key, version, document {search} ORDER BY found.number DESC LIMIT ? OFFSET ?"
            ))?;
            statement.query_map(params_from_iter(values), stored)?.collect()
        })
    }

    fn scan(
        &self,
        kind: &str,
        range: &IndexRange,
        direction: Direction,
        after: &IndexPosition,
        limit: i64,
    ) -> Result<Vec<(IndexPosition, StoredRecord)>, StoreError> {
        let (end, [beyond, up_to, order]) = direction.sql(range);
        let text = format!(
            "SELECT key, version, document, found.value, found.number
             FROM record_indexes AS found JOIN records ON records.number = found.number
             WHERE found.kind = ? AND found.name = ?
                 AND (found.value, found.number) {beyond} (?, ?) AND found.value {up_to} ?
             ORDER BY found.value {order}, found.number {order} LIMIT ?"
        );
        let values = params![kind, range.index, after.value, after.number, end, limit];
        sql(|| {
            let mut statement = self.prepare_cached(&text)?;
            let placed =
                |row: &Row<'_>| Ok((IndexPosition { value: row.get(3)?, number: row.get(4)? }, stored(row)?));
            statement.query_map(values, placed)?.collect()
        })
    }

    fn count(&self, kind: &str, conditions: &[IndexRange]) -> Result<i64, StoreError> {
        let Some((search, values)) = search(kind, conditions) else { return Ok(0) };
        sql(|| {
            let mut statement = self.prepare_cached(&format!("SELECT count(*) {search}"))?;
            statement.query_row(params_from_iter(values), |row| row.get(0))
        })
    }

    // `RETURNING` is not used by what every request does: SQLite gathers its rows in a table, which costs more than the rest of
    // the statement.
    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError> {
        sql(|| {
            let mut statement = self.prepare_cached(
                "INSERT INTO records (kind, key, version, document) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (kind, key) DO NOTHING",
            )?;
            if statement.execute([record.kind, record.key, record.document])? == 0 {
                return Ok(false);
            }
            write_indexes(self, record, self.last_insert_rowid()).map(|()| true)
        })
    }

    fn update(
        &self,
        record: &NewRecord<'_>,
        version: i64,
        indexes_changed: bool,
    ) -> Result<bool, StoreError> {
        sql(|| {
            let mut statement = self.prepare_cached(
                "UPDATE records SET document = ?3, version = version + 1
                 WHERE kind = ?1 AND key = ?2 AND version = ?4",
            )?;
            if statement.execute(params![record.kind, record.key, record.document, version])? == 0 {
                return Ok(false);
            }
            if indexes_changed {
                let mut statement =
                    self.prepare_cached("SELECT number FROM records WHERE kind = ?1 AND key = ?2")?;
                let number = statement.query_row([record.kind, record.key], |row| row.get(0))?;
                change_indexes(self, record, number)?;
            }
            Ok(true)
        })
    }

    fn next_number(&self, series: &str, first: i64) -> Result<i64, StoreError> {
        sql(|| {
            let mut statement = self.prepare_cached("SELECT value FROM counters WHERE name = ?1")?;
            let last: Option<i64> = statement.query_row([series], |row| row.get(0)).optional()?;
            // Nobody else writes before this transaction ends.
            let (next, write) = match last {
                None => (first, "INSERT INTO counters (name, value) VALUES (?1, ?2)"),
                Some(last) => (last.saturating_add(1), "UPDATE counters SET value = ?2 WHERE name = ?1"),
            };
            self.prepare_cached(write)?.execute(params![series, next])?;
            Ok(next)
        })
    }

    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError> {
        let row: Option<([u8; 32], String)> = sql(|| {
            let mut statement = self.prepare_cached(
                "SELECT fingerprint, response FROM idempotency_keys
                 WHERE operation = ?1 AND scope = ?2 AND request_no = ?3",
            )?;
            let values = [key.operation, key.scope, key.request_no];
            statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })?;
        row.map(|(fingerprint, response)| {
            let response = serde_json::from_str(&response).map_err(|_| {
                StoreError::Corrupt(format!("a response that was kept for {}", key.operation))
            })?;
            Ok(StoredResponse { fingerprint: Fingerprint(fingerprint), response })
        })
        .transpose()
    }

    fn keep_response(&self, key: &IdempotencyKey<'_>, response: &StoredResponse) -> Result<(), StoreError> {
        let StoredResponse { fingerprint, response } = response;
        sql(|| {
            let mut statement = self.prepare_cached(
                "INSERT INTO idempotency_keys (operation, scope, request_no, fingerprint, response)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let response = response.to_string();
            statement.execute(params![key.operation, key.scope, key.request_no, fingerprint.0, response])
        })
        .map(drop)
    }

    fn add_to_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        sql(|| insert_into_outbox(self, entry)).map(drop)
    }

    fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        sql(|| {
            let mut statement = self.prepare_cached(&format!(
                "SELECT {OUTBOX} FROM outbox WHERE due <= ?1 ORDER BY due, number LIMIT ?2"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement.query_map([now, limit], waiting)?.collect()
        })
    }

    fn repeats_beyond(
        &self,
        mchid: &str,
        receiver: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        // It begins with the condition of its index, word by word.
        const REPEATS: &str = "mchid = ?1 AND attempts > 0 AND due < 1099511627776
            AND substr(notify_url || '/', 1, length(?2) + 1) = ?2 || '/'";
        sql(|| {
            let mut statement = self.prepare_cached(&format!(
                "SELECT {OUTBOX} FROM outbox WHERE {REPEATS} AND number <=
                     (SELECT number FROM outbox WHERE {REPEATS} ORDER BY number DESC LIMIT 1 OFFSET ?3)
                 ORDER BY number LIMIT ?4"
            ))?;
            statement.query_map(params![mchid, receiver, newest, limit], waiting)?.collect()
        })
    }

    fn claim_due(
        &self,
        now: i64,
        limit: usize,
        busy: &[String],
        under_way: &[i64],
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let others = " AND substr(notify_url || '/', 1, length(?) + 1) <> ? || '/'".repeat(busy.len());
        let mut values = vec![SqlValue::from(now)];
        values.extend(busy.iter().flat_map(|busy| [busy, busy]).map(|busy| SqlValue::from(busy.clone())));
        sql(|| {
            let mut statement = self.prepare_cached(&format!(
                "SELECT {OUTBOX} FROM outbox WHERE due <= ?{others} ORDER BY due, number"
            ))?;
            let (mut rows, mut found) = (statement.query(params_from_iter(values))?, Vec::new());
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                if !under_way.contains(&row.get(0)?) {
                    found.push(waiting(row)?);
                }
            }
            Ok(found)
        })
    }

    fn claim(&self, entry: &OutboxEntry, moved: bool) -> Result<Option<OutboxEntry>, StoreError> {
        sql(|| {
            let mut there = self.prepare_cached(&format!(
                "UPDATE outbox SET attempts = CASE WHEN ?2 THEN ?3 ELSE attempts END, due = CASE WHEN ?2 THEN ?4 ELSE due END
                 WHERE number = ?1 RETURNING {OUTBOX}"
            ))?;
            let values = params![entry.number, moved, entry.attempts, entry.due];
            if let Some(found) = there.query_row(values, waiting).optional()? {
                return Ok(Some(found));
            }
            insert_into_outbox(self, entry)?;
            Ok(Some(entry.clone()))
        })
    }

    fn postpone(&self, number: i64, attempts: u32, due: i64) -> Result<bool, StoreError> {
        let changed = sql(|| {
            self.prepare_cached("UPDATE outbox SET attempts = ?2, due = ?3 WHERE number = ?1")?
                .execute(params![number, attempts, due])
        })?;
        Ok(changed > 0)
    }

    fn change_due(&self, number: i64, due: i64) -> Result<(), StoreError> {
        sql(|| {
            self.prepare_cached("UPDATE outbox SET due = ?2 WHERE number = ?1")?.execute(params![number, due])
        })
        .map(drop)
    }

    fn give_back(&self, _: i64) -> Result<(), StoreError> {
        // Nobody else is kept away.
        Ok(())
    }

    fn remove_from_outbox(&self, number: i64) -> Result<bool, StoreError> {
        sql(|| self.prepare_cached("DELETE FROM outbox WHERE number = ?1")?.execute([number])).map(|_| true)
    }

    fn schedule(&self, due: &Due) -> Result<(), StoreError> {
        sql(|| {
            let mut statement = self.prepare_cached(
                "INSERT INTO due (kind, key, at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at WHERE at <> excluded.at",
            )?;
            statement.execute(params![due.kind, due.key, due.at])
        })
        .map(drop)
    }

    fn unschedule(&self, due: &Due) -> Result<bool, StoreError> {
        let removed = sql(|| {
            self.prepare_cached("DELETE FROM due WHERE kind = ?1 AND key = ?2 AND at = ?3")?
                .execute(params![due.kind, due.key, due.at])
        })?;
        Ok(removed > 0)
    }

    fn generation(&self) -> i64 {
        0
    }

    fn is_claimed(&self, _: i64) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn due_after(&self, now: i64, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, StoreError> {
        let (kind, key, at) = after.map_or(("", "", i64::MIN), |due| (&*due.kind, &*due.key, due.at));
        let read = |row: &Row<'_>| Ok(Due { kind: row.get(0)?, key: row.get(1)?, at: row.get(2)? });
        sql(|| {
            let mut statement = self.prepare_cached(
                "SELECT kind, key, at FROM due WHERE at <= :now AND (at, kind, key) > (:at, :kind, :key)
                 ORDER BY at, kind, key LIMIT :limit",
            )?;
            let values =
                named_params! { ":now": now, ":at": at, ":kind": kind, ":key": key, ":limit": limit };
            statement.query_map(values, read)?.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::IndexEntry;

    #[test]
    fn index_entries_that_stay_are_not_written_again() {
        let mut sqlite = Sqlite::in_memory().unwrap();
        let entries = |value: &str| {
            [IndexEntry::new("name", "a"), IndexEntry::new("time", value), IndexEntry::new("other", "b")]
        };
        let (before, after) = (entries("1"), entries("2"));
        let of = |indexes| NewRecord { kind: "k", key: "1", document: "{}", indexes };
        let inserted = sqlite.transaction(|engine| engine.insert(&of(&before)));
        assert!(inserted.unwrap());
        let changes = sqlite.0.total_changes();
        let updated = sqlite.transaction(|engine| engine.update(&of(&after), 1, true));
        assert!(updated.unwrap());
        // The record, the entry that is gone, and the one in its place.
        assert_eq!(sqlite.0.total_changes() - changes, 3);
        let found = |value: &str| {
            let range = IndexRange::equal("time", value);
            sqlite.0.count("k", &[range]).unwrap()
        };
        assert_eq!((found("1"), found("2")), (0, 1));
    }

    #[test]
    fn a_statement_with_a_limit_is_compiled_once() {
        let sqlite = Sqlite::in_memory().unwrap();
        let mut statement =
            sqlite.0.prepare("SELECT kind FROM due WHERE at <= ?1 ORDER BY at LIMIT ?2").unwrap();
        for limit in 1..5 {
            assert_eq!(statement.query([limit, limit]).unwrap().next().unwrap().map(drop), None);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
