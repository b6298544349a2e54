//! The platform (平台): handles a request, from the bytes received to the signed response. Scheduled work is in
//! `tick`, examples are in `show`.

mod background;
mod client_times;
mod events;
mod generation;
mod put_aside;
mod seeded_starts;
mod show;
pub(crate) mod snapshots;
mod tick;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use http::HeaderMap;
use weipay_catalog::{Operation, Place, Purpose};

use crate::authority::is_official;
use crate::clock::{ClockControl, ClockMode};
use crate::contract::{Contract, ValidRequest};
use crate::entropy::Entropy;
use crate::exchanges::Exchanges;
use crate::explain::SignatureExplanation;
use crate::faults::{FAULT_HEADER, Fault, Faults};
use crate::gate::{self, Authenticated, Rejection, Replays};
use crate::grammar;
use crate::merchants::Merchants;
use crate::notifications::Deliveries;
use crate::products::{self, Behaviour, Context, Handler, HandlerError, Pages, Product};
use crate::response::{
    self, ANSWER_HEADER, File, Occasion, REASON_HEADER, Refusal, Response, UnsignedResponse, encode_reason,
    tail,
};
use crate::sensitive;
use crate::store::{Store, StoreError, Transaction};
use crate::upload::kind::UploadedFile;
use crate::v2;
pub(crate) use background::{Background, Task};
pub(crate) use client_times::tell_clock;
pub(crate) use events::kept_clock;
pub use events::{ClockError, ClockRun};
pub(crate) use generation::{Epoch, Moment};
pub(crate) use seeded_starts::entropy_of_start;

/// A platform without sockets: requests and responses are plain values.
///
/// A [`Sandbox`](crate::Sandbox) is such a platform with its server, its clock and its data folder. What both have, such as
/// [`pay`](Self::pay), is the same. The methods stand beside the products that they belong to; here they are by subject:
///
/// | subject | methods |
/// |---|---|
/// | requests, time, state | [`respond`](Self::respond), [`tick`](Self::tick), [`reset`](Self::reset) |
/// | merchants | [`add_merchant`](Self::add_merchant), [`kit_of`](Self::kit_of), [`bind`](Self::bind), [`top_up`](Self::top_up), [`set_certificate_state`](Self::set_certificate_state), [`set_platform_keys`](Self::set_platform_keys), [`rotate_platform_key`](Self::rotate_platform_key), [`set_sharing_notify_url`](Self::set_sharing_notify_url) |
/// | people | [`add_person`](Self::add_person), [`openid`](Self::openid), [`account_state`](Self::account_state), [`set_account_state`](Self::set_account_state), [`wallet`](Self::wallet), [`top_up_wallet`](Self::top_up_wallet) |
/// | orders (支付) | [`pay`](Self::pay), [`pay_page`](Self::pay_page) |
/// | transfers (商家转账) | [`confirm_transfer`](Self::confirm_transfer), [`refuse_transfer`](Self::refuse_transfer), [`confirm_authorization`](Self::confirm_authorization), [`end_authorization`](Self::end_authorization) |
/// | pay score (支付分) | [`open_pay_score_permission`](Self::open_pay_score_permission), [`close_pay_score_permission`](Self::close_pay_score_permission), [`confirm_service_order`](Self::confirm_service_order), [`decline_service_order`](Self::decline_service_order), [`pay_service_order`](Self::pay_service_order) |
/// | contracts (委托代扣) | [`sign_contract`](Self::sign_contract), [`decline_contract`](Self::decline_contract), [`accept_contract`](Self::accept_contract), [`end_contract`](Self::end_contract) |
/// | complaints (投诉) | [`complain`](Self::complain), [`go_on_with_complaint`](Self::go_on_with_complaint) |
/// | merchant coupons (商家券) | [`set_stock_state`](Self::set_stock_state), [`receive_coupons`](Self::receive_coupons), [`delete_coupon`](Self::delete_coupon), [`link_product`](Self::link_product) |
/// | product coupons (商品券) | [`set_product_stock_state`](Self::set_product_stock_state), [`send_product_coupon`](Self::send_product_coupon), [`take_product_coupons`](Self::take_product_coupons), [`delete_product_coupon`](Self::delete_product_coupon) |
pub struct Platform {
    /// Where it is reached.
    pub(crate) base_url: String,
    pub(crate) merchants: Merchants,
    /// The data folder: kits of merchants are in it.
    pub(crate) home: PathBuf,
    pub(crate) products: &'static [Product],
    pub(crate) contract: Contract,
    /// Whether operations without behaviour respond with examples.
    pub(crate) examples: bool,
    /// The signatures that were already used (`--no-replays`).
    pub(crate) replays: Option<Replays>,
    /// The state that deliveries of notifications share.
    pub(crate) deliveries: Deliveries,
    pub(crate) faults: Faults,
    pub(crate) store: Store,
    pub(crate) clock: ClockControl,
    /// How the clock of a shared database went when this node last looked, or said.
    pub(crate) seen_clock: Mutex<Option<ClockMode>>,
    /// The generation of the state of a shared database that this node knows.
    pub(crate) generation: AtomicI64,
    /// Held by the call that moves the clock from event to event.
    pub(crate) clock_run_lock: Mutex<()>,
    /// Held for writing while the whole state is saved or replaced, and for reading by all other work on it. Not
    /// reentrant.
    pub(crate) state_lock: RwLock<()>,
    pub(crate) entropy: Entropy,
    /// Which start with a seed this is.
    pub(crate) seeded_start: Option<u64>,
    /// The last requests, and why they got their responses.
    pub(crate) exchanges: Exchanges,
    /// The background tasks, and their failures.
    pub(crate) background: Background,
}

