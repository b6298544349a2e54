//! The server (服务器): sockets on one side, plain requests and responses on the other.
//!
//! Reading and writing is asynchronous. Making a response is not, because a signature keeps a core busy for a quarter of a
//! millisecond. So each response is made on a blocking thread. There are as many of these threads as can work at once. The
//! number of connections is [limited](places), so the number of requests that wait is limited too. A connection that is slow,
//! silent or oversized is dropped, or makes room for a new one. The others are still served.

mod body;
mod head;
mod places;
mod stream;

use std::future::poll_fn;
use std::net::TcpListener as BoundListener;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use http::{Extensions, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::exchange;
use crate::log::{Log, LogEntry};
use crate::notifications::Sender;
use crate::platform::Platform;
use body::ReadBody;
use places::{Doing, Place, Places};
use stream::Stream;

/// The head of a request, request line included. The platform's own limit is not known.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
/// How often what is due is done.
const TICK: Duration = Duration::from_secs(1);
/// How long after the stop responses may still be sent.
const LAST_RESPONSES: Duration = Duration::from_secs(1);

/// A running server; it stops when this is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    handle: Handle,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Service {
    settings: Settings,
    bodies: Arc<body::Reader>,
    spelling: Extensions,
}

/// What is served, and within which limits.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) platform: Arc<Platform>,
    /// How long a request may take to arrive, head and body each, its response to leave, and a connection to be idle.
    pub(crate) idle_timeout: Duration,
    /// How many connections there are at most; `None` for as many as the process may have.
    pub(crate) connections: Option<usize>,
    pub(crate) log: Option<Arc<Log>>,
}

impl Settings {
    fn tell(&self, entry: impl FnOnce() -> LogEntry) {
        if let Some(log) = &self.log {
            log(entry());
        }
    }
}

impl Server {
    /// Serves a platform on a bound socket, on a separate thread: callers may be synchronous or asynchronous.
    pub(crate) fn start(listener: BoundListener, settings: Settings) -> io::Result<Self> {
        places::lengthen_queue(&listener);
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("weipay-sandbox".to_owned()).spawn(move || {
            let ready = runtime().and_then(|runtime| {
                let listener = runtime.block_on(async { TcpListener::from_std(listener) })?;
                Ok((runtime, listener))
            });
            match ready {
                Err(error) => drop(report.send(Err(error))),
                Ok((runtime, listener)) => {
                    drop(report.send(Ok(runtime.handle().clone())));
                    let spelling = runtime.block_on(head::spelling());
                    let service = Service { settings, bodies: Arc::default(), spelling };
                    runtime.block_on(serve(listener, service, stopped));
                    runtime.shutdown_timeout(LAST_RESPONSES);
                }
            }
        })?;
        let handle =
            started.recv().map_err(|_| io::Error::other("the server's thread stopped at its start"))??;
        Ok(Self { stop: Some(stop), thread: Some(thread), handle })
    }

    /// Waits until the program is asked to end, by Ctrl-C or by a termination signal.
    pub(crate) fn wait(&self) -> io::Result<()> {
        let (report, asked) = mpsc::sync_channel(1);
        self.handle.spawn(async move { drop(report.send(asked_to_end().await)) });
        asked.recv().unwrap_or(Ok(()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been reported by itself.
            let _ = thread.join();
        }
    }
}

#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    poll_fn(|context| {
        let asked = interrupt.poll_recv(context).is_ready() | terminate.poll_recv(context).is_ready();
        if asked { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

#[cfg(not(unix))]
async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(2))
        .max_blocking_threads(cores * 2)
        .thread_name("weipay-sandbox")
        .enable_all()
        .build()
}

