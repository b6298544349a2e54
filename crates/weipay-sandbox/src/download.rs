//! File downloads (文件下载): a response gives an address, and a signed request to it gets a file.
//!
//! The addresses of responses lead back to the sandbox, and the digests beside them are of what is downloaded. The sandbox
//! keeps no orders of the products whose bills these are, so that its bills are whole and empty; it answers with them as it
//! answers with examples, and says so in the same way.

mod document;
mod gzip;
mod link;

use weipay_catalog::Operation;

use crate::contract::ValidRequest;
use crate::grammar::unconfirmed;
use crate::response::Refusal;
use document::Document;
pub(crate) use document::sha1_hex;
use link::Link;
pub(crate) use link::{Links, lead_back};

/// A file on its way to the merchant. Nothing of it is signed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Whether it is an overseas statement: those carry a digest in a header, and a signature of that.
    pub(crate) is_statement: bool,
}

/// The file that an operation answers with. A link of a response leads to its own; another token to an example of what the
/// operation downloads, because the documents show such tokens.
pub(crate) fn file(
    operation: &Operation,
    request: &ValidRequest,
    links: &Links<'_>,
) -> Result<File, Refusal> {
    let link = match request.query("token").map(|token| links.open(token)) {
        Some(Some(link)) if link.is_old(links.now) => return Err(unconfirmed::old_link()),
        Some(Some(link)) => link,
        Some(None) | None => {
            let is_gzip = request.query("tartype").is_some_and(|kind| kind.eq_ignore_ascii_case("gzip"));
            Link { document: Document::from_operation(operation), is_gzip, key: None, made: links.now }
        }
    };
    let is_statement = operation.path.ends_with("statements");
    Ok(File { content_type: link.content_type(), bytes: link.bytes()?, is_statement })
}

#[cfg(test)]
mod tests;
