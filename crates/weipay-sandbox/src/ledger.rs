//! The ledger (账本): all money of the sandbox in fen, as double entry.
//!
//! Money moves by a [`Posting`] only: what leaves accounts arrives at others, in the transaction that also
//! changes the order, the refund or the transfer. So the sum over all accounts is always 0: what people and
//! merchants have came from a bank, and a bank account goes below zero by it. Each owner has one [`Purse`],
//! so that a payment writes two purses and one entry, and no record is shared by all merchants.
//!
//! Balances of merchants and the fund bill (资金账单) are read from here.

mod account;
mod purse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::products::HandlerError;
use crate::response::Refusal;
use crate::store::{Direction, IndexEntry, IndexRange, Record, Scan, StoreError, Transaction, at_time};
pub(crate) use account::{Account, AccountKind, AccountType, Owner};
pub(crate) use purse::Purse;

/// Why money moves: the words of the fund bill (资金账单).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Business {
    Payment,
    Fee,
    Refund,
    FeeReturn,
    Settlement,
    ProfitSharing,
    ProfitSharingReturn,
    Unfreeze,
    Transfer,
    TransferReturn,
    RedPacket,
    /// 付款到银行卡.
    BankPayment,
    BankPaymentReturn,
    Coupon,
    TopUp,
    Withdrawal,
    /// A platform has what it advanced for a refund back.
    AdvanceReturn,
    /// 营销补差.
    Subsidy,
    SubsidyReturn,
}

/// A movement of money. Amounts are fen and positive.
#[derive(Debug, Clone)]
pub(crate) struct Posting {
    business: Business,
    /// The platform's number of what moves it: 微信支付订单号, 微信退款单号 ...
    reference: String,
    /// The merchant's number of it; empty where there is none.
    merchant_reference: String,
    time: i64,
    /// Below zero for what leaves an account.
    legs: Vec<(Account, i64)>,
}

impl Posting {
    pub(crate) fn new(business: Business, reference: impl Into<String>, time: i64) -> Self {
        let (reference, merchant_reference) = (reference.into(), String::new());
        Self { business, reference, merchant_reference, time, legs: Vec::new() }
    }

    /// With the merchant's own number (业务凭证号).
    pub(crate) fn for_number(self, number: impl Into<String>) -> Self {
        Self { merchant_reference: number.into(), ..self }
    }

    /// Moves an amount from one account to another. Nothing is moved by 0.
    pub(crate) fn moves(mut self, from: Account, to: Account, fen: i64) -> Self {
        if fen != 0 {
            self.legs.push((from, fen.saturating_neg()));
            self.legs.push((to, fen));
        }
        self
    }
}

/// Why money did not move. Nothing was changed.
#[derive(Debug)]
pub(crate) enum PostingError {
    /// An account has too little.
    Short {
        account: Account,
        has: i64,
        needs: i64,
    },
    /// An amount is below zero, or too large to be added up.
    Amount,
    Store(StoreError),
}

impl From<StoreError> for PostingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl PostingError {
    /// The error of a handler: a short account is refused with this, which is given the reason (which
    /// account, how much it has, how much it needs); and what no request can cause is a broken state.
    pub(crate) fn or_short(self, refuse: impl FnOnce(String) -> Refusal) -> HandlerError {
        match self {
            Self::Short { account, has, needs } => {
                let Account { owner, kind } = account;
                let whose = match &owner {
                    Owner::Merchant(mchid) => format!("the merchant {mchid}"),
                    // An openid is not told.
                    Owner::Person(_) => "the person".to_owned(),
                };
                let reason = format!(
                    "{whose} has {has} fen {}, but {needs} fen are needed{}",
                    kind.place(),
                    kind.advice()
                );
                HandlerError::Refused(refuse(reason))
            }
            Self::Amount => {
                StoreError::Corrupt("an amount below zero, or too large, in a movement of money".to_owned())
                    .into()
            }
            Self::Store(error) => error.into(),
        }
    }
}

/// Moves the money in the wallet of an openid to the person whose openid it is now.
pub(crate) fn take_over_wallet(
    tx: &Transaction<'_>,
    openid: &str,
    unionid: &str,
    now: i64,
) -> Result<(), StoreError> {
    let (from, to) = (Owner::person(openid), Owner::person(unionid));
    let fen = Purse::find(tx, &from)?.balance(AccountKind::Wallet);
    if fen == 0 || from == to {
        return Ok(());
    }
    let moved = Posting::new(Business::TopUp, "", now).moves(
        from.account(AccountKind::Wallet),
        to.account(AccountKind::Wallet),
        fen,
    );
    post(tx, moved).map_err(|error| match error {
        PostingError::Store(error) => error,
        PostingError::Short { .. } | PostingError::Amount => {
            StoreError::Corrupt("a wallet that holds less than its balance says".to_owned())
        }
    })
}

