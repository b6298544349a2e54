//! `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use weipay_rules::rfc3339;

/// What the platform asks to wait. `now` is the time of day in seconds since 1970. What cannot be read asks for nothing.
pub(super) fn of(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number holds are more than any time limit.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let wait = date(text)?.saturating_sub(now);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// A date such as `Wed, 21 Oct 2015 07:28:00 GMT`, in seconds since 1970. The two obsolete forms are not read.
fn date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (_, day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?, word()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    rfc3339::parse(&format!("{year}-{month:02}-{day}T{time}Z")).map(|moment| moment.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        // Wed, 21 Oct 2015 07:28:00 GMT, the example of RFC 9110, 5.6.7, less a minute.
        of(&headers, 1_445_412_480 - 60)
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait("Tue, 20 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_neither_asks_for_nothing() {
        for text in
            ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 CET", "Wed, 21 Nix 2015 07:28:00 GMT", "Wed"]
        {
            assert_eq!(wait(text), None, "{text}");
        }
        assert_eq!(of(&HeaderMap::new(), 0), None);
    }
}
