//! APIv2: the older gateway of the platform, on the same merchants and the same state.
//!
//! A request is posted XML that carries its signature. The status is 200 whatever happens: `return_code` says whether the gateway
//! took the request, `result_code` whether the operation succeeded. Products do not know which version a request came in: a
//! [`ValidRequest`] has the values of its elements, and what a handler gives becomes elements again.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | the path of a request |
//! | `gate` | what is checked before any product sees it, in order |
//! | `elements` | elements to values and back |
//! | `response` | the XML of a response, and its signature |
//! | `sentences` | the sentences of the gateway that no source has |

mod elements;
pub(crate) mod gate;
pub(crate) mod response;
mod sentences;

use std::cell::{Cell, RefCell};

use serde_json::Value;
use weipay_catalog::{ApiVersion, BodyFormat, Catalog, Operation};
use weipay_wire::XmlElements;

use crate::contract::ValidRequest;
use crate::example::{self, RequestValues};
use crate::faults::Fault;
use crate::merchants::Merchant;
use crate::platform::{Moment, Platform, Request};
use crate::products::{self, Behaviour, Context, Handler, HandlerError, Links};
use crate::reasons;
use crate::response::{ANSWER_HEADER, REASON_HEADER, Refusal, Response, encode_reason};
pub(crate) use elements::is_number;
use gate::Entered;
use response::ResponseForm;
pub(crate) use sentences::NUMBER_OF_PAYMENT;

/// Whether the gateway of APIv2 serves an operation. A few of its operations are pages for a browser or uploads.
pub(crate) fn serves(operation: &Operation) -> bool {
    operation.version() == ApiVersion::V2 && operation.body_format() == BodyFormat::Xml
}

/// The operation that a path of APIv2 leads to. Addresses do not have the `v2/` that the catalogue keeps these paths below.
pub(crate) fn operation_at(path: &str) -> Option<&'static Operation> {
    if path.starts_with("/v3/") {
        return None;
    }
    Catalog::embedded().all_at(&format!("v2{path}")).into_iter().find(|operation| serves(operation))
}

/// The header that says that an operation which needs the merchant's TLS certificate was carried out without
/// one. INFERRED(client-certificate-over-http): plain HTTP cannot carry one, and development must not fail
/// for it. Over TLS it is needed.
pub const CLIENT_CERTIFICATE_HEADER: &str = "weipay-sandbox-client-certificate";

/// The outcome of a request that was let in.
enum Outcome {
    Elements(XmlElements, Behaviour),
    File(Vec<u8>, Behaviour),
    Refused(Refusal),
}

impl Platform {
    /// Handles a request of APIv2. With a fault that the platform itself responds with, this is the response, whether or not the
    /// request is carried out first.
    pub(crate) fn respond_v2(
        &self,
        operation: &'static Operation,
        request: &Request,
        fault: Option<Fault>,
        generation: i64,
    ) -> Response {
        let moment = self.moment(generation);
        let now = moment.now;
        // Another node may have added or changed its merchant a moment ago.
        let look = |mchid: &str| self.look_at_merchant(mchid).unwrap_or_default();
        let validation = self.contract.validation();
        let entered = gate::enter(operation, request, &self.merchants, validation, now, look);
        let form = products::form(self.products, operation);
        let entered = match entered {
            Ok(entered) => entered,
            Err(rejection) => {
                return told(response::rejected(&rejection, form, now, &self.entropy), *rejection.refusal);
            }
        };
        let outcome = match fault {
            Some(fault) if fault.is_instead() => Outcome::Refused(fault.refusal_v2(operation)),
            _ => self.serve_v2(&entered, request, moment),
        };
        let outcome = match fault.filter(|fault| !fault.is_instead()) {
            Some(fault) => Outcome::Refused(fault.refusal_v2(operation)),
            None => outcome,
        };
        let mut response = match outcome {
            Outcome::Elements(elements, behaviour) => {
                let mut response = response::signed(&entered, form, elements, now, &self.entropy);
                response.set(ANSWER_HEADER, behaviour.word());
                response
            }
            Outcome::File(bytes, behaviour) => {
                let mut response = response::file(bytes, now, &self.entropy);
                response.set(ANSWER_HEADER, behaviour.word());
                response
            }
            Outcome::Refused(refusal) => {
                let response = response::failed(&entered, form, &refusal, now, &self.entropy);
                told(response, refusal)
            }
        };
        response.is_let_in = true;
        if entered.lacks_certificate {
            response.set(CLIENT_CERTIFICATE_HEADER, "not-checked");
        }
        response
    }

