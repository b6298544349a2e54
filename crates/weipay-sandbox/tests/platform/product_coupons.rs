//! Product coupons over the API: what a partner makes, sends and redeems for a brand, and what its users take.

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::product_coupons::ProductStockState;
use weipay_sandbox::{Clock, ClockControl, NewMerchant, Sandbox};

use crate::NOW;
use crate::client::{Client, Response};
use crate::merchant::number;
use crate::notifications::Receiver;

const FAMILY: &str = "/v3/marketing/partner/product-coupon";
const BRAND: &str = "120344";

/// A partner with one product coupon.
struct Partner<'a> {
    client: Client<'a>,
    product_id: String,
    stock_id: String,
    bundle_id: String,
}

/// A request number; at least six characters.
fn request_no() -> String {
    format!("request-{}", number())
}

fn start() -> (Sandbox, ClockControl) {
    let (clock, hand) = Clock::frozen(NOW);
    (Sandbox::builder().clock(clock).start().unwrap(), hand)
}

fn period() -> Value {
    json!({
        "available_begin_time": "2026-08-01T00:00:00+08:00",
        "available_end_time": "2026-08-31T23:59:59+08:00"
    })
}

fn stock(code_mode: &str) -> Value {
    json!({
        "coupon_code_mode": code_mode,
        "stock_send_rule": { "max_count": 10, "max_count_per_user": 5 },
        "usage_rule_display_info": { "coupon_usage_method_list": ["OFFLINE"], "usage_description": "全天可用" },
        "coupon_display_info": { "code_display_mode": "QRCODE" },
        "notify_config": {},
        "store_scope": "NONE"
    })
}

fn single(code_mode: &str) -> Value {
    let mut stock = stock(code_mode);
    stock["single_usage_rule"] = json!({ "coupon_available_period": period() });
    json!({
        "brand_id": BRAND, "out_request_no": request_no(), "scope": "ALL", "type": "NORMAL", "usage_mode": "SINGLE",
        "single_usage_info": { "normal_coupon": { "threshold": 10_000, "discount_amount": 500 } },
        "display_info": {
            "name": "满一百减五元", "image_url": "https://wxpaylogo.qpic.cn/1", "background_url": "https://wxpaylogo.qpic.cn/2"
        },
        "stock": stock
    })
}

fn bundled() -> Value {
    let mut request = single("WECHATPAY");
    let amounts: Vec<_> =
        (1..=3).map(|yuan| json!({ "threshold": 10_000, "discount_amount": yuan * 100 })).collect();
    request["usage_mode"] = json!("PROGRESSIVE_BUNDLE");
    request["progressive_bundle_usage_info"] = json!({ "count": 3, "interval_days": 0 });
    request["stock_bundle"] = stock("WECHATPAY");
    request["stock_bundle"]["progressive_bundle_usage_rule"] =
        json!({ "coupon_available_period": period(), "normal_coupon_list": amounts });
    for name in ["stock", "single_usage_info"] {
        request.as_object_mut().unwrap().remove(name);
    }
    request
}

