//! Configuration from `WEIPAY_*` environment variables and from a sandbox's kit file (凭证包).
//!
//! A value that cannot be used is told by the name of its setting and by its form. The value itself is told only where it
//! can be nothing but a path: any setting may hold a key that was put in the wrong place.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use weipay_wire::{
    ApiV3Key, Certificate, IdentifierError, MerchantId, MerchantSerial, PlatformSerial, PrivateKey,
    PublicKey, PublicKeyId,
};
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::builder::{ClientBuilder, ConfigError};
use crate::error::RequestError;

mod file;
mod kit_file;
mod value;

use kit_file::KitFile;
use value::{cleaned, named};

/// The variables that a client cannot do without.
const NEEDED: [&str; 5] = [
    "WEIPAY_MCHID",
    "WEIPAY_MERCHANT_SERIAL",
    "WEIPAY_MERCHANT_KEY",
    "WEIPAY_PUBLIC_KEY_ID",
    "WEIPAY_PUBLIC_KEY",
];

impl ClientBuilder {
    /// Reads `WEIPAY_MCHID`, `WEIPAY_MERCHANT_SERIAL`, `WEIPAY_MERCHANT_KEY`, `WEIPAY_PUBLIC_KEY_ID`,
    /// `WEIPAY_PUBLIC_KEY`, `WEIPAY_API_V3_KEY` and `WEIPAY_BASE_URL`; the last two may be left out.
    ///
    /// The values of keys are file paths or PEM text, whose line breaks may be written as `\n`; the APIv3 key may stand in a
    /// file too. Blanks, line breaks, a byte order mark and quotation marks around a value are passed over.
    pub fn from_env() -> Result<ClientBuilder, ConfigError> {
        ClientBuilder::from_variables(|name| env::var_os(name))
    }

    fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Result<ClientBuilder, ConfigError> {
        let variable = |name: &'static str| match get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(Zeroizing::new(value)).filter(|value| !cleaned(value).is_empty())),
            Some(Err(_)) => Err(named(name, "it is not text in UTF-8")),
        };
        let mut values = Vec::with_capacity(NEEDED.len());
        for name in NEEDED {
            values.push((name, variable(name)?));
        }
        let missing: Vec<_> =
            values.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            return Err(ConfigError::Unset(missing));
        }
        let value = |wanted: &str| {
            let found = values.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, value)| value.as_deref()).map_or("", |value| value.as_str())
        };
        let here = Path::new("");
        let (key, public_key) = ("WEIPAY_MERCHANT_KEY", "WEIPAY_PUBLIC_KEY");
        let mut builder = ClientBuilder::default()
            .mchid(identifier("WEIPAY_MCHID", value("WEIPAY_MCHID"), MerchantId::new)?)
            .merchant_serial(identifier(
                "WEIPAY_MERCHANT_SERIAL",
                value("WEIPAY_MERCHANT_SERIAL"),
                MerchantSerial::new,
            )?)
            .merchant_key(value::key(key, value(key), here, PrivateKey::from_pem_bytes)?)
            .public_key(
                identifier("WEIPAY_PUBLIC_KEY_ID", value("WEIPAY_PUBLIC_KEY_ID"), PublicKeyId::new)?,
                value::key(public_key, value(public_key), here, PublicKey::from_pem_bytes)?,
            );
        if let Some(text) = variable("WEIPAY_API_V3_KEY")? {
            let setting = "WEIPAY_API_V3_KEY";
            builder = builder.api_v3_key(api_v3_key(setting, &value::secret(setting, &text, here)?)?);
        }
        if let Some(text) = variable("WEIPAY_BASE_URL")? {
            builder.base_url = Ok(base_url("WEIPAY_BASE_URL", &text)?);
        }
        Ok(builder)
    }

    /// Reads a kit file, as `weipay sandbox` writes it: one JSON object whose files are relative to it. In the place of a
    /// file's name the text of its PEM may stand.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<ClientBuilder, ConfigError> {
        let file = file.as_ref();
        let shown = file::shown(file).unwrap_or_else(|| "the kit file".to_owned());
        let content = file::read(file).map_err(|reason| named(&shown, &reason))?;
        let text = value::text_of(&content).map_err(|reason| named(&shown, reason))?;
        let KitFile { kit, merchant_key, api_v3_key } =
            KitFile::read(text).map_err(|reason| named(&shown, &reason))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let member = |name: &str| format!("{shown}: {name}");

        let certificate =
            value::key(&member("platform_cert"), &kit.platform_cert, folder, Certificate::from_pem_bytes)?;
        let serial = identifier(&member("platform_serial"), &kit.platform_serial, PlatformSerial::new)?;
        if serial.as_str() != certificate.serial() {
            return Err(named(&member("platform_serial"), "it is not the serial number of `platform_cert`"));
        }
        let mut builder = ClientBuilder::default()
            .mchid(identifier(&member("mchid"), &kit.mchid, MerchantId::new)?)
            .merchant_serial(identifier(
                &member("merchant_serial"),
                &kit.merchant_serial,
                MerchantSerial::new,
            )?)
            .merchant_key(value::key(
                &member("merchant_key"),
                &merchant_key,
                folder,
                PrivateKey::from_pem_bytes,
            )?)
            .merchant_certificate(value::key(
                &member("merchant_cert"),
                &kit.merchant_cert,
                folder,
                Certificate::from_pem_bytes,
            )?)
            .public_key(
                identifier(&member("public_key_id"), &kit.public_key_id, PublicKeyId::new)?,
                value::key(&member("public_key"), &kit.public_key, folder, PublicKey::from_pem_bytes)?,
            )
            .platform_certificate(certificate)
            .api_v3_key(self::api_v3_key(&member("api_v3_key"), cleaned(&api_v3_key))?);
        builder.base_url = Ok(base_url(&member("base_url"), &kit.base_url)?);
        Ok(builder)
    }
}

fn identifier<T>(
    setting: &str,
    value: &str,
    read: impl Fn(String) -> Result<T, IdentifierError>,
) -> Result<T, ConfigError> {
    read(cleaned(value).to_owned()).map_err(|error| named(setting, &error.to_string()))
}

fn api_v3_key(setting: &str, text: &str) -> Result<ApiV3Key, ConfigError> {
    ApiV3Key::new(text).map_err(|error| named(setting, &error.to_string()))
}

fn base_url(setting: &str, value: &str) -> Result<BaseUrl, ConfigError> {
    cleaned(value).parse().map_err(|problem: RequestError| named(setting, &problem.to_string()))
}

#[cfg(feature = "async")]
impl crate::Client {
    /// A client from the environment: see [`ClientBuilder::from_env`].
    pub fn from_env() -> Result<crate::Client, ConfigError> {
        ClientBuilder::from_env()?.build()
    }

    /// A client from a kit file: see [`ClientBuilder::from_kit`].
    pub fn from_kit(file: impl AsRef<Path>) -> Result<crate::Client, ConfigError> {
        ClientBuilder::from_kit(file)?.build()
    }
}

#[cfg(feature = "blocking")]
impl crate::blocking::Client {
    /// A client from the environment: see [`ClientBuilder::from_env`].
    pub fn from_env() -> Result<crate::blocking::Client, ConfigError> {
        ClientBuilder::from_env()?.build_blocking()
    }

    /// A client from a kit file: see [`ClientBuilder::from_kit`].
    pub fn from_kit(file: impl AsRef<Path>) -> Result<crate::blocking::Client, ConfigError> {
        ClientBuilder::from_kit(file)?.build_blocking()
    }
}

#[cfg(test)]
mod tests;
