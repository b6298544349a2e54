//! The message of a notification of APIv2: XML with its signature, or, of a refund, unsigned XML with a sealed `req_info`.

use serde_json::Value;
use weipay_catalog::Notification;
use weipay_wire::{SignType, XmlElements};

use super::Message;
use crate::entropy::Entropy;
use crate::merchants::Merchant;
use crate::v2::is_number;

/// Makes a message of these elements. A member `sign_type` decides how it is signed; without one it is MD5.
pub(in crate::notifications) fn make(
    described: &Notification,
    merchant: &Merchant,
    resource: &Value,
    entropy: &Entropy,
) -> Result<Message, String> {
    let key = &merchant.api_v2_key;
    let mut elements = XmlElements::new();
    elements.push("return_code", "SUCCESS");
    if described.resource.is_empty() {
        push(&mut elements, resource);
        elements.set("nonce_str", entropy.letters_and_digits(32));
        let sign_type = elements.text("sign_type").and_then(|named| named.parse().ok());
        let sign = key.sign(sign_type.unwrap_or(SignType::Md5), elements.texts());
        elements.push("sign", sign);
    } else {
        // What is sealed stands beside who it is for.
        let mut sealed = XmlElements::new();
        push(&mut sealed, resource);
        for name in ["appid", "mch_id", "sub_appid", "sub_mch_id"] {
            if let Some(text) = resource[name].as_str() {
                elements.push(name, text);
            }
        }
        elements.push("nonce_str", entropy.letters_and_digits(32));
        // As the documents show it, with every value as CDATA.
        let root = without_parties(&sealed).write_with_cdata("root", |_| false);
        let root = root.map_err(|error| error.to_string())?;
        let sealed = key.seal_req_info(root.as_bytes()).map_err(|error| error.to_string())?;
        elements.push("req_info", sealed);
    }
    let is_bare = |name: &str| is_bare(described, name);
    let body = elements.write_with_cdata("xml", is_bare).map_err(|error| error.to_string())?;
    let headers = vec![
        ("content-type", "text/xml".to_owned()),
        ("user-agent", "Mozilla/4.0".to_owned()),
        ("accept", "*/*".to_owned()),
        ("pragma", "no-cache".to_owned()),
    ];
    Ok(Message { headers, body: body.into_bytes() })
}

/// Whether the value of an element stands without CDATA. As recorded, these two alone do in the notification of a payment.
fn is_bare(described: &Notification, name: &str) -> bool {
    match described.event {
        "transaction-success" => matches!(name, "total_fee" | "coupon_fee"),
        _ => is_number(&described.body, name),
    }
}

fn push(elements: &mut XmlElements, resource: &Value) {
    for (name, value) in resource.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) => elements.set(name, text),
            value => elements.set(name, value.to_string()),
        }
    }
}

fn without_parties(elements: &XmlElements) -> XmlElements {
    let mut rest = XmlElements::new();
    let is_party = |name: &str| matches!(name, "appid" | "mch_id" | "sub_appid" | "sub_mch_id");
    elements.texts().filter(|(name, _)| !is_party(name)).for_each(|(name, text)| rest.push(name, text));
    rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kit;
    use crate::notifications::event_name::EventName;

    /// Recorded from 2014 to 2021, of payments with coupons and without.
    #[test]
    fn only_two_amounts_of_a_payment_stand_without_cdata() {
        let folder = tempfile::tempdir().unwrap();
        let merchant = kit::init(folder.path()).unwrap().merchant().unwrap();
        let paid = json!({
            "mch_id": "1507516221", "cash_fee": 1188, "coupon_count": 1, "coupon_fee": 12, "coupon_fee_0": 12,
            "coupon_id_0": "2000000044096177209", "total_fee": 1200,
        });
        let described = EventName::v2("transaction-success").described().unwrap();
        let message = make(described, &merchant, &paid, &Entropy::system()).unwrap();
        let text = String::from_utf8(message.body).unwrap();
        for recorded in [
            "<mch_id><![CDATA[1507516221]]></mch_id>",
            "<cash_fee><![CDATA[1188]]></cash_fee>",
            "<coupon_count><![CDATA[1]]></coupon_count>",
            "<coupon_fee>12</coupon_fee>",
            "<coupon_fee_0><![CDATA[12]]></coupon_fee_0>",
            "<coupon_id_0><![CDATA[2000000044096177209]]></coupon_id_0>",
            "<total_fee>1200</total_fee>",
        ] {
            assert!(text.contains(recorded), "{recorded}: {text}");
        }
    }

    #[test]
    fn a_payment_is_signed_and_the_result_of_a_refund_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let merchant = kit::init(folder.path()).unwrap().merchant().unwrap();
        let made = |event: &str, resource: Value| {
            let message =
                make(EventName::parse(event).described().unwrap(), &merchant, &resource, &Entropy::system())
                    .unwrap();
            XmlElements::read(&message.body, "xml").unwrap()
        };
        let paid = made(
            "v2/transaction-success",
            json!({ "mch_id": "1900000109", "total_fee": 88, "attach": null }),
        );
        merchant.api_v2_key.verify(&paid).unwrap();
        assert_eq!((paid.text("total_fee"), paid.text("attach")), (Some("88"), None));
        let refunded = made("v2/refund-processed", json!({ "mch_id": "1900000109", "refund_fee": 5 }));
        assert_eq!((refunded.text("sign"), refunded.text("refund_fee")), (None, None));
        let opened = merchant.api_v2_key.open_req_info(refunded.text("req_info").unwrap()).unwrap();
        assert_eq!(&opened[..], b"<root><refund_fee><![CDATA[5]]></refund_fee></root>");
    }
}
