//! What a person does with an order, which no operation of the API can: pay it, or fail to.

use serde::Serialize;
use serde_json::{Map, Value};
use weipay_wire::SignType;

use super::combined::CombinedOrder;
use super::creation::{CODE_URL, H5_URL};
use super::front_end::{FrontEnd, Signing};
use super::order::{Dialect, Funds, Order, OrderState, Prepay, TradeType};
use super::page;
use super::payment::{self, CouponChoice, Means, NotPaid};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::log::LogEntry;
use crate::merchants::Merchants;
use crate::people::account::AccountState;
use crate::people::openid::{PERSON_FORM, is_openid};
use crate::platform::Platform;
use crate::products::contracts::with_order::order_was_paid;
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[PAY, page::SHOW_ADDRESS];

const PAY: Route = Route::post(
    "/orders/pay",
    "A person pays an order, or fails to; give `order`, `front_end` or both",
    &[
        Member::text(
            "order",
            "out_trade_no, transaction_id, prepay_id, code_url or h5_url; of a combined order combine_out_trade_no",
        ),
        Member::WHOSE_NUMBER,
        Member::text(
            "openid",
            "Who pays, by openid or unionid (default: the payer that the order names, or any person)",
        ),
        Member::word("fail", &PaymentFailure::WORDS, "Fails for this reason instead"),
        Member::integer("discount", "Fen that a coupon of the merchant takes off"),
        Member::text(
            "coupon",
            "The cash coupon (代金券) by its coupon_id, or `none`; else the best that fits",
        ),
        Member::boolean("wallet", "Pays from the wallet (零钱), and not by a bank card"),
        Member::word(
            "card",
            &BankCard::WORDS,
            "Pays by a card of this kind (储蓄卡, 信用卡); else by one of a kind that limit_pay of the order takes",
        ),
        Member::object(
            "front_end",
            "The signed parameters of the page, mini program or app; their signature is checked",
        ),
    ],
    pay_order,
);

/// Why a person fails to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaymentFailure {
    /// 余额不足.
    NotEnoughBalance,
    /// The account is frozen.
    Frozen,
    /// The real name is not the one that the order wants.
    RealNameMismatch,
    /// Over a limit of the person's account or card.
    Limit,
    /// The password was wrong.
    WrongPassword,
    /// The person cancels.
    Cancel,
}

impl PaymentFailure {
    const ALL: [Self; 6] = [
        Self::NotEnoughBalance,
        Self::Frozen,
        Self::RealNameMismatch,
        Self::Limit,
        Self::WrongPassword,
        Self::Cancel,
    ];
    /// The words of all of them.
    pub const WORDS: [&str; 6] =
        ["not-enough-balance", "frozen", "real-name-mismatch", "limit", "wrong-password", "cancel"];

    /// One word, such as `not-enough-balance`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The failure of this [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.word() == word)
    }
}

/// The kind of a bank card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BankCard {
    /// 储蓄卡.
    Debit,
    /// 信用卡.
    Credit,
}

impl BankCard {
    /// The words of both kinds.
    pub const WORDS: [&str; 2] = ["debit", "credit"];

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Debit, Self::Credit].into_iter().find(|card| Self::WORDS[*card as usize] == word)
    }
}

/// How a person pays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PersonPays {
    order: Option<String>,
    mchid: Option<String>,
    person: Option<String>,
    fail: Option<PaymentFailure>,
    discount: i64,
    coupon: Option<String>,
    wallet: bool,
    card: Option<BankCard>,
    front_end: Option<Map<String, Value>>,
}

impl PersonPays {
    /// The order by out_trade_no, transaction_id, prepay_id, code_url or h5_url, or a combined order by its combine_out_trade_no.
    #[must_use]
    pub fn new(order: impl Into<String>) -> Self {
        Self { order: Some(order.into()), ..Self::default() }
    }

    /// The order whose signed parameters the page, mini program or app was given. Their signature is checked, as the app does.
    #[must_use]
    pub fn with_front_end(parameters: Map<String, Value>) -> Self {
        Self { front_end: Some(parameters), ..Self::default() }
    }

    /// Whose out_trade_no is meant, when several merchants have used it.
    #[must_use]
    pub fn of_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Who pays, by openid or unionid.
    #[must_use]
    pub fn by_person(mut self, id: impl Into<String>) -> Self {
        self.person = Some(id.into());
        self
    }

