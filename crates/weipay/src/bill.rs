//! Reads bills (账单): trade bills (交易账单), fund flow bills (资金账单), and others that are written in the same way.
//!
//! | bill | row |
//! |---|---|
//! | trade bill (交易账单), also of APIv2 (下载交易账单), which is the response itself: [`download`](crate::download#files-that-are-responses) streams it | [`Row::trade`] |
//! | fund flow bill (资金账单), also of a sub-merchant (子商户资金账单), which a download decrypts | [`Row::fund_flow`] |
//! | profit sharing (分账账单), overseas statements and any other | [`Row::get`], [`Row::amount`] and [`Row::unix_seconds`] by the names in the heading |
//!
//! A bill is text that looks like CSV and is not: every value has a backtick before it, nothing is quoted, amounts are in yuan,
//! and after the rows comes a summary with its own heading and columns. [`Bill`] reads one row at a time, so a bill of any size
//! takes constant memory.
//!
//! ```
//! use weipay::bill::Bill;
//!
//! let file = "\u{feff}交易时间,商户订单号,订单金额\r\n\
//!     `2015-05-20 13:29:35,`order-1,`12.30\r\n\
//!     总交易单数,订单总金额\r\n\
//!     `1,`12.30\r\n";
//! let mut bill = Bill::new(file.as_bytes())?;
//! while let Some(row) = bill.next_row()? {
//!     assert_eq!(row.get("商户订单号"), Some("order-1"));
//!     assert_eq!(row.amount("订单金额")?.and_then(|amount| amount.fen()), Some(1230));
//!     assert_eq!(row.unix_seconds("交易时间")?, Some(1_432_099_775));
//! }
//! let summary = bill.summary().ok_or("the bill is incomplete")?;
//! assert_eq!(summary.get("总交易单数"), Some("1"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! The platform responds to the request for a bill with a URL and the hash of the file
//! (<https://pay.weixin.qq.com/doc/v3/merchant/4012791866>). A bill has no signature, so the hash is compared before the rows are
//! trusted: [`download`](crate::download) does it.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

mod typed_row;
mod value;

/// The types of the product `bill` by their flat names, as in the modules of the other products.
#[cfg(feature = "bill")]
pub use crate::products::bill::*;
pub use typed_row::{FundFlow, Trade};
pub use value::{Amount, ValueError};

/// The longest line that is read, in bytes. The 27 columns of a trade bill need a few hundred.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

/// A bill, read row by row.
pub struct Bill<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    line_number: u64,
    rows: u64,
    columns: Arc<Columns>,
    summary: Option<Row>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Rows,
    /// The summary was read. Nothing of the bill follows it.
    AfterSummary,
    End,
}

