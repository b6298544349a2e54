//! A split is made: a request is read, and the rules of a new split.

use serde_json::Value;

use super::{MAX_RATIO, ORDER, Outcome, Part, SETTLES, Split, check_sub_merchant};
use crate::products::payments::order::Order;
use crate::products::payments::profit_sharing::forms::{AskedPart, Form, read_parts};
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::products::payments::profit_sharing::receivers::is_receiver;
use crate::products::payments::profit_sharing::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Due, Fingerprint, IndexRange, Page, Transaction};

/// INFERRED(sharing-delay): seconds until the receivers have the money.
const SETTLES_AFTER: i64 = 5;
/// How long after the payment an order cannot be shared yet.
const LAG: i64 = 60;
/// The most requests for one order.
const MAX_SPLITS: i64 = 50;

/// The paid order of a request, with what of it waits.
fn shared_order(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    transaction_id: &str,
    sub_mchid: Option<&str>,
    words: &'static str,
) -> Result<(Order, SharedFunds), HandlerError> {
    let caller = context.caller.mchid.as_str();
    let order = Order::find_by_transaction(tx, transaction_id)?;
    let order = order.ok_or_else(|| refusals::not_this_merchants_to_share(words))?;
    if order.merchant != caller {
        let is_of_other_mode =
            order.sub_mchid.as_deref() == Some(caller) || sub_mchid == Some(order.merchant.as_str());
        return Err(if is_of_other_mode {
            refusals::other_mode()
        } else {
            refusals::not_this_merchants_to_share(words)
        }
        .into());
    }
    check_sub_merchant(sub_mchid, order.sub_mchid.as_deref(), refusals::other_sub_merchant)?;
    if !order.state.is_paid() {
        return Err(refusals::reversed(words).into());
    }
    let funds = SharedFunds::find(tx, &order, context.now)?;
    Ok((order, funds.ok_or_else(|| refusals::not_to_be_shared(words))?))
}

/// A request of either version of the API.
#[derive(Debug)]
pub(crate) struct SplitRequest {
    pub(crate) form: Form,
    pub(crate) sub_mchid: Option<String>,
    pub(crate) transaction_id: String,
    pub(crate) out_order_no: String,
    pub(crate) parts: Vec<AskedPart>,
    /// Whether the rest is the merchant's afterwards.
    pub(crate) unfreezes: bool,
    /// The owner of the receivers, if it is not the payee.
    pub(crate) receivers_owner: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) fingerprint: Fingerprint,
    /// Whether it is one of APIv2.
    pub(crate) is_v2: bool,
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
            is_v2: false,
        }
    }

    /// Whether a split is what this request asks for. By APIv2 the operation says whether the rest is unfrozen, and no
    /// element; of a request of the other version the elements are compared.
    fn is_again(&self, known: &Split) -> bool {
        if self.unfreezes != known.unfreezes {
            return false;
        }
        if self.is_v2 == known.is_v2 {
            return self.fingerprint == known.fingerprint;
        }
        let asked = self.parts.iter();
        let asked = asked.map(|part| (&part.kind, &part.account, part.amount, &part.description));
        let made = known.parts.iter().filter(|part| !part.is_rest);
        let made = made.map(|part| (&part.kind, &part.account, part.amount, &part.description));
        self.transaction_id == known.transaction_id
            && self.sub_mchid == known.sub_mchid
            && self.receivers_owner == known.receivers_owner
            && asked.eq(made)
    }

    /// Whether it only ends the sharing of an order.
    const fn is_finish(&self) -> bool {
        self.parts.is_empty()
    }
}

pub(crate) fn create_split(
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

pub(crate) fn unfreeze(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = SplitRequest::read(context, form, Vec::new(), true);
    Ok(split(tx, context, request, NOT_UNFROZEN)?.show_finished(form))
}

/// What is said of an order that was not marked for profit sharing, when it is to be shared, and when its rest is to be unfrozen.
pub(crate) const NOT_SHARED: &str = "非分账订单不支持分账";
pub(crate) const NOT_UNFROZEN: &str = "非分账订单不支持解冻剩余资金";

/// Accepts a split, or gives the one that has its number.
pub(crate) fn split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    request: SplitRequest,
    words: &'static str,
) -> Result<Split, HandlerError> {
    let now = context.now;
    if let Some(known) = Split::find(tx, &context.caller.mchid, &request.out_order_no)? {
        // A number that was used releases nothing, which is not an error for the same order.
        let is_unfreeze_again = request.is_finish() && known.transaction_id == request.transaction_id;
        return if request.is_again(&known) || is_unfreeze_again {
            Ok(known)
        } else {
            Err(refusals::other_receivers().into())
        };
    }
    let SplitRequest { form, sub_mchid, transaction_id: id, out_order_no, parts: asked, .. } = request;
    let (order, mut funds) = shared_order(tx, context, &id, sub_mchid.as_deref(), words)?;
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
        is_v2: request.is_v2,
        created: now,
        receivers_owner,
        description: request.description,
    };
    tx.save(&funds)?;
    tx.save(&split)?;
    tx.schedule(&Due { kind: SETTLES.to_owned(), key: split.order_id.clone(), at: now + SETTLES_AFTER })?;
    Ok(split)
}

/// Maximum number of receivers of one request.
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
    if earlier.iter().any(|split| !split.is_finished) {
        return Err(refusals::under_way());
    }
    if now - payment.paid_at < LAG {
        return Err(refusals::too_early());
    }
    if !funds.is_open {
        return Err(if parts.is_empty() { refusals::nothing_left() } else { refusals::is_over() });
    }
    // A request that only ends the sharing has no parts.
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
