//! Uploads (图片上传 and similar operations): a body of two parts, the description of a file and the file itself. Only the first
//! part, `meta`, is signed; it contains the digest of the second.

mod content;

use std::io::{self, Read};
use std::path::Path;
use std::{fmt, sync::Arc};

use bytes::Bytes;
use weipay_wire::random_nonce;

use content::Content;
pub(crate) use content::Payload;

/// A file to upload.
///
/// ```
/// # let content: &[u8] = b"\xff\xd8\xff";
/// let image = weipay::UploadFile::new("store.jpg", content.to_vec());
/// assert_eq!(image.media_type, "image/jpeg");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UploadFile {
    /// Its name, with the extension by which the platform recognizes its type.
    pub name: String,
    /// The name of its part in the body: `file` for most operations. Typed operations set it themselves.
    pub part: String,
    /// Its media type, which follows from the extension of its name.
    pub media_type: String,
    content: Content,
}

impl UploadFile {
    /// A file with a name and bytes.
    pub fn new(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::with_content(name.into(), Content::Memory(content.into()))
    }

    /// A file on disk. It is read once here, for its digest, and again while it is sent; it is never in memory as a whole. Its
    /// name is that of the path.
    ///
    /// ```no_run
    /// # fn run() -> std::io::Result<()> {
    /// let image = weipay::UploadFile::from_path("store.jpg")?;
    /// println!("{} bytes, {}", image.size(), image.sha256());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a regular file.
    pub fn from_path(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"))?;
        Ok(Self::with_content(name.to_owned(), Content::from_path(path)?))
    }

    /// A file with a name, and bytes from a reader. It is read to its end here. More than 1 MiB is kept in a
    /// temporary file, which only its owner can read, and which is removed when the last copy of this value
    /// is dropped.
    ///
    /// # Errors
    ///
    /// If the reader fails, or the temporary file cannot be written.
    pub fn from_reader(name: impl Into<String>, reader: impl Read) -> io::Result<Self> {
        Ok(Self::with_content(name.into(), Content::from_reader(reader)?))
    }

    fn with_content(name: String, content: Content) -> Self {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let media_type = media_type(ending.as_deref().unwrap_or_default());
        Self { part: "file".to_owned(), media_type: media_type.to_owned(), content, name }
    }

    /// Sets the name of its part in the body, which is `file` otherwise.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// The SHA-256 of the bytes in lower-case hexadecimal, as `meta` contains it. That of a file on disk was
    /// computed when the file was named.
    pub fn sha256(&self) -> String {
        self.content.sha256()
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content.length()
    }

    /// The body of a request whose last part it is.
    fn payload(&self, mut head: String, boundary: &str) -> Payload {
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(&self.part),
            quoted(&self.name),
            one_line(&self.media_type),
        ));
        let tail = format!("\r\n--{boundary}--\r\n");
        match &self.content {
            Content::Memory(bytes) => {
                let whole = [head.as_bytes(), bytes, tail.as_bytes()].concat();
                Payload::Whole(whole.into())
            }
            Content::Disk(file) => {
                Payload::AroundFile { head: head.into(), file: Arc::clone(file), tail: tail.into() }
            }
        }
    }

    /// The SM3 (国密) of the bytes in lower-case hexadecimal, as `meta` of invoices (电子发票) contains it.
    pub fn sm3(&self) -> String {
        self.content.sm3()
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

impl fmt::Debug for UploadFile {
    /// The bytes are left out: a file may be an identity card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadFile({:?}, {} bytes)", self.name, self.size())
    }
}

/// A body of two parts, and the text that is signed.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) content_type: String,
    pub(crate) meta: Bytes,
    pub(crate) payload: Payload,
}

impl Upload {
    pub(crate) fn new(meta: String, file: &UploadFile) -> Self {
        let boundary = format!("weipay-{}", random_nonce());
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{meta}\r\n"
        );
        let payload = file.payload(head, &boundary);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Self { content_type, meta: meta.into(), payload }
    }
}

/// A form of text fields and a file, with its content type (APIv2).
pub(crate) fn form<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    file: &UploadFile,
) -> (String, Payload) {
    let boundary = format!("weipay-{}", random_nonce());
    let mut head = String::with_capacity(1024);
    for (name, value) in fields {
        let name = quoted(name);
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    (format!("multipart/form-data; boundary={boundary}"), file.payload(head, &boundary))
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

    fn whole(upload: &Upload) -> &[u8] {
        match &upload.payload {
            Payload::Whole(bytes) => bytes,
            Payload::AroundFile { .. } => panic!("it is in memory"),
        }
    }

    #[test]
    fn the_digests_are_the_known_ones() {
        // FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(UploadFile::new("abc.bin", &b"abc"[..]).sha256(), known);
        // GB/T 32905-2016, appendix A.1.
        let known = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        assert_eq!(UploadFile::new("abc.bin", &b"abc"[..]).sm3(), known);
    }

    #[test]
    fn a_body_has_the_two_parts_in_their_order() {
        let upload =
            Upload::new(r#"{"a":1}"#.to_owned(), &UploadFile::new("x.png", &b"\x89PNG\r\n"[..]).part("p"));
        let boundary = upload.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(whole(&upload)).replace(boundary, "B");
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
        let upload = Upload::new("{}".to_owned(), &UploadFile::new("a\"\r\nX: y.png", &b""[..]));
        assert!(String::from_utf8_lossy(whole(&upload)).contains("filename=\"a%22%0D%0AX: y.png\""));
    }
}
