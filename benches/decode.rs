//! What reading a response costs: `weipay`'s typed answer, which walks a table and forgives, beside a struct with serde's
//! derived code for the same fields, which is what a program would write for itself.
//!
//! Both read the same response, of the usual size, in turns within one run; the ratio of their medians is printed at the
//! end.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    dead_code,
    reason = "a benchmark stops when something is wrong, and prints; the fields are there to be filled"
)]

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion};
use serde::Deserialize;
use weipay::Decode;
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get::{self, TradeState};
use weipay_benches::median;

const LIMIT: f64 = 2.0;

/// What 商户订单号查询 answers about an order that was paid with a coupon: every field is as documented.
const ANSWER: &[u8] = include_bytes!("decode.json");

fn main() {
    let (ours, decode_errors) = get::Response::decode(ANSWER, None).expect("a response");
    let derived: Derived = serde_json::from_slice(ANSWER).expect("a response");
    assert!(decode_errors.is_empty(), "the response is as documented");
    assert_eq!(ours.trade_state, Some(TradeState::Success));
    assert_eq!(ours.transaction_id, derived.transaction_id);
    assert_eq!(
        ours.promotion_detail.expect("coupons").first().expect("a coupon").coupon_id,
        derived.promotion_detail.expect("coupons").first().expect("a coupon").coupon_id,
    );

    let (typed, by_hand) = (RefCell::default(), RefCell::default());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("decode");
    // In turns: the machine's other load then falls on both alike.
    for round in 1..=5 {
        group.bench_function(format!("derived, round {round}"), |bencher| {
            timed(bencher, &by_hand, || {
                serde_json::from_slice::<Derived>(black_box(ANSWER)).expect("a response")
            });
        });
        group.bench_function(format!("typed answer, round {round}"), |bencher| {
            timed(bencher, &typed, || get::Response::decode(black_box(ANSWER), None).expect("a response"));
        });
    }
    group.finish();
    criterion.final_summary();

    let (typed, by_hand) = (median(typed.borrow().clone()), median(by_hand.borrow().clone()));
    println!("answer            {} bytes", ANSWER.len());
    println!("derived by serde  {by_hand:.2} µs");
    println!("typed answer      {typed:.2} µs");
    println!("ratio             {:.3} (at most {LIMIT:.2} wanted)", typed / by_hand);
}

/// One read is shorter than a look at the clock is sure: what is kept is the mean of each sample.
fn timed<T>(bencher: &mut Bencher<'_>, kept: &RefCell<Vec<f64>>, mut read: impl FnMut() -> T) {
    bencher.iter_custom(|times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(read());
        }
        let took: Duration = start.elapsed();
        kept.borrow_mut().push(took.as_secs_f64() * 1e6 / times as f64);
        took
    });
}

// The same fields as in `get::Response`, as a careful program would write them: everything optional.

#[derive(Deserialize)]
struct Derived {
    appid: Option<String>,
    mchid: Option<String>,
    out_trade_no: Option<String>,
    transaction_id: Option<String>,
    trade_type: Option<TradeTypeByHand>,
    trade_state: Option<TradeStateByHand>,
    trade_state_desc: Option<String>,
    bank_type: Option<String>,
    success_time: Option<String>,
    attach: Option<String>,
    payer: Option<Payer>,
    amount: Option<Amount>,
    promotion_detail: Option<Vec<PromotionDetail>>,
    scene_info: Option<SceneInfo>,
    description: Option<String>,
    time_expire: Option<String>,
    notify_url: Option<String>,
    goods_tag: Option<String>,
    limit_pay: Option<Vec<String>>,
    support_fapiao: Option<bool>,
    detail: Option<Detail>,
    installment_info: Option<InstallmentInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum TradeTypeByHand {
    Jsapi,
    Native,
    App,
    Micropay,
    Mweb,
    Facepay,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum TradeStateByHand {
    Success,
    Refund,
    Notpay,
    Closed,
    Revoked,
    Userpaying,
    Payerror,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Payer {
    openid: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    total: Option<i64>,
    currency: Option<String>,
    payer_total: Option<i64>,
    payer_currency: Option<String>,
}

#[derive(Deserialize)]
struct PromotionDetail {
    coupon_id: Option<String>,
    name: Option<String>,
    scope: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    amount: Option<i64>,
    stock_id: Option<String>,
    wechatpay_contribute: Option<i64>,
    merchant_contribute: Option<i64>,
    other_contribute: Option<i64>,
    currency: Option<String>,
    goods_detail: Option<Vec<GoodsDetail>>,
}

#[derive(Deserialize)]
struct GoodsDetail {
    goods_id: Option<String>,
    quantity: Option<i64>,
    unit_price: Option<i64>,
    discount_amount: Option<i64>,
    goods_remark: Option<String>,
}

#[derive(Deserialize)]
struct SceneInfo {
    payer_client_ip: Option<String>,
    device_id: Option<String>,
    store_info: Option<StoreInfo>,
}

#[derive(Deserialize)]
struct StoreInfo {
    id: Option<String>,
    name: Option<String>,
    area_code: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    cost_price: Option<i64>,
    invoice_id: Option<String>,
    goods_detail: Option<Vec<DetailGoodsDetail>>,
}

#[derive(Deserialize)]
struct DetailGoodsDetail {
    merchant_goods_id: Option<String>,
    wechatpay_goods_id: Option<String>,
    goods_name: Option<String>,
    quantity: Option<i64>,
    unit_price: Option<i64>,
}

#[derive(Deserialize)]
struct InstallmentInfo {
    use_subsidy: Option<bool>,
    selected_installment_number: Option<i64>,
}
