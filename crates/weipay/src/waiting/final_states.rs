//! Which states are final, as the row of the operation has it from the catalogue (`wait`), and how often to ask, which is ours.

use std::time::Duration;

use crate::error::Error;
use crate::response::{Decode, Response};

/// The state of what has none and is there.
pub(super) const READY: &str = "READY";

/// Where the documents say to ask again after some minutes if a number is not found.
pub(super) const AFTER_NOT_FOUND: Duration = Duration::from_secs(60);

/// When the waiting for what an operation queries is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FinalStates {
    pub(crate) pace: Pace,
    /// The names that lead to the state; none if being there is all, as of a bill.
    pub(crate) state: &'static [&'static str],
    /// The states that nothing follows, or nothing without an act of the merchant.
    pub(crate) finals: &'static [&'static str],
    /// The errors that say that it is being made.
    pub(crate) not_ready: &'static [NotReady],
    /// Whether a number that is not found may still appear, so that it says nothing.
    pub(crate) may_appear: bool,
}

/// An error that says that what is queried is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NotReady {
    pub(crate) code: &'static str,
    /// Its message, where the code says other things too; otherwise empty.
    pub(crate) message: &'static str,
}

/// How long to wait between two queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pace {
    /// Every 5 s for 30 s, as the guide of payments by code (付款码支付) has it. What follows is our choice (UNCONFIRMED):
    /// every 10 s, and after two minutes every 30 s.
    Payment,
    /// As the page of the query (查询单笔退款) has it: every minute for 5 minutes, then after 5, 10, 20 and 30
    /// minutes, and so on. Money goes back to a balance (零钱) within about 5 minutes, to a card within 3
    /// working days.
    Refund,
    /// Our choice (UNCONFIRMED): a person has a day to confirm. Every 10 s, and after two minutes every minute.
    Transfer,
    /// 账单: `STATEMENT_CREATING` says to ask again every 30 minutes.
    Bill,
}

impl Pace {
    /// The wait after a query at this time since the beginning.
    pub(super) fn after(self, elapsed: Duration) -> Duration {
        let elapsed = elapsed.as_secs();
        Duration::from_secs(match (self, elapsed) {
            (Self::Payment, 0..30) => 5,
            (Self::Payment, 30..120) | (Self::Transfer, 0..120) => 10,
            (Self::Payment, _) => 30,
            (Self::Transfer, _) | (Self::Refund, 0..300) => 60,
            (Self::Refund, 300..600) => 300,
            (Self::Refund, 600..1200) => 600,
            (Self::Refund, 1200..2400) => 1200,
            (Self::Refund | Self::Bill, _) => 1800,
        })
    }
}

/// The codes for a number that does not exist, in all spellings.
const NOT_FOUND: &[&str] = &[
    "NOT_FOUND",
    "ORDER_NOT_EXIST",
    "ORDERNOTEXIST",
    "RESOURCE_NOT_EXISTS",
    "REFUND_NOT_EXISTS",
    "REFUNDNOTEXIST",
    "RECORD_NOT_EXISTS",
];

impl FinalStates {
    pub(super) fn is_not_ready(&self, error: &Error) -> bool {
        self.not_ready.iter().any(|known| error.may_be(known.code, known.message))
    }

    pub(super) fn is_not_found(code: &str) -> bool {
        NOT_FOUND.contains(&code)
    }

