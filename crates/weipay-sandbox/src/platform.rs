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
use crate::example::{self, Given};
use crate::exchange::{Incoming, Outgoing};
use crate::gate::{self, Admitted, Merchant, TurnedAway};
use crate::grammar;
use crate::reason::{self, REASON};
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
    /// Whether operations without behaviour are answered with examples.
    pub(crate) examples: bool,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
}

/// The header that says where an answer comes from: `state` when the platform did what was asked, `example` when it
/// only showed what such an answer looks like.
pub const ANSWER_ORIGIN: &str = "weipay-sandbox-answer";

/// What the sandbox has of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// It does what is asked, and keeps it.
    State,
    /// It only shows what an answer looks like.
    Example,
    /// It does not serve the operation: 404.
    None,
}

impl Behaviour {
    /// What the sandbox has of an operation of the catalogue.
    pub fn of(operation: &Operation) -> Behaviour {
        match desk::of(operation) {
            Some(_) => Behaviour::State,
            None if gate::serves(operation) => Behaviour::Example,
            None => Behaviour::None,
        }
    }

    /// One word: `state`, `example` or `none`. The first two are what [`ANSWER_ORIGIN`] says.
    pub const fn word(self) -> &'static str {
        match self {
            Behaviour::State => "state",
            Behaviour::Example => "example",
            Behaviour::None => "none",
        }
    }
}

/// What came of an admitted request.
struct Done {
    draft: Draft,
    note: Note,
}

/// What the sandbox says of an answer in headers of its own and in its log.
enum Note {
    Answered(Behaviour),
    /// The code is empty where the answer has no body.
    Refused {
        code: &'static str,
        reason: Option<String>,
    },
}

impl Platform {
    /// Answers one request.
    ///
    /// Whatever this returns has happened: state is committed before the answer is signed.
    pub fn answer(&self, incoming: &Incoming) -> Outgoing {
        let now = self.clock.now();
        let admitted = match gate::admit(incoming, &self.merchant, now) {
            Ok(admitted) => admitted,
            Err(turned_away) => {
                return noted(answer::turned_away(&turned_away, now, &self.chance), note_of(turned_away));
            }
        };
        let done = self.serve(incoming, &admitted, now).unwrap_or_else(|unserved| self.explained(unserved));
        noted(self.signers.signed(incoming, done.draft, now, &self.chance), done.note)
    }

    /// The answer to a body that is longer than any request needs to be. It was not read, so nothing else is known.
    pub(crate) fn too_long(&self) -> Outgoing {
        let refusal = grammar::unconfirmed::body_too_long();
        let outgoing = answer::dressed(Draft::from(&refusal), self.clock.now(), &self.chance, true);
        noted(outgoing, Note::refused(refusal))
    }

    fn serve(&self, incoming: &Incoming, admitted: &Admitted, now: i64) -> Result<Done, Unserved> {
        let operation = admitted.routed.operation;
        self.names_a_key(operation, incoming)?;
        let checked = self.contract.check(&admitted.routed, incoming.query(), &incoming.body)?;
        match desk::of(operation) {
            Some(desk) => self.serve_at(desk, operation, admitted, &checked, now),
            None if self.examples => {
                let caller = Caller { mchid: &admitted.mchid, appid: &self.appid };
                Ok(shown(operation, &Given::of(operation, &checked, &caller)))
            }
            None => Err(Refusal::not_implemented().into()),
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
        Ok(Done { draft, note: Note::Answered(Behaviour::State) })
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

    fn explained(&self, unserved: Unserved) -> Done {
        let refusal = match unserved {
            Unserved::Refused(refusal) => refusal,
            Unserved::Failed(error) => {
                Refusal::system_error().with_reason(format!("{}: {error}", self.store.file().display()))
            }
        };
        Done { draft: Draft::from(&refusal), note: Note::refused(refusal) }
    }
}

fn shown(operation: &Operation, given: &Given) -> Done {
    let body = example::answer(operation, given).map(|value| value.to_string().into_bytes());
    let draft = Draft { status: operation.success, body: body.unwrap_or_default(), tail: tail::SUCCESS };
    Done { draft, note: Note::Answered(Behaviour::Example) }
}

impl Note {
    fn refused(refusal: Refusal) -> Note {
        Note::Refused { code: refusal.code, reason: refusal.reason.map(Into::into) }
    }
}

fn note_of(turned_away: TurnedAway) -> Note {
    match turned_away {
        TurnedAway::Unrouted { reason, .. } => Note::Refused { code: "", reason: Some(reason) },
        TurnedAway::Refused { refusal, .. } => Note::refused(refusal),
    }
}

/// An answer with the sandbox's own headers, which come last.
fn noted(mut outgoing: Outgoing, note: Note) -> Outgoing {
    match note {
        Note::Answered(behaviour) => outgoing.set(ANSWER_ORIGIN, behaviour.word()),
        Note::Refused { code, reason } => {
            outgoing.code = Some(code).filter(|code| !code.is_empty());
            if let Some(reason) = reason {
                outgoing.set(REASON, &reason::encode(&reason));
            }
        }
    }
    outgoing
}
