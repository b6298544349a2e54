//! `weipay call --follow`: the file that a response names, or that it is, in place of the response.

use std::io::{self, Write};

use serde_json::Value;
use weipay::blocking::Client;
use weipay::download::Downloaded;
use weipay::error::{ErrorKind, FileError};
use weipay::{Error, Response};

use super::{Output, report};
use crate::failure::{Failure, Outcome};

/// Downloads the file and checks its digest while it is written.
pub(super) fn follow(client: &Client, response: &Response<Value>, output: &Output) -> Outcome {
    let downloaded = write(|writer| client.download(response).to_writer(writer), output)?;
    match downloaded {
        Ok(downloaded) => {
            downloaded.as_ref().inspect(|downloaded| report::warn_of_unproven(downloaded));
            Ok(())
        }
        Err(error) => {
            let reason = match error.kind() {
                ErrorKind::Request(problem) => {
                    format!("the call succeeded, but nothing was downloaded: {problem}")
                }
                _ => format!("the call succeeded, but the download failed: {}", report::describe(&error)),
            };
            Err(Failure::from_download(&error, reason))
        }
    }
}

/// Writes a file, and gives how its download ended; an error of the output is a failure. `None` if nobody reads any more.
pub(super) fn write(
    download: impl FnOnce(&mut dyn Write) -> Result<Downloaded, Error>,
    output: &Output,
) -> Result<Result<Option<Downloaded>, Error>, Failure> {
    let downloaded = match output {
        Output::File(file) => {
            let mut ended = None;
            let written = file.write(|file| match ended.insert(download(file)) {
                Ok(_) => Ok(()),
                // The reason is told below. Here it only keeps the file from its place.
                Err(error) => Err(io::Error::other(error.to_string())),
            });
            match (ended, written) {
                (Some(Err(error)), _) => Err(error),
                (_, Err(reason)) => {
                    return Err(Failure::failed(format!("the file could not be written: {reason}")));
                }
                (ended, Ok(())) => Ok(ended.and_then(Result::ok)),
            }
        }
        Output::Screen | Output::Stdout => download(&mut io::stdout().lock()).map(Some),
    };
    Ok(downloaded.or_else(|error| if has_reader_left(&error) { Ok(None) } else { Err(error) }))
}

/// As with `| head`: the reader has what it wanted.
fn has_reader_left(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::File(FileError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe)
}
