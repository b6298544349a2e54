//! The excerpt of an untrusted response that an error prints: bounded, on one line, and without personal data or secrets of the
//! request.

use std::ops::Range;

use http::HeaderMap;
use http::header::LOCATION;

use super::sent_values::SentValues;
use crate::json::without_mark;

/// How many characters of a text, and of the beginning of a body, are shown.
const MAX_TEXT: usize = 500;
const MAX_BODY: usize = 200;

/// So many characters at the end of what is looked at are never shown: what is masked might begin there, and be cut short.
const CUT_SHORT: usize = 64;

/// Eleven digits may be a telephone number, more an identity or bank card. A response may repeat values of the request.
const MIN_PERSONAL_DIGITS: usize = 11;

/// The groups of a number that is written with blanks or hyphens. A day is none: its month has two digits.
const GROUP: Range<usize> = 3..9;

/// An openid and a union id have so many letters, digits, `_` and `-`, of which the first is an `o`.
const OPENID: usize = 28;

/// A run of so many letters and digits, with some of both, is a nonce, a `sign` of APIv2, a key or a token.
const TOKEN: usize = 32;

/// A text of a response.
pub(super) fn text(text: &str, sent: &SentValues) -> String {
    let end = text.char_indices().nth(2 * MAX_TEXT).map(|(end, _)| end);
    one_line(&masked(&text[..end.unwrap_or(text.len())], end.is_some(), sent), MAX_TEXT)
}

/// The beginning of a body that is not the platform's error response; `None` if it is empty.
pub(super) fn body(body: &[u8], sent: &SentValues) -> Option<String> {
    let body = without_mark(body);
    // A character has at most four bytes, and white space is not counted.
    let end = body.len().min(16 * MAX_BODY);
    let beginning = String::from_utf8_lossy(&body[..end]);
    let beginning = beginning.split_whitespace().collect::<Vec<_>>().join(" ");
    // The detail of an error response repeats the rejected value.
    let shown = match beginning.find("\"detail\"") {
        Some(at) => masked(&beginning[..at], false, sent) + "\"detail\"…",
        None => masked(&beginning, end < body.len(), sent),
    };
    let shown = one_line(&shown, MAX_BODY);
    (!shown.is_empty()).then_some(shown)
}

/// Where a redirect leads, without what may be secret: a password, a query, a session.
pub(super) fn location(headers: &HeaderMap, sent: &SentValues) -> Option<String> {
    let location = String::from_utf8_lossy(headers.get(LOCATION)?.as_bytes()).into_owned();
    let (shown, rest) = match location.find(['?', '#', ';']) {
        Some(at) => (&location[..at], "?…"),
        None => (location.as_str(), ""),
    };
    let shown = match shown.split_once("//") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}//{host}{path}")
        }
        None => shown.to_owned(),
    };
    Some(one_line(&masked(&shown, false, sent), MAX_BODY) + rest)
}

/// The text with `…` in place of what the request sent and of what looks personal or secret.
fn masked(text: &str, is_cut: bool, sent: &SentValues) -> String {
    let mut hidden = Vec::new();
    sent.find(text, &mut hidden);
    numbers(text, &mut hidden);
    words(text, &mut hidden);
    addresses(text, &mut hidden);
    if is_cut {
        let (start, _) = text.char_indices().rev().nth(CUT_SHORT - 1).unwrap_or_default();
        hidden.push(start..text.len());
    }
    hidden.sort_by_key(|range| range.start);
    let (mut shown, mut at) = (String::with_capacity(text.len()), 0);
    let mut hidden = hidden.into_iter().peekable();
    while let Some(mut range) = hidden.next() {
        while let Some(next) = hidden.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        shown.push_str(&text[at..range.start]);
        shown.push('…');
        at = range.end;
    }
    shown + &text[at..]
}

