//! The credentials kit (凭证包): all that a client needs to talk to a sandbox, in the data folder.
//!
//! ```text
//! DIR/kit.json                      thirteen members, see `weipay_wire::Kit`; `null` for a key that the platform does not have
//! DIR/kit.txt                       the lines that each known SDK needs
//! DIR/keys/apiclient_key.pem        merchant private key (商户API私钥)
//! DIR/keys/apiclient_cert.pem       its certificate (商户API证书)
//! DIR/keys/apiclient_cert.p12       both, for TLS with APIv2, as merchants get them; the password is the number of the merchant
//! DIR/keys/pub_key.pem              WeChat Pay public key (微信支付公钥)
//! DIR/keys/wechatpay_cert.pem       platform certificate (平台证书)
//! DIR/keys/platform/                the platform's own private keys, and the first kit.json
//! DIR/merchants/MCHID/              the same for a merchant that was added
//! ```
//!
//! Keys are made once. They are written into a folder that no program reads, and moved to their place in one step;
//! only then is `kit.json` written, so a crash in between leaves either no keys or all of them, and the next start
//! completes the kit. Existing keys are never replaced. An incomplete kit is an error. Creating or completing a kit
//! requires the lock of the folder.

mod check;
mod file;
mod issue;
mod notes;
pub(crate) mod shared;

use std::fs;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use weipay_wire::{Certificate, ClientIdentity, Kit, PrivateKey};
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::clock;
use crate::data_folder::{CA_KEY, DataFolder, FolderError};
use crate::error::append_causes;
use crate::merchants::record::{CertificateState, KeyName, KeyNames, MerchantRecord, PlatformKeys};
use crate::merchants::rotation::KeyKind;
pub(crate) use issue::Made;

/// Where a kit says that its sandbox is, until the sandbox is started somewhere else.
pub const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8880";

const KIT: &str = "kit.json";
const KEYS: &str = "keys";
const UNFINISHED_KEYS: &str = "keys.unfinished";
const FIRST_KIT: &str = "keys/platform/first-kit.json";
const MERCHANTS: &str = "merchants";
const NOTES: &str = "kit.txt";
const MERCHANT_P12: &str = "keys/apiclient_cert.p12";

/// A kit and where it is.
#[derive(Debug, Clone)]
pub struct KitOnDisk {
    dir: PathBuf,
    file: PathBuf,
    kit: Kit,
    is_new: bool,
}

/// Error of reading or creating a kit.
#[derive(Debug)]
#[non_exhaustive]
pub enum KitError {
    /// Something is wrong with the data folder.
    Folder(FolderError),
    /// A file could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// `kit.json` is there and the keys are not.
    KeysMissing {
        /// The data folder.
        dir: PathBuf,
    },
    /// A file does not hold what it should.
    Broken {
        /// Which one.
        path: PathBuf,
        /// The mistake in it.
        reason: String,
    },
    /// A certificate is one of the real platform.
    Real {
        /// Its file.
        path: PathBuf,
    },
    /// A key could not be made.
    Unmade(String),
    /// A kit is left of a merchant that is not known any more, and it is not what was asked for.
    Left {
        /// The folder of the kit.
        dir: PathBuf,
        /// The value of the kit, and the requested one.
        reason: String,
    },
    /// The kit was made for a merchant with other keys of the platform than those that were asked for.
    OtherPlatformKeys {
        /// The data folder.
        dir: PathBuf,
        /// The value in the kit.
        has: PlatformKeys,
        /// The requested value.
        wanted: PlatformKeys,
    },
}

