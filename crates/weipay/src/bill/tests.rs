use proptest::prelude::*;

use super::*;

const HEADING: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const PAID: &str = "`2015-05-20 13:29:35,`wx2421b1c4370ec43b,`1900000001,`0,`,`4200000000201505200000000001,`order-1,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`OTHERS,`CNY,`12.30,`0.00,`0,`0,`0.00,`0.00,`,`,`Image形象店,`,`0.07380,`0.60%,`12.30,`0.00,`";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const TOTALS: &str = "`1,`12.30,`0.00,`0.00,`0.07380,`12.30,`0.00";

fn rows(text: &str) -> (Vec<Result<Row, String>>, Option<Row>) {
    let mut bill = Bill::new(text.as_bytes()).unwrap();
    let rows = bill.by_ref().map(|row| row.map_err(|error| error.to_string())).collect();
    (rows, bill.summary().cloned())
}

#[test]
fn a_trade_bill_gives_typed_rows_with_bom_and_line_ends_of_either_kind() {
    for (bom, end) in [("", "\n"), ("\u{feff}", "\r\n")] {
        let text = format!("{bom}{HEADING}{end}{PAID}{end}{SUMMARY}{end}{TOTALS}{end}");
        let (rows, summary) = rows(&text);
        let [Ok(row)] = &rows[..] else { panic!("{rows:?}") };
        let trade = row.trade();
        assert_eq!(trade.time(), Ok(Some(1_432_099_775)));
        assert_eq!(trade.out_trade_no(), "order-1");
        assert_eq!(trade.device(), "");
        assert_eq!(trade.description(), "Image形象店");
        assert_eq!(trade.total().unwrap().unwrap().fen(), Some(1230));
        assert_eq!(trade.fee().unwrap().unwrap().hundred_thousandths_of_a_yuan(), 7380);
        assert_eq!(trade.refund_success_time(), Ok(None), "a column that this bill does not have");
        assert_eq!(row.get("费率备注"), Some(""), "the last value is empty");
        assert_eq!(row.iter().len(), 27);
        let summary = summary.unwrap();
        assert_eq!(summary.get("总交易单数"), Some("1"));
        assert_eq!(summary.amount("手续费总金额").unwrap().unwrap().to_string(), "0.07380");
    }
}

#[test]
fn older_names_of_a_column_are_read_as_the_same_column() {
    let text = "交易时间,子商户号,总金额,企业红包金额\n`2015-05-20 13:29:35,`1900000109,`1.00,`0.50\n总交易单数\n`1\n";
    let (rows, _) = rows(text);
    let trade = rows[0].as_ref().unwrap().trade();
    assert_eq!(trade.sub_mchid(), "1900000109");
    assert_eq!(trade.settlement_total().unwrap().unwrap().fen(), Some(100));
    // These bills have one amount for both.
    assert_eq!(trade.total().unwrap().unwrap().fen(), Some(100));
    assert_eq!(trade.coupon_total().unwrap().unwrap().fen(), Some(50));
}

#[test]
fn a_fund_flow_bill_is_read_by_the_names_of_its_columns() {
    let text = "记账时间,微信支付业务单号,业务类型,收支类型,收支金额(元),账户结余(元)\n\
        `2015-05-20 13:29:35,`4200,`交易,`收入,`12.30,`112.30\n\
        资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`1,`1,`12.30,`0,`0.00\n";
    let (rows, summary) = rows(text);
    let row = rows[0].as_ref().unwrap();
    assert_eq!(row.get("收支类型"), Some("收入"));
    assert_eq!(row.amount("账户结余(元)").unwrap().unwrap().fen(), Some(11_230));
    assert_eq!(row.get("总金额"), None);
    assert_eq!(summary.unwrap().get("收入笔数"), Some("1"));
}

