//! Why a document is not read or not written. No variant carries a value of the document.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use super::{MAX_NAME_LENGTH, MAX_XML_DEPTH, MAX_XML_ELEMENTS, MAX_XML_LENGTH};

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
    /// A value occurs twice, and nothing tells which one counts.
    Repeated {
        /// The name of the element.
        element: String,
    },
    /// A name is not one that an element of APIv2 can have.
    Name,
}

impl Display for XmlError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the body is empty, but it must be XML"),
            Self::TooLarge { length } => {
                write!(out, "the XML has {length} bytes; at most {MAX_XML_LENGTH} are read")
            }
            Self::TooDeep => {
                write!(out, "the XML has more than {MAX_XML_DEPTH} levels of elements")
            }
            Self::TooMany => write!(out, "the XML has more than {MAX_XML_ELEMENTS} elements"),
            Self::Encoding => out.write_str("the XML is not in UTF-8"),
            Self::NotXml => out.write_str("this is not XML"),
            Self::Root { wanted, found: Some(found) } => {
                write!(out, "the root of the XML is `{found}`, but it must be `{wanted}`; the response may come from a proxy")
            }
            Self::Root { wanted, found: None } => write!(out, "the root of the XML is not `{wanted}`"),
            Self::Cut => out.write_str("the XML is incomplete: it was cut off on the way"),
            Self::Malformed => out.write_str("the XML is not well-formed"),
            Self::DocumentType => {
                out.write_str("the XML has a document type (DOCTYPE), which APIv2 never uses: it is refused")
            }
            Self::Entity => out.write_str(
                "the XML uses an entity other than &amp; &lt; &gt; &quot; &apos; and numbered characters: it is refused",
            ),
            Self::Character { element } => {
                write!(out, "`{element}` contains a control character, which XML does not allow; remove it")
            }
            Self::Mixed { element } => write!(
                out,
                "`{element}` contains both text and elements, or a comment in a value, which APIv2 never sends"
            ),
            Self::Repeated { element } => write!(out, "`{element}` occurs twice, and it is not known which value counts"),
            Self::Name => write!(
                out,
                "the name of an element is not one of APIv2: letters, digits, `_`, `-` and `.`, a letter or `_` first, \
                 at most {MAX_NAME_LENGTH}"
            ),
        }
    }
}

impl Error for XmlError {}
