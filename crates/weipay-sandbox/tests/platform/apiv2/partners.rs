//! Orders and refunds of a partner (服务商) by APIv2, for its sub-merchants.

use serde_json::{Value, json};
use weipay_sandbox::control::Client as Control;
use weipay_sandbox::kit::KitOnDisk;
use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox};
use weipay_wire::{ApiV2Key, Kit, SignType, XmlElements};

use super::payments::{failure, values};
use super::{elements, post, said_to};
use crate::client::Client;

const TEA: &str = "1900000201";
const CAKE: &str = "1900000202";
const STRANGER: &str = "1900000203";

/// A partner that has two sub-merchants.
struct Partner {
    sandbox: Sandbox,
    on_disk: KitOnDisk,
    /// Of one of them.
    tea: KitOnDisk,
}

impl Partner {
    fn start() -> Self {
        let sandbox = crate::sandbox().start().unwrap();
        let [tea, ..] = [TEA, CAKE, STRANGER]
            .map(|mchid| sandbox.add_merchant(&NewMerchant::new().mchid(mchid)).unwrap());
        let new = NewMerchant::new().mchid("1900000200").sub_merchant(TEA).sub_merchant(CAKE);
        let on_disk = sandbox.add_merchant(&new).unwrap();
        Self { sandbox, on_disk, tea }
    }

    fn kit(&self) -> &Kit {
        self.on_disk.kit()
    }

    fn key(&self) -> ApiV2Key {
        ApiV2Key::new(&self.kit().api_v2_key).unwrap()
    }

    fn signed(&self, with: &[(&str, &str)]) -> Vec<u8> {
        let kit = self.kit();
        let mut request = XmlElements::new();
        let own = [("appid", &*kit.appid), ("mch_id", &kit.mchid), ("nonce_str", "ibuaiVcKdpRxkhJA")];
        for (name, text) in own.iter().chain(with) {
            request.push(*name, *text);
        }
        request.push("sign", self.key().sign(SignType::Md5, request.texts()));
        request.write("xml").unwrap().into_bytes()
    }

    /// What the operation says, to the partner. The response is signed too.
    #[track_caller]
    fn call(&self, path: &str, with: &[(&str, &str)]) -> XmlElements {
        let response = post(&self.sandbox, path, &self.signed(with));
        let said = elements(&response);
        assert_eq!(said.text("return_code"), Some("SUCCESS"), "{}", response.text());
        self.key().verify(&said).unwrap();
        said
    }

    /// The openid of somebody under the appid of a merchant.
    fn somebody(&self, appid: &str) -> String {
        let control: &Control = self.sandbox.control().unwrap();
        let made = control.call("POST", "/people", Some(&json!({}))).unwrap();
        made["openids"][appid].as_str().unwrap().to_owned()
    }

    fn notified(&self) -> Vec<Value> {
        let list = self.sandbox.notifications().list(&Default::default()).unwrap();
        list.into_iter().map(|one| one.resource).collect()
    }
}

fn order<'a>(number: &'a str, sub_mch_id: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "茶"),
        ("out_trade_no", number),
        ("total_fee", "1000"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", "http://127.0.0.1:9/notify"),
        ("trade_type", "NATIVE"),
        ("sub_mch_id", sub_mch_id),
    ]
}

fn of<'a>(sub_mch_id: &'a str, number: &'a str) -> [(&'a str, &'a str); 2] {
    [("sub_mch_id", sub_mch_id), ("out_trade_no", number)]
}

#[test]
fn a_partners_order_is_its_sub_merchants_until_the_notification() {
    let partner = Partner::start();
    let tea = partner.sandbox.platform().kit_of(TEA).unwrap();
    let (openid, sub_openid) = (partner.somebody(&partner.kit().appid), partner.somebody(&tea.kit().appid));
    let mut request = order("order-1", TEA);
    request[5].1 = "JSAPI";
    request.push(("sub_appid", &tea.kit().appid));
    assert_eq!(failure(&partner.call("/pay/unifiedorder", &request))[0], "LACK_PARAMS");
    request.push(("sub_openid", &openid));
    let other = failure(&partner.call("/pay/unifiedorder", &request)).map(str::to_owned);
    assert_eq!(other[0], "INVALID_REQUEST", "an openid of the partner's appid: {other:?}");
    request.last_mut().unwrap().1 = &sub_openid;
    let made = partner.call("/pay/unifiedorder", &request);
    let names = ["appid", "mch_id", "sub_appid", "sub_mch_id", "trade_type"];
    let parties = [&*partner.kit().appid, &partner.kit().mchid, &tea.kit().appid, TEA];
    assert_eq!(values(&made, names), [parties[0], parties[1], parties[2], parties[3], "JSAPI"]);

    let paid = partner.sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let asked = partner.call("/pay/orderquery", &of(TEA, "order-1"));
    let names = ["trade_state", "sub_mch_id", "sub_openid", "sub_is_subscribe", "is_subscribe"];
    assert_eq!(values(&asked, names), ["SUCCESS", TEA, &sub_openid, "N", "N"]);
    let by_id =
        partner.call("/pay/orderquery", &[("sub_mch_id", TEA), ("transaction_id", &paid.transaction_ids[0])]);
    assert_eq!(by_id.text("out_trade_no"), Some("order-1"));
    let [told] = &partner.notified()[..] else { panic!("one notification") };
    for (name, value) in ["appid", "mch_id", "sub_appid", "sub_mch_id"].iter().zip(parties) {
        assert_eq!(told[name], value, "{told}");
    }
    assert_eq!((&told["sub_openid"], &told["sub_is_subscribe"]), (&json!(sub_openid), &json!("N")));
}

