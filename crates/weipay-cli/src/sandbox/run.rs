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
use std::time::{Duration, Instant};

use clap::Args;
use weipay_sandbox::SandboxBuilder;

use super::log_writer::LogWriter;
use super::serving::Serving;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::signals;

/// What follows the options of `weipay sandbox run --help`.
const HELP: &str = "\
An example: weipay sandbox run -- go test ./...

The command gets these variables:
  WEIPAY_BASE_URL, WEIPAY_MCHID ...   the kit, as of weipay sandbox env; WEIPAY_KIT is the path of
                                      kit.json
  HTTPS_PROXY, https_proxy            the sandbox, which acts as a proxy for the hosts of WeChat Pay
                                      only
  NO_PROXY, no_proxy                  hosts without the proxy: localhost, 127.0.0.1, ::1, and
                                      yours except those of WeChat Pay
  SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE
                                      a file with the certificates of the system, yours, and the
                                      local authority
  NODE_EXTRA_CA_CERTS, NODE_USE_ENV_PROXY
                                      the same for Node.js (proxies from 22.21 and 24.5)
  PHP_INI_SCAN_DIR                    the same for PHP
  JAVA_TOOL_OPTIONS                   the same for Java: a trust store, and the proxy for https

It does not get other variables that a client of weipay reads, such as your
WEIPAY_PLATFORM_CERTIFICATES.

A termination signal is passed on to the command; so is SIGINT, unless this program runs in the
foreground of a terminal, which sends Ctrl-C to the command itself. The sandbox waits for the
command, and then cleans up. A second Ctrl-C within two seconds ends the command at once, with
SIGKILL.

Exit code: that of the command; 128 + N if signal N ended it; 2 if the command cannot be started;
1 if the sandbox cannot.";

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
        return Err(Failure::usage("no command: write it after `--`"));
    };
    let builder = serving.builder()?.listen(*listen);
    let builder = data.iter().fold(builder, SandboxBuilder::data);
    // Dropped after the sandbox, so that its last request is logged.
    let log = (!serving.quiet).then(LogWriter::start);
    let builder = log.iter().fold(builder, |builder, log| builder.log(log.writer()));
    let sandbox = builder.start().map_err(super::start_failure)?;
    super::tell_holds(&sandbox);
    let environment = sandbox.client_environment().map_err(|error| {
        Failure::failed(format!(
            "the files that tell clients to trust the sandbox could not be written: {error}"
        ))
    })?;
    // Before the command runs: a signal that comes right after must not be lost.
    let signals = Signals {
        terminations: signals::terminations().map_err(Failure::failed)?,
        interrupts: signals::interrupts().map_err(Failure::failed)?,
    };
    let mut process = Command::new(program);
    process.args(arguments).envs(environment.variables());
    for name in environment.variables_to_unset() {
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

/// What this process is told, and not the command.
struct Signals {
    terminations: Receiver<()>,
    interrupts: Receiver<()>,
}

/// Waits for the command. Each termination signal, which only this process gets, is passed on. Ctrl-C reaches
/// the command from the terminal, and is its own business; what it sends is passed on where no terminal can
/// have sent it to both. Who presses it again at once wants no more waiting.
fn wait(mut child: Child, signals: Signals) -> io::Result<ExitStatus> {
    let id = child.id();
    let has_ended = Arc::new(AtomicBool::new(false));
    let Signals { terminations, interrupts } = signals;
    pass_on(terminations, &has_ended, move || passing::terminate(id))?;
    let mut presses = Presses::default();
    pass_on(interrupts, &has_ended, move || match presses.is_again(Instant::now()) {
        true => passing::kill(id),
        false => passing::interrupt(id),
    })?;
    let status = child.wait();
    // Its number may be another process's from now on.
    has_ended.store(true, Ordering::Release);
    status
}

/// So soon a second Ctrl-C must come to end the command at once. One that comes later is another first one: in the shell of a
/// language it ends a line, many times in an hour.
const AGAIN: Duration = Duration::from_secs(2);

/// When Ctrl-C was pressed last.
#[derive(Debug, Default)]
struct Presses(Option<Instant>);

impl Presses {
    fn is_again(&mut self, now: Instant) -> bool {
        let last = self.0.replace(now);
        last.is_some_and(|last| now.saturating_duration_since(last) < AGAIN)
    }
}

fn pass_on(
    signals: Receiver<()>,
    has_ended: &Arc<AtomicBool>,
    mut pass: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    let ended = Arc::clone(has_ended);
    // Ends with the process: nobody waits for it.
    let passing = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while signals.recv().is_ok() && !ended.load(Ordering::Acquire) {
            pass();
        }
    });
    passing.map(drop)
}

#[cfg(unix)]
mod passing {
    use std::fs::File;

    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use rustix::termios::tcgetpgrp;

    pub(super) fn terminate(id: u32) {
        send(id, Signal::TERM);
    }

    pub(super) fn interrupt(id: u32) {
        let foreground = File::open("/dev/tty").ok().and_then(|terminal| tcgetpgrp(terminal).ok());
        if !may_be_of_terminal(foreground, getpgrp()) {
            send(id, Signal::INT);
        }
    }

    pub(super) fn kill(id: u32) {
        send(id, Signal::KILL);
    }

    /// A terminal sends Ctrl-C to all processes of its foreground group, and the command is of the group of
    /// this one. Sent twice, it would mean "at once, without cleaning up" to many programs.
    fn may_be_of_terminal(foreground: Option<Pid>, own: Pid) -> bool {
        foreground == Some(own)
    }

    fn send(id: u32, signal: Signal) {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_terminal_sends_ctrl_c_only_to_a_command_in_the_foreground() {
            let (own, other) = (Pid::from_raw(7).unwrap(), Pid::from_raw(8).unwrap());
            for (foreground, is_of_terminal) in [(Some(own), true), (Some(other), false), (None, false)] {
                assert_eq!(may_be_of_terminal(foreground, own), is_of_terminal, "{foreground:?}");
            }
        }
    }
}

#[cfg(not(unix))]
mod passing {
    pub(super) fn terminate(_: u32) {}

    pub(super) fn interrupt(_: u32) {}

    pub(super) fn kill(_: u32) {}
}

fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().map_or(u8::MAX, |code| u8::try_from(code).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_ctrl_c_counts_only_soon_after_the_one_before() {
        let (mut presses, first) = (Presses::default(), Instant::now());
        let seconds = [(0, false), (1, true), (2, true), (4, false), (10, false), (11, true)];
        for (second, is_again) in seconds {
            assert_eq!(presses.is_again(first + Duration::from_secs(second)), is_again, "{second}");
        }
    }
}
