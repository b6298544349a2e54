//! Checks that an async call runs on a thread of a tokio runtime with timers and I/O.
//!
//! A call over a transport of the caller's may do without. tokio has no function that says which drivers a runtime has, and using
//! one that is missing panics. The client catches that panic where a call would meet it first, and returns an error. (Not in a
//! program that is built with `panic = "abort"`.)

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::error::Elapsed;

use crate::transport::NotOfHost;

/// Why nothing can be done on a thread outside of tokio.
pub(crate) const NONE: &str = "the async client needs a tokio runtime, and this thread has none: make the call in one, such \
                               as by `#[tokio::main]`, or use `weipay::blocking::Client`";
const NO_TIMERS: &str =
    "the tokio runtime of this thread has no timers: build it with `enable_all()`, as `#[tokio::main]` does";
const NO_IO: &str =
    "the tokio runtime of this thread has no I/O: build it with `enable_all()`, as `#[tokio::main]` does";

thread_local! {
    /// The runtime that this thread asked last, and whether it has timers.
    static ASKED: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
}

/// Whether this thread is in a runtime that has timers.
pub(crate) fn has_timers() -> bool {
    let Ok(id) = Handle::try_current().map(|runtime| runtime.id()) else { return false };
    match ASKED.get() {
        Some((asked, has_timers)) if asked == id => has_timers,
        _ => {
            let has_timers = catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok();
            ASKED.set(Some((id, has_timers)));
            has_timers
        }
    }
}

/// Lets a future run for so long, where there are timers. A large one should be given pinned: the future of an async function has
/// room for each argument twice.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    match has_timers() {
        true => tokio::time::timeout(limit, future).await,
        false => Ok(future.await),
    }
}

/// Whether the default transport can wait here.
pub(crate) fn check() -> Result<(), NotOfHost> {
    match Handle::try_current() {
        Err(_) => Err(NotOfHost::lasting(NONE)),
        Ok(_) if !has_timers() => Err(NotOfHost::lasting(NO_TIMERS)),
        Ok(_) => Ok(()),
    }
}

/// Makes a connection, or says that the runtime has no I/O.
pub(crate) async fn connect<C, E: From<NotOfHost>>(
    connecting: impl Future<Output = Result<C, E>>,
) -> Result<C, E> {
    let mut connecting = pin!(connecting);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| connecting.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(panic) if is_about_io(&*panic) => Poll::Ready(Err(NotOfHost::lasting(NO_IO).into())),
        Err(panic) => resume_unwind(panic),
    })
    .await
}

/// Whether tokio panicked because a runtime has no I/O.
fn is_about_io(panic: &(dyn Any + Send)) -> bool {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| text.contains("enable_io"))
}