/// A request as it was received. The signature covers target and body byte for byte, so neither is ever rewritten.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// Path and query exactly as they stood on the request line.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// The client certificate of the TLS handshake.
    pub client_certificate: ClientCertificate,
    /// Whether this is the first request in a proxy tunnel (`CONNECT`). Faults of the connection were already applied
    /// to the tunnel.
    pub is_of_new_tunnel: bool,
}

/// The certificate of a client in the TLS handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// There was no handshake.
    #[default]
    NotAsked,
    /// The client was asked for one, and has none.
    Missing,
    /// The certificate in DER; the client has proven that it has the key.
    Shown(Arc<[u8]>),
}

impl Request {
    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The query, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The value of a header that occurs exactly once and is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }
}

/// Result of an authenticated request.
struct Done {
    content: Content,
    note: Note,
}

/// The sandbox's own headers and the log entry of a response.
enum Note {
    Answered(Behaviour),
    /// With state, and the body says that nothing came of it; why.
    Failed(String),
    /// The fault is told in its own header.
    Faulty,
    /// The code is empty where the response has no body.
    Refused {
        code: &'static str,
        message: String,
        reason: Option<String>,
        explanation: Option<Box<SignatureExplanation>>,
    },
}

impl Done {
    /// A response of the platform that comes before any check.
    fn faulty(fault: Fault, authenticated: &Authenticated<'_>) -> Self {
        let content = Content::Signed(fault.refusal(authenticated.routed.operation));
        Self { content, note: Note::Faulty }
    }
}

enum Content {
    Signed(UnsignedResponse),
    File(File),
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Platform {
    /// Handles one request and makes its response.
    ///
    /// State is committed before the response is signed, so it survives a crash.
    pub fn respond(&self, request: &Request) -> Response {
        if let Some(pages) = self.pages(&request.method, request.path(), &request.headers) {
            return (pages.respond)(self, request);
        }
        let started = Instant::now();
        let response = self.response_to(request);
        self.exchanges.keep(request, &response, started.elapsed());
        response
    }

    fn response_to(&self, request: &Request) -> Response {
        match self.faults.choose(request) {
            Ok(None) => self.carry_out(request, None),
            Ok(Some(fault)) => self.respond_with(fault, request),
            Err(advice) => {
                let refusal =
                    Refusal::invalid_request("沙箱不认识所请求的故障", format!("{FAULT_HEADER}: {advice}"));
                let unsigned = UnsignedResponse::from(&refusal);
                noted(
                    response::with_headers(unsigned, self.occasion(self.clock.now()), true),
                    Note::refused(refusal),
                )
            }
        }
    }

    /// A response with a fault, of a request that is carried out or not, as the fault wants it.
    fn respond_with(&self, fault: Fault, request: &Request) -> Response {
        let mut response = match (fault.is_signed(), fault.is_instead()) {
            (true, _) => self.carry_out(request, Some(fault)),
            (false, true) => fault.unsigned(),
            (false, false) => {
                let response = self.carry_out(request, None);
                if fault.replaces() { fault.unsigned() } else { response }
            }
        };
        fault.apply_to(&mut response);
        response
    }

    /// With a fault that the platform itself responds with, this is the response, whether or not the request
    /// is carried out first.
    fn carry_out(&self, request: &Request, fault: Option<Fault>) -> Response {
        let generation = self.generation();
        // An error is ignored: the request itself meets it, and reports it.
        let _ = self.follow_clock();
        let _state_guard = self.state_lock.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = v2::operation_at(request.path()) {
            return self.respond_v2(operation, request, fault, generation);
        }
        let moment = self.moment(generation);
        let now = moment.now;
        // Another node may have added or changed its merchant a moment ago.
        let look = |mchid: &str| self.look_at_merchant(mchid).unwrap_or_default();
        let authenticated =
            gate::authenticate(request, &self.merchants, self.replays.as_ref(), &self.clock, look);
        let authenticated = match authenticated {
            Ok(authenticated) => authenticated,
            Err(rejection) => {
                return noted(response::rejected(&rejection, self.occasion(now)), note_of(rejection));
            }
        };
        if let Some(is_at_machine_time) = authenticated.is_at_machine_time {
            self.keep_client_time(&authenticated.merchant.account.mchid, is_at_machine_time);
        }
        let mut done = match fault {
            Some(fault) if fault.is_instead() => Done::faulty(fault, &authenticated),
            _ => self.serve(request, &authenticated, moment).unwrap_or_else(|error| self.explained(error)),
        };
        if let Some(fault) = fault.filter(|fault| !fault.is_instead()) {
            done = Done::faulty(fault, &authenticated);
        }
        let signers = &authenticated.merchant.signers;
        let occasion = Occasion { signed: authenticated.time, ..self.occasion(now) };
        let mut response = match done.content {
            Content::Signed(unsigned) => signers.signed(request, unsigned, occasion),
            Content::File(file) => signers.file(request, file, occasion),
        };
        response.is_let_in = true;
        noted(response, done.note)
    }

    /// A response to somebody who signed at this time, or not at all.
    fn occasion(&self, now: i64) -> Occasion<'_> {
        Occasion { now, signed: now, entropy: &self.entropy }
    }

