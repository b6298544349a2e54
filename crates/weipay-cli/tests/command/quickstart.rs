//! `weipay quickstart`: the first thing that a new user runs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::serving::WEIPAY;

#[test]
fn six_styles_are_shown_beside_six_verified_responses_plain_in_a_pipe() {
    let output = Command::new(WEIPAY).arg("quickstart").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches(r#"{"wechatpay_disassociate_time":""#).count(), 6, "{text}");
    assert_eq!(text.matches("verified with PUB_KEY_ID_").count(), 6, "{text}");
    for line in [
        "client.v3().marketing().busifavor().coupons().disassociate().post(request).await\n",
        "client.chain(\"v3/marketing/busifavor/coupons/disassociate\").post(request).await\n",
        "client[\"v3/marketing/busifavor/coupons/disassociate\"].post(request).await\n",
        "client.v3().marketing().busifavor().coupons().disassociate().post(request)\n",
        "client.chain(\"v3/marketing/busifavor/coupons/disassociate\").post(request)\n",
        "client[\"v3/marketing/busifavor/coupons/disassociate\"].post(request)\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour in a pipe");
}

#[test]
fn it_can_be_told_twice_on_the_same_data() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = Command::new(WEIPAY).args(["quickstart", "--data"]).arg(data.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What `--stay` prints under `try` is what a newcomer copies: its words are the arguments of the README's program.
#[test]
fn a_line_to_try_is_printed_where_it_stays_and_the_environment_is_at_hand() {
    let data = tempfile::tempdir().unwrap();
    let mut stays = Command::new(WEIPAY)
        .args(["quickstart", "--stay", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(stays.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.map(|line| line.trim().to_owned()).find(|line| line.starts_with("try ")).unwrap();
    let (program, given) = line.split_once(" -- ").unwrap();
    assert!(program.ends_with("--example disassociate"), "{line}");
    let given: Vec<String> = given.split(' ').map(str::to_owned).collect();
    let [stock, coupon, order, number] = &given[..] else { panic!("{line}") };

    let body = format!(
        r#"{{"stock_id":"{stock}","coupon_code":"{coupon}","out_trade_no":"{order}","out_request_no":"{number}"}}"#
    );
    let script = r#"
        eval "$("$0" sandbox env --data "$1")"
        "$0" call POST v3/marketing/busifavor/coupons/disassociate --json "$2"
    "#;
    let answers: Vec<String> = (0..2)
        .map(|_| {
            let mut shell = Command::new("sh");
            let output = shell.args(["-euc", script, WEIPAY]).arg(data.path()).arg(&body).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    stays.kill().unwrap();
    stays.wait().unwrap();
    assert!(answers[0].contains("wechatpay_disassociate_time"), "{answers:?}");
    assert_eq!(answers[0], answers[1], "a repeat gives the first response");
}
