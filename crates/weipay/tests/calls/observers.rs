//! What an observer and the spans of `tracing` are told, and what neither may be told.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use weipay::error::ErrorClass;
use weipay::observer::{EndedAttempt, EndedCall, Observer};
use weipay::wire::MerchantId;
use weipay::{RetryConfig, SubMerchant};

use crate::on_async;
use crate::platform::{Platform, configured, signed, unsigned};
use crate::server::Server;

const ORDER: &str = "v3/pay/transactions/native";
const SECRETS: [&str; 5] = ["oSecretOpenid", "secret-code", "WECHATPAY2", "signature=", "Secret name"];

/// What an observer was told, a text for each.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Observer for Notes {
    fn attempt_ended(&self, attempt: &EndedAttempt<'_>) {
        assert_eq!(attempt.server_address(), "127.0.0.1");
        assert!(attempt.server_port() > 0 && attempt.duration() > Duration::ZERO);
        let (status, class) = (attempt.status().unwrap(), attempt.error_class().map(ErrorClass::as_str));
        self.note(format!("attempt {} {} {class:?}", attempt.number(), status.as_u16()));
        self.note(format!("{attempt:?}"));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        let (title, class) =
            (call.operation().map(|known| known.title()), call.error_class().map(ErrorClass::as_str));
        self.note(format!("call {title:?} {} {class:?} {:?}", call.attempts(), call.request_id()));
        self.note(format!("{call:?}"));
    }
}

fn without_debug(notes: &Notes) -> Vec<String> {
    notes.take().into_iter().filter(|note| !note.starts_with("Ended")).collect()
}

