//! Times of RFC 3339, as the platform writes them (`2015-05-20T13:29:35+08:00`) and as it takes them.
//!
//! Our own, so that no program has to take a crate for dates because of us, and because a verdict needs no more than this.

use std::fmt;
use std::ops::RangeInclusive;

use crate::calendar;

/// Seconds that Beijing is ahead of UTC; it keeps no summer time.
pub const BEIJING_OFFSET: i64 = 8 * 3_600;

const DAY: i64 = 86_400;

/// The times, in seconds since 1970, whose year has four digits in Beijing: RFC 3339 cannot write others.
pub const WRITABLE: RangeInclusive<i64> = -62_167_219_200 - BEIJING_OFFSET..=253_402_300_799 - BEIJING_OFFSET;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Seconds since 1970, rounded down.
    pub seconds: i64,
    /// What is beyond that second.
    pub nanoseconds: u32,
}

/// Reads a time. What RFC 3339 leaves open is open: letters in lower case, and a fraction of any length.
#[must_use]
pub fn parse(text: &str) -> Option<Moment> {
    read(text.as_bytes(), b"Tt")
}

/// Reads a time, also one with a blank in place of the `T`. That is not RFC 3339, but clear: for what others wrote.
#[must_use]
pub fn parse_lenient(text: &str) -> Option<Moment> {
    read(text.as_bytes(), b"Tt ")
}

/// Reads `YYYY-MM-DD hh:mm:ss` in Beijing time, as the bills (账单) of the platform have it: seconds since 1970. Neither a zone, a
/// fraction nor a leap second is read.
#[must_use]
pub fn parse_beijing(text: &str) -> Option<i64> {
    let (date, clock) = text.as_bytes().split_at_checked(10)?;
    let [b' ', h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    let clock = calendar::clock_of(&[*h1, *h2], &[*m1, *m2], &[*s1, *s2])?;
    Some(calendar::parse(date)? * DAY + clock - BEIJING_OFFSET)
}

fn read(text: &[u8], separators: &[u8]) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let (separator, rest) = rest.split_first()?;
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    if !separators.contains(separator) {
        return None;
    }
    let is_leap_second = [*s1, *s2] == *b"60";
    let second = if is_leap_second { *b"59" } else { [*s1, *s2] };
    let clock = calendar::clock_of(&[*h1, *h2], &[*m1, *m2], &second)?;
    let (nanoseconds, zone) = fraction(rest)?;
    let seconds = calendar::parse(date)? * DAY + clock - offset(zone)? + i64::from(is_leap_second);
    // It stands at the end of a month in UTC, and counts as the second after it, as in POSIX time.
    let ends_a_month = || seconds.rem_euclid(DAY) == 0 && calendar::date(seconds.div_euclid(DAY)).2 == 1;
    (!is_leap_second || ends_a_month()).then_some(Moment { seconds, nanoseconds })
}

fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.', rest @ ..] = text else { return Some((0, text)) };
    let (digits, zone) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let nine = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanoseconds = nine.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    (!digits.is_empty()).then_some((nanoseconds, zone))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let ahead = calendar::clock_of(&[*h1, *h2], &[*m1, *m2], b"00")?;
            Some(if *sign == b'+' { ahead } else { -ahead })
        }
        _ => None,
    }
}

/// Writes seconds since 1970 in Beijing time, without a fraction, as the platform does. Those outside [`WRITABLE`] get a year
/// that is not of RFC 3339.
///
/// ```
/// assert_eq!(weipay_rules::rfc3339::Beijing(1_432_099_775).to_string(), "2015-05-20T13:29:35+08:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beijing(pub i64);

