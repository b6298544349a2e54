//! What reading a bill costs: `weipay::bill`, which takes values, times and amounts out of every row, beside the `csv` crate,
//! which only splits the same bytes at commas.
//!
//! Both read a trade bill of a million rows, in turns within one run; the ratio of their best times is printed at the end.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

use std::hint::black_box;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use weipay::bill::Bill;

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 3;
/// Wanted: at least half the speed of `csv`.
const LIMIT: f64 = 2.0;

const HEADING: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n";
const ROW: &str = "`2015-05-20 13:29:35,`wx2421b1c4370ec43b,`1900000001,`0,`,`4200000000201505200000000001,`order-1,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`OTHERS,`CNY,`12.30,`0.00,`0,`0,`0.00,`0.00,`,`,`Image形象店,`,`0.07380,`0.60%,`12.30,`0.00,`\r\n";
const SUMMARY: &str = "总交易单数,订单总金额\r\n`1000000,`12300000.00\r\n";

fn main() {
    let (mut best_of_csv, mut best) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut reader = csv::ReaderBuilder::new().flexible(true).quoting(false).from_reader(bill());
        let mut record = csv::ByteRecord::new();
        let mut rows = 0;
        while reader.read_byte_record(&mut record).expect("a record") {
            rows += black_box(&record).len().min(1);
        }
        assert_eq!(rows, ROWS + 2);
        best_of_csv = best_of_csv.min(started.elapsed());

        let started = Instant::now();
        let mut reader = Bill::new(bill()).expect("a bill");
        let mut fen = 0;
        while let Some(row) = reader.next_row().expect("a row") {
            let trade = row.trade();
            black_box((trade.time().expect("a time"), trade.out_trade_no(), trade.transaction_id()));
            fen += trade.total().expect("an amount").and_then(|amount| amount.fen()).expect("whole fen");
        }
        assert_eq!((reader.rows_read(), fen), (ROWS as u64, 1230 * ROWS as i64));
        best = best.min(started.elapsed());
    }
    let ratio = best.as_secs_f64() / best_of_csv.as_secs_f64();
    println!("csv alone    {:.2} s", best_of_csv.as_secs_f64());
    println!("weipay       {:.2} s, with times and amounts", best.as_secs_f64());
    println!("ratio        {ratio:.3} (at most {LIMIT:.2} wanted)");
}

/// The bill, made while it is read, so that neither reader waits for a disk.
fn bill() -> impl Read {
    let rows = Repeated { left: ROWS, at: 0 };
    io::Cursor::new(HEADING).chain(rows).chain(io::Cursor::new(SUMMARY))
}

struct Repeated {
    left: usize,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while self.left > 0 && filled < buffer.len() {
            let part = &ROW.as_bytes()[self.at..];
            let length = part.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&part[..length]);
            (filled, self.at) = (filled + length, self.at + length);
            if self.at == ROW.len() {
                (self.left, self.at) = (self.left - 1, 0);
            }
        }
        Ok(filled)
    }
}