#[test]
fn nobody_acts_for_a_sub_merchant_that_is_not_its_own_or_not_the_orders() {
    let partner = Partner::start();
    assert_eq!(
        failure(&partner.call("/pay/unifiedorder", &order("order-1", STRANGER))),
        ["NOAUTH", "受理关系不存在"]
    );
    assert_eq!(
        failure(&partner.call("/pay/unifiedorder", &order("order-1", &partner.kit().mchid)))[0],
        "INVALID_REQUEST"
    );
    partner.call("/pay/unifiedorder", &order("order-1", TEA));
    for other in [&of(CAKE, "order-1")[..], &of(TEA, "order-1")[1..]] {
        assert_eq!(failure(&partner.call("/pay/orderquery", other))[0], "ORDERNOTEXIST");
        assert_eq!(failure(&partner.call("/pay/closeorder", other))[0], "INVALID_REQUEST");
    }
    partner.sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let refund = |sub: &[(&str, &str)], number: &str| {
        let own = [("out_refund_no", number), ("total_fee", "1000"), ("refund_fee", "300")];
        partner.call("/secapi/pay/refund", &[sub, &own].concat())
    };
    for (other, code) in [(&of(CAKE, "order-1")[..], "ERROR"), (&of(TEA, "order-1")[1..], "PARAM_ERROR")] {
        assert_eq!(failure(&refund(other, "r1"))[0], code);
    }
    refund(&of(TEA, "order-1"), "r1");
    for other in [&of(CAKE, "order-1")[..], &of(TEA, "order-1")[1..]] {
        assert_eq!(failure(&partner.call("/pay/refundquery", other))[0], "REFUNDNOTEXIST");
    }
    let asked = partner.call("/pay/orderquery", &of(TEA, "order-1"));
    assert_eq!(asked.text("trade_state"), Some("REFUND"));
}

/// As it was reported: the partner made the order, and refunds it.
#[test]
fn a_sub_merchant_does_not_refund_what_its_partner_sold() {
    let partner = Partner::start();
    let tea = partner.tea.kit();
    partner.call("/pay/unifiedorder", &order("order-1", TEA));
    let paid = partner.sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let refund = [
        ("appid", &*tea.appid),
        ("mch_id", TEA),
        ("transaction_id", &*paid.transaction_ids[0]),
        ("out_refund_no", "r1"),
        ("total_fee", "1000"),
        ("refund_fee", "300"),
    ];
    let said = said_to(&partner.sandbox, tea, "/secapi/pay/refund", &refund);
    assert_eq!(failure(&said), ["ERROR", "您的请求参数与订单信息不一致"]);
}

