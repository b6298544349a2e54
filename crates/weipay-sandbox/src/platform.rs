//! The platform (平台): the journey of a request, from what came in to what goes out.
//!
//! ```text
//! gate ──► contract ──► domain ──► sign ──► reply
//!                         │
//!                        store (one transaction per request, committed before the reply leaves)
//! ```

use weipay_catalog::Operation;

use crate::answer::{self, Draft, Signers};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::contract::{self, Checked, Contract};
use crate::desk::{self, Desk, Errand, PlatformsOwn, Unserved};
use crate::domain::Caller;
use crate::domain::merchant_coupons::stock::{Stock, StockState};
use crate::example;
use crate::exchange::{Incoming, Outgoing};
use crate::gate::{self, Admitted, Merchant};
use crate::grammar;
use crate::refusal::{Refusal, tail};
use crate::store::{Store, StoreError};

/// A platform without sockets: it answers requests that are plain values.
#[derive(Debug)]
pub struct Platform {
    pub(crate) merchant: Merchant,
    /// The appid that is bound to the merchant.
    pub(crate) appid: String,
    pub(crate) signers: Signers,
    pub(crate) own: PlatformsOwn,
    pub(crate) contract: Contract,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
}

/// The header that says where an answer comes from: `state` when the platform did what was asked, `example` when it
/// only showed what such an answer looks like.
pub const ANSWER_ORIGIN: &str = "weipay-sandbox-answer";

/// The header that says why the sandbox itself failed, on a 500.
pub const TROUBLE: &str = "weipay-sandbox-trouble";

/// What came of an admitted request.
struct Done {
    draft: Draft,
    /// A header of the sandbox's own, for the developer.
    remark: Option<(&'static str, String)>,
}

impl Platform {
    /// Answers one request.
    ///
    /// Whatever this returns has happened: state is committed before the answer is signed.
    pub fn answer(&self, incoming: &Incoming) -> Outgoing {
        let now = self.clock.now();
        let admitted = match gate::admit(incoming, &self.merchant, now) {
            Ok(admitted) => admitted,
            Err(turned_away) => return answer::turned_away(&turned_away, now, &self.chance),
        };
        let done = self.serve(incoming, &admitted, now).unwrap_or_else(|unserved| explained(&unserved));
        let mut outgoing = self.signers.signed(incoming, done.draft, now, &self.chance);
        if let Some((name, value)) = done.remark {
            outgoing.set(name, &value);
        }
        outgoing
    }

    /// The answer to a body that is longer than any request needs to be. It was not read, so nothing else is known.
    pub(crate) fn too_long(&self) -> Outgoing {
        answer::dressed(
            Draft::from(&grammar::unconfirmed::body_too_long()),
            self.clock.now(),
            &self.chance,
            true,
        )
    }

    fn serve(&self, incoming: &Incoming, admitted: &Admitted, now: i64) -> Result<Done, Unserved> {
        let operation = admitted.routed.operation;
        self.names_a_key(operation, incoming)?;
        let checked = self.contract.check(&admitted.routed, incoming.query(), &incoming.body)?;
        match desk::of(operation) {
            Some(desk) => self.serve_at(desk, operation, admitted, &checked, now),
            None => Ok(shown(operation)),
        }
    }

    /// A request with encrypted values says whose key they are for.
    fn names_a_key(&self, operation: &Operation, incoming: &Incoming) -> Result<(), Refusal> {
        if !contract::has_encrypted_fields(operation) {
            return Ok(());
        }
        match incoming.header("wechatpay-serial") {
            None => Err(grammar::no_platform_serial()),
            Some(serial) if self.signers.knows(serial) => Ok(()),
            Some(_) => Err(grammar::wrong_platform_serial()),
        }
    }

    fn serve_at(
        &self,
        desk: Desk,
        operation: &Operation,
        admitted: &Admitted,
        request: &Checked,
        now: i64,
    ) -> Result<Done, Unserved> {
        let caller = Caller { mchid: &admitted.mchid, appid: &self.appid };
        let errand = Errand { caller, request, now, chance: &self.chance, own: &self.own };
        let reply = self.store.transaction(|ledger| desk(ledger, &errand))?;
        let draft =
            Draft { status: operation.success, body: reply.to_string().into_bytes(), tail: tail::SUCCESS };
        Ok(Done { draft, remark: Some((ANSWER_ORIGIN, "state".to_owned())) })
    }

    /// Puts a stock into another state, as the merchant platform's pages do; no operation of the API can. Whether there
    /// is such a stock.
    pub fn set_stock_state(&self, stock_id: &str, state: StockState) -> Result<bool, StoreError> {
        self.store.transaction(|ledger| {
            let Some(stock) = ledger.stock(stock_id)? else { return Ok(false) };
            ledger.change_stock(&Stock { state, ..stock })?;
            Ok(true)
        })
    }
}

fn shown(operation: &Operation) -> Done {
    let body = example::answer(operation).map(|value| value.to_string().into_bytes()).unwrap_or_default();
    let draft = Draft { status: operation.success, body, tail: tail::SUCCESS };
    Done { draft, remark: Some((ANSWER_ORIGIN, "example".to_owned())) }
}

fn explained(unserved: &Unserved) -> Done {
    match unserved {
        Unserved::Refused(refusal) => Done { draft: Draft::from(refusal), remark: None },
        Unserved::Failed(error) => {
            Done { draft: Draft::from(&Refusal::system_error()), remark: Some((TROUBLE, in_one_line(error))) }
        }
    }
}

fn in_one_line(error: &StoreError) -> String {
    error
        .to_string()
        .chars()
        .map(|character| if character.is_ascii_graphic() { character } else { ' ' })
        .collect()
}
