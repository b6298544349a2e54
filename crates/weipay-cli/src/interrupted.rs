//! Ctrl-C and termination signals while a sandbox in this process has a temporary folder: it holds private keys, so it is deleted first.

use std::{fs, process, thread};

use weipay_sandbox::Sandbox;

use crate::failure::{Failure, Outcome};

/// 128 and the number of SIGINT, as shells have it for a program that Ctrl-C ended.
const ENDED_BY_CTRL_C: i32 = 130;

/// From now on such a signal deletes the folder of the sandbox, which is a temporary one, and ends the program.
pub(crate) fn delete_temporary_folder(sandbox: &Sandbox) -> Outcome {
    let asked_to_end = sandbox.asked_to_end();
    let folder = sandbox.kit_file().parent().map(ToOwned::to_owned);
    let wait = move || {
        // It is an error where the sandbox has ended by itself.
        if asked_to_end.recv().is_ok() {
            if let Some(folder) = folder {
                // What cannot be deleted stays; nobody is left who could do more.
                let _ = fs::remove_dir_all(folder);
            }
            process::exit(ENDED_BY_CTRL_C);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(Failure::failed)?;
    Ok(())
}
