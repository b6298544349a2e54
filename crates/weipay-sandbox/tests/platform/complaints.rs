//! Complaints over the API: a person complains about a paid order, and the merchant answers until it is settled.

use serde_json::{Value, json};
use weipay_sandbox::complaints::{ComplaintError, ComplaintMessage, NewComplaint, PersonStep, Problem};
use weipay_sandbox::{AccountState, Clock, NewMerchant, PaymentRequest, PlatformKeys, Sandbox};

use crate::NOW;
use crate::client::{Client, Response};
use crate::notifications::Receiver;
use crate::uploads::picture;

const COMPLAINTS: &str = "/v3/merchant-service/complaints-v2";
const CALLBACK: &str = "/v3/merchant-service/complaint-notifications";

fn start() -> Sandbox {
    Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap()
}

/// A paid order of 100 fen.
fn paid(client: &Client<'_>, number: &str) {
    let kit = client.sandbox.kit();
    let order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": "https://example.com/notify", "amount": { "total": 100 },
    });
    client.post("/v3/pay/transactions/native", &order).success();
    client.sandbox.platform().pay(&PaymentRequest::new(number).by_person(&*kit.openid)).unwrap();
}

fn complain(client: &Client<'_>, complains: &NewComplaint) -> String {
    client.sandbox.platform().complain(complains).unwrap()
}

fn step(client: &Client<'_>, id: &str, step: PersonStep) -> Result<&'static str, ComplaintError> {
    client.sandbox.platform().go_on_with_complaint(id, step, &ComplaintMessage::new("还没有收到"))
}

fn respond(client: &Client<'_>, id: &str) -> Response {
    let images = [picture(client, b"BM answer")];
    let body = json!({
        "complainted_mchid": client.mchid, "response_content": "马上退款", "response_images": images,
    });
    client.post(&format!("{COMPLAINTS}/{id}/response"), &body)
}

fn complete(client: &Client<'_>, id: &str) -> Response {
    client.post(&format!("{COMPLAINTS}/{id}/complete"), &json!({ "complainted_mchid": client.mchid }))
}

fn list(client: &Client<'_>, with: &str) -> Value {
    client.get(&format!("{COMPLAINTS}?begin_date=2026-08-15&end_date=2026-08-15{with}")).success()
}

fn told(receiver: &Receiver, sandbox: &Sandbox, now: i64) -> (Value, Value, Value) {
    let notification = receiver.next();
    let event = notification.json()["event_type"].clone();
    let opened = notification.open(sandbox, now);
    (event, opened["complaint_id"].clone(), opened["action_type"].clone())
}

/// A complaint about the paid order `order-1`, with a picture; and the number of the picture.
fn complain_with_picture(client: &Client<'_>) -> (String, String) {
    paid(client, "order-1");
    let uploaded = picture(client, b"BM nothing came");
    let said = ComplaintMessage::new("没有收到").with_image(&*uploaded);
    let complains = NewComplaint::new("order-1").saying(said).with_phone("13812345678");
    (complain(client, &complains), uploaded)
}

/// What the merchant says to the refund that the person wants.
fn refund_progress(client: &Client<'_>, id: &str, body: &Value) -> Response {
    client.post(&format!("{COMPLAINTS}/{id}/update-refund-progress"), body)
}

fn approve(client: &Client<'_>, id: &str) {
    let body = json!({ "action": "APPROVE", "launch_refund_day": 0 });
    assert_eq!(refund_progress(client, id, &body).status, 204);
}

/// The whole of `order-1`.
fn refund(client: &Client<'_>) {
    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 100, "total": 100, "currency": "CNY" },
    });
    client.post("/v3/refund/domestic/refunds", &refund).success();
}

/// A complaint that the merchant has answered, approved and refunded.
fn refunded(client: &mut Client<'_>) -> String {
    let (id, _) = complain_with_picture(client);
    assert_eq!(respond(client, &id).status, 204);
    assert_eq!(step(client, &id, PersonStep::Reply).unwrap(), "PROCESSING");
    approve(client, &id);
    refund(client);
    client.sandbox.run_for(5).unwrap();
    client.now += 5;
    id
}

