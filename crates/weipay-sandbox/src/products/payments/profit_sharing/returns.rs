//! Returns (分账回退): a merchant that got a part gives it back, in full or not.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::forms::Form;
use super::notices::announce_return;
use super::refusals;
use super::split::{Outcome, Split, check_sub_merchant};
use super::statement::PARTY_AND_TIME;
use crate::clock::{self, DAY};
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, post};
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, at_time, joined};

/// How long after the split a part can be given back.
const RETURN_PERIOD: i64 = 180 * DAY;
/// The most returns of one split.
const MAX_RETURNS: i64 = 50;

/// A return. INFERRED(sharing-return): it is settled by the request that makes it. A platform or a brand,
/// whose fail reasons have no word for it, is refused when the receiver has too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Return {
    pub(super) return_id: String,
    pub(super) merchant: String,
    sub_mchid: Option<String>,
    pub(super) order_id: String,
    pub(super) out_order_no: String,
    pub(super) out_return_no: String,
    pub(super) return_mchid: String,
    pub(super) amount: i64,
    pub(super) description: String,
    /// `false` when the receiver had too little.
    pub(super) has_succeeded: bool,
    pub(super) created: i64,
}

const SPLIT: &str = "split";

impl Record for Return {
    const KIND: &'static str = "profit sharing return";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_return_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![IndexEntry::new(SPLIT, self.order_id.as_str())];
        if self.has_succeeded {
            let parties = [Some(&self.merchant), self.sub_mchid.as_ref()].into_iter().flatten();
            indexes
                .extend(parties.map(|mchid| IndexEntry::new(PARTY_AND_TIME, at_time(mchid, self.created))));
        }
        indexes
    }
}

impl Return {
    fn show(&self, form: Form) -> Value {
        let time = clock::rfc3339(self.created);
        let mut shown = json!({
            "order_id": self.order_id, "out_order_no": self.out_order_no, "out_return_no": self.out_return_no,
            "return_mchid": self.return_mchid, "amount": self.amount, "finish_time": time,
        });
        match form {
            Form::General => {
                shown["return_id"] = json!(self.return_id);
                shown["description"] = json!(self.description);
                shown["create_time"] = json!(time);
                shown["result"] = json!(if self.has_succeeded { "SUCCESS" } else { "FAILED" });
            }
            Form::Ecommerce | Form::Brand => {
                shown["return_no"] = json!(self.return_id);
                shown["result"] = json!(if self.has_succeeded { "SUCCESS" } else { "FAIL" });
            }
        }
        if !self.has_succeeded && form == Form::General {
            shown["fail_reason"] = json!("BALANCE_NOT_ENOUGH");
        }
        if let Some(sub_mchid) = &self.sub_mchid {
            shown["sub_mchid"] = json!(sub_mchid);
        }
        shown
    }
}

/// A request of either version of the API.
#[derive(Debug)]
pub(super) struct ReturnRequest {
    pub(super) sub_mchid: Option<String>,
    pub(super) transaction_id: Option<String>,
    pub(super) order_id: Option<String>,
    pub(super) out_order_no: Option<String>,
    pub(super) out_return_no: String,
    pub(super) return_mchid: String,
    pub(super) amount: i64,
    pub(super) description: String,
    /// Whether it fails, and is not refused, when the receiver has too little.
    pub(super) fails_when_short: bool,
}

pub(super) fn create_return(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let asked = ReturnRequest {
        sub_mchid: text("sub_mchid"),
        transaction_id: text("transaction_id"),
        order_id: text("order_id"),
        out_order_no: text("out_order_no"),
        out_return_no: request.required("out_return_no").to_owned(),
        return_mchid: request.required("return_mchid").to_owned(),
        amount: request.body.get("amount").and_then(Value::as_i64).unwrap_or_default(),
        description: request.required("description").to_owned(),
        fails_when_short: form == Form::General,
    };
    Ok(give_back(tx, &context.caller.mchid, asked, context.now)?.show(form))
}

/// The sentence for a merchant that got nothing.
pub(super) const NO_SHARE: &str = "回退方不存在";
/// The sentences for an amount that cannot be given back.
pub(super) const NO_AMOUNT: &str = "回退金额不正确";
pub(super) const MORE_THAN_LEFT: &str = "剩余可回退的金额不足";

/// Makes a return, or gives the one that has its number.
pub(super) fn give_back(
    tx: &Transaction<'_>,
    mchid: &str,
    request: ReturnRequest,
    now: i64,
) -> Result<Return, HandlerError> {
    let split = split_of(tx, mchid, &request)?;
    let ReturnRequest { out_return_no, return_mchid, amount, description, fails_when_short, .. } = request;
    if let Some(known) = tx.get::<Return>(&joined(mchid, &out_return_no))? {
        let is_same = (&known.order_id, known.amount, known.return_mchid.as_str())
            == (&split.order_id, amount, return_mchid.as_str());
        return match is_same {
            true => Ok(known),
            false => Err(Refusal::invalid_request(
                "回退单号已存在，但请求参数与之前不一致",
                reasons::number_was_used("this out_return_no", "another order, amount or return_mchid"),
            )
            .into()),
        };
    }
    let earlier: Vec<Return> = tx
        .find(&[IndexRange::equal(SPLIT, split.order_id.as_str())], Page { offset: 0, limit: MAX_RETURNS })?;
    check_return(&split, &earlier, &return_mchid, amount, now)?;
    let mut made = Return {
        return_id: format!("3009{:024}", tx.next_number("split return")?),
        merchant: mchid.to_owned(),
        sub_mchid: split.sub_mchid.clone(),
        order_id: split.order_id.clone(),
        out_order_no: split.out_order_no.clone(),
        out_return_no,
        return_mchid,
        amount,
        description,
        has_succeeded: false,
        created: now,
    };
    made.has_succeeded = move_back(tx, &split, &made, fails_when_short)?;
    tx.save(&made)?;
    if made.has_succeeded {
        announce_return(tx, &split, &made, now)?;
    }
    Ok(made)
}

