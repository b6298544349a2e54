//! `weipay call`: one signed call from the shell.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use weipay::{ConfigError, blocking};

use crate::arguments;
use crate::exit;
use crate::output_file::OutputFile;

mod failure;
mod layout;
mod names;
mod note;
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
    let output = match Output::of(arguments.output.as_deref()) {
        Ok(output) => output,
        Err(reason) => return exit::with(exit::USAGE, &format!("--output {reason}; nothing was sent")),
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
        Ok(reply) => {
            note::example(reply.headers());
            deliver(reply.bytes(), &output)
        }
        Err(error) => exit::with(exit::code(&error), &with_nearest(failure::told(&error))),
    }
}

/// Where the body of the response goes.
enum Output {
    File(OutputFile),
    /// Standard output, laid out where a person looks at it.
    Screen,
    /// Standard output, as it came even there.
    Stdout,
}

impl Output {
    fn of(file: Option<&Path>) -> Result<Output, String> {
        match file {
            None => Ok(Output::Screen),
            Some(file) if file == Path::new("-") => Ok(Output::Stdout),
            Some(file) => OutputFile::check(file).map(Output::File),
        }
    }
}

/// The body goes out as it was signed, byte for byte; only JSON on a terminal is laid out for a reader.
fn deliver(body: &[u8], output: &Output) -> ExitCode {
    let mut out = io::stdout().lock();
    let written = match output {
        Output::File(file) => return written_to(file, body),
        Output::Screen if out.is_terminal() => match layout::readable(body) {
            Some(json) => {
                let mut out = BufWriter::new(out);
                layout::write(json, &mut out).and_then(|()| out.flush())
            }
            None => out.write_all(body).and_then(|()| out.flush()),
        },
        // Without the flush an error in writing the last line would go unnoticed.
        Output::Screen | Output::Stdout => out.write_all(body).and_then(|()| out.flush()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that went away has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => lost(&format!("standard output: {error}")),
    }
}

fn written_to(file: &OutputFile, body: &[u8]) -> ExitCode {
    match file.write(|file| file.write_all(body)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => lost(&reason),
    }
}

/// Nobody may take this for a call that failed.
fn lost(reason: &str) -> ExitCode {
    exit::with(exit::FAILED, &format!("the call succeeded, but its response could not be written: {reason}"))
}
