//! File downloads (文件下载): a response gives an address, and a signed request to it gets a file.
//!
//! The addresses of responses lead back to the sandbox, and the digests beside them are of what is
//! downloaded. The bills of payments, refunds and profit sharing, the flows of cash coupons and the receipts
//! of transfers are made of what happened: their products have them in their tables. Of other products the
//! sandbox keeps nothing, so that their bills are whole and empty; it responds with them as it responds with
//! examples, and says so in the same way.

pub(super) mod document;
pub(super) mod gzip;
mod link;
mod table;
pub(super) mod token;

use serde_json::Value;
use weipay_catalog::Operation;
use weipay_wire::ApiV3Key;

use crate::contract::ValidRequest;
use crate::entropy::Entropy;
use crate::grammar::unconfirmed;
use crate::merchants::Merchants;
use crate::products::{Behaviour, Context, PRODUCTS};
use crate::response::{File, Refusal};
use crate::store::Store;
use link::{Link, lead_back};
use token::Sealer;

/// The path of an operation that responds with a file, and the file of a token, or of the value in the path; `None` if it is
/// not of this product.
pub(crate) type Download = (&'static str, fn(&str, &Links<'_>) -> Option<Result<File, Refusal>>);

/// The files of a product.
#[derive(Clone, Copy)]
pub(crate) struct Files {
    /// The file that an operation responds with.
    pub(crate) open: fn(&Operation, &ValidRequest, &Links<'_>) -> Result<File, Refusal>,
    /// Makes the addresses in an example lead to such files, and the digests beside them right.
    pub(crate) link: fn(&Operation, &ValidRequest, &mut Value, &Links<'_>),
}

/// The keys and the time for links.
pub(crate) struct Links<'a> {
    /// Where the sandbox is.
    pub(crate) base_url: &'a str,
    /// The number of the merchant that asks.
    pub(crate) mchid: &'a str,
    /// Its APIv3 key.
    pub(crate) key: &'a ApiV3Key,
    pub(crate) entropy: &'a Entropy,
    pub(crate) now: i64,
    pub(crate) store: &'a Store,
    pub(crate) merchants: &'a Merchants,
}

impl Links<'_> {
    /// The key that seals the tokens of the caller.
    fn sealer(&self) -> Sealer<'_> {
        Sealer::new(self.entropy, self.mchid, self.key)
    }
}

impl Context<'_> {
    /// The key that seals the tokens of the caller.
    pub(super) fn sealer(&self) -> Sealer<'_> {
        Sealer::new(self.entropy, &self.caller.mchid, self.api_v3_key)
    }
}

/// The products whose files of what happened this operation responds with.
fn downloads(operation: &Operation) -> impl Iterator<Item = &'static Download> {
    let path = operation.path;
    PRODUCTS.iter().flat_map(|product| product.downloads).filter(move |(known, _)| *known == path)
}

pub(super) fn has_state(operation: &Operation) -> bool {
    downloads(operation).next().is_some()
}

pub(super) const FILES: Files = Files { open: file, link: lead_back };

/// The file that an operation responds with. A link of a response leads to its own. Another token leads to an example of what the
/// operation downloads, because the documents show such tokens; where files of what happened are downloaded, it is refused.
fn file(operation: &Operation, request: &ValidRequest, links: &Links<'_>) -> Result<File, Refusal> {
    let in_path = || request.path_values().next().map(|(_, value)| value);
    let named = request.query("token").or_else(in_path).unwrap_or_default();
    if let Some(file) = downloads(operation).find_map(|(_, open)| open(named, links)) {
        return file;
    }
    let link = match request.query("token").map(|token| links.open(token)) {
        Some(Some(link)) if link.is_old(links.now) => return Err(unconfirmed::old_link()),
        Some(Some(link)) => link,
        Some(None) | None if has_state(operation) => {
            return Err(unconfirmed::unknown_link().with_reason(
                "the `token` is not from this sandbox: ask for the file, and download from the `download_url` of the response",
            ));
        }
        Some(None) | None => {
            let is_gzip = request.query("tartype").is_some_and(|kind| kind.eq_ignore_ascii_case("gzip"));
            Link { document: table::downloaded_by(operation), is_gzip, key: None, made: links.now }
        }
    };
    let is_statement = operation.signed_digest.is_some();
    Ok(File {
        content_type: link.content_type(),
        bytes: link.bytes()?,
        is_statement,
        origin: Behaviour::Example,
    })
}

#[cfg(test)]
mod tests;
