//! Error codes (错误码): what the platform may refuse an operation with, what that means, and what to do about it.
//!
//! Operations share lists of codes by name, and every operation of a version has the list that is named after the version.

/// A code with which the platform may refuse an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The HTTP status; none if the source does not say it, as for APIv2, which refuses with 200.
    pub status: Option<u16>,
    /// The code, such as `ORDER_CLOSED`.
    pub code: &'static str,
    /// What to do.
    pub advice: Advice,
    /// What it means.
    pub meaning: &'static str,
    /// The official message or description (错误描述), if a source shows it; empty otherwise.
    pub message: &'static str,
    /// Where this is known from.
    pub source: Source,
    /// The line in its text, counted from 1.
    pub line: usize,
}

/// Codes of an operation from one place of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorList {
    /// The name of a shared list; none for codes in the file of the operation.
    pub name: Option<&'static str>,
    /// The codes.
    pub codes: Vec<ErrorCode>,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advice {
    /// Correct the request.
    FixRequest,
    /// Send the same request again.
    RetrySame,
    /// Send the same request again after a while.
    RetryLater,
    /// Look up what became of it.
    QueryState,
    /// Take a new number, once the old one is known to have had no effect.
    NewNumber,
    /// The user must act.
    WaitUser,
    /// A permission is missing.
    AskPermission,
    /// Only the platform's support can help.
    Contact,
}

impl Advice {
    /// Every word.
    pub const ALL: [Self; 8] = [
        Self::FixRequest,
        Self::RetrySame,
        Self::RetryLater,
        Self::QueryState,
        Self::NewNumber,
        Self::WaitUser,
        Self::AskPermission,
        Self::Contact,
    ];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::FixRequest => "fix-request",
            Self::RetrySame => "retry-same",
            Self::RetryLater => "retry-later",
            Self::QueryState => "query-state",
            Self::NewNumber => "new-number",
            Self::WaitUser => "wait-user",
            Self::AskPermission => "ask-permission",
            Self::Contact => "contact",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|advice| advice.word() == word)
    }
}

/// Where an error code is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The kind of the source.
    pub basis: Basis,
    /// The page of the official documentation, as `docs` names it, or a whole URL.
    pub page: Option<&'static str>,
    /// The day that the page gives.
    pub date: Option<&'static str>,
    /// Whether the table was read to its end, if that is known.
    pub is_whole: Option<bool>,
    /// Of what is not confirmed: what exactly, and why it is believed.
    pub reason: &'static str,
}

/// The kind of a source of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The table of an official page.
    Page,
    /// The comments of an official SDK.
    Sdk,
    /// Another official text: questions and answers, a change log.
    Text,
    /// A copy of an official page, which was not seen itself.
    Copy,
    /// A real response that somebody recorded.
    Reply,
    /// No source settles it.
    Unconfirmed,
}

impl Basis {
    /// Every word.
    pub const ALL: [Self; 6] =
        [Self::Page, Self::Sdk, Self::Text, Self::Copy, Self::Reply, Self::Unconfirmed];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Sdk => "sdk",
            Self::Text => "text",
            Self::Copy => "copy",
            Self::Reply => "reply",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.word() == word)
    }
}

impl ErrorCode {
    /// Whether no source settles that this operation has this code with this status and meaning.
    #[must_use]
    pub const fn is_unconfirmed(&self) -> bool {
        matches!(self.source.basis, Basis::Unconfirmed)
    }
}

/// The lists of error codes of a catalogue, as texts by name.
#[derive(Debug, Default)]
pub(crate) struct ErrorLists(std::collections::BTreeMap<&'static str, &'static str>);

impl ErrorLists {
    pub(crate) fn insert(&mut self, name: &'static str, text: &'static str) {
        self.0.insert(name, text);
    }

    /// The text of a list.
    pub(crate) fn text(&self, name: &str) -> Option<(&'static str, &'static str)> {
        self.0.get_key_value(name).map(|(name, text)| (*name, *text))
    }
}
