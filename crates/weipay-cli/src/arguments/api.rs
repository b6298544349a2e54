//! The command line of `weipay api`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Api {
    /// List operations, one a line: method, path, title.
    List(List),
    /// Show one operation or notification: its fields, six styles of Rust, the command, its documents.
    Show(Show),
    /// Write the whole catalogue as JSON lines or as an OpenAPI document.
    Export(Export),
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 something was found, 1 nothing was, 2 a wrong command line.")]
pub(crate) struct List {
    /// Words that must all stand in the title, the product, the path or a document's number; Chinese or English. Whole addresses too.
    #[arg(value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Only this product: its official label, such as 商家券, or the beginning of its paths, such as marketing/busifavor.
    #[arg(long, value_name = "PRODUCT", conflicts_with = "notifications")]
    pub(crate) product: Option<String>,
    /// Only this method.
    #[arg(long, value_parser = super::method, conflicts_with = "notifications")]
    pub(crate) method: Option<http::Method>,
    /// Only this version of the API.
    #[arg(long, value_enum)]
    pub(crate) api: Option<Version>,
    /// List notifications (回调通知) in place of operations.
    #[arg(long)]
    pub(crate) notifications: bool,
    /// A line of JSON for each.
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
            Version::V3 => "v3",
            Version::V2 => "v2",
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was found, 1 there is no such operation, 2 a wrong command line.")]
pub(crate) struct Show {
    /// A path, with placeholders or filled, or its whole URL; or a notification's event such as REFUND.SUCCESS. A method may
    /// stand before it.
    #[arg(value_name = "[METHOD] PATH", num_args = 1..=2, required = true)]
    named: Vec<String>,
    /// Only this method, where the path has several.
    #[arg(long, value_parser = super::method)]
    method: Option<http::Method>,
}

impl Show {
    /// Path and method, wherever the method was given.
    pub(crate) fn asked(&self) -> Result<(&str, Option<http::Method>), String> {
        match &self.named[..] {
            [path] => Ok((path, self.method.clone())),
            [method, path] if self.method.is_none() => Ok((path, Some(super::method(method)?))),
            _ => Err("the method is given twice".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// jsonl has all of both versions; openapi is one OpenAPI 3.1 document of APIv3.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// What the lines of jsonl are: operations unless given. The OpenAPI document has both.
    #[arg(long, value_enum)]
    pub(crate) what: Option<What>,
    /// Where to write; standard output unless given, and for -.
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
