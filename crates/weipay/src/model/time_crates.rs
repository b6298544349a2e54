//! Times of the crates `jiff`, `time` and `chrono`, each behind the feature of its name.
//!
//! These crates are at 0.x, and no other part of the public interface names their types. The conversions name them because
//! programs ask for them by feature: whoever switches `chrono` on has chrono 0.4 anyway. When one of them becomes 1.0, its
//! conversions move to the new version with the next breaking release.
//!
//! A time is written in Beijing time and to the second, as `From<SystemTime>` writes it; a part of a second counts towards the
//! earlier one.

use std::error::Error;
use std::fmt;

use super::Time;

/// A time of a response is not RFC 3339, or not in the range of the other type. Its text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 time, such as 2015-05-20T13:29:35+08:00")
    }
}

impl Error for TimeError {}

#[cfg(any(feature = "jiff", feature = "time"))]
const SECOND: i128 = 1_000_000_000;

/// A number of nanoseconds since 1970, as the second that it is in.
#[cfg(any(feature = "jiff", feature = "time"))]
fn from_nanoseconds(nanoseconds: i128) -> Time {
    let seconds = nanoseconds.div_euclid(SECOND);
    Time::from_unix_seconds(i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX }))
}

/// Writes the conversion to another type, from `&Time` and from `Time`.
macro_rules! try_from_time {
    ($kind:ty, $convert:expr) => {
        /// If the text is RFC 3339.
        impl TryFrom<&Time> for $kind {
            type Error = TimeError;

            fn try_from(time: &Time) -> Result<Self, TimeError> {
                let convert: fn(i64, u32) -> Option<Self> = $convert;
                time.unix().and_then(|(seconds, nanoseconds)| convert(seconds, nanoseconds)).ok_or(TimeError)
            }
        }

        /// If the text is RFC 3339.
        impl TryFrom<Time> for $kind {
            type Error = TimeError;

            fn try_from(time: Time) -> Result<Self, TimeError> {
                Self::try_from(&time)
            }
        }
    };
}

#[cfg(feature = "jiff")]
mod jiff {
    use ::jiff::{Timestamp, Zoned};

    use super::{Time, TimeError, from_nanoseconds};

    impl From<Timestamp> for Time {
        fn from(timestamp: Timestamp) -> Self {
            from_nanoseconds(timestamp.as_nanosecond())
        }
    }

    impl From<&Zoned> for Time {
        fn from(zoned: &Zoned) -> Self {
            zoned.timestamp().into()
        }
    }

    impl From<Zoned> for Time {
        fn from(zoned: Zoned) -> Self {
            zoned.timestamp().into()
        }
    }

    try_from_time!(Timestamp, |seconds, nanoseconds| {
        Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
    });
}

#[cfg(feature = "time")]
mod time {
    use ::time::OffsetDateTime;

    use super::{SECOND, Time, TimeError, from_nanoseconds};

    impl From<OffsetDateTime> for Time {
        fn from(time: OffsetDateTime) -> Self {
            from_nanoseconds(time.unix_timestamp_nanos())
        }
    }

    try_from_time!(OffsetDateTime, |seconds, nanoseconds| {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(seconds) * SECOND + i128::from(nanoseconds)).ok()
    });
}

#[cfg(feature = "chrono")]
mod chrono {
    use ::chrono::{DateTime, FixedOffset, TimeZone, Utc};

    use super::{Time, TimeError};

    impl<Tz: TimeZone> From<DateTime<Tz>> for Time {
        fn from(time: DateTime<Tz>) -> Self {
            Self::from_unix_seconds(time.timestamp())
        }
    }

    try_from_time!(DateTime<Utc>, DateTime::from_timestamp);

    try_from_time!(DateTime<FixedOffset>, |seconds, nanoseconds| {
        let beijing = FixedOffset::east_opt(8 * 3_600)?;
        DateTime::from_timestamp(seconds, nanoseconds).map(|time| time.with_timezone(&beijing))
    });
}

#[cfg(all(test, feature = "jiff", feature = "time", feature = "chrono"))]
mod tests {
    use ::chrono::{DateTime, FixedOffset, Utc};
    use ::jiff::{Timestamp, Zoned};
    use ::time::OffsetDateTime;

    use super::*;
    use crate::model::{IntoField, body, request};

    request! {
        /// A request.
        pub struct Request {
            /// When it ends.
            time_expire: Time = body("time_expire"),
        }
    }

    const SECONDS: i64 = 1_432_099_775;
    const TEXT: &str = "2015-05-20T13:29:35+08:00";

    fn written(time: impl IntoField<Time>) -> String {
        Request::new().time_expire(time).time_expire.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn setters_take_the_times_of_each_crate() {
        let timestamp = Timestamp::new(SECONDS, 999_999_999).unwrap();
        let zoned: Zoned = timestamp.to_zoned(::jiff::tz::TimeZone::UTC);
        assert_eq!(written(timestamp), TEXT);
        assert_eq!(written(&zoned), TEXT);
        assert_eq!(written(zoned), TEXT);
        assert_eq!(written(OffsetDateTime::from_unix_timestamp(SECONDS).unwrap()), TEXT);
        let utc = DateTime::<Utc>::from_timestamp(SECONDS, 999_999_999).unwrap();
        assert_eq!(written(utc), TEXT);
        assert_eq!(written(utc.with_timezone(&FixedOffset::west_opt(3_600).unwrap())), TEXT);
    }

    #[test]
    fn a_part_of_a_second_counts_towards_the_earlier_one_before_1970_too() {
        let before = "1970-01-01T07:59:59+08:00";
        assert_eq!(written(Timestamp::new(0, -1).unwrap()), before);
        assert_eq!(written(OffsetDateTime::from_unix_timestamp_nanos(-1).unwrap()), before);
        assert_eq!(written(DateTime::<Utc>::from_timestamp(-1, 999_999_999).unwrap()), before);
    }

    #[test]
    fn a_time_of_a_response_becomes_a_time_of_each_crate() {
        let time = Time::from("2018-06-08T10:34:56.12+08:00");
        let (seconds, nanoseconds) = (1_528_425_296, 120_000_000);
        assert_eq!(Timestamp::try_from(&time), Ok(Timestamp::new(seconds, 120_000_000).unwrap()));
        let expected = i128::from(seconds) * SECOND + i128::from(nanoseconds);
        assert_eq!(OffsetDateTime::try_from(&time).unwrap().unix_timestamp_nanos(), expected);
        let utc = DateTime::<Utc>::from_timestamp(seconds, nanoseconds).unwrap();
        assert_eq!(DateTime::<Utc>::try_from(&time), Ok(utc));
        assert_eq!(
            format!("{:?}", DateTime::<FixedOffset>::try_from(time).unwrap()),
            "2018-06-08T10:34:56.120+08:00"
        );
    }

    #[test]
    fn a_text_that_is_no_time_is_an_error_that_does_not_repeat_it() {
        for text in ["", "13800138000", "2015-05-20", "2015-02-30T00:00:00Z"] {
            let time = Time::from(text);
            assert_eq!(Timestamp::try_from(&time), Err(TimeError));
            assert_eq!(OffsetDateTime::try_from(&time), Err(TimeError));
            assert_eq!(DateTime::<Utc>::try_from(&time), Err(TimeError));
        }
        assert!(!TimeError.to_string().contains("13800138000"));
    }
}
