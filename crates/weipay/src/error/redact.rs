//! What an error prints of a response that anybody may have written: bounded, on one line, and without personal data.

use http::HeaderMap;
use http::header::LOCATION;

use crate::json::without_mark;

/// How many characters of a text, and of the beginning of a body, are shown.
const MAX_TEXT: usize = 500;
const MAX_BODY: usize = 200;

/// Eleven digits may be a telephone number, more an identity or bank card. A response may repeat values of the request.
const MIN_PERSONAL_DIGITS: usize = 11;

/// A text of a response.
pub(super) fn text(text: &str) -> String {
    let end = text.char_indices().nth(2 * MAX_TEXT).map_or(text.len(), |(end, _)| end);
    one_line(&without_long_numbers(&text[..end]), MAX_TEXT)
}

/// The beginning of a body that is not the platform's error response; `None` if it is empty.
pub(super) fn body(body: &[u8]) -> Option<String> {
    let body = without_mark(body);
    // A character has at most four bytes, and white space is not counted.
    let beginning = String::from_utf8_lossy(&body[..body.len().min(16 * MAX_BODY)]);
    let beginning = beginning.split_whitespace().collect::<Vec<_>>().join(" ");
    // The detail of an error response repeats the rejected value.
    let shown = match beginning.find("\"detail\"") {
        Some(at) => format!("{}\"detail\"…", &beginning[..at]),
        None => beginning,
    };
    let shown = one_line(&without_long_numbers(&shown), MAX_BODY);
    (!shown.is_empty()).then_some(shown)
}

/// Where a redirect leads, without what may be secret: a password, a query, a session.
pub(super) fn location(headers: &HeaderMap) -> Option<String> {
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
    Some(one_line(&without_long_numbers(&shown), MAX_BODY) + rest)
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

fn without_long_numbers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let length = number.bytes().take_while(u8::is_ascii_digit).count();
        shown.push_str(before);
        shown.push_str(if length < MIN_PERSONAL_DIGITS { &number[..length] } else { "…" });
        rest = &number[length..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_location_is_shown_without_what_may_be_secret() {
        let shown = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, http::HeaderValue::from_bytes(value).unwrap());
            location(&headers).unwrap()
        };
        assert_eq!(shown(b"https://u:secret@a.example/b?token=secret#x"), "https://a.example/b?…");
        assert_eq!(shown(b"/login;jsessionid=secret"), "/login?…");
        assert_eq!(shown(b"https://a.example"), "https://a.example");
        assert_eq!(shown(b"//u:secret@a.example/x@y#secret"), "//a.example/x@y?…");
        assert_eq!(shown("http://a/\u{e9}\t".as_bytes()), "http://a/\u{e9}\\t");
    }
}
