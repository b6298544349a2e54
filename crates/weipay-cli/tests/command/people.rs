//! `weipay sandbox person` and `weipay sandbox merchant` on a running sandbox, and how commands end that cannot do what
//! they are told.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use weipay::blocking::Client;

use crate::merchant_coupons::stock;
use crate::serving::{Serving, WEIPAY, said, sandbox};

const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

#[test]
fn a_wallet_is_filled_and_merchants_are_listed() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    assert_eq!(said(&data, &["person", "wallet", OPENID]), "0\n");
    let filled = said(&data, &["person", "top-up", OPENID, "500"]);
    assert_eq!(filled, format!("{OPENID} has 500 fen in the wallet (零钱)\n"));
    assert_eq!(said(&data, &["person", "wallet", OPENID]), "500\n");
    assert!(said(&data, &["person", "add"]).starts_with("unionid  o"));
    assert_eq!(said(&data, &["person", "account", OPENID, "frozen"]), "frozen\n");
    assert_eq!(said(&data, &["merchant", "list"]).lines().count(), 1);
    let kit = serving.kit();
    let mchid = kit["mchid"].as_str().unwrap();
    let told = said(&data, &["merchant", "sharing-notices", mchid, "http://127.0.0.1:9/shares"]);
    assert_eq!(told, format!("{mchid} gets notifications of profit sharing at http://127.0.0.1:9/shares\n"));
    assert!(said(&data, &["merchant", "sharing-notices", mchid, "off"]).contains("no longer gets"));
}

#[test]
fn appids_sub_merchants_and_openids_are_added_to_a_running_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    let kit = serving.kit();
    let mchid = kit["mchid"].as_str().unwrap();
    let line = said(&data, &["merchant", "bind", mchid, "--appid", "wx2", "--sub-merchant", "1900001000"]);
    assert!(line.contains(",wx2  ") && line.contains("sub-merchants 1900001000"), "{line}");
    let again = said(&data, &["merchant", "bind", mchid, "--appid", "wx2", "--sub-merchant", "1900001000"]);
    assert_eq!(again, line, "what it has stays as it is");
    let shown: Value = serde_json::from_str(&said(&data, &["merchant", "show", mchid])).unwrap();
    assert_eq!((&shown["sub_merchants"], &shown["appids"][1]), (&json!(["1900001000"]), &json!("wx2")));
    assert_eq!(shown["kit_file"], serving.kit_file().display().to_string());
    for (arguments, code, told) in [
        (&["merchant", "bind", mchid] as &[&str], 2, "--appid"),
        (&["merchant", "bind", mchid, "--appid", "no appid"], 2, "an appid has"),
        (&["merchant", "bind", mchid, "--sub-merchant", mchid], 2, "sub-merchant of itself"),
        (&["merchant", "bind", "1900009999", "--appid", "wx2"], 1, "no merchant of the sandbox"),
        (&["person", "show", OPENID], 1, "no person has this"),
    ] {
        let output = sandbox(&data, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && said.contains(told), "{arguments:?}: {said}");
    }

    let added = said(&data, &["person", "add"]);
    let unionid = added.lines().next().unwrap().strip_prefix("unionid  ").unwrap();
    assert_eq!(said(&data, &["person", "show", unionid]), added);
    said(&data, &["merchant", "bind", mchid, "--appid", "wx3"]);
    let openid = said(&data, &["person", "openid", unionid, "wx3"]);
    assert!(said(&data, &["person", "show", openid.trim()]).contains(&format!("wx3  {openid}")));
}

