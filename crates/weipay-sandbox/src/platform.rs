//! The platform (平台): the journey of a request, from what came in to what goes out.
//!
//! ```text
//! gate ──► contract ──► domain ──► sign ──► reply
//!                         │
//!                        store (one transaction per request, committed before the reply leaves)
//! ```

use weipay_catalog::Operation;
use weipay_wire::PrivateKey;

use crate::answer::{self, Draft, Signers};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::contract::{Checked, Contract, Received};
use crate::desk::{self, Desk, Errand, PlatformsOwn, Unserved};
use crate::domain::Caller;
use crate::domain::merchant_coupons::stock::{Stock, StockState};
use crate::download::{self, Links};
use crate::example::{self, Given};
use crate::exchange::{Incoming, Outgoing};
use crate::gate::{self, Admitted, Merchant, Replays, TurnedAway};
use crate::grammar;
use crate::reason::{self, REASON};
use crate::refusal::{Refusal, tail};
use crate::sensitive;
use crate::store::{Store, StoreError};
use crate::upload;

/// A platform without sockets: it answers requests that are plain values.
#[derive(Debug)]
pub struct Platform {
    /// Where it is reached.
    pub(crate) base_url: String,
    pub(crate) merchant: Merchant,
    /// The appid that is bound to the merchant.
    pub(crate) appid: String,
    pub(crate) signers: Signers,
    pub(crate) own: PlatformsOwn,
    pub(crate) contract: Contract,
    /// Whether operations without behaviour are answered with examples.
    pub(crate) examples: bool,
    /// What was let in already, when a request may enter only once.
    pub(crate) replays: Option<Replays>,
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

const OFFICIAL_DOMAINS: [&str; 4] = ["weixin.qq.com", "wechatpay.cn", "tenpay.com", "wechatpay.com.cn"];

/// What came of an admitted request.
struct Done {
    content: Content,
    note: Note,
}

/// What the sandbox says of an answer in headers of its own and in its log.
enum Note {
    Answered(Behaviour),
    /// The code is empty where the answer has no body.
    Refused {
        code: &'static str,
        message: String,
        reason: Option<String>,
    },
}

enum Content {
    Signed(Draft),
    File(download::File),
}

impl Platform {
    /// Answers one request.
    ///
    /// Whatever this returns has happened: state is committed before the answer is signed.
    pub fn answer(&self, incoming: &Incoming) -> Outgoing {
        let now = self.clock.now();
        let admitted = match gate::admit(incoming, &self.merchant, self.replays.as_ref(), now) {
            Ok(admitted) => admitted,
            Err(turned_away) => {
                return noted(answer::turned_away(&turned_away, now, &self.chance), note_of(turned_away));
            }
        };
        let done = self.serve(incoming, &admitted, now).unwrap_or_else(|unserved| self.explained(unserved));
        let outgoing = match done.content {
            Content::Signed(draft) => self.signers.signed(incoming, draft, now, &self.chance),
            Content::File(file) => self.signers.file(incoming, file, now, &self.chance),
        };
        noted(outgoing, done.note)
    }

    /// Whether a request line asks for an upload, whose body may be longer than others.
    pub(crate) fn is_upload(&self, method: &str, path: &str) -> bool {
        gate::route(method, path).is_ok_and(|routed| upload::is_upload(routed.operation))
    }

    /// The answer to a body that is longer than any request needs to be. It was not kept, so only its request line is
    /// known.
    pub(crate) fn too_long(&self, method: &str, path: &str) -> Outgoing {
        let now = self.clock.now();
        match gate::route(method, path) {
            Err(turned_away) => {
                noted(answer::turned_away(&turned_away, now, &self.chance), note_of(turned_away))
            }
            Ok(_) => {
                let refusal = grammar::unconfirmed::body_too_long();
                let outgoing = answer::dressed(Draft::from(&refusal), now, &self.chance, true);
                noted(outgoing, Note::refused(refusal))
            }
        }
    }

    fn serve(&self, incoming: &Incoming, admitted: &Admitted<'_>, now: i64) -> Result<Done, Unserved> {
        let operation = admitted.routed.operation;
        let checked = self.check(operation, incoming, admitted)?;
        match desk::of(operation) {
            Some(desk) => self.serve_at(desk, operation, admitted, &checked, now),
            None if self.examples => self.show(incoming, admitted, &checked, now),
            None => Err(Refusal::not_implemented().into()),
        }
    }

    /// Everything that is checked before a product sees a request, in the gateway's order.
    fn check(
        &self,
        operation: &Operation,
        incoming: &Incoming,
        admitted: &Admitted<'_>,
    ) -> Result<Checked, Refusal> {
        let mut request = self.contract.read(
            &admitted.routed,
            incoming.query(),
            &incoming.body,
            admitted.upload.as_ref(),
        )?;
        let key = self.key_that_opens(operation, &request, incoming)?;
        self.contract.check(operation, &request)?;
        if let Some(key) = key {
            sensitive::open(operation, &mut request, key)?;
        }
        let checked = Checked::from(request);
        is_of_its_caller(operation, &checked, &admitted.mchid)?;
        Ok(checked)
    }

