//! The content of files: bills without a row, and the smallest picture and page that programs open.

use weipay_wire::DigestAlgorithm;

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
    /// The names in links.
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

/// The text of an example of a receipt.
const PAGE: [&str; 1] = ["weipay sandbox: an example, not a receipt"];

/// One white dot, as PNG.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\
    \x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\
    \x00\x00\x00\x0aIDAT\x78\xda\x63\xf8\x0f\x00\x01\x01\x01\x00\x1c\xb0\x8c\x99\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

/// The points between two lines, and around them.
const LINE_HEIGHT: usize = 20;

/// A page of text as PDF, the smallest that programs open: the same lines are the same bytes. A character that the font does not have is a `?`.
pub(in crate::products) fn pdf(lines: &[impl AsRef<str>]) -> Vec<u8> {
    let height = (lines.len() + 2) * LINE_HEIGHT;
    let mut text = format!("BT /F1 12 Tf {LINE_HEIGHT} TL {LINE_HEIGHT} {} Td", height - LINE_HEIGHT);
    for line in lines {
        text.push_str(&format!(" ({}) Tj T*", escaped(line.as_ref())));
    }
    text.push_str(" ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 480 {height}]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
        ),
        format!("<</Length {}>>stream\n{text}\nendstream", text.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut page = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", page.len()));
        page.push_str(&format!("{number} 0 obj{object}endobj\n"));
    }
    let start = page.len();
    let trailer = format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    [page, table, trailer].concat().into_bytes()
}

fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        if matches!(letter, '(' | ')' | '\\') {
            text.push('\\');
        }
        text.push(if matches!(letter, ' '..='~') { letter } else { '?' });
    }
    text
}

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

    #[test]
    fn a_page_says_where_its_objects_begin() {
        let page = String::from_utf8(pdf(&["one", "two"])).unwrap();
        let start: usize =
            page.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let table: Vec<&str> = page[start..].lines().collect();
        assert_eq!(table[0], "xref");
        for (number, entry) in (1..=5).zip(&table[3..]) {
            let at: usize = entry[..10].parse().unwrap();
            assert!(page[at..].starts_with(&format!("{number} 0 obj")), "{entry}");
        }
    }

    #[test]
    fn no_line_ends_its_text() {
        assert_eq!(escaped("a (b) \\ c\n茶"), "a \\(b\\) \\\\ c??");
    }
}
