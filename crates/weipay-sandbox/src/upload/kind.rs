//! The type of a file, by its name and its first bytes.

use weipay_catalog::{Operation, Pictures};

use super::file_field;
use crate::contract::ValidRequest;

/// 图片, in the order in which they are named to developers.
const PICTURES: [&str; 3] = [".jpg", ".bmp", ".png"];
const PDF: &str = ".pdf";

/// The media type of a picture, by its first bytes.
pub(crate) fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let types: [(&[u8], _); 3] =
        [(b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"BM", "image/bmp")];
    types.into_iter().find(|(first, _)| bytes.starts_with(first)).map(|(_, name)| name)
}

/// Whether a name ends in one of these, in capitals or not, after something else.
pub(crate) fn ends_in<'a>(name: &str, suffixes: impl IntoIterator<Item = &'a str>) -> bool {
    let name = name.to_ascii_lowercase();
    suffixes.into_iter().any(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
}

/// The suffixes of which a file of this operation must have one; none where the documents say nothing.
fn suffixes(pictures: Pictures) -> Vec<&'static str> {
    let pdf = matches!(pictures, Pictures::UpTo(_)).then_some(PDF);
    PICTURES.into_iter().chain(pdf).collect()
}

/// Why a file is not taken that has this name. The sentence is for developers.
pub(crate) fn wrong_name(operation: &Operation, name: &str) -> Option<String> {
    let suffixes = suffixes(operation.pictures?);
    let is_right = ends_in(name, suffixes.iter().copied());
    (!is_right).then(|| must_end_in(&suffixes))
}

pub(crate) fn must_end_in(suffixes: &[&str]) -> String {
    format!("the name of the file must end in one of {}", suffixes.join(", "))
}

/// Whether a file is what an operation takes. A file that is called a PDF must be one.
pub(crate) fn takes_bytes(operation: &Operation, name: &str, bytes: &[u8]) -> bool {
    match operation.pictures {
        Some(Pictures::UpTo(_)) if ends_in(name, [PDF]) => bytes.starts_with(b"%PDF-"),
        Some(_) => picture_type(bytes).is_some(),
        None => true,
    }
}

/// The file of an upload, as a product sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadedFile<'a> {
    /// As `meta` has it.
    pub(crate) name: &'a str,
    /// SHA-256 in small letters, or another digest that the operation wants; it was compared.
    pub(crate) digest: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl<'a> UploadedFile<'a> {
    /// The file of an upload that fulfils its contract.
    pub(crate) fn read(
        operation: &Operation,
        upload: &super::Upload<'a>,
        request: &'a ValidRequest,
    ) -> Option<Self> {
        let (meta, file) = (super::meta_field(operation)?, file_field(operation)?);
        Some(Self {
            name: super::file_name_field(meta).and_then(|field| request.text(field.name))?,
            digest: super::digest_field(meta).and_then(|(field, _)| request.text(field.name))?,
            bytes: upload.file(file.name)?.content,
        })
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        for (bytes, name) in [
            (&b"\xff\xd8\xff\xe0"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\n", Some("image/png")),
            (b"BM6\0", Some("image/bmp")),
            (b"GIF89a", None),
            (b"notanimage", None),
            (b"", None),
        ] {
            assert_eq!(picture_type(bytes), name, "{bytes:?}");
        }
    }

    #[test]
    fn a_name_ends_in_a_suffix_of_its_page_and_the_bytes_fit() {
        let find = |path: &str| Catalog::embedded().find("POST", path).unwrap();
        let (pictures, media) = (find("v3/merchant-service/images/upload"), find("v3/merchant/media/upload"));
        for (name, is_picture, is_media) in [
            ("a.jpg", true, true),
            ("A.BMP", true, true),
            ("门店.png", true, true),
            ("a.pdf", false, true),
            ("a.gif", false, false),
            (".png", false, false),
            ("png", false, false),
            ("", false, false),
        ] {
            assert_eq!(wrong_name(pictures, name).is_none(), is_picture, "{name}");
            assert_eq!(wrong_name(media, name).is_none(), is_media, "{name}");
        }
        assert!(takes_bytes(media, "a.PDF", b"%PDF-1.4") && !takes_bytes(media, "a.pdf", b"\x89PNG"));
        assert!(takes_bytes(media, "a.png", b"\x89PNG") && !takes_bytes(media, "a.png", b"%PDF-1.4"));
        let video = find("v3/merchant/media/video_upload");
        assert!(wrong_name(video, "a").is_none() && takes_bytes(video, "a", b""));
    }
}
