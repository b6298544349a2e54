//! The statements of one transaction, in SQL that PostgreSQL, CockroachDB and YugabyteDB take.

use std::cell::{Cell, RefCell};

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::Postgres;
use super::connections::{Connection, Failure, Parameters};
use super::migrations::FORM;
use crate::store::StoreError;
use crate::store::engine::{
    Direction, Due, Engine, Fingerprint, IdempotencyKey, IndexPosition, IndexRange, LEASE, NewRecord,
    OutboxEntry, Page, StoredRecord, StoredResponse,
};

/// An open transaction.
pub(super) struct Open<'a> {
    postgres: &'a Postgres,
    connection: &'a Connection,
    /// Why the database did not do a statement: the transaction is over then, whatever its work makes of it.
    failure: RefCell<Option<Failure>>,
    has_written: Cell<bool>,
    pub(super) has_cleared: Cell<bool>,
    generation: i64,
}

/// The second of the database's clock at which the transaction began.
const NOW: &str = "CAST(extract(epoch FROM now()) AS BIGINT)";

/// The counter of generations. It belongs to the database, and not to the state: it is neither cleared nor part of a snapshot.
pub(super) const GENERATIONS: &str = "generations of the state";

/// Begins a transaction, and returns its generation. Sent as one message to save a round trip. Fails if a newer
/// program has changed the schema.
pub(super) fn begin(connection: &Connection) -> Result<i64, Failure> {
    const LATER: &str = "later form";
    let found = connection.query_plain(&format!(
        "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE;
         SELECT CASE WHEN EXISTS (SELECT 1 FROM weipay_form WHERE number > {FORM}) THEN '{LATER}'
             ELSE (SELECT CAST(value AS TEXT) FROM weipay_counters WHERE name = '{GENERATIONS}') END"
    ))?;
    if found.as_deref() == Some(LATER) {
        return Err(Failure::new(
            "a newer program has changed the database: start this node with that program",
        ));
    }
    let number =
        |text: String| text.parse().map_err(|_| Failure::new("the number of a generation is not a number"));
    found.map_or(Ok(0), number)
}

pub(super) const OUTBOX: &str =
    "number, mchid, notify_url, platform_serial, event_type, time, resource, attempts, due";

/// Counts on. One statement, which is a whole transaction on a connection without one.
pub(super) fn count(connection: &Connection, series: &str, first: i64) -> Result<i64, Failure> {
    let rows = connection.query(
        "INSERT INTO weipay_counters (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = weipay_counters.value + 1 RETURNING value",
        &[&series, &first],
    )?;
    let row = rows.first().ok_or_else(|| Failure::new("a counter gave no number"))?;
    Ok(row.try_get(0)?)
}

impl<'a> Open<'a> {
    pub(super) fn new(postgres: &'a Postgres, connection: &'a Connection, generation: i64) -> Self {
        Self {
            postgres,
            connection,
            failure: RefCell::default(),
            has_written: Cell::default(),
            has_cleared: Cell::default(),
            generation,
        }
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.take()
    }

    pub(super) fn has_written(&self) -> bool {
        self.has_written.get()
    }

    /// Remembers a failure, so that the work is done again where that helps. Its own error is then of no account.
    fn noted<T>(&self, done: Result<T, Failure>) -> Result<T, StoreError> {
        done.map_err(|failure| {
            self.failure.borrow_mut().get_or_insert(failure);
            StoreError::Database("a statement failed".into())
        })
    }

    pub(super) fn query(&self, statement: &str, values: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        self.noted(self.connection.query(statement, values))
    }

    /// A statement that changes something and says what.
    pub(super) fn change(&self, statement: &str, values: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        self.has_written.set(true);
        self.query(statement, values)
    }

    /// How many rows were changed.
    pub(super) fn execute(&self, statement: &str, values: Parameters<'_>) -> Result<u64, StoreError> {
        self.has_written.set(true);
        self.noted(self.connection.execute(statement, values))
    }

