//! The platform (平台): the journey of a request, from what came in to what goes out.
//!
//! ```text
//! gate ──► contract ──► domain ──► sign ──► reply
//!                         │
//!                        store (one transaction per request, committed before the reply leaves)
//! ```

use weipay_catalog::{Catalog, Operation};
use weipay_wire::PrivateKey;

use crate::answer::{self, Draft, Signers};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::contract::{Checked, Contract, Received};
use crate::desk::{self, Desk, Errand, PlatformsOwn, Unserved};
use crate::domain::Caller;
use crate::domain::merchant_coupons::stock::{Stock, StockState};
use crate::download::{self, Links};
use crate::example;
use crate::exchange::{Incoming, Outgoing};
use crate::gate::{self, Admitted, Merchant, Replays};
use crate::grammar;
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
    /// What was let in already, when a request may enter only once.
    pub(crate) replays: Option<Replays>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
}

/// The header that says where an answer comes from: `state` when the platform did what was asked, `example` when it
/// only showed what such an answer looks like.
pub const ANSWER_ORIGIN: &str = "weipay-sandbox-answer";

/// The header that says why the sandbox itself failed, on a 500.
pub const TROUBLE: &str = "weipay-sandbox-trouble";

const OFFICIAL_DOMAINS: [&str; 4] = ["weixin.qq.com", "wechatpay.cn", "tenpay.com", "wechatpay.com.cn"];

/// What came of an admitted request.
struct Done {
    content: Content,
    /// A header of the sandbox's own, for the developer.
    remark: Option<(&'static str, String)>,
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
            Err(turned_away) => return answer::turned_away(&turned_away, now, &self.chance),
        };
        let done = self.serve(incoming, &admitted, now).unwrap_or_else(|unserved| explained(&unserved));
        let mut outgoing = match done.content {
            Content::Signed(draft) => self.signers.signed(incoming, draft, now, &self.chance),
            Content::File(file) => self.signers.file(incoming, file, now, &self.chance),
        };
        if let Some((name, value)) = done.remark {
            outgoing.set(name, &value);
        }
        outgoing
    }

    /// Whether a request line asks for an upload, whose body may be longer than others.
    pub(crate) fn is_upload(&self, method: &str, path: &str) -> bool {
        Catalog::embedded().route(method, path).is_ok_and(|routed| upload::is_upload(routed.operation))
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

    fn serve(&self, incoming: &Incoming, admitted: &Admitted<'_>, now: i64) -> Result<Done, Unserved> {
        let operation = admitted.routed.operation;
        let checked = self.check(operation, incoming, admitted)?;
        match desk::of(operation) {
            Some(desk) => self.serve_at(desk, operation, admitted, &checked, now),
            None => self.show(operation, incoming, &checked, now),
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
        let mut reply = self.store.transaction(|ledger| desk(ledger, &errand))?;
        sensitive::encrypt(&operation.answer, &mut reply, &self.merchant.key)?;
        let draft =
            Draft { status: operation.success, body: reply.to_string().into_bytes(), tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(draft), remark: Some((ANSWER_ORIGIN, "state".to_owned())) })
    }

    fn show(
        &self,
        operation: &Operation,
        incoming: &Incoming,
        request: &Checked,
        now: i64,
    ) -> Result<Done, Unserved> {
        let base_url = self.base_url_for(incoming);
        let links = Links { base_url: &base_url, key: &self.own.api_v3_key, now };
        let remark = Some((ANSWER_ORIGIN, "example".to_owned()));
        if operation.unsigned {
            let content = Content::File(download::file(operation, request, &links)?);
            return Ok(Done { content, remark });
        }
        let mut answer = example::answer(operation);
        if let Some(answer) = &mut answer {
            download::lead_back(operation, request, answer, &links);
            sensitive::encrypt(&operation.answer, answer, &self.merchant.key)?;
        }
        let body = answer.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        let draft = Draft { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(draft), remark })
    }

    /// Where this client reaches the sandbox: as it named the host, so that other machines and containers can follow an
    /// address too. A name of the real platform is not passed on: that would lead there.
    fn base_url_for(&self, incoming: &Incoming) -> String {
        let named = incoming.header("host").filter(|host| {
            let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
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
}

/// The operations of payments compare the merchant of the body with the caller.
fn is_of_its_caller(operation: &Operation, request: &Checked, mchid: &str) -> Result<(), Refusal> {
    let is_payment = operation.path.starts_with("v3/pay/");
    match request.text("mchid") {
        Some(named) if is_payment && named != mchid => Err(grammar::other_merchant()),
        _ => Ok(()),
    }
}

fn explained(unserved: &Unserved) -> Done {
    let done = |refusal: &Refusal, remark| Done { content: Content::Signed(Draft::from(refusal)), remark };
    match unserved {
        Unserved::Refused(refusal) => done(refusal, None),
        Unserved::Failed(error) => done(&Refusal::system_error(), Some((TROUBLE, in_one_line(error)))),
    }
}

fn in_one_line(error: &StoreError) -> String {
    error
        .to_string()
        .chars()
        .map(|character| if character.is_ascii_graphic() { character } else { ' ' })
        .collect()
}
