//! Electronic receipts (电子回单): a merchant applies for the receipt of a transfer that the person has, the
//! clock makes it, and the merchant downloads it. Those of the older form are in [`of_batches`].
//!
//! Only what was sent with the person's name has one. UNCONFIRMED(receipt-time): it is made a minute after it
//! was applied for, and never fails. INFERRED(receipt-again): who applies again gets the same one.
//! UNCONFIRMED(receipt-text): what stands in the file, which has the numbers, amounts and times, and nobody's
//! name.

mod of_batches;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weipay_wire::{DigestAlgorithm, sha256_hex};

use super::course::is_own;
use super::transfer::{Transfer, TransferState};
use super::{platform_number, refusals};
use crate::clock;
use crate::grammar::unconfirmed;
use crate::products::downloads::document::pdf;
use crate::products::downloads::token::{self, Sealer};
use crate::products::{Behaviour, Context, HandlerError, Links};
use crate::response::{File, Refusal};
use crate::store::{Due, Record, StoreError, Transaction, joined};
pub(super) use of_batches::{apply_for_batch, apply_for_detail, query_of_batch, query_of_detail};

/// Falls due when a receipt is made.
pub(super) const MADE: &str = "transfer receipt";
const MAKING_SECONDS: i64 = 60;

/// How long an address is valid. INFERRED(receipt-link): said of the newer form.
const LINK_SECONDS: i64 = 600;

/// Older payments have no receipt. INFERRED(receipt-age): six months are 180 days.
const MAX_TRANSFER_AGE_SECONDS: i64 = 180 * clock::DAY;
/// How long a receipt of the newer form is there. INFERRED(receipt-life): after that, who applies again gets a new one.
const LIFE_SECONDS: i64 = 90 * clock::DAY;

const ASSOCIATED_DATA: &str = "transfer receipt";

/// The subject of a receipt, by the platform's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject<'a> {
    Transfer(&'a str),
    Batch(&'a str),
    Detail(&'a str),
    WalletPayment(&'a str),
    BankPayment(&'a str),
}

/// The prefix of the keys of receipts of the newer form.
const TRANSFER: &str = "transfer";

impl Subject<'_> {
    fn key(self) -> String {
        let (kind, number) = match self {
            Self::Transfer(number) => (TRANSFER, number),
            Self::Batch(number) => ("batch", number),
            Self::Detail(number) => ("detail", number),
            Self::WalletPayment(number) => ("wallet-payment", number),
            Self::BankPayment(number) => ("bank-payment", number),
        };
        format!("{kind}-{number}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    mchid: String,
    subject: String,
    /// `signature_no`.
    number: String,
    /// The lines of the file.
    lines: Vec<String>,
    applied: i64,
    made: Option<i64>,
}

impl Record for Receipt {
    const KIND: &'static str = "transfer receipt";

    fn key(&self) -> String {
        joined(&self.mchid, &self.subject)
    }
}

pub(super) fn apply_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = Transfer::find_by_number(tx, &context.caller.mchid, context.request.required("out_bill_no"))?;
    apply_for_transfer(tx, context, found)
}

pub(super) fn apply_by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = tx.get(context.request.required("transfer_bill_no"))?;
    apply_for_transfer(tx, context, found)
}

/// By a partner (服务商), which is shown the same by both requests.
pub(super) fn apply_of_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = Transfer::find_by_number(tx, &context.caller.mchid, context.request.required("out_bill_no"))?;
    let transfer = own(found, context)?;
    Ok(receipt_of_transfer(tx, context, &transfer)?.describe_of_partner(&transfer, context))
}

pub(super) fn query_of_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = Transfer::find_by_number(tx, &context.caller.mchid, context.request.path("out_bill_no"))?;
    let transfer = own(found, context)?;
    Ok(known(tx, context, Subject::Transfer(&transfer.number))?.describe_of_partner(&transfer, context))
}

fn apply_for_transfer(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    found: Option<Transfer>,
) -> Result<Value, HandlerError> {
    let receipt = receipt_of_transfer(tx, context, &own(found, context)?)?;
    Ok(json!({ "state": receipt.state(), "create_time": clock::rfc3339(receipt.applied) }))
}

fn receipt_of_transfer(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    transfer: &Transfer,
) -> Result<Receipt, HandlerError> {
    if transfer.state != TransferState::Success {
        return Err(refusals::no_receipt_of_transfer(transfer.state.word()).into());
    }
    if transfer.name.is_none() {
        return Err(refusals::no_receipt_without_name().into());
    }
    if context.now.saturating_sub(transfer.update_time) > MAX_TRANSFER_AGE_SECONDS {
        return Err(refusals::too_old_for_receipt("the transfer is older than six months").into());
    }
    let lines = vec![
        format!("mchid: {}", transfer.payer()),
        format!("out_bill_no: {}", transfer.out_bill_no),
        format!("transfer_bill_no: {}", transfer.number),
        format!("amount: {}", yuan(transfer.fen)),
        format!("paid: {}", clock::rfc3339(transfer.update_time)),
    ];
    Ok(applied(tx, context, Subject::Transfer(&transfer.number), lines)?)
}

pub(super) fn query_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = Transfer::find_by_number(tx, &context.caller.mchid, context.request.path("out_bill_no"))?;
    query_of_transfer(tx, context, found)
}

pub(super) fn query_by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    query_of_transfer(tx, context, tx.get(context.request.path("transfer_bill_no"))?)
}

