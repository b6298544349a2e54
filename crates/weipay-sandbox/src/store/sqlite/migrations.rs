//! Numbered migrations (迁移): each brings a database from one form to the next, and keeps what it holds.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, sql};

/// The first makes the tables of form 1 in an empty database, the second leads from form 1 to form 2, and so on. One that was
/// released never changes: data folders out there have run it.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
];

/// The form to which they lead; of the documents in a PostgreSQL database, too.
pub(in crate::store) const FORM: usize = MIGRATIONS.len();

/// Brings a database to the form of the last migration; an error leaves it in the form that it had. A database of a later
/// form belongs to a later program, and is refused.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = sql(|| connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
    let found: i64 = sql(|| transaction.pragma_query_value(None, "user_version", |row| row.get(0)))?;
    let wanted = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let outstanding = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..));
    let outstanding = outstanding.ok_or(StoreError::Version { found, wanted })?;
    sql(|| {
        for migration in outstanding {
            transaction.execute_batch(migration)?;
        }
        if found < wanted {
            transaction.pragma_update(None, "user_version", wanted)?;
        }
        transaction.commit()
    })
}

/// A database as the program of form 1 wrote it.
#[cfg(test)]
pub(crate) fn write_form_1(file: &std::path::Path) {
    Connection::open(file).unwrap().execute_batch(include_str!("migrations/form_1.sql")).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn an_old_database_and_a_new_one_end_with_the_same_tables() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        write_form_1(&file);
        let mut old = Connection::open(&file).unwrap();
        let mut new = Connection::open_in_memory().unwrap();
        assert_eq!((form(&old), form(&new)), (1, 0));
        run(&mut old).unwrap();
        run(&mut new).unwrap();
        assert_eq!((form(&old), form(&new)), (4, 4));
        assert_eq!(tables(&old), tables(&new));
    }

    #[test]
    fn a_database_of_todays_form_stays_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        connection.execute("INSERT INTO counters VALUES ('stock', 7)", []).unwrap();
        run(&mut connection).unwrap();
        let count: i64 = connection.query_row("SELECT value FROM counters", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 7);
    }

    #[test]
    fn a_grant_of_before_is_found_by_its_sub_merchant() {
        let mut connection = Connection::open_in_memory().unwrap();
        let form_3 = MIGRATIONS[..3].iter();
        form_3.for_each(|migration| connection.execute_batch(migration).unwrap());
        connection.pragma_update(None, "user_version", 3).unwrap();
        let grant = r#"{"mchid":"1900000109","sub_mchid":"1900000208","out_apply_no":null,"accepted":1}"#;
        connection
            .execute(
                "INSERT INTO records (kind, key, version, document) VALUES ('transfer grant', 'a', 1, ?1)",
                [grant],
            )
            .unwrap();
        run(&mut connection).unwrap();
        let found: String = connection
            .query_row(
                "SELECT value FROM record_indexes JOIN records USING (number, kind)
                 WHERE kind = 'transfer grant' AND name = 'sub-merchant'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, "1900000208");
    }

    #[test]
    fn what_a_person_got_by_profit_sharing_this_month_still_counts() {
        let mut connection = Connection::open_in_memory().unwrap();
        let form_3 = MIGRATIONS[..3].iter();
        form_3.for_each(|migration| connection.execute_batch(migration).unwrap());
        connection.pragma_update(None, "user_version", 3).unwrap();
        connection
            .execute(
                "INSERT INTO records (kind, key, version, document)
                 VALUES ('shares of a person in a month', '2:o1:2026-11', 3, ?1)",
                [r#"{"person":"o1","month":"2026-11","fen":20000000}"#],
            )
            .unwrap();
        run(&mut connection).unwrap();
        let found: (String, String) = connection
            .query_row("SELECT key, document FROM records WHERE kind = 'received in a month'", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let document = r#"{"person":"o1","month":"2026-11","fen":20000000,"of":"shares"}"#;
        assert_eq!(found, ("6:shares:2:o1:2026-11".to_owned(), document.to_owned()));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_form_that_was_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("migrations/form_1.sql")).unwrap();
        connection.execute("UPDATE stocks SET definition = 'not JSON'", []).unwrap();
        assert!(matches!(run(&mut connection), Err(StoreError::Database(_))));
        assert_eq!(form(&connection), 1);
        let stocks: i64 = connection.query_row("SELECT count(*) FROM stocks", [], |row| row.get(0)).unwrap();
        assert_eq!(stocks, 2);
    }

    #[test]
    fn a_number_that_no_program_wrote_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        for number in [-1, 99] {
            connection.pragma_update(None, "user_version", number).unwrap();
            assert!(matches!(run(&mut connection), Err(StoreError::Version { wanted: 4, .. })));
        }
    }
}