/// The split that a return is of.
fn split_of(tx: &Transaction<'_>, mchid: &str, request: &ReturnRequest) -> Result<Split, HandlerError> {
    let split = match (request.order_id.as_deref(), request.out_order_no.as_deref()) {
        (Some(id), _) => Split::find_by_id(tx, id)?,
        (None, Some(number)) => Split::find(tx, mchid, number)?,
        (None, None) => None,
    };
    let split = split.filter(|split| {
        let transaction_id = request.transaction_id.as_deref();
        split.merchant == mchid && transaction_id.is_none_or(|id| id == split.transaction_id)
    });
    let split = split.ok_or_else(refusals::no_split_to_return)?;
    let (asked, has) = (request.sub_mchid.as_deref(), split.sub_mchid.as_deref());
    check_sub_merchant(asked, has, refusals::no_split_to_return)?;
    Ok(split)
}

/// Moves the money of a return, and says whether it did; it fails where the receiver has too little.
fn move_back(
    tx: &Transaction<'_>,
    split: &Split,
    made: &Return,
    fails_when_short: bool,
) -> Result<bool, HandlerError> {
    // It becomes available to the merchant, and is not to be shared again.
    let moved = Posting::new(Business::ProfitSharingReturn, made.return_id.as_str(), made.created)
        .for_number(made.out_return_no.as_str())
        .moves(
            Owner::merchant(made.return_mchid.as_str()).account(AccountKind::Available),
            Owner::merchant(split.payee()).account(AccountKind::Available),
            made.amount,
        );
    match post(tx, moved) {
        Ok(()) => Ok(true),
        Err(PostingError::Short { .. }) if !fails_when_short => Err(refusals::receiver_is_short().into()),
        Err(PostingError::Short { .. }) => Ok(false),
        Err(PostingError::Store(error)) => Err(error.into()),
        Err(PostingError::Amount) => {
            Err(StoreError::Corrupt("a return of an amount that cannot be".to_owned()).into())
        }
    }
}

fn check_return(
    split: &Split,
    earlier: &[Return],
    mchid: &str,
    amount: i64,
    now: i64,
) -> Result<(), Refusal> {
    let got = |part: &&super::split::Part| {
        part.kind == "MERCHANT_ID"
            && part.account == mchid
            && part.outcome == Outcome::Success
            && !part.is_rest
    };
    let part = split.parts.iter().find(got).filter(|_| split.is_finished);
    let part = part.ok_or_else(|| {
        Refusal::invalid_request(
            NO_SHARE,
            "return_mchid must be a merchant that got a part of this split, and the split FINISHED",
        )
    })?;
    if amount < 1 {
        return Err(Refusal::param_error(NO_AMOUNT, "amount must be at least 1 fen"));
    }
    let of_this = earlier.iter().filter(|known| known.has_succeeded && known.return_mchid == mchid);
    let returned: i64 = of_this.map(|known| known.amount).sum();
    if amount > part.amount.saturating_sub(returned) {
        let rest = part.amount.saturating_sub(returned);
        let reason = format!(
            "return_mchid got {} fen by this split and has given back {returned}: amount is {rest} at most, and not {amount}",
            part.amount
        );
        return Err(Refusal::invalid_request(MORE_THAN_LEFT, reason));
    }
    if now.saturating_sub(split.created) > RETURN_PERIOD {
        let reason = format!("a split can be given back for {} days", RETURN_PERIOD / 86_400);
        return Err(Refusal::invalid_request("分账单已超过可回退期限", reason));
    }
    if i64::try_from(earlier.len()).is_ok_and(|returns| returns >= MAX_RETURNS) {
        let reason = format!("a split has {MAX_RETURNS} returns at most");
        return Err(Refusal::invalid_request("分账单回退次数超过限制", reason));
    }
    Ok(())
}

pub(super) fn query_return(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let number = match form {
        Form::General => request.path("out_return_no"),
        Form::Ecommerce | Form::Brand => request.query("out_return_no").unwrap_or_default(),
    };
    let split = (request.query("order_id"), request.query("out_order_no"));
    Ok(find_return(tx, &context.caller.mchid, number, split, request.query("sub_mchid"))?.show(form))
}

/// The return that a query names, with its split by its two numbers.
pub(super) fn find_return(
    tx: &Transaction<'_>,
    mchid: &str,
    number: &str,
    (order_id, out_order_no): (Option<&str>, Option<&str>),
    sub_mchid: Option<&str>,
) -> Result<Return, HandlerError> {
    let found: Option<Return> = tx.get(&joined(mchid, number))?;
    // One of the two numbers of the split must be there, and what is there must be right.
    let found = found.filter(|found| {
        let is_right = |asked: Option<&str>, has: &str| asked.is_none_or(|asked| asked == has);
        (order_id.is_some() || out_order_no.is_some())
            && is_right(order_id, &found.order_id)
            && is_right(out_order_no, &found.out_order_no)
    });
    let found = found.ok_or_else(refusals::no_record)?;
    check_sub_merchant(sub_mchid, found.sub_mchid.as_deref(), refusals::no_record)?;
    Ok(found)
}
