//! `weipay api export`: the whole catalogue for other tools and other languages.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use weipay_catalog::{export, openapi};

use crate::failure::{Failure, Outcome};
use crate::output::{OutputFile, unless_reader_left};

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// jsonl: all operations of APIv3 and APIv2; openapi: one OpenAPI 3.1 document of APIv3.
    #[arg(long, value_enum)]
    format: Format,
    /// What to write as jsonl [default: operations]. The OpenAPI document contains both.
    #[arg(long, value_enum)]
    what: Option<What>,
    /// The file to write; - is standard output [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Openapi,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    Operations,
    Notifications,
}

pub(super) fn run(arguments: &Export) -> Outcome {
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

fn write(arguments: &Export, out: impl Write) -> io::Result<()> {
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