impl fmt::Display for Beijing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.saturating_add(BEIJING_OFFSET);
        let (year, month, day) = calendar::date(seconds.div_euclid(DAY));
        let clock = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(|moment| moment.seconds)
    }

    #[test]
    fn known_times_give_known_seconds() {
        // `date -d ... +%s` of coreutils.
        for (text, known) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2015-05-20T13:29:35+08:00", 1_432_099_775),
            ("2018-06-08T10:34:56.120+08:00", 1_528_425_296),
            ("2000-02-29T23:59:59-01:30", 951_874_199),
            ("1969-12-31T23:59:59Z", -1),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            // The examples of RFC 3339, section 5.8; a leap second counts as the second after it.
            ("1985-04-12T23:20:50.52Z", 482_196_050),
            ("1996-12-19T16:39:57-08:00", 851_042_397),
            ("1990-12-31T23:59:60Z", 662_688_000),
            ("1990-12-31T15:59:60-08:00", 662_688_000),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_173),
        ] {
            assert_eq!(seconds(text), Some(known), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "35.08:00",
            "2015-05-20",
            "20220421191948",
            "2015-05-20T13:29+08:00",
            "2015-05-20T13:29:35",
            "2015-05-20 13:29:35+08:00",
            "2015-05-20X13:29:35+08:00",
            "2015-05-20T13:29:35 +08:00",
            "2015-05-20T13:29:35 08:00",
            "2015-05-20T13:29:35.+08:00",
            "2015-05-20T13:29:35.08:00",
            "2015-05-20T13:29:35,5+08:00",
            "2015-05-20T13:29:35+8:00",
            "2015-05-20T13:29:35++8:00",
            "2015-05-20T13:29:35+0800",
            "2015-05-20T13:29:35+24:00",
            "2015-05-20T13:29:35Z ",
            "2015-05-20T24:00:00Z",
            "2015-05-20T13:29:60+08:00",
            "2015-05-20T23:59:60Z",
            "2015-05-20T13:29:61Z",
            "2015-13-20T13:29:35Z",
            "2015-02-30T00:00:00Z",
            "２015-05-20T13:29:35Z",
            "12015-05-20T13:29:35Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_blank_between_day_and_time_is_read_on_request_only() {
        let text = "2015-05-20 13:29:35+08:00";
        assert_eq!(parse_lenient(text).map(|moment| moment.seconds), Some(1_432_099_775));
        assert_eq!(parse(text), None);
    }

    #[test]
    fn a_fraction_is_kept() {
        let nanoseconds = |text| parse(text).unwrap().nanoseconds;
        assert_eq!(nanoseconds("1970-01-01T00:00:01.25Z"), 250_000_000);
        assert_eq!(nanoseconds("1970-01-01T00:00:01.1234567899999Z"), 123_456_789);
    }

    #[test]
    fn times_are_written_in_beijing_time() {
        for (seconds, known) in [
            (0, "1970-01-01T08:00:00+08:00"),
            (-1, "1970-01-01T07:59:59+08:00"),
            (1_554_208_460, "2019-04-02T20:34:20+08:00"),
            (951_753_599, "2000-02-28T23:59:59+08:00"),
            (951_840_000, "2000-03-01T00:00:00+08:00"),
            (*WRITABLE.start(), "0000-01-01T00:00:00+08:00"),
            (*WRITABLE.end(), "9999-12-31T23:59:59+08:00"),
        ] {
            assert_eq!(Beijing(seconds).to_string(), known);
        }
        for seconds in [WRITABLE.start() - 1, WRITABLE.end() + 1, i64::MIN, i64::MAX] {
            assert_eq!(parse(&Beijing(seconds).to_string()), None);
        }
    }

    #[test]
    fn a_time_of_a_bill_is_in_beijing() {
        for (text, expected) in [
            ("1970-01-01 08:00:00", 0),
            ("2015-05-20 13:29:35", 1_432_099_775),
            ("2024-02-29 23:59:59", 1_709_222_399),
        ] {
            assert_eq!(parse_beijing(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "2015-05-20",
            "2015-05-20T13:29:35",
            "2015-05-20 13:29:35+08:00",
            "2015-05-20 13:29:35.5",
            "2015-05-20 23:59:60",
            "2015-05-20 24:00:00",
            "2015-02-29 00:00:00",
            "2015-13-01 00:00:00",
            "２015-05-20 13:29:3",
        ] {
            assert_eq!(parse_beijing(text), None, "{text}");
        }
    }

    /// Texts that are times, or nearly.
    fn nearly_a_time() -> impl Strategy<Value = String> {
        let clock = prop_oneof!["[0-2][0-9]:[0-6][0-9]:[0-6][0-9]", "(23|15|07):59:60", "[0-9:]{7,9}"];
        let fraction = prop_oneof!["", "\\.[0-9]{0,12}"];
        let zone = prop_oneof!["Z", "z", "[+-][0-2][0-9]:[0-6][0-9]", "[+-](00|08):00", "[+0-9:]{0,6}"];
        let date = prop_oneof!["[0-9]{4}-[01][0-9]-[0-3][0-9]", "20[0-9]{2}-(06-30|12-31|02-29|01-01)"];
        (date, "[Tt]", clock, fraction, zone)
            .prop_map(|(date, t, clock, fraction, zone)| format!("{date}{t}{clock}{fraction}{zone}"))
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(seconds in WRITABLE) {
            let moment = Moment { seconds, nanoseconds: 0 };
            prop_assert_eq!(parse(&Beijing(seconds).to_string()), Some(moment));
        }

        #[test]
        fn it_reads_what_the_crate_time_reads(text in nearly_a_time()) {
            // Where a time is before the year 0 or after 9999 in UTC, the crate refuses it; and a leap second is the
            // second before it there.
            let theirs = OffsetDateTime::parse(&text, &Rfc3339).ok();
            let ours = parse(&text);
            prop_assert_eq!(ours.is_some(), theirs.is_some(), "{}", text);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                let is_leap = text.get(17..19) == Some("60");
                prop_assert_eq!(ours.seconds - i64::from(is_leap), theirs.unix_timestamp());
                prop_assert!(is_leap || ours.nanoseconds == theirs.nanosecond());
            }
        }

        #[test]
        fn any_text_is_judged(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
