//! Numbered migrations (迁移) of a PostgreSQL database.
//!
//! Nodes start at the same time, and not every database takes changes of tables back. So every statement stands by itself and
//! does nothing where its work is done: who comes second, or comes again, ends with the same tables.

use std::thread;
use std::time::Duration;

use super::connections::{Connection, Failure};
use crate::store::StoreError;

/// The first makes the tables of form 1, the second leads from form 1 to form 2, and so on. One that was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// The form of the tables that this program reads and writes.
pub(super) const FORM: usize = MIGRATIONS.len();

/// How often a statement is tried again while another node runs it.
const MAX_TRIES: u32 = 20;

/// Brings a database to the form of the last migration. A database of a later form belongs to a later program, and is refused.
pub(super) fn run(connection: &Connection) -> Result<(), StoreError> {
    let wanted = i64::try_from(FORM).unwrap_or(i64::MAX);
    apply(connection, "CREATE TABLE IF NOT EXISTS weipay_form (number BIGINT PRIMARY KEY)")?;
    let found = form(connection)?;
    let outstanding = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..));
    let outstanding = outstanding.ok_or(StoreError::Version { found, wanted })?;
    for (number, migration) in (found + 1..).zip(outstanding) {
        for statement in statements(migration) {
            apply(connection, statement)?;
        }
        apply(
            connection,
            &format!("INSERT INTO weipay_form (number) VALUES ({number}) ON CONFLICT (number) DO NOTHING"),
        )?;
    }
    Ok(())
}

fn form(connection: &Connection) -> Result<i64, StoreError> {
    let rows = connection.query("SELECT COALESCE(max(number), 0) FROM weipay_form", &[]);
    let rows = rows.map_err(Failure::into_error)?;
    rows.first().map_or(Ok(0), |row| row.try_get(0).map_err(|error| Failure::from(error).into_error()))
}

/// The statements of a migration; none of them, and no comment, has a semicolon inside.
fn statements(migration: &str) -> impl Iterator<Item = &str> {
    migration.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}

fn apply(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match connection.execute_plain(statement) {
            Err(failure) if failure.is_of_other_node() && tries < MAX_TRIES => tries += 1,
            done => return done.map_err(Failure::into_error),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_can_come_again() {
        for statement in MIGRATIONS.iter().flat_map(|migration| statements(migration)) {
            let text: String =
                statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
            // What has another kind afterwards is not found again.
            let can = [" IF NOT EXISTS ", " IF EXISTS ", " DO NOTHING", " SET kind = "]
                .iter()
                .any(|words| text.contains(words));
            assert!(can, "{statement}");
        }
    }
}