async fn serve(listener: TcpListener, service: Service, stopped: oneshot::Receiver<()>) {
    let connections = Arc::new(GracefulShutdown::new());
    let ticking = tokio::spawn(tick(Arc::clone(&service.settings.platform)));
    let sender = Sender::new(Arc::clone(&service.settings.platform), service.settings.log.clone());
    let sending = tokio::spawn(sender.run());
    let accepting = tokio::spawn(accept(listener, service, Arc::clone(&connections)));
    // A dropped sender means the same as a message.
    let _ = stopped.await;
    ticking.abort();
    sending.abort();
    accepting.abort();
    // Waiting for the end of the task closes the socket and leaves the connections to this function alone.
    let _ = accepting.await;
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = timeout(LAST_RESPONSES, connections.shutdown()).await;
    }
}

/// Does every second what is due by the platform's own clock.
async fn tick(platform: Arc<Platform>) {
    loop {
        sleep(TICK).await;
        let platform = Arc::clone(&platform);
        // What failed stays due, and is tried again.
        let _ = spawn_blocking(move || platform.tick(platform.clock.now())).await;
    }
}

async fn accept(listener: TcpListener, service: Service, connections: Arc<GracefulShutdown>) {
    let places = Arc::new(Places::new(service.settings.connections.unwrap_or_else(places::most)));
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors, or the peer is gone already: room for the next, and a pause to make it.
            places.make_room();
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        let Some(place) = places.take().await else { return };
        let (service, watcher) = (service.clone(), connections.watcher());
        tokio::spawn(connection(socket, place, service, watcher));
    }
}

async fn connection(socket: TcpStream, mut place: Place, service: Service, watcher: Watcher) {
    // A response is one small write: waiting to join it with another would only delay it.
    let _ = socket.set_nodelay(true);
    let Some(given_way) = place.given_way() else { return };
    let place = Arc::new(place);
    let stream = Stream::new(socket, Arc::clone(&place), service.settings.idle_timeout);
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(service.settings.idle_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        // A client that has said all it wants to say may still wait for the response.
        .half_close(true)
        .title_case_headers(true);
    let answering = service_fn(move |request| answered(request, service.clone(), Arc::clone(&place)));
    let served = watcher.watch(protocol.serve_connection(TokioIo::new(stream), answering));
    let (mut served, mut given_way) = (pin!(served), pin!(given_way));
    // How a connection ended is its client's business.
    poll_fn(|context| match given_way.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => served.as_mut().poll(context).map(drop),
    })
    .await;
}

/// A request that cannot be answered; its connection is dropped.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request did not arrive")
    }
}

impl std::error::Error for Dropped {}

async fn answered(
    request: Request<hyper::body::Incoming>,
    service: Service,
    place: Arc<Place>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let stays_open = head::stays_open(&request);
    let (head, stream) = request.into_parts();
    let Settings { platform, idle_timeout, .. } = &service.settings;
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    place.is_now(Doing::Sending);
    let is_upload = platform.is_upload(method.as_str(), &path);
    let Ok(body) = service.bodies.read(stream, &place, is_upload, *idle_timeout).await else {
        let reason = "its body did not arrive whole and in time";
        service.settings.tell(|| LogEntry::incomplete(method.as_str(), &path, reason));
        return Err(Dropped);
    };
    if !place.is_now(Doing::Answering) {
        return Err(Dropped);
    }
    // What is left of a body that is too long would be taken for the next request.
    let stays_open = stays_open && !matches!(body, ReadBody::TooLong);
    let response = match body {
        ReadBody::TooLong => platform.too_long(method.as_str(), &path),
        ReadBody::Whole(body, _place) => {
            let request = exchange::Request {
                method: head.method.as_str().to_owned(),
                target: head
                    .uri
                    .path_and_query()
                    .map_or_else(String::new, |target| target.as_str().to_owned()),
                headers: head.headers,
                body,
            };
            let platform = Arc::clone(platform);
            spawn_blocking(move || platform.respond(&request)).await.map_err(|_| Dropped)?
        }
    };
    service.settings.tell(|| LogEntry::new(method.as_str(), &path, &response));
    place.is_now(Doing::Waiting);
    Ok(head::framed(response, stays_open.then_some(*idle_timeout), &service.spelling))
}
