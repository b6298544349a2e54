//! How a command ends: with success, or with a reason for people and an exit code for scripts.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use weipay::Error;
use weipay::error::ErrorKind;
use weipay_sandbox::control::ClientError;

use crate::output::ERROR;

/// What a command returns; `main` reports a failure.
pub(crate) type Outcome = Result<(), Failure>;

// The exit codes are fixed: other people's scripts depend on them.

/// An error response of the platform, or any other failure.
const FAILED: u8 = 1;
/// A wrong command line or configuration: nothing was sent.
const USAGE: u8 = 2;
/// A response that does not verify.
const UNVERIFIED: u8 = 3;
/// The network failed.
const NETWORK: u8 = 4;

// 128 and the number of the signal, as shells have it.

/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
/// A termination signal. Windows has none.
#[cfg(unix)]
pub(crate) const TERMINATED: u8 = 143;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// Empty when who failed has said it.
    reason: String,
}

impl Failure {
    /// The command line or the configuration is wrong: nothing was sent.
    pub(crate) fn usage(reason: impl Display) -> Self {
        Self::new(USAGE, reason)
    }

    /// The command was understood, but failed.
    pub(crate) fn failed(reason: impl Display) -> Self {
        Self::new(FAILED, reason)
    }

    /// The control API of a sandbox did not do it.
    pub(crate) fn from_control(error: ClientError) -> Self {
        match &error {
            ClientError::NotRunning(_) | ClientError::Unreadable(_) => Self::usage(error),
            // A value of the command line that the sandbox alone can judge.
            ClientError::Refused { status: 400, .. } => Self::usage(error),
            _ => Self::failed(error),
        }
    }

    /// Nobody responded.
    pub(crate) fn network(reason: impl Display) -> Self {
        Self::new(NETWORK, reason)
    }

    /// A call failed with this error, which `reason` describes.
    pub(crate) fn from_call(error: &Error, reason: impl Display) -> Self {
        let error = match error.kind() {
            ErrorKind::PlatformCertificates(fetch) => fetch,
            _ => error,
        };
        let code = if error.is_request() {
            USAGE
        } else if error.is_unverified() || matches!(error.kind(), ErrorKind::Decode(_)) {
            UNVERIFIED
        } else if error.is_network() {
            NETWORK
        } else {
            FAILED
        };
        Self::new(code, reason)
    }

    /// A call succeeded, but not the download that follows it.
    pub(crate) fn from_download(error: &Error, reason: impl Display) -> Self {
        // Something was sent in any case.
        let code = if error.is_request() { FAILED } else { Self::from_call(error, "").code };
        Self::new(code, reason)
    }

    /// The same, with the place where it happened in front.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { reason: format!("{place}: {}", self.reason), ..self }
    }

    /// A command that we started failed with this exit code. It has said why.
    pub(crate) fn passed_on(code: u8) -> Self {
        Self { code, reason: String::new() }
    }

    /// A signal ended the command with this exit code. What is left open is the reason, if anything is.
    pub(crate) fn ended_by_signal(code: u8, reason: impl Display) -> Self {
        Self::new(code, reason)
    }

    /// `{:#}` includes the causes of an error.
    fn new(code: u8, reason: impl Display) -> Self {
        Self { code, reason: format!("{reason:#}") }
    }

    /// Prints the reason on standard error and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        ExitCode::from(self.print())
    }

    /// Prints the reason and ends the program, from whatever thread.
    pub(crate) fn exit(&self) -> ! {
        std::process::exit(self.print().into())
    }

    fn print(&self) -> u8 {
        if !self.reason.is_empty() {
            // If standard error is closed, the exit code still tells.
            writeln!(anstream::stderr(), "{ERROR}error:{ERROR:#} {}", self.reason).ok();
        }
        self.code
    }
}
