//! Elements of XML as the values that products read, and what products give as elements.

use serde_json::{Map, Value};
use weipay_catalog::{Carrier, Field, Kind};
use weipay_rules::{BrokenRule, Format, parse_integer, parse_number};
use weipay_wire::XmlElements;

use super::sentences;
use crate::contract::CarriedOut;
use crate::response::Refusal;

/// The values of a request, each of the type that the catalogue says. An empty element is as good as a missing one. Elements that
/// no page has are kept as texts: they are signed, and INFERRED(v2-unknown-elements) the gateway passes over them.
pub(super) fn values(
    carried_out: CarriedOut,
    checks_amounts: bool,
    fields: &[Field],
    elements: &XmlElements,
) -> Result<Map<String, Value>, Refusal> {
    let mut members = Map::new();
    for (name, text) in elements.texts().filter(|(_, text)| !text.is_empty()) {
        let value = match fields.iter().find(|field| field.name == name) {
            Some(field) => value(carried_out, checks_amounts, field, text)?,
            None => text.into(),
        };
        members.insert(name.to_owned(), value);
    }
    Ok(members)
}

fn value(carried_out: CarriedOut, checks_amounts: bool, field: &Field, text: &str) -> Result<Value, Refusal> {
    let refused = |sentence: String, why: &str| {
        sentences::refused("PARAM_ERROR", sentence, format!("{}: {why}", field.name))
    };
    let broken = |rule: BrokenRule| {
        let sentence = match field.kind {
            Kind::Integer | Kind::Number => sentences::wrong_number(field.name),
            _ => sentences::wrong_text(field.name),
        };
        match rule {
            // A reason never has the value.
            BrokenRule::Range { outside, .. } => refused(sentence, &outside.limits.to_string()),
            rule => refused(sentence, &rule.to_string()),
        }
    };
    let rules = field.rules();
    let not_a_number = || refused(sentences::wrong_number(field.name), "must be a number without blanks");
    match field.kind {
        Kind::Integer if field.carrier.is_none() => {
            let number = parse_integer(text).ok_or_else(not_a_number)?;
            rules.check_integer(number).map_err(broken)?;
            if checks_amounts {
                carried_out.check_money(field, number).map_err(broken)?;
            }
            // INFERRED(v2-amount-of-nothing): what has to be paid, refunded or sent is at least 1 fen.
            if checks_amounts
                && carried_out == CarriedOut::Yes
                && field.required
                && field.format == Some(Format::Fen)
                && number < 1
            {
                return Err(refused(sentences::wrong_number(field.name), "must be at least 1 fen"));
            }
            serde_json::Number::from_i128(number).map(Value::Number).ok_or_else(not_a_number)
        }
        Kind::Number if field.carrier.is_none() => {
            let number = parse_number(text).ok_or_else(not_a_number)?;
            rules.check_number(number).map_err(broken)?;
            Ok(text.into())
        }
        _ => {
            if field.carrier == Some(Carrier::JsonText) && serde_json::from_str::<Value>(text).is_err() {
                return Err(refused(sentences::wrong_text(field.name), "must be JSON text"));
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

/// What a handler gives, as elements. An object holds elements, and a list of objects is an element for each;
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

/// An example as elements: a numbered name stands for its first, and of a failure it says nothing. What would hold elements is
/// left out, because nobody knows how that is signed.
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
            CarriedOut::Yes,
            true,
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
            ("<xml><total_fee>1.5</total_fee></xml>", "invalid total_fee"),
            ("<xml><total_fee>abc</total_fee></xml>", "invalid total_fee"),
            ("<xml><total_fee>-300</total_fee></xml>", "invalid total_fee"),
            ("<xml><total_fee>0</total_fee></xml>", "invalid total_fee"),
            ("<xml><profit_sharing>X</profit_sharing></xml>", "profit_sharing参数格式错误"),
            (
                "<xml><out_trade_no>123456789012345678901234567890123</out_trade_no></xml>",
                "out_trade_no参数格式错误",
            ),
            ("<xml><detail>{secret</detail></xml>", "detail参数格式错误"),
        ] {
            let refusal = read(xml).unwrap_err();
            assert_eq!(refusal.message, message);
            assert!(!refusal.reason.unwrap().contains("secret"));
        }
    }

    #[test]
    fn what_a_handler_gives_is_nested_as_it_was() {
        let given = json!({ "hblist": { "hbinfo": [{ "amount": 1 }, { "amount": 2 }] } });
        let written = from_value(&given).write_with_cdata("xml").unwrap();
        let wanted = "<xml><hblist><hbinfo><amount>1</amount></hbinfo><hbinfo><amount>2</amount></hbinfo></hblist></xml>";
        assert_eq!(written, wanted);
    }

    #[test]
    fn an_example_says_nothing_of_a_failure() {
        let value =
            json!({ "err_code": "SYSTEMERROR", "coupon_fee_$n_$m": 1, "a": "b", "hblist": { "x": 1 } });
        let elements = of_example(&value);
        assert_eq!(elements.texts().collect::<Vec<_>>(), [("coupon_fee_0_0", "1"), ("a", "b")]);
    }
}
