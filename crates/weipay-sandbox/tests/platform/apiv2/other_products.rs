//! Which operation takes an order of which product: each one is asked to act on the orders of all others. Orders of one
//! product have one record with those of the others, so a wrong path must not move their money.

use serde_json::{Value, json};
use weipay_sandbox::{MerchantAccount, NewMerchant, PaymentRequest, Sandbox};
use weipay_wire::{Kit, XmlElements};

use super::payments::failure;
use super::said_to;
use crate::client::Client;

const PARTNER: &str = "1900000300";
const SUB: &str = "1900000301";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const NOTIFY_URL: &str = "http://127.0.0.1:9/notify";
const SERVICE: &str = "2002000000000558128851361561536";

/// The products that make orders.
const PRODUCTS: [&str; 11] = [
    "jsapi",
    "codepay",
    "part",
    "v2 jsapi",
    "v2 micropay",
    "v2 facepay",
    "v2 part",
    "deposit jsapi",
    "deposit micropay",
    "deduction",
    "pay score",
];

/// A partner whose sub-merchant sells by every product.
struct Shop {
    sandbox: Sandbox,
    kit: Kit,
    contract: String,
    made: std::cell::Cell<u32>,
}

/// An order, by its numbers. The second is there when it was paid.
#[derive(Debug, Clone)]
struct Made {
    number: String,
    transaction_id: String,
}

impl Shop {
    fn open() -> Self {
        let partner = NewMerchant::new().mchid(PARTNER).sub_merchant(SUB);
        let sandbox = crate::sandbox().merchant(partner).start().unwrap();
        // For the subsidies.
        sandbox.top_up(PARTNER, MerchantAccount::Basic, 1_000).unwrap();
        let kit = sandbox.platform().kit_of(PARTNER).unwrap().kit().clone();
        let shop = Self { sandbox, kit, contract: String::new(), made: std::cell::Cell::new(0) };
        let terms = json!({
            "sp_appid": shop.kit.appid, "sub_mchid": SUB, "plan_id": 12535, "out_contract_code": "vip",
            "contract_display_account": "张三", "contract_notify_url": NOTIFY_URL,
        });
        let path = "/v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/app";
        shop.client().post(path, &terms).success();
        let signed = shop.person("/contracts/vip/sign");
        Self { contract: signed["contract_id"].as_str().unwrap().to_owned(), ..shop }
    }