#[test]
fn an_observer_is_told_of_each_attempt_and_of_each_call() {
    let notes = Notes::default();
    let fault = || unsigned(502, "").header("Request-ID", "08F0-1");
    let good = || signed(200, r#"{"code_url":"weixin://x"}"#).header("Request-ID", "08F0-2");
    for is_async in [true, false] {
        let server =
            Server::start(vec![fault().into(), good().into(), unsigned(403, r#"{"code":"NO_AUTH"}"#).into()]);
        let builder = configured().base_url(&server.base_url()).observer(notes.clone());
        let body = json!({"out_trade_no": "1"});
        if is_async {
            let client = builder.build().unwrap();
            on_async(async {
                client.chain(ORDER).post(&body).await.unwrap();
                client.chain("v3/no/such/path").get().await.unwrap_err();
                client.chain("v3/a/{id}").get().await.unwrap_err();
            });
        } else {
            let client = builder.build_blocking().unwrap();
            client.chain(ORDER).post(&body).unwrap();
            client.chain("v3/no/such/path").get().unwrap_err();
            client.chain("v3/a/{id}").get().unwrap_err();
        }
        assert_eq!(
            without_debug(&notes),
            [
                "attempt 1 502 Some(\"platform_fault\")",
                "attempt 2 200 None",
                "call Some(\"Native下单\") 2 None Some(\"08F0-2\")",
                "attempt 1 403 Some(\"permission\")",
                "call None 1 Some(\"permission\") None",
                // It was not sent: a placeholder has no value.
                "call None 0 Some(\"parameter\") None",
            ]
        );
    }
}

#[test]
fn a_download_is_told_like_a_call_and_its_token_is_not() {
    for is_async in [true, false] {
        let notes = Notes::default();
        let platform = Platform::start(vec![
            unsigned(200, "`1").header("Content-Type", "text/plain").header("Request-ID", "08F0-7"),
        ]);
        let url = format!("{}/v3/billdownload/file?token=secret-code", platform.base_url);
        let builder = platform.builder().observer(notes.clone());
        let text = told(|| {
            if is_async {
                let client = builder.build().unwrap();
                drop(on_async(async { client.download(url.as_str()).to_bytes().await }).unwrap());
            } else {
                let client = builder.build_blocking().unwrap();
                drop(client.download(url.as_str()).to_bytes().unwrap());
            }
        });
        assert_eq!(
            without_debug(&notes),
            ["attempt 1 200 None", "call Some(\"下载账单\") 1 None Some(\"08F0-7\")"]
        );
        assert!(text.contains("weipay.request_id=\"08F0-7\""), "{text}");
        assert!(
            text.contains("url.template=\"/v3/billdownload/file\"") && !text.contains("secret-code"),
            "{text}"
        );
    }
}

/// Keeps what the crate `log` is given on a thread that listens, of every level.
struct Logged;

thread_local! {
    static LOGGED: RefCell<Option<Vec<(String, String)>>> = const { RefCell::new(None) };
}

impl log::Log for Logged {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        LOGGED.with_borrow(Option::is_some)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // Writing it may ask whether it is enabled.
            let logged = (record.target().to_owned(), record.args().to_string());
            LOGGED.with_borrow_mut(|all| all.get_or_insert_default().push(logged));
        }
    }

    fn flush(&self) {}
}

/// What an `EnvFilter` of `ureq=off,ureq_proto=off` keeps away, as the documents say.
fn is_kept_away(target: &str) -> bool {
    ["ureq", "ureq_proto"]
        .iter()
        .any(|name| target.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
}

#[test]
fn with_the_filter_of_the_documents_no_log_has_anything_of_a_call() {
    // SECURITY.md has it too; a package of this crate does not have that file.
    for document in [include_str!("../../src/observer.rs"), include_str!("../../examples/tracing.rs")] {
        assert!(document.contains("`ureq=off,ureq_proto=off`"));
    }
    log::set_logger(&Logged).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let secrets = ["oSecretOpenid", "secret-code", "WECHATPAY2", "signature=", "Secret name"];
    let call = |client: &dyn Fn(&str) -> weipay::Error| {
        LOGGED.set(Some(Vec::new()));
        let platform = Platform::start(vec![unsigned(302, "").header("Location", "/secret-code")]);
        client(&platform.base_url);
        LOGGED.take().unwrap()
    };
    let (path, body) = ("v3/marketing/favor/users/{openid}/coupons", json!({"name": "Secret name"}));
    let blocking = call(&|base_url| {
        let client = configured().base_url(base_url).build_blocking().unwrap();
        client.chain(path).path("openid", "oSecretOpenid").query("a", "secret-code").post(&body).unwrap_err()
    });
    let asynchronous = call(&|base_url| {
        let client = configured().base_url(base_url).build().unwrap();
        let call = client.chain(path).path("openid", "oSecretOpenid").query("a", "secret-code");
        on_async(call.post(&body)).unwrap_err()
    });
    let tells = |logged: &[(String, String)], is_filtered: bool| {
        let kept = logged.iter().filter(|(target, _)| !is_filtered || !is_kept_away(target));
        kept.filter(|(_, text)| secrets.iter().any(|secret| text.contains(secret))).count()
    };
    assert!(tells(&blocking, false) > 0, "it logs nothing any more: the documents can say so");
    assert_eq!((tells(&blocking, true), tells(&asynchronous, false)), (0, 0));
}

/// Keeps every text that reaches a subscriber, of every level.
#[derive(Clone, Default)]
struct Everything(Notes);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Everything {
    fn keep(&self, name: &str, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(name.to_owned());
        record(&mut fields);
        self.0.note(fields.0);
    }
}

impl Subscriber for Everything {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("weipay")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep("span", |fields| span.record(fields));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.keep("record", |fields| values.record(fields));
    }

    fn event(&self, event: &Event<'_>) {
        self.keep("event", |fields| event.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Everything that was told, as one text.
pub fn told(call: impl FnOnce()) -> String {
    let everything = Everything::default();
    tracing::subscriber::with_default(everything.clone(), call);
    everything.0.take().join("\n")
}

/// What a client for a sub-merchant calls.
const PARTNER_ORDER: &str = "v3/pay/partner/transactions/native";

fn calls_with_secrets(is_async: bool, base_url: &str) {
    let shop = SubMerchant::new(MerchantId::new("1900000109").unwrap());
    let builder = configured().base_url(base_url).sub_merchant(shop).retries(RetryConfig::none());
    let body = json!({"payer": {"openid": "oSecretOpenid"}, "name": "Secret name", "out_trade_no": "1"});
    let coupon = "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}";
    if is_async {
        let client = builder.build().unwrap();
        on_async(async {
            client.chain(PARTNER_ORDER).post(&body).await.unwrap();
            let coupon =
                client.chain(coupon).path("openid", "oSecretOpenid").path("coupon_code", "secret-code");
            coupon.path("appid", "wx1").query("token", "secret-code").get().await.unwrap_err();
            client.chain("v3/unknown/oSecretOpenid?token=secret-code").get().await.unwrap_err();
        });
    } else {
        let client = builder.build_blocking().unwrap();
        client.chain(PARTNER_ORDER).post(&body).unwrap();
        let coupon = client.chain(coupon).path("openid", "oSecretOpenid").path("coupon_code", "secret-code");
        coupon.path("appid", "wx1").query("token", "secret-code").get().unwrap_err();
        client.chain("v3/unknown/oSecretOpenid?token=secret-code").get().unwrap_err();
    }
}

#[test]
fn spans_have_the_names_of_opentelemetry_and_no_secrets() {
    for is_async in [true, false] {
        let platform = Platform::start(vec![
            signed(200, r#"{"code_url":"secret-code"}"#).header("Request-ID", "08F0-268443699"),
            unsigned(404, r#"{"code":"RESOURCE_NOT_EXISTS","message":"oSecretOpenid"}"#)
                .header("Request-ID", "oSecretOpenid secret-code"),
            unsigned(500, r#"{"code":"secret-code"}"#),
        ]);
        let text = told(|| calls_with_secrets(is_async, &platform.base_url));
        for expected in [
            "otel.kind=\"client\"",
            "otel.name=\"POST /v3/pay/partner/transactions/native\"",
            "http.request.method=\"POST\"",
            "url.template=\"/v3/pay/partner/transactions/native\"",
            "url.template=\"/v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}\"",
            "server.address=\"127.0.0.1\"",
            "http.response.status_code=200",
            "http.response.status_code=404",
            "http.request.resend_count=0",
            "http.client.request.duration=",
            "weipay.operation=\"Native下单\"",
            "weipay.account=\"1900000001\"",
            "weipay.sub_mchid=\"1900000109\"",
            "weipay.request_id=\"08F0-268443699\"",
            "error.type=\"not_found\"",
            "weipay.error_code=\"RESOURCE_NOT_EXISTS\"",
            "otel.status_code=\"ERROR\"",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}\n{text}");
        }
    }
}
