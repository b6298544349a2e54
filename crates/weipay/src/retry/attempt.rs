//! The outcome of each attempt of a call.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind, Sent};

/// One attempt of a call: [`Response::attempts`](crate::Response::attempts) and
/// [`Error::attempts`](crate::Error::attempts) give all of them, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    outcome: AttemptOutcome,
    may_have_taken_effect: bool,
    waited: Duration,
    backup_host: Option<&'static str>,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// A successful response with this status. 202 says that the request was accepted and is not decided yet.
    Success(StatusCode),
    /// An error response.
    Api {
        /// Its status.
        status: StatusCode,
        /// The code (错误码) in its body; empty if there is none.
        code: String,
    },
    /// No complete response came.
    Network(Sent),
    /// A successful response whose signature cannot be verified, or that belongs to another request.
    Unverified,
    /// A deliberately wrong signature (签名探测).
    SignatureProbe,
    /// It could not be prepared, so nothing was sent.
    Request,
    /// Of a download: the file that came is not good, or could not be written.
    File,
}

impl Attempt {
    /// One that ended with a success of this status, or with an error.
    pub(crate) fn from_outcome(
        outcome: Result<StatusCode, &Error>,
        waited: Duration,
        backup_host: Option<&'static str>,
    ) -> Self {
        let may_have_taken_effect = outcome.map_or_else(Error::may_have_taken_effect, |_| true);
        let outcome = outcome.map_or_else(AttemptOutcome::from_error, AttemptOutcome::Success);
        Self { outcome, may_have_taken_effect, waited, backup_host }
    }

    /// Its outcome.
    #[must_use]
    pub fn outcome(&self) -> &AttemptOutcome {
        &self.outcome
    }

    /// Whether this attempt may have taken effect. It did if it succeeded.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        self.may_have_taken_effect
    }

    /// How long the client waited before it.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The backup host (备域名) to which it went, if it did not go to the host of the base URL.
    #[must_use]
    pub fn backup_host(&self) -> Option<&'static str> {
        self.backup_host
    }
}

impl AttemptOutcome {
    fn from_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Network(problem) => Self::Network(problem.sent),
            ErrorKind::Api(_) => Self::Api {
                status: error.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                code: error.code().filter(|code| is_code(code)).unwrap_or_default().to_owned(),
            },
            // A call fails by `Decode` where a signed response has a member twice: it proves nothing.
            ErrorKind::Unverified(_) | ErrorKind::MismatchedResponse { .. } | ErrorKind::Decode(_) => {
                Self::Unverified
            }
            ErrorKind::SignatureProbe => Self::SignatureProbe,
            ErrorKind::File(_) | ErrorKind::Decryption(_) => Self::File,
            ErrorKind::Request(_) | ErrorKind::PlatformCertificates(_) => Self::Request,
        }
    }
}

/// Whether a text has the form of a code. Anything else may be personal.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
