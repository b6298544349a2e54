use std::sync::LazyLock;

use weipay_wire::ApiV3Key;

use super::link::{BillLink, download};
use super::*;
use crate::clock;
use crate::entropy::Entropy;
use crate::ledger::{AccountKind, Business, Owner, Posting, Purse, entries, post};
use crate::merchants::Merchants;
use crate::products::HandlerError;
use crate::products::Links;
use crate::products::downloads::token::Sealer;
use crate::products::payments::codepay;
use crate::products::payments::order::{Dialect, LimitPay, Order, OrderState, Payer, Payment, TradeType};
use crate::products::payments::refund::fixtures::{Shop, Wish};
use crate::products::payments::refund::record::RefundState;
use crate::products::testing::world::NOW as TIME_OF_SHOP;
use crate::response::File;
use crate::store::{Direction, Fingerprint, Store};

const MERCHANT: &str = "1900000109";
const SUB_MERCHANT: &str = "1900000110";
const PERSON: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

fn at(time: &str) -> i64 {
    clock::parse(time).unwrap()
}

fn bill_of(kind: BillKind, sub_mchid: Option<&str>) -> BillOf {
    let day = clock::day(at("2026-11-25T12:00:00+08:00"));
    BillOf {
        kind,
        mchid: MERCHANT.to_owned(),
        sub_mchid: sub_mchid.map(str::to_owned),
        sub_merchants: Vec::new(),
        day,
    }
}

/// A person pays an order of ten yuan with a coupon of one yuan, and the platform takes its fee.
fn pay(tx: &Transaction<'_>, number: i64, time: i64, sub_mchid: Option<&str>) {
    let transaction_id = format!("42000000002026112500{number:08}");
    let payment = Payment {
        transaction_id: transaction_id.clone(),
        paid_at: time,
        payer: Payer { openid: Some(PERSON.to_owned()), sub_openid: None },
        person: Owner::person(PERSON),
        bank_type: "OTHERS".to_owned(),
        payer_total: 900,
        fee: 5,
        promotion_detail: vec![json!({ "coupon_id": "1", "type": "NOCASH", "amount": 100 })],
        refunded: 0,
        refund_count: 0,
    };
    let order = Order {
        merchant: MERCHANT.to_owned(),
        sub_mchid: sub_mchid.map(str::to_owned),
        appid: "wxd678efh567hg6787".to_owned(),
        sub_appid: None,
        out_trade_no: format!("order-{number}"),
        trade_type: TradeType::Jsapi,
        dialect: Dialect::V3,
        state: OrderState::Success,
        total: 1_000,
        currency: "CNY".to_owned(),
        description: "一杯,\n咖啡".to_owned(),
        attach: None,
        notify_url: None,
        goods_tag: None,
        detail: None,
        scene_info: None,
        profit_sharing: false,
        subsidy: 0,
        deposit: None,
        limit_pay: LimitPay::default(),
        payer: Payer::default(),
        created: time,
        expires: time + 600,
        ended: None,
        combined: None,
        fingerprint: Fingerprint([0; 32]),
        platform_serial: "PUB_KEY_ID_0".to_owned(),
        prepays: Vec::new(),
        payment: Some(payment),
    };
    let payee = Owner::merchant(order.payee());
    tx.save(&order).unwrap();
    let posting = Posting::new(Business::Payment, transaction_id, time)
        .for_number(order.out_trade_no)
        .moves(Owner::person(PERSON).account(AccountKind::Bank), payee.account(AccountKind::Unsettled), 900)
        .moves(payee.account(AccountKind::Unsettled), payee.account(AccountKind::Fees), 5);
    post(tx, posting).unwrap();
}

