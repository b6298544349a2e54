//! Waits that the caller chooses.

use std::time::Duration;

use super::{Attempt, Progress, RetryClass};
use crate::operation::Operation;

/// Decides whether a client repeats a call, and after which delay: your own rule instead of
/// [`RetryConfig`](crate::RetryConfig). Give it to [`ClientBuilder::retry_policy`](crate::ClientBuilder::retry_policy).
///
/// It is only asked if a repeat cannot take effect twice (see the table at [`RetryConfig`](crate::RetryConfig)), so no policy
/// can cause a double charge. These rules always apply: a `Retry-After` of the platform is obeyed; refunds are a minute apart
/// (except after a signature probe); no wait goes beyond the call's time limit; and the budget of the client applies, except
/// to the first attempt at the other host. [`Call::retries`](crate::Call::retries) overrides it. It is not asked for
/// downloads: [`Download::retries`](crate::download::Download::retries) is for these.
///
/// ```
/// use std::time::Duration;
/// use weipay::retry::{RetryContext, RetryPolicy};
///
/// /// Once more after a second, and only for what reads.
/// struct Patient;
///
/// impl RetryPolicy for Patient {
///     fn delay(&self, context: &RetryContext<'_>) -> Option<Duration> {
///         let reads = context.operation().is_some_and(|operation| operation.is_read_only());
///         (reads && context.attempts() < 2).then_some(Duration::from_secs(1))
///     }
/// }
///
/// let builder = weipay::ClientBuilder::default().retry_policy(Patient);
/// # let _ = builder;
/// ```
pub trait RetryPolicy: Send + Sync {
    /// How long to wait before the next attempt; zero for at once. `None` ends the call with the result of the last attempt.
    fn delay(&self, context: &RetryContext<'_>) -> Option<Duration>;
}

/// A call that may be sent again.
#[derive(Debug, Clone, Copy)]
pub struct RetryContext<'a> {
    last: &'a Attempt,
    progress: &'a Progress,
    operation: Option<&'static Operation>,
}

impl<'a> RetryContext<'a> {
    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.progress.attempts
    }

    /// The attempt that has just ended.
    #[must_use]
    pub fn last(&self) -> &'a Attempt {
        self.last
    }

    /// The time since the call began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.progress.elapsed
    }

    /// The time that all attempts together may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.progress.limit
    }

    /// The operation; `None` if the catalogue does not have the path.
    #[must_use]
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }
}

impl Progress {
    /// How long a policy wants to wait, where a repeat is safe.
    pub(crate) fn wait_by(
        &self,
        policy: &dyn RetryPolicy,
        class: RetryClass,
        last: &Attempt,
        operation: Option<&'static Operation>,
    ) -> Option<Duration> {
        let min_delay = self.min_delay(class)?;
        let wait = policy.delay(&RetryContext { last, progress: self, operation })?.max(min_delay);
        (self.elapsed.saturating_add(wait) < self.limit).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{NetworkError, Sent};
    use crate::retry::Repeatable;

    struct Always;

    impl RetryPolicy for Always {
        fn delay(&self, _: &RetryContext<'_>) -> Option<Duration> {
            Some(Duration::ZERO)
        }
    }

    fn wait(class: RetryClass, repeat: Repeatable) -> Option<Duration> {
        let limit = Duration::from_secs(90);
        let progress = Progress { attempts: 1, elapsed: Duration::ZERO, limit, repeat };
        let lost = NetworkError { sent: Sent::Perhaps, source: "lost".into() };
        let last = Attempt::from_outcome(Err(&lost.into()), Duration::ZERO, None);
        progress.wait_by(&Always, class, &last, None)
    }

    #[test]
    fn no_policy_repeats_what_could_take_effect_twice() {
        for class in [RetryClass::Unknown { retry_after: None }, RetryClass::Probe, RetryClass::Settled] {
            assert_eq!(wait(class, Repeatable::No), None, "{class:?}");
        }
        assert_eq!(wait(RetryClass::NotSent, Repeatable::No), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_platform_asks_for_is_kept_whatever_the_policy_says() {
        let later = Duration::from_secs(7);
        assert_eq!(wait(RetryClass::Unknown { retry_after: Some(later) }, Repeatable::Yes), Some(later));
        let minute = Some(Duration::from_secs(60));
        assert_eq!(
            wait(
                RetryClass::Unknown { retry_after: Some(later) },
                Repeatable::After(Duration::from_secs(60))
            ),
            minute
        );
        assert_eq!(
            wait(RetryClass::Unknown { retry_after: Some(Duration::from_secs(90)) }, Repeatable::Yes),
            None
        );
    }
}
