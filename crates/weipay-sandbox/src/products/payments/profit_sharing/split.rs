//! Splits (分账单): who gets what of an order, and that the rest is not to be shared (完结分账).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::forms::{AskedPart, Form, read_parts};
use super::funds::SharedFunds;
use super::notices::announce_split;
use super::receivers::is_receiver;
use super::statement::PARTY_AND_TIME;
use super::{month, refusals};
use crate::clock;
use crate::ledger::{Account, AccountKind, Business, Owner, Posting, PostingError, post};
use crate::people::account::AccountState;
use crate::products::payments::order::Order;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{
    Due, Fingerprint, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, at_time, joined,
};

/// The kind of what is due: the receivers get the money.
pub(super) const SETTLES: &str = "split settles";
/// INFERRED(sharing-delay): seconds until the receivers have the money.
pub(super) const SETTLES_AFTER: i64 = 5;
/// How long after the payment an order cannot be shared yet.
const LAG: i64 = 60;
/// The most requests for one order.
const MAX_SPLITS: i64 = 50;
/// The largest part of an order that is shared, in 1/10000, where nothing else was agreed on.
pub(super) const MAX_RATIO: i64 = 3_000;

/// `result` of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Outcome {
    Pending,
    Success,
    /// The receiver could not get it.
    Closed,
}

/// `fail_reason` of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum FailReason {
    /// The receiver was deleted in between.
    NoRelation,
    AccountAbnormal,
    ReceiverRealNameNotVerified,
    /// It would be more than a person may get in a month.
    ReceiverReceiptLimit,
}

/// What one receiver gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) detail_id: String,
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) description: String,
    pub(super) outcome: Outcome,
    /// Why it is closed.
    #[serde(default)]
    fail_reason: Option<FailReason>,
    pub(super) finished: Option<i64>,
    /// Whether it is the rest, for the merchant itself.
    pub(super) is_rest: bool,
}

/// A split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Split {
    pub(super) order_id: String,
    pub(super) merchant: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) out_trade_no: String,
    pub(super) transaction_id: String,
    pub(super) out_order_no: String,
    pub(super) parts: Vec<Part>,
    /// Whether the rest is the merchant's afterwards.
    unfreezes: bool,
    pub(super) is_finished: bool,
    fingerprint: Fingerprint,
    pub(super) created: i64,
    /// Who has the receivers, when that is not the payee.
    #[serde(default)]
    receivers_owner: Option<String>,
    /// Why the rest is not to be shared.
    #[serde(default)]
    description: Option<String>,
}

const ID: &str = "split id";
const ORDER: &str = "order";

impl Record for Split {
    const KIND: &'static str = "split";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_order_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(ID, self.order_id.as_str()),
            IndexEntry::new(ORDER, self.transaction_id.as_str()),
        ];
        if let Some(time) = self.parts.iter().find_map(|part| part.finished) {
            let parties = [Some(&self.merchant), self.sub_mchid.as_ref()].into_iter().flatten();
            indexes.extend(parties.map(|mchid| IndexEntry::new(PARTY_AND_TIME, at_time(mchid, time))));
        }
        indexes
    }
}