/// Its money would be the partner's, who sells nothing.
#[test]
fn a_partner_that_forgets_its_sub_merchant_makes_no_order_and_no_refund() {
    let partner = Partner::start();
    let wanted = ["PARAM_ERROR", "受理机构必须传入sub_mch_id"];
    let without = |with: Vec<(&'static str, &'static str)>| {
        with.into_iter().filter(|(name, _)| *name != "sub_mch_id").collect::<Vec<_>>()
    };
    let kit = partner.kit();
    let own = [("appid", &*kit.appid), ("mch_id", &*kit.mchid)];
    let said = said_to(
        &partner.sandbox,
        kit,
        "/pay/unifiedorder",
        &[&own, &*without(order("order-1", TEA))].concat(),
    );
    let by_return_code = ["return_code", "return_msg", "err_code", "sign"];
    assert_eq!(values(&said, by_return_code), ["FAIL", wanted[1], "", ""]);
    let scanned = [
        own[0],
        own[1],
        ("body", "茶"),
        ("out_trade_no", "order-1"),
        ("total_fee", "100"),
        ("spbill_create_ip", "127.0.0.1"),
        ("auth_code", "130000000000000009"),
    ];
    let said = said_to(&partner.sandbox, kit, "/pay/micropay", &scanned);
    assert_eq!(values(&said, by_return_code), ["FAIL", wanted[1], "", ""]);
    let client = Client::of(&partner.sandbox, &kit.mchid);
    let own = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
    });
    let said = client.post("/v3/pay/transactions/native", &own);
    assert_eq!((said.status, said.json()), (400, json!({ "code": wanted[0], "message": wanted[1] })));
    let part = |number: &str| {
        json!({
            "mchid": kit.mchid, "attach": "a", "out_trade_no": number, "description": "茶",
            "amount": { "total_amount": 100, "currency": "CNY" },
        })
    };
    let combined = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "whole-1",
        "notify_url": "http://127.0.0.1:9/notify", "sub_orders": [part("part-1"), part("part-2")],
    });
    let said = client.post("/v3/combine-transactions/native", &combined);
    assert_eq!((said.status, said.json()), (400, json!({ "code": wanted[0], "message": wanted[1] })));

    partner.call("/pay/unifiedorder", &order("order-1", TEA));
    partner.sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "r1",
        "amount": { "refund": 300, "total": 1_000, "currency": "CNY" },
    });
    let refused = |body: &Value| {
        let said = client.post("/v3/refund/domestic/refunds", body);
        assert_eq!((said.status, &said.json()["message"]), (400, &json!(wanted[1])));
    };
    refused(&refund);
    let mut whole = refund.clone();
    whole["sub_mchid"] = json!(TEA);
    client.post("/v3/refund/domestic/refunds", &whole).success();
    // The same refund again is not sent to another number.
    refused(&refund);
}

/// As it was reported of an APP order, whoever places it.
#[test]
fn an_empty_sub_merchant_of_an_order_is_told_as_reported() {
    let partner = Partner::start();
    let tea = partner.tea.kit();
    let of = |client: Client<'_>, appid: &str, trade_type: &str| {
        let body = json!({
            "sp_appid": appid, "sp_mchid": client.mchid, "sub_mchid": "", "description": "茶",
            "out_trade_no": "order-1", "notify_url": "https://shop.example/notify", "amount": { "total": 100 },
            "payer": { "sp_openid": partner.sandbox.kit().openid },
        });
        client.post(&format!("/v3/pay/partner/transactions/{trade_type}"), &body)
    };
    for trade_type in ["app", "native", "jsapi"] {
        for said in [
            of(Client::new(&partner.sandbox), &partner.sandbox.kit().appid, trade_type),
            of(Client::of(&partner.sandbox, TEA), &tea.appid, trade_type),
        ] {
            let wanted = json!({ "code": "PARAM_ERROR", "message": "子商户号/二级商户号未填写" });
            assert_eq!((said.status, said.json()), (400, wanted), "{trade_type}");
        }
    }
}

/// As it was reported of both versions.
#[test]
fn a_merchant_that_is_no_partner_names_no_sub_merchant() {
    let partner = Partner::start();
    let tea = partner.tea.kit();
    let wanted = "普通商户不允许传sub_mch_id";
    let own = [("appid", &*tea.appid), ("mch_id", TEA)];
    let scanned = [
        ("body", "茶"),
        ("out_trade_no", "order-1"),
        ("total_fee", "100"),
        ("spbill_create_ip", "127.0.0.1"),
        ("auth_code", "130000000000000009"),
    ];
    for sub_mchid in [TEA, CAKE] {
        let scanned = [&scanned[..], &[("sub_mch_id", sub_mchid)]].concat();
        for (path, asked) in [("/pay/unifiedorder", order("order-1", sub_mchid)), ("/pay/micropay", scanned)]
        {
            let said = said_to(&partner.sandbox, tea, path, &[&own[..], &asked].concat());
            let names = ["return_code", "return_msg", "result_code", "sign"];
            assert_eq!(values(&said, names), ["FAIL", wanted, "", ""], "{path}");
        }
        let by_v3 = json!({
            "sp_appid": tea.appid, "sp_mchid": TEA, "sub_mchid": sub_mchid, "description": "茶",
            "out_trade_no": "order-1", "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
        });
        let client = Client::of(&partner.sandbox, TEA);
        let said = client.post("/v3/pay/partner/transactions/native", &by_v3);
        assert_eq!((said.status, said.json()), (400, json!({ "code": "PARAM_ERROR", "message": wanted })));
    }
}