/// A posting that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Grows with every posting.
    pub(crate) number: i64,
    pub(crate) business: Business,
    pub(crate) reference: String,
    pub(crate) merchant_reference: String,
    pub(crate) time: i64,
    pub(crate) legs: Vec<Leg>,
}

/// The change of one account by an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leg {
    pub(crate) owner: Owner,
    pub(crate) kind: AccountKind,
    /// Below zero for what left it.
    pub(crate) fen: i64,
    /// The balance of the account afterwards.
    pub(crate) balance: i64,
    /// The balance of the owner's basic account afterwards.
    pub(crate) basic: i64,
    /// The balance of the owner's operation account afterwards, if the leg belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<i64>,
}

const OWNER_AND_TIME: &str = "owner_time";

impl Record for Entry {
    const KIND: &'static str = "ledger entry";

    fn key(&self) -> String {
        self.number.to_string()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut owners: Vec<_> = self.legs.iter().map(|leg| &leg.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().map(|owner| IndexEntry::new(OWNER_AND_TIME, at(owner, self.time))).collect()
    }
}

fn at(owner: &Owner, time: i64) -> String {
    at_time(&owner.key(), time)
}

/// Moves money, all of it or nothing.
pub(crate) fn post(tx: &Transaction<'_>, posting: Posting) -> Result<(), PostingError> {
    let Posting { business, reference, merchant_reference, time, legs } = posting;
    if legs.is_empty() {
        return Ok(());
    }
    let mut purses: BTreeMap<Owner, Purse> = BTreeMap::new();
    for (account, _) in &legs {
        if !purses.contains_key(&account.owner) {
            purses.insert(account.owner.clone(), Purse::find(tx, &account.owner)?);
        }
    }
    let booked = book(&mut purses, legs)?;
    purses.values_mut().for_each(|purse| purse.note_time(time));
    let entry =
        Entry { number: next_entry(tx)?, business, reference, merchant_reference, time, legs: booked };
    tx.save(&entry)?;
    purses.values().try_for_each(|purse| tx.save(purse))?;
    Ok(())
}

/// The number of the next entry. What comes later has a higher one, whatever the clock says; some are of no entry.
pub(crate) fn next_entry(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    tx.next_place("ledger entry")
}

/// The rule: what is taken from an account must be there, unless it is a bank.
fn book(purses: &mut BTreeMap<Owner, Purse>, legs: Vec<(Account, i64)>) -> Result<Vec<Leg>, PostingError> {
    let mut booked = Vec::with_capacity(legs.len());
    // `moves` makes pairs: a negative amount is the first of one, or was given by a caller.
    for pair in legs.chunks(2) {
        if !matches!(pair, [(_, out), (_, into)] if *into > 0 && out.checked_add(*into) == Some(0)) {
            return Err(PostingError::Amount);
        }
    }
    for (account, fen) in legs {
        let Account { owner, kind } = account;
        let purse = purses.get_mut(&owner).ok_or(PostingError::Amount)?;
        let has = purse.balance(kind);
        let balance = has.checked_add(fen).ok_or(PostingError::Amount)?;
        if balance < 0 && kind != AccountKind::Bank {
            let account = Account { owner, kind };
            return Err(PostingError::Short { account, has, needs: fen.saturating_neg() });
        }
        purse.balances.insert(kind, balance);
        let basic = purse.total(AccountType::Basic);
        let operation = AccountType::Operation.has(kind).then(|| purse.total(AccountType::Operation));
        booked.push(Leg { owner, kind, fen, balance, basic, operation });
    }
    Ok(booked)
}

/// The entries that touched an owner from one time until before another: the oldest first, or the newest.
pub(crate) fn entries<'a>(
    tx: &'a Transaction<'_>,
    owner: &Owner,
    from: i64,
    until: i64,
    direction: Direction,
) -> Scan<'a, Entry> {
    let range =
        IndexRange { index: OWNER_AND_TIME, from: at(owner, from), to: at(owner, until.saturating_sub(1)) };
    tx.scan(range, direction)
}

