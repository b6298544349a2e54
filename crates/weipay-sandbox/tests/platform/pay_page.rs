//! The page on which a person pays in a browser, by plain sockets. `.ci/pay-page` opens it in a real one.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use weipay_sandbox::{AccountState, PaymentError, PaymentRequest, Sandbox};

use crate::client::{Client, Response};

const PAY_URL: &str = "/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=";

/// A request of a browser on this machine.
fn send(sandbox: &Sandbox, method: &str, target: &str, headers: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    let host =
        if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", sandbox.address()) };
    let length = body.len();
    write!(stream, "{method} {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Response::parse(&bytes).unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(&bytes)))
}

pub(crate) fn get(sandbox: &Sandbox, target: &str) -> Response {
    send(sandbox, "GET", target, "", "")
}

/// Sends the form of the page that is there now, with what a person chose.
fn submit(sandbox: &Sandbox, target: &str, chosen: &str) -> Response {
    let page = get(sandbox, target);
    let token = page
        .text()
        .split_once("name=\"token\" value=\"")
        .map_or("", |(_, rest)| rest.split('"').next().unwrap());
    let origin = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", sandbox.address());
    let headers = format!("{origin}Content-Type: application/x-www-form-urlencoded\r\n");
    send(sandbox, "POST", target, &headers, &format!("token={token}&{chosen}"))
}

fn order(sandbox: &Sandbox, path: &str, number: &str, description: &str) -> Value {
    let kit = sandbox.kit();
    let mut body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": description, "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_990 },
    });
    if path == "h5" {
        body["scene_info"] = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
    }
    let client = Client::new(sandbox).in_time();
    client.post(&format!("/v3/pay/transactions/{path}"), &body).success()
}

/// A Native order, and the target of its page.
fn native(sandbox: &Sandbox, number: &str) -> String {
    let made = order(sandbox, "native", number, "一杯咖啡");
    let id = made["code_url"].as_str().unwrap().split_once("pr=").unwrap().1.to_owned();
    let address = sandbox.pay_page(number).unwrap();
    assert_eq!(address, format!("{}/pay/{id}", sandbox.base_url()));
    format!("/pay/{id}")
}

/// An H5 order, and the target that its `h5_url` has, with more after it.
fn h5(sandbox: &Sandbox, number: &str, more: &str) -> String {
    let made = order(sandbox, "h5", number, "一杯咖啡");
    let url = made["h5_url"].as_str().unwrap().to_owned();
    format!("{}{more}", url.strip_prefix("https://wx.tenpay.com").unwrap())
}

fn state(sandbox: &Sandbox, number: &str) -> String {
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", sandbox.kit().mchid);
    let client = Client::new(sandbox).in_time();
    client.get(&target).success()["trade_state"].as_str().unwrap().to_owned()
}

#[test]
fn a_person_sees_what_is_to_be_paid_and_pays_it_once() {
    let sandbox = crate::sandbox().start().unwrap();
    let target = native(&sandbox, "order-1");
    for _ in 0..3 {
        let page = get(&sandbox, &target);
        assert_eq!(page.status, 200);
        for text in ["¥19.90", "一杯咖啡", sandbox.kit().mchid.as_str(), "order-1", "支付 Pay", "取消 Cancel"]
        {
            assert!(page.text().contains(text), "{text}: {}", page.text());
        }
    }
    assert_eq!(state(&sandbox, "order-1"), "NOTPAY", "to look changes nothing");

    let paid = submit(&sandbox, &target, "means=card&do=pay");
    assert_eq!((paid.status, paid.header("Location")), (303, Some(&*target)), "{}", paid.text());
    assert_eq!(state(&sandbox, "order-1"), "SUCCESS");
    let page = get(&sandbox, &target);
    assert!(page.text().contains("支付成功") && !page.text().contains("<form"), "{}", page.text());
    // A form that is sent again, as by a second tap.
    let again = submit(&sandbox, &target, "means=card&do=pay");
    assert_eq!(again.status, 303);
    assert_eq!(sandbox.notifications().list(&Default::default()).unwrap().len(), 1, "one payment");
}

#[test]
fn a_person_cancels_or_has_too_little_money_and_the_order_stays_unpaid() {
    let sandbox = crate::sandbox().start().unwrap();
    let target = native(&sandbox, "order-1");
    let cancelled = submit(&sandbox, &target, "means=card&do=cancel");
    assert!(cancelled.status == 200 && cancelled.text().contains("已取消"), "{}", cancelled.text());
    let short = submit(&sandbox, &target, "means=wallet&do=pay");
    assert!(short.status == 409 && short.text().contains("too little money"), "{}", short.text());
    assert!(short.text().contains("<form"), "the person may try again");
    assert_eq!(submit(&sandbox, &target, "means=card&do=steal").status, 400);
    assert_eq!(state(&sandbox, "order-1"), "NOTPAY");
    assert!(sandbox.notifications().list(&Default::default()).unwrap().is_empty());
}

