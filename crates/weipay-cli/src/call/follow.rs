//! `weipay call --follow`: the file that a response names, in place of the response.

use std::io::{self, Write};

use serde_json::Value;
use weipay::error::{ErrorKind, FileError};
use weipay::{Error, Response, blocking};

use super::{Output, report};
use crate::failure::{Failure, Outcome};

/// Downloads the file and checks its digest while it is written.
pub(super) fn follow(client: &blocking::Client, response: &Response<Value>, output: &Output) -> Outcome {
    let download = |writer: &mut dyn Write| client.download(response).to_writer(writer);
    let downloaded = match output {
        Output::File(file) => {
            let mut failed = None;
            let written = file.write(|file| match download(file) {
                Ok(_) => Ok(()),
                // The reason is told below. Here it only keeps the file from its place.
                Err(error) => Err(io::Error::other(failed.insert(error).to_string())),
            });
            match (failed, written) {
                (Some(error), _) => Err(error),
                (None, Err(reason)) => {
                    return Err(Failure::failed(format!("the file could not be written: {reason}")));
                }
                (None, Ok(())) => Ok(()),
            }
        }
        Output::Screen | Output::Stdout => download(&mut io::stdout().lock()).map(drop),
    };
    match downloaded {
        Err(error) if !has_reader_left(&error) => {
            let reason = format!("the call succeeded, but not its download: {}", report::describe(&error));
            Err(Failure::from_download(&error, reason))
        }
        _ => Ok(()),
    }
}

/// As with `| head`: the reader has what it wanted.
fn has_reader_left(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::File(FileError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe)
}
