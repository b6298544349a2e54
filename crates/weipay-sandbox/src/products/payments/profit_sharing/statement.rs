//! The rows of profit sharing bills (分账账单): each amount that a receiver got, and each that was returned. Failures are not in it.

use super::returns::Return;
use super::split::{Outcome, Split};
use crate::store::{Direction, IndexRange, StoreError, Transaction, at_time};

/// By who takes part, and when the money moved: the caller and the merchant whose money it was.
pub(super) const PARTY_AND_TIME: &str = "party and time";

/// One movement of money by a split or a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) time: i64,
    /// The merchant that requested the split.
    pub(crate) merchant: String,
    /// The merchant whose money was shared.
    pub(crate) payee: String,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    /// The platform's number of the split or the return.
    pub(crate) number: String,
    pub(crate) detail_id: String,
    /// The merchant's number of it.
    pub(crate) out_number: String,
    pub(crate) receiver: String,
    pub(crate) fen: i64,
    pub(crate) is_return: bool,
    pub(crate) description: String,
}

/// Movements in the order of time.
pub(crate) type SharedBetween<'a> = Box<dyn Iterator<Item = Result<Shared, StoreError>> + 'a>;

fn of_party(mchid: &str, from: i64, until: i64) -> IndexRange {
    IndexRange {
        index: PARTY_AND_TIME,
        from: at_time(mchid, from),
        to: at_time(mchid, until.saturating_sub(1)),
    }
}

/// Amounts that were shared in a period, by a merchant or of its money.
pub(crate) fn split_between<'a>(
    tx: &'a Transaction<'_>,
    mchid: &str,
    from: i64,
    until: i64,
) -> SharedBetween<'a> {
    let splits = tx.scan::<Split>(of_party(mchid, from, until), Direction::Ascending);
    Box::new(splits.flat_map(|split| match split {
        Ok(split) => of_split(&split).into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    }))
}

/// Amounts that were returned in that period.
pub(crate) fn returned_between<'a>(
    tx: &'a Transaction<'_>,
    mchid: &str,
    from: i64,
    until: i64,
) -> SharedBetween<'a> {
    let returns = tx.scan::<Return>(of_party(mchid, from, until), Direction::Ascending);
    Box::new(returns.map(|made| {
        let made = made?;
        let split = Split::find_by_id(tx, &made.order_id)?;
        let split = split.ok_or_else(|| StoreError::Corrupt("a return without its split".to_owned()))?;
        let part =
            split.parts.iter().find(|part| part.account == made.return_mchid && part.kind == "MERCHANT_ID");
        Ok(Shared {
            time: made.created,
            merchant: made.merchant,
            payee: split.payee().to_owned(),
            out_trade_no: split.out_trade_no.clone(),
            transaction_id: split.transaction_id.clone(),
            number: made.return_id,
            detail_id: part.map(|part| part.detail_id.clone()).unwrap_or_default(),
            out_number: made.out_return_no,
            receiver: made.return_mchid,
            fen: made.amount,
            is_return: true,
            description: made.description,
        })
    }))
}

/// The rest, which stays with its merchant, was not shared.
fn of_split(split: &Split) -> Vec<Shared> {
    let got = split.parts.iter().filter(|part| part.outcome == Outcome::Success && !part.is_rest);
    let shared = got.map(|part| Shared {
        time: part.finished.unwrap_or(split.created),
        merchant: split.merchant.clone(),
        payee: split.payee().to_owned(),
        out_trade_no: split.out_trade_no.clone(),
        transaction_id: split.transaction_id.clone(),
        number: split.order_id.clone(),
        detail_id: part.detail_id.clone(),
        out_number: split.out_order_no.clone(),
        receiver: part.account.clone(),
        fen: part.amount,
        is_return: false,
        description: part.description.clone(),
    });
    shared.collect()
}
