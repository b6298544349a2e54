//! `weipay api export`: the whole catalogue for other tools and other languages.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use weipay_catalog::{export, openapi};

use crate::arguments::{self, Format, What};
use crate::failure::{Failure, Outcome};
use crate::output::{OutputFile, unless_reader_left};

pub(super) fn run(arguments: &arguments::Export) -> Outcome {
    if arguments.format == Format::Openapi && arguments.what.is_some() {
        let reason = "--what is for jsonl only; the OpenAPI document contains operations and notifications";
        return Err(Failure::usage(reason));
    }
    let written = match arguments.output.as_deref().filter(|file| *file != Path::new("-")) {
        Some(file) => OutputFile::check(file).and_then(|output| output.write(|file| write(arguments, file))),
        None => unless_reader_left(write(arguments, io::stdout().lock()))
            .map_err(|error| format!("standard output: {error}")),
    };
    written.map_err(Failure::failed)
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