#[test]
fn a_sub_merchants_order_is_closed_and_refunded() {
    let partner = Partner::start();
    partner.call("/pay/unifiedorder", &order("order-1", TEA));
    let closed = partner.call("/pay/closeorder", &of(TEA, "order-1"));
    assert_eq!(values(&closed, ["result_code", "result_msg", "sub_mch_id"]), ["SUCCESS", "OK", TEA]);
    let asked = partner.call("/pay/orderquery", &of(TEA, "order-1"));
    assert_eq!(asked.text("trade_state"), Some("CLOSED"));

    partner.call("/pay/unifiedorder", &order("order-2", CAKE));
    partner.sandbox.pay(&PaymentRequest::new("order-2")).unwrap();
    let own = [
        ("out_refund_no", "r1"),
        ("total_fee", "1000"),
        ("refund_fee", "300"),
        ("notify_url", "http://127.0.0.1:9/notify"),
    ];
    let made = partner.call("/secapi/pay/refund", &[&of(CAKE, "order-2")[..], &own].concat());
    assert_eq!(values(&made, ["sub_mch_id", "refund_fee", "cash_refund_fee"]), [CAKE, "300", "300"]);
    partner.sandbox.run_for(60).unwrap();
    for number in [("out_trade_no", "order-2"), ("out_refund_no", "r1")] {
        let asked = partner.call("/pay/refundquery", &[("sub_mch_id", CAKE), number]);
        let names = ["sub_mch_id", "refund_count", "refund_status_0", "refund_fee_0"];
        assert_eq!(values(&asked, names), [CAKE, "1", "SUCCESS", "300"]);
    }
    let told = partner.notified().into_iter().find(|told| told["refund_status"] == "SUCCESS").unwrap();
    assert_eq!((&told["mch_id"], &told["sub_mch_id"]), (&json!(partner.kit().mchid), &json!(CAKE)));
}

#[test]
fn a_payment_code_is_charged_and_reversed_for_a_sub_merchant() {
    let partner = Partner::start();
    let scan = |number: &str, sub_mch_id: &str, fen: &str, code: &str| {
        let own =
            [("body", "茶"), ("total_fee", fen), ("spbill_create_ip", "127.0.0.1"), ("auth_code", code)];
        partner.call("/pay/micropay", &[&of(sub_mch_id, number)[..], &own].concat())
    };
    assert_eq!(failure(&scan("scan-0", STRANGER, "100", "130061098828009400"))[0], "NOAUTH");
    let paid = scan("scan-1", TEA, "100", "130061098828009401");
    assert_eq!(values(&paid, ["trade_type", "sub_mch_id", "cash_fee"]), ["MICROPAY", TEA, "100"]);
    assert_eq!(failure(&partner.call("/secapi/pay/reverse", &of(CAKE, "scan-1")))[0], "INVALID_REQUEST");
    let reversed = partner.call("/secapi/pay/reverse", &of(TEA, "scan-1"));
    assert_eq!(values(&reversed, ["recall", "sub_mch_id"]), ["N", TEA]);
    let asked = partner.call("/pay/orderquery", &of(TEA, "scan-1"));
    assert_eq!(asked.text("trade_state"), Some("REVOKED"));

    assert_eq!(failure(&scan("scan-2", CAKE, "200000", "130061098828009402"))[0], "USERPAYING");
    partner.sandbox.pay(&PaymentRequest::new("scan-2")).unwrap();
    let asked = partner.call("/pay/orderquery", &of(CAKE, "scan-2"));
    assert_eq!(values(&asked, ["trade_state", "sub_mch_id"]), ["SUCCESS", CAKE]);
}

#[test]
fn the_money_and_the_bill_are_the_sub_merchants() {
    let partner = Partner::start();
    partner.call("/pay/unifiedorder", &order("order-1", TEA));
    partner.sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let client = crate::client::Client::of(&partner.sandbox, TEA);
    let balance = client.get("/v3/merchant/fund/balance/BASIC").success();
    assert_eq!(balance["pending_amount"], 994);

    partner.sandbox.run_for(2 * 86_400).unwrap();
    let bill = |with: &[(&str, &str)]| {
        let day = [("bill_date", "20260815"), ("bill_type", "ALL")];
        post(&partner.sandbox, "/pay/downloadbill", &partner.signed(&[&day[..], with].concat()))
            .text()
            .to_owned()
    };
    assert!(bill(&[("sub_mch_id", TEA)]).contains(&format!("`{TEA},")), "{}", bill(&[("sub_mch_id", TEA)]));
    assert!(bill(&[]).contains("`order-1,"), "{}", bill(&[]));
    assert!(bill(&[("sub_mch_id", CAKE)]).contains("No Bill Exist"), "{}", bill(&[("sub_mch_id", CAKE)]));
}
