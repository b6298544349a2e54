//! An extractor of axum: a handler that takes a [`Notification`] runs only for one that was verified and decrypted.

use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, Limited};

use super::{MAX_BODY, Notification, Receiver, Rejection, RejectionKind};

/// The state of the router is the [`Receiver`], or gives one by `FromRef`. Nothing before it may have read the body.
impl<S: Send + Sync> FromRequest<S> for Notification
where
    Receiver: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| Rejection::v3(RejectionKind::NotReceived(error)))?;
        Receiver::from_ref(state).receive(&parts.headers, &body.to_bytes())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.response().map(Body::from)
    }
}
