//! Platform certificates (平台证书): the list from which official SDKs take the key with which they verify responses.
//!
//! A certificate travels sealed with the merchant's APIv3 key, so that only the merchant can read it. A merchant for which the
//! platform has only a public key has none, and is told so.

use serde_json::{Value, json};
use weipay_wire::{ApiV3Key, ENVELOPE_NONCE_LENGTH};

use super::{Context, HandlerError, Route, route};
use crate::clock;
use crate::merchants::ListedCertificate;
use crate::response::Refusal;
use crate::store::Transaction;

/// The second is where merchants overseas (境外) look; their hosts are others, the list is the same.
pub(super) const ROUTES: &[Route] = &[
    route("GET", "v3/certificates", list_certificates),
    route("GET", "v3/global/certificates", list_certificates),
];

/// Reads no record, only the platform's own certificates.
fn list_certificates(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let algorithm = context.request.query("algorithm_type");
    let nonce = |pem: &str| context.entropy.of(&[ASSOCIATED_DATA, pem]).hex_digits(ENVELOPE_NONCE_LENGTH);
    Ok(list(context.certificates, context.api_v3_key, algorithm, nonce)?)
}

/// The associated data of the list's envelopes.
const ASSOCIATED_DATA: &str = "certificate";

/// Lists the certificates of an algorithm (获取平台证书列表). No nonce may come for two texts.
fn list(
    certificates: &[ListedCertificate],
    key: &ApiV3Key,
    algorithm: Option<&str>,
    nonce: impl Fn(&str) -> String,
) -> Result<Value, Refusal> {
    match algorithm {
        None | Some("RSA" | "ALL") if certificates.is_empty() => return Err(none(PUBLIC_KEY_ONLY)),
        None | Some("RSA" | "ALL") => {}
        Some("SM2") => return Err(none(NO_SM2)),
        Some(_) => {
            return Err(Refusal::param_error("参数错误", "algorithm_type is one of RSA, SM2 and ALL"));
        }
    }
    let items = certificates.iter().map(|certificate| {
        let nonce = nonce(&certificate.pem);
        let sealed = key.seal(&nonce, ASSOCIATED_DATA, certificate.pem.as_bytes());
        let ciphertext = sealed.map_err(|_| Refusal::system_error())?;
        Ok(json!({
            "serial_no": certificate.serial,
            "effective_time": clock::rfc3339(certificate.effective),
            "expire_time": clock::rfc3339(certificate.expire),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": ASSOCIATED_DATA,
                "ciphertext": ciphertext,
            },
        }))
    });
    Ok(json!({ "data": items.collect::<Result<Vec<_>, Refusal>>()? }))
}

/// The response to a merchant that has none: the words were seen. INFERRED(no-sm2-certificate): they are said for 国密 as well.
fn none(reason: &'static str) -> Refusal {
    Refusal::resource_not_exists(
        "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/doc/v3/merchant/4012153196",
        reason,
    )
}

const PUBLIC_KEY_ONLY: &str = "this merchant's platform key is the public key only (its kit has no platform certificate): verify with that";
const NO_SM2: &str = "the sandbox has RSA certificates only: leave algorithm_type out, or ask for RSA or ALL";

#[cfg(test)]
mod tests {
    use weipay_wire::Envelope;

    use super::*;

    fn listed(algorithm: Option<&str>) -> Result<Value, Refusal> {
        let certificate = ListedCertificate {
            serial: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned(),
            pem: "-----BEGIN CERTIFICATE-----".to_owned(),
            effective: 1_528_425_296,
            expire: 1_544_236_496,
        };
        list(&[certificate], &key(), algorithm, |_| "61f9c719728a".to_owned())
    }

    fn key() -> ApiV3Key {
        ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()
    }

    #[test]
    fn the_certificate_opens_with_the_merchants_key() {
        let response = listed(None).unwrap();
        let item = &response["data"][0];
        assert_eq!(item["effective_time"], "2018-06-08T10:34:56+08:00");
        let text = |name: &str| item["encrypt_certificate"][name].as_str().unwrap();
        let envelope = Envelope {
            nonce: text("nonce"),
            associated_data: text("associated_data"),
            ciphertext: text("ciphertext"),
        };
        assert_eq!(key().open(&envelope).unwrap().as_slice(), b"-----BEGIN CERTIFICATE-----");
    }

    #[test]
    fn a_merchant_without_certificates_is_told_to_use_the_public_key() {
        let refusal = list(&[], &key(), None, |_| String::new()).unwrap_err();
        assert_eq!(refusal.reason.as_deref(), Some(PUBLIC_KEY_ONLY));
        assert_eq!((refusal.status, refusal.code), (404, "RESOURCE_NOT_EXISTS"));
        assert!(refusal.message.starts_with("无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。"));
    }

    #[test]
    fn there_is_none_of_another_algorithm() {
        assert!(listed(Some("RSA")).is_ok() && listed(Some("ALL")).is_ok());
        let refusal = listed(Some("SM2")).unwrap_err();
        assert_eq!((refusal.code, refusal.reason.as_deref()), ("RESOURCE_NOT_EXISTS", Some(NO_SM2)));
        assert_eq!(listed(Some("rsa")).unwrap_err().code, "PARAM_ERROR");
    }
}
