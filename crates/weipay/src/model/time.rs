//! A point in time (RFC 3339) that keeps its text: what cannot be parsed can still be shown and sent back.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;

use super::field::Field;
use super::{Found, Sensitive, Value, Violation};

/// Seconds that Beijing is ahead of UTC; it keeps no summer time.
const BEIJING: i64 = 8 * 3_600;

/// A point in time as the platform writes it, such as `2015-05-20T13:29:35+08:00`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Time(String);

impl Time {
    /// The text, as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The point in time, if the text is RFC 3339.
    pub fn system_time(&self) -> Option<SystemTime> {
        let (seconds, nanos) = parse(&self.0)?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let whole =
            if seconds < 0 { UNIX_EPOCH.checked_sub(whole)? } else { UNIX_EPOCH.checked_add(whole)? };
        whole.checked_add(Duration::from_nanos(nanos.into()))
    }

    /// Seconds since 1970, if the text is RFC 3339.
    pub fn unix_seconds(&self) -> Option<i64> {
        parse(&self.0).map(|(seconds, _)| seconds)
    }
}

impl From<&str> for Time {
    fn from(text: &str) -> Time {
        Time(text.to_owned())
    }
}

impl From<String> for Time {
    fn from(text: String) -> Time {
        Time(text)
    }
}

/// In Beijing time, as the platform writes it: `2015-05-20T13:29:35+08:00`.
impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX - BEIJING),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX - BEIJING),
        };
        let beijing = seconds.saturating_add(BEIJING);
        let (days, clock) = (beijing.div_euclid(86_400), beijing.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
        Time(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for Time {
    fn begin(found: Found<'_>) -> Result<Time, &'static str> {
        String::begin(found).map(Time)
    }

    fn to_json(&self, _: Sensitive<'_>) -> Result<Json, Violation> {
        Ok(Json::String(self.0.clone()))
    }

    fn check(&self, field: &Field, sensitive: Sensitive<'_>) -> Result<(), Violation> {
        self.0.check(field, sensitive)?;
        match parse(&self.0) {
            Some(_) => Ok(()),
            None => {
                Err(Violation::new(format!("is `{}`: write a time as 2015-05-20T13:29:35+08:00", self.0)))
            }
        }
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
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten().map(i64::from);
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
    let mut year = 1970 + days.div_euclid(366);
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_since_1970(year, month + 1, 1) <= days {
        month += 1;
    }
    (year, month, days - days_since_1970(year, month, 1) + 1)
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
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(seconds in 0u64..253_402_214_400) {
            let time = Time::from(UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(time.unix_seconds(), Some(seconds as i64));
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
        ] {
            let time = Time::from(text);
            assert_eq!(time.unix_seconds(), None, "{text}");
            assert_eq!(time.as_str(), text);
        }
    }
}
