//! A request taken apart: path and query decoded, the JSON of its body read, nothing held against the catalogue yet.

use serde_json::Value;
use weipay_catalog::{Operation, Routed};

use super::{Contract, ValidRequest, document, url};
use crate::grammar::{self, unconfirmed};
use crate::refusal::Refusal;
use crate::upload::Upload;

/// A request whose text can be read.
#[derive(Debug, Default)]
pub(crate) struct ParsedRequest<'a> {
    pub(crate) path: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
    /// The JSON of the body, or of an upload's `meta`; `None` when there is none to read.
    pub(crate) document: Option<Value>,
    pub(crate) upload: Option<&'a Upload<'a>>,
}

impl Contract {
    /// Takes a request apart.
    pub(crate) fn read<'a>(
        &self,
        routed: &Routed,
        query: Option<&str>,
        body: &[u8],
        upload: Option<&'a Upload<'a>>,
    ) -> Result<ParsedRequest<'a>, Refusal> {
        let path = url::path(&routed.path_values)?;
        let query = url::query(query)?;
        let in_query = query.iter().flat_map(|(name, value)| [name, value]);
        for text in path.iter().map(|(_, value)| value).chain(in_query) {
            self.refuse_four_byte(text.bytes())?;
        }
        let document = match upload {
            Some(upload) => upload.meta().map(|meta| self.document(meta)).transpose()?,
            None => self.body(routed.operation, body)?,
        };
        Ok(ParsedRequest { path, query, document, upload })
    }

    /// What a product would get of a request that is not an upload.
    #[cfg(test)]
    pub(crate) fn checked(
        &self,
        routed: &Routed,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<ValidRequest, Refusal> {
        let request = self.read(routed, query, body, None)?;
        self.check(routed.operation, &request)?;
        Ok(request.into())
    }

    fn refuse_four_byte(&self, mut bytes: impl Iterator<Item = u8>) -> Result<(), Refusal> {
        if self.validation.four_byte_characters && bytes.any(|byte| byte >= 0xF0) {
            return Err(unconfirmed::four_byte_character());
        }
        Ok(())
    }

    fn body(&self, operation: &Operation, body: &[u8]) -> Result<Option<Value>, Refusal> {
        // A body that the operation does not have is not looked at.
        if operation.request.json.is_empty() {
            return Ok(None);
        }
        // UNCONFIRMED: no body at all is treated like an empty object, so that the response names the first field.
        self.document(if body.is_empty() { b"{}" } else { body }).map(Some)
    }

    fn document(&self, text: &[u8]) -> Result<Value, Refusal> {
        if std::str::from_utf8(text).is_err() {
            return Err(grammar::not_utf8());
        }
        let document = document::read(text).ok_or_else(unconfirmed::broken_json)?;
        if let Some(name) = &document.repeated {
            return Err(unconfirmed::repeated_member(name));
        }
        if document.four_byte && self.validation.four_byte_characters {
            return Err(unconfirmed::four_byte_character());
        }
        Ok(document.value)
    }
}

impl From<ParsedRequest<'_>> for ValidRequest {
    fn from(request: ParsedRequest<'_>) -> Self {
        let body = match request.document {
            Some(Value::Object(members)) => members,
            // No operation whose body is an array has behaviour.
            _ => serde_json::Map::new(),
        };
        Self { path: request.path, query: request.query, body }
    }
}
