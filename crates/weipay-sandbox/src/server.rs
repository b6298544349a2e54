//! The server (服务器): sockets on one side, plain requests and answers on the other.
//!
//! Reading and writing is asynchronous; answering is not, because a signature keeps a core busy for a quarter of a
//! millisecond. So every request is answered on a blocking thread, of which there are as many as answers can run at
//! once, and connections are so many that those who wait have a bound too. Whoever is slow, silent, or sends more than
//! anybody needs is dropped, and everybody else is served on.

mod body;
mod framing;
mod spelling;

use std::net::TcpListener as BoundListener;
use std::sync::Arc;
use std::sync::mpsc;
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
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::exchange::Incoming;
use crate::platform::Platform;
use body::ReadBody;

/// So many connections are served at once; the next ones wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// A connection ends after this long, however busy: nobody holds a place for ever by not reading its answer.
const LONGEST_CONNECTION: Duration = Duration::from_secs(3_600);
/// The head of a request, request line included. The platform's own limit is not known.
const LONGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;
/// Answers on their way may leave for this long after the stop.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A running server; it stops when this is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    handle: Handle,
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Server")
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Service {
    platform: Arc<Platform>,
    /// How long a request may take to arrive, head and body each, and how long a connection may be idle.
    patience: Duration,
    bodies: Arc<body::Reader>,
    spelling: Extensions,
}

impl Server {
    /// Serves a platform on a bound socket, on a thread of its own: callers may be synchronous or asynchronous.
    pub(crate) fn start(
        listener: BoundListener,
        platform: Arc<Platform>,
        patience: Duration,
    ) -> io::Result<Server> {
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
                    let spelling = runtime.block_on(spelling::learn());
                    let service = Service { platform, patience, bodies: Arc::default(), spelling };
                    runtime.block_on(serve(listener, service, stopped));
                    runtime.shutdown_timeout(LAST_ANSWERS);
                }
            }
        })?;
        let handle =
            started.recv().map_err(|_| io::Error::other("the server's thread stopped at its start"))??;
        Ok(Server { stop: Some(stop), thread: Some(thread), handle })
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
    std::future::poll_fn(|context| {
        let asked = interrupt.poll_recv(context).is_ready() | terminate.poll_recv(context).is_ready();
        if asked { std::task::Poll::Ready(Ok(())) } else { std::task::Poll::Pending }
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
    let accepting = tokio::spawn(accept(listener, service, Arc::clone(&connections)));
    // A dropped sender means the same as a message.
    let _ = stopped.await;
    accepting.abort();
    // Waiting for the end of the task closes the socket and leaves the connections to this function alone.
    let _ = accepting.await;
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = timeout(LAST_ANSWERS, connections.shutdown()).await;
    }
}

async fn accept(listener: TcpListener, service: Service, connections: Arc<GracefulShutdown>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or the peer is gone already: a pause lets others finish.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (service, watcher) = (service.clone(), connections.watcher());
        tokio::spawn(async move {
            connection(stream, service, watcher).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, service: Service, watcher: Watcher) {
    // An answer is one small write: waiting to join it with another would only delay it.
    let _ = stream.set_nodelay(true);
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(service.patience)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        // A client that has said all it wants to say may still wait for the answer.
        .half_close(true)
        .title_case_headers(true);
    let answering = service_fn(move |request| answered(request, service.clone()));
    let served = watcher.watch(protocol.serve_connection(TokioIo::new(stream), answering));
    // How a connection ended is its client's business.
    let _ = timeout(LONGEST_CONNECTION, served).await;
}

/// A request that cannot be answered; its connection is dropped.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the request did not arrive")
    }
}

impl std::error::Error for Dropped {}

async fn answered(
    request: Request<hyper::body::Incoming>,
    service: Service,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let stays_open = framing::stays_open(&request);
    let (head, stream) = request.into_parts();
    let is_upload = service.platform.is_upload(head.method.as_str(), head.uri.path());
    let body = service.bodies.read(stream, is_upload, service.patience).await.map_err(|_| Dropped)?;
    let outgoing = match body {
        ReadBody::TooLong => service.platform.too_long(),
        ReadBody::Whole(body) => {
            let incoming = Incoming {
                method: head.method.as_str().to_owned(),
                target: head
                    .uri
                    .path_and_query()
                    .map_or_else(String::new, |target| target.as_str().to_owned()),
                headers: head.headers,
                body,
            };
            let platform = Arc::clone(&service.platform);
            spawn_blocking(move || platform.answer(&incoming)).await.map_err(|_| Dropped)?
        }
    };
    Ok(framing::framed(outgoing, stays_open.then_some(service.patience), &service.spelling))
}
