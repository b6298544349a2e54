//! Samples of all events of the catalogue.

use weipay_catalog::{Carrier, Field, Kind};

use super::*;

/// The members of a sample.
fn sample_of(described: &'static Described, overrides: &[(&str, &str)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let kit = crate::kit::init(folder.path()).unwrap();
    let merchant = kit.merchant().unwrap();
    sample_by(described, overrides, &kit, &merchant)
}

fn sample_by(
    described: &'static Described,
    overrides: &[(&str, &str)],
    kit: &KitOnDisk,
    merchant: &Merchant,
) -> Value {
    let mut trigger = Trigger { described, order: None, overrides: Vec::new() };
    for (path, value) in overrides {
        trigger = trigger.set(*path, *value).unwrap();
    }
    let fails = trigger.fails();
    let sample = Sample { described, kit: kit.kit(), merchant, now: 1_786_766_400, fails };
    trigger.overridden(sample.message(trigger.fields()).unwrap()).unwrap()
}

fn event(name: &str) -> &'static Described {
    Trigger::new(name).unwrap().described
}

/// The names of members whose text is one that only fills a place, or that is not listed where values are.
fn strange(fields: &[Field], value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| strange(fields, item, at, found)),
        Value::Object(members) => {
            for (name, value) in members {
                let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
                let at = format!("{at}.{name}");
                let inside = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                match inside {
                    Some(inside) if field.carrier == Some(Carrier::JsonText) => {
                        strange(&field.fields, &inside, &at, found);
                    }
                    _ => strange(&field.fields, value, &at, found),
                }
                let Some(text) = value.as_str().filter(|_| field.kind == Kind::String) else { continue };
                let is_listed = field.values.is_empty() || field.values.contains(&text);
                let is_own = sample::is_of_the_merchant(field);
                let fills_a_place = text == "example" || text.starts_with("examplex");
                if fills_a_place || !is_listed && !is_own {
                    found.push(format!("{at} = {text}"));
                }
            }
        }
        _ => {}
    }
}

