//! What can be waited for: the field with its state, which states are final, and how often to ask, each with its reason.
//!
//! This is not in the catalogue, because no page says it in a form that can be copied: which states are final is a judgement about
//! money (`PAYERROR` is not, `ABNORMAL` is), and the pace is ours. So that no operation is forgotten, a test compares this table with
//! the catalogue in both directions: what is here must be there, with its field, and every query whose state can still change is
//! either here or in `not_waited_for.txt`.

use std::time::Duration;

use crate::error::Error;
use crate::operation::Operation;
use crate::response::{Decode, Response};

/// The state of what has none and is there.
pub(super) const READY: &str = "READY";

/// Where the documents say to ask again after some minutes if a number is not found.
pub(super) const AFTER_NOT_FOUND: Duration = Duration::from_secs(60);

/// What can be waited for.
pub(super) struct Kind {
    paths: &'static [&'static str],
    /// The names that lead to the state; none if being there is all.
    pub(super) state: &'static [&'static str],
    /// The states that nothing follows, or nothing without an act of the merchant.
    pub(super) finals: &'static [&'static str],
    /// Codes of errors that say that it is being made.
    pub(super) not_ready: &'static [&'static str],
    /// Whether a number that is not found may still appear, so that it says nothing.
    pub(super) may_appear: bool,
    pub(super) pace: Pace,
}

/// How long to wait between two queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Every 5 s for 30 s, as the guide of payments by code (付款码支付) has it. What follows is our choice (UNCONFIRMED): every 10 s,
    /// and after two minutes every 30 s.
    Payment,
    /// As the page of the query (查询单笔退款) has it: every minute for 5 minutes, then after 5, 10, 20 and 30 minutes, and so on. Money goes
    /// back to a balance (零钱) within about 5 minutes, to a card within 3 working days.
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

/// `PAYERROR` is not among the final states of an order: the documents have it beside `NOTPAY` for a payment by code that failed, and
/// say to revoke (撤销) it, after which it can never succeed. Before, nothing says so. `REFUND` is final: it was paid.
const ORDER_FINALS: &[&str] = &["SUCCESS", "REFUND", "CLOSED", "REVOKED"];

/// `ABNORMAL` stays until the merchant does something (异常退款). Some pages write `CLOSE` or `REFUNDCLOSE`.
const REFUND_FINALS: &[&str] = &["SUCCESS", "CLOSED", "CLOSE", "REFUNDCLOSE", "ABNORMAL"];

