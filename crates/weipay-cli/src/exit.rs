//! Exit codes, fixed: other people's scripts depend on them.

use std::io::Write;
use std::process::ExitCode;

use weipay::Error;

/// An error response of the platform, or something that did not come out as it should.
pub(crate) const FAILED: u8 = 1;
/// A wrong command line or configuration: nothing was sent.
pub(crate) const USAGE: u8 = 2;
/// A response that does not verify.
pub(crate) const UNVERIFIED: u8 = 3;
/// The network failed.
pub(crate) const NETWORK: u8 = 4;

/// The exit code of a failed call.
pub(crate) fn code(error: &Error) -> u8 {
    if error.is_request() {
        USAGE
    } else if error.is_unverified() {
        UNVERIFIED
    } else if error.is_network() {
        NETWORK
    } else {
        FAILED
    }
}

/// Says why on standard error, with the causes of an error, and gives the code.
pub(crate) fn with(code: u8, reason: &dyn std::fmt::Display) -> ExitCode {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    // A closed standard error must not hide the exit code.
    writeln!(anstream::stderr(), "{style}error:{style:#} {reason:#}").ok();
    ExitCode::from(code)
}
