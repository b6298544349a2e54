//! `weipay api`: what is found, how it is shown, and that the Rust it shows compiles.

use std::process::{Command, Output};

use serde_json::Value;
use weipay_catalog::{ApiVersion, Catalog};

use crate::serving::WEIPAY;

fn api(arguments: &[&str]) -> Output {
    Command::new(WEIPAY).arg("api").args(arguments).output().unwrap()
}

fn notifications(version: ApiVersion) -> usize {
    Catalog::embedded().notification_headings().filter(|(known, _)| *known == version).count()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A page of `weipay api show`.
pub(crate) fn page(arguments: &[&str]) -> String {
    of_one_day(&stdout(&api(&[&["show"], arguments].concat())))
}

/// Samples have times of today: here they have those of one day, so that a page stays the same.
fn of_one_day(page: &str) -> String {
    let mut parts = page.split("+08:00");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let day = text.len() - "2015-05-20T13:29:35".len();
        text.replace_range(day..day + "2015-05-20".len(), "2015-05-20");
        text.push_str("+08:00");
        text.push_str(part);
    }
    text
}

fn refusal(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn list_has_every_operation_once_and_aligned() {
    let text = stdout(&api(&["list"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), Catalog::embedded().len());
    let title_at = lines[0].find("授权").unwrap();
    assert!(lines.iter().all(|line| line.is_char_boundary(title_at) && line[..title_at].is_ascii()));
    assert!(lines.iter().all(|line| !line[title_at..].starts_with(' ')));
}

#[test]
fn list_finds_by_product_method_version_and_words_in_both_languages() {
    let count = |arguments: &[&str]| stdout(&api(&[&["list"], arguments].concat())).lines().count();
    let found = stdout(&api(&["list", "取消关联", "--product", "marketing/busifavor"]));
    assert_eq!(found, "POST    v3/marketing/busifavor/coupons/disassociate  取消关联订单信息\n");
    assert_eq!(count(&["DISASSOCIATE", "订单"]), 1);
    assert_eq!(count(&["4012465673"]), 1, "by the number of a document");
    let of_v2 = Catalog::embedded().headings().filter(|(_, path)| path.starts_with("v2/")).count();
    assert_eq!(count(&["--api", "v2"]), of_v2);
    assert_eq!(count(&["--product", "marketing/busifavor", "--method", "get"]), 9);
    assert_eq!(count(&["--notifications", "--api", "v3"]), notifications(ApiVersion::V3));
    assert_eq!(count(&["--notifications", "退款成功"]), 2);
}

#[test]
fn list_takes_a_product_label_and_addresses_as_show_prints_them() {
    let found = |arguments: &[&str]| stdout(&api(&[&["list"], arguments].concat()));
    assert!(found(&["--product", "商家券"]).contains("v3/marketing/busifavor/stocks"));
    let path = "v3/marketing/busifavor/stocks/{stock_id}";
    for spelling in [format!("/{path}"), format!("https://api.mch.weixin.qq.com/{path}?a=b")] {
        assert_eq!(found(&[&spelling]), found(&[path]), "{spelling}");
    }
    let document = "https://pay.weixin.qq.com/doc/v3/merchant/4012465673";
    assert_eq!(found(&[document]), found(&["4012465673"]));
    let unknown = refusal(&api(&["list", "--product", "marketin"]), 1);
    assert!(unknown.contains("no product is named marketin; similar names are marketing"), "{unknown}");
}

#[test]
fn list_gives_lines_of_json() {
    for line in stdout(&api(&["list", "退款", "--json"])).lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert!(row["method"].is_string() && row["path"].is_string() && row["docs"].is_array(), "{row}");
    }
}

#[test]
fn nothing_found_exits_with_1_and_says_so() {
    assert!(refusal(&api(&["list", "no such words"]), 1).contains("no operation"));
    assert!(refusal(&api(&["show", "v3/pay/transaction/jsapi"]), 1).contains("v3/pay/transactions/jsapi"));
    assert!(refusal(&api(&["show", "v3/pay/transactions/jsapi", "--method", "GET"]), 1).contains("POST"));
    refusal(&api(&["list", "--api", "v4"]), 2);
    for command in ["list", "show"] {
        assert!(stdout(&api(&[command, "--help"])).contains("Exit codes: 0 "), "{command}");
    }
}

#[test]
fn an_error_code_shows_what_it_means_and_where() {
    let page = stdout(&api(&["show", "sign_error"]));
    for said in [
        "SIGN_ERROR",
        "401",
        "fix-request",
        "cannot be verified",
        "error_code::SIGN_ERROR",
        "sign_difference()",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // Each meaning with those that have it, and no row twice.
    let page = stdout(&api(&["show", "ORDER_CLOSED"]));
    assert!(page.contains("v3/combine-transactions/app") && page.contains("the order is closed"), "{page}");
    let lines = stdout(&api(&["show", "ORDER_CLOSED", "--json"]));
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["code"], &first["status"]), (&Value::from("ORDER_CLOSED"), &Value::from(400)));
    assert!(refusal(&api(&["show", "SIGN_EROR"]), 1).contains("or error code named"));
}

