//! Reading a multipart body (RFC 2046, RFC 7578): whole or not at all.

/// The most parts that are read; an upload has two.
const MAX_PARTS: usize = 16;
/// The head of one part.
const MAX_PART_HEAD: usize = 8 * 1024;
/// RFC 2046 allows a boundary 70 characters.
const MAX_BOUNDARY: usize = 70;

/// One part of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    /// Whether it has a file name.
    pub(crate) is_file: bool,
    /// The media type, where the part says one.
    pub(crate) content_type: Option<String>,
    pub(crate) content: &'a [u8],
}

/// The boundary of a multipart body: as the content type names it, else as the body itself begins. wechatpayv3 for Python names
/// none, and is used with the real platform.
pub(super) fn boundary(content_type: &str, body: &[u8]) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let first_line = || {
        let line = body.get(..MAX_BOUNDARY + 4).unwrap_or(body).split(|byte| *byte == b'\r').next()?;
        std::str::from_utf8(line.strip_prefix(b"--")?).ok().map(str::to_owned)
    };
    let boundary = parameter(parameters, "boundary").or_else(first_line)?;
    (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

/// The parts of a body; `None` when it is not multipart with this boundary, or does not end as such a body does.
pub(super) fn read<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        // What stands before the first part is passed over.
        None => &body[position(body, &delimiter)? + delimiter.len()..],
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let (part, after) = part(rest, &delimiter)?;
        parts.push(part);
        if parts.len() > MAX_PARTS {
            return None;
        }
        rest = after;
    }
}

/// Reads the part after a delimiter, and returns what follows the next one.
fn part<'a>(text: &'a [u8], delimiter: &[u8]) -> Option<(Part<'a>, &'a [u8])> {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let text = text[blanks..].strip_prefix(b"\r\n")?;
    let head_end = position(text, b"\r\n\r\n").filter(|end| *end <= MAX_PART_HEAD)?;
    let head = std::str::from_utf8(&text[..head_end]).ok()?;
    let (name, is_file) = disposition(head)?;
    let content_type = header(head, "content-type").map(|value| value.trim().to_ascii_lowercase());
    let text = &text[head_end + 4..];
    let mut length = 0;
    loop {
        length += position(&text[length..], delimiter)?;
        let after = &text[length + delimiter.len()..];
        // A longer boundary that begins like this one is content.
        if after.first().is_some_and(|byte| matches!(byte, b'\r' | b'-' | b' ' | b'\t')) {
            return Some((Part { name, is_file, content_type, content: &text[..length] }, after));
        }
        length += delimiter.len();
    }
}

/// Reads `Content-Disposition`: the name, and whether there is a file name.
fn disposition(head: &str) -> Option<(String, bool)> {
    let (kind, parameters) = header(head, "content-disposition")?.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let is_file = parameter(parameters, "filename").is_some() || parameter(parameters, "filename*").is_some();
    Some((parameter(parameters, "name")?, is_file))
}

fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case(wanted).then_some(value)
    })
}

/// A parameter of a header, quoted or not: `; name="meta"; filename=a.jpg`.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The text up to its closing quote, and what follows that. A backslash takes the next letter as it is.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}

fn position(text: &[u8], mark: &[u8]) -> Option<usize> {
    let first = mark.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| byte == first)?;
        if text[at..].starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"name=meta.jpg\"\r\n\r\nJPG\r\n--bc\r\n\r\n\
        --b\r\nContent-Type: application/json\r\ncontent-disposition: Form-Data; name=meta;\r\n\r\n{\"sha256\":\"0\"}\r\n--b--\r\n";

    fn read_text(body: &str) -> Option<Vec<Part<'_>>> {
        read(body.as_bytes(), "b")
    }

    #[test]
    fn the_parts_of_a_body_are_found_by_their_names() {
        let parts = read_text(BODY).unwrap();
        let found: Vec<_> = parts.iter().map(|part| (&*part.name, part.is_file, part.content)).collect();
        assert_eq!(found, [("file", true, &b"JPG\r\n--bc\r\n"[..]), ("meta", false, br#"{"sha256":"0"}"#)]);
        assert_eq!(parts[0].content_type, None);
        assert_eq!(parts[1].content_type.as_deref(), Some("application/json"));
        assert_eq!(read_text(&format!("preamble\r\n{BODY}epilogue")).unwrap(), parts);
    }

    #[test]
    fn a_part_that_is_empty_is_a_part() {
        let parts =
            read_text("--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n\r\n--b--").unwrap();
        assert_eq!((parts.len(), &*parts[0].name, parts[0].content), (1, "meta", &b""[..]));
    }

    #[test]
    fn what_is_not_multipart_is_not_read() {
        for body in [
            "",
            "{\"a\":1}",
            "--b",
            "--c\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{}\r\n--c--",
            // Cut off before its end.
            BODY.trim_end_matches("\r\n--b--\r\n"),
            "--b\r\n\r\nno disposition\r\n--b--",
            "--b\r\nContent-Disposition: attachment; name=\"meta\"\r\n\r\n{}\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"meta\r\n\r\n{}\r\n--b--",
        ] {
            assert_eq!(read_text(body), None, "{body}");
        }
        assert_eq!(read_text("--b--").unwrap(), []);
    }

    #[test]
    fn a_content_type_names_its_boundary() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=b", Some("b")),
            ("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b\"", Some("a b")),
            ("multipart/form-data; boundary=", None),
            ("multipart/mixed; boundary=b", None),
            ("application/json; boundary=b", None),
        ] {
            assert_eq!(boundary(content_type, b"--c\r\n").as_deref(), expected, "{content_type}");
        }
    }

    #[test]
    fn a_boundary_that_the_content_type_does_not_name_is_the_first_line() {
        for (body, expected) in [
            (BODY, Some("b")),
            ("--779ec653831729681b63c25c91b0f797\r\n", Some("779ec653831729681b63c25c91b0f797")),
            ("--\r\n", None),
            ("{}", None),
            ("", None),
        ] {
            for content_type in ["multipart/form-data", "multipart/form-data; charset=utf-8"] {
                assert_eq!(boundary(content_type, body.as_bytes()).as_deref(), expected, "{body}");
            }
        }
        assert_eq!(boundary("multipart/form-data", format!("--{}\r\n", "b".repeat(71)).as_bytes()), None);
        assert_eq!(boundary("application/json", BODY.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in "(--b|--|\r\n|Content-Disposition: form-data; name=\"meta\"|\"|;|=|x){0,20}") {
            for part in read_text(&body).unwrap_or_default() {
                prop_assert!(part.content.len() <= body.len());
            }
        }
    }
}
