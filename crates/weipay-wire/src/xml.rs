//! The XML of APIv2: one root with a flat list of elements under it, written and read as the platform does both.
//!
//! Only what APIv2 uses is read. There are no document types and no entities beyond the five of XML itself, so nothing is
//! fetched and nothing grows; size, depth and number of elements are bounded. A value is exactly the text between its tags:
//! the signature covers every blank of it, and nothing here trims or normalises.
//!
//! Few responses hold elements inside an element, as the list of those who received a red packet (红包).

mod read;

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use zeroize::Zeroize;

/// The largest document that is read.
pub const MAX_XML_LENGTH: usize = 1024 * 1024;
/// How deep elements may stand in each other, the root included.
pub const MAX_XML_DEPTH: usize = 8;
/// The most elements of a document.
pub const MAX_XML_ELEMENTS: usize = 16 * 1024;
/// The longest name of an element, in bytes.
const MAX_NAME_LENGTH: usize = 128;

/// The child elements of the root of an APIv2 message, or of another element, in their order.
///
/// ```
/// use weipay_wire::XmlElements;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut order = XmlElements::new();
/// order.push("body", "tea & cake");
/// order.push("total_fee", "100");
/// let xml = order.write("xml")?;
/// assert_eq!(xml, "<xml><body><![CDATA[tea & cake]]></body><total_fee>100</total_fee></xml>");
///
/// let read = XmlElements::read(xml.as_bytes(), "xml")?;
/// assert_eq!(read.text("body"), Some("tea & cake"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XmlElements {
    elements: Vec<(String, XmlContent)>,
}

/// The content of an element.
#[derive(Clone, PartialEq, Eq)]
pub enum XmlContent {
    /// A value, perhaps an empty one.
    Text(String),
    /// Other elements.
    Elements(XmlElements),
}

impl XmlElements {
    /// No elements yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { elements: Vec::new() }
    }

    /// Adds a value after the others.
    pub fn push(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.elements.push((name.into(), XmlContent::Text(text.into())));
    }

    /// Adds an element that holds elements after the others. No signature covers what is in it.
    pub fn push_elements(&mut self, name: impl Into<String>, elements: Self) {
        self.elements.push((name.into(), XmlContent::Elements(elements)));
    }

    /// Sets the value of this name, in its place if it is there, else after the others.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        let content = XmlContent::Text(text.into());
        match self.elements.iter_mut().find(|(found, _)| found == name) {
            Some((_, old)) => *old = content,
            None => self.elements.push((name.to_owned(), content)),
        }
    }

    /// The value of this name, unless it is absent or contains elements.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            XmlContent::Text(text) => Some(text),
            XmlContent::Elements(_) => None,
        }
    }

    /// The first element of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&XmlContent> {
        self.elements.iter().find(|(found, _)| found == name).map(|(_, content)| content)
    }

    /// All elements in their order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &XmlContent)> {
        self.elements.iter().map(|(name, content)| (name.as_str(), content))
    }

    /// The values with their names, which is what a signature covers; nothing of elements that hold elements.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.elements.iter().filter_map(|(name, content)| match content {
            XmlContent::Text(text) => Some((name.as_str(), text.as_str())),
            XmlContent::Elements(_) => None,
        })
    }

    /// Reads a document whose root has this name: `xml` in requests and responses, `root` in a decrypted `req_info`.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a document, or it exceeds a limit. The error never repeats a value.
    pub fn read(bytes: &[u8], root: &str) -> Result<Self, XmlError> {
        read::read(bytes, root)
    }

    /// Writes the elements below a root of this name.
    ///
    /// A value is written as it is. A value with markup, or with blanks at its ends, which some readers cut off, is written as
    /// CDATA. A carriage return is written as `&#13;`, because XML readers turn a bare one into a line feed.
    ///
    /// # Errors
    ///
    /// If a name is not valid in XML, or a value contains a character that XML does not allow.
    pub fn write(&self, root: &str) -> Result<String, XmlError> {
        write(self, root, Cdata::WhereNeeded)
    }

    /// The same with every value in CDATA except numbers, as the platform itself writes: it goes by the name of the
    /// element, so that an order number of digits is CDATA too. Characters that XML does not allow are left out: a
    /// response must not fail because of a letter that a request of APIv3 could have.
    ///
    /// # Errors
    ///
    /// If a name is not valid in XML.
    pub fn write_with_cdata(&self, root: &str, is_number: impl Fn(&str) -> bool) -> Result<String, XmlError> {
        write(self, root, Cdata::AllBut(&is_number))
    }

    fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
}

impl Zeroize for XmlElements {
    /// Wipes the values from memory, and leaves no elements. [`zeroize::Zeroizing`] does so where they are dropped.
    fn zeroize(&mut self) {
        self.elements.iter_mut().for_each(|(_, content)| content.zeroize());
        self.elements.clear();
    }
}

impl Zeroize for XmlContent {
    fn zeroize(&mut self) {
        match self {
            Self::Text(text) => text.zeroize(),
            Self::Elements(elements) => elements.zeroize(),
        }
    }
}

