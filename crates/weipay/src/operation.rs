//! An operation (接口) as a value: what the catalogue says about it, in one static row for each operation of the API.
//!
//! All three styles carry the row. A typed verb names it. The untyped styles look it up by method and path, and have none if the
//! path is not in the catalogue. Signing, verifying, errors and repeats depend on the row, never on how a path or a field is
//! spelled.
//!
//! Rows are only data, so all of them are always compiled, with and without the features of products.

mod any_response;
mod error_lists;
mod find;
mod row;
pub(crate) mod table;

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::error::ErrorCode;
use crate::model::table::Place;
use crate::waiting::FinalStates;
pub(crate) use any_response::{AnyResponse, is_state};
pub(crate) use find::{is_of_brands, version_of};

/// An operation (接口) of the API: what the catalogue says about it.
///
/// ```
/// use weipay::Operation;
/// use weipay::http::Method;
///
/// let operation = Operation::find(&Method::POST, "v3/refund/domestic/refunds").unwrap();
/// assert_eq!((operation.title(), operation.product()), ("申请退款", Some("退款")));
/// assert_eq!(operation.request_number(), Some("out_refund_no"));
/// assert!(operation.is_safe_to_repeat());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation {
    verb: Verb,
    path: &'static str,
    title: &'static str,
    product: Option<&'static str>,
    base_url: Option<&'static str>,
    request_number: Option<&'static str>,
    sub_mchid: Option<(&'static str, Place)>,
    sub_appid: Option<(&'static str, Place)>,
    merchant_number: Option<(&'static str, Place)>,
    partner_path: Option<&'static str>,
    repeat_after: u16,
    success: u16,
    version: ApiVersion,
    body_format: BodyFormat,
    idempotency: Idempotency,
    is_read_only: bool,
    is_unsigned: bool,
    signed_digest: Option<&'static str>,
    has_file_response: bool,
    needs_client_certificate: bool,
    is_nonceless: bool,
    demands_hmac: bool,
    has_result_code: bool,
    is_signless: bool,
    is_undescribed: bool,
    final_states: Option<&'static FinalStates>,
    error_lists: &'static [&'static [ErrorCode]],
    members: &'static str,
}

/// The methods of the API, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verb {
    Delete,
    Get,
    Patch,
    Post,
    Put,
}

/// Which of the platform's two protocols an operation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// APIv2: the signature is in the body.
    V2,
    /// APIv3: the signature is in the headers.
    V3,
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyFormat {
    /// A JSON body, or none.
    Json,
    /// An XML body.
    Xml,
    /// A body of several parts, one of which is a file.
    Multipart,
}

/// Whether an operation is idempotent (幂等): whether the same request can be sent again without taking effect twice. The same
/// request has the same content, and the same request number if the operation has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Idempotency {
    /// The request takes effect at most once: it only reads, or the official documents say so.
    Idempotent,
    /// It may take effect twice.
    NotIdempotent,
    /// Not documented. Assume that it may take effect twice.
    Unknown,
}

/// Every operation of the API, sorted by path. The order is the catalogue's and may change between versions.
///
/// ```
/// let refunds = weipay::operations().filter(|operation| operation.title().contains("退款"));
/// assert!(refunds.count() > 20);
/// ```
#[must_use]
pub fn operations() -> impl ExactSizeIterator<Item = &'static Operation> + DoubleEndedIterator + Clone {
    table::ALL.iter().copied()
}

