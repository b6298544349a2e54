//! The credentials kit (凭证包): all that a client needs to talk to a sandbox, in the data directory.
//!
//! ```text
//! DIR/kit.json                      thirteen members, see `weipay_wire::Kit`
//! DIR/keys/apiclient_key.pem        merchant private key (商户API私钥)
//! DIR/keys/apiclient_cert.pem       its certificate (商户API证书)
//! DIR/keys/pub_key.pem              WeChat Pay public key (微信支付公钥)
//! DIR/keys/wechatpay_cert.pem       platform certificate (平台证书)
//! DIR/keys/platform/                the platform's own private keys, and the first kit.json
//! ```
//!
//! Keys are made once. They are written into a folder that nobody reads and moved to their place in one step; only then
//! is `kit.json` written, so a crash in between leaves either no keys or all of them, and the next start completes
//! the kit. Keys that are there are never made again, and half a kit is refused with a sentence, not replaced.

mod file;
mod issue;

use std::fs;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use weipay_wire::{ApiV3Key, Certificate, KeyError, Kit, PrivateKey};
use zeroize::Zeroizing;

use crate::answer::{Signers, SigningKey};
use crate::desk::PlatformsOwn;
use crate::domain::platform_certificates::ListedCertificate;
use crate::gate::Merchant;

/// Where a kit says that its sandbox is, until the sandbox is started somewhere else.
pub const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8880";

const KIT: &str = "kit.json";
const KEYS: &str = "keys";
const UNFINISHED_KEYS: &str = "keys.unfinished";
const FIRST_KIT: &str = "keys/platform/first-kit.json";
const CERTIFICATE_KEY: &str = "keys/platform/wechatpay_cert_key.pem";
const PUBLIC_KEY_KEY: &str = "keys/platform/pub_key_key.pem";

/// A kit and where it is.
#[derive(Debug, Clone)]
pub struct KitOnDisk {
    dir: PathBuf,
    file: PathBuf,
    kit: Kit,
}

/// What is wrong with a kit.
#[derive(Debug)]
pub enum KitError {
    /// A file could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// `kit.json` is there and the keys are not.
    KeysMissing {
        /// The data directory.
        dir: PathBuf,
    },
    /// A file does not hold what it should.
    Broken {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key could not be made.
    Unmade(String),
}

impl fmt::Display for KitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KitError::File { path, error } => write!(out, "{}: {error}", path.display()),
            KitError::KeysMissing { dir } => write!(
                out,
                "{dir}/{KIT} is there and {dir}/{KEYS} is not: put the keys back, or remove {KIT} for a new kit",
                dir = dir.display()
            ),
            KitError::Broken { path, reason } => write!(
                out,
                "{}: {reason}; put the file back as it was, or start with another data directory",
                path.display()
            ),
            KitError::Unmade(reason) => write!(out, "a key of the kit could not be made: {reason}"),
        }
    }
}

impl std::error::Error for KitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KitError::File { error, .. } => Some(error),
            KitError::KeysMissing { .. } | KitError::Broken { .. } | KitError::Unmade(_) => None,
        }
    }
}

/// Writes a kit into a data directory, and gives back the one that is there already.
pub fn init(dir: impl AsRef<Path>) -> Result<KitOnDisk, KitError> {
    let dir = dir.as_ref();
    file::make_folder(dir)?;
    let (has_kit, has_keys) = (dir.join(KIT).exists(), dir.join(KEYS).exists());
    match (has_kit, has_keys) {
        (true, true) => {}
        (true, false) => return Err(KitError::KeysMissing { dir: dir.to_owned() }),
        // A crash came between the two steps: the keys are complete.
        (false, true) => file::replace(&dir.join(KIT), file::read(&dir.join(FIRST_KIT))?.as_bytes())?,
        (false, false) => make(dir)?,
    }
    KitOnDisk::open(dir)
}

fn make(dir: &Path) -> Result<(), KitError> {
    let unfinished = dir.join(UNFINISHED_KEYS);
    if unfinished.exists() {
        // Left by a crash, and never in use: no kit.json has named it.
        fs::remove_dir_all(&unfinished)
            .map_err(|error| KitError::File { path: unfinished.clone(), error })?;
    }
    let issued = issue::issue()?;
    let kit = file::to_json(&issued.kit);
    file::make_folder(&unfinished.join("platform"))?;
    for (name, text) in &issued.files {
        file::write_secret(&unfinished.join(name.strip_prefix("keys/").unwrap_or(name)), text.as_bytes())?;
    }
    file::write_secret(&unfinished.join("platform/first-kit.json"), kit.as_bytes())?;
    fs::rename(&unfinished, dir.join(KEYS)).map_err(|error| KitError::File { path: unfinished, error })?;
    file::replace(&dir.join(KIT), kit.as_bytes())
}

