//! The two ways to wait, as one type parameter: everything that names and fills in a call is written once.

use std::sync::Arc;

#[cfg(any(feature = "async", feature = "blocking"))]
use http::header::AUTHORIZATION;

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
    type Output<T: Decode>;

    /// Lets one fetch of certificates run at a time.
    #[doc(hidden)]
    type Flight: Default + Send + Sync;

    /// Sends a request, or reports that it could not be prepared.
    #[doc(hidden)]
    fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Request) -> Self::Output<T>;
}

/// What the parts of one client share.
#[doc(hidden)]
pub struct Shared<M: Mode> {
    pub(crate) core: Core,
    #[allow(dead_code, reason = "each of the two ways to wait reads it, and both are optional")]
    pub(crate) transport: Box<M::Transport>,
    #[allow(dead_code, reason = "each of the two ways to wait reads it, and both are optional")]
    pub(crate) flight: M::Flight,
}

impl<M: Mode> Shared<M> {
    #[allow(dead_code, reason = "each of the two ways to wait makes one, and both are optional")]
    pub(crate) fn new(core: Core, transport: Box<M::Transport>) -> Self {
        Self { core, transport, flight: M::Flight::default() }
    }
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
    use crate::error::Error;
    use crate::platform_keys::Deadline;
    use crate::response::{RawResponse, Response};
    use crate::transport::{Transport, read_whole};

    impl sealed::Sealed for Async {}

    impl Mode for Async {
        type Transport = dyn Transport;
        type Output<T: Decode> = CallFuture<T>;
        type Flight = tokio::sync::Mutex<()>;

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Request) -> CallFuture<T> {
            let shared = Arc::clone(shared);
            let call =
                async move { deliver(&shared, &mut request).await.map_err(|error| error.in_call(&request)) };
            CallFuture { call: Box::pin(call), body: PhantomData }
        }
    }

    /// Compiled once for all operations. The request is signed when the future is first polled, so that its timestamp is fresh
    /// even if the future is polled much later.
    async fn deliver(shared: &Arc<Shared<Async>>, request: &mut Request) -> Result<RawResponse, Error> {
        shared.core.check_before_keys(request)?;
        let deadline = Deadline::after(shared.core.timeout(request));
        if Core::needs_keys(request) {
            shared.provide_keys(deadline).await?;
        }
        request.complete(&shared.core)?;
        let keys = shared.core.merchant.platform();
        let signed = shared.core.prepare(request)?;
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let response = shared.transport.send(signed.map(Into::into), deadline.left()).await?;
        let response = read_whole(response).await?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.look_for(serial, deadline).await;
        }
        let concluded = shared.core.conclude(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
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
    use crate::error::Error;
    use crate::platform_keys::{BlockingFlight, Deadline};
    use crate::response::{RawResponse, Response};
    use crate::transport::blocking::{Transport, read_whole};

    impl sealed::Sealed for Blocking {}

    impl Mode for Blocking {
        type Transport = dyn Transport;
        type Output<T: Decode> = Result<Response<T>, Error>;
        type Flight = BlockingFlight;

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Request) -> Self::Output<T> {
            deliver(shared, &mut request).map(Response::new).map_err(|error| error.in_call(&request))
        }
    }

    fn deliver(shared: &Arc<Shared<Blocking>>, request: &mut Request) -> Result<RawResponse, Error> {
        shared.core.check_before_keys(request)?;
        let deadline = Deadline::after(shared.core.timeout(request));
        if Core::needs_keys(request) {
            shared.provide_keys(deadline)?;
        }
        request.complete(&shared.core)?;
        let keys = shared.core.merchant.platform();
        let signed = shared.core.prepare(request)?;
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let response = read_whole(shared.transport.send(signed.map(Into::into), deadline.left())?)?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.look_for(serial, deadline);
        }
        let concluded = shared.core.conclude(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
    }
}
