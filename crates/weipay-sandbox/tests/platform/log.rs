//! What the sandbox keeps of each request, and that nothing secret comes out of it.

use serde_json::{Value, json};
use weipay_sandbox::Sandbox;
use weipay_wire::request_message;

use crate::client::Client;
use crate::merchant::FAMILY;
use crate::sandbox;

/// Everything that can be read of the log, in one text.
fn everything(sandbox: &Sandbox) -> String {
    let control = sandbox.control().unwrap();
    let mut text = String::new();
    for exchange in sandbox.log() {
        text.push_str(&format!("{exchange}\n{exchange:?}\n"));
        text.push_str(&control.call("GET", &format!("/log/{}", exchange.number), None).unwrap().to_string());
    }
    text.push_str(&control.call("GET", "/log", None).unwrap().to_string());
    text
}

#[test]
fn secrets_and_people_are_in_nothing_that_comes_out() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let secret = "Geheim8237";
    let phone = "13912345678";
    let name = "\u{738b}\u{5c0f}\u{660e}";
    let openid = sandbox.kit().openid.clone();
    let body = json!({
        "appid": sandbox.kit().appid,
        "mchid": sandbox.kit().mchid,
        "description": "tea",
        "out_trade_no": "order-7-order",
        "notify_url": format!("http://user:{secret}@127.0.0.1:9/{secret}?token={secret}"),
        "amount": { "total": 100 },
        "payer": { "openid": openid },
        "password": secret, "phone": phone, "people": [phone, { "name": name }],
    })
    .to_string();
    let path = "/v3/pay/transactions/jsapi";
    let target = format!("{path}?phone={phone}&name={secret}");
    let mut request = client.request("POST", &target, body.as_bytes());
    for name in ["X-Token", "Cookie", "Proxy-Authorization"] {
        request.set(name, secret);
    }
    let header = request.headers.iter().find(|(name, _)| name == "Authorization").unwrap();
    let signature = header.1.parse::<weipay_wire::Authorization>().unwrap().signature;
    client.send(&request);
    // Wrong signatures keep both messages.
    let mut wrong = client.request("POST", &target, body.as_bytes());
    let mut authorization = client.authorization("POST", &target, body.as_bytes());
    let (time, nonce) = (authorization.timestamp, authorization.nonce_str.clone());
    authorization.signature =
        client.key.sign(&request_message("POST", path, time, &nonce, body.as_bytes())).unwrap();
    wrong.set("Authorization", &authorization.to_string());
    client.send(&wrong);
    wrong.set("Authorization", &format!("Bearer {secret}"));
    client.send(&wrong);
    wrong.body = format!("name={secret}").into_bytes();
    client.send(&wrong);
    client.get(&format!("{FAMILY}/users/{openid}/coupons/1/appids/wx1?secret={openid}"));
    client.get(&format!("/v3/nowhere/{openid}/{secret}?a={phone}"));
    client.get("/v3/merchant/fund/balance/BASIC");
    client.post(&format!("{FAMILY}/coupons/send"), &json!({ "openid": openid, "name": name }));
    let text = everything(&sandbox);
    assert!(text.matches("out_trade_no").count() > 3 && text.contains("order-7-order"), "{text}");
    let key = sandbox.kit().api_v3_key.clone();
    for hidden in [secret, phone, name, &openid, &signature, &authorization.signature, &key] {
        assert!(
            !text.contains(hidden),
            "{hidden} in {}",
            &text[text.find(hidden).unwrap().saturating_sub(200)..][..400]
        );
    }
}

#[test]
fn what_came_what_went_and_why_is_told() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    client.get("/v3/merchant/fund/balance/BASIC?x=1");
    client.get("/v3/pay/transaction/jsapi");
    let log = sandbox.log();
    assert_eq!(log.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
    let unknown = &log[1];
    assert_eq!((unknown.entry.status, unknown.is_failed()), (Some(404), true));
    let reason = unknown.entry.reason.as_deref().unwrap();
    assert!(reason.contains("similar paths: POST /v3/pay/transactions/jsapi"), "{reason}");
    let text = unknown.to_string();
    assert!(text.starts_with("#2 ") && text.contains("> user-agent: weipay-test"), "{text}");
}

#[test]
fn the_log_stays_within_its_bytes_under_many_large_requests() {
    let sandbox = sandbox().log_bytes(200_000).start().unwrap();
    let client = Client::new(&sandbox);
    let body = json!({ "stock_name": "x".repeat(30_000) });
    for _ in 0..40 {
        client.post(&format!("{FAMILY}/stocks"), &body);
    }
    let log = sandbox.log();
    assert!((2..=6).contains(&log.len()), "{}", log.len());
    assert_eq!(log.last().unwrap().number, 40);
    let page = sandbox.control().unwrap().call("GET", "/log?after=0", None).unwrap();
    assert_eq!(page["dropped"], 40 - log.len());
    let none = crate::sandbox().log_bytes(0).start().unwrap();
    Client::new(&none).get("/v3/merchant/fund/balance/BASIC");
    assert!(none.log().is_empty());
}

#[test]
fn the_list_is_read_in_pages_and_waits_for_what_comes() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    client.get("/v3/nowhere");
    client.get("/v3/merchant/fund/balance/BASIC");
    let control = sandbox.control().unwrap();
    let list = |query: &str| control.call("GET", &format!("/log?{query}"), None).unwrap();
    let numbers = |page: &Value| {
        page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&list("after=0&limit=1")), [1]);
    assert_eq!(numbers(&list("after=1")), [2]);
    assert_eq!(numbers(&list("failed=true")), [1]);
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| list("after=2&failed=true&wait=30"));
        client.get("/v3/merchant/fund/balance/BASIC");
        client.get("/v3/nowhere");
        waiting.join().unwrap()
    });
    assert_eq!((numbers(&waiting), &waiting["next"]), (vec![4], &json!(4)));
    // Many who wait keep no request waiting.
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| list("after=5&wait=30"));
        }
        for _ in 0..6 {
            assert_eq!(client.get("/v3/merchant/fund/balance/BASIC").status, 200);
        }
    });
}

#[test]
fn what_is_no_request_has_its_line_too() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let mut stream = client.connect();
    std::io::Write::write_all(&mut stream, b"CONNECT elsewhere.example:443 HTTP/1.1\r\n\r\n").unwrap();
    crate::client::rest(&mut stream);
    sandbox.control().unwrap().call("GET", "/log?after=0&wait=30", None).unwrap();
    let log = sandbox.log();
    assert!(log[0].to_string().contains("CONNECT elsewhere.example:443"), "{}", log[0]);
}
