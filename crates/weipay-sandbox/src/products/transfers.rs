//! Transfers (商家转账): a merchant pays a person, who confirms it.
//!
//! | file | what is in it |
//! |---|---|
//! | `transfer` | a transfer (转账单): its states, how it is shown, stored and found, and where its money is |
//! | `creation` | what a merchant asks for, and the checks of it |
//! | `course` | what happens then: the person confirms, the merchant cancels, time passes |
//! | `grants` | sub-merchants that let a partner or a platform transfer their money (子商户商家转账授权) |
//! | `authorization` | persons who receive without confirming each time (免确认收款授权) |
//! | `batches` | batches (批量转账), the older form: many transfers at once, which nobody confirms |
//! | `receipts` | electronic receipts (电子回单): applied for, made, downloaded |
//! | `scenes` | for what a transfer is (转账场景): its report, and as what the person sees it |
//! | `refusals` | what is refused, in the platform's words |
//! | `control` | what people do |
//!
//! Money goes from the operation account (运营账户) into transfer with the request, and from there to the person
//! or back, each with the state that says so. Partners (服务商) and platforms (电商平台) make the same transfers for their
//! sub-merchants, which pay them; authorizations are the partner's own. INFERRED(partner-transfer-numbers): whoever makes a
//! transfer uses each `out_bill_no` once, whoever pays.

mod authorization;
mod batches;
pub(crate) mod control;
mod course;
mod creation;
mod grants;
#[cfg(test)]
mod model;
#[cfg(test)]
mod race;
pub(super) mod receipts;
mod refusals;
mod scenes;
mod transfer;

use super::{Download, DueHandler, HandlerError, Route, route};
use crate::ledger::{self, AccountKind, Business, Owner, Posting};
use crate::people::account::AccountState;
use crate::store::Transaction;
use batches::of_partner;

#[rustfmt::skip]
pub(super) const DOWNLOADS: &[Download] = &[
    ("v3/billdownload/file", receipts::download),
    ("v3/transferdownload/elecvoucherfile", receipts::download),
    ("v3/transferdownload/signfile", receipts::download),
];

pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/fund-app/mch-transfer/transfer-bills", creation::create_transfer),
    route(
        "POST",
        "v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization",
        creation::create_with_authorization,
    ),
    route("POST", "v3/fund-app/mch-transfer/transfer-bills/transfer", creation::transfer_to_authorized),
    route(
        "GET",
        "v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        course::query_by_out_number,
    ),
    route(
        "GET",
        "v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        course::query_by_number,
    ),
    route(
        "POST",
        "v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        course::cancel_transfer,
    ),
    route("POST", "v3/fund-app/mch-transfer/user-confirm-authorization", authorization::ask),
    route(
        "GET",
        "v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}",
        authorization::query,
    ),
    route(
        "POST",
        "v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close",
        authorization::close,
    ),
    route("POST", "v3/fund-app/mch-transfer/partner/transfer-bills", creation::create_of_partner),
    route(
        "POST",
        "v3/fund-app/mch-transfer/partner/transfer-bills/pre-transfer-with-authorization",
        creation::create_of_partner_with_authorization,
    ),
    route(
        "POST",
        "v3/fund-app/mch-transfer/partner/transfer-bills/transfer",
        creation::transfer_to_authorized,
    ),
    route(
        "GET",
        "v3/fund-app/mch-transfer/partner/transfer-bills/out-bill-no/{out_bill_no}",
        course::query_by_out_number,
    ),
    route(
        "POST",
        "v3/fund-app/mch-transfer/partner/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        course::cancel_of_partner,
    ),
    route("POST", "v3/fund-app/mch-transfer/partner/user-confirm-authorizations", authorization::ask),
    route(
        "GET",
        "v3/fund-app/mch-transfer/partner/user-confirm-authorizations/{out_authorization_no}",
        authorization::query,
    ),
    route(
        "POST",
        "v3/fund-app/mch-transfer/partner/user-confirm-authorizations/{out_authorization_no}/close",
        authorization::close,
    ),
    route("POST", "v3/fund-app/mch-transfer/partner/electronic-receipts", receipts::apply_of_partner),
    route(
        "GET",
        "v3/fund-app/mch-transfer/partner/electronic-receipts/{out_bill_no}",
        receipts::query_of_partner,
    ),
    route("POST", "v3/fund-app/mch-transfer/partner/sub-mch-authorizations", grants::ask_as_partner),
    route(
        "GET",
        "v3/fund-app/mch-transfer/partner/sub-mch-authorizations/{sub_mchid}",
        grants::query_as_partner,
    ),
    route("POST", "v3/ecommerce/mch-transfer/transfer-bills", creation::create_transfer),
    route(
        "GET",
        "v3/ecommerce/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        course::query_of_platform_by_out_number,
    ),
    route(
        "GET",
        "v3/ecommerce/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        course::query_of_platform_by_number,
    ),
    route(
        "POST",
        "v3/ecommerce/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        course::cancel_transfer,
    ),
    route("POST", "v3/ecommerce/mch-transfer/authorizations", grants::ask_as_platform),
    route("GET", "v3/ecommerce/mch-transfer/authorizations/{sub_mchid}", grants::query_as_platform),
    route("POST", "v3/fund-app/mch-transfer/elecsign/out-bill-no", receipts::apply_by_out_number),
    route("POST", "v3/fund-app/mch-transfer/elecsign/transfer-bill-no", receipts::apply_by_number),
    route(
        "GET",
        "v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}",
        receipts::query_by_out_number,
    ),
    route(
        "GET",
        "v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}",
        receipts::query_by_number,
    ),
    route("POST", "v3/transfer/bill-receipt", receipts::apply_for_batch),
    route("GET", "v3/transfer/bill-receipt/{out_batch_no}", receipts::query_of_batch),
    route("POST", "v3/transfer-detail/electronic-receipts", receipts::apply_for_detail),
    route("GET", "v3/transfer-detail/electronic-receipts", receipts::query_of_detail),
    route("POST", "v3/transfer/batches", batches::create_batch),
    route("GET", "v3/transfer/batches/batch-id/{batch_id}", batches::query_by_id),
    route("GET", "v3/transfer/batches/out-batch-no/{out_batch_no}", batches::query_by_out_number),
    route(
        "GET",
        "v3/transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id}",
        batches::query_detail_by_id,
    ),
    route(
        "GET",
        "v3/transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no}",
        batches::query_detail_by_out_number,
    ),
    route("POST", "v3/partner-transfer/batches", of_partner::create),
    route("GET", "v3/partner-transfer/batches/batch-id/{batch_id}", of_partner::query_by_id),
    route("GET", "v3/partner-transfer/batches/out-batch-no/{out_batch_no}", of_partner::query_by_out_number),
    route(
        "GET",
        "v3/partner-transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id}",
        of_partner::query_detail_by_id,
    ),
    route(
        "GET",
        "v3/partner-transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no}",
        of_partner::query_detail_by_out_number,
    ),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[
    (course::OVERDUE, course::end_overdue),
    (course::SETTLE, course::settle),
    (authorization::OVERDUE, authorization::end_overdue),
    (batches::SETTLE, batches::settle),
    (receipts::MADE, receipts::make),
];