#[test]
fn the_merchant_is_notified_of_each_step_of_a_complaint() {
    let sandbox = start();
    let mut client = Client::new(&sandbox);
    let receiver = Receiver::start(&[]);
    client.post(CALLBACK, &json!({ "url": receiver.url })).success();
    let (id, _) = complain_with_picture(&client);
    let next = |now: i64| {
        let (event, complaint_id, action) = told(&receiver, &sandbox, now);
        assert_eq!(complaint_id, id.as_str());
        format!("{} {}", event.as_str().unwrap(), action.as_str().unwrap())
    };
    assert_eq!(next(NOW), "COMPLAINT.CREATE CREATE_COMPLAINT");
    assert_eq!(respond(&client, &id).status, 204);
    assert_eq!(next(NOW), "COMPLAINT.STATE_CHANGE MERCHANT_RESPONSE");
    assert_eq!(step(&client, &id, PersonStep::Reply).unwrap(), "PROCESSING");
    assert_eq!(next(NOW), "COMPLAINT.STATE_CHANGE USER_RESPONSE");
    approve(&client, &id);
    assert_eq!(next(NOW), "COMPLAINT.STATE_CHANGE MERCHANT_APPROVE_REFUND");
    refund(&client);
    assert_eq!(next(NOW), "COMPLAINT.STATE_CHANGE SELLER_REFUND");
    sandbox.run_for(5).unwrap();
    client.now += 5;
    assert_eq!(next(NOW + 5), "COMPLAINT.STATE_CHANGE REFUND_SUCCESS");
    assert_eq!(step(&client, &id, PersonStep::Continue).unwrap(), "PROCESSING");
    assert_eq!(next(NOW + 5), "COMPLAINT.STATE_CHANGE CONTINUE_COMPLAINT");
}

#[test]
fn a_complaint_is_shown_with_its_order_its_telephone_and_its_picture() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    let (id, uploaded) = complain_with_picture(&client);
    let shown = client.get(&format!("{COMPLAINTS}/{id}")).success();
    let phone = client.key.decrypt_oaep(shown["payer_phone"].as_str().unwrap()).unwrap();
    assert_eq!(phone.as_slice(), b"13812345678");
    assert_eq!(shown["payer_openid"], sandbox.kit().openid);
    assert_eq!(
        (&shown["complaint_state"], &shown["complaint_detail"], &shown["incoming_user_response"]),
        (&json!("PENDING"), &json!("没有收到"), &json!(true))
    );
    assert_eq!((&shown["problem_type"], &shown["apply_refund_amount"]), (&json!("REFUND"), &json!(100)));
    let order = &shown["complaint_order_info"][0];
    assert_eq!((&order["out_trade_no"], &order["amount"]), (&json!("order-1"), &json!(100)));
    assert_eq!(shown.get("service_order_info"), None, "it was no service order");
    let picture = shown["complaint_media_list"][0]["media_url"][0].as_str().unwrap();
    assert!(picture.ends_with(&format!("/v3/merchant-service/images/{uploaded}")), "{picture}");
    let target = &picture[picture.find("/v3/").unwrap()..];
    let shown = client.get(target);
    assert_eq!((shown.status, &shown.body[..]), (200, &b"BM nothing came"[..]));
}

#[test]
fn a_complaint_is_not_completed_before_an_answer_and_a_refund_is_approved_once() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    let (id, _) = complain_with_picture(&client);
    let early = complete(&client, &id);
    assert_eq!((early.status, &early.json()["code"]), (400, &json!("INVALID_REQUEST")));
    assert_eq!(respond(&client, &id).status, 204);
    assert_eq!(step(&client, &id, PersonStep::Reply).unwrap(), "PROCESSING");
    approve(&client, &id);
    let again = refund_progress(&client, &id, &json!({ "action": "REJECT", "reject_reason": "不" }));
    assert_eq!(again.json()["message"], "当前单据状态不支持操作, 请检查是否重复调用。");
}

