//! `weipay api`: the catalogue to look things up in.

mod export;
mod list;
mod show;

use std::io::Write;
use std::process::ExitCode;

use crate::arguments::Api;
use crate::exit;

pub(crate) fn run(arguments: &Api) -> ExitCode {
    match arguments {
        Api::List(arguments) => list::run(arguments),
        Api::Show(arguments) => show::run(arguments),
        Api::Export(arguments) => export::run(arguments),
    }
}

/// Prints what was found. A reader that went away, as with `| head`, has seen enough.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => exit::with(exit::FAILED, &error),
        _ => ExitCode::SUCCESS,
    }
}