impl fmt::Display for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "{error}"),
            Self::File { path, error } if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "{} is missing: put it back, or start with another data folder", path.display())
            }
            Self::File { path, .. } => write!(f, "{} cannot be read or written", path.display()),
            Self::KeysMissing { dir } => write!(
                f,
                "{dir}/{KIT} exists, but {dir}/{KEYS} does not: restore the keys, or remove {KIT} for a new kit",
                dir = dir.display()
            ),
            Self::Broken { path, reason } => {
                write!(f, "{}: {reason}; restore the file, or start with another data folder", path.display())
            }
            Self::Real { path } => write!(
                f,
                "{} is a certificate of the real WeChat Pay (issued by Tenpay.com): real keys do not belong in a sandbox; move them \
                 away, and start with another data folder for a kit that is made for tests",
                path.display()
            ),
            Self::Unmade(reason) => write!(f, "a key of the kit could not be created: {reason}"),
            Self::Left { dir, reason } => write!(
                f,
                "{} still has a kit with this number, but {reason}: remove that folder for a new kit, choose another number, or \
                 request the settings of that kit",
                dir.display()
            ),
            Self::OtherPlatformKeys { dir, has, wanted } => write!(
                f,
                "the kit in {} was made with the platform keys `{}`, not `{}`: use a new data folder, or leave the \
                 platform keys out to keep the kit as it is",
                dir.display(),
                has.word(),
                wanted.word()
            ),
        }?;
        append_causes(self, f)
    }
}

impl std::error::Error for KitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            Self::Folder(error) => error.source(),
            Self::KeysMissing { .. }
            | Self::Broken { .. }
            | Self::Unmade(_)
            | Self::Real { .. }
            | Self::Left { .. }
            | Self::OtherPlatformKeys { .. } => None,
        }
    }
}

impl From<FolderError> for KitError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

/// Creates the kit of a data folder, or returns the existing one. Fails while a sandbox runs on the folder.
///
/// # Errors
///
/// If the folder or its kit cannot be used, or another sandbox runs on it.
pub fn init(dir: impl AsRef<Path>) -> Result<KitOnDisk, KitError> {
    init_with(dir.as_ref(), None)
}

/// [`init`] with these platform keys.
///
/// # Errors
///
/// As [`init`], and if an existing kit has other platform keys.
pub fn init_with_platform_keys(dir: impl AsRef<Path>, keys: PlatformKeys) -> Result<KitOnDisk, KitError> {
    init_with(dir.as_ref(), Some(keys))
}

fn init_with(dir: &Path, keys: Option<PlatformKeys>) -> Result<KitOnDisk, KitError> {
    let folder = DataFolder::open(dir)?;
    let kit = open(&folder, keys)?;
    kit.check()?;
    kit.write_identity()?;
    if !kit.dir().join(NOTES).exists() {
        kit.write_notes()?;
    }
    Authority::open(folder.path())
        .map_err(|error| KitError::File { path: folder.path().join(CA_KEY), error })?;
    Ok(kit)
}

/// Reads the kit of a data folder, and creates nothing. A sandbox may run on the folder meanwhile.
///
/// # Errors
///
/// If there is no kit, or its files do not fit together.
pub fn read(dir: impl AsRef<Path>) -> Result<KitOnDisk, KitError> {
    KitOnDisk::open(dir.as_ref(), false)
}

/// The kit of a data folder. Where there is none, it is made with these platform keys.
pub(crate) fn open(folder: &DataFolder, keys: Option<PlatformKeys>) -> Result<KitOnDisk, KitError> {
    let kit = open_or_make(folder.path(), &Made::first(keys.unwrap_or(Made::FIRST_PLATFORM_KEYS)))?;
    let Some(wanted) = keys else { return Ok(kit) };
    let has = kit.made_with()?;
    if wanted == has {
        return Ok(kit);
    }
    Err(KitError::OtherPlatformKeys { dir: folder.path().to_owned(), has, wanted })
}

/// Where the kit of an added merchant is.
pub(crate) fn folder_of(home: &Path, mchid: &str) -> PathBuf {
    home.join(MERCHANTS).join(mchid)
}

/// The kit of an added merchant, made when there is none. The caller holds the lock of the data folder.
///
/// A kit may remain from a merchant that was lost (state in memory, deleted state, crash). It is reused if it has the
/// requested kinds of keys. For its appid see [`KitOnDisk::name_appid`].
pub(crate) fn open_merchant(home: &Path, made: &Made) -> Result<KitOnDisk, KitError> {
    let dir = folder_of(home, &made.mchid);
    file::make_folder(&dir)?;
    let kit = open_or_make(&dir, made)?;
    kit.check_made_as(made)?;
    Ok(kit)
}

