//! One fault, and how it is written: a word, and what belongs to it, as in `502; body=html` or `slow; ms=1500`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use weipay_catalog::{Catalog, ErrorCode, Operation};

/// A fault that is injected into a request or its response. It is parsed from its text:
///
/// | text | what happens |
/// |---|---|
/// | `429`, `500`, `502`, `503` | the request is refused with this status, and nothing is done |
/// | `202` | accepted and not done yet: a signed response without a body |
/// | `error; code=NO_AUTH` | the request is refused with this error code of its operation, and nothing is done |
/// | `drop` | the connection ends without a response, and nothing is done |
/// | `reset` | the same with a reset of the connection |
/// | `commit-then-` before any of these | the request is carried out, and its response is lost in this way |
/// | `slow` | the response comes late; `ms` is how many milliseconds, 1000 by default, 60000 at most |
/// | `truncated` | the connection ends in the middle of the body |
/// | `wrong-signature`, `missing-signature` | the signature of the response does not verify, or is not there |
/// | `probe-signature` | a signature probe (签名探测); a rule probes a request once |
/// | `unknown-serial` | the response names an unknown platform key |
///
/// `error` is for refusals of which the sandbox has no state, such as a product that is not opened (`NO_AUTH`; in APIv2 `NOAUTH`).
/// Status and message are those of the catalogue, which `weipay api show` prints. Where it has no message, the meaning stands in
/// its place. A rule leaves operations alone that do not have the code.
///
/// The body of another refusal is the platform's own signed response (`body=json`, the default), that of a proxy (`body=html`), or
/// none (`body=none`).
///
/// The last five are done to the real response of a request that is carried out. In APIv2, whose status is always 200, the
/// platform's own response to a status is XML with `err_code` SYSTEMERROR (of 429 a code of limits), a signature is the element
/// `sign`, and there are no probes and no serials.
///
/// ```
/// use weipay_sandbox::Fault;
///
/// let lost: Fault = "commit-then-drop".parse()?;
/// assert_eq!("503; body=html".parse::<Fault>()?.to_string(), "503; body=html");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub(super) kind: Kind,
    /// Whether the request is carried out first.
    pub(super) commits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Status(u16, Body),
    /// An error code (错误码) of the operation.
    Error(&'static str),
    Drop,
    Reset,
    Slow(Duration),
    Truncated,
    WrongSignature,
    MissingSignature,
    ProbeSignature,
    UnknownSerial,
}

/// The apparent sender of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// The platform: signed JSON.
    Json,
    /// A proxy in front of it.
    Html,
    None,
}

pub(super) const ADVICE: &str = "a fault is one of 202, 429, 500, 502, 503, drop, reset (each may be prefixed with commit-then-), error, slow, truncated, \
     wrong-signature, missing-signature, probe-signature, unknown-serial; options follow: `; body=json`, `html` or `none` for \
     a status, `; ms=1500` for slow, at most 60000, and `; code=NO_AUTH` for error: a code that `weipay api show` knows";

const COMMIT: &str = "commit-then-";
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: u64 = 60_000;

impl Fault {
    /// Whether it is the platform's own test of a client's checks (签名探测).
    pub(super) fn is_probe(self) -> bool {
        self.kind == Kind::ProbeSignature
    }

    /// Whether the operation can meet it: an error code must be one of its own.
    pub(super) fn fits(self, operation: Option<&Operation>) -> bool {
        match self.kind {
            Kind::Error(code) => operation.is_some_and(|operation| error_code(operation, code).is_some()),
            _ => true,
        }
    }

    /// Whether nothing is done and nothing comes back.
    pub(crate) fn ends_connection(self) -> bool {
        !self.commits && matches!(self.kind, Kind::Drop | Kind::Reset)
    }

    /// Whether a connection ends with a reset.
    pub(crate) fn resets(self) -> bool {
        self.kind == Kind::Reset
    }
}

/// The row of an error code of an operation, with the official message if a source has one.
pub(super) fn error_code<'a>(operation: &'a Operation, code: &str) -> Option<&'a ErrorCode> {
    let rows = || operation.error_codes().filter(|known| known.code == code);
    rows().find(|known| !known.message.is_empty()).or_else(|| rows().next())
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| ADVICE.to_owned())
    }
}