/// Long numbers, also those that are written in groups.
fn numbers(text: &str, hidden: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = 0;
    while let Some(next) = memchr_digit(&bytes[at..]) {
        let start = at + next;
        let length = digits(start);
        let (mut end, mut count) = (start + length, length);
        if length < GROUP.end {
            while let Some(b' ' | b'-') = bytes.get(end)
                && GROUP.contains(&digits(end + 1))
            {
                let group = digits(end + 1);
                (end, count) = (end + 1 + group, count + group);
            }
        }
        // The last place of an identity card.
        if length == 17 && matches!(bytes.get(end), Some(b'X' | b'x')) {
            end += 1;
        }
        let is_long = count >= MIN_PERSONAL_DIGITS;
        if is_long {
            hidden.push(start..end);
        }
        // The second group of what is no such number may be the first of another.
        at = if is_long { end } else { start + length };
    }
}

fn memchr_digit(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(u8::is_ascii_digit)
}

/// Openids, and what looks like a nonce, a signature or a token.
fn words(text: &str, hidden: &mut Vec<Range<usize>>) {
    let runs = |is_part: fn(u8) -> bool, hides: fn(&[u8]) -> bool, hidden: &mut Vec<Range<usize>>| {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(|byte| is_part(*byte)).map(|next| at + next) {
            let length = bytes[start..].iter().take_while(|byte| is_part(**byte)).count();
            at = start + length;
            if hides(&bytes[start..at]) {
                hidden.push(start..at);
            }
        }
    };
    runs(
        |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        |run| {
            run.len() == OPENID
                && run[0] == b'o'
                && !run.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
        },
        hidden,
    );
    runs(
        |byte| byte.is_ascii_alphanumeric(),
        |run| {
            run.len() >= TOKEN
                && run.iter().any(u8::is_ascii_digit)
                && run.iter().any(u8::is_ascii_alphabetic)
        },
        hidden,
    );
}

/// Addresses of e-mail.
fn addresses(text: &str, hidden: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'%');
    for at in memchr::memchr_iter(b'@', bytes) {
        let before = bytes[..at].iter().rev().take_while(|byte| is_part(byte)).count();
        let after = bytes[at + 1..].iter().take_while(|byte| is_part(byte)).count();
        if before > 0 && bytes[at + 1..][..after].contains(&b'.') {
            hidden.push(at - before..at + 1 + after);
        }
    }
}

