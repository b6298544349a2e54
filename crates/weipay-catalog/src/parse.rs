//! The format of a catalogue file.
//!
//! ```text
//! POST v3/marketing/busifavor/coupons/disassociate
//!   title  取消关联订单信息
//!   docs   v3/merchant/4012465673, v3/partner/4012465703
//!
//!   json
//!     stock_id*        string 1..20   # 批次号 = 98065001
//!     out_request_no*  string 1..128 /^[0-9A-Za-z_\-|*]+$/  # 商户请求单号
//!
//!   response
//!     wechatpay_disassociate_time*  string rfc3339  # 取消关联成功时间
//! ```
//!
//! Indentation is the structure: two spaces per level, and the members of a field are one level below it. A heading says what
//! a text is: an operation (as above), a notification (`NOTIFY v3 REFUND.SUCCESS`), what all notifications of a version have
//! in common (`ENVELOPE v3`), what all responses have in common (`RESPONSE v3`), or what several files share: an object (`OBJECT promotion_detail`), a list of values
//! (`VALUES trade_state`) or error codes (`ERRORS pay_order`). The parser borrows from the text, which is `'static` because it
//! is either embedded or belongs to a tool that ends soon.

mod errors;
mod line;
mod notification;
mod operation;
mod outline;
mod response;

use std::fmt;

use crate::field::Field;
use crate::operation::ApiVersion;
use crate::shared::Resolver;

pub(crate) use errors::error_list;
pub(crate) use notification::{envelope, notification};
pub(crate) use operation::operation;
#[cfg(any(test, feature = "lint"))]
pub(crate) use outline::LISTS;
pub(crate) use response::any_response;

/// What is wrong with a catalogue file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ParseError {}

fn error(line: usize, reason: String) -> ParseError {
    ParseError { line, reason }
}

/// What the first line of a text says that the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heading {
    /// `POST v3/security/echo`: an operation, by method and path.
    Operation(&'static str, &'static str),
    /// `NOTIFY v3 REFUND.SUCCESS`: a notification, by version and event.
    Notification(ApiVersion, &'static str),
    /// `ENVELOPE v3`: what the notifications of a version have in common.
    Envelope(ApiVersion),
    /// `RESPONSE v3`: what the responses of a version have in common.
    Response(ApiVersion),
    /// `OBJECT promotion_detail`: an object that several files share.
    Object(&'static str),
    /// `VALUES trade_state`: a list of values that several fields share.
    Values(&'static str),
    /// `ERRORS pay_order`: error codes that several files share.
    Errors(&'static str),
}

impl Heading {
    /// The file that the text belongs in: a path below `catalog/` without its ending.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            // A file needs a name: what stands at the slash itself is the index of the folder.
            Self::Operation(_, path) if path.ends_with('/') => format!("{path}index"),
            Self::Operation(_, path) => (*path).to_owned(),
            Self::Notification(version, event) => format!("notifications/{version}/{event}"),
            Self::Envelope(version) => format!("notifications/{version}/envelope"),
            Self::Response(version) => format!("responses/{version}"),
            Self::Object(name) => format!("shared/{name}"),
            Self::Values(name) => format!("values/{name}"),
            Self::Errors(name) => format!("errors/{name}"),
        }
    }
}

impl fmt::Display for Heading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(method, path) => write!(f, "{method} {path}"),
            Self::Notification(version, event) => write!(f, "NOTIFY {version} {event}"),
            Self::Envelope(version) => write!(f, "ENVELOPE {version}"),
            Self::Response(version) => write!(f, "RESPONSE {version}"),
            Self::Object(name) => write!(f, "OBJECT {name}"),
            Self::Values(name) => write!(f, "VALUES {name}"),
            Self::Errors(name) => write!(f, "ERRORS {name}"),
        }
    }
}

/// Reads a heading.
#[must_use]
pub fn heading(line: &'static str) -> Option<Heading> {
    let (word, rest) = line.trim_end().split_once(' ')?;
    let one = |text: &str| !text.is_empty() && !text.contains([' ', '\\']);
    match word {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => one(rest).then_some(Heading::Operation(word, rest)),
        "NOTIFY" => {
            let (version, event) = rest.split_once(' ')?;
            let version = ApiVersion::from_word(version)?;
            one(event).then_some(Heading::Notification(version, event))
        }
        "ENVELOPE" => ApiVersion::from_word(rest).map(Heading::Envelope),
        "RESPONSE" => ApiVersion::from_word(rest).map(Heading::Response),
        "OBJECT" => one(rest).then_some(Heading::Object(rest)),
        "VALUES" => one(rest).then_some(Heading::Values(rest)),
        "ERRORS" => one(rest).then_some(Heading::Errors(rest)),
        _ => None,
    }
}

fn expect_heading(text: &'static str) -> Result<Heading, ParseError> {
    let first = text.lines().next().unwrap_or("");
    heading(first).ok_or_else(|| {
        let reason = "is not a heading, such as `POST v3/security/echo`, `NOTIFY v3 REFUND.SUCCESS`, `ENVELOPE v3`, `RESPONSE v3`, `OBJECT amount`, `VALUES trade_state` or `ERRORS pay_order`";
        error(1, format!("`{first}` {reason}"))
    })
}

/// Reads the members of one shared object.
pub(crate) fn object(text: &'static str, shared: Resolver<'_>) -> Result<Vec<Field>, ParseError> {
    let Heading::Object(_) = expect_heading(text)? else {
        return Err(error(1, "not a shared object: its heading is OBJECT and a name".to_owned()));
    };
    let mut members = Vec::new();
    for line in outline::lines(text) {
        let line = line?;
        outline::push_field(&mut members, line.level - 1, &line, shared)?;
    }
    if members.is_empty() {
        return Err(error(1, "a shared object needs members".to_owned()));
    }
    Ok(members)
}

/// Reads a shared list of values: one on each line.
pub(crate) fn values(text: &'static str) -> Result<Vec<&'static str>, ParseError> {
    let Heading::Values(_) = expect_heading(text)? else {
        return Err(error(1, "not a list of values: its heading is VALUES and a name".to_owned()));
    };
    let mut values = Vec::new();
    for line in outline::lines(text) {
        let line = line?;
        if line.level != 1 {
            return Err(error(line.number, format!("the value `{}` is indented too deeply", line.text)));
        }
        if values.contains(&line.text) {
            return Err(error(line.number, format!("the value `{}` is listed twice", line.text)));
        }
        values.push(line.text);
    }
    if values.is_empty() {
        return Err(error(1, "a list of values needs values".to_owned()));
    }
    Ok(values)
}

/// Cuts a file into texts at its headings, each with the number of its first line. Everything but a heading is
/// indented, empty or a comment.
pub fn sections(text: &'static str) -> Vec<(usize, &'static str)> {
    let mut starts = Vec::new();
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.as_bytes().first().is_some_and(u8::is_ascii_uppercase) {
            starts.push((number + 1, offset));
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    starts.iter().zip(ends).map(|((number, start), end)| (*number, &text[*start..end])).collect()
}

#[cfg(test)]
mod tests;