impl Split {
    pub(super) fn find(
        tx: &Transaction<'_>,
        merchant: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(merchant, number))
    }

    pub(super) fn find_by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.newest(&[IndexRange::equal(ID, id)])
    }

    pub(super) fn payee(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// Who has its receivers.
    fn receivers_owner(&self) -> &str {
        self.receivers_owner.as_deref().unwrap_or_else(|| self.payee())
    }

    fn show(&self, form: Form) -> Value {
        // INFERRED(sharing-finish): platforms and brands see the rest as an amount of the split, and no receiver in it.
        let (state, has_rest) = match form {
            Form::General => ("state", true),
            Form::Ecommerce | Form::Brand => ("status", false),
        };
        let parts = self.parts.iter().filter(|part| has_rest || !part.is_rest).map(|part| {
            let mut shown = json!({
                "amount": part.amount, "description": part.description, "type": part.kind,
                "result": part.outcome, "detail_id": part.detail_id,
                "finish_time": clock::rfc3339(part.finished.unwrap_or(self.created)),
            });
            shown[form.account()] = json!(part.account);
            if form == Form::General {
                shown["create_time"] = json!(clock::rfc3339(self.created));
            }
            if part.outcome == Outcome::Closed {
                shown["fail_reason"] = json!(part.fail_reason.unwrap_or(FailReason::NoRelation));
            }
            shown
        });
        let mut shown = json!({
            "transaction_id": self.transaction_id,
            "out_order_no": self.out_order_no,
            "order_id": self.order_id,
            "receivers": parts.collect::<Vec<_>>(),
        });
        shown[state] = json!(if self.is_finished { "FINISHED" } else { "PROCESSING" });
        if let Some(sub_mchid) = &self.sub_mchid {
            shown["sub_mchid"] = json!(sub_mchid);
        }
        shown
    }

    /// With what only queries show.
    fn show_queried(&self, form: Form) -> Value {
        let mut shown = self.show(form);
        if let Some(rest) = self.parts.iter().find(|part| part.is_rest).filter(|_| form != Form::General) {
            shown["finish_amount"] = json!(rest.amount);
            shown["finish_description"] = json!(self.description.as_deref().unwrap_or(&rest.description));
        }
        shown
    }

    /// The response to the request that made it.
    fn show_made(&self, form: Form) -> Value {
        let mut shown = self.show(form);
        if form == Form::Brand {
            shown["brand_mchid"] = json!(self.receivers_owner());
        }
        shown
    }

    /// The response of finish-order.
    fn show_finished(&self, form: Form) -> Value {
        if form == Form::General {
            return self.show(form);
        }
        json!({
            "sub_mchid": self.sub_mchid, "transaction_id": self.transaction_id,
            "out_order_no": self.out_order_no, "order_id": self.order_id,
        })
    }
}

/// A partner names the sub-merchant that has the money, and a merchant that has its own names nobody.
pub(super) fn check_sub_merchant(
    asked: Option<&str>,
    has: Option<&str>,
    refuse_other: fn() -> Refusal,
) -> Result<(), Refusal> {
    match (asked, has) {
        (None, Some(_)) => Err(refusals::no_sub_merchant()),
        (asked, has) if asked != has => Err(refuse_other()),
        _ => Ok(()),
    }
}

/// The paid order of a request, with what of it waits.
fn shared_order(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    transaction_id: &str,
    sub_mchid: Option<&str>,
    refuse: impl Fn() -> Refusal,
) -> Result<(Order, SharedFunds), HandlerError> {
    let order = Order::find_by_transaction(tx, transaction_id)?;
    let order = order.filter(|order| order.merchant == context.caller.mchid);
    let order = order.ok_or_else(&refuse)?;
    check_sub_merchant(sub_mchid, order.sub_mchid.as_deref(), refusals::other_sub_merchant)?;
    let funds = SharedFunds::find(tx, &order, context.now)?.filter(|_| order.state.is_paid());
    Ok((order, funds.ok_or_else(refuse)?))
}

/// What a request asks for, by whatever version of the API.
#[derive(Debug)]
pub(super) struct SplitRequest {
    pub(super) form: Form,
    pub(super) sub_mchid: Option<String>,
    pub(super) transaction_id: String,
    pub(super) out_order_no: String,
    pub(super) parts: Vec<AskedPart>,
    /// Whether the rest is the merchant's afterwards.
    pub(super) unfreezes: bool,
    /// Who has the receivers, when that is not the payee.
    pub(super) receivers_owner: Option<String>,
    pub(super) description: Option<String>,
    pub(super) fingerprint: Fingerprint,
}

impl SplitRequest {
    fn read(context: &Context<'_>, form: Form, parts: Vec<AskedPart>, unfreezes: bool) -> Self {
        let request = context.request;
        Self {
            form,
            sub_mchid: request.text("sub_mchid").map(str::to_owned),
            transaction_id: request.required("transaction_id").to_owned(),
            out_order_no: request.required("out_order_no").to_owned(),
            parts,
            unfreezes,
            receivers_owner: match form {
                Form::General => None,
                Form::Ecommerce | Form::Brand => Some(form.receivers_owner(context)),
            },
            description: request.text("description").map(str::to_owned),
            fingerprint: Fingerprint::new(&request.body),
        }
    }

