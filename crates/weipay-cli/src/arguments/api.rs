//! The command line of `weipay api`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Api {
    /// List operations, one per line: method, path, title.
    List(List),
    /// Show one operation or notification: fields, error codes, Rust code in six styles, the command, official documents.
    Show(Show),
    /// Write the whole catalogue as JSON lines or as an OpenAPI document.
    Export(Export),
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 something was found, 1 nothing was found, 2 a wrong command line.")]
pub(crate) struct List {
    /// Search words, Chinese or English. Each must occur in the title, product, path or document number. URLs work too.
    #[arg(value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Only this product: its official name, such as 商家券, or the beginning of its paths, such as marketing/busifavor.
    #[arg(long, value_name = "PRODUCT", conflicts_with = "notifications")]
    pub(crate) product: Option<String>,
    /// Only this method.
    #[arg(long, value_parser = super::method, conflicts_with = "notifications")]
    pub(crate) method: Option<http::Method>,
    /// Only this version of the API.
    #[arg(long, value_enum)]
    pub(crate) api: Option<Version>,
    /// List notifications (回调通知) instead of operations.
    #[arg(long)]
    pub(crate) notifications: bool,
    /// Print a line of JSON for each.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    V3,
    V2,
}

impl Version {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V2 => "v2",
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was found, 1 it was not found, 2 a wrong command line.")]
pub(crate) struct Show {
    /// A path, with {placeholders} or with values, or a whole URL; or the event of a notification, such as REFUND.SUCCESS.
    /// A method may come before the path.
    #[arg(value_name = "[METHOD] PATH", num_args = 1..=2, required = true)]
    named: Vec<String>,
    /// Only this method, if the path has several.
    #[arg(long, value_parser = super::method)]
    method: Option<http::Method>,
    /// Print a line of JSON for each, as `weipay api export` writes it.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Show {
    /// The path and the method, which may be before the path or an option.
    pub(crate) fn asked(&self) -> Result<(&str, Option<http::Method>), String> {
        match &self.named[..] {
            [path] => Ok((path, self.method.clone())),
            [method, path] if self.method.is_none() => Ok((path, Some(super::method(method)?))),
            _ => Err("the method is given twice: leave one of them out".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// jsonl: all operations of APIv3 and APIv2; openapi: one OpenAPI 3.1 document of APIv3.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// What to write as jsonl [default: operations]. The OpenAPI document contains both.
    #[arg(long, value_enum)]
    pub(crate) what: Option<What>,
    /// The file to write; - is standard output [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
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