impl<'a> Partner<'a> {
    fn new(sandbox: &'a Sandbox, request: &Value) -> Self {
        let client = Client::new(sandbox);
        let created = client.post(&format!("{FAMILY}/product-coupons"), request).success();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            client,
            product_id: text(&created["product_coupon_id"]),
            stock_id: text(&created["stock"]["stock_id"]),
            bundle_id: text(&created["stock_bundle"]["stock_bundle_id"]),
        }
    }

    fn openid(&self) -> &str {
        &self.client.sandbox.kit().openid
    }

    /// A request about the product coupon, with a new number unless the body has one.
    fn post(&self, below: &str, mut body: Value) -> Response {
        body["brand_id"] = json!(BRAND);
        if !below.contains("stores")
            && !body["send_request_no"].is_string()
            && !body["out_request_no"].is_string()
        {
            body["out_request_no"] = json!(request_no());
        }
        self.client.post(&format!("{FAMILY}/{below}"), &body)
    }

    fn of_product(&self, below: &str, body: Value) -> Response {
        self.post(&format!("product-coupons/{}{below}", self.product_id), body)
    }

    fn of_stock(&self, below: &str, body: Value) -> Response {
        self.of_product(&format!("/stocks/{}{below}", self.stock_id), body)
    }

    fn sending(&self) -> Value {
        json!({
            "product_coupon_id": self.product_id, "stock_id": self.stock_id,
            "appid": self.client.sandbox.kit().appid, "send_request_no": request_no(),
        })
    }

    fn send(&self, body: Value) -> Response {
        self.post(&format!("users/{}/coupons", self.openid()), body)
    }

    fn code(&self) -> String {
        self.send(self.sending()).success()["coupon_code"].as_str().unwrap().to_owned()
    }

    /// A step in the life of a coupon.
    fn step(&self, code: &str, step: &str, more: Value) -> Response {
        let mut body = self.sending();
        body.as_object_mut().unwrap().remove("send_request_no");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&format!("users/{}/coupons/{code}/{step}", self.openid()), body)
    }

    fn confirm(&self, code: &str) -> Value {
        self.step(code, "confirm", json!({})).success()
    }

    fn use_coupon(&self, code: &str) -> Response {
        self.step(code, "use", using())
    }

    fn get(&self, below: &str) -> Response {
        self.client.get(&format!("{FAMILY}/{below}"))
    }

    fn look_at(&self, code: &str) -> Value {
        let appid = &self.client.sandbox.kit().appid;
        let (product, stock) = (&self.product_id, &self.stock_id);
        let asked = format!("brand_id={BRAND}&product_coupon_id={product}&stock_id={stock}&appid={appid}");
        self.get(&format!("users/{}/coupons/{code}?{asked}", self.openid())).success()
    }

    fn look_at_stock(&self) -> Value {
        self.get(&format!("product-coupons/{}/stocks/{}?brand_id={BRAND}", self.product_id, self.stock_id))
            .success()
    }
}

fn using() -> Value {
    json!({ "use_time": "2026-08-15T12:00:00+08:00", "associated_order_info": { "out_trade_no": "order-1" } })
}

