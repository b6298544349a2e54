//! Subsidies of platforms (电商收付通·补差): a platform pays its sub-merchant for a discount that it gave itself. The order
//! says how much that can be (`settle_info.subsidy_amount`); after the payment the platform pays it, or says that it will not
//! (取消补差), and after a refund it has it back (补差回退).
//!
//! UNCONFIRMED(platform-subsidy-account): a subsidy leaves what the platform has available, and is available to the
//! sub-merchant at once, also while the order waits to be shared. A return goes the same way back; `from` can name what
//! is pending too. UNCONFIRMED(platform-subsidy-rules): the subsidies of an order together are at most what it said,
//! whatever went back; nothing is cancelled after a subsidy, and nothing is subsidised after that; sharing waits for
//! neither. UNCONFIRMED(platform-subsidy-number): without `out_subsidy_no` an order has one subsidy.
//! UNCONFIRMED(platform-subsidy-words): the codes and sentences.

#[cfg(test)]
mod model;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::order::Order;
use super::refund::record::{Refund, RefundState};
use crate::clock;
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::products::{Context, HandlerError, Route, route};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Fingerprint, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v3/ecommerce/subsidies/create", create),
    route("POST", "v3/ecommerce/subsidies/return", give_back),
    route("POST", "v3/ecommerce/subsidies/cancel", cancel),
];

/// The most subsidies of one order that are looked through.
const MAX_SUBSIDIES: i64 = 1_000;

/// 补差单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subsidy {
    subsidy_id: String,
    /// The platform.
    merchant: String,
    sub_mchid: String,
    transaction_id: String,
    out_subsidy_no: Option<String>,
    refund_id: Option<String>,
    amount: i64,
    description: String,
    /// The part that was returned.
    returned: i64,
    time: i64,
}

const ORDER: &str = "order";
const NUMBER: &str = "merchant and number";

impl Record for Subsidy {
    const KIND: &'static str = "platform subsidy";

    fn key(&self) -> String {
        self.subsidy_id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let number = number(&self.merchant, &self.transaction_id, self.out_subsidy_no.as_deref());
        vec![IndexEntry::new(ORDER, self.transaction_id.as_str()), IndexEntry::new(NUMBER, number)]
    }
}

/// The identity of a subsidy.
fn number(merchant: &str, transaction_id: &str, out_subsidy_no: Option<&str>) -> String {
    let number = out_subsidy_no.map_or_else(|| joined("order", transaction_id), |no| joined("number", no));
    joined(merchant, &number)
}

/// 补差回退单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SubsidyReturn {
    subsidy_refund_id: String,
    subsidy_id: String,
    merchant: String,
    sub_mchid: String,
    transaction_id: String,
    refund_id: String,
    out_order_no: String,
    amount: i64,
    description: String,
    time: i64,
    /// Of the request that made it. Returns of before it was kept have none.
    #[serde(default)]
    fingerprint: Option<Fingerprint>,
}

impl Record for SubsidyReturn {
    const KIND: &'static str = "platform subsidy return";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_order_no)
    }
}

/// An order that will not be subsidised (取消补差).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cancelled {
    transaction_id: String,
    description: String,
}

impl Record for Cancelled {
    const KIND: &'static str = "platform subsidy cancelled";

    fn key(&self) -> String {
        self.transaction_id.clone()
    }
}

fn amount_of(context: &Context<'_>) -> Result<i64, Refusal> {
    let amount = context.request.body.get("amount").and_then(Value::as_i64).unwrap_or_default();
    if amount < 1 {
        return Err(Refusal::param_error("补差金额不正确", "amount must be 1 fen or more"));
    }
    Ok(amount)
}

/// The paid order of a sub-merchant that a request names.
fn named_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Order, HandlerError> {
    let request = context.request;
    let is_own = |order: &Order| {
        order.merchant == context.caller.mchid && order.sub_mchid.as_deref() == request.text("sub_mchid")
    };
    let found = Order::find_by_transaction(tx, request.required("transaction_id"))?;
    let order = found.filter(|order| is_own(order) && order.state.is_paid());
    Ok(order.ok_or_else(|| {
        Refusal::invalid_request(
            "订单不存在或未支付",
            "transaction_id and sub_mchid must be of a paid order that the caller made for the sub-merchant",
        )
    })?)
}

