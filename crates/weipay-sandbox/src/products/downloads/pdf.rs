//! A page of text as PDF: the smallest that programs open. The same lines are the same bytes.

/// The points between two lines, and around them.
const LINE_HEIGHT: usize = 20;

/// One page with these lines. A character that the font does not have is a `?`.
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