fn a_day() -> Store {
    let store = Store::in_memory();
    store
        .transaction(|tx| {
            pay(tx, 1, at("2026-11-24T23:59:59+08:00"), None);
            pay(tx, 3, at("2026-11-25T23:59:59+08:00"), None);
            pay(tx, 2, at("2026-11-25T00:00:00+08:00"), None);
            pay(tx, 4, at("2026-11-26T00:00:00+08:00"), None);
            pay(tx, 5, at("2026-11-25T08:00:00+08:00"), Some(SUB_MERCHANT));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    store
}

fn lines(store: &Store, bill: &BillOf) -> Vec<String> {
    let text = store.transaction(|tx| bill.text(tx)).unwrap().unwrap();
    assert!(text.ends_with("\r\n"));
    text.split_terminator("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_trade_bill_has_the_payments_of_its_day_in_beijing_and_their_sums() {
    let lines = lines(&a_day(), &bill_of(BillKind::Trade(TradeBill::All), None));
    assert_eq!(lines.len(), 1 + 3 + 2);
    assert_eq!(
        lines[1],
        "`2026-11-25 00:00:00,`wxd678efh567hg6787,`1900000109,`0,`,`4200000000202611250000000002,`order-2,\
         `oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`OTHERS,`CNY,`9.00,`1.00,`0,`0,`0.00,`0.00,`,`,`一杯  咖啡,`,\
         `0.05000,`0.60%,`10.00,`0.00,`"
    );
    assert!(lines[2].contains(",`1900000109,`1900000110,") && lines[3].contains(",`order-3,"));
    assert!(lines[1..4].iter().all(|line| line.split(',').count() == 27));
    assert_eq!(lines[5], "`3,`27.00,`0.00,`0.00,`0.15000,`30.00,`0.00");
}

#[test]
fn bills_of_payments_and_of_refunds_have_their_own_columns() {
    let store = a_day();
    let lines = lines(&store, &bill_of(BillKind::Trade(TradeBill::Paid), None));
    assert!(lines[1..4].iter().all(|line| line.split(',').count() == 20), "{lines:?}");
    let top_ups = bill_of(BillKind::Trade(TradeBill::TopUpsRefunded), None);
    assert_eq!(store.transaction(|tx| top_ups.text(tx)).unwrap(), None, "there is no such bill");
    let refunds = bill_of(BillKind::Trade(TradeBill::Refunded), None);
    assert_eq!(store.transaction(|tx| refunds.text(tx)).unwrap(), None);
}

/// Two orders, of which one was paid with a coupon that is money and a discount; a refund that succeeded, one
/// that is under way, one that could not be delivered and one that was closed.
fn a_day_with_refunds() -> Shop {
    let mut shop = Shop::new();
    shop.pay(&Wish { coupons: vec![("CASH", 100), ("NOCASH", 200)], fee: 4, ..Wish::default() });
    shop.pay(&Wish { number: "order-2", ..Wish::default() });
    let mut refund = |order: &str, number: &str, fen: i64| {
        shop.pass(60);
        shop.refund(order, number, fen, 1_000).unwrap();
    };
    refund("order-1", "done", 500);
    refund("order-2", "closed", 300);
    refund("order-2", "abnormal", 200);
    assert!(shop.decide("abnormal", RefundState::Abnormal));
    shop.refund("order-1", "under-way", 250, 1_000).unwrap();
    shop
}

fn bill_of_shop(kind: TradeBill, shop: &Shop) -> Vec<String> {
    let bill = BillOf { day: clock::day(TIME_OF_SHOP), ..bill_of(BillKind::Trade(kind), None) };
    lines(shop.store(), &bill)
}

#[test]
fn a_refund_has_a_row_with_its_state_and_its_fee_comes_off() {
    let mut shop = a_day_with_refunds();
    // The clock has let it succeed meanwhile.
    assert!(!shop.decide("closed", RefundState::Closed));
    shop.pass(60);
    shop.refund("order-2", "given-up", 100, 1_000).unwrap();
    assert!(shop.decide("given-up", RefundState::Closed));
    let lines = bill_of_shop(TradeBill::All, &shop);
    let cells = |line: &String| line.split(',').map(|cell| cell[1..].to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = lines[1..lines.len() - 2].iter().map(cells).collect();
    assert!(rows.iter().all(|row| row.len() == 27), "{rows:?}");
    let shown: Vec<[&str; 10]> = rows
        .iter()
        .map(|row| [9, 12, 13, 15, 16, 17, 19, 22, 24, 25].map(|index| row[index].as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ["SUCCESS", "8.00", "3.00", "0", "0.00", "0.00", "", "0.04000", "10.00", "0.00"],
            ["SUCCESS", "10.00", "0.00", "0", "0.00", "0.00", "", "0.06000", "10.00", "0.00"],
            ["REFUND", "0.00", "0.00", "done", "4.00", "0.50", "SUCCESS", "-0.02000", "0.00", "5.00"],
            ["REFUND", "0.00", "0.00", "closed", "3.00", "0.00", "SUCCESS", "-0.02000", "0.00", "3.00"],
            ["REFUND", "0.00", "0.00", "abnormal", "2.00", "0.00", "CHANGE", "-0.01000", "0.00", "2.00"],
            ["REFUND", "0.00", "0.00", "under-way", "2.00", "0.25", "SUCCESS", "-0.01000", "0.00", "2.50"],
            ["REFUND", "0.00", "0.00", "given-up", "0.00", "0.00", "FAIL", "0.00000", "0.00", "1.00"],
        ]
    );
    assert!(rows[2..].iter().all(|row| row[18] == "ORIGINAL" && row[14].starts_with("50300")));
    assert_eq!(lines.last().unwrap(), "`7,`18.00,`11.00,`0.75,`0.04000,`20.00,`13.50");
    // What the merchant has is what the bill says.
    let left: i64 =
        [AccountKind::Unsettled, AccountKind::Available].map(|kind| shop.merchant(kind)).iter().sum();
    assert_eq!(left, 1_800 - 1_100 - 4);
}

#[test]
fn what_happens_to_a_refund_after_its_bill_was_made_changes_no_bill() {
    let mut shop = a_day_with_refunds();
    shop.pass(60);
    shop.refund("order-2", "short", 100, 1_000).unwrap();
    shop.wait_for_money("short");
    // Ten o'clock of the next day.
    shop.pass(30 * 3_600);
    let bills = |shop: &Shop| [TradeBill::All, TradeBill::Refunded].map(|kind| bill_of_shop(kind, shop));
    let made = bills(&shop);
    let row = made[0].iter().find(|row| row.contains("`short")).unwrap();
    assert!(row.contains("`PROCESSING"), "{row}");
    assert!(shop.decide("abnormal", RefundState::Success));
    shop.pass(8 * clock::DAY);
    assert!(!shop.decide("short", RefundState::Closed), "the clock has closed it");
    assert_eq!(bills(&shop), made);
}

#[test]
fn the_fee_of_an_advanced_refund_is_billed_once_it_has_come_back() {
    for (decided, state, fee) in [
        (RefundState::Success, "SUCCESS", "-0.06000"),
        (RefundState::Abnormal, "CHANGE", "0.00000"),
        (RefundState::Closed, "FAIL", "0.00000"),
    ] {
        let mut shop = Shop::new();
        shop.caller.appids = vec!["wxd678efh567hg6787".to_owned()];
        shop.caller.sub_merchants = vec![SUB_MERCHANT.to_owned()];
        let id = shop.pay(&Wish { sub_mchid: Some(SUB_MERCHANT), ..Wish::default() });
        shop.put(MERCHANT, AccountKind::Available, 1_000);
        let body = json!({
            "sub_mchid": SUB_MERCHANT, "sp_appid": "wxd678efh567hg6787", "transaction_id": id,
            "out_refund_no": "advanced", "amount": { "refund": 1_000, "total": 1_000 },
            "refund_account": "REFUND_SOURCE_PARTNER_ADVANCE",
        });
        shop.ask("POST", "/v3/ecommerce/refunds/apply", &body).unwrap();
        assert!(shop.decide("advanced", decided));
        let lines = bill_of_shop(TradeBill::All, &shop);
        let row: Vec<&str> = lines[2].split(',').map(|cell| &cell[1..]).collect();
        assert_eq!((row[19], row[22]), (state, fee));
        // What the platform still has of the fee is what the bill says.
        let fees = shop.balance(&Owner::merchant(SUB_MERCHANT), AccountKind::Fees);
        assert_eq!(fees, if decided == RefundState::Success { 0 } else { 6 });
        let sum = format!("`{}.{:05},", 0, fees * 1_000);
        assert!(lines.last().unwrap().contains(&sum), "{lines:?}");
    }
}

#[test]
fn a_bill_of_refunds_has_both_times_of_each_and_no_payments() {
    let shop = a_day_with_refunds();
    let lines = bill_of_shop(TradeBill::Refunded, &shop);
    assert_eq!(lines.len(), 1 + 4 + 2);
    let times: Vec<Vec<&str>> =
        lines[1..5].iter().map(|line| line.split(',').skip(14).take(2).collect()).collect();
    assert_eq!(times[0], ["`2027-01-15 16:01:00", "`2027-01-15 16:01:05"]);
    assert_eq!(times[3], ["`2027-01-15 16:03:00", "`"], "not yet");
    assert!(lines[1..5].iter().all(|line| line.split(',').count() == 29), "{lines:?}");
    let paid = bill_of_shop(TradeBill::Paid, &shop);
    assert_eq!((paid.len(), paid[4].as_str()), (1 + 2 + 2, "`2,`18.00,`0.00,`0.00,`0.10000,`20.00,`0.00"));
}

#[test]
fn a_bill_has_the_rows_of_one_sub_merchant() {
    let store = a_day();
    let of_partner = bill_of(BillKind::Trade(TradeBill::All), Some(SUB_MERCHANT));
    let own = BillOf { mchid: SUB_MERCHANT.to_owned(), sub_mchid: None, ..of_partner.clone() };
    assert_eq!(lines(&store, &of_partner), lines(&store, &own));
    assert_eq!(lines(&store, &own).len(), 1 + 1 + 2);
}

#[test]
fn a_fund_flow_bill_agrees_with_the_ledger() {
    let store = a_day();
    let lines = lines(&store, &bill_of(BillKind::FundFlow(AccountType::Basic), None));
    assert_eq!(lines.len(), 1 + 4 + 2);
    let cells: Vec<Vec<&str>> = lines[1..5]
        .iter()
        .map(|line| line.split(',').map(|cell| cell.strip_prefix('`').unwrap()).collect())
        .collect();
    let column = |index: usize| cells.iter().map(|row| row[index]).collect::<Vec<_>>();
    assert_eq!(column(4), ["交易", "扣除交易手续费", "交易", "扣除交易手续费"]);
    assert_eq!(column(5), ["收入", "支出", "收入", "支出"]);
    assert_eq!(column(6), ["9.00", "0.05", "9.00", "0.05"]);
    let mut numbers = column(2);
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "each movement has its number");
    assert_eq!(lines[6], "`4,`2,`18.00,`2,`0.10");
    // What the platform took is not the merchant's: nothing is in its account for fees (FEES).
    for account in [AccountType::Operation, AccountType::Fees] {
        let nothing = bill_of(BillKind::FundFlow(account), None);
        assert_eq!(store.transaction(|tx| nothing.text(tx)).unwrap(), None, "{account:?}");
    }
}

#[test]
fn the_balance_column_does_not_jump_after_work_that_was_booked_late() {
    let store = Store::in_memory();
    let booked: Result<(), StoreError> = store.transaction(|tx| {
        let owner = Owner::merchant(MERCHANT);
        let from_bank = |time: &str, fen: i64| {
            let posting = Posting::new(Business::TopUp, "1", at(time));
            post(
                tx,
                posting.moves(owner.account(AccountKind::Bank), owner.account(AccountKind::Operation), fen),
            )
            .unwrap();
        };
        from_bank("2026-11-24T08:00:00+08:00", 1);
        from_bank("2026-11-25T08:00:00+08:00", 10);
        from_bank("2026-11-26T08:00:00+08:00", 1_000);
        // The clock comes late.
        from_bank("2026-11-25T07:00:00+08:00", 100);
        Ok(())
    });
    booked.unwrap();
    let lines = lines(&store, &bill_of(BillKind::FundFlow(AccountType::Operation), None));
    let cell = |line: &str, index: usize| line.split(',').nth(index).unwrap().to_owned();
    let rows: Vec<_> = lines[1..3].iter().map(|line| (cell(line, 6), cell(line, 7))).collect();
    assert_eq!(rows, [("`1.00".to_owned(), "`1.01".to_owned()), ("`0.10".to_owned(), "`1.11".to_owned())]);
}

#[test]
fn entries_of_earlier_versions_have_their_balance_counted() {
    let store = Store::in_memory();
    let owner = Owner::merchant(MERCHANT);
    let booked: Result<(), StoreError> = store.transaction(|tx| {
        for (time, to, fen) in [
            ("2026-11-24T08:00:00+08:00", AccountKind::Transferring, 1),
            ("2026-11-25T08:00:00+08:00", AccountKind::Operation, 10),
        ] {
            let posting = Posting::new(Business::TopUp, "1", at(time));
            post(tx, posting.moves(owner.account(AccountKind::Bank), owner.account(to), fen)).unwrap();
        }
        let all: Vec<_> = entries(tx, &owner, 0, i64::MAX, Direction::Ascending).collect();
        for entry in all {
            let mut entry = entry?;
            entry.legs.iter_mut().for_each(|leg| leg.operation = None);
            tx.save(&entry)?;
        }
        Ok(())
    });
    booked.unwrap();
    let lines = lines(&store, &bill_of(BillKind::FundFlow(AccountType::Operation), None));
    assert!(lines[1].contains("`0.10,`0.11,"), "{lines:?}");
}

#[test]
fn a_platform_gets_the_flows_of_all_its_sub_merchants_by_account() {
    let store = Store::in_memory();
    let paid: Result<(), StoreError> = store.transaction(|tx| {
        pay(tx, 1, at("2026-11-25T08:00:00+08:00"), Some(SUB_MERCHANT));
        pay(tx, 2, at("2026-11-25T09:00:00+08:00"), Some("1900000111"));
        pay(tx, 3, at("2026-11-25T10:00:00+08:00"), Some("1900000112"));
        pay(tx, 4, at("2026-11-25T11:00:00+08:00"), None);
        Ok(())
    });
    paid.unwrap();
    let sub_merchants = vec![SUB_MERCHANT.to_owned(), "1900000111".to_owned()];
    let bill = BillOf { sub_merchants, ..bill_of(BillKind::AllFundFlows, None) };
    let lines = lines(&store, &bill);
    assert!(lines[0].starts_with("二级商户号,账户类型,记账时间,"), "{}", lines[0]);
    let of: Vec<_> = lines[1..5].iter().map(|line| line.splitn(3, ',').take(2).collect::<String>()).collect();
    let [first, second] = [SUB_MERCHANT, "1900000111"].map(|mchid| format!("`{mchid}`BASIC"));
    assert_eq!(of, [first.clone(), first, second.clone(), second], "payment and fee of each");
    assert_eq!(lines[1].split(',').count(), lines[0].split(',').count());
    // Nine yuan and a fee of five fen each.
    assert_eq!(lines.last().unwrap(), "`4,`2,`18.00,`2,`0.10");
    let nobody = bill_of(BillKind::AllFundFlows, None);
    assert_eq!(store.transaction(|tx| nobody.text(tx)).unwrap(), None);
}

static KEY: LazyLock<ApiV3Key> = LazyLock::new(|| ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap());
const NOW: i64 = 1_800_000_000;

fn links<'a>(
    key: &'a ApiV3Key,
    entropy: &'a Entropy,
    now: i64,
    store: &'a Store,
    merchants: &'a Merchants,
) -> Links<'a> {
    Links { base_url: "", mchid: MERCHANT, key, entropy, now, store, merchants }
}

fn open(link: &BillLink, store: &Store, now: i64) -> Result<File, Refusal> {
    let entropy = Entropy::system();
    let address = link.address("http://127.0.0.1", &Sealer::new(&entropy, MERCHANT, &KEY)).unwrap();
    let token = address.split("token=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let merchants = Merchants::default();
    let links = links(&KEY, &entropy, now, store, &merchants);
    download(&token, &links).unwrap()
}

#[test]
fn a_link_gives_its_bill_plain_packed_and_sealed_for_five_minutes() {
    let store = a_day();
    let bill = bill_of(BillKind::FundFlow(AccountType::Basic), None);
    let text = store.transaction(|tx| bill.text(tx)).unwrap().unwrap();
    let digest = DigestAlgorithm::Sha1.hex(text.as_bytes());
    let mut link = BillLink { bill, digest, is_gzip: false, key: None, made: NOW };
    let plain = open(&link, &store, NOW + 300).unwrap();
    assert!(plain.bytes == text.as_bytes() && plain.content_type == "text/plain; charset=utf-8");
    let refusal = open(&link, &store, NOW + 301).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));

    link.is_gzip = true;
    let packed = open(&link, &store, NOW).unwrap();
    // Stored: the text stands between fifteen bytes of head and eight of checksum.
    assert_eq!(&packed.bytes[15..packed.bytes.len() - 8], text.as_bytes());

    let (key, nonce) = ("0123456789abcdef0123456789abcdee", "a8607ef79034c49c"[..12].to_owned());
    link.key = Some((key.to_owned(), nonce.clone()));
    let sealed = open(&link, &store, NOW).unwrap();
    let key = ApiV3Key::new(key).unwrap();
    assert_eq!(sealed.bytes, key.seal_bytes(&nonce, "", &packed.bytes).unwrap());
}

