//! Reads a kit, and checks that its parts belong together: a key that does not fit its certificate
//! would sign what nobody can verify.

use std::path::PathBuf;
use std::sync::Arc;

use weipay_wire::{ApiV2Key, ApiV3Key, Certificate, KeyError, PrivateKey, PublicKey};

use super::{KIT, KitError, KitOnDisk, file};
use crate::merchants::record::{CertificateState, KeyName, MerchantRecord};
use crate::merchants::{Account, ListedCertificate, Merchant};
use crate::response::{Signers, SigningKey};

impl KitOnDisk {
    /// Whether all parts are there and belong together.
    pub(super) fn check(&self) -> Result<(), KitError> {
        self.merchant().map(drop)
    }

    /// The merchant, with its credentials, as the kit alone tells.
    pub(crate) fn merchant(&self) -> Result<Merchant, KitError> {
        self.merchant_of(&MerchantRecord::from_kit(self.kit()))
    }

    /// The merchant, with its credentials, as its record says.
    pub(crate) fn merchant_of(&self, record: &MerchantRecord) -> Result<Merchant, KitError> {
        let kit = self.kit();
        let certificate = self.certificate(&kit.merchant_cert, "merchant_serial", &kit.merchant_serial)?;
        let key = self.private_key(&kit.merchant_key)?;
        self.fits(&kit.merchant_key, &key, &kit.merchant_cert, certificate.public_key())?;
        let (signers, certificates) = self.platform_keys(record)?;
        Ok(Merchant {
            account: Account {
                mchid: record.mchid.clone(),
                appids: record.appids.clone(),
                sub_merchants: record.sub_merchants.clone(),
            },
            serial: kit.merchant_serial.clone(),
            key: certificate.public_key().clone(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            certificate: record.certificate,
            api_v3_key: self.api_v3_key()?,
            api_v2_key: self.api_v2_key()?,
            signers,
            certificates,
        })
    }

    /// The state of the merchant's certificate at a time, by its dates.
    pub(crate) fn dates_of_certificate(&self, now: i64) -> Result<CertificateState, KitError> {
        let kit = self.kit();
        let certificate = self.certificate(&kit.merchant_cert, "merchant_serial", &kit.merchant_serial)?;
        Ok(CertificateState::of_dates(certificate.not_before(), certificate.not_after(), now))
    }

    /// The keys that the platform has for the merchant, and the certificates that it lists.
    fn platform_keys(&self, record: &MerchantRecord) -> Result<(Signers, Vec<ListedCertificate>), KitError> {
        let mode = record.platform_keys;
        let (mut public_keys, mut certificates, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        if mode.has_public_key() {
            for name in &record.public_keys.keys {
                let public_key = self.read(&name.file, PublicKey::from_pem)?;
                public_keys.push(self.signing_key(name, &public_key)?);
            }
        }
        if mode.has_certificate() {
            for name in &record.certificates.keys {
                let certificate = self.certificate(&name.file, "platform_serial", &name.name)?;
                certificates.push(self.signing_key(name, certificate.public_key())?);
                listed.push(ListedCertificate {
                    serial: certificate.serial().to_owned(),
                    pem: file::read(&self.path(&name.file))?.to_string(),
                    effective: certificate.not_before(),
                    expire: certificate.not_after(),
                });
            }
        }
        let signing = |keys: &[Arc<SigningKey>], signing: usize| keys.get(signing).or(keys.last()).cloned();
        let certificate = signing(&certificates, record.certificates.signing);
        let public_key = signing(&public_keys, record.public_keys.signing);
        let usual = certificate.or_else(|| public_key.clone()).ok_or_else(|| KitError::Broken {
            path: self.file().to_owned(),
            reason: "it names neither a public key nor a certificate of the platform".to_owned(),
        })?;
        let notifying = record.public_key_permille.zip(public_key);
        Ok((Signers { usual, public_keys, certificates, notifying }, listed))
    }

    fn signing_key(&self, name: &KeyName, public: &PublicKey) -> Result<Arc<SigningKey>, KitError> {
        let key = self.private_key(&name.key_file)?;
        self.fits(&name.key_file, &key, &name.file, public)?;
        Ok(Arc::new(SigningKey { serial: name.name.clone(), key }))
    }

    fn api_v3_key(&self) -> Result<ApiV3Key, KitError> {
        ApiV3Key::new(&self.kit().api_v3_key)
            .map_err(|error| KitError::Broken { path: self.file().to_owned(), reason: error.to_string() })
    }

    fn api_v2_key(&self) -> Result<ApiV2Key, KitError> {
        ApiV2Key::new(&self.kit().api_v2_key)
            .map_err(|error| KitError::Broken { path: self.file().to_owned(), reason: error.to_string() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn read<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, KeyError>) -> Result<T, KitError> {
        let path = self.path(name);
        parse(&file::read(&path)?).map_err(|error| KitError::Broken { path, reason: error.to_string() })
    }

    fn private_key(&self, name: &str) -> Result<PrivateKey, KitError> {
        self.read(name, PrivateKey::from_pem)
    }

    /// A certificate that has the serial that `kit.json` says, and that the real platform did not issue.
    fn certificate(&self, name: &str, member: &str, serial: &str) -> Result<Certificate, KitError> {
        let certificate = self.read(name, Certificate::from_pem)?;
        if is_of_the_platform(&certificate) {
            return Err(KitError::Real { path: self.path(name) });
        }
        if certificate.serial().eq_ignore_ascii_case(serial) {
            return Ok(certificate);
        }
        let reason = format!("its serial is {}, and {member} in {KIT} is {serial}", certificate.serial());
        Err(KitError::Broken { path: self.path(name), reason })
    }

    /// Refuses a private key that is not the other half of a public one.
    fn fits(&self, name: &str, key: &PrivateKey, other: &str, public: &PublicKey) -> Result<(), KitError> {
        if key.public_key() == *public {
            return Ok(());
        }
        let reason = format!("it is not the private key of {}", self.path(other).display());
        Err(KitError::Broken { path: self.path(name), reason })
    }
}

/// Parts of the names of the real platform's authorities, as in `CN=Tenpay.com Root CA, O=Tenpay.com`.
const PLATFORM: &[u8] = b"tenpay.com";

/// Whether the real platform issued a certificate. Every name in it counts, so the whole of it is looked
/// through: it has no other text.
fn is_of_the_platform(certificate: &Certificate) -> bool {
    certificate.as_der().windows(PLATFORM.len()).any(|part| part.eq_ignore_ascii_case(PLATFORM))
}