fn query_of_transfer(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    found: Option<Transfer>,
) -> Result<Value, HandlerError> {
    let transfer = own(found, context)?;
    let receipt = known(tx, context, Subject::Transfer(&transfer.number))?;
    let mut shown = json!({
        "state": receipt.state(),
        "create_time": clock::rfc3339(receipt.applied),
        "update_time": clock::rfc3339(receipt.updated()),
    });
    receipt.add_file(&mut shown, context, "v3/transferdownload/elecvoucherfile", "&source=elecsign");
    Ok(shown)
}

/// A transfer of the caller, and of the sub-merchant that the request names.
fn own(found: Option<Transfer>, context: &Context<'_>) -> Result<Transfer, Refusal> {
    found.filter(|transfer| is_own(transfer, context)).ok_or_else(refusals::not_found)
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02} CNY", fen / 100, fen % 100)
}

/// The receipt that was applied for, now or before.
fn applied(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    subject: Subject<'_>,
    lines: Vec<String>,
) -> Result<Receipt, StoreError> {
    let subject = subject.key();
    if let Some(known) = tx.get::<Receipt>(&joined(&context.caller.mchid, &subject))?
        && known.is_there(context.now)
    {
        return Ok(known);
    }
    let number = platform_number("1050000", context.now, tx.next_number("transfer receipt")?, 40);
    let mchid = context.caller.mchid.clone();
    let receipt = Receipt { mchid, subject, number, lines, applied: context.now, made: None };
    tx.save(&receipt)?;
    let at = context.now.saturating_add(MAKING_SECONDS);
    tx.schedule(&Due { kind: MADE.to_owned(), key: receipt.key(), at })?;
    Ok(receipt)
}

fn known(tx: &Transaction<'_>, context: &Context<'_>, subject: Subject<'_>) -> Result<Receipt, HandlerError> {
    let found: Option<Receipt> = tx.get(&joined(&context.caller.mchid, &subject.key()))?;
    let found = found.filter(|receipt| receipt.is_there(context.now));
    Ok(found.ok_or_else(refusals::no_such_receipt)?)
}

/// The clock: the receipt is made.
pub(super) fn make(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    match tx.get::<Receipt>(key)? {
        Some(receipt) => Ok(tx.save(&Receipt { made: Some(at), ..receipt })?),
        None => Ok(()),
    }
}

impl Receipt {
    /// The pages say how long a receipt of the newer form is there; those of the older form stay.
    fn is_there(&self, now: i64) -> bool {
        !self.subject.starts_with(TRANSFER) || now.saturating_sub(self.updated()) <= LIFE_SECONDS
    }

    const fn state(&self) -> &'static str {
        if self.made.is_some() { "FINISHED" } else { "GENERATING" }
    }

    fn updated(&self) -> i64 {
        self.made.unwrap_or(self.applied)
    }

    /// The file, whose bytes are always the same.
    fn file(&self) -> Vec<u8> {
        let head = ["weipay sandbox: receipt of a transfer".to_owned(), format!("number: {}", self.number)];
        pdf(&head.into_iter().chain(self.lines.iter().cloned()).collect::<Vec<_>>())
    }

    /// Where the file is, and its digest, when it is made.
    fn add_file(&self, shown: &mut Value, context: &Context<'_>, path: &str, rest: &str) {
        if self.made.is_none() {
            return;
        }
        let text = format!("{} {}", context.now, self.key());
        let Some(token) = context.sealer().seal(ASSOCIATED_DATA, &text) else { return };
        shown["hash_type"] = json!("SHA256");
        shown["hash_value"] = json!(sha256_hex(&self.file()).to_uppercase());
        shown["download_url"] = json!(format!("{}/{path}?token={token}{rest}", context.base_url));
    }

    /// The digest of partners' receipts is SM3.
    fn describe_of_partner(&self, transfer: &Transfer, context: &Context<'_>) -> Value {
        let mut shown = json!({
            "sub_mchid": transfer.sub_mchid,
            "out_bill_no": transfer.out_bill_no,
            "state": self.state(),
            "create_time": clock::rfc3339(self.applied),
            "update_time": clock::rfc3339(self.updated()),
        });
        self.add_file(&mut shown, context, "v3/transferdownload/elecvoucherfile", "&source=elecsign");
        if self.made.is_some() {
            shown["hash_type"] = json!("SM3");
            shown["hash_value"] = json!(DigestAlgorithm::Sm3.hex(&self.file()).to_uppercase());
        }
        shown
    }
}

/// When an address was made, and the receipt that it leads to.
fn open(token: &str, sealer: &Sealer<'_>) -> Option<(i64, String)> {
    let text = sealer.open(ASSOCIATED_DATA, token)?;
    let (made, key) = text.split_once(' ')?;
    Some((made.parse().ok()?, key.to_owned()))
}

/// The receipt that a token leads to; `None` for any other text.
pub(in crate::products) fn download(token: &str, links: &Links<'_>) -> Option<Result<File, Refusal>> {
    let (made, key) = match token::open_own(links, |sealer| open(token, sealer))? {
        Ok(found) => found,
        Err(refusal) => return Some(Err(refusal)),
    };
    if links.now.saturating_sub(made) > LINK_SECONDS {
        return Some(Err(unconfirmed::old_link()));
    }
    let found: Result<Option<Receipt>, StoreError> = links.store.transaction(|tx| tx.get(&key));
    Some(match found {
        Err(error) => Err(Refusal::system_error().with_reason(format!("{error:#}"))),
        Ok(None) => Err(unconfirmed::unknown_link()
            .with_reason("the sandbox was restored to a state without this receipt")),
        Ok(Some(receipt)) => Ok(File {
            content_type: "application/pdf",
            bytes: receipt.file(),
            is_statement: false,
            origin: Behaviour::State,
        }),
    })
}
