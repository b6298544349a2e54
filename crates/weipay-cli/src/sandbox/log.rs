//! `weipay sandbox log`: the last requests of a running sandbox, by its control API.

use clap::Args;
use serde_json::Value;
use weipay_sandbox::control::{Client, ClientError};

use super::control::DataFolder;
use crate::failure::{Failure, Outcome};
use crate::output::print;

/// What follows the options of `weipay sandbox log --help`.
const HELP: &str = "\
Without NUMBER and --failed, each request is one line, with its number in front. Its time is that of
this machine; the clock of the sandbox, by which orders, notifications and signatures have theirs,
may show another (weipay sandbox clock).

For a wrong signature, the sandbox finds out which message was signed, if the cause is a common
mistake: the query left out, the body serialized twice, a line feed too many or missing, the host in
front of the path, another key and so on. It shows both messages, the first byte in which they
differ, and what to do. SHA-256 of both helps to compare with what your program logs.

Secrets and personal data are shown as ***: signatures, encrypted fields, openids, names, phone
numbers, URLs, and every value that the catalogue does not know. The requests are in memory only,
and the oldest go first (weipay sandbox --log-bytes).";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Log {
    /// The number of a request, to show it in full: headers, bodies, and for a wrong signature both messages.
    #[arg(value_name = "NUMBER", conflicts_with_all = ["follow", "failed"])]
    number: Option<u64>,
    #[command(flatten)]
    data: DataFolder,
    /// Keep running, and show each new request.
    #[arg(long)]
    follow: bool,
    /// Show only failed requests (rejected or incomplete), in full.
    #[arg(long)]
    failed: bool,
}

/// The most entries asked for at once.
const PAGE: usize = 200;
/// How long one call waits for the next request, in seconds.
const WAIT: u64 = 20;

pub(super) fn run(arguments: &Log) -> Outcome {
    let client = arguments.data.client()?;
    match arguments.number {
        Some(number) => {
            let entry = client.call("GET", &format!("/log/{number}"), None).map_err(Failure::from_control)?;
            print(entry["text"].as_str().unwrap_or_default())
        }
        None => list(&client, arguments),
    }
}

fn list(client: &Client, arguments: &Log) -> Outcome {
    let Log { failed, follow, .. } = arguments;
    let mut after = 0;
    let mut is_waiting = false;
    loop {
        let wait = if is_waiting { format!("&wait={WAIT}") } else { String::new() };
        let target = format!("/log?after={after}&limit={PAGE}&failed={failed}{wait}");
        let page = match client.call("GET", &target, None) {
            // The sandbox that was followed has ended.
            Err(ClientError::NotRunning(_) | ClientError::Connection(_)) if is_waiting => return Ok(()),
            page => page.map_err(Failure::from_control)?,
        };
        let entries = page["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let dropped = page["dropped"].as_u64().unwrap_or_default();
        let mut text = String::new();
        if dropped > 0 {
            text.push_str(&format!(
                "{dropped} older requests are gone; weipay sandbox --log-bytes keeps more\n"
            ));
        }
        for entry in entries {
            text.push_str(&shown(client, entry, *failed)?);
        }
        print(&text)?;
        after = page["next"].as_u64().unwrap_or(after);
        let is_end = entries.len() < PAGE;
        if is_end && !follow {
            return Ok(());
        }
        is_waiting = is_end;
    }
}

/// One line, or everything.
fn shown(client: &Client, entry: &Value, whole: bool) -> Result<String, Failure> {
    let number = &entry["number"];
    if !whole {
        return Ok(format!("#{number} {}\n", entry["line"].as_str().unwrap_or_default()));
    }
    match client.call("GET", &format!("/log/{number}"), None) {
        Ok(entry) => Ok(entry["text"].as_str().unwrap_or_default().to_owned()),
        // Newer requests have taken its place.
        Err(ClientError::Refused { status: 404, .. }) => Ok(String::new()),
        Err(error) => Err(Failure::from_control(error)),
    }
}
