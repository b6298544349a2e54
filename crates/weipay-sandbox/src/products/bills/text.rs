//! Cells, amounts and rows as they are written.

use crate::clock;

/// UNCONFIRMED(bill-line-ends): line ends of two characters.
pub(in crate::products) const LINE_END: &str = "\r\n";

/// A row under way.
#[derive(Default)]
pub(in crate::products) struct RowText(String);

impl RowText {
    /// A value, with its backtick. UNCONFIRMED(bill-text): commas, line ends and backticks of merchants become spaces.
    pub(in crate::products) fn cell(&mut self, value: &str) {
        self.separate();
        self.0.push('`');
        self.write(value);
    }

    /// A value without a backtick, in the columns of other files that have none. The first cell of a row has one.
    pub(in crate::products) fn plain_cell(&mut self, value: &str) {
        self.separate();
        self.write(value);
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
    }

    fn write(&mut self, value: &str) {
        let breaks_the_row = |letter: char| letter == ',' || letter == '`' || letter.is_control();
        if value.contains(breaks_the_row) {
            self.0.push_str(&value.replace(breaks_the_row, " "));
        } else {
            self.0.push_str(value);
        }
    }

    pub(in crate::products) fn cells<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        values.into_iter().for_each(|value| self.cell(value));
    }

    /// The whole line; the next row begins empty.
    pub(in crate::products) fn end(&mut self, write: impl FnOnce(&str)) {
        self.0.push_str(LINE_END);
        write(&self.0);
        self.0.clear();
    }
}

/// Fen as yuan, such as `12.30`.
pub(in crate::products) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// Fen as a fee (手续费): yuan with five digits.
pub(super) fn fee(fen: i64) -> String {
    format!("{}000", yuan(fen))
}

/// A time as bills have it: in Beijing, without an offset.
pub(in crate::products) fn time(seconds: i64) -> String {
    clock::spaced(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_are_written_as_the_documents_show_them() {
        assert_eq!([1230, 5, 0, -60].map(yuan), ["12.30", "0.05", "0.00", "-0.60"]);
        assert_eq!([60, -7].map(fee), ["0.60000", "-0.07000"]);
        assert_eq!(time(1_432_099_775), "2015-05-20 13:29:35");
    }

    #[test]
    fn no_value_breaks_its_row() {
        let mut row = RowText::default();
        row.cells(["a,b", "`c\r\nd", ""]);
        let mut line = String::new();
        row.end(|text| line.push_str(text));
        assert_eq!(line, "`a b,` c  d,`\r\n");
    }
}
