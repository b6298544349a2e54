//! A payment by APIv2 from the order to the refund: the SDK calls the sandbox, a person pays, the notification is
//! verified, and both versions see the same.

use std::net::TcpListener;

use serde_json::json;
use weipay::blocking::Client;
use weipay::front_end::FrontEnd;
use weipay::http;
use weipay::notification::{Event, Notification, V2Event};
use weipay::v2::pay::{orderquery, refundquery, unifiedorder};
use weipay::v2::secapi::pay::refund;
use weipay::wire::{ApiV2Key, MerchantId, PrivateKey, SignType};
use weipay_sandbox::{PaymentRequest, Sandbox};

use crate::notification::delivered::{answer, read_request};

const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

/// A shop that is notified over a socket.
struct Shop {
    sandbox: Sandbox,
    client: Client,
    listener: TcpListener,
}

impl Shop {
    fn start() -> Self {
        let sandbox = Sandbox::start().unwrap();
        let client = Client::from_kit(sandbox.kit_file()).unwrap();
        Self { sandbox, client, listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn url(&self) -> String {
        format!("http://{}/notify", self.listener.local_addr().unwrap())
    }

    fn order(&self, number: &str, sign_type: SignType) -> unifiedorder::post::Response {
        let request = unifiedorder::post::Request::new()
            .appid(self.sandbox.kit().appid.as_str())
            .body("茶")
            .out_trade_no(number)
            .total_fee(100)
            .spbill_create_ip("127.0.0.1")
            .notify_url(self.url())
            .trade_type("JSAPI")
            .openid(OPENID)
            .sign_type(match sign_type {
                SignType::Md5 => unifiedorder::post::SignType::Md5,
                SignType::HmacSha256 => unifiedorder::post::SignType::HmacSha256,
            });
        self.client.v2().pay().unifiedorder().post(request).unwrap().decode().unwrap()
    }

    fn query(&self, number: &str) -> orderquery::post::Response {
        let appid = self.sandbox.kit().appid.as_str();
        let request = orderquery::post::Request::new().appid(appid).out_trade_no(number);
        self.client.v2().pay().orderquery().post(request).unwrap().decode().unwrap()
    }

    /// The next notification, verified and acknowledged.
    fn notified(&self) -> Notification {
        let (stream, _) = self.listener.accept().unwrap();
        let request: http::Request<Vec<u8>> = read_request(&stream);
        let notification = self.client.receiver().receive_request(&request).unwrap();
        answer(&stream, &notification.success());
        notification
    }
}

#[test]
fn an_order_is_paid_notified_asked_for_in_both_versions_and_refunded() {
    let shop = Shop::start();
    let kit = shop.sandbox.kit();
    let prepay_id = shop.order("order-1", SignType::Md5).prepay_id.unwrap();
    assert_eq!(shop.query("order-1").trade_state.unwrap().as_str(), "NOTPAY");

    let paid = shop.sandbox.pay(&PaymentRequest::new(prepay_id)).unwrap();
    let notification = shop.notified();
    assert!(notification.is_signed());
    assert_eq!(notification.decode_errors().len(), 0, "{:?}", notification.decode_errors());
    let Event::V2(V2Event::Payment(payment)) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(payment.out_trade_no.as_deref(), Some("order-1"));
    assert_eq!(payment.transaction_id.as_deref(), Some(&*paid.transaction_ids[0]));
    assert_eq!((payment.total_fee, payment.openid.as_deref()), (Some(100), Some(OPENID)));

    let asked = shop.query("order-1");
    assert_eq!(asked.trade_state.unwrap().as_str(), "SUCCESS");
    assert_eq!(
        (asked.total_fee, asked.cash_fee, asked.openid.as_deref()),
        (Some(100), Some(100), Some(OPENID))
    );
    let by_v3 = shop.client.chain("v3/pay/transactions/out-trade-no/order-1").get().unwrap().json().unwrap();
    assert_eq!(
        (&by_v3["trade_state"], &by_v3["transaction_id"]),
        (&json!("SUCCESS"), &json!(paid.transaction_ids[0]))
    );

    let request = refund::post::Request::new()
        .appid(kit.appid.as_str())
        .out_trade_no("order-1")
        .out_refund_no("refund-1")
        .total_fee(100)
        .refund_fee(40)
        .notify_url(shop.url());
    let made = shop.client.v2().secapi().pay().refund().post(request).unwrap().decode().unwrap();
    assert_eq!((made.refund_fee, made.cash_refund_fee), (Some(40), Some(40)));
    // The clock moves on when the notification was delivered.
    let notification = std::thread::scope(|scope| {
        scope.spawn(|| shop.sandbox.run_for(60).unwrap());
        shop.notified()
    });
    assert_eq!(notification.decode_errors().len(), 0, "{:?}", notification.decode_errors());
    let Event::V2(V2Event::Refund(refunded)) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(refunded.out_refund_no.as_deref(), Some("refund-1"));
    assert_eq!(refunded.refund_fee, Some(40));

    let by_v3 = shop.client.chain("v3/refund/domestic/refunds/refund-1").get().unwrap().json().unwrap();
    assert_eq!((&by_v3["status"], &by_v3["amount"]["refund"]), (&json!("SUCCESS"), &json!(40)));
    let request = refundquery::post::Request::new().appid(kit.appid.as_str()).out_refund_no("refund-1");
    let asked = shop.client.v2().pay().refundquery().post(request).unwrap();
    let asked = asked.json().unwrap();
    assert_eq!(
        (&asked["refund_status_0"], &asked["out_refund_no_0"]),
        (&json!("SUCCESS"), &json!("refund-1"))
    );
    assert_eq!(shop.query("order-1").trade_state.unwrap().as_str(), "REFUND");
}

#[test]
fn an_order_that_is_signed_with_hmac_sha256_is_notified_so() {
    let shop = Shop::start();
    let kit = shop.sandbox.kit();
    let prepay_id = shop.order("order-1", SignType::HmacSha256).prepay_id.unwrap();
    let key = PrivateKey::from_pem(&shop.sandbox.kit_on_disk().merchant_key_pem().unwrap()).unwrap();
    let front_end = FrontEnd::new(MerchantId::new(&kit.mchid).unwrap(), key)
        .api_v2_key(ApiV2Key::new(&kit.api_v2_key).unwrap());
    let parameters = front_end.jsapi_v2(&kit.appid, &prepay_id, SignType::HmacSha256).unwrap();
    let Ok(serde_json::Value::Object(parameters)) = serde_json::to_value(parameters) else { panic!() };
    assert!(shop.sandbox.pay(&PaymentRequest::with_front_end(parameters)).unwrap().paid);
    let notification = shop.notified();
    assert_eq!(notification.json().unwrap()["sign_type"], "HMAC-SHA256");
    assert_eq!(notification.json().unwrap()["sign"].as_str().unwrap().len(), 64);
}
