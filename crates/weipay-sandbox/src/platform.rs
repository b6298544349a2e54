//! The platform (平台): the journey of a request, from what came in to what goes out, as the crate's first page shows it; and
//! what the clock does without a request.

use std::fmt;

use http::HeaderMap;
use weipay_catalog::Operation;
use weipay_wire::PrivateKey;

use crate::clock::Clock;
use crate::contract::{Contract, ParsedRequest, ValidRequest};
use crate::download::{self, Links};
use crate::entropy::Entropy;
use crate::example::{self, RequestValues};
use crate::gate::{self, Authenticated, Rejection, Replays};
use crate::grammar;
use crate::merchants::Merchants;
use crate::products::merchant_coupons::{self, stock::StockState};
use crate::products::{self, Behaviour, Context, Handler, HandlerError, PlatformConfig, Product};
use crate::response::{
    self, ORIGIN_HEADER, REASON_HEADER, Refusal, Response, Signers, UnsignedResponse, encode_reason, tail,
};
use crate::sensitive;
use crate::store::Due;
use crate::store::{Store, StoreError};
use crate::upload;

/// A platform without sockets: requests and responses are plain values.
pub struct Platform {
    /// Where it is reached.
    pub(crate) base_url: String,
    pub(crate) merchants: Merchants,
    pub(crate) signers: Signers,
    pub(crate) config: PlatformConfig,
    pub(crate) products: &'static [Product],
    pub(crate) contract: Contract,
    /// Whether operations without behaviour are answered with examples.
    pub(crate) examples: bool,
    /// What was let in already, when a request may enter only once.
    pub(crate) replays: Option<Replays>,
    /// Whether receivers of notifications may be in a private network.
    pub(crate) private_receivers: bool,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
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

