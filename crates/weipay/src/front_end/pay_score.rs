//! The pages of pay score (微信支付分) in WeChat: a user confirms an order, looks at one, or gives the permission (授权) before any
//! order.

use weipay_wire::SignType;

use super::parameter::ParameterError;
use super::v2::{checked, query};
use super::{FrontEnd, parameters};

impl FrontEnd {
    /// For the page on which a user confirms a pay score order (支付分订单确认): `wxpayScoreUse`. `package` is from the order's
    /// response, and opens the page once.
    ///
    /// # Errors
    ///
    /// If `package` is not valid, or there is no APIv2 key.
    pub fn pay_score(&self, package: &str) -> Result<PayScoreParameters, ParameterError> {
        let (timestamp, nonce_str) = self.stamp();
        let mut parameters = PayScoreParameters {
            mch_id: self.mchid.to_string(),
            package: checked("package", package)?,
            timestamp,
            nonce_str,
            sign_type: SignType::HmacSha256.to_string(),
            sign: String::new(),
        };
        parameters.sign = self.v2_key()?.sign(SignType::HmacSha256, parameters.pairs());
        Ok(parameters)
    }

    /// For the page that shows a user a pay score order (支付分订单详情): `wxpayScoreDetail`.
    ///
    /// # Errors
    ///
    /// If a value is not valid for its parameter, or there is no APIv2 key.
    pub fn pay_score_detail(
        &self,
        service_id: &str,
        out_order_no: &str,
    ) -> Result<PayScoreDetailParameters, ParameterError> {
        let (timestamp, nonce_str) = self.stamp();
        let mut parameters = PayScoreDetailParameters {
            mch_id: self.mchid.to_string(),
            service_id: checked("service_id", service_id)?,
            out_order_no: checked("out_order_no", out_order_no)?,
            timestamp,
            nonce_str,
            sign_type: SignType::HmacSha256.to_string(),
            sign: String::new(),
        };
        parameters.sign = self.v2_key()?.sign(SignType::HmacSha256, parameters.pairs());
        Ok(parameters)
    }

    /// For the page on which a user permits a service before any order (支付分授权): `wxpayScoreEnable`. The token is the
    /// `apply_permissions_token` of `v3/payscore/permissions`, and is good for an hour. Nothing is signed.
    ///
    /// # Errors
    ///
    /// If the token is not valid for its parameter.
    pub fn pay_score_permission(
        &self,
        apply_permissions_token: &str,
    ) -> Result<PayScorePermissionParameters, ParameterError> {
        let apply_permissions_token = checked("apply_permissions_token", apply_permissions_token)?;
        Ok(PayScorePermissionParameters { apply_permissions_token })
    }
}

parameters! {
    /// The parameters of the page `wxpayScoreUse`. They serialize as the `extraData` of a mini program.
    PayScoreParameters {
        /// The merchant number (商户号).
        mch_id = "mch_id",
        /// The order's `package`.
        package = "package",
        /// Seconds since 1970, as a text.
        timestamp = "timestamp",
        /// The random string.
        nonce_str = "nonce_str",
        /// `HMAC-SHA256`.
        sign_type = "sign_type",
        /// The signature.
        sign = "sign",
    }
}

parameters! {
    /// The parameters of the page `wxpayScoreDetail`. They serialize as the `extraData` of a mini program.
    PayScoreDetailParameters {
        /// The merchant number (商户号).
        mch_id = "mch_id",
        /// The service (服务ID).
        service_id = "service_id",
        /// The merchant's number of the order (商户服务订单号).
        out_order_no = "out_order_no",
        /// Seconds since 1970, as a text.
        timestamp = "timestamp",
        /// The random string.
        nonce_str = "nonce_str",
        /// `HMAC-SHA256`.
        sign_type = "sign_type",
        /// The signature.
        sign = "sign",
    }
}

parameters! {
    /// The parameters of the page `wxpayScoreEnable`. They serialize as the `extraData` of a mini program.
    PayScorePermissionParameters {
        /// The token of the permission (预授权token).
        apply_permissions_token = "apply_permissions_token",
    }
}

