//! What was answered is there after a restart, and in a copy that was taken while the sandbox ran.

use std::fs;
use std::path::Path;

use crate::merchant::{Coupon, Merchant};
use crate::sandbox;

fn copy(from: &Path, to: &Path) {
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
    let merchant = Merchant::of(&first);
    let (tied, free): (Coupon, Coupon) = (merchant.coupon(), merchant.coupon());
    merchant.associate(&tied, "order-1").success();
    merchant.associate(&free, "order-2").success();
    let request = merchant.tie(&free, "order-2");
    let answer = merchant.post("coupons/disassociate", &request).success();
    let seen = (merchant.look_at(&tied), merchant.look_at(&free), merchant.look_at_stock());
    let (stock_id, mchid) = (merchant.stock_id.clone(), first.kit().mchid.clone());
    copy(data.path(), copied.path());
    drop(merchant);
    drop(first);

    for place in [data.path(), copied.path()] {
        let again = sandbox().data(place).start().unwrap();
        assert_eq!(again.kit().mchid, mchid);
        let mut merchant = Merchant::of(&again);
        merchant.stock_id.clone_from(&stock_id);
        assert_eq!((merchant.look_at(&tied), merchant.look_at(&free), merchant.look_at_stock()), seen);
        assert_eq!(merchant.post("coupons/disassociate", &request).success(), answer);
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
        let merchant = Merchant::of(&sandbox);
        (merchant.coupon().code, sandbox.kit().merchant_serial.clone())
    };
    let (first, second) = (run(), run());
    assert_eq!(first.0, second.0);
    assert_ne!(first.1, second.1);
}