#[test]
fn a_comma_or_a_back_tick_inside_a_value_stays_there() {
    let (rows, _) = rows("a,b,c\n`x, y,`z`z,`,\ns\n`1\n");
    let row = rows[0].as_ref().unwrap();
    assert_eq!(row.iter().collect::<Vec<_>>(), [("a", "x, y"), ("b", "z`z"), ("c", ",")]);
}

#[test]
fn a_row_that_does_not_fit_is_told_with_its_line_and_the_others_are_read() {
    let long = "x".repeat(MAX_LINE_BYTES);
    let text = format!("a,b\n`1,`2\n`only one\n`1,`2,`3\n`{long},`2\n`3,`4\ns\n`1\n");
    let (rows, summary) = rows(&text);
    let told: Vec<String> = rows
        .iter()
        .map(|row| row.as_ref().map_or_else(Clone::clone, |row| row.value(0).to_owned()))
        .collect();
    assert_eq!(
        told,
        [
            "1",
            "line 3 of the bill does not have as many values as there are columns",
            "line 4 of the bill does not have as many values as there are columns",
            "line 5 of the bill is longer than 64 KiB",
            "3"
        ]
    );
    assert!(summary.is_some());
    let mut bill = Bill::new("a,b\n`secret\ns\n`1\n".as_bytes()).unwrap();
    let error = bill.next_row().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "personal data must not reach a log");
    let BillError::Unfit { text, .. } = error else { panic!() };
    assert_eq!(&*text, "`secret", "the program can still look at it");
}

#[test]
fn bytes_that_are_not_text_are_told_and_the_next_row_is_read() {
    let mut text = b"a\n`".to_vec();
    text.extend([0xff, b'\n']);
    text.extend("`2\ns\n`1\n".as_bytes());
    let mut bill = Bill::new(&text[..]).unwrap();
    assert_eq!(bill.next_row().unwrap_err().to_string(), "line 2 of the bill is not UTF-8");
    assert_eq!(bill.next_row().unwrap().unwrap().get("a"), Some("2"));
    assert!(bill.next_row().unwrap().is_none() && bill.next_row().unwrap().is_none());
    assert_eq!(bill.rows_read(), 1);
}

#[test]
fn a_bill_without_its_summary_was_cut_off() {
    for text in ["a\n`1\n", "a\n`1\ns\n", "a\n"] {
        let (rows, summary) = rows(text);
        let error = rows.last().unwrap().as_ref().unwrap_err();
        assert!(error.contains("it is incomplete") && summary.is_none(), "{text}: {error}");
    }
}

#[test]
fn what_stands_after_the_summary_is_told_line_by_line() {
    // Two bills in one file, as two members of a gzip give them.
    let (rows, summary) = rows("a,b\n`1,`2\ns\n`1\n\n\u{feff}a,b\r\n`3,`4\r\n`5,`6\r\ns\r\n`2\r\n");
    let told: Vec<_> = rows.iter().skip(1).map(|row| row.clone().unwrap_err()).collect();
    let line = |number: u64| format!("line {number} of the bill comes after the summary");
    assert_eq!(told, (6..=10).map(line).collect::<Vec<_>>());
    assert_eq!((rows[0].as_ref().unwrap().get("b"), summary.unwrap().get("s").unwrap()), (Some("2"), "1"));

    let mut bill = Bill::new("a\n`1\ns\n`1\n`2\n".as_bytes()).unwrap();
    assert!(bill.next_row().unwrap().is_some());
    let BillError::Unfit { text, .. } = bill.next_row().unwrap_err() else { panic!() };
    assert_eq!(&*text, "`2", "the program can still look at it");
    assert!(bill.next_row().unwrap().is_none() && bill.next_row().unwrap().is_none());
    assert_eq!(bill.rows_read(), 1);
}

