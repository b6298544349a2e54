//! A point in time (RFC 3339) that keeps its text: what cannot be parsed can still be shown and sent back.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;

use super::codec::{Strictness, Token, Value};
use super::field::Field;
use super::{Encryption, Violation};

/// Seconds that Beijing is ahead of UTC; it keeps no summer time.
const BEIJING: i64 = 8 * 3_600;

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
        let (seconds, nanos) = parse(&self.0)?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let whole =
            if seconds < 0 { UNIX_EPOCH.checked_sub(whole)? } else { UNIX_EPOCH.checked_add(whole)? };
        whole.checked_add(Duration::from_nanos(nanos.into()))
    }

    /// Seconds since 1970 and nanoseconds, if the text is RFC 3339.
    #[cfg(any(feature = "jiff", feature = "time", feature = "chrono"))]
    pub(super) fn unix(&self) -> Option<(i64, u32)> {
        parse(&self.0)
    }

    /// A number of seconds since 1970, in Beijing time, as the platform writes it: `2015-05-20T13:29:35+08:00`.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Time {
        let beijing = seconds.saturating_add(BEIJING);
        let (days, clock) = (beijing.div_euclid(86_400), beijing.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
        Time(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00"))
    }

    /// Seconds since 1970, if the text is RFC 3339.
    #[must_use]
    pub fn unix_seconds(&self) -> Option<i64> {
        parse(&self.0).map(|(seconds, _)| seconds)
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
        let whole = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX - BEIJING);
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
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for Time {
    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        String::begin(found, strictness).map(Time)
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::String(self.0.clone()))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        self.0.check(field)?;
        // A blank in place of the `T` is read, for it is clear what is meant, and not sent.
        if parse(&self.0).is_some() && self.0.as_bytes().get(10) == Some(&b'T') {
            return Ok(());
        }
        Err(Violation::new("is not an RFC 3339 time: write it as 2015-05-20T13:29:35+08:00"))
    }
}

/// Seconds since 1970 and nanoseconds, of `YYYY-MM-DDThh:mm:ss[.fraction](Z|+hh:mm)`.
fn parse(text: &str) -> Option<(i64, u32)> {
    let (date, rest) = text.split_at_checked(10)?;
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = clock.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    // A leap second counts as the second after it, as in POSIX time.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, zone) = fraction(zone)?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset(zone)?, nanos))
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut read = |width| {
        let part = parts.next()?;
        (part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let found = [read(widths[0])?, read(widths[1])?, read(widths[2])?];
    parts.next().is_none().then_some(found)
}

fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let nine: String = rest[..digits].chars().chain("000000000".chars()).take(9).collect();
    Some((nine.parse().ok()?, &rest[digits..]))
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let (sign, clock) = match zone.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| digits(text).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Counts whole years, then whole months: plain, and exact for every year of four digits.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

/// Year, month and day of a day counted from 1970: the count above, turned around.
fn date(days: i64) -> (i64, i64, i64) {
    // The calendar repeats every 400 years: one such span, from 1970 on, is enough to search.
    const SPAN: i64 = 146_097;
    let (spans, days) = (days.div_euclid(SPAN), days.rem_euclid(SPAN));
    let mut year = 1970 + days / 366;
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_since_1970(year, month + 1, 1) <= days {
        month += 1;
    }
    (spans * 400 + year, month, days - days_since_1970(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_give_known_seconds() {
        // `date -d ... +%s` of coreutils.
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2015-05-20T13:29:35+08:00", 1_432_099_775),
            ("2018-06-08T10:34:56.120+08:00", 1_528_425_296),
            ("2000-02-29T23:59:59-01:30", 951_874_199),
            ("1969-12-31T23:59:59Z", -1),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] {
            assert_eq!(Time::from(text).unix_seconds(), Some(seconds), "{text}");
        }
    }

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
