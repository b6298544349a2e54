//! 接收回调通知: receive a notification. It starts a sandbox, tells it where to notify, sends a coupon, and receives the
//! notification of that: verified, opened, handled once, answered. The server is hyper's; any that gives an
//! `http::Request` will do.
//!
//! `cargo run -p weipay --features marketing,notifications --example notification`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]

#[path = "shared/coupon.rs"]
mod coupon;

use std::convert::Infallible;
use std::error::Error;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use weipay::Client;
use weipay::bytes::Bytes;
use weipay::http::{Request, Response, StatusCode};
use weipay::notification::{Event, MAX_BODY, MemoryDedup, Receiver};
use weipay::v3::marketing::busifavor::callbacks;
use weipay_sandbox::Sandbox;

/// What a route does. With the feature `axum`, the extractor does the first half.
async fn handle(receiver: &Receiver, seen: &MemoryDedup, request: Request<Incoming>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return failed();
    };
    // An `http::Request` with the raw bytes, which every framework of the `http` crate can give: nothing has parsed them.
    let request = Request::from_parts(parts, body.to_bytes());
    let notification = match receiver.receive_request(&request) {
        Ok(notification) => notification,
        Err(rejection) => {
            eprintln!("{rejection:#}");
            return rejection.response();
        }
    };
    println!("{notification:?}");
    let handling = notification.handle_once(seen, async |event| match event {
        Event::CouponSend(coupon) => {
            println!("coupon {:?} was sent", coupon.coupon_code);
            Ok(())
        }
        _ => Err("nobody handles this event"),
    });
    handling.await.response(&notification)
}

fn failed() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/notify", listener.local_addr()?);

    let address = callbacks::post::Request::new().notify_url(url).mchid(sandbox.kit().mchid.as_str());
    client.v3().marketing().busifavor().callbacks().post(address).await?;
    coupon::send(&client, sandbox.kit()).await?;

    // The server: one connection is enough here.
    let (receiver, seen) = (client.receiver(), MemoryDedup::new());
    let (stream, _) = listener.accept().await?;
    let service = service_fn(|request| {
        let (receiver, seen) = (&receiver, &seen);
        async move {
            let response = handle(receiver, seen, request).await;
            println!("answered with {}", response.status());
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}
