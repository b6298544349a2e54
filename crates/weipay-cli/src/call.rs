//! `weipay call`: one signed call from the shell.

mod follow;
mod hints;
mod layout;
mod path;
mod report;
mod sensitive;
mod unique_names;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use weipay::{Blocking, Call, ConfigError, Error, Response, blocking};

use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::interrupted::ToldWhenInterrupted;
use crate::output::{OutputFile, note, unless_reader_left};
pub(crate) use report::describe;

/// What follows the options of `weipay call --help`.
const HELP: &str = "\
The configuration comes from --kit, or from environment variables:
  WEIPAY_MCHID            the merchant ID (商户号)
  WEIPAY_MERCHANT_SERIAL  the serial number of the merchant certificate (商户API证书序列号)
  WEIPAY_MERCHANT_KEY     the merchant private key (商户API私钥)
  WEIPAY_PUBLIC_KEY_ID    the ID of the WeChat Pay public key (微信支付公钥ID)
  WEIPAY_PUBLIC_KEY       the WeChat Pay public key (微信支付公钥)
  WEIPAY_PLATFORM_CERTIFICATES  instead of it, the platform certificates (平台证书): file paths,
                                separated as in PATH
  WEIPAY_API_V3_KEY       instead of either, the APIv3 key (APIv3密钥), with which the certificates
                          are fetched
  WEIPAY_API_V2_KEY       the APIv2 key (API密钥); only for APIv2
  WEIPAY_BASE_URL         another host, such as a sandbox; optional
A key is a file path or PEM text, in which a line break may be written as \\n. The APIv3 key and the
APIv2 key may also be file paths. For the operations of APIv2 that need the merchant certificate in
TLS, set WEIPAY_MERCHANT_CERTIFICATE to it, in PEM or PKCS#12, and
WEIPAY_MERCHANT_CERTIFICATE_PASSWORD if its password is not the merchant ID.

Exit codes:
  0  success: the response is verified, where the platform signs it. Also 202: accepted and not
     decided yet, as a note on standard error says
  1  an error response, with code and message on standard error; or the response could not be
     written
  2  a wrong command line or configuration: nothing was sent
  3  the response, or the file of --follow, could not be verified
  4  the network failed
130  Ctrl-C, and 143 a termination signal; if the call may have taken effect, standard error says so";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(value_parser = values::method)]
    pub(crate) method: http::Method,
    /// The path, such as v3/marketing/busifavor/stocks/{stock_id}.
    pub(crate) path: String,
    /// The JSON body. It is sent as given, except that a missing merchant number is filled in and sensitive fields are encrypted;
    /// APIv2 gets it as XML. @FILE reads it from a file, and - from standard input.
    // `--body` is what many other tools have.
    #[arg(long, alias = "body", value_name = "JSON", value_parser = values::JsonBody)]
    pub(crate) json: Option<Box<serde_json::value::RawValue>>,
    /// Encrypt the sensitive fields (敏感信息加密), which you give in plaintext.
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// Send the sensitive fields as they are: they are already ciphertext.
    #[arg(long, conflicts_with = "encrypt")]
    pub(crate) ciphertext: bool,
    /// Decrypt the sensitive fields (敏感信息加密) of the response with the merchant private key. It is printed as JSON, no
    /// longer byte for byte.
    #[arg(long, conflicts_with = "follow")]
    pub(crate) decrypt: bool,
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
    /// Download the file that the response names (`download_url`, in a few operations `url`), such as a bill
    /// (账单), and write it in place of the response: decompressed, and with its digest checked where the platform
    /// announces one. With --output, FILE is created or replaced only if the digest is right. Where the response is the
    /// file itself, as a bill of APIv2 is, it may have any length.
    #[arg(long)]
    pub(crate) follow: bool,
    /// The kit.json of a sandbox, instead of environment variables.
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let operation = path::find_operation(&arguments.method, &arguments.path).map_err(Failure::usage)?;
    let client = client(arguments.kit.as_deref())?;
    // A path that is not in the catalogue is sent anyway. If the call fails, the path was probably mistyped.
    let with_nearest = |reason: String| match operation {
        Some(_) => reason,
        None => format!("{reason}\n{}", path::suggestions(&arguments.method, &arguments.path)),
    };
    let at = |path: &str| call_at(&client, arguments, path);
    let found =
        sensitive::check(arguments, operation, at).map_err(|reason| Failure::usage(with_nearest(reason)))?;
    let output = Output::from_argument(arguments.output.as_deref())
        .map_err(|reason| Failure::usage(format!("--output {reason}; nothing was sent")))?;
    hints::warn_of_near_words(arguments, operation);
    if let Some(found) = found {
        hints::warn_of_unknown_members(&found);
    }
    let call = at(&arguments.path);
    let failed = |error: Error| Failure::from_call(&error, with_nearest(report::describe(&error)));
    let is_file = operation.is_some_and(|operation| operation.has_file_response && operation.unsigned);
    if arguments.follow && is_file {
        return download(call, arguments, &output, failed);
    }
    // A value in the path may be personal, and so may the query.
    let path = arguments.path.split('?').next().unwrap_or_default();
    let path = operation.map_or(path, |operation| operation.path);
    let open = report::interrupted(&arguments.method, path, number(arguments, operation).as_deref());
    let told = open.map(ToldWhenInterrupted::new);
    let response = call.request(arguments.method.clone(), &arguments.json);
    // What leaves it open too says so in a moment, and is not lost if a signal comes before that.
    if let Some(told) = told.filter(|_| !response.as_ref().is_err_and(Error::may_have_taken_effect)) {
        told.ended();
    }
    let response = response.map_err(failed)?;
    report::warn_of_example(response.headers());
    report::warn_of_unsigned(&response);
    report::warn_of_undecided(&response, weipay::Operation::find(&arguments.method, &arguments.path));
    if arguments.follow {
        return follow::follow(&client, &response, &output);
    }
    let decrypted = arguments.decrypt.then(|| decrypted(&response)).transpose()?;
    // Nobody may mistake this for a call that failed.
    output.write(decrypted.as_ref().map_or(response.bytes(), String::as_bytes)).map_err(|reason| {
        Failure::failed(format!("the call succeeded, but its response could not be written: {reason}"))
    })
}

