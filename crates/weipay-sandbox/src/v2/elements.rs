//! Elements of XML as the values that products read, and what products give as elements.

use std::borrow::Cow;

use serde_json::{Map, Value};
use weipay_catalog::{Carrier, Field, Kind};
use weipay_rules::{BrokenRule, Format, IntegerType, parse_integer, parse_number};
use weipay_wire::XmlElements;

use super::sentences::{self, Wording};
use crate::contract::CarriedOut;
use crate::response::Refusal;

/// The values of a request, each of the type that the catalogue says. An empty element is as good as a missing one. Elements that
/// no page has are kept as texts: they are signed, and INFERRED(v2-unknown-elements) the gateway passes over them, but for those
/// that the gate refuses.
pub(super) fn values(
    carried_out: CarriedOut,
    checks_amounts: bool,
    wording: Wording,
    fields: &[Field],
    elements: &XmlElements,
) -> Result<Map<String, Value>, Refusal> {
    let mut members = Map::new();
    for (name, text) in elements.texts().filter(|(_, text)| !text.is_empty()) {
        let value = match fields.iter().find(|field| field.name == name) {
            Some(field) => value(carried_out, checks_amounts, wording, field, text)?,
            None => text.into(),
        };
        members.insert(name.to_owned(), value);
    }
    Ok(members)
}

fn value(
    carried_out: CarriedOut,
    checks_amounts: bool,
    wording: Wording,
    field: &Field,
    text: &str,
) -> Result<Value, Refusal> {
    let refused = |sentence: Cow<'static, str>, why: &str| {
        sentences::refused("PARAM_ERROR", sentence, format!("{}: {why}", field.name))
    };
    let broken = |rule: BrokenRule| {
        let sentence = wording.broken(field, rule);
        match rule {
            // A reason never has the value.
            BrokenRule::Range { outside, .. } => refused(sentence, &outside.limits.to_string()),
            rule => refused(sentence, &rule.to_string()),
        }
    };
    let rules = field.rules();
    let not_a_number = |sentence| refused(sentence, "must be a number without spaces");
    match field.kind {
        Kind::Integer if field.carrier.is_none() => {
            let kind = field.format.map_or(IntegerType::Int64, Format::integer_type);
            let no_integer = || not_a_number(wording.no_integer(field, kind));
            let number = parse_integer(text).ok_or_else(no_integer)?;
            rules.check_integer(number).map_err(broken)?;
            if checks_amounts {
                carried_out.check_money(field, number).map_err(broken)?;
            }
            // INFERRED(v2-amount-of-nothing): what has to be paid, refunded or sent is at least 1 fen.
            if checks_amounts
                && carried_out.is_yes()
                && field.required
                && field.format == Some(Format::Fen)
                && number < 1
            {
                return Err(refused(sentences::invalid(field.name).into(), "must be at least 1 fen"));
            }
            serde_json::Number::from_i128(number).map(Value::Number).ok_or_else(no_integer)
        }
        Kind::Number if field.carrier.is_none() => {
            let number =
                parse_number(text).ok_or_else(|| not_a_number(sentences::invalid(field.name).into()))?;
            rules.check_number(number).map_err(broken)?;
            Ok(text.into())
        }
        _ => {
            if field.carrier == Some(Carrier::JsonText) && serde_json::from_str::<Value>(text).is_err() {
                return Err(refused(wording.no_json(field), "must be JSON text"));
            }
            rules.check_text(text).map_err(broken)?;
            // `GZIP` and the names of accounts were always taken in any case here.
            let is_known = field.values.iter().any(|known| known.eq_ignore_ascii_case(text));
            if let Err(reason) = carried_out.check_word(field, text)
                && !is_known
            {
                return Err(sentences::refused("PARAM_ERROR", sentences::wrong_text(field.name), reason));
            }
            Ok(text.into())
        }
    }
}

/// The response of a handler as elements. An object holds elements, and a list of objects is an element for each;
/// other lists are JSON text.
pub(super) fn from_value(value: &Value) -> XmlElements {
    let mut elements = XmlElements::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) => elements.push(name, text),
            Value::Object(_) => elements.push_elements(name, from_value(value)),
            Value::Array(items) if items.iter().all(Value::is_object) => {
                items.iter().for_each(|item| elements.push_elements(name, from_value(item)));
            }
            value => elements.push(name, value.to_string()),
        }
    }
    elements
}

/// Whether the elements of this name are numbers, which the platform writes without CDATA. A field may stand for
/// numbered elements (`coupon_fee_$n`), and may hold others.
pub(crate) fn is_number(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| match field.carrier {
        None if is_name_of(field, name) => matches!(field.kind, Kind::Integer | Kind::Number),
        None => is_number(&field.fields, name),
        Some(_) => false,
    })
}

fn is_name_of(field: &Field, name: &str) -> bool {
    let (mut wanted, mut parts) = (field.name.split('_'), name.split('_'));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == part => {}
            (Some(wanted), Some(part)) if wanted.starts_with('$') && is_digits(part) => {}
            _ => return false,
        }
    }
}

