//! The log (日志): one line for each request, without personal data and secrets.
//!
//! No header, no body and no query is in it. Of a path it shows the values that number things, such as orders and
//! stocks, and in place of those that name people the placeholder; of a path that no operation has, only the words that
//! some operation has. Reasons name fields and rules.

use std::fmt;

use weipay_catalog::{Catalog, Field, Operation};

use crate::clock;
use crate::clock::Clock;
use crate::data_folder::CA_CERTIFICATE;
use crate::faults::FAULT_HEADER;
use crate::response::{REASON_HEADER, Response, decode_reason};

/// Log entry of a request. [`Display`](fmt::Display) is a line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When, in unix seconds, by the clock of the machine.
    pub time: i64,
    /// The method.
    pub method: String,
    /// The path without its query, people's values replaced by their placeholders.
    pub path: String,
    /// The HTTP status; `None` if the request did not arrive in full.
    pub status: Option<u16>,
    /// The error code (错误码) of a refusal.
    pub code: Option<&'static str>,
    /// Why it was refused, or why a success says that it has failed: what [`REASON_HEADER`] says, and otherwise the message
    /// of the refusal.
    pub reason: Option<String>,
    /// The fault that the sandbox was asked for, as its header names it.
    pub fault: Option<String>,
    /// Whether the response was only an example.
    pub is_example: bool,
}

/// Called for every request and every notification.
pub(crate) type Log = dyn Fn(LogEntry) + Send + Sync;

/// The method that is shown for a notification.
const NOTIFY: &str = "NOTIFY";

/// The method that is shown for background work of the sandbox.
const SANDBOX: &str = "SANDBOX";

/// The method that is shown for connections without a request.
const CONNECT: &str = "CONNECT";
const TLS: &str = "TLS";

/// The longest path that is shown.
const MAX_PATH_LENGTH: usize = 400;
const MAX_METHOD_LENGTH: usize = 20;
/// The longest message that is shown, in characters.
const MAX_REASON_LENGTH: usize = 300;

impl LogEntry {
    pub(crate) fn new(method: &str, path: &str, response: &Response) -> Self {
        Self {
            time: Clock::System.now(),
            method: shown_method(method),
            path: shown_path(method, path),
            status: response.delivery.has_status().then_some(response.status),
            code: response.code(),
            reason: reason(response),
            fault: response.header(FAULT_HEADER).map(str::to_owned),
            is_example: response.is_example(),
        }
    }

    /// An attempt to deliver a notification. `receiver` names its host, and no path.
    pub(crate) fn notification(
        event_type: &str,
        receiver: &str,
        status: Option<u16>,
        reason: Option<String>,
    ) -> Self {
        Self {
            time: Clock::System.now(),
            method: NOTIFY.to_owned(),
            path: format!("{event_type} to {}", shown_text(receiver, MAX_PATH_LENGTH)),
            status,
            code: None,
            reason,
            fault: None,
            is_example: false,
        }
    }

    /// Work that the sandbox does by itself, and that failed.
    pub(crate) fn background(work: &str, reason: &str) -> Self {
        Self { path: shown_text(work, MAX_PATH_LENGTH), ..Self::incomplete(SANDBOX, "", reason) }
    }

    /// A client that asked the proxy for what it does not lead to.
    pub(crate) fn unconnected(target: &str, reason: &str) -> Self {
        Self { path: shown_text(target, MAX_PATH_LENGTH), ..Self::incomplete(CONNECT, "", reason) }
    }

    /// A connection that ended before TLS stood.
    pub(crate) fn without_tls(reason: &str) -> Self {
        let reason = format!("{reason}; does the client trust {CA_CERTIFICATE} in the data folder?");
        Self::incomplete(TLS, "", &reason)
    }

    /// A request that did not arrive whole.
    pub(crate) fn incomplete(method: &str, path: &str, reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        let response = Response::empty(0);
        Self { status: None, reason, ..Self::new(method, path, &response) }
    }

