//! The commands of `weipay api show`, as a person copies them from a page into a shell in which the sandbox's credentials are
//! set.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use weipay_sandbox::Sandbox;

use crate::call::{environment, exit, stderr, weipay};
use crate::serving::WEIPAY;

/// The line of an operation's page.
fn line(method: &str, path: &str) -> String {
    let page = String::from_utf8(weipay(&["api", "show", method, path], &HashMap::new()).stdout).unwrap();
    page.lines().find(|line| line.starts_with("  weipay call ")).unwrap().to_owned()
}

fn pasted(line: &str, sandbox: &Sandbox) -> Output {
    let folder = Path::new(WEIPAY).parent().unwrap().display();
    Command::new("sh")
        .args(["-c", &format!("PATH={folder}:$PATH\n{line}")])
        .envs(environment(sandbox))
        .output()
        .unwrap()
}

/// The line with what the sandbox has given in the place of the documents' numbers.
fn with(line: &str, given: &[(&str, String)]) -> String {
    let mut line = line.to_owned();
    for (name, value) in given {
        for (before, after) in [(format!("\"{name}\":\""), "\""), (format!(" {name}="), " ")] {
            if let Some(start) = line.find(&before).map(|start| start + before.len()) {
                let end = line[start..].find(after).map_or(line.len(), |length| start + length);
                line.replace_range(start..end, value);
            }
        }
    }
    line
}

#[test]
fn the_commands_of_all_coupon_operations_that_are_pasted_in_their_order_tell_the_story_of_a_coupon() {
    const FAMILY: &str = "v3/marketing/busifavor";
    let sandbox = Sandbox::start().unwrap();
    let mut given: Vec<(&str, String)> = Vec::new();
    for (method, path) in [
        ("POST", "/stocks"),
        ("GET", "/stocks/{stock_id}"),
        ("PATCH", "/stocks/{stock_id}"),
        ("PATCH", "/stocks/{stock_id}/budget"),
        ("POST", "/coupons/send"),
        ("GET", "/users/{openid}/coupons/{coupon_code}/appids/{appid}"),
        ("GET", "/users/{openid}/coupons"),
        ("POST", "/coupons/associate"),
        ("POST", "/coupons/disassociate"),
        ("POST", "/coupons/use"),
        ("POST", "/coupons/return"),
        ("POST", "/coupons/deactivate"),
    ] {
        let line = with(&line(method, &format!("{FAMILY}{path}")), &given);
        // The budget is changed by whoever knows it, and the documents' stock and their change of a budget are two stories.
        let line = line.replace("\"current_max_coupons\":500", "\"current_max_coupons\":100");
        let output = pasted(&line, &sandbox);
        assert_eq!(exit(&output), 0, "{line}\n{}", stderr(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        for (name, value) in
            [("stock_id", &answer["stock_id"]), ("coupon_code", &answer["send_coupon_result"]["coupon_code"])]
        {
            if let (Some(value), false) = (value.as_str(), given.iter().any(|(known, _)| *known == name)) {
                given.push((name, value.to_owned()));
            }
        }
    }
    assert_eq!(given.len(), 2, "{given:?}");
}