#[test]
fn a_refund_that_has_arrived_settles_a_complaint_until_the_person_goes_on() {
    let sandbox = start();
    let mut client = Client::new(&sandbox);
    let (id, _) = complain_with_picture(&client);
    assert_eq!(respond(&client, &id).status, 204);
    assert_eq!(step(&client, &id, PersonStep::Reply).unwrap(), "PROCESSING");
    approve(&client, &id);
    refund(&client);
    assert_eq!(list(&client, "")["data"][0]["complaint_full_refunded"], false);
    sandbox.run_for(5).unwrap();
    client.now += 5;
    assert_eq!(list(&client, "")["data"][0]["complaint_full_refunded"], true);
    let settled = client.get(&format!("{COMPLAINTS}/{id}")).success();
    assert_eq!(
        (&settled["complaint_state"], &settled["incoming_user_response"]),
        (&json!("PROCESSED"), &json!(false))
    );
    assert_eq!(complete(&client, &id).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(step(&client, &id, PersonStep::Continue).unwrap(), "PROCESSING");
    assert_eq!(client.get(&format!("{COMPLAINTS}/{id}")).success()["user_complaint_times"], 2);
}

#[test]
fn the_history_of_a_complaint_has_each_step_the_oldest_first() {
    let sandbox = start();
    let mut client = Client::new(&sandbox);
    let id = refunded(&mut client);
    let history = client.get(&format!("{COMPLAINTS}/{id}/negotiation-historys?limit=4&offset=0")).success();
    assert_eq!(history["total_count"], 6);
    let kinds: Vec<_> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["operate_type"].as_str().unwrap())
        .collect();
    let wanted = ["USER_CREATE_COMPLAINT", "MERCHANT_RESPONSE", "USER_RESPONSE", "MERCHANT_APPROVE_REFUND"];
    assert_eq!(kinds, wanted);
    assert_eq!(history["data"][0]["operator"], "投诉人");
    assert_eq!(history["data"][1]["operate_details"], "马上退款");
    assert_eq!(history["data"][1]["complaint_media_list"]["media_type"], "OPERATION_IMAGE");
    let rest = client.get(&format!("{COMPLAINTS}/{id}/negotiation-historys?offset=4")).success();
    assert_eq!(rest["data"][1]["operate_type"], "COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE");
    // What the platform tells stands where its time is, two seconds after the complaint.
    let told = &rest["data"][0];
    assert_eq!(
        (&told["operate_type"], &told["operator"]),
        (&json!("USER_CREATE_COMPLAINT_SYSTEM_MESSAGE"), &json!("系统"))
    );
    assert!(told["operate_details"].as_str().unwrap().contains("72小时"), "{told}");
    for entry in [&history["data"][0], told] {
        let id = entry["log_id"].as_str().unwrap();
        assert!(id.len() == 27 && id.starts_with("3002000"), "{id}");
    }
    assert_ne!(history["data"][0]["log_id"], told["log_id"]);
}

