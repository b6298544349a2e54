//! What is in the files: bills without a line, and the smallest picture and page that programs open.

use weipay_wire::DigestAlgorithm;

use super::pdf::pdf;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// A bill whose columns no source prints.
    Bill,
    /// An electronic receipt (电子回单) or invoice (电子发票).
    Page,
    Picture,
}

impl Document {
    /// What each is called in a link.
    pub(super) const WORDS: [(Self, &'static str); 3] =
        [(Self::Bill, "bill"), (Self::Page, "page"), (Self::Picture, "picture")];

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Bill => "text/plain; charset=utf-8",
            Self::Page => "application/pdf",
            Self::Picture => "image/png",
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bill => bill(BILL, SUMMARY),
            Self::Page => pdf(&PAGE),
            Self::Picture => PICTURE.to_vec(),
        }
    }

    /// Its digest, in the lower case that the algorithm is usually written in.
    pub(super) fn digest(self, algorithm: &str) -> Option<String> {
        DigestAlgorithm::from_name(algorithm).map(|algorithm| algorithm.hex(&self.bytes()))
    }
}

/// UNCONFIRMED(other-bills), every column.
const BILL: &str = "时间,商户号,单号,金额(元),备注";
/// UNCONFIRMED(other-bills).
const SUMMARY: [(&str, &str); 2] = [("总笔数", "0"), ("总金额", "0.00")];

/// A bill of a day on which nothing happened: heading, no line, and a summary whose values begin with a backtick.
/// UNCONFIRMED(bill-line-ends): line ends of two characters.
fn bill<const COLUMNS: usize>(heading: &str, summary: [(&str, &str); COLUMNS]) -> Vec<u8> {
    let names = summary.map(|(name, _)| name).join(",");
    let values = summary.map(|(_, value)| format!("`{value}")).join(",");
    format!("{heading}\r\n{names}\r\n{values}\r\n").into_bytes()
}

/// What an example of a receipt says.
const PAGE: [&str; 1] = ["weipay sandbox: an example, not a receipt"];

/// One white dot, as PNG.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\
    \x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\
    \x00\x00\x00\x0aIDAT\x78\xda\x63\xf8\x0f\x00\x01\x01\x01\x00\x1c\xb0\x8c\x99\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_of_the_algorithm_that_is_named() {
        assert_eq!(Document::Picture.digest("SHA1").unwrap().len(), 40);
        assert_eq!(Document::Picture.digest("SHA256").unwrap(), DigestAlgorithm::Sha256.hex(PICTURE));
        assert_eq!(Document::Picture.digest("SM3").unwrap(), DigestAlgorithm::Sm3.hex(PICTURE));
        assert_eq!(Document::Picture.digest("MD5"), None);
    }
}
