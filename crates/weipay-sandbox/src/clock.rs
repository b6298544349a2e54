//! Time: the clock of a platform, which is the system clock or one that a test controls; and the format of times.
//!
//! A time is unix seconds inside, RFC 3339 with `+08:00` on the wire, and days begin at midnight in Beijing. The platform writes
//! times without fractions and accepts fractions in requests.

mod control;
mod duration;

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use weipay_rules::rfc3339::{self, BEIJING_OFFSET, Beijing, WRITABLE};

pub use control::{ClockControl, ClockMode};
pub(crate) use control::{ClockListener, Move};
pub use duration::parse_duration;

/// The clock of a platform. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system time, until the clock of the running sandbox is moved.
    #[default]
    System,
    /// A clock that a test controls.
    Controlled(ClockControl),
}

impl Clock {
    /// A clock that stands still at `unix_seconds`, and can be moved with [`ClockControl`].
    #[must_use]
    pub fn frozen(unix_seconds: i64) -> (Self, ClockControl) {
        let control = ClockControl::new(ClockMode::Frozen { at: unix_seconds });
        (Self::Controlled(control.clone()), control)
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => machine_now(),
            Self::Controlled(control) => control.now(),
        }
    }
}

/// Unix seconds by the clock of the machine.
pub(crate) fn machine_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}

impl FromStr for Clock {
    type Err = String;

    /// A clock that stands still at a time of RFC 3339, such as `2026-08-15T12:00:00+08:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        let seconds =
            parse(text).ok_or("write a time with its offset, as 2026-08-15T12:00:00+08:00 (RFC 3339)")?;
        Ok(Self::frozen(seconds).0)
    }
}

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// A time as responses have it: `2015-05-20T13:29:35+08:00`.
pub(crate) fn rfc3339(seconds: i64) -> String {
    // Years that RFC 3339 cannot write come from a clock that was set to nonsense.
    Beijing(seconds.clamp(*WRITABLE.start(), *WRITABLE.end())).to_string()
}

/// A time as the header `Date` prints it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (weekday, month) = (moment.weekday().to_string(), moment.month().to_string());
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let (day, month, year) = (moment.day(), short(&month), moment.year());
    let (hour, minute, second) = moment.to_hms();
    format!("{}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT", short(&weekday))
}

/// The unix seconds of an RFC 3339 text, with or without a fraction.
pub(crate) fn parse(text: &str) -> Option<i64> {
    rfc3339::parse(text).map(|moment| moment.seconds)
}

/// The day in Beijing, counted from 1970-01-01.
pub(crate) fn day(seconds: i64) -> i64 {
    seconds.saturating_add(BEIJING_OFFSET).div_euclid(DAY)
}

/// 00:00:00 of a day in Beijing.
pub(crate) fn midnight(day: i64) -> i64 {
    day.saturating_mul(DAY).saturating_sub(BEIJING_OFFSET)
}

/// The second of the day in Beijing, 0 to 86399.
pub(crate) fn second_of_day(seconds: i64) -> i64 {
    seconds.saturating_add(BEIJING_OFFSET).rem_euclid(DAY)
}

/// The weekday in Beijing, 0 for Sunday.
pub(crate) fn weekday(seconds: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (day(seconds) + 4).rem_euclid(7)
}

/// `20141030133525`: times and days are written without an offset by APIv2, in bills, and in numbers of the platform.
pub(crate) fn compact(seconds: i64) -> String {
    digits(seconds, 19)
}

/// `20141030`.
pub(crate) fn compact_day(seconds: i64) -> String {
    digits(seconds, 10)
}

/// `2014-10-30`.
pub(crate) fn date(seconds: i64) -> String {
    rfc3339(seconds).chars().take(10).collect()
}

/// `2014-10-30 13:35:25`.
pub(crate) fn spaced(seconds: i64) -> String {
    rfc3339(seconds).chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

/// The digits of so much of a time.
fn digits(seconds: i64, letters: usize) -> String {
    rfc3339(seconds).chars().take(letters).filter(char::is_ascii_digit).collect()
}

/// Reads what [`compact`] writes.
pub(crate) fn parse_compact(text: &str) -> Option<i64> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    parse(&format!(
        "{}-{}-{}T{}:{}:{}+08:00",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read_from_a_time_with_an_offset() {
        assert_eq!("2026-08-15T12:00:00+08:00".parse::<Clock>().unwrap().now(), 1_786_766_400);
        for text in ["", "2026-08-15", "2026-08-15T12:00:00", "1786766400"] {
            assert!(text.parse::<Clock>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_printed_in_beijing_without_a_fraction() {
        assert_eq!(rfc3339(1_554_208_460), "2019-04-02T20:34:20+08:00");
        assert_eq!(rfc3339(0), "1970-01-01T08:00:00+08:00");
    }

    #[test]
    fn a_clock_set_to_nonsense_still_prints_a_time() {
        assert!(parse(&rfc3339(i64::MAX)).is_some());
        assert!(parse(&rfc3339(i64::MIN)).is_some());
        assert!(parse(&rfc3339(253_402_300_799)).is_some());
    }

    #[test]
    fn the_date_of_a_response_is_written_as_in_rfc_9110() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(i64::MAX), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn fractions_and_other_offsets_are_read() {
        assert_eq!(parse("2019-04-02T20:34:20.123+08:00"), Some(1_554_208_460));
        assert_eq!(parse("2019-04-02T12:34:20Z"), Some(1_554_208_460));
    }

    #[test]
    fn malformed_times_are_not_read() {
        for text in [
            "",
            "2019-04-02",
            "2019-04-02T20:34:20",
            "2019-04-02 20:34:20+08:00",
            "2019-04-02T20:34:20+0800",
            "2019-04-02T20:34:20 08:00",
            "20190402203420",
            "2015-05-20T13:29:35.+08:00",
            "2019-13-02T20:34:20+08:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_begin_at_midnight_in_beijing() {
        let evening = parse("2019-04-02T23:59:59+08:00").unwrap();
        assert_eq!(day(evening) + 1, day(evening + 1));
        assert_eq!(midnight(day(evening)), parse("2019-04-02T00:00:00+08:00").unwrap());
        assert_eq!((second_of_day(evening), second_of_day(evening + 1)), (86_399, 0));
        // 2019-04-02 was a Tuesday.
        assert_eq!((weekday(evening), weekday(evening + 1)), (2, 3));
    }

    #[test]
    fn times_are_written_and_read_in_beijing() {
        let seconds = parse("2014-10-30T13:35:25+08:00").unwrap();
        assert_eq!(compact(seconds), "20141030133525");
        assert_eq!(spaced(seconds), "2014-10-30 13:35:25");
        assert_eq!((compact_day(seconds), date(seconds)), ("20141030".to_owned(), "2014-10-30".to_owned()));
        assert_eq!(parse_compact("20141030133525"), Some(seconds));
        for text in ["", "2014103013352", "20141330133525", "2014-10-3013:3", "2014103013352茶"] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
    }
}
