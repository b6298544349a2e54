//! `weipay trigger`: one notification of any event, to an address or to the screen.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};
use weipay_sandbox::{Attempt, TriggeredMessage, kit};

use crate::api::Version;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::print;
use crate::sandbox::notifications;

/// What follows the options of `weipay trigger --help`.
const HELP: &str = "\
An example: weipay trigger TRANSACTION.SUCCESS --url http://127.0.0.1:8000/notify --set amount.total=100

The notification is signed with the platform keys of a sandbox's kit, and encrypted with its APIv3 key. It does not tell of
anything that has happened, and it is sent once. The sandbox need not run.

Exit codes:
  0  the receiver acknowledged it; or it was printed
  1  the receiver did not acknowledge it
  2  a wrong command line, event, member or kit: nothing was sent
  4  the receiver did not respond";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Trigger {
    /// The event, such as TRANSACTION.SUCCESS; see weipay api list --notifications.
    event: String,
    /// Where to send it [default: print it].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The kit.json of a sandbox; the platform's keys must be beside it.
    #[arg(long, value_name = "FILE", default_value = ".weipay/kit.json")]
    kit: PathBuf,
    /// Give a member another value, such as amount.total=100 or sub_orders.0.mchid=1900000109; may be repeated.
    #[arg(long, value_name = "path=value", value_parser = values::Pair('='))]
    set: Vec<(String, String)>,
    /// The version of the API, if both have the event [default: v3].
    #[arg(long, value_enum, value_name = "VERSION")]
    api: Option<Version>,
    /// Also trust these certificate authorities, in PEM, if the address begins with https; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE", requires = "url")]
    receiver_authorities: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Trigger) -> Outcome {
    let event = match arguments.api {
        Some(version) => format!("{}/{}", version.name(), arguments.event),
        None => arguments.event.clone(),
    };
    let mut trigger = weipay_sandbox::Trigger::new(&event).map_err(Failure::usage)?;
    for (path, value) in &arguments.set {
        trigger = trigger.set(path, value).map_err(|error| Failure::usage(format!("--set: {error}")))?;
    }
    let is_web = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if !arguments.url.as_ref().is_none_or(is_web) {
        return Err(Failure::usage("--url must begin with http:// or https://; nothing was sent"));
    }
    let kit = read_kit(&arguments.kit)?;
    let Some(url) = &arguments.url else {
        return print(&printed(&trigger.message(&kit).map_err(Failure::usage)?));
    };
    let mut authorities = String::new();
    for file in &arguments.receiver_authorities {
        let pem = fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--receiver-ca {}: {error}", file.display())))?;
        authorities.push_str(&pem);
        authorities.push('\n');
    }
    let attempt = trigger.send(url, &kit, &authorities).map_err(Failure::usage)?;
    print(&notifications::attempts(&json!([attempt.to_json()])))?;
    verdict(&attempt)
}

/// A kit is a folder of files with fixed names, one of which is `kit.json`.
fn read_kit(file: &Path) -> Result<kit::KitOnDisk, Failure> {
    if !file.exists() {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Err(Failure::usage(format!(
            "--kit: {} does not exist; weipay sandbox init --data {} makes a kit",
            file.display(),
            folder.display()
        )));
    }
    if file.file_name() != Some(OsStr::new("kit.json")) {
        let reason = format!("--kit {}: the file must be named kit.json", file.display());
        return Err(Failure::usage(reason));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    kit::read(folder).map_err(|error| {
        Failure::usage(format!(
            "{error:#}; create a kit with `weipay sandbox init --data {}`",
            folder.display()
        ))
    })
}

fn verdict(attempt: &Attempt) -> Outcome {
    match (attempt.acknowledged, attempt.status) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(Failure::failed("the receiver did not acknowledge the notification")),
        (false, None) => Err(Failure::network("the receiver did not respond")),
    }
}

/// The request as JSON: what a script posts.
fn printed(message: &TriggeredMessage) -> String {
    let headers: Map<String, Value> =
        message.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let body = String::from_utf8_lossy(&message.body);
    format!("{:#}\n", json!({ "headers": headers, "body": body }))
}
