//! `weipay sandbox run -- COMMAND`: a sandbox for as long as a command runs, whatever language the command is written in.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;

use clap::Args;
use weipay_sandbox::SandboxBuilder;

use super::log_writer::LogWriter;
use super::serving::Serving;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};

/// What follows the options of `weipay sandbox run --help`.
const HELP: &str = "\
An example: weipay sandbox run -- go test ./...

The command gets these variables:
  WEIPAY_BASE_URL, WEIPAY_MCHID ...   the kit, as of weipay sandbox env; WEIPAY_KIT is the path of kit.json
  HTTPS_PROXY, https_proxy            the sandbox; it responds for every host of WeChat Pay, and leads to no other host
  NO_PROXY, no_proxy                  what is reached without it: yours but for hosts of WeChat Pay, localhost, 127.0.0.1
                                      and ::1
  SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE
                                      the certificates of the system, yours, and that of the local authority
  NODE_EXTRA_CA_CERTS, NODE_USE_ENV_PROXY
                                      the same for Node.js (proxies from 22.21 and 24.5)
  PHP_INI_SCAN_DIR                    the same for PHP
  JAVA_TOOL_OPTIONS                   the same for Java: a trust store, and the proxy for https

It does not get other variables that a client of weipay reads, such as your WEIPAY_PLATFORM_CERTIFICATES.

The exit code is that of the command; 128 and the number of the signal if a signal ended it. If the command cannot be started,
it is 2.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Run {
    /// The folder for the kit and the state [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
    listen: SocketAddr,
    #[command(flatten)]
    serving: Serving,
    /// The command and its arguments, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(arguments: &Run) -> Outcome {
    let Run { data, listen, serving, command } = arguments;
    let [program, arguments @ ..] = &command[..] else {
        return Err(Failure::usage("there is no command: give one after --"));
    };
    let builder = serving.builder()?.listen(*listen);
    let builder = data.iter().fold(builder, SandboxBuilder::data);
    // Dropped after the sandbox, so that its last request is logged.
    let log = (!serving.quiet).then(LogWriter::start);
    let builder = log.iter().fold(builder, |builder, log| builder.log(log.writer()));
    let sandbox = builder.start().map_err(super::start_failure)?;
    let environment = sandbox.client_environment().map_err(|error| {
        Failure::failed(format!(
            "the files that tell clients to trust the sandbox could not be written: {error}"
        ))
    })?;
    // Before the command runs: a signal that comes right after must not be lost.
    let signals = sandbox.termination_signals().map_err(Failure::failed)?;
    let mut process = Command::new(program);
    process.args(arguments).envs(environment.variables());
    for name in environment.removed() {
        process.env_remove(name);
    }
    let child = process.spawn().map_err(|error| {
        Failure::usage(format!("{} could not be started: {error}", Path::new(program).display()))
    })?;
    let status = wait(child, signals).map_err(Failure::failed)?;
    drop(sandbox);
    drop(log);
    match exit_code(status) {
        0 => Ok(()),
        code => Err(Failure::passed_on(code)),
    }
}

/// Waits for the command. Ctrl-C reaches it from the terminal, and is its own business. Each termination signal, which only this process
/// gets, is passed on.
fn wait(mut child: Child, signals: Receiver<()>) -> io::Result<ExitStatus> {
    let id = child.id();
    let has_ended = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&has_ended);
    // Ends with the process: nobody waits for it.
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while signals.recv().is_ok() && !ended.load(Ordering::Acquire) {
            terminate(id);
        }
    })?;
    let status = child.wait();
    // Its number may be another process's from now on.
    has_ended.store(true, Ordering::Release);
    status
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