    /// Whether the request was refused, or did not arrive.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        // A refusal of APIv2 has the status of a success.
        self.code.is_some() || self.status.is_none_or(|status| status >= 400)
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", clock::rfc3339(self.time), self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("-")?,
        }
        if let Some(code) = self.code {
            write!(f, " {code}")?;
        }
        if self.is_example {
            f.write_str(" example")?;
        }
        if let Some(fault) = &self.fault {
            write!(f, " fault[{fault}]")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

fn reason(response: &Response) -> Option<String> {
    let message = || {
        let message = response.message.as_deref()?;
        Some(message.chars().filter(|character| !character.is_control()).take(MAX_REASON_LENGTH).collect())
    };
    response.header(REASON_HEADER).map(decode_reason).or_else(message)
}

pub(crate) fn shown_method(method: &str) -> String {
    shown_text(method, MAX_METHOD_LENGTH)
}

/// A path as it may be shown.
pub(crate) fn shown_path(method: &str, path: &str) -> String {
    shown_text(&without_people(method, path), MAX_PATH_LENGTH)
}

/// A path whose values do not name people.
fn without_people(method: &str, path: &str) -> String {
    let catalog = Catalog::embedded();
    let at_path = || catalog.all_at(path).first().copied();
    let routed = catalog.route(method, path).map(|routed| routed.operation);
    let found = routed.ok().or_else(at_path).filter(|_| !path.starts_with("//"));
    let Some(operation) = found else { return known_words(path) };
    let segments = operation.path.split('/').zip(path.trim_start_matches('/').split('/'));
    let mut text = String::new();
    for (template, given) in segments {
        let name = template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let hidden = name.is_some_and(|name| is_private(operation, name));
        text.push('/');
        text.push_str(if hidden { template } else { given });
    }
    text
}

/// A path that no operation has: what may be a person's value is hidden, and so is what was mistyped.
pub(crate) fn known_words(path: &str) -> String {
    let literals = || Catalog::embedded().headings().flat_map(|(_, template)| template.split('/'));
    let shown = |segment| if literals().any(|literal| literal == segment) { segment } else { HIDDEN };
    let segments: Vec<&str> = path
        .split('/')
        .take(MAX_SEGMENTS)
        .map(|part| if part.is_empty() { part } else { shown(part) })
        .collect();
    segments.join("/")
}

/// The placeholder for a hidden segment.
const HIDDEN: &str = "{?}";
/// No operation has as many; it bounds the search for words.
const MAX_SEGMENTS: usize = 20;

/// Whether the value of a placeholder may not be shown: the catalogue says so, or does not describe it.
fn is_private(operation: &Operation, placeholder: &str) -> bool {
    let mut fields = operation.request.path.iter();
    fields.find(|field| field.name == placeholder).is_none_or(Field::is_private)
}

/// Visible ASCII, cut: a path may be any bytes, and a log is read on a terminal.
pub(crate) fn shown_text(text: &str, longest: usize) -> String {
    let visible = |byte: u8| if byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    let mut shown: String = text.bytes().take(longest).map(visible).collect();
    if text.len() > longest {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::encode_reason;

    const HIDDEN_PLACEHOLDERS: &[&str] = &[
        "account",
        "activate_ticket",
        "authorization_code",
        "card_no",
        "code",
        "device_id",
        "driver_license",
        "employee_id",
        "face_sid",
        "openid",
        "out_authorization_no",
        "out_card_code",
        "out_card_no",
        "out_user_id",
        "plate_number",
        "qq",
        "sp_openid",
        "user_card_code",
        "user_coupon_bundle_id",
        "user_id",
        "wechat_openid",
    ];

    fn line(method: &str, path: &str, response: &Response) -> String {
        let entry = LogEntry { time: 1_786_766_400, ..LogEntry::new(method, path, response) };
        entry.to_string()
    }

    #[test]
    fn a_line_has_time_method_path_status_code_and_reason() {
        let mut refused = Response::empty(400);
        refused.code = Some("PARAM_ERROR");
        refused.set(REASON_HEADER, &encode_reason("use_method is one of OFF_LINE"));
        assert_eq!(
            line("POST", "/v3/marketing/busifavor/stocks", &refused),
            "2026-08-15T12:00:00+08:00 POST /v3/marketing/busifavor/stocks 400 PARAM_ERROR (use_method is one of OFF_LINE)"
        );
        assert_eq!(
            line("GET", "/v3/certificates", &Response::empty(200)),
            "2026-08-15T12:00:00+08:00 GET /v3/certificates 200"
        );
    }

    #[test]
    fn a_message_that_says_enough_stands_for_the_reason() {
        let mut refused = Response::empty(404);
        refused.code = Some("RESOURCE_NOT_EXISTS");
        refused.message = Some("批次\n不存在".to_owned());
        let line = line("GET", "/v3/certificates", &refused);
        assert!(line.ends_with(" 404 RESOURCE_NOT_EXISTS (批次不存在)"), "{line}");
    }

    /// The names of the placeholders whose values are hidden, or shown.
    fn placeholders(are_private: bool) -> Vec<&'static str> {
        let operations = Catalog::embedded().operations();
        let mut names: Vec<&str> = operations
            .flat_map(|operation| operation.placeholders().map(move |name| (operation, name)))
            .filter(|(operation, name)| is_private(operation, name) == are_private)
            .map(|(_, name)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn of_every_placeholder_it_is_decided_whether_its_value_is_shown() {
        assert_eq!(placeholders(true), HIDDEN_PLACEHOLDERS);
        // What is shown is a number or a code of a thing, or of a company.
        let endings = ["_id", "_no", "_code", "_sn", "mchid", "_type", "_number", "_identifier"];
        for name in placeholders(false) {
            assert!(
                name == "appid" || endings.iter().any(|ending| name.ends_with(ending)),
                "decide on {name}"
            );
            assert!(
                !HIDDEN_PLACEHOLDERS.contains(&name),
                "{name} is shown in one path and hidden in another"
            );
        }
    }

    #[test]
    fn people_are_not_in_it_and_numbers_of_things_are() {
        let shown = |method, path| LogEntry::new(method, path, &Response::empty(200)).path;
        let coupon = "/v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons/1/appids/wx1";
        for method in ["GET", "POST"] {
            assert_eq!(
                shown(method, coupon),
                "/v3/marketing/busifavor/users/{openid}/coupons/1/appids/wx1",
                "{method}"
            );
        }
        let order = "/v3/pay/transactions/out-trade-no/order-7";
        assert_eq!(shown("GET", order), order);
    }

    /// A path that is mistyped may hold the same people as the one that is meant.
    #[test]
    fn of_a_path_that_is_unknown_only_the_catalogues_own_words_are_shown() {
        let shown = |path| LogEntry::new("GET", path, &Response::empty(404)).path;
        for (path, expected) in [
            (
                "/v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupon",
                "/v3/marketing/busifavor/users/{?}/{?}",
            ),
            (
                "/v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons/",
                "/v3/marketing/busifavor/users/{?}/coupons/",
            ),
            (
                "//v3/marketing/busifavor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons",
                "//v3/marketing/busifavor/users/{?}/coupons",
            ),
            ("/v3/payscore/users/13900000000", "/v3/payscore/users/{?}"),
            ("/pay/orderquery", "/pay/orderquery"),
            ("/", "/"),
        ] {
            assert_eq!(shown(path), expected);
        }
    }

    #[test]
    fn a_request_that_did_not_arrive_has_no_status() {
        let entry = LogEntry::incomplete("POST", "/v3/certificates", "its body did not arrive");
        assert!(entry.to_string().ends_with(" POST /v3/certificates - (its body did not arrive)"), "{entry}");
    }

    #[test]
    fn a_path_of_any_bytes_and_length_stays_one_line() {
        let entry = LogEntry::new("GET", &format!("/\u{1b}[2J券{}", "a".repeat(1000)), &Response::empty(404));
        let text = entry.to_string();
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.len() < 500, "{text}");
    }
}
