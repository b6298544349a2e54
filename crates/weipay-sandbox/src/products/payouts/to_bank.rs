//! A payment to a bank card (付款到银行卡): the money leaves the merchant with the request, and the bank decides later.
//!
//! ```text
//!   accepted ► PROCESSING ── the clock ──► SUCCESS ── the bank returns it ──► BANK_FAIL
//!                   └── the bank refuses ──► FAILED
//! ```
//!
//! The limits and the time for a retry are those of the page of November 2024, the error codes and the states those of a copy of
//! 2018. The fee is from the notes of a shop. Two successes were recorded (2017, 2019).
//! UNCONFIRMED(bank-words): the sentences of errors.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weipay_wire::SignType;

use super::{Paid, refusals};
use crate::clock::{self, spaced};
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::merchants::Merchant;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Due, IndexEntry, Record, StoreError, Transaction, joined};
use crate::words::words;

/// The kind of scheduled work: the bank has the money.
pub(super) const PAID: &str = "payment to a bank card";

/// INFERRED(bank-delay): seconds until the bank has the money. Really it takes one to three days.
const PAID_AFTER: i64 = 5;

/// Fen of one payment, and of one day to one card.
const MAX_FEN: i64 = 2_000_000;
/// Fen of one day.
const MAX_FEN_PER_DAY: i64 = 10_000_000;

words! {
    /// `status`.
    pub(super) enum BankPaymentState {
        Processing = "PROCESSING",
        Success = "SUCCESS",
        Failed = "FAILED",
        /// The bank returned it after it had succeeded (退票).
        BankFail = "BANK_FAIL",
    }
}

impl BankPaymentState {
    /// Whether the bank can let it become this.
    pub(super) const fn may_become(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::Processing, Self::Success | Self::Failed) | (Self::Success, Self::BankFail)
        )
    }
}

/// A payment that was accepted. Of the card and its owner only the hashes are stored, which the query shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BankPayment {
    /// `payment_no`.
    number: String,
    pub(super) mchid: String,
    partner_trade_no: String,
    bank_no_md5: String,
    true_name_md5: String,
    bank_code: String,
    fen: i64,
    /// `cmms_amt`.
    fee: i64,
    desc: String,
    created: i64,
    pub(super) state: BankPaymentState,
    /// When the bank had the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid: Option<i64>,
    /// Why the bank refused or returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

const NUMBER: &str = "number";

impl Record for BankPayment {
    const KIND: &'static str = "payment to a bank card";

    fn key(&self) -> String {
        joined(&self.mchid, &self.partner_trade_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(NUMBER, self.partner_trade_no.as_str()),
            IndexEntry::new(NUMBER, self.number.as_str()),
        ]
    }
}

/// Fen that were accepted on one day. UNCONFIRMED(bank-day): also what the bank refused later; the day is Beijing's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct DayTotal {
    /// A merchant, or a merchant and the hash of a card.
    scope: String,
    day: i64,
    fen: i64,
}

impl Record for DayTotal {
    const KIND: &'static str = "payments to bank cards of a day";

    fn key(&self) -> String {
        self.scope.clone()
    }
}

impl DayTotal {
    fn find(tx: &Transaction<'_>, scope: String) -> Result<Self, StoreError> {
        Ok(tx.get(&scope)?.unwrap_or(Self { scope, ..Self::default() }))
    }

    /// With one more payment. A clock that went back is still on the last day: otherwise the limit would start again.
    fn with(self, fen: i64, now: i64) -> Self {
        let today = clock::day(now);
        let earlier = if today <= self.day { self.fen } else { 0 };
        Self { day: today.max(self.day), fen: earlier.saturating_add(fen), ..self }
    }
}

/// A request, decrypted. It has no `Debug` outside of tests, because it names a person.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) partner_trade_no: String,
    pub(super) card: String,
    pub(super) name: String,
    pub(super) bank_code: String,
    pub(super) fen: i64,
    pub(super) desc: String,
}

/// The 0.1 % of a payment, from 1 to 25 yuan. UNCONFIRMED(bank-fee): half a fen is rounded up.
fn fee(fen: i64) -> i64 {
    fen.saturating_add(500).div_euclid(1_000).clamp(100, 2_500)
}

