//! A complaint (投诉单): its states, its history, how it is shown, stored and found.

use std::fmt;

use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::person::Problem;
use crate::clock;
use crate::encodings::UNRESERVED_KEPT;
use crate::merchants::Account;
use crate::products::merge::{Events, by_time};
use crate::store::{Direction, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};
use crate::words::words;

words! {
    /// `complaint_state`.
    pub(super) enum ComplaintState {
        /// Nobody has answered yet.
        Pending = "PENDING",
        Processing = "PROCESSING",
        Processed = "PROCESSED",
    }
}

/// Content of a person or a merchant that no message shows.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Private(pub(super) String);

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The side that did a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Person,
    Merchant,
    Platform,
}

impl Side {
    /// `operator`, as recorded: <https://github.com/binarywang/WxJava/issues/2841> (2022).
    const fn operator(self) -> &'static str {
        match self {
            Self::Person => "投诉人",
            Self::Merchant => "商家",
            Self::Platform => "系统",
        }
    }
}

/// `operate_type` of what the platform tells the merchant of a new complaint.
pub(super) const MESSAGE_OF_SYSTEM: &str = "USER_CREATE_COMPLAINT_SYSTEM_MESSAGE";

/// A step of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) side: Side,
    /// `operate_type`.
    pub(super) kind: String,
    pub(super) text: Private,
    /// The media IDs of pictures.
    pub(super) images: Vec<String>,
    /// `normal_message`, of an answer to a person who needs one at once.
    pub(super) message: Option<Value>,
    pub(super) time: i64,
}

/// The order that a complaint is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ComplainedOrder {
    pub(super) transaction_id: String,
    pub(super) out_trade_no: String,
    /// Fen.
    pub(super) total: i64,
    /// Fen that the person has got back.
    pub(super) refunded: i64,
}

/// More is never kept of one complaint, so that nobody fills the disk with it.
pub(super) const MAX_ACTIONS: usize = 300;

/// 投诉单.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Complaint {
    pub(super) id: String,
    /// The merchant that got the money: `complainted_mchid`.
    pub(super) mchid: String,
    /// The merchant that made the order: the same one, or its partner.
    pub(super) merchant: String,
    pub(super) openid: String,
    pub(super) phone: Private,
    pub(super) detail: Private,
    pub(super) images: Vec<String>,
    pub(super) problem: Problem,
    /// Fen that the person wants back.
    pub(super) wanted: Option<i64>,
    pub(super) order: ComplainedOrder,
    /// The entry of `service_order_info`, if a service order was paid.
    #[serde(default)]
    pub(super) service_order: Option<Value>,
    pub(super) time: i64,
    pub(super) state: ComplaintState,
    /// Whether the person has written since the merchant answered last.
    pub(super) is_waiting: bool,
    /// `user_complaint_times`: 1, and 1 more each time the person continues.
    pub(super) times: i64,
    /// Whether the merchant said what becomes of the refund.
    pub(super) is_refund_decided: bool,
    /// Fen that are still to come after the merchant has approved the refund.
    #[serde(default)]
    pub(super) awaited: Option<i64>,
    /// Fen that have come since the person asked for them.
    #[serde(default)]
    pub(super) arrived: i64,
    /// `in_platform_service`.
    pub(super) with_platform: bool,
    /// `need_immediate_service`.
    pub(super) is_urgent: bool,
    pub(super) actions: Vec<Action>,
}

const PAYEE_AND_TIME: &str = "payee and time";
const VIEWER_AND_TIME: &str = "viewer and time";
const ORDER: &str = "order";

impl Record for Complaint {
    const KIND: &'static str = "complaint";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(ORDER, self.order.transaction_id.as_str()),
            IndexEntry::new(PAYEE_AND_TIME, at(&self.mchid, self.time)),
            IndexEntry::new(VIEWER_AND_TIME, at(&self.mchid, self.time)),
        ];
        if self.merchant != self.mchid {
            indexes.push(IndexEntry::new(VIEWER_AND_TIME, at(&self.merchant, self.time)));
        }
        indexes
    }
}

/// A moment of a merchant, in the order of time.
fn at(mchid: &str, time: i64) -> String {
    joined(mchid, &format!("{:012}", time.max(0)))
}

