//! Topping up (充值): money from a merchant's bank comes into one of its accounts. Nothing else fills an operation account.

use serde_json::{Value, json};

use crate::control::people::person_in_path;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, Purse, post};
use crate::merchants::change::MerchantError;
use crate::platform::Platform;
use crate::reasons;
use crate::store::StoreError;
use crate::words::words;

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/merchants/{mchid}/top-up",
        "Tops up an account of a merchant from its bank",
        &[
            Member::integer("fen", "How much, in fen (分)").required(),
            Member::word(
                "account",
                &MerchantAccount::WORDS,
                "Which account (default: operation, from which transfers (商家转账) are paid)",
            ),
        ],
        top_up,
    ),
    Route::get(
        "/people/{id}/wallet",
        "The balance of a person's wallet (零钱), by unionid or openid",
        &[],
        show_wallet,
    ),
    Route::post(
        "/people/{id}/top-up",
        "Tops up a person's wallet (零钱) from the bank, by unionid or openid",
        &[Member::integer("fen", "How much, in fen (分)").required()],
        top_up_wallet,
    ),
];

/// More is never paid in at once: a hundred million yuan.
const MAX_FEN: i64 = 10_000_000_000;

words! {
    /// An account of a merchant that can be topped up.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum MerchantAccount {
        /// 运营账户: transfers are paid from it.
        #[default]
        Operation = "operation",
        /// 可用余额 of the basic account (基本账户): refunds can be paid from it.
        Basic = "basic",
        /// 营销资金: budgets of cash coupons (代金券).
        Marketing = "marketing",
    }
    pub fn from_word;
    pub(crate) const WORDS;
}

impl MerchantAccount {
    const fn kind(self) -> AccountKind {
        match self {
            Self::Operation => AccountKind::Operation,
            Self::Basic => AccountKind::Available,
            Self::Marketing => AccountKind::Marketing,
        }
    }
}

fn top_up(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let account = request.text("account").and_then(MerchantAccount::from_word).unwrap_or_default();
    let fen = request.get("fen").and_then(Value::as_i64).unwrap_or_default();
    let mchid = request.path("mchid");
    let balance = control.platform.top_up(mchid, account, fen)?;
    Ok(json!({ "mchid": mchid, "account": account.word(), "balance": balance }))
}

fn show_wallet(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let fen = control.platform.wallet(person_in_path(request)?)?;
    Ok(json!({ "person": request.path("id"), "wallet": fen }))
}

fn top_up_wallet(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let fen = request.get("fen").and_then(Value::as_i64).unwrap_or_default();
    let wallet = control.platform.top_up_wallet(person_in_path(request)?, fen)?;
    Ok(json!({ "person": request.path("id"), "wallet": wallet }))
}