impl std::fmt::Debug for XmlContent {
    /// The value stays out: it may be personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str(".."),
            Self::Elements(elements) => std::fmt::Debug::fmt(elements, f),
        }
    }
}

/// Whether XML may hold this character at all.
fn is_allowed(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether this may name an element here: letters, digits, `_`, `-` and `.`, as every name of APIv2 has.
fn is_name(name: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_later = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=MAX_NAME_LENGTH).contains(&name.len())
        && name.bytes().next().is_some_and(is_first)
        && name.bytes().all(is_later)
}

/// Why XML is not read or not written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlError {
    /// There are no bytes, or only blanks.
    Empty,
    /// The document is larger than [`MAX_XML_LENGTH`].
    TooLarge {
        /// How long it is, in bytes.
        length: usize,
    },
    /// Elements stand deeper in each other than [`MAX_XML_DEPTH`].
    TooDeep,
    /// There are more elements than [`MAX_XML_ELEMENTS`].
    TooMany,
    /// The text is not UTF-8, or says that it is written in another encoding.
    Encoding,
    /// The first bytes are not XML.
    NotXml,
    /// A response does not say `SUCCESS` in this element, and no failure either.
    NoOutcome {
        /// The element: `return_code`, or `result_code`.
        element: &'static str,
    },
    /// The root has another name, as `html` has that a proxy sends.
    Root {
        /// The name that is wanted.
        wanted: String,
        /// The name that is there, if it may be shown.
        found: Option<String>,
    },
    /// The document ends inside an element: it was cut off on the way.
    Cut,
    /// The document is not well-formed.
    Malformed,
    /// The document has a document type (DTD), which APIv2 never uses and attackers do.
    DocumentType,
    /// An entity is used that XML does not define by itself.
    Entity,
    /// A character is not allowed in XML.
    Character {
        /// The name of the element.
        element: String,
    },
    /// An element contains both text and elements, or a comment or an instruction in a value.
    Mixed {
        /// The name of the element.
        element: String,
    },
    /// A value occurs twice, and it is unknown which one counts.
    Repeated {
        /// The name of the element.
        element: String,
    },
    /// A name is not one that an element of APIv2 can have.
    Name,
}

impl Display for XmlError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the body is empty, but it must be XML"),
            Self::TooLarge { length } => {
                write!(f, "the XML has {length} bytes; at most {MAX_XML_LENGTH} are read")
            }
            Self::TooDeep => {
                write!(f, "the XML has more than {MAX_XML_DEPTH} levels of elements")
            }
            Self::TooMany => write!(f, "the XML has more than {MAX_XML_ELEMENTS} elements"),
            Self::Encoding => f.write_str("the XML is not in UTF-8"),
            Self::NotXml => f.write_str("this is not XML"),
            Self::NoOutcome { element } => {
                write!(f, "the XML has no `{element}` SUCCESS, so it does not say how the call ended")
            }
            Self::Root { wanted, found: Some(found) } => {
                write!(f, "the root of the XML is `{found}`, but it must be `{wanted}`; the response may come from a proxy")
            }
            Self::Root { wanted, found: None } => write!(f, "the root of the XML is not `{wanted}`"),
            Self::Cut => f.write_str("the XML is incomplete: it was cut off on the way"),
            Self::Malformed => f.write_str("the XML is not well-formed"),
            Self::DocumentType => {
                f.write_str("the XML has a document type (DOCTYPE), which APIv2 never uses: it is refused")
            }
            Self::Entity => f.write_str(
                "the XML uses an entity other than &amp; &lt; &gt; &quot; &apos; and numbered characters: it is refused",
            ),
            Self::Character { element } => {
                write!(f, "`{element}` contains a control character, which XML does not allow; remove it")
            }
            Self::Mixed { element } => write!(
                f,
                "`{element}` contains both text and elements, or a comment in a value, which APIv2 never sends"
            ),
            Self::Repeated { element } => write!(f, "`{element}` occurs twice, and it is not known which value counts"),
            Self::Name => write!(
                f,
                "an element name is not valid: use letters, digits, `_`, `-` and `.`, begin with a letter or `_`, at \
                 most {MAX_NAME_LENGTH} characters"
            ),
        }
    }
}

impl Error for XmlError {}

/// Which values are written as CDATA.
#[derive(Clone, Copy)]
enum Cdata<'a> {
    WhereNeeded,
    /// But for digits in elements of certain names.
    AllBut(&'a dyn Fn(&str) -> bool),
}

fn write(elements: &XmlElements, root: &str, cdata: Cdata<'_>) -> Result<String, XmlError> {
    let mut out = String::with_capacity(256);
    element(&mut out, root, |out| children(out, elements, cdata))?;
    Ok(out)
}

fn children(out: &mut String, elements: &XmlElements, cdata: Cdata<'_>) -> Result<(), XmlError> {
    for (name, content) in elements.iter() {
        element(out, name, |out| match (content, cdata) {
            (XmlContent::Text(text), Cdata::AllBut(is_number)) => {
                cdata_value(out, text, is_number(name));
                Ok(())
            }
            (XmlContent::Text(text), Cdata::WhereNeeded) => value(out, name, text),
            (XmlContent::Elements(elements), _) => children(out, elements, cdata),
        })?;
    }
    Ok(())
}

