//! A service order (服务订单): its states, how it is shown, stored and found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use weipay_wire::sha256_hex;

use super::amounts::written;
use crate::people::Person;
use crate::store::{Announcement, IndexEntry, IndexRange, Record, StoreError, Transaction, joined};

/// Where an order is: `state`, and of DOING the `state_description`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OrderState {
    Created,
    /// DOING, confirmed by the person.
    Confirmed,
    /// DOING, completed by the merchant; the money is still to come.
    Completed,
    Done,
    Revoked,
    Expired,
}

impl OrderState {
    pub(super) const fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Created => ("CREATED", None),
            Self::Confirmed => ("DOING", Some("USER_CONFIRM")),
            Self::Completed => ("DOING", Some("MCH_COMPLETE")),
            Self::Done => ("DONE", None),
            Self::Revoked => ("REVOKED", None),
            Self::Expired => ("EXPIRED", None),
        }
    }
}

impl OrderState {
    /// Why a person cannot do something in this state.
    pub(super) const fn what_comes_first(self) -> &'static str {
        match self {
            Self::Created => {
                "the order is CREATED: the person has to confirm it first (weipay sandbox pay-score confirm)"
            }
            Self::Confirmed => {
                "the order is DOING (USER_CONFIRM): the person has confirmed it, and the merchant has to complete it first (POST v3/payscore/serviceorder/{out_order_no}/complete)"
            }
            Self::Completed => {
                "the order is DOING (MCH_COMPLETE): the merchant has completed it, and its money is on the way"
            }
            Self::Done => "the order is DONE: it is paid, and nothing is left to do",
            Self::Revoked => "the order is REVOKED: the merchant has canceled it",
            Self::Expired => "the order is EXPIRED: it was not confirmed in time",
        }
    }
}

/// How an order was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Paid {
    /// Deducted by the platform (`NEWTON`).
    Deducted { transaction_id: String, time: i64 },
    /// Outside of the platform, says the merchant (`MCH`). The time is as the merchant wrote it.
    Elsewhere { time: String },
}

/// 服务订单.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ServiceOrder {
    /// `order_id`.
    pub(super) id: String,
    /// The merchant, or the partner that acts for `sub_mchid`.
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) sub_appid: Option<String>,
    pub(super) service_id: String,
    pub(super) out_order_no: String,
    /// Members that are shown as the merchant sent them: introduction, payments, discounts, risk fund, times, places,
    /// `attach`, `notify_url`.
    pub(super) members: Map<String, Value>,
    pub(super) openid: Option<String>,
    /// The person under the sub-merchant's appid.
    pub(super) sub_openid: Option<String>,
    /// Whether the money waits to be shared (分账).
    pub(super) profit_sharing: bool,
    pub(super) package: String,
    pub(super) platform_serial: String,
    pub(super) create_time: i64,
    pub(super) state: OrderState,
    /// The charge when the merchant completed it.
    pub(super) total: Option<i64>,
    pub(super) paid: Option<Paid>,
    /// When the deduction that is under way is done.
    pub(super) deduction: Option<i64>,
    /// Whether deductions fail, because the person cannot pay.
    pub(super) declines: bool,
    /// Hashes of the requests that made, completed and canceled it, for repeated requests.
    pub(super) creation: String,
    pub(super) completion: Option<String>,
    pub(super) cancellation: Option<String>,
}

const NUMBER: &str = "merchant and number";
const PERSON: &str = "number or package";
const QUERY_ID: &str = "merchant and query id";
const UNDER_WAY: &str = "under way, of a service and a person";
const OVERDUE: &str = "overdue, of a service and a person";
const TRANSACTION: &str = "transaction";

impl Record for ServiceOrder {
    const KIND: &'static str = "service order";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(NUMBER, joined(&self.mchid, &self.out_order_no)),
            IndexEntry::new(PERSON, self.out_order_no.as_str()),
            IndexEntry::new(PERSON, self.package.as_str()),
        ];
        if self.person().is_some() {
            indexes.push(IndexEntry::new(QUERY_ID, joined(&self.mchid, &self.query_id())));
        }
        if let Some(Paid::Deducted { transaction_id, .. }) = &self.paid {
            indexes.push(IndexEntry::new(TRANSACTION, transaction_id.as_str()));
        }
        if let (Some(person), OrderState::Confirmed | OrderState::Completed) = (self.person(), self.state) {
            let of_person = of_person(&self.mchid, &self.service_id, person);
            if self.state == OrderState::Completed && self.deduction.is_none() {
                indexes.push(IndexEntry::new(OVERDUE, of_person.as_str()));
            }
            indexes.push(IndexEntry::new(UNDER_WAY, of_person));
        }
        indexes
    }
}

fn of_person(mchid: &str, service_id: &str, person: &str) -> String {
    joined(mchid, &joined(service_id, person))
}