impl<R: Read> Bill<R> {
    /// Reads the heading of a bill. The text is as the platform made it: decompress a gzip (`tar_type=GZIP`) before.
    ///
    /// # Errors
    ///
    /// If the reader fails, or the first line is not a heading.
    pub fn new(reader: R) -> Result<Self, BillError> {
        let mut bill = Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, reader),
            line: Vec::with_capacity(1024),
            line_number: 0,
            rows: 0,
            columns: Arc::new(Columns::new("")),
            summary: None,
            state: State::Rows,
        };
        match bill.read_line()? {
            Line::End => return Err(BillError::NoHeading("it is empty")),
            Line::TooLong => return Err(BillError::NoHeading("its first line is too long")),
            Line::Text => {}
        }
        if bill.line.starts_with(&[0x1f, 0x8b]) {
            return Err(BillError::NoHeading("it is compressed (gzip): decompress it before reading it"));
        }
        // UTF-32 in the one order begins as UTF-16 does.
        if [&[0xff, 0xfe][..], &[0xfe, 0xff], &[0, 0, 0xfe, 0xff]]
            .iter()
            .any(|mark| bill.line.starts_with(mark))
        {
            return Err(BillError::NoHeading("it is in UTF-16 or UTF-32: save it again as UTF-8"));
        }
        let text = std::str::from_utf8(&bill.line).map_err(|_| BillError::NoHeading("it is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.starts_with(['<', '{', '`']) || text.is_empty() {
            return Err(BillError::NoHeading("its first line is not a list of column names"));
        }
        bill.columns = Arc::new(Columns::new(text));
        Ok(bill)
    }

    /// The names of the columns, in the order of the bill.
    #[must_use]
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.names.iter().map(|name| &**name)
    }

    /// The next row, or `None` after the last one. After an error of one row, reading can continue: the error
    /// contains that row, and the next call returns the row after it.
    ///
    /// # Errors
    ///
    /// If the reader fails, if a row does not fit the columns, if the bill ends without its summary, which means that it is
    /// incomplete, or for each line after the summary, such as those of a second bill in the same file.
    pub fn next_row(&mut self) -> Result<Option<Row>, BillError> {
        while self.state != State::End {
            match self.read_line()? {
                Line::End if self.state == State::AfterSummary => self.state = State::End,
                Line::End => {
                    self.state = State::End;
                    return Err(BillError::CutOff { rows: self.rows });
                }
                Line::TooLong => return Err(self.unfit("is longer than 64 KiB", "")),
                Line::Text if self.line.is_empty() => {}
                Line::Text if self.state == State::AfterSummary => {
                    return Err(self.unfit_line("comes after the summary"));
                }
                Line::Text if self.line[0] == b'`' => return self.row().map(Some),
                // A heading has no back-ticks. This is the end of a row with a line break in one of its texts.
                Line::Text if memchr::memmem::find(&self.line, b",`").is_some() => {
                    return Err(self.unfit_line("does not begin with a back-tick"));
                }
                Line::Text => {
                    self.read_summary()?;
                    self.state = State::AfterSummary;
                }
            }
        }
        Ok(None)
    }

    /// How many valid rows were read.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.rows
    }

    /// The summary (汇总), once [`next_row`](Self::next_row) has given the last row.
    #[must_use]
    pub fn summary(&self) -> Option<&Row> {
        self.summary.as_ref()
    }

    fn row(&mut self) -> Result<Row, BillError> {
        let text = std::str::from_utf8(&self.line);
        let Ok(text) = text else {
            return Err(self.unfit_line("is not UTF-8"));
        };
        match Row::new(text, &self.columns) {
            Some(row) => {
                self.rows += 1;
                Ok(row)
            }
            None => Err(self.unfit("does not have as many values as there are columns", text)),
        }
    }

    /// The current line holds the names of the summary, the next one its values.
    fn read_summary(&mut self) -> Result<(), BillError> {
        let Ok(heading) = std::str::from_utf8(&self.line) else {
            return Err(self.unfit("is not UTF-8", ""));
        };
        let columns = Arc::new(Columns::new(heading));
        // Examples of the platform have empty lines in between.
        loop {
            match self.read_line()? {
                Line::Text if self.line.is_empty() => {}
                Line::Text => break,
                Line::TooLong | Line::End => return Err(BillError::CutOff { rows: self.rows }),
            }
        }
        let text = String::from_utf8_lossy(&self.line);
        match Row::new(&text, &columns) {
            Some(summary) => self.summary = Some(summary),
            None => {
                return Err(self.unfit("does not have as many values as the summary has columns", &text));
            }
        }
        Ok(())
    }

    /// The current line does not fit.
    fn unfit_line(&self, why: &'static str) -> BillError {
        self.unfit(why, &String::from_utf8_lossy(&self.line))
    }

    fn unfit(&self, why: &'static str, text: &str) -> BillError {
        BillError::Unfit { line: self.line_number, why, text: text.into() }
    }

    /// Reads a line without its end. Of a line that is too long nothing is kept, and the next call begins after it.
    fn read_line(&mut self) -> Result<Line, BillError> {
        self.line.clear();
        let mut read = Line::End;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(BillError::Read(error)),
            };
            if available.is_empty() {
                break;
            }
            if read == Line::End {
                (read, self.line_number) = (Line::Text, self.line_number + 1);
            }
            let end = memchr::memchr(b'\n', available);
            let part = &available[..end.unwrap_or(available.len())];
            if self.line.len() + part.len() > MAX_LINE_BYTES {
                read = Line::TooLong;
            }
            if read == Line::Text {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(read)
    }
}

impl<R> fmt::Debug for Bill<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bill")
            .field("columns", &self.columns.names)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Rows as an iterator. It continues after the error of one row, and ends after any other error.
impl<R: Read> Iterator for Bill<R> {
    type Item = Result<Row, BillError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_row();
        if matches!(next, Err(BillError::Read(_))) {
            self.state = State::End;
        }
        next.transpose()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Text,
    TooLong,
    End,
}

/// The columns of a bill, and where those are that a typed row reads.
pub(crate) struct Columns {
    names: Vec<Box<str>>,
    trade: [Option<u16>; Trade::COLUMNS.len()],
    fund_flow: [Option<u16>; FundFlow::COLUMNS.len()],
}

