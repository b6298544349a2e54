//! `weipay sandbox clock` and `weipay sandbox fault` on a running sandbox.

use weipay::blocking::Client;

use crate::serving::{Serving, said, sandbox};

#[test]
fn the_clock_is_shown_stopped_and_moved_and_goes_on_so_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    assert!(said(&data, &["clock"]).contains(" (the time of this machine)\nnext event: "));
    let noon = "2026-08-15T12:00:00+08:00";
    assert_eq!(said(&data, &["clock", "freeze", noon]), format!("{noon} (frozen)\nnext event: none\n"));
    assert!(said(&data, &["clock", "advance", "1d12h"]).starts_with("2026-08-17T00:00:00+08:00 (frozen)"));
    assert!(said(&data, &["clock", "next"]).starts_with("2026-08-17T00:00:00+08:00 (frozen)"));
    drop(serving);
    let _serving = Serving::start(&data);
    assert!(said(&data, &["clock", "show"]).starts_with("2026-08-17T00:00:00+08:00 (frozen)"));
    assert!(said(&data, &["clock", "real"]).contains("(the time of this machine)"));
    assert_eq!(said(&data, &["clock", "put-aside"]), "");
    assert_eq!(said(&data, &["clock", "retry"]), "0 tried, 0 put aside again\n");
    assert_eq!(sandbox(&data, &["clock", "advance", "yesterday"]).status.code(), Some(2));
    assert_eq!(sandbox(&data, &["clock", "freeze", "yesterday"]).status.code(), Some(2));
}

#[test]
fn a_fault_is_added_listed_met_and_cleared() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::start(&data);
    let operation = "GET /v3/merchant/fund/balance/{account_type}";
    let added = said(&data, &["fault", "add", "503", "--operation", operation, "--first", "2"]);
    assert_eq!(added, "1\n");
    let client = Client::from_kit(serving.kit_file()).unwrap();
    let response = client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    assert_eq!(response.attempts().len(), 3, "two were hit");
    assert_eq!(
        said(&data, &["fault", "list"]),
        format!("1  503  hit 2 of 2  operation={operation}  first=2  probability=1.0\n")
    );
    said(&data, &["fault", "clear", "1"]);
    assert_eq!(said(&data, &["fault", "list"]), "");
    said(&data, &["fault", "clear"]);
    let wrong = sandbox(&data, &["fault", "add", "banana"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_profile_is_named_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let serving = Serving::with(&data, &["--faults", "outage"]);
    let client = Client::from_kit(serving.kit_file()).unwrap();
    let error = client.chain("v3/merchant/fund/balance/BASIC").get().unwrap_err();
    assert!(error.attempts().len() > 1, "{error}");
    assert!(serving.log().contains(" fault["));
    assert_eq!(sandbox(&data, &["--faults", "banana"]).status.code(), Some(2));
}