impl Platform {
    /// The fen in the wallet (零钱) of a person, by unionid or openid.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn wallet(&self, person: &str) -> Result<i64, StoreError> {
        self.act(|tx, _| {
            let owner = Owner::of_person(tx, person)?;
            Ok(Purse::find(tx, &owner)?.balance(AccountKind::Wallet))
        })
    }

    /// Money from the bank of a person comes into the wallet (零钱). Gives what is in it then, in fen.
    ///
    /// # Errors
    ///
    /// If the amount is not from 1 fen to a hundred million yuan, or the database fails.
    pub fn top_up_wallet(&self, person: &str, fen: i64) -> Result<i64, MerchantError> {
        if !(1..=MAX_FEN).contains(&fen) {
            return Err(MerchantError::Invalid(format!("a wallet is topped up with 1 to {MAX_FEN} fen")));
        }
        let done = self.act(|tx, now| {
            let owner = Owner::of_person(tx, person)?;
            let number = format!("5{:027}", tx.next_number("top-up")?);
            let posting = Posting::new(Business::TopUp, number, now);
            let (bank, wallet) = (owner.account(AccountKind::Bank), owner.account(AccountKind::Wallet));
            post(tx, posting.moves(bank, wallet, fen))?;
            Ok(Purse::find(tx, &owner)?.balance(AccountKind::Wallet))
        });
        done.map_err(|error| match error {
            PostingError::Store(error) => error.into(),
            PostingError::Short { .. } | PostingError::Amount => {
                MerchantError::Invalid("the wallet cannot hold so much money".to_owned())
            }
        })
    }

    /// Tops up an account of a merchant, or of a sub-merchant, from its bank. Returns the new balance in fen.
    ///
    /// # Errors
    ///
    /// If no merchant has this number, the amount is not from 1 fen to a hundred million yuan, or the database fails.
    pub fn top_up(&self, mchid: &str, account: MerchantAccount, fen: i64) -> Result<i64, MerchantError> {
        if !self.merchants.all().iter().any(|merchant| merchant.account.acts_for(mchid)) {
            return Err(MerchantError::Unknown(mchid.to_owned()));
        }
        if !(1..=MAX_FEN).contains(&fen) {
            return Err(MerchantError::Invalid(format!("an account is topped up with 1 to {MAX_FEN} fen")));
        }
        let owner = Owner::merchant(mchid);
        let done = self.act(|tx, now| {
            let number = format!("5{:027}", tx.next_number("top-up")?);
            let posting = Posting::new(Business::TopUp, number, now);
            post(tx, posting.moves(owner.account(AccountKind::Bank), owner.account(account.kind()), fen))?;
            Ok(Purse::find(tx, &owner)?.balance(account.kind()))
        });
        done.map_err(|error| match error {
            PostingError::Store(error) => error.into(),
            PostingError::Short { .. } | PostingError::Amount => {
                MerchantError::Invalid(reasons::ACCOUNT_IS_FULL.to_owned())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn a_person_has_one_wallet_under_every_openid() {
        let sandbox = Sandbox::start().unwrap();
        let platform = sandbox.platform();
        let person = platform.add_person(&["wx1".to_owned(), "wx2".to_owned()]).unwrap();
        assert_eq!(platform.wallet(&person.openids["wx1"]).unwrap(), 0);
        assert_eq!(platform.top_up_wallet(&person.openids["wx1"], 500).unwrap(), 500);
        assert_eq!(platform.top_up_wallet(&person.unionid, 1).unwrap(), 501);
        assert_eq!(platform.wallet(&person.openids["wx2"]).unwrap(), 501);
        for fen in [0, -1, MAX_FEN + 1, i64::MAX] {
            assert!(platform.top_up_wallet(&person.unionid, fen).is_err(), "{fen}");
        }
        assert_eq!(platform.wallet(&person.unionid).unwrap(), 501);
    }

    #[test]
    fn an_account_that_is_full_is_a_mistake_of_the_caller() {
        let sandbox = Sandbox::start().unwrap();
        let (platform, mchid) = (sandbox.platform(), sandbox.kit().mchid.as_str());
        let fill = |owner: &Owner, kind: AccountKind, bank: &str| {
            let bank = Owner::person(bank).account(AccountKind::Bank);
            let filled = platform.act(|tx, now| {
                let left = i64::MAX - Purse::find(tx, owner)?.balance(kind);
                let posting = Posting::new(Business::TopUp, "1", now);
                post(tx, posting.moves(bank.clone(), owner.account(kind), left))
            });
            filled.unwrap();
        };
        fill(&Owner::merchant(mchid), AccountKind::Available, "one bank");
        let refused = platform.top_up(mchid, MerchantAccount::Basic, 1);
        assert!(matches!(refused, Err(MerchantError::Invalid(_))), "{refused:?}");
        let person = platform.add_person(&["wx1".to_owned()]).unwrap();
        fill(&Owner::person(person.unionid.as_str()), AccountKind::Wallet, "another bank");
        let refused = platform.top_up_wallet(&person.unionid, 1);
        assert!(matches!(refused, Err(MerchantError::Invalid(_))), "{refused:?}");
    }
}
