//! What the clients send: path, query, headers and body, as a separate platform sees and checks them.

use crate::platform::{PUBLIC_KEY_ID, Platform, configured, signed};
use serde_json::json;
use weipay::error::{ErrorKind, RequestError};
use weipay::notification::Receiver;
use weipay::transport::blocking::Body;
use weipay::v3::marketing::busifavor::coupons::disassociate::post;
use weipay::v3::marketing::busifavor::users::openid::coupons::get;
use weipay::wire::{Certificate, MerchantId, MerchantSerial, PrivateKey, PublicKeyId};
use weipay::{ClientBuilder, ConfigError};

#[test]
fn path_values_query_and_headers_arrive_as_they_were_signed() {
    let platform = Platform::start(vec![signed(200, r#"{"limit":20}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    client
        .chain("v3/marketing/busifavor/users/{openid}/coupons")
        .path("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/|券")
        .query("appid", "wx 1&2")
        .query("limit", 20)
        .header("Accept-Language", "en")
        .header("Wechatpay-Serial", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1")
        .header("Authorization", "forged")
        .get()
        .unwrap();
    let seen = platform.seen();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        (
            "GET",
            "/v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o%2F%7C%E5%88%B8/coupons?appid=wx%201%262&limit=20"
        )
    );
    assert_eq!(seen.header("accept-language"), Some("en"));
    assert_eq!(seen.header("wechatpay-serial"), Some("5157F09EFDC096DE15EBE81A47057A7232F1B8E1"));
    assert!(seen.header("user-agent").unwrap().starts_with("weipay/"));
    assert!(seen.header("accept").unwrap().contains("application/json"));
    assert!(seen.header("content-type").is_none() && seen.body.is_empty());
}

#[test]
fn a_slash_at_the_end_of_a_path_is_sent_in_every_style() {
    let platform = Platform::start((0..7).map(|_| signed(200, "{}")).collect());
    let client = platform.builder().check_requests(false).build_blocking().unwrap();
    let path = "v3/applyment4sub/applyment/";
    client
        .v3()
        .applyment4sub()
        .applyment()
        .post(weipay::v3::applyment4sub::applyment::post::Request::new())
        .unwrap();
    client.chain(path).post(json!({})).unwrap();
    client.chain("/v3/applyment4sub/applyment/").post(json!({})).unwrap();
    client[path].post(json!({})).unwrap();
    client["/v3"]["applyment4sub/"]["applyment/"].post(json!({})).unwrap();
    for _ in 0..5 {
        assert_eq!(platform.seen().target, "/v3/applyment4sub/applyment/");
    }
    assert_eq!(client[path].template(), path);
    // None is added either. Here the client tells whoever leaves it out, since nothing would be encrypted.
    let without = "v3/applyment4sub/applyment";
    for call in [client.chain(without), client[without].header("a", "b")] {
        let error = call.post(json!({})).unwrap_err();
        assert!(
            error.to_string().contains("with a slash at the end: POST v3/applyment4sub/applyment/"),
            "{error}"
        );
    }
    assert!(!platform.saw_more());
}

#[test]
fn every_verb_is_sent_under_its_name() {
    let platform = Platform::start((0..5).map(|_| signed(200, "{}")).collect());
    let client = platform.builder().build_blocking().unwrap();
    let call = || client.chain("v3/a");
    call().get().unwrap();
    call().post(json!({"a": 1})).unwrap();
    call().put(json!({"a": 1})).unwrap();
    call().patch(json!({"a": 1})).unwrap();
    call().delete().unwrap();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let seen = platform.seen();
        assert_eq!(seen.method, method);
        assert_eq!(
            seen.body.as_slice(),
            if ["GET", "DELETE"].contains(&method) { b"" as &[u8] } else { b"{\"a\":1}" }
        );
        assert_eq!(seen.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));
    }
}

#[test]
fn a_base_url_with_a_prefix_is_signed_with_it() {
    let platform = Platform::start(vec![signed(200, "`1"), signed(200, "`1")]);
    let client = platform.builder().base_url(&format!("{}/hk/", platform.base_url)).build_blocking().unwrap();
    client.chain("v3/statements").get().unwrap();
    assert_eq!(platform.seen().target, "/hk/v3/statements");
    client.chain("v3/statements").base_url(&platform.base_url).get().unwrap();
    assert_eq!(platform.seen().target, "/v3/statements");
}

/// Keeps where a request would have gone.
#[derive(Clone, Default)]
struct Kept(std::sync::Arc<std::sync::Mutex<String>>);

impl weipay::blocking::Transport for Kept {
    fn send(
        &self,
        request: http::Request<Body>,
        _: std::time::Duration,
    ) -> Result<http::Response<Body>, weipay::error::NetworkError> {
        *self.0.lock().unwrap() = request.uri().to_string();
        let mut refusal = http::Response::new(Body::empty());
        *refusal.status_mut() = http::StatusCode::BAD_REQUEST;
        Ok(refusal)
    }
}

#[test]
fn an_operation_goes_to_its_host_unless_the_client_has_another() {
    let path = "v3/global/transactions/jsapi";
    let kept = Kept::default();
    let went = || kept.0.lock().unwrap().clone();
    let main = configured().blocking_transport(kept.clone()).build_blocking().unwrap();
    main.chain(path).post(()).unwrap_err();
    assert!(went().starts_with("https://apihk.mch.weixin.qq.com/"), "{}", went());
    main.chain("v3/pay/transactions/jsapi").post(()).unwrap_err();
    assert_eq!(went(), "https://api.mch.weixin.qq.com/v3/pay/transactions/jsapi");
    main.chain(path).base_url("https://apius.mch.weixin.qq.com").post(()).unwrap_err();
    assert_eq!(went(), "https://apius.mch.weixin.qq.com/v3/global/transactions/jsapi");
    let local = configured().base_url("http://127.0.0.1:9").blocking_transport(kept.clone());
    local.build_blocking().unwrap().chain(path).post(()).unwrap_err();
    assert_eq!(went(), "http://127.0.0.1:9/v3/global/transactions/jsapi");
}

#[test]
fn a_typed_request_puts_each_field_in_its_place() {
    let platform = Platform::start(vec![
        signed(200, r#"{"limit":5}"#),
        signed(200, r#"{"wechatpay_disassociate_time":"2015-05-20T13:29:35+08:00"}"#),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let busifavor = client.v3().marketing().busifavor();
    let request = get::Request::new()
        .appid("wxd678efh567hg6787")
        .coupon_state(get::BusifavorCouponState::Sended)
        .limit(5);
    busifavor.clone().users().openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").coupons().get(request).unwrap();
    assert_eq!(
        platform.seen().target,
        "/v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons?appid=wxd678efh567hg6787&coupon_state=SENDED&limit=5"
    );
    let request = post::Request::new().stock_id("1").coupon_code("2").out_trade_no("3").out_request_no("4");
    busifavor.coupons().disassociate().post(request).unwrap();
    let seen = platform.seen();
    assert_eq!(seen.body, br#"{"stock_id":"1","coupon_code":"2","out_trade_no":"3","out_request_no":"4"}"#);
    assert_eq!(seen.header("content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn a_typed_request_that_breaks_a_rule_is_not_sent_unless_the_check_is_off() {
    let platform =
        Platform::start(vec![signed(200, r#"{"wechatpay_disassociate_time":"2015-05-20T13:29:35+08:00"}"#)]);
    let broken = || {
        post::Request::new().stock_id("1").coupon_code("x".repeat(33)).out_trade_no("3").out_request_no("4")
    };
    let checked = platform.builder().build_blocking().unwrap();
    let error = checked.v3().marketing().busifavor().coupons().disassociate().post(broken()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was sent: `coupon_code` has 33 characters: 1 to 32 (取消关联订单信息 · POST v3/marketing/busifavor/coupons/disassociate)"
    );
    assert!(error.is_request() && !error.may_have_taken_effect() && !platform.saw_more());

    let unchecked = platform.builder().check_requests(false).build_blocking().unwrap();
    unchecked.v3().marketing().busifavor().coupons().disassociate().post(broken()).unwrap();
    assert_eq!(
        platform.seen().body.len(),
        33 + r#"{"stock_id":"1","coupon_code":"","out_trade_no":"3","out_request_no":"4"}"#.len()
    );
}

#[test]
fn a_path_value_that_breaks_a_rule_is_not_sent_unless_the_check_is_off() {
    let platform = Platform::start(vec![signed(200, &json!({"stock_id": "9".repeat(21)}).to_string())]);
    let checked = platform.builder().build_blocking().unwrap();
    let error = checked.v3().marketing().busifavor().stocks().stock_id("9".repeat(21)).get().unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was sent: `stock_id` has 21 characters: 1 to 20 (查询商家券详情 · GET v3/marketing/busifavor/stocks/{stock_id})"
    );
    assert!(error.is_request() && !error.may_have_taken_effect() && !platform.saw_more());

    let unchecked = platform.builder().check_requests(false).build_blocking().unwrap();
    unchecked.v3().marketing().busifavor().stocks().stock_id("9".repeat(21)).get().unwrap();
    assert_eq!(platform.seen().target, format!("/v3/marketing/busifavor/stocks/{}", "9".repeat(21)));
}

#[test]
fn a_mistake_in_the_call_is_told_before_anything_is_sent() {
    let client = configured().base_url("http://127.0.0.1:9").build_blocking().unwrap();
    let problem = |error: weipay::Error| match error.kind() {
        ErrorKind::Request(problem) => problem.clone(),
        other => panic!("{other:?}"),
    };
    let unfilled = client["v3/marketing/busifavor/stocks/{stock_id}"].get().unwrap_err();
    assert_eq!(problem(unfilled), RequestError::UnfilledPlaceholder("stock_id".into()));
    let header = client.chain("v3/a").header("X", "line\r\nbreak").get().unwrap_err();
    assert_eq!(problem(header), RequestError::Header("X".into()));
    let base = client.chain("v3/a").base_url("gopher://a").get().unwrap_err();
    assert!(matches!(problem(base), RequestError::BaseUrl(_)));
    let path = client.chain("v3/../v2/a").get().unwrap_err();
    assert!(matches!(problem(path), RequestError::Path(_)));
    struct Broken;
    impl serde::Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    assert!(matches!(problem(client.chain("v3/a").post(Broken).unwrap_err()), RequestError::Body(_)));
}

#[test]
fn a_header_of_the_connection_cannot_be_set() {
    let platform = Platform::start(Vec::new());
    let client = platform.builder().build_blocking().unwrap();
    for name in [
        "Host",
        "content-length",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        "Proxy-Authorization",
        "Proxy-Connection",
    ] {
        let error = client.chain("v3/a").header(name, "1").post(json!({"a": 1})).unwrap_err();
        let lower = name.to_ascii_lowercase();
        assert!(
            matches!(error.kind(), ErrorKind::Request(RequestError::FramingHeader(told)) if *told == lower)
        );
        assert!(error.to_string().starts_with(&format!("nothing was sent: the header {lower} ")), "{error}");
        let typed = client.v3().marketing().busifavor().coupons().disassociate().header(name, "1");
        let request = post::Request::new().stock_id("1").coupon_code("2");
        assert!(typed.post(request.out_trade_no("3").out_request_no("4")).unwrap_err().is_request());
    }
    // The parts of an upload are told apart by its content type.
    let file = weipay::UploadFile::new("a.png", &b"png"[..]);
    let upload = client.chain("v3/a").header("Content-Type", "multipart/form-data; boundary=x");
    assert!(upload.upload(json!({"filename": "a.png"}), &file).unwrap_err().is_request());
    assert!(!platform.saw_more());
}

#[test]
fn what_a_file_leaves_around_the_value_of_a_header_is_not_sent() {
    let platform = Platform::start(vec![signed(200, "{}")]);
    let client = platform.builder().build_blocking().unwrap();
    client.chain("v3/a").header("Wechatpay-Serial", " 0C4A\r\n").get().unwrap();
    assert_eq!(platform.seen().header("wechatpay-serial"), Some("0C4A"));
}

#[test]
fn a_whole_url_is_not_a_path_and_its_token_is_not_printed() {
    let client = configured().build_blocking().unwrap();
    let url = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=secret";
    for error in [
        client.chain(url).get().unwrap_err(),
        client[url].get().unwrap_err(),
        client.chain("v3/billdownload/file?token=secret&x=中").get().unwrap_err(),
    ] {
        assert!(error.is_request(), "{error}");
        assert!(
            !format!("{error} {error:?} {:?} {:?}", client[url], client.chain(url)).contains("secret"),
            "{error:?}"
        );
    }
    let error = client.chain(url).get().unwrap_err().to_string();
    assert!(error.contains("is a whole URL"), "{error}");
}

#[test]
fn indexing_gives_the_same_path_by_every_way_and_goes_on_with_many() {
    let platform = Platform::start(vec![signed(200, "{}"); 2]);
    let client = platform.builder().build_blocking().unwrap();
    let whole = &client["v3/marketing/busifavor/coupons/disassociate"];
    assert_eq!(client["v3"]["marketing/busifavor"]["coupons"]["disassociate"].template(), whole.template());
    assert_eq!(client["/v3/marketing/"]["/busifavor/coupons/disassociate"].template(), whole.template());
    let doubled = client["v3/marketing//busifavor"].get().unwrap_err();
    assert!(doubled.to_string().contains("doubled slash"), "{doubled}");
    assert_eq!(whole.template(), "v3/marketing/busifavor/coupons/disassociate");

    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let client = client.clone();
            std::thread::spawn(move || {
                for number in 0..300 {
                    let path = format!("v3/{}/{number}", (thread + number) % 7);
                    assert_eq!(client[&path].template(), path);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    for id in 0..10_000 {
        let _ = &client[&format!("v3/stocks/{id}")];
    }
    client["v3/stocks/beyond"].get().unwrap();
    client["v3"]["stocks"]["beyond"].get().unwrap();
    for _ in 0..2 {
        assert_eq!(platform.seen().target, "/v3/stocks/beyond");
    }
    assert!(std::ptr::eq(whole, &client["v3/marketing/busifavor/coupons/disassociate"]));
}

#[test]
fn a_client_with_many_paths_is_dropped_on_a_small_stack() {
    let client = configured().build_blocking().unwrap();
    for id in 0..8_000 {
        let _ = &client[&format!("v3/stocks/{id}")];
    }
    let _ = &client[&"a/".repeat(100)];
    std::thread::Builder::new().stack_size(128 * 1024).spawn(move || drop(client)).unwrap().join().unwrap();
}

#[test]
fn keys_that_do_not_belong_together_are_refused_when_the_client_is_made() {
    let own = PrivateKey::generate().unwrap();
    let base = || {
        ClientBuilder::default()
            .mchid(MerchantId::new("1900000001").unwrap())
            .merchant_serial(MerchantSerial::new(crate::platform::MERCHANT_SERIAL).unwrap())
            .merchant_key(own.clone())
    };
    let id = || PublicKeyId::new(PUBLIC_KEY_ID).unwrap();
    let missing = base().build_blocking().unwrap_err();
    assert!(missing.to_string().contains("微信支付公钥"), "{missing}");
    let swapped = base().public_key(id(), own.public_key()).build_blocking().unwrap_err();
    assert!(matches!(swapped, ConfigError::OwnKey(_)), "{swapped}");
    let [key, other] = [(); 2].map(|()| PrivateKey::generate().unwrap().public_key());
    let two = || base().public_key(id(), key.clone()).public_key(id(), other.clone());
    for refused in [two().build_blocking().unwrap_err(), Receiver::new().merchant(two()).unwrap_err()] {
        assert!(
            matches!(refused, ConfigError::Mismatch(_)) && refused.to_string().contains("same ID"),
            "{refused}"
        );
    }
    base().public_key(id(), key.clone()).public_key(id(), key).build_blocking().unwrap();
    let none = ClientBuilder::default().build_blocking().unwrap_err();
    assert!(none.to_string().contains("商户号"), "{none}");
    let url = configured().base_url("api.mch.weixin.qq.com").build_blocking().unwrap_err();
    assert!(url.to_string().contains("https://"), "{url}");
    let _: fn(&str) -> Result<Certificate, _> = Certificate::from_pem;
}

#[test]
fn neither_client_nor_error_prints_a_secret() {
    let client = configured().base_url("http://127.0.0.1:9").build_blocking().unwrap();
    let printed =
        format!("{client:?} {:?}", client.chain("v3/a").query("name", "张三").post(json!({"id": "secret"})));
    for secret in ["PRIVATE", "张三", "secret", "WECHATPAY2"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_tunnel_is_not_asked_for() {
    let platform = Platform::start(vec![signed(200, "{}")]);
    let client = platform.builder().build_blocking().unwrap();
    let error = client.chain("v3/certificates").request(http::Method::CONNECT, ()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::ConnectMethod)), "{error}");
    assert!(!error.may_have_taken_effect() && !platform.saw_more());
}
