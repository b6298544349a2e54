//! Configuration from `WEIPAY_*` environment variables and from a sandbox's kit file (凭证包).

use std::path::Path;
use std::{env, fs};

use weipay_wire::{ApiV3Key, Certificate, MerchantId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId};
use zeroize::Zeroizing;

use crate::builder::{Builder, ConfigError};

mod kit_file;

use kit_file::KitFile;

impl Builder {
    /// Reads `WEIPAY_MCHID`, `WEIPAY_MERCHANT_SERIAL`, `WEIPAY_MERCHANT_KEY`, `WEIPAY_PUBLIC_KEY_ID`,
    /// `WEIPAY_PUBLIC_KEY`, `WEIPAY_API_V3_KEY` and `WEIPAY_BASE_URL`; the last two may be left out. The values of keys
    /// are file paths or PEM text.
    pub fn from_env() -> Result<Builder, ConfigError> {
        Builder::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Builder, ConfigError> {
        let optional = |name: &str| get(name).map(Zeroizing::new).filter(|value| !value.trim().is_empty());
        let needed = |name: &str| optional(name).ok_or_else(|| setting(name, "is not set"));
        let pem = |name: &str| needed(name).and_then(|value| pem_or_file(name, value));

        let key = "WEIPAY_MERCHANT_KEY";
        let public = "WEIPAY_PUBLIC_KEY";
        let id = needed("WEIPAY_PUBLIC_KEY_ID")?;
        let mut builder = Builder::default()
            .mchid(
                MerchantId::new(needed("WEIPAY_MCHID")?.as_str())
                    .map_err(|error| named("WEIPAY_MCHID", &error))?,
            )
            .merchant_serial(
                MerchantSerial::new(needed("WEIPAY_MERCHANT_SERIAL")?.as_str())
                    .map_err(|error| named("WEIPAY_MERCHANT_SERIAL", &error))?,
            )
            .merchant_key(PrivateKey::from_pem(&pem(key)?).map_err(|source| key_error(key, source))?)
            .public_key(
                PublicKeyId::new(id.as_str()).map_err(|error| named("WEIPAY_PUBLIC_KEY_ID", &error))?,
                PublicKey::from_pem(&pem(public)?).map_err(|source| key_error(public, source))?,
            );
        if let Some(text) = optional("WEIPAY_API_V3_KEY") {
            let text = if Path::new(&*text).is_file() { read("WEIPAY_API_V3_KEY", &*text)? } else { text };
            builder = builder
                .api_v3_key(ApiV3Key::new(text.trim()).map_err(|error| named("WEIPAY_API_V3_KEY", &error))?);
        }
        if let Some(base_url) = optional("WEIPAY_BASE_URL") {
            builder = builder.base_url(&base_url);
        }
        Ok(builder)
    }

    /// Reads a kit file, as `weipay sandbox` writes it: one JSON object whose files are relative to it.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<Builder, ConfigError> {
        let file = file.as_ref();
        let shown = file.display().to_string();
        let KitFile { kit, api_v3_key } =
            KitFile::read(&read(&shown, file)?).map_err(|reason| setting(&shown, &reason))?;
        let beside = |name: &str| file.parent().unwrap_or(Path::new("")).join(name);
        let pem = |setting: &str, name: &str| read(setting, beside(name));

        Ok(Builder::default()
            .base_url(&kit.base_url)
            .mchid(MerchantId::new(kit.mchid.as_str()).map_err(|error| named("mchid", &error))?)
            .merchant_serial(
                MerchantSerial::new(kit.merchant_serial.as_str())
                    .map_err(|error| named("merchant_serial", &error))?,
            )
            .merchant_key(
                PrivateKey::from_pem(&pem("merchant_key", &kit.merchant_key)?)
                    .map_err(|source| key_error("merchant_key", source))?,
            )
            .merchant_certificate(certificate("merchant_cert", &pem("merchant_cert", &kit.merchant_cert)?)?)
            .public_key(
                PublicKeyId::new(kit.public_key_id.as_str())
                    .map_err(|error| named("public_key_id", &error))?,
                PublicKey::from_pem(&pem("public_key", &kit.public_key)?)
                    .map_err(|source| key_error("public_key", source))?,
            )
            .platform_certificate(certificate("platform_cert", &pem("platform_cert", &kit.platform_cert)?)?)
            .api_v3_key(ApiV3Key::new(&api_v3_key).map_err(|error| named("api_v3_key", &error))?))
    }
}

fn certificate(setting: &str, pem: &str) -> Result<Certificate, ConfigError> {
    Certificate::from_pem(pem).map_err(|source| key_error(setting, source))
}

/// A value that begins like PEM is PEM; anything else names a file.
fn pem_or_file(name: &str, value: Zeroizing<String>) -> Result<Zeroizing<String>, ConfigError> {
    if value.contains("-----BEGIN") { Ok(value) } else { read(name, value.as_str()) }
}

/// Reads a file that may hold a key, so that its text is wiped when it is dropped.
fn read(name: &str, file: impl AsRef<Path>) -> Result<Zeroizing<String>, ConfigError> {
    let file = file.as_ref();
    fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        let file = file.display().to_string();
        // A kit has no other name than its file's.
        let what = if file == name { String::new() } else { format!("{file} ") };
        setting(name, &format!("{what}cannot be read: {error}"))
    })
}

fn setting(name: &str, reason: &str) -> ConfigError {
    ConfigError::Setting { name: name.to_owned(), reason: reason.to_owned() }
}

fn named(name: &str, error: &dyn std::error::Error) -> ConfigError {
    setting(name, &error.to_string())
}

fn key_error(setting: &str, source: weipay_wire::KeyError) -> ConfigError {
    ConfigError::Key { setting: setting.to_owned(), source }
}

#[cfg(feature = "async")]
impl crate::Client {
    /// A client from the environment: see [`Builder::from_env`].
    pub fn from_env() -> Result<crate::Client, ConfigError> {
        Builder::from_env()?.build()
    }

    /// A client from a kit file: see [`Builder::from_kit`].
    pub fn from_kit(file: impl AsRef<Path>) -> Result<crate::Client, ConfigError> {
        Builder::from_kit(file)?.build()
    }
}

#[cfg(feature = "blocking")]
impl crate::blocking::Client {
    /// A client from the environment: see [`Builder::from_env`].
    pub fn from_env() -> Result<crate::blocking::Client, ConfigError> {
        Builder::from_env()?.build_blocking()
    }

    /// A client from a kit file: see [`Builder::from_kit`].
    pub fn from_kit(file: impl AsRef<Path>) -> Result<crate::blocking::Client, ConfigError> {
        Builder::from_kit(file)?.build_blocking()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let error = Builder::from_variables(|_| None).err().unwrap();
        assert_eq!(error.to_string(), "WEIPAY_PUBLIC_KEY_ID: is not set");
    }

    #[test]
    fn a_key_file_that_is_not_there_is_named_with_its_variable() {
        let error = Builder::from_variables(|name| {
            Some(match name {
                "WEIPAY_MCHID" => "1900007291".into(),
                "WEIPAY_MERCHANT_SERIAL" => "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB".into(),
                "WEIPAY_PUBLIC_KEY_ID" => "PUB_KEY_ID_0119000072912024".into(),
                _ => "no/such/file.pem".into(),
            })
        });
        let error = error.err().unwrap().to_string();
        assert!(error.starts_with("WEIPAY_MERCHANT_KEY: no/such/file.pem cannot be read"), "{error}");
    }
}
