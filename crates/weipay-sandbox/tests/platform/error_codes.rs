//! A refusal of a product with state has a status and a code that the catalogue knows of the operation. [`Client::send`] checks
//! every response that a test gets, so that a code that only one of the two knows is noticed wherever it comes from.
//!
//! [`Client::send`]: crate::client::Client::send

use serde_json::Value;
use weipay_catalog::Catalog;

use crate::client::{Request, Response};

/// The products whose refusals are checked.
const PRODUCTS: [&str; 10] = [
    "/v3/marketing/busifavor/",
    "/v3/fund-app/mch-transfer/",
    "/v3/transfer/batches",
    "/v3/merchant/fund/",
    "/v3/ecommerce/",
    "/v3/brand/profitsharing/",
    "/v3/payscore/serviceorder",
    "/v3/merchant-service/complaint",
    "/v3/papay/",
    "/v3/partner-papay/",
];

/// What the sandbox refuses whatever the operation is: bodies that are too long, and operations that it does not have.
const OF_EVERY_OPERATION: [u16; 2] = [413, 501];

/// Fails if the response refuses with a code that the catalogue does not have for the operation.
pub(crate) fn check_known(request: &Request, response: &Response) {
    let path = request.target.split('?').next().unwrap_or_default();
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else { return };
    let Some(code) = body["code"].as_str().filter(|_| response.status >= 400) else { return };
    let is_of_product = PRODUCTS.iter().any(|product| path.starts_with(product));
    if !is_of_product || OF_EVERY_OPERATION.contains(&response.status) {
        return;
    }
    // The gateway may refuse before it knows the operation.
    let Ok(routed) = Catalog::embedded().route(&request.method, path) else { return };
    if let Err(problem) = check_code(routed.operation, response.status, code) {
        panic!(
            "{problem}: add the code to the operation's file in the catalogue, or mend the sandbox: {body}"
        );
    }
}

fn check_code(operation: &weipay_catalog::Operation, status: u16, code: &str) -> Result<(), String> {
    let is_known = operation
        .error_codes()
        .any(|known| known.code == code && known.status.is_none_or(|known| known == status));
    let unknown =
        || format!("{status} {code} is not in the catalogue for {} {}", operation.method, operation.path);
    if is_known { Ok(()) } else { Err(unknown()) }
}

#[test]
fn a_code_that_the_catalogue_does_not_have_for_an_operation_is_noticed() {
    let send = Catalog::embedded().find("POST", "v3/marketing/busifavor/coupons/send").unwrap();
    assert_eq!(check_code(send, 400, "INVALID_REQUEST"), Ok(()));
    assert_eq!(check_code(send, 403, "RULE_LIMIT"), Ok(()), "unconfirmed");
    let problem = "403 ORDER_CLOSED is not in the catalogue for POST v3/marketing/busifavor/coupons/send";
    assert_eq!(check_code(send, 403, "ORDER_CLOSED"), Err(problem.to_owned()));
    assert!(check_code(send, 409, "INVALID_REQUEST").is_err(), "another status");
}