/// An example as elements: `$n` in a name becomes 0, and members of failures are omitted. Nested elements are
/// omitted, because it is unknown how they are signed.
pub(super) fn of_example(value: &Value) -> XmlElements {
    let mut elements = XmlElements::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        if name.starts_with("err_") || name.starts_with("error_") || name == "sign" {
            continue;
        }
        let name = name.replace("$n", "0").replace("$m", "0");
        match value {
            Value::String(text) if !text.is_empty() => elements.push(name, text),
            Value::Number(number) => elements.push(name, number.to_string()),
            _ => {}
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_catalog::Catalog;

    use super::*;

    fn read(xml: &str) -> Result<Map<String, Value>, Refusal> {
        let operation = Catalog::embedded().find("POST", "v2/pay/unifiedorder").unwrap();
        values(
            CarriedOut::from_operation(operation),
            true,
            Wording::of_operation(operation),
            &operation.request.xml,
            &XmlElements::read(xml.as_bytes(), "xml").unwrap(),
        )
    }

    #[test]
    fn values_have_the_types_of_the_catalogue() {
        let members =
            read("<xml><total_fee>88</total_fee><body>茶</body><attach></attach><x>1</x></xml>").unwrap();
        assert_eq!(Value::Object(members), json!({ "total_fee": 88, "body": "茶", "x": "1" }));
    }

    #[test]
    fn a_value_that_breaks_its_rule_is_told_by_name_and_never_shown() {
        for (xml, message) in [
            (
                "<xml><total_fee>1.5</total_fee></xml>",
                "无法将输入源“/body/xml/total_fee”映射到目标字段“标价金额”中，此字段需要一个合法的 64 位有符号整数",
            ),
            (
                "<xml><total_fee>9223372036854775808</total_fee></xml>",
                "无法将输入源“/body/xml/total_fee”映射到目标字段“标价金额”中，此字段需要一个合法的 64 位有符号整数",
            ),
            ("<xml><total_fee>-300</total_fee></xml>", "invalid total_fee"),
            ("<xml><total_fee>0</total_fee></xml>", "invalid total_fee"),
            ("<xml><profit_sharing>X</profit_sharing></xml>", "profit_sharing参数格式错误"),
            (
                "<xml><out_trade_no>123456789012345678901234567890123</out_trade_no></xml>",
                "输入源“/body/xml/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字符数 33，大于最大值 32",
            ),
            ("<xml><spbill_create_ip>secret</spbill_create_ip></xml>", "invalid spbill_create_ip"),
            ("<xml><spbill_create_ip>本地</spbill_create_ip></xml>", "invalid spbill_create_ip"),
            ("<xml><detail>{secret</detail></xml>", "detail参数格式错误"),
        ] {
            let refusal = read(xml).unwrap_err();
            assert_eq!(refusal.message, message);
            assert!(!refusal.reason.unwrap().contains("secret"));
        }
    }

    /// Recorded: 200 bytes where 128 are allowed.
    #[test]
    fn the_length_of_body_is_told_in_bytes() {
        let body = "茶".repeat(66) + "ab";
        let refusal = read(&format!("<xml><body>{body}</body></xml>")).unwrap_err();
        assert_eq!(
            refusal.message,
            "输入源“/body/xml/body”映射到值字段“商品描述”字符串规则校验失败，字节数 200，大于最大值 128"
        );
    }

    #[test]
    fn what_a_handler_gives_is_nested_as_it_was() {
        let given = json!({ "hblist": { "hbinfo": [{ "amount": 1 }, { "amount": 2 }] } });
        let packets = Catalog::embedded().find("POST", "v2/mmpaymkttransfers/gethbinfo").unwrap();
        let written =
            from_value(&given).write_with_cdata("xml", |name| is_number(&packets.response, name)).unwrap();
        let wanted = "<xml><hblist><hbinfo><amount>1</amount></hbinfo><hbinfo><amount>2</amount></hbinfo></hblist></xml>";
        assert_eq!(written, wanted);
    }

    #[test]
    fn numbers_are_told_by_the_catalogue_numbered_ones_too() {
        let refunds = Catalog::embedded().find("POST", "v2/pay/refundquery").unwrap();
        let numbers = ["total_fee", "refund_fee_0", "coupon_refund_fee_10", "coupon_refund_fee_0_1"];
        let texts = [
            "mch_id",
            "transaction_id",
            "refund_id_0",
            "out_refund_no_0",
            "refund_fee_",
            "refund_fee_a",
            "unknown",
        ];
        assert!(numbers.iter().all(|name| is_number(&refunds.response, name)));
        assert!(!texts.iter().any(|name| is_number(&refunds.response, name)));
    }

    #[test]
    fn an_example_says_nothing_of_a_failure() {
        let value =
            json!({ "err_code": "SYSTEMERROR", "coupon_fee_$n_$m": 1, "a": "b", "hblist": { "x": 1 } });
        let elements = of_example(&value);
        assert_eq!(elements.texts().collect::<Vec<_>>(), [("coupon_fee_0_0", "1"), ("a", "b")]);
    }
}
