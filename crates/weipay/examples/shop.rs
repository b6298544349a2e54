//! 小商店: a small shop in axum. Order, front-end parameters, notification handled once, refund, bill.
//!
//! `cargo run -p weipay --features axum,bill,pay,refund --example shop`
//!
//! The program starts its own sandbox, opens the shop, plays a customer in it, and ends. What is simulated:
//!
//! - **The person.** [`Sandbox::pay`] does what a person does on the phone: it checks the parameters that the page was
//!   given, moves the money, and the sandbox sends the notification to the shop, signed and encrypted.
//! - **The next day.** Bills are there from ten o'clock of the next day on, so the clock of the sandbox is moved.
//!
//! The rest is what a shop does in production. There, `Client::from_env` and `FrontEnd` take the merchant's own keys,
//! `Orders` is a database, and in place of `MemoryDedup` stands `SqliteDedup` or `PostgresDedup`: see the example
//! `actix`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, Path as PathValue, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use weipay::bill::Bill;
use weipay::front_end::FrontEnd;
use weipay::notification::{Event, MemoryDedup, Notification, Receiver};
use weipay::v3::bill::tradebill::get as tradebill;
use weipay::v3::pay::transactions::jsapi::post as order;
use weipay::v3::refund::domestic::refunds::post as refund;
use weipay::wire::{MerchantId, PrivateKey, random_nonce};
use weipay::{Client, serde_json};
use weipay_sandbox::{PaymentRequest, Sandbox};

/// What the handlers share.
#[derive(Clone)]
struct Shop {
    client: Client,
    front_end: FrontEnd,
    receiver: Receiver,
    seen: MemoryDedup,
    orders: Orders,
    appid: String,
    /// Where the platform sends notifications. In production it is public and https.
    notify_url: String,
}

/// The extractor of notifications takes its keys from here.
impl FromRef<Shop> for Receiver {
    fn from_ref(shop: &Shop) -> Self {
        shop.receiver.clone()
    }
}

/// The shop's own record of its orders. Each change is small, and the number of the order is the key.
#[derive(Clone, Default)]
struct Orders(Arc<Mutex<HashMap<String, Order>>>);

#[derive(Clone, Debug)]
struct Order {
    fen: i64,
    state: OrderState,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum OrderState {
    Created,
    Paid,
    RefundRequested,
    Refunded,
}

impl Orders {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<String, Order>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&self, number: &str) -> Option<Order> {
        self.with(|orders| orders.get(number).cloned())
    }
}

/// What went wrong, for the log. The customer learns that something did.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("{}", self.1);
        (self.0, "this did not work, please try again").into_response()
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(StatusCode::BAD_GATEWAY, error.to_string())
    }
}

/// `POST /orders`: creates an order (下单), and gives the page what it needs to open the payment (调起支付).
async fn create_order(State(shop): State<Shop>, Json(cart): Json<Value>) -> Result<Json<Value>, Failure> {
    let openid = cart["openid"].as_str().ok_or(Failure(StatusCode::BAD_REQUEST, "no openid".into()))?;
    // The shop knows what its goods cost; a price from the page would be the customer's.
    let fen = 1990;
    let number = random_nonce();
    shop.orders.with(|orders| orders.insert(number.clone(), Order { fen, state: OrderState::Created }));
    let request = order::Request::new()
        .appid(shop.appid.as_str())
        .description("一杯咖啡")
        .out_trade_no(number.as_str())
        .notify_url(shop.notify_url.as_str())
        .amount(order::PayOrderAmount::new().total(fen).currency("CNY"))
        .payer(order::Payer::new().openid(openid));
    let response = shop.client.v3().pay().transactions().jsapi().post(request).await?;
    let prepay_id = response.decode()?.prepay_id;
    let prepay_id =
        prepay_id.ok_or(Failure(StatusCode::BAD_GATEWAY, "a response without a prepay_id".into()))?;
    let parameters = shop.front_end.jsapi(&shop.appid, &prepay_id)?;
    Ok(Json(json!({ "order": number, "pay": parameters })))
}