#[test]
fn show_has_facts_tables_styles_command_and_documents() {
    for (name, arguments) in [
        ("without_body_in_response", ["PATCH", "/v3/marketing/busifavor/stocks/{stock_id}"]),
        ("order", ["POST", "v3/pay/transactions/jsapi"]),
        ("upload", ["POST", "v3/merchant/media/upload"]),
        ("file_in_response", ["GET", "v3/billdownload/file"]),
        ("sensitive", ["POST", "v3/marketing/membercard-open/phonenumber-member/import"]),
        ("two_modes", ["POST", "v3/global/refunds"]),
        ("apiv2", ["POST", "v2/pay/orderquery"]),
    ] {
        insta::assert_snapshot!(format!("show_{name}"), page(&arguments));
    }
}

#[test]
fn show_opens_a_notification() {
    insta::assert_snapshot!("show_notification", page(&["REFUND.SUCCESS"]));
}

#[test]
fn export_gives_a_line_of_json_for_each() {
    let all_notifications = notifications(ApiVersion::V3) + notifications(ApiVersion::V2);
    for (what, count) in [("operations", Catalog::embedded().len()), ("notifications", all_notifications)] {
        let lines = stdout(&api(&["export", "--format", "jsonl", "--what", what]));
        assert_eq!(lines.lines().count(), count);
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api.jsonl");
    let written = api(&["export", "--format", "jsonl", "--output", file.to_str().unwrap()]);
    assert_eq!(stdout(&written), "");
    assert_eq!(std::fs::read_to_string(file).unwrap(), stdout(&api(&["export", "--format", "jsonl"])));
}

#[test]
fn export_gives_one_openapi_document() {
    let document: Value = serde_json::from_str(&stdout(&api(&["export", "--format", "openapi"]))).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["paths"]["/v3/pay/transactions/jsapi"]["post"].is_object());
    assert_eq!(document["webhooks"].as_object().unwrap().len(), notifications(ApiVersion::V3));
}

#[test]
fn show_has_no_colours_in_a_pipe() {
    assert!(!page(&["v3/certificates"]).contains('\u{1b}'));
}

#[test]
fn show_takes_the_method_before_the_path_and_ids_into_its_samples() {
    let named = stdout(&api(&["show", "get", "v3/marketing/busifavor/users/oABC/coupons"]));
    assert!(named.starts_with("GET v3/marketing/busifavor/users/{openid}/coupons\n"), "{named}");
    assert!(named.contains("--path openid=oABC ") && named.contains("openid(\"oABC\")"), "{named}");
    let as_one = stdout(&api(&["show", "GET /v3/marketing/busifavor/users/oABC/coupons"]));
    assert_eq!(as_one.lines().next(), named.lines().next());
    refusal(&api(&["show", "FETCH", "v3/refunds"]), 2);
    refusal(&api(&["show", "GET", "v3/refunds", "--method", "POST"]), 2);
    refusal(&api(&["show", "REFUND.SUCCESS", "--method", "POST"]), 2);
}

#[test]
fn export_writes_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dashed = Command::new(WEIPAY)
        .args(["api", "export", "--format", "jsonl", "--output", "-"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(stdout(&dashed).lines().count(), Catalog::embedded().len());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let missing = folder.path().join("no/such/folder");
    let refused = refusal(&api(&["export", "--format", "openapi", "--output", missing.to_str().unwrap()]), 1);
    assert!(refused.contains("no/such/folder"), "{refused}");
    refusal(&api(&["export", "--format", "openapi", "--what", "notifications"]), 2);
}
