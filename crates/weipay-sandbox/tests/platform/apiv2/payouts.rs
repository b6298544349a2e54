//! Red packets and payments to the wallet over the API.

use serde_json::json;
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{MerchantAccount, NewMerchant, Sandbox};
use weipay_wire::{SignType, XmlContent, XmlElements};

use super::payments::{call, failure, values};
use super::{begun, elements, key, post, reason, said_to, signed};
use crate::client::Client;

const SEND: &str = "/mmpaymkttransfers/sendredpack";
const SEND_GROUP: &str = "/mmpaymkttransfers/sendgroupredpack";
const SEND_TO_MINI_PROGRAM: &str = "/mmpaymkttransfers/sendminiprogramhb";
const SENT: &str = "/mmpaymkttransfers/gethbinfo";
const PAY: &str = "/mmpaymkttransfers/promotion/transfers";
const PAID: &str = "/mmpaymkttransfers/gettransferinfo";

/// A sandbox whose merchant has 100000 fen to pay out.
fn start() -> Sandbox {
    let sandbox = crate::sandbox().start().unwrap();
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 100_000).unwrap();
    sandbox
}

fn available(sandbox: &Sandbox) -> i64 {
    let client = Client::new(sandbox).in_time();
    client.get("/v3/merchant/fund/balance/OPERATION").success()["available_amount"].as_i64().unwrap()
}

fn packet<'a>(sandbox: &'a Sandbox, number: &'a str, fen: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("mch_billno", number),
        ("wxappid", &sandbox.kit().appid),
        ("send_name", "天虹百货"),
        ("re_openid", &sandbox.kit().openid),
        ("total_amount", fen),
        ("total_num", "1"),
        ("wishing", "恭喜"),
        ("client_ip", "192.168.0.1"),
        ("act_name", "新年"),
        ("remark", "茶"),
    ]
}

fn look(sandbox: &Sandbox, number: &str) -> XmlElements {
    call(sandbox, SENT, &[("mch_billno", number), ("bill_type", "MCHT")])
}

fn open(sandbox: &Sandbox, number: &str) -> Result<serde_json::Value, ClientError> {
    sandbox.control().unwrap().call("POST", &format!("/red-packets/{number}/open"), Some(&json!({})))
}

#[test]
fn a_red_packet_is_opened_once_or_given_back_after_a_day() {
    let sandbox = start();
    let sent = call(&sandbox, SEND, &packet(&sandbox, "1", "1000"));
    assert_eq!(values(&sent, ["result_code", "total_amount"]), ["SUCCESS", "1000"]);
    let again = call(&sandbox, SEND, &packet(&sandbox, "1", "1000"));
    assert_eq!(
        values(&again, ["send_listid"]),
        values(&sent, ["send_listid"]),
        "the same again sends nothing"
    );
    assert_eq!(available(&sandbox), 99_000);
    let other = call(&sandbox, SEND, &packet(&sandbox, "1", "2000"));
    assert_eq!(values(&other, ["err_code"]), ["FATAL_ERROR"]);
    assert_eq!(values(&look(&sandbox, "1"), ["status", "hb_type", "total_num"]), ["SENT", "NORMAL", "1"]);

    assert_eq!(open(&sandbox, "1").unwrap()["status"], "RECEIVED");
    assert!(matches!(open(&sandbox, "1"), Err(ClientError::Refused { status: 409, .. })));
    assert!(matches!(open(&sandbox, "9"), Err(ClientError::Refused { status: 404, .. })));
    let received = look(&sandbox, "1");
    assert_eq!(values(&received, ["status"]), ["RECEIVED"]);
    // Recorded: a success has a code and a sentence, and neither appid nor nonce_str.
    let names = ["return_msg", "result_code", "err_code", "err_code_des", "mch_id", "appid", "nonce_str"];
    let wanted = ["OK", "SUCCESS", "SUCCESS", "OK", &*sandbox.kit().mchid, "", ""];
    assert_eq!(values(&received, names), wanted);
    let Some(XmlContent::Elements(list)) = received.get("hblist") else { panic!("{received:?}") };
    let Some(XmlContent::Elements(info)) = list.get("hbinfo") else { panic!("{list:?}") };
    assert_eq!(values(info, ["openid", "amount"]), [&*sandbox.kit().openid, "1000"]);

    call(&sandbox, SEND, &packet(&sandbox, "2", "500"));
    sandbox.run_for(86_401).unwrap();
    assert_eq!(values(&look(&sandbox, "2"), ["status", "refund_amount"]), ["REFUND", "500"]);
    assert_eq!(available(&sandbox), 99_000);
    assert!(matches!(open(&sandbox, "2"), Err(ClientError::Refused { status: 409, .. })));
    assert_eq!(values(&look(&sandbox, "3"), ["err_code"]), ["NOT_FOUND"]);
}