/// Run by hand, in release: `cargo test --release -p weipay-sandbox a_large_bill -- --ignored --nocapture`.
#[test]
#[ignore = "it is a measurement"]
#[allow(clippy::print_stdout, reason = "a measurement is read")]
fn a_large_bill() {
    let store = Store::in_memory();
    let start = at("2026-11-25T00:00:00+08:00");
    for part in 0..100 {
        let orders = || part * 1_000..(part + 1) * 1_000;
        let made: Result<(), StoreError> = store.transaction(|tx| {
            orders().for_each(|number| pay(tx, number, start + number * 86_400 / 100_000, None));
            Ok(())
        });
        made.unwrap();
    }
    for kind in [BillKind::Trade(TradeBill::All), BillKind::FundFlow(AccountType::Basic)] {
        let bill = bill_of(kind, None);
        let begun = std::time::Instant::now();
        let digest = store.transaction(|tx| bill.digest(tx)).unwrap();
        let digested = begun.elapsed();
        let digest = digest.unwrap();
        let link = BillLink { bill, digest: digest.clone(), is_gzip: false, key: None, made: NOW };
        let file = open(&link, &store, NOW).unwrap();
        println!(
            "{kind:?}: digest {digested:?}, both {:?}, {} bytes, {digest:?}",
            begun.elapsed(),
            file.bytes.len()
        );
    }
    println!("{}", std::fs::read_to_string("/proc/self/status").unwrap_or_default());
}

