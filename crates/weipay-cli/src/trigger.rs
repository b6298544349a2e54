//! `weipay trigger`: one notification of any event, to an address or to the screen.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use weipay_sandbox::{Attempt, Trigger, TriggeredMessage, kit};

use crate::arguments;
use crate::failure::{Failure, Outcome};
use crate::output::print;
use crate::sandbox::notifications;

pub(crate) fn run(arguments: &arguments::Trigger) -> Outcome {
    let event = match arguments.api {
        Some(version) => format!("{}/{}", version.name(), arguments.event),
        None => arguments.event.clone(),
    };
    let mut trigger = Trigger::new(&event).map_err(Failure::usage)?;
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
