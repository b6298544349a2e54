//! Prints the mistakes in a folder of catalogue files: `catalog/` of this crate, or the folder given as argument.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "command-line output")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use weipay_catalog::lint;

fn main() -> ExitCode {
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog"), PathBuf::from);
    match lint::check_folder(&root) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                println!("{finding}");
            }
            eprintln!("{} findings", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("because: {error}");
                cause = error.source();
            }
            ExitCode::from(2)
        }
    }
}