#[test]
fn the_page_offers_what_limit_pay_takes_and_refuses_the_rest() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1 }, "limit_pay": ["no_credit"],
    });
    let client = Client::new(&sandbox).in_time();
    client.post("/v3/pay/transactions/native", &body).success();
    let address = sandbox.pay_page("order-1").unwrap();
    let target = address.strip_prefix(sandbox.base_url()).unwrap();
    let page = get(&sandbox, target);
    for radio in ["value=\"card\" checked>", "value=\"credit\" disabled>", "value=\"wallet\">"] {
        assert!(page.text().contains(radio), "{radio}: {}", page.text());
    }
    let refused = submit(&sandbox, target, "means=credit&do=pay");
    assert!(refused.status == 409 && refused.text().contains("no_credit"), "{}", refused.text());
    assert_eq!(state(&sandbox, "order-1"), "NOTPAY");
    assert_eq!(submit(&sandbox, target, "means=gold&do=pay").status, 400);
    assert_eq!(submit(&sandbox, target, "means=debit&do=pay").status, 303);
    assert_eq!(state(&sandbox, "order-1"), "SUCCESS");
}

#[test]
fn an_h5_page_leads_back_to_the_merchant_and_only_to_addresses_of_the_web() {
    let sandbox = crate::sandbox().start().unwrap();
    let target =
        h5(&sandbox, "h5-order-1", "&redirect_url=https%3A%2F%2Fshop.example.com%2Fpaid%3Fa%3D1%26b%3D2");
    assert!(target.starts_with(PAY_URL), "{target}");
    assert!(!get(&sandbox, &target).text().contains("shop.example.com"), "not before it is paid");
    assert_eq!(submit(&sandbox, &target, "means=card&do=pay").status, 303);
    let page = get(&sandbox, &target);
    let leads = "<meta http-equiv=\"refresh\" content=\"2; url=https://shop.example.com/paid?a=1&amp;b=2\">";
    assert!(page.text().contains(leads), "{}", page.text());

    for (place, url) in
        ["javascript:alert(1)", "//example.com", "https://a/%22%3E%3Cscript%3E", "data:text/html,a"]
            .into_iter()
            .enumerate()
    {
        let target = h5(&sandbox, &format!("h5-other-{place}"), &format!("&redirect_url={url}"));
        let cancelled = submit(&sandbox, &target, "do=cancel");
        assert!(!cancelled.text().contains("refresh") && !cancelled.text().contains("返回商户"), "{url}");
    }
    assert_eq!(
        sandbox.pay_page("h5-other-0").unwrap().split_once("checkmweb").unwrap().0,
        format!("{}/cgi-bin/mmpayweb-bin/", sandbox.base_url())
    );
}

#[test]
fn an_h5_url_is_opened_as_it_came() {
    let sandbox = crate::sandbox().start().unwrap();
    let target = h5(&sandbox, "h5-order-1", "");
    let (without, package) = target.split_once("&package=").unwrap();
    assert!(package.len() == 10 && package.bytes().all(|byte| byte.is_ascii_digit()), "{target}");
    let jsapi = {
        let kit = sandbox.kit();
        let body = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "jsapi-order-1",
            "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1 }, "payer": { "openid": kit.openid },
        });
        let made = Client::new(&sandbox).post("/v3/pay/transactions/jsapi", &body).success();
        format!("{PAY_URL}{}&package={package}", made["prepay_id"].as_str().unwrap())
    };
    for other in [without, &format!("{without}&package="), &format!("{without}&package=999"), &jsapi] {
        let page = get(&sandbox, other);
        assert_eq!(page.status, 400, "{other}");
        assert!(page.text().contains("package") && !page.text().contains("<form"), "{}", page.text());
        assert_eq!(submit(&sandbox, other, "means=card&do=pay").status, 400);
        let pays = PaymentRequest::new(format!("https://wx.tenpay.com{other}"));
        let refused = sandbox.pay(&pays).unwrap_err().to_string();
        assert!(refused.contains("package"), "{refused}");
    }
    assert_eq!(state(&sandbox, "h5-order-1"), "NOTPAY");
    // The tests' orders are made with 127.0.0.1, for which the real page does not open.
    assert!(get(&sandbox, &target).text().contains("the real page does not open for this payer_client_ip"));
    assert!(!get(&sandbox, &native(&sandbox, "native-1")).text().contains("payer_client_ip"));
    // More may stand behind it, and the page that the command prints has it too.
    assert_eq!(get(&sandbox, &format!("{target}&redirect_url=https%3A%2F%2Fshop.example.com")).status, 200);
    assert_eq!(sandbox.pay_page("h5-order-1").unwrap(), format!("{}{target}", sandbox.base_url()));
    assert!(sandbox.pay(&PaymentRequest::new(format!("https://wx.tenpay.com{target}"))).unwrap().paid);
}

