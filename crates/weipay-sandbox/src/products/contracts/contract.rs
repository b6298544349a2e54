//! A contract (签约协议): who lets whom take money, and on what terms.

use serde::{Deserialize, Serialize};

use super::schedule::{Notice, Schedule};
use crate::clock;
use crate::ledger::Owner;
use crate::people::of_person;
use crate::products::payments::order::{Dialect, Payer};
use crate::store::{IndexEntry, IndexRange, Record, StoreError, Transaction, joined};

/// The token that leads a person to the signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// `pre_entrustweb_id`.
    pub(super) id: String,
    /// The first second in which nobody can sign by it.
    pub(super) expires: i64,
}

/// A contract that a person has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signature {
    /// `contract_id`: 18 digits.
    pub(super) id: String,
    pub(super) payer: Payer,
    /// The owner of the purse that pays.
    pub(super) person: Owner,
    pub(super) time: i64,
    /// When the contract ends by itself.
    pub(super) expires: i64,
}

/// The side that ended a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndedBy {
    Person,
    Merchant,
    /// Its time is over, or its only deduction is done.
    Platform,
}

impl EndedBy {
    /// `contract_termination_mode` of APIv3.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Person => "USER_TERMINATE",
            Self::Merchant => "MCH_API_TERMINATE",
            Self::Platform => "SYSTEM_TERMINATE",
        }
    }

    /// `contract_termination_mode` of APIv2. UNCONFIRMED(contract-termination-mode): which number means what.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Platform => 1,
            Self::Person => 2,
            Self::Merchant => 3,
        }
    }
}

/// The end of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) by: EndedBy,
    pub(super) time: i64,
    pub(super) remark: Option<String>,
}

/// The deductions of one day, with those under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayOfDeductions {
    pub(super) day: i64,
    pub(super) count: i64,
    pub(super) fen: i64,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contract {
    /// The merchant that chose `code`: the caller.
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) sub_appid: Option<String>,
    pub(super) plan_id: String,
    /// `out_contract_code`, `contract_code`.
    pub(super) code: String,
    /// APIv2 only.
    pub(super) request_serial: Option<String>,
    /// `contract_display_account`.
    pub(super) display_account: String,
    pub(super) out_user_code: Option<String>,
    pub(super) notify_url: Option<String>,
    /// Notifications are of the version that asked for the contract.
    pub(super) dialect: Dialect,
    pub(super) platform_serial: String,
    /// The person who is to sign, if the request names one.
    pub(super) named: Payer,
    /// The key of the order that the contract belongs to: whoever pays that signs this.
    #[serde(default)]
    pub(super) of_order: Option<String>,
    /// None when the contract belongs to an order.
    pub(super) session: Option<Session>,
    /// 预约扣费: one deduction on one day.
    pub(super) schedule: Option<Schedule>,
    /// 预扣费通知: the last one.
    pub(super) notice: Option<Notice>,
    pub(super) signature: Option<Signature>,
    pub(super) end: Option<End>,
    pub(super) today: DayOfDeductions,
    /// The person has no bank card that pays: only the wallet (零钱) does.
    pub(super) is_wallet_only: bool,
}

const NUMBER: &str = "number";
const CONTRACT_ID: &str = "contract id";
const SIGNED_PLAN: &str = "plan and person, while it is signed";
const SIGNED_ACCOUNT: &str = "plan and account of the merchant, while it is signed";

impl Record for Contract {
    const KIND: &'static str = "papay contract";

    fn key(&self) -> String {
        key(&self.mchid, &self.code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![IndexEntry::new(NUMBER, self.code.as_str())];
        indexes.extend(self.session.iter().map(|session| IndexEntry::new(NUMBER, session.id.as_str())));
        if let Some(signature) = &self.signature {
            indexes.push(IndexEntry::new(NUMBER, signature.id.as_str()));
            indexes.push(IndexEntry::new(CONTRACT_ID, signature.id.as_str()));
            if self.end.is_none() {
                indexes.push(IndexEntry::new(SIGNED_PLAN, self.plan_of(id_of(&signature.person))));
                if let Some(account) = &self.out_user_code {
                    indexes.push(IndexEntry::new(SIGNED_ACCOUNT, self.plan_of(account)));
                }
            }
        }
        indexes
    }
}

fn id_of(person: &Owner) -> &str {
    match person {
        Owner::Person(id) | Owner::Merchant(id) => id,
    }
}

/// The key of a contract. Its number is the merchant's own, whatever plan it is of.
pub(super) fn key(mchid: &str, code: &str) -> String {
    joined(mchid, code)
}

impl Contract {
    /// The contract with a merchant's own number, signed or not.
    pub(super) fn find(tx: &Transaction<'_>, mchid: &str, code: &str) -> Result<Option<Self>, StoreError> {
        tx.get(&key(mchid, code))
    }

    /// The contract with the platform's number, which only signed ones have.
    pub(super) fn find_by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(CONTRACT_ID, id)
    }

    /// The record of a number: the session, the merchant's number or the platform's. Two where merchants share a number.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two(NUMBER, number)
    }

    /// The contracts of the same plan that a person has signed, under any openid, and that have not ended.
    pub(super) fn signed_by(&self, tx: &Transaction<'_>, person: &Owner) -> Result<Vec<Self>, StoreError> {
        of_person::all(tx, id_of(person), |id| IndexRange::equal(SIGNED_PLAN, self.plan_of(id)))
    }

    /// Whether a contract of the same plan that has not ended is of the same account of the merchant (商户侧用户标识).
    pub(super) fn is_account_signed(&self, tx: &Transaction<'_>) -> Result<bool, StoreError> {
        let Some(account) = &self.out_user_code else { return Ok(false) };
        let of_plan = IndexRange::equal(SIGNED_ACCOUNT, self.plan_of(account));
        Ok(tx.count::<Self>(&[of_plan])? > 0)
    }

    fn plan_of(&self, id: &str) -> String {
        joined(
            &self.mchid,
            &joined(self.sub_mchid.as_deref().unwrap_or_default(), &joined(&self.plan_id, id)),
        )
    }

    /// Whether it is signed, and has not ended.
    pub(super) fn is_signed(&self) -> bool {
        self.signature.is_some() && self.end.is_none()
    }
}

impl DayOfDeductions {
    /// The same on this day. A clock that went back is still on the last day: otherwise the limits of a day would start again.
    pub(super) fn on(self, day: i64) -> Self {
        if day <= self.day { self } else { Self { day, ..Self::default() } }
    }
}

/// A new `contract_id`: the day in Beijing and a serial of ten digits.
pub(super) fn new_contract_id(tx: &Transaction<'_>, now: i64) -> Result<String, StoreError> {
    let date = clock::compact_day(now);
    Ok(format!("{date}{:010}", tx.next_number("papay contract")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_starts_no_new_day() {
        let taken = DayOfDeductions { day: 10, count: 5, fen: 2_500 };
        assert_eq!((taken.on(10), taken.on(9)), (taken, taken));
        assert_eq!(taken.on(11), DayOfDeductions { day: 11, count: 0, fen: 0 });
    }
}
