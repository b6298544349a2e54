//! Partner mode (服务商模式): the sub-merchant that a partner calls for, set once and filled into requests by `request.rs`.

use weipay_wire::MerchantId;

use crate::model::table::Place;
use crate::operation::Operation;

/// The sub-merchant (子商户, 特约商户, 二级商户) that a partner (服务商) calls for: its number, and its appid if it has one.
///
/// Set it once, with [`ClientBuilder::sub_merchant`](crate::ClientBuilder::sub_merchant) or
/// `client.for_sub_merchant(...)`, and the client fills it into every request that has a field for it and does not set
/// it, in all styles: `sub_mchid` (`sub_mch_id` in APIv2) and `sub_appid`, in body, query, path or form. A value that
/// the caller set is kept, also a JSON `null`. [`Operation::sub_mchid`](crate::Operation::sub_mchid) and
/// [`Operation::sub_appid`](crate::Operation::sub_appid) say which operations have such a field. Nothing is filled in
/// for a path that the catalogue does not have. `Debug` of a call shows the sub-merchant.
///
/// An operation for merchants that act for themselves, such as `v3/pay/transactions/jsapi`, is refused before anything
/// is sent if partners have another one (`v3/pay/partner/transactions/jsapi`): it would pay the partner.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay::SubMerchant;
/// use weipay::wire::MerchantId;
///
/// let partner = weipay::blocking::Client::from_env()?;
/// let shop = partner.for_sub_merchant(SubMerchant::new(MerchantId::new("1900000109")?).appid("wxd678efh567hg6999"));
/// let order = shop.chain("v3/pay/partner/transactions/out-trade-no/{out_trade_no}");
/// // The client fills in both numbers: sp_mchid, which is its own, and sub_mchid.
/// order.path("out_trade_no", "order-1").get()?;
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
    pub(crate) fn fields(&self, operation: &Operation) -> impl Iterator<Item = (&'static str, Place, &str)> {
        let texts = [Some(self.mchid.as_str()), self.own_appid()];
        let fields = operation.sub_merchant_fields().into_iter().zip(texts);
        fields.filter_map(|(field, text)| field.zip(text).map(|((name, place), text)| (name, place, text)))
    }
}