/// Recorded: of a success in 2017 and 2018, of a wrong signature in 2019; the page has the numbers in its example of a failure.
#[test]
fn red_packets_have_the_recorded_elements_whatever_becomes_of_them() {
    let sandbox = start();
    let (mchid, kit) = (&*sandbox.kit().mchid, sandbox.kit());
    let whole = |result: &str, code: &str, sentence: &str, fen: &str, end: &str| {
        format!(
            "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[{sentence}]]></return_msg>\
             <result_code><![CDATA[{result}]]></result_code><err_code><![CDATA[{code}]]></err_code>\
             <err_code_des><![CDATA[{sentence}]]></err_code_des><mch_billno><![CDATA[1]]></mch_billno>\
             <mch_id><![CDATA[{mchid}]]></mch_id><wxappid><![CDATA[{}]]></wxappid>\
             <re_openid><![CDATA[{}]]></re_openid><total_amount>{fen}</total_amount>{end}</xml>",
            kit.appid, kit.openid
        )
    };
    let own = ("notify_way", "MINI_PROGRAM_JSAPI");
    for (path, asked) in [
        (SEND, packet(&sandbox, "1", "99")),
        (SEND_GROUP, other_packet(&sandbox, "1", ("99", "3"), ("amt_type", "ALL_RAND"))),
        (SEND_TO_MINI_PROGRAM, other_packet(&sandbox, "1", ("99", "1"), own)),
    ] {
        let refused = post(&sandbox, path, &signed(&sandbox, &asked));
        assert_eq!(
            refused.text(),
            whole("FAIL", "MONEY_LIMIT", "每个红包的平均金额必须在1.00元到200.00元之间.", "99", ""),
            "{path}"
        );
        let mut spoilt = begun(&sandbox, &asked);
        spoilt.push("sign", "A".repeat(32));
        let wrong = post(&sandbox, path, spoilt.write("xml").unwrap().as_bytes());
        assert_eq!(wrong.text(), whole("FAIL", "SIGN_ERROR", "签名错误", "99", ""), "{path}");
        assert!(reason(&wrong).contains("sign"), "{}", reason(&wrong));
    }
    let sent = post(&sandbox, SEND, &signed(&sandbox, &packet(&sandbox, "1", "1000")));
    let said = elements(&sent);
    let number = said.text("send_listid").unwrap();
    let end = format!("<send_listid><![CDATA[{number}]]></send_listid>");
    assert_eq!(sent.text(), whole("SUCCESS", "SUCCESS", "发放成功", "1000", &end));
}

