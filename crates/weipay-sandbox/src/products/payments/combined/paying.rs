//! A person pays all parts of a combined order at once, or none.

use super::CombinedOrder;
use crate::people::account::AccountState;
use crate::products::apportion::apportion;
use crate::products::cash_coupons::discount::Discount;
use crate::products::payments::order::Order;
use crate::products::payments::payment::{self, CouponChoice, Means, NotPaid};
use crate::products::payments::person::{PaymentError, PaymentFailure, PaymentMeans, PaymentResult};
use crate::store::Transaction;

impl CombinedOrder {
    /// A person pays all parts, or none.
    pub(in crate::products::payments) fn pay(
        self,
        tx: &Transaction<'_>,
        means: &PaymentMeans<'_>,
        now: i64,
    ) -> Result<PaymentResult, PaymentError> {
        let parts: Vec<_> = self.load_parts(tx)?.into_iter().map(|part| part.seen_at(now)).collect();
        for part in &parts {
            payment::check_payable(part).map_err(|reason| NotPaid::Because(reason.to_owned()))?;
        }
        if let Some(failure) = means.fail {
            return Ok(self.paid(&parts, Some(failure.word())));
        }
        if let Some(first) = parts.first() {
            let (_, person) = payment::payer_of(tx, first, means.person)?;
            if AccountState::of_owner(tx, &person)? == AccountState::Frozen {
                return Ok(self.paid(&parts, Some(PaymentFailure::Frozen.word())));
            }
        }
        let shares = shares_of_parts(tx, &parts, means, now)?;
        let mut paid = Vec::with_capacity(parts.len());
        for (part, (discount, coupon)) in parts.into_iter().zip(shares) {
            let (payer, person) = payment::payer_of(tx, &part, means.person)?;
            let means = Means { payer, person, funds: means.funds, discount, coupon };
            paid.push(payment::pay(tx, part, &means, now)?);
        }
        tx.unschedule(&self.expiry())?;
        tx.announce(&self.announcement(&paid, now))?;
        Ok(self.paid(&paid, None))
    }

    fn paid(&self, parts: &[Order], failure: Option<&'static str>) -> PaymentResult {
        let payments = || parts.iter().filter_map(|part| part.payment.as_ref());
        PaymentResult {
            paid: failure.is_none(),
            out_trade_no: self.out_trade_no.clone(),
            trade_state: parts.first().map_or("", |part| part.state.word()),
            payer_total: payments().map(|payment| payment.payer_total).sum(),
            transaction_ids: payments().map(|payment| payment.transaction_id.clone()).collect(),
            failure,
            contract_not_signed: None,
        }
    }
}

/// The discount of each part: fen, or a coupon. UNCONFIRMED(combined-discount): a discount of
/// the merchant is divided in proportion to the totals, and leaves at least one fen of each part to pay. A
/// coupon that the person chose is for the first part that it fits.
fn shares_of_parts(
    tx: &Transaction<'_>,
    parts: &[Order],
    means: &PaymentMeans<'_>,
    now: i64,
) -> Result<Vec<(i64, CouponChoice)>, NotPaid> {
    let totals: Vec<i64> = parts.iter().map(|part| part.total).collect();
    let without_coupon = |discounts: Vec<i64>| {
        discounts.into_iter().map(|discount| (discount, CouponChoice::None)).collect::<Vec<_>>()
    };
    if means.discount != 0 {
        return apportion(means.discount, &totals, 1).map(without_coupon).ok_or_else(|| {
            NotPaid::Because(
                "a discount must be at least 0 fen, and leave at least one fen of each part of the combined order"
                    .to_owned(),
            )
        });
    }
    match &means.coupon {
        CouponChoice::None => Ok(without_coupon(vec![0; parts.len()])),
        CouponChoice::Best => {
            let coupons = payment::coupons_to_use(tx, parts, means.person, means.funds, now)?;
            let choice = |coupon: Option<Discount>| match coupon {
                Some(coupon) => CouponChoice::Number(coupon.coupon_id().to_owned()),
                None => CouponChoice::None,
            };
            Ok(coupons.into_iter().map(|coupon| (0, choice(coupon))).collect())
        }
        CouponChoice::Number(number) => {
            let mut shares = without_coupon(vec![0; parts.len()]);
            for (part, share) in parts.iter().zip(&mut shares) {
                let (payer, _) = payment::payer_of(tx, part, means.person)?;
                if payment::fits(tx, part, &payer, number, means.funds, now)? {
                    share.1 = CouponChoice::Number(number.clone());
                    return Ok(shares);
                }
            }
            Err(payment::does_not_fit(number))
        }
    }
}