    /// Whether it only ends the sharing of an order.
    const fn is_finish(&self) -> bool {
        self.parts.is_empty()
    }
}

pub(super) fn create_split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let unfreezes = context.request.body.get(form.finish()).and_then(Value::as_bool).unwrap_or_default();
    let parts = read_parts(context.request, form);
    if parts.is_empty() && !unfreezes {
        return Err(refusals::bad_receivers().into());
    }
    form.check_brand(context)?;
    let request = SplitRequest::read(context, form, parts, unfreezes);
    Ok(split(tx, context, request, NOT_SHARED)?.show_made(form))
}

pub(super) fn unfreeze(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = SplitRequest::read(context, form, Vec::new(), true);
    Ok(split(tx, context, request, NOT_UNFROZEN)?.show_finished(form))
}

/// What is said of an order that was not marked for profit sharing, when it is to be shared, and when its rest is to be unfrozen.
pub(super) const NOT_SHARED: &str = "非分账订单不支持分账";
pub(super) const NOT_UNFROZEN: &str = "非分账订单不支持解冻剩余资金";

/// Accepts a split, or gives the one that has its number.
pub(super) fn split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    request: SplitRequest,
    words: &'static str,
) -> Result<Split, HandlerError> {
    let now = context.now;
    if let Some(known) = Split::find(tx, &context.caller.mchid, &request.out_order_no)? {
        // A number that was used releases nothing, which is not an error for the same order.
        let is_unfreeze_again = request.is_finish() && known.transaction_id == request.transaction_id;
        return match known.fingerprint == request.fingerprint || is_unfreeze_again {
            true => Ok(known),
            false => Err(refusals::other_receivers().into()),
        };
    }
    let refuse = || refusals::not_to_be_shared(words);
    let SplitRequest { form, sub_mchid, transaction_id: id, out_order_no, parts: asked, .. } = request;
    let (order, mut funds) = shared_order(tx, context, &id, sub_mchid.as_deref(), refuse)?;
    form.check_order(&order)?;
    let receivers_owner = request.receivers_owner;
    let owner = receivers_owner.as_deref().unwrap_or_else(|| order.payee());
    let earlier: Vec<Split> =
        tx.find(&[IndexRange::equal(ORDER, id.as_str())], Page { offset: 0, limit: MAX_SPLITS + 1 })?;
    let mut parts = Vec::with_capacity(asked.len() + 1);
    for AskedPart { kind, account, amount, description } in asked {
        if !is_receiver(tx, owner, &kind, &account)? {
            return Err(refusals::no_relation(form).into());
        }
        parts.push(Part {
            detail_id: format!("3601{:020}", tx.next_number("split part")?),
            kind,
            account,
            amount,
            description,
            outcome: Outcome::Pending,
            fail_reason: None,
            finished: None,
            is_rest: false,
        });
    }
    let amount = check_split(&order, &funds, &earlier, &parts, now)?;
    funds.left -= amount;
    let split = Split {
        order_id: format!("3008{:024}", tx.next_number("split")?),
        merchant: order.merchant.clone(),
        sub_mchid: order.sub_mchid.clone(),
        out_trade_no: order.out_trade_no.clone(),
        transaction_id: id,
        out_order_no,
        parts,
        unfreezes: request.unfreezes,
        is_finished: false,
        fingerprint: request.fingerprint,
        created: now,
        receivers_owner,
        description: request.description,
    };
    tx.save(&funds)?;
    tx.save(&split)?;
    tx.schedule(&Due { kind: SETTLES.to_owned(), key: split.order_id.clone(), at: now + SETTLES_AFTER })?;
    Ok(split)
}

/// The most receivers of one request.
const MAX_PARTS: usize = 50;