    /// Fails instead: the order stays unpaid, and nobody is notified.
    #[must_use]
    pub fn failing(mut self, failure: PaymentFailure) -> Self {
        self.fail = Some(failure);
        self
    }

    /// With a coupon of the merchant that takes this amount (fen) off; off a combined order, in proportion to its parts.
    #[must_use]
    pub fn discount(mut self, fen: i64) -> Self {
        self.discount = fen;
        self
    }

    /// With this cash coupon (代金券) by its `coupon_id`, or with `none`. Otherwise the person uses the one that takes most off.
    #[must_use]
    pub fn coupon(mut self, coupon_id: impl Into<String>) -> Self {
        self.coupon = Some(coupon_id.into());
        self
    }

    /// From the wallet (零钱), and not by a bank card.
    #[must_use]
    pub fn by_wallet(mut self) -> Self {
        self.wallet = true;
        self
    }

    /// By a bank card of this kind. Otherwise it is of a kind that `limit_pay` of the order takes.
    #[must_use]
    pub fn by_card(mut self, card: BankCard) -> Self {
        self.card = Some(card);
        self
    }

    fn funds(&self) -> Result<Funds, PersonPaysError> {
        match (self.wallet, self.card) {
            (true, None) => Ok(Funds::Wallet),
            (false, None) => Ok(Funds::Card),
            (false, Some(BankCard::Debit)) => Ok(Funds::DebitCard),
            (false, Some(BankCard::Credit)) => Ok(Funds::CreditCard),
            (true, Some(_)) => Err(PersonPaysError::NotPayable(
                "say `wallet` or `card`: one payment comes from one of them".to_owned(),
            )),
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PersonPaid {
    /// Whether the order was paid now.
    pub paid: bool,
    /// The number of the order, or of the combined order.
    pub out_trade_no: String,
    /// `trade_state` of the order now.
    pub trade_state: &'static str,
    /// Fen that the person paid; 0 when it failed.
    pub payer_total: i64,
    /// The platform's number, one for each part of a combined order.
    pub transaction_ids: Vec<String>,
    /// Why it failed, in the words of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// Why the contract of an order with one (支付中签约) was not signed, although the order was paid. The merchant is told nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_not_signed: Option<String>,
}

/// Why an order cannot be paid.
#[derive(Debug)]
#[non_exhaustive]
pub enum PersonPaysError {
    /// No such order.
    NotFound(String),
    /// It cannot be paid, or not like this; the text says why.
    NotPayable(String),
    /// The person pays by wallet (零钱), and has too little in it.
    WalletIsShort,
    /// The database failed.
    Store(StoreError),
}

impl std::fmt::Display for PersonPaysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(reason) | Self::NotPayable(reason) => f.write_str(reason),
            Self::WalletIsShort => f.write_str(
                "the wallet has too little money: weipay sandbox person top-up OPENID FEN fills it, and without --wallet the \
                 bank card pays",
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PersonPaysError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` is that of the cause.
            Self::Store(error) => error.source(),
            Self::NotFound(_) | Self::NotPayable(_) | Self::WalletIsShort => None,
        }
    }
}

impl From<StoreError> for PersonPaysError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotPaid> for PersonPaysError {
    fn from(error: NotPaid) -> Self {
        match error {
            NotPaid::Because(reason) => Self::NotPayable(reason),
            NotPaid::NotEnough => Self::WalletIsShort,
            NotPaid::Failed(error) => Self::Store(error),
        }
    }
}

fn pay_order(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let front_end = request.get("front_end").and_then(Value::as_object).cloned();
    let pays = PersonPays {
        order: request.text("order").map(str::to_owned),
        mchid: request.text("mchid").map(str::to_owned),
        person: request.text("openid").map(str::to_owned),
        fail: request.text("fail").and_then(PaymentFailure::from_word),
        discount: request.get("discount").and_then(Value::as_i64).unwrap_or_default(),
        coupon: request.text("coupon").map(str::to_owned),
        wallet: request.get("wallet").and_then(Value::as_bool).unwrap_or_default(),
        card: request.text("card").and_then(BankCard::from_word),
        front_end,
    };
    let paid = control.platform.pay(&pays)?;
    serde_json::to_value(paid).map_err(ControlError::failed)
}

impl From<PersonPaysError> for ControlError {
    fn from(error: PersonPaysError) -> Self {
        match error {
            PersonPaysError::NotFound(reason) => Self::not_found(reason),
            PersonPaysError::NotPayable(reason) => Self::conflict(reason),
            short @ PersonPaysError::WalletIsShort => Self::conflict(short.to_string()),
            PersonPaysError::Store(error) => error.into(),
        }
    }
}

/// What is paid at once.
pub(super) enum Payable {
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
    pub fn pay(&self, pays: &PersonPays) -> Result<PersonPaid, PersonPaysError> {
        let not_payable = PersonPaysError::NotPayable;
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
    ) -> Result<(), PersonPaysError> {
        let not_payable = PersonPaysError::NotPayable;
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
        let merchant = merchant.ok_or_else(|| not_payable("the merchant of the order is gone".to_owned()))?;
        let is_app = trade_type == TradeType::App;
        let signing = match dialect {
            Dialect::V3 => Signing::V3(&merchant.key),
            Dialect::V2 => Signing::V2(&merchant.api_v2_key, SignType::Md5),
            Dialect::V2Hmac => Signing::V2(&merchant.api_v2_key, SignType::HmacSha256),
        };
        front_end.check(&appids, &mchids, is_app, &signing).map_err(not_payable)
    }
}

impl PersonPays {
    pub(super) fn means(&self) -> Result<PaymentMeans<'_>, PersonPaysError> {
        Ok(PaymentMeans {
            person: self.person.as_deref(),
            fail: self.fail,
            discount: self.discount,
            coupon: CouponChoice::from_text(self.coupon.as_deref()),
            funds: self.funds()?,
        })
    }
}

/// What of it is the same for one order and for a combined one.
#[derive(Clone)]
pub(super) struct PaymentMeans<'a> {
    pub(super) person: Option<&'a str>,
    pub(super) fail: Option<PaymentFailure>,
    pub(super) discount: i64,
    pub(super) coupon: CouponChoice,
    pub(super) funds: Funds,
}

pub(crate) fn pay_one(
    tx: &Transaction<'_>,
    order: Order,
    pays: &PersonPays,
    now: i64,
) -> Result<PersonPaid, PersonPaysError> {
    let order = order.seen_at(now);
    let funds = pays.funds()?;
    payment::check_payable(&order).map_err(|reason| PersonPaysError::NotPayable(reason.to_owned()))?;
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
    Ok(PersonPaid {
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
fn fail(tx: &Transaction<'_>, order: Order, failure: PaymentFailure) -> Result<PersonPaid, StoreError> {
    let mut order = order;
    if order.state == OrderState::UserPaying {
        order.state =
            if failure == PaymentFailure::Cancel { OrderState::NotPay } else { OrderState::PayError };
        tx.save(&order)?;
    }
    Ok(PersonPaid {
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
    pub(super) fn trade_type(&self) -> TradeType {
        match self {
            Self::One(order) => order.trade_type,
            Self::Combined(combined) => combined.trade_type,
        }
    }

    /// Nobody pays when the last that the app was given has expired. What cannot be paid for another reason says that one.
    pub(super) fn check_offer(&self, tx: &Transaction<'_>, now: i64) -> Result<(), PersonPaysError> {
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

    pub(super) fn prepays(&self) -> &[Prepay] {
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

/// A number that no merchant has is a separate mistake.
fn check_merchant(merchants: &Merchants, mchid: &str) -> Result<(), PersonPaysError> {
    match merchants.all().iter().any(|merchant| merchant.account.acts_for(mchid)) {
        true => Ok(()),
        false => Err(PersonPaysError::NotFound(reasons::no_merchant(mchid))),
    }
}

pub(super) fn check_prepay(prepays: &[Prepay], id: &str, now: i64) -> Result<(), PersonPaysError> {
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
    Err(PersonPaysError::NotPayable(format!(
        "nobody can pay with this prepay_id, code_url or h5_url: {reason}"
    )))
}

pub(super) fn find(
    tx: &Transaction<'_>,
    given: &str,
    mchid: Option<&str>,
) -> Result<Payable, PersonPaysError> {
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
        (0, 0) => Err(PersonPaysError::NotFound(
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
        _ => Err(PersonPaysError::NotPayable(reasons::several_merchants(reasons::SAY_WHOSE))),
    }
}