    pub(super) fn column<'r, T: FromSql<'r>>(&self, row: &'r Row, place: usize) -> Result<T, StoreError> {
        self.noted(row.try_get(place).map_err(Failure::from))
    }

    /// A column of bytes that hold text.
    pub(super) fn text(&self, row: &Row, place: usize) -> Result<String, StoreError> {
        String::from_utf8(self.column(row, place)?)
            .map_err(|_| StoreError::Corrupt("bytes that are not text".to_owned()))
    }

    pub(super) fn stored(&self, row: &Row) -> Result<StoredRecord, StoreError> {
        Ok(StoredRecord {
            key: self.text(row, 0)?,
            version: self.column(row, 1)?,
            document: self.column(row, 2)?,
        })
    }

    /// A notification as [`OUTBOX`] selects it.
    pub(super) fn waiting(&self, row: &Row) -> Result<OutboxEntry, StoreError> {
        let (resource, attempts): (String, i64) = (self.column(row, 6)?, self.column(row, 7)?);
        Ok(OutboxEntry {
            number: self.column(row, 0)?,
            mchid: self.column(row, 1)?,
            notify_url: self.column(row, 2)?,
            platform_serial: self.column(row, 3)?,
            event_type: self.column(row, 4)?,
            time: self.column(row, 5)?,
            resource: serde_json::from_str(&resource).unwrap_or_default(),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            due: self.column(row, 8)?,
        })
    }

    fn write_indexes(&self, record: &NewRecord<'_>, number: i64) -> Result<(), StoreError> {
        record
            .indexes
            .iter()
            .try_for_each(|entry| self.write_index(record.kind, entry.index, &entry.value, number))
    }

    pub(super) fn write_index(
        &self,
        kind: &str,
        name: &str,
        value: &str,
        number: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO weipay_record_indexes (kind, name, value, number) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, name, value, number) DO NOTHING",
            &[&kind, &name, &value.as_bytes(), &number],
        )
        .map(drop)
    }
}

/// `FROM` and `WHERE` of a search by conditions, with their values. The first condition finds, in the order of its index;
/// the others are asked about what it found.
fn search<'a>(kind: &'a &'a str, conditions: &'a [IndexRange]) -> Option<(String, Vec<Value<'a>>)> {
    let mut values: Vec<Value<'a>> = vec![Value::Text(kind)];
    let mut test = |table: &str, condition: &'a IndexRange| {
        values.push(Value::Text(&condition.index));
        let name = values.len();
        values.push(Value::Bytes(condition.from.as_bytes()));
        let from = values.len();
        let test = if condition.is_one_value() {
            format!("= ${from}")
        } else {
            values.push(Value::Bytes(condition.to.as_bytes()));
            format!("BETWEEN ${from} AND ${}", from + 1)
        };
        format!("{table}.kind = $1 AND {table}.name = ${name} AND {table}.value {test}")
    };
    let (first, others) = conditions.split_first()?;
    let mut text = format!(
        "FROM weipay_record_indexes AS found JOIN weipay_records AS records ON records.number = found.number WHERE {}",
        test("found", first)
    );
    for condition in others {
        text.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM weipay_record_indexes AS other WHERE other.number = found.number AND {})",
            test("other", condition)
        ));
    }
    Some((text, values))
}

/// A parameter of a search.
enum Value<'a> {
    Text(&'a &'a str),
    Bytes(&'a [u8]),
}

/// Parameters as the client takes them.
fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let parameter = |value: &'a Value<'a>| -> &'a (dyn ToSql + Sync) {
        match value {
            Value::Text(text) => *text,
            Value::Bytes(bytes) => bytes,
        }
    };
    values.iter().map(parameter).collect()
}