impl KitOnDisk {
    fn open(dir: &Path) -> Result<KitOnDisk, KitError> {
        // Absolute, so that the paths stay right when the program changes its folder.
        let dir = std::path::absolute(dir).map_err(|error| KitError::File { path: dir.to_owned(), error })?;
        let file = dir.join(KIT);
        let text = file::read(&file)?;
        let kit = file::from_json(&text).map_err(|reason| KitError::Broken { path: file.clone(), reason })?;
        Ok(KitOnDisk { dir, file, kit })
    }

    /// The kit's members.
    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    /// The folder that the kit's file names are relative to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `kit.json`.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The merchant private key (商户API私钥) as PKCS#8 PEM.
    pub fn merchant_key_pem(&self) -> Result<Zeroizing<String>, KitError> {
        file::read(&self.dir.join(&self.kit.merchant_key))
    }

    /// The merchant certificate (商户API证书) as PEM.
    pub fn merchant_cert_pem(&self) -> Result<String, KitError> {
        Ok(file::read(&self.dir.join(&self.kit.merchant_cert))?.to_string())
    }

    /// The WeChat Pay public key (微信支付公钥) as SPKI PEM.
    pub fn public_key_pem(&self) -> Result<String, KitError> {
        Ok(file::read(&self.dir.join(&self.kit.public_key))?.to_string())
    }

    /// The platform certificate (平台证书) as PEM.
    pub fn platform_cert_pem(&self) -> Result<String, KitError> {
        Ok(file::read(&self.dir.join(&self.kit.platform_cert))?.to_string())
    }

    /// Makes `kit.json` say where the sandbox is.
    pub(crate) fn serve_at(&mut self, base_url: &str) -> Result<(), KitError> {
        if self.kit.base_url == base_url {
            return Ok(());
        }
        self.kit.base_url = base_url.to_owned();
        file::replace(&self.file, file::to_json(&self.kit).as_bytes())
    }

    /// What the gate must know of the merchant.
    pub(crate) fn merchant(&self) -> Result<Merchant, KitError> {
        let path = self.dir.join(&self.kit.merchant_cert);
        let certificate =
            Certificate::from_pem(&file::read(&path)?).map_err(|error| broken(&path, &error))?;
        if certificate.serial() != self.kit.merchant_serial {
            let reason = format!(
                "its serial is {}, and {KIT} says {}",
                certificate.serial(),
                self.kit.merchant_serial
            );
            return Err(KitError::Broken { path, reason });
        }
        Ok(Merchant {
            mchid: self.kit.mchid.clone(),
            serial: self.kit.merchant_serial.clone(),
            key: certificate.public_key().clone(),
            not_after: certificate.not_after(),
        })
    }

    /// What the platform has that no request changes.
    pub(crate) fn platforms_own(&self) -> Result<PlatformsOwn, KitError> {
        let path = self.dir.join(&self.kit.platform_cert);
        let pem = self.platform_cert_pem()?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| broken(&path, &error))?;
        let api_v3_key = ApiV3Key::new(&self.kit.api_v3_key)
            .map_err(|error| KitError::Broken { path: self.file.clone(), reason: error.to_string() })?;
        let certificate = ListedCertificate {
            serial: certificate.serial().to_owned(),
            pem,
            effective: certificate.not_before(),
            expire: certificate.not_after(),
        };
        Ok(PlatformsOwn { certificate, api_v3_key })
    }

    /// The platform's own keys.
    pub(crate) fn signers(&self) -> Result<Signers, KitError> {
        let key = |name: &str, serial: &str| {
            let path = self.dir.join(name);
            let key = PrivateKey::from_pem(&file::read(&path)?).map_err(|error| broken(&path, &error))?;
            Ok(SigningKey { serial: serial.to_owned(), key })
        };
        Ok(Signers {
            certificate: key(CERTIFICATE_KEY, &self.kit.platform_serial)?,
            public_key: key(PUBLIC_KEY_KEY, &self.kit.public_key_id)?,
        })
    }
}

fn broken(path: &Path, error: &KeyError) -> KitError {
    KitError::Broken { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
