//! State survives `kill -9` at any moment: whatever was answered is there after a restart, and so is what is still to be told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use weipay::blocking::Client;

use crate::merchant_coupons::stock;
use crate::receiver;
use crate::serving::Serving;

const COUPONS: &str = "v3/marketing/busifavor/coupons";

fn member(kit: &Value, name: &str) -> String {
    kit[name].as_str().unwrap().to_owned()
}

fn create_stock(client: &Client, kit: &Value) -> String {
    let stock = stock(kit, "survival-stock", [100_000, 100]);
    let reply = client["v3/marketing/busifavor/stocks"].post(stock).unwrap();
    reply.json().unwrap()["stock_id"].as_str().unwrap().to_owned()
}

fn send(client: &Client, kit: &Value, stock_id: &str, number: usize) -> Result<String, weipay::Error> {
    let sent = client.chain(&format!("{COUPONS}/send")).post(json!({
        "openid": format!("o{:027}", number / 100), "appid": kit["appid"], "stock_id": stock_id,
        "out_request_no": format!("send-{number}")
    }))?;
    Ok(sent.json()?["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned())
}

fn tie(verb: &str, stock_id: &str, code: &str) -> (String, Value) {
    let body = json!({
        "stock_id": stock_id, "coupon_code": code, "out_trade_no": format!("order-{code}"),
        "out_request_no": format!("{verb}-{code}")
    });
    (format!("{COUPONS}/{verb}"), body)
}

/// What a coupon was last answered to be.
struct Answered {
    openid: String,
    code: String,
    order: Option<String>,
}

#[test]
fn whatever_was_answered_before_a_kill_is_there_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(data.path());
    let kit = serving.kit();
    let client = Client::from_kit(serving.kit_file()).unwrap();
    let stock_id = create_stock(&client, &kit);
    let (url, heard) = receiver::start();
    client["v3/marketing/busifavor/callbacks"]
        .post(json!({ "mchid": kit["mchid"], "notify_url": url }))
        .unwrap();
    let number = Arc::new(AtomicUsize::new(0));
    let answered: Arc<Mutex<Vec<Answered>>> = Arc::default();

    // Each round ends at another moment of the work: after another number of answers, in the middle of four calls.
    for (round, enough) in [3usize, 17, 40].into_iter().enumerate() {
        let stop = Arc::new(AtomicBool::new(false));
        let before = answered.lock().unwrap().len();
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let client = Client::from_kit(serving.kit_file()).unwrap();
                let (kit, stock_id) = (kit.clone(), stock_id.clone());
                let (number, answered, stop) =
                    (Arc::clone(&number), Arc::clone(&answered), Arc::clone(&stop));
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let number = number.fetch_add(1, Ordering::Relaxed);
                        let Ok(code) = send(&client, &kit, &stock_id, number) else { return };
                        let (path, body) = tie("associate", &stock_id, &code);
                        let Ok(_) = client.chain(&path).post(body) else { return };
                        let openid = format!("o{:027}", number / 100);
                        let order = Some(format!("order-{code}"));
                        if number % 2 == 0 {
                            answered.lock().unwrap().push(Answered { openid, code, order });
                            continue;
                        }
                        let (path, body) = tie("disassociate", &stock_id, &code);
                        let Ok(_) = client.chain(&path).post(body) else { return };
                        answered.lock().unwrap().push(Answered { openid, code, order: None });
                    }
                })
            })
            .collect();
        while answered.lock().unwrap().len() < before + enough {
            thread::yield_now();
        }
        serving.kill();
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        serving = Serving::start(data.path());
        assert!(answered.lock().unwrap().len() >= before + enough, "round {round}");
    }

    let client = Client::from_kit(serving.kit_file()).unwrap();
    for coupon in answered.lock().unwrap().iter() {
        let seen = client["v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}"]
            .path("openid", &coupon.openid)
            .path("coupon_code", &coupon.code)
            .path("appid", member(&kit, "appid"))
            .get();
        let seen = seen.unwrap().json().unwrap();
        assert_eq!(seen["coupon_state"], "SENDED");
        assert_eq!(seen["associate_out_trade_no"].as_str(), coupon.order.as_deref(), "{}", coupon.code);
    }
    let answered = answered.lock().unwrap().len();
    receiver::wait_for(&heard, answered);
    let heard = heard.lock().unwrap();
    assert!(heard.len() >= answered, "{} of {answered} coupons were told", heard.len());
    assert!(heard.values().all(|times| *times <= 4), "again only after a kill: {heard:?}");
}