    /// Runs an action of a person or developer in one transaction. A reset or restore waits for it. Do not call it
    /// while a request is served: the lock is not reentrant.
    pub(crate) fn act<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&Transaction<'_>, i64) -> Result<T, E>,
    ) -> Result<T, E> {
        let generation = self.generation();
        // An error is ignored: the work itself meets it, and reports it.
        let _ = self.follow_clock();
        let _state_guard = self.state_lock.read().unwrap_or_else(PoisonError::into_inner);
        self.transaction_at(self.moment(generation), work)
    }

    /// Where this client reaches the sandbox: as it named the host, so that other machines and containers can follow
    /// an address too. A host name of the real platform is used only over TLS, where the client reaches the sandbox
    /// by it. Over plain HTTP it would lead to the real platform.
    pub(crate) fn base_url_for(&self, request: &Request) -> String {
        let scheme = if request.is_secure { "https" } else { "http" };
        let named = request.header("host").filter(|host| {
            let name = host.split(':').next().unwrap_or_default();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            !host.is_empty() && host.bytes().all(is_plain) && (request.is_secure || !is_official(name))
        });
        named.map_or_else(|| self.base_url.clone(), |host| format!("{scheme}://{host}"))
    }

    /// The pages for a browser that a request is for. Actions of a person there are not requests of a merchant.
    pub(crate) fn pages(&self, method: &str, path: &str, headers: &HeaderMap) -> Option<Pages> {
        products::pages(self.products, method, path, headers)
    }

    /// Whether a request line asks for an upload, whose body may be longer than others.
    pub(crate) fn is_upload(&self, method: &str, path: &str) -> bool {
        gate::route(method, path).is_ok_and(|routed| routed.operation.is_upload())
    }

    /// The response to a body that is longer than any request needs to be. It was not kept, so only its request line is
    /// known.
    pub(crate) fn too_long(&self, method: &str, path: &str) -> Response {
        if let Some(pages) = self.pages(method, path, &HeaderMap::new()) {
            return (pages.too_long)();
        }
        if v2::operation_at(path).is_some() {
            return self.too_long_v2();
        }
        let occasion = self.occasion(self.clock.now());
        match gate::route(method, path) {
            Err(rejection) => noted(response::rejected(&rejection, occasion), note_of(rejection)),
            Ok(_) => {
                let refusal = grammar::unconfirmed::body_too_long();
                let response = response::with_headers(UnsignedResponse::from(&refusal), occasion, true);
                noted(response, Note::refused(refusal))
            }
        }
    }

    fn serve(
        &self,
        request: &Request,
        authenticated: &Authenticated<'_>,
        moment: Moment,
    ) -> Result<Done, HandlerError> {
        let operation = authenticated.routed.operation;
        let checked = self.check(operation, request, authenticated)?;
        match products::handler(self.products, operation) {
            Some(handler) => self.handle(handler, request, authenticated, &checked, moment),
            // Bills are downloaded too where no examples are wanted.
            None if self.examples || Behaviour::from_operation(operation) == Behaviour::State => {
                self.show(request, authenticated, &checked, moment.now)
            }
            None => Err(Refusal::not_implemented().into()),
        }
    }

    /// Everything that is checked before a product sees a request, in the gateway's order.
    fn check(
        &self,
        operation: &Operation,
        request: &Request,
        authenticated: &Authenticated<'_>,
    ) -> Result<ValidRequest, Refusal> {
        let mut received = self.contract.read(
            &authenticated.routed,
            request.query(),
            &request.body,
            authenticated.upload.as_ref(),
        )?;
        let key = if operation.takes_encrypted {
            sensitive::key(operation, &received, request, &authenticated.merchant.signers)?
        } else {
            None
        };
        self.contract.check(operation, &received)?;
        if let Some(key) = key {
            sensitive::open(operation, &mut received, key)?;
        }
        let checked = ValidRequest::from(received);
        check_caller(operation, &checked, &authenticated.merchant.account.mchid)?;
        Ok(checked)
    }

    fn handle(
        &self,
        handler: Handler,
        request: &Request,
        authenticated: &Authenticated<'_>,
        checked: &ValidRequest,
        moment: Moment,
    ) -> Result<Done, HandlerError> {
        let (operation, merchant) = (authenticated.routed.operation, &authenticated.merchant);
        let base_url = self.base_url_for(request);
        let upload = authenticated.upload.as_ref();
        let file = upload.and_then(|upload| UploadedFile::read(operation, upload, checked));
        let (failure, is_accepted) = (RefCell::default(), Cell::new(false));
        let context_at = |now| Context {
            caller: &merchant.account,
            api_v3_key: &merchant.api_v3_key,
            request: checked,
            now,
            entropy: &self.entropy,
            file,
            base_url: &base_url,
            idempotency_key: request.header("Idempotency-Key").filter(|key| !key.is_empty()),
            merchants: &self.merchants,
            certificates: &merchant.certificates,
            platform_serial: merchant.signers.serial_for(request),
            failure: &failure,
            is_accepted: &is_accepted,
        };
        let response = self.transaction_at(moment, |tx, now| {
            failure.take();
            is_accepted.set(false);
            let mut response = handler(tx, &context_at(now))?;
            if operation.gives_encrypted {
                sensitive::encrypt(&operation.response, &mut response, &merchant.key)?;
            }
            Ok::<_, HandlerError>(response)
        });
        let in_words = |refusal| self.contract.in_words(operation, refusal);
        let response = response.map_err(|error| error.map_refusal(in_words))?;
        let body = if response.is_null() { Vec::new() } else { response.to_string().into_bytes() };
        let status = if is_accepted.get() { 202 } else { operation.success };
        let unsigned = UnsignedResponse { status, body, tail: tail::SUCCESS };
        let note = match failure.into_inner() {
            Some(reason) => Note::Failed(reason),
            None => Note::Answered(Behaviour::State),
        };
        Ok(Done { content: Content::Signed(unsigned), note })
    }

    fn explained(&self, error: HandlerError) -> Done {
        let refusal = match error {
            HandlerError::Refused(refusal) => refusal,
            HandlerError::Failed(error) => {
                Refusal::system_error().with_reason(format!("{}: {error:#}", self.store.place()))
            }
        };
        Done { content: Content::Signed(UnsignedResponse::from(&refusal)), note: Note::refused(refusal) }
    }
}

