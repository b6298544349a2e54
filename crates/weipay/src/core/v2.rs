//! APIv2: a request is XML that carries its signature, and so is a response. A few operations are pages whose
//! query is signed, and one is a form with a file.
//!
//! The platform responds with HTTP 200 in every case. `return_code` says whether it accepted the request, `result_code`
//! whether the operation succeeded; both failures are errors like those of APIv3.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use weipay_wire::{ApiV2Key, SignError, SignType, VerifyError, XmlElements, XmlError, random_nonce};

use super::{Core, content_coding, mismatched_response};
use crate::base_url::BaseUrl;
use crate::download::{Form, is_json_in_place_of_a_file};
use crate::error::{ApiError, Cause, Error, ErrorKind, FileError, Proof, RequestError};
use crate::failover::Host;
use crate::json::{self, beginning, without_mark};
use crate::operation::{BodyFormat, Operation};
use crate::request::{Body, Request};
use crate::response::RawResponse;
use crate::upload::{Payload, form};
use crate::xml::elements_of;

const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
const ACCEPTED: HeaderValue = HeaderValue::from_static("text/xml, */*;q=0.5");

pub(super) fn prepare_request(
    core: &Core,
    request: &Request,
    host: Host,
) -> Result<http::Request<Payload>, RequestError> {
    let base_url = core.base_url(request, host)?;
    let mut headers = core.headers(request)?;
    set_unless_given(&mut headers, request, ACCEPT, ACCEPTED);
    let (target, body) = match (&request.method, &request.body) {
        (&Method::GET, _) => (signed_target(core, request)?, Payload::from(Bytes::new())),
        (_, Some(Body::Form { fields, file })) => {
            let mut fields = elements_of(fields)?;
            sign(core, request, &mut fields, false)?;
            let (content_type, body) = form(fields.texts(), file);
            let content_type = HeaderValue::try_from(content_type);
            headers
                .insert(CONTENT_TYPE, content_type.map_err(|error| RequestError::Body(Cause::new(error)))?);
            (target_of(request)?, body)
        }
        (_, body) => {
            set_unless_given(&mut headers, request, CONTENT_TYPE, XML);
            let mut elements = elements_of(&members_of(body.as_ref())?)?;
            let is_nonceless = request.operation.is_some_and(Operation::is_nonceless);
            sign(core, request, &mut elements, !is_nonceless)?;
            (target_of(request)?, Bytes::from(elements.write("xml").map_err(unwritable)?).into())
        }
    };
    let mut signed = http::Request::new(body);
    *signed.method_mut() = request.method.clone();
    *signed.uri_mut() = base_url
        .url(&base_url.target(target))
        .try_into()
        .map_err(|error| RequestError::Path(format!("does not make a valid URL: {error}")))?;
    *signed.headers_mut() = headers;
    if let Some(identity) = identity(core, request, &base_url)? {
        signed.extensions_mut().insert(identity);
    }
    Ok(signed)
}