#[test]
fn a_refund_to_the_card_of_the_merchant_gives_the_person_nothing() {
    let sandbox = start();
    let mut client = Client::new(&sandbox);
    let receiver = Receiver::start(&[]);
    client.post(CALLBACK, &json!({ "url": receiver.url })).success();
    let openid = &sandbox.kit().openid;
    let order = json!({
        "appid": sandbox.kit().appid, "mchid": sandbox.kit().mchid, "description": "茶",
        "out_trade_no": "order-1", "notify_url": "https://example.com/notify", "amount": { "total": 100 },
    });
    client.post("/v3/pay/transactions/native", &order).success();
    sandbox.platform().top_up_wallet(openid, 100).unwrap();
    sandbox.platform().pay(&PaymentRequest::new("order-1").by_person(&**openid).by_wallet()).unwrap();
    let id = complain(&client, &NewComplaint::new("order-1"));
    let next = |now: i64| told(&receiver, &sandbox, now).2;
    assert_eq!(next(NOW), "CREATE_COMPLAINT");
    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 100, "total": 100, "currency": "CNY" },
    });
    let made = client.post("/v3/refund/domestic/refunds", &refund).success();
    assert_eq!(next(NOW), "SELLER_REFUND");
    sandbox.platform().set_account_state(openid, AccountState::Frozen).unwrap();
    sandbox.run_for(5).unwrap();
    client.now += 5;
    assert_eq!(client.get("/v3/refund/domestic/refunds/refund-1").success()["status"], "ABNORMAL");
    let refund_id = made["refund_id"].as_str().unwrap();
    let abnormal = format!("/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund");
    let to_merchant = json!({ "out_refund_no": "refund-1", "type": "MERCHANT_BANK_CARD" });
    client.post(&abnormal, &to_merchant).success();
    sandbox.run_for(5).unwrap();
    client.now += 5;
    assert_eq!(client.get("/v3/refund/domestic/refunds/refund-1").success()["status"], "SUCCESS");
    let shown = client.get(&format!("{COMPLAINTS}/{id}")).success();
    assert_eq!(
        (&shown["complaint_full_refunded"], &shown["complaint_state"]),
        (&json!(false), &json!("PENDING"))
    );
    // The next notification is of the next step.
    assert_eq!(respond(&client, &id).status, 204);
    assert_eq!(next(NOW + 10), "MERCHANT_RESPONSE");
    // An approved refund has no money left to come: the merchant, who pays the person in another way, completes it.
    let approve = json!({ "action": "APPROVE", "launch_refund_day": 0 });
    assert_eq!(client.post(&format!("{COMPLAINTS}/{id}/update-refund-progress"), &approve).status, 204);
    assert_eq!(complete(&client, &id).status, 204);
}

#[test]
fn a_rejected_refund_settles_its_complaint_at_once() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1"));
    let body = json!({ "action": "REJECT", "reject_reason": "已经发货" });
    assert_eq!(client.post(&format!("{COMPLAINTS}/{id}/update-refund-progress"), &body).status, 204);
    assert_eq!(client.get(&format!("{COMPLAINTS}/{id}")).success()["complaint_state"], "PROCESSED");
    assert_eq!(step(&client, &id, PersonStep::Continue).unwrap(), "PROCESSING");
}

