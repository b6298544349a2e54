//! Receipts of the older form: of a batch, of one of its details, and of a payment to the wallet (付款到零钱).

use serde_json::{Value, json};

use super::{Receipt, Subject, applied, known, yuan};
use crate::clock;
use crate::products::transfers::batches::{self, Batch, Detail};
use crate::products::transfers::{MAX_AGE_SECONDS, refusals};
use crate::products::{Context, HandlerError, payouts};
use crate::response::Refusal;
use crate::store::{Record, Transaction};

pub(in crate::products::transfers) fn apply_for_batch(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let number = context.request.required("out_batch_no");
    let batch = Batch::find_by_number(tx, &context.caller.mchid, number)?.ok_or_else(refusals::not_found)?;
    check_age(batch.create_time(), context.now)?;
    let Some((succeeded, fen)) = batch.success_when_finished() else {
        return Err(refusals::no_receipt_of_batch("the batch is not FINISHED yet").into());
    };
    if succeeded == 0 {
        return Err(refusals::no_receipt_of_batch("no detail of the batch has succeeded").into());
    }
    if !batches::has_names(tx, &batch)? {
        return Err(refusals::no_receipt_of_batch("its details were sent without user_name").into());
    }
    let lines = vec![
        format!("mchid: {}", context.caller.mchid),
        format!("out_batch_no: {number}"),
        format!("batch_id: {}", batch.key()),
        format!("transfers: {succeeded}"),
        format!("amount: {}", yuan(fen)),
    ];
    let receipt = applied(tx, context, Subject::Batch(&batch.key()), lines)?;
    Ok(receipt.describe_batch(number, context))
}

pub(in crate::products::transfers) fn query_of_batch(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let number = context.request.path("out_batch_no");
    let batch: Batch =
        Batch::find_by_number(tx, &context.caller.mchid, number)?.ok_or_else(refusals::not_found)?;
    Ok(known(tx, context, Subject::Batch(&batch.key()))?.describe_batch(number, context))
}

/// The older form has receipts of the last 30 days.
fn check_age(made: i64, now: i64) -> Result<(), Refusal> {
    if now.saturating_sub(made) <= MAX_AGE_SECONDS {
        return Ok(());
    }
    Err(refusals::too_old_for_receipt("it was made more than 30 days ago"))
}

/// A receipt of the older form.
struct Asked<'a> {
    accept_type: &'a str,
    out_batch_no: Option<&'a str>,
    out_detail_no: &'a str,
}

pub(in crate::products::transfers) fn apply_for_detail(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let asked = Asked {
        accept_type: request.required("accept_type"),
        out_batch_no: request.text("out_batch_no"),
        out_detail_no: request.required("out_detail_no"),
    };
    let (subject, mut lines, paid) = find_detail(tx, context, &asked)?;
    check_age(paid.made, context.now)?;
    if !paid.has_name {
        return Err(refusals::no_receipt_of_nameless_detail().into());
    }
    lines.insert(0, format!("mchid: {}", context.caller.mchid));
    let receipt = applied(tx, context, subject.as_subject(), lines)?;
    Ok(receipt.describe_detail(&asked, context))
}

pub(in crate::products::transfers) fn query_of_detail(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let asked = Asked {
        accept_type: request.query("accept_type").unwrap_or_default(),
        out_batch_no: request.query("out_batch_no"),
        out_detail_no: request.query("out_detail_no").unwrap_or_default(),
    };
    let (subject, ..) = find_detail(tx, context, &asked)?;
    Ok(known(tx, context, subject.as_subject())?.describe_detail(&asked, context))
}

/// A detail of a batch, or a payment to the wallet or to a bank card, by the platform's number.
enum Paid {
    Detail(String),
    WalletPayment(String),
    BankPayment(String),
}

impl Paid {
    fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Detail(number) => Subject::Detail(number),
            Self::WalletPayment(number) => Subject::WalletPayment(number),
            Self::BankPayment(number) => Subject::BankPayment(number),
        }
    }
}