/// The caller holds the folder's lock.
fn open_or_make(dir: &Path, made: &Made) -> Result<KitOnDisk, KitError> {
    let (has_kit, has_keys) = (dir.join(KIT).exists(), dir.join(KEYS).exists());
    match (has_kit, has_keys) {
        (true, true) => {}
        (true, false) => return Err(KitError::KeysMissing { dir: dir.to_owned() }),
        // A crash came between the two steps: the keys are complete.
        (false, true) => file::replace(&dir.join(KIT), file::read(&dir.join(FIRST_KIT))?.as_bytes())?,
        (false, false) => make(dir, made)?,
    }
    KitOnDisk::open(dir, !has_kit)
}

fn make(dir: &Path, made: &Made) -> Result<(), KitError> {
    let unfinished = dir.join(UNFINISHED_KEYS);
    if unfinished.exists() {
        // Left by a crash, and never in use: no kit.json has named it.
        fs::remove_dir_all(&unfinished)
            .map_err(|error| KitError::File { path: unfinished.clone(), error })?;
    }
    let issued = issue::issue(made)?;
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
    fn open(dir: &Path, is_new: bool) -> Result<Self, KitError> {
        // Absolute, so that the paths stay right when the program changes its folder.
        let dir = std::path::absolute(dir).map_err(|error| KitError::File { path: dir.to_owned(), error })?;
        let file = dir.join(KIT);
        let text = file::read(&file)?;
        let kit = file::from_json(&text).map_err(|reason| KitError::Broken { path: file.clone(), reason })?;
        Ok(Self { dir, file, kit, is_new })
    }

    /// The platform keys that the kit was made with. What there is now may differ: the control API changes it.
    pub(crate) fn made_with(&self) -> Result<PlatformKeys, KitError> {
        let path = self.dir.join(FIRST_KIT);
        let kit = file::from_json(&file::read(&path)?).map_err(|reason| KitError::Broken { path, reason })?;
        Ok(MerchantRecord::from_kit(&kit).platform_keys)
    }

    /// The platform keys that there are now.
    pub(crate) fn has_platform_keys(&self) -> PlatformKeys {
        MerchantRecord::from_kit(&self.kit).platform_keys
    }

    /// Refuses a kit that is left of another merchant with other keys than those that are asked for.
    fn check_made_as(&self, made: &Made) -> Result<(), KitError> {
        let left = |reason| Err(KitError::Left { dir: self.dir.clone(), reason });
        // The control API may have changed them since; a merchant that is known keeps that too.
        let (has, wanted) = (self.made_with()?, made.platform_keys);
        if has != wanted {
            return left(format!(
                "it was made with the platform keys `{}`, not `{}`",
                has.word(),
                wanted.word()
            ));
        }
        let dates = self.dates_of_certificate(clock::machine_now())?;
        match made.certificate {
            // Revoked is what is said of one that is valid.
            CertificateState::Valid | CertificateState::Revoked if dates == CertificateState::Valid => Ok(()),
            wanted if dates == wanted => Ok(()),
            wanted => left(format!(
                "its certificate is {} (by its validity period), not {}",
                dates.word(),
                wanted.word()
            )),
        }
    }

    /// Writes an appid, and the openid of a user under it, into `kit.json`. The kit of a known merchant names one
    /// already.
    pub(crate) fn name_appid(&mut self, appid: &str, openid: &str) -> Result<(), KitError> {
        if self.kit.appid == appid {
            return Ok(());
        }
        (self.kit.appid, self.kit.openid) = (appid.to_owned(), openid.to_owned());
        self.write()
    }

    /// Whether `kit.json` did not exist before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The kit's members.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    /// The folder that the kit's file names are relative to.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The data folder of the sandbox, in which a merchant that was added has a folder of its own.
    fn home(&self) -> &Path {
        let of_merchant =
            self.dir.parent().filter(|parent| parent.file_name().is_some_and(|name| name == MERCHANTS));
        of_merchant.and_then(Path::parent).unwrap_or(&self.dir)
    }

    /// `kit.json`.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The merchant private key (商户API私钥) as PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn merchant_key_pem(&self) -> Result<Zeroizing<String>, KitError> {
        file::read(&self.dir.join(&self.kit.merchant_key))
    }

    /// The merchant certificate (商户API证书) as PEM.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn merchant_cert_pem(&self) -> Result<String, KitError> {
        Ok(file::read(&self.dir.join(&self.kit.merchant_cert))?.to_string())
    }

    /// The WeChat Pay public key (微信支付公钥) as SPKI PEM.
    ///
    /// # Errors
    ///
    /// If the merchant has none, or the file cannot be read.
    pub fn public_key_pem(&self) -> Result<String, KitError> {
        self.text_of("public_key", self.kit.public_key.as_deref())
    }

    /// The platform certificate (平台证书) as PEM.
    ///
    /// # Errors
    ///
    /// If the merchant has none, or the file cannot be read.
    pub fn platform_cert_pem(&self) -> Result<String, KitError> {
        self.text_of("platform_cert", self.kit.platform_cert.as_deref())
    }

    fn text_of(&self, member: &str, file: Option<&str>) -> Result<String, KitError> {
        let reason = || format!("its `{member}` is null: the platform has no such key for this merchant");
        let file = file.ok_or_else(|| KitError::Broken { path: self.file.clone(), reason: reason() })?;
        Ok(file::read(&self.dir.join(file))?.to_string())
    }

    /// Makes another key of the platform for this merchant, and writes it beside the others.
    pub(crate) fn make_platform_key(&self, kind: KeyKind, number: u32) -> Result<KeyName, KitError> {
        let made = issue::new_platform_key(kind, &self.kit.mchid, number)?;
        file::make_folder(&self.dir.join("keys/platform"))?;
        for (name, text) in &made.files {
            file::replace(&self.dir.join(name), text.as_bytes())?;
        }
        Ok(made.name)
    }

    /// Makes `kit.json` name the keys of the platform that sign for the merchant.
    pub(crate) fn name_platform_keys(&mut self, record: &MerchantRecord) -> Result<(), KitError> {
        let mode = record.platform_keys;
        let signing = |is_wanted: bool, keys: &KeyNames| {
            let key = keys.signing().filter(|_| is_wanted).cloned();
            key.map(|key| (key.name, key.file)).unzip()
        };
        (self.kit.public_key_id, self.kit.public_key) = signing(mode.has_public_key(), &record.public_keys);
        (self.kit.platform_serial, self.kit.platform_cert) =
            signing(mode.has_certificate(), &record.certificates);
        self.write()
    }

    fn write(&self) -> Result<(), KitError> {
        file::replace(&self.file, file::to_json(&self.kit).as_bytes())?;
        self.write_notes()
    }

    /// Writes `apiclient_cert.p12` where there is none, or one of another certificate: it follows from the two PEM files, so it is no
    /// file of the kit that nodes share. Files that do not belong together make none; `check` says so.
    fn write_identity(&self) -> Result<(), KitError> {
        let path = self.dir.join(MERCHANT_P12);
        let certificate = Certificate::from_pem(&self.merchant_cert_pem()?).ok();
        let key = PrivateKey::from_pem(&self.merchant_key_pem()?).ok();
        let identity =
            certificate.zip(key).and_then(|(certificate, key)| ClientIdentity::new(certificate, key));
        let Some(identity) = identity else { return Ok(()) };
        let written = fs::read(&path).ok();
        let written = written.and_then(|bytes| ClientIdentity::from_pkcs12(&bytes, &self.kit.mchid).ok());
        if written.is_some_and(|written| written.certificate().as_der() == identity.certificate().as_der()) {
            return Ok(());
        }
        let written = identity.to_pkcs12(&self.kit.mchid);
        file::replace(&path, &written.map_err(|error| KitError::Unmade(error.to_string()))?)
    }

    fn write_notes(&self) -> Result<(), KitError> {
        file::replace(&self.dir.join(NOTES), notes::text(self).as_bytes())
    }

    /// Makes `kit.json` say where the sandbox is.
    pub(crate) fn serve_at(&mut self, base_url: &str) -> Result<(), KitError> {
        match self.write_identity() {
            // A kit that was mounted read-only serves without it.
            Err(KitError::File { error, .. })
                if [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem]
                    .contains(&error.kind()) => {}
            written => written?,
        }
        if self.kit.base_url == base_url && self.dir.join(NOTES).exists() {
            return Ok(());
        }
        self.kit.base_url = base_url.to_owned();
        self.write()
    }
}

/// Puts a file that only its owner can read in the place of another, in one step.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), KitError> {
    file::replace(path, content)
}

#[cfg(test)]
mod tests;
