//! What a platform takes out of a kit, and whether its parts belong together: a key that does not fit its certificate
//! would sign what nobody can verify.

use std::path::PathBuf;

use weipay_wire::{ApiV3Key, Certificate, KeyError, PrivateKey, PublicKey};

use super::{CERTIFICATE_KEY, KIT, KitError, KitOnDisk, PUBLIC_KEY_KEY, file};
use crate::merchants::{Account, Merchant};
use crate::products::PlatformConfig;
use crate::products::platform_certificates::ListedCertificate;
use crate::response::{Signers, SigningKey};

impl KitOnDisk {
    /// Whether all parts are there and belong together.
    pub(super) fn check(&self) -> Result<(), KitError> {
        self.merchant()?;
        self.signers()?;
        self.platform_config()?;
        Ok(())
    }

    /// The merchant, with its credentials.
    pub(crate) fn merchant(&self) -> Result<Merchant, KitError> {
        let kit = self.kit();
        let certificate = self.certificate(&kit.merchant_cert, "merchant_serial", &kit.merchant_serial)?;
        let key = self.private_key(&kit.merchant_key)?;
        self.fits(&kit.merchant_key, &key, &kit.merchant_cert, certificate.public_key())?;
        Ok(Merchant {
            account: Account {
                mchid: kit.mchid.clone(),
                appids: vec![kit.appid.clone()],
                sub_merchants: Vec::new(),
            },
            serial: kit.merchant_serial.clone(),
            key: certificate.public_key().clone(),
            not_after: certificate.not_after(),
            api_v3_key: self.api_v3_key()?,
        })
    }

    /// The platform's own keys.
    pub(crate) fn signers(&self) -> Result<Signers, KitError> {
        let kit = self.kit();
        let certificate = self.certificate(&kit.platform_cert, "platform_serial", &kit.platform_serial)?;
        let certificate_key = self.private_key(CERTIFICATE_KEY)?;
        self.fits(CERTIFICATE_KEY, &certificate_key, &kit.platform_cert, certificate.public_key())?;
        let public_key = self.read(&kit.public_key, PublicKey::from_pem)?;
        let public_key_key = self.private_key(PUBLIC_KEY_KEY)?;
        self.fits(PUBLIC_KEY_KEY, &public_key_key, &kit.public_key, &public_key)?;
        Ok(Signers {
            certificate: SigningKey { serial: kit.platform_serial.clone(), key: certificate_key },
            public_key: SigningKey { serial: kit.public_key_id.clone(), key: public_key_key },
        })
    }

    /// What the platform has that no request changes.
    pub(crate) fn platform_config(&self) -> Result<PlatformConfig, KitError> {
        let certificate = self.read(&self.kit().platform_cert, Certificate::from_pem)?;
        let certificate = ListedCertificate {
            serial: certificate.serial().to_owned(),
            pem: self.platform_cert_pem()?,
            effective: certificate.not_before(),
            expire: certificate.not_after(),
        };
        Ok(PlatformConfig { certificate })
    }

    fn api_v3_key(&self) -> Result<ApiV3Key, KitError> {
        ApiV3Key::new(&self.kit().api_v3_key)
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

    /// A certificate that has the serial that `kit.json` says.
    fn certificate(&self, name: &str, member: &str, serial: &str) -> Result<Certificate, KitError> {
        let certificate = self.read(name, Certificate::from_pem)?;
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
