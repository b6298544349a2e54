//! An extractor of actix-web: a handler that takes a [`Notification`] runs only for one that was verified and decrypted.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr as _;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, ResponseError, web};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{MAX_BODY, Notification, Receiver, Rejection, RejectionKind};

/// The application has a [`Receiver`] as its data: `App::new().app_data(web::Data::new(receiver))`. Nothing before it may have
/// read the body.
impl FromRequest for Notification {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let receiver = request.app_data::<web::Data<Receiver>>().cloned();
        let headers = headers(request.headers());
        let body = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let Some(receiver) = receiver else {
                return Err(Rejection::v3(RejectionKind::NoKey(
                    "the application has no receiver: `.app_data(web::Data::new(receiver))`",
                )));
            };
            let not_received = |reason: String| Rejection::v3(RejectionKind::NotReceived(reason.into()));
            let body = body.await.map_err(|error| not_received(error.to_string()))?;
            let body = body.to_bytes_limited(MAX_BODY).await;
            let body = body.map_err(|_| not_received(format!("it has more than {MAX_BODY} bytes")))?;
            let body = body.map_err(|error| not_received(error.to_string()))?;
            receiver.receive(&headers, &body)
        })
    }
}

/// actix-web 4 has the header types of `http` 0.2. A value is the same bytes in both.
fn headers(theirs: &actix_web::http::header::HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(theirs.len());
    for (name, value) in theirs {
        let name = HeaderName::from_str(name.as_str());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}

fn status(ours: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(ours.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn response(ours: http::Response<Bytes>) -> HttpResponse {
    let (parts, body) = ours.into_parts();
    let mut response = HttpResponse::build(status(parts.status));
    for (name, value) in &parts.headers {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    match body.is_empty() {
        true => response.finish(),
        false => response.body(body),
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        status(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        response(self.response())
    }
}

/// A response of this crate, such as [`Notification::success`], as what a handler of actix-web returns.
///
/// ```
/// use actix_web::Responder;
/// use weipay::actix_web;
/// use weipay::notification::{ActixResponse, Notification};
///
/// async fn notify(notification: Notification) -> impl Responder {
///     println!("{notification:?}");
///     ActixResponse(notification.success())
/// }
/// ```
pub struct ActixResponse(pub http::Response<Bytes>);

impl fmt::Debug for ActixResponse {
    /// Without headers and body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActixResponse").field(&self.0.status()).finish_non_exhaustive()
    }
}

impl Responder for ActixResponse {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        response(self.0).map_body(|_, body| body.boxed())
    }
}
