//! The command line.

mod api;
mod redaction;
mod trigger;
pub(crate) mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use api::{Api, Export, Format, List, Show, Version, What};
pub(crate) use trigger::Trigger;

use crate::sandbox;

/// WeChat Pay (微信支付): a local sandbox and calls from the shell.
#[derive(Debug, Parser)]
#[command(name = "weipay", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses the command line of this process. If it is wrong, prints why, without anything that may be secret, and exits.
    pub(crate) fn from_command_line() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let typed: Vec<_> = std::env::args().skip(1).collect();
            redaction::Told::new(error, &typed).exit()
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one operation in six call styles against a sandbox in this process.
    Quickstart(Quickstart),
    /// Run a local platform that verifies every request and signs every response.
    Sandbox(Box<sandbox::Arguments>),
    /// Make one signed call and print the verified response.
    Call(Call),
    /// Send one realistic, signed and encrypted notification (回调通知) of any event to an address.
    Trigger(Trigger),
    /// Look up operations and notifications: list, show, export.
    #[command(subcommand)]
    Api(Api),
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Afterwards, sell a cup of coffee: an order, its QR code, a person who pays, the notification, a refund, the bill of the day.
    #[arg(long)]
    pub(crate) shop: bool,
    /// Pay at once instead of waiting for Enter. This is the default where there is no terminal.
    /// Implies --shop.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Keep the sandbox running afterwards, until Ctrl-C.
    #[arg(long)]
    pub(crate) stay: bool,
    /// The folder for the sandbox's kit and state [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The address where the sandbox listens; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
    pub(crate) listen: SocketAddr,
}

/// What follows the options of `weipay call --help`.
const CALL_HELP: &str = "\
The configuration comes from --kit, or from environment variables:
  WEIPAY_MCHID            the merchant ID (商户号)
  WEIPAY_MERCHANT_SERIAL  the serial number of the merchant certificate (商户API证书序列号)
  WEIPAY_MERCHANT_KEY     the merchant private key (商户API私钥)
  WEIPAY_PUBLIC_KEY_ID    the ID of the WeChat Pay public key (微信支付公钥ID)
  WEIPAY_PUBLIC_KEY       the WeChat Pay public key (微信支付公钥)
  WEIPAY_PLATFORM_CERTIFICATES  instead of it, the platform certificates (平台证书): file paths, separated as in PATH
  WEIPAY_API_V3_KEY       instead of either, the APIv3 key (APIv3密钥), with which the certificates are fetched
  WEIPAY_API_V2_KEY       the APIv2 key (API密钥); only for APIv2
  WEIPAY_BASE_URL         another host, such as a sandbox; optional
A key is a file path or PEM text, in which a line break may be written as \\n. The APIv3 key and the APIv2 key may also
be file paths. For the operations of APIv2 that need the merchant certificate in TLS, set WEIPAY_MERCHANT_CERTIFICATE to it, in
PEM or PKCS#12, and WEIPAY_MERCHANT_CERTIFICATE_PASSWORD if its password is not the merchant ID.

Exit codes:
  0  success: the response is verified
  1  an error response, with code and message on standard error; or the response could not be written
  2  a wrong command line or configuration: nothing was sent
  3  the response, or the file of --follow, could not be verified
  4  the network failed";

#[derive(Debug, Args)]
#[command(after_help = CALL_HELP)]
pub(crate) struct Call {
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(value_parser = method)]
    pub(crate) method: http::Method,
    /// The path, such as v3/marketing/busifavor/stocks/{stock_id}.
    pub(crate) path: String,
    /// The JSON body, sent byte for byte. @FILE reads it from a file, and - from standard input.
    #[arg(long, value_name = "JSON", value_parser = values::JsonBody)]
    pub(crate) json: Option<Box<serde_json::value::RawValue>>,
    /// Encrypt the sensitive fields (敏感信息加密), which you give in plaintext.
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// Send the sensitive fields as they are: they are already ciphertext.
    #[arg(long, conflicts_with = "encrypt")]
    pub(crate) ciphertext: bool,
    /// A query parameter; may be repeated.
    #[arg(long, value_name = "k=v", value_parser = values::Pair('='))]
    pub(crate) query: Vec<(String, String)>,
    /// The value of a {placeholder} in the path; may be repeated.
    #[arg(long = "path", value_name = "k=v", value_parser = values::Pair('='))]
    pub(crate) values: Vec<(String, String)>,
    /// A header; may be repeated.
    #[arg(long, value_name = "k:v", value_parser = values::Pair(':'))]
    pub(crate) header: Vec<(String, String)>,
    /// Write the body of the response to FILE, byte for byte; - is standard output. FILE is created or replaced only when
    /// the whole response has arrived.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Download the file that the response names (`download_url`, in a few operations `url`), such as a bill (账单), and write it in place of the response:
    /// decompressed, and with its digest checked. With --output, FILE is created or replaced only if the digest is right.
    #[arg(long)]
    pub(crate) follow: bool,
    /// The kit.json of a sandbox, instead of environment variables.
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
}

fn method(text: &str) -> Result<http::Method, String> {
    let upper = text.to_ascii_uppercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&upper.as_str());
    let method = known.then(|| upper.parse().ok()).flatten();
    method.ok_or_else(|| "the method must be GET, POST, PUT, PATCH or DELETE".to_owned())
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
}