fn md5(text: &str) -> String {
    SignType::Md5.digest(b"", &[text.as_bytes()])
}

pub(super) fn pay(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let asked = Asked {
        partner_trade_no: request.required("partner_trade_no").to_owned(),
        card: decrypted(context, "enc_bank_no")?,
        name: decrypted(context, "enc_true_name")?,
        bank_code: request.required("bank_code").to_owned(),
        fen: request.body.get("amount").and_then(Value::as_i64).unwrap_or_default(),
        desc: request.text("desc").unwrap_or_default().to_owned(),
    };
    let payment = accept(tx, &context.caller.mchid, asked, context.now)?;
    Ok(json!({ "payment_no": payment.number, "cmms_amt": payment.fee }))
}

/// The plain text of an element. Every key that the merchant can have got opens it.
fn decrypted(context: &Context<'_>, name: &'static str) -> Result<String, HandlerError> {
    let merchant = caller(context)?;
    let ciphertext = context.request.required(name);
    let plain = merchant.signers.encryption_keys().find_map(|key| key.decrypt_oaep(ciphertext).ok());
    let text = plain.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
    Ok(text.ok_or_else(|| refusals::not_decrypted(name))?)
}

fn caller(context: &Context<'_>) -> Result<Arc<Merchant>, HandlerError> {
    let found = context.merchants.find(&context.caller.mchid);
    Ok(found.ok_or_else(|| StoreError::Corrupt("the caller has no keys".to_owned()))?)
}

/// Accepts a payment, or finds the one with its number. UNCONFIRMED(bank-repeated): while the payment is PROCESSING the same
/// request again gets the first response; afterwards it is refused, and the merchant must query.
pub(super) fn accept(
    tx: &Transaction<'_>,
    mchid: &str,
    asked: Asked,
    now: i64,
) -> Result<BankPayment, HandlerError> {
    let (bank_no_md5, true_name_md5) = (md5(&asked.card), md5(&asked.name));
    if let Some(known) = tx.get::<BankPayment>(&joined(mchid, &asked.partner_trade_no))? {
        let is_same = (&known.bank_no_md5, &known.true_name_md5, &known.bank_code, known.fen, &known.desc)
            == (&bank_no_md5, &true_name_md5, &asked.bank_code, asked.fen, &asked.desc);
        let is_late = clock::day(now) > clock::day(known.created).saturating_add(1);
        return match known.state {
            _ if !is_same => Err(refusals::other_bank_payment().into()),
            _ if is_late => Err(refusals::old_bank_payment().into()),
            BankPaymentState::Processing => Ok(known),
            _ => Err(refusals::bank_payment_exists().into()),
        };
    }
    check(&asked)?;
    let of_merchant = DayTotal::find(tx, mchid.to_owned())?.with(asked.fen, now);
    let of_card = DayTotal::find(tx, joined(mchid, &bank_no_md5))?.with(asked.fen, now);
    if of_merchant.fen > MAX_FEN_PER_DAY || of_card.fen > MAX_FEN {
        return Err(refusals::too_much_to_bank_for_a_day().into());
    }
    let payment = BankPayment {
        number: new_number(tx, now)?,
        mchid: mchid.to_owned(),
        partner_trade_no: asked.partner_trade_no,
        bank_no_md5,
        true_name_md5,
        bank_code: asked.bank_code,
        fen: asked.fen,
        fee: fee(asked.fen),
        desc: asked.desc,
        created: now,
        state: BankPaymentState::Processing,
        paid: None,
        reason: None,
    };
    let merchant = Owner::merchant(mchid);
    let [operation, withdrawing, fees] =
        [AccountKind::Operation, AccountKind::Withdrawing, AccountKind::Fees]
            .map(|kind| merchant.account(kind));
    let moved = payment
        .posting(Business::BankPayment, now)
        .moves(operation.clone(), withdrawing, payment.fen)
        .moves(operation, fees, payment.fee);
    post(tx, moved).map_err(|error| error.or_short(refusals::not_enough))?;
    for total in [&of_merchant, &of_card] {
        tx.save(total)?;
    }
    tx.save(&payment)?;
    tx.schedule(&payment.due())?;
    Ok(payment)
}