/// The state on which a receipt depends.
struct Circumstances {
    made: i64,
    has_name: bool,
}

/// The payment of a receipt, and the text of the receipt.
fn find_detail(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    asked: &Asked<'_>,
) -> Result<(Paid, Vec<String>, Circumstances), HandlerError> {
    let mchid = &context.caller.mchid;
    match (asked.accept_type, asked.out_batch_no) {
        ("BATCH_TRANSFER", Some(out_batch_no)) => {
            let batch = Batch::find_by_number(tx, mchid, out_batch_no)?.ok_or_else(refusals::not_found)?;
            let detail = Detail::find_by_number(tx, &batch, asked.out_detail_no)?;
            let detail: Detail = detail.ok_or_else(refusals::not_found)?;
            let paid = detail.paid().ok_or_else(refusals::no_receipt_of_detail)?;
            let lines = vec![
                format!("out_batch_no: {out_batch_no}"),
                format!("out_detail_no: {}", asked.out_detail_no),
                format!("detail_id: {}", detail.key()),
                format!("amount: {}", yuan(paid.0)),
                format!("paid: {}", clock::rfc3339(paid.1)),
            ];
            let circumstances = Circumstances { made: batch.create_time(), has_name: detail.has_name() };
            Ok((Paid::Detail(detail.key()), lines, circumstances))
        }
        ("BATCH_TRANSFER", None) => {
            let reason = "out_batch_no is needed with accept_type BATCH_TRANSFER";
            Err(refusals::wrong_parameter(reason).into())
        }
        ("TRANSFER_TO_POCKET", _) => {
            let found = payouts::wallet_payment(tx, mchid, asked.out_detail_no)?;
            let (number, fen, time, has_name) = found.ok_or_else(refusals::not_found)?;
            let lines = lines_of_payment(asked, &number, fen, time);
            Ok((Paid::WalletPayment(number), lines, Circumstances { made: time, has_name }))
        }
        ("TRANSFER_TO_BANK", _) => {
            let found =
                payouts::bank_payment(tx, mchid, asked.out_detail_no)?.ok_or_else(refusals::not_found)?;
            let (number, fen, time) = found.ok_or_else(refusals::no_receipt_of_detail)?;
            let lines = lines_of_payment(asked, &number, fen, time);
            Ok((Paid::BankPayment(number), lines, Circumstances { made: time, has_name: true }))
        }
        _ => Err(refusals::not_found().into()),
    }
}

fn lines_of_payment(asked: &Asked<'_>, number: &str, fen: i64, paid: i64) -> Vec<String> {
    vec![
        format!("partner_trade_no: {}", asked.out_detail_no),
        format!("payment_no: {number}"),
        format!("amount: {}", yuan(fen)),
        format!("paid: {}", clock::rfc3339(paid)),
    ]
}

impl Receipt {
    fn describe_older(&self, shown: &mut Value, context: &Context<'_>) {
        shown["signature_no"] = json!(self.number);
        shown["signature_status"] = json!(if self.made.is_some() { "FINISHED" } else { "ACCEPTED" });
        self.add_file(shown, context, "v3/billdownload/file", "");
    }

    fn describe_batch(&self, out_batch_no: &str, context: &Context<'_>) -> Value {
        let mut shown = json!({
            "out_batch_no": out_batch_no,
            "create_time": clock::rfc3339(self.applied),
            "update_time": clock::rfc3339(self.updated()),
        });
        self.describe_older(&mut shown, context);
        shown
    }

    fn describe_detail(&self, asked: &Asked<'_>, context: &Context<'_>) -> Value {
        let mut shown = json!({ "accept_type": asked.accept_type, "out_detail_no": asked.out_detail_no });
        if let Some(out_batch_no) = asked.out_batch_no {
            shown["out_batch_no"] = json!(out_batch_no);
        }
        self.describe_older(&mut shown, context);
        shown
    }
}
