//! Flow files (核销明细, 退款明细) of a stock: where its coupons were used, and what came back, as CSV with a digest.
//!
//! A use and a refund are written down when they happen. A file is made when it is asked for and when it is
//! downloaded, and nothing of it is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weipay_wire::{DigestAlgorithm, Digester};

use super::goods::Goods;
use super::refusals;
use super::stock::{self, Stock};
use crate::clock;
use crate::grammar::unconfirmed;
use crate::products::bills::day::READY;
use crate::products::bills::text::{LINE_END, RowText, time, yuan};
use crate::products::bills::{Sink, day};
use crate::products::downloads::token;
use crate::products::{Behaviour, Context, HandlerError, Links};
use crate::response::{File, Refusal};
use crate::store::{Direction, IndexEntry, IndexRange, Record, StoreError, Transaction, at_time};
use crate::words::words;

words! {
    /// An event of a coupon.
    pub(super) enum FlowKind {
        Use = "use",
        Refund = "refund",
    }
}

/// The payment that a coupon was used in, or that was refunded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowOf<'a> {
    pub(crate) transaction_id: &'a str,
    /// 微信退款单号, of a refund.
    pub(crate) refund_id: Option<&'a str>,
    /// Fen of the order.
    pub(crate) total: i64,
    /// The merchant that was paid.
    pub(crate) mchid: &'a str,
    pub(crate) device: Option<&'a str>,
    pub(crate) now: i64,
}

/// One line of a flow file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FlowEntry {
    number: i64,
    kind: FlowKind,
    stock_id: String,
    coupon_id: String,
    time: i64,
    /// Of the coupon.
    fen: i64,
    total: i64,
    transaction_id: String,
    refund_id: Option<String>,
    mchid: String,
    device: Option<String>,
    goods: Vec<(Goods, i64)>,
}

const STOCK_AND_USE: &str = "stock and time of use";
const STOCK_AND_REFUND: &str = "stock and time of refund";

impl Record for FlowEntry {
    const KIND: &'static str = "cash coupon flow";

    fn key(&self) -> String {
        self.number.to_string()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(self.kind.index(), at_time(&self.stock_id, self.time))]
    }
}

impl FlowKind {
    const fn index(self) -> &'static str {
        match self {
            Self::Use => STOCK_AND_USE,
            Self::Refund => STOCK_AND_REFUND,
        }
    }

    /// The number after the dash of `Request-ID` if there is nothing to report.
    const fn tail_of_nothing(self) -> u32 {
        match self {
            Self::Use => 268_586_001,
            Self::Refund => 268_586_003,
        }
    }

    /// The columns of uses are those that merchants have seen. UNCONFIRMED(cash-flow-columns): those of
    /// refunds, and the words in both.
    const fn heading(self) -> &'static str {
        match self {
            Self::Use => {
                "批次id,优惠id,优惠类型,优惠金额（元）,订单总金额（元）,交易类型,支付单号,消耗时间,消耗商户号,设备号,银行流水号,单品信息"
            }
            Self::Refund => {
                "批次id,优惠id,优惠类型,优惠金额（元）,订单总金额（元）,交易类型,支付单号,退款单号,退款时间,消耗商户号,设备号,银行流水号,单品信息"
            }
        }
    }
}

/// Writes down what happened to a coupon; `fen` are those of the coupon.
pub(super) fn note(
    tx: &Transaction<'_>,
    kind: FlowKind,
    (stock_id, coupon_id): (&str, &str),
    fen: i64,
    goods: &[(Goods, i64)],
    of: FlowOf<'_>,
) -> Result<(), StoreError> {
    tx.save(&FlowEntry {
        number: tx.next_place("cash coupon flow")?,
        kind,
        stock_id: stock_id.to_owned(),
        coupon_id: coupon_id.to_owned(),
        time: of.now,
        fen,
        total: of.total,
        transaction_id: of.transaction_id.to_owned(),
        refund_id: of.refund_id.map(str::to_owned),
        mchid: of.mchid.to_owned(),
        device: of.device.map(str::to_owned),
        goods: goods.to_vec(),
    })
}

pub(super) fn use_flow(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    flow(tx, context, FlowKind::Use)
}

pub(super) fn refund_flow(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    flow(tx, context, FlowKind::Refund)
}