/// The rules of a new split; gives what all receivers get.
fn check_split(
    order: &Order,
    funds: &SharedFunds,
    earlier: &[Split],
    parts: &[Part],
    now: i64,
) -> Result<i64, Refusal> {
    let payment = order.payment.as_ref().ok_or_else(refusals::is_over)?;
    if earlier.iter().any(|split| !split.is_finished) || now - payment.paid_at < LAG {
        return Err(refusals::under_way());
    }
    if !funds.is_open {
        return Err(if parts.is_empty() { refusals::nothing_left() } else { refusals::is_over() });
    }
    // Whoever only ends it shares nothing.
    if !parts.is_empty() && i64::try_from(earlier.len()).is_ok_and(|requests| requests >= MAX_SPLITS) {
        return Err(refusals::too_many());
    }
    let is_twice = |(index, part): (usize, &Part)| {
        parts.iter().take(index).any(|other| (&other.kind, &other.account) == (&part.kind, &part.account))
    };
    // Not every form of the request has these limits in its catalogue.
    let is_out_of_range = parts.len() > MAX_PARTS || parts.iter().any(|part| part.amount < 1);
    if is_out_of_range || parts.iter().enumerate().any(is_twice) {
        return Err(refusals::bad_receivers());
    }
    let sum = |parts: Vec<&Part>| {
        parts.into_iter().try_fold(0i64, |sum, part| sum.checked_add(part.amount)).unwrap_or(i64::MAX)
    };
    let amount = sum(parts.iter().collect());
    if amount > funds.left || (parts.is_empty() && funds.left == 0) {
        return Err(if parts.is_empty() { refusals::nothing_left() } else { refusals::too_much() });
    }
    let of_all = earlier.iter().flat_map(|split| &split.parts);
    let before = sum(of_all.filter(|part| part.outcome == Outcome::Success && !part.is_rest).collect());
    let base = i128::from(order.total.saturating_sub(payment.refunded));
    if i128::from(amount) > 0
        && (i128::from(amount) + i128::from(before)) * 10_000 > base * i128::from(MAX_RATIO)
    {
        return Err(refusals::above_ratio());
    }
    Ok(amount)
}

/// The clock: the receivers get the money, and the merchant the rest where it asked for that.
pub(super) fn settle(tx: &Transaction<'_>, order_id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(mut split) = Split::find_by_id(tx, order_id)?.filter(|split| !split.is_finished) else {
        return Ok(());
    };
    let order = Order::find_by_number(tx, &split.merchant, &split.out_trade_no)?;
    let order = order.ok_or_else(|| StoreError::Corrupt("a split without its order".to_owned()))?;
    let payee = Owner::merchant(split.payee());
    let mut funds = SharedFunds::find(tx, &order, at)?
        .ok_or_else(|| StoreError::Corrupt("a split of an order that is not to be shared".to_owned()))?;
    let mut posting = Posting::new(Business::ProfitSharing, split.order_id.as_str(), at)
        .for_number(split.out_order_no.as_str());
    let owner = split.receivers_owner().to_owned();
    for part in &mut split.parts {
        part.fail_reason = fail_reason(tx, &owner, part, at)?;
        part.finished = Some(at);
        let gets = part.fail_reason.is_none();
        part.outcome = if gets { Outcome::Success } else { Outcome::Closed };
        let to = match (gets, funds.is_open) {
            (true, _) => receiver_account(tx, part)?,
            (false, true) => {
                funds.left += part.amount;
                continue;
            }
            // The time to share it is over meanwhile.
            (false, false) => payee.account(AccountKind::Available),
        };
        posting = posting.moves(payee.account(AccountKind::Frozen), to, part.amount);
    }
    post(tx, posting).map_err(broken)?;
    tx.save(&funds)?;
    if split.unfreezes && funds.is_open {
        split.parts.push(Part {
            detail_id: format!("3601{:020}", tx.next_number("split part")?),
            kind: "MERCHANT_ID".to_owned(),
            account: split.payee().to_owned(),
            amount: funds.left,
            description: "解冻给分账方".to_owned(),
            outcome: Outcome::Success,
            fail_reason: None,
            finished: Some(at),
            is_rest: true,
        });
        funds.release(tx, at)?;
    }
    split.is_finished = true;
    tx.save(&split)?;
    announce_split(tx, &split, at)?;
    Ok(())
}

