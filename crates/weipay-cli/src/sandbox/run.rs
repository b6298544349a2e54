//! `weipay sandbox run -- COMMAND`: a sandbox for as long as a command runs, whatever language the command is written in.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::Receiver;
use std::thread;

use weipay_sandbox::SandboxBuilder;

use super::log_writer::LogWriter;
use crate::failure::{Failure, Outcome};

pub(super) fn run(builder: SandboxBuilder, is_logged: bool, command: &[OsString]) -> Outcome {
    let [program, arguments @ ..] = command else {
        return Err(Failure::usage("there is no command: give one behind --"));
    };
    // Dropped after the sandbox, so that its last request is logged.
    let log = is_logged.then(LogWriter::start);
    let builder = log.iter().fold(builder, |builder, log| builder.log(log.writer()));
    let sandbox = builder.start().map_err(super::start_failure)?;
    let environment = sandbox.client_environment().map_err(|error| {
        Failure::failed(format!(
            "the files that tell clients to trust the sandbox could not be written: {error}"
        ))
    })?;
    let mut process = Command::new(program);
    process.args(arguments).envs(environment.variables());
    let child = process.spawn().map_err(|error| {
        Failure::usage(format!("{} could not be started: {error}", Path::new(program).display()))
    })?;
    let status = wait(child, sandbox.asked_to_end()).map_err(Failure::failed)?;
    drop(sandbox);
    drop(log);
    match exit_code(status) {
        0 => Ok(()),
        code => Err(Failure::passed_on(code)),
    }
}

/// Waits for the command. Ctrl-C reaches it from the terminal. A termination signal, which only this process gets, is passed
/// on.
fn wait(mut child: Child, asked: Receiver<io::Result<()>>) -> io::Result<ExitStatus> {
    let id = child.id();
    // Ends with the process: nobody waits for it.
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if asked.recv().is_ok() {
            terminate(id);
        }
    })?;
    child.wait()
}

#[cfg(unix)]
fn terminate(id: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: u32) {}

fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().map_or(u8::MAX, |code| u8::try_from(code).unwrap_or(u8::MAX))
}
