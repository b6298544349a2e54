//! The SDK against every fault of the sandbox, over real sockets: what a call says that went wrong, whether it may have
//! taken effect, how often it was sent, and what the platform really did.

use std::time::Duration;

use serde_json::{Value, json};
use weipay::error::{ErrorKind, Sent};
use weipay::{ClientBuilder, Error, Response, RetryConfig, blocking};
use weipay_sandbox::{FaultRule, Sandbox};

use crate::on_async;
use crate::shared_sandbox;

const USE: &str = "v3/marketing/busifavor/coupons/use";
const SEND: &str = "v3/marketing/busifavor/coupons/send";
/// Its page says that it may be repeated. Those of the two others do not.
const ASSOCIATE: &str = "v3/marketing/busifavor/coupons/associate";

/// A merchant with a stock on its own platform.
struct Shop {
    sandbox: Sandbox,
    stock_id: String,
}

struct Coupon {
    code: String,
    openid: String,
    using: Value,
    associating: Value,
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Well,
    /// With 202, which decides nothing.
    Accepted,
    Api(u16),
    Network,
    Unverified,
    Probe,
}

impl Ended {
    fn of(outcome: &Result<Response<Value>, Error>) -> Self {
        match outcome {
            Ok(response) if response.status().as_u16() == 202 => Self::Accepted,
            Ok(_) => Self::Well,
            Err(error) => match error.kind() {
                ErrorKind::Api(_) => Self::Api(error.status().unwrap().as_u16()),
                ErrorKind::Network(problem) => {
                    assert_eq!(problem.sent, Sent::Perhaps);
                    Self::Network
                }
                ErrorKind::Unverified(_) => Self::Unverified,
                ErrorKind::SignatureProbe => Self::Probe,
                other => panic!("{other:?}"),
            },
        }
    }
}

impl Shop {
    fn open() -> Self {
        let sandbox = Sandbox::start().unwrap();
        let client = blocking::Client::from_kit(sandbox.kit_file()).unwrap();
        let stock_id = shared_sandbox::create(&client, sandbox.kit());
        Self { sandbox, stock_id }
    }

    fn client(&self, retries: RetryConfig) -> blocking::Client {
        ClientBuilder::from_kit(self.sandbox.kit_file()).unwrap().retries(retries).build_blocking().unwrap()
    }

    fn coupon(&self, number: usize) -> Coupon {
        let code = shared_sandbox::send(
            &self.client(RetryConfig::none()),
            self.sandbox.kit(),
            &self.stock_id,
            number,
        );
        let using = json!({
            "coupon_code": code, "stock_id": self.stock_id, "appid": self.sandbox.kit().appid,
            "use_time": weipay::model::Time::from(std::time::SystemTime::now()),
            "use_request_no": format!("use-{number}"),
        });
        let associating = json!({
            "coupon_code": code, "stock_id": self.stock_id, "out_trade_no": format!("order-{number}"),
            "out_request_no": format!("associate-{number}"),
        });
        Coupon { code, openid: format!("o{number:027}"), using, associating }
    }

    /// The next request to an operation meets a fault.
    fn spoil(&self, fault: &str, operation: &str) {
        let rule = FaultRule::new(fault.parse().unwrap()).operation(format!("POST {operation}")).first(1);
        self.sandbox.add_fault(rule).unwrap();
    }

    fn state(&self, coupon: &Coupon) -> Value {
        let (openid, code, appid) = (&coupon.openid, &coupon.code, &self.sandbox.kit().appid);
        let path = format!("v3/marketing/busifavor/users/{openid}/coupons/{code}/appids/{appid}");
        self.client(RetryConfig::none()).chain(&path).get().unwrap().json().unwrap()
    }
}

/// Fault, how a call ends that is sent once, and whether the platform did what it was asked.
const FAULTS: [(&str, Ended, bool); 26] = [
    ("202", Ended::Accepted, false),
    ("429", Ended::Api(429), false),
    ("500", Ended::Api(500), false),
    ("502", Ended::Api(502), false),
    ("503", Ended::Api(503), false),
    ("429; body=html", Ended::Api(429), false),
    ("500; body=html", Ended::Api(500), false),
    ("502; body=html", Ended::Api(502), false),
    ("503; body=html", Ended::Api(503), false),
    ("502; body=none", Ended::Api(502), false),
    ("drop", Ended::Network, false),
    ("reset", Ended::Network, false),
    ("commit-then-202", Ended::Accepted, true),
    ("commit-then-429", Ended::Api(429), true),
    ("commit-then-500", Ended::Api(500), true),
    ("commit-then-502; body=html", Ended::Api(502), true),
    ("commit-then-503; body=none", Ended::Api(503), true),
    ("commit-then-drop", Ended::Network, true),
    ("commit-then-reset", Ended::Network, true),
    ("slow; ms=20", Ended::Well, true),
    ("truncated", Ended::Network, true),
    ("wrong-signature", Ended::Unverified, true),
    ("missing-signature", Ended::Unverified, true),
    ("probe-signature", Ended::Probe, true),
    ("unknown-serial", Ended::Unverified, true),
    ("slow; ms=0", Ended::Well, true),
];