    /// A request with encrypted values says whose key they are for.
    fn key_that_opens(
        &self,
        operation: &Operation,
        request: &Received<'_>,
        incoming: &Incoming,
    ) -> Result<Option<&PrivateKey>, Refusal> {
        if !sensitive::are_in(operation, request) {
            return Ok(None);
        }
        match incoming.header("wechatpay-serial").filter(|serial| !serial.is_empty()) {
            None => Err(grammar::no_platform_serial()),
            Some(serial) => self.signers.key(serial).map(Some).ok_or_else(grammar::wrong_platform_serial),
        }
    }

    fn serve_at(
        &self,
        desk: Desk,
        operation: &Operation,
        admitted: &Admitted<'_>,
        request: &Checked,
        now: i64,
    ) -> Result<Done, Unserved> {
        let caller = Caller { mchid: &admitted.mchid, appid: &self.appid };
        let errand = Errand { caller, request, now, chance: &self.chance, own: &self.own };
        let reply = self.store.transaction(|ledger| {
            let mut reply = desk(ledger, &errand)?;
            sensitive::encrypt(&operation.answer, &mut reply, &self.merchant.key)?;
            Ok::<_, Unserved>(reply)
        })?;
        let body = if reply.is_null() { Vec::new() } else { reply.to_string().into_bytes() };
        let draft = Draft { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(draft), note: Note::Answered(Behaviour::State) })
    }

    fn show(
        &self,
        incoming: &Incoming,
        admitted: &Admitted<'_>,
        request: &Checked,
        now: i64,
    ) -> Result<Done, Unserved> {
        let operation = admitted.routed.operation;
        let base_url = self.base_url_for(incoming);
        let links = Links { base_url: &base_url, key: &self.own.api_v3_key, now };
        let note = Note::Answered(Behaviour::Example);
        if operation.unsigned {
            let content = Content::File(download::file(operation, request, &links)?);
            return Ok(Done { content, note });
        }
        let caller = Caller { mchid: &admitted.mchid, appid: &self.appid };
        let mut answer = example::answer(operation, &Given::of(operation, request, &caller));
        if let Some(answer) = &mut answer {
            download::lead_back(operation, request, answer, &links);
            sensitive::encrypt(&operation.answer, answer, &self.merchant.key)?;
        }
        let body = answer.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        let draft = Draft { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(draft), note })
    }

    /// Where this client reaches the sandbox: as it named the host, so that other machines and containers can follow an
    /// address too. A name of the real platform is not passed on: that would lead there.
    fn base_url_for(&self, incoming: &Incoming) -> String {
        let named = incoming.header("host").filter(|host| {
            let name = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            let is_real = OFFICIAL_DOMAINS.iter().any(|domain| name.ends_with(domain));
            !host.is_empty() && host.bytes().all(is_plain) && !is_real
        });
        named.map_or_else(|| self.base_url.clone(), |host| format!("http://{host}"))
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
                Refusal::system_error().with_reason(format!("{}: {error:#}", self.store.file().display()))
            }
        };
        Done { content: Content::Signed(Draft::from(&refusal)), note: Note::refused(refusal) }
    }
}

/// The operations of payments compare the merchant of the body with the caller. INFERRED for partners (`sp_mchid`) and
/// combined orders (`combine_mchid`): whoever places an order is its merchant there, too.
fn is_of_its_caller(operation: &Operation, request: &Checked, mchid: &str) -> Result<(), Refusal> {
    let is_payment =
        ["v3/pay/", "v3/combine-transactions/"].iter().any(|below| operation.path.starts_with(below));
    let is_other = |name: &&str| request.text(name).is_some_and(|named| named != mchid);
    match ["mchid", "sp_mchid", "combine_mchid"].into_iter().find(is_other) {
        Some(name) if is_payment => Err(grammar::other_merchant(name)),
        _ => Ok(()),
    }
}

impl Note {
    fn refused(refusal: Refusal) -> Note {
        Note::Refused {
            code: refusal.code,
            message: refusal.message.into_owned(),
            reason: refusal.reason.map(Into::into),
        }
    }
}

fn note_of(turned_away: TurnedAway) -> Note {
    match turned_away {
        TurnedAway::Unrouted { reason, .. } => {
            Note::Refused { code: "", message: String::new(), reason: Some(reason) }
        }
        TurnedAway::Refused { refusal, .. } => Note::refused(refusal),
    }
}

/// An answer with the sandbox's own headers, which come last.
fn noted(mut outgoing: Outgoing, note: Note) -> Outgoing {
    match note {
        Note::Answered(behaviour) => outgoing.set(ANSWER_ORIGIN, behaviour.word()),
        Note::Refused { code, message, reason } => {
            outgoing.code = Some(code).filter(|code| !code.is_empty());
            outgoing.message = Some(message).filter(|message| !message.is_empty());
            if let Some(reason) = reason {
                outgoing.set(REASON, &reason::encode(&reason));
            }
        }
    }
    outgoing
}