    /// The response to a body that is longer than any request needs to be.
    pub(crate) fn too_long_v2(&self) -> Response {
        let refusal = sentences::refused(
            "XML_FORMAT_ERROR",
            sentences::NOT_XML,
            "the body is longer than any request needs to be",
        );
        let rejection = gate::Rejection::from(refusal);
        let response = response::rejected(&rejection, ResponseForm::USUAL, self.clock.now(), &self.entropy);
        told(response, *rejection.refusal)
    }

    fn serve_v2(&self, entered: &Entered, request: &Request, moment: Moment) -> Outcome {
        let served = match products::handler(self.products, entered.operation) {
            Some(handler) => self.handle_v2(handler, entered, request, moment),
            None if self.examples => Ok(self.show_v2(entered, request, moment.now)),
            None => Err(sentences::refused("SYSTEMERROR", "沙箱尚未实现此接口", reasons::NO_EXAMPLE).into()),
        };
        served.unwrap_or_else(|error| {
            Outcome::Refused(match error {
                HandlerError::Refused(refusal) => refusal,
                HandlerError::Failed(error) => sentences::refused(
                    "SYSTEMERROR",
                    "系统错误",
                    format!("{}: {error:#}", self.store.place()),
                ),
            })
        })
    }

    fn handle_v2(
        &self,
        handler: Handler,
        entered: &Entered,
        request: &Request,
        moment: Moment,
    ) -> Result<Outcome, HandlerError> {
        let merchant: &Merchant = &entered.merchant;
        let base_url = self.base_url_for(request);
        // APIv2 has no other status than 200.
        let (failure, is_accepted) = (RefCell::default(), Cell::new(false));
        let context_at = |now| Context {
            caller: &merchant.account,
            api_v3_key: &merchant.api_v3_key,
            request: &entered.request,
            now,
            entropy: &self.entropy,
            file: None,
            base_url: &base_url,
            idempotency_key: None,
            merchants: &self.merchants,
            certificates: &merchant.certificates,
            platform_serial: merchant.signers.serial_for(request),
            failure: &failure,
            is_accepted: &is_accepted,
        };
        let value = self.transaction_at(moment, |tx, now| handler(tx, &context_at(now)));
        let value = value.map_err(|error: HandlerError| {
            error.map_refusal(|refusal| self.contract.in_words(entered.operation, refusal))
        })?;
        // A file is a text where other responses are objects.
        Ok(match value {
            Value::String(text) if wants_gzip(&entered.request) => {
                Outcome::File(products::gzip(text.as_bytes()), Behaviour::State)
            }
            Value::String(text) => Outcome::File(text.into_bytes(), Behaviour::State),
            value => Outcome::Elements(elements::from_value(&value), Behaviour::State),
        })
    }

    fn show_v2(&self, entered: &Entered, request: &Request, now: i64) -> Outcome {
        let (operation, merchant) = (entered.operation, &entered.merchant);
        let base_url = self.base_url_for(request);
        let links = Links {
            base_url: &base_url,
            mchid: &merchant.account.mchid,
            key: &merchant.api_v3_key,
            entropy: &self.entropy,
            now,
            store: &self.store,
            merchants: &self.merchants,
        };
        let files = products::files(self.products);
        if let Some(files) = files.filter(|_| operation.has_file_response) {
            return match (files.open)(operation, &as_query(&entered.request), &links) {
                Ok(file) => Outcome::File(file.bytes, file.origin),
                Err(refusal) => Outcome::Refused(refusal),
            };
        }
        let given = RequestValues::from_request(operation, &entered.request, &merchant.account);
        let value = example::response(operation, &given).unwrap_or_default();
        Outcome::Elements(elements::of_example(&value), Behaviour::Example)
    }
}

fn wants_gzip(request: &ValidRequest) -> bool {
    request.text("tar_type").is_some_and(|kind| kind.eq_ignore_ascii_case("gzip"))
}

/// The values that choose a file of examples: in APIv3 they are in the query.
fn as_query(request: &ValidRequest) -> ValidRequest {
    ValidRequest::from_query(wants_gzip(request).then(|| ("tartype".to_owned(), "gzip".to_owned())))
}

/// A response with what developers and the log are told of a refusal.
fn told(mut response: Response, refusal: Refusal) -> Response {
    response.code = Some(refusal.code).filter(|code| !code.is_empty());
    response.message = Some(refusal.message.into_owned());
    response.explanation = refusal.explanation;
    if let Some(reason) = refusal.reason {
        response.set(REASON_HEADER, &encode_reason(&reason));
    }
    response
}
