//! `weipay api`: looks things up in the catalogue.

mod export;
pub(crate) mod list;
mod show;

use clap::{Subcommand, ValueEnum};

use crate::failure::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Api {
    /// List operations, one per line: method, path, title.
    List(list::List),
    /// Show one operation or notification: fields, error codes, Rust code in six styles, the command, official documents; or an
    /// error code.
    Show(show::Show),
    /// Write the whole catalogue as JSON lines or as an OpenAPI document.
    Export(export::Export),
}

/// A version of the API, as options name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiVersion {
    V3,
    V2,
}

impl From<ApiVersion> for weipay_catalog::ApiVersion {
    fn from(version: ApiVersion) -> Self {
        match version {
            ApiVersion::V3 => Self::V3,
            ApiVersion::V2 => Self::V2,
        }
    }
}

pub(crate) fn run(arguments: &Api) -> Outcome {
    match arguments {
        Api::List(arguments) => list::run(arguments),
        Api::Show(arguments) => show::run(arguments),
        Api::Export(arguments) => export::run(arguments),
    }
}