fn check(asked: &Asked) -> Result<(), Refusal> {
    let number = &asked.partner_trade_no;
    if !(8..=32).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(refusals::wrong_number_of_bank_payment());
    }
    // UNCONFIRMED(bank-card): a card number has 8 to 32 digits; which bank it belongs to is not checked.
    if !(8..=32).contains(&asked.card.len()) || !asked.card.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusals::wrong_parameter(
            "the decrypted enc_bank_no must be a card number: digits only",
        ));
    }
    if asked.name.trim().is_empty() {
        return Err(refusals::wrong_parameter("the decrypted enc_true_name is empty"));
    }
    if asked.fen < 1 {
        return Err(refusals::wrong_parameter("amount must be at least 1 fen"));
    }
    if asked.fen > MAX_FEN { Err(refusals::too_much_to_bank()) } else { Ok(()) }
}

/// `payment_no` as in the recorded responses: 13 digits, the day, 14 digits.
fn new_number(tx: &Transaction<'_>, now: i64) -> Result<String, StoreError> {
    let serial = tx.next_number("payout")?;
    Ok(format!("1000028517564{}{serial:014}", clock::compact_day(now)))
}

impl BankPayment {
    /// Finds payments of any merchant by either number: two at most.
    pub(super) fn find_by_any_number(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two(NUMBER, number)
    }

    pub(super) fn find(
        tx: &Transaction<'_>,
        mchid: &str,
        partner_trade_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(mchid, partner_trade_no))
    }

    /// The payment, if the bank has the money.
    pub(super) fn paid(&self) -> Option<Paid> {
        let paid = self.paid.filter(|_| self.state == BankPaymentState::Success)?;
        Some((self.number.clone(), self.fen, paid))
    }

    fn due(&self) -> Due {
        Due { kind: PAID.to_owned(), key: self.key(), at: self.created.saturating_add(PAID_AFTER) }
    }

    fn posting(&self, business: Business, now: i64) -> Posting {
        Posting::new(business, self.number.as_str(), now).for_number(self.partner_trade_no.as_str())
    }

    /// The bank accepts, refuses or returns it. The caller has checked that it may become this. UNCONFIRMED(bank-fee): the fee is
    /// returned too if the bank refuses the payment, as the page says of a returned one.
    pub(super) fn become_state(
        mut self,
        tx: &Transaction<'_>,
        to: BankPaymentState,
        reason: Option<&str>,
        now: i64,
    ) -> Result<Self, HandlerError> {
        let merchant = Owner::merchant(self.mchid.as_str());
        let account = |kind| merchant.account(kind);
        let returned = |from| {
            let posting = self.posting(Business::BankPaymentReturn, now);
            let posting = posting.moves(account(from), account(AccountKind::Operation), self.fen);
            posting.moves(account(AccountKind::Fees), account(AccountKind::Operation), self.fee)
        };
        let moved = match to {
            BankPaymentState::Success => self.posting(Business::BankPayment, now).moves(
                account(AccountKind::Withdrawing),
                account(AccountKind::Bank),
                self.fen,
            ),
            BankPaymentState::Failed => returned(AccountKind::Withdrawing),
            BankPaymentState::BankFail => returned(AccountKind::Bank),
            BankPaymentState::Processing => {
                return Err(
                    StoreError::Internal("a payment to a bank card cannot begin again".to_owned()).into()
                );
            }
        };
        post(tx, moved).map_err(|error| error.or_short(refusals::not_enough))?;
        tx.unschedule(&self.due())?;
        self.state = to;
        match to {
            BankPaymentState::Success => self.paid = Some(now),
            _ => self.reason = Some(reason.unwrap_or(REASON).to_owned()),
        }
        tx.save(&self)?;
        Ok(self)
    }

    /// The response of a query.
    pub(super) fn show(&self) -> Value {
        json!({
            "mch_id": self.mchid,
            "partner_trade_no": self.partner_trade_no,
            "payment_no": self.number,
            "bank_no_md5": self.bank_no_md5,
            "true_name_md5": self.true_name_md5,
            "amount": self.fen,
            "status": self.state.word(),
            "cmms_amt": self.fee,
            "create_time": spaced(self.created),
            "pay_succ_time": self.paid.map(spaced),
            "reason": self.reason.as_deref().unwrap_or_default(),
        })
    }
}