/// Escapes control characters, invisible characters and those that change the direction of text.
fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == max {
            line.push('…');
            break;
        }
        match character {
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' => {
                line.extend(character.escape_unicode());
            }
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(body: &[u8]) -> Option<String> {
        super::body(body, &SentValues::default())
    }

    fn text(text: &str) -> String {
        super::text(text, &SentValues::default())
    }

    #[test]
    fn a_body_is_shown_on_one_line_and_within_bounds() {
        assert_eq!(body(b"\r\n <html>\n\t<h1>502  Bad</h1>").as_deref(), Some("<html> <h1>502 Bad</h1>"));
        assert_eq!(body(b"\x1b[2Ja\0\xff").as_deref(), Some("\\u{1b}[2Ja\\u{0}\u{FFFD}"));
        assert_eq!(body("\u{FEFF}a\u{202E}b\u{85}".as_bytes()).as_deref(), Some("a\\u{202e}b"));
        assert_eq!(body(&[b'x'; 1_000]), Some("x".repeat(200) + "…"));
        assert_eq!(body("券".repeat(1_000).as_bytes()), Some("券".repeat(200) + "…"));
        for nothing in [b"".as_slice(), b" \r\n"] {
            assert_eq!(body(nothing), None);
        }
    }

    #[test]
    fn what_a_body_repeats_of_a_request_is_not_shown() {
        let shown =
            body(br#"{"errcode":268443699,"tel":"13800138000","detail":{"value":"secret"}}"#).unwrap();
        assert_eq!(shown, r#"{"errcode":268443699,"tel":"…","detail"…"#);
    }

    #[test]
    fn a_text_is_bounded_and_shows_no_telephone_number() {
        assert_eq!(text("手机号13800138000已存在，商户号1900000001"), "手机号…已存在，商户号1900000001");
        assert_eq!(text(&"券".repeat(100_000)), "券".repeat(500) + "…");
        assert_eq!(text(&"1".repeat(100_000)), "…");
    }

    #[test]
    fn what_looks_personal_or_secret_is_not_shown() {
        for (given, shown) in [
            ("138-0013-8000", "…"),
            ("电话+86 138 0013 8000。", "电话+…。"),
            ("card 6222 0202 0011 2233 is not bound", "card … is not bound"),
            ("身份证11010119900101123X不符", "身份证…不符"),
            ("id 110101199001011234", "id …"),
            ("openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o不匹配", "openid …不匹配"),
            ("write to zhang.san+1@mail.example.com, please", "write to …, please"),
            ("sign=C380BEC2BFD727A4B6845133519F3AD6 is wrong", "sign=… is wrong"),
        ] {
            assert_eq!(text(given), shown);
        }
        for shown in [
            "2026-11-27 13:02:05 RESOURCE_ALREADY_EXISTS",
            "商户号1900000001 5 次",
            "GET v3/pay/transactions/out-trade-no/{out_trade_no}",
            "see https://pay.weixin.qq.com/doc/v3/merchant/401279186",
            "08F8D2E0B8061056-1a2b-3c4d",
            "user @ shop",
            "out_of_service_because_of_xx",
        ] {
            assert_eq!(text(shown), shown);
        }
    }

    #[test]
    fn what_the_cut_leaves_of_a_number_is_not_shown() {
        let given = "1".repeat(300) + &"券".repeat(695) + "13800138000";
        assert!(!text(&given).contains("138"), "{}", text(&given));
        let given = "1".repeat(100) + &" ".repeat(3_000) + &"y".repeat(191) + "13800138000";
        assert!(!body(given.as_bytes()).unwrap().contains("138"));
    }

    /// A request that sent this text where it is private.
    fn sending(value: &str) -> SentValues {
        let mut request = crate::request::Request::new("v3/a".to_owned());
        request.query = vec![("openid".to_owned(), value.to_owned())];
        SentValues::of(&request, None)
    }

    proptest! {
        #[test]
        fn what_the_request_sent_is_never_shown(
            before in ".{0,600}",
            value in "[^…]{4,40}",
            after in ".{0,600}",
        ) {
            let (sent, given) = (sending(&value), format!("{before}{value}{after}"));
            let shown = super::text(&given, &sent);
            prop_assert!(!shown.contains(&value), "{shown}");
            prop_assert!(shown.chars().count() <= 10 * (MAX_TEXT + 1));
            // White space is joined there.
            if !value.contains(char::is_whitespace) {
                let shown = super::body(given.as_bytes(), &sent).unwrap_or_default();
                prop_assert!(!shown.contains(&value), "{shown}");
            }
        }

        #[test]
        fn of_a_long_value_no_part_of_its_beginning_is_shown(value in "[a-z ]{40,700}", cut in 16..40_usize) {
            let shown = super::text(&format!("<{}>", &value[..cut]), &sending(&value));
            prop_assert_eq!(shown, "<…>");
        }

        #[test]
        fn digits_in_groups_are_never_shown(groups in prop::collection::vec("[0-9]{4}", 3..6), separator in "[ -]") {
            prop_assert_eq!(text(&groups.join(&separator)), "…");
        }
    }

    #[test]
    fn a_location_is_shown_without_what_may_be_secret() {
        let shown = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, http::HeaderValue::from_bytes(value).unwrap());
            location(&headers, &SentValues::default()).unwrap()
        };
        assert_eq!(shown(b"https://u:secret@a.example/b?token=secret#x"), "https://a.example/b?…");
        assert_eq!(shown(b"/login;jsessionid=secret"), "/login?…");
        assert_eq!(shown(b"https://a.example"), "https://a.example");
        assert_eq!(shown(b"//u:secret@a.example/x@y#secret"), "//a.example/x@y?…");
        assert_eq!(shown("http://a/\u{e9}\t".as_bytes()), "http://a/\u{e9}\\t");
    }
}