/// Fen in all accounts of everybody: always 0.
#[cfg(test)]
pub(crate) fn sum_of_everything(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let everybody = tx.scan::<Purse>(IndexRange::equal(purse::ALL, ""), Direction::Ascending);
    everybody.map(|purse| Ok(purse?.sum())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Store;

    const MERCHANT: &str = "1900000109";

    fn shop(kind: AccountKind) -> Account {
        Owner::merchant(MERCHANT).account(kind)
    }

    fn person(kind: AccountKind) -> Account {
        Owner::person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").account(kind)
    }

    fn payment(fen: i64, fee: i64) -> Posting {
        Posting::new(Business::Payment, "4200000001", 100)
            .for_number("order-1")
            .moves(person(AccountKind::Bank), shop(AccountKind::Unsettled), fen)
            .moves(shop(AccountKind::Unsettled), shop(AccountKind::Fees), fee)
    }

    fn in_store<T>(work: impl Fn(&Transaction<'_>) -> Result<T, PostingError>) -> Result<T, PostingError> {
        Store::in_memory().transaction(|tx| work(tx))
    }

    #[test]
    fn a_payment_and_its_fee_are_in_the_merchants_accounts() {
        in_store(|tx| {
            post(tx, payment(10_000, 60))?;
            let purse = Purse::find(tx, &Owner::merchant(MERCHANT))?;
            assert_eq!(
                (purse.balance(AccountKind::Unsettled), purse.balance(AccountKind::Fees)),
                (9_940, 60)
            );
            assert_eq!((purse.total(AccountType::Basic), sum_of_everything(tx)?), (9_940, 0));
            let entries: Result<Vec<Entry>, StoreError> =
                entries(tx, &Owner::merchant(MERCHANT), 100, 101, Direction::Ascending).collect();
            let entries = entries?;
            let basic: Vec<_> = entries[0].legs.iter().map(|leg| leg.basic).collect();
            assert_eq!(basic, [0, 10_000, 9_940, 9_940]);
            assert_eq!((entries.len(), &*entries[0].reference), (1, "4200000001"));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn what_is_not_there_cannot_be_taken() {
        let refused = in_store(|tx| {
            post(tx, payment(10, 0))?;
            post(
                tx,
                Posting::new(Business::Refund, "5", 101).moves(
                    shop(AccountKind::Available),
                    shop(AccountKind::Refunding),
                    10,
                ),
            )
        });
        assert!(matches!(refused, Err(PostingError::Short { has: 0, needs: 10, .. })), "{refused:?}");
    }

    #[test]
    fn an_amount_below_zero_moves_nothing() {
        for fen in [-1, i64::MIN] {
            let refused = in_store(|tx| post(tx, payment(fen, 0)));
            assert!(matches!(refused, Err(PostingError::Amount)), "{fen}: {refused:?}");
        }
    }

    #[test]
    fn a_purse_knows_from_when_on_its_entries_are_out_of_order() {
        in_store(|tx| {
            for (time, late) in
                [(100, None), (200, None), (200, None), (150, Some(150)), (170, Some(150)), (300, Some(150))]
            {
                post(tx, Posting { time, ..payment(10, 0) })?;
                let purse = Purse::find(tx, &Owner::merchant(MERCHANT))?;
                assert_eq!(purse.late, late);
                assert!(purse.is_in_order_until(150));
                assert_eq!(purse.is_in_order_until(151), late.is_none());
            }
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn entries_of_another_day_are_not_found() {
        in_store(|tx| {
            post(tx, payment(10, 0))?;
            for (mchid, from, until) in [(MERCHANT, 0, 100), (MERCHANT, 101, 200), ("1900000108", 0, 200)] {
                let mut found = entries(tx, &Owner::merchant(mchid), from, until, Direction::Ascending);
                assert!(found.next().is_none());
            }
            Ok(())
        })
        .unwrap();
    }

    proptest! {
        #[test]
        fn money_is_conserved_and_no_account_but_a_bank_goes_below_zero(
            moves in proptest::collection::vec((0usize..6, 0usize..6, 0i64..500), 1..60)
        ) {
            let accounts = [
                person(AccountKind::Bank), person(AccountKind::Wallet), shop(AccountKind::Unsettled),
                shop(AccountKind::Available), shop(AccountKind::Frozen), shop(AccountKind::Bank),
            ];
            let store = Store::in_memory();
            for (from, to, fen) in moves {
                let posting = Posting::new(Business::TopUp, "1", 1)
                    .moves(accounts[from].clone(), accounts[to].clone(), fen);
                let _: Result<(), PostingError> = store.transaction(|tx| post(tx, posting.clone()));
                store.transaction(|tx| {
                    assert_eq!(sum_of_everything(tx)?, 0);
                    for account in &accounts {
                        let balance = Purse::find(tx, &account.owner)?.balance(account.kind);
                        assert!(balance >= 0 || account.kind == AccountKind::Bank);
                    }
                    Ok::<_, StoreError>(())
                }).unwrap();
            }
        }
    }
}
