//! `weipay sandbox clock`: the clock of a running sandbox, by its control API.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use weipay_sandbox::parse_duration;

use super::control::DataFolder;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::{note, print};

#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    command: Option<ClockCommand>,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Show the time, how the clock goes, and the next event.
    Show,
    /// Stop the clock, at a time such as 2026-08-15T12:00:00+08:00 or where it is.
    Freeze {
        /// A time, such as 2026-08-15T12:00:00+08:00.
        #[arg(value_parser = values::time)]
        time: Option<String>,
    },
    /// Let the clock run from a time.
    Set {
        /// A time, such as 2026-08-15T12:00:00+08:00.
        #[arg(value_parser = values::time)]
        time: String,
    },
    /// Advance the clock by a duration such as 90s, 15m, 3h, 30d or 1d12h; a number without a unit is seconds.
    /// Scheduled work runs at its due time on the way. The command waits until receivers have responded to notifications, so they
    /// must be able to respond meanwhile.
    Advance {
        /// Such as 90s, 15m, 3h, 30d or 1d12h.
        #[arg(value_parser = parse_duration)]
        duration: i64,
    },
    /// Move the clock to the next event: an expiry, or an attempt to deliver a notification.
    Next,
    /// Make the clock follow the system time again.
    Real,
    /// List scheduled work that failed and was put aside, with the errors.
    PutAside,
    /// Retry the work that was put aside. The sandbox also does this once at startup.
    Retry,
}

pub(super) fn run(arguments: &Clock) -> Outcome {
    let (method, path, body) = match arguments.command.as_ref().unwrap_or(&ClockCommand::Show) {
        ClockCommand::Show => ("GET", "/clock", None),
        ClockCommand::Freeze { time } => ("POST", "/clock/freeze", Some(json!({ "time": time }))),
        ClockCommand::Set { time } => ("POST", "/clock/set", Some(json!({ "time": time }))),
        ClockCommand::Advance { duration } => {
            ("POST", "/clock/advance", Some(json!({ "duration": format!("{duration}s") })))
        }
        ClockCommand::Next => ("POST", "/clock/next", Some(json!({}))),
        ClockCommand::Real => ("POST", "/clock/real", Some(json!({}))),
        ClockCommand::PutAside => ("GET", "/clock/put-aside", None),
        ClockCommand::Retry => ("POST", "/clock/retry", Some(json!({}))),
    };
    let may_go_back = matches!(
        arguments.command,
        Some(ClockCommand::Freeze { .. } | ClockCommand::Set { .. } | ClockCommand::Real)
    );
    let before = may_go_back.then(|| arguments.data.get("/clock")).transpose()?;
    let said = arguments.data.call(method, path, body.as_ref())?;
    warn_of_going_back(before.as_ref(), &said);
    match arguments.command {
        Some(ClockCommand::PutAside) => print(&put_aside(&said)),
        Some(ClockCommand::Retry) => {
            print(&format!("{} tried, {} put aside again\n", said["tried"], said["put_aside"]))?;
            match said["put_aside"].as_i64() {
                Some(0) => Ok(()),
                _ => Err(Failure::failed(
                    "what was put aside again is shown by: weipay sandbox clock put-aside",
                )),
            }
        }
        _ => {
            print(&shown(&said))?;
            match is_incomplete(&said) {
                true => Err(Failure::failed(
                    "the clock was advanced only in part: there was too much work at once, or a receiver of notifications did not \
                     respond, which costs 5 seconds for each attempt; advance again for the rest",
                )),
                false => Ok(()),
            }
        }
    }
}

/// How far the clock went back, in seconds.
fn seconds_back(before: &Value, after: &Value) -> Option<i64> {
    let seconds = |clock: &Value| clock["unix_seconds"].as_i64();
    Some(seconds(before)?.saturating_sub(seconds(after)?)).filter(|seconds| *seconds > 0)
}

fn warn_of_going_back(before: Option<&Value>, after: &Value) {
    let Some(seconds) = before.and_then(|before| seconds_back(before, after)) else { return };
    note(format_args!(
        "the clock went back by {seconds} s: records from that interval are now in the future"
    ));
}

/// What is put aside, a line each.
fn put_aside(said: &Value) -> String {
    let line = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or("?").escape_debug().to_string();
        format!("{}  {}  {}  {}\n", text("was_due"), text("kind"), text("key"), text("reason"))
    };
    said["put_aside"].as_array().into_iter().flatten().map(line).collect()
}

/// One line on the time, and one on what comes next.
fn shown(clock: &Value) -> String {
    let text = |name: &str| clock[name].as_str().unwrap_or_default();
    let mode = match (text("mode"), clock["offset_seconds"].as_i64()) {
        ("frozen", _) => "frozen".to_owned(),
        ("offset", Some(seconds)) if seconds < 0 => {
            format!("runs {} s behind this machine", seconds.unsigned_abs())
        }
        ("offset", Some(seconds)) => format!("runs {seconds} s ahead of this machine"),
        _ => "the time of this machine".to_owned(),
    };
    let next = match clock["next_event"].as_str() {
        Some(time) => format!("next event: {time}"),
        None => "next event: none".to_owned(),
    };
    format!("{} ({mode})\n{next}\n", text("time"))
}

/// Whether the clock does not show the time to which it was to be advanced.
fn is_incomplete(clock: &Value) -> bool {
    clock["is_complete"] == false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_is_a_line_each() {
        let entry = json!({ "was_due": "T", "kind": "order expires", "key": "1\n2", "reason": "broken" });
        assert_eq!(put_aside(&json!({ "put_aside": [entry] })), "T  order expires  1\\n2  broken\n");
        assert_eq!(put_aside(&json!({ "put_aside": [] })), "");
    }

    #[test]
    fn a_clock_that_went_back_is_told() {
        let at = |seconds: i64| json!({ "unix_seconds": seconds });
        assert_eq!(seconds_back(&at(86_400), &at(400)), Some(86_000));
        assert_eq!(seconds_back(&at(400), &at(400)), None);
        assert_eq!(seconds_back(&at(400), &at(401)), None);
    }

    #[test]
    fn an_advance_that_did_not_come_to_its_end_is_no_success() {
        assert!(is_incomplete(&json!({ "is_complete": false })));
        assert!(
            !is_incomplete(&json!({ "is_complete": true })) && !is_incomplete(&json!({ "mode": "real" }))
        );
    }

    #[test]
    fn it_says_how_the_clock_goes_and_what_comes_next() {
        let clock = |mode: &str, offset: Value, next: Value| {
            shown(&json!({ "time": "T", "mode": mode, "offset_seconds": offset, "next_event": next }))
        };
        assert_eq!(clock("frozen", Value::Null, json!("N")), "T (frozen)\nnext event: N\n");
        assert_eq!(
            clock("offset", json!(-5), Value::Null),
            "T (runs 5 s behind this machine)\nnext event: none\n"
        );
        assert_eq!(clock("real", json!(0), Value::Null), "T (the time of this machine)\nnext event: none\n");
    }
}
