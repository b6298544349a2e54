//! The Rust that `weipay api show` prints is what a user can compile: `printed_styles/shown.rs` holds what it prints for
//! some operations, compiled with these tests, and a test holds the two together.
//!
//! After a change of the styles, `WEIPAY_WRITE_STYLES=1 cargo test -p weipay-cli shown` writes the file anew.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::serving::WEIPAY;

#[allow(dead_code, unused_imports, reason = "it is only compiled")]
#[rustfmt::skip]
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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/printed_styles/shown.rs");
    if std::env::var_os("WEIPAY_WRITE_STYLES").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let compiled = std::fs::read_to_string(file).unwrap();
    assert_eq!(wanted, compiled, "see the head of printed_styles.rs");
}

/// The part of a page with the styles.
fn printed(method: &str, path: &str) -> String {
    let output = Command::new(WEIPAY).args(["api", "show", path, "--method", method]).output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let (_, styles) = page.split_once("六种写法").unwrap();
    of_one_day(styles.split_once("命令行").unwrap().0)
}

/// Samples have times of today: here they have those of one day, so that what is compiled stays the same.
fn of_one_day(styles: &str) -> String {
    let mut parts = styles.split("+08:00");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let day = text.len() - "2015-05-20T13:29:35".len();
        text.replace_range(day..day + "2015-05-20".len(), "2015-05-20");
        text.push_str("+08:00");
        text.push_str(part);
    }
    text
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
