//! Ctrl-C and termination signals while a sandbox in this process has a temporary folder: it holds private
//! keys, so it is deleted first.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, process, thread};

use weipay_sandbox::Sandbox;

use crate::failure::Failure;

// 128 and the number of the signal, as shells have it.
const ENDED_BY_CTRL_C: i32 = 130;
const TERMINATED: i32 = 143;

/// Until [`Self::stop`] or until it is dropped, a signal deletes the folder and ends the program.
///
/// Whoever deletes holds the lock until the program has ended: what fails meanwhile because the folder is gone waits when this is
/// dropped, and is never the reason that the program ends with.
pub(crate) struct DeletedWhenInterrupted(Arc<Mutex<bool>>);

impl DeletedWhenInterrupted {
    /// Of a sandbox in a temporary folder.
    pub(crate) fn new(sandbox: &Sandbox) -> Result<Self, Failure> {
        let is_over = Arc::new(Mutex::new(false));
        let interrupts = sandbox.interrupts().map_err(Failure::failed)?;
        let terminations = sandbox.termination_signals().map_err(Failure::failed)?;
        for (signals, code) in [(interrupts, ENDED_BY_CTRL_C), (terminations, TERMINATED)] {
            let folder = sandbox.kit_file().parent().map(ToOwned::to_owned);
            let is_over = Arc::clone(&is_over);
            let wait = move |signals: Receiver<()>| {
                // It is an error where the sandbox has ended by itself.
                if signals.recv().is_err() {
                    return;
                }
                let is_over = is_over.lock().unwrap_or_else(PoisonError::into_inner);
                if !*is_over {
                    if let Some(folder) = folder {
                        // What cannot be deleted stays; nobody is left who could do more.
                        let _ = fs::remove_dir_all(folder);
                    }
                    process::exit(code);
                }
            };
            let thread = thread::Builder::new().name("signals".to_owned());
            thread.spawn(move || wait(signals)).map_err(Failure::failed)?;
        }
        Ok(Self(is_over))
    }

    /// From now on somebody else listens.
    pub(crate) fn stop(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl Drop for DeletedWhenInterrupted {
    fn drop(&mut self) {
        self.stop();
    }
}