impl Operation {
    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.verb {
            Verb::Delete => Method::DELETE,
            Verb::Get => Method::GET,
            Verb::Patch => Method::PATCH,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
        }
    }

    /// The path with its `{placeholders}`, without a slash before it.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The official name (接口名称), in Chinese.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The official product (产品), such as 商家券, if a page names it.
    #[must_use]
    pub const fn product(&self) -> Option<&'static str> {
        self.product
    }

    /// The operation's base URL, if it is not on the main host. A client whose base URL was set sends all operations there.
    #[must_use]
    pub const fn base_url(&self) -> Option<&'static str> {
        self.base_url
    }

    /// The path of the same operation for partners (服务商), who call it for a sub-merchant, with the same method. This
    /// one has no field for a sub-merchant: called by a partner, it acts for the partner itself.
    ///
    /// ```
    /// # use weipay::{Operation, http::Method};
    /// let order = Operation::find(&Method::POST, "v3/pay/transactions/jsapi").unwrap();
    /// assert_eq!(order.partner_path(), Some("v3/pay/partner/transactions/jsapi"));
    /// ```
    #[must_use]
    pub const fn partner_path(&self) -> Option<&'static str> {
        self.partner_path
    }

    /// The protocol.
    #[must_use]
    pub const fn version(&self) -> ApiVersion {
        self.version
    }

    /// How a request is written.
    #[must_use]
    pub const fn body_format(&self) -> BodyFormat {
        self.body_format
    }

    /// The status of a success: 200, or 204 for one without a body.
    #[must_use]
    pub fn success_status(&self) -> StatusCode {
        StatusCode::from_u16(self.success).unwrap_or(StatusCode::OK)
    }

    /// Whether a successful response has no signature of its body, such as a file download. There is nothing
    /// to verify then, except for overseas statements (境外对账单): where their response has a signature, it is
    /// over the SHA-1 of the file in a header, and both are verified.
    #[must_use]
    pub const fn is_unsigned(&self) -> bool {
        self.is_unsigned
    }

    /// For an unsigned file: the header with its SHA-1, which is signed instead of the body.
    pub(crate) const fn signed_digest(&self) -> Option<&'static str> {
        self.signed_digest
    }

    /// Whether a successful response is a file.
    #[must_use]
    pub const fn has_file_response(&self) -> bool {
        self.has_file_response
    }

    /// Whether the platform requires the merchant's TLS certificate (APIv2).
    #[must_use]
    pub const fn needs_client_certificate(&self) -> bool {
        self.needs_client_certificate
    }

    /// Whether the platform rejects `nonce_str` (APIv2).
    #[must_use]
    pub const fn is_nonceless(&self) -> bool {
        self.is_nonceless
    }

    /// Whether the platform accepts only HMAC-SHA256 signatures (APIv2).
    #[must_use]
    pub const fn demands_hmac(&self) -> bool {
        self.demands_hmac
    }

    /// Whether the request is unsigned, such as a page that a browser opens (APIv2).
    #[must_use]
    pub const fn is_signless(&self) -> bool {
        self.is_signless
    }

    /// The field with the merchant's number of the request (商户请求单号), by which the platform recognizes a repeat.
    #[must_use]
    pub const fn request_number(&self) -> Option<&'static str> {
        self.request_number
    }

    /// For a query: the final states, which do not change any more unless the merchant acts. [`waiting`](crate::waiting)
    /// ends with them. Empty if they are not known, or there are none.
    ///
    /// ```
    /// use weipay::{Operation, http::Method};
    ///
    /// let query = Operation::find(&Method::GET, "v3/refund/domestic/refunds/{out_refund_no}").unwrap();
    /// assert!(query.final_states().contains(&"ABNORMAL") && !query.final_states().contains(&"PROCESSING"));
    /// ```
    #[must_use]
    pub const fn final_states(&self) -> &'static [&'static str] {
        match self.final_states {
            Some(known) => known.finals,
            None => &[],
        }
    }

    /// Whether a call of it has no effect: it only reads. Not every such operation is a GET: a query of APIv2 is a POST, and a few
    /// operations of APIv2 act although they are called by GET.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// The facts for waiting.
    pub(crate) const fn final_states_to_wait_for(&self) -> Option<&'static FinalStates> {
        self.final_states
    }

    /// The known error codes (错误码) of this operation: first its own, then those of every operation of its API
    /// version. A code can have several rows with different meanings. The list is never complete: the platform adds
    /// codes without notice.
    ///
    /// ```
    /// use weipay::{Operation, error_code, http::Method};
    ///
    /// let close = Operation::find(&Method::POST, "v3/pay/transactions/out-trade-no/{out_trade_no}/close").unwrap();
    /// let paying = close.error_codes().find(|known| known.code() == error_code::USER_PAYING).unwrap();
    /// assert_eq!(paying.meaning(), "the user is still paying, for example entering the password");
    /// assert_eq!(paying.status().map(|status| status.as_u16()), Some(202));
    /// ```
    pub fn error_codes(&self) -> impl Iterator<Item = &'static ErrorCode> + Clone {
        self.error_lists.iter().copied().flatten().chain(self.common_error_codes())
    }

    /// The error codes of every operation of its version.
    pub(crate) fn common_error_codes(&self) -> &'static [ErrorCode] {
        match self.version {
            ApiVersion::V2 => &error_lists::V2,
            ApiVersion::V3 => &error_lists::V3,
        }
    }

    /// The field of the request with the number of the sub-merchant (子商户号) that a partner (服务商) calls for; see
    /// [`SubMerchant`](crate::SubMerchant).
    #[must_use]
    pub fn sub_mchid(&self) -> Option<&'static str> {
        self.sub_mchid.map(|(name, _)| name)
    }

    /// The field of the request with the appid of that sub-merchant.
    #[must_use]
    pub fn sub_appid(&self) -> Option<&'static str> {
        self.sub_appid.map(|(name, _)| name)
    }

    /// Both fields, with their places.
    pub(crate) const fn sub_merchant_fields(&self) -> [Option<(&'static str, Place)>; 2] {
        [self.sub_mchid, self.sub_appid]
    }

    /// The field of the request with the number of the merchant who signs it (`mchid`, `sp_mchid`; `mch_id` in APIv2). The client
    /// fills in its own number where the caller sets none.
    #[must_use]
    pub fn merchant_number(&self) -> Option<&'static str> {
        self.merchant_number.map(|(name, _)| name)
    }

    /// That field, with its place.
    pub(crate) const fn merchant_field(&self) -> Option<(&'static str, Place)> {
        self.merchant_number
    }

    /// Whether a success says so in `result_code` too (APIv2).
    pub(crate) const fn has_result_code(&self) -> bool {
        self.has_result_code
    }

    /// Whether no page describes its success.
    pub(crate) const fn is_undescribed(&self) -> bool {
        self.is_undescribed
    }

    /// The members, as [`crate::members`] reads them.
    pub(crate) const fn members_text(&self) -> &'static str {
        self.members
    }

    /// Whether the operation is idempotent (幂等).
    #[must_use]
    pub const fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    /// Whether the same request, with the same content and the same number, can be sent again without taking effect twice.
    /// True only for [`Idempotency::Idempotent`].
    #[must_use]
    pub const fn is_safe_to_repeat(&self) -> bool {
        matches!(self.idempotency, Idempotency::Idempotent)
    }

    /// The minimum time between two identical requests, if the first one may have arrived. Zero for most operations.
    #[must_use]
    pub const fn repeat_after(&self) -> Duration {
        Duration::from_secs(self.repeat_after as u64)
    }
}

