//! The two ways to wait, as one type parameter: everything that names and fills in a call is written once.

use std::sync::Arc;

use crate::core::Core;
use crate::request::Request;
use crate::response::Decode;

mod sealed {
    pub trait Sealed {}
}

/// How a client waits for responses: [`Async`] or [`Blocking`].
pub trait Mode: sealed::Sealed + Sized + Send + Sync + 'static {
    /// What carries requests.
    type Transport: ?Sized + Send + Sync;
    /// What a verb gives back: a future, or the result itself.
    type Sent<T: Decode>;

    /// Sends a request, or reports that it could not be prepared.
    #[doc(hidden)]
    fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Request) -> Self::Sent<T>;
}

/// What the parts of one client share.
#[doc(hidden)]
pub struct Shared<M: Mode> {
    pub(crate) core: Core,
    #[allow(dead_code, reason = "each of the two ways to wait reads it, and both are optional")]
    pub(crate) transport: Box<M::Transport>,
}

/// Verbs give futures.
#[cfg(feature = "async")]
#[derive(Debug, Clone, Copy)]
pub enum Async {}

/// Verbs return when the response is there.
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
    use crate::delivery::{Delivery, Next};
    use crate::error::Error;
    use crate::response::{RawResponse, Response};
    use crate::transport::{Transport, read_whole};

    impl sealed::Sealed for Async {}

    impl Mode for Async {
        type Transport = dyn Transport;
        type Sent<T: Decode> = CallFuture<T>;

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Request) -> CallFuture<T> {
            let shared = Arc::clone(shared);
            let call =
                async move { deliver(&shared, &request).await.map_err(|error| error.in_call(&request)) };
            CallFuture { call: Box::pin(call), body: PhantomData }
        }
    }

    /// Compiled once for all operations. The request is signed when the future is first polled, so that its timestamp is fresh
    /// even if the future is polled much later.
    async fn deliver(shared: &Shared<Async>, request: &Request) -> Result<RawResponse, Error> {
        let mut delivery = Delivery::begin(&shared.core, request);
        loop {
            let outcome = attempt(shared, request, &delivery).await;
            match delivery.next(outcome) {
                Next::End(outcome) => return outcome,
                Next::Again(wait) => shared.core.delivery.timer.sleep(wait).await,
            }
        }
    }

    async fn attempt(
        shared: &Shared<Async>,
        request: &Request,
        delivery: &Delivery<'_>,
    ) -> Result<RawResponse, Error> {
        let (signed, left) = delivery.prepare()?;
        let response = shared.transport.send(signed.map(Into::into), left).await?;
        shared.core.conclude(request, read_whole(response).await?)
    }

    /// The future of a call: it sends the call when it is awaited, and gives `Result<Response<T>, Error>`.
    #[must_use = "a call is sent when it is awaited"]
    pub struct CallFuture<T> {
        call: Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send>>,
        body: PhantomData<fn() -> T>,
    }

    impl<T: Decode> Future for CallFuture<T> {
        type Output = Result<Response<T>, Error>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            self.call.as_mut().poll(context).map(|done| done.map(Response::new))
        }
    }
}

#[cfg(feature = "async")]
pub use asynchronous::CallFuture;

#[cfg(feature = "blocking")]
mod waiting {
    use super::*;
    use crate::delivery::{Delivery, Next};
    use crate::error::Error;
    use crate::response::{RawResponse, Response};
    use crate::transport::blocking::{Transport, read_whole};

    impl sealed::Sealed for Blocking {}

    impl Mode for Blocking {
        type Transport = dyn Transport;
        type Sent<T: Decode> = Result<Response<T>, Error>;

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Request) -> Self::Sent<T> {
            deliver(shared, &request).map(Response::new).map_err(|error| error.in_call(&request))
        }
    }

    fn deliver(shared: &Shared<Blocking>, request: &Request) -> Result<RawResponse, Error> {
        let mut delivery = Delivery::begin(&shared.core, request);
        loop {
            let outcome = attempt(shared, request, &delivery);
            match delivery.next(outcome) {
                Next::End(outcome) => return outcome,
                Next::Again(wait) => shared.core.delivery.timer.sleep_blocking(wait),
            }
        }
    }

    fn attempt(
        shared: &Shared<Blocking>,
        request: &Request,
        delivery: &Delivery<'_>,
    ) -> Result<RawResponse, Error> {
        let (signed, left) = delivery.prepare()?;
        let response = shared.transport.send(signed.map(Into::into), left)?;
        shared.core.conclude(request, read_whole(response)?)
    }
}