#[test]
fn what_a_merchant_wrote_is_text_on_the_page() {
    let sandbox = crate::sandbox().start().unwrap();
    order(&sandbox, "native", "order-1", "<script>alert('1')</script>\"&");
    let address = sandbox.pay_page("order-1").unwrap();
    let page = get(&sandbox, address.strip_prefix(sandbox.base_url()).unwrap());
    assert!(
        page.text().contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains("<script"), "{}", page.text());
    let policy = page.header("Content-Security-Policy").unwrap();
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !page.text().contains("style=") && !page.text().contains("<style"));
    let style = get(&sandbox, "/pay/page.css");
    assert_eq!((style.status, style.header("Content-Type")), (200, Some("text/css; charset=utf-8")));
}

#[test]
fn a_page_of_another_site_cannot_pay() {
    let sandbox = crate::sandbox().start().unwrap();
    let target = native(&sandbox, "order-1");
    let token =
        get(&sandbox, &target).text().split_once("name=\"token\" value=\"").unwrap().1[..64].to_owned();
    let form = format!("token={token}&do=pay");
    let own = format!("Origin: http://{}\r\n", sandbox.address());
    for (headers, body) in [
        ("Origin: https://example.com\r\n", &*form),
        ("Origin: null\r\n", &form),
        ("Sec-Fetch-Site: cross-site\r\n", &form),
        ("Host: sandbox.example.com\r\n", &form),
        (&own, "do=pay"),
        (&own, "token=&do=pay"),
        (&own, &form.replace(&token[..8], "00000000")),
    ] {
        let refused = send(&sandbox, "POST", &target, headers, body);
        assert_eq!(refused.status, 403, "{headers}{body}");
    }
    assert_eq!(send(&sandbox, "GET", &target, "Host: sandbox.example.com\r\n", "").status, 403);
    // The token of another order.
    let other = native(&sandbox, "order-2");
    assert_eq!(send(&sandbox, "POST", &other, &own, &form).status, 403);
    assert_eq!(state(&sandbox, "order-1"), "NOTPAY");
    assert_eq!(send(&sandbox, "POST", &target, &own, &form).status, 303);
}

#[test]
fn what_cannot_be_paid_says_why_and_has_no_form() {
    let sandbox = crate::sandbox().start().unwrap();
    assert_eq!(get(&sandbox, "/pay/aaaaaaazz").status, 404);
    assert_eq!(get(&sandbox, &format!("{PAY_URL}wx1&package=1")).status, 404);
    assert_eq!(send(&sandbox, "PUT", "/pay/aaaaaaazz", "", "").status, 404);
    let first = native(&sandbox, "order-1");
    let second = native(&sandbox, "order-1");
    let page = get(&sandbox, &first);
    assert!(page.text().contains("took its place") && !page.text().contains("<form"), "{}", page.text());
    let late = h5(&sandbox, "h5-order-1", "");
    sandbox.run_for(300).unwrap();
    assert!(get(&sandbox, &late).text().contains("expired"));
    let unpaid = submit(&sandbox, &late, "do=pay");
    assert!(unpaid.status == 409 && unpaid.text().contains("expired"), "{}", unpaid.text());
    assert_eq!(send(&sandbox, "DELETE", &second, "", "").status, 405);
    let long = "a".repeat(5_000);
    assert_eq!(send(&sandbox, "POST", &second, "", &format!("do=pay&token={long}")).status, 413);
    assert_eq!(send(&sandbox, "POST", &second, "", &"a".repeat(600_000)).status, 413);
    assert!(matches!(sandbox.pay_page("order-9"), Err(PaymentError::NotFound(_))));
}