fn flow(tx: &Transaction<'_>, context: &Context<'_>, kind: FlowKind) -> Result<Value, HandlerError> {
    let stock = own_stock(tx, context)?;
    let made = made(tx, context, FlowFile::of_stock(kind, &stock, context.now))?;
    Ok(json!({ "url": made.url, "hash_value": made.digest, "hash_type": "SHA1" }))
}

pub(super) fn use_flow_by_day(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let made = flow_by_day(tx, context, FlowKind::Use)?;
    let count = made.rows.to_string();
    Ok(json!({ "url": made.url, "stock_useflow_hash": made.digest, "stock_useflow_count": count }))
}

pub(super) fn refund_flow_by_day(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let made = flow_by_day(tx, context, FlowKind::Refund)?;
    let count = made.rows.to_string();
    Ok(json!({ "url": made.url, "stock_refundflow_hash": made.digest, "stock_refundflow_count": count }))
}

fn flow_by_day(tx: &Transaction<'_>, context: &Context<'_>, kind: FlowKind) -> Result<Made, HandlerError> {
    let stock = own_stock(tx, context)?;
    let date = context.request.query("bill_date").unwrap_or_default();
    let day = day::parse(date).ok_or_else(refusals::bad_date)?;
    made(tx, context, FlowFile::of_day(kind, &stock, day))
}

/// Only the creator of a stock gets its files.
fn own_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    let stock = stock::find(tx, context.request.path("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
    if stock.creator == context.caller.mchid { Ok(stock) } else { Err(refusals::not_the_creator().into()) }
}

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FlowFile {
    kind: FlowKind,
    stock_id: String,
    from: i64,
    /// It is there from ten o'clock of this day on, and has what happened before.
    until: i64,
}

impl FlowFile {
    /// INFERRED(cash-flow-hour): the file of a whole stock is there from ten o'clock of the day after its
    /// period on. Refunds come after the period, too: their file has each later day from ten o'clock of the
    /// next day on.
    fn of_stock(kind: FlowKind, stock: &Stock, now: i64) -> Self {
        let after_period = clock::midnight(clock::day(stock.end).saturating_add(1));
        let until = match kind {
            FlowKind::Use => after_period,
            FlowKind::Refund => after_period.max(clock::midnight(clock::day(now.saturating_sub(READY)))),
        };
        Self { kind, stock_id: stock.id.clone(), from: 0, until }
    }

    fn of_day(kind: FlowKind, stock: &Stock, day: i64) -> Self {
        let (from, until) = (clock::midnight(day), clock::midnight(day.saturating_add(1)));
        Self { kind, stock_id: stock.id.clone(), from, until }
    }

    fn is_there(&self, now: i64) -> bool {
        now >= self.until.saturating_add(READY)
    }

    /// Why it cannot be had yet.
    fn is_not_there(&self) -> &'static str {
        match self.from {
            0 => {
                "the file of a whole stock is available from ten o'clock (Beijing) on the day after the stock's \
                 available_end_time: move the clock, or ask by day"
            }
            _ => "the file of a day is available from 10:00 (Beijing) on the next day: advance the clock",
        }
    }

    /// Writes it. How many rows it has.
    fn write(&self, tx: &Transaction<'_>, sink: Sink<'_>) -> Result<i64, StoreError> {
        sink(self.kind.heading());
        sink(LINE_END);
        let (mut rows, mut row) = (0i64, RowText::default());
        let (from, to) =
            (at_time(&self.stock_id, self.from), at_time(&self.stock_id, self.until.saturating_sub(1)));
        let range = IndexRange { index: self.kind.index(), from, to };
        for entry in tx.scan::<FlowEntry>(range, Direction::Ascending) {
            entry?.write(&mut row);
            row.end(&mut *sink);
            rows = rows.saturating_add(1);
        }
        Ok(rows)
    }
}