/// How long the platform takes for a step that it does later: paying a person, taking a transfer back.
/// UNCONFIRMED(transfer-time).
const STEP_SECONDS: i64 = 2;

/// How long a person has to confirm.
const CONFIRMATION_SECONDS: i64 = 24 * 60 * 60;

/// How many days back queries find what was made. INFERRED(transfer-age): said of batches.
const MAX_AGE_SECONDS: i64 = 30 * crate::clock::DAY;

/// The least and the most of one transfer, in fen. UNCONFIRMED(transfer-limits): a merchant's product settings decide.
const MIN_FEN: i64 = 10;
const MAX_FEN: i64 = 2_000_000;

/// From this amount a name is needed.
const NAME_NEEDED_FEN: i64 = 200_000;
/// Below this amount there may be none.
const NAME_ALLOWED_FEN: i64 = 30;

/// Why no transfer comes into an account (`fail_reason`).
const fn reason_of(account: AccountState) -> Option<&'static str> {
    match account {
        AccountState::Normal => None,
        AccountState::Frozen => Some("ACCOUNT_FROZEN"),
        AccountState::Cancelled => Some("ACCOUNT_NOT_EXIST"),
        AccountState::Unverified => Some("REAL_NAME_CHECK_FAIL"),
    }
}

/// Where the money of a merchant's transfers can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Movement {
    /// From the operation account into transfer.
    Lock,
    /// From transfer to the person.
    Pay,
    /// From transfer back into the operation account.
    GiveBack,
}

/// Moves the money of one transfer, detail or batch of the merchant that pays.
fn move_money(
    tx: &Transaction<'_>,
    movement: Movement,
    mchid: &str,
    openid: &str,
    (number, out_number): (&str, &str),
    fen: i64,
    now: i64,
) -> Result<(), HandlerError> {
    let merchant = Owner::merchant(mchid);
    let operation = merchant.account(AccountKind::Operation);
    let transferring = merchant.account(AccountKind::Transferring);
    let (business, from, to) = match movement {
        Movement::Lock => (Business::Transfer, operation, transferring),
        Movement::Pay => {
            (Business::Transfer, transferring, Owner::of_person(tx, openid)?.account(AccountKind::Wallet))
        }
        Movement::GiveBack => (Business::TransferReturn, transferring, operation),
    };
    let posting = Posting::new(business, number, now).for_number(out_number).moves(from, to, fen);
    ledger::post(tx, posting).map_err(|error| error.or_short(refusals::not_enough))
}

/// A number of the platform: a kind, 14 digits of the time, a serial; `digits` in all.
fn platform_number(kind: &str, now: i64, serial: i64, digits: usize) -> String {
    let time = crate::clock::compact(now);
    let width = digits.saturating_sub(kind.len() + time.len());
    format!("{kind}{time}{serial:0width$}")
}

/// A hash of a body, as it is stored.
fn fingerprint(body: &serde_json::Map<String, serde_json::Value>) -> String {
    crate::store::Fingerprint::new(body).to_string()
}