/// The refund of an order by the platform's number, if it was not closed.
fn check_refund(tx: &Transaction<'_>, order: &Order, refund_id: &str) -> Result<(), HandlerError> {
    let found = Refund::find_by_id(tx, refund_id)?;
    let is_of_order = |refund: &Refund| {
        refund.merchant == order.merchant
            && order.transaction_id() == Some(refund.order.transaction_id.as_str())
            && refund.state != RefundState::Closed
    };
    match found.filter(is_of_order) {
        Some(_) => Ok(()),
        None => Err(Refusal::invalid_request("退款单不存在", reasons::NO_REFUND_OF_ORDER).into()),
    }
}

fn other_parameters(number: &str) -> Refusal {
    Refusal::invalid_request(
        "单号已存在，但请求参数与之前不一致",
        reasons::number_was_used(number, "other parameters"),
    )
}

fn short(reason: String) -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "账户余额不足", reason)
}

/// The subsidies of an order, the newest first.
fn of_order(tx: &Transaction<'_>, transaction_id: &str) -> Result<Vec<Subsidy>, StoreError> {
    tx.find(&[IndexRange::equal(ORDER, transaction_id)], Page { offset: 0, limit: MAX_SUBSIDIES })
}

fn create(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, amount) = (context.request, amount_of(context)?);
    let order = named_order(tx, context)?;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let mut new = Subsidy {
        subsidy_id: String::new(),
        merchant: order.merchant.clone(),
        sub_mchid: order.payee().to_owned(),
        transaction_id: request.required("transaction_id").to_owned(),
        out_subsidy_no: text("out_subsidy_no"),
        refund_id: text("refund_id"),
        amount,
        description: request.required("description").to_owned(),
        returned: 0,
        time: context.now,
    };
    let number = number(&new.merchant, &new.transaction_id, new.out_subsidy_no.as_deref());
    if let Some(known) = tx.newest::<Subsidy>(&[IndexRange::equal(NUMBER, number)])? {
        return if known.is_asked_by(&new) {
            Ok(known.show())
        } else {
            Err(other_parameters("this out_subsidy_no, or this order without one,").into())
        };
    }
    if let Some(refund_id) = &new.refund_id {
        check_refund(tx, &order, refund_id)?;
    }
    if tx.get::<Cancelled>(&new.transaction_id)?.is_some() {
        return Err(Refusal::invalid_request(
            "订单已取消补差",
            "the subsidy of this order was cancelled (subsidies/cancel)",
        )
        .into());
    }
    let before: i64 = of_order(tx, &new.transaction_id)?.iter().map(|known| known.amount).sum();
    if before.saturating_add(amount) > order.subsidy {
        return Err(Refusal::invalid_request(
            "补差金额超过下单时的补差金额",
            format!(
                "the order was made with settle_info.subsidy_amount {}, of which {before} fen are subsidised",
                order.subsidy
            ),
        )
        .into());
    }
    new.subsidy_id = format!("3011{:024}", tx.next_number("platform subsidy")?);
    let available = |mchid: &str| Owner::merchant(mchid).account(AccountKind::Available);
    let moved = Posting::new(Business::Subsidy, new.subsidy_id.as_str(), context.now)
        .for_number(new.out_subsidy_no.as_deref().unwrap_or_default())
        .moves(available(&new.merchant), available(&new.sub_mchid), amount);
    post(tx, moved).map_err(|error| error.or_short(short))?;
    tx.save(&new)?;
    Ok(new.show())
}

impl Subsidy {
    /// Whether a request asks for the same again.
    fn is_asked_by(&self, asked: &Self) -> bool {
        let asks = |one: &Self| {
            (one.transaction_id.clone(), one.amount, one.description.clone(), one.refund_id.clone())
        };
        asks(self) == asks(asked)
    }

    fn show(&self) -> Value {
        json!({
            "sub_mchid": self.sub_mchid, "transaction_id": self.transaction_id, "subsidy_id": self.subsidy_id,
            "description": self.description, "amount": self.amount,
            "result": if self.returned == self.amount { "REFUND" } else { "SUCCESS" },
            "success_time": clock::rfc3339(self.time),
        })
    }
}

/// The source of a return, by `from`; without it the available money.
fn sources(context: &Context<'_>, amount: i64) -> Result<Vec<(AccountKind, i64)>, Refusal> {
    let Some(from) = context.request.body.get("from").and_then(Value::as_array) else {
        return Ok(vec![(AccountKind::Available, amount)]);
    };
    let wrong = || {
        Refusal::param_error(
            "回退出资账户及金额不正确",
            "`from` must name AVAILABLE and UNAVAILABLE at most once each, each with 1 fen or more, and together with the amount",
        )
    };
    let mut sources: Vec<(AccountKind, i64)> = Vec::new();
    for part in from {
        let kind = match part["account"].as_str() {
            Some("AVAILABLE") => AccountKind::Available,
            Some("UNAVAILABLE") => AccountKind::Unsettled,
            _ => return Err(wrong()),
        };
        let fen = part["amount"].as_i64().filter(|fen| *fen > 0).ok_or_else(wrong)?;
        if sources.iter().any(|(known, _)| *known == kind) {
            return Err(wrong());
        }
        sources.push((kind, fen));
    }
    let sum = sources.iter().try_fold(0i64, |sum, (_, fen)| sum.checked_add(*fen));
    if sum == Some(amount) { Ok(sources) } else { Err(wrong()) }
}