impl Engine for Open<'_> {
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        let rows = self.query(
            "SELECT key, version, document FROM weipay_records WHERE kind = $1 AND key = $2",
            &[&kind, &key.as_bytes()],
        )?;
        rows.first().map(|row| self.stored(row)).transpose()
    }

    fn records(
        &self,
        kind: &str,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let Some((search, values)) = search(&kind, conditions) else { return Ok(Vec::new()) };
        let mut values = parameters(&values);
        values.extend([&page.limit as &(dyn ToSql + Sync), &page.offset]);
        let count = values.len();
        let statement = format!(
            "SELECT records.key, records.version, records.document {search}
             ORDER BY found.number DESC LIMIT ${} OFFSET ${count}",
            count - 1
        );
        self.query(&statement, &values)?.iter().map(|row| self.stored(row)).collect()
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
        let statement = format!(
            "SELECT records.key, records.version, records.document, found.value, found.number
             FROM weipay_record_indexes AS found JOIN weipay_records AS records ON records.number = found.number
             WHERE found.kind = $1 AND found.name = $2
                 AND (found.value, found.number) {beyond} ($3, $4) AND found.value {up_to} $5
             ORDER BY found.value {order}, found.number {order} LIMIT $6"
        );
        let (value, end) = (after.value.as_bytes(), end.as_bytes());
        let values: [&(dyn ToSql + Sync); 6] = [&kind, &range.index, &value, &after.number, &end, &limit];
        let placed = |row: &Row| {
            Ok((IndexPosition { value: self.text(row, 3)?, number: self.column(row, 4)? }, self.stored(row)?))
        };
        self.query(&statement, &values)?.iter().map(placed).collect()
    }

    fn count(&self, kind: &str, conditions: &[IndexRange]) -> Result<i64, StoreError> {
        let Some((search, values)) = search(&kind, conditions) else { return Ok(0) };
        let rows = self.query(&format!("SELECT count(*) {search}"), &parameters(&values))?;
        rows.first().map_or(Ok(0), |row| self.column(row, 0))
    }

    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError> {
        let rows = self.change(
            "INSERT INTO weipay_records (kind, key, version, document) VALUES ($1, $2, 1, $3)
             ON CONFLICT (kind, key) DO NOTHING RETURNING number",
            &[&record.kind, &record.key.as_bytes(), &record.document],
        )?;
        let Some(row) = rows.first() else { return Ok(false) };
        self.write_indexes(record, self.column(row, 0)?).map(|()| true)
    }

    fn update(
        &self,
        record: &NewRecord<'_>,
        version: i64,
        indexes_changed: bool,
    ) -> Result<bool, StoreError> {
        let rows = self.change(
            "UPDATE weipay_records SET document = $3, version = version + 1
             WHERE kind = $1 AND key = $2 AND version = $4 RETURNING number",
            &[&record.kind, &record.key.as_bytes(), &record.document, &version],
        )?;
        let Some(row) = rows.first() else { return Ok(false) };
        let number: i64 = self.column(row, 0)?;
        if indexes_changed {
            self.execute("DELETE FROM weipay_record_indexes WHERE number = $1", &[&number])?;
            self.write_indexes(record, number)?;
        }
        Ok(true)
    }

    fn next_number(&self, series: &str, first: i64) -> Result<i64, StoreError> {
        if self.has_cleared.get() {
            // This transaction holds the counters: another connection would wait for it.
            return self.noted(count(self.connection, series, first));
        }
        self.noted(self.postgres.next_number(series, first))
    }

    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError> {
        let rows = self.query(
            "SELECT fingerprint, response FROM weipay_idempotency_keys
             WHERE operation = $1 AND scope = $2 AND request_no = $3",
            &[&key.operation, &key.scope.as_bytes(), &key.request_no.as_bytes()],
        )?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (fingerprint, response): (Vec<u8>, String) = (self.column(row, 0)?, self.column(row, 1)?);
        let broken = || StoreError::Corrupt(format!("a response that was kept for {}", key.operation));
        Ok(Some(StoredResponse {
            fingerprint: Fingerprint(fingerprint.try_into().map_err(|_| broken())?),
            response: serde_json::from_str(&response).map_err(|_| broken())?,
        }))
    }

    fn keep_response(&self, key: &IdempotencyKey<'_>, response: &StoredResponse) -> Result<(), StoreError> {
        let StoredResponse { fingerprint, response } = response;
        self.execute(
            "INSERT INTO weipay_idempotency_keys (operation, scope, request_no, fingerprint, response)
             VALUES ($1, $2, $3, $4, $5)",
            &[
                &key.operation,
                &key.scope.as_bytes(),
                &key.request_no.as_bytes(),
                &&fingerprint.0[..],
                &response.to_string(),
            ],
        )
        .map(drop)
    }

    fn add_to_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.execute(
            &format!("INSERT INTO weipay_outbox ({OUTBOX}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            &[
                &entry.number,
                &entry.mchid,
                &entry.notify_url,
                &entry.platform_serial,
                &entry.event_type,
                &entry.time,
                &entry.resource.to_string(),
                &i64::from(entry.attempts),
                &entry.due,
            ],
        )
        .map(drop)
    }

    fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let statement =
            format!("SELECT {OUTBOX} FROM weipay_outbox WHERE due <= $1 ORDER BY due, number LIMIT $2");
        self.query(&statement, &[&now, &limit])?.iter().map(|row| self.waiting(row)).collect()
    }

    fn repeats_beyond(
        &self,
        mchid: &str,
        receiver: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        // It begins with the condition of its index, word by word.
        const REPEATS: &str = "mchid = $1 AND attempts > 0 AND due < 1099511627776
            AND substr(notify_url || '/', 1, length(CAST($2 AS TEXT)) + 1) = CAST($2 AS TEXT) || '/'";
        let statement = format!(
            "SELECT {OUTBOX} FROM weipay_outbox WHERE {REPEATS} AND number <=
                 (SELECT number FROM weipay_outbox WHERE {REPEATS} ORDER BY number DESC LIMIT 1 OFFSET $3)
             ORDER BY number LIMIT $4"
        );
        self.query(&statement, &[&mchid, &receiver, &newest, &limit])?
            .iter()
            .map(|row| self.waiting(row))
            .collect()
    }

    fn claim_due(
        &self,
        now: i64,
        limit: usize,
        busy: &[String],
        _under_way: &[i64],
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        // What this node delivers is claimed.
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let busy: Vec<String> = busy.iter().map(|busy| format!("{busy}/")).collect();
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&now, &limit];
        let mut others = String::new();
        for busy in &busy {
            values.push(busy);
            let place = values.len();
            others.push_str(&format!(
                " AND substr(notify_url || '/', 1, length(CAST(${place} AS TEXT))) <> CAST(${place} AS TEXT)"
            ));
        }
        let free = self.query(
            &format!(
                "SELECT number FROM weipay_outbox WHERE due <= $1 AND held_until <= {NOW}{others}
                 ORDER BY due, number LIMIT $2"
            ),
            &values,
        )?;
        if free.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = free.iter().map(|row| self.column(row, 0)).collect::<Result<Vec<i64>, _>>()?;
        let lease = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);
        let rows = self.change(
            &format!(
                "UPDATE weipay_outbox SET holder = $2, held_until = {NOW} + $3
                 WHERE number = ANY($1) RETURNING {OUTBOX}"
            ),
            &[&numbers, &self.postgres.node, &lease],
        )?;
        let mut claimed = rows.iter().map(|row| self.waiting(row)).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|entry| (entry.due, entry.number));
        Ok(claimed)
    }

    fn claim(&self, entry: &OutboxEntry, moved: bool) -> Result<Option<OutboxEntry>, StoreError> {
        let lease = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);
        let rows = self.change(
            &format!(
                "INSERT INTO weipay_outbox ({OUTBOX}, holder, held_until)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {NOW} + $11)
                 ON CONFLICT (number) DO UPDATE SET
                     holder = excluded.holder,
                     held_until = excluded.held_until,
                     attempts = CASE WHEN $12 THEN excluded.attempts ELSE weipay_outbox.attempts END,
                     due = CASE WHEN $12 THEN excluded.due ELSE weipay_outbox.due END
                 WHERE weipay_outbox.holder IS NULL OR weipay_outbox.holder = excluded.holder
                     OR weipay_outbox.held_until <= {NOW}
                 RETURNING {OUTBOX}"
            ),
            &[
                &entry.number,
                &entry.mchid,
                &entry.notify_url,
                &entry.platform_serial,
                &entry.event_type,
                &entry.time,
                &entry.resource.to_string(),
                &i64::from(entry.attempts),
                &entry.due,
                &self.postgres.node,
                &lease,
                &moved,
            ],
        )?;
        rows.first().map(|row| self.waiting(row)).transpose()
    }

    fn postpone(&self, number: i64, attempts: u32, due: i64) -> Result<bool, StoreError> {
        let changed = self.execute(
            &format!(
                "UPDATE weipay_outbox SET attempts = $2, due = $3, holder = NULL, held_until = 0
                 WHERE number = $1 AND (holder IS NULL OR holder = $4 OR held_until <= {NOW})"
            ),
            &[&number, &i64::from(attempts), &due, &self.postgres.node],
        )?;
        Ok(changed > 0)
    }

    fn change_due(&self, number: i64, due: i64) -> Result<(), StoreError> {
        self.execute("UPDATE weipay_outbox SET due = $2 WHERE number = $1", &[&number, &due]).map(drop)
    }

    fn give_back(&self, number: i64) -> Result<(), StoreError> {
        self.execute(
            "UPDATE weipay_outbox SET holder = NULL, held_until = 0 WHERE number = $1 AND holder = $2",
            &[&number, &self.postgres.node],
        )
        .map(drop)
    }

    fn remove_from_outbox(&self, number: i64) -> Result<bool, StoreError> {
        let removed = self.execute(
            &format!(
                "DELETE FROM weipay_outbox
                 WHERE number = $1 AND (holder IS NULL OR holder = $2 OR held_until <= {NOW})"
            ),
            &[&number, &self.postgres.node],
        )?;
        if removed > 0 {
            return Ok(true);
        }
        Ok(self.query("SELECT 1 FROM weipay_outbox WHERE number = $1", &[&number])?.is_empty())
    }

    fn schedule(&self, due: &Due) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO weipay_due (kind, key, at) VALUES ($1, $2, $3)
             ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at",
            &[&due.kind.as_bytes(), &due.key.as_bytes(), &due.at],
        )
        .map(drop)
    }

    fn unschedule(&self, due: &Due) -> Result<bool, StoreError> {
        let removed = self.execute(
            "DELETE FROM weipay_due WHERE kind = $1 AND key = $2 AND at = $3",
            &[&due.kind.as_bytes(), &due.key.as_bytes(), &due.at],
        )?;
        Ok(removed > 0)
    }

    fn generation(&self) -> i64 {
        self.generation
    }

    fn is_claimed(&self, number: i64) -> Result<bool, StoreError> {
        let claims = self.query(
            &format!("SELECT 1 FROM weipay_outbox WHERE number = $1 AND holder = $2 AND held_until > {NOW}"),
            &[&number, &self.postgres.node],
        )?;
        Ok(!claims.is_empty())
    }

    fn due_after(&self, now: i64, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, StoreError> {
        let (kind, key, at) = after.map_or(("", "", i64::MIN), |due| (&*due.kind, &*due.key, due.at));
        let rows = self.query(
            "SELECT kind, key, at FROM weipay_due WHERE at <= $1 AND (at, kind, key) > ($2, $3, $4)
             ORDER BY at, kind, key LIMIT $5",
            &[&now, &at, &kind.as_bytes(), &key.as_bytes(), &limit],
        )?;
        let due = |row: &Row| {
            Ok(Due { kind: self.text(row, 0)?, key: self.text(row, 1)?, at: self.column(row, 2)? })
        };
        rows.iter().map(due).collect()
    }
}