macro_rules! page {
    ($name:ident, $business_type:literal) => {
        impl $name {
            /// The `businessType` of the page.
            pub const BUSINESS_TYPE: &str = $business_type;

            /// The parameters as one text, `name=value&name=value` with percent-encoded values: the `queryString` of a web page,
            /// and the `query` of an app.
            #[must_use]
            pub fn query(&self) -> String {
                query(self.pairs())
            }
        }
    };
}

page!(PayScoreParameters, "wxpayScoreUse");
page!(PayScoreDetailParameters, "wxpayScoreDetail");
page!(PayScorePermissionParameters, "wxpayScoreEnable");

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_wire::{MerchantId, PrivateKey};

    use super::super::v2::tests::{KEY, front_end};
    use super::*;

    /// Computed with `printf '..&key=192006250b4c09247ec02edce69f6a2d' | openssl dgst -sha256 -hmac 192006250b4c09247ec02edce69f6a2d`.
    #[test]
    fn orders_are_signed_with_hmac_and_the_api_v2_key() {
        let front_end = front_end(1_530_097_563, "zyx53Nkey8o4bHpxTQvd8m7e92nG5mG2", KEY);
        let confirm = front_end.pay_score("AQF+4s/X=").unwrap();
        assert_eq!(confirm.sign, "3A18F1A3E4085A7C6E6BD1B79C999DD52FC31219609E2324B689A18EB71C81E7");
        let detail = front_end.pay_score_detail("88888888000011", "1234323JKHDFE1243252").unwrap();
        assert_eq!(detail.sign, "857DEBC38BC2E147E64D862CC1DC3E9D732D8E661783F86993D602AAA4558E20");
        assert_eq!((&*confirm.sign_type, &*detail.sign_type), ("HMAC-SHA256", "HMAC-SHA256"));
    }

    #[test]
    fn a_mini_program_gets_an_object_and_a_web_page_a_query() {
        let front_end = front_end(1, "n", KEY);
        let confirm = front_end.pay_score("A+b/c=").unwrap();
        assert_eq!(json!(confirm)["package"], "A+b/c=");
        assert_eq!(
            confirm.query(),
            format!(
                "mch_id=1900000109&package=A%2Bb%2Fc%3D&timestamp=1&nonce_str=n&sign_type=HMAC-SHA256&sign={}",
                confirm.sign
            )
        );
        let detail = front_end.pay_score_detail("500001", "order1").unwrap();
        assert!(
            detail
                .query()
                .starts_with("mch_id=1900000109&service_id=500001&out_order_no=order1&timestamp=1&")
        );
        let permission = front_end.pay_score_permission("AAQT_82-Z=").unwrap();
        assert_eq!(json!(permission), json!({ "apply_permissions_token": "AAQT_82-Z=" }));
        assert_eq!(permission.query(), "apply_permissions_token=AAQT_82-Z%3D");
        assert!(!format!("{permission:?}").contains("AAQT"));
    }

    #[test]
    fn a_value_that_would_change_what_is_signed_is_rejected() {
        let front_end = front_end(1, "n", KEY);
        for wrong in ["", "a b", "a&sign=1"] {
            assert!(front_end.pay_score(wrong).is_err(), "{wrong:?}");
            assert!(front_end.pay_score_detail(wrong, "1").is_err(), "{wrong:?}");
            assert!(front_end.pay_score_detail("1", wrong).is_err(), "{wrong:?}");
            assert!(front_end.pay_score_permission(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_the_permission_needs_no_key() {
        let front_end =
            FrontEnd::new(MerchantId::new("1900000109").unwrap(), PrivateKey::generate().unwrap());
        for error in [front_end.pay_score("x").map(|_| ()), front_end.pay_score_detail("x", "x").map(|_| ())]
        {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("APIv2 key") && error.contains("api_v2_key"), "{error}");
        }
        front_end.pay_score_permission("x").unwrap();
    }
}
