//! The samples that `weipay api show` prints keep the contract of their operations, all of them.

use serde_json::Value;
use weipay_catalog::sample::request::{self, object, plain, required, wanted};
use weipay_catalog::{Catalog, Field, Operation};

use super::*;

/// Midday of 2026-11-25 in Beijing.
const NOW: i64 = 1_795_579_200;

/// Values that the documents do not list are refused too: a sample shows nothing that a page does not have.
const STRICT: Validation = Validation { unlisted_values: true, ..Validation::DEFAULT };

fn encoded(text: &str) -> String {
    text.bytes().map(percent_encoding::percent_encode_byte).collect()
}

/// The path with the samples of its placeholders.
fn path(operation: &Operation) -> String {
    let value = |name: &str| {
        let field = operation.request.path.iter().find(|field| field.name == name).unwrap();
        encoded(&plain(field))
    };
    let segments = operation.path.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(name) => value(name.trim_end_matches('}')),
        None => segment.to_owned(),
    });
    format!("/{}", segments.collect::<Vec<_>>().join("/"))
}

/// The sample's query, with what the client adds: the signature of APIv2.
fn query(operation: &Operation) -> Option<String> {
    let fields = &operation.request.query;
    let added = fields.iter().filter(|field| field.required && field.is_sent_by_the_client());
    let pairs: Vec<String> = required(fields)
        .into_iter()
        .chain(added)
        .map(|field| format!("{}={}", field.name, encoded(&plain(field))))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

fn body(operation: &Operation) -> Vec<u8> {
    let request = &operation.request;
    if request.json.is_empty() {
        return Vec::new();
    }
    object(&wanted(&request.json)).to_string().into_bytes()
}

/// Checks the sample of an operation against the contract; the XML of APIv2 is validated as if it were JSON.
fn verdict(operation: &'static Operation) -> Result<(), Refusal> {
    let sample = request::with_current_values(operation, NOW);
    let contract = Contract::new(STRICT);
    let path = path(&sample);
    let mut routed = Catalog::embedded().route(operation.method, &path).unwrap();
    // Of two operations that differ in the name of a placeholder the one that is asked about.
    for ((name, _), placeholder) in routed.path_values.iter_mut().zip(operation.placeholders()) {
        *name = placeholder;
    }
    routed.operation = operation;
    contract.checked(&routed, query(&sample).as_deref(), &body(&sample))?;
    let elements: Vec<&Field> = wanted(&sample.request.xml);
    let Value::Object(elements) = object(&elements) else { unreachable!() };
    let fields: Vec<Field> =
        sample.request.xml.iter().filter(|field| elements.contains_key(field.name)).cloned().collect();
    let mut undefined = Undefined::default();
    let mut walk = Walk::new(&contract, CarriedOut::No, Source::Body, &mut undefined);
    Pass::ALL.into_iter().try_for_each(|pass| {
        walk.pass = pass;
        walk.members(&fields, &elements)
    })
}

#[test]
fn the_sample_of_every_operation_keeps_its_contract() {
    let mut refused = Vec::new();
    let mut count = 0;
    for operation in Catalog::embedded().operations() {
        count += 1;
        if let Err(refusal) = verdict(operation) {
            let detail = refusal.detail.unwrap_or_default();
            refused.push(format!("{} {}: {} {}", operation.method, operation.path, refusal.message, detail));
        }
    }
    assert_eq!(count, 1148);
    assert!(refused.is_empty(), "{} of {count}:\n{}", refused.len(), refused.join("\n"));
}
