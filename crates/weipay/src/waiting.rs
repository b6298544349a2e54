//! Waiting (查询): queries an order, a refund, a transfer or a bill until it is in a final state, up to a deadline.
//!
//! [`Operation::final_states`](crate::Operation::final_states) lists the final states.
//! A state that the platform adds later counts as not final. Only the deadline, or a final state from the
//! platform, ends the waiting. A query that fails temporarily is repeated, also one whose response cannot be
//! verified, since a query has no effect.
//!
//! While a bill is being made, its query returns an error. It is recognized by its code, or by its Chinese message if the code is
//! ambiguous. If the query asks for another language (`Accept-Language`), an unknown message of that code counts as "being made":
//! at worst, waiting ends at the deadline with that error. To end it early could miss a bill.
//!
#![cfg_attr(
    all(feature = "blocking", feature = "pay"),
    doc = r#"
```no_run
# fn run(client: weipay::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
use std::time::Duration;

use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get::Request;
use weipay::waiting::{WaitOptions, WaitOutcome};

let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(120)), |left| {
    let order = client.v3().pay().transactions().out_trade_no().out_trade_no("1217752501201407033233368018");
    order.timeout(left).get(Request::new().mchid("1900000001"))
})?;
match waited {
    WaitOutcome::Final { state, .. } if state == "SUCCESS" => println!("paid"),
    WaitOutcome::Final { state, .. } if state == "REFUND" => println!("paid, and then refunded in part or whole"),
    WaitOutcome::Final { state, .. } => println!("not paid: {state}"),
    WaitOutcome::TimedOut { last, .. } => println!("undecided, last seen as {last:?}"),
}
# Ok(())
# }
```
"#
)]
//! Final is not success: a refund may end as `ABNORMAL` or `CLOSED`, a transfer as `FAIL` or `CANCELLED`. Compare the state.
//! At the deadline an undecided payment stays undecided: ask again, or close the order, before a new one is made.

mod final_states;

use std::time::Duration;

use http::StatusCode;

use crate::core::Core;
use crate::error::{Error, ErrorClass, ErrorKind};
use crate::operation::Operation;
use crate::response::{Decode, Response};
use crate::retry::Timer;
use crate::transport::NotOfHost;
pub(crate) use final_states::{FinalStates, NotReady, Pace};

/// One query is sent this long before the deadline, at any interval, because a slow response takes this long.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// The last query is sent this long before the deadline, which is enough for an ordinary response.
const LAST_LOOK: Duration = Duration::from_millis(200);

/// How long to wait, and how often to query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitOptions {
    timeout: Duration,
    poll_interval: Option<Duration>,
}

impl WaitOptions {
    /// Waits for a final state, at most this long from now on. There is no default. Two of the queries are sent one second and
    /// 200 ms before the deadline.
    ///
    /// The closure gets the time that is left, and must give it to its query as the `timeout`. A query without it may take the
    /// client's whole time limit, also beyond the deadline.
    #[must_use]
    pub const fn timeout(timeout: Duration) -> Self {
        Self { timeout, poll_interval: None }
    }

    /// The interval between two queries, in place of the default of the operation. Less than one second counts as one second.
    #[must_use]
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }
}

/// How the waiting ended, if not by an error.
#[derive(Debug)]
pub enum WaitOutcome<T> {
    /// A final state was reached.
    #[non_exhaustive]
    Final {
        /// The state, in the platform's word, such as `SUCCESS`; `READY` for something without states, such as a bill.
        state: String,
        /// The response that says so.
        response: Response<T>,
    },
    /// The timeout passed first. The result is still open: the platform may decide at any time.
    #[non_exhaustive]
    TimedOut {
        /// The state that was seen last; `None` if none was seen.
        last: Option<String>,
        /// The response that says so.
        response: Option<Response<T>>,
        /// The error of the last query, if it failed, or found nothing yet.
        error: Option<Error>,
    },
}

