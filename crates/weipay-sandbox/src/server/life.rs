//! The life of the server: its thread and runtime, what it does without a request, and how it ends.

use std::net::TcpListener as BoundListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::{Service, Settings, accept, connection_limiter, spelling};
use crate::control::ControlListener;
use crate::notifications::Sender;
use crate::platform::Platform;

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

impl Server {
    /// Serves a platform on a bound socket, on a separate thread: callers may be synchronous or asynchronous.
    /// Beside it, the control API.
    pub(crate) fn start(
        listener: BoundListener,
        settings: Settings,
        control: Option<ControlListener>,
    ) -> io::Result<Self> {
        connection_limiter::lengthen_queue(&listener);
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("weipay-sandbox".to_owned()).spawn(move || {
            let ready = runtime(settings.platform.store.is_shared()).and_then(|runtime| {
                let listener = runtime.block_on(async { TcpListener::from_std(listener) })?;
                Ok((runtime, listener))
            });
            match ready {
                Err(error) => drop(report.send(Err(error))),
                Ok((runtime, listener)) => {
                    drop(report.send(Ok(runtime.handle().clone())));
                    if let Some(control) = control {
                        runtime.spawn(control.serve());
                    }
                    let spelling = runtime.block_on(spelling::header_case_extensions());
                    let service = Service {
                        settings,
                        bodies: Arc::default(),
                        spelling,
                        ending: Arc::new(Semaphore::new(0)),
                    };
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
        let _runtime = self.handle.enter();
        let signal = shutdown_signal()?;
        self.handle.spawn(async move { drop(report.send(signal.await)) });
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
fn shutdown_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(poll_fn(move |context| {
        let asked = interrupt.poll_recv(context).is_ready() | terminate.poll_recv(context).is_ready();
        if asked { Poll::Ready(Ok(())) } else { Poll::Pending }
    }))
}

#[cfg(not(unix))]
fn shutdown_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}

/// As many threads respond as there are cores, at least two: with more of them they only interrupt each
/// other, and some responses come late. Where they wait for a database that is elsewhere, there are twice as
/// many.
fn runtime(is_shared: bool) -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let responding = if is_shared { cores * 2 } else { cores.max(2) };
    runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(2))
        .max_blocking_threads(responding)
        .thread_name("weipay-sandbox")
        .enable_all()
        .build()
}

async fn serve(listener: TcpListener, service: Service, stopped: oneshot::Receiver<()>) {
    let connections = Arc::new(GracefulShutdown::new());
    let ticking = tokio::spawn(tick(Arc::clone(&service.settings.platform)));
    let sender = Sender::new(Arc::clone(&service.settings.platform));
    let sending = tokio::spawn(sender.run());
    let ending = Arc::clone(&service.ending);
    let accepting = tokio::spawn(accept(listener, service, Arc::clone(&connections)));
    // A dropped sender means the same as a message.
    let _ = stopped.await;
    ticking.abort();
    sending.abort();
    accepting.abort();
    // Waiting for the end of the task closes the socket and leaves the connections to this function alone.
    let _ = accepting.await;
    ending.close();
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = timeout(LAST_RESPONSES, connections.shutdown()).await;
    }
}

/// Does every second what is due by the platform's own clock.
async fn tick(platform: Arc<Platform>) {
    loop {
        sleep(TICK).await;
        let platform = Arc::clone(&platform);
        // What failed is tried again or put aside; the platform has told it.
        let _ = spawn_blocking(move || platform.tick(platform.clock.now())).await;
    }
}