    /// The state that a response says; `None` if it says none.
    pub(super) fn state_of<T: Decode>(&self, response: &Response<T>) -> Result<Option<String>, Error> {
        if self.state.is_empty() {
            return Ok(None);
        }
        let json = response.json()?;
        let found = self.state.iter().try_fold(&json, |object, name| object.get(name));
        Ok(found.and_then(|state| state.as_str()).filter(|state| !state.is_empty()).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::error::{ApiError, ErrorKind};
    use crate::operation::{Operation, operations};
    use crate::request::Request;

    #[test]
    fn a_refund_is_queried_every_minute_and_then_less_and_less_often() {
        let mut elapsed = Duration::ZERO;
        let waits: Vec<u64> = std::iter::repeat_with(|| {
            let wait = Pace::Refund.after(elapsed);
            elapsed += wait;
            wait.as_secs() / 60
        })
        .take(10)
        .collect();
        assert_eq!(waits, [1, 1, 1, 1, 1, 5, 10, 20, 30, 30]);
    }

    #[test]
    fn a_pace_never_grows_shorter_than_the_rates_allow() {
        for pace in [Pace::Payment, Pace::Refund, Pace::Transfer, Pace::Bill] {
            for seconds in (0..100_000).step_by(7) {
                assert!(pace.after(Duration::from_secs(seconds)) >= Duration::from_secs(5), "{pace:?}");
            }
        }
    }

    #[test]
    fn what_is_waited_for_is_what_the_catalogue_says() {
        let known = |path: &str| {
            let operation = operations().find(|operation| operation.path() == path);
            operation.and_then(Operation::final_states_to_wait_for)
        };
        let order = known("v3/pay/transactions/out-trade-no/{out_trade_no}").unwrap();
        assert_eq!((order.pace, order.state), (Pace::Payment, &["trade_state"][..]));
        // A payment that can still be revoked (撤销) is not final.
        assert!(!order.finals.contains(&"PAYERROR") && !order.may_appear);
        // A deduction (委托代扣) that failed is over, unless the merchant asks for it again.
        let deduction = known("v2/pay/paporderquery").unwrap();
        assert!(deduction.finals.contains(&"PAY_FAIL") && !deduction.finals.contains(&"ACCEPT"));
        let batch = known("v3/transfer/batches/out-batch-no/{out_batch_no}").unwrap();
        assert_eq!(batch.state, ["transfer_batch", "batch_status"]);
        // A transfer that is not found may still be on its way in, and must never count as failed.
        assert!(batch.may_appear);
        let bill = known("v3/bill/tradebill").unwrap();
        let creating = NotReady { code: "STATEMENT_CREATING", message: "" };
        assert_eq!((bill.state, bill.not_ready), (&[][..], &[creating][..]));
        assert_eq!(known("v3/ecommerce/fund/withdraw/{withdraw_id}"), None);
        assert_eq!(operations().filter(|operation| !operation.final_states().is_empty()).count(), 28);
    }

    /// Whether the bill at this path is being made, by an error in answer to a request for this language.
    fn is_not_ready(path: &str, code: &str, message: &str, language: Option<&str>) -> bool {
        let body = serde_json::json!({"code": code, "message": message}).to_string();
        let mut request = Request::new(path.to_owned());
        request.operation = Operation::find(&Method::GET, path);
        if let Some(language) = language {
            request.set_header("Accept-Language", language);
        }
        let error = Error::new(ErrorKind::Api(ApiError::read(body.as_bytes()))).in_call(&request);
        request.operation.and_then(Operation::final_states_to_wait_for).unwrap().is_not_ready(&error)
    }

    /// Its page has one code for what is being made and for what never becomes a bill.
    #[test]
    fn a_profit_sharing_bill_in_the_making_is_told_by_its_message() {
        const SHARED: &str = "v3/profitsharing/bills";
        const INVALID: &str = "INVALID_REQUEST";
        for language in [None, Some("zh-CN"), Some("zh-cn"), Some("en"), Some("zh-TW"), Some("fr")] {
            let is_not_ready = |code, message| is_not_ready(SHARED, code, message, language);
            assert!(is_not_ready(INVALID, "请求的账单正在生成中"));
            assert!(is_not_ready("STATEMENT_CREATING", "账单生成中"));
            // The page gives one reason: it is not there yet.
            assert!(is_not_ready("NO_STATEMENT_EXIST", "账单文件不存在"));
            for message in ["服务商和分账方无受理关系", "请求的账单日期已过期"] {
                assert!(!is_not_ready(INVALID, message), "{language:?} {message}");
            }
            assert!(!is_not_ready("PARAM_ERROR", "请求的账单正在生成中"));
            let is_foreign = matches!(language, Some("en" | "zh-TW" | "fr"));
            for message in ["The bill is being generated", "請求的賬單正在生成中", ""] {
                assert_eq!(is_not_ready(INVALID, message), is_foreign, "{language:?} {message}");
            }
        }
        // For other bills, there is none.
        assert!(!is_not_ready("v3/bill/tradebill", "NO_STATEMENT_EXIST", "No bill", Some("en")));
    }
}
