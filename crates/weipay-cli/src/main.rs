//! The `weipay` command: a sandbox, a quickstart, single calls and the catalogue to look things up in, for people and for scripts in any language.

mod api;
mod arguments;
mod call;
mod exit;
mod nearest;
mod output_file;
mod quickstart;
mod sandbox;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    match Arguments::of_the_process().command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Api(arguments) => api::run(&arguments),
    }
}
