//! The text of an operation.

use super::notification::seconds;
use super::outline::{self, OutlineLine, entry, list, push_field};
use super::{Heading, ParseError, error, errors, expect_heading};
use crate::errors::Source;
use crate::field::Field;
use crate::operation::{Operation, Pictures, Place, Repeat};
use crate::shared::Resolver;
use crate::waiting::{self, Wait};

/// Reads the text of one operation.
pub(crate) fn operation(text: &'static str, shared: Resolver<'_>) -> Result<Operation, ParseError> {
    let Heading::Operation(method, path) = expect_heading(text)? else {
        return Err(error(1, "not an operation: its heading must be a method and a path".to_owned()));
    };
    let mut reader = Reader { operation: blank(method, path), owner: None };
    for line in outline::lines(text) {
        let line = line?;
        match line.level {
            1 => reader.take_entry(&line, shared)?,
            level => reader.take_field(level - 2, &line, shared)?,
        }
    }
    if reader.operation.title.is_empty() {
        return Err(error(1, "an operation needs a `title` line".to_owned()));
    }
    let mut operation = reader.operation;
    operation.gives_encrypted = operation.response.iter().any(Field::holds_encrypted);
    operation.takes_encrypted =
        Place::ALL.iter().any(|place| operation.request.fields(*place).iter().any(Field::holds_encrypted));
    if operation.pictures.is_some() && operation.request.multipart.is_empty() {
        return Err(error(1, "only an upload has a `pictures` line".to_owned()));
    }
    errors::add_common(&mut operation, shared)?;
    Ok(operation)
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
        partner_path: None,
        client_cert: false,
        nonceless: false,
        unsigned: false,
        signed_digest: None,
        pictures: None,
        repeat: None,
        repeat_after: None,
        repeat_reason: "",
        proof: Vec::new(),
        wait: None,
        takes_encrypted: false,
        gives_encrypted: false,
        request: Default::default(),
        success: 200,
        response: Vec::new(),
        has_file_response: false,
        errors: Vec::new(),
    }
}

/// Where the fields that follow belong.
#[derive(Clone, Copy)]
enum Owner {
    Request(Place),
    Response,
    Errors(Option<Source>),
}

struct Reader {
    operation: Operation,
    owner: Option<Owner>,
}

impl Reader {
    /// A line of the operation itself: an attribute, or the name of the place that the next fields belong to.
    fn take_entry(&mut self, line: &OutlineLine, objects: Resolver<'_>) -> Result<(), ParseError> {
        let (word, rest) = entry(line.text);
        let operation = &mut self.operation;
        self.owner = None;
        match word {
            "title" => operation.title = rest,
            "group" => operation.group = rest,
            "roles" => operation.roles = list(rest),
            "docs" => operation.docs = list(rest),
            "base" => operation.base_url = Some(rest),
            "partner" if !rest.is_empty() => operation.partner_path = Some(rest),
            "partner" => {
                let rule = "`partner` should name the path at which partners do the same";
                return Err(error(line.number, rule.to_owned()));
            }
            "client-cert" => operation.client_cert = true,
            "nonceless" => operation.nonceless = true,
            "unsigned" => operation.unsigned = true,
            "signed-digest" if operation.unsigned && !rest.is_empty() => operation.signed_digest = Some(rest),
            "signed-digest" => {
                let rule = "`signed-digest` should name a header of the response, below `unsigned`";
                return Err(error(line.number, rule.to_owned()));
            }
            "pictures" => {
                let pictures = Pictures::from_words(rest);
                let expected =
                    || error(line.number, format!("`{rest}` should be `only` or a limit such as ..2097152"));
                operation.pictures = Some(pictures.ok_or_else(expected)?);
            }
            "repeat" => take_repeat(operation, rest, line.number)?,
            "proof" if !rest.is_empty() => operation.proof = rest.split('|').map(str::trim).collect(),
            "proof" => {
                let rule = "`proof` should name members of the response, with a `|` between them";
                return Err(error(line.number, rule.to_owned()));
            }
            waiting::KEY => {
                let wait = Wait::read(rest).map_err(|problem| error(line.number, problem))?;
                operation.wait = Some(wait);
            }
            errors::KEY => {
                self.owner =
                    Some(Owner::Errors(match errors::take(operation, rest, line.number, objects)? {
                        errors::Entry::Lists => None,
                        errors::Entry::From(source) => Some(source),
                    }));
            }
            "response" => {
                self.owner = Some(Owner::Response);
                take_response(operation, rest, line.number)?;
            }
            word => {
                let place = Place::from_word(word)
                    .ok_or_else(|| error(line.number, format!("`{word}` is not a key of an operation")))?;
                self.owner = Some(Owner::Request(place));
            }
        }
        Ok(())
    }

    fn take_field(
        &mut self,
        depth: usize,
        line: &OutlineLine,
        shared: Resolver<'_>,
    ) -> Result<(), ParseError> {
        let top = match self.owner {
            Some(Owner::Request(place)) => self.operation.request.fields_mut(place),
            Some(Owner::Response) => &mut self.operation.response,
            Some(Owner::Errors(source)) => return errors::take_code(&mut self.operation, line, source),
            None => {
                return Err(error(line.number, "a field must be below a place, such as `json`".to_owned()));
            }
        };
        push_field(top, depth, line, shared)
    }
}

/// `repeat WORD after WAIT, REASON`.
fn take_repeat(operation: &mut Operation, rest: &'static str, line: usize) -> Result<(), ParseError> {
    let (word, reason) = rest.split_once(',').unwrap_or((rest, ""));
    let (word, wait) = word.split_once(" after ").map_or((word, None), |(word, wait)| (word, Some(wait)));
    if let Some(wait) = wait {
        let expected = || error(line, format!("`{wait}` should be a wait such as 30s, 1m or 2h"));
        operation.repeat_after = Some(seconds(wait).ok_or_else(expected)?);
    }
    let expected = || error(line, format!("`{word}` should be safe, not-safe or unknown"));
    operation.repeat = Some(Repeat::from_word(word).ok_or_else(expected)?);
    operation.repeat_reason = reason.trim();
    Ok(())
}

/// `response`, `response STATUS` or `response file`.
fn take_response(operation: &mut Operation, rest: &str, line: usize) -> Result<(), ParseError> {
    match rest {
        "" => {}
        "file" => operation.has_file_response = true,
        rest => {
            let expected = || error(line, format!("`{rest}` should be a status such as 204, or `file`"));
            operation.success = status(rest).ok_or_else(expected)?;
        }
    }
    Ok(())
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..300).contains(status))
}
