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
