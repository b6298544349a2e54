//! The attempts of one download. It changes nothing at the platform, so it may be repeated whenever what was written can be taken
//! back: before the first byte, or where the file is started again.

use std::time::Duration;

use http::StatusCode;

use super::{Download, Downloaded};
use crate::attempts::{Attempts, Plan};
use crate::core::MAX_TIMEOUT;
use crate::delivery::Mode;
use crate::error::Error;
use crate::retry::{Repeatable, RetryClass};

impl<M: Mode> Download<M> {
    /// The attempts of one that began at this time of the timer.
    pub(super) fn attempts(&self, began: Duration) -> Attempts<'_> {
        let core = &self.shared.core;
        let retries = self.retries.unwrap_or(core.delivery.retries);
        let plan = Plan {
            retries,
            policy: None,
            operation: None,
            repeat: Repeatable::Yes,
            // An address has its host in it.
            has_backup: self.call().is_some_and(|call| core.has_backup(call, retries)),
            shares_time: false,
            passes_probe: false,
            began,
            limit: self.timeout.min(MAX_TIMEOUT),
            caller_limit: self.timeout,
        };
        Attempts::begin(core, plan)
    }

    /// How long to wait before another attempt; `None` if the download has ended. `can_restart` says whether what was written can
    /// be taken back.
    pub(super) fn next(
        &self,
        attempts: &mut Attempts<'_>,
        outcome: &Result<Downloaded, Error>,
        can_restart: bool,
    ) -> Option<Duration> {
        let Err(error) = outcome else { return attempts.next(Ok(StatusCode::OK), RetryClass::Settled) };
        let class = match RetryClass::from_error(error, self.shared.core.now()) {
            _ if !can_restart => RetryClass::Settled,
            // A damaged file, one that is not the announced one, or a page in place of it.
            RetryClass::Settled | RetryClass::Intermediary if error.is_retryable() => {
                RetryClass::Unknown { retry_after: None }
            }
            class => class,
        };
        attempts.next(Err(error), class)
    }
}