/// The value of the number by which the platform recognizes a repeat of this call, if it is given.
fn number(arguments: &Arguments, operation: Option<&weipay_catalog::Operation>) -> Option<String> {
    let (_, field) = operation?.request_number()?;
    let name = field.name;
    let given = arguments.values.iter().chain(&arguments.query).find(|(given, _)| given == name);
    if let Some((_, value)) = given {
        return Some(value.clone());
    }
    let body: Value = serde_json::from_str(arguments.json.as_ref()?.get()).ok()?;
    body.get(name)?.as_str().filter(|number| !number.is_empty()).map(str::to_owned)
}

/// The call of the command line, at this path.
fn call_at(client: &blocking::Client, arguments: &Arguments, path: &str) -> Call<Blocking> {
    // A query in the path belongs to it, whatever the path is taken for.
    let own_query = arguments.path.split_once('?').map(|(_, query)| format!("?{query}"));
    let own_query = own_query.filter(|_| !path.contains('?')).unwrap_or_default();
    let mut call = client.chain(&format!("{path}{own_query}")).sensitive_texts(sensitive::texts(arguments));
    for (name, value) in &arguments.values {
        call = call.path(name, value);
    }
    for (name, value) in &arguments.query {
        call = call.query(name, value);
    }
    for (name, value) in &arguments.header {
        call = call.header(name, value);
    }
    call
}

/// Writes a response that is a file itself, of any length.
fn download(
    call: Call<Blocking>,
    arguments: &Arguments,
    output: &Output,
    failed: impl Fn(Error) -> Failure,
) -> Outcome {
    let file = call.download_with(arguments.method.clone(), &arguments.json);
    let written = follow::write(|writer| file.to_writer(writer), output)?.map_err(failed)?;
    if let Some(downloaded) = written {
        report::warn_of_example(&downloaded.headers);
        report::warn_of_unproven(&downloaded);
    }
    Ok(())
}

/// The response with its sensitive fields decrypted. A field that cannot be decrypted stays as it came, and is reported.
fn decrypted(response: &Response<Value>) -> Result<String, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("the call succeeded, but its response could not be decrypted: {error}"))
    };
    let json = response.json().map_err(|error| unreadable(&error))?;
    for error in response.decode_errors() {
        note(format_args!("{error}"));
    }
    Ok(json.to_string())
}

fn client(kit: Option<&Path>) -> Result<blocking::Client, Failure> {
    if let Some(file) = kit.filter(|file| !file.is_file()) {
        let name = file.display().to_string();
        // A key in the wrong place is not repeated.
        let is_short = name.len() <= 100 && !name.chars().any(char::is_control) && !name.contains("PRIVATE");
        let name = if is_short { name } else { "the file".to_owned() };
        return Err(Failure::usage(format!(
            "--kit: {name} is not a file; weipay sandbox init creates a kit, in .weipay/kit.json"
        )));
    }
    let client = match kit {
        Some(file) => blocking::Client::from_kit(file),
        None => blocking::Client::from_env(),
    };
    client.map_err(|error| match error {
        ConfigError::Unset(_) => {
            Failure::usage(format!("{error}; set them, or use the kit of a sandbox with --kit FILE"))
        }
        error => Failure::usage(error),
    })
}

/// Where the body of the response goes.
enum Output {
    File(OutputFile),
    /// Standard output; JSON is laid out if it is a terminal.
    Screen,
    /// Standard output, byte for byte in any case.
    Stdout,
}

impl Output {
    fn from_argument(file: Option<&Path>) -> Result<Self, String> {
        match file {
            None => Ok(Self::Screen),
            Some(file) if file == Path::new("-") => Ok(Self::Stdout),
            Some(file) => OutputFile::check(file).map(Self::File),
        }
    }

    /// Writes the body byte for byte, as it was signed. Only JSON on a terminal is laid out for a reader.
    fn write(&self, body: &[u8]) -> Result<(), String> {
        let mut out = io::stdout().lock();
        let written = match self {
            Self::File(file) => return file.write(|file| file.write_all(body)),
            Self::Screen if out.is_terminal() => match layout::readable(body) {
                Some(json) => {
                    let mut out = BufWriter::new(out);
                    layout::write(json, &mut out).and_then(|()| out.flush())
                }
                None => out.write_all(body).and_then(|()| out.flush()),
            },
            // Without the flush, an error in writing the last line would go unnoticed.
            Self::Screen | Self::Stdout => out.write_all(body).and_then(|()| out.flush()),
        };
        unless_reader_left(written).map_err(|error| format!("standard output: {error}"))
    }
}
