//! The text of a notification, and of the envelope that the notifications of a version have in common.
//!
//! A notification starts as a copy of its envelope; its entries replace those of the envelope.

use super::outline::{self, OutlineLine, entry, list, push_field};
use super::{Heading, ParseError, error, expect_heading};
use crate::field::Field;
use crate::notification::{AES_GCM, Notification, Retry};
use crate::operation::ApiVersion;
use crate::shared::Resolver;

/// Reads the text of one notification.
pub(crate) fn notification(
    text: &'static str,
    shared: Resolver<'_>,
    envelope: Option<&Notification>,
) -> Result<Notification, ParseError> {
    let Heading::Notification(version, event) = expect_heading(text)? else {
        return Err(error(1, "not a notification: its heading must be NOTIFY, version and event".to_owned()));
    };
    let start = envelope.cloned().unwrap_or_else(|| blank(version));
    read(text, shared, Notification { version, event, title: "", ..start })
}

/// Reads the text of an envelope: a notification without an event.
pub(crate) fn envelope(text: &'static str, shared: Resolver<'_>) -> Result<Notification, ParseError> {
    let Heading::Envelope(version) = expect_heading(text)? else {
        return Err(error(1, "not an envelope: its heading must be ENVELOPE and version".to_owned()));
    };
    read(text, shared, blank(version))
}

fn blank(version: ApiVersion) -> Notification {
    Notification {
        version,
        event: "",
        title: "",
        docs: Vec::new(),
        sent_as: Vec::new(),
        original_types: Vec::new(),
        associated_data: None,
        summary: None,
        summary_has: None,
        merchant: None,
        told_by: Vec::new(),
        numbers: Vec::new(),
        identity: Vec::new(),
        cipher: AES_GCM,
        retry: Retry::default(),
        headers: Vec::new(),
        body: Vec::new(),
        resource: Vec::new(),
        response_headers: Vec::new(),
        response: Vec::new(),
    }
}

fn read(text: &'static str, shared: Resolver<'_>, start: Notification) -> Result<Notification, ParseError> {
    let mut notification = start;
    let mut place: Option<&'static str> = None;
    for line in outline::lines(text) {
        let line = line?;
        if line.level == 1 {
            place = take_entry(&mut notification, &line)?;
            continue;
        }
        let Some(top) = place.and_then(|place| fields(&mut notification, place)) else {
            return Err(error(line.number, "a field must be below a place, such as `resource`".to_owned()));
        };
        push_field(top, line.level - 2, &line, shared)?;
    }
    if notification.title.is_empty() {
        return Err(error(1, "a notification needs a `title` line".to_owned()));
    }
    Ok(notification)
}

fn fields<'a>(notification: &'a mut Notification, place: &str) -> Option<&'a mut Vec<Field>> {
    match place {
        "headers" => Some(&mut notification.headers),
        "body" => Some(&mut notification.body),
        "resource" => Some(&mut notification.resource),
        "response-headers" => Some(&mut notification.response_headers),
        "response" => Some(&mut notification.response),
        _ => None,
    }
}

/// Takes an attribute, or gives the place that the next fields belong to.
fn take_entry(
    notification: &mut Notification,
    line: &OutlineLine,
) -> Result<Option<&'static str>, ParseError> {
    let (word, rest) = entry(line.text);
    match word {
        "title" => notification.title = rest,
        "docs" => notification.docs = list(rest),
        "sent-as" => notification.sent_as = list(rest),
        "original-type" => notification.original_types = list(rest),
        "associated-data" => notification.associated_data = Some(rest),
        "summary" => notification.summary = Some(rest),
        "summary-has" => notification.summary_has = Some(rest),
        "merchant" => notification.merchant = Some(rest),
        "told-by" => notification.told_by = rest.split('|').map(list).collect(),
        "identity" => notification.identity = list(rest),
        "numbers" => notification.numbers = list(rest),
        "cipher" => notification.cipher = rest,
        "retry" => {
            notification.retry = retry(rest).ok_or_else(|| {
                error(line.number, format!("`{rest}` should be waits such as 15s x2, 30s, 3m, 6h"))
            })?;
        }
        place => {
            let Some(fields) = fields(notification, place) else {
                return Err(error(line.number, format!("`{place}` is not a key of a notification")));
            };
            fields.clear();
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// `15s x2, 30s, 3m, 6h`, with `unconfirmed` after it where the documents leave it open.
fn retry(text: &'static str) -> Option<Retry> {
    let (text, confirmed) = text.strip_suffix(" unconfirmed").map_or((text, true), |waits| (waits, false));
    let mut waits = Vec::new();
    for part in list(text) {
        let (wait, times) = part.split_once(" x").unwrap_or((part, "1"));
        let seconds = seconds(wait)?;
        let times: usize = times.parse().ok().filter(|times| (1..=100).contains(times))?;
        waits.extend(std::iter::repeat_n(seconds, times));
    }
    (!waits.is_empty()).then_some(Retry { waits, confirmed })
}

/// A wait such as `15s`, `3m` or `6h`.
pub(super) fn seconds(wait: &str) -> Option<u32> {
    let (digits, unit) = wait.split_at_checked(wait.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(unit)
}