/// UNCONFIRMED(bank-words): the reason of the bank, if none was given.
const REASON: &str = "收款银行退回，请核对收款账户信息";

/// The clock: the bank has the money.
pub(super) fn settle(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let found: Option<BankPayment> = tx.get(key)?;
    if let Some(found) = found.filter(|found| found.state == BankPaymentState::Processing) {
        found.become_state(tx, BankPaymentState::Success, None, at)?;
    }
    Ok(())
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.required("partner_trade_no");
    let found = BankPayment::find(tx, &context.caller.mchid, number)?;
    Ok(found.ok_or_else(refusals::no_bank_payment)?.show())
}

/// 获取RSA加密公钥. INFERRED(bank-key): it is the key that signs the platform's responses; the real one is a key of its own.
pub(super) fn public_key(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let merchant = caller(context)?;
    let key = merchant.signers.encryption_keys().find_map(|key| key.public_key().to_pkcs1_pem());
    let pem = key.ok_or_else(|| StoreError::Corrupt("the platform has no RSA key".to_owned()))?;
    Ok(json!({ "mch_id": context.caller.mchid, "pub_key": pem.trim_end() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::AccountType;
    use crate::products::bills::read_back::flows;
    use crate::products::testing::world::{NOW, World};

    const MCHID: &str = "1900000109";

    fn asked(number: &str, fen: i64) -> Asked {
        Asked {
            partner_trade_no: number.to_owned(),
            card: "6222021234567890".to_owned(),
            name: "张三".to_owned(),
            bank_code: "1002".to_owned(),
            fen,
            desc: String::new(),
        }
    }

    fn world(fen: i64) -> World<'static> {
        let world = World::new();
        world.move_by_bank(&Owner::merchant(MCHID), AccountKind::Operation, fen);
        world
    }

    fn ask(world: &World<'_>, asked: &Asked) -> Result<BankPayment, &'static str> {
        let made = world.act(|tx| accept(tx, MCHID, asked.clone(), world.now));
        made.map_err(|error| match error {
            HandlerError::Refused(refusal) => refusal.code,
            HandlerError::Failed(error) => panic!("{error}"),
        })
    }

    fn state(world: &World<'_>, number: &str) -> BankPaymentState {
        let found: Result<_, StoreError> = world.act(|tx| BankPayment::find(tx, MCHID, number));
        found.unwrap().unwrap().state
    }

    fn balances(world: &World<'_>) -> [i64; 3] {
        world.balances(MCHID, [AccountKind::Operation, AccountKind::Withdrawing, AccountKind::Fees])
    }

    #[test]
    fn the_fee_is_a_thousandth_within_its_limits() {
        for (fen, wanted) in [(1, 100), (100_000, 100), (100_499, 100), (100_500, 101), (2_000_000, 2_000)] {
            assert_eq!(fee(fen), wanted, "{fen}");
        }
        assert_eq!(fee(i64::MAX), 2_500);
    }

    #[test]
    fn the_money_goes_to_the_bank_or_back_with_the_fee() {
        let mut world = world(1_000_000);
        for number in ["payment1", "payment2", "payment3"] {
            ask(&world, &asked(number, 200_000)).unwrap();
        }
        assert_eq!(balances(&world), [399_400, 600_000, 600]);
        let decide = |world: &World<'_>, number: &str, to| {
            let decided: Result<_, HandlerError> = world.act(|tx| {
                let found = BankPayment::find(tx, MCHID, number)?.unwrap();
                assert!(found.state.may_become(to));
                found.become_state(tx, to, None, world.now)
            });
            decided.unwrap()
        };
        decide(&world, "payment1", BankPaymentState::Failed);
        assert_eq!(balances(&world), [599_600, 400_000, 400]);
        world.pass(PAID_AFTER, false);
        assert_eq!(state(&world, "payment2"), BankPaymentState::Success);
        assert_eq!(balances(&world), [599_600, 0, 400]);
        decide(&world, "payment3", BankPaymentState::BankFail);
        assert_eq!(balances(&world), [799_800, 0, 200]);
        assert_eq!(state(&world, "payment1"), BankPaymentState::Failed);
        assert_eq!(world.sum(), 0);
        // The bill has a row for each payment and each fee, and back.
        let rows: Result<_, StoreError> = world.act(|tx| flows(tx, MCHID, AccountType::Operation));
        let rows = rows.unwrap();
        let sum = |name: &str| rows.iter().filter(|row| row.0 == name).map(|row| row.1).sum::<i64>();
        let names = ["付款到银行卡", "付款到银行卡手续费", "付款到银行卡退回", "付款到银行卡手续费退回"];
        assert_eq!(names.map(sum), [-600_000, -600, 400_000, 400]);
        assert_eq!(rows.len(), 11);
    }

    #[test]
    fn the_same_number_pays_once() {
        let mut world = world(1_000_000);
        let made = ask(&world, &asked("payment1", 100)).unwrap();
        assert_eq!(ask(&world, &asked("payment1", 100)).unwrap(), made);
        for other in [
            asked("payment1", 101),
            Asked { name: "李四".to_owned(), ..asked("payment1", 100) },
            Asked { card: "6222021234567891".to_owned(), ..asked("payment1", 100) },
        ] {
            assert_eq!(ask(&world, &other), Err("FATAL_ERROR"));
        }
        assert_eq!(balances(&world), [999_800, 100, 100]);
        world.pass(PAID_AFTER, false);
        assert_eq!(ask(&world, &asked("payment1", 100)), Err("ORDERPAID"));
        world.now += 2 * clock::DAY;
        assert_eq!(ask(&world, &asked("payment1", 100)), Err("FATAL_ERROR"));
        assert_eq!(balances(&world), [999_800, 0, 100]);
    }

    #[test]
    fn one_payment_one_card_and_one_day_have_their_limits() {
        let mut world = world(30_000_000);
        assert_eq!(ask(&world, &asked("payment0", MAX_FEN + 1)), Err("AMOUNT_LIMIT"));
        let to_card = |card: usize, fen| Asked {
            card: format!("622202123456789{card}"),
            ..asked(&format!("payment{card}of{fen}"), fen)
        };
        for card in 1..=4 {
            ask(&world, &to_card(card, MAX_FEN)).unwrap();
            assert_eq!(ask(&world, &to_card(card, 1)), Err("AMOUNT_LIMIT"));
        }
        ask(&world, &to_card(5, MAX_FEN - 1)).unwrap();
        assert_eq!(ask(&world, &to_card(6, 2)), Err("AMOUNT_LIMIT"));
        ask(&world, &to_card(6, 1)).unwrap();
        // A clock that goes back starts no new day.
        world.now = NOW - clock::DAY;
        assert_eq!(ask(&world, &to_card(7, 1)), Err("AMOUNT_LIMIT"));
        world.now = NOW + clock::DAY;
        ask(&world, &to_card(7, 1)).unwrap();
    }

    #[test]
    fn what_cannot_be_paid_moves_nothing() {
        let world = world(199);
        for (wrong, code) in [
            (asked("short", 100), "PARAM_ERROR"),
            (asked("with-hyphen", 100), "PARAM_ERROR"),
            (asked("payment1", 0), "PARAM_ERROR"),
            (asked("payment1", -1), "PARAM_ERROR"),
            (Asked { card: "6222 0212".to_owned(), ..asked("payment1", 100) }, "PARAM_ERROR"),
            (Asked { name: " ".to_owned(), ..asked("payment1", 100) }, "PARAM_ERROR"),
            (asked("payment1", i64::MAX), "AMOUNT_LIMIT"),
            (asked("payment1", 100), "NOTENOUGH"),
        ] {
            assert_eq!(ask(&world, &wrong), Err(code), "{wrong:?}");
        }
        assert_eq!((balances(&world), world.sum()), ([199, 0, 0], 0));
        ask(&world, &asked("payment1", 99)).unwrap();
    }
}