    /// A header field that is there once and is readable text.
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

/// So many things are done by one tick at most; the next does the others.
const MAX_DUE_AT_ONCE: usize = 10_000;

/// Hosts of the real platform: nothing from a sandbox may lead there.
const OFFICIAL_DOMAINS: [&str; 4] = ["weixin.qq.com", "wechatpay.cn", "tenpay.com", "wechatpay.com.cn"];

/// Whether a host is one of the real platform's.
pub(crate) fn is_official(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_at_or_below =
        |domain: &&str| host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    OFFICIAL_DOMAINS.iter().any(is_at_or_below)
}

/// What came of an authenticated request.
struct Done {
    content: Content,
    note: Note,
}

/// What the sandbox's own headers and its log say about a response.
enum Note {
    Answered(Behaviour),
    /// The code is empty where the response has no body.
    Refused {
        code: &'static str,
        message: String,
        reason: Option<String>,
    },
}

enum Content {
    Signed(UnsignedResponse),
    File(download::File),
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Platform {
    /// Handles one request and makes its response.
    ///
    /// Whatever this returns has happened: state is committed before the response is signed.
    pub fn respond(&self, request: &Request) -> Response {
        let now = self.clock.now();
        let authenticated = match gate::authenticate(request, &self.merchants, self.replays.as_ref(), now) {
            Ok(authenticated) => authenticated,
            Err(rejection) => {
                return noted(response::rejected(&rejection, now, &self.entropy), note_of(rejection));
            }
        };
        let done = self.serve(request, &authenticated, now).unwrap_or_else(|error| self.explained(error));
        let response = match done.content {
            Content::Signed(unsigned) => self.signers.signed(request, unsigned, now, &self.entropy),
            Content::File(file) => self.signers.file(request, file, now, &self.entropy),
        };
        noted(response, done.note)
    }

    /// Whether a request line asks for an upload, whose body may be longer than others.
    pub(crate) fn is_upload(&self, method: &str, path: &str) -> bool {
        gate::route(method, path).is_ok_and(|routed| upload::is_upload(routed.operation))
    }

    /// The response to a body that is longer than any request needs to be. It was not kept, so only its request line is
    /// known.
    pub(crate) fn too_long(&self, method: &str, path: &str) -> Response {
        let now = self.clock.now();
        match gate::route(method, path) {
            Err(rejection) => noted(response::rejected(&rejection, now, &self.entropy), note_of(rejection)),
            Ok(_) => {
                let refusal = grammar::unconfirmed::body_too_long();
                let response =
                    response::with_headers(UnsignedResponse::from(&refusal), now, &self.entropy, true);
                noted(response, Note::refused(refusal))
            }
        }
    }

    fn serve(
        &self,
        request: &Request,
        authenticated: &Authenticated<'_>,
        now: i64,
    ) -> Result<Done, HandlerError> {
        let operation = authenticated.routed.operation;
        let checked = self.check(operation, request, authenticated)?;
        match products::handler(self.products, operation) {
            Some(handler) => self.handle(handler, request, authenticated, &checked, now),
            None if self.examples => self.show(request, authenticated, &checked, now),
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
        let key = self.key_that_opens(operation, &received, request)?;
        self.contract.check(operation, &received)?;
        if let Some(key) = key {
            sensitive::open(operation, &mut received, key)?;
        }
        let checked = ValidRequest::from(received);
        check_caller(operation, &checked, &authenticated.merchant.account.mchid)?;
        Ok(checked)
    }

    /// A request with encrypted values says whose key they are for.
    fn key_that_opens(
        &self,
        operation: &Operation,
        received: &ParsedRequest<'_>,
        request: &Request,
    ) -> Result<Option<&PrivateKey>, Refusal> {
        if !sensitive::are_in(operation, received) {
            return Ok(None);
        }
        match request.header("wechatpay-serial").filter(|serial| !serial.is_empty()) {
            None => Err(grammar::no_platform_serial()),
            Some(serial) => self.signers.key(serial).map(Some).ok_or_else(grammar::wrong_platform_serial),
        }
    }

    fn handle(
        &self,
        handler: Handler,
        request: &Request,
        authenticated: &Authenticated<'_>,
        checked: &ValidRequest,
        now: i64,
    ) -> Result<Done, HandlerError> {
        let (operation, merchant) = (authenticated.routed.operation, authenticated.merchant);
        let context = Context {
            caller: &merchant.account,
            api_v3_key: &merchant.api_v3_key,
            request: checked,
            now,
            entropy: &self.entropy,
            platform: &self.config,
            platform_serial: self.signers.serial_for(request),
        };
        let response = self.store.transaction(|tx| {
            let mut response = handler(tx, &context)?;
            sensitive::encrypt(&operation.response, &mut response, &merchant.key)?;
            Ok::<_, HandlerError>(response)
        })?;
        let body = if response.is_null() { Vec::new() } else { response.to_string().into_bytes() };
        let unsigned = UnsignedResponse { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(unsigned), note: Note::Answered(Behaviour::State) })
    }

    /// Does what is due at `now`, and says how many things that were. The server calls this every second, and a
    /// [held clock](crate::HeldClock) whenever it is moved. What fails stays due, and the others are done all the same.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tick(&self, now: i64) -> Result<usize, StoreError> {
        self.store.look_at_outbox();
        if !self.store.is_anything_due(now)? {
            return Ok(0);
        }
        let (mut done, mut failed, mut last) = (0, None, None);
        for _ in 0..MAX_DUE_AT_ONCE {
            let Some(due) = self.next_due(now, last.as_ref())? else { break };
            match self.do_due(&due) {
                Ok(is_done) => done += usize::from(is_done),
                Err(HandlerError::Failed(error)) => failed = Some(error),
                // There is no caller to refuse: what may not be done any more is not due any more.
                Err(HandlerError::Refused(_)) => {
                    self.store.transaction(|tx| tx.unschedule(&due))?;
                }
            }
            last = Some(due);
        }
        failed.map_or(Ok(done), Err)
    }

    fn next_due(&self, now: i64, last: Option<&Due>) -> Result<Option<Due>, StoreError> {
        self.store.transaction(|tx| tx.next_due(now, last))
    }