impl FlowEntry {
    /// Three columns have no backtick: device, number of the bank, and goods.
    fn write(&self, row: &mut RowText) {
        let kind = if self.goods.is_empty() { "全场代金券" } else { "单品代金券" };
        row.cells([&*self.stock_id, &*self.coupon_id, kind, &*yuan(self.fen), &*yuan(self.total)]);
        row.cell(if self.kind == FlowKind::Use { "支付" } else { "退款" });
        row.cell(&self.transaction_id);
        if self.kind == FlowKind::Refund {
            row.cell(self.refund_id.as_deref().unwrap_or_default());
        }
        row.cells([&*time(self.time), &*self.mchid]);
        row.plain_cell(self.device.as_deref().unwrap_or_default());
        row.plain_cell("");
        let goods: Vec<String> = self
            .goods
            .iter()
            .map(|(goods, fen)| {
                format!("{}*{}:{}:{}", goods.id, goods.quantity, yuan(goods.price), yuan(*fen))
            })
            .collect();
        row.plain_cell(&goods.join(";"));
    }
}

/// The members of a response about a file.
struct Made {
    url: String,
    digest: String,
    rows: i64,
}

fn made(tx: &Transaction<'_>, context: &Context<'_>, file: FlowFile) -> Result<Made, HandlerError> {
    if !file.is_there(context.now) {
        return Err(refusals::no_flow(file.is_not_there()).into());
    }
    let mut digester = Digester::new(DigestAlgorithm::Sha1);
    let rows = file.write(tx, &mut |part| digester.update(part.as_bytes()))?;
    if rows == 0 {
        let reason = "there is nothing to report about coupons of this stock for that time";
        return Err(refusals::no_flow(reason).with_tail(file.kind.tail_of_nothing()).into());
    }
    let digest = digester.finish_hex();
    let link = FlowLink { file, digest: digest.clone(), made: context.now };
    let token = context.sealer().seal(ASSOCIATED_DATA, &link.text()).ok_or_else(Refusal::system_error)?;
    let url = format!("{}/v3/billdownload/file?token={token}", context.base_url);
    Ok(Made { url, digest, rows })
}

/// How long an address is valid.
const LIFE_SECONDS: i64 = 30;

const ASSOCIATED_DATA: &str = "cash coupon flow";

/// The target of an address.
#[derive(Debug, PartialEq, Eq)]
struct FlowLink {
    file: FlowFile,
    /// That was announced with the address.
    digest: String,
    made: i64,
}

impl FlowLink {
    fn text(&self) -> String {
        let FlowFile { kind, stock_id, from, until } = &self.file;
        format!("{} {stock_id} {from} {until} {} {}", kind.word(), self.digest, self.made)
    }

    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [word, stock_id, from, until, digest, made] = words[..] else { return None };
        let kind = [FlowKind::Use, FlowKind::Refund].into_iter().find(|kind| kind.word() == word)?;
        let (from, until) = (from.parse().ok()?, until.parse().ok()?);
        Some(Self {
            file: FlowFile { kind, stock_id: stock_id.to_owned(), from, until },
            digest: digest.to_owned(),
            made: made.parse().ok()?,
        })
    }
}

