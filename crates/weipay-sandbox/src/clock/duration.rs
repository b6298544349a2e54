//! A duration as people write it: `90s`, `15m`, `3h`, `30d`, `1d12h`.

use super::DAY;

/// A hundred years: more would be a slip of the keyboard.
const MAX_SECONDS: i64 = 100 * 366 * DAY;

/// The seconds of a duration such as `90s`, `15m`, `3h`, `30d` or `1d12h`. A number alone is seconds.
///
/// # Errors
///
/// The form to use.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    read(text).filter(|seconds| *seconds <= MAX_SECONDS).ok_or_else(|| {
        "write a duration as 90s, 15m, 3h, 30d or 1d12h, of a hundred years at most".to_owned()
    })
}

fn read(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut total, mut rest, mut last) = (0_i64, text, i64::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.bytes().next()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => DAY,
            _ => return None,
        };
        // Each unit once, the largest first.
        if unit >= last {
            return None;
        }
        last = unit;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = &tail[1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_added_up_and_a_number_alone_is_seconds() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("3h", 10_800), ("30d", 2_592_000), ("1d12h", 129_600)]
        {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in
            ["", "-5", "s", "1.5h", "5x", "5 m", "3m2h", "1h1h", "99999999999999999999", "100000d", "5分"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
