//! Uploading, listing and deleting codes (上传预存code, 查询预存code列表, 查询预存code详情, 删除预存code).

use serde_json::{Value, json};

use super::definition::CodeMode;
use super::listing::page_of;
use super::stock::{self, Stock};
use super::unconfirmed::{ILLEGAL_CODE, MAX_STORED_CODES, words};
use super::{coupon, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::coupon_stocks::stored_codes::{self, Candidate, CodeCounts, CodePlace, StoredCode};
use crate::products::coupon_stocks::stored_codes::{Stored, Upload};
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{IdempotencyKey, Transaction};

pub(super) fn upload_codes(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let scope = scope(context, &[]);
    let request_no = request.required("upload_request_no");
    let key = IdempotencyKey { operation: "upload codes", scope: &scope, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let stock = stock_of_codes(tx, context)?;
        let upload = read_upload(request)?;
        let known = upload.known(tx, &stock.id)?;
        carry_out(tx, store_codes(upload, known, stored_codes::counts(tx, &stock.id)?, context.now)?)
    })
}

pub(super) fn list_codes(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = stock_of_codes(tx, context)?;
    let page = page_of(context.request)?;
    let names_user = check_named_appid(context)?;
    let (codes, total) = stored_codes::list(tx, &stock.id, context.request.query("status"), page)?;
    let data: Vec<_> = codes.iter().map(|code| code.describe(names_user)).collect();
    // The page calls `limit` of the response the number of codes that are really there.
    Ok(json!({
        "stock_id": stock.id, "total_count": total, "limit": data.len(), "offset": page.offset, "data": data
    }))
}

pub(super) fn query_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = stock_of_codes(tx, context)?;
    let names_user = check_named_appid(context)?;
    let found = stored_codes::find(tx, &stock.id, context.request.path("coupon_code"))?;
    let code = found.filter(|code| code.status().is_some()).ok_or_else(refusals::no_such_code)?;
    let mut response = json!({ "code_information": code.describe(names_user) });
    if let Some((stock, coupon)) = coupon::find(tx, &stock.id, &code.code)? {
        response["coupon_information"] = Value::Object(coupon.describe(&stock, context.now));
    }
    Ok(response)
}

pub(super) fn delete_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let code = context.request.path("coupon_code");
    let scope = scope(context, &[code]);
    let request_no = context.request.query("delete_request_no").unwrap_or_default();
    let key = IdempotencyKey { operation: "delete code", scope: &scope, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let stock = stock_of_codes(tx, context)?;
        let candidate = match stored_codes::find(tx, &stock.id, code)? {
            Some(code) => Some(stored_codes::candidate(tx, code, stored_codes::counts(tx, &stock.id)?)?),
            None => None,
        };
        carry_out(tx, delete(candidate, context.now)?)
    })
}

/// Where a request number is unique: the bodies do not say which stock or code is meant.
fn scope(context: &Context<'_>, more: &[&str]) -> String {
    [&*context.caller.mchid, context.request.path("stock_id")]
        .into_iter()
        .chain(more.iter().copied())
        .collect::<Vec<_>>()
        .join("\n")
}

fn stock_of_codes(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    let stock = stock::find(tx, context.request.path("stock_id"))?;
    Ok(check_code_mode(context.caller, stock)?)
}

/// The stock, when it has codes and they are the caller's. INFERRED(code-owner): only the creator of a stock
/// may see and change its codes.
fn check_code_mode(caller: &Account, stock: Option<Stock>) -> Result<Stock, Refusal> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    if stock.creator != caller.mchid {
        return Err(
            refusals::no_right_on_coupon().with_reason("only its creator may see or change codes of a stock")
        );
    }
    if stock.definition.code_mode != CodeMode::MerchantUpload {
        return Err(refusals::wrong_code_mode().with_reason(
            "only a stock whose coupon_code_mode is MERCHANT_UPLOAD has codes that are uploaded",
        ));
    }
    Ok(stock)
}

/// Whether the query names an appid, which must be the caller's. INFERRED(code-user): a list of codes names users only then.
fn check_named_appid(context: &Context<'_>) -> Result<bool, Refusal> {
    let appid = context.request.query("appid");
    appid.map_or(Ok(()), |appid| context.caller.check_appid(appid))?;
    Ok(appid.is_some())
}

/// The error of a code: the error code, and its sentence.
type Problem = (&'static str, &'static str);

fn read_upload(request: &ValidRequest) -> Result<Upload<Problem>, Refusal> {
    let codes = request.body.get("coupon_code_list").and_then(Value::as_array);
    let codes: Vec<_> = codes.into_iter().flatten().filter_map(Value::as_str).collect();
    if codes.is_empty() {
        return Err(refusals::request_parameters("give 1 to 200 codes in coupon_code_list"));
    }
    Ok(Upload::new(codes, problem))
}

const MAX_CODE_LENGTH: usize = 32;