/// The file that a token leads to; `None` for any other text.
pub(in crate::products) fn download(token: &str, links: &Links<'_>) -> Option<Result<File, Refusal>> {
    let text = match token::open_own(links, |sealer| sealer.open(ASSOCIATED_DATA, token))? {
        Ok(text) => text,
        Err(refusal) => return Some(Err(refusal)),
    };
    let link = FlowLink::read(&text)?;
    if links.now.saturating_sub(link.made) > LIFE_SECONDS {
        return Some(Err(unconfirmed::old_link()));
    }
    let mut bytes = Vec::new();
    let written = links.store.transaction(|tx| {
        bytes.clear();
        link.file.write(tx, &mut |part| bytes.extend_from_slice(part.as_bytes()))
    });
    Some(match written {
        // A late clock has booked something in the days of the file.
        Ok(_) if DigestAlgorithm::Sha1.hex(&bytes) != link.digest => Err(unconfirmed::old_link()
            .with_reason("the file has changed since the address was given: ask for it again")),
        Ok(_) => Ok(File {
            content_type: "text/csv; charset=utf-8",
            bytes,
            is_statement: false,
            origin: Behaviour::State,
        }),
        Err(error) => Err(Refusal::system_error().with_reason(format!("{error:#}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::super::stock::tests::{CREATOR, NOW, a_running_stock};
    use super::*;
    use crate::store::Store;

    fn of(now: i64, refund_id: Option<&'static str>) -> FlowOf<'static> {
        FlowOf {
            transaction_id: "4200",
            refund_id,
            total: 1_000,
            mchid: CREATOR,
            device: Some("POS1:1"),
            now,
        }
    }

    #[test]
    fn a_file_has_a_line_for_each_use_of_its_stock_and_its_day() {
        let stock = a_running_stock();
        let tea = (Goods { id: "tea".to_owned(), quantity: 2, price: 300 }, 500);
        let texts: Result<_, StoreError> = Store::in_memory().transaction(|tx| {
            let names = (&*stock.id, "9000000001");
            note(tx, FlowKind::Use, names, 500, &[], of(NOW, None))?;
            note(tx, FlowKind::Use, names, 500, std::slice::from_ref(&tea), of(NOW + 1, None))?;
            note(tx, FlowKind::Use, ("15000002", "9000000002"), 500, &[], of(NOW, None))?;
            note(tx, FlowKind::Refund, names, 250, &[], of(NOW + 2, Some("503")))?;
            let text = |file: FlowFile| {
                let mut text = String::new();
                let rows = file.write(tx, &mut |part| text.push_str(part))?;
                Ok::<_, StoreError>((rows, text))
            };
            let today = clock::day(NOW);
            Ok([
                text(FlowFile::of_stock(FlowKind::Use, &stock, NOW))?,
                text(FlowFile::of_day(FlowKind::Refund, &stock, today))?,
                text(FlowFile::of_day(FlowKind::Refund, &stock, today - 1))?,
            ])
        });
        let [uses, refunds, nothing] = texts.unwrap();
        let lines: Vec<&str> = uses.1.lines().collect();
        assert_eq!(
            lines[1..],
            [
                "`15000001,`9000000001,`全场代金券,`5.00,`10.00,`支付,`4200,`2026-08-15 12:00:00,`1900000109,POS1:1,,",
                "`15000001,`9000000001,`单品代金券,`5.00,`10.00,`支付,`4200,`2026-08-15 12:00:01,`1900000109,POS1:1,,tea*2:3.00:5.00",
            ]
        );
        let columns = |line: &str| line.split(',').count();
        assert!(lines.iter().all(|line| columns(line) == 12), "{lines:?}");
        assert!(
            refunds.1.lines().all(|line| columns(line) == 13)
                && refunds.1.contains(",`2.50,`10.00,`退款,`4200,`503,")
        );
        assert_eq!((uses.0, refunds.0, nothing.0), (2, 1, 0));
    }

    #[test]
    fn a_file_is_there_at_ten_of_the_day_after() {
        let stock = a_running_stock();
        let file = FlowFile::of_stock(FlowKind::Use, &stock, NOW);
        let ten = clock::midnight(clock::day(stock.end) + 1) + 10 * 3_600;
        assert!(!file.is_there(ten - 1) && file.is_there(ten));
    }

    #[test]
    fn late_refunds_are_in_the_file_from_ten_of_the_next_day() {
        let stock = a_running_stock();
        let ten = |days: i64| clock::midnight(clock::day(stock.end) + days) + READY;
        let refunded = ten(5);
        let rows: Result<Vec<i64>, StoreError> = Store::in_memory().transaction(|tx| {
            let names = (&*stock.id, "9000000001");
            note(tx, FlowKind::Refund, names, 250, &[], of(NOW + 2, Some("503")))?;
            note(tx, FlowKind::Refund, names, 250, &[], of(refunded, Some("504")))?;
            let times = [ten(1), ten(6) - 1, ten(6), ten(90)];
            let files = times.map(|now| (FlowFile::of_stock(FlowKind::Refund, &stock, now), now));
            assert!(files.iter().all(|(file, now)| file.is_there(*now)));
            files.iter().map(|(file, _)| file.write(tx, &mut |_| {})).collect()
        });
        assert_eq!(rows.unwrap(), [1, 1, 2, 2]);
        assert!(!FlowFile::of_stock(FlowKind::Refund, &stock, ten(1) - 1).is_there(ten(1) - 1));
    }

    #[test]
    fn an_address_says_which_file_and_no_other_text_does() {
        let file = FlowFile::of_day(FlowKind::Refund, &a_running_stock(), 20_680);
        let link = FlowLink { file, digest: "0".repeat(40), made: NOW };
        assert_eq!(FlowLink::read(&link.text()), Some(link));
        for text in ["", "use 1 2 3", "other 1 2 3 d 4", "use 1 a 3 d 4"] {
            assert_eq!(FlowLink::read(text), None);
        }
    }
}
