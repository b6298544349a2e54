//! A point in time (RFC 3339) that keeps its text: what cannot be parsed can still be shown and sent back.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use weipay_rules::rfc3339::{self, Beijing};
use weipay_rules::{Format, Rules};

use super::table::Field;
use super::value::{Strictness, Token, Value};
use super::{Encryption, FromText, Violation};

/// A point in time as the platform writes it, such as `2015-05-20T13:29:35+08:00`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Time(String);

impl Time {
    /// The text, as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The point in time, if the text is RFC 3339.
    #[must_use]
    pub fn system_time(&self) -> Option<SystemTime> {
        let moment = rfc3339::parse_lenient(&self.0)?;
        let whole = Duration::from_secs(moment.seconds.unsigned_abs());
        let whole = if moment.seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)?
        } else {
            UNIX_EPOCH.checked_add(whole)?
        };
        whole.checked_add(Duration::from_nanos(moment.nanoseconds.into()))
    }

    /// Seconds since 1970 and nanoseconds, if the text is RFC 3339.
    #[cfg(any(feature = "jiff", feature = "time", feature = "chrono"))]
    pub(super) fn unix(&self) -> Option<(i64, u32)> {
        rfc3339::parse_lenient(&self.0).map(|moment| (moment.seconds, moment.nanoseconds))
    }

    /// A number of seconds since 1970, in Beijing time, as the platform writes it: `2015-05-20T13:29:35+08:00`.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(Beijing(seconds).to_string())
    }

    /// Seconds since 1970, if the text is RFC 3339.
    #[must_use]
    pub fn unix_seconds(&self) -> Option<i64> {
        rfc3339::parse_lenient(&self.0).map(|moment| moment.seconds)
    }
}

impl From<&str> for Time {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<&String> for Time {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

impl From<Cow<'_, str>> for Time {
    fn from(text: Cow<'_, str>) -> Self {
        Self(text.into_owned())
    }
}

impl From<String> for Time {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// In Beijing time, as the platform writes it: `2015-05-20T13:29:35+08:00`.
impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let whole = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => whole(since.as_secs()),
            // A part of a second counts towards the earlier one, as it does after 1970.
            Err(before) => {
                -whole(before.duration().as_secs()) - i64::from(before.duration().subsec_nanos() > 0)
            }
        };
        Self::from_unix_seconds(seconds)
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Time {
    type Intake = FromText;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        String::begin(found, strictness).map(Time)
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::String(self.0.clone()))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        // A blank in place of the `T` is read, for it is clear what is meant, and not sent.
        let rules = Rules { format: Some(Format::Rfc3339), ..field.rules };
        Ok(rules.check_text(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_system_time_is_written_in_beijing_time() {
        let at = |seconds| Time::from(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(0), "1970-01-01T08:00:00+08:00");
        assert_eq!(at(1_432_099_775), "2015-05-20T13:29:35+08:00");
        assert_eq!(at(951_753_599), "2000-02-28T23:59:59+08:00");
        assert_eq!(at(951_753_600), "2000-02-29T00:00:00+08:00");
        assert_eq!(at(951_840_000), "2000-03-01T00:00:00+08:00");
        let before = |duration| Time::from(UNIX_EPOCH - duration).to_string();
        assert_eq!(before(Duration::from_secs(366 * 86_400)), "1968-12-31T08:00:00+08:00");
        assert_eq!(before(Duration::from_millis(500)), "1970-01-01T07:59:59+08:00");
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(seconds in -62_135_596_800i64..253_402_214_400) {
            let whole = Duration::from_secs(seconds.unsigned_abs());
            let time = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
            prop_assert_eq!(Time::from(time).unix_seconds(), Some(seconds));
        }
    }

    #[test]
    fn a_fraction_is_kept() {
        let time = Time::from("1970-01-01T00:00:01.25Z").system_time().unwrap();
        assert_eq!(time.duration_since(UNIX_EPOCH).unwrap(), Duration::from_millis(1_250));
    }

    #[test]
    fn an_odd_time_keeps_its_text_and_gives_no_seconds() {
        for text in [
            "",
            "35.08:00",
            "2015-05-20T13:29:35.+08:00",
            "2015-05-20T13:29:35.08:00",
            "2015-02-30T00:00:00Z",
            "2015-05-20",
            "2015-05-20T13:29:35",
            "2015-05-20T24:00:00Z",
            "２015-05-20T13:29:35Z",
            "2015-05-20T13:29:35+8:00",
            "2015-05-20T13:29:35++8:00",
        ] {
            let time = Time::from(text);
            assert_eq!(time.unix_seconds(), None, "{text}");
            assert_eq!(time.as_str(), text);
        }
    }
}
