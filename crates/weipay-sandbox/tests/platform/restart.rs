//! What was answered is there after a restart, and in a copy that was taken while the sandbox ran.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use weipay_sandbox::NewMerchant;

use crate::merchant::{Coupon, Merchant};
use crate::sandbox;

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn state_and_repeats_survive_a_restart_and_a_copy() {
    let (data, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = sandbox().data(data.path()).start().unwrap();
    let merchant = Merchant::in_sandbox(&first);
    let (tied, free): (Coupon, Coupon) = (merchant.coupon(), merchant.coupon());
    merchant.associate(&tied, "order-1").success();
    merchant.associate(&free, "order-2").success();
    let request = merchant.tie(&free, "order-2");
    let response = merchant.post("coupons/disassociate", &request).success();
    let seen = (merchant.look_at(&tied), merchant.look_at(&free), merchant.look_at_stock());
    let (stock_id, mchid) = (merchant.stock_id.clone(), first.kit().mchid.clone());
    copy(data.path(), copied.path());
    drop(merchant);
    drop(first);

    for place in [data.path(), copied.path()] {
        let again = sandbox().data(place).start().unwrap();
        assert_eq!(again.kit().mchid, mchid);
        let mut merchant = Merchant::in_sandbox(&again);
        merchant.stock_id.clone_from(&stock_id);
        assert_eq!((merchant.look_at(&tied), merchant.look_at(&free), merchant.look_at_stock()), seen);
        assert_eq!(merchant.post("coupons/disassociate", &request).success(), response);
    }
}

#[test]
fn a_second_sandbox_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let _first = sandbox().data(data.path()).start().unwrap();
    let second = sandbox().data(data.path()).start().unwrap_err();
    assert!(second.to_string().contains("another sandbox runs on"), "{second}");
}

#[test]
fn an_address_in_use_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = crate::SHARED.address();
    let refusal = sandbox().data(data.path()).listen(taken).start().unwrap_err();
    assert!(refusal.to_string().contains(&taken.to_string()), "{refusal}");
}

#[test]
fn the_kit_is_made_once_and_says_where_the_sandbox_is() {
    let data = tempfile::tempdir().unwrap();
    let made = weipay_sandbox::kit::init(data.path()).unwrap();
    let sandbox = sandbox().data(data.path()).start().unwrap();
    let text = fs::read_to_string(sandbox.kit_file()).unwrap();
    let kit: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(kit["base_url"], format!("http://{}", sandbox.address()));
    assert_eq!(kit["base_url"], sandbox.base_url());
    assert_eq!(kit["merchant_serial"], made.kit().merchant_serial.as_str());
}

#[test]
fn a_seed_repeats_numbers_and_never_keys() {
    let run = || {
        let sandbox = sandbox().seed(7).start().unwrap();
        let merchant = Merchant::in_sandbox(&sandbox);
        (merchant.coupon().code, sandbox.kit().merchant_serial.clone())
    };
    let (first, second) = (run(), run());
    assert_eq!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn a_seed_gives_each_run_the_same_numbers_and_a_state_none_twice() {
    let run = || {
        let data = tempfile::tempdir().unwrap();
        let (mut people, mut appids) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let sandbox = sandbox().seed(1).data(data.path()).start().unwrap();
            people.push(sandbox.platform().add_person(&[]).unwrap().unionid);
            appids.push(sandbox.add_merchant(&NewMerchant::new()).unwrap().kit().appid.clone());
        }
        let sandbox = sandbox().seed(1).data(data.path()).start().unwrap();
        // Nobody is left, so the numbers begin again, whatever was before. Merchants are left.
        sandbox.reset().unwrap();
        assert_eq!(sandbox.platform().add_person(&[]).unwrap().unionid, people[0]);
        appids.push(sandbox.add_merchant(&NewMerchant::new()).unwrap().kit().appid.clone());
        (people, appids)
    };
    let (people, appids) = run();
    for numbers in [&people, &appids] {
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "{numbers:?}");
    }
    assert_eq!(run(), (people, appids));
}

#[test]
fn where_the_control_api_was_is_not_told_when_it_has_ended() {
    use weipay_sandbox::control::{Client, ClientError};

    let data = tempfile::tempdir().unwrap();
    let started = sandbox().data(data.path()).control("127.0.0.1:0").start().unwrap();
    let old = Client::from_data_dir(data.path()).unwrap();
    let address = old.url().strip_prefix("http://").unwrap().to_owned();
    drop(started);
    assert!(matches!(Client::from_data_dir(data.path()), Err(ClientError::NotRunning(_))));
    // After kill -9 the file is there, and another sandbox may have the port.
    let _other = sandbox().control(&address).start().unwrap();
    let called = old.call("GET", "/clock", None).unwrap_err();
    assert!(matches!(called, ClientError::NotRunning(_)), "{called}");
}

