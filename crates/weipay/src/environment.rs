//! Configuration from `WEIPAY_*` environment variables and from a sandbox's kit file (凭证包).
//!
//! An error names the setting that cannot be used and describes the form of its value. It shows the value itself only if that can
//! be nothing but a path: any setting may contain a key that was put into the wrong place.

mod setting;

use std::env;
use std::ffi::OsString;
use std::path::Path;

use serde_json::{Map, Value};
use weipay_wire::{
    ApiV2Key, ApiV3Key, Certificate, ClientIdentity, IdentifierError, KeyError, KeyFormat, Kit, KitError,
    MerchantId, MerchantSerial, Pkcs12Error, PlatformSerial, PrivateKey, PublicKey, PublicKeyId,
};
use zeroize::{Zeroize, Zeroizing};

use self::setting::cleaned;

use crate::base_url::BaseUrl;
use crate::builder::{ClientBuilder, ConfigError};
use crate::error::RequestError;
use crate::json;

/// The variables that are always required.
const REQUIRED: [&str; 3] = ["WEIPAY_MCHID", "WEIPAY_MERCHANT_SERIAL", "WEIPAY_MERCHANT_KEY"];

/// The platform's public key: both or neither.
const PUBLIC_KEY: [&str; 2] = ["WEIPAY_PUBLIC_KEY_ID", "WEIPAY_PUBLIC_KEY"];

/// Either of these can take the place of the public key.
const CERTIFICATES: &str = "WEIPAY_PLATFORM_CERTIFICATES";
const API_V3_KEY: &str = "WEIPAY_API_V3_KEY";

/// Opens a merchant certificate in PKCS#12.
const CERTIFICATE_PASSWORD: &str = "WEIPAY_MERCHANT_CERTIFICATE_PASSWORD";