#[test]
fn a_list_has_a_merchants_complaints_of_its_days_newest_first() {
    let sandbox = start();
    let mut client = Client::new(&sandbox);
    for number in ["order-1", "order-2", "order-3"] {
        paid(&client, number);
        let other = NewComplaint::new(number).about(Problem::ServiceNotWork);
        complain(&client, &other);
    }
    let page = list(&client, "&limit=2&offset=0");
    assert_eq!((&page["total_count"], &page["limit"]), (&json!(3), &json!(2)));
    let number = |entry: &Value| entry["complaint_order_info"][0]["out_trade_no"].clone();
    let numbers: Vec<_> = page["data"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(numbers, ["order-3", "order-2"]);
    assert_eq!(page["data"][0].get("apply_refund_amount"), None);
    assert_eq!(page["data"][0].get("payer_openid"), None, "the list has none");
    let rest = list(&client, "&limit=2&offset=2");
    assert_eq!((number(&rest["data"][0]), rest.get("total_count")), (json!("order-1"), None));

    sandbox.run_for(86_400).unwrap();
    client.now += 86_400;
    paid(&client, "order-4");
    complain(&client, &NewComplaint::new("order-4"));
    assert_eq!(list(&client, "")["total_count"], 3, "of yesterday");
    let both = client.get(&format!("{COMPLAINTS}?begin_date=2026-08-15&end_date=2026-08-16")).success();
    assert_eq!(both["total_count"], 4);
    for days in [
        "begin_date=2026-08-16&end_date=2026-08-15",
        "begin_date=2026-07-01&end_date=2026-08-15",
        "begin_date=2026-08-99&end_date=2026-08-99",
        "begin_date=2026-08-15",
        "begin_date=2026-08-15&end_date=2026-08-15&limit=51",
        "begin_date=2026-08-15&end_date=2026-08-15&offset=-1",
        "begin_date=2026-08-15&end_date=2026-08-15&offset=99999999999999999999",
    ] {
        let refused = client.get(&format!("{COMPLAINTS}?{days}"));
        assert_eq!(refused.refusal(), (400, "PARAM_ERROR".to_owned()), "{days}");
    }
}

#[test]
fn nobody_sees_or_answers_a_complaint_about_another_merchant() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1"));
    let other =
        sandbox.platform().add_merchant(&NewMerchant::new().platform_keys(PlatformKeys::Migration)).unwrap();
    let other = Client::of(&sandbox, &other.kit().mchid);
    assert_eq!(list(&other, "")["total_count"], 0);
    assert_eq!(list(&other, &format!("&complainted_mchid={}", client.mchid))["total_count"], 0);
    for target in [
        format!("{COMPLAINTS}/{id}"),
        format!("{COMPLAINTS}/{id}/negotiation-historys"),
        format!("{COMPLAINTS}/7"),
    ] {
        assert_eq!(other.get(&target).refusal(), (403, "NO_AUTH".to_owned()), "{target}");
    }
    for response in [respond(&other, &id), complete(&other, &id)] {
        assert_eq!(response.json()["message"], "您暂无权限为该投诉单提交商户回复");
    }
    let wrong = json!({ "complainted_mchid": other.mchid, "response_content": "好" });
    let response = client.post(&format!("{COMPLAINTS}/{id}/response"), &wrong);
    assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()), "of another merchant");
}

#[test]
fn an_answer_has_a_link_with_a_text_or_none() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1"));
    let answer = |link: Value| {
        let mut body = json!({ "complainted_mchid": client.mchid, "response_content": "好" });
        body.as_object_mut().unwrap().extend(link.as_object().unwrap().clone());
        client.post(&format!("{COMPLAINTS}/{id}/response"), &body)
    };
    let long = format!("https://shop.example.com/{}", "a".repeat(512));
    for wrong in [
        json!({ "jump_url": "https://shop.example.com/" }),
        json!({ "jump_url_text": "查看" }),
        json!({ "jump_url": "http://shop.example.com/", "jump_url_text": "查看" }),
        json!({ "jump_url": long, "jump_url_text": "查看" }),
        json!({ "jump_url": "https://shop.example.com/", "jump_url_text": "查看您的这一次退款详情" }),
    ] {
        assert_eq!(answer(wrong.clone()).refusal(), (400, "PARAM_ERROR".to_owned()), "{wrong}");
    }
    assert_eq!(client.get(&format!("{COMPLAINTS}/{id}")).success()["complaint_state"], "PENDING");
    let right = json!({ "jump_url": "https://shop.example.com/", "jump_url_text": "查看退款" });
    assert_eq!(answer(right).status, 204);
}

