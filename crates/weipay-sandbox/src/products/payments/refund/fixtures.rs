//! A store with paid orders in it, and the handlers of refunds on top: what tests of refunds stand on.

use serde_json::{Value, json};
use tempfile::TempDir;
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use super::control::may_become;
use super::outcome;
use super::record::{Refund, RefundState};
use super::{DUE, ROUTES};
use crate::contract::Contract;
use crate::entropy::Entropy;
use crate::merchants::{Account, Merchants};
use crate::people::account::AccountState;
use crate::products::ledger::{AccountKind, Business, Owner, Posting, Purse, post, sum_of_everything};
use crate::products::payments::order::{self, Dialect, Order, OrderState, Payer, Payment, TradeType};
use crate::products::payments::profit_sharing;
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::products::{Context, HandlerError, carry_out};
use crate::response::Refusal;
use crate::store::{Fingerprint, OutboxEntry, Store, StoreError};

pub(crate) const MCHID: &str = "1900000109";
pub(crate) const NOW: i64 = 1_800_000_000;
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

pub(crate) struct World {
    folder: TempDir,
    store: Option<Store>,
    contract: Contract,
    entropy: Entropy,
    merchants: Merchants,
    api_v3_key: ApiV3Key,
    pub(crate) caller: Account,
    pub(crate) now: i64,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            store: None,
            contract: Contract::default(),
            entropy: Entropy::seeded(1),
            merchants: Merchants::default(),
            api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
            caller: Account { mchid: MCHID.to_owned(), appids: Vec::new(), sub_merchants: Vec::new() },
            now: NOW,
        };
        world.restart();
        world
    }

    /// Closes the database and opens it again.
    pub(crate) fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folder.path().join("state.db")).unwrap());
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Somebody pays an order, as the payment does it. Gives the transaction_id.
    pub(crate) fn pay(&self, wish: &Wish) -> String {
        let paid: Result<String, HandlerError> = self.store().transaction(|tx| {
            let person = Owner::person(OPENID);
            let transaction_id = order::new_transaction_id(tx, self.now)?;
            let taken: i64 = wish.coupons.iter().map(|(_, fen)| fen).sum();
            let coupons = wish.coupons.iter().enumerate().map(|(index, (kind, fen))| {
                json!({ "coupon_id": index.to_string(), "type": kind, "scope": "GLOBAL", "amount": fen })
            });
            let payment = Payment {
                transaction_id: transaction_id.clone(),
                paid_at: self.now,
                payer: Payer { openid: Some(OPENID.to_owned()), sub_openid: None },
                person: person.clone(),
                bank_type: wish.bank_type.to_owned(),
                payer_total: wish.total - taken,
                fee: wish.fee,
                promotion_detail: coupons.collect(),
                refunded: 0,
                refund_count: 0,
            };
            let order = Order {
                merchant: MCHID.to_owned(),
                sub_mchid: wish.sub_mchid.map(str::to_owned),
                appid: "wxd678efh567hg6787".to_owned(),
                sub_appid: None,
                out_trade_no: wish.number.to_owned(),
                trade_type: TradeType::Jsapi,
                dialect: Dialect::V3,
                state: OrderState::Success,
                total: wish.total,
                currency: "CNY".to_owned(),
                description: "QQ公仔".to_owned(),
                attach: None,
                notify_url: None,
                goods_tag: None,
                detail: None,
                scene_info: None,
                profit_sharing: wish.profit_sharing,
                payer: Payer::default(),
                created: self.now,
                expires: self.now + 600,
                ended: None,
                combined: None,
                fingerprint: Fingerprint([0; 32]),
                platform_serial: String::new(),
                prepays: Vec::new(),
                payment: Some(payment),
            };
            let payee = Owner::merchant(order.payee());
            let kind = if wish.profit_sharing { AccountKind::Frozen } else { AccountKind::Unsettled };
            let money = wish.coupons.iter().filter(|(kind, _)| *kind == "CASH").map(|(_, fen)| fen).sum();
            let moved = Posting::new(Business::Payment, transaction_id.as_str(), self.now)
                .moves(person.account(AccountKind::Bank), payee.account(kind), wish.total - taken)
                .moves(payee.account(AccountKind::Bank), payee.account(kind), money)
                .moves(payee.account(kind), payee.account(AccountKind::Fees), wish.fee);
            post(tx, moved).map_err(|error| error.or_short(|| Refusal::invalid_request("")))?;
            tx.save(&order)?;
            SharedFunds::begin(tx, &order)?;
            Ok(transaction_id)
        });
        paid.unwrap()
    }

    /// Money from its bank comes into an account of a merchant.
    pub(crate) fn put(&self, mchid: &str, kind: AccountKind, fen: i64) {
        self.move_money(mchid, AccountKind::Bank, kind, fen);
    }

    /// Money of a merchant goes to its bank.
    pub(crate) fn take(&self, mchid: &str, kind: AccountKind, fen: i64) {
        self.move_money(mchid, kind, AccountKind::Bank, fen);
    }

    fn move_money(&self, mchid: &str, from: AccountKind, to: AccountKind, fen: i64) {
        let moved: Result<(), HandlerError> = self.store().transaction(|tx| {
            let owner = Owner::merchant(mchid);
            let moved = Posting::new(Business::TopUp, "1", self.now);
            let moved = moved.moves(owner.account(from), owner.account(to), fen);
            post(tx, moved).map_err(|error| error.or_short(|| Refusal::invalid_request("")))
        });
        moved.unwrap();
    }

    /// Asks an operation.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, Refusal> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let routed = Catalog::embedded().route(method, path).unwrap();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.contract.checked(&routed, query, &body)?;
        let context = Context {
            caller: &self.caller,
            api_v3_key: &self.api_v3_key,
            request: &request,
            now: self.now,
            entropy: &self.entropy,
            base_url: "http://127.0.0.1",
            idempotency_key: None,
            merchants: &self.merchants,
            certificates: &[],
            platform_serial: "",
        };
        let operation = (routed.operation.method, routed.operation.path);
        let mut routes = ROUTES.iter().chain(profit_sharing::ROUTES);
        let route = routes.find(|route| (route.method, route.path) == operation).unwrap();
        self.store().transaction(|tx| (route.handler)(tx, &context)).map_err(|error| match error {
            HandlerError::Refused(refusal) => refusal,
            HandlerError::Failed(error) => panic!("{error}"),
        })
    }

    /// Refunds fen of an order.
    pub(crate) fn refund(&self, order: &str, number: &str, fen: i64, total: i64) -> Result<Value, Refusal> {
        self.ask("POST", "/v3/refund/domestic/refunds", &body(order, number, fen, total))
    }

    pub(crate) fn query(&self, number: &str) -> Result<Value, Refusal> {
        self.ask("GET", &format!("/v3/refund/domestic/refunds/{number}"), &Value::Null)
    }

    /// What a developer decides. Whether it could be decided.
    pub(crate) fn decide(&self, number: &str, to: RefundState) -> bool {
        let decided: Result<bool, HandlerError> = self.store().transaction(|tx| {
            let Some(refund) = Refund::find_by_anybodys_number(tx, number)? else { return Ok(false) };
            if !may_become(refund.state, to) {
                return Ok(false);
            }
            outcome::decide(tx, refund, to, self.now).map(|()| true)
        });
        decided.unwrap()
    }

    /// The merchant's money for a refund is missing.
    pub(crate) fn wait_for_money(&self, number: &str) {
        let waits: Result<(), HandlerError> = self.store().transaction(|tx| {
            let refund = Refund::find_by_anybodys_number(tx, number)?.unwrap();
            tx.unschedule(&outcome::due(&refund))?;
            carry_out(tx, outcome::wait_for_money(refund)).map(drop)
        });
        waits.unwrap();
    }

    /// Changes the account of the person who pays.
    pub(crate) fn set_account(&self, state: AccountState) {
        self.store().transaction(|tx| state.keep(tx, OPENID)).unwrap();
    }

    /// Lets time pass, and does what is due on the way.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        while let Some(due) = self.store().transaction(|tx| tx.next_due(self.now, None)).unwrap() {
            let mut handlers = DUE.iter().chain(profit_sharing::DUE);
            let (_, handler) = handlers.find(|(kind, _)| *kind == due.kind).unwrap();
            let done: Result<(), HandlerError> = self.store().transaction(|tx| {
                tx.unschedule(&due)?;
                handler(tx, &due.key, due.at)
            });
            done.unwrap();
        }
    }

    pub(crate) fn balance(&self, owner: &Owner, kind: AccountKind) -> i64 {
        let purse: Result<Purse, StoreError> = self.store().transaction(|tx| Purse::find(tx, owner));
        purse.unwrap().balance(kind)
    }

    pub(crate) fn merchant(&self, kind: AccountKind) -> i64 {
        self.balance(&Owner::merchant(MCHID), kind)
    }

    pub(crate) fn person(&self, kind: AccountKind) -> i64 {
        self.balance(&Owner::person(OPENID), kind)
    }

    pub(crate) fn sum(&self) -> i64 {
        self.store().transaction(sum_of_everything).unwrap()
    }

    pub(crate) fn order(&self, number: &str) -> Order {
        self.store().transaction(|tx| Order::find_by_number(tx, MCHID, number)).unwrap().unwrap()
    }

    pub(crate) fn outbox(&self) -> Vec<OutboxEntry> {
        self.store().transaction(|tx| tx.outbox_due(i64::MAX, 100)).unwrap()
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
