//! From bytes to elements, on the event reader of `quick-xml`: it expands nothing and fetches nothing. What it leaves to its
//! caller is checked here: the root, the end, what stands between elements, names, characters and bounds.

use std::collections::BTreeMap;
use std::str;

use quick_xml::Reader;
use quick_xml::errors::{Error as QuickError, IllFormedError, SyntaxError};
use quick_xml::events::{BytesDecl, BytesRef, Event};
use zeroize::Zeroize;

use super::{
    MAX_XML_DEPTH, MAX_XML_ELEMENTS, MAX_XML_LENGTH, XmlContent, XmlElements, XmlError, is_allowed, is_name,
};

pub(super) fn read(bytes: &[u8], root: &str) -> Result<XmlElements, XmlError> {
    if bytes.len() > MAX_XML_LENGTH {
        return Err(XmlError::TooLarge { length: bytes.len() });
    }
    let text = str::from_utf8(bytes).map_err(|_| encoding_or_other(bytes))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text).trim_start_matches(is_blank);
    match text.as_bytes().first() {
        None => Err(XmlError::Empty),
        Some(b'<') => Reading::new(root).read(text),
        Some(_) => Err(XmlError::NotXml),
    }
}

/// Bytes that begin like nothing of XML are not XML in a wrong encoding, but something else, such as a file.
fn encoding_or_other(bytes: &[u8]) -> XmlError {
    match bytes.trim_ascii_start().first() {
        Some(b'<') => XmlError::Encoding,
        _ => XmlError::NotXml,
    }
}

/// The blanks of XML, which are fewer than those of Unicode.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// An element that has begun.
struct Open {
    name: String,
    text: String,
    elements: XmlElements,
    /// Whether the text is more than blanks between elements: it has a letter, or was written as CDATA or by number.
    is_value: bool,
}

struct Reading<'a> {
    root: &'a str,
    open: Vec<Open>,
    count: usize,
    done: Option<XmlElements>,
}

impl<'a> Reading<'a> {
    const fn new(root: &'a str) -> Self {
        Self { root, open: Vec::new(), count: 0, done: None }
    }

    fn read(mut self, text: &str) -> Result<XmlElements, XmlError> {
        let read = self.read_all(text);
        for open in &mut self.open {
            open.text.zeroize();
            open.elements.zeroize();
        }
        let mut done = self.done.take().unwrap_or_default();
        match read {
            Ok(()) => Ok(done),
            Err(error) => {
                done.zeroize();
                Err(error)
            }
        }
    }

    /// Reads all of it into `done`, or leaves what it has read.
    fn read_all(&mut self, text: &str) -> Result<(), XmlError> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().enable_all_checks(true);
        loop {
            match reader.read_event().map_err(|error| refusal(&error))? {
                Event::Decl(declaration) => self.declaration(&declaration)?,
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Start(start) => self.start(start.name().as_ref())?,
                Event::Empty(start) => {
                    self.start(start.name().as_ref())?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.text(&text, false)?,
                Event::CData(text) => self.text(&text, true)?,
                Event::GeneralRef(reference) => self.text(&resolved(&reference)?, true)?,
                Event::Comment(_) | Event::PI(_) => self.aside()?,
                Event::Eof => break,
            }
        }
        if self.done.is_some() && self.open.is_empty() { Ok(()) } else { Err(XmlError::Cut) }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
        if self.count > 0 {
            return Err(XmlError::Malformed);
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
            Some(_) => Err(XmlError::Encoding),
        }
    }