fn give_back(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, amount) = (context.request, amount_of(context)?);
    let order = named_order(tx, context)?;
    let (refund_id, out_order_no) = (request.required("refund_id"), request.required("out_order_no"));
    let transaction_id = request.required("transaction_id");
    let fingerprint = Fingerprint::new(&request.body);
    if let Some(known) = tx.get::<SubsidyReturn>(&joined(&order.merchant, out_order_no))? {
        let is_same = match known.fingerprint {
            Some(known) => known == fingerprint,
            None => {
                (&*known.transaction_id, &*known.refund_id, known.amount)
                    == (transaction_id, refund_id, amount)
            }
        };
        return if is_same { Ok(known.show()) } else { Err(other_parameters("this out_order_no").into()) };
    }
    let sources = sources(context, amount)?;
    check_refund(tx, &order, refund_id)?;
    let subsidies = of_order(tx, transaction_id)?;
    let is_meant = |subsidy: &Subsidy| request.text("subsidy_id").is_none_or(|id| id == subsidy.subsidy_id);
    let has_left = |subsidy: &Subsidy| subsidy.amount - subsidy.returned >= amount;
    let found = subsidies.into_iter().find(|subsidy| is_meant(subsidy) && has_left(subsidy));
    let subsidy = found.ok_or_else(|| {
        Refusal::invalid_request(
            "回退金额超过补差金额",
            "no subsidy of this order has that much left (if subsidy_id is sent, only that one counts)",
        )
    })?;
    let made = SubsidyReturn {
        subsidy_refund_id: format!("3012{:024}", tx.next_number("platform subsidy return")?),
        subsidy_id: subsidy.subsidy_id.clone(),
        merchant: subsidy.merchant.clone(),
        sub_mchid: subsidy.sub_mchid.clone(),
        transaction_id: transaction_id.to_owned(),
        refund_id: refund_id.to_owned(),
        out_order_no: out_order_no.to_owned(),
        amount,
        description: request.required("description").to_owned(),
        time: context.now,
        fingerprint: Some(fingerprint),
    };
    let posting = Posting::new(Business::SubsidyReturn, made.subsidy_refund_id.as_str(), context.now)
        .for_number(made.out_order_no.as_str());
    let sub_merchant = Owner::merchant(made.sub_mchid.as_str());
    let moved = sources.into_iter().fold(posting, |posting, (kind, fen)| {
        let platform = Owner::merchant(made.merchant.as_str()).account(AccountKind::Available);
        posting.moves(sub_merchant.account(kind), platform, fen)
    });
    post(tx, moved).map_err(|error| error.or_short(short))?;
    tx.save(&Subsidy { returned: subsidy.returned + amount, ..subsidy })?;
    tx.save(&made)?;
    Ok(made.show())
}

impl SubsidyReturn {
    fn show(&self) -> Value {
        json!({
            "sub_mchid": self.sub_mchid, "transaction_id": self.transaction_id,
            "subsidy_refund_id": self.subsidy_refund_id, "refund_id": self.refund_id,
            "out_order_no": self.out_order_no, "amount": self.amount, "description": self.description,
            "result": "SUCCESS", "success_time": clock::rfc3339(self.time),
        })
    }
}

/// The same request again gets the same response.
fn cancel(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = named_order(tx, context)?;
    let transaction_id = context.request.required("transaction_id");
    let cancelled = match tx.get::<Cancelled>(transaction_id)? {
        Some(known) => known,
        None => {
            if order.subsidy == 0 || !of_order(tx, transaction_id)?.is_empty() {
                return Err(Refusal::invalid_request(
                    "订单不支持取消补差",
                    "the order was made without settle_info.subsidy_amount, or was subsidised already",
                )
                .into());
            }
            let new = Cancelled {
                transaction_id: transaction_id.to_owned(),
                description: context.request.required("description").to_owned(),
            };
            tx.save(&new)?;
            new
        }
    };
    Ok(json!({
        "sub_mchid": order.payee(), "transaction_id": cancelled.transaction_id, "result": "SUCCESS",
        "description": cancelled.description,
    }))
}