#[test]
fn certificates_platform_keys_and_stocks_are_changed_and_health_is_told() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    assert_eq!(sandbox(&data, &["health"]).status.code(), Some(2));
    let serving = Serving::start(&data);
    assert_eq!(said(&data, &["health"]), format!("ready  {}\n", serving.base_url));
    let kit = serving.kit();
    let mchid = kit["mchid"].as_str().unwrap();
    let line = said(&data, &["merchant", "certificate", mchid, "revoked"]);
    assert!(line.ends_with("certificate revoked\n"), "{line}");
    assert!(said(&data, &["merchant", "certificate", mchid, "valid"]).starts_with(mchid));
    let line = said(&data, &["merchant", "platform-keys", mchid, "certificate"]);
    assert!(!line.contains("PUB_KEY_ID_"), "{line}");
    for (arguments, code, told) in [
        (&["coupon", "stock", "1234567890", "PAUSED"] as &[&str], 1, "no stock has this number"),
        (&["coupon", "stock", "1234567890", "PAUSED", "--product"], 1, "no stock of product coupons"),
        (&["coupon", "stock", "1234567890", "ASLEEP"], 2, "state"),
        (&["coupon", "remove", "1234567890", "1"], 1, "no person has a coupon with this code"),
        (&["coupon", "take", "--token", "t", "--openid", OPENID, "--product"], 2, "check token and openid"),
        (&["coupon", "send", "1234567890", OPENID], 1, "no stock of product coupons"),
        (&["coupon", "link-product", "1234567890"], 1, "no stock has this number"),
        (&["pay-score", "messages", "1"], 1, "made a service order with this number"),
        (&["coupon", "take", "--token", "t"], 2, "--openid"),
        (&["red-packet", "open", "1"], 1, "no red packet has this number"),
    ] {
        let output = sandbox(&data, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
}

#[test]
fn a_stock_is_paused_a_coupon_thrown_away_and_a_red_packet_opened() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    let (kit, client) = (serving.kit(), Client::from_kit(serving.kit_file()).unwrap());
    let text = |name: &str| kit[name].as_str().unwrap();
    let (openid, appid, mchid) = (text("openid"), text("appid"), text("mchid"));
    let post = |path: &str, body: Value| -> Value {
        client.chain(path).post(&body).unwrap().json().unwrap_or_default()
    };
    let made = post("v3/marketing/busifavor/stocks", stock(&kit, "stock-1", [10, 1]));
    let stock_id = made["stock_id"].as_str().unwrap();
    let send = json!({ "stock_id": stock_id, "out_request_no": "send-1", "appid": appid, "openid": openid });
    let sent = post("v3/marketing/busifavor/coupons/send", send);
    let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap();

    assert_eq!(said(&data, &["coupon", "stock", stock_id, "PAUSED"]), "");
    let shown: Value =
        client.chain(&format!("v3/marketing/busifavor/stocks/{stock_id}")).get().unwrap().json().unwrap();
    assert_eq!(shown["stock_state"], "PAUSED");
    assert_eq!(said(&data, &["coupon", "remove", stock_id, code]), "");
    assert_eq!(sandbox(&data, &["coupon", "remove", stock_id, code]).status.code(), Some(1), "it is gone");

    let filled = said(&data, &["merchant", "top-up", mchid, "1000"]);
    assert_eq!(filled, format!("{mchid} has 1000 fen in its operation account (运营账户)\n"));
    let packet = json!({
        "mch_billno": "1", "wxappid": appid, "send_name": "天虹百货", "re_openid": openid, "total_amount": "1000",
        "total_num": "1", "wishing": "恭喜", "client_ip": "192.168.0.1", "act_name": "新年", "remark": "茶"
    });
    post("v2/mmpaymkttransfers/sendredpack", packet);
    assert_eq!(said(&data, &["red-packet", "open", "1"]), "RECEIVED\n");
    assert_eq!(said(&data, &["person", "wallet", openid]), "1000\n");
}

#[test]
fn the_seed_file_of_the_help_is_a_seed_file() {
    let folder = tempfile::tempdir().unwrap();
    let help = Command::new(WEIPAY).args(["sandbox", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (begin, end) = (help.find("\n  {\n").unwrap(), help.find("\n  }\n").unwrap());
    let file = folder.path().join("seed.json");
    fs::write(&file, &help[begin..end + 5]).unwrap();
    let data = folder.path().join("data");
    let _serving = Serving::with(&data, &["--quiet", "--seed-file", file.to_str().unwrap()]);
    let merchants = said(&data, &["merchant", "list"]);
    assert!(
        merchants.contains("1900000200  wx0000000000000200")
            && merchants.contains("sub-merchants 1900000100")
    );
    let alice = said(&data, &["person", "show", "oUnionAlice0000000000000001x"]);
    assert!(alice.contains("wx0000000000000100  oAlice000000000000000000001a"), "{alice}");
    assert_eq!(said(&data, &["person", "show", "oUnionBob000000000000000001b"]).lines().count(), 3);
}

#[test]
fn after_a_reset_nobody_has_done_anything() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    let kit = fs::read(serving.kit_file()).unwrap();
    said(&data, &["person", "top-up", OPENID, "500"]);
    assert!(said(&data, &["reset"]).starts_with("the state is as at the start"));
    assert_eq!(said(&data, &["person", "wallet", OPENID]), "0\n");
    assert_eq!(fs::read(serving.kit_file()).unwrap(), kit);
}

#[test]
fn what_makes_no_sense_exits_with_2_and_says_why() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let none = sandbox(&data, &["clock"]);
    assert_eq!(none.status.code(), Some(2));
    let _serving = Serving::start(&data);
    for (arguments, told) in [
        (
            &["fault", "add", "502", "--merchant", "1999999999"] as &[&str],
            "no merchant of the sandbox has the number",
        ),
        (&["fault", "add", "502", "--first", "0"], "at least 1"),
        (&["fault", "add", "502", "--probability", "2"], "from 0 (never) to 1 (always)"),
        (&["clock", "set", "garbage"], "RFC 3339"),
        (
            &["merchant", "add", "--mchid", "1900000300", "--sub-merchant", "1900000300"],
            "sub-merchant of itself",
        ),
        (&["merchant", "add", "--mchid", "19"], "8 to 15 digits"),
        (&["person", "top-up", OPENID, "0"], "from 1 to 10000000000"),
    ] {
        let output = sandbox(&data, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    fs::write(data.join("control.json"), "{").unwrap();
    let broken = sandbox(&data, &["clock"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("control.json"), "{broken:?}");
}
