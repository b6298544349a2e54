//! Times and days in Beijing as they are written without an offset: by APIv2, in bills, and in numbers of the platform.

use super::{parse, rfc3339};

/// `20141030133525`.
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
