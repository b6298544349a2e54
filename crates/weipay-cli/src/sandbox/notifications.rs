//! `weipay sandbox notifications`: the notifications of a running sandbox, by its control API.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::{Failure, Outcome};
use crate::output::{note, print};

/// What follows the options of `weipay sandbox notifications --help`.
pub(super) const HELP: &str = "\
A notification is named by its id or by its number, as list prints them. Each subcommand takes
--data DIR, the data folder of the running sandbox [default: .weipay].

The sandbox keeps the last 10,000 notifications, and all that are waiting or held. At most 10,000
notifications of a merchant wait for a retry at one receiver; beyond that, the oldest is given up
and logged.

Exit codes:
  0  done; what was sent was acknowledged, and a probe was refused
  1  the receiver did not acknowledge it, or acknowledged a probe; or the sandbox refused
  2  a wrong command line, or no sandbox runs on the data folder";

#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List the stored notifications, the newest first.
    List {
        #[command(flatten)]
        data: DataFolder,
        /// Only notifications of this merchant.
        #[arg(long)]
        mchid: Option<String>,
        /// Only notifications in this state.
        #[arg(long, value_name = "STATE", value_parser = ["waiting", "held", "acknowledged", "given_up"])]
        state: Option<String>,
        /// Only notifications of this event, such as COUPON.SEND.
        #[arg(long, value_name = "EVENT")]
        event: Option<String>,
        /// Maximum number.
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
        /// Print JSON, as the control API returns it.
        #[arg(long)]
        json: bool,
    },
    /// Show a notification: its content, its attempts, and the responses of the receiver.
    Show {
        #[command(flatten)]
        named: Named,
    },
    /// Send a notification again: the same id, a new signature. If the receiver does not acknowledge it, the retry schedule
    /// starts again, even if it was acknowledged before.
    Replay {
        #[command(flatten)]
        named: Named,
    },
    /// Send several copies of a notification at the same time.
    Duplicate {
        #[command(flatten)]
        named: Named,
        /// Number of copies.
        #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
        copies: u32,
    },
    /// Hold notifications until they are released.
    Hold {
        #[command(flatten)]
        data: DataFolder,
        /// Only notifications of this merchant [default: of all].
        #[arg(long)]
        mchid: Option<String>,
    },
    /// Release held notifications.
    Release {
        #[command(flatten)]
        data: DataFolder,
        /// Only notifications of this merchant [default: of all].
        #[arg(long)]
        mchid: Option<String>,
        /// as-due sends up to 4 at a time to one receiver, as without a hold. The other orders send one at a time;
        /// after 40 seconds the rest is sent in the background.
        #[arg(long, value_name = "ORDER", default_value = "as-due", value_parser = ["as-due", "kept", "reversed", "shuffled"])]
        order: String,
        /// Send these first, one after the other, by id or number; may be repeated.
        #[arg(long = "first", value_name = "ID", conflicts_with = "order")]
        first: Vec<String>,
    },
    /// Send a notification with the wrong signature of a probe (签名探测), which the receiver must reject; then send it with
    /// the right signature.
    Probe {
        #[command(flatten)]
        named: Named,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its id or number.
    id: String,
    #[command(flatten)]
    data: DataFolder,
    /// Print JSON, as the control API returns it.
    #[arg(long)]
    json: bool,
}

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
            let found = data.get(&target)?;
            if let Some(held) = held(&found["held"]) {
                note(held);
            }
            show(&found, *json, list)
        }
        NotificationsCommand::Show { named } => {
            let found = named.data.get(&path(named, ""))?;
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
            let held = data.post("/notifications/hold", &json!({ "mchid": mchid }))?;
            print(&format!("{} held\n", held["held"]))
        }
        NotificationsCommand::Release { data, mchid, order, first } => {
            let request = match &first[..] {
                [] => json!({ "mchid": mchid, "order": order }),
                first => json!({ "mchid": mchid, "ids": first }),
            };
            let released = data.post("/notifications/release", &request)?;
            if released["is_complete"] == false {
                note(
                    "the receivers took more than 40 seconds; the other notifications are delivered in the background, in the usual order",
                );
            }
            print(&list(&released))
        }
    }
}

/// The merchants whose notifications are held, as the control API says it; `None` where nobody's are.
pub(crate) fn held(said: &Value) -> Option<String> {
    let merchants: Vec<_> =
        said["merchants"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let whose = match (said["all"] == true, &merchants[..]) {
        (true, _) => "all merchants".to_owned(),
        (false, []) => return None,
        (false, merchants) => merchants.join(", "),
    };
    Some(format!("notifications of {whose} are held, see: weipay sandbox notifications release"))
}

fn path(named: &Named, end: &str) -> String {
    format!("/notifications/{}{end}", encoded(&named.id))
}

fn is_acknowledged(attempt: &Value) -> bool {
    attempt["acknowledged"] == true
}

/// Sends a notification, prints the attempts, and fails if they are not what they should be.
fn send(named: &Named, end: &str, body: Value, is_good: impl Fn(&[Value]) -> bool) -> Outcome {
    let sent = named.data.post(&path(named, end), &body)?;
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
            let _ = writeln!(text, "    {}", printable(line));
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

/// What a stranger has sent, so that it cannot move the cursor of a terminal: quotation marks and backslashes stay as they are.
fn printable(text: &str) -> String {
    let is_plain = |letter: char| matches!(letter, '"' | '\'' | '\\');
    let shown = |letter: char| match is_plain(letter) {
        true => letter.to_string(),
        false => letter.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_receiver_is_shown_as_it_is_but_for_what_moves_a_cursor() {
        let body = r#"{"code":"FAIL","message":"it's C:\temp"}"#;
        assert_eq!(printable(body), body);
        assert_eq!(printable("a\u{1b}[2J\u{7}b\u{202e}中"), "a\\u{1b}[2J\\u{7}b\\u{202e}中");
    }
}
