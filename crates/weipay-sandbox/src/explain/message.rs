//! The message that a signature is made over, in the layouts in which clients are known to make it.

use aws_lc_rs::digest::{Context, SHA256};

use super::WrongSignature;

/// A message that may have been signed.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) timestamp: String,
    pub(super) nonce: String,
    pub(super) body: Vec<u8>,
    pub(super) layout: Layout,
    pub(super) causes: Vec<&'static str>,
}

/// How the lines are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Right,
    NoLastFeed,
    NoLastLine,
    ExtraFeed,
    CarriageReturns,
    Backslashes,
    Joined,
    AsResponse,
    NonceBeforeTimestamp,
    TargetFirst,
    Twice,
    HexTwice,
}

impl Layout {
    pub(super) const WRONG: [(Self, &'static str); 11] = [
        (
            Self::NoLastFeed,
            "the line feed after the last line was left out; every line ends with one, also an empty body",
        ),
        (
            Self::NoLastLine,
            "the empty line of an empty body was left out; a request without a body signs an empty fifth line",
        ),
        (Self::ExtraFeed, "the signed message has an extra line feed at its end"),
        (Self::CarriageReturns, "lines were ended with CR LF; end each with a line feed alone"),
        (
            Self::Backslashes,
            "lines were ended with a backslash and the letter n; end each with the line feed character",
        ),
        (Self::Joined, "the lines were joined without line feeds; end each with one"),
        (
            Self::AsResponse,
            "the message has only timestamp, nonce and body, as that of a response; a request signs method and URL first",
        ),
        (
            Self::NonceBeforeTimestamp,
            "nonce and timestamp were signed in the wrong order; the timestamp comes first",
        ),
        (Self::TargetFirst, "URL and method were signed in the wrong order; the method comes first"),
        (
            Self::Twice,
            "the message was hashed twice; give the message itself to SHA256withRSA, not its digest",
        ),
        (
            Self::HexTwice,
            "the hexadecimal digest of the message was signed; give the message itself to SHA256withRSA",
        ),
    ];
}

impl Message {
    pub(super) fn expected(wrong: &WrongSignature<'_>) -> Self {
        Self {
            method: wrong.request.method.clone(),
            target: wrong.request.target.clone(),
            timestamp: wrong.authorization.timestamp.to_string(),
            nonce: wrong.authorization.nonce_str.clone(),
            body: wrong.body.to_vec(),
            layout: Layout::Right,
            causes: Vec::new(),
        }
    }

    /// The mistakes, in words.
    pub(super) fn cause(&self) -> String {
        self.causes.join("; and ")
    }

    pub(super) fn with(&self, target: String, body: Vec<u8>) -> Self {
        Self { target, body, ..self.clone() }
    }

    /// The message before it may have been hashed.
    pub(super) fn text(&self) -> Vec<u8> {
        let Self { method, target, timestamp, nonce, body, .. } = self;
        let [method, target, timestamp, nonce] =
            [method, target, timestamp, nonce].map(|text| text.as_bytes());
        let lines = |lines: &[&[u8]], end: &[u8]| {
            let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + end.len()).sum());
            for line in lines {
                text.extend_from_slice(line);
                text.extend_from_slice(end);
            }
            text
        };
        let all: [&[u8]; 5] = [method, target, timestamp, nonce, body];
        let mut text = match self.layout {
            Layout::CarriageReturns => lines(&all, b"\r\n"),
            Layout::Backslashes => lines(&all, b"\\n"),
            Layout::Joined => lines(&all, b""),
            Layout::AsResponse => lines(&[timestamp, nonce, body], b"\n"),
            Layout::NonceBeforeTimestamp => lines(&[method, target, nonce, timestamp, body], b"\n"),
            Layout::TargetFirst => lines(&[target, method, timestamp, nonce, body], b"\n"),
            _ => lines(&all, b"\n"),
        };
        match self.layout {
            Layout::NoLastFeed => text.truncate(text.len() - 1),
            Layout::NoLastLine if body.is_empty() => text.truncate(text.len() - 2),
            Layout::ExtraFeed => text.push(b'\n'),
            _ => {}
        }
        text
    }

    /// The input of the signing function.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let text = self.text();
        match self.layout {
            Layout::Twice => sha256(&text).to_vec(),
            Layout::HexTwice => super::hex(&sha256(&text)).into_bytes(),
            _ => text,
        }
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    context.finish().as_ref().try_into().unwrap_or_default()
}
