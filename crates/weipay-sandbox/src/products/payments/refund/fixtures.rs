//! A merchant with paid orders in the [`World`]: what tests of refunds stand on.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::control::may_become;
use super::outcome;
use super::record::{Amounts, Channel, OfOrder, Refund, RefundState};
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::merchants::Account;
use crate::people::account::AccountState;
use crate::products::payments::order::{
    self, Dialect, LimitPay, Order, OrderState, Payer, Payment, TradeType,
};
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::products::testing::world::World;
use crate::products::{HandlerError, carry_out};
use crate::response::Refusal;
use crate::store::Fingerprint;

pub(crate) const MCHID: &str = "1900000109";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

/// A paid order as tests wish it.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) number: &'static str,
    pub(crate) sub_mchid: Option<&'static str>,
    pub(crate) total: i64,
    pub(crate) coupons: Vec<(&'static str, i64)>,
    pub(crate) fee: i64,
    pub(crate) profit_sharing: bool,
    pub(crate) bank_type: &'static str,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            number: "order-1",
            sub_mchid: None,
            total: 1_000,
            coupons: Vec::new(),
            fee: 6,
            profit_sharing: false,
            bank_type: "OTHERS",
        }
    }
}

impl Wish {
    /// The order, as it is when somebody has paid it.
    pub(crate) fn paid(&self, transaction_id: String, now: i64) -> Order {
        let taken: i64 = self.coupons.iter().map(|(_, fen)| fen).sum();
        let coupons = self.coupons.iter().enumerate().map(|(index, (kind, fen))| {
            json!({ "coupon_id": index.to_string(), "type": kind, "scope": "GLOBAL", "amount": fen })
        });
        let payment = Payment {
            transaction_id,
            paid_at: now,
            payer: Payer { openid: Some(OPENID.to_owned()), sub_openid: None },
            person: Owner::person(OPENID),
            bank_type: self.bank_type.to_owned(),
            payer_total: self.total - taken,
            fee: self.fee,
            promotion_detail: coupons.collect(),
            refunded: 0,
            refund_count: 0,
        };
        Order {
            merchant: MCHID.to_owned(),
            sub_mchid: self.sub_mchid.map(str::to_owned),
            appid: "wxd678efh567hg6787".to_owned(),
            sub_appid: None,
            out_trade_no: self.number.to_owned(),
            trade_type: TradeType::Jsapi,
            dialect: Dialect::V3,
            state: OrderState::Success,
            total: self.total,
            currency: "CNY".to_owned(),
            description: "QQ公仔".to_owned(),
            attach: None,
            notify_url: None,
            goods_tag: None,
            detail: None,
            scene_info: None,
            profit_sharing: self.profit_sharing,
            subsidy: 0,
            deposit: None,
            limit_pay: LimitPay::default(),
            payer: Payer::default(),
            created: now,
            expires: now + 600,
            ended: None,
            combined: None,
            fingerprint: Fingerprint([0; 32]),
            platform_serial: String::new(),
            prepays: Vec::new(),
            payment: Some(payment),
        }
    }

    /// A refund of the whole of it, which has reached the person.
    pub(crate) fn refunded(&self, transaction_id: String, refund_id: String, now: i64) -> Refund {
        Refund {
            refund_id,
            dialect: Dialect::V3,
            merchant: MCHID.to_owned(),
            sub_mchid: self.sub_mchid.map(str::to_owned),
            out_refund_no: format!("refund of {}", self.number),
            order: OfOrder {
                out_trade_no: self.number.to_owned(),
                transaction_id,
                total: self.total,
                payer_total: self.total,
                settlement_total: self.total,
                currency: "CNY".to_owned(),
                person: Owner::person(OPENID),
                bank_type: self.bank_type.to_owned(),
                promotion_detail: Vec::new(),
            },
            state: RefundState::Success,
            amounts: Amounts {
                refund: self.total,
                payer: self.total,
                settlement: self.total,
                fee: self.fee,
                coupons: Vec::new(),
            },
            refund_account: None,
            drawn: Vec::new(),
            from: None,
            goods_detail: None,
            reason: None,
            notify_url: None,
            platform_serial: String::new(),
            channel: Channel::Original,
            received_account: String::new(),
            created: now,
            succeeded: Some(now),
            settles: now,
            is_short: false,
            billed: None,
        }
    }
}

/// A world in which one merchant sells and refunds.
pub(crate) struct Shop {
    world: World<'static>,
    pub(crate) caller: Account,
}

impl Deref for Shop {
    type Target = World<'static>;

    fn deref(&self) -> &Self::Target {
        &self.world
    }
}

