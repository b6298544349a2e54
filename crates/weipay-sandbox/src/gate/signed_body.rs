//! Which part of a body the signature covers: all of it, except in an upload (文件上传), where it is the text of the
//! part named `meta` alone.

use crate::exchange::Incoming;

/// The bytes that stand as body in the message to sign.
pub(super) fn of(incoming: &Incoming) -> &[u8] {
    incoming
        .header("content-type")
        .and_then(boundary)
        .map_or(&incoming.body[..], |boundary| meta(&incoming.body, boundary).unwrap_or_default())
}

/// The boundary of a multipart body.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value.trim_matches('"'))
    })?;
    (!boundary.is_empty()).then_some(boundary)
}

fn meta<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let mut rest = body;
    loop {
        rest = after(rest, format!("--{boundary}\r\n").as_bytes())?;
        let head_end = position(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&rest[..head_end]);
        let content = &rest[head_end + 4..];
        let end = position(content, format!("\r\n--{boundary}").as_bytes())?;
        if head.contains("name=\"meta\"") {
            return Some(&content[..end]);
        }
        rest = &content[end..];
    }
}

fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    position(text, mark).map(|at| &text[at + mark.len()..])
}

fn position(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn upload(content_type: &'static str, body: &[u8]) -> Incoming {
        let mut incoming = Incoming { body: body.to_vec(), ..Incoming::default() };
        incoming.headers.insert("content-type", HeaderValue::from_static(content_type));
        incoming
    }

    const BODY: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\xff\xd8\r\n--b\r\n\
        Content-Disposition: form-data; name=\"meta\";\r\nContent-Type: application/json\r\n\r\n{\"sha256\":\"0\"}\r\n--b--\r\n";

    #[test]
    fn json_is_signed_whole_and_an_upload_by_its_meta() {
        assert_eq!(of(&upload("application/json; charset=utf-8", b"{}")), b"{}");
        assert_eq!(of(&upload("multipart/form-data; boundary=b", BODY)), br#"{"sha256":"0"}"#);
        assert_eq!(of(&upload("multipart/form-data; boundary=\"b\"", BODY)), br#"{"sha256":"0"}"#);
        assert_eq!(of(&upload("multipart/form-data; boundary=c", BODY)), b"");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in "(--b|\r\n|name=\"meta\"|x){0,20}") {
            let incoming = upload("multipart/form-data; boundary=b", body.as_bytes());
            prop_assert!(of(&incoming).len() <= incoming.body.len());
        }
    }
}
