//! The extractor of axum, without a server: what a router calls.

use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequest};
use axum_core::response::IntoResponse;
use http_body_util::BodyExt as _;
use weipay::http::{HeaderMap, Request};
use weipay::notification::{MAX_BODY, Notification, Receiver, RejectionKind};

use super::{paid, receiver, signed};

struct State {
    receiver: Receiver,
}

impl FromRef<State> for Receiver {
    fn from_ref(state: &State) -> Self {
        state.receiver.clone()
    }
}

fn request(headers: HeaderMap, body: String) -> Request<Body> {
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers;
    request
}

#[tokio::test]
async fn a_handler_gets_a_verified_notification_by_a_receiver_or_a_state() {
    let headers = signed(paid().as_bytes());
    let notification =
        Notification::from_request(request(headers.clone(), paid()), &receiver()).await.unwrap();
    assert_eq!(notification.event_type(), "TRANSACTION.SUCCESS");
    let state = State { receiver: receiver() };
    assert!(Notification::from_request(request(headers, paid()), &state).await.is_ok());
}

#[tokio::test]
async fn what_is_rejected_becomes_a_failure_and_a_large_body_is_not_collected() {
    let headers = signed(paid().as_bytes());
    let rejection = Notification::from_request(request(headers.clone(), String::new()), &receiver()).await;
    let response = rejection.unwrap_err().into_response();
    assert_eq!(response.status(), 401);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(br#"{"code":"FAIL""#), "{body:?}");
    let large = request(headers, "x".repeat(MAX_BODY + 1));
    let rejection = Notification::from_request(large, &receiver()).await.unwrap_err();
    assert!(matches!(rejection.kind(), RejectionKind::NotReceived(_)), "{rejection}");
}
