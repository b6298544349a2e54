use std::sync::LazyLock;

use weipay_wire::PublicKey;

use super::*;

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let make = |serial: &str| {
        Arc::new(SigningKey { serial: serial.to_owned(), key: PrivateKey::generate().unwrap() })
    };
    let certificate = make("7132D72A03E93CDDF8C03BBD1F37EEDF00000000");
    let public_keys = vec![make("PUB_KEY_ID_01")];
    Signers { usual: Arc::clone(&certificate), public_keys, certificates: vec![certificate], notifying: None }
});

fn respond(wechatpay_serial: Option<&'static str>, draft: UnsignedResponse) -> Response {
    let mut request = Request::default();
    if let Some(serial) = wechatpay_serial {
        request.headers.insert("wechatpay-serial", HeaderValue::from_static(serial));
    }
    SIGNERS.signed(&request, draft, occasion(&Entropy::seeded(1)))
}

fn occasion(entropy: &Entropy) -> Occasion<'_> {
    Occasion { now: 1_756_951_532, signed: 1_786_766_400, entropy }
}

fn draft(status: u16, body: &str) -> UnsignedResponse {
    UnsignedResponse { status, body: body.as_bytes().to_vec(), tail: tail::SUCCESS }
}

fn verifies(response: &Response, key: &PublicKey) -> bool {
    let header = |name| response.header(name).unwrap();
    let message = response_message(header("wechatpay-timestamp"), header("wechatpay-nonce"), &response.body);
    key.verify(&message, header("wechatpay-signature")).is_ok()
}

#[test]
fn the_certificate_signs_unless_the_request_names_the_public_key() {
    for (asked, signer) in [
        (None, &*SIGNERS.usual),
        (Some(""), &*SIGNERS.usual),
        (Some("7132D72A03E93CDDF8C03BBD1F37EEDF00000000"), &*SIGNERS.usual),
        (Some("7132d72a03e93cddf8c03bbd1f37eedf00000000"), &*SIGNERS.usual),
        (Some("PUB_KEY_ID_01"), &*SIGNERS.public_keys[0]),
        (Some("PUB_KEY_ID_02"), &*SIGNERS.usual),
    ] {
        let response = respond(asked, draft(200, "{}"));
        assert_eq!(response.header("wechatpay-serial"), Some(&*signer.serial));
        assert!(verifies(&response, &signer.key.public_key()));
    }
}

#[test]
fn a_share_of_the_notifications_is_signed_by_the_public_key() {
    let share = |permille: u32| {
        let public_key = Arc::clone(&SIGNERS.public_keys[0]);
        let signers = Signers {
            usual: Arc::clone(&SIGNERS.usual),
            public_keys: vec![Arc::clone(&public_key)],
            certificates: Vec::new(),
            notifying: Some((permille, public_key)),
        };
        (1..=1000).filter(|number| signers.for_notification(*number, "").serial == "PUB_KEY_ID_01").count()
    };
    assert_eq!([0, 1, 10, 500, 1000].map(share), [0, 1, 10, 500, 1000]);
}

#[test]
fn a_response_without_a_body_is_signed_over_an_empty_one() {
    let response = respond(None, draft(204, ""));
    assert!(verifies(&response, &SIGNERS.usual.key.public_key()));
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn headers_come_in_the_platforms_order() {
    let response = respond(None, draft(200, "{}"));
    let names: Vec<&str> = response.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "server",
            "date",
            "content-type",
            "cache-control",
            "x-content-type-options",
            "request-id",
            "content-language",
            "wechatpay-nonce",
            "wechatpay-signature",
            "wechatpay-timestamp",
            "wechatpay-serial",
            "wechatpay-signature-type"
        ]
    );
}

#[test]
fn who_is_turned_away_gets_no_signature() {
    let away = Rejection::Refused {
        refusal: Refusal::sign_error("签名错误", "no signature"),
        has_request_id: true,
    };
    let entropy = Entropy::seeded(1);
    let response = rejected(&away, occasion(&entropy));
    assert!(response.headers.keys().all(|name| !name.as_str().starts_with("wechatpay")));
    assert!(response.header("request-id").is_some());
    let lost = rejected(&Rejection::Unrouted { status: 404, reason: String::new() }, occasion(&entropy));
    assert_eq!((lost.status, lost.body.is_empty(), lost.header("request-id")), (404, true, None));
}

#[test]
fn signature_and_date_are_of_the_clients_clock_and_the_request_id_is_of_the_sandboxs() {
    let response = respond(None, draft(200, "{}"));
    assert_eq!(response.header("wechatpay-timestamp"), Some("1786766400"));
    assert_eq!(response.header("date"), Some(&*clock::http_date(1_786_766_400)));
    assert!(response.header("request-id").unwrap().starts_with("08ECE7E3C50610"));
}

#[test]
fn a_varint_is_written_as_in_the_protobuf_guide() {
    assert_eq!(varint(150).collect::<Vec<_>>(), [0x96, 0x01]);
    assert_eq!(varint(0).collect::<Vec<_>>(), [0]);
    assert_eq!(varint(u64::MAX).count(), 10);
}

#[test]
fn a_request_id_begins_with_the_time_and_ends_with_the_code() {
    let id = request_id(1_756_951_532, 268_435_461, &Entropy::seeded(1));
    // Field 1, then 1756951532 in groups of seven bits.
    assert!(id.starts_with("08ECE7E3C50610"), "{id}");
    assert!(id.ends_with("-268435461"));
    assert!(
        id.split('-')
            .next()
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
    );
}