    fn start(&mut self, name: &str) -> Result<(), XmlError> {
        self.count += 1;
        if self.count > MAX_XML_ELEMENTS {
            return Err(XmlError::TooMany);
        }
        if self.open.is_empty() {
            if self.done.is_some() {
                return Err(XmlError::Malformed);
            }
            if name != self.root {
                let found = Some(name.to_owned()).filter(|name| is_name(name) && name.len() <= 32);
                return Err(XmlError::Root { wanted: self.root.to_owned(), found });
            }
        }
        if !is_name(name) {
            return Err(XmlError::Name);
        }
        if self.open.len() == MAX_XML_DEPTH {
            return Err(XmlError::TooDeep);
        }
        if let Some(parent) = self.open.last_mut() {
            if parent.is_value {
                return Err(XmlError::Mixed { element: parent.name.clone() });
            }
            parent.text.clear();
        }
        let (name, text, elements) = (name.to_owned(), String::new(), XmlElements::new());
        self.open.push(Open { name, text, elements, is_value: false });
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let open = self.open.pop().ok_or(XmlError::Malformed)?;
        let is_root = self.open.is_empty();
        if is_root {
            if open.is_value {
                return Err(XmlError::Mixed { element: open.name });
            }
            check_repeats(&open.elements)?;
            self.done = Some(open.elements);
            return Ok(());
        }
        let content = if open.elements.is_empty() {
            XmlContent::Text(open.text)
        } else {
            check_repeats(&open.elements)?;
            XmlContent::Elements(open.elements)
        };
        if let Some(parent) = self.open.last_mut() {
            parent.elements.elements.push((open.name, content));
        }
        Ok(())
    }

    fn text(&mut self, text: &str, is_value: bool) -> Result<(), XmlError> {
        let is_value = is_value || !text.chars().all(is_blank);
        let Some(open) = self.open.last_mut() else {
            return if is_value { Err(XmlError::Malformed) } else { Ok(()) };
        };
        if !text.chars().all(is_allowed) {
            return Err(XmlError::Character { element: open.name.clone() });
        }
        if !open.elements.is_empty() {
            let mixed = || Err(XmlError::Mixed { element: open.name.clone() });
            return if is_value { mixed() } else { Ok(()) };
        }
        open.is_value |= is_value;
        push_wiping(&mut open.text, text);
        Ok(())
    }

