//! `weipay sandbox notifications`: the notifications of a running sandbox, by its control API.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weipay_sandbox::control::Client;

use crate::arguments::{DataFolder, Named, NotificationsCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(command: &NotificationsCommand) -> Outcome {
    match command {
        NotificationsCommand::List { data, mchid, state, event, limit, json } => {
            let query = [("mchid", mchid), ("state", state), ("event_type", event)];
            let mut target = format!("/notifications?limit={limit}");
            for (name, value) in query {
                if let Some(value) = value {
                    // Writing to a String cannot fail.
                    let _ = write!(target, "&{name}={}", encoded(value));
                }
            }
            let found = call(data, "GET", &target, None)?;
            show(&found, *json, list)
        }
        NotificationsCommand::Show { named } => {
            let found = call(&named.data, "GET", &path(named, ""), None)?;
            show(&found, named.json, whole)
        }
        NotificationsCommand::Replay { named } => {
            send(named, "/replay", json!({}), |attempts| attempts.iter().all(is_acknowledged))
        }
        NotificationsCommand::Duplicate { named, copies } => {
            send(named, "/duplicate", json!({ "copies": copies }), |attempts| {
                attempts.iter().all(is_acknowledged)
            })
        }
        NotificationsCommand::Probe { named } => send(
            named,
            "/probe",
            json!({}),
            |attempts| matches!(attempts, [probe, right] if !is_acknowledged(probe) && is_acknowledged(right)),
        ),
        NotificationsCommand::Hold { data, mchid } => {
            let held = call(data, "POST", "/notifications/hold", Some(&json!({ "mchid": mchid })))?;
            print(&format!("{} held\n", held["held"]))
        }
        NotificationsCommand::Release { data, mchid, order, first } => {
            let request = match &first[..] {
                [] => json!({ "mchid": mchid, "order": order }),
                first => json!({ "mchid": mchid, "ids": first }),
            };
            let released = call(data, "POST", "/notifications/release", Some(&request))?;
            print(&list(&released))
        }
    }
}

fn call(data: &DataFolder, method: &str, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let client = Client::from_data_dir(&data.folder).map_err(Failure::usage)?;
    client.call(method, target, body).map_err(Failure::from_control)
}

/// A text as a part of a path.
pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn path(named: &Named, end: &str) -> String {
    format!("/notifications/{}{end}", encoded(&named.id))
}

fn is_acknowledged(attempt: &Value) -> bool {
    attempt["acknowledged"] == true
}

/// Sends a notification, prints the attempts, and fails if they are not what they should be.
fn send(named: &Named, end: &str, body: Value, is_good: impl Fn(&[Value]) -> bool) -> Outcome {
    let sent = call(&named.data, "POST", &path(named, end), Some(&body))?;
    show(&sent, named.json, |sent| attempts(&sent["attempts"]))?;
    let attempts = sent["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if is_good(attempts) {
        return Ok(());
    }
    let is_probe = attempts.first().is_some_and(|first| first["kind"] == "probe" && is_acknowledged(first));
    Err(Failure::failed(match is_probe {
        true => "the receiver acknowledged a probe: it does not verify the signature",
        false => "the receiver did not acknowledge the notification",
    }))
}

fn show(found: &Value, json: bool, text: impl Fn(&Value) -> String) -> Outcome {
    if json { print(&format!("{found:#}\n")) } else { print(&text(found)) }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A line for each notification.
fn list(found: &Value) -> String {
    let mut text = String::new();
    for one in found["notifications"].as_array().into_iter().flatten() {
        let last = &one["last_attempt"];
        let _ = write!(
            text,
            "{:>6}  {}  {}  {}  {:<12}  {} {}",
            word(&one["number"]),
            word(&one["id"]),
            word(&one["create_time"]),
            word(&one["event_type"]),
            word(&one["state"]),
            word(&one["attempts"]),
            if one["attempts"] == 1 { "attempt" } else { "attempts" },
        );
        if !last.is_null() {
            let _ = write!(text, ", the last {}", word(&last["status"]));
        }
        if !one["next_attempt"].is_null() {
            let _ = write!(text, ", the next at {}", word(&one["next_attempt"]));
        }
        text.push('\n');
    }
    text
}

/// A line for each attempt, and what the receiver responded.
pub(crate) fn attempts(found: &Value) -> String {
    let mut text = String::new();
    for attempt in found.as_array().into_iter().flatten() {
        let verdict = if is_acknowledged(attempt) { "acknowledged" } else { "not acknowledged" };
        let _ = write!(
            text,
            "{}  {:<9}  {}  {verdict}, {} ms",
            word(&attempt["time"]),
            word(&attempt["kind"]),
            word(&attempt["status"]),
            word(&attempt["milliseconds"]),
        );
        if let Some(reason) = attempt["reason"].as_str() {
            let _ = write!(text, ": {reason}");
        }
        text.push('\n');
        for line in attempt["body"].as_str().unwrap_or_default().lines() {
            let _ = writeln!(text, "    {}", line.escape_debug());
        }
    }
    text
}

/// All of one notification.
fn whole(found: &Value) -> String {
    let mut text = String::new();
    for name in ["id", "number", "event_type", "mchid", "notify_url", "create_time", "state", "next_attempt"]
    {
        let _ = writeln!(text, "{name:<13} {}", word(&found[name]));
    }
    let _ = writeln!(text, "\nattempts\n{}\nresource\n{:#}", attempts(&found["attempts"]), found["resource"]);
    text
}
