//! Ctrl-C and termination signals, where something is done before the program ends: a temporary folder of a sandbox, which holds
//! private keys, is deleted; and a call that is on its way is reported.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, process, thread};

use weipay_sandbox::Sandbox;

use crate::failure::{Failure, INTERRUPTED};

/// Until [`Self::stop`] or until it is dropped, a signal deletes the folder and ends the program.
///
/// The thread that deletes holds the lock until the process exits. So an error that comes from the deleted folder waits when
/// this is dropped, and never becomes the reason with which the program ends.
pub(crate) struct DeletedWhenInterrupted(Arc<Mutex<bool>>);

impl DeletedWhenInterrupted {
    /// Of a sandbox in a temporary folder.
    pub(crate) fn new(sandbox: &Sandbox) -> Result<Self, Failure> {
        let is_over = Arc::new(Mutex::new(false));
        let folder = sandbox.kit_file().parent().map(ToOwned::to_owned);
        let shared = Arc::clone(&is_over);
        let listening = on_signal(move |code| {
            let is_over = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if !*is_over {
                if let Some(folder) = folder {
                    // What cannot be deleted stays; nobody is left who could do more.
                    let _ = fs::remove_dir_all(folder);
                }
                process::exit(code.into());
            }
        });
        listening.map_err(Failure::failed)?;
        Ok(Self(is_over))
    }

    /// From now on another part listens.
    pub(crate) fn stop(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl Drop for DeletedWhenInterrupted {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a signal leaves open while a call is on its way: it is printed before the program ends.
pub(crate) struct ToldWhenInterrupted(Arc<Mutex<Option<String>>>);

impl ToldWhenInterrupted {
    /// `open` is the report until [`Self::ended`].
    pub(crate) fn new(open: String) -> Self {
        let told = Arc::new(Mutex::new(Some(open)));
        let shared = Arc::clone(&told);
        let listening = on_signal(move |code| {
            // Nothing else is printed from now on: the call that has ended reports it.
            let told = shared.lock().unwrap_or_else(PoisonError::into_inner);
            Failure::ended_by_signal(code, told.as_deref().unwrap_or_default()).exit()
        });
        // Without it a signal ends the program as usual.
        listening.ok();
        Self(told)
    }

    /// The call has ended, and its outcome is reported in another way.
    pub(crate) fn ended(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Waits on a thread of its own for a signal that ends the program, and gives its exit code to `end`. Once this has returned, no
/// signal is missed.
fn on_signal(end: impl FnOnce(u8) + Send + 'static) -> io::Result<()> {
    let (report, listens) = sync_channel(1);
    let listen = move || {
        let begun = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let begun = begun.and_then(|runtime| {
            let signals = runtime.block_on(async { signals() })?;
            Ok((runtime, signals))
        });
        let (runtime, signals) = match begun {
            Ok(begun) => begun,
            Err(error) => return drop(report.send(Err(error))),
        };
        report.send(Ok(())).ok();
        if let Ok(code) = runtime.block_on(signals) {
            end(code);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    listens.recv().unwrap_or_else(|_| Err(io::Error::other("nothing listens for signals")))
}

/// A signal that ends the program: its exit code.
#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = io::Result<u8>>> {
    use tokio::signal::unix::{SignalKind, signal};

    use crate::failure::TERMINATED;

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(std::future::poll_fn(move |context| {
        if interrupt.poll_recv(context).is_ready() {
            return std::task::Poll::Ready(Ok(INTERRUPTED));
        }
        terminate.poll_recv(context).map(|_| Ok(TERMINATED))
    }))
}

#[cfg(windows)]
fn signals() -> io::Result<impl Future<Output = io::Result<u8>>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        Ok(INTERRUPTED)
    })
}
