//! Uploads (图片上传 and similar operations): a body of two parts, the description of a file and the file itself. Only the first
//! part, `meta`, is signed; it contains the digest of the second.

use std::fmt;

use bytes::Bytes;
use weipay_wire::{random_nonce, sha256_hex, sm3_hex};

/// A file to upload.
///
/// ```
/// # let content: &[u8] = b"\xff\xd8\xff";
/// let image = weipay::File::new("store.jpg", content.to_vec());
/// assert_eq!(image.media_type, "image/jpeg");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, with the extension by which the platform recognizes its type.
    pub name: String,
    /// The name of its part in the body: `file` for most operations. Typed operations set it themselves.
    pub part: String,
    /// Its media type, which follows from the extension of its name.
    pub media_type: String,
    /// Its bytes.
    pub content: Bytes,
}

impl File {
    /// A file with a name and bytes.
    pub fn new(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        let name = name.into();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let media_type = media_type(ending.as_deref().unwrap_or_default());
        Self { part: "file".to_owned(), media_type: media_type.to_owned(), content: content.into(), name }
    }

    /// Sets the name of its part in the body, which is `file` otherwise.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// The SHA-256 of the bytes in lower-case hexadecimal, as `meta` contains it.
    pub fn sha256(&self) -> String {
        sha256_hex(&self.content)
    }

    /// The SM3 (国密) of the bytes in lower-case hexadecimal, as `meta` of invoices (电子发票) contains it.
    pub fn sm3(&self) -> String {
        sm3_hex(&self.content)
    }
}

fn media_type(ending: &str) -> &'static str {
    match ending {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "bmp" => "image/bmp",
        "gif" => "image/gif",
        "mp4" | "m4v" => "video/mp4",
        "avi" => "video/x-msvideo",
        "wmv" => "video/x-ms-wmv",
        "mpeg" | "mpg" => "video/mpeg",
        "mov" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "flv" | "f4v" => "video/x-flv",
        "rmvb" => "application/vnd.rn-realmedia-vbr",
        "pdf" => "application/pdf",
        "txt" | "csv" => "text/plain",
        _ => "application/octet-stream",
    }
}

impl fmt::Debug for File {
    /// The bytes are left out: a file may be an identity card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?}, {} bytes)", self.name, self.content.len())
    }
}

/// A body of two parts, and the text that is signed.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) content_type: String,
    pub(crate) meta: Bytes,
    pub(crate) bytes: Bytes,
}

impl Upload {
    pub(crate) fn new(meta: String, file: &File) -> Self {
        let boundary = format!("weipay-{}", random_nonce());
        let mut bytes = Vec::with_capacity(file.content.len() + meta.len() + 512);
        bytes.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n\
                 {meta}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
                 Content-Type: {}\r\n\r\n",
                quoted(&file.part),
                quoted(&file.name),
                one_line(&file.media_type),
            )
            .as_bytes(),
        );
        bytes.extend_from_slice(&file.content);
        bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Self { content_type, meta: meta.into(), bytes: bytes.into() }
    }
}

/// A form of text fields and a file, with its content type (APIv2).
pub(crate) fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>, file: &File) -> (String, Vec<u8>) {
    let boundary = format!("weipay-{}", random_nonce());
    let mut bytes = Vec::with_capacity(file.content.len() + 1024);
    for (name, value) in fields {
        let name = quoted(name);
        bytes.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    bytes.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(&file.part),
            quoted(&file.name),
            one_line(&file.media_type),
        )
        .as_bytes(),
    );
    bytes.extend_from_slice(&file.content);
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), bytes)
}

/// Escapes a name for the header of a part, as browsers do.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_are_the_known_ones() {
        // FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(File::new("abc.bin", &b"abc"[..]).sha256(), known);
        // GB/T 32905-2016, appendix A.1.
        let known = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        assert_eq!(File::new("abc.bin", &b"abc"[..]).sm3(), known);
    }

    #[test]
    fn a_body_has_the_two_parts_in_their_order() {
        let upload = Upload::new(r#"{"a":1}"#.to_owned(), &File::new("x.png", &b"\x89PNG\r\n"[..]).part("p"));
        let boundary = upload.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(&upload.bytes).replace(boundary, "B");
        assert_eq!(
            text,
            "--B\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"p\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\n\
             \u{fffd}PNG\r\n\r\n--B--\r\n"
        );
        assert_eq!(upload.meta, r#"{"a":1}"#);
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        let upload = Upload::new("{}".to_owned(), &File::new("a\"\r\nX: y.png", &b""[..]));
        assert!(String::from_utf8_lossy(&upload.bytes).contains("filename=\"a%22%0D%0AX: y.png\""));
    }
}
