//! The clock settles a split: the receivers get the money, or it is closed.

use super::{FailReason, Outcome, Part, Split};
use crate::ledger::{Account, AccountKind, Business, Owner, Posting, PostingError, post};
use crate::people::account::AccountState;
use crate::products::HandlerError;
use crate::products::payments::order::Order;
use crate::products::payments::profit_sharing::OF_A_PERSON;
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::products::payments::profit_sharing::notices::announce_split;
use crate::products::payments::profit_sharing::receivers::is_receiver;
use crate::store::{StoreError, Transaction};

/// The receivers get the money, and the merchant the rest where it asked for that.
pub(crate) fn settle(tx: &Transaction<'_>, order_id: &str, at: i64) -> Result<(), HandlerError> {
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
        AccountState::Normal if OF_A_PERSON.count(tx, &part.account, part.amount, at)? => None,
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
