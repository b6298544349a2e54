//! Responses from the catalogue (示例应答): what an operation without behaviour gets.
//!
//! The values are the request's own where it [gave](given) them, and otherwise the ones that the documentation shows, so
//! that a client can decode them. Nothing has happened: the response says in a header that it is an example, and no state
//! is read or changed.

mod request_values;

use serde_json::{Map, Value, json};
use weipay_catalog::{Carrier, Field, Kind, Operation, sample};

pub(crate) use request_values::RequestValues;

/// A list is repeated up to here: a response must not be many times as long as its request.
const MAX_ITEMS: usize = 50;

/// The JSON of a response; `None` for an operation whose response has no body.
pub(crate) fn response(operation: &Operation, given: &RequestValues) -> Option<Value> {
    (operation.success != 204).then(|| object(&operation.response, given, Some(given.body())))
}

/// `here` is what stands at the same place in the request's body.
fn object(fields: &[Field], given: &RequestValues, here: Option<&Map<String, Value>>) -> Value {
    let members: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let here = here.and_then(|members| members.get(field.name));
            (field.name.to_owned(), list_or_one(field, given, here))
        })
        .collect();
    Value::Object(members)
}

fn list_or_one(field: &Field, given: &RequestValues, here: Option<&Value>) -> Value {
    if !field.list {
        return one(field, given, here);
    }
    match here.and_then(Value::as_array).filter(|items| !items.is_empty()) {
        Some(items) => items.iter().take(MAX_ITEMS).map(|item| one(field, given, Some(item))).collect(),
        None => json!([one(field, given, None)]),
    }
}