    fn client(&self) -> Client<'_> {
        Client::of(&self.sandbox, PARTNER).in_time()
    }

    fn person(&self, path: &str) -> Value {
        self.sandbox.control().unwrap().call("POST", path, Some(&json!({ "openid": OPENID }))).unwrap()
    }

    /// A body of APIv3 with the parties of an order.
    fn of_order(&self, mut body: Value) -> Value {
        for (name, value) in [("sp_appid", &*self.kit.appid), ("sp_mchid", PARTNER), ("sub_mchid", SUB)] {
            body[name] = json!(value);
        }
        body
    }

    /// The body of a combined order with one part.
    fn combined(&self, whole: &str, part: &str, fen: u32) -> Value {
        json!({
            "combine_appid": self.kit.appid, "combine_mchid": PARTNER, "notify_url": NOTIFY_URL,
            "combine_out_trade_no": whole, "combine_payer_info": { "openid": OPENID },
            "sub_orders": [{
                "mchid": PARTNER, "sub_mchid": SUB, "attach": "a", "out_trade_no": part,
                "settle_info": { "profit_sharing": true, "subsidy_amount": 300 },
                "description": "茶", "amount": { "total_amount": fen, "currency": "CNY" },
            }],
        })
    }

    /// The body that closes or reverses an order.
    fn ending(&self, operation: &str) -> Value {
        match operation {
            "close" => json!({ "sp_mchid": PARTNER, "sub_mchid": SUB }),
            _ => self.of_order(json!({})),
        }
    }

    fn v2(&self, path: &str, with: &[(&str, &str)]) -> XmlElements {
        let own = [("appid", &*self.kit.appid), ("mch_id", PARTNER), ("sub_mch_id", SUB)];
        let with: Vec<_> = own.iter().chain(&[("sign_type", "HMAC-SHA256")]).chain(with).copied().collect();
        said_to(&self.sandbox, &self.kit, path, &with)
    }

    fn v2_order(&self, path: &str, number: &str, total: &str, with: &[(&str, &str)]) {
        let order = [
            ("body", "茶"),
            ("out_trade_no", number),
            ("total_fee", total),
            ("fee_type", "CNY"),
            ("spbill_create_ip", "8.8.8.8"),
            ("notify_url", NOTIFY_URL),
            ("profit_sharing", "Y"),
        ];
        // micropay does not know the address.
        let is_known = |name: &str| name != "notify_url" || path != "/pay/micropay";
        let all = order.iter().chain(with).filter(|(name, _)| is_known(name));
        let made = self.v2(path, &all.copied().collect::<Vec<_>>());
        let is_asked = made.text("err_code") == Some("USERPAYING");
        assert!(is_asked || made.text("result_code") == Some("SUCCESS"), "{path}: {made:?}");
    }

    /// An order of ten yuan that was paid, or one that is open: of a payment code that waits for the password.
    fn make(&self, product: &str, is_paid: bool) -> Made {
        let count = self.made.replace(self.made.get() + 1);
        let number = format!("order-{count:04}");
        let (whole, code) = (format!("whole-{count:04}"), format!("10{count:016}"));
        let fen = if is_paid { 1_000 } else { 200_000 };
        let total = fen.to_string();
        let settle = json!({ "profit_sharing": true, "subsidy_amount": 300 });
        match product {
            "jsapi" => {
                let body = self.of_order(json!({
                    "description": "茶", "out_trade_no": number, "notify_url": NOTIFY_URL, "settle_info": settle,
                    "amount": { "total": fen }, "payer": { "sp_openid": OPENID },
                }));
                self.client().post("/v3/pay/partner/transactions/jsapi", &body).success();
            }
            "codepay" => {
                let body = self.of_order(json!({
                    "description": "茶", "out_trade_no": number, "amount": { "total": fen }, "settle_info": { "profit_sharing": true },
                    "payer": { "auth_code": code }, "scene_info": { "store_info": { "id": "0001" } },
                }));
                let made = self.client().post("/v3/pay/partner/transactions/codepay", &body);
                // What waits for the password is accepted.
                assert!(matches!(made.status, 200 | 202), "{}", made.text());
            }
            "part" => {
                let body = self.combined(&whole, &number, fen);
                self.client().post("/v3/combine-transactions/jsapi", &body).success();
            }
            "v2 jsapi" => {
                self.v2_order(
                    "/pay/unifiedorder",
                    &number,
                    &total,
                    &[("trade_type", "JSAPI"), ("openid", OPENID)],
                );
            }
            "v2 micropay" => self.v2_order("/pay/micropay", &number, &total, &[("auth_code", &code)]),
            "v2 facepay" => {
                self.v2_order("/pay/facepay", &number, &total, &[("face_code", &code), ("openid", OPENID)]);
            }
            "v2 part" => {
                let part = json!({
                    "appid": self.kit.appid, "mch_id": PARTNER, "sub_mch_id": SUB, "body": "茶", "attach": "a",
                    "out_trade_no": number, "fee_type": "CNY", "total_fee": fen,
                });
                let list = json!({ "order_num": 1, "order_list": [part] }).to_string();
                let with = [
                    ("combine_appid", &*self.kit.appid),
                    ("combine_mch_id", PARTNER),
                    ("sign_type", "HMAC-SHA256"),
                    ("combine_out_trade_no", &*whole),
                    ("spbill_create_ip", "8.8.8.8"),
                    ("notify_url", NOTIFY_URL),
                    ("trade_type", "JSAPI"),
                    ("combine_openid", OPENID),
                    ("scene_info", r#"{"payer_client_ip":"8.8.8.8","device_id":"till-1"}"#),
                    ("sub_order_list", &list),
                ];
                let made = said_to(&self.sandbox, &self.kit, "/pay/combinedorder", &with);
                assert_eq!(made.text("result_code"), Some("SUCCESS"), "{made:?}");
            }
            "deposit jsapi" => {
                let with = [("trade_type", "JSAPI"), ("openid", OPENID)];
                self.v2_order("/deposit/unifiedorder", &number, &total, &with);
            }
            "deposit micropay" => {
                self.v2_order(
                    "/deposit/micropay",
                    &number,
                    &total,
                    &[("auth_code", &code), ("deposit", "Y")],
                );
            }
            "deduction" => {
                let body = json!({
                    "sp_appid": self.kit.appid, "sub_mchid": SUB, "out_trade_no": number, "description": "会员",
                    "contract_id": self.contract, "transaction_notify_url": NOTIFY_URL, "amount": { "total": 1_000 },
                });
                self.client().post("/v3/papay/pay/partner/transactions/apply", &body).success();
                if is_paid {
                    self.sandbox.run_for(86_400).unwrap();
                }
            }
            "pay score" => return self.serve(&number),
            _ => panic!("{product}"),
        }
        let pays =
            |number: &str| self.sandbox.pay(&PaymentRequest::new(number)).unwrap().transaction_ids[0].clone();
        let transaction_id = match product {
            _ if !is_paid => String::new(),
            "part" | "v2 part" => pays(&whole),
            "jsapi" | "v2 jsapi" | "deposit jsapi" => pays(&number),
            _ => {
                let shown = self.v2("/pay/orderquery", &[("out_trade_no", &number)]);
                shown.text("transaction_id").unwrap_or_else(|| panic!("{product}: {shown:?}")).to_owned()
            }
        };
        Made { number, transaction_id }
    }

    /// A service order that was completed and paid.
    fn serve(&self, number: &str) -> Made {
        const PATH: &str = "/v3/payscore/partner/serviceorder";
        let body = json!({
            "out_order_no": number, "appid": self.kit.appid, "sub_mchid": SUB, "service_id": SERVICE,
            "service_introduction": "充电宝", "time_range": { "start_time": "OnAccept" },
            "risk_fund": { "name": "DEPOSIT", "amount": 10_000 }, "notify_url": NOTIFY_URL,
        });
        self.client().post(PATH, &body).success();
        self.person(&format!("/service-orders/{number}/confirm"));
        let body = json!({
            "sub_mchid": SUB, "service_id": SERVICE, "post_payments": [{ "name": "租金", "amount": 1_000 }],
            "total_amount": 1_000, "profit_sharing": true,
        });
        let completed = self.client().post(&format!("{PATH}/{number}/complete"), &body);
        assert_eq!(completed.status, 204, "{}", completed.text());
        self.sandbox.run_for(2).unwrap();
        let query = format!("{PATH}?out_order_no={number}&service_id={SERVICE}&sub_mchid={SUB}");
        let shown = self.client().get(&query).success();
        let id = shown["collection"]["details"][0]["transaction_id"].as_str();
        let transaction_id = id.unwrap_or_else(|| panic!("{shown}")).to_owned();
        let query =
            format!("/v3/pay/partner/transactions/id/{transaction_id}?sp_mchid={PARTNER}&sub_mchid={SUB}");
        let number = self.client().get(&query).success()["out_trade_no"].as_str().unwrap().to_owned();
        Made { number, transaction_id }
    }

    /// Whether an operation takes an order, or its code.
    fn ask(&self, operation: &str, made: &Made) -> Result<(), String> {
        let Made { number, transaction_id } = made;
        let client = self.client();
        let of_v3 = match operation {
            "query" => {
                let order = format!("/v3/pay/partner/transactions/out-trade-no/{number}");
                Some(client.get(&format!("{order}?sp_mchid={PARTNER}&sub_mchid={SUB}")))
            }
            "close" | "reverse" => {
                let path = format!("/v3/pay/partner/transactions/out-trade-no/{number}/{operation}");
                Some(client.post(&path, &self.ending(operation)))
            }
            "refund" => {
                let body = json!({
                    "sub_mchid": SUB, "out_trade_no": number, "out_refund_no": number,
                    "amount": { "refund": 100, "total": 1_000, "currency": "CNY" },
                });
                Some(client.post("/v3/refund/domestic/refunds", &body))
            }
            "platform refund" => {
                let body = json!({
                    "sub_mchid": SUB, "sp_appid": self.kit.appid, "out_trade_no": number, "out_refund_no": number,
                    "amount": { "refund": 100, "total": 1_000, "currency": "CNY" }, "notify_url": NOTIFY_URL,
                });
                Some(client.post("/v3/ecommerce/refunds/apply", &body))
            }
            "unfreeze" => {
                let body = json!({
                    "sub_mchid": SUB, "transaction_id": transaction_id, "out_order_no": number, "description": "完结",
                });
                Some(client.post("/v3/profitsharing/orders/unfreeze", &body))
            }
            "subsidy" => {
                let body = json!({
                    "sub_mchid": SUB, "transaction_id": transaction_id, "amount": 10, "description": "补差",
                });
                Some(client.post("/v3/ecommerce/subsidies/create", &body))
            }
            _ => None,
        };
        if let Some(said) = of_v3 {
            return if said.status < 300 { Ok(()) } else { Err(said.refusal().1) };
        }
        let by_number = [("out_trade_no", &**number)];
        let refund = [
            ("out_trade_no", &**number),
            ("out_refund_no", number),
            ("total_fee", "1000"),
            ("refund_fee", "100"),
        ];
        let said = match operation {
            "v2 query" => self.v2("/pay/orderquery", &by_number),
            "v2 face query" => self.v2("/pay/facepayquery", &by_number),
            "deposit query" => self.v2("/deposit/orderquery", &by_number),
            "deduction query" => self.v2("/pay/partner/paporderquery", &by_number),
            "v2 close" => self.v2("/pay/closeorder", &by_number),
            "v2 reverse" => self.v2("/secapi/pay/reverse", &by_number),
            "v2 face reverse" => self.v2("/secapi/pay/facepayreverse", &by_number),
            "deposit reverse" => self.v2("/deposit/reverse", &by_number),
            "v2 refund" => self.v2("/secapi/pay/refund", &refund),
            "v2 goods refund" => self.v2("/secapi/pay/refundv2", &refund),
            "deposit refund" => self.v2("/deposit/refund", &refund),
            "deposit consume" => {
                let with = [("total_fee", "1000"), ("consume_fee", "300"), ("fee_type", "CNY")];
                self.v2("/deposit/consume", &[&by_number[..], &with].concat())
            }
            "v2 unfreeze" => {
                let with = [
                    ("transaction_id", &**transaction_id),
                    ("out_order_no", number),
                    ("description", "完结"),
                ];
                self.v2("/secapi/pay/profitsharingfinish", &with)
            }
            _ => panic!("{operation}"),
        };
        assert_eq!(said.text("return_code"), Some("SUCCESS"), "{operation}: {said:?}");
        match said.text("result_code") {
            Some("SUCCESS") => Ok(()),
            _ => Err(failure(&said)[0].to_owned()),
        }
    }

    /// Each operation takes the orders of these products, and refuses all others.
    fn check(&self, products: &[&str], is_paid: bool, table: &[(&str, &str)]) {
        let of = |operation: &str| {
            let orders: Vec<Made> = products.iter().map(|product| self.make(product, is_paid)).collect();
            // Money is shared a minute after the payment at the earliest.
            self.sandbox.run_for(60).unwrap();
            let is_taken = |(_, made): &(&&str, Made)| self.ask(operation, made).is_ok();
            let taken = products.iter().zip(orders).filter(is_taken).map(|(product, _)| *product);
            taken.collect::<Vec<_>>().join(", ")
        };
        let found: Vec<_> = table.iter().map(|(operation, _)| (*operation, of(operation))).collect();
        let expected: Vec<_> =
            table.iter().map(|(operation, taken)| (*operation, (*taken).to_owned())).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn an_order_that_was_paid_is_changed_by_operations_of_its_product() {
    // Parts of combined orders are queried as a whole.
    let shown = "jsapi, codepay, v2 jsapi, v2 micropay, v2 facepay, deposit jsapi, deposit micropay, deduction, pay score";
    let sold = "jsapi, codepay, part, v2 jsapi, v2 micropay, v2 facepay, v2 part, deduction, pay score";
    // Neither a deduction nor a part by APIv2 is made to be shared.
    let shared = "jsapi, codepay, part, v2 jsapi, v2 micropay, v2 facepay, pay score";
    let scanned = "codepay, v2 micropay, v2 facepay";
    let deposits = "deposit jsapi, deposit micropay";
    let table = [
        ("query", shown),
        ("v2 query", shown),
        ("v2 face query", shown),
        ("deposit query", shown),
        ("deduction query", "deduction"),
        ("close", ""),
        ("v2 close", ""),
        ("reverse", scanned),
        ("v2 reverse", scanned),
        ("v2 face reverse", scanned),
        ("deposit reverse", deposits),
        ("refund", sold),
        ("platform refund", sold),
        ("v2 refund", sold),
        ("v2 goods refund", sold),
        // After it was consumed.
        ("deposit refund", ""),
        ("deposit consume", deposits),
        ("unfreeze", shared),
        ("v2 unfreeze", shared),
        // Those that were made with `subsidy_amount`.
        ("subsidy", "jsapi, part"),
    ];
    Shop::open().check(&PRODUCTS, true, &table);
}

#[test]
fn an_order_that_is_open_is_ended_by_operations_of_its_product() {
    let (offered, scanned) = ("jsapi, v2 jsapi", "codepay, v2 micropay, v2 facepay");
    let deposits = "deposit jsapi, deposit micropay";
    let table = [
        ("close", offered),
        ("v2 close", offered),
        ("reverse", scanned),
        ("v2 reverse", scanned),
        ("v2 face reverse", scanned),
        ("deposit reverse", deposits),
        ("deposit consume", ""),
    ];
    Shop::open().check(&PRODUCTS[..9], false, &table);
}

#[test]
fn a_deposit_says_which_operation_takes_it_and_is_unchanged_by_the_others() {
    let shop = Shop::open();
    let made = shop.make("deposit jsapi", true);
    let path = format!("/v3/pay/partner/transactions/out-trade-no/{}", made.number);
    for (step, code, message, reason) in [
        ("close", "INVALID_REQUEST", "该交易不允许关单，仅可撤销", "reversed by deposit/reverse"),
        ("reverse", "INVALID_REQUEST", "该交易不允许撤销", "reverse it by deposit/reverse, or refund it"),
    ] {
        let said = shop.client().post(&format!("{path}/{step}"), &shop.ending(step));
        assert_eq!(said.refusal(), (400, code.to_owned()));
        assert_eq!(said.json()["message"], message);
        assert!(said.reason().unwrap().contains(reason), "{:?}", said.reason());
    }
    // Also after a part of it came back: what is left is sold by nobody.
    shop.ask("deposit consume", &made).unwrap();
    shop.sandbox.run_for(60).unwrap();
    let refunds = shop.v2("/deposit/refundquery", &[("out_trade_no", &made.number)]);
    let fee = json!({
        "sub_mchid": SUB, "transaction_id": made.transaction_id, "amount": 10, "type": "SERVICE_FEE_INCOME",
        "scene": "RETURN_GOODS", "refund_id": refunds.text("refund_id_0").unwrap(),
    });
    let shared = shop.client().post("/v3/ecommerce/profitsharing/after-sales-orders", &fee);
    assert_eq!((shared.status, &shared.json()["message"]), (400, &json!("该订单为押金订单，不支持分账")));
    let shown = shop.v2("/deposit/orderquery", &[("out_trade_no", &made.number)]);
    assert_eq!((shown.text("trade_state"), shown.text("consume_fee")), (Some("REFUND"), Some("300")));
}

#[test]
fn a_number_that_has_a_deposit_says_of_no_sale_that_it_was_paid() {
    let shop = Shop::open();
    for product in ["deposit jsapi", "deposit micropay"] {
        let made = shop.make(product, true);
        let sale = [
            ("body", "茶"),
            ("out_trade_no", &*made.number),
            ("total_fee", "1000"),
            ("fee_type", "CNY"),
            ("spbill_create_ip", "8.8.8.8"),
        ];
        let offered = [&sale[..], &[("notify_url", NOTIFY_URL), ("trade_type", "JSAPI"), ("openid", OPENID)]];
        for (path, with) in [
            ("/pay/micropay", [&sale[..], &[("auth_code", "109999999999999999")]].concat()),
            ("/pay/unifiedorder", offered.concat()),
        ] {
            let said = shop.v2(path, &with);
            assert_eq!(failure(&said), ["INVALID_REQUEST", "201 商户订单号重复"], "{product} {path}");
        }
    }
}

#[test]
fn the_number_of_a_service_order_is_no_order_number_and_a_refund_says_so() {
    let shop = Shop::open();
    shop.serve("bike-0001");
    let body = json!({
        "sub_mchid": SUB, "out_trade_no": "bike-0001", "out_refund_no": "refund-1",
        "amount": { "refund": 100, "total": 1_000, "currency": "CNY" },
    });
    let said = shop.client().post("/v3/refund/domestic/refunds", &body);
    assert_eq!(said.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert!(said.reason().unwrap().contains("refund its transaction_id"), "{:?}", said.reason());
}

#[test]
fn what_cannot_be_reversed_says_what_is_done_instead() {
    let shop = Shop::open();
    let reason = |made: &Made| {
        let path = format!("/v3/pay/partner/transactions/out-trade-no/{}/reverse", made.number);
        let said = shop.client().post(&path, &shop.ending("reverse"));
        assert_eq!((said.status, &said.json()["message"]), (400, &json!("该交易不允许撤销")));
        said.reason().unwrap()
    };
    let [offered, refunded, late] = ["jsapi", "codepay", "codepay"].map(|product| shop.make(product, true));
    assert!(reason(&offered).contains("close an unpaid order"), "{}", reason(&offered));
    shop.ask("refund", &refunded).unwrap();
    assert!(reason(&refunded).contains("what is left of it is refunded"), "{}", reason(&refunded));
    shop.sandbox.run_for(7 * 86_400).unwrap();
    shop.sandbox.run_for(1).unwrap();
    assert!(reason(&late).contains("more than 7 days ago: refund it"), "{}", reason(&late));
}

#[test]
fn a_combined_order_is_not_closed_as_an_order_of_its_own() {
    let shop = Shop::open();
    for product in ["part", "v2 part"] {
        let part = shop.make(product, false);
        let whole = Made { number: part.number.replace("order", "whole"), transaction_id: String::new() };
        for (operation, code) in
            [("query", "ORDER_NOT_EXIST"), ("close", "ORDER_NOT_EXIST"), ("refund", "RESOURCE_NOT_EXISTS")]
        {
            assert_eq!(shop.ask(operation, &whole).unwrap_err(), code, "{operation}");
        }
        assert!(shop.ask("v2 close", &whole).is_err());
        // No order is made with it either: a person could pay both.
        let order = shop.of_order(json!({
            "description": "茶", "out_trade_no": whole.number, "notify_url": NOTIFY_URL,
            "amount": { "total": 1_000 }, "payer": { "sp_openid": OPENID },
        }));
        let refused = shop.client().post("/v3/pay/partner/transactions/jsapi", &order);
        assert_eq!(refused.refusal().1, "INVALID_REQUEST");
        // It was not closed, and nobody was told that it is.
        assert_eq!(shop.sandbox.pay(&PaymentRequest::new(&*whole.number)).unwrap().transaction_ids.len(), 1);
    }
    // Whoever was told that the number is closed is not charged by it afterwards.
    let closed = Made { number: "whole-closed".to_owned(), transaction_id: String::new() };
    shop.ask("close", &closed).unwrap();
    let combined = shop.combined(&closed.number, "order-after", 1_000);
    let refused = shop.client().post("/v3/combine-transactions/jsapi", &combined);
    assert_eq!(refused.refusal().1, "INVALID_REQUEST");
}
