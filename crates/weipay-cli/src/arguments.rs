//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod api;
mod json;
mod pair;
mod sandbox;
mod told;

pub(crate) use api::{Api, Export, Format, List, Show, Version, What};
pub(crate) use sandbox::{Sandbox, SandboxCommand};

/// WeChat Pay (微信支付): a local sandbox and calls from the shell.
#[derive(Debug, Parser)]
#[command(name = "weipay", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// The command line of this process. A wrong one ends it, and is told without what may be secret.
    pub(crate) fn of_the_process() -> Arguments {
        Arguments::try_parse().unwrap_or_else(|error| told::fit_for_a_log(error).exit())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See one operation work in six call styles against a sandbox in this process.
    Quickstart(Quickstart),
    /// Serve a local platform that checks every signature and answers with its own.
    Sandbox(Sandbox),
    /// Make one signed call and print the verified answer.
    Call(Call),
    /// Look up operations: list, show, export.
    #[command(subcommand)]
    Api(Api),
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Leave the sandbox serving afterwards, until Ctrl-C.
    #[arg(long)]
    pub(crate) stay: bool,
    /// Where the sandbox keeps its kit and state; a temporary place unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the sandbox listens; a free port of this machine unless given.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}

/// What follows the options of `weipay call --help`.
const CALL_HELP: &str = "\
Configuration comes from --kit, or from the environment:
  WEIPAY_MCHID            the merchant number (商户号)
  WEIPAY_MERCHANT_SERIAL  the serial of the merchant certificate (商户API证书序列号)
  WEIPAY_MERCHANT_KEY     the merchant private key (商户API私钥)
  WEIPAY_PUBLIC_KEY_ID    the ID of the WeChat Pay public key (微信支付公钥ID)
  WEIPAY_PUBLIC_KEY       the WeChat Pay public key (微信支付公钥)
  WEIPAY_API_V3_KEY       the APIv3 key (APIv3密钥); may be left out
  WEIPAY_BASE_URL         another host, such as a sandbox; may be left out
Keys are file paths or PEM text, whose line breaks may be written as \\n. The APIv3 key may be a file path too.

Exit codes:
  0  success: the response verified
  1  an error response: its code and message are on standard error; or a response that could not be written
  2  a wrong command line
  3  a response that does not verify
  4  the network failed";

#[derive(Debug, Args)]
#[command(after_help = CALL_HELP)]
pub(crate) struct Call {
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(value_parser = method)]
    pub(crate) method: http::Method,
    /// The path, such as v3/marketing/busifavor/stocks/{stock_id}.
    pub(crate) path: String,
    /// The JSON body, sent byte for byte; @FILE reads it from a file, - from standard input.
    #[arg(long, value_name = "JSON", value_parser = json::JsonBody)]
    pub(crate) json: Option<Box<serde_json::value::RawValue>>,
    /// Encrypt the sensitive fields (敏感信息加密), which are given in plain text.
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// The sensitive fields are ciphertext already: send them as they are.
    #[arg(long, conflicts_with = "encrypt")]
    pub(crate) ciphertext: bool,
    /// A pair of the query string; may be repeated.
    #[arg(long, value_name = "k=v", value_parser = pair::Pair('='))]
    pub(crate) query: Vec<(String, String)>,
    /// The value of a {placeholder} of the path; may be repeated.
    #[arg(long = "path", value_name = "k=v", value_parser = pair::Pair('='))]
    pub(crate) values: Vec<(String, String)>,
    /// A header; may be repeated.
    #[arg(long, value_name = "k:v", value_parser = pair::Pair(':'))]
    pub(crate) header: Vec<(String, String)>,
    /// Write the response's body to FILE, byte for byte; - is standard output. FILE appears, or is replaced, only when the
    /// whole response is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A sandbox's kit.json, in place of the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
}

fn method(text: &str) -> Result<http::Method, String> {
    let upper = text.to_ascii_uppercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&upper.as_str());
    let method = known.then(|| upper.parse().ok()).flatten();
    method.ok_or_else(|| "a method is one of GET, POST, PUT, PATCH, DELETE".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_call_keeps_its_json_byte_for_byte() {
        let text = r#"{ "total" : 0.010, "big": 12345678901234567890123 }"#;
        let parsed = Arguments::try_parse_from(["weipay", "call", "post", "v3/a", "--json", text]).unwrap();
        let Command::Call(call) = parsed.command else { panic!("{parsed:?}") };
        assert_eq!(call.json.unwrap().get(), text);
        assert_eq!(call.method, http::Method::POST);
    }

    #[test]
    fn the_sandbox_has_its_documented_defaults() {
        let parsed = Arguments::try_parse_from(["weipay", "sandbox"]).unwrap();
        let Command::Sandbox(sandbox) = parsed.command else { panic!("{parsed:?}") };
        assert_eq!(
            (sandbox.data.to_str(), sandbox.listen.to_string().as_str()),
            (Some(".weipay"), "127.0.0.1:8880")
        );
        assert_eq!(sandbox.idle_timeout, 8, "as the platform");
    }

    #[test]
    fn what_a_sandbox_cannot_be_is_refused_by_the_command_line() {
        for wrong in [
            &["--clock", "2026-08-15"] as &[&str],
            &["--clock", "noon"],
            &["--seed", "-1"],
            &["--idle-timeout", "0"],
            &["--idle-timeout", "99999999999999999999"],
            &["--strict", "--loose"],
        ] {
            let parsed = Arguments::try_parse_from([&["weipay", "sandbox"], wrong].concat());
            assert!(parsed.is_err(), "{wrong:?}");
        }
    }
}
