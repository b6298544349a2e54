//! `weipay sandbox health`: whether a sandbox is ready, for scripts that wait for it.

use clap::Args;
use serde_json::Value;

use super::control::DataFolder;
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Health) -> Outcome {
    let health = arguments.data.get("/health")?;
    print(&shown(&health))
}

/// Where it is, and what does not work.
fn shown(health: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").escape_debug().to_string();
    let mut lines = format!("ready  {}\n", text(&health["base_url"]));
    for failing in health["failing"].as_array().into_iter().flatten() {
        let [task, since, reason] = ["task", "since", "reason"].map(|name| text(&failing[name]));
        lines.push_str(&format!("failing  {task}  since {since}  {reason}\n"));
    }
    if let Some(held) = super::notifications::held(&health["held"]) {
        lines.push_str(&format!("held  {held}\n"));
    }
    match health["put_aside"].as_u64() {
        None | Some(0) => {}
        Some(count) => lines.push_str(&format!("put aside  {count}, see: weipay sandbox clock put-aside\n")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_work_is_told_after_the_address() {
        let health = json!({ "base_url": "http://127.0.0.1:1", "failing": [], "put_aside": 0 });
        assert_eq!(shown(&health), "ready  http://127.0.0.1:1\n");
        let health = json!({
            "base_url": "http://127.0.0.1:1", "failing": [{ "task": "t", "since": "s", "reason": "r" }],
            "put_aside": 2,
        });
        let told = "ready  http://127.0.0.1:1\nfailing  t  since s  r\nput aside  2, see: weipay sandbox clock put-aside\n";
        assert_eq!(shown(&health), told);
        let health = json!({ "base_url": "u", "held": { "all": false, "merchants": ["1900000109"] } });
        assert_eq!(
            shown(&health),
            "ready  u\nheld  notifications of 1900000109 are held, see: weipay sandbox notifications release\n"
        );
    }
}
