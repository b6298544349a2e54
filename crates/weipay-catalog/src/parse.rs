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
//!   answer
//!     wechatpay_disassociate_time*  string rfc3339  # 取消关联成功时间
//! ```
//!
//! Indentation is the structure: two spaces a level, a field's members one level below it. The parser borrows from the
//! text, which is `'static` because it is either embedded or belongs to a tool that ends soon.

mod line;

use std::fmt;

use crate::field::{Field, Kind};
use crate::operation::Operation;

/// What is wrong with a catalogue file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ParseError {}

/// Whether a line opens an operation: everything else in a file is indented, empty or a comment.
pub(crate) fn is_heading(line: &str) -> bool {
    line.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
}

/// Cuts a file into the texts of its operations, each with the number of its first line.
pub fn sections(text: &'static str) -> Vec<(usize, &'static str)> {
    let mut starts = Vec::new();
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_heading(line) {
            starts.push((number + 1, offset));
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    starts.iter().zip(ends).map(|((number, start), end)| (*number, &text[*start..end])).collect()
}

/// Method and path of a heading such as `POST v3/security/echo`.
pub fn heading(line: &'static str) -> Option<(&'static str, &'static str)> {
    let (method, path) = line.trim_end().split_once(' ')?;
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    (known && !path.is_empty() && !path.contains([' ', '\\'])).then_some((method, path))
}

/// Reads the text of one operation.
pub fn operation(text: &'static str) -> Result<Operation, ParseError> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let (_, first) = lines.next().unwrap_or((1, ""));
    let (method, path) = heading(first).ok_or_else(|| {
        error(1, format!("`{first}` should be a method and a path, as in `POST v3/security/echo`"))
    })?;
    let mut reader = Reader { operation: blank(method, path), place: None, title_seen: false };
    for (number, line) in lines {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        reader.take(number, line)?;
    }
    if !reader.title_seen {
        return Err(error(1, "an operation needs a `title` line".to_owned()));
    }
    Ok(reader.operation)
}

fn blank(method: &'static str, path: &'static str) -> Operation {
    Operation {
        method,
        path,
        title: "",
        group: "",
        roles: Vec::new(),
        docs: Vec::new(),
        base_url: None,
        client_cert: false,
        nonceless: false,
        unsigned: false,
        request: Default::default(),
        success: 200,
        answer: Vec::new(),
    }
}

fn error(line: usize, reason: String) -> ParseError {
    ParseError { line, reason }
}

/// Where the fields that follow belong.
#[derive(Clone, Copy)]
enum Place {
    Path,
    Query,
    Headers,
    Json,
    Xml,
    Multipart,
    Other,
    Answer,
}

struct Reader {
    operation: Operation,
    place: Option<Place>,
    title_seen: bool,
}

impl Reader {
    fn take(&mut self, number: usize, line: &'static str) -> Result<(), ParseError> {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if !spaces.is_multiple_of(2) || line[spaces..].starts_with('\t') {
            return Err(error(number, format!("indented by {spaces}: a level is two spaces")));
        }
        match spaces / 2 {
            0 => Err(error(number, format!("`{line}` should be indented"))),
            1 => self.take_entry(number, line.trim()),
            level => self.take_field(number, level - 2, line.trim()),
        }
    }

    /// A line of the operation itself: an attribute, or the name of the place that the next fields belong to.
    fn take_entry(&mut self, number: usize, entry: &'static str) -> Result<(), ParseError> {
        let (word, rest) = entry.split_once(' ').map_or((entry, ""), |(word, rest)| (word, rest.trim()));
        let list = || rest.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let operation = &mut self.operation;
        self.place = None;
        match word {
            "title" => {
                self.title_seen = true;
                operation.title = rest;
            }
            "group" => operation.group = rest,
            "roles" => operation.roles = list(),
            "docs" => operation.docs = list(),
            "base" => operation.base_url = Some(rest),
            "client-cert" => operation.client_cert = true,
            "nonceless" => operation.nonceless = true,
            "unsigned" => operation.unsigned = true,
            "path" => self.place = Some(Place::Path),
            "query" => self.place = Some(Place::Query),
            "headers" => self.place = Some(Place::Headers),
            "json" => self.place = Some(Place::Json),
            "json[]" => {
                operation.request.json_is_array = true;
                self.place = Some(Place::Json);
            }
            "xml" => self.place = Some(Place::Xml),
            "multipart" => self.place = Some(Place::Multipart),
            "other" => self.place = Some(Place::Other),
            "answer" => {
                self.place = Some(Place::Answer);
                if !rest.is_empty() {
                    operation.success =
                        rest.parse().ok().filter(|status| (200..300).contains(status)).ok_or_else(|| {
                            error(number, format!("`{rest}` should be a status such as 204"))
                        })?;
                }
            }
            unknown => return Err(error(number, format!("`{unknown}` is not a key of an operation"))),
        }
        Ok(())
    }

    fn take_field(&mut self, number: usize, depth: usize, text: &'static str) -> Result<(), ParseError> {
        let field = line::field(text, number).map_err(|reason| error(number, reason))?;
        let request = &mut self.operation.request;
        let top = match self.place {
            Some(Place::Path) => &mut request.path,
            Some(Place::Query) => &mut request.query,
            Some(Place::Headers) => &mut request.headers,
            Some(Place::Json) => &mut request.json,
            Some(Place::Xml) => &mut request.xml,
            Some(Place::Multipart) => &mut request.multipart,
            Some(Place::Other) => &mut request.other,
            Some(Place::Answer) => &mut self.operation.answer,
            None => return Err(error(number, "a field needs a place above it, such as `json`".to_owned())),
        };
        let siblings = descend(top, depth).map_err(|reason| error(number, reason))?;
        if siblings.iter().any(|sibling| sibling.name == field.name) {
            return Err(error(number, format!("`{}` stands here twice", field.name)));
        }
        siblings.push(field);
        Ok(())
    }
}

/// The list that a field of this depth joins: the members of the last field, `depth` times over.
fn descend(mut fields: &mut Vec<Field>, depth: usize) -> Result<&mut Vec<Field>, String> {
    for _ in 0..depth {
        let parent = fields.last_mut().ok_or("a member needs its object one level above it")?;
        if parent.kind != Kind::Object && parent.carrier.is_none() {
            return Err(format!("`{}` is a {}: it has no members", parent.name, parent.kind.word()));
        }
        fields = &mut parent.fields;
    }
    Ok(fields)
}

#[cfg(test)]
mod tests;
