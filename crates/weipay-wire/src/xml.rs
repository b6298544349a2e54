//! The XML of APIv2: one root with a flat list of elements under it, written and read as the platform does both.
//!
//! Only what APIv2 uses is read. There are no document types and no entities beyond the five of XML itself, so nothing is
//! fetched and nothing grows; size, depth and number of elements are bounded. A value is exactly the text between its tags:
//! the signature covers every blank of it, and nothing here trims or normalises.
//!
//! Few responses hold elements inside an element, as the list of those who received a red packet (红包).

mod error;
mod read;
mod write;

pub use error::XmlError;

/// The largest document that is read.
pub const MAX_XML_LENGTH: usize = 1024 * 1024;
/// How deep elements may stand in each other, the root included.
pub const MAX_XML_DEPTH: usize = 8;
/// The most elements of a document.
pub const MAX_XML_ELEMENTS: usize = 16 * 1024;
/// The longest name of an element, in bytes.
const MAX_NAME_LENGTH: usize = 128;

/// Elements in their order, as they stand below the root of an APIv2 message or below another element.
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

/// What is in an element.
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

    /// Adds a value behind the others.
    pub fn push(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.elements.push((name.into(), XmlContent::Text(text.into())));
    }

    /// Sets the value of this name, in its place if it is there, else behind the others.
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

    /// Reads a document whose root has this name: `xml` in requests and responses, `root` in an opened `req_info`.
    ///
    /// # Errors
    /// When the bytes are not such a document, or it exceeds a limit. The error never repeats a value.
    pub fn read(bytes: &[u8], root: &str) -> Result<Self, XmlError> {
        read::read(bytes, root)
    }

    /// Writes the elements below a root of this name.
    ///
    /// A value is written as it is. A value with markup, or with blanks at its ends, which some readers cut off, is written as
    /// CDATA. A carriage return is written as `&#13;`, because XML readers turn a bare one into a line feed.
    ///
    /// # Errors
    /// When a name is not valid in XML, or a value contains a character that XML does not allow.
    pub fn write(&self, root: &str) -> Result<String, XmlError> {
        write::write(self, root)
    }

    fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
}

impl std::fmt::Debug for XmlContent {
    /// The value stays out: it may be personal.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => out.write_str(".."),
            Self::Elements(elements) => std::fmt::Debug::fmt(elements, out),
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
