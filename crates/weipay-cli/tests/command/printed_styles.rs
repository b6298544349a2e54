//! The Rust that `weipay api show` prints is what a user can compile: a snapshot holds what it prints for some operations, and
//! is compiled with these tests.

use std::fmt::Write;

use crate::api::page;

#[allow(dead_code, unused_imports, reason = "it is only compiled")]
#[rustfmt::skip]
#[path = "snapshots/command__printed_styles__shown.snap.rs"]
mod shown;

/// Every method; with and without query, path values, body and answer; nested objects, arrays, enumerations, names that
/// are keywords; sensitive fields.
const OPERATIONS: [(&str, &str); 11] = [
    ("GET", "v3/marketing/busifavor/callbacks"),
    ("POST", "v3/marketing/busifavor/coupons/disassociate"),
    ("POST", "v3/marketing/busifavor/stocks"),
    ("GET", "v3/marketing/busifavor/stocks/{stock_id}"),
    ("PATCH", "v3/marketing/busifavor/stocks/{stock_id}"),
    ("GET", "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}"),
    ("GET", "v3/marketing/partnerships"),
    ("POST", "v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"),
    ("POST", "v3/marketing/favor/media/image-upload"),
    ("POST", "v3/marketing/membercard-open/phonenumber-member/import"),
    ("DELETE", "v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores"),
];

#[test]
fn the_shown_styles_are_those_that_are_compiled() {
    let mut wanted = String::from(
        "//! What `weipay api show` prints as styles: written by a test, see `printed_styles.rs`.\n\ntype Done = Result<(), Box<dyn std::error::Error>>;\n",
    );
    for (index, (method, path)) in OPERATIONS.into_iter().enumerate() {
        write!(wanted, "\n// {method} {path}\n").unwrap();
        functions(&printed(method, path), index, &mut wanted);
    }
    insta::assert_binary_snapshot!("shown.rs", wanted.into_bytes());
}

/// The part of a page with the styles.
fn printed(method: &str, path: &str) -> String {
    let page = page(&[path, "--method", method]);
    let (_, styles) = page.split_once("六种写法").unwrap();
    styles.split_once("命令行").unwrap().0.to_owned()
}

/// A function for each style, with what stands before it on the page: code stands in the fourth column, a style's name
/// in the second.
fn functions(styles: &str, index: usize, out: &mut String) {
    let (mut before, mut statement, mut count) = (String::new(), String::new(), 0);
    let mut is_async = None;
    for line in styles.lines().skip(1).chain([""]) {
        match (line.strip_prefix("    "), line.strip_prefix("  ")) {
            (Some(code), _) if is_async.is_some() => writeln!(statement, "    {code}").unwrap(),
            // What stood before the styles above is of no use to those below.
            (Some(code), _) if code.starts_with("use ") => before = format!("    {code}\n"),
            (Some(code), _) => writeln!(before, "    {code}").unwrap(),
            (None, Some(title)) => {
                if title.contains("async, declarative") && before.contains("use weipay") {
                    before.clear();
                }
                is_async = Some(title.starts_with("异步"));
            }
            (None, None) => {
                let Some(is_async) = is_async.take() else { continue };
                count += 1;
                let (word, client) = if is_async { ("async ", "Client") } else { ("", "blocking::Client") };
                let head = format!("{word}fn style_{count}_of_{index}(client: &weipay::{client}) -> Done");
                write!(out, "{head} {{\n{before}{statement}    drop(response);\n    Ok(())\n}}\n").unwrap();
                statement.clear();
            }
        }
    }
    assert_eq!(count, 6, "{styles}");
}