/// As it was reported of a payment (2021): the sentence stands in an element that no page has. One that names no merchant at all is
/// told by `result_code` (2019).
#[test]
fn a_payment_of_no_merchant_is_told_by_retcode() {
    let sandbox = start();
    for mchid in ["", "1", "1999999999"] {
        let mut sent = XmlElements::new();
        for (name, text) in [
            ("mch_appid", &*sandbox.kit().appid),
            ("mchid", mchid),
            ("nonce_str", "ibuaiVcKdpRxkhJA"),
            ("partner_trade_no", "p1"),
            ("openid", &*sandbox.kit().openid),
            ("check_name", "NO_CHECK"),
            ("amount", "3000"),
            ("desc", "理赔"),
            ("spbill_create_ip", "192.168.0.1"),
            ("sign", "A"),
        ] {
            sent.push(name, text);
        }
        let said = elements(&post(&sandbox, PAY, sent.write("xml").unwrap().as_bytes()));
        let said: Vec<_> = said.texts().map(|(name, text)| format!("{name}={text}")).collect();
        let sentence = "参数错误：必须填入商户号";
        let wanted = match mchid {
            "" => format!(
                "return_code=SUCCESS return_msg={sentence} result_code=FAIL err_code=PARAM_ERROR err_code_des={sentence}"
            ),
            _ => "return_code=FAIL retmsg=请确认请求参数是否正确param mch_id invalid retcode=1".to_owned(),
        };
        assert_eq!(said.join(" "), wanted, "{mchid}");
    }
}

/// Recorded in 2021 of a payment. What no page has a code for is told by `return_code`.
#[test]
fn a_wrong_signature_of_a_payment_and_of_queries_is_told_by_result_code() {
    let sandbox = start();
    let kit = sandbox.kit();
    let told = |path: &str, names: [&str; 2], with: &[(&str, &str)]| {
        let mut sent = XmlElements::new();
        let own = [(names[0], &*kit.appid), (names[1], &*kit.mchid), ("nonce_str", "ibuaiVcKdpRxkhJA")];
        for (name, text) in own.iter().chain(with) {
            sent.push(*name, *text);
        }
        sent.push("sign", "A".repeat(32));
        let said = elements(&post(&sandbox, path, sent.write("xml").unwrap().as_bytes()));
        said.texts().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(" ")
    };
    let payment = [
        ("partner_trade_no", "p1"),
        ("openid", &*kit.openid),
        ("check_name", "NO_CHECK"),
        ("amount", "3000"),
        ("desc", "理赔"),
        ("spbill_create_ip", "192.168.0.1"),
    ];
    let whole = |names: [&str; 2]| {
        format!(
            "return_code=SUCCESS return_msg=SIGN_ERROR {}={} {}={} result_code=FAIL err_code=SIGN_ERROR \
             err_code_des=签名错误",
            names[0], kit.appid, names[1], kit.mchid
        )
    };
    let of_payment = ["mch_appid", "mchid"];
    assert_eq!(told(PAY, of_payment, &payment), whole(of_payment));
    let usual = ["appid", "mch_id"];
    assert_eq!(told(SENT, usual, &[("mch_billno", "1"), ("bill_type", "MCHT")]), whole(usual));
    let elsewhere = "return_code=FAIL return_msg=签名错误";
    assert_eq!(told(PAID, usual, &[("partner_trade_no", "p1")]), elsewhere, "its page has no SIGN_ERROR");
    assert_eq!(
        told("/mmpaymkttransfers/queryworkwxredpack", usual, &[("mch_billno", "1")]),
        elsewhere,
        "its responses are signed"
    );
}

/// What another kind of red packet has in the place of `client_ip`.
fn other_packet<'a>(
    sandbox: &'a Sandbox,
    number: &'a str,
    (fen, parts): (&'a str, &'a str),
    own: (&'a str, &'a str),
) -> Vec<(&'a str, &'a str)> {
    let mut packet = packet(sandbox, number, fen);
    packet.retain(|(name, _)| !matches!(*name, "client_ip" | "total_num"));
    packet.extend([("total_num", parts), own]);
    packet
}

fn group<'a>(sandbox: &'a Sandbox, number: &'a str, amount: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    other_packet(sandbox, number, amount, ("amt_type", "ALL_RAND"))
}

