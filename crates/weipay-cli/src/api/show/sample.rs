//! Sample values of the catalogue as JSON, and which members a sample has.

pub(super) use weipay_catalog::sample::request::{members, object, of, one, plain, required, wanted};
