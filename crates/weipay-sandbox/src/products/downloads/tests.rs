use std::sync::LazyLock;

use serde_json::{Value, json};
use weipay_catalog::Catalog;
use weipay_wire::{DigestAlgorithm, sha256_hex};

use super::*;
use crate::contract::{Contract, Validation};
use crate::merchants::Merchants;
use crate::store::Store;
use weipay_wire::ApiV3Key;

static KEY: LazyLock<ApiV3Key> = LazyLock::new(|| ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap());

const NOW: i64 = 1_786_766_400;

static STORE: LazyLock<Store> = LazyLock::new(Store::in_memory);
static ENTROPY: LazyLock<Entropy> = LazyLock::new(Entropy::system);
static MERCHANTS: LazyLock<Merchants> = LazyLock::new(Merchants::default);

fn links(now: i64) -> Links<'static> {
    Links {
        base_url: "http://127.0.0.1:8880",
        mchid: "1900000109",
        key: &KEY,
        entropy: &ENTROPY,
        now,
        store: &STORE,
        merchants: &MERCHANTS,
    }
}

/// The example of a query, with its addresses.
fn example(target: &str) -> Value {
    let (path, query) = target.split_once('?').unwrap();
    let routed = Catalog::embedded().route("GET", path).unwrap();
    let request = Contract::new(Validation::DEFAULT).checked(&routed, Some(query), b"").unwrap();
    let mut response =
        crate::example::response(routed.operation, &crate::example::RequestValues::default()).unwrap();
    lead_back(routed.operation, &request, &mut response, &links(NOW));
    response
}

/// What an address of a response gives.
fn download(address: &Value, now: i64) -> Result<File, Refusal> {
    let target = address.as_str().unwrap().strip_prefix("http://127.0.0.1:8880").unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let routed = Catalog::embedded().route("GET", path).unwrap();
    assert!(routed.operation.unsigned);
    let request = Contract::new(Validation::DEFAULT).checked(&routed, Some(query), b"").unwrap();
    file(routed.operation, &request, &links(now))
}

/// A bill of a product that the sandbox keeps nothing of.
const BILL: &str = "/v3/merchant/fund/withdraw/bill-type/NO_SUCC?bill_date=2026-08-14";

#[test]
fn the_address_of_a_bill_leads_to_that_bill_and_its_digest_fits() {
    let response = example(BILL);
    let file = download(&response["download_url"], NOW).unwrap();
    assert_eq!(file.content_type, "text/plain; charset=utf-8");
    assert_eq!(response["hash_value"], DigestAlgorithm::Sha1.hex(&file.bytes));
    assert!(String::from_utf8(file.bytes).unwrap().ends_with("\r\n`0,`0.00\r\n"));
}

#[test]
fn a_packed_bill_is_a_gzip_stream_and_its_digest_is_of_what_is_in_it() {
    let response = example(&format!("{BILL}&tar_type=GZIP"));
    let file = download(&response["download_url"], NOW).unwrap();
    assert_eq!(file.content_type, "application/x-gzip");
    // Stored: the text stands between fifteen bytes of head and eight of checksum.
    let text = &file.bytes[15..file.bytes.len() - 8];
    assert_eq!(response["hash_value"], DigestAlgorithm::Sha1.hex(text));
    assert!(std::str::from_utf8(text).unwrap().starts_with("时间,"));
}

#[test]
fn a_receipt_is_a_pdf_with_the_digest_that_was_named() {
    let response = example("/v3/bank-batch-transfer/receipt/summary-receipts?out_batch_no=1");
    assert_eq!(response["hash_type"], "SHA256");
    let file = download(&response["download_url"], NOW).unwrap();
    assert_eq!(file.content_type, "application/pdf");
    assert!(file.bytes.starts_with(b"%PDF-"));
    assert_eq!(response["hash_value"], sha256_hex(&file.bytes).to_uppercase());
}

#[test]
fn a_sealed_bill_opens_with_the_key_beside_its_address() {
    let response = example(
        "/v3/payscore/merchant-bill?bill_date=2026-08-14&encryption_algorithm=AEAD_AES_256_GCM&service_id=1",
    );
    let item = &response["download_bill_list"][0];
    let file = download(&item["download_url"], NOW).unwrap();
    let text = |name: &str| item[name].as_str().unwrap();
    let key = ApiV3Key::new(text("encrypt_key")).unwrap();
    let plain = document::Document::Bill.bytes();
    assert_eq!(file.bytes, key.seal_bytes(text("nonce"), "", &plain).unwrap());
}

#[test]
fn an_address_is_good_for_five_minutes() {
    let response = example(BILL);
    assert!(download(&response["download_url"], NOW + 300).is_ok());
    let refusal = download(&response["download_url"], NOW + 301).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
}

#[test]
fn a_bill_is_downloaded_by_a_token_of_this_sandbox_only() {
    for token in ["xxx", "X8Uk3sD4a4eZVPTBvqNDoUqcYMlZ9uuD", "券券券券券券"] {
        let by_token = |(path, _): &&Download| !path.contains('{');
        for (path, _) in PRODUCTS.iter().flat_map(|product| product.downloads).filter(by_token) {
            let source = if path.ends_with("elecvoucherfile") { "&source=elecsign" } else { "" };
            let url = json!(format!("http://127.0.0.1:8880/{path}?token={token}{source}"));
            let refusal = download(&url, NOW).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"), "{path} {token}");
        }
    }
}

#[test]
fn a_token_of_the_documents_gives_an_example_of_other_files() {
    let url = json!(
        "http://127.0.0.1:8880/v3/new-tax-control-fapiao/download?token=xxx&mchid=1900000109&openid=o&invoice_code=1&\
         invoice_no=1&fapiao_id=1"
    );
    assert!(download(&url, NOW).unwrap().bytes.starts_with(b"%PDF-"));
}

#[test]
fn every_address_of_every_example_leads_to_a_download_of_the_catalogue() {
    fn addresses(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| addresses(item, found)),
            Value::Object(members) => members.values().for_each(|value| addresses(value, found)),
            Value::String(text) if text.starts_with(links(NOW).base_url) => found.push(value.clone()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for operation in Catalog::embedded().operations() {
        if Behaviour::from_operation(operation) != Behaviour::Example {
            continue;
        }
        let values = crate::example::RequestValues::default();
        let Some(mut response) = crate::example::response(operation, &values) else { continue };
        lead_back(operation, &ValidRequest::default(), &mut response, &links(NOW));
        addresses(&response, &mut found);
    }
    assert!(found.len() > 15, "{}", found.len());
    for address in &found {
        download(address, NOW).unwrap();
    }
}