#[test]
fn a_partner_and_its_sub_merchant_both_see_and_hear_of_a_complaint() {
    let sandbox = start();
    let partner = Client::new(&sandbox);
    let sub =
        sandbox.platform().add_merchant(&NewMerchant::new().platform_keys(PlatformKeys::Migration)).unwrap();
    let sub = Client::of(&sandbox, &sub.kit().mchid);
    let receivers = [Receiver::start(&[]), Receiver::start(&[])];
    for (client, receiver) in [&partner, &sub].into_iter().zip(&receivers) {
        client.post(CALLBACK, &json!({ "url": receiver.url })).success();
    }
    let order = json!({
        "sp_appid": sandbox.kit().appid, "sp_mchid": partner.mchid, "sub_mchid": sub.mchid, "description": "茶",
        "out_trade_no": "order-1", "notify_url": "https://example.com/notify", "amount": { "total": 100 },
    });
    partner.post("/v3/pay/partner/transactions/native", &order).success();
    sandbox.platform().pay(&PaymentRequest::new("order-1")).unwrap();
    let id = complain(&partner, &NewComplaint::new("order-1"));
    for receiver in &receivers {
        assert_eq!(receiver.next().json()["event_type"], "COMPLAINT.CREATE");
    }
    for client in [&partner, &sub] {
        assert_eq!(list(client, "")["data"][0]["complainted_mchid"], sub.mchid);
        assert_eq!(list(client, &format!("&complainted_mchid={}", sub.mchid))["total_count"], 1);
        client.get(&format!("{COMPLAINTS}/{id}")).success();
    }
    let body = json!({ "complainted_mchid": sub.mchid, "response_content": "好" });
    assert_eq!(partner.post(&format!("{COMPLAINTS}/{id}/response"), &body).status, 204);
}

#[test]
fn an_address_is_set_once_changed_looked_at_and_deleted() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    let (first, second) =
        (json!({ "url": "https://example.com/1" }), json!({ "url": "https://example.com/2" }));
    assert_eq!(client.get(CALLBACK).refusal(), (400, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(client.post(CALLBACK, &first).success()["url"], first["url"]);
    assert_eq!(client.post(CALLBACK, &second).refusal(), (400, "RESOURCE_ALREADY_EXISTS".to_owned()));
    let put = |body: &Value| client.send(&client.request("PUT", CALLBACK, body.to_string().as_bytes()));
    assert_eq!(put(&second).success()["url"], second["url"]);
    let shown = client.get(CALLBACK).success();
    assert_eq!(shown, json!({ "mchid": client.mchid, "url": second["url"] }));
    for _ in 0..2 {
        assert_eq!(client.send(&client.request("DELETE", CALLBACK, b"")).status, 204);
    }
    assert_eq!(client.get(CALLBACK).refusal(), (400, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(client.post(CALLBACK, &first).success()["url"], first["url"]);
}

#[test]
fn an_urgent_complaint_gets_one_message_for_one_idempotent_id() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1").urgently());
    assert_eq!(list(&client, "")["data"][0]["need_immediate_service"], true);
    let target = format!("{COMPLAINTS}/{id}/response-immediate-service");
    let body = |text: &str, number: &str| {
        json!({
            "complainted_mchid": client.mchid, "idempotent_id": number,
            "message": { "blocks": [{ "type": "TEXT", "text": { "text": text } }], "sender_identity": "MANUAL" },
        })
    };
    let mut shows = body("在", "0");
    shows["message"]["blocks"][0] = json!({ "type": "IMAGE", "image": { "media_id": "nonsense" } });
    assert_eq!(client.post(&target, &shows).refusal(), (400, "PARAM_ERROR".to_owned()), "no such picture");
    let first = client.post(&target, &body("在", "1")).success();
    assert_eq!(client.post(&target, &body("在", "1")).success(), first);
    assert_eq!(client.post(&target, &body("不在", "1")).refusal().0, 400);
    let history = client.get(&format!("{COMPLAINTS}/{id}/negotiation-historys")).success();
    assert_eq!((&history["total_count"], &history["data"][1]["log_id"]), (&json!(2), &first["log_id"]));
    assert_eq!(history["data"][1]["normal_message"]["blocks"][0]["text"]["text"], "在");
    assert_eq!(client.post(&target, &body("再", "2")).refusal().0, 400, "it is not urgent any more");
}

#[test]
fn people_complain_about_paid_orders_once_and_by_the_control_api_too() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    let call = |target: &str, body: Value| sandbox.control().unwrap().call("POST", target, Some(&body));
    assert!(call("/complaints", json!({ "order": "order-1" })).is_err(), "nothing is paid");
    paid(&client, "order-1");
    for wrong in [
        json!({ "refund": 101 }),
        json!({ "refund": 0 }),
        json!({ "openid": "x" }),
        json!({ "phone": "1".repeat(51) }),
        json!({ "images": ["a", "b", "c", "d", "e"] }),
        json!({ "images": ["../a"] }),
        json!({ "images": ["BB04A5DEEFEA18D4F2554C1EDD3B610B.bmp"] }),
        json!({ "text": "字".repeat(1001) }),
        json!({ "mchid": "1" }),
    ] {
        let mut body = wrong.clone();
        body["order"] = json!("order-1");
        assert!(call("/complaints", body).is_err(), "{wrong}");
    }
    let made = call("/complaints", json!({ "order": "order-1", "problem": "other", "text": "?" })).unwrap();
    let id = made["complaint_id"].as_str().unwrap().to_owned();
    assert!(call("/complaints", json!({ "order": "order-1" })).is_err(), "again");
    let go_on = |step: &str| call(&format!("/complaints/{id}/steps"), json!({ "step": step }));
    assert!(go_on("continue").is_err());
    assert_eq!(go_on("ask-platform").unwrap()["complaint_state"], "PENDING");
    assert_eq!(list(&client, "")["data"][0]["in_platform_service"], true);
    go_on("platform-reply").unwrap();
    go_on("platform-end").unwrap();
    assert_eq!(go_on("withdraw").unwrap()["complaint_state"], "PROCESSED");
    assert!(go_on("reply").is_err());
    assert!(call("/complaints/7/steps", json!({ "step": "reply" })).is_err());
}

#[test]
fn an_answer_shows_only_pictures_that_were_uploaded() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1"));
    for unknown in ["nonsense", "BB04A5DEEFEA18D4F2554C1EDD3B610B.bmp", "a\0"] {
        let images = [picture(&client, b"BM one"), unknown.to_owned()];
        let body =
            json!({ "complainted_mchid": client.mchid, "response_content": "好", "response_images": images });
        let answer = client.post(&format!("{COMPLAINTS}/{id}/response"), &body);
        assert_eq!(answer.refusal(), (400, "PARAM_ERROR".to_owned()), "{unknown:?}");
        let rejected = json!({ "action": "REJECT", "reject_reason": "不", "reject_media_list": images });
        let answer = client.post(&format!("{COMPLAINTS}/{id}/update-refund-progress"), &rejected);
        assert_eq!(answer.refusal(), (400, "PARAM_ERROR".to_owned()), "{unknown:?}");
    }
    assert_eq!(client.get(&format!("{COMPLAINTS}/{id}")).success()["complaint_state"], "PENDING");
}

