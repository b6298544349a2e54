//! The two ways to wait, as one type parameter: everything that names and fills in a call is written once.

use std::sync::Arc;

use crate::core::{Core, Outgoing};
use crate::error::Error;
use crate::response::Decode;

mod sealed {
    pub trait Sealed {}
}

/// How a client waits for answers: [`Async`] or [`Blocking`].
pub trait Mode: sealed::Sealed + Sized + Send + Sync + 'static {
    /// What carries requests.
    type Transport: ?Sized + Send + Sync;
    /// What a verb gives back: something to `.await`, or the result itself.
    type Sent<T: Decode>;

    /// Sends a call, or reports that it could not be made.
    #[doc(hidden)]
    fn send<T: Decode>(shared: &Arc<Shared<Self>>, outgoing: Result<Outgoing, Error>) -> Self::Sent<T>;
}

/// What the parts of one client share.
#[doc(hidden)]
pub struct Shared<M: Mode> {
    pub(crate) core: Core,
    #[allow(dead_code, reason = "read by the shells, either of which may be switched off")]
    pub(crate) transport: Box<M::Transport>,
}

/// Calls are futures.
#[cfg(feature = "async")]
#[derive(Debug, Clone, Copy)]
pub enum Async {}

/// Calls return when the response is there.
#[cfg(feature = "blocking")]
#[derive(Debug, Clone, Copy)]
pub enum Blocking {}

#[cfg(feature = "async")]
mod asynchronous {
    use std::future::Future;
    use std::marker::PhantomData;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;
    use crate::core::located;
    use crate::error::Failure;
    use crate::response::{RawResponse, Response};
    use crate::transport::{Transport, exchange};

    impl sealed::Sealed for Async {}

    impl Mode for Async {
        type Transport = dyn Transport;
        type Sent<T: Decode> = Pending<T>;

        fn send<T: Decode>(shared: &Arc<Shared<Async>>, outgoing: Result<Outgoing, Error>) -> Pending<T> {
            Pending { call: Box::pin(deliver(Arc::clone(shared), outgoing)), body: PhantomData }
        }
    }

    /// Compiled once for all operations. The signature is made when the future is first polled, so that its timestamp
    /// is fresh however long the future lay about.
    async fn deliver(
        shared: Arc<Shared<Async>>,
        outgoing: Result<Outgoing, Error>,
    ) -> Result<RawResponse, Error> {
        let outgoing = outgoing?;
        let prepared = shared.core.prepare(&outgoing)?;
        let answer = exchange(&*shared.transport, prepared.request, prepared.timeout).await;
        let answer = answer.map_err(|problem| located(Error::new(Failure::Network(problem)), &outgoing))?;
        shared.core.conclude(&outgoing, answer)
    }

    /// A call that is on its way once it is awaited.
    #[must_use = "a call is sent when it is awaited"]
    pub struct Pending<T> {
        call: Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send>>,
        body: PhantomData<fn() -> T>,
    }

    impl<T: Decode> Future for Pending<T> {
        type Output = Result<Response<T>, Error>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            self.call.as_mut().poll(context).map(|done| done.map(Response::new))
        }
    }
}

#[cfg(feature = "async")]
pub use asynchronous::Pending;

#[cfg(feature = "blocking")]
mod waiting {
    use super::*;
    use crate::core::located;
    use crate::error::Failure;
    use crate::response::{RawResponse, Response};
    use crate::transport::blocking::{Transport, exchange};

    impl sealed::Sealed for Blocking {}

    impl Mode for Blocking {
        type Transport = dyn Transport;
        type Sent<T: Decode> = Result<Response<T>, Error>;

        fn send<T: Decode>(
            shared: &Arc<Shared<Blocking>>,
            outgoing: Result<Outgoing, Error>,
        ) -> Self::Sent<T> {
            deliver(shared, outgoing).map(Response::new)
        }
    }

    fn deliver(shared: &Shared<Blocking>, outgoing: Result<Outgoing, Error>) -> Result<RawResponse, Error> {
        let outgoing = outgoing?;
        let prepared = shared.core.prepare(&outgoing)?;
        let answer = exchange(&*shared.transport, prepared.request, prepared.timeout);
        let answer = answer.map_err(|problem| located(Error::new(Failure::Network(problem)), &outgoing))?;
        shared.core.conclude(&outgoing, answer)
    }
}