#[test]
fn a_reversal_has_its_row_on_its_day_and_the_sums_are_those_of_the_ledger() {
    let store = Store::in_memory();
    let paid_and_reversed: Result<(), HandlerError> = store.transaction(|tx| {
        pay(tx, 1, at("2026-11-25T08:00:00+08:00"), None);
        pay(tx, 2, at("2026-11-24T08:00:00+08:00"), None);
        for number in ["order-1", "order-2"] {
            let order = Order::find_by_number(tx, MERCHANT, number)?.unwrap();
            let order = Order { trade_type: TradeType::Micropay, ..order };
            codepay::reverse(tx, order, at("2026-11-25T09:00:00+08:00"))?;
        }
        let purse = Purse::find(tx, &Owner::merchant(MERCHANT))?;
        assert_eq!((purse.total(AccountType::Basic), purse.balance(AccountKind::Fees)), (0, 0));
        Ok(())
    });
    paid_and_reversed.unwrap();
    let all = lines(&store, &bill_of(BillKind::Trade(TradeBill::All), None));
    let states: Vec<_> = all[1..4].iter().map(|line| line.split(",`").nth(9).unwrap()).collect();
    assert_eq!(states, ["SUCCESS", "REVOKED", "REVOKED"]);
    // One payment of 9.00 with a fee of 0.05 came in, two went back.
    assert_eq!(all.last().unwrap(), "`3,`9.00,`18.00,`0.00,`-0.05000,`10.00,`20.00");
    let refunded = lines(&store, &bill_of(BillKind::Trade(TradeBill::Refunded), None));
    assert!(refunded[1..3].iter().all(|line| line.split(",`").count() == 29), "{refunded:?}");
    assert_eq!(lines(&store, &bill_of(BillKind::Trade(TradeBill::Paid), None)).len(), 1 + 1 + 2);
}

