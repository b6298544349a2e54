//! The listener of the control API: who may ask, and the limits.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as BoundListener};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Control, ControlError, ControlResponse, log};

/// Where address and token stand in the data folder.
pub(crate) const FILE: &str = "control.json";

const MAX_CONNECTIONS: usize = 64;
/// So many may stay open after a response. Those beyond end with it, so that idle ones never take all places.
const MAX_KEPT_OPEN: usize = MAX_CONNECTIONS / 2;
/// The most handlers at once: that of a connection which has ended may still run.
const MAX_HANDLERS: usize = 4 * MAX_CONNECTIONS;
const MAX_BODY: usize = 1024 * 1024;
/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(8);

/// A bound listener, and what it serves.
pub(crate) struct ControlListener {
    listener: BoundListener,
    service: Service,
}

#[derive(Clone)]
struct Service {
    control: Arc<Control>,
    token: Arc<str>,
    port: u16,
    handlers: Arc<Handlers>,
}

/// The threads of handlers, which are not those few that serve merchants. A handler may wait for the
/// receiver of a notification, and that receiver for the platform. A thread that is idle stays for a while: to start and end one
/// for each request costs more than most handlers.
struct Handlers(Option<Runtime>);

impl Handlers {
    fn new() -> io::Result<Self> {
        let mut builder = runtime::Builder::new_current_thread();
        builder.thread_name("weipay-sandbox-control").max_blocking_threads(MAX_HANDLERS);
        builder.build().map(|runtime| Self(Some(runtime)))
    }

    async fn run<T: Send + 'static>(&self, handler: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.0.as_ref()?.spawn_blocking(handler).await.ok()
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        // To drop it would wait for the handlers that still run, which another runtime does not allow.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl ControlListener {
    pub(crate) fn new(listener: BoundListener, control: Control, token: &str) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (control, handlers) = (Arc::new(control), Arc::new(Handlers::new()?));
        Ok(Self { listener, service: Service { control, token: token.into(), port, handlers } })
    }

    /// Serves until the runtime ends.
    pub(crate) async fn serve(self) {
        let Ok(listener) = TcpListener::from_std(self.listener) else { return };
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((socket, from)) = listener.accept().await else {
                sleep(Duration::from_millis(1)).await;
                continue;
            };
            // A response is one small write: waiting to join it with another would only delay it.
            let _ = socket.set_nodelay(true);
            let (service, stays_open) =
                (self.service.clone(), places.available_permits() >= MAX_CONNECTIONS - MAX_KEPT_OPEN);
            tokio::spawn(async move {
                let respond = service_fn(move |request| respond(service.clone(), from, request, stays_open));
                let mut protocol = http1::Builder::new();
                protocol.timer(TokioTimer::new()).header_read_timeout(ARRIVAL).max_buf_size(32 * 1024);
                // How a connection ended is its client's business.
                let _ = protocol.serve_connection(TokioIo::new(socket), respond).await;
                drop(place);
            });
        }
    }
}

async fn respond(
    service: Service,
    from: SocketAddr,
    request: Request<Incoming>,
    stays_open: bool,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = written(outcome(service, from, request).await.unwrap_or_else(ControlResponse::from));
    if !stays_open {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn outcome(
    service: Service,
    from: SocketAddr,
    request: Request<Incoming>,
) -> Result<ControlResponse, ControlError> {
    let (head, body) = request.into_parts();
    check_is_local(from, &head.headers, service.port)?;
    let is_trusted = has_token(&head.headers, &service.token);
    let body = match timeout(ARRIVAL, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        _ => {
            return Err(ControlError::invalid(
                "the body did not arrive completely within the time limit, or is longer than 1 MiB",
            ));
        }
    };
    let target = head.uri.path_and_query().map_or_else(String::new, |target| target.as_str().to_owned());
    let method = head.method.as_str().to_owned();
    if is_trusted {
        log::wait(&service.control, &method, &target).await;
    }
    let Service { control, handlers, .. } = service;
    let respond = move || control.respond(&method, &target, &body, is_trusted);
    handlers.run(respond).await.ok_or_else(|| ControlError::failed("the handler of this route stopped"))
}

/// A page in a browser of this machine can reach the port, and can let its own name lead to it. Its requests say so in
/// `Origin` or `Host`.
fn check_is_local(from: SocketAddr, headers: &HeaderMap, port: u16) -> Result<(), ControlError> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host == format!("{name}:{port}"));
    if is_own && from.ip().is_loopback() && !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    Err(ControlError {
        status: 403,
        code: "FORBIDDEN",
        message: format!(
            "the control API is for programs on this machine: call it as 127.0.0.1:{port}, without `Origin`"
        ),
    })
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    verify_slices_are_equal(given.as_bytes(), token.as_bytes()).is_ok()
}

fn written(response: ControlResponse) -> Response<Full<Bytes>> {
    let body = response.body.map(|body| body.to_string().into_bytes());
    let has_body = body.is_some();
    let mut written = Response::new(Full::new(Bytes::from(body.unwrap_or_default())));
    *written.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = written.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    written
}