fn element(
    out: &mut String,
    name: &str,
    inside: impl FnOnce(&mut String) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    if !is_name(name) {
        return Err(XmlError::Name);
    }
    out.extend(["<", name, ">"]);
    inside(out)?;
    out.extend(["</", name, ">"]);
    Ok(())
}

fn value(out: &mut String, name: &str, text: &str) -> Result<(), XmlError> {
    if !text.chars().all(is_allowed) {
        return Err(XmlError::Character { element: name.to_owned() });
    }
    if !needs_cdata(text) {
        out.push_str(text);
        return Ok(());
    }
    sections(out, text);
    Ok(())
}

fn cdata_value(out: &mut String, text: &str, is_number: bool) {
    if is_number && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        out.push_str(text);
    } else if text.is_empty() {
        out.push_str("<![CDATA[]]>");
    } else {
        sections(out, &text.chars().filter(|character| is_allowed(*character)).collect::<String>());
    }
}

/// A value as CDATA, and the carriage returns between as numbers.
fn sections(out: &mut String, text: &str) {
    for (index, line) in text.split('\r').enumerate() {
        if index > 0 {
            out.push_str("&#13;");
        }
        if !line.is_empty() {
            out.push_str("<![CDATA[");
            // The only text that would end the section: it is cut in two.
            out.push_str(&line.replace("]]>", "]]]]><![CDATA[>"));
            out.push_str("]]>");
        }
    }
}

fn needs_cdata(text: &str) -> bool {
    text.contains(['<', '>', '&', '"', '\'', '\r'])
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut elements = XmlElements::new();
        elements.push("a", text);
        elements.write("xml").unwrap()
    }

    #[test]
    fn a_plain_value_stands_as_it_is() {
        for text in ["", "100", "腾讯充值中心-QQ会员充值", "a  b", "https://a.example/?b=c"] {
            assert_eq!(written(text), format!("<xml><a>{text}</a></xml>"));
        }
    }

    #[test]
    fn markup_and_blanks_at_the_ends_stand_in_cdata() {
        for text in ["a<b", "a>b", "a&b", r#"{"a":1}"#, "it's", " a", "a\n", "\u{3000}a", "\t"] {
            assert_eq!(written(text), format!("<xml><a><![CDATA[{text}]]></a></xml>"));
        }
    }

    #[test]
    fn the_platforms_own_way_is_cdata_for_all_but_numbers() {
        let mut elements = XmlElements::new();
        for (name, text) in [
            ("return_code", "SUCCESS"),
            ("mch_id", "1900000109"),
            ("total_fee", "100"),
            ("cash_fee", ""),
            ("a", ""),
            ("b", "x]]>\u{1}y\rz"),
        ] {
            elements.push(name, text);
        }
        let written = elements.write_with_cdata("xml", |name| name.ends_with("_fee")).unwrap();
        assert_eq!(
            written,
            "<xml><return_code><![CDATA[SUCCESS]]></return_code><mch_id><![CDATA[1900000109]]></mch_id>\
             <total_fee>100</total_fee><cash_fee><![CDATA[]]></cash_fee><a><![CDATA[]]></a>\
             <b><![CDATA[x]]]]><![CDATA[>y]]>&#13;<![CDATA[z]]></b></xml>"
        );
        let read = XmlElements::read(written.as_bytes(), "xml").unwrap();
        assert_eq!(read.text("b"), Some("x]]>y\rz"));
    }

    #[test]
    fn what_would_end_cdata_is_cut_in_two() {
        assert_eq!(written("a]]>b"), "<xml><a><![CDATA[a]]]]><![CDATA[>b]]></a></xml>");
    }

    #[test]
    fn a_carriage_return_is_numbered_because_readers_make_a_line_feed_of_it() {
        assert_eq!(written("a\r\nb"), "<xml><a><![CDATA[a]]>&#13;<![CDATA[\nb]]></a></xml>");
        assert_eq!(written("\r"), "<xml><a>&#13;</a></xml>");
    }

    #[test]
    fn a_name_that_is_markup_is_refused() {
        for name in ["", "a b", "a><b", "1a", "-a", "a/", "金额", "a:b", &"a".repeat(129)] {
            let mut elements = XmlElements::new();
            elements.push(name, "");
            assert_eq!(elements.write("xml"), Err(XmlError::Name), "{name}");
            assert_eq!(XmlElements::new().write(name), Err(XmlError::Name), "{name}");
        }
    }

    #[test]
    fn a_character_that_xml_does_not_take_is_refused() {
        for character in ['\0', '\u{B}', '\u{1B}', '\u{FFFF}'] {
            let mut elements = XmlElements::new();
            elements.push("body", format!("secret{character}"));
            let refusal = elements.write("xml").unwrap_err();
            assert_eq!(refusal, XmlError::Character { element: "body".to_owned() });
            assert!(!refusal.to_string().contains("secret"));
        }
    }
}