/// Why a receiver gets nothing. What a person gets is counted.
fn fail_reason(
    tx: &Transaction<'_>,
    owner: &str,
    part: &Part,
    at: i64,
) -> Result<Option<FailReason>, StoreError> {
    if !is_receiver(tx, owner, &part.kind, &part.account)? {
        return Ok(Some(FailReason::NoRelation));
    }
    if part.kind == "MERCHANT_ID" {
        return Ok(None);
    }
    Ok(match AccountState::of_person(tx, &part.account)? {
        AccountState::Normal if month::count(tx, &part.account, part.amount, at)? => None,
        AccountState::Normal => Some(FailReason::ReceiverReceiptLimit),
        AccountState::Frozen | AccountState::Cancelled => Some(FailReason::AccountAbnormal),
        AccountState::Unverified => Some(FailReason::ReceiverRealNameNotVerified),
    })
}

fn receiver_account(tx: &Transaction<'_>, part: &Part) -> Result<Account, StoreError> {
    if part.kind == "MERCHANT_ID" {
        return Ok(Owner::merchant(part.account.as_str()).account(AccountKind::Available));
    }
    Ok(Owner::of_person(tx, &part.account)?.account(AccountKind::Wallet))
}

fn broken(error: PostingError) -> HandlerError {
    match error {
        PostingError::Store(error) => error.into(),
        PostingError::Short { .. } | PostingError::Amount => {
            StoreError::Corrupt("the money of a split is not there".to_owned()).into()
        }
    }
}

pub(super) fn query_split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let number = match form {
        Form::General => request.path("out_order_no"),
        Form::Ecommerce | Form::Brand => request.query("out_order_no").unwrap_or_default(),
    };
    let id = request.query("transaction_id").unwrap_or_default();
    Ok(find_split(tx, context, number, id, request.query("sub_mchid"))?.show_queried(form))
}

/// The split that a query names.
pub(super) fn find_split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    number: &str,
    transaction_id: &str,
    sub_mchid: Option<&str>,
) -> Result<Split, HandlerError> {
    let found = Split::find(tx, &context.caller.mchid, number)?;
    let found = found.filter(|split| split.transaction_id == transaction_id);
    let found = found.ok_or_else(refusals::no_record)?;
    check_sub_merchant(sub_mchid, found.sub_mchid.as_deref(), refusals::no_record)?;
    Ok(found)
}

pub(super) fn query_amounts(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = context.request.path("transaction_id");
    Ok(json!({ "transaction_id": id, "unsplit_amount": unsplit(tx, context, id)? }))
}

/// What of an order waits to be shared.
pub(super) fn unsplit(tx: &Transaction<'_>, context: &Context<'_>, id: &str) -> Result<i64, HandlerError> {
    let order = Order::find_by_transaction(tx, id)?;
    let order = order.filter(|order| order.merchant == context.caller.mchid);
    let order = order.ok_or_else(refusals::not_this_merchants)?;
    let funds = SharedFunds::find(tx, &order, context.now)?;
    let funds = funds.ok_or_else(|| refusals::not_to_be_shared("非分账订单不支持此查询"))?;
    Ok(funds.left)
}

/// INFERRED(sharing-ratio): every merchant has the usual ratio.
pub(super) fn query_config(context: &Context<'_>, member: &str) -> Result<Value, HandlerError> {
    let mchid = context.request.path(member);
    check_relation(context, mchid)?;
    let mut shown = json!({ "max_ratio": MAX_RATIO });
    shown[member] = json!(mchid);
    Ok(shown)
}

/// The caller must act for this merchant.
pub(super) fn check_relation(context: &Context<'_>, mchid: &str) -> Result<(), Refusal> {
    match context.merchants.have_relation(context.caller, mchid) {
        true => Ok(()),
        false => Err(refusals::not_a_sub_merchant()),
    }
}
