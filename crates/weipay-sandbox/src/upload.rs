//! Uploads (文件上传): a multipart body with the part `meta`, JSON text that says something of a file, and the file itself.
//!
//! Whether an operation is an upload is the catalogue's word, never the request's: a header must not decide what is signed.
//! Only `meta` is signed, and the file is tied to it by its digest, so both are read here once, and the
//! [gate](crate::gate) and the [contract](crate::contract) look at the same bytes.

pub(crate) mod kind;
mod multipart;

use weipay_catalog::{Carrier, Field, Kind, Operation, Pictures, Purpose};
use weipay_wire::DigestAlgorithm;

use crate::platform::Request;
use crate::v2;
use multipart::Part;

/// The longest body of an upload: the largest documented file has 7.5 MB, and some room for the rest.
pub(crate) const MAX_UPLOAD_BODY: usize = 8 * 1024 * 1024;

/// The body of an upload, taken apart. One that is not multipart has no parts.
#[derive(Debug, Default)]
pub(crate) struct Upload<'a> {
    parts: Vec<Part<'a>>,
}

impl<'a> Upload<'a> {
    /// Takes the body of an operation apart; `None` when the operation is not an upload.
    pub(crate) fn read(operation: &Operation, request: &'a Request) -> Option<Self> {
        operation.is_upload().then(|| {
            let content_type = request.header("content-type").unwrap_or_default();
            let boundary = multipart::boundary(content_type, &request.body);
            let parts = boundary.and_then(|boundary| multipart::read(&request.body, &boundary));
            Upload { parts: parts.unwrap_or_default() }
        })
    }

    /// The text of the part `meta`. A part with a file name is a file, whatever it is called.
    pub(crate) fn meta(&self) -> Option<&'a [u8]> {
        self.parts.iter().find(|part| part.name == META && !part.is_file).map(|part| part.content)
    }

    /// The bytes of the part that holds the file.
    pub(crate) fn file(&self, name: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Why a part is missing, for developers.
    pub(crate) fn lacks(&self, name: &str) -> String {
        if self.parts.is_empty() {
            return "the body is not multipart/form-data, or its parts do not end with their boundary"
                .to_owned();
        }
        let has_file_name = name == META && self.parts.iter().any(|part| part.name == META);
        let why = if has_file_name { ", and one with a file name is taken for a file" } else { "" };
        format!("the body has no part `{name}`{why}")
    }

    /// A part whose name another one has too: two readers of one body must not understand different things.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut parts = self.parts.iter();
        while let Some(part) = parts.next() {
            if parts.clone().any(|other| other.name == part.name) {
                return Some(&part.name);
            }
        }
        None
    }
}

const META: &str = "meta";

/// The field that describes the part `meta`.
pub(crate) fn meta_field(operation: &Operation) -> Option<&Field> {
    operation.request.multipart.iter().find(|field| field.carrier == Some(Carrier::JsonText))
}

/// The fields that an operation takes: of its JSON, of its XML, or of an upload's `meta`.
pub(crate) fn fields_of_document(operation: &Operation) -> &[Field] {
    let body = if v2::serves(operation) { &operation.request.xml } else { &operation.request.json };
    meta_field(operation).map_or(body, |meta| &meta.fields)
}

/// The field that describes the file.
pub(crate) fn file_field(operation: &Operation) -> Option<&Field> {
    operation.request.multipart.iter().find(|field| field.kind == Kind::Object)
}

/// How many bytes a file may have. The catalogue has the largest that an operation takes, and where pictures end earlier.
pub(crate) fn max_size(operation: &Operation, file_name: &str) -> Option<i64> {
    let max = file_field(operation)?.limits.max?;
    let is_pdf = file_name.to_ascii_lowercase().ends_with(".pdf");
    match operation.pictures {
        Some(Pictures::UpTo(max_of_picture)) if !is_pdf => Some(max.min(max_of_picture)),
        _ => Some(max),
    }
}

/// Whether a file may be of this media type. Recorded: pictures alone are refused for it.
/// INFERRED(file-without-type): that bytes of no stated kind pass, as gopay sends them.
pub(crate) fn takes_type(operation: &Operation, content_type: &str) -> bool {
    let is_picture = content_type.starts_with("image/") || content_type == "application/octet-stream";
    is_picture || operation.pictures != Some(Pictures::Only)
}

/// The member of `meta` that names the file.
pub(crate) fn file_name_field(meta: &Field) -> Option<&Field> {
    meta.fields.iter().find(|field| field.purpose == Some(Purpose::FileName))
}

/// The member of `meta` that is the digest of the file.
pub(crate) fn digest_field(meta: &Field) -> Option<(&Field, DigestAlgorithm)> {
    meta.fields.iter().find_map(|field| match field.purpose? {
        Purpose::FileSha256 => Some((field, DigestAlgorithm::Sha256)),
        Purpose::FileSm3 => Some((field, DigestAlgorithm::Sm3)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use weipay_catalog::{ApiVersion, Catalog};

    use super::*;

    fn find(path: &str) -> &'static Operation {
        Catalog::embedded().find("POST", path).unwrap()
    }

    #[test]
    fn every_upload_has_a_meta_and_one_file_with_a_digest() {
        let of_v3 = |operation: &&Operation| operation.is_upload() && operation.version() == ApiVersion::V3;
        for operation in Catalog::embedded().operations().filter(of_v3) {
            let meta = meta_field(operation).unwrap();
            assert_eq!(meta.name, META, "{}", operation.path);
            assert!(digest_field(meta).is_some(), "{}", operation.path);
            assert!(file_field(operation).is_some(), "{}", operation.path);
            let limits = file_field(operation).unwrap().limits;
            assert!(limits.max.is_none_or(|max| max < MAX_UPLOAD_BODY as i64), "{}", operation.path);
        }
    }

    #[test]
    fn a_digest_is_of_the_algorithm_that_the_catalogue_names() {
        let algorithm = |path| digest_field(meta_field(find(path)).unwrap()).unwrap().1;
        assert_eq!(algorithm("v3/marketing/favor/media/image-upload"), DigestAlgorithm::Sha256);
        assert_eq!(algorithm("v3/taxi-invoice/cards/upload-file"), DigestAlgorithm::Sm3);
        assert_eq!(
            algorithm("v3/new-tax-control-fapiao/fapiao-applications/upload-fapiao-file"),
            DigestAlgorithm::Sm3
        );
        for (algorithm, digest) in [
            (DigestAlgorithm::Sha256, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
            (DigestAlgorithm::Sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ] {
            assert!(algorithm.fits(digest, b"abc") && !algorithm.fits(digest, b"abd"));
        }
    }

    #[test]
    fn each_operation_takes_files_up_to_its_documented_size() {
        const MB: i64 = 1024 * 1024;
        for (path, name, max) in [
            ("v3/marketing/favor/media/image-upload", "a.jpg", 2 * MB),
            ("v3/marketing/partner/product-coupon/media/upload-image", "a.jpg", 2 * MB),
            ("v3/merchant-service/images/upload", "a.png", 2 * MB),
            ("v3/merchant/media/upload", "a.BMP", 5 * MB),
            ("v3/merchant/media/upload", "a.PDF", 15 * MB / 2),
            ("v3/merchant/media/video_upload", "a.mp4", 5 * MB),
        ] {
            assert_eq!(max_size(find(path), name), Some(max), "{path} {name}");
        }
    }
}