fn one(field: &Field, given: &RequestValues, here: Option<&Value>) -> Value {
    if let Some(value) = given.value(field, here) {
        return value;
    }
    let example = field.example.as_deref();
    let members = || object(&field.fields, given, here.and_then(Value::as_object));
    match (field.carrier, field.kind) {
        (Some(Carrier::JsonText), _) if !field.fields.is_empty() => members().to_string().into(),
        (Some(_), _) | (None, Kind::String) => sample::text(field).into(),
        (None, Kind::Object) => members(),
        (None, Kind::Integer) => sample::whole(field).into(),
        (None, Kind::Number) => example.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default().into(),
        (None, Kind::Boolean) => (example == Some("true")).into(),
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::{Catalog, Purpose};

    use super::*;
    use crate::contract::{Contract, Validation};
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, MCHID};

    fn find(method: &str, path: &str) -> &'static Operation {
        Catalog::embedded().find(method, path).unwrap()
    }

    /// The example for a request.
    fn shown(method: &str, target: &str, body: Value) -> Value {
        let routed = Catalog::embedded().route(method, target.split('?').next().unwrap()).unwrap();
        let query = target.split_once('?').map(|(_, query)| query);
        let contract = Contract::new(Validation::LOOSE);
        let checked = contract.checked(&routed, query, body.to_string().as_bytes()).unwrap();
        response(routed.operation, &RequestValues::from_request(routed.operation, &checked, &CALLER)).unwrap()
    }

    #[test]
    fn the_catalogues_examples_are_answered() {
        let response = shown("GET", "/v3/marketing/busifavor/callbacks", json!({}));
        assert_eq!(response, json!({ "notify_url": "https://pay.weixin.qq.com", "mchid": MCHID }));
    }

    #[test]
    fn an_order_is_answered_with_the_numbers_it_was_asked_for() {
        let target = "/v3/pay/transactions/out-trade-no/order-7?mchid=1900000109";
        let order = shown("GET", target, json!({}));
        assert_eq!((&order["out_trade_no"], &order["mchid"]), (&json!("order-7"), &json!("1900000109")));
        assert_eq!(order["appid"], APPID);
    }

    /// Or clients would take it for the response to another merchant.
    #[test]
    fn what_is_the_callers_number_is_the_callers_number() {
        fn own(fields: &[Field], response: &Value, all: &mut Vec<Value>) {
            for field in fields.iter().filter(|field| !field.list) {
                if field.purpose == Some(Purpose::MerchantNumber) {
                    all.push(response[field.name].clone());
                }
                own(&field.fields, &response[field.name], all);
            }
        }
        let mut all = Vec::new();
        for operation in Catalog::embedded().operations() {
            let target = operation.path.replace(['{', '}'], "");
            let Ok(routed) = Catalog::embedded().route(operation.method, &format!("/{target}")) else {
                continue;
            };
            let Ok(checked) = Contract::new(Validation::LOOSE).checked(&routed, None, b"{}") else {
                continue;
            };
            let given = RequestValues::from_request(operation, &checked, &CALLER);
            own(&operation.response, &response(operation, &given).unwrap_or_default(), &mut all);
        }
        assert!(all.len() > 40 && all.iter().all(|number| number == MCHID), "{}: {all:?}", all.len());
    }

    #[test]
    fn a_refund_is_answered_with_its_own_numbers_and_amounts() {
        let request = json!({
            "out_trade_no": "order-7", "out_refund_no": "refund-7", "notify_url": "https://example.com",
            "amount": {"refund": 5, "total": 888, "currency": "CNY"}
        });
        let refund = shown("POST", "/v3/refund/domestic/refunds", request);
        assert_eq!(refund["out_trade_no"], "order-7");
        assert_eq!(refund["out_refund_no"], "refund-7");
        assert_eq!((&refund["amount"]["total"], &refund["amount"]["refund"]), (&json!(888), &json!(5)));
    }

    #[test]
    fn a_number_is_answered_under_the_name_that_the_response_has_for_it() {
        let refund = shown("GET", "/v3/global/refunds/id/500000?mchid=1900000109", json!({}));
        assert_eq!(refund["id"], "500000");
        let batch = shown("GET", "/v3/transfer/batches/batch-id/103?need_query_detail=false", json!({}));
        assert_eq!(batch["transfer_batch"]["batch_id"], "103");
    }

    #[test]
    fn each_item_of_a_list_is_answered() {
        let receiver = |number: usize| {
            json!({
                "type": "MERCHANT_ID", "account": format!("19000{number:05}"), "amount": number, "description": "d"
            })
        };
        let request = json!({
            "appid": APPID, "transaction_id": "4208450740201411110007820472", "out_order_no": "P1",
            "unfreeze_unsplit": true, "receivers": (1..=2).map(receiver).collect::<Value>()
        });
        let order = shown("POST", "/v3/profitsharing/orders", request);
        assert_eq!(
            (&order["out_order_no"], &order["transaction_id"]),
            (&json!("P1"), &json!("4208450740201411110007820472"))
        );
        let receivers = order["receivers"].as_array().unwrap();
        assert_eq!(receivers.len(), 2);
        assert_eq!((&receivers[1]["amount"], &receivers[1]["account"]), (&json!(2), &json!("1900000002")));
    }

    #[test]
    fn a_long_list_is_not_repeated_whole() {
        let receivers: Vec<Value> = (0..60).map(|number| json!({ "amount": number })).collect();
        let operation = find("POST", "v3/profitsharing/orders");
        let field = operation.response.iter().find(|field| field.name == "receivers").unwrap();
        let items = list_or_one(field, &RequestValues::default(), Some(&receivers.into()));
        assert_eq!(items.as_array().unwrap().len(), MAX_ITEMS);
    }

    #[test]
    fn what_travels_encrypted_is_not_repeated() {
        let request = json!({
            "appid": APPID, "type": "PERSONAL_OPENID", "account": "o1", "name": "the ciphertext", "relation_type": "USER"
        });
        let response = shown("POST", "/v3/profitsharing/receivers/add", request);
        assert_eq!(response["account"], "o1");
        assert!(!response.to_string().contains("the ciphertext"), "{response}");
    }

    #[test]
    fn an_operation_without_a_response_gets_none() {
        let operation = find("PATCH", "v3/marketing/busifavor/stocks/{stock_id}");
        assert_eq!(response(operation, &RequestValues::default()), None);
    }

    /// The response is as well formed as a request would have to be: types as the catalogue says.
    #[test]
    fn every_response_has_the_types_of_the_catalogue() {
        fn fits(field: &Field, value: &Value) -> bool {
            match (field.list, value) {
                (true, Value::Array(items)) => items.iter().all(|item| fits_one(field, item)),
                (false, value) => fits_one(field, value),
                _ => false,
            }
        }
        fn fits_one(field: &Field, value: &Value) -> bool {
            match (field.carrier, field.kind) {
                (Some(_), _) | (None, Kind::String) => value.is_string(),
                (None, Kind::Integer) => value.is_i64(),
                (None, Kind::Number) => value.is_number(),
                (None, Kind::Boolean) => value.is_boolean(),
                (None, Kind::Object) => {
                    value.is_object() && field.fields.iter().all(|field| fits(field, &value[field.name]))
                }
            }
        }
        for operation in Catalog::embedded().operations() {
            let shown = response(operation, &RequestValues::default()).unwrap_or_default();
            for field in operation.response.iter().filter(|_| operation.success != 204) {
                assert!(
                    fits(field, &shown[field.name]),
                    "{} {}: {}",
                    operation.method,
                    operation.path,
                    field.name
                );
            }
        }
    }
}