/// `POST /notify`: the extractor has verified and opened it; whatever is not from the platform never comes here.
async fn notify(State(shop): State<Shop>, notification: Notification) -> Response {
    let handling = notification.handle_once(&shop.seen, async |event| match event {
        Event::TransactionSuccess(paid) => {
            let number = paid.out_trade_no.as_deref().ok_or("no order number")?;
            let total = paid.amount.as_ref().and_then(|amount| amount.total);
            shop.orders.with(|orders| {
                let order = orders.get_mut(number).ok_or("an unknown order was paid")?;
                if total != Some(order.fen) || paid.trade_state.as_deref() != Some("SUCCESS") {
                    return Err("the notification does not match the order: a person must look at it");
                }
                if order.state == OrderState::Created {
                    order.state = OrderState::Paid;
                    println!("{number} is paid");
                }
                Ok(())
            })
        }
        // What is asked for is not done yet: a refund ends with this.
        Event::RefundSuccess(refund) => {
            let number = refund.out_trade_no.as_deref().ok_or("no order number")?;
            shop.orders.with(|orders| {
                let order = orders.get_mut(number).ok_or("an unknown order was refunded")?;
                order.state = OrderState::Refunded;
                println!("{number} is refunded");
                Ok(())
            })
        }
        // What is acknowledged never comes again.
        _ => Err("nobody handles this event"),
    });
    let outcome = handling.await;
    println!("notification {}: {outcome:?}", notification.id());
    outcome.response(&notification).map(axum::body::Body::from)
}

/// `POST /orders/{number}/refund`: gives all of the money back. With the same refund number it can be repeated without harm.
async fn refund_order(
    State(shop): State<Shop>,
    PathValue(number): PathValue<String>,
) -> Result<Json<Value>, Failure> {
    let order = shop.orders.get(&number).ok_or(Failure(StatusCode::NOT_FOUND, "no such order".into()))?;
    if order.state == OrderState::Created {
        return Err(Failure(StatusCode::CONFLICT, "an order that is not paid cannot be refunded".into()));
    }
    let request = refund::Request::new()
        .out_trade_no(number.as_str())
        .out_refund_no(format!("{number}-refund"))
        .reason("咖啡凉了")
        .notify_url(shop.notify_url.as_str())
        .amount(refund::Amount::new().refund(order.fen).total(order.fen).currency("CNY"));
    let response = match shop.client.v3().refund().domestic().refunds().post(request).await {
        Ok(response) => response.decode()?,
        // Nobody knows whether money moves: query the refund, or repeat it with this number. Never take another number.
        Err(error) if error.may_have_taken_effect() => {
            return Err(Failure(StatusCode::ACCEPTED, format!("the refund may have happened: {error:#}")));
        }
        Err(error) => return Err(error.into()),
    };
    shop.orders.with(|orders| {
        // The notification may have been quicker.
        if let Some(order) = orders.get_mut(&number).filter(|order| order.state == OrderState::Paid) {
            order.state = OrderState::RefundRequested;
        }
    });
    Ok(Json(json!({ "status": response.status.map(|status| status.as_str().to_owned()) })))
}

