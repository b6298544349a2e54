//! A platform with certificates that change: many connections at once, a list at `/v3/certificates`, and a clock that is set.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use serde_json::{Value, json};
use weipay::ClientBuilder;
use weipay::wire::{ApiV3Key, Certificate, MerchantId, MerchantSerial, PrivateKey};

use crate::platform::{MERCHANT, MERCHANT_SERIAL, Scripted, Seen, signed_by};
use crate::server::serve;
use crate::wait_until::until;

/// 2026-07-01T00:00:00Z
pub const NOW: i64 = 1_782_864_000;
pub const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";

/// A platform certificate with its key.
#[derive(Clone)]
pub struct Signer {
    pub key: PrivateKey,
    pub certificate: Certificate,
}

pub static OLD: LazyLock<Signer> = LazyLock::new(|| signer(2022, 2027));
pub static NEW: LazyLock<Signer> = LazyLock::new(|| signer(2026, 2031));

pub fn signer(first_year: i32, last_year: i32) -> Signer {
    let key = PrivateKey::generate().unwrap();
    let pair = KeyPair::from_pkcs8_pem_and_sign_algo(&key.to_pkcs8_pem().unwrap(), &PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(first_year, 1, 1);
    params.not_after = date_time_ymd(last_year, 12, 31);
    let certificate = Certificate::from_pem(&params.self_signed(&pair).unwrap().pem()).unwrap();
    Signer { key, certificate }
}

impl Signer {
    pub fn serial(&self) -> &str {
        self.certificate.serial()
    }

    /// The entry of this certificate in a list that is encrypted with this key.
    pub fn entry(&self, api_v3_key: &str) -> Value {
        let key = ApiV3Key::new(api_v3_key).unwrap();
        let sealed = key.seal("61f9c719728a", "certificate", self.certificate.to_pem().as_bytes()).unwrap();
        json!({
            "serial_no": self.serial(),
            "effective_time": "2018-06-08T10:34:56+08:00",
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "61f9c719728a",
                "associated_data": "certificate",
                "ciphertext": sealed,
            },
        })
    }
}

/// What the list answers.
type List = Box<dyn Fn(i64) -> Scripted + Send + Sync>;
/// What everything else answers.
type Calls = Box<dyn Fn(&Seen, i64) -> Scripted + Send + Sync>;

struct State {
    list: Mutex<Arc<List>>,
    calls: Mutex<Arc<Calls>>,
    clock: AtomicI64,
    fetches: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    /// Whether the list waits before it answers, and how many requests for it have come.
    held: Mutex<bool>,
    changed: Condvar,
}

impl State {
    fn respond(&self, seen: Seen) -> Scripted {
        let is_list = seen.target.ends_with("/certificates");
        let response = if is_list {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            self.changed.notify_all();
            let held = self.held.lock().unwrap();
            drop(self.changed.wait_while(held, |held| *held).unwrap());
            let list = Arc::clone(&self.list.lock().unwrap());
            list(self.clock.load(Ordering::SeqCst))
        } else {
            let calls = Arc::clone(&self.calls.lock().unwrap());
            calls(&seen, self.clock.load(Ordering::SeqCst))
        };
        self.seen.lock().unwrap().push(seen);
        response
    }
}

#[derive(Clone)]
pub struct Server {
    pub base_url: String,
    state: Arc<State>,
}

impl Server {
    /// Lists and signs with the old certificate.
    pub fn start() -> Self {
        let state = Arc::new(State {
            list: Mutex::new(Arc::new(Box::new(|now| listing(&[&OLD], &OLD, now)))),
            calls: Mutex::new(Arc::new(Box::new(|_, now| success_by(&OLD, now)))),
            clock: AtomicI64::new(NOW),
            fetches: AtomicUsize::new(0),
            seen: Mutex::default(),
            held: Mutex::new(false),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&state);
        Self { base_url: serve(move |seen| serving.respond(seen)), state }
    }

    pub fn list(&self, list: impl Fn(i64) -> Scripted + Send + Sync + 'static) {
        *self.state.list.lock().unwrap() = Arc::new(Box::new(list));
    }

    pub fn calls(&self, calls: impl Fn(&Seen, i64) -> Scripted + Send + Sync + 'static) {
        *self.state.calls.lock().unwrap() = Arc::new(Box::new(calls));
    }

    /// From now on the list is held back, or not.
    pub fn hold(&self, held: bool) {
        *self.state.held.lock().unwrap() = held;
        self.state.changed.notify_all();
    }

    /// Waits until this number of requests for the list has come.
    #[track_caller]
    pub fn wait_for_fetches(&self, wanted: usize) {
        until(|| self.fetches() >= wanted);
    }

    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    pub fn now(&self) -> i64 {
        self.state.clock.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: i64) {
        self.state.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The requests that were answered, the list's among them.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }

    /// The paths of the calls that were answered, without the list.
    pub fn called(&self) -> HashSet<String> {
        let seen = self.seen().into_iter().map(|seen| seen.target);
        seen.filter(|target| !target.ends_with("/certificates")).collect()
    }

    /// A client of this platform without any key of it.
    pub fn keyless(&self) -> ClientBuilder {
        let state = Arc::clone(&self.state);
        ClientBuilder::default()
            .mchid(MerchantId::new("1900000001").unwrap())
            .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
            .merchant_key(MERCHANT.clone())
            .base_url(&self.base_url)
            .clock(move || state.clock.load(Ordering::SeqCst))
    }

    /// A client with the APIv3 key alone.
    pub fn builder(&self) -> ClientBuilder {
        self.keyless().api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap())
    }
}

/// A list of certificates, signed with one of them or with another.
pub fn listing(listed: &[&Signer], by: &Signer, now: i64) -> Scripted {
    let entries: Vec<_> = listed.iter().map(|signer| signer.entry(API_V3_KEY)).collect();
    signed_by(&by.key, by.serial(), 200, &json!({"data": entries}).to_string(), now)
}

/// A success that is signed with this certificate.
pub fn success_by(by: &Signer, now: i64) -> Scripted {
    signed_by(&by.key, by.serial(), 200, r#"{"echo_message":"hello"}"#, now)
}
