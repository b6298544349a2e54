//! The `weipay` command: a sandbox, a quickstart, single calls, and the catalogue to look things up in. For people, and for
//! scripts in any language.

mod api;
mod arguments;
mod call;
mod failure;
mod interrupted;
mod nearest;
mod notification_listener;
mod output;
mod quickstart;
mod sandbox;
mod signals;
mod trigger;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::from_command_line().command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Trigger(arguments) => trigger::run(&arguments),
        Command::Api(arguments) => api::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