#[test]
fn the_rest_of_a_row_with_a_line_break_is_not_taken_for_the_summary() {
    let (rows, summary) = rows("a,b,c,d\n`1,`tea\nx,1,`2,`y\n`4,`5,`6,`7\n`8,`9,`10,`11\ns,t\n`3,`0\n");
    let told: Vec<_> = rows
        .iter()
        .map(|row| row.as_ref().map_or_else(Clone::clone, |row| row.value(0).to_owned()))
        .collect();
    assert_eq!(
        told,
        [
            "line 2 of the bill does not have as many values as there are columns",
            "line 3 of the bill does not begin with a back-tick",
            "4",
            "8"
        ]
    );
    assert_eq!(summary.unwrap().get("s"), Some("3"));
}

#[test]
fn what_is_not_a_bill_is_refused_with_the_reason() {
    let refused = |bytes: &[u8]| Bill::new(bytes).unwrap_err().to_string();
    assert!(refused(b"").ends_with("it is empty"));
    assert!(refused(&[0x1f, 0x8b, 8, 0]).contains("decompress"));
    for text in ["<xml><return_code>", "{\"code\":\"NO_AUTH\"}", "`1,`2\n", "\n"] {
        assert!(refused(text.as_bytes()).contains("not a list of column names"), "{text}");
    }
    assert!(refused(&vec![b'a'; MAX_LINE_BYTES + 1]).contains("too long"));
}

proptest! {
    /// All values of a bill are read as they were written.
    #[test]
    fn values_are_read_as_they_were_written(
        cells in prop::collection::vec(prop::collection::vec("[^`\r\n]{0,12}", 3), 0..8),
    ) {
        let mut text = "a,b,c\r\n".to_owned();
        for row in &cells {
            text.push_str(&format!("`{},`{},`{}\r\n", row[0], row[1], row[2]));
        }
        text.push_str("s\r\n`1\r\n");
        let (rows, summary) = rows(&text);
        prop_assert_eq!(rows.len(), cells.len());
        for (row, cells) in rows.iter().zip(&cells) {
            let row = row.as_ref().unwrap();
            prop_assert_eq!(row.iter().map(|(_, value)| value).collect::<Vec<_>>(), cells.iter().collect::<Vec<_>>());
        }
        prop_assert!(summary.is_some());
    }

    /// Nothing that a stranger sends ends in a panic or goes on for ever.
    #[test]
    fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(bill) = Bill::new(&bytes[..]) {
            prop_assert!(bill.count() <= bytes.len());
        }
    }
}

/// The row of the official example, <https://pay.weixin.qq.com/doc/v2/merchant/4011939779>, with its empty lines.
#[test]
fn a_fund_flow_bill_gives_typed_rows_with_brackets_of_either_width() {
    for (open, close) in [("(", ")"), ("（", "）")] {
        let text = format!(
            "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额{open}元{close},账户结余{open}元{close},\
             资金变更提交申请人,备注,业务凭证号\n\n`2018-02-01 04:21:23,`50000305742018020103387128253,\
             `1900009231201802015884652186,`退款,`退款,`支出,`0.02,`0.17,`system,`缺货,`REF4200000068201801293084726067\n\n\
             资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n\n`20.0,`17.0,`0.35,`3.0,`0.18\n"
        );
        let (rows, summary) = rows(&text);
        let [Ok(row)] = &rows[..] else { panic!("{rows:?}") };
        let flow = row.fund_flow();
        assert_eq!(flow.time(), Ok(Some(1_517_430_083)));
        assert_eq!((flow.business(), flow.is_income()), ("退款", Some(false)));
        assert_eq!(flow.amount().unwrap().unwrap().fen(), Some(2));
        assert_eq!(flow.balance().unwrap().unwrap().fen(), Some(17));
        assert_eq!((flow.applicant(), flow.remark()), ("system", "缺货"));
        assert_eq!(flow.voucher_id(), "REF4200000068201801293084726067");
        assert_eq!(summary.unwrap().amount("支出金额").unwrap().unwrap().fen(), Some(18));
    }
}
