//! The money of an order that waits to be shared (待分账资金): what is left of it, and until when.

use serde::{Deserialize, Serialize};

use crate::clock::DAY;
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, post};
use crate::products::HandlerError;
use crate::products::payments::order::Order;
use crate::products::payments::refund::record::settlement_total;
use crate::store::{Due, Record, StoreError, Transaction};

/// The kind of what is due: it was not shared in time.
pub(crate) const RELEASE: &str = "shared funds released";

/// How long after the payment its money can be shared.
const SHARING_PERIOD: i64 = 30 * DAY;
/// The same of an order of a platform (电商收付通).
const PLATFORM_PERIOD: i64 = 180 * DAY;

/// INFERRED(sharing-period): a sub-merchant's part of a combined order is one of a platform; no order says what its partner is.
fn period(order: &Order) -> i64 {
    match (&order.combined, &order.sub_mchid) {
        (Some(_), Some(_)) => PLATFORM_PERIOD,
        _ => SHARING_PERIOD,
    }
}

/// The money of one order that waits to be shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedFunds {
    pub(crate) transaction_id: String,
    /// The merchant that got the money.
    pub(crate) payee: String,
    /// Fen in the payee's frozen account that are of this order.
    pub(crate) left: i64,
    /// Whether it can still be shared.
    pub(crate) is_open: bool,
    /// When it is the payee's without anybody's doing.
    pub(crate) until: i64,
}

impl Record for SharedFunds {
    const KIND: &'static str = "shared funds";

    fn key(&self) -> String {
        self.transaction_id.clone()
    }
}

impl SharedFunds {
    /// What waits of an order; none of an order that is not to be shared. The money begins to wait when it is first looked for,
    /// at the latest by [`Self::begin`].
    pub(crate) fn find(tx: &Transaction<'_>, order: &Order, now: i64) -> Result<Option<Self>, HandlerError> {
        let Some(payment) = order.payment.as_ref().filter(|_| order.profit_sharing) else { return Ok(None) };
        let mut funds = match tx.get::<Self>(&payment.transaction_id)? {
            Some(funds) => funds,
            None => {
                Self::begin(tx, order)?;
                tx.get(&payment.transaction_id)?
                    .ok_or_else(|| StoreError::Corrupt("shared funds that were not kept".to_owned()))?
            }
        };
        if funds.is_open && now >= funds.until {
            funds.release(tx, now)?;
        }
        Ok(Some(funds))
    }

    /// The money of a new payment waits. The payment has put it, without the fee, into the payee's frozen account.
    pub(crate) fn begin(tx: &Transaction<'_>, order: &Order) -> Result<(), StoreError> {
        let Some(payment) = order.payment.as_ref().filter(|_| order.profit_sharing) else { return Ok(()) };
        if tx.get::<Self>(&payment.transaction_id)?.is_some() {
            return Ok(());
        }
        let funds = Self {
            transaction_id: payment.transaction_id.clone(),
            payee: order.payee().to_owned(),
            left: settlement_total(order, payment).saturating_sub(payment.fee),
            is_open: true,
            until: payment.paid_at.saturating_add(period(order)),
        };
        tx.schedule(&funds.due())?;
        tx.save(&funds)
    }

    fn due(&self) -> Due {
        Due { kind: RELEASE.to_owned(), key: self.transaction_id.clone(), at: self.until }
    }

    /// Nothing of it can be shared any more: the payee has what is left.
    pub(crate) fn release(&mut self, tx: &Transaction<'_>, now: i64) -> Result<(), HandlerError> {
        let payee = Owner::merchant(self.payee.as_str());
        let released = Posting::new(Business::Unfreeze, self.transaction_id.as_str(), now).moves(
            payee.account(AccountKind::Frozen),
            payee.account(AccountKind::Available),
            self.left,
        );
        post(tx, released).map_err(|error| match error {
            PostingError::Store(error) => error,
            PostingError::Short { .. } | PostingError::Amount => {
                StoreError::Corrupt("the money that waits to be shared is not there".to_owned())
            }
        })?;
        self.left = 0;
        Ok(self.end(tx)?)
    }

    /// Nothing of it waits any more.
    pub(crate) fn end(&mut self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.is_open = false;
        tx.unschedule(&self.due())?;
        tx.save(self)
    }
}

/// The clock: it was not shared in time.
pub(crate) fn release_due(tx: &Transaction<'_>, transaction_id: &str, at: i64) -> Result<(), HandlerError> {
    match tx.get::<SharedFunds>(transaction_id)?.filter(|funds| funds.is_open) {
        Some(mut funds) => funds.release(tx, at),
        None => Ok(()),
    }
}