fn read(text: &str) -> Option<Fault> {
    let mut parts = text.split(';').map(str::trim);
    let word = parts.next()?;
    let (word, commits) = word.strip_prefix(COMMIT).map_or((word, false), |word| (word, true));
    let mut kind = match word {
        "202" => Kind::Status(202, Body::None),
        "429" => Kind::Status(429, Body::Json),
        "500" => Kind::Status(500, Body::Json),
        "502" => Kind::Status(502, Body::Json),
        "503" => Kind::Status(503, Body::Json),
        "drop" => Kind::Drop,
        "reset" => Kind::Reset,
        _ if commits => return None,
        "error" => Kind::Error(""),
        "slow" => Kind::Slow(DEFAULT_DELAY),
        "truncated" => Kind::Truncated,
        "wrong-signature" => Kind::WrongSignature,
        "missing-signature" => Kind::MissingSignature,
        "probe-signature" => Kind::ProbeSignature,
        "unknown-serial" => Kind::UnknownSerial,
        _ => return None,
    };
    for part in parts {
        let (name, value) = part.split_once('=')?;
        kind = match (kind, name.trim(), value.trim()) {
            (Kind::Status(status @ 400.., _), "body", "json") => Kind::Status(status, Body::Json),
            (Kind::Status(status @ 400.., _), "body", "html") => Kind::Status(status, Body::Html),
            (Kind::Status(status @ 400.., _), "body", "none") => Kind::Status(status, Body::None),
            (Kind::Error(_), "code", value) => Kind::Error(known_code(value)?),
            (Kind::Slow(_), "ms", value) => {
                let delay = value.parse().ok().filter(|delay| *delay <= MAX_DELAY)?;
                Kind::Slow(Duration::from_millis(delay))
            }
            _ => return None,
        };
    }
    if kind == Kind::Error("") {
        return None;
    }
    Some(Fault { kind, commits })
}

/// An error code that some operation has.
fn known_code(code: &str) -> Option<&'static str> {
    let mut codes = Catalog::embedded().operations().flat_map(Operation::error_codes);
    codes.find(|known| known.code == code).map(|known| known.code)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commits {
            f.write_str(COMMIT)?;
        }
        match self.kind {
            Kind::Status(status, Body::Html) => write!(f, "{status}; body=html"),
            Kind::Status(status @ 400.., Body::None) => write!(f, "{status}; body=none"),
            Kind::Status(status, _) => write!(f, "{status}"),
            Kind::Error(code) => write!(f, "error; code={code}"),
            Kind::Drop => f.write_str("drop"),
            Kind::Reset => f.write_str("reset"),
            Kind::Slow(delay) => write!(f, "slow; ms={}", delay.as_millis()),
            Kind::Truncated => f.write_str("truncated"),
            Kind::WrongSignature => f.write_str("wrong-signature"),
            Kind::MissingSignature => f.write_str("missing-signature"),
            Kind::ProbeSignature => f.write_str("probe-signature"),
            Kind::UnknownSerial => f.write_str("unknown-serial"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_written_as_it_is_read() {
        for text in [
            "202",
            "429",
            "500",
            "commit-then-502; body=html",
            "503; body=none",
            "error; code=NO_AUTH",
            "drop",
            "commit-then-drop",
            "commit-then-reset",
            "slow; ms=1500",
            "truncated",
            "wrong-signature",
            "missing-signature",
            "probe-signature",
            "unknown-serial",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for (text, same) in
            [("slow", "slow; ms=1000"), ("502;body=json", "502"), (" 503 ; body = html ", "503; body=html")]
        {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), same);
        }
    }

    #[test]
    fn what_is_not_a_fault_is_refused_with_all_that_are() {
        for text in [
            "",
            "banana",
            "200",
            "commit-then-slow",
            "commit-then-",
            "202; body=html",
            "502; body=xml",
            "502; ms=5",
            "error",
            "error; code=",
            "error; code=no_auth",
            "error; ms=5",
            "502; code=NO_AUTH",
            "commit-then-error; code=NO_AUTH",
            "slow; ms=60001",
            "slow; ms=-1",
            "drop;",
            "drop; now",
        ] {
            let advice = text.parse::<Fault>().unwrap_err();
            assert!(
                advice.contains("probe-signature") && advice.contains("at most 60000"),
                "{text}: {advice}"
            );
        }
    }
}
