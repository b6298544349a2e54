//! Partner mode (服务商模式): the sub-merchant that a partner calls for, set once and filled into requests.
//!
//! Which field of an operation is the sub-merchant's number, and where it travels, stands in the operation's row. Only fields of the
//! request itself are filled in, not those of the objects inside it: each order of a combined payment (合单) has a sub-merchant of
//! its own.

use std::collections::BTreeMap;

use http::Method;
use serde::de::IgnoredAny;
use serde_json::Value;
use weipay_wire::MerchantId;

use crate::model::Model;
use crate::model::table::Place;
use crate::model::{Strictness, Token};
use crate::operation::Operation;
use crate::request::Request;

/// The sub-merchant (子商户, 特约商户, 二级商户) that a partner (服务商) calls for: its number, and its appid if it has one.
///
/// Set it once, with [`ClientBuilder::sub_merchant`](crate::ClientBuilder::sub_merchant) or
/// `client.for_sub_merchant(...)`, and the client fills it into every request that has a field for it
/// and does not set it, in all styles: `sub_mchid` (`sub_mch_id` in APIv2) and `sub_appid`, in body, query, path or form. What the caller
/// set stays, a JSON `null` too. [`Operation::sub_mchid`](crate::Operation::sub_mchid) and
/// [`Operation::sub_appid`](crate::Operation::sub_appid) tell which operations have such a field; of a path that the catalogue does not
/// have nothing is known, and nothing is filled in. `Debug` of a call shows the sub-merchant.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay::SubMerchant;
/// use weipay::wire::MerchantId;
///
/// let partner = weipay::blocking::Client::from_env()?;
/// let shop = partner.for_sub_merchant(SubMerchant::new(MerchantId::new("1900000109")?).appid("wxd678efh567hg6999"));
/// let order = shop.chain("v3/pay/partner/transactions/out-trade-no/{out_trade_no}");
/// // sp_mchid is the partner's number; sub_mchid is filled in.
/// order.path("out_trade_no", "order-1").query("sp_mchid", "1230000109").get()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubMerchant {
    mchid: MerchantId,
    appid: Option<String>,
}

impl SubMerchant {
    /// The sub-merchant with this number (子商户号).
    #[must_use]
    pub fn new(mchid: MerchantId) -> Self {
        Self { mchid, appid: None }
    }

    /// The appid of the sub-merchant (子商户应用ID).
    #[must_use]
    pub fn appid(mut self, appid: impl Into<String>) -> Self {
        self.appid = Some(appid.into());
        self
    }

    /// Its number.
    #[must_use]
    pub fn mchid(&self) -> &MerchantId {
        &self.mchid
    }

    /// Its appid.
    #[must_use]
    pub fn own_appid(&self) -> Option<&str> {
        self.appid.as_deref()
    }

    /// The fields of an operation that it is filled into: name, place, value.
    fn fields(&self, operation: &Operation) -> impl Iterator<Item = (&'static str, Place, &str)> {
        let texts = [Some(self.mchid.as_str()), self.own_appid()];
        let fields = operation.sub_merchant_fields().into_iter().zip(texts);
        fields.filter_map(|(field, text)| field.zip(text).map(|((name, place), text)| (name, place, text)))
    }

    /// Sets the fields of a typed request that are not set.
    pub(crate) fn fill_model(&self, operation: &Operation, model: &mut dyn Model) {
        let rows = model.table().fields;
        for (name, place, text) in self.fields(operation) {
            model.write(&mut |slots| {
                let mut rows = rows.iter().zip(slots);
                let found = rows.find(|(row, _)| row.name == name && row.place == place);
                if let Some((_, slot)) = found.filter(|(_, slot)| !slot.is_set()) {
                    // These are texts in every table; a field of another type would stay unset.
                    let _ = slot.fill(Token::Text(text), Strictness::Lenient);
                }
            });
        }
    }

    /// Sets the fields of a request without types that are not set. `body` is its JSON, or that of the description of a file.
    pub(crate) fn fill_untyped(
        &self,
        method: &Method,
        request: &mut Request,
        body: &mut Option<String>,
        is_upload: bool,
    ) {
        let Some(operation) = Operation::find(method, &request.template) else { return };
        for (name, place, text) in self.fields(operation) {
            match place {
                Place::Path => {
                    let has_placeholder = request.template.split('/').any(|segment| {
                        segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(name)
                    });
                    if has_placeholder {
                        add(&mut request.values, name, text);
                    }
                }
                Place::Query => add(&mut request.query, name, text),
                _ => {
                    if is_upload && body.is_none() {
                        *body = Some("{}".to_owned());
                    }
                    if let Some(filled) = body.as_deref().and_then(|json| with_member(json, name, text)) {
                        *body = Some(filled);
                    }
                }
            }
        }
    }
}

fn add(pairs: &mut Vec<(String, String)>, name: &str, text: &str) {
    if !pairs.iter().any(|(known, _)| known == name) {
        pairs.push((name.to_owned(), text.to_owned()));
    }
}

/// The JSON object with one more member at its beginning; `None` if it has the member, or is no object. Everything else keeps its
/// bytes: numbers written anew could be others.
fn with_member(json: &str, name: &str, text: &str) -> Option<String> {
    let members: BTreeMap<String, IgnoredAny> = serde_json::from_str(json).ok()?;
    if members.contains_key(name) {
        return None;
    }
    let rest = json.trim_ascii_start().strip_prefix('{')?;
    let comma = if members.is_empty() { "" } else { "," };
    Some(format!("{{{}:{}{comma}{rest}", Value::from(name), Value::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_added_and_every_other_byte_stays() {
        let with = |json: &str| with_member(json, "sub_mchid", "1900000109");
        assert_eq!(with("{}").unwrap(), r#"{"sub_mchid":"1900000109"}"#);
        assert_eq!(
            with(r#" {"a":1.00,"b":{"sub_mchid":"2"}}"#).unwrap(),
            r#"{"sub_mchid":"1900000109","a":1.00,"b":{"sub_mchid":"2"}}"#
        );
        for whole in
            [r#"{"sub_mchid":"2"}"#, r#"{"sub_mchid":null}"#, r#"{"sub\u005fmchid":""}"#, "[]", "", "7"]
        {
            assert_eq!(with(whole), None, "{whole}");
        }
    }
}
