//! The rows of a bill, whole and in pieces of one byte.

#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use weipay::bill::Bill;

/// Gives one byte at a time.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(rows(bytes), rows(Slow(bytes)));
});

fn rows(reader: impl Read) -> Vec<Result<Vec<String>, String>> {
    let mut found = Vec::new();
    let mut bill = match Bill::new(reader) {
        Ok(bill) => bill,
        Err(error) => return vec![Err(error.to_string())],
    };
    loop {
        match bill.next_row() {
            Ok(None) => break,
            Ok(Some(row)) => {
                for (column, _) in row.iter() {
                    let _ = (row.amount(column), row.unix_seconds(column));
                }
                let _ = format!("{:?}", row.trade());
                found.push(Ok(row.iter().map(|(_, text)| text.to_owned()).collect()));
            }
            Err(error) => found.push(Err(error.to_string())),
        }
    }
    if let Some(summary) = bill.summary() {
        found.push(Ok(summary.iter().map(|(_, text)| text.to_owned()).collect()));
    }
    found
}