/// A merchant ID in the body must be the one that signed the request. INFERRED(caller) for partners (`sp_mchid`) and
/// combined orders (`combine_mchid`): whoever places an order is its merchant there, too.
fn check_caller(operation: &Operation, checked: &ValidRequest, mchid: &str) -> Result<(), Refusal> {
    match operation.field_for(Purpose::MerchantNumber) {
        Some((Place::Json, field)) if checked.text(field.name).is_some_and(|named| named != mchid) => {
            Err(grammar::other_merchant(field.name))
        }
        _ => Ok(()),
    }
}

impl Note {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused {
            code: refusal.code,
            message: refusal.message.into_owned(),
            reason: refusal.reason.map(Into::into),
            explanation: refusal.explanation,
        }
    }
}

fn note_of(rejection: Rejection) -> Note {
    match rejection {
        Rejection::Unrouted { reason, .. } => {
            Note::Refused { code: "", message: String::new(), reason: Some(reason), explanation: None }
        }
        Rejection::Refused { refusal, .. } => Note::refused(refusal),
    }
}

/// A response with the sandbox's own headers, which come last.
fn noted(mut response: Response, note: Note) -> Response {
    match note {
        Note::Faulty => {}
        Note::Answered(behaviour) => response.set(ANSWER_HEADER, behaviour.word()),
        Note::Failed(reason) => {
            response.set(ANSWER_HEADER, Behaviour::State.word());
            response.set(REASON_HEADER, &encode_reason(&reason));
        }
        Note::Refused { code, message, reason, explanation } => {
            response.explanation = explanation;
            response.code = Some(code).filter(|code| !code.is_empty());
            response.message = Some(message).filter(|message| !message.is_empty());
            if let Some(reason) = reason {
                response.set(REASON_HEADER, &encode_reason(&reason));
            }
        }
    }
    response
}

#[cfg(test)]
mod tests;