const KINDS: &[Kind] = &[
    // An order that is not found does not exist.
    Kind {
        paths: &[
            "v3/pay/transactions/id/{transaction_id}",
            "v3/pay/transactions/out-trade-no/{out_trade_no}",
            "v3/pay/partner/transactions/id/{transaction_id}",
            "v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
            "v3/transactions/id/{transaction_id}",
            "v3/transactions/out-trade-no/{out_trade_no}",
            "v3/global/transactions/id/{transaction_id}",
            "v3/global/transactions/out-trade-no/{out_trade_no}",
            "v2/pay/orderquery",
        ],
        state: &["trade_state"],
        finals: ORDER_FINALS,
        not_ready: &[],
        may_appear: false,
        pace: Pace::Payment,
    },
    // A refund that is not found was not accepted: it is to be sent again, with the same number.
    Kind {
        paths: &[
            "v3/refund/domestic/refunds/{out_refund_no}",
            "v3/ecommerce/refunds/id/{refund_id}",
            "v3/ecommerce/refunds/out-refund-no/{out_refund_no}",
            "v3/refunds/id/{refund_id}",
            "v3/refunds/out-refund-no/{out_refund_no}",
            "v3/global/refunds/id/{refund_id}",
            "v3/global/refunds/out-refund-no/{out_refund_no}",
        ],
        state: &["status"],
        finals: REFUND_FINALS,
        not_ready: &[],
        may_appear: false,
        pace: Pace::Refund,
    },
    // A transfer that is not found may still be on its way in. The pages say to ask again after some minutes, and never to count it
    // as failed.
    Kind {
        paths: &[
            "v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
            "v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        ],
        state: &["state"],
        finals: &["SUCCESS", "FAIL", "CANCELLED"],
        not_ready: &[],
        may_appear: true,
        pace: Pace::Transfer,
    },
    Kind {
        paths: &[
            "v3/transfer/batches/batch-id/{batch_id}",
            "v3/transfer/batches/out-batch-no/{out_batch_no}",
        ],
        state: &["transfer_batch", "batch_status"],
        finals: &["FINISHED", "CLOSED"],
        not_ready: &[],
        may_appear: true,
        pace: Pace::Transfer,
    },
    Kind {
        paths: &["v2/mmpaymkttransfers/gettransferinfo"],
        state: &["status"],
        finals: &["SUCCESS", "FAILED"],
        not_ready: &[],
        may_appear: true,
        pace: Pace::Transfer,
    },
    // 分账: the pages of queries say that a number that is not found is a wrong one.
    Kind {
        paths: &["v3/profitsharing/orders/{out_order_no}"],
        state: &["state"],
        finals: &["FINISHED"],
        not_ready: &[],
        may_appear: false,
        pace: Pace::Transfer,
    },
    Kind {
        paths: &["v3/ecommerce/profitsharing/orders"],
        state: &["status"],
        finals: &["FINISHED"],
        not_ready: &[],
        may_appear: false,
        pace: Pace::Transfer,
    },
    Kind {
        paths: &["v3/profitsharing/return-orders/{out_return_no}"],
        state: &["result"],
        finals: &["SUCCESS", "FAILED"],
        not_ready: &[],
        may_appear: false,
        pace: Pace::Transfer,
    },
    // 电子回单.
    Kind {
        paths: &[
            "v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}",
            "v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}",
        ],
        state: &["state"],
        finals: &["FINISHED", "FAILED"],
        not_ready: &[],
        may_appear: true,
        pace: Pace::Transfer,
    },
    // A bill has no state: it is named as soon as it is there. `NO_STATEMENT_EXIST` says that there will be none.
    Kind {
        paths: &[
            "v3/bill/tradebill",
            "v3/bill/fundflowbill",
            "v3/bill/sub-merchant-fundflowbill",
            "v3/ecommerce/bill/fundflowbill",
            "v3/profitsharing/bills",
        ],
        state: &[],
        finals: &[],
        not_ready: &["STATEMENT_CREATING"],
        may_appear: false,
        pace: Pace::Bill,
    },
];

/// What says that a number is not there, in all spellings.
const NOT_FOUND: &[&str] = &[
    "NOT_FOUND",
    "ORDER_NOT_EXIST",
    "ORDERNOTEXIST",
    "RESOURCE_NOT_EXISTS",
    "REFUND_NOT_EXISTS",
    "REFUNDNOTEXIST",
    "RECORD_NOT_EXISTS",
];

impl Kind {
    /// What an operation asks for.
    pub(super) fn find(operation: &'static Operation) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.paths.contains(&operation.path()))
    }

    pub(super) fn is_not_found(&self, code: &str) -> bool {
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
    use weipay_catalog::{Catalog, Field};

    use super::*;

    fn field<'a>(fields: &'a [Field], path: &[&str]) -> Option<&'a Field> {
        let (name, rest) = path.split_first()?;
        let found = fields.iter().find(|field| field.name == *name)?;
        if rest.is_empty() { Some(found) } else { field(&found.fields, rest) }
    }

    #[test]
    fn every_operation_is_in_the_catalogue_with_the_field_of_its_state() {
        for kind in KINDS {
            for path in kind.paths {
                let method = if path.starts_with("v2/") { "POST" } else { "GET" };
                let operation = Catalog::embedded().find(method, path);
                let operation = operation.unwrap_or_else(|| panic!("{path}"));
                if kind.state.is_empty() {
                    continue;
                }
                let state = field(&operation.response, kind.state);
                let state = state.unwrap_or_else(|| panic!("{path} has no {:?}", kind.state));
                if !state.values.is_empty() {
                    let listed = kind.finals.iter().filter(|known| state.values.contains(known));
                    assert!(listed.count() > 0, "{path}: {:?}", state.values);
                }
            }
        }
    }

    /// Listed values that say that something is still under way.
    const UNDER_WAY: &[&str] = &[
        "ACCEPT",
        "ACCEPTED",
        "AUDITING",
        "CHECKING",
        "CREATED",
        "DOING",
        "INIT",
        "NOTPAY",
        "PENDING",
        "PROCESSING",
        "SETTLEMENT_PROCESSING",
        "STATEMENT_CREATING",
        "TRANSFERING",
        "USERPAYING",
        "WAIT_PAY",
        "WAIT_USER_CONFIRM",
    ];

    #[test]
    fn every_query_whose_state_can_change_is_in_the_table_or_knowingly_left_out() {
        let is_query = |operation: &&weipay_catalog::Operation| {
            operation.method == "GET" || operation.path.starts_with("v2/") && operation.path.contains("query")
        };
        let may_change = |field: &Field| field.values.iter().any(|value| UNDER_WAY.contains(value));
        let left_out: Vec<String> = Catalog::embedded()
            .operations()
            .filter(is_query)
            .filter(|operation| operation.response.iter().any(may_change))
            .filter(|operation| !KINDS.iter().any(|kind| kind.paths.contains(&operation.path)))
            .map(|operation| format!("{} {}", operation.method, operation.path))
            .collect();
        let listed: Vec<&str> =
            include_str!("not_waited_for.txt").lines().filter(|line| !line.starts_with('#')).collect();
        for operation in &left_out {
            assert!(listed.contains(&&**operation), "add {operation} to KINDS or to not_waited_for.txt");
        }
        for operation in listed {
            assert!(left_out.iter().any(|known| **known == *operation), "{operation} is listed for nothing");
        }
    }

    #[test]
    fn a_refund_is_asked_for_every_minute_and_after_five_minutes_less_and_less_often() {
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
}