/// The file at the address in a response.
fn file_of(shop: &Shop, response: &Value, now: i64) -> Result<File, Refusal> {
    let address = response["download_url"].as_str().unwrap();
    let token = address.split("token=").nth(1).unwrap().split('&').next().unwrap();
    let (merchants, key) = (Merchants::default(), ApiV3Key::new(&"0".repeat(32)).unwrap());
    // As those of the shop.
    let entropy = Entropy::seeded(1);
    let links = links(&key, &entropy, now, shop.store(), &merchants);
    download(token, &links).unwrap()
}

#[test]
fn an_address_never_leads_to_another_bill_than_the_one_that_was_announced() {
    let mut shop = Shop::new();
    shop.pay(&Wish { bank_type: "CMB_DEBIT", ..Wish::default() });
    let refund = shop.refund("order-1", "r1", 1_000, 1_000).unwrap();
    assert!(shop.decide("r1", RefundState::Abnormal));
    shop.pass(clock::DAY);
    let ask = |shop: &Shop| shop.ask("GET", "/v3/bill/tradebill?bill_date=2027-01-15", &Value::Null).unwrap();
    let before = ask(&shop);
    let file = file_of(&shop, &before, shop.now).unwrap();
    assert_eq!(before["hash_value"], DigestAlgorithm::Sha1.hex(&file.bytes));

    let refund_id = refund["refund_id"].as_str().unwrap();
    let target = format!("/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund");
    let to_merchant = json!({ "out_refund_no": "r1", "type": "MERCHANT_BANK_CARD" });
    shop.ask("POST", &target, &to_merchant).unwrap();
    shop.pass(10);
    let file = file_of(&shop, &before, shop.now).unwrap();
    assert_eq!(before["hash_value"], DigestAlgorithm::Sha1.hex(&file.bytes));
    let after = ask(&shop);
    assert_eq!(after["hash_value"], before["hash_value"], "a bill does not change any more");
}