impl ClientBuilder {
    /// Reads the settings from environment variables. Required are `WEIPAY_MCHID`, `WEIPAY_MERCHANT_SERIAL`,
    /// `WEIPAY_MERCHANT_KEY`, and at least one of these, which verify responses:
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `WEIPAY_PUBLIC_KEY_ID`, `WEIPAY_PUBLIC_KEY` | the WeChat Pay public key (微信支付公钥) and its ID |
    /// | `WEIPAY_PLATFORM_CERTIFICATES` | the paths of platform certificates (平台证书), separated as in `PATH`: by `:`, on Windows by `;` |
    /// | `WEIPAY_API_V3_KEY` | the APIv3 key (APIv3密钥), with which the client fetches the certificates itself |
    ///
    /// Optional are `WEIPAY_BASE_URL`, and for APIv2 `WEIPAY_API_V2_KEY` and `WEIPAY_MERCHANT_CERTIFICATE`.
    ///
    /// The values of keys are file paths or PEM text, in which a line break may be written as `\n`. The APIv3
    /// and APIv2 keys may be file paths too, and the certificate a PKCS#12 file (`apiclient_cert.p12`), whose
    /// password is the merchant number unless `WEIPAY_MERCHANT_CERTIFICATE_PASSWORD` says otherwise. White
    /// space, line breaks, a byte order mark and quotation marks around a value are ignored.
    ///
    /// # Errors
    ///
    /// If a required variable is not set, or a value cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let variable = |name: &'static str| match get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(Zeroizing::new(value)).filter(|value| !cleaned(value).is_empty())),
            Some(Err(_)) => Err(ConfigError::setting(name, "it is not UTF-8 text")),
        };
        let mut values = Vec::with_capacity(REQUIRED.len() + PUBLIC_KEY.len());
        for name in REQUIRED.into_iter().chain(PUBLIC_KEY) {
            values.push((name, variable(name)?));
        }
        let certificates = variable(CERTIFICATES)?;
        let api_v3_key = variable(API_V3_KEY)?;
        let is_set = |name: &str| values.iter().any(|(known, value)| *known == name && value.is_some());
        let has_public_key = PUBLIC_KEY.iter().any(|name| is_set(name));
        // Half of a public key is a mistake, even if the other keys would do.
        let needs_public_key = has_public_key || certificates.is_none() && api_v3_key.is_none();
        let required = REQUIRED.iter().chain(PUBLIC_KEY.iter().filter(|_| needs_public_key));
        let missing: Vec<_> = required.filter(|name| !is_set(name)).copied().collect();
        if !missing.is_empty() {
            return Err(ConfigError::Unset(missing));
        }
        let value = |wanted: &str| {
            let found = values.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, value)| value.as_deref()).map_or("", |value| value.as_str())
        };
        let here = Path::new("");
        let (key, [id, public_key]) = ("WEIPAY_MERCHANT_KEY", PUBLIC_KEY);
        let mut builder = Self::default()
            .mchid(identifier("WEIPAY_MCHID", value("WEIPAY_MCHID"), MerchantId::new)?)
            .merchant_serial(identifier(
                "WEIPAY_MERCHANT_SERIAL",
                value("WEIPAY_MERCHANT_SERIAL"),
                MerchantSerial::new,
            )?)
            .merchant_key(setting::key(key, value(key), here, PrivateKey::from_pem_bytes)?);
        if has_public_key {
            builder = builder.public_key(
                identifier(id, value(id), PublicKeyId::new)?,
                setting::key(public_key, value(public_key), here, PublicKey::from_pem_bytes)?,
            );
        }
        if let Some(text) = certificates {
            for certificate in setting::certificates(CERTIFICATES, &text)? {
                builder = builder.platform_certificate(certificate);
            }
        }
        if let Some(text) = api_v3_key {
            builder =
                builder.api_v3_key(self::api_v3_key(API_V3_KEY, &setting::secret(API_V3_KEY, &text, here)?)?);
        }
        if let Some(text) = variable("WEIPAY_API_V2_KEY")? {
            let setting = "WEIPAY_API_V2_KEY";
            builder = builder.api_v2_key(api_v2_key(setting, &setting::secret(setting, &text, here)?)?);
        }
        if let Some(text) = variable("WEIPAY_MERCHANT_CERTIFICATE")? {
            let password = variable(CERTIFICATE_PASSWORD)?;
            let password = password.as_deref().map_or_else(|| value("WEIPAY_MCHID"), |text| text.as_str());
            builder = builder.with_certificate("WEIPAY_MERCHANT_CERTIFICATE", &text, cleaned(password))?;
        }
        if let Some(text) = variable("WEIPAY_BASE_URL")? {
            builder.base_url = Some(Ok(base_url("WEIPAY_BASE_URL", &text)?));
        }
        Ok(builder)
    }

    /// The merchant's certificate from PEM, or with its key from a PKCS#12 file.
    fn with_certificate(self, setting: &str, value: &str, password: &str) -> Result<Self, ConfigError> {
        let path = Path::new(cleaned(value));
        let is_named_so = path
            .extension()
            .is_some_and(|ending| ["p12", "pfx"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
        // By its beginning, or by its name if it is damaged or empty.
        let is_pkcs12 = |error: &ConfigError| match error {
            ConfigError::Key { source: KeyError::NotPem { given: KeyFormat::Pkcs12, .. }, .. } => true,
            ConfigError::Key { source: KeyError::NotPem { .. } | KeyError::Empty { .. }, .. } => is_named_so,
            _ => false,
        };
        let here = Path::new("");
        match setting::key(setting, value, here, Certificate::from_pem_bytes) {
            Ok(certificate) => Ok(self.merchant_certificate(certificate)),
            Err(error) if is_pkcs12(&error) => {
                let content = setting::read_file(path)
                    .map_err(|reason| ConfigError::setting(setting, format!("its file {reason}")))?;
                let identity =
                    ClientIdentity::from_pkcs12(&content, password).map_err(|error| match error {
                        Pkcs12Error::Password => ConfigError::setting(
                            setting,
                            format!("{error}: set {CERTIFICATE_PASSWORD} to it"),
                        ),
                        error => ConfigError::setting(setting, error),
                    })?;
                if self.parts.key.as_ref().is_some_and(|key| key.public_key() != identity.key().public_key())
                {
                    return Err(ConfigError::setting(
                        setting,
                        "its private key differs from WEIPAY_MERCHANT_KEY",
                    ));
                }
                Ok(self.merchant_identity(identity))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a kit file, as `weipay sandbox` writes it: one JSON object. The files that it names are relative to it. Instead of a
    /// file name it may contain the PEM text itself.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a member is missing or cannot be used.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let file = file.as_ref();
        let shown = setting::shown(file).unwrap_or_else(|| "the kit file".to_owned());
        let content = setting::read_file(file)
            .map_err(|reason| ConfigError::setting(&shown, format!("it {reason}")))?;
        let text = setting::text_from(&content);
        let text = text.map_err(|reason| ConfigError::setting(&shown, format!("it {reason}")))?;
        let KitFile { kit, merchant_key, api_v3_key, api_v2_key } =
            KitFile::read(text).map_err(|reason| ConfigError::setting(&shown, reason))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let member = |name: &str| format!("{shown}: {name}");

        let mut builder = Self::default()
            .mchid(identifier(&member("mchid"), &kit.mchid, MerchantId::new)?)
            .merchant_serial(identifier(
                &member("merchant_serial"),
                &kit.merchant_serial,
                MerchantSerial::new,
            )?)
            .merchant_key(setting::key(
                &member("merchant_key"),
                &merchant_key,
                folder,
                PrivateKey::from_pem_bytes,
            )?)
            .merchant_certificate(setting::key(
                &member("merchant_cert"),
                &kit.merchant_cert,
                folder,
                Certificate::from_pem_bytes,
            )?)
            .api_v3_key(self::api_v3_key(&member("api_v3_key"), cleaned(&api_v3_key))?)
            .api_v2_key(self::api_v2_key(&member("api_v2_key"), cleaned(&api_v2_key))?);
        if let (Some(id), Some(key)) = (&kit.public_key_id, &kit.public_key) {
            builder = builder.public_key(
                identifier(&member("public_key_id"), id, PublicKeyId::new)?,
                setting::key(&member("public_key"), key, folder, PublicKey::from_pem_bytes)?,
            );
        }
        if let (Some(serial), Some(file)) = (&kit.platform_serial, &kit.platform_cert) {
            let certificate =
                setting::key(&member("platform_cert"), file, folder, Certificate::from_pem_bytes)?;
            let serial = identifier(&member("platform_serial"), serial, PlatformSerial::new)?;
            if serial.as_str() != certificate.serial() {
                return Err(ConfigError::setting(
                    &member("platform_serial"),
                    "it is not the serial number of `platform_cert`: both belong to one certificate",
                ));
            }
            builder = builder.platform_certificate(certificate);
        }
        builder.base_url = Some(Ok(base_url(&member("base_url"), &kit.base_url)?));
        Ok(builder)
    }
}

/// The members of a kit file. Three of them may be keys, so all are wiped.
struct Members(Map<String, Value>);

impl Members {
    /// Moves a text out. The caller must wipe it.
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

/// A kit. Its keys are separate, and wiped when they are dropped.
struct KitFile {
    kit: Kit,
    /// The name of a file, or the text of the key itself.
    merchant_key: Zeroizing<String>,
    api_v3_key: Zeroizing<String>,
    api_v2_key: Zeroizing<String>,
}

impl KitFile {
    fn read(text: &str) -> Result<Self, String> {
        let mut members = Members(serde_json::from_str(text).map_err(|error| json::reason(&error))?);
        let kit = Kit::from_members(|name| members.take(name));
        let mut kit = kit.map_err(|error: KitError| error.to_string())?;
        let api_v2_key = Zeroizing::new(std::mem::take(&mut kit.api_v2_key));
        let api_v3_key = Zeroizing::new(std::mem::take(&mut kit.api_v3_key));
        let merchant_key = Zeroizing::new(std::mem::take(&mut kit.merchant_key));
        Ok(Self { kit, merchant_key, api_v3_key, api_v2_key })
    }
}

fn identifier<T>(
    setting: &str,
    value: &str,
    read: impl Fn(String) -> Result<T, IdentifierError>,
) -> Result<T, ConfigError> {
    read(cleaned(value).to_owned()).map_err(|error| ConfigError::setting(setting, error))
}

fn api_v3_key(setting: &str, text: &str) -> Result<ApiV3Key, ConfigError> {
    ApiV3Key::new(text).map_err(|error| ConfigError::setting(setting, error))
}

fn api_v2_key(setting: &str, text: &str) -> Result<ApiV2Key, ConfigError> {
    ApiV2Key::new(text).map_err(|error| ConfigError::setting(setting, error))
}

fn base_url(setting: &str, value: &str) -> Result<BaseUrl, ConfigError> {
    cleaned(value).parse().map_err(|error: RequestError| ConfigError::setting(setting, error))
}

#[cfg(feature = "async")]
impl crate::Client {
    /// A client from the environment: see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// If a required variable is not set, or a value cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        ClientBuilder::from_env()?.build()
    }

    /// A client from a kit file: see [`ClientBuilder::from_kit`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a member is missing or cannot be used.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ClientBuilder::from_kit(file)?.build()
    }
}

#[cfg(feature = "blocking")]
impl crate::blocking::Client {
    /// A client from the environment: see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// If a required variable is not set, or a value cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        ClientBuilder::from_env()?.build_blocking()
    }

    /// A client from a kit file: see [`ClientBuilder::from_kit`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a member is missing or cannot be used.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ClientBuilder::from_kit(file)?.build_blocking()
    }
}

#[cfg(test)]
mod tests;
