//! 接收回调通知: receive a notification. It starts a sandbox, tells it where to notify, sends a coupon, and receives the
//! notification of that: verified, opened, handled once, answered.
//!
//! `cargo run -p weipay --features marketing,notifications --example notification`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]

use std::convert::Infallible;
use std::error::Error;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use weipay::bytes::Bytes;
use weipay::http::{Request, Response, StatusCode};
use weipay::notification::{Event, MAX_BODY, MemoryDedup, Receiver};
use weipay::v3::marketing::busifavor::{callbacks, coupons, stocks};
use weipay::wire::Kit;
use weipay::{Client, wire};
use weipay_sandbox::Sandbox;

/// What a route does. With the feature `axum`, the extractor does the first half.
async fn handle(receiver: &Receiver, seen: &MemoryDedup, request: Request<Incoming>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return failed();
    };
    // The raw bytes: nothing has parsed them.
    let notification = match receiver.receive(&parts.headers, &body.to_bytes()) {
        Ok(notification) => notification,
        Err(rejection) => {
            eprintln!("{rejection:#}");
            return rejection.response();
        }
    };
    println!("{notification:?}");
    let once = notification.handle_once(seen, async |event| match event {
        Event::CouponSend(coupon) => {
            println!("coupon {:?} was sent", coupon.coupon_code);
            Ok(())
        }
        _ => Err("nobody handles this event"),
    });
    once.await.response(&notification)
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

    let address = callbacks::post::Request::new().notify_url(url).mchid(client.mchid().as_ref());
    client.v3().marketing().busifavor().callbacks().post(address).await?;
    send_a_coupon(&client, sandbox.kit()).await?;

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

/// Creates a stock of coupons and sends one of them.
async fn send_a_coupon(client: &Client, kit: &Kit) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now();
    let time = stocks::post::CouponAvailableTime::new()
        .available_begin_time(now)
        .available_end_time(now + Duration::from_secs(30 * 86_400));
    let rule = stocks::post::CouponUseRule::new()
        .coupon_available_time(time)
        .fixed_normal_coupon(
            stocks::post::FixedNormalCoupon::new().discount_amount(500).transaction_minimum(1_000),
        )
        .use_method(stocks::post::CouponUseMethod::OffLine);
    let stock = stocks::post::Request::new()
        .stock_name("满十元减五元")
        .belong_merchant(kit.mchid.as_str())
        .goods_name("全场通用")
        .stock_type(stocks::post::BusifavorStockType::Normal)
        .coupon_use_rule(rule)
        .stock_send_rule(stocks::post::StockSendRule::new().max_coupons(10).max_coupons_per_user(1))
        .coupon_code_mode(stocks::post::BusifavorCodeMode::WechatpayMode)
        .out_request_no(wire::random_nonce());
    let stock = client.v3().marketing().busifavor().stocks().post(stock).await?.decode()?;
    let coupon = coupons::send::post::Request::new()
        .openid(kit.openid.as_str())
        .appid(kit.appid.as_str())
        .stock_id(stock.stock_id.ok_or("no stock")?)
        .out_request_no(wire::random_nonce());
    client.v3().marketing().busifavor().coupons().send().post(coupon).await?;
    Ok(())
}