/// `GET /bills/{date}`: what the platform says of a day (交易账单), for the books.
async fn bill(State(shop): State<Shop>, PathValue(date): PathValue<String>) -> Result<Json<Value>, Failure> {
    let request = tradebill::Request::new().bill_date(date).tar_type(tradebill::TarType::Gzip);
    let response = shop.client.v3().bill().tradebill().get(request).await?;
    // The digest in the signed response proves the file.
    let file = shop.client.download(&response).to_bytes().await?;
    let (mut rows, mut fen) = (0, 0);
    for row in Bill::new(&file[..])? {
        rows += 1;
        let total = row?.trade().total()?.and_then(|amount| amount.fen());
        fen += total.ok_or(Failure(StatusCode::BAD_GATEWAY, "a row without 订单金额 in whole fen".into()))?;
    }
    Ok(Json(json!({ "rows": rows, "fen": fen })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let kit = sandbox.kit();

    let client = Client::from_kit(sandbox.kit_file())?;
    let merchant_key = PrivateKey::from_pem(&sandbox.kit_on_disk().merchant_key_pem()?)?;
    let shop = Shop {
        receiver: client.receiver(),
        front_end: FrontEnd::new(MerchantId::new(kit.mchid.as_str())?, merchant_key),
        client,
        seen: MemoryDedup::new(),
        orders: Orders::default(),
        appid: kit.appid.clone(),
        notify_url: format!("http://{address}/notify"),
    };
    let router = Router::new()
        .route("/orders", post(create_order))
        .route("/orders/{number}/refund", post(refund_order))
        .route("/notify", post(notify))
        .route("/bills/{date}", get(bill))
        .with_state(shop.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let customer = Customer { shop: address, platform: &sandbox };
    let visited = customer.visit(&shop).await;
    server.abort();
    visited
}

/// Whoever buys, with the platform on the phone.
struct Customer<'a> {
    shop: SocketAddr,
    platform: &'a Sandbox,
}

impl Customer<'_> {
    async fn visit(&self, shop: &Shop) -> Result<(), Box<dyn Error>> {
        let cart = json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" });
        let (status, ordered) = self.send("POST", "/orders", &[], cart.to_string().as_bytes()).await?;
        check(status == 200, "the order is created")?;
        let ordered: Value = serde_json::from_slice(&ordered)?;
        println!("the page calls wx.requestPayment({})", ordered["pay"]);
        let number = ordered["order"].as_str().ok_or("no order number")?.to_owned();

        let (status, _) = self.send("POST", &format!("/orders/{number}/refund"), &[], b"").await?;
        check(status == 409, "nothing is refunded before it is paid")?;
        let forged = self.send("POST", "/notify", &[], b"{}").await?;
        check(forged.0 == 400, "who is not the platform is rejected")?;

        let parameters = ordered["pay"].as_object().ok_or("no parameters")?.clone();
        let paid = self.platform.pay(&PaymentRequest::with_front_end(parameters))?;
        check(paid.paid, "the person has paid")?;
        check(becomes(shop, &number, OrderState::Paid).await, "the order is paid")?;

        let (status, refunded) = self.send("POST", &format!("/orders/{number}/refund"), &[], b"").await?;
        check(status == 200, "the order is refunded")?;
        println!("refund: {}", String::from_utf8_lossy(&refunded));
        let control = self.platform.control().ok_or("no control API")?;
        let today = control.call("GET", "/clock", None)?["time"].as_str().ok_or("no time")?[..10].to_owned();
        self.platform.run_for(34 * 60 * 60)?;
        check(becomes(shop, &number, OrderState::Refunded).await, "the money is back")?;
        let (status, bill) = self.send("GET", &format!("/bills/{today}"), &[], b"").await?;
        check(status == 200, "the bill is read")?;
        println!("bill: {}", String::from_utf8_lossy(&bill));
        Ok(())
    }

    /// A request of a browser, or of the platform.
    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
        let mut stream = TcpStream::connect(self.shop).await?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            self.shop,
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        let end = response.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no response")?;
        let status = std::str::from_utf8(&response[..end])?.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok((status, response.split_off(end + 4)))
    }
}

/// Waits for what a notification does. It comes by itself.
async fn becomes(shop: &Shop, number: &str, state: OrderState) -> bool {
    for _ in 0..200 {
        if shop.orders.get(number).is_some_and(|order| order.state == state) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Stops the program, with exit code 1, where something is not as it should be.
fn check(is_so: bool, what: &str) -> Result<(), Box<dyn Error>> {
    println!("{} {what}", if is_so { "✓" } else { "✗" });
    if is_so { Ok(()) } else { Err(format!("this is not so: {what}").into()) }
}