#[test]
fn all_parts_of_a_combined_order_are_on_one_page() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let part = |number: &str, fen: i64, description: &str| {
        json!({ "mchid": kit.mchid, "out_trade_no": number, "description": description, "attach": "a",
            "amount": { "total_amount": fen, "currency": "CNY" } })
    };
    let body = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "whole-1",
        "sub_orders": [part("part-1", 100, "茶"), part("part-2", 250, "水")], "notify_url": "http://127.0.0.1:9/notify",
    });
    let client = Client::new(&sandbox).in_time();
    client.post("/v3/combine-transactions/native", &body).success();
    let address = sandbox.pay_page("whole-1").unwrap();
    let target = address.strip_prefix(sandbox.base_url()).unwrap();
    let page = get(&sandbox, target);
    for text in ["¥3.50", "¥1.00", "¥2.50", "茶", "水", "whole-1"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    assert_eq!(submit(&sandbox, target, "do=pay").status, 303);
    let whole = client.get("/v3/combine-transactions/out-trade-no/whole-1").success();
    assert_eq!(whole["sub_orders"][1]["trade_state"], "SUCCESS");
}

#[test]
fn visits_are_in_no_log_and_meet_no_fault() {
    let sandbox = crate::sandbox().start().unwrap();
    let target = native(&sandbox, "order-1");
    let before = sandbox.log().len();
    assert_eq!(send(&sandbox, "GET", &target, "Weipay-Sandbox-Fault: 500\r\n", "").status, 200);
    submit(&sandbox, &target, "do=cancel");
    send(&sandbox, "POST", &target, "", &"a".repeat(600_000));
    assert_eq!(sandbox.log().len(), before, "{:?}", sandbox.log());
    let page = get(&sandbox, &target);
    assert!(!page.check_signature());
    // By the control API, as the command does it.
    let told = sandbox.control().unwrap().call("GET", "/orders/page?order=order-1", None).unwrap();
    assert_eq!(told["page"], format!("{}{target}", sandbox.base_url()));
}

#[test]
fn a_chosen_person_pays_with_their_own_coupons_or_not_at_all() {
    let sandbox = crate::sandbox().start().unwrap();
    let appid = &sandbox.kit().appid;
    let [first, second] =
        [(), ()].map(|()| sandbox.platform().add_person(std::slice::from_ref(appid)).unwrap());
    for target in [
        native(&sandbox, "order-1"),
        h5(&sandbox, "order-2", "&redirect_url=https%3A%2F%2Fshop.example.com%2F"),
    ] {
        let page = get(&sandbox, &target);
        for person in [&first, &second] {
            let option = format!("<option value=\"{}\">{}</option>", person.unionid, person.openids[appid]);
            assert!(page.text().contains(&option), "{option}: {}", page.text());
        }
        let separator = if target.contains('?') { '&' } else { '?' };
        let chosen = format!("{target}{separator}person={}", second.unionid);
        let page = get(&sandbox, &chosen);
        let option = format!("<option value=\"{}\" selected>", second.unionid);
        assert!(page.text().contains(&option), "{}", page.text());
        if target.contains('?') {
            // The form of the choice keeps the address of an H5 order.
            assert!(
                page.text().contains("<input type=\"hidden\" name=\"prepay_id\" value=\"wx"),
                "{}",
                page.text()
            );
            assert!(page.text().contains("<input type=\"hidden\" name=\"package\" value=\""));
            assert!(page.text().contains("name=\"redirect_url\" value=\"https://shop.example.com/\""));
        }
        sandbox.platform().set_account_state(&second.unionid, AccountState::Frozen).unwrap();
        let frozen = submit(&sandbox, &chosen, "means=card&do=pay");
        assert!(frozen.status == 409 && frozen.text().contains("Not paid: frozen."), "{}", frozen.text());
        sandbox.platform().set_account_state(&second.unionid, AccountState::Normal).unwrap();
        assert_eq!(submit(&sandbox, &chosen, "means=card&do=pay").status, 303);
        assert!(!get(&sandbox, &chosen).text().contains("<select"), "it is paid");
    }
    let number = "order-1";
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", sandbox.kit().mchid);
    let client = Client::new(&sandbox).in_time();
    assert_eq!(client.get(&target).success()["payer"]["openid"], second.openids[appid].as_str());
}

#[test]
fn an_order_that_names_its_person_offers_no_other() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let person = sandbox.platform().add_person(std::slice::from_ref(&kit.appid)).unwrap();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1 }, "payer": { "openid": kit.openid },
    });
    Client::new(&sandbox).post("/v3/pay/transactions/jsapi", &body).success();
    let address = sandbox.pay_page("order-1").unwrap();
    let target = format!("{}?person={}", address.strip_prefix(sandbox.base_url()).unwrap(), person.unionid);
    assert!(!get(&sandbox, &target).text().contains("<select"));
    assert_eq!(submit(&sandbox, &target, "means=card&do=pay").status, 303);
    for broken in ["person=", "person=a", "person=%3Cscript%3E"] {
        let target = native(&sandbox, &format!("order-{}", broken.len()));
        assert_eq!(get(&sandbox, &format!("{target}?{broken}")).status, 200);
    }
}
