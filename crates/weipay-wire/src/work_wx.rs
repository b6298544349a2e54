//! 企业微信签名 (`workwx_sign`): the second signature of a payment by WeCom (企业微信), made with the secret of one of its
//! applications.
//!
//! Some of the fields are sorted by their names and joined as `a=1&b=2&secret=SECRET`; the signature is the MD5 of
//! that, in upper-case hexadecimal. It is a field of the request, so that the signature of APIv2 covers it.

use std::fmt::{self, Debug, Formatter};

use zeroize::Zeroizing;

use crate::v2_signature::{SignError, SignType};

/// The kind of payment of WeCom (企业微信), which decides the fields that `workwx_sign` covers.
///
/// UNCONFIRMED: the pages of WeCom that list these fields were not at hand; public programs that agree with each other show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkWxPayment {
    /// A red packet (发放企业红包, `v2/mmpaymkttransfers/sendworkwxredpack`).
    RedPacket,
    /// A payment to an employee (向员工付款, `v2/mmpaymkttransfers/promotion/paywwsptrans2pocket`).
    ToEmployee,
}

impl WorkWxPayment {
    /// The names of the fields that are signed, in the order in which they are.
    #[must_use]
    pub const fn signed_fields(self) -> &'static [&'static str] {
        match self {
            Self::RedPacket => {
                &["act_name", "mch_billno", "mch_id", "nonce_str", "re_openid", "total_amount", "wxappid"]
            }
            Self::ToEmployee => &[
                "amount",
                "appid",
                "desc",
                "mch_id",
                "nonce_str",
                "openid",
                "partner_trade_no",
                "ww_msg_type",
            ],
        }
    }
}

/// The secret (Secret) of an application of WeCom (企业微信应用). It is wiped on drop and never printed.
#[derive(Clone)]
pub struct WorkWxSecret(Zeroizing<String>);

impl WorkWxSecret {
    /// Takes the secret of the application whose `agentid` the request has.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }

    /// The `workwx_sign` of a request with these fields. Fields that it does not cover are passed over, and their order does not
    /// matter. `nonce_str` and the merchant number are among those that it covers: set both in the request too.
    ///
    /// ```
    /// use weipay_wire::{WorkWxPayment, WorkWxSecret};
    ///
    /// let fields = [
    ///     ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
    ///     ("mch_billno", "10000098201411111234567890"),
    ///     ("mch_id", "10000098"),
    ///     ("wxappid", "wx8888888888888888"),
    ///     ("re_openid", "oxTWIuGaIt6gTKsQRLau2M0yL16E"),
    ///     ("total_amount", "1000"),
    ///     ("act_name", "猜灯谜抢红包活动"),
    /// ];
    /// let workwx_sign = WorkWxSecret::new("the secret of the application").sign(WorkWxPayment::RedPacket, fields)?;
    /// assert_eq!(workwx_sign.len(), 32);
    /// # Ok::<_, weipay_wire::SignError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a field that it covers is missing or empty.
    pub fn sign<'a>(
        &self,
        payment: WorkWxPayment,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<String, SignError> {
        let fields: Vec<_> = fields.into_iter().collect();
        let mut pieces: Vec<&[u8]> = Vec::new();
        for name in payment.signed_fields() {
            let found = fields.iter().find(|(known, value)| known == name && !value.is_empty());
            let (name, value) = found.ok_or(SignError::MissingField(name))?;
            pieces.extend([name.as_bytes(), b"=", value.as_bytes(), b"&"]);
        }
        pieces.extend([b"secret=", self.0.as_bytes()]);
        Ok(SignType::Md5.digest(b"", &pieces))
    }
}

impl Debug for WorkWxSecret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("WorkWxSecret(..)")
    }
}