#[test]
fn responses_keep_to_their_limits() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let id = complain(&client, &NewComplaint::new("order-1"));
    let target = format!("{COMPLAINTS}/{id}/response");
    for (text, images, status) in
        [("字".repeat(500), 4, 204), ("字".repeat(501), 0, 400), ("字".to_owned(), 5, 400)]
    {
        let images: Vec<_> =
            (0..images).map(|number| picture(&client, format!("BM {number}").as_bytes())).collect();
        let body =
            json!({ "complainted_mchid": client.mchid, "response_content": text, "response_images": images });
        assert_eq!(client.post(&target, &body).status, status);
    }
}

#[test]
fn only_the_person_who_paid_complains() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    paid(&client, "order-1");
    let stranger = NewComplaint::new("order-1").by_person("oWeipaySandboxStranger00000A");
    for _ in 0..2 {
        let refused = client.sandbox.platform().complain(&stranger).unwrap_err().to_string();
        assert!(refused.contains("did not pay the order"), "{refused}");
        // Nor is a stranger told that somebody has complained.
        let _ = client.sandbox.platform().complain(&NewComplaint::new("order-1"));
    }
    let payer = NewComplaint::new("order-1").by_person(&*sandbox.kit().openid);
    let again = client.sandbox.platform().complain(&payer).unwrap_err().to_string();
    assert!(again.contains("has complained about this order before"), "{again}");
}