impl Columns {
    fn new(heading: &str) -> Self {
        let names: Vec<Box<str>> =
            heading.split(',').map(|name| name.trim_matches(['`', ' ', '\u{feff}']).into()).collect();
        let place = |name: &str| {
            names.iter().position(|known| &**known == name).and_then(|at| u16::try_from(at).ok())
        };
        let one_of = |accepted: &[&str]| accepted.iter().find_map(|name| place(name));
        let (trade, fund_flow) = (Trade::COLUMNS.map(one_of), FundFlow::COLUMNS.map(one_of));
        Self { names, trade, fund_flow }
    }
}

/// One row of a bill, or its summary.
#[derive(Clone)]
pub struct Row {
    /// The values one after the other, without anything between them.
    text: String,
    /// Where each value ends in it.
    ends: Vec<u32>,
    columns: Arc<Columns>,
}

impl Row {
    /// Takes a line apart at every comma that a back-tick follows. A comma inside a value, should the platform ever
    /// leave one there, has none.
    fn new(line: &str, columns: &Arc<Columns>) -> Option<Self> {
        let line = line.strip_prefix('`')?;
        let (mut text, mut ends) =
            (String::with_capacity(line.len()), Vec::with_capacity(columns.names.len()));
        let mut from = 0;
        for tick in memchr::memchr_iter(b'`', line.as_bytes()) {
            if tick > from && line.as_bytes()[tick - 1] == b',' {
                text.push_str(&line[from..tick - 1]);
                ends.push(u32::try_from(text.len()).ok()?);
                from = tick + 1;
            }
        }
        text.push_str(&line[from..]);
        ends.push(u32::try_from(text.len()).ok()?);
        (ends.len() == columns.names.len()).then(|| Self { text, ends, columns: Arc::clone(columns) })
    }

    /// The value of a column, by its official name, such as `商户订单号`; `None` if the bill has no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&str> {
        self.columns.names.iter().position(|name| &**name == column).map(|at| self.value(at))
    }

    /// The value of a column in yuan; `None` if the bill has no such column, or the value is empty.
    ///
    /// # Errors
    ///
    /// If the value is not an amount.
    pub fn amount(&self, column: &str) -> Result<Option<Amount>, ValueError> {
        self.get(column).filter(|value| !value.is_empty()).map(str::parse).transpose()
    }

    /// The value of a column with a time, as seconds since 1970; `None` if the bill has no such column, or the value is empty.
    ///
    /// # Errors
    ///
    /// If the value is not a time.
    pub fn unix_seconds(&self, column: &str) -> Result<Option<i64>, ValueError> {
        self.get(column).filter(|value| !value.is_empty()).map(value::unix_seconds).transpose()
    }

    /// The columns and their values, in the order of the bill.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.columns.names.iter().enumerate().map(|(at, name)| (&**name, self.value(at)))
    }

    /// The row as one of a trade bill (交易账单).
    #[must_use]
    pub fn trade(&self) -> Trade<'_> {
        Trade::new(self)
    }

    /// The row as one of a fund flow bill (资金账单), also one of a sub-merchant (子商户资金账单).
    #[must_use]
    pub fn fund_flow(&self) -> FundFlow<'_> {
        FundFlow::new(self)
    }

    fn value(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[at] as usize]
    }
}

/// Shows only the columns, because a row contains who paid.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("columns", &self.columns.names).finish_non_exhaustive()
    }
}

/// Why a bill, or one of its rows, cannot be read.
#[non_exhaustive]
pub enum BillError {
    /// The reader failed.
    Read(io::Error),
    /// The text does not begin like a bill. The value says why.
    NoHeading(&'static str),
    /// A line does not fit the columns, or comes after the summary. Reading can continue after it.
    Unfit {
        /// The number of the line, from 1.
        line: u64,
        /// Why.
        why: &'static str,
        /// The line, as far as it can be shown as text. It may hold personal data, so it is not in the message.
        text: Box<str>,
    },
    /// The bill ends before its summary.
    CutOff {
        /// How many rows were read.
        rows: u64,
    },
}

impl Display for BillError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("the bill could not be read"),
            Self::NoHeading(why) => write!(f, "the text is not a bill: {why}"),
            Self::Unfit { line, why, .. } => write!(f, "line {line} of the bill {why}"),
            Self::CutOff { rows } => {
                write!(
                    f,
                    "the bill ends after {rows} rows without a summary, so it is incomplete: download it again"
                )
            }
        }
    }
}

impl fmt::Debug for BillError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Error for BillError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