/// Whoever is told that nothing happened sends again with another number, and pays twice.
#[test]
fn a_call_that_is_sent_once_never_claims_success_or_that_nothing_happened() {
    let shop = Shop::open();
    let client = shop.client(RetryConfig::none());
    for (number, (fault, expected, is_done)) in FAULTS.iter().enumerate() {
        for (style, number) in [("blocking", 2 * number), ("async", 2 * number + 1)] {
            let coupon = shop.coupon(number);
            shop.spoil(fault, USE);
            let outcome = match style {
                "blocking" => client.chain(USE).post(&coupon.using),
                _ => {
                    let builder = ClientBuilder::from_kit(shop.sandbox.kit_file()).unwrap();
                    let asynchronous = builder.retries(RetryConfig::none()).build().unwrap();
                    on_async(asynchronous.chain(USE).post(&coupon.using))
                }
            };
            assert_eq!(Ended::of(&outcome), *expected, "{fault}, {style}: {outcome:?}");
            if let Err(error) = &outcome {
                assert!(error.may_have_taken_effect(), "{fault}, {style}: {error}");
                assert_eq!(error.attempts().len(), 1, "{fault}, {style}");
            }
            assert_eq!(shop.state(&coupon)["coupon_state"] == "USED", *is_done, "{fault}, {style}");
        }
    }
}

#[test]
fn a_repeat_ends_well_and_takes_effect_once() {
    let shop = Shop::open();
    for (number, (fault, once, is_done)) in FAULTS.iter().enumerate() {
        // Each has a budget of repeats that the others do not use up.
        let client = shop.client(RetryConfig::default().base_delay(Duration::ZERO));
        let coupon = shop.coupon(number);
        shop.spoil(fault, ASSOCIATE);
        let outcome = client.chain(ASSOCIATE).post(&coupon.associating);
        match once {
            Ended::Well => assert_eq!(outcome.unwrap().attempts().len(), 1, "{fault}"),
            Ended::Unverified => {
                let error = outcome.expect_err("a response that does not verify was believed");
                assert!(error.is_unverified() && error.may_have_taken_effect(), "{fault}: {error}");
                assert_eq!(error.attempts().len(), 1, "{fault}");
                assert!(*is_done, "{fault}");
            }
            _ => {
                let response = outcome.unwrap_or_else(|error| panic!("{fault}: {error:#}"));
                assert_eq!(response.attempts().len(), 2, "{fault}");
                assert!(response.json().unwrap()["wechatpay_associate_time"].is_string(), "{fault}");
            }
        }
        assert_eq!(shop.state(&coupon)["associate_out_trade_no"], coupon.associating["out_trade_no"]);
    }
}

#[test]
fn a_coupon_whose_response_was_lost_is_not_sent_again_by_itself() {
    let shop = Shop::open();
    let client = shop.client(RetryConfig::default().base_delay(Duration::ZERO));
    for fault in ["commit-then-drop", "commit-then-reset", "commit-then-500", "truncated", "probe-signature"]
    {
        let before = sent(&shop);
        shop.spoil(fault, SEND);
        let request = json!({
            "openid": format!("o{:0>27}", before + 1), "appid": shop.sandbox.kit().appid,
            "stock_id": shop.stock_id, "out_request_no": format!("lost-{fault}"),
        });
        let error = client.chain(SEND).post(&request).unwrap_err();
        assert!(error.attempts().len() == 1 && error.may_have_taken_effect(), "{fault}: {error}");
        assert_eq!(sent(&shop), before + 1, "{fault}");
        client.chain(SEND).post(&request).unwrap();
        assert_eq!(sent(&shop), before + 1, "{fault}");
    }
}

fn sent(shop: &Shop) -> i64 {
    let path = format!("v3/marketing/busifavor/stocks/{}", shop.stock_id);
    let stock = shop.client(RetryConfig::none()).chain(&path).get().unwrap().json().unwrap();
    stock["send_count_information"]["total_send_num"].as_i64().unwrap()
}

#[test]
fn an_outage_ends_each_call_after_its_attempts_and_its_last_word_is_kept() {
    let shop = Shop::open();
    let client = shop.client(RetryConfig::default().base_delay(Duration::ZERO));
    let coupon = shop.coupon(1);
    for fault in ["503", "502; body=html", "drop"] {
        shop.sandbox.add_fault(FaultRule::new(fault.parse().unwrap())).unwrap();
        let error = client.chain(ASSOCIATE).post(&coupon.associating).unwrap_err();
        assert_eq!(error.attempts().len(), 3, "{fault}: {error}");
        assert!(error.may_have_taken_effect(), "{fault}");
        shop.sandbox.clear_faults();
        assert!(shop.state(&coupon)["associate_out_trade_no"].is_null(), "{fault}");
    }
    client.chain(ASSOCIATE).post(&coupon.associating).unwrap();
}

/// The seed decides which requests are hit; whichever they are, no coupon is used twice and no success is made up.
#[test]
fn on_a_flaky_platform_no_call_hides_that_it_may_have_taken_effect() {
    let shop = Shop::open();
    let client = shop.client(RetryConfig::default().base_delay(Duration::ZERO));
    let coupons: Vec<Coupon> = (0..40).map(|number| shop.coupon(number)).collect();
    for rule in weipay_sandbox::FaultProfile::Flaky.rules(7) {
        shop.sandbox.add_fault(rule.operation(format!("POST {USE}"))).unwrap();
    }
    for coupon in coupons {
        let outcome = client.chain(USE).post(&coupon.using);
        let is_used = shop.state(&coupon)["coupon_state"] == "USED";
        match outcome {
            Ok(response) => assert!(is_used && response.status().as_u16() == 200),
            Err(error) => assert!(error.may_have_taken_effect(), "{error:#}"),
        }
    }
}
