//! Signals that ask the program to end, as channels. Each function listens before it returns, and from then on its signals no
//! longer end the process.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::{io, thread};

/// Receives a message on each Ctrl-C and each termination signal.
pub(crate) fn shutdown() -> io::Result<Receiver<()>> {
    listen(Kinds { interrupts: true, terminations: true })
}

/// Receives a message on each termination signal, for a program that passes them on. Ctrl-C, which a terminal sends to all of its
/// programs, does not end the process either.
pub(crate) fn terminations() -> io::Result<Receiver<()>> {
    listen(Kinds { interrupts: false, terminations: true })
}

/// Receives a message on each Ctrl-C (SIGINT).
pub(crate) fn interrupts() -> io::Result<Receiver<()>> {
    listen(Kinds { interrupts: true, terminations: false })
}

/// The kinds that are reported.
#[derive(Clone, Copy)]
struct Kinds {
    interrupts: bool,
    terminations: bool,
}

fn listen(kinds: Kinds) -> io::Result<Receiver<()>> {
    let (report, received) = channel();
    let (ready, begun) = sync_channel(1);
    let listen = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        match runtime.block_on(async { reporting(kinds, report) }) {
            Ok(reporting) => {
                ready.send(Ok(())).ok();
                runtime.block_on(reporting);
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    begun.recv().unwrap_or_else(|_| Err(io::Error::other("the thread for signals stopped at its start")))?;
    Ok(received)
}

#[cfg(unix)]
fn reporting(kinds: Kinds, report: Sender<()>) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    // A program that waits for termination signals is not ended by Ctrl-C either.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = kinds.terminations.then(|| signal(SignalKind::terminate())).transpose()?;
    Ok(async move {
        loop {
            let is_reported = std::future::poll_fn(|context| {
                // Both are polled, so that both wake this task.
                let is_interrupt = interrupt.poll_recv(context).is_ready();
                let is_terminate =
                    terminate.as_mut().is_some_and(|signal| signal.poll_recv(context).is_ready());
                if is_interrupt || is_terminate {
                    std::task::Poll::Ready(is_terminate || kinds.interrupts)
                } else {
                    std::task::Poll::Pending
                }
            });
            if is_reported.await && report.send(()).is_err() {
                return;
            }
        }
    })
}

/// There are no termination signals.
#[cfg(windows)]
fn reporting(kinds: Kinds, report: Sender<()>) -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        while interrupt.recv().await.is_some() {
            if kinds.interrupts && report.send(()).is_err() {
                return;
            }
        }
    })
}
