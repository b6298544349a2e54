//! Paying: what a person means by an order, whether it can be paid like this, and the payment.

use weipay_wire::SignType;

use super::{PaymentError, PaymentFailure, PaymentRequest, PaymentResult};
use crate::log::LogEntry;
use crate::merchants::Merchants;
use crate::people::account::AccountState;
use crate::people::openid::{PERSON_FORM, is_openid};
use crate::platform::Platform;
use crate::products::contracts::with_order::order_was_paid;
use crate::products::payments::combined::CombinedOrder;
use crate::products::payments::creation::{CODE_URL, H5_URL, check_h5_package};
use crate::products::payments::front_end::{FrontEnd, Signing};
use crate::products::payments::order::{Dialect, Funds, Order, OrderState, Prepay, TradeType};
use crate::products::payments::payment::{self, CouponChoice, Means};
use crate::reasons;
use crate::store::{StoreError, Transaction};

/// An order or a combined order.
pub(in crate::products::payments) enum Payable {
    One(Box<Order>),
    Combined(Box<CombinedOrder>),
}

impl Platform {
    /// A person pays an order, or fails to.
    ///
    /// # Errors
    ///
    /// If there is no such order, it cannot be paid, the parameters of the front end are wrong, or the
    /// database fails; nothing was changed then.
    pub fn pay(&self, pays: &PaymentRequest) -> Result<PaymentResult, PaymentError> {
        let not_payable = PaymentError::NotPayable;
        let front_end = pays.front_end.as_ref().map(FrontEnd::read).transpose().map_err(not_payable)?;
        if pays.person.as_ref().is_some_and(|id| !is_openid(id)) {
            return Err(not_payable(PERSON_FORM.to_owned()));
        }
        let paid = self.act(|tx, now| {
            let given = match (&pays.order, &front_end) {
                (Some(order), _) => order.trim(),
                (None, Some(front_end)) => &front_end.prepay_id,
                (None, None) => return Err(not_payable("give `order` or `front_end`".to_owned())),
            };
            if let Some(mchid) = pays.mchid.as_deref() {
                check_merchant(&self.merchants, mchid)?;
            }
            let payable = find(tx, given, pays.mchid.as_deref())?;
            if let Some(front_end) = &front_end {
                self.check_front_end(front_end, &payable, now)?;
            } else if let Some(id) = prepay_in(given) {
                check_whole_h5_url(given, &id)?;
                check_prepay(payable.prepays(), &id, now)?;
            } else {
                payable.check_offer(tx, now)?;
            }
            match payable {
                Payable::One(order) => pay_one(tx, *order, pays, now),
                Payable::Combined(combined) => combined.pay(tx, &pays.means()?, now),
            }
        })?;
        if let Some(reason) = &paid.contract_not_signed {
            let work = format!("signs-the-contract-of-order-{}", paid.out_trade_no);
            self.tell(LogEntry::background(&work, reason));
        }
        Ok(paid)
    }

    fn check_front_end<'a>(
        &self,
        front_end: &FrontEnd,
        payable: &'a Payable,
        now: i64,
    ) -> Result<(), PaymentError> {
        let not_payable = PaymentError::NotPayable;
        let with = |own: &'a str, sub: Option<&'a str>| std::iter::once(own).chain(sub).collect::<Vec<_>>();
        let (merchant, appids, mchids, trade_type, dialect) = match payable {
            // UNCONFIRMED(partnerid-of-partner): an app names the partner, or the sub-merchant.
            Payable::One(order) => {
                let appids = with(&order.appid, order.sub_appid.as_deref());
                let mchids = with(&order.merchant, order.sub_mchid.as_deref());
                (&order.merchant, appids, mchids, order.trade_type, order.dialect)
            }
            Payable::Combined(combined) => {
                let (appids, mchids) = (with(&combined.appid, None), with(&combined.merchant, None));
                (&combined.merchant, appids, mchids, combined.trade_type, combined.dialect)
            }
        };
        check_prepay(payable.prepays(), &front_end.prepay_id, now)?;
        let merchant = self.merchants.find(merchant);
        let merchant =
            merchant.ok_or_else(|| not_payable("the merchant of the order no longer exists".to_owned()))?;
        let is_app = trade_type == TradeType::App;
        let signing = match dialect {
            Dialect::V3 => Signing::V3(&merchant.key),
            Dialect::V2 => Signing::V2(&merchant.api_v2_key, SignType::Md5),
            Dialect::V2Hmac => Signing::V2(&merchant.api_v2_key, SignType::HmacSha256),
        };
        front_end.check(&appids, &mchids, is_app, &signing).map_err(not_payable)
    }
}