fn set_unless_given(headers: &mut HeaderMap, request: &Request, name: HeaderName, value: HeaderValue) {
    if !request.headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

/// The certificate for the TLS handshake, if the operation requires one. A sandbox without TLS does not ask for it.
fn identity(
    core: &Core,
    request: &Request,
    base_url: &BaseUrl,
) -> Result<Option<Arc<weipay_wire::ClientIdentity>>, RequestError> {
    let demanded = request.operation.is_some_and(Operation::needs_client_certificate);
    if !demanded || !base_url.is_https() {
        return Ok(None);
    }
    core.merchant.identity.clone().map(Some).ok_or(RequestError::MissingClientCertificate)
}

/// Paths of the catalogue begin with `v2/`, which URLs do not have.
fn target_of(request: &Request) -> Result<String, RequestError> {
    let target = request.target()?;
    Ok(target.strip_prefix("/v2").map_or_else(|| target.clone(), str::to_owned))
}

/// A page: its query is signed, if anything is.
fn signed_target(core: &Core, request: &Request) -> Result<String, RequestError> {
    if request.operation.is_some_and(Operation::is_signless) {
        return target_of(request);
    }
    if request.template.contains('?') {
        let problem = "contains a query, which would not be signed: set it with `.query(name, value)`";
        return Err(RequestError::Path(problem.to_owned()));
    }
    let mut pairs = XmlElements::new();
    for (name, value) in &request.query {
        pairs.push(name.as_str(), value.as_str());
    }
    sign(core, request, &mut pairs, false)?;
    let mut page = request.clone();
    page.query = pairs.texts().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    target_of(&page)
}

/// Adds what every signed request carries: a nonce, the kind of signature where the operation requires one, the signature.
fn sign(
    core: &Core,
    request: &Request,
    fields: &mut XmlElements,
    with_nonce: bool,
) -> Result<(), RequestError> {
    check_own_number(core, request, fields)?;
    let key = key(core)?;
    if with_nonce && fields.text("nonce_str").is_none_or(str::is_empty) {
        fields.set("nonce_str", random_nonce());
    }
    let sign_type = match fields.text("sign_type").filter(|named| !named.is_empty()) {
        Some(named) => named.parse().map_err(|error: SignError| RequestError::Field {
            path: "sign_type".to_owned(),
            rule: format!("is unknown: {error}"),
        })?,
        None if request.operation.is_some_and(Operation::demands_hmac) => {
            fields.set("sign_type", SignType::HmacSha256.as_str());
            SignType::HmacSha256
        }
        None => SignType::Md5,
    };
    let sign = key.sign(sign_type, fields.texts());
    fields.set("sign", sign);
    Ok(())
}

fn key(core: &Core) -> Result<&ApiV2Key, RequestError> {
    core.merchant.api_v2_key.as_ref().ok_or(RequestError::MissingApiV2Key)
}

/// A request for another merchant would be signed with this merchant's key: it is a mistake, found before it is sent.
fn check_own_number(core: &Core, request: &Request, fields: &XmlElements) -> Result<(), RequestError> {
    let Some(own) = core.merchant.account.mchid().map(AsRef::as_ref) else {
        return Err(RequestError::MissingApiV2Key);
    };
    let Some(name) = request.operation.and_then(Operation::merchant_number) else { return Ok(()) };
    if fields.text(name).is_none_or(|number| number.is_empty() || number == own) {
        return Ok(());
    }
    Err(RequestError::Field {
        path: name.to_owned(),
        rule: format!(
            "is not the number of this client's merchant, {own}, whose key signs the request: a sub-merchant's number \
             belongs in sub_mch_id"
        ),
    })
}

fn members_of(body: Option<&Body>) -> Result<Map<String, Value>, RequestError> {
    let Some(Body::Json(body)) = body else { return Ok(Map::new()) };
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(RequestError::Body(Cause::new(
            "a body of APIv2 must be a JSON object: its members become the XML elements",
        ))),
    }
}

fn unwritable(error: XmlError) -> RequestError {
    match error {
        XmlError::Character { element } => RequestError::Field {
            path: element,
            rule: "contains a control character, which XML does not allow: remove it".to_owned(),
        },
        error => RequestError::Body(Cause::new(error)),
    }
}

pub(super) fn verify_response(
    core: &Core,
    request: &Request,
    mut response: RawResponse,
) -> Result<RawResponse, Error> {
    let kind = match judge(core, request, &response) {
        Judgement::Success { elements: Some(elements), .. }
            if let Err(mismatch) = mismatched_response::check_elements(request, core.caller(), &elements) =>
        {
            mismatch
        }
        Judgement::Success { elements, verified } => {
            response.elements = elements.map(Arc::new);
            response.verified = verified;
            return Ok(response);
        }
        Judgement::Failure(error) => ErrorKind::Api(error),
        Judgement::NoFile(error) => ErrorKind::File(error),
        Judgement::Unproven(error) => ErrorKind::Unverified(error),
    };
    Err(Error::with_response(kind, response))
}

enum Judgement {
    Success {
        elements: Option<XmlElements>,
        verified: bool,
    },
    Failure(ApiError),
    /// Something else came in place of a file.
    NoFile(FileError),
    /// The response looks like a success, but nothing proves that it is the platform's.
    Unproven(VerifyError),
}