/// Why waiting failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// A query failed, and repeating it will not help.
    #[error(transparent)]
    Call(#[from] Error),
    /// The final states of this operation are unknown.
    #[error("the final states of this operation are unknown, so it cannot be waited for: query it directly")]
    NotKnown,
}

impl WaitError {
    /// The error of the call, if that is what it is.
    #[must_use]
    pub fn as_call_error(&self) -> Option<&Error> {
        match self {
            Self::Call(error) => Some(error),
            Self::NotKnown => None,
        }
    }
}

/// The result of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen<'a> {
    State(&'a str),
    /// Something without states, such as a bill, is there.
    Ready,
    /// It is being made.
    NotReady,
    NotFound,
    /// The query failed temporarily.
    Unknown,
    /// The query failed.
    Refused,
}

/// The step after a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Final,
    Again(Duration),
    TimedOut,
    Fail,
}

/// Decides what follows a query: pure, for both clients.
fn decide(
    options: &WaitOptions,
    states: &FinalStates,
    seen: Seen<'_>,
    was_seen: bool,
    elapsed: Duration,
) -> Step {
    let interval = match seen {
        Seen::State(state) if states.finals.contains(&state) => return Step::Final,
        Seen::Ready => return Step::Final,
        Seen::Refused => return Step::Fail,
        // An order that was seen cannot be gone: the server that says so does not know it yet.
        Seen::NotFound if !states.may_appear && !was_seen => return Step::Fail,
        Seen::NotFound => states.pace.after(elapsed).max(final_states::AFTER_NOT_FOUND),
        Seen::State(_) | Seen::NotReady | Seen::Unknown => states.pace.after(elapsed),
    };
    let interval = options.poll_interval.map_or(interval, |interval| interval.max(Duration::from_secs(1)));
    let left = options.timeout.saturating_sub(elapsed);
    let before = if left > SLOW_LOOK { SLOW_LOOK } else { LAST_LOOK };
    match left <= LAST_LOOK {
        true => Step::TimedOut,
        false => Step::Again(interval.min(left - before).max(Duration::from_millis(1))),
    }
}

/// The state of one waiting.
struct Wait<'a, T: Decode> {
    options: &'a WaitOptions,
    timer: &'a dyn Timer,
    began: Duration,
    last: Option<(String, Response<T>)>,
    error: Option<Error>,
}

/// The step after a query.
enum Next<T> {
    End(Box<Result<WaitOutcome<T>, WaitError>>),
    Again(Duration),
}

impl<'a, T: Decode> Wait<'a, T> {
    fn begin(options: &'a WaitOptions, core: &'a Core) -> Self {
        let timer = &*core.delivery.timer;
        Self { options, timer, began: timer.now(), last: None, error: None }
    }

    fn elapsed(&self) -> Duration {
        self.timer.now().saturating_sub(self.began)
    }

    /// How long the next query may take.
    fn left(&self) -> Duration {
        self.options.timeout.saturating_sub(self.elapsed())
    }

    fn next(&mut self, outcome: Result<Response<T>, Error>) -> Next<T> {
        let operation = match &outcome {
            Ok(response) => response.operation(),
            Err(error) => error.operation(),
        };
        let Some(states) = operation.and_then(Operation::final_states_to_wait_for) else {
            // A query that was never sent has an error of its own.
            return Next::End(Box::new(Err(match outcome {
                Err(error) => WaitError::Call(error),
                Ok(_) => WaitError::NotKnown,
            })));
        };
        match outcome {
            Ok(response) => self.took(states, response),
            Err(error) => self.failed(states, error),
        }
    }