#[test]
fn a_coupon_is_sent_told_of_confirmed_used_and_returned() {
    let ((sandbox, _hand), receiver) = (start(), Receiver::start(&[]));
    let partner = Partner::new(&sandbox, &single("WECHATPAY"));
    assert_eq!(partner.get("notify-configs").refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    let set =
        partner.client.post(&format!("{FAMILY}/notify-configs"), &json!({ "notify_url": receiver.url }));
    assert_eq!(partner.get("notify-configs").success(), set.success());

    let request = partner.sending();
    let sent = partner.send(request.clone()).success();
    assert_eq!(sent["coupon_state"], "CONFIRMING");
    assert_eq!(partner.send(request.clone()).success(), sent, "a repeat");
    let mut other = request;
    other["attach"] = json!("other data");
    assert_eq!(partner.send(other).json()["message"], "相同单号但请求数据不一致");
    let notification = receiver.next();
    assert_eq!(notification.json()["event_type"], "PRODUCT_COUPON_SP.SEND");
    assert_eq!(notification.json()["resource"]["original_type"], "product_coupon");
    let told = notification.open(&sandbox, NOW);
    let code = sent["coupon_code"].as_str().unwrap();
    assert_eq!((&told["coupon_code"], &told["openid"]), (&json!(code), &json!(partner.openid())));

    assert_eq!(partner.use_coupon(code).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(partner.confirm(code)["coupon_state"], "EFFECTIVE");
    let mut again = using();
    again["out_request_no"] = json!(request_no());
    let used = partner.step(code, "use", again.clone()).success();
    assert_eq!(used["coupon_state"], "USED");
    assert_eq!(used["single_usage_detail"]["associated_order_info"]["out_trade_no"], "order-1");
    assert_eq!(partner.step(code, "use", again).success(), used, "a repeat");
    assert_eq!(partner.use_coupon(code).refusal(), (400, "RESOURCE_ALREADY_EXISTS".to_owned()));
    assert_eq!(partner.step(code, "return", json!({})).success()["coupon_state"], "EFFECTIVE");
    partner.use_coupon(code).success();
    assert_eq!(partner.look_at(code)["coupon_state"], "USED");
    assert_eq!(partner.look_at_stock()["sent_count_info"]["total_count"], 1);
}

#[test]
fn the_same_creation_makes_one_product_coupon_and_other_data_none() {
    let (sandbox, _hand) = start();
    let request = single("WECHATPAY");
    let partner = Partner::new(&sandbox, &request);
    let again = Partner::new(&sandbox, &request);
    assert_eq!((&again.product_id, &again.stock_id), (&partner.product_id, &partner.stock_id));
    let mut other = request;
    other["display_info"]["name"] = json!("另一种商品券");
    let refused = partner.client.post(&format!("{FAMILY}/product-coupons"), &other);
    assert_eq!(refused.refusal(), (400, "ALREADY_EXISTS".to_owned()));
    // Nobody else sees it: neither for another brand, nor another partner.
    let foreign = partner.get(&format!("product-coupons/{}?brand_id=999999", partner.product_id));
    assert_eq!(foreign.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[test]
fn what_has_ended_is_not_sent_and_what_was_sent_stays() {
    let (sandbox, hand) = start();
    let partner = Partner::new(&sandbox, &single("WECHATPAY"));
    let (kept, lost, thrown) = (partner.code(), partner.code(), partner.code());
    let reason = json!({ "deactivate_reason": "测试" });
    assert_eq!(partner.step(&lost, "deactivate", reason.clone()).success()["coupon_state"], "DEACTIVATED");
    assert!(sandbox.platform().delete_product_coupon(&partner.stock_id, &thrown).unwrap());
    assert!(!sandbox.platform().delete_product_coupon(&partner.stock_id, &lost).unwrap());
    assert_eq!(partner.look_at(&thrown)["coupon_state"], "DELETED");
    let state = |state| sandbox.platform().set_product_stock_state(&partner.stock_id, state).unwrap();
    assert!(state(ProductStockState::Paused));
    assert_eq!(partner.send(partner.sending()).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert!(state(ProductStockState::Sending));

    let added = partner.of_product("/stocks", json!({ "stock": single("WECHATPAY")["stock"] })).success();
    assert_eq!(partner.of_stock("/deactivate", reason.clone()).success()["state"], "DEACTIVATED");
    let ended = partner.of_product("/deactivate", reason.clone()).success();
    assert_eq!(ended["state"], "DEACTIVATED");
    let list =
        partner.get(&format!("product-coupons/{}/stocks?brand_id={BRAND}&page_size=1", partner.product_id));
    let list = list.success();
    assert_eq!((&list["total_count"], &list["stock_list"][0]["stock_id"]), (&json!(2), &added["stock_id"]));
    assert_eq!(list["stock_list"][0]["state"], "DEACTIVATED");
    let token = list["next_page_token"].as_str().unwrap();
    let next = format!(
        "product-coupons/{}/stocks?brand_id={BRAND}&page_size=1&page_token={token}",
        partner.product_id
    );
    let next = partner.get(&next).success();
    assert_eq!(
        (&next["stock_list"][0]["stock_id"], next.get("next_page_token")),
        (&json!(partner.stock_id), None)
    );
    assert_eq!(partner.of_product("/deactivate", reason).refusal(), (400, "INVALID_REQUEST".to_owned()));
    partner.confirm(&kept);
    partner.use_coupon(&kept).success();
    // When its period is over, a stock is stopped.
    let other = Partner::new(&sandbox, &single("WECHATPAY"));
    hand.advance(30 * 86_400);
    sandbox.platform().tick(NOW + 30 * 86_400).unwrap();
    let mut client = Client::new(&sandbox);
    client.now = NOW + 30 * 86_400;
    let other = Partner { client, ..other };
    assert_eq!(other.look_at_stock()["state"], "STOPPED");
}

/// A coupon of the stock, sent by the brand: its code, or why it is not sent.
fn send_by_brand(partner: &Partner<'_>) -> Result<String, String> {
    let sent =
        partner.client.sandbox.platform().send_product_coupon(&partner.stock_id, partner.openid(), None);
    sent.unwrap().map(Option::unwrap)
}

/// A stock of which two codes, U-1 and U-2, are uploaded.
fn with_uploaded_codes(sandbox: &Sandbox) -> Partner<'_> {
    let partner = Partner::new(sandbox, &single("UPLOAD"));
    partner.of_stock("/upload-coupon-codes", json!({ "code_list": ["U-1", "U-2"] })).success();
    partner
}

fn change_budget(partner: &Partner<'_>, current: i64, target: i64) -> Response {
    let body =
        json!({ "update_mode": "MAX_COUNT", "current_max_count": current, "target_max_count": target });
    partner.of_stock("/update-budget", body)
}

#[test]
fn the_uploaded_codes_of_a_stock_are_sent_by_the_brand_alone() {
    let (sandbox, _hand) = start();
    let partner = Partner::new(&sandbox, &single("UPLOAD"));
    assert_eq!(partner.send(partner.sending()).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let uploaded =
        partner.of_stock("/upload-coupon-codes", json!({ "code_list": ["U-1", "U-2", "U-1", "U 3"] }));
    let uploaded = uploaded.success();
    assert_eq!(uploaded["success_code_list"], json!(["U-1", "U-2"]));
    assert_eq!((&uploaded["failed_code_list"], &uploaded["total_count"]), (&json!(["U 3"]), &json!(3)));
    // Only the brand sends it.
    assert_eq!(partner.send(partner.sending()).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let code = send_by_brand(&partner).unwrap();
    assert!(["U-1", "U-2"].contains(&&*code));
    assert_eq!(partner.look_at(&code)["coupon_state"], "CONFIRMING");
    assert_eq!(sandbox.platform().send_product_coupon("1", partner.openid(), None).unwrap(), Ok(None));
    let counts = &partner.look_at_stock()["coupon_code_count_info"];
    assert_eq!(counts, &json!({ "total_count": 2, "available_count": 1 }));
}

#[test]
fn the_budget_of_a_stock_is_changed_from_what_it_is_and_limits_what_is_sent() {
    let (sandbox, _hand) = start();
    let partner = with_uploaded_codes(&sandbox);
    send_by_brand(&partner).unwrap();
    assert_eq!(change_budget(&partner, 9, 20).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(change_budget(&partner, 10, 1).success()["stock_send_rule"]["max_count"], 1);
    assert_eq!(send_by_brand(&partner), Err("批次发放次数已达上限".to_owned()));
    change_budget(&partner, 1, 2).success();
    send_by_brand(&partner).unwrap();
}

#[test]
fn a_coupon_is_used_in_the_stores_of_its_stock_as_they_were_when_it_was_sent() {
    let (sandbox, _hand) = start();
    let partner = with_uploaded_codes(&sandbox);
    let code = send_by_brand(&partner).unwrap();
    let stores = json!({ "store_list": [{ "store_id": "1" }, { "store_id": "2" }, { "store_id": "1" }] });
    assert_eq!(partner.of_stock("/associate-stores", stores.clone()).refusal().0, 400);
    let path = format!("{FAMILY}/product-coupons/{}/stocks/{}", partner.product_id, partner.stock_id);
    let change = json!({ "brand_id": BRAND, "out_request_no": request_no(), "store_scope": "SPECIFIC" });
    let request = partner.client.request("PATCH", &path, change.to_string().as_bytes());
    assert_eq!(partner.client.send(&request).success()["store_scope"], "SPECIFIC");
    assert_eq!(partner.of_stock("/associate-stores", stores).success()["total_count"], 2);
    let later = send_by_brand(&partner).unwrap();
    partner.confirm(&later);
    let at = |store: &str| {
        let mut body = using();
        body["store_id"] = json!(store);
        partner.step(&later, "use", body)
    };
    assert_eq!(at("3").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(partner.use_coupon(&later).refusal(), (400, "INVALID_REQUEST".to_owned()));
    // What was sent before keeps what it shows.
    partner.confirm(&code);
    assert_eq!(partner.look_at(&code)["stock"]["store_scope"], "NONE");
    partner.use_coupon(&code).success();
    let away = partner.of_stock(
        "/disassociate-stores",
        json!({ "store_list": [{ "store_id": "1" }, { "store_id": "9" }] }),
    );
    let away = away.success();
    assert_eq!(away["success_store_list"], json!([{ "store_id": "1" }]));
    assert_eq!(away["failed_store_list"][0]["store_id"], "9");
    let list = partner.get(&format!(
        "product-coupons/{}/stocks/{}/associated-stores?brand_id={BRAND}",
        partner.product_id, partner.stock_id
    ));
    assert_eq!(list.success(), json!({ "total_count": 1, "store_list": [{ "store_id": "2" }] }));
    at("2").success();
}

#[test]
fn a_bundle_is_sent_used_in_order_and_ended() {
    let (sandbox, _hand) = start();
    let partner = Partner::new(&sandbox, &bundled());
    let bundle = format!("/stock-bundles/{}", partner.bundle_id);
    let body = json!({ "update_mode": "MAX_COUNT", "current_max_count": 10, "target_max_count": 20 });
    let changed = partner.of_product(&format!("{bundle}/update-budget"), body).success();
    assert!(
        changed["stock_list"]
            .as_array()
            .unwrap()
            .iter()
            .all(|stock| stock["stock_send_rule"]["max_count"] == 20)
    );
    let mut sending = partner.sending();
    sending.as_object_mut().unwrap().remove("stock_id");
    sending["stock_bundle_id"] = json!(partner.bundle_id);
    let sent = partner.post(&format!("users/{}/coupon-bundles", partner.openid()), sending.clone()).success();
    let coupons = sent["user_product_coupon_list"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let coupons: Vec<_> = coupons
        .iter()
        .map(|coupon| (text(&coupon["stock"]["stock_id"]), text(&coupon["coupon_code"])))
        .collect();
    assert_eq!(coupons.len(), 3);
    let of = |index: usize| Partner {
        client: Client::new(&sandbox),
        product_id: partner.product_id.clone(),
        stock_id: coupons[index].0.clone(),
        bundle_id: partner.bundle_id.clone(),
    };
    for (index, (_, code)) in coupons.iter().enumerate() {
        of(index).confirm(code);
    }
    assert_eq!(of(1).use_coupon(&coupons[1].1).refusal(), (400, "INVALID_REQUEST".to_owned()));
    of(0).use_coupon(&coupons[0].1).success();
    let used = of(1).use_coupon(&coupons[1].1).success();
    assert_eq!(used["user_product_coupon_bundle_info"]["used_count"], 2);
    assert_eq!(of(0).step(&coupons[0].1, "return", json!({})).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let body = json!({
        "product_coupon_id": partner.product_id, "stock_bundle_id": partner.bundle_id,
        "appid": sandbox.kit().appid, "deactivate_reason": "测试"
    });
    let id = text(&sent["user_coupon_bundle_id"]);
    let ended =
        partner.post(&format!("users/{}/coupon-bundles/{id}/deactivate", partner.openid()), body).success();
    let states: Vec<_> = ended["user_product_coupon_list"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&states[1]["coupon_state"], &states[2]["coupon_state"]),
        (&json!("USED"), &json!("DEACTIVATED"))
    );
    let asked = format!(
        "appid={}&brand_id={BRAND}&user_coupon_bundle_id={id}&coupon_state=USED",
        sandbox.kit().appid
    );
    let list = partner.get(&format!("users/{}/coupons?{asked}", partner.openid())).success();
    assert_eq!(list["total_count"], 2);
}

#[test]
fn a_user_takes_with_a_token_what_the_partner_offers() {
    let (sandbox, _hand) = start();
    let partner = Partner::new(&sandbox, &single("WECHATPAY"));
    let request = partner.sending();
    let path = format!("users/{}/pre-send-coupon", partner.openid());
    let offered = partner.post(&path, request.clone()).success();
    assert_eq!(partner.post(&path, request).success(), offered, "a repeat");
    let take = |openid: &str| {
        let body = json!({ "token": offered["token"], "openid": openid });
        sandbox.control().unwrap().call("POST", "/product-coupons/take", Some(&body))
    };
    assert!(matches!(take(&"o".repeat(28)), Err(ClientError::Refused { .. })));
    let taken = take(partner.openid()).unwrap();
    assert_eq!(taken["had_already"], false);
    let again = take(partner.openid()).unwrap();
    assert_eq!((&again["had_already"], &again["coupon_codes"]), (&json!(true), &taken["coupon_codes"]));
    let code = taken["coupon_codes"][0].as_str().unwrap();
    assert_eq!(partner.look_at(code)["send_channel"], "RECEIVE_COMPONENT");
}

#[test]
fn a_picture_is_made_and_told_of() {
    let ((sandbox, hand), receiver) = (start(), Receiver::start(&[]));
    let partner = Partner::new(&sandbox, &single("WECHATPAY"));
    partner
        .client
        .post(&format!("{FAMILY}/notify-configs"), &json!({ "notify_url": receiver.url }))
        .success();
    let task = json!({
        "brand_id": BRAND, "task_id": "picture-1", "image_generation_type": "CUT_OUT",
        "cut_out": { "image_url": "https://wxpaylogo.qpic.cn/1" }
    });
    partner.client.post(&format!("{FAMILY}/image-generation-tasks"), &task).success();
    let asked = format!("image-generation-tasks/picture-1?brand_id={BRAND}&image_generation_type=CUT_OUT");
    assert_eq!(partner.get(&asked).success()["task_state"], "PROCESSING");
    hand.advance(2);
    let notification = receiver.next();
    assert_eq!(notification.json()["event_type"], "PRODUCT_COUPON_SP.IMAGE_GENERATION");
    assert_eq!(notification.open(&sandbox, NOW + 2), partner.get(&asked).success());
}

#[test]
fn a_coupon_is_the_persons_whichever_openid_the_notification_named() {
    const PARTNER: &str = "1900000777";
    let appids = ["wx0000000000000771".to_owned(), "wx0000000000000772".to_owned()];
    let sandbox = start().0;
    let new = NewMerchant::new().mchid(PARTNER).appid(&*appids[0]).appid(&*appids[1]);
    sandbox.platform().add_merchant(&new).unwrap();
    let client = Client::of(&sandbox, PARTNER);
    let mut request = single("WECHATPAY");
    request["stock"]["notify_config"] = json!({ "notify_appid": appids[1] });
    request["stock"]["stock_send_rule"]["max_count_per_user"] = json!(1);
    let created = client.post(&format!("{FAMILY}/product-coupons"), &request).success();
    let (product, stock) = (&created["product_coupon_id"], &created["stock"]["stock_id"]);
    // The second openid was never asked about.
    let person = sandbox.platform().add_person(&appids[..1]).unwrap();
    let receiver = Receiver::start(&[]);
    client.post(&format!("{FAMILY}/notify-configs"), &json!({ "notify_url": receiver.url })).success();
    let post = |openid: &str, appid: &str, below: &str, name: &str| {
        let body = json!({
            "brand_id": BRAND, "product_coupon_id": product, "stock_id": stock, "appid": appid, name: request_no(),
        });
        client.post(&format!("{FAMILY}/users/{openid}/coupons{below}"), &body)
    };
    let first = &person.openids[&appids[0]];
    let wrong = post(first, &appids[1], "", "send_request_no");
    assert_eq!(wrong.refusal(), (404, "USER_NOT_EXISTS".to_owned()));
    post(first, &appids[0], "", "send_request_no").success();
    let told = sandbox.notifications().list(&Default::default()).unwrap().remove(0).resource;
    let (openid, code) = (told["openid"].as_str().unwrap(), told["coupon_code"].as_str().unwrap());
    assert_eq!((&told["appid"], openid == first), (&json!(appids[1]), false));
    post(openid, &appids[1], &format!("/{code}/confirm"), "out_request_no").success();
    let listed = client.get(&format!("{FAMILY}/users/{openid}/coupons?brand_id={BRAND}&appid={}", appids[1]));
    assert_eq!(listed.success()["total_count"], 1);
    let second = post(openid, &appids[1], "", "send_request_no");
    assert_eq!(second.json()["message"], "用户领取次数已达上限");
}