impl fmt::Display for Operation {
    /// `取消关联订单信息 · POST v3/marketing/busifavor/coupons/disassociate`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} · {} {}", self.title, self.method(), self.path)
    }
}

impl fmt::Debug for Operation {
    /// As `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_segments_and_method_and_each_is_there_once() {
        let keys = || operations().map(|row| (row.path.split('/').collect::<Vec<_>>(), row.verb));
        assert!(keys().zip(keys().skip(1)).all(|(one, other)| one < other));
        assert_eq!(operations().len(), 1148);
    }

    #[test]
    fn a_row_says_what_is_special() {
        let find = |method, path| Operation::find(&method, path).unwrap();
        let bill = find(Method::GET, "v3/billdownload/file");
        assert!(bill.is_unsigned() && bill.has_file_response() && bill.is_safe_to_repeat());
        let refund = find(Method::POST, "v2/secapi/pay/refund");
        assert_eq!((refund.version(), refund.body_format()), (ApiVersion::V2, BodyFormat::Xml));
        assert!(refund.needs_client_certificate());
        assert_eq!(refund.merchant_number(), Some("mch_id"));
        assert_eq!(refund.repeat_after(), Duration::from_secs(60));
        assert_eq!(find(Method::POST, "v2/pay/unifiedorder").repeat_after(), Duration::ZERO);
        assert_eq!(
            find(Method::POST, "v2/mmpaymkttransfers/promotion/transfers").merchant_number(),
            Some("mchid")
        );
        let upload = find(Method::POST, "v3/merchant/media/upload");
        assert_eq!((upload.version(), upload.body_format()), (ApiVersion::V3, BodyFormat::Multipart));
        let overseas = find(Method::POST, "v3/global/transactions/jsapi");
        assert!(overseas.base_url().is_some_and(|url| url.contains("apihk")));
        assert_eq!(find(Method::POST, "v3/pay/transactions/jsapi").base_url(), None);
        let stock = find(Method::PATCH, "v3/marketing/busifavor/stocks/{stock_id}");
        assert_eq!(stock.success_status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn an_unknown_repeat_is_not_safe() {
        let find = |path| Operation::find(&Method::POST, path).unwrap();
        let order = find("v3/pay/transactions/jsapi");
        assert_eq!(
            (order.request_number(), order.idempotency()),
            (Some("out_trade_no"), Idempotency::Idempotent)
        );
        let by_code = find("v3/pay/transactions/codepay");
        assert_eq!(
            (by_code.request_number(), by_code.idempotency()),
            (Some("out_trade_no"), Idempotency::Unknown)
        );
        assert!(!by_code.is_safe_to_repeat());
        let pages = operations().filter(|row| row.method() == Method::GET && row.version() == ApiVersion::V2);
        assert_eq!(pages.map(|row| row.idempotency()).collect::<Vec<_>>(), [Idempotency::Unknown; 6]);
        let writes = operations().filter(|row| row.method() != Method::GET && row.is_safe_to_repeat());
        assert!(writes.count() > 50);
    }

    #[test]
    fn the_method_does_not_tell_what_only_reads() {
        for (method, path, is_read_only) in [
            (Method::GET, "v3/pay/transactions/id/{transaction_id}", true),
            (Method::POST, "v2/pay/orderquery", true),
            (Method::POST, "v2/risk/getpublickey", true),
            (Method::POST, "v3/gov/subsidy/sncode/query", true),
            (Method::GET, "v2/papay/entrustweb", false),
            (Method::POST, "v2/secapi/mch/submchmanage", false),
            (Method::POST, "v3/pay/transactions/jsapi", false),
        ] {
            let operation = Operation::find(&method, path).unwrap();
            assert_eq!(operation.is_read_only(), is_read_only, "{operation}");
        }
        // Without an effect there is no second one.
        assert!(operations().filter(|row| row.is_read_only()).all(Operation::is_safe_to_repeat));
    }

    #[test]
    fn every_other_host_is_a_base_url() {
        for row in operations() {
            let Some(base_url) = row.base_url() else { continue };
            assert!(base_url.parse::<crate::BaseUrl>().is_ok(), "{row}");
        }
    }

    #[test]
    fn an_operation_prints_its_title_method_and_path() {
        let row = Operation::find(&Method::POST, "v3/marketing/busifavor/coupons/disassociate").unwrap();
        let text = "取消关联订单信息 · POST v3/marketing/busifavor/coupons/disassociate";
        assert_eq!((row.to_string(), format!("{row:?}")), (text.to_owned(), format!("Operation({text})")));
    }
}
