//! `weipay call`: one signed call from the shell.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;
use weipay::{ConfigError, Reply, blocking};

use crate::arguments;
use crate::exit;

mod failure;
mod path;
mod sensitive;

pub(crate) fn run(arguments: &arguments::Call) -> ExitCode {
    let operation = match path::checked(&arguments.method, &arguments.path) {
        Ok(operation) => operation,
        Err(reason) => return exit::with(exit::USAGE, &reason),
    };
    let client = match &arguments.kit {
        Some(file) => blocking::Client::from_kit(file),
        None => blocking::Client::from_env(),
    };
    let client = match client {
        Ok(client) => client,
        Err(error @ ConfigError::Unset(_)) => {
            return exit::with(
                exit::USAGE,
                &format!("{error}; set them, or give a sandbox's kit with --kit FILE"),
            );
        }
        Err(error) => return exit::with(exit::USAGE, &error),
    };
    // A path that is not in the catalogue is sent all the same. When that does not work, it was probably mistyped.
    let with_nearest = |text: String| match operation {
        Some(_) => text,
        None => format!("{text}\n{}", path::unknown(&arguments.method, &arguments.path)),
    };
    let treated = match sensitive::treated(arguments, operation, &client) {
        Ok(treated) => treated,
        Err(reason) => return exit::with(exit::USAGE, &with_nearest(reason)),
    };
    let mut call = client.chain(&arguments.path);
    for (name, value) in &treated.values {
        call = call.path(name, value);
    }
    for (name, value) in &treated.query {
        call = call.query(name, value);
    }
    for (name, value) in &arguments.header {
        call = call.header(name, value);
    }
    match call.request(arguments.method.clone(), &treated.body) {
        Ok(reply) => show(&reply),
        Err(error) => exit::with(exit::code(&error), &with_nearest(failure::told(&error))),
    }
}

/// The body as it was signed; laid out for a reader where a person looks at it.
fn show(reply: &Reply) -> ExitCode {
    let mut out = io::stdout();
    let pretty = out.is_terminal().then(|| reply.json().ok()).flatten().filter(|json| *json != Value::Null);
    let written = match pretty {
        Some(json) => writeln!(out, "{json:#}"),
        None if reply.bytes().is_empty() => Ok(()),
        None => out.write_all(reply.bytes()).and_then(|()| out.write_all(b"\n")),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &error),
    }
}