impl PaymentRequest {
    pub(in crate::products::payments) fn means(&self) -> Result<PaymentMeans<'_>, PaymentError> {
        Ok(PaymentMeans {
            person: self.person.as_deref(),
            fail: self.fail,
            discount: self.discount,
            coupon: CouponChoice::from_text(self.coupon.as_deref()),
            funds: self.funds()?,
        })
    }
}

/// The members that one order and a combined one share.
#[derive(Clone)]
pub(in crate::products::payments) struct PaymentMeans<'a> {
    pub(in crate::products::payments) person: Option<&'a str>,
    pub(in crate::products::payments) fail: Option<PaymentFailure>,
    pub(in crate::products::payments) discount: i64,
    pub(in crate::products::payments) coupon: CouponChoice,
    pub(in crate::products::payments) funds: Funds,
}

pub(crate) fn pay_one(
    tx: &Transaction<'_>,
    order: Order,
    pays: &PaymentRequest,
    now: i64,
) -> Result<PaymentResult, PaymentError> {
    let order = order.seen_at(now);
    let funds = pays.funds()?;
    payment::check_payable(&order).map_err(|reason| PaymentError::NotPayable(reason.to_owned()))?;
    if let Some(failure) = pays.fail {
        return Ok(fail(tx, order, failure)?);
    }
    let (payer, person) = payment::payer_of(tx, &order, pays.person.as_deref())?;
    if AccountState::of_owner(tx, &person)? == AccountState::Frozen {
        return Ok(fail(tx, order, PaymentFailure::Frozen)?);
    }
    let coupon = CouponChoice::from_text(pays.coupon.as_deref());
    let means = Means { payer, person, funds, discount: pays.discount, coupon };
    let paid = payment::pay(tx, order, &means, now)?;
    payment::announce(tx, &paid)?;
    let contract_not_signed = order_was_paid(tx, &paid, now)?;
    Ok(PaymentResult {
        paid: true,
        trade_state: paid.state.word(),
        payer_total: paid.payment.as_ref().map_or(0, |payment| payment.payer_total),
        transaction_ids: paid.transaction_id().map(str::to_owned).into_iter().collect(),
        failure: None,
        contract_not_signed,
        out_trade_no: paid.out_trade_no,
    })
}

/// A payment that fails leaves the order as it is; with 付款码 there is no second try.
/// UNCONFIRMED(payment-code-failure): a person who cancels leaves NOTPAY, every other failure PAYERROR.
fn fail(tx: &Transaction<'_>, order: Order, failure: PaymentFailure) -> Result<PaymentResult, StoreError> {
    let mut order = order;
    if order.state == OrderState::UserPaying {
        order.state =
            if failure == PaymentFailure::Cancel { OrderState::NotPay } else { OrderState::PayError };
        tx.save(&order)?;
    }
    Ok(PaymentResult {
        paid: false,
        trade_state: order.state.word(),
        payer_total: 0,
        transaction_ids: Vec::new(),
        failure: Some(failure.word()),
        contract_not_signed: None,
        out_trade_no: order.out_trade_no,
    })
}

impl Payable {
    pub(in crate::products::payments) fn trade_type(&self) -> TradeType {
        match self {
            Self::One(order) => order.trade_type,
            Self::Combined(combined) => combined.trade_type,
        }
    }

    /// Nobody pays when the last that the app was given has expired. What cannot be paid for another reason says that one.
    pub(in crate::products::payments) fn check_offer(
        &self,
        tx: &Transaction<'_>,
        now: i64,
    ) -> Result<(), PaymentError> {
        let is_open = |order: &Order| payment::check_payable(&order.clone().seen_at(now)).is_ok();
        let is_open = match self {
            Self::One(order) => is_open(order),
            Self::Combined(combined) => combined.load_parts(tx)?.iter().all(is_open),
        };
        match self.prepays().last() {
            Some(last) if is_open => check_prepay(self.prepays(), &last.id, now),
            _ => Ok(()),
        }
    }