/// Complaints from one second to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Period {
    fn range(self, index: &'static str, mchid: &str) -> IndexRange {
        IndexRange { index, from: at(mchid, self.from), to: at(mchid, self.to) }
    }

    /// A page of those of one merchant that the caller sees, and how many they are.
    pub(super) fn of_merchant(
        self,
        tx: &Transaction<'_>,
        caller: &Account,
        mchid: &str,
        page: Page,
    ) -> Result<(Vec<Complaint>, i64), StoreError> {
        let mut conditions = vec![self.range(PAYEE_AND_TIME, mchid)];
        if !caller.acts_for(mchid) {
            // A partner that names no sub-merchants sees what its own orders led to.
            conditions.push(self.range(VIEWER_AND_TIME, &caller.mchid));
        }
        Ok((tx.find(&conditions, page)?, tx.count::<Complaint>(&conditions)?))
    }

    /// The same of all that the caller sees: its own, those that its orders led to, and those of its sub-merchants.
    pub(super) fn of_all(
        self,
        tx: &Transaction<'_>,
        caller: &Account,
        page: Page,
    ) -> Result<(Vec<Complaint>, i64), StoreError> {
        let viewed = || self.range(VIEWER_AND_TIME, &caller.mchid);
        let mut count = tx.count::<Complaint>(&[viewed()])?;
        let mut sources: Vec<Events<'_, Complaint>> =
            vec![Box::new(tx.scan(viewed(), Direction::Descending))];
        for sub_mchid in &caller.sub_merchants {
            let of_sub = || self.range(PAYEE_AND_TIME, sub_mchid);
            count += tx.count::<Complaint>(&[of_sub()])? - tx.count::<Complaint>(&[of_sub(), viewed()])?;
            // What an order of the caller led to is there already.
            let is_other = |complaint: &Complaint| complaint.merchant != caller.mchid;
            let of_sub = tx.scan::<Complaint>(of_sub(), Direction::Descending);
            sources.push(Box::new(of_sub.filter(move |found| found.as_ref().map_or(true, is_other))));
        }
        let number = |wanted: i64| usize::try_from(wanted).unwrap_or_default();
        let newest_first = by_time(sources, |complaint| -complaint.time);
        let found: Result<_, _> = newest_first.skip(number(page.offset)).take(number(page.limit)).collect();
        Ok((found?, count))
    }
}

impl Complaint {
    /// The complaint about an order. There is one at most: whoever complains again continues it.
    pub(super) fn find_by_order(
        tx: &Transaction<'_>,
        transaction_id: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(ORDER, transaction_id)
    }

    pub(super) fn is_seen_by(&self, caller: &Account) -> bool {
        caller.acts_for(&self.mchid) || caller.mchid == self.merchant
    }

    pub(super) fn is_fully_refunded(&self) -> bool {
        self.order.refunded >= self.order.total
    }

    /// `log_id` of the action at a position. As recorded it has 27 digits: seven of its own, the day, and twelve more.
    pub(super) fn log_id(&self, position: usize) -> String {
        let digits = |from, to| self.id.get(from..to).unwrap_or_default();
        format!("3002000{}{}{position:03}", digits(7, 15), digits(18, 27))
    }

    /// The result, the oldest first, each with its position. Only the platform's message has a time to come: whatever else is
    /// there was done, also where the clock of another node is ahead, or the clock went back.
    pub(super) fn history(&self, now: i64) -> Vec<(usize, &Action)> {
        let is_done = |action: &Action| action.time <= now || action.kind != MESSAGE_OF_SYSTEM;
        let mut history: Vec<_> =
            self.actions.iter().enumerate().filter(|(_, action)| is_done(action)).collect();
        history.sort_by_key(|(_, action)| action.time);
        history
    }

    /// As the list has it.
    pub(super) fn describe(&self, base_url: &str) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("complaint_id", self.id.as_str().into());
        put("complaint_time", clock::rfc3339(self.time).into());
        put("complaint_detail", self.detail.0.as_str().into());
        put("complaint_state", self.state.word().into());
        put("complainted_mchid", self.mchid.as_str().into());
        put("payer_phone", self.phone.0.as_str().into());
        put(
            "complaint_order_info",
            json!([{
                "transaction_id": self.order.transaction_id, "out_trade_no": self.order.out_trade_no,
                "amount": self.order.total,
            }]),
        );
        if let Some(service_order) = &self.service_order {
            put("service_order_info", json!([service_order]));
        }
        if !self.images.is_empty() {
            let media = media("USER_COMPLAINT_IMAGE", &self.images, base_url);
            put("complaint_media_list", Value::Array(vec![media]));
        }
        put("complaint_full_refunded", self.is_fully_refunded().into());
        put("incoming_user_response", self.is_waiting.into());
        put("problem_description", self.problem.description().into());
        put("problem_type", self.problem.type_word().into());
        put("user_complaint_times", self.times.into());
        if let Some(fen) = self.wanted {
            put("apply_refund_amount", fen.into());
        }
        put("in_platform_service", self.with_platform.into());
        put("need_immediate_service", self.is_urgent.into());
        shown
    }

    /// One entry of the history.
    pub(super) fn describe_action(&self, position: usize, action: &Action, base_url: &str) -> Value {
        let pictures: Vec<_> = action.images.iter().map(|id| picture(base_url, id)).collect();
        let mut shown = json!({
            "log_id": self.log_id(position),
            "operator": action.side.operator(),
            "operate_time": clock::rfc3339(action.time),
            "operate_type": action.kind,
            "operate_details": action.text.0,
            "image_list": pictures,
        });
        if !action.images.is_empty() {
            let kind = if action.side == Side::Person { "USER_COMPLAINT_IMAGE" } else { "OPERATION_IMAGE" };
            shown["complaint_media_list"] = media(kind, &action.images, base_url);
        }
        if let Some(message) = &action.message {
            shown["normal_message"] = message.clone();
        }
        shown
    }
}

fn media(kind: &str, images: &[String], base_url: &str) -> Value {
    let pictures: Vec<_> = images.iter().map(|id| picture(base_url, id)).collect();
    json!({ "media_type": kind, "media_url": pictures })
}

/// Where a picture is: 图片下载, to which requests are signed. What RFC 3986 keeps as it is is never encoded: HTTP libraries
/// decode that before they send it, and then another path was signed.
fn picture(base_url: &str, media_id: &str) -> String {
    format!("{base_url}/v3/merchant-service/images/{}", utf8_percent_encode(media_id, UNRESERVED_KEPT))
}
