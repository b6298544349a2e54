//! `weipay api export`: the whole catalogue for other tools and other languages.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use weipay_catalog::{export, openapi};

use crate::arguments::{self, Format, What};
use crate::exit;

pub(super) fn run(arguments: &arguments::Export) -> ExitCode {
    if arguments.format == Format::Openapi && arguments.what.is_some() {
        return exit::with(
            exit::USAGE,
            &"the OpenAPI document has operations and notifications: --what is of jsonl",
        );
    }
    let file = arguments.output.as_deref().filter(|file| *file != Path::new("-"));
    let written = match file {
        None => write(arguments, io::stdout().lock()),
        Some(file) => File::create(file).and_then(|file| write(arguments, file)),
    };
    match (written, file) {
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(error), Some(file)) => exit::with(exit::FAILED, &format!("{}: {error}", file.display())),
        // A reader that went away has what it wanted.
        (Err(error), None) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        (Err(error), None) => exit::with(exit::FAILED, &format!("standard output: {error}")),
    }
}

fn write(arguments: &arguments::Export, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match (arguments.format, arguments.what) {
        (Format::Jsonl, None | Some(What::Operations)) => export::jsonl(&mut out)?,
        (Format::Jsonl, Some(What::Notifications)) => export::notifications_jsonl(&mut out)?,
        (Format::Openapi, _) => {
            serde_json::to_writer_pretty(&mut out, &openapi::document())?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
