//! What a verified typed GET costs, in CPU time of the client: weipay in both modes, wxpay-rs and wechatpay-v3, against the same
//! server; beside them the signature, the verification and the bare exchange of the same bytes, below which no client can be.
//! And how many notifications a core verifies, decrypts and decodes.
//!
//! The server is another process, so that its time does not count. All are measured in turns within one run, and what is to be
//! compared are ratios: a machine is as fast as it is.

mod notifications;
mod server;
mod time;
mod wxpay;

use std::cell::RefCell;
use std::time::Duration;

use wechatpay_v3::pay::{ResponseVerify, WechatPay, WechatPayConfig};
use weipay::http::Request;
use weipay::transport::{self, Transport as _, blocking, blocking::Transport as _};
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get;
use weipay::wire::{
    ApiV3Key, Authorization, MerchantId, MerchantSerial, PlatformKeys, PrivateKey, PublicKeyId,
    SignatureHeaders, random_nonce, request_message, response_message, verify_response,
};
use weipay::{Client, ClientBuilder};

use crate::server::Server;
use crate::time::{Table, unix_seconds};

pub const MCHID: &str = "1900000001";
pub const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";
pub const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
const ORDER: &str = "1217752501201407033233368018";
const TARGET: &str = "/v3/pay/transactions/out-trade-no/1217752501201407033233368018?mchid=1900000001";
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much more than signature, verification and exchange a call may cost, in microseconds.
const MAX_OVERHEAD: f64 = 20.0;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(server::SERVE) {
        return server::serve();
    }
    let rounds: usize = first.map_or(41, |rounds| rounds.parse().expect("ROUNDS [CALLS]"));
    let calls: u32 = arguments.next().map_or(200, |calls| calls.parse().expect("ROUNDS [CALLS]"));
    // One row alone, for a profiler: `perf record .. 7 1000 'weipay, async'`.
    let only = arguments.next();

    let (merchant, platform) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let server = Server::start(&platform);
    let base_url = server.base_url.as_str();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let id = || PublicKeyId::new(PUBLIC_KEY_ID).unwrap();
    let settings = || {
        ClientBuilder::default()
            .mchid(MerchantId::new(MCHID).unwrap())
            .merchant_serial(MerchantSerial::new(SERIAL).unwrap())
            .merchant_key(merchant.clone())
            .public_key(id(), platform.public_key())
            .api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap())
            .base_url(base_url)
    };

    let query = || get::Request::new().mchid(MCHID);
    let on_async: Client = settings().build().unwrap();
    let on_blocking = settings().build_blocking().unwrap();
    let wxpay = runtime.block_on(wxpay::client(&merchant, &platform, base_url));
    let wechatpay = WechatPay::from_config(WechatPayConfig {
        appid: "wx8888888888888888".into(),
        mch_id: MCHID.into(),
        private_key: merchant.to_pkcs8_pem().unwrap().to_string(),
        serial_no: SERIAL.into(),
        v3_key: API_V3_KEY.into(),
        notify_url: "https://www.example.com/".into(),
        response_verify: ResponseVerify::Required,
    })
    .with_base_url(base_url)
    .with_platform_public_key(PUBLIC_KEY_ID, platform.public_key().to_spki_pem());

    // What an exchange carries at least: the same headers, made once.
    let url = format!("{base_url}{TARGET}");
    let authorization = Authorization {
        scheme: merchant.scheme(),
        mchid: MCHID.into(),
        serial_no: SERIAL.into(),
        timestamp: unix_seconds(),
        nonce_str: random_nonce(),
        signature: merchant.sign(b"").unwrap(),
    }
    .to_string();
    let bare = || {
        Request::get(&url)
            .header("accept", "application/json, */*;q=0.5")
            .header("user-agent", "weipay/0.1.0 (rust)")
            .header("wechatpay-serial", PUBLIC_KEY_ID)
            .header("authorization", &authorization)
    };
    let bare_async = transport::DefaultTransport::new().unwrap();
    let bare_blocking = blocking::DefaultTransport::new().unwrap();

    let mut keys = PlatformKeys::new();
    keys.insert_public_key(id(), platform.public_key());
    let at = unix_seconds();
    let message = request_message("GET", TARGET, at, "593BEC0C930BF1AFEB40B4A08C8FB242", b"");
    let signed = platform.sign(&response_message(&at.to_string(), "nonce", server::BODY.as_bytes())).unwrap();

    let sign = || merchant.sign(&message).unwrap();
    let verify = || {
        let at = at.to_string();
        let headers =
            SignatureHeaders { timestamp: &at, nonce: "nonce", signature: &signed, serial: PUBLIC_KEY_ID };
        verify_response(&headers, server::BODY.as_bytes(), &keys, unix_seconds()).unwrap();
    };
    let exchange_async = || {
        runtime.block_on(async {
            let request = bare().body(transport::Body::empty()).unwrap();
            let response = bare_async.send(request, TIMEOUT).await.unwrap();
            assert_eq!(response.into_body().into_bytes(1 << 20).await.unwrap(), server::BODY);
        });
    };
    let exchange_blocking = || {
        let request = bare().body(blocking::Body::empty()).unwrap();
        let response = bare_blocking.send(request, TIMEOUT).unwrap();
        assert_eq!(response.into_body().into_bytes(1 << 20).unwrap(), server::BODY);
    };

    let table = RefCell::new(Table::default());
    let measure = |name, call: &mut dyn FnMut()| {
        if only.as_deref().is_none_or(|only| only == name) {
            table.borrow_mut().measure(name, calls, call);
        }
    };
    for _ in 0..rounds {
        measure("signature + verification", &mut || {
            sign();
            verify();
        });
        measure("bare exchange, async", &mut || exchange_async());
        measure("bare exchange, blocking", &mut || exchange_blocking());
        // What no client can be below. Each alone is cheaper: it finds its code and data in the caches, which the others take.
        measure("all three, async", &mut || {
            sign();
            exchange_async();
            verify();
        });
        measure("all three, blocking", &mut || {
            sign();
            exchange_blocking();
            verify();
        });
        measure("weipay, async", &mut || {
            let call = on_async.v3().pay().transactions().out_trade_no().out_trade_no(ORDER).get(query());
            let order = runtime.block_on(call).unwrap().decode().unwrap();
            assert_eq!(order.out_trade_no.as_deref(), Some(ORDER));
        });
        measure("weipay, blocking", &mut || {
            let call = on_blocking.v3().pay().transactions().out_trade_no().out_trade_no(ORDER).get(query());
            assert_eq!(call.unwrap().decode().unwrap().out_trade_no.as_deref(), Some(ORDER));
        });
        measure("wxpay-rs 2.1.0", &mut || {
            let order = runtime.block_on(wxpay.query().query_order_by_out_trade_no(ORDER)).unwrap();
            assert!(format!("{:?}", order.out_trade_no).contains(ORDER));
        });
        measure("wechatpay-v3 0.4.0", &mut || {
            let order = runtime.block_on(wechatpay.query_order(ORDER)).unwrap();
            assert!(format!("{:?}", order.out_trade_no).contains(ORDER));
        });
    }
    drop(server);
    if only.is_some() {
        return table.into_inner().print();
    }
    let notifications = notifications::per_second(&platform, rounds, calls);

    let table = table.into_inner();
    println!("verified typed GET, µs of CPU of the client (median of {rounds} rounds of {calls} calls)");
    table.print();
    for mode in ["async", "blocking"] {
        let (name, floor) = (format!("weipay, {mode}"), format!("all three, {mode}"));
        println!("\n{name}");
        println!(
            "  over signature + exchange + verification  {:5.1} µs (at most {MAX_OVERHEAD:.0} wanted)",
            table.over(&name, &floor)
        );
        println!("  of that floor                             {:5.2}", table.median(&name) / table.median(&floor));
        for (peer, wanted) in [("wxpay-rs 2.1.0", 1.2), ("wechatpay-v3 0.4.0", 3.5)] {
            println!(
                "  calls per CPU second, of {peer:18} {:5.2} (at least {wanted} wanted; a client at the floor would have {:.2})",
                table.median(peer) / table.median(&name),
                table.median(peer) / table.median(&floor)
            );
        }
    }
    println!(
        "\nnotifications verified, decrypted, decoded  {notifications:.0} a second and core (at least 25000 wanted)"
    );
}
