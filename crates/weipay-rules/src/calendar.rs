//! The calendar, by plain arithmetic: days that are counted from 1970-01-01.

/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

/// From 0000-03-01 to 1970-01-01. Years begin in March here, so that the leap day is a year's last.
const MARCH_OF_YEAR_0: i64 = 719_468;

/// The day with this date, if there is one.
pub(crate) fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(cycle * CYCLE + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - MARCH_OF_YEAR_0)
}

/// Year, month and day.
pub(crate) fn date(day: i64) -> (i64, i64, i64) {
    let day = day.saturating_add(MARCH_OF_YEAR_0);
    let (cycle, of_cycle) = (day.div_euclid(CYCLE), day.rem_euclid(CYCLE));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The number that these digits are; nothing else is one.
pub(crate) fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// The day that `YYYY-MM-DD` says.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return None };
    if year.len() != 4 {
        return None;
    }
    day(digits(year)?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?)
}

/// Whether this is `YYYYMMDDhhmmss`.
pub(crate) fn is_compact(text: &[u8]) -> bool {
    let Some((date, clock)) = text.split_at_checked(8) else { return false };
    let day_of = || day(digits(&date[..4])?, digits(&date[4..6])?, digits(&date[6..])?);
    day_of().is_some() && clock.len() == 6 && clock_of(&clock[..2], &clock[2..4], &clock[4..]).is_some()
}

/// Whether this is `MM/YY`.
pub(crate) fn is_month_year(text: &[u8]) -> bool {
    let [m1, m2, b'/', year @ ..] = text else { return false };
    digits(&[*m1, *m2]).is_some_and(|month| (1..=12).contains(&month))
        && year.len() == 2
        && digits(year).is_some()
}

/// The second of the day, without leap seconds.
pub(crate) fn clock_of(hour: &[u8], minute: &[u8], second: &[u8]) -> Option<i64> {
    let within = |digits: Option<i64>, end| digits.filter(|number| *number < end);
    let (hour, minute) = (within(digits(hour), 24)?, within(digits(minute), 60)?);
    Some(hour * 3_600 + minute * 60 + within(digits(second), 60)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        // `date -d ... +%s` of coreutils.
        for (number, date_of) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_782, (2024, 2, 29)),
            (20_782, (2026, 11, 25)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (-719_162, (1, 1, 1)),
        ] {
            let (year, month, of_month) = date_of;
            assert_eq!((day(year, month, of_month), date(number)), (Some(number), date_of));
        }
    }

    proptest! {
        #[test]
        fn a_day_has_one_date(number in -4_000_000_i64..4_000_000) {
            let (year, month, of_month) = date(number);
            prop_assert_eq!(day(year, month, of_month), Some(number));
        }
    }

    #[test]
    fn what_is_no_date_has_no_day() {
        for (year, month, of_month) in [(2015, 2, 29), (2000, 2, 30), (2100, 2, 29), (2015, 4, 31)] {
            assert_eq!(day(year, month, of_month), None);
        }
        for text in
            ["2015-5-20", "2015-05-2", "20150520", "2015/05/20", "2015-05-20 ", "２015-05-20", "2015-00-20"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"1970-01-02"), Some(1));
    }
}
