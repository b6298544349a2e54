//! The members of a kit file (凭证包), of which three may be keys: wiped when they are dropped.

use serde_json::{Map, Value};
use weipay_wire::{Kit, KitError};
use zeroize::{Zeroize, Zeroizing};

use crate::json;

/// What the JSON held.
struct Members(Map<String, Value>);

impl Members {
    /// Hands a text out; it is then the caller's to wipe.
    fn take(&mut self, name: &str) -> Option<String> {
        match self.0.get_mut(name)? {
            Value::String(text) => Some(std::mem::take(text)),
            _ => None,
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// A kit whose keys are taken out, and wiped when they are dropped.
pub(super) struct KitFile {
    pub(super) kit: Kit,
    /// A file's name, or the text of the key itself.
    pub(super) merchant_key: Zeroizing<String>,
    pub(super) api_v3_key: Zeroizing<String>,
}

impl KitFile {
    pub(super) fn read(text: &str) -> Result<KitFile, String> {
        let mut members = Members(serde_json::from_str(text).map_err(|error| json::reason(&error))?);
        let kit = Kit::from_members(|name| members.take(name));
        let mut kit = kit.map_err(|error: KitError| error.to_string())?;
        kit.api_v2_key.zeroize();
        let api_v3_key = Zeroizing::new(std::mem::take(&mut kit.api_v3_key));
        let merchant_key = Zeroizing::new(std::mem::take(&mut kit.merchant_key));
        Ok(KitFile { kit, merchant_key, api_v3_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(without: &str) -> String {
        let members = Kit::MEMBERS.iter().filter(|name| **name != without);
        let members = members.map(|name| ((*name).to_owned(), Value::from(format!("the {name}"))));
        Value::Object(members.chain([("extra".to_owned(), Value::from(1))]).collect()).to_string()
    }

    #[test]
    fn the_keys_are_not_left_in_the_kit() {
        let read = KitFile::read(&text("")).unwrap();
        assert_eq!(*read.api_v3_key, "the api_v3_key");
        assert_eq!(*read.merchant_key, "the merchant_key");
        assert_eq!([read.kit.api_v3_key, read.kit.api_v2_key, read.kit.merchant_key], ["", "", ""]);
        assert_eq!(read.kit.mchid, "the mchid");
    }

    #[test]
    fn what_is_missing_or_no_kit_is_told_without_its_content() {
        let missing = KitFile::read(&text("openid")).err().unwrap();
        assert!(missing.contains("openid"), "{missing}");
        let other = KitFile::read("\"a secret\"").err().unwrap();
        assert!(!other.contains("secret"), "{other}");
    }
}