    fn took(&mut self, states: &FinalStates, response: Response<T>) -> Next<T> {
        let state = match states.state_of(&response) {
            Ok(state) => state,
            Err(error) => return Next::End(Box::new(Err(error.into()))),
        };
        let is_undecided = response.status() == StatusCode::ACCEPTED;
        let seen = match &state {
            _ if is_undecided => Seen::Unknown,
            Some(state) => Seen::State(state),
            None if states.state.is_empty() => Seen::Ready,
            None => Seen::Unknown,
        };
        let step = decide(self.options, states, seen, self.last.is_some(), self.elapsed());
        let ready = if seen == Seen::Ready { final_states::READY } else { "" };
        let state = state.unwrap_or_else(|| ready.to_owned());
        self.error = None;
        if step == Step::Final {
            return Next::End(Box::new(Ok(WaitOutcome::Final { state, response })));
        }
        if !state.is_empty() {
            self.last = Some((state, response));
        }
        self.follow(step, None)
    }

    fn failed(&mut self, states: &FinalStates, error: Error) -> Next<T> {
        let code = error.code().unwrap_or_default();
        let seen = match () {
            () if states.is_not_ready(&error) => Seen::NotReady,
            () if is_passing(&error) => Seen::Unknown,
            () if FinalStates::is_not_found(code) => Seen::NotFound,
            () => Seen::Refused,
        };
        let step = decide(self.options, states, seen, self.last.is_some(), self.elapsed());
        self.follow(step, Some(error))
    }

    fn follow(&mut self, step: Step, error: Option<Error>) -> Next<T> {
        match (step, error) {
            (Step::Again(wait), error) => {
                self.error = error;
                Next::Again(wait)
            }
            (Step::Fail, Some(error)) => Next::End(Box::new(Err(error.into()))),
            (Step::Final | Step::TimedOut | Step::Fail, error) => {
                self.error = error;
                Next::End(Box::new(Ok(self.passed())))
            }
        }
    }

    fn passed(&mut self) -> WaitOutcome<T> {
        let (last, response) = self.last.take().unzip();
        WaitOutcome::TimedOut { last, response, error: self.error.take() }
    }
}

/// Whether a repeated query may succeed: the query itself is correct. It has no effect, so it is repeated
/// also after a response that is not proven, such as one whose certificate could not be fetched in time, and
/// after the page of a proxy.
fn is_passing(error: &Error) -> bool {
    match error.kind() {
        // Such as a thread without a runtime.
        ErrorKind::Network(problem) => !NotOfHost::lasts(problem),
        ErrorKind::SignatureProbe | ErrorKind::Unverified(_) => true,
        ErrorKind::Api(_) if error.class() == ErrorClass::Transport => true,
        _ => error.is_retryable() || error.status().is_some_and(|status| status.as_u16() == 429),
    }
}

#[cfg(feature = "blocking")]
impl crate::blocking::Client {
    /// Queries until a final state is reached: see [`waiting`](crate::waiting). `query` gets the time that a query may take, which
    /// it must give to `.timeout(..)`: at most the client's time limit, so that one response that never comes leaves time for others.
    ///
    /// # Errors
    ///
    /// If a query is refused, or the final states of the operation are unknown. A query that fails temporarily is repeated.
    pub fn wait<T: Decode>(
        &self,
        options: &WaitOptions,
        mut query: impl FnMut(Duration) -> Result<Response<T>, Error>,
    ) -> Result<WaitOutcome<T>, WaitError> {
        let core = self.core();
        let mut wait = Wait::begin(options, core);
        loop {
            match wait.next(query(wait.left().min(core.timeout))) {
                Next::End(outcome) => return *outcome,
                Next::Again(pause) => core.delivery.timer.sleep_blocking(pause),
            }
        }
    }
}

