//! The content of a complaint (消费者投诉), and its rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::complaint::Private;
use super::control::ComplaintError;
use super::rules::Words;
use crate::products::media;
use crate::store::Transaction;

/// How long a text may be, in characters, and how many pictures it may have.
const MAX_LETTERS: usize = 1000;
const MAX_IMAGES: usize = 4;
const MAX_MEDIA_ID: usize = 512;
pub(super) const MAX_PHONE: usize = 50;

/// `problem_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Problem {
    /// The person wants money back.
    #[default]
    Refund,
    /// The goods do not work.
    ServiceNotWork,
    /// Something else.
    Other,
}

impl Problem {
    const ALL: [Self; 3] = [Self::Refund, Self::ServiceNotWork, Self::Other];
    /// The words of all of them.
    pub const WORDS: [&str; 3] = ["refund", "service-not-work", "other"];

    /// One word, such as `refund`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The problem of this [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.word() == word)
    }

    pub(super) const fn type_word(self) -> &'static str {
        match self {
            Self::Refund => "REFUND",
            Self::ServiceNotWork => "SERVICE_NOT_WORK",
            Self::Other => "OTHERS",
        }
    }

    /// `problem_description`: UNCONFIRMED(complaint-words).
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Refund => "申请退款",
            Self::ServiceNotWork => "服务权益未生效",
            Self::Other => "其他类型",
        }
    }
}

/// A message: a text, and the media IDs of pictures.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ComplaintMessage {
    pub(super) text: Option<String>,
    pub(super) images: Vec<String>,
}

impl fmt::Debug for ComplaintMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComplaintMessage").field("images", &self.images.len()).finish_non_exhaustive()
    }
}

impl ComplaintMessage {
    /// A text of at most 1000 characters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), images: Vec::new() }
    }

    /// With a picture, of which there are at most four: a `media_id` that an upload responded with.
    #[must_use]
    pub fn with_image(mut self, media_id: impl Into<String>) -> Self {
        self.images.push(media_id.into());
        self
    }

    pub(super) fn check(&self) -> Result<(), ComplaintError> {
        if self.text.as_ref().is_some_and(|text| text.chars().count() > MAX_LETTERS) {
            return Err(ComplaintError::Invalid("a text has at most 1000 characters"));
        }
        let is_media_id = |id: &String| {
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
            !id.is_empty() && id.len() <= MAX_MEDIA_ID && id.bytes().all(plain)
        };
        if self.images.len() > MAX_IMAGES || !self.images.iter().all(is_media_id) {
            return Err(ComplaintError::Invalid(
                "there are at most 4 pictures, each with the media_id that an upload responded with",
            ));
        }
        Ok(())
    }

    pub(super) fn check_pictures(&self, tx: &Transaction<'_>) -> Result<(), ComplaintError> {
        if media::are_kept(tx, &self.images)? {
            return Ok(());
        }
        Err(ComplaintError::Invalid(
            "no upload to /v3/merchant-service/images/upload responded with one of these media_ids: upload the picture first, as a merchant",
        ))
    }

    pub(super) fn words(&self, default: &str) -> Words {
        let text = Private(self.text.clone().unwrap_or_else(|| default.to_owned()));
        Words { text, images: self.images.clone(), message: None }
    }
}

/// A complaint of a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewComplaint {
    pub(super) order: String,
    pub(super) mchid: Option<String>,
    pub(super) openid: Option<String>,
    pub(super) said: ComplaintMessage,
    pub(super) problem: Problem,
    pub(super) refund: Option<i64>,
    pub(super) phone: Option<String>,
    pub(super) urgent: bool,
}

impl fmt::Debug for NewComplaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewComplaint").field("order", &self.order).finish_non_exhaustive()
    }
}

impl NewComplaint {
    /// Complains about the paid order with this out_trade_no or transaction_id.
    #[must_use]
    pub fn new(order: impl Into<String>) -> Self {
        Self { order: order.into(), ..Self::default() }
    }

    /// Sets the merchant ID, for an out_trade_no that several merchants have used.
    #[must_use]
    pub fn of_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Sets the complaining person, by an openid of the person who paid.
    #[must_use]
    pub fn by_person(mut self, openid: impl Into<String>) -> Self {
        self.openid = Some(openid.into());
        self
    }

    /// Sets what the person writes.
    #[must_use]
    pub fn saying(mut self, said: ComplaintMessage) -> Self {
        self.said = said;
        self
    }

    /// Sets the subject; by default a refund.
    #[must_use]
    pub fn about(mut self, problem: Problem) -> Self {
        self.problem = problem;
        self
    }

    /// Sets the refund that the person wants, in fen.
    #[must_use]
    pub fn wanting(mut self, fen: i64) -> Self {
        self.refund = Some(fen);
        self
    }

    /// Sets the person's phone number.
    #[must_use]
    pub fn with_phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// Marks the complaint as urgent (即时服务).
    #[must_use]
    pub fn urgently(mut self) -> Self {
        self.urgent = true;
        self
    }
}
