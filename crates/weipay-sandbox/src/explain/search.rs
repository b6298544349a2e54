//! The search for what was signed: which [mistakes] lead to the digest that the signature shows.
//!
//! One mistake is tried at a time, then two of different kinds. A try costs one hash; both their number and the bytes that are
//! hashed are bounded.

use super::json_style::{self, Style};
use super::message::{Layout, Message, sha256};
use super::{WrongSignature, mistakes};

const MAX_TRIES: usize = 3_000;
const MAX_HASHED: usize = 6 * 1024 * 1024;
/// The layouts of a longer body are not all tried.
const MAX_STYLED: usize = 16 * 1024;
/// How many of one kind are tried together with those of another.
const MAX_PAIRED: usize = 14;

/// One mistake.
#[derive(Debug, Clone)]
struct Mistake {
    cause: &'static str,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Method(String),
    Target(String),
    Timestamp(String),
    Nonce(String),
    Body(Vec<u8>),
    Style(Style),
    Layout(Layout),
}

impl Change {
    /// Two of one kind exclude each other.
    fn kind(&self) -> u8 {
        match self {
            Self::Method(_) => 0,
            Self::Target(_) => 1,
            Self::Timestamp(_) => 2,
            Self::Nonce(_) => 3,
            Self::Body(_) | Self::Style(_) => 4,
            Self::Layout(_) => 5,
        }
    }

    fn apply(&self, message: &mut Message) {
        match self {
            Self::Method(method) => message.method.clone_from(method),
            Self::Target(target) => message.target.clone_from(target),
            Self::Timestamp(timestamp) => message.timestamp.clone_from(timestamp),
            Self::Nonce(nonce) => message.nonce.clone_from(nonce),
            Self::Body(body) => message.body.clone_from(body),
            Self::Style(style) => message.body = style.apply(&message.body).unwrap_or_default(),
            Self::Layout(layout) => message.layout = *layout,
        }
    }
}

/// A search for the message with a digest.
pub(super) struct Search {
    expected: Message,
    mistakes: Vec<Mistake>,
    tries: usize,
    hashed: usize,
}

impl Search {
    pub(super) fn new(wrong: &WrongSignature<'_>) -> Self {
        let expected = Message::expected(wrong);
        let mut all = Vec::new();
        let mut add = |cause, change| all.push(Mistake { cause, change });
        for (target, cause) in mistakes::targets(wrong) {
            add(cause, Change::Target(target));
        }
        for (body, cause) in mistakes::bodies(wrong) {
            add(cause, Change::Body(body));
        }
        for (layout, cause) in Layout::WRONG {
            add(cause, Change::Layout(layout));
        }
        for (method, cause) in mistakes::methods(&expected.method) {
            add(cause, Change::Method(method));
        }
        for (timestamp, cause) in mistakes::timestamps(wrong.authorization.timestamp) {
            add(cause, Change::Timestamp(timestamp));
        }
        for (nonce, cause) in mistakes::nonces(&expected.nonce) {
            add(cause, Change::Nonce(nonce));
        }
        for style in json_style::styles(expected.body.len() <= MAX_STYLED) {
            add(mistakes::RE_ENCODED, Change::Style(style));
        }
        Self { expected, mistakes: all, tries: 0, hashed: 0 }
    }

    pub(super) fn find(mut self, digest: &[u8; 32]) -> Option<Message> {
        let mistakes = std::mem::take(&mut self.mistakes);
        for mistake in &mistakes {
            if let Some(found) = self.attempt(&[mistake], digest) {
                return Some(found);
            }
        }
        let mut counts = [0_usize; 6];
        let paired: Vec<&Mistake> = mistakes
            .iter()
            .filter(|mistake| {
                let count = counts.get_mut(usize::from(mistake.change.kind()));
                count.is_some_and(|count| {
                    *count += 1;
                    *count <= MAX_PAIRED
                        || matches!(mistake.change, Change::Style(_)) && *count <= 3 * MAX_PAIRED
                })
            })
            .collect();
        for (index, first) in paired.iter().enumerate() {
            for second in paired.iter().skip(index + 1) {
                if first.change.kind() != second.change.kind()
                    && let Some(found) = self.attempt(&[first, second], digest)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    fn attempt(&mut self, mistakes: &[&Mistake], digest: &[u8; 32]) -> Option<Message> {
        if self.tries >= MAX_TRIES || self.hashed >= MAX_HASHED {
            return None;
        }
        let mut message = self.expected.clone();
        for mistake in mistakes {
            mistake.change.apply(&mut message);
            if !message.causes.contains(&mistake.cause) {
                message.causes.push(mistake.cause);
            }
        }
        let bytes = message.bytes();
        self.tries += 1;
        self.hashed += bytes.len();
        (sha256(&bytes) == *digest).then_some(message)
    }
}