fn judge(core: &Core, request: &Request, response: &RawResponse) -> Judgement {
    let is_success = response.status.is_success();
    let operation = request.operation;
    // A bill or a page can be any text, and so can be the error of another part of the platform.
    if is_success
        && response.status != StatusCode::NO_CONTENT
        && let Some(error) = ApiError::under_success(&response.body)
    {
        return Judgement::Failure(error);
    }
    // Nothing is known of a path without a row: only a signed response is trusted. A page is mostly JSON or
    // HTML. The gateway before it answers in XML, and so does H5纯签约 by its samples.
    if let Some(page) = operation.filter(|row| row.body_format() == BodyFormat::Json)
        && !begins_with_xml(&response.body)
    {
        return judge_page(page, response);
    }
    if is_success
        && operation.is_some_and(Operation::has_file_response)
        && is_file(response)
        && content_coding(&response.headers).is_none()
    {
        return Judgement::Success { elements: None, verified: false };
    }
    if is_success
        && operation.is_some_and(Operation::has_file_response)
        && is_json_in_place_of_a_file(&response.headers, &response.body)
    {
        return Judgement::NoFile(FileError::in_place_of_a_file(&response.body));
    }
    let elements = match XmlElements::read(&response.body, "xml") {
        Ok(elements) => elements,
        Err(error) if is_success => return Judgement::Unproven(VerifyError::Xml(error)),
        // APIv2 answers in XML, with status 200: this is of something before it, which proves nothing.
        Err(_) => return Judgement::Failure(ApiError::read(&response.body).with_proof(Proof::Missing)),
    };
    let is_unsigned = operation.is_some_and(Operation::is_unsigned);
    let signature = match &core.merchant.api_v2_key {
        Some(key) => key.verify(&elements),
        None => Err(SignError::Missing),
    };
    // A request that was not taken is refused without a signature. A failure that carries a wrong one was changed on the
    // way.
    let proof = match &signature {
        _ if is_unsigned => Proof::Enough,
        Ok(()) => Proof::Enough,
        Err(SignError::Missing) => Proof::Missing,
        Err(_) => Proof::Wrong,
    };
    if let Some(error) = ApiError::from_elements(&elements, proof) {
        return Judgement::Failure(error);
    }
    if !is_success {
        return Judgement::Failure(ApiError::read(&response.body));
    }
    if let Some(unproven) = without_outcome(operation, &elements) {
        return unproven;
    }
    match (is_unsigned, signature) {
        (true, _) => Judgement::Success { elements: Some(elements), verified: false },
        (false, Ok(())) => Judgement::Success { elements: Some(elements), verified: true },
        (false, Err(error)) => Judgement::Unproven(VerifyError::Sign(error)),
    }
}

/// A success says that it is one. Without that word the response may be anything: `return_code` alone says that the request was
/// understood, and of most operations `result_code` says whether it was carried out.
fn without_outcome(operation: Option<&Operation>, elements: &XmlElements) -> Option<Judgement> {
    let has_result = operation.is_some_and(Operation::has_result_code);
    let missing = [("return_code", true), ("result_code", has_result)]
        .into_iter()
        .find(|(element, is_there)| *is_there && elements.text(element) != Some("SUCCESS"));
    missing.map(|(element, _)| Judgement::Unproven(VerifyError::Xml(XmlError::NoOutcome { element })))
}

/// The response of a page, which nothing proves. Only what says that it failed, or must say how it ended and
/// does not, is an error: other pages are HTML.
fn judge_page(page: &Operation, response: &RawResponse) -> Judgement {
    let members = page_members(&response.body);
    if let Some(error) = members.as_ref().and_then(ApiError::from_page) {
        return Judgement::Failure(error);
    }
    if !response.status.is_success() {
        return Judgement::Failure(ApiError::read(&response.body).with_proof(Proof::Missing));
    }
    let unproven =
        page.has_result_code().then(|| without_outcome(Some(page), &members.unwrap_or_default())).flatten();
    unproven.unwrap_or(Judgement::Success { elements: None, verified: false })
}

/// The texts and numbers of a page that is JSON, as the elements that they would be in XML.
fn page_members(body: &[u8]) -> Option<XmlElements> {
    let body = without_mark(body);
    let Value::Object(members) = json::fits(body).then(|| serde_json::from_slice(body).ok()).flatten()?
    else {
        return None;
    };
    let mut elements = XmlElements::new();
    for (name, value) in members {
        match value {
            Value::String(text) => elements.push(name, text),
            Value::Number(number) => elements.push(name, number.to_string()),
            _ => {}
        }
    }
    Some(elements)
}

fn begins_with_xml(body: &[u8]) -> bool {
    beginning(body).starts_with(b"<xml") || XmlElements::read(body, "xml").is_ok()
}

/// Whether a body is a file, such as a bill or its compressed form. No file starts like markup, and no short one like JSON, but
/// a failure and the page of a proxy do.
fn is_file(response: &RawResponse) -> bool {
    !matches!(Form::of_body(&response.body), Form::Nothing | Form::Markup)
        && !is_json_in_place_of_a_file(&response.headers, &response.body)
}