#[cfg(feature = "async")]
impl crate::Client {
    /// Queries until a final state is reached: see [`waiting`](crate::waiting). `query` gets the time that a
    /// query may take, which it must give to `.timeout(..)`: at most the client's time limit, so that one response that never comes
    /// leaves time for others. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// If a query is refused, or the final states of the operation are unknown. A query that fails temporarily is repeated.
    pub async fn wait<T: Decode, F: Future<Output = Result<Response<T>, Error>>>(
        &self,
        options: &WaitOptions,
        mut query: impl FnMut(Duration) -> F,
    ) -> Result<WaitOutcome<T>, WaitError> {
        let core = self.core();
        let mut wait = Wait::begin(options, core);
        loop {
            let outcome = query(wait.left().min(core.timeout)).await;
            match wait.next(outcome) {
                Next::End(outcome) => return *outcome,
                Next::Again(pause) => core.delivery.timer.sleep(pause).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn states(path: &str) -> &'static FinalStates {
        Operation::find(&Method::GET, path).and_then(Operation::final_states_to_wait_for).unwrap()
    }

    const MINUTE: WaitOptions = WaitOptions::timeout(Duration::from_secs(60));

    #[test]
    fn an_order_is_asked_for_every_five_seconds_until_it_is_decided() {
        let order = states("v3/pay/transactions/out-trade-no/1");
        let after =
            |state, seconds| decide(&MINUTE, order, Seen::State(state), false, Duration::from_secs(seconds));
        assert_eq!(after("NOTPAY", 0), Step::Again(Duration::from_secs(5)));
        assert_eq!(after("USERPAYING", 29), Step::Again(Duration::from_secs(5)));
        assert_eq!(after("NOTPAY", 30), Step::Again(Duration::from_secs(10)));
        assert_eq!(after("NOTPAY", 57), Step::Again(Duration::from_secs(2)), "one more before the deadline");
        assert_eq!(after("NOTPAY", 59), Step::Again(Duration::from_millis(800)), "and the last one");
        let late = |millis| decide(&MINUTE, order, Seen::Unknown, false, Duration::from_millis(millis));
        assert_eq!(late(59_799), Step::Again(Duration::from_millis(1)));
        assert_eq!((late(59_800), late(61_000)), (Step::TimedOut, Step::TimedOut));
        assert_eq!(after("A_STATE_OF_NEXT_YEAR", 0), Step::Again(Duration::from_secs(5)));
        for state in ["SUCCESS", "REFUND", "CLOSED", "REVOKED"] {
            assert_eq!(after(state, 0), Step::Final);
            assert_eq!(after(state, 100), Step::Final, "a final state counts, however late");
        }
    }

    #[test]
    fn what_is_not_found_is_an_end_only_where_the_documents_say_so() {
        let late = Duration::ZERO;
        let refund = states("v3/refund/domestic/refunds/1");
        assert_eq!(decide(&MINUTE, refund, Seen::NotFound, false, late), Step::Fail);
        assert!(matches!(decide(&MINUTE, refund, Seen::NotFound, true, late), Step::Again(_)));
        let transfer = states("v3/fund-app/mch-transfer/transfer-bills/out-bill-no/1");
        assert_eq!(
            decide(&MINUTE, transfer, Seen::NotFound, false, late),
            Step::Again(Duration::from_secs(59))
        );
        let hour = WaitOptions::timeout(Duration::from_secs(3600));
        assert_eq!(
            decide(&hour, transfer, Seen::NotFound, false, late),
            Step::Again(Duration::from_secs(60))
        );
    }

    #[test]
    fn a_bill_that_is_being_made_is_asked_for_every_half_hour() {
        let day = WaitOptions::timeout(Duration::from_secs(86_400));
        let bill = states("v3/bill/tradebill");
        assert_eq!(
            decide(&day, bill, Seen::NotReady, false, Duration::ZERO),
            Step::Again(Duration::from_secs(1800))
        );
        assert_eq!(decide(&day, bill, Seen::Ready, false, Duration::ZERO), Step::Final);
        assert_eq!(
            decide(&day.poll_interval(Duration::ZERO), bill, Seen::NotReady, false, Duration::ZERO),
            Step::Again(Duration::from_secs(1))
        );
    }
}