#[test]
fn no_sample_has_a_placeholder_or_an_unlisted_word() {
    let folder = tempfile::tempdir().unwrap();
    let kit = crate::kit::init(folder.path()).unwrap();
    let merchant = kit.merchant().unwrap();
    let (mut found, mut count) = (Vec::new(), 0);
    for described in Catalog::embedded().notifications() {
        let made = sample_by(described, &[], &kit, &merchant);
        if std::env::var_os("WEIPAY_SHOW").is_some() {
            println!("### {} {} {made:#}", described.version, described.event);
        }
        let fields = if described.resource.is_empty() { &described.body } else { &described.resource };
        strange(fields, &made, described.event, &mut found);
        count += 1;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(count, 112);
}

/// Every object with amounts, whatever the event.
fn disagreements(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| disagreements(item, at, found)),
        Value::Object(members) => {
            let fen = |name: &str| members.get(name).and_then(Value::as_i64);
            let coupons = fen("coupon_fee").unwrap_or_default();
            for (total, paid) in
                [("total", "payer_total"), ("total_fee", "cash_fee"), ("total_amount", "payer_amount")]
            {
                if let (Some(total), Some(paid)) = (fen(total), fen(paid))
                    && total != paid + coupons
                {
                    found.push(format!("{at}: {total} is not {paid} + {coupons}"));
                }
            }
            for (total, refund) in
                [("total", "refund"), ("total_fee", "refund_fee"), ("refund", "payer_refund")]
            {
                if let (Some(total), Some(refund)) = (fen(total), fen(refund))
                    && refund > total
                {
                    found.push(format!("{at}: {refund} of {total} is refunded"));
                }
            }
            members.iter().for_each(|(name, value)| disagreements(value, &format!("{at}.{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn amounts_of_every_sample_agree_also_when_one_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let kit = crate::kit::init(folder.path()).unwrap();
    let merchant = kit.merchant().unwrap();
    let mut found = Vec::new();
    for described in Catalog::embedded().notifications() {
        disagreements(&sample_by(described, &[], &kit, &merchant), described.event, &mut found);
        for path in
            ["amount.total", "total_fee", "amount.refund", "refund_fee", "sub_orders.0.amount.total_amount"]
        {
            let trigger = Trigger { described, order: None, overrides: Vec::new() };
            if trigger.set(path, "7").is_ok() {
                for fen in ["7", "5000"] {
                    let made = sample_by(described, &[(path, fen)], &kit, &merchant);
                    disagreements(&made, &format!("{} {path}={fen}", described.event), &mut found);
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn samples_say_what_their_event_is_about() {
    let paid = sample_of(event("PAYSCORE.USER_PAID"), &[]);
    assert_eq!((&paid["state"], &paid["collection"]["state"]), (&json!("DONE"), &json!("USER_PAID")));
    let payments = paid["post_payments"].as_array().unwrap();
    let sum: i64 = payments.iter().map(|payment| payment["amount"].as_i64().unwrap()).sum();
    let collection = &paid["collection"];
    for (name, fen) in [("total_amount", sum), ("paid_amount", sum), ("paying_amount", 0)] {
        assert_eq!(collection[name], fen, "{name}");
    }
    assert_eq!((&paid["total_amount"], paid.get("post_discounts")), (&json!(sum), None));
    let used = sample_of(event("COUPON.USE"), &[]);
    assert_eq!((&used["status"], &used["coupon_type"]), (&json!("USED"), &json!("NORMAL")));
    assert!(used["normal_coupon_information"].is_object() && used.get("discount_to").is_none(), "{used}");
    let transfer = event("MCHTRANSFER.BILL.FINISHED");
    let succeeded = sample_of(transfer, &[]);
    assert_eq!((&succeeded["state"], succeeded.get("fail_reason")), (&json!("SUCCESS"), None));
    let failed = sample_of(transfer, &[("state", "FAIL")]);
    assert_eq!((&failed["state"], &failed["fail_reason"]), (&json!("FAIL"), &json!("ACCOUNT_FROZEN")));
    let refund = sample_of(event("REFUND.SUCCESS"), &[("amount.refund", "60")]);
    assert_eq!(refund["user_received_account"], "招商银行信用卡0403");
    assert_eq!(
        refund["amount"],
        json!({ "total": 100, "payer_total": 100, "refund": 60, "payer_refund": 60 })
    );
    let abnormal = sample_of(event("REFUND.ABNORMAL"), &[]);
    assert_eq!((&abnormal["refund_status"], abnormal.get("success_time")), (&json!("ABNORMAL"), None));
    let by_v2 = sample_of(event("transaction-success"), &[("total_fee", "5000"), ("coupon_fee", "700")]);
    assert_eq!((&by_v2["total_fee"], &by_v2["cash_fee"]), (&json!(5000), &json!(4300)));
    let order = sample_of(event("TRANSACTION.SUCCESS"), &[("amount.total", "5000")]);
    assert_eq!(order["amount"]["payer_total"], 5000);
    let signed = sample_of(event("ENTRUST.SIGN"), &[]);
    assert_eq!(signed.get("contract_terminate_info"), None, "{signed}");
    assert!(sample_of(event("ENTRUST.TERMINATE"), &[])["contract_terminate_info"].is_object());
    let card = sample_of(event("DISCOUNT_CARD.USER_PAID"), &[]);
    let paid = &card["pay_information"];
    assert_eq!(
        (
            &card["state"],
            &card["unfinished_reason"],
            &card["total_amount"],
            &paid["pay_amount"],
            &paid["pay_state"]
        ),
        (&json!("UNFINISHED"), &json!("DUE_TO_QUIT"), &json!("100"), &json!("100"), &json!("PAY_SUCCEED"))
    );
    for (name, member, value) in [
        ("DISCOUNT_CARD.AGREEMENT_ENDED", "state", "FINISHED"),
        ("DISCOUNT_CARD.SETTLEMENT", "state", "FINISHED"),
        ("DISCOUNT_CARD.GET_CARD", "state", "ONGOING"),
        ("ENTRUST.SIGN", "contract_state", "SIGNED"),
        ("ENTRUST.TERMINATE", "contract_state", "TERMINATED"),
        ("RECHARGE.CLOSED", "recharge_state", "CLOSED"),
        ("MCHTRANSFER.AUTHORIZATION.CLOSED", "state", "CLOSED"),
        ("MEDICAL_INSURANCE.SUCCESS", "mix_pay_status", "MIX_PAY_SUCCESS"),
        ("MCHWITHDRAW.CHANGE", "status", "SUCCESS"),
        ("refund-processed", "refund_status", "SUCCESS"),
    ] {
        assert_eq!(sample_of(event(name), &[])[member], value, "{name}");
    }
}

/// Every value with this name, wherever it stands.
fn named<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named(item, name, found)),
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|value| named(value, name, found));
        }
        _ => {}
    }
}

#[test]
fn what_the_table_says_of_an_event_is_in_its_sample() {
    let folder = tempfile::tempdir().unwrap();
    let kit = crate::kit::init(folder.path()).unwrap();
    let merchant = kit.merchant().unwrap();
    let mut dropped = Vec::new();
    for (event, name, said) in super::table::said_in_events() {
        // An event can be one of both versions.
        let of_event = Catalog::embedded().notifications().filter(|described| described.event == event);
        let is_said = of_event.into_iter().any(|described| {
            let made = sample_by(described, &[], &kit, &merchant);
            let mut found = Vec::new();
            named(&made, name, &mut found);
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.iter().any(|value| text(value) == said)
        });
        if !is_said {
            dropped.push(format!("{event} {name} = {said}"));
        }
    }
    assert!(dropped.is_empty(), "{}", dropped.join("\n"));
}

#[test]
fn no_sample_tells_two_things_at_once() {
    let failed = sample_of(event("v3/TRANSACTION.FAIL"), &[]);
    assert_eq!(
        (&failed["trade_state"], &failed["trade_state_desc"], failed.get("success_time")),
        (&json!("PAY_FAIL"), &json!("支付失败"), None)
    );
    assert_eq!(failed["user_repaid"], "N");
    let repaid = sample_of(event("v3/TRANSACTION.PAY_BACK"), &[]);
    assert_eq!(
        (&repaid["trade_state"], &repaid["trade_state_desc"], &repaid["user_repaid"]),
        (&json!("PAY_BACK"), &json!("用户已还款"), &json!("Y"))
    );
    assert_eq!(sample_of(event("v2/TRANSACTION.FAIL"), &[])["state"], "DOING");
    let failed = sample_of(event("TRANSACTION.INDUSTRY_FAILED"), &[]);
    assert_eq!((&failed["trade_state_desc"], failed.get("success_time")), (&json!("支付失败"), None));
    let batch = sample_of(event("MCHTRANSFER.BATCH.FINISHED"), &[]);
    let count = |name: &str| batch[name].as_i64().unwrap();
    for what in ["num", "amount"] {
        let of = |whose: &str| count(&format!("{whose}_{what}"));
        assert_eq!(of("total"), of("success") + of("fail"), "{batch}");
    }
    let withdrawn = sample_of(event("MCHWITHDRAW.CHANGE"), &[]);
    assert_eq!((withdrawn.get("reason"), withdrawn.get("refund_amount")), (None, None));
    assert!(sample_of(event("MCHWITHDRAW.CHANGE"), &[("status", "FAIL")])["reason"].is_string());
    for name in ["TRANSACTION.INDUSTRY_SUCCESS", "ENTRUST.SIGNING", "ENTRUST.RELEASE"] {
        let amount = &sample_of(event(name), &[])["amount"];
        let fen = |name: &str| amount[name].as_i64().unwrap_or_default();
        assert_eq!(fen("total"), fen("payer_total") + fen("discount_total"), "{name}: {amount}");
    }
    for name in ["INSURANCE_ENTRUST.SIGN", "INSURANCE_ENTRUST.RENEW"] {
        assert_eq!(sample_of(event(name), &[]).get("contract_terminate_info"), None, "{name}");
    }
    let plan = sample_of(event("PAYSCORE.USER_SIGN_PLAN"), &[]);
    assert_eq!(plan.get("cancel_sign_time"), None, "{plan}");
    let confirmed = sample_of(event("PAYSCORE.USER_CONFIRM"), &[]);
    assert_eq!((confirmed.get("total_amount"), confirmed.get("need_collection")), (None, None));
    assert_eq!(sample_of(event("ENTRUST.TERMINATE_INQUIRY"), &[])["contract_state"], "SIGNED");
    let used = sample_of(event("COUPON.USE"), &[]);
    assert_eq!(used["consume_information"]["consume_mchid"], used["stock_creator_mchid"]);
}

#[test]
fn an_event_is_found_by_its_name_and_a_mistyped_one_gets_a_hint() {
    assert_eq!(Trigger::new("transaction.success").unwrap().described.version, ApiVersion::V3);
    assert_eq!(Trigger::new("v2/TRANSACTION.SUCCESS").unwrap().described.version, ApiVersion::V2);
    assert_eq!(Trigger::new("refund-processed").unwrap().described.version, ApiVersion::V2);
    let error = Trigger::new("TRANSACTION.SUCESS").unwrap_err().to_string();
    assert!(error.contains("did you mean TRANSACTION.SUCCESS?"), "{error}");
    assert!(!Trigger::new("nothing of the kind").unwrap_err().to_string().contains("did you mean"));
}

#[test]
fn a_member_is_set_by_its_path_and_type_or_refused_with_a_hint() {
    let trigger = || Trigger::new("TRANSACTION.SUCCESS").unwrap();
    assert!(trigger().set("amount.total", "7").unwrap().set("payer.openid", "o1").is_ok());
    for (path, value, told) in [
        ("amount.totl", "7", "did you mean total?"),
        ("amount.total", "seven", "total must be a whole number"),
        ("amount", "7", "amount must be a JSON object"),
        ("out_trade_no.x", "7", "out_trade_no has no members"),
        ("", "7", "no member"),
        ("sub_orders.x.mchid", "7", "the index of an item"),
    ] {
        let error = trigger().set(path, value).unwrap_err().to_string();
        assert!(error.contains(told), "{path}: {error}");
    }
}

/// As its pages show it: XML in XML, and all times in one form.
#[test]
fn a_notification_of_rental_is_signed_xml_with_sealed_xml() {
    let folder = tempfile::tempdir().unwrap();
    let kit = crate::kit::init(folder.path()).unwrap();
    let merchant = kit.merchant().unwrap();
    let key = ApiV2Key::new(&kit.kit().api_v2_key).unwrap();
    let compact =
        |text: Option<&str>| text.is_some_and(|text| text.len() == 14 && text.parse::<u64>().is_ok());
    for name in ["CHECK.SUCCESS", "CHECK.FAIL", "v2/TRANSACTION.SUCCESS", "v2/TRANSACTION.FAIL"] {
        let message = Trigger::new(name).unwrap().set("room", "<a & b>").unwrap().message(&kit).unwrap();
        let content_type = message.headers.iter().find(|(name, _)| *name == "content-type");
        assert_eq!(content_type.map(|(_, value)| value.as_str()), Some("text/xml"));
        let outer = XmlElements::read(&message.body, "xml").unwrap();
        key.verify(&outer).unwrap();
        let text = |name| outer.text(name).unwrap();
        assert_eq!((text("event_type"), text("algorithm")), (name.trim_start_matches("v2/"), "HMAC-SHA256"));
        assert_eq!((text("mch_id"), text("sign").len()), (kit.kit().mchid.as_str(), 64));
        assert!(compact(outer.text("event_create_time")));
        let sealed = weipay_wire::Envelope {
            nonce: text("event_nonce"),
            associated_data: text("event_associated_data"),
            ciphertext: text("event_ciphertext"),
        };
        let inner = XmlElements::read(&merchant.api_v3_key.open(&sealed).unwrap(), "xml").unwrap();
        assert_eq!(inner.text("room"), Some("<a & b>"));
        assert!(compact(inner.text("start_time")), "{name}");
        assert_eq!(compact(inner.text("end_time")), name.contains("TRANSACTION"), "{name}");
    }
}
