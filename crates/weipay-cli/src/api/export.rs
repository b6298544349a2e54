//! `weipay api export`: the whole catalogue for other tools and other languages.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use weipay_catalog::{export, openapi};

use crate::arguments::{self, Format, What};
use crate::exit;

pub(super) fn run(arguments: &arguments::Export) -> ExitCode {
    let written = match &arguments.output {
        None => write(arguments, io::stdout().lock()),
        Some(file) => match File::create(file) {
            Ok(file) => write(arguments, file),
            Err(error) => return exit::with(exit::FAILED, &format!("{}: {error}", file.display())),
        },
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => exit::with(exit::FAILED, &error),
        _ => ExitCode::SUCCESS,
    }
}

fn write(arguments: &arguments::Export, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match (arguments.format, arguments.what) {
        (Format::Jsonl, What::Operations) => export::jsonl(&mut out)?,
        (Format::Jsonl, What::Notifications) => export::notifications_jsonl(&mut out)?,
        (Format::Openapi, _) => {
            serde_json::to_writer_pretty(&mut out, &openapi::document())?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