    /// Does one thing that is due, in one transaction. Whether it was still to be done.
    fn do_due(&self, due: &Due) -> Result<bool, HandlerError> {
        let handler = products::due_handler(self.products, &due.kind)
            .ok_or_else(|| StoreError::Corrupt(format!("no product does what is due as {}", due.kind)))?;
        self.store.transaction(|tx| {
            // First, so that the handler may let the same thing fall due again.
            let is_there = tx.unschedule(due)?;
            if is_there {
                handler(tx, &due.key, due.at)?;
            }
            Ok(is_there)
        })
    }

    fn show(
        &self,
        request: &Request,
        authenticated: &Authenticated<'_>,
        checked: &ValidRequest,
        now: i64,
    ) -> Result<Done, HandlerError> {
        let operation = authenticated.routed.operation;
        let base_url = self.base_url_for(request);
        let links = Links { base_url: &base_url, key: &authenticated.merchant.api_v3_key, now };
        let note = Note::Answered(Behaviour::Example);
        if operation.unsigned {
            let content = Content::File(download::file(operation, checked, &links)?);
            return Ok(Done { content, note });
        }
        let merchant = authenticated.merchant;
        let mut response =
            example::response(operation, &RequestValues::from_request(operation, checked, &merchant.account));
        if let Some(response) = &mut response {
            download::lead_back(operation, checked, response, &links);
            sensitive::encrypt(&operation.response, response, &merchant.key)?;
        }
        let body = response.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        let unsigned = UnsignedResponse { status: operation.success, body, tail: tail::SUCCESS };
        Ok(Done { content: Content::Signed(unsigned), note })
    }

    /// Where this client reaches the sandbox: as it named the host, so that other machines and containers can follow an
    /// address too. A name of the real platform is not passed on: that would lead there.
    fn base_url_for(&self, request: &Request) -> String {
        let named = request.header("host").filter(|host| {
            let name = host.split(':').next().unwrap_or_default();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            !host.is_empty() && host.bytes().all(is_plain) && !is_official(name)
        });
        named.map_or_else(|| self.base_url.clone(), |host| format!("http://{host}"))
    }

    /// Puts a stock into another state, as the merchant platform's pages do; no operation of the API can. Whether there
    /// is such a stock.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_stock_state(&self, stock_id: &str, state: StockState) -> Result<bool, StoreError> {
        self.store.transaction(|tx| merchant_coupons::set_stock_state(tx, stock_id, state))
    }

    fn explained(&self, error: HandlerError) -> Done {
        let refusal = match error {
            HandlerError::Refused(refusal) => refusal,
            HandlerError::Failed(error) => {
                Refusal::system_error().with_reason(format!("{}: {error:#}", self.store.file().display()))
            }
        };
        Done { content: Content::Signed(UnsignedResponse::from(&refusal)), note: Note::refused(refusal) }
    }
}

/// The operations of payments compare the merchant of the body with the caller. INFERRED for partners (`sp_mchid`) and
/// combined orders (`combine_mchid`): whoever places an order is its merchant there, too.
fn check_caller(operation: &Operation, checked: &ValidRequest, mchid: &str) -> Result<(), Refusal> {
    let is_payment =
        ["v3/pay/", "v3/combine-transactions/"].iter().any(|below| operation.path.starts_with(below));
    let is_other = |name: &&str| checked.text(name).is_some_and(|named| named != mchid);
    match ["mchid", "sp_mchid", "combine_mchid"].into_iter().find(is_other) {
        Some(name) if is_payment => Err(grammar::other_merchant(name)),
        _ => Ok(()),
    }
}

impl Note {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused {
            code: refusal.code,
            message: refusal.message.into_owned(),
            reason: refusal.reason.map(Into::into),
        }
    }
}

fn note_of(rejection: Rejection) -> Note {
    match rejection {
        Rejection::Unrouted { reason, .. } => {
            Note::Refused { code: "", message: String::new(), reason: Some(reason) }
        }
        Rejection::Refused { refusal, .. } => Note::refused(refusal),
    }
}

/// A response with the sandbox's own headers, which come last.
fn noted(mut response: Response, note: Note) -> Response {
    match note {
        Note::Answered(behaviour) => response.set(ORIGIN_HEADER, behaviour.word()),
        Note::Refused { code, message, reason } => {
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
