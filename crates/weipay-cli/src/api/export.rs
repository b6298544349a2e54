//! `weipay api export`: the whole catalogue for other tools and other languages.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use weipay_catalog::{export, openapi};

use crate::arguments::{self, Format, What};
use crate::exit;
use crate::output_file::OutputFile;

pub(super) fn run(arguments: &arguments::Export) -> ExitCode {
    if arguments.format == Format::Openapi && arguments.what.is_some() {
        return exit::with(
            exit::USAGE,
            &"--what goes with --format jsonl only: the OpenAPI document has operations and notifications",
        );
    }
    let file = arguments.output.as_deref().filter(|file| *file != Path::new("-"));
    if let Some(file) = file {
        let written = OutputFile::check(file).and_then(|output| output.write(|file| write(arguments, file)));
        return match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => exit::with(exit::FAILED, &reason),
        };
    }
    match write(arguments, io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that went away has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &format!("standard output: {error}")),
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