/// The error of a code. Only `LENGTH_LIMIT` was seen; UNCONFIRMED(code-characters): how other characters are refused.
fn problem(code: &str) -> Option<Problem> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_\\/=| ".contains(letter);
    match code.chars().count() {
        1..=MAX_CODE_LENGTH if code.chars().all(fits) => None,
        1..=MAX_CODE_LENGTH => Some((ILLEGAL_CODE, words::ILLEGAL_CODE)),
        _ => Some(("LENGTH_LIMIT", words::CODE_LENGTH)),
    }
}

/// Stores the codes that are new. `known` has what is stored under each fitting code.
fn store_codes(
    upload: Upload<Problem>,
    known: Vec<Option<StoredCode>>,
    counts: CodeCounts,
    now: i64,
) -> Decided<Stored> {
    let (total, failed, duplicates) = (upload.len(), upload.failed, upload.duplicates);
    let (stored, exist) = Stored::new(upload.fitting, known, counts, now);
    if stored.counts.total > MAX_STORED_CODES {
        return Err(Refusal::invalid_request(
            words::TOO_MANY_CODES,
            format!("a stock may have {MAX_STORED_CODES} codes; nothing of this request was stored"),
        ));
    }
    let success: Vec<_> = stored.codes.iter().map(|code| &code.code).collect();
    let failed: Vec<_> = failed
        .iter()
        .map(|(coupon_code, (code, message))| json!({ "coupon_code": coupon_code, "code": code, "message": message }))
        .collect();
    let response = json!({
        "stock_id": stored.counts.stock_id,
        "total_count": total,
        "success_count": success.len(),
        "success_codes": success,
        "success_time": clock::rfc3339(now),
        "fail_count": failed.len(),
        "fail_codes": failed,
        "exist_codes": exist,
        "duplicate_codes": duplicates,
    });
    Ok(Decision::new(stored, response))
}

/// Deletes a code. INFERRED(code-deletion): only one that nobody has; a code that a user has is refused with 400 INVALID_REQUEST.
fn delete(candidate: Option<Candidate>, now: i64) -> Decided<stored_codes::Departure> {
    let candidate = candidate.ok_or_else(refusals::no_such_code)?;
    match candidate.code.place {
        CodePlace::Available(_) => {}
        CodePlace::Dispatched { .. } => {
            return Err(Refusal::invalid_request(
                words::CODE_DISPATCHED,
                "a person has this code: only a code that was not given out can be deleted",
            ));
        }
        CodePlace::Deleted => return Err(refusals::no_such_code()),
    }
    let response = json!({ "stock_id": candidate.code.stock_id, "delete_time": clock::rfc3339(now) });
    Ok(Decision::new(candidate.leave(CodePlace::Deleted), response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_stock, stranger};

    fn upload(codes: &[&str]) -> Upload<Problem> {
        let body = json!({ "coupon_code_list": codes });
        let Value::Object(body) = body else { unreachable!() };
        read_upload(&ValidRequest::from_body(body)).unwrap()
    }

    #[test]
    fn each_code_is_told_what_became_of_it() {
        let long = "x".repeat(33);
        let upload = upload(&["a-_\\/=| 9", "known", "a-_\\/=| 9", "again", "a-_\\/=| 9", &long, "é"]);
        let known = StoredCode {
            stock_id: "1".to_owned(),
            code: "known".to_owned(),
            upload_time: NOW,
            place: CodePlace::Available(0),
        };
        let gone = StoredCode { code: "again".to_owned(), place: CodePlace::Deleted, ..known.clone() };
        let counts = CodeCounts { stock_id: "1".to_owned(), total: 1, available: 1 };
        let (stored, response) =
            store_codes(upload, vec![None, Some(known), Some(gone)], counts, NOW).unwrap().parts();
        let places: Vec<_> = stored.codes.iter().map(|code| code.place.clone()).collect();
        assert_eq!(places, [CodePlace::Available(1), CodePlace::Available(2)]);
        assert_eq!(stored.counts, CodeCounts { stock_id: "1".to_owned(), total: 3, available: 3 });
        assert_eq!((&response["total_count"], &response["success_count"]), (&json!(5), &json!(2)));
        assert_eq!(response["exist_codes"], json!(["known"]));
        assert_eq!(response["duplicate_codes"], json!(["a-_\\/=| 9"]));
        assert_eq!(
            (&response["fail_count"], &response["fail_codes"][0]["code"]),
            (&json!(2), &json!("LENGTH_LIMIT"))
        );
    }

    #[test]
    fn an_upload_over_the_limit_stores_nothing() {
        let counts = CodeCounts { stock_id: "1".to_owned(), total: MAX_STORED_CODES, available: 0 };
        let refusal = store_codes(upload(&["a"]), vec![None], counts, NOW).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
    }

    #[test]
    fn only_codes_of_the_callers_own_upload_stock_can_be_seen() {
        let refusal = |caller: &Account, stock| check_code_mode(caller, stock).unwrap_err();
        assert_eq!(refusal(&CALLER, None).code, "RESOURCE_NOT_EXISTS");
        assert_eq!(refusal(&stranger(), Some(a_stock())).code, "NO_AUTH");
        assert_eq!(refusal(&CALLER, Some(a_stock())).message, "发券模式不合法");
    }
}