    pub(in crate::products::payments) fn prepays(&self) -> &[Prepay] {
        match self {
            Self::One(order) => &order.prepays,
            Self::Combined(combined) => &combined.prepays,
        }
    }
}

/// The number in a `prepay_id`, a `code_url` or an `h5_url`.
fn prepay_in(given: &str) -> Option<String> {
    if let Some(id) = given.strip_prefix(CODE_URL) {
        return Some(id.split('&').next().unwrap_or_default().to_owned());
    }
    if let Some(rest) = given.strip_prefix(H5_URL) {
        return Some(rest.split('&').next().unwrap_or_default().to_owned());
    }
    let id = given.strip_prefix("prepay_id=").unwrap_or(given);
    (id.len() == 36 && id.starts_with("wx")).then(|| id.to_owned())
}

/// An `h5_url` has more in it than its `prepay_id`.
fn check_whole_h5_url(given: &str, id: &str) -> Result<(), PaymentError> {
    let Some(rest) = given.strip_prefix(H5_URL) else { return Ok(()) };
    let package = rest.split('&').find_map(|pair| pair.strip_prefix("package="));
    check_h5_package(id, package).map_err(|reason| PaymentError::NotPayable(reason.to_owned()))
}

/// A number that no merchant has is a separate mistake.
fn check_merchant(merchants: &Merchants, mchid: &str) -> Result<(), PaymentError> {
    if merchants.all().iter().any(|merchant| merchant.account.acts_for(mchid)) {
        Ok(())
    } else {
        Err(PaymentError::NotFound(reasons::no_merchant(mchid)))
    }
}

pub(in crate::products::payments) fn check_prepay(
    prepays: &[Prepay],
    id: &str,
    now: i64,
) -> Result<(), PaymentError> {
    let reason = match prepays.iter().position(|prepay| prepay.id == id) {
        None => "it is not of this order",
        Some(place) if place + 1 < prepays.len() => {
            "a later request for the same order took its place: use the newest"
        }
        Some(place) if prepays[place].expires <= now => {
            "it has expired (a prepay_id and a code_url live for 2 hours, an h5_url for 5 minutes): make the order again with the same parameters"
        }
        Some(_) => return Ok(()),
    };
    Err(PaymentError::NotPayable(format!(
        "this prepay_id, code_url or h5_url cannot be used to pay: {reason}"
    )))
}

pub(in crate::products::payments) fn find(
    tx: &Transaction<'_>,
    given: &str,
    mchid: Option<&str>,
) -> Result<Payable, PaymentError> {
    let one = |order: Order| Payable::One(Box::new(order));
    if let Some(id) = prepay_in(given) {
        if let Some(order) = Order::find_by_prepay(tx, &id)? {
            return Ok(one(order));
        }
        if let Some(combined) = CombinedOrder::find_by_prepay(tx, &id)? {
            return Ok(Payable::Combined(Box::new(combined)));
        }
    }
    let is_meant = |merchant: &str| mchid.is_none_or(|mchid| mchid == merchant);
    let mut orders = Order::find_by_bare_number(tx, given, |order| is_meant(&order.merchant))?;
    orders.extend(Order::find_by_transaction(tx, given)?.filter(|order| is_meant(&order.merchant)));
    let mut combined = CombinedOrder::find_by_bare_number(tx, given, |order| is_meant(&order.merchant))?;
    match (orders.len(), combined.len()) {
        (0, 0) => Err(PaymentError::NotFound(
            "no order has this out_trade_no, transaction_id, prepay_id, code_url or h5_url".to_owned(),
        )),
        (1, 0) => {
            let order = orders.remove(0);
            let Some(combination) = &order.combined else { return Ok(one(order)) };
            let whole = CombinedOrder::find(tx, combination)?;
            let whole =
                whole.ok_or_else(|| StoreError::Corrupt("a part without its combined order".to_owned()))?;
            Ok(Payable::Combined(Box::new(whole)))
        }
        (0, 1) => Ok(Payable::Combined(Box::new(combined.remove(0)))),
        _ => Err(PaymentError::NotPayable(reasons::several_merchants(reasons::SAY_WHOSE))),
    }
}
