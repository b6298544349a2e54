//! `weipay quickstart`: the first thing that a new user runs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::serving::{Serving, WEIPAY, said};

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

#[test]
fn it_is_told_at_the_time_of_the_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let serving = Serving::start(&folder);
    said(&folder, &["clock", "freeze", "2030-01-01T12:00:00+08:00"]);
    drop(serving);
    let output =
        Command::new(WEIPAY).args(["quickstart", "--shop", "--yes", "--data"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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

/// What `--shop` prints, in a pipe.
fn shop(arguments: &[&str]) -> String {
    let output = Command::new(WEIPAY)
        .args(["quickstart", "--shop"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Whether the bill has the order and its refund, in this number of rows.
fn has_bill(text: &str, rows: usize) -> bool {
    text.contains(&format!(": SUCCESS 1990 fen, REFUND 500 fen; {rows} rows"))
}

#[test]
fn the_second_act_sells_a_coffee_from_the_order_to_the_bill() {
    let text = shop(&["--yes"]);
    for part in [
        "All six responses were verified.",
        "client.v3().pay().transactions().native().post(request)\n",
        "✓ {\"code_url\":\"weixin://wxpay/bizpayurl?pr=",
        "█▀▀▀▀▀█",
        "/pay/",
        "✓ TRANSACTION.SUCCESS 1990 fen for shop-",
        "✓ trade_state SUCCESS",
        "✓ status PROCESSING, 500 of 1990 fen",
        "✓ REFUND.SUCCESS shop-",
        "✓ status SUCCESS",
        "The shop's books agree",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour in a pipe");
    assert!(!text.contains("Press Enter"), "{text}");
    assert!(has_bill(&text, 2), "{text}");
}

#[test]
fn without_a_terminal_the_quickstart_waits_for_nobody() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    for rows in [2, 4] {
        let text = shop(&["--data", folder]);
        assert!(has_bill(&text, rows), "{text}");
    }
}

/// `script` gives it a terminal. Every Debian has it.
#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_a_person_pays_by_a_key_and_nobody_pays_without() {
    for (keys, is_paid) in [("\n", true), ("\u{4}", false)] {
        let mut shell = Command::new("script")
            .args(["-qec", &format!("'{WEIPAY}' quickstart --shop"), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, mut output) =
            (shell.stdin.take().unwrap(), BufReader::new(shell.stdout.take().unwrap()));
        let mut text = String::new();
        while !text.contains("Press Enter") {
            assert!(output.read_line(&mut text).unwrap() > 0, "{text}");
        }
        assert!(!text.contains("TRANSACTION.SUCCESS"), "not before the key");
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
        while output.read_line(&mut text).is_ok_and(|length| length > 0) {}
        drop(input);
        assert_eq!(shell.wait().unwrap().success(), is_paid, "{text}");
        assert_eq!(text.contains("REFUND.SUCCESS"), is_paid, "{text}");
        assert_eq!(text.contains("nobody paid"), !is_paid, "{text}");
    }
}

#[test]
fn the_answer_brings_the_shop_with_it() {
    let output = Command::new(WEIPAY).args(["quickstart", "--yes"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shop = Command::new(WEIPAY).args(["quickstart", "--shop", "--yes"]).output().unwrap();
    let lines = |output: &[u8]| String::from_utf8_lossy(output).lines().count();
    assert_eq!(lines(&output.stdout), lines(&shop.stdout));
}