/// How many orders of one service a person has under way, and how many of these are overdue: their deduction has failed.
pub(super) fn count_of_person(
    tx: &Transaction<'_>,
    mchid: &str,
    service_id: &str,
    person: &str,
) -> Result<(i64, i64), StoreError> {
    let (mut under_way, mut overdue) = (0, 0);
    // An order is there under one openid of its person.
    for openid in Person::all_openids(tx, person)? {
        let of_person = of_person(mchid, service_id, &openid);
        let count = |index| tx.count::<ServiceOrder>(&[IndexRange::equal(index, &*of_person)]);
        (under_way, overdue) = (under_way + count(UNDER_WAY)?, overdue + count(OVERDUE)?);
    }
    Ok((under_way, overdue))
}

impl ServiceOrder {
    /// The order of a merchant with its own number.
    pub(super) fn find_by_number(
        tx: &Transaction<'_>,
        mchid: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(NUMBER, joined(mchid, number))
    }

    /// The order of a merchant that a person has confirmed, by what the app brought back.
    pub(super) fn find_by_query_id(
        tx: &Transaction<'_>,
        mchid: &str,
        query_id: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(QUERY_ID, joined(mchid, query_id))
    }

    /// The order that a transaction has paid.
    pub(super) fn find_by_transaction(
        tx: &Transaction<'_>,
        transaction_id: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(TRANSACTION, transaction_id)
    }

    /// The record of a number: the platform's or the merchant's, or the package. Two where merchants share one.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_key_or_two(PERSON, number)
    }
}

/// Members that the merchant sends and that responses repeat.
pub(super) const MEMBERS: [&str; 8] = [
    "service_introduction",
    "post_payments",
    "post_discounts",
    "risk_fund",
    "time_range",
    "location",
    "attach",
    "notify_url",
];

/// The numbers of an order.
const NAMES: [&str; 5] = ["appid", "mchid", "out_order_no", "service_id", "order_id"];

impl ServiceOrder {
    /// The openid that the order knows its person by.
    pub(super) fn person(&self) -> Option<&str> {
        self.openid.as_deref().or(self.sub_openid.as_deref())
    }

    /// The value that the person's app brings back from the confirmation: it cannot be guessed without the package.
    pub(super) fn query_id(&self) -> String {
        sha256_hex(self.package.as_bytes()).chars().take(32).collect()
    }

    /// The response to a query.
    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut shown = self.members.clone();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("appid", self.appid.as_str().into());
        put("mchid", self.mchid.as_str().into());
        put("service_id", self.service_id.as_str().into());
        put("out_order_no", self.out_order_no.as_str().into());
        put("order_id", self.id.as_str().into());
        let (state, description) = self.state.words();
        put("state", state.into());
        if let Some(description) = description {
            put("state_description", description.into());
        }
        let of_person = [
            ("sub_mchid", &self.sub_mchid),
            ("sub_appid", &self.sub_appid),
            ("openid", &self.openid),
            ("sub_openid", &self.sub_openid),
        ];
        for (name, value) in of_person {
            if let Some(value) = value {
                put(name, value.as_str().into());
            }
        }
        if let Some(total) = self.total {
            put("total_amount", total.into());
            let is_to_come = total > 0 && self.state != OrderState::Revoked;
            put("need_collection", is_to_come.into());
            if is_to_come {
                put("collection", self.collection(total));
            }
        }
        shown
    }

    fn collection(&self, total: i64) -> Value {
        let (state, paying, paid) = match self.paid {
            Some(_) => ("USER_PAID", 0, total),
            None => ("USER_PAYING", total, 0),
        };
        let mut shown = json!({
            "state": state, "total_amount": total, "paying_amount": paying, "paid_amount": paid,
        });
        let detail = match &self.paid {
            Some(Paid::Deducted { transaction_id, time }) => json!({
                "seq": 1, "amount": total, "paid_type": "NEWTON", "paid_time": written(*time),
                "transaction_id": transaction_id,
            }),
            Some(Paid::Elsewhere { time }) => {
                json!({ "seq": 1, "amount": total, "paid_type": "MCH", "paid_time": time })
            }
            None => return shown,
        };
        shown["details"] = json!([detail]);
        shown
    }

    /// The number of the payment at the merchant. INFERRED(pay-score-trade-number): the platform makes it of
    /// `order_id`, so that it is never the number of another order.
    pub(super) fn out_trade_no(&self) -> &str {
        self.id.get(10..).unwrap_or(&self.id)
    }

    /// The response to a cancel or a request for payment: its numbers alone.
    pub(super) fn describe_names(&self) -> Value {
        let mut shown = self.describe();
        shown.retain(|name, _| NAMES.contains(&name.as_str()));
        Value::Object(shown)
    }

    /// The response without members that the page of the step does not have.
    pub(super) fn describe_without(&self, left_out: &[&str]) -> Value {
        let mut shown = self.describe();
        shown.retain(|name, _| !left_out.contains(&name.as_str()));
        Value::Object(shown)
    }

    pub(super) fn announcement(&self, event_type: &'static str, now: i64) -> Option<Announcement> {
        let notify_url = self.members.get("notify_url").and_then(Value::as_str)?;
        let mut resource = self.describe();
        resource.remove("notify_url");
        resource.insert("out_trade_no".to_owned(), self.out_trade_no().into());
        Some(Announcement {
            mchid: self.mchid.clone(),
            notify_url: notify_url.to_owned(),
            platform_serial: self.platform_serial.clone(),
            event_type,
            time: now,
            resource: Value::Object(resource),
        })
    }
}
