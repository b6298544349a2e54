//! The rule that a value breaks.

use std::fmt;

use crate::format::Format;
use crate::limits::Outside;
use crate::number::{IntegerType, Number};

/// The rule that a value breaks. Its text is the end of a sentence about the field, and never holds the value of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BrokenRule {
    /// A text is too short or too long.
    Length {
        /// Its length.
        length: Length,
        /// What is allowed.
        outside: Outside,
    },
    /// A text does not match its regular expression.
    Pattern(&'static str),
    /// A text is not of its format.
    Format(Format),
    /// A text is not one of the values that the documents list.
    Unlisted,
    /// A number is not one that the field can hold.
    IntegerType(IntegerType),
    /// A number is too small or too large.
    Range {
        /// The number.
        number: Number,
        /// What is allowed.
        outside: Outside,
    },
    /// An array has too few members or too many.
    Items {
        /// How many it has.
        count: usize,
        /// What is allowed.
        outside: Outside,
    },
}

/// The length of a text: of some fields the platform counts characters, of others bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// In characters.
    Characters(usize),
    /// In bytes of UTF-8.
    Bytes(usize),
}

impl Length {
    /// How many there are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Characters(count) | Self::Bytes(count) => count,
        }
    }
}

/// "33 characters".
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Characters(count) => write!(f, "{count} characters"),
            Self::Bytes(count) => write!(f, "{count} bytes"),
        }
    }
}

/// "has 33 characters: at most 32", "is 0: at least 1", "is not a day: write it as 2015-05-20".
impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length, outside } => write!(f, "has {length}: {}", outside.limits),
            Self::Pattern(pattern) => write!(f, "does not match {pattern}"),
            Self::Format(format) => write!(f, "is not {}", format.wanted()),
            Self::Unlisted => f.write_str("is not one of the listed values"),
            Self::IntegerType(kind) => write!(f, "is not {kind}"),
            Self::Range { number, outside } => write!(f, "is {number}: {}", outside.limits),
            Self::Items { count, outside } => write!(f, "has {count} members: {}", outside.limits),
        }
    }
}

impl std::error::Error for BrokenRule {}