#[test]
fn a_profit_sharing_bill_has_an_address_for_half_a_minute() {
    const BILL: &str = "/v3/profitsharing/bills?bill_date=2027-01-15";
    let mut shop = Shop::new();
    shop.caller.sub_merchants = vec![SUB_MERCHANT.to_owned()];
    let id = shop.pay(&Wish { profit_sharing: true, ..Wish::default() });
    let receiver = json!({
        "appid": "wxd678efh567hg6787", "type": "MERCHANT_ID", "account": SUB_MERCHANT, "name": "bmFtZQ==",
        "relation_type": "STORE",
    });
    shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    shop.pass(60);
    let split = json!({
        "appid": "wxd678efh567hg6787", "transaction_id": id, "out_order_no": "s1", "unfreeze_unsplit": false,
        "receivers": [{ "type": "MERCHANT_ID", "account": SUB_MERCHANT, "amount": 10, "description": "分给门店" }],
    });
    shop.ask("POST", "/v3/profitsharing/orders", &split).unwrap();
    // Midnight.
    shop.pass(8 * 3_600);
    let ask = |shop: &Shop, more: &str| shop.ask("GET", &format!("{BILL}{more}"), &Value::Null);
    let said = |asked: Result<Value, Refusal>| {
        let refusal = asked.unwrap_err();
        (refusal.status, refusal.code, refusal.message.into_owned())
    };
    assert_eq!(said(ask(&shop, "")), (400, "INVALID_REQUEST", "请求的账单正在生成中".to_owned()));
    shop.pass(12 * 3_600);
    assert_eq!(
        said(ask(&shop, "&sub_mchid=1900000999")),
        (400, "INVALID_REQUEST", "服务商和分账方无受理关系".to_owned())
    );
    let made = ask(&shop, "").unwrap();
    assert!(file_of(&shop, &made, shop.now + 30).is_ok());
    assert_eq!(file_of(&shop, &made, shop.now + 31).unwrap_err().code, "INVALID_REQUEST");
}
