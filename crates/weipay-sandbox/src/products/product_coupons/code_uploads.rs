//! Uploading codes (预上传券Code) to a stock of `UPLOAD`; a send takes one of them at random.

use serde_json::{Value, json};

use super::definition::CodeMode;
use super::stock::{self, Stock};
use super::{REQUEST_NO, once, refusals};
use crate::contract::ValidRequest;
use crate::products::coupon_stocks::stored_codes::{self, CodeCounts, StoredCode};
use crate::products::coupon_stocks::stored_codes::{Stored, Upload};
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn upload_codes(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("upload product coupon codes", REQUEST_NO), |_| {
        let stock = stock::named(tx, context)?;
        let checked = check_stock(stock, context.now).and_then(|stock| Ok((read(context.request)?, stock)));
        let (upload, stock) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let known = upload.known(tx, &stock.id)?;
        Ok(store(upload, known, stored_codes::counts(tx, &stock.id)?, context.now))
    })
}

/// The stock, when codes can be uploaded to it: it can be sent, or could again.
fn check_stock(stock: Option<Stock>, now: i64) -> Result<Stock, Refusal> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    if stock.definition.code_mode != CodeMode::Upload {
        return Err(refusals::code_mode(
            "only a stock whose coupon_code_mode is UPLOAD has codes that are uploaded",
        ));
    }
    if !matches!(stock.word_at(now), "SENDING" | "PAUSED") {
        return Err(refusals::stock_state("codes are uploaded to a stock in the state SENDING or PAUSED"));
    }
    Ok(stock)
}

const MAX_CODES: usize = 200;
const MAX_CODE_LETTERS: usize = 40;
/// UNCONFIRMED(product-coupon-stored-codes): how many codes of a stock can be uploaded; the number is that of merchant coupons.
const MAX_STORED_CODES: i64 = 10_000_000;

fn read(request: &ValidRequest) -> Result<Upload<()>, Refusal> {
    let codes = request.body.get("code_list").and_then(Value::as_array);
    let codes: Vec<_> = codes.into_iter().flatten().filter_map(Value::as_str).collect();
    if codes.is_empty() || codes.len() > MAX_CODES {
        return Err(refusals::parameters("give 1 to 200 codes in code_list"));
    }
    Ok(Upload::new(codes, |code| (!is_code(code)).then_some(())))
}

/// Whether a text can be a code that a partner makes.
pub(super) fn is_code(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_CODE_LETTERS).contains(&text.len()) && text.bytes().all(fits)
}

fn store(
    upload: Upload<()>,
    known: Vec<Option<StoredCode>>,
    counts: CodeCounts,
    now: i64,
) -> Decided<Stored> {
    let (total, failed, duplicates) = (upload.len(), upload.failed, upload.duplicates);
    let (stored, exist) = Stored::new(upload.fitting, known, counts, now);
    if stored.counts.total > MAX_STORED_CODES {
        return Err(refusals::too_many_codes());
    }
    let response = json!({
        "total_count": total,
        "success_code_list": stored.codes.iter().map(|code| &code.code).collect::<Vec<_>>(),
        "failed_code_list": failed.iter().map(|(code, ())| code).collect::<Vec<_>>(),
        "already_exist_code_list": exist,
        "duplicate_code_list": duplicates,
    });
    Ok(Decision::new(stored, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::coupon_stocks::stored_codes::CodePlace;
    use crate::products::product_coupons::fixtures::{NOW, a_stock};

    fn upload(codes: &Value) -> Result<Upload<()>, Refusal> {
        let Value::Object(body) = json!({ "code_list": codes }) else { unreachable!() };
        read(&ValidRequest::from_body(body))
    }

    #[test]
    fn each_code_is_told_what_became_of_it() {
        let upload = upload(&json!(["a-1", "a_2", "a-1", "a 3", "x".repeat(41)])).unwrap();
        let known = StoredCode {
            stock_id: "1".to_owned(),
            code: "a_2".to_owned(),
            upload_time: NOW,
            place: CodePlace::Available(0),
        };
        let counts = CodeCounts { stock_id: "1".to_owned(), total: 1, available: 1 };
        let (stored, response) = store(upload, vec![None, Some(known)], counts, NOW).unwrap().parts();
        assert_eq!((stored.codes.len(), stored.counts.available), (1, 2));
        assert_eq!(
            response,
            json!({
                "total_count": 4, "success_code_list": ["a-1"], "failed_code_list": ["a 3", "x".repeat(41)],
                "already_exist_code_list": ["a_2"], "duplicate_code_list": ["a-1"]
            })
        );
    }

    #[test]
    fn a_stock_of_another_mode_and_too_many_codes_are_refused() {
        assert_eq!(check_stock(Some(a_stock()), NOW).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(check_stock(None, NOW).unwrap_err().code, "RESOURCE_NOT_EXISTS");
        assert!(upload(&json!([])).is_err());
        assert!(upload(&json!((0..201).map(|number| format!("c-{number}")).collect::<Vec<_>>())).is_err());
    }
}