#[test]
fn a_start_that_fails_leaves_its_numbers_to_the_next_one() {
    let first_person = |fails: bool| {
        let data = tempfile::tempdir().unwrap();
        if fails {
            let taken = crate::SHARED.address().to_string();
            let refusal = sandbox().seed(1).data(data.path()).control(&taken).start().unwrap_err();
            assert!(refusal.to_string().contains(&taken), "{refusal}");
        }
        let sandbox = sandbox().seed(1).data(data.path()).start().unwrap();
        sandbox.platform().add_person(&[]).unwrap().unionid
    };
    assert_eq!(first_person(true), first_person(false));
}

/// A database as the first program wrote it, after two stocks, five coupons and one step of each kind.
const FORM_1: &str = include_str!("../../src/store/sqlite/migrations/form_1.sql");

#[test]
fn a_data_folder_of_the_first_form_is_brought_to_todays_with_all_it_holds() {
    let data = tempfile::tempdir().unwrap();
    let kit = weipay_sandbox::kit::init(data.path()).unwrap();
    let mchid = kit.kit().mchid.clone();
    rusqlite::Connection::open(data.path().join("state.db"))
        .unwrap()
        .execute_batch(&FORM_1.replace("1900000109", &mchid))
        .unwrap();

    // The second start finds the form that the first one made.
    for _ in 0..2 {
        let sandbox = sandbox().data(data.path()).start().unwrap();
        let mut merchant = Merchant::in_sandbox(&sandbox);
        let coupon = |code: &str| {
            let openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned();
            merchant.look_at(&Coupon { openid, code: code.to_owned() })
        };
        let (tied, used, returned) = (
            coupon("1840606438080000000001"),
            coupon("1663258468880000000002"),
            coupon("1052199564670000000003"),
        );
        assert_eq!(
            (&tied["coupon_state"], &tied["associate_out_trade_no"]),
            (&"SENDED".into(), &"o-1".into())
        );
        assert_eq!(
            (&tied["stock_name"], &tied["receive_time"]),
            (&"8月1日活动券".into(), &"2026-11-26T07:49:25+08:00".into())
        );
        assert_eq!(
            (&tied["send_request_no"], &tied["expire_time"]),
            (&"n1".into(), &"2026-12-31T23:59:59+08:00".into())
        );
        assert_eq!((&used["coupon_state"], &used["use_request_no"]), (&"USED".into(), &"u1".into()));
        assert_eq!(
            (&returned["coupon_state"], &returned["return_request_no"]),
            (&"SENDED".into(), &"r1".into())
        );
        let (fresh, deactivated) = (coupon("VIP-4"), coupon("VIP-5"));
        assert_eq!(
            (&fresh["coupon_state"], &fresh["stock_id"]),
            (&"SENDED".into(), &"1001090000000002".into())
        );
        assert_eq!(
            (&deactivated["coupon_state"], &deactivated["deactivate_reason"]),
            (&"DEACTIVATED".into(), &"误发".into())
        );

        merchant.stock_id = "1001090000000001".to_owned();
        let stock = merchant.look_at_stock();
        assert_eq!(
            (&stock["stock_state"], &stock["stock_send_rule"]["max_coupons"]),
            (&"RUNNING".into(), &1000.into())
        );
        assert_eq!(stock["send_count_information"]["total_send_num"], 3);
        let list = format!(
            "users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons?appid={}&creator_merchant={mchid}",
            sandbox.kit().appid
        );
        let listed = merchant.get(&list).success();
        let codes: Vec<_> = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["coupon_code"].as_str().unwrap())
            .collect();
        assert_eq!(codes[..2], ["VIP-5", "VIP-4"], "the newest first");
        assert_eq!((codes.len(), &listed["total_count"]), (5, &5.into()));

        // A number that was used before means what it meant.
        let request = serde_json::json!({
            "stock_id": "1001090000000001", "coupon_code": "1840606438080000000001", "out_trade_no": "o-1",
            "out_request_no": "a1"
        });
        let repeated = merchant.post("coupons/associate", &request).success();
        assert_eq!(repeated["wechatpay_associate_time"], "2026-11-26T07:49:25+08:00");
    }
}