impl DerefMut for Shop {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.world
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        let caller = Account { mchid: MCHID.to_owned(), appids: Vec::new(), sub_merchants: Vec::new() };
        Self { world: World::new(), caller }
    }

    /// Somebody pays an order, as the payment does it. Gives the transaction_id.
    pub(crate) fn pay(&self, wish: &Wish) -> String {
        let paid: Result<String, HandlerError> = self.act(|tx| {
            let person = Owner::person(OPENID);
            let transaction_id = order::new_transaction_id(tx, self.now)?;
            let taken: i64 = wish.coupons.iter().map(|(_, fen)| fen).sum();
            let order = wish.paid(transaction_id.clone(), self.now);
            let payee = Owner::merchant(order.payee());
            let kind = if wish.profit_sharing { AccountKind::Frozen } else { AccountKind::Unsettled };
            let money = wish.coupons.iter().filter(|(kind, _)| *kind == "CASH").map(|(_, fen)| fen).sum();
            let moved = Posting::new(Business::Payment, transaction_id.as_str(), self.now)
                .moves(person.account(AccountKind::Bank), payee.account(kind), wish.total - taken)
                .moves(payee.account(AccountKind::Bank), payee.account(kind), money)
                .moves(payee.account(kind), payee.account(AccountKind::Fees), wish.fee);
            post(tx, moved).map_err(|error| error.or_short(|short| Refusal::invalid_request("", short)))?;
            tx.save(&order)?;
            SharedFunds::begin(tx, &order)?;
            Ok(transaction_id)
        });
        paid.unwrap()
    }

    /// Tops up an account of a merchant from its bank.
    pub(crate) fn put(&self, mchid: &str, kind: AccountKind, fen: i64) {
        self.move_by_bank(&Owner::merchant(mchid), kind, fen);
    }

    /// Money of a merchant goes to its bank.
    pub(crate) fn take(&self, mchid: &str, kind: AccountKind, fen: i64) {
        self.move_by_bank(&Owner::merchant(mchid), kind, -fen);
    }

    /// Asks an operation.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, Refusal> {
        self.world.ask(&self.caller, method, target, body)
    }

    /// Refunds fen of an order.
    pub(crate) fn refund(&self, order: &str, number: &str, fen: i64, total: i64) -> Result<Value, Refusal> {
        self.ask("POST", "/v3/refund/domestic/refunds", &body(order, number, fen, total))
    }

    pub(crate) fn query(&self, number: &str) -> Result<Value, Refusal> {
        self.ask("GET", &format!("/v3/refund/domestic/refunds/{number}"), &Value::Null)
    }

    /// The decision of a developer. Whether it could be decided.
    pub(crate) fn decide(&self, number: &str, to: RefundState) -> bool {
        let decided: Result<bool, HandlerError> = self.act(|tx| {
            let found = Refund::find_by_bare_number(tx, number, |_| true)?.pop();
            let Some(refund) = found else { return Ok(false) };
            if !may_become(refund.state, to) {
                return Ok(false);
            }
            outcome::decide(tx, refund, to, self.now).map(|()| true)
        });
        decided.unwrap()
    }

    /// The merchant's money for a refund is missing.
    pub(crate) fn wait_for_money(&self, number: &str) {
        let waits: Result<(), HandlerError> = self.act(|tx| {
            let refund = Refund::find_by_bare_number(tx, number, |_| true)?.pop().unwrap();
            carry_out(tx, outcome::wait_for_money(refund)).map(drop)
        });
        waits.unwrap();
    }

    /// Changes the account of the person who pays.
    pub(crate) fn set_account(&self, state: AccountState) {
        self.act(|tx| state.keep(tx, OPENID)).unwrap();
    }

    /// Time passes, and what is due on the way is done.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.world.pass(seconds, false);
    }

    pub(crate) fn merchant(&self, kind: AccountKind) -> i64 {
        self.balance(&Owner::merchant(MCHID), kind)
    }

    pub(crate) fn person(&self, kind: AccountKind) -> i64 {
        self.balance(&Owner::person(OPENID), kind)
    }

    pub(crate) fn order(&self, number: &str) -> Order {
        self.act(|tx| Order::find_by_number(tx, MCHID, number)).unwrap().unwrap()
    }
}

/// The body of a refund.
pub(crate) fn body(order: &str, number: &str, fen: i64, total: i64) -> Value {
    json!({
        "out_trade_no": order,
        "out_refund_no": number,
        "notify_url": "https://example.com/refunds",
        "amount": { "refund": fen, "total": total, "currency": "CNY" },
    })
}
