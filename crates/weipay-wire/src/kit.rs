//! The credentials kit (凭证包): everything that a client needs to talk to a sandbox, as the members of `kit.json`.
//!
//! This module defines names and texts only; the reader and the writer of the file handle the JSON. The keys in a kit
//! are made for a sandbox and protect no money, but they are treated like real ones: `Debug` shows none of them.

use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};

use crate::identifiers::{MerchantId, MerchantSerial, PublicKeyId};
use crate::key_format::looks_like_path;

/// A sandbox's credentials. File names are relative to the folder that `kit.json` is in.
#[derive(Clone, PartialEq, Eq)]
pub struct Kit {
    /// Where the sandbox listens, such as `http://127.0.0.1:8080/`.
    pub base_url: String,
    /// The merchant ID (商户号).
    pub mchid: String,
    /// The serial number of the merchant API certificate (商户API证书序列号).
    pub merchant_serial: String,
    /// The file with the merchant private key (商户API私钥).
    pub merchant_key: String,
    /// The file with the merchant API certificate (商户API证书).
    pub merchant_cert: String,
    /// The APIv3 key (APIv3密钥) itself.
    pub api_v3_key: String,
    /// The APIv2 key (API密钥) itself.
    pub api_v2_key: String,
    /// The ID of the platform's public key (微信支付公钥ID); `None` if the merchant has only certificates of the platform.
    pub public_key_id: Option<String>,
    /// The file with the platform's public key (微信支付公钥).
    pub public_key: Option<String>,
    /// The serial number of the platform certificate (平台证书序列号); `None` if the merchant has only a public key of the platform.
    pub platform_serial: Option<String>,
    /// The file with the platform certificate (平台证书).
    pub platform_cert: Option<String>,
    /// An application ID (应用ID) that the merchant may use.
    pub appid: String,
    /// A user (用户标识) under that application.
    pub openid: String,
}

impl Kit {
    /// The names of the members, in the order of the file.
    pub const MEMBERS: [&str; 13] = [
        "base_url",
        "mchid",
        "merchant_serial",
        "merchant_key",
        "merchant_cert",
        "api_v3_key",
        "api_v2_key",
        "public_key_id",
        "public_key",
        "platform_serial",
        "platform_cert",
        "appid",
        "openid",
    ];

    /// Builds a kit: `member` is called with the name of each member and returns its text. The public key and its ID may be
    /// missing, or the certificate and its serial number, but not all four.
    ///
    /// # Errors
    ///
    /// If a member is missing, empty, or not text.
    pub fn from_members(mut member: impl FnMut(&str) -> Option<String>) -> Result<Self, KitError> {
        let mut filled = |name| member(name).filter(|text| !text.is_empty());
        let (public_key_id, public_key) = pair(&mut filled, "public_key_id", "public_key")?;
        let (platform_serial, platform_cert) = pair(&mut filled, "platform_serial", "platform_cert")?;
        if public_key.is_none() && platform_cert.is_none() {
            return Err(KitError { member: "public_key" });
        }
        let mut required = |name| filled(name).ok_or(KitError { member: name });
        Ok(Self {
            base_url: required("base_url")?,
            mchid: required("mchid")?,
            merchant_serial: required("merchant_serial")?,
            merchant_key: required("merchant_key")?,
            merchant_cert: required("merchant_cert")?,
            api_v3_key: required("api_v3_key")?,
            api_v2_key: required("api_v2_key")?,
            public_key_id,
            public_key,
            platform_serial,
            platform_cert,
            appid: required("appid")?,
            openid: required("openid")?,
        })
    }