/// Fen of the part that a person opens, and the state of the whole.
fn open_part(sandbox: &Sandbox, number: &str, openid: &str) -> Result<(i64, String), ClientError> {
    let path = format!("/red-packets/{number}/open");
    let opened = sandbox.control().unwrap().call("POST", &path, Some(&json!({ "openid": openid })))?;
    Ok((opened["amount"].as_i64().unwrap(), opened["status"].as_str().unwrap().to_owned()))
}

/// Who has opened how much of it.
fn parts(said: &XmlElements) -> Vec<(String, i64)> {
    let Some(XmlContent::Elements(list)) = said.get("hblist") else { return Vec::new() };
    let infos = list.iter().map(|(_, info)| {
        let XmlContent::Elements(info) = info else { panic!("{info:?}") };
        let [openid, amount] = values(info, ["openid", "amount"]);
        (openid.to_owned(), amount.parse().unwrap())
    });
    infos.collect()
}

const FRIENDS: [&str; 2] = ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6p", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6q"];

#[test]
fn a_group_of_red_packets_is_opened_part_by_part() {
    let sandbox = start();
    let seed = &*sandbox.kit().openid;
    let sent = call(&sandbox, SEND_GROUP, &group(&sandbox, "1", ("1000", "3")));
    assert_eq!(values(&sent, ["result_code", "total_amount", "re_openid"]), ["SUCCESS", "1000", seed]);
    let again = call(&sandbox, SEND_GROUP, &group(&sandbox, "1", ("1000", "3")));
    assert_eq!(values(&again, ["send_listid"]), values(&sent, ["send_listid"]));
    assert_eq!(available(&sandbox), 99_000);
    let other = call(&sandbox, SEND, &packet(&sandbox, "1", "1000"));
    assert_eq!(values(&other, ["err_code"]), ["FATAL_ERROR"], "the numbers of all kinds are the same");
    let names = ["status", "hb_type", "total_num", "total_amount"];
    assert_eq!(values(&look(&sandbox, "1"), names), ["SENT", "GROUP", "3", "1000"]);

    let refused = |openid: &str| match open_part(&sandbox, "1", openid) {
        Err(ClientError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(FRIENDS[0]), 409, "the seed is the first");
    assert_eq!(refused("o1"), 400);
    let (first, state) = open_part(&sandbox, "1", seed).unwrap();
    assert_eq!(state, "SENT");
    assert_eq!(refused(seed), 409, "one part for each");
    assert_eq!(parts(&look(&sandbox, "1")), [(seed.to_owned(), first)]);
    let (second, _) = open_part(&sandbox, "1", FRIENDS[0]).unwrap();
    let (third, state) = open_part(&sandbox, "1", FRIENDS[1]).unwrap();
    assert_eq!((first + second + third, &*state), (1_000, "RECEIVED"));
    let received = look(&sandbox, "1");
    assert_eq!(values(&received, ["status"]), ["RECEIVED"]);
    // Recorded: a success has a code and a sentence, and neither appid nor nonce_str.
    let names = ["return_msg", "result_code", "err_code", "err_code_des", "mch_id", "appid", "nonce_str"];
    let wanted = ["OK", "SUCCESS", "SUCCESS", "OK", &*sandbox.kit().mchid, "", ""];
    assert_eq!(values(&received, names), wanted);
    let friends = FRIENDS.map(str::to_owned);
    let whole = [(seed.to_owned(), first), (friends[0].clone(), second), (friends[1].clone(), third)];
    assert_eq!(parts(&received), whole);
    assert_eq!(refused("oUpF8uMuAJO_M2pxb1Q9zNjWeS6r"), 409, "nothing is left");
}

#[test]
fn what_is_left_of_a_group_goes_back_after_a_day() {
    let sandbox = start();
    call(&sandbox, SEND_GROUP, &group(&sandbox, "1", ("1000", "3")));
    let (first, _) = open_part(&sandbox, "1", &sandbox.kit().openid).unwrap();
    sandbox.run_for(86_401).unwrap();
    let shown = look(&sandbox, "1");
    let left = (1_000 - first).to_string();
    assert_eq!(values(&shown, ["status", "refund_amount"]), ["REFUND", &left]);
    assert_eq!(parts(&shown).len(), 1);
    assert_eq!(available(&sandbox), 100_000 - first);
    assert!(open_part(&sandbox, "1", FRIENDS[0]).is_err());
}

#[test]
fn the_numbers_of_red_packets_are_each_merchants_own() {
    let sandbox = start();
    call(&sandbox, SEND_GROUP, &group(&sandbox, "1", ("1000", "3")));
    let other = sandbox.add_merchant(&NewMerchant::new().mchid("1900000200")).unwrap();
    let kit = other.kit();
    let own = [("appid", &*kit.appid), ("mch_id", &*kit.mchid), ("mch_billno", "1"), ("bill_type", "MCHT")];
    assert_eq!(values(&said_to(&sandbox, kit, SENT, &own), ["err_code"]), ["NOT_FOUND"]);
    let mut packet = group(&sandbox, "1", ("1000", "3"));
    packet[1].1 = &kit.appid;
    packet.push(("mch_id", &kit.mchid));
    assert_eq!(values(&said_to(&sandbox, kit, SEND_GROUP, &packet), ["err_code"]), ["NOTENOUGH"]);
    assert_eq!(available(&sandbox), 99_000);
}

#[test]
fn a_group_keeps_its_limits() {
    let sandbox = start();
    let code = |number: &str, amount: (&str, &str)| {
        let said = call(&sandbox, SEND_GROUP, &group(&sandbox, number, amount));
        said.text("err_code").filter(|code| *code != "SUCCESS").map(str::to_owned)
    };
    assert_eq!(code("1", ("1000", "2")).as_deref(), Some("PARAM_ERROR"));
    assert_eq!(code("1", ("299", "3")).as_deref(), Some("MONEY_LIMIT"));
    assert_eq!(code("1", ("100001", "20")).as_deref(), Some("MONEY_LIMIT"));
    let mut strange = group(&sandbox, "1", ("1000", "3"));
    strange[3].1 = "o1";
    let sentence = "参数错误:re_openid字段不正确,请检查是否合法";
    assert_eq!(failure(&call(&sandbox, SEND_GROUP, &strange)), ["PARAM_ERROR", sentence]);
    let poor = crate::sandbox().start().unwrap();
    let said = call(&poor, SEND_GROUP, &group(&poor, "1", ("1000", "3")));
    assert_eq!(values(&said, ["err_code"]), ["NOTENOUGH"]);
    assert_eq!(code("1", ("1000", "3")), None, "the number was not used up");
}

#[test]
fn a_red_packet_of_a_mini_program_has_a_package_and_is_like_any_other() {
    let sandbox = start();
    let mini_program = |number| {
        let own = ("notify_way", "MINI_PROGRAM_JSAPI");
        call(&sandbox, SEND_TO_MINI_PROGRAM, &other_packet(&sandbox, number, ("1000", "1"), own))
    };
    let sent = mini_program("1");
    let package = sent.text("package").unwrap();
    assert!(package.starts_with("sendid=") && package.contains(&*sandbox.kit().mchid), "{package}");
    assert_eq!(mini_program("1").text("package"), Some(package), "the same again has the same");
    assert_ne!(mini_program("2").text("package"), Some(package));
    assert_eq!(available(&sandbox), 98_000);
    assert!(open_part(&sandbox, "1", FRIENDS[0]).is_err(), "it is somebody else's");
    assert_eq!(open(&sandbox, "1").unwrap()["amount"], 1_000);
    assert_eq!(values(&look(&sandbox, "1"), ["status", "hb_type"]), ["RECEIVED", "NORMAL"]);
}

#[test]
fn a_red_packet_of_wecom_is_opened_and_found_by_its_own_query() {
    let sandbox = start();
    let look =
        |number: &str| call(&sandbox, "/mmpaymkttransfers/queryworkwxredpack", &[("mch_billno", number)]);
    let mut packet = packet(&sandbox, "1", "1000");
    packet.retain(|(name, _)| !matches!(*name, "client_ip" | "total_num" | "send_name"));
    packet.extend([("sender_name", "XX活动"), ("workwx_sign", "C380BEC2BFD727A4B6845133519F3AD6")]);
    let send = |packet: &[(&str, &str)]| call(&sandbox, "/mmpaymkttransfers/sendworkwxredpack", packet);
    let mut small = packet.clone();
    small.iter_mut().filter(|(name, _)| *name == "total_amount").for_each(|(_, fen)| *fen = "99");
    let names = ["err_code", "mch_billno", "re_openid", "total_amount", "wxappid"];
    let kit = sandbox.kit();
    assert_eq!(values(&send(&small), names), ["MONEY_LIMIT", "1", &kit.openid, "99", &kit.appid]);
    let sent = send(&packet);
    assert_eq!(values(&sent, ["result_code", "total_amount", "sender_name"]), ["SUCCESS", "1000", "XX活动"]);
    // Its own signature is another one each time.
    packet.last_mut().unwrap().1 = "D380BEC2BFD727A4B6845133519F3AD6";
    assert_eq!(values(&send(&packet), ["send_listid"]), values(&sent, ["send_listid"]));
    assert_eq!(available(&sandbox), 99_000);
    assert_eq!(values(&look("1"), ["status", "openid", "sender_name"]), ["SENT", "", "XX活动"]);
    open(&sandbox, "1").unwrap();
    let names = ["status", "openid", "amount", "total_amount"];
    assert_eq!(values(&look("1"), names), ["RECEIVED", &sandbox.kit().openid, "1000", "1000"]);
    call(&sandbox, SEND, &self::packet(&sandbox, "2", "1000"));
    assert_eq!(values(&look("2"), ["err_code"]), ["NOT_FOUND"]);
    assert_eq!(
        values(&call(&sandbox, SENT, &[("mch_billno", "1"), ("bill_type", "MCHT")]), ["status"]),
        ["RECEIVED"]
    );
}

#[test]
fn an_employee_is_paid_once_and_found_again() {
    let sandbox = start();
    let openid = sandbox.kit().openid.clone();
    let payment = |number, fen| {
        vec![
            ("partner_trade_no", number),
            ("openid", &*openid),
            ("check_name", "FORCE_CHECK"),
            ("re_user_name", "王小王"),
            ("amount", fen),
            ("desc", "用车补贴"),
            ("spbill_create_ip", "192.168.0.1"),
        ]
    };
    let pay =
        |with: &[(&str, &str)]| call(&sandbox, "/mmpaymkttransfers/promotion/paywwsptrans2pocket", with);
    let paid = pay(&payment("p1", "3000"));
    assert_eq!(values(&paid, ["result_code", "partner_trade_no"]), ["SUCCESS", "p1"]);
    assert_eq!(values(&pay(&payment("p1", "3000")), ["payment_no"]), values(&paid, ["payment_no"]));
    assert_eq!(available(&sandbox), 97_000);
    assert_eq!(values(&pay(&payment("p1", "3001")), ["err_code"]), ["FATAL_ERROR"]);
    sandbox.run_for(15).unwrap();
    assert_eq!(values(&pay(&payment("p2", "97001")), ["err_code"]), ["NOTENOUGH"]);
    let mut approved = payment("p2", "3000");
    approved.push(("ww_msg_type", "APPROVAL_MSG"));
    assert_eq!(values(&pay(&approved), ["err_code"]), ["PARAM_ERROR"]);
    let look = |number: &str| {
        call(&sandbox, "/mmpaymkttransfers/promotion/querywwsptrans2pocket", &[("partner_trade_no", number)])
    };
    assert_eq!(values(&look("p1"), ["status", "payment_amount", "desc"]), ["SUCCESS", "3000", "用车补贴"]);
    assert_eq!(values(&look("p2"), ["err_code"]), ["NOT_FOUND"]);
}

#[test]
fn red_packets_keep_the_limits_of_amount_day_and_balance() {
    let sandbox = start();
    let code = |number: &str, fen: &str| {
        let said = call(&sandbox, SEND, &packet(&sandbox, number, fen));
        said.text("err_code").filter(|code| *code != "SUCCESS").map(str::to_owned)
    };
    assert_eq!(code("0", "99").as_deref(), Some("MONEY_LIMIT"));
    for number in 1..=10 {
        assert_eq!(code(&number.to_string(), "100"), None);
    }
    assert_eq!(code("11", "100").as_deref(), Some("SENDNUM_LIMIT"));
    sandbox.run_for(86_400).unwrap();
    assert_eq!(code("11", "100"), None, "the number was not used up");
    let mut strange = packet(&sandbox, "12", "100");
    strange[3].1 = "o1";
    let sentence = "参数错误:re_openid字段不正确,请检查是否合法";
    assert_eq!(failure(&call(&sandbox, SEND, &strange)), ["PARAM_ERROR", sentence]);
    let poor = crate::sandbox().start().unwrap();
    assert_eq!(values(&call(&poor, SEND, &packet(&poor, "1", "100")), ["err_code"]), ["NOTENOUGH"]);
}

/// As it was reported (2018): money went out here by a request that never works on the real platform.
#[test]
fn only_a_partner_names_the_appid_that_tells_the_person() {
    let sandbox = start();
    let mut asked = packet(&sandbox, "1", "1000");
    asked.push(("msgappid", &sandbox.kit().appid));
    let sentence = "参数错误:授理模式/资金受理才需要填入msgappid";
    assert_eq!(failure(&call(&sandbox, SEND, &asked)), ["PARAM_ERROR", sentence]);
    assert_eq!(available(&sandbox), 100_000);
}

/// Public captures of 2016.
#[test]
fn an_element_of_a_red_packet_is_missed_with_the_recorded_elements() {
    let sandbox = start();
    let kit = sandbox.kit();
    let long = "长".repeat(33);
    for (name, text, number, sentence) in [
        ("act_name", "", "<![CDATA[1]]>", "参数错误:act_name字段必填,并且少于32个字符."),
        ("act_name", &*long, "<![CDATA[1]]>", "参数错误:act_name字段必填,并且少于32个字符."),
        ("mch_billno", "", "<![CDATA[]]>", "参数错误:订单号字段必填,最长为28个字符."),
    ] {
        let mut asked = packet(&sandbox, "1", "1000");
        asked.iter_mut().filter(|(asked, _)| *asked == name).for_each(|(_, old)| *old = text);
        let refused = post(&sandbox, SEND, &signed(&sandbox, &asked));
        let wanted = format!(
            "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[{sentence}]]></return_msg>\
             <result_code><![CDATA[FAIL]]></result_code><err_code><![CDATA[PARAM_ERROR]]></err_code>\
             <err_code_des><![CDATA[{sentence}]]></err_code_des><mch_billno>{number}</mch_billno>\
             <mch_id><![CDATA[{}]]></mch_id><wxappid><![CDATA[{}]]></wxappid>\
             <re_openid><![CDATA[{}]]></re_openid><total_amount>1000</total_amount></xml>",
            kit.mchid, kit.appid, kit.openid
        );
        assert_eq!(refused.text(), wanted, "{name}");
    }
}

fn pay(sandbox: &Sandbox, number: &str, fen: &str) -> XmlElements {
    pay_from(sandbox, number, fen, "192.168.0.1")
}

/// This operation names the merchant and its appid otherwise.
fn pay_from(sandbox: &Sandbox, number: &str, fen: &str, ip: &str) -> XmlElements {
    let kit = sandbox.kit();
    let mut sent = XmlElements::new();
    for (name, text) in [
        ("mch_appid", &*kit.appid),
        ("mchid", &kit.mchid),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ("partner_trade_no", number),
        ("openid", &kit.openid),
        ("check_name", "NO_CHECK"),
        ("amount", fen),
        ("desc", "理赔"),
        ("spbill_create_ip", ip),
    ] {
        sent.push(name, text);
    }
    let sign = key(sandbox).sign(SignType::Md5, sent.texts());
    sent.push("sign", sign);
    elements(&post(sandbox, PAY, sent.write("xml").unwrap().as_bytes()))
}

#[test]
fn a_payment_to_the_wallet_is_made_once_and_found_again() {
    let sandbox = start();
    let paid = pay(&sandbox, "p1", "3000");
    assert_eq!(values(&paid, ["result_code", "partner_trade_no", "sign"]), ["SUCCESS", "p1", ""]);
    // As recorded, eight times.
    assert_eq!((paid.text("return_msg"), paid.text("nonce_str").is_some()), (Some(""), true));
    // Recorded: what has other signs than letters and digits is no number, and nothing is paid.
    for number in ["a-b-c", "22f7126e-264e-462c-8bc5-28055a2de34f", "茶1"] {
        let refused = pay(&sandbox, number, "3000");
        let sentence = "参数错误:单号必须为33位以下的数字或字母";
        let names = ["return_code", "return_msg", "result_code", "err_code", "err_code_des", "nonce_str"];
        assert_eq!(values(&refused, names), ["SUCCESS", sentence, "FAIL", "PARAM_ERROR", sentence, ""]);
        assert_eq!(available(&sandbox), 97_000);
    }
    assert_eq!(values(&pay(&sandbox, "p1", "3000"), ["payment_no"]), values(&paid, ["payment_no"]));
    assert_eq!(available(&sandbox), 97_000);
    assert_eq!(values(&pay(&sandbox, "p1", "3001"), ["err_code", "return_msg"]), ["FATAL_ERROR", "支付失败"]);
    assert_eq!(values(&pay(&sandbox, "p2", "29"), ["err_code"]), ["AMOUNT_LIMIT"]);
    for ip in ["abc", ""] {
        let refused = pay_from(&sandbox, "p2", "3000", ip);
        let sentence = "参数错误：spbill_create_ip字段必填,并且为合法的IP字符串.";
        let names = ["return_code", "return_msg", "result_code", "err_code", "err_code_des"];
        assert_eq!(values(&refused, names), ["SUCCESS", sentence, "FAIL", "PARAM_ERROR", sentence], "{ip}");
    }
    let fast = pay(&sandbox, "p2", "97000");
    let sentence = "对同一用户转账操作过于频繁,请稍候重试.";
    assert_eq!(values(&fast, ["err_code", "err_code_des"]), ["FREQ_LIMIT", sentence], "as recorded");
    sandbox.run_for(15).unwrap();
    assert_eq!(values(&pay(&sandbox, "p2", "97001"), ["err_code"]), ["NOTENOUGH"]);
    let found = call(&sandbox, PAID, &[("partner_trade_no", "p1")]);
    assert_eq!(values(&found, ["status", "payment_amount", "desc"]), ["SUCCESS", "3000", "理赔"]);
    assert_eq!(values(&call(&sandbox, PAID, &[("partner_trade_no", "p2")]), ["err_code"]), ["NOT_FOUND"]);

    // Its number is retried for three days, and asked for for thirty.
    sandbox.run_for(3 * 86_400 - 15).unwrap();
    assert_eq!(values(&pay(&sandbox, "p1", "3000"), ["payment_no"]), values(&paid, ["payment_no"]));
    sandbox.run_for(1).unwrap();
    let late = pay(&sandbox, "p1", "3000");
    let wanted = ["SEND_FAILED", "对应单号已超出重试期,请查单确认后决定是否换单请求"];
    assert_eq!(values(&late, ["err_code", "err_code_des"]), wanted);
    assert_eq!(values(&call(&sandbox, PAID, &[("partner_trade_no", "p1")]), ["status"]), ["SUCCESS"]);
    assert_eq!(available(&sandbox), 97_000);
}
