//! Which part of a body the signature covers: all of it, except in an upload (文件上传), where it is the text of the
//! part named `meta` alone.
//!
//! What is signed follows from the operation and from the parts that are really there. A content type by itself decides
//! nothing: otherwise an unsigned body could be carried out by calling it multipart.

use crate::exchange::Request;
use crate::upload::Upload;

/// The texts of which one must stand as body in the message that was signed, the usual one first.
///
/// An upload without `meta` is refused behind the gate whatever it says. UNCONFIRMED what the platform lets its caller sign,
/// so that it hears of the part that it forgot: the whole body or nothing.
pub(super) fn candidates<'a>(request: &'a Request, upload: Option<&Upload<'a>>) -> Vec<&'a [u8]> {
    match upload {
        None => vec![&request.body],
        Some(upload) => upload.meta().map_or_else(|| vec![&request.body[..], b""], |meta| vec![meta]),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use weipay_catalog::Catalog;

    use super::*;

    const BODY: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\xff\xd8\r\n--b\r\n\
        Content-Disposition: form-data; name=\"meta\";\r\nContent-Type: application/json\r\n\r\n{\"sha256\":\"0\"}\r\n--b--\r\n";

    #[track_caller]
    fn signed(path: &str, content_type: &'static str, body: &[u8], expected: &[&[u8]]) {
        let operation = Catalog::embedded().find("POST", path).unwrap();
        let mut request = Request { body: body.to_vec(), ..Request::default() };
        request.headers.insert("content-type", HeaderValue::from_static(content_type));
        assert_eq!(candidates(&request, Upload::read(operation, &request).as_ref()), expected);
    }

    const UPLOAD: &str = "v3/merchant/media/upload";
    const ORDER: &str = "v3/pay/transactions/native";

    #[test]
    fn json_is_signed_whole_and_an_upload_by_its_meta() {
        signed(ORDER, "application/json; charset=utf-8", b"{}", &[b"{}"]);
        signed(UPLOAD, "multipart/form-data; boundary=b", BODY, &[br#"{"sha256":"0"}"#]);
        signed(UPLOAD, "multipart/form-data; boundary=\"b\"", BODY, &[br#"{"sha256":"0"}"#]);
        signed(UPLOAD, "multipart/form-data", BODY, &[br#"{"sha256":"0"}"#]);
    }

    #[test]
    fn a_content_type_does_not_make_an_upload_of_another_operation() {
        signed(ORDER, "multipart/form-data; boundary=b", b"{}", &[b"{}"]);
        signed(ORDER, "multipart/form-data; boundary=b", BODY, &[BODY]);
        signed(ORDER, "multipart/form-data", BODY, &[BODY]);
    }

    #[test]
    fn an_upload_without_its_meta_is_signed_whole_or_not_at_all() {
        signed(UPLOAD, "multipart/form-data; boundary=c", BODY, &[BODY, b""]);
        signed(UPLOAD, "application/json", b"{}", &[b"{}", b""]);
        let named = String::from_utf8_lossy(BODY).replace("name=\"meta\";", "name=\"meta\"; filename=\"m\"");
        signed(UPLOAD, "multipart/form-data; boundary=b", named.as_bytes(), &[named.as_bytes(), b""]);
    }
}