    /// Every member with its text, in the order of the file.
    #[must_use]
    pub fn members(&self) -> [(&'static str, Option<&str>); 13] {
        [
            ("base_url", Some(&self.base_url)),
            ("mchid", Some(&self.mchid)),
            ("merchant_serial", Some(&self.merchant_serial)),
            ("merchant_key", Some(&self.merchant_key)),
            ("merchant_cert", Some(&self.merchant_cert)),
            ("api_v3_key", Some(&self.api_v3_key)),
            ("api_v2_key", Some(&self.api_v2_key)),
            ("public_key_id", self.public_key_id.as_deref()),
            ("public_key", self.public_key.as_deref()),
            ("platform_serial", self.platform_serial.as_deref()),
            ("platform_cert", self.platform_cert.as_deref()),
            ("appid", Some(&self.appid)),
            ("openid", Some(&self.openid)),
        ]
    }
}

/// Two members that are both there or both missing.
fn pair(
    member: &mut impl FnMut(&'static str) -> Option<String>,
    first: &'static str,
    second: &'static str,
) -> Result<(Option<String>, Option<String>), KitError> {
    match (member(first), member(second)) {
        (None, Some(_)) => Err(KitError { member: first }),
        (Some(_), None) => Err(KitError { member: second }),
        both => Ok(both),
    }
}

impl Debug for Kit {
    /// Shows only what cannot be a secret, even if a secret was written into the wrong member.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Kit");
        for (name, text) in self.members() {
            match text {
                None => shown.field(name, &format_args!("none")),
                Some(text) if may_be_shown(name, text) => shown.field(name, &text),
                Some(_) => shown.field(name, &format_args!("..")),
            };
        }
        shown.finish()
    }
}

fn may_be_shown(member: &str, text: &str) -> bool {
    match member {
        "mchid" => MerchantId::new(text).is_ok(),
        "merchant_serial" | "platform_serial" => MerchantSerial::new(text).is_ok(),
        "public_key_id" => PublicKeyId::new(text).is_ok(),
        "merchant_key" | "merchant_cert" | "public_key" | "platform_cert" => looks_like_path(text),
        // A URL may carry a password or a token; the openid stands for a person.
        _ => false,
    }
}

/// A member of a credentials kit is missing, empty, or not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KitError {
    /// The name of the member.
    pub member: &'static str,
}

impl Display for KitError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the credentials kit (凭证包) has no text for `{}`; write it to kit.json in quotation marks, or create the \
             kit again with the sandbox",
            self.member
        )
    }
}

impl Error for KitError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit() -> Kit {
        Kit::from_members(|name| Some(format!("the {name}"))).unwrap()
    }

    #[test]
    fn the_members_are_the_thirteen_names_in_order_each_with_its_own_text() {
        assert_eq!(kit().members().map(|(name, _)| name), Kit::MEMBERS);
        for (name, text) in kit().members() {
            assert_eq!(text, Some(&*format!("the {name}")));
        }
    }

    #[test]
    fn a_kit_written_member_by_member_reads_back() {
        let kit = kit();
        let read = Kit::from_members(|wanted| {
            kit.members().iter().find(|(name, _)| *name == wanted)?.1.map(str::to_owned)
        });
        assert_eq!(read, Ok(kit));
    }

    #[test]
    fn an_absent_or_empty_member_is_named() {
        for missing in Kit::MEMBERS {
            for text in [None, Some(String::new())] {
                let read =
                    Kit::from_members(|name| if name == missing { text.clone() } else { Some("x".into()) });
                let refusal = read.unwrap_err();
                assert_eq!(refusal, KitError { member: missing });
                assert!(refusal.to_string().contains(missing));
            }
        }
    }

    #[test]
    fn a_kit_needs_the_platforms_public_key_or_its_certificate() {
        let without = |missing: &[&str]| {
            Kit::from_members(|name| (!missing.contains(&name)).then(|| format!("the {name}")))
        };
        let certificate_only = without(&["public_key", "public_key_id"]).unwrap();
        assert_eq!((certificate_only.public_key, certificate_only.public_key_id), (None, None));
        let public_key_only = without(&["platform_cert", "platform_serial"]).unwrap();
        assert_eq!((public_key_only.platform_cert, public_key_only.platform_serial), (None, None));
        let neither = without(&["public_key", "public_key_id", "platform_cert", "platform_serial"]);
        assert_eq!(neither, Err(KitError { member: "public_key" }));
    }

    #[test]
    fn no_secret_of_a_kit_is_printed_whatever_member_it_stands_in() {
        let mut kit = kit();
        kit.mchid = "1900000001".into();
        kit.merchant_key = "keys/apiclient_key.pem".into();
        let printed = format!("{kit:?} {kit:#?}");
        assert!(printed.contains("1900000001") && printed.contains("keys/apiclient_key.pem"), "{printed}");

        let secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        let kit = Kit::from_members(|_| Some(secret.into())).unwrap();
        let printed = format!("{kit:?} {kit:#?}");
        assert!(!printed.contains(secret), "{printed}");
    }
}
