//! `weipay trigger` and `weipay sandbox notifications` as programs: what they send, print and return.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};
use weipay::blocking::Client;

use crate::serving::{Serving, WEIPAY};

fn weipay(arguments: &[&str], data: (&str, &Path)) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(WEIPAY).args(arguments).arg(data.0).arg(data.1).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A receiver that responds with these statuses, then with 200, and gives the bodies that came.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let (arrive, arrived) = channel();
    thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).is_ok_and(|count| count > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            arrive.send(serde_json::from_slice(&body).unwrap_or_default()).ok();
            let status = statuses.next().unwrap_or(&200);
            let response = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
            stream.get_mut().write_all(response.as_bytes()).unwrap();
        }
    });
    (url, arrived)
}

#[test]
fn a_trigger_sends_one_notification_and_says_what_the_receiver_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(weipay(&["sandbox", "init"], ("--data", &data)).0, 0);
    let kit = data.join("kit.json");
    let (url, arrived) = receiver(&[204, 500]);
    let send = |arguments: &[&str]| weipay(&[&["trigger"], arguments].concat(), ("--kit", &kit));
    let (code, printed, _) = send(&["REFUND.SUCCESS", "--url", &url, "--set", "amount.refund=7"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("triggered  204  acknowledged"), "{printed}");
    assert_eq!(arrived.recv().unwrap()["event_type"], "REFUND.SUCCESS");
    let (code, printed, error) = send(&["refund.success", "--url", &url]);
    assert!(code == 1 && error.contains("did not acknowledge"), "{code} {error}");
    assert!(printed.contains("500  not acknowledged") && printed.contains("    hi"), "{printed}");
    let (code, printed, _) = send(&["refund-processed"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &printed["headers"]["content-type"]), (0, &json!("text/xml")));
    assert!(printed["body"].as_str().unwrap().contains("<req_info>"), "{printed}");
    // Nobody listens there, and no test is given that port.
    assert_eq!(send(&["REFUND.SUCCESS", "--url", "http://127.0.0.1:1/"]).0, 4);
    for (arguments, told) in [
        (&["REFUND.SUCESS"] as &[&str], "did you mean REFUND.SUCCESS?"),
        (&["REFUND.SUCCESS", "--set", "amount.refnd=7"], "did you mean refund?"),
        (&["REFUND.SUCCESS", "--set", "amount.refund=x"], "refund must be a whole number"),
        (&["REFUND.SUCCESS", "--api", "v2"], "there is no event named"),
        (&["REFUND.SUCCESS", "--url", "http://"], "the address is not a URL"),
        (&["REFUND.SUCCESS", "--url", "http://a b/"], "the address is not a URL"),
        (&["REFUND.SUCCESS", "--url", "https://api.mch.weixin.qq.com/x"], "leads to the real platform"),
    ] {
        let (code, _, error) = send(arguments);
        assert!(code == 2 && error.contains(told), "{arguments:?}: {code} {error}");
    }
    let (code, _, error) = weipay(&["trigger", "REFUND.SUCCESS"], ("--kit", &folder.path().join("kit.json")));
    assert!(code == 2 && error.contains("weipay sandbox init"), "{code} {error}");
}

#[test]
fn notifications_are_held_released_shown_and_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::with(folder.path(), &["--quiet", "--clock", "2026-08-15T12:00:00+08:00"]);
    let (url, arrived) = receiver(&[200, 200, 500, 401]);
    let run = |arguments: &[&str]| {
        weipay(&[&["sandbox", "notifications"], arguments].concat(), ("--data", folder.path()))
    };
    assert_eq!(run(&["list"]), (0, String::new(), String::new()));
    let client = Client::from_kit(serving.kit_file()).unwrap();
    let kit = serving.kit();
    let post = |path: &str, body: Value| -> Value {
        client.chain(&format!("v3/marketing/busifavor/{path}")).post(&body).unwrap().json().unwrap()
    };
    post("callbacks", json!({ "notify_url": url }));
    let stock = post(
        "stocks",
        json!({
            "stock_name": "8月1日活动券", "belong_merchant": kit["mchid"], "goods_name": "全场通用", "stock_type": "NORMAL",
            "coupon_use_rule": {
                "coupon_available_time": {
                    "available_begin_time": "2026-01-01T00:00:00+08:00", "available_end_time": "2026-12-31T23:59:59+08:00"
                },
                "fixed_normal_coupon": { "discount_amount": 88, "transaction_minimum": 100 },
                "use_method": "OFF_LINE"
            },
            "stock_send_rule": { "max_coupons": 1000, "max_coupons_per_user": 5 },
            "out_request_no": "stock-1", "coupon_code_mode": "WECHATPAY_MODE"
        }),
    );
    assert!(run(&["hold"]).1.starts_with("0 held"));
    for number in ["send-1", "send-2"] {
        post(
            "coupons/send",
            json!({
                "openid": kit["openid"], "appid": kit["appid"], "stock_id": stock["stock_id"], "out_request_no": number
            }),
        );
    }
    let (code, listed, _) = run(&["list", "--state", "held", "--event", "COUPON.SEND"]);
    assert!(code == 0 && listed.lines().count() == 2 && listed.contains("COUPON.SEND  held"), "{listed}");
    let held = "notifications of all merchants are held, see: weipay sandbox notifications release";
    assert!(run(&["list"]).2.contains(held), "{:?}", run(&["list"]));
    assert!(weipay(&["sandbox", "health"], ("--data", folder.path())).1.contains(held));
    let (code, released, _) = run(&["release", "--first", "2"]);
    assert_eq!(
        (code, released.lines().next().unwrap().split_whitespace().next()),
        (0, Some("2")),
        "{released}"
    );
    let ids: Vec<Value> = (0..2).map(|_| arrived.recv().unwrap()["id"].clone()).collect();
    let id = ids[0].as_str().unwrap();
    let (code, shown, _) = run(&["show", id]);
    assert!(code == 0 && shown.contains("state         acknowledged"), "{shown}");
    assert!(shown.contains("scheduled  200  acknowledged") && shown.contains("coupon_code"), "{shown}");
    let (code, replayed, error) = run(&["replay", id]);
    assert!(code == 1 && replayed.contains("500  not acknowledged"), "{replayed} {error}");
    let (code, probed, error) = run(&["probe", id]);
    assert!(code == 0 && probed.lines().any(|line| line.contains("probe      401")), "{probed} {error}");
    let (code, copies, _) = run(&["duplicate", id, "--copies", "3", "--json"]);
    let copies: Value = serde_json::from_str(&copies).unwrap();
    assert_eq!((code, copies["attempts"].as_array().unwrap().len()), (0, 3));
    let (code, probed, error) = run(&["probe", id]);
    assert!(code == 1 && error.contains("does not verify the signature"), "{probed} {error}");
    let others: Vec<Value> = (0..7).map(|_| arrived.recv().unwrap()["id"].clone()).collect();
    assert!(others.iter().all(|other| other == id), "{others:?}");
    let (code, _, error) = run(&["show", "7"]);
    assert!(code == 1 && error.contains("weipay sandbox notifications list"), "{code} {error}");
    let nowhere = folder.path().join("nowhere");
    assert_eq!(weipay(&["sandbox", "notifications", "list"], ("--data", &nowhere)).0, 2);
}