#[test]
fn a_reversal_gives_whoever_complained_all_of_the_money_back() {
    let sandbox = start();
    let client = Client::new(&sandbox);
    let kit = sandbox.kit();
    let order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "scan-1",
        "payer": { "auth_code": "130061098828009406" }, "amount": { "total": 100 },
        "scene_info": { "store_info": { "id": "0001" } },
    });
    client.post("/v3/pay/transactions/codepay", &order).success();
    let id = complain(&client, &NewComplaint::new("scan-1"));
    assert_eq!(list(&client, "")["data"][0]["complaint_full_refunded"], false);
    let ids = json!({ "appid": kit.appid, "mchid": kit.mchid });
    client.post("/v3/pay/transactions/out-trade-no/scan-1/reverse", &ids).success();
    assert_eq!(list(&client, "")["data"][0]["complaint_full_refunded"], true);
    let approve = json!({ "action": "APPROVE", "launch_refund_day": 0 });
    let approved = client.post(&format!("{COMPLAINTS}/{id}/update-refund-progress"), &approve);
    assert_eq!(approved.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn the_list_of_a_partner_has_the_complaints_of_its_sub_merchants_too() {
    const SUB: &str = "1900000888";
    const OTHER_SUB: &str = "1900000889";
    let sandbox = crate::sandbox()
        .merchant(NewMerchant::new().mchid(SUB))
        .merchant(NewMerchant::new().mchid("1900000777"))
        .start()
        .unwrap();
    let (partner, sub) = (Client::of(&sandbox, "1900000777"), Client::of(&sandbox, SUB));
    let complain_about = |client: &Client<'_>, number: &str, sub_mchid: Option<&str>| {
        let appid = sandbox.platform().kit_of(&client.mchid).unwrap().kit().appid.clone();
        let mut order = json!({
            "description": "茶", "out_trade_no": number, "notify_url": "https://example.com/notify",
            "amount": { "total": 100 },
        });
        let path = match sub_mchid {
            None => {
                (order["appid"], order["mchid"]) = (json!(appid), json!(client.mchid));
                "/v3/pay/transactions/native"
            }
            Some(sub_mchid) => {
                (order["sp_appid"], order["sp_mchid"]) = (json!(appid), json!(client.mchid));
                order["sub_mchid"] = json!(sub_mchid);
                "/v3/pay/partner/transactions/native"
            }
        };
        client.post(path, &order).success();
        sandbox.pay(&PaymentRequest::new(number)).unwrap();
        sandbox.run_for(1).unwrap();
        sandbox.platform().complain(&NewComplaint::new(number)).unwrap()
    };
    // A partner sells nothing itself, once it is one.
    let own = complain_about(&partner, "own-order", None);
    sandbox.bind("1900000777", &[], &[SUB, OTHER_SUB].map(str::to_owned)).unwrap();
    let ids = [
        own,
        complain_about(&sub, "order-of-sub", None),
        complain_about(&partner, "order-for-sub", Some(SUB)),
        complain_about(&partner, "order-for-other", Some(OTHER_SUB)),
    ];
    let listed = |client: &Client<'_>, with: &str| {
        let shown = list(client, with);
        let data = shown["data"].as_array().unwrap().iter();
        let found: Vec<_> = data
            .map(|complaint| ids.iter().position(|id| complaint["complaint_id"] == id.as_str()).unwrap())
            .collect();
        (found, shown["total_count"].as_i64())
    };
    assert_eq!(listed(&partner, ""), (vec![3, 2, 1, 0], Some(4)));
    assert_eq!(listed(&partner, "&limit=2&offset=1"), (vec![2, 1], None));
    assert_eq!(listed(&partner, &format!("&complainted_mchid={SUB}")), (vec![2, 1], Some(2)));
    assert_eq!(listed(&sub, ""), (vec![2, 1], Some(2)), "a merchant sees its own only");
}