    /// A comment or an instruction: between elements it says nothing, but inside a value readers differ on what is left.
    fn aside(&self) -> Result<(), XmlError> {
        match self.open.last() {
            Some(open) if open.is_value || self.open.len() > 1 && open.elements.is_empty() => {
                Err(XmlError::Mixed { element: open.name.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// Adds to a text. Where it has to move for that, its old place is wiped: what was sealed is read here too.
fn push_wiping(text: &mut String, more: &str) {
    let length = text.len() + more.len();
    if length > text.capacity() {
        let mut moved = String::with_capacity(length.max(2 * text.len()));
        moved.push_str(text);
        text.zeroize();
        *text = moved;
    }
    text.push_str(more);
}

/// Elements that hold elements may repeat: that is how a list is written. A value may not.
fn check_repeats(elements: &XmlElements) -> Result<(), XmlError> {
    let mut seen = BTreeMap::new();
    for (name, content) in elements.iter() {
        let holds_elements = matches!(content, XmlContent::Elements(_));
        if seen.insert(name, holds_elements).is_some_and(|before| !before || !holds_elements) {
            return Err(XmlError::Repeated { element: name.to_owned() });
        }
    }
    Ok(())
}

/// One of the five entities of XML, or a numbered character.
fn resolved(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    let character = match &**reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match reference.resolve_char_ref() {
            Ok(Some(character)) => character,
            Ok(None) => return Err(XmlError::Entity),
            Err(_) => return Err(XmlError::Malformed),
        },
    };
    Ok(character.to_string())
}

fn refusal(error: &QuickError) -> XmlError {
    match error {
        QuickError::Syntax(
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedCData
            | SyntaxError::UnclosedComment
            | SyntaxError::UnclosedDoctype
            | SyntaxError::UnclosedPI
            | SyntaxError::UnclosedXmlDecl
            | SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue,
        ) => XmlError::Cut,
        QuickError::IllFormed(IllFormedError::MissingEndTag(_)) => XmlError::Cut,
        QuickError::Encoding(_) => XmlError::Encoding,
        _ => XmlError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(xml: &str) -> Result<XmlElements, XmlError> {
        read(xml.as_bytes(), "xml")
    }

    fn value(inside: &str) -> Option<String> {
        let read = read_text(&format!("<xml><a>{inside}</a></xml>")).unwrap();
        read.text("a").map(str::to_owned)
    }

    #[test]
    fn a_value_is_exactly_what_stands_between_its_tags() {
        for (inside, expected) in [
            ("", ""),
            ("<![CDATA[]]>", ""),
            (" a ", " a "),
            ("  ", "  "),
            ("<![CDATA[ a ]]>", " a "),
            ("\n<![CDATA[a]]>\n", "\na\n"),
            ("<![CDATA[a]]><![CDATA[b]]>", "ab"),
            ("<![CDATA[a]]]]><![CDATA[>b]]>", "a]]>b"),
            ("<![CDATA[<b>&amp;</b>]]>", "<b>&amp;</b>"),
            ("a&amp;b&lt;c&gt;d&quot;e&apos;f", "a&b<c>d\"e'f"),
            ("&#26446;&#x674E;&#13;", "李李\r"),
            ("李 雷", "李 雷"),
            ("a\r\nb", "a\r\nb"),
            (r#"{"a":"b c"}"#, r#"{"a":"b c"}"#),
        ] {
            assert_eq!(value(inside).as_deref(), Some(expected), "{inside}");
        }
    }

    #[test]
    fn what_was_read_can_be_wiped() {
        let mut read = read_text("<xml><a>1</a><l><i><b>2</b></i></l></xml>").unwrap();
        read.zeroize();
        assert_eq!(read, XmlElements::new());
        let mut content = XmlContent::Text("secret".to_owned());
        content.zeroize();
        assert!(content == XmlContent::Text(String::new()));
    }

    #[test]
    fn blanks_declarations_and_comments_between_elements_do_not_count() {
        for xml in [
            "<xml><a>1</a><b/></xml>",
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n<xml>\n  <a>1</a>\n  <b></b>\n</xml>\n",
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?><xml version='2'><a t='x'>1</a><!--c--><?p?><b /></xml >",
        ] {
            let read = read_text(xml).unwrap();
            assert_eq!(read.texts().collect::<Vec<_>>(), [("a", "1"), ("b", "")], "{xml}");
        }
    }

    #[test]
    fn elements_in_elements_are_read_and_may_repeat() {
        let read = read_text(
            "<xml><n>2</n><hblist>\n<hbinfo><amount>1</amount></hbinfo> <hbinfo><amount>2</amount></hbinfo></hblist></xml>",
        )
        .unwrap();
        assert_eq!(read.texts().collect::<Vec<_>>(), [("n", "2")]);
        let Some(XmlContent::Elements(list)) = read.get("hblist") else { panic!("{read:?}") };
        assert_eq!(list.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["hbinfo", "hbinfo"]);
    }

    #[test]
    fn what_is_not_of_the_platform_is_refused_and_says_why() {
        let root = |found: &str| XmlError::Root { wanted: "xml".to_owned(), found: Some(found.to_owned()) };
        for (xml, expected) in [
            ("", XmlError::Empty),
            (" \r\n", XmlError::Empty),
            ("{\"code\":\"X\"}", XmlError::NotXml),
            ("<html><body>502</body></html>", root("html")),
            ("<!DOCTYPE html><html></html>", XmlError::DocumentType),
            ("<!doctype x><xml/>", XmlError::DocumentType),
            (
                "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>",
                XmlError::DocumentType,
            ),
            ("<xml><a>&e;</a></xml>", XmlError::Entity),
            ("<xml><a>&nbsp;</a></xml>", XmlError::Entity),
            ("<xml><a>&#0;</a></xml>", XmlError::Malformed),
            ("<xml><a>&#xD800;</a></xml>", XmlError::Malformed),
            ("<xml><a>&#1;</a></xml>", XmlError::Character { element: "a".to_owned() }),
            ("<xml><a>\u{1}</a></xml>", XmlError::Character { element: "a".to_owned() }),
            ("<xml><a>a & b</a></xml>", XmlError::Malformed),
            ("<xml><a>1</a><a>2</a></xml>", XmlError::Repeated { element: "a".to_owned() }),
            ("<xml><a>1</a><a><b/></a></xml>", XmlError::Repeated { element: "a".to_owned() }),
            ("<xml><a><b/></a><a>1</a></xml>", XmlError::Repeated { element: "a".to_owned() }),
            ("<xml><l><b>1</b><b>1</b></l></xml>", XmlError::Repeated { element: "b".to_owned() }),
            ("<xml>text<a>1</a></xml>", XmlError::Mixed { element: "xml".to_owned() }),
            ("<xml><a>1</a>text</xml>", XmlError::Mixed { element: "xml".to_owned() }),
            ("<xml>text</xml>", XmlError::Mixed { element: "xml".to_owned() }),
            ("<xml><a>SUC<!-- -->CESS</a></xml>", XmlError::Mixed { element: "a".to_owned() }),
            ("<xml><a><!-- -->1</a></xml>", XmlError::Mixed { element: "a".to_owned() }),
            ("<xml><a>1<?p?></a></xml>", XmlError::Mixed { element: "a".to_owned() }),
            ("<xml><a>1<b/></a></xml>", XmlError::Mixed { element: "a".to_owned() }),
            ("<xml/><xml/>", XmlError::Malformed),
            ("<xml/>text", XmlError::Malformed),
            ("<xml><a></b></xml>", XmlError::Malformed),
            ("</xml>", XmlError::Malformed),
            ("<xml><金额>1</金额></xml>", XmlError::Name),
            ("<xml><a:b>1</a:b></xml>", XmlError::Name),
            ("<?xml version=\"1.0\" encoding=\"GBK\"?><xml/>", XmlError::Encoding),
        ] {
            assert_eq!(read_text(xml), Err(expected), "{xml}");
        }
        assert_eq!(read(b"<xml><a>\xB5\xE7</a></xml>", "xml"), Err(XmlError::Encoding));
        assert_eq!(read(b"\x1F\x8B\x08\xFF", "xml"), Err(XmlError::NotXml));
        assert!(read(b"<root><a>1</a></root>", "root").is_ok());
    }

    #[test]
    fn a_document_that_was_cut_anywhere_is_refused() {
        let whole = "<xml><return_code><![CDATA[SUCCESS]]></return_code><a>&amp;x</a></xml>";
        for end in 1..whole.len() {
            let refusal = read_text(&whole[..end]).unwrap_err();
            assert!(matches!(refusal, XmlError::Cut | XmlError::Malformed), "{} {refusal:?}", &whole[..end]);
        }
    }

    #[test]
    fn size_depth_and_number_of_elements_are_bounded() {
        let large = format!("<xml><a>{}</a></xml>", "a".repeat(MAX_XML_LENGTH));
        assert_eq!(read_text(&large), Err(XmlError::TooLarge { length: large.len() }));
        let nested = |depth: usize| format!("<xml>{}{}</xml>", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(read_text(&nested(MAX_XML_DEPTH - 1)).is_ok());
        assert_eq!(read_text(&nested(MAX_XML_DEPTH)), Err(XmlError::TooDeep));
        assert_eq!(read_text(&nested(100_000)), Err(XmlError::TooDeep));
        let many = |count: usize| {
            let elements: String = (0..count).map(|index| format!("<a{index}/>")).collect();
            format!("<xml>{elements}</xml>")
        };
        assert!(read_text(&many(MAX_XML_ELEMENTS - 1)).is_ok());
        assert_eq!(read_text(&many(MAX_XML_ELEMENTS)), Err(XmlError::TooMany));
    }
}
