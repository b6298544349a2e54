//! How a contract is shown, and what its merchant is notified of.

use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::schedule::{Schedule, ScheduleState, date};
use crate::clock;
use crate::clock::spaced;
use crate::notifications::event_name::v2_event;
use crate::products::payments::order::Dialect;
use crate::store::Announcement;

impl Contract {
    /// The response of APIv3.
    pub(super) fn show(&self) -> Value {
        let mut shown = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                shown.insert(name.to_owned(), value);
            }
        };
        let payer = self.signature.as_ref().map(|signature| &signature.payer);
        let openid = json!(payer.and_then(|payer| payer.openid.as_ref()));
        match &self.sub_mchid {
            None => {
                set("mchid", json!(self.mchid));
                set("appid", json!(self.appid));
                set("openid", openid);
            }
            Some(sub_mchid) => {
                set("sp_mchid", json!(self.mchid));
                set("sp_appid", json!(self.appid));
                set("sub_mchid", json!(sub_mchid));
                set("sub_appid", json!(self.sub_appid));
                set("sp_openid", openid);
                set("sub_openid", json!(payer.and_then(|payer| payer.sub_openid.as_ref())));
            }
        }
        // A number in APIv3, a text in orders with a contract.
        let plan_id =
            self.plan_id.parse::<i64>().map_or_else(|_| json!(self.plan_id), |number| json!(number));
        set("plan_id", plan_id);
        set("out_contract_code", json!(self.code));
        set("contract_display_account", json!(self.display_account));
        set("contract_state", json!(if self.end.is_some() { "TERMINATED" } else { "SIGNED" }));
        if let Some(signature) = &self.signature {
            set("contract_id", json!(signature.id));
            set("contract_signed_time", json!(clock::rfc3339(signature.time)));
            set("contract_expired_time", json!(clock::rfc3339(signature.expires)));
        }
        if let Some(end) = &self.end {
            let mut info = json!({
                "contract_termination_mode": end.by.word(),
                "contract_terminated_time": clock::rfc3339(end.time),
            });
            if let Some(remark) = &end.remark {
                info["contract_termination_remark"] = json!(remark);
            }
            set("contract_terminate_info", info);
        }
        set("out_user_code", json!(self.out_user_code));
        set("deduct_schedule", self.schedule.as_ref().map_or(Value::Null, |schedule| schedule.show("total")));
        Value::Object(shown)
    }

    /// What a notification of APIv3 opens to: the same, but for the name of amounts.
    fn notified(&self) -> Value {
        let mut shown = self.show();
        if let Some(schedule) = &self.schedule {
            shown["deduct_schedule"] = schedule.show("amount");
        }
        shown
    }

    /// The elements of APIv2.
    pub(super) fn show_v2(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                shown.insert(name.to_owned(), value);
            }
        };
        set("plan_id", json!(self.plan_id));
        set("request_serial", json!(self.request_serial));
        set("contract_code", json!(self.code));
        set("contract_display_account", json!(self.display_account));
        set("contract_state", json!(i64::from(self.end.is_some())));
        if let Some(signature) = &self.signature {
            set("contract_id", json!(signature.id));
            set("contract_signed_time", json!(spaced(signature.time)));
            set("contract_expired_time", json!(spaced(signature.expires)));
            set("openid", json!(signature.payer.openid));
            set("sub_openid", json!(signature.payer.sub_openid));
        }
        if let Some(end) = &self.end {
            set("contract_terminated_time", json!(spaced(end.time)));
            set("contract_termination_mode", json!(end.by.number()));
            set("contract_termination_remark", json!(end.remark));
        }
        shown
    }

    /// The notification of a signed or ended contract.
    /// INFERRED(contract-end-address): the platform sends the end to an address that belongs to the plan, and
    /// here to that of the signing.
    pub(super) fn announcement(&self, now: i64) -> Option<Announcement> {
        let (event_type, resource) = match self.dialect {
            Dialect::V3 if self.end.is_some() => ("ENTRUST.TERMINATE", self.notified()),
            Dialect::V3 => ("ENTRUST.SIGN", self.notified()),
            Dialect::V2 | Dialect::V2Hmac => (v2_event!("pap-contract-state-changed"), self.notified_v2(now)),
        };
        Some(Announcement {
            mchid: self.mchid.clone(),
            notify_url: self.notify_url.clone()?,
            platform_serial: self.platform_serial.clone(),
            event_type,
            time: now,
            resource,
        })
    }

    fn notified_v2(&self, now: i64) -> Value {
        let mut elements = self.show_v2();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                elements.insert(name.to_owned(), value);
            }
        };
        set("result_code", json!("SUCCESS"));
        set("appid", json!(self.appid));
        set("mch_id", json!(self.mchid));
        set("sub_appid", json!(self.sub_appid));
        set("sub_mch_id", json!(self.sub_mchid));
        set("change_type", json!(if self.end.is_some() { "DELETE" } else { "ADD" }));
        set("operate_time", json!(spaced(now)));
        if self.dialect == Dialect::V2Hmac {
            set("sign_type", json!("HMAC-SHA256"));
        }
        Value::Object(elements)
    }
}

impl Schedule {
    /// As a contract shows it, with this name for what an amount is.
    fn show(&self, name: &str) -> Value {
        let amount = || json!({ name: self.fen, "currency": self.currency });
        let mut shown = json!({
            "estimated_deduct_date": date(self.day),
            "estimated_deduct_amount": amount(),
            "schedule_state": self.state.word(),
        });
        if matches!(self.state, ScheduleState::Scheduled | ScheduleState::Paid) {
            shown["scheduled_amount"] = amount();
        }
        if self.state == ScheduleState::Paid {
            shown["deduct_amount"] = amount();
            shown["deduct_date"] = json!(date(self.day));
        }
        shown
    }
}
