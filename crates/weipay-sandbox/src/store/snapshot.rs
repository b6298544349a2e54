//! The lines of a snapshot (快照): everything that the store holds, as JSON lines.
//!
//! ```text
//! {"snapshot":{"form":4,"time":"...","clock":{"mode":"frozen","at":1786766400},"sequence":"...","merchants":["1900000109"]}}
//! {"record":{"kind":"merchant coupon stock","key":"...","version":1,"indexes":[],"document":{...}}}
//! {"counter":{"name":"stock","value":2}}
//! {"idempotency_key":{"operation":"send","scope":"...","request_no":"...","fingerprint":"...","response":{...}}}
//! {"notification":{"number":1,"due":1786766400,...}}
//! {"due":{"kind":"...","key":"...","at":1786766400}}
//! {"end":{"rows":5}}
//! ```
//!
//! The last line tells a whole file from one that was cut off.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::engine::StoredRow;
use super::sqlite;
use crate::clock::ClockMode;

/// The longest line that is read. No row comes near it.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// The form of the rows: that of the database.
pub(crate) const FORM: usize = sqlite::FORM;

/// The oldest form that is read. What leads from its rows to those of today is in [`to_form_4`].
pub(crate) const OLDEST_FORM: usize = 3;

/// The first line: what belongs to the state and is not a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// See [`FORM`].
    pub(crate) form: usize,
    /// When it was taken, by the machine's clock, for people.
    pub(crate) time: String,
    pub(crate) clock: ClockMode,
    /// Where a seeded sequence of numbers stands. As text, because it may have 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<String>,
    /// The merchants that were known.
    pub(crate) merchants: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum First {
    Snapshot(Head),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Last {
    End { rows: u64 },
}

/// Writes the lines.
pub(crate) struct Writer<W> {
    to: W,
    rows: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(mut to: W, head: &Head) -> io::Result<Self> {
        write_line(&mut to, &First::Snapshot(head.clone()))?;
        Ok(Self { to, rows: 0 })
    }

    pub(crate) fn row(&mut self, row: &StoredRow) -> io::Result<()> {
        self.rows += 1;
        write_line(&mut self.to, row)
    }

    /// Writes the last line, and gives the number of rows.
    pub(crate) fn end(mut self) -> io::Result<(W, u64)> {
        write_line(&mut self.to, &Last::End { rows: self.rows })?;
        Ok((self.to, self.rows))
    }
}

/// Grants of transfers are found by their sub-merchant; not those that were written first. What a person got by profit sharing
/// in a month is counted where all such limits are.
fn to_form_4(row: &mut StoredRow) {
    #[derive(Deserialize)]
    struct Grant {
        sub_mchid: String,
    }
    let StoredRow::Record { kind, key, indexes, document, .. } = row else { return };
    match &**kind {
        "transfer grant" if indexes.is_empty() => {
            if let Ok(grant) = serde_json::from_str::<Grant>(document.get()) {
                indexes.push(("sub-merchant".to_owned(), grant.sub_mchid));
            }
        }
        "shares of a person in a month" => {
            let counted =
                serde_json::from_str::<Map<String, Value>>(document.get()).and_then(|mut counted| {
                    counted.insert("of".to_owned(), "shares".into());
                    serde_json::value::to_raw_value(&counted)
                });
            if let Ok(counted) = counted {
                (*kind, *key, *document) =
                    ("received in a month".to_owned(), format!("6:shares:{key}"), counted);
            }
        }
        _ => {}
    }
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// Why a line could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    File(io::Error),
    /// The mistake and its line, without the text: it may be personal data.
    Broken {
        line: u64,
        reason: String,
    },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Reads the lines.
pub(crate) struct Reader<R> {
    from: R,
    /// The number of the line that was read last.
    line: u64,
    text: Vec<u8>,
    form: usize,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(from: R) -> Result<(Self, Head), ReadError> {
        let mut reader = Self { from, line: 0, text: Vec::new(), form: FORM };
        reader.next_line()?;
        let not_one =
            |_| reader.broken("the file does not begin as a snapshot of weipay sandbox does".to_owned());
        let First::Snapshot(head) = serde_json::from_slice(&reader.text).map_err(not_one)?;
        reader.form = head.form;
        Ok((reader, head))
    }

    /// The next row; `None` after the last one, which is also the last line but one.
    pub(crate) fn row(&mut self) -> Result<Option<StoredRow>, ReadError> {
        self.next_line()?;
        if let Ok(Last::End { rows }) = serde_json::from_slice(&self.text) {
            let found = self.line.saturating_sub(2);
            if rows != found {
                return Err(self.broken(format!("the file should have {rows} rows, but has {found}")));
            }
            self.text.clear();
            return if self.from.fill_buf()?.is_empty() {
                Ok(None)
            } else {
                Err(self.broken("there is more data after the end".to_owned()))
            };
        }
        let mut row = serde_json::from_slice(&self.text).map_err(|error: serde_json::Error| {
            self.broken(format!("it is not a row of a snapshot, at column {}", error.column()))
        })?;
        if self.form < 4 {
            to_form_4(&mut row);
        }
        Ok(Some(row))
    }

    /// An error about the line that was read last.
    pub(crate) fn broken(&self, reason: String) -> ReadError {
        ReadError::Broken { line: self.line, reason }
    }

    fn next_line(&mut self) -> Result<(), ReadError> {
        self.text.clear();
        self.line += 1;
        self.from.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut self.text)?;
        match self.text.pop() {
            Some(b'\n') => Ok(()),
            _ if self.text.len() as u64 >= MAX_LINE => Err(self.broken("the line is too long".to_owned())),
            _ => Err(self.broken("the file ends here, before its last line: it was cut off".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            form: FORM,
            time: "2026-08-15T12:00:00+08:00".to_owned(),
            clock: ClockMode::Frozen { at: 7 },
            sequence: Some(u64::MAX.to_string()),
            merchants: vec!["1900000109".to_owned()],
        }
    }

    /// A file with one row, as lines.
    fn lines() -> Vec<String> {
        let mut writer = Writer::new(Vec::new(), &head()).unwrap();
        writer.row(&StoredRow::Counter { name: "stock".to_owned(), value: 2 }).unwrap();
        let text = String::from_utf8(writer.end().unwrap().0).unwrap();
        text.lines().map(|line| format!("{line}\n")).collect()
    }

    /// How many rows are read, or the line and the reason.
    fn read(text: &[u8]) -> Result<u64, (u64, String)> {
        let read = || {
            let (mut reader, found) = Reader::new(text)?;
            assert_eq!(found, head());
            let mut rows = 0;
            while reader.row()?.is_some() {
                rows += 1;
            }
            Ok(rows)
        };
        read().map_err(|error| match error {
            ReadError::Broken { line, reason } => (line, reason),
            ReadError::File(error) => panic!("{error}"),
        })
    }

    #[test]
    fn what_was_written_is_read_again() {
        assert_eq!(read(lines().concat().as_bytes()), Ok(1));
        assert_eq!(lines()[1], "{\"counter\":{\"name\":\"stock\",\"value\":2}}\n");
    }

    #[test]
    fn what_a_person_got_by_profit_sharing_this_month_still_counts() {
        let [_, _, end] = lines().try_into().unwrap();
        let old = serde_json::json!({ "snapshot": { "form": 3, "time": "", "clock": head().clock, "merchants": [] } });
        let document = r#"{"person":"o1","month":"2026-11","fen":20000000}"#;
        let shares = format!(
            r#"{{"record":{{"kind":"shares of a person in a month","key":"2:o1:2026-11","version":3,"indexes":[],"document":{document}}}}}"#
        );
        let text = format!("{old}\n{shares}\n{end}");
        let (mut reader, _) = Reader::new(text.as_bytes()).unwrap();
        let Some(StoredRow::Record { kind, key, document, .. }) = reader.row().unwrap() else { panic!() };
        assert_eq!((&*kind, &*key), ("received in a month", "6:shares:2:o1:2026-11"));
        let document: Value = serde_json::from_str(document.get()).unwrap();
        let counted =
            serde_json::json!({ "of": "shares", "person": "o1", "month": "2026-11", "fen": 20_000_000 });
        assert_eq!(document, counted);
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_is_told_as_cut_off() {
        let whole = lines().concat();
        for end in 0..whole.len() {
            let (line, reason) = read(&whole.as_bytes()[..end]).unwrap_err();
            assert!(reason.contains("cut off"), "{end}: line {line}: {reason}");
        }
    }

    #[test]
    fn what_is_no_snapshot_is_told_by_its_line_and_not_repeated() {
        let [head, row, end] = lines().try_into().unwrap();
        let secret = "{\"counter\":{\"name\":\"stock\",\"value\":\"Li Lei\"}}\n";
        for (text, line, told) in [
            ("{}\n".to_owned(), 1, "does not begin as a snapshot"),
            (format!("\u{0}\u{0}{head}"), 1, "does not begin as a snapshot"),
            (format!("{head}{secret}{end}"), 2, "not a row"),
            (format!("{head}{{\"table\":{{}}}}\n{end}"), 2, "not a row"),
            (format!("{head}{row}{row}{end}"), 4, "should have 1 rows, but has 2"),
            (format!("{head}{row}{end}{row}"), 3, "more data after the end"),
        ] {
            let (found, reason) = read(text.as_bytes()).unwrap_err();
            assert!(found == line && reason.contains(told), "line {found}: {reason}");
            assert!(!reason.contains("Li Lei"), "{reason}");
        }
        let endless = [head.as_bytes(), &vec![b'['; usize::try_from(MAX_LINE).unwrap() + 9]].concat();
        assert_eq!(read(&endless), Err((2, "the line is too long".to_owned())));
    }
}
