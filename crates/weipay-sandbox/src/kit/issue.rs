//! Making a kit: a merchant, its key and certificate, and the platform's two keys.
//!
//! Nothing here can be mistaken for the real thing: the certificates name the sandbox, and the number of the
//! first merchant is in the range that the documentation uses for examples. Its number, appid and openid are
//! the same in every data folder, so that the samples of requests that `weipay api show` prints are this
//! merchant's; keys are created for each.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, SerialNumber};
use time::{Duration, OffsetDateTime};
use weipay_catalog::sample::{APPID, MCHID, OPENID};
use weipay_wire::{Certificate, Kit, PrivateKey};
use zeroize::Zeroizing;

use super::{DEFAULT_BASE_URL, KitError};
use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::record::{CERTIFICATE_KEY, CertificateState, KeyName, PUBLIC_KEY_KEY, PlatformKeys};
use crate::merchants::rotation::KeyKind;

/// A kit that is not on disk yet.
pub(super) struct Issued {
    pub(super) kit: Kit,
    /// File names relative to the data folder, and what goes into them.
    pub(super) files: Vec<(String, Zeroizing<String>)>,
}

const MERCHANT_KEY: &str = "keys/apiclient_key.pem";
const MERCHANT_CERT: &str = "keys/apiclient_cert.pem";
const PUBLIC_KEY: &str = "keys/pub_key.pem";
const PLATFORM_CERT: &str = "keys/wechatpay_cert.pem";

/// The options of a new kit.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) mchid: String,
    pub(crate) appid: String,
    pub(crate) openid: String,
    /// Which keys of the platform the kit has.
    pub(crate) platform_keys: PlatformKeys,
    /// Decides the dates of the merchant's certificate.
    pub(crate) certificate: CertificateState,
}

impl Made {
    /// The default of the first merchant of a data folder.
    pub(super) const FIRST_PLATFORM_KEYS: PlatformKeys = PlatformKeys::PublicKey;

    /// The merchant of the documentation's examples.
    pub(super) fn first(platform_keys: PlatformKeys) -> Self {
        Self {
            mchid: MCHID.to_owned(),
            appid: APPID.to_owned(),
            openid: OPENID.to_owned(),
            platform_keys,
            certificate: CertificateState::Valid,
        }
    }
}

/// Makes everything. RSA keys take their time, so they are made side by side.
pub(super) fn issue(made: &Made) -> Result<Issued, KitError> {
    let mode = made.platform_keys;
    let [merchant, certificate, public_key] = keys([true, mode.has_certificate(), mode.has_public_key()])?;
    let merchant = merchant.ok_or_else(|| unmade("the merchant has no key"))?;
    let entropy = Entropy::system();
    let merchant_key = pem(&merchant)?;
    let merchant_cert = certify(&merchant_key, &made.mchid, made.certificate, 1, &entropy)?;
    let mut kit = Kit {
        base_url: DEFAULT_BASE_URL.to_owned(),
        mchid: made.mchid.clone(),
        merchant_serial: serial(&merchant_cert)?,
        merchant_key: MERCHANT_KEY.to_owned(),
        merchant_cert: MERCHANT_CERT.to_owned(),
        api_v3_key: entropy.letters_and_digits(32),
        api_v2_key: entropy.letters_and_digits(32),
        public_key_id: None,
        public_key: None,
        platform_serial: None,
        platform_cert: None,
        appid: made.appid.clone(),
        openid: made.openid.clone(),
    };
    let mut files = vec![
        (MERCHANT_KEY.to_owned(), merchant_key),
        (MERCHANT_CERT.to_owned(), Zeroizing::new(merchant_cert)),
    ];
    for (key, kind) in [(certificate, KeyKind::Certificate), (public_key, KeyKind::PublicKey)] {
        let Some(key) = key else { continue };
        let made = platform_key(&key, kind, &made.mchid, 1)?;
        let (name, file) = (Some(made.name.name), Some(made.name.file));
        match kind {
            KeyKind::Certificate => (kit.platform_serial, kit.platform_cert) = (name, file),
            KeyKind::PublicKey => (kit.public_key_id, kit.public_key) = (name, file),
        }
        files.extend(made.files);
    }
    Ok(Issued { kit, files })
}

/// A key of the platform that is not on disk yet.
pub(super) struct PlatformKey {
    pub(super) name: KeyName,
    pub(super) files: Vec<(String, Zeroizing<String>)>,
}

/// Makes the key of this number for a merchant.
pub(super) fn new_platform_key(kind: KeyKind, mchid: &str, number: u32) -> Result<PlatformKey, KitError> {
    platform_key(&PrivateKey::generate().map_err(unmade)?, kind, mchid, number)
}

fn platform_key(key: &PrivateKey, kind: KeyKind, mchid: &str, number: u32) -> Result<PlatformKey, KitError> {
    let entropy = Entropy::system();
    let private = pem(key)?;
    let (name, public, file, key_file) = match kind {
        KeyKind::PublicKey => {
            let public = key.public_key().to_spki_pem();
            (public_key_id(mchid, &entropy), public, PUBLIC_KEY, PUBLIC_KEY_KEY)
        }
        KeyKind::Certificate => {
            let public =
                certify(&private, "weipay sandbox platform", CertificateState::Valid, number, &entropy)?;
            (serial(&public)?, public, PLATFORM_CERT, CERTIFICATE_KEY)
        }
    };
    let numbered = |file: &str| match number {
        1 => file.to_owned(),
        number => file.replace(".pem", &format!("_{number}.pem")),
    };
    let name = KeyName { name, file: numbered(file), key_file: numbered(key_file) };
    let files = vec![(name.file.clone(), Zeroizing::new(public)), (name.key_file.clone(), private)];
    Ok(PlatformKey { name, files })
}

fn unmade(error: impl ToString) -> KitError {
    KitError::Unmade(error.to_string())
}

/// Makes those that are wanted.
fn keys(wanted: [bool; 3]) -> Result<[Option<PrivateKey>; 3], KitError> {
    let generate = |wanted: bool| wanted.then(|| thread::spawn(PrivateKey::generate));
    let made = |thread: Option<thread::JoinHandle<_>>| match thread.map(thread::JoinHandle::join) {
        None => Ok(None),
        Some(Ok(key)) => Result::map_err(key, unmade).map(Some),
        Some(Err(_)) => Err(unmade("the thread that made it stopped")),
    };
    let [first, second, third] = wanted.map(generate);
    Ok([made(first)?, made(second)?, made(third)?])
}

fn pem(key: &PrivateKey) -> Result<Zeroizing<String>, KitError> {
    key.to_pkcs8_pem().map_err(unmade)
}

fn serial(certificate: &str) -> Result<String, KitError> {
    Ok(Certificate::from_pem(certificate).map_err(unmade)?.serial().to_owned())
}

/// `PUB_KEY_ID_`, then a constant, the merchant, the day and a serial, in the real one's proportions.
fn public_key_id(mchid: &str, entropy: &Entropy) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let day = clock::compact_day(now.cast_signed());
    format!("PUB_KEY_ID_01{mchid}{day}{}", entropy.digits(12))
}

/// A certificate of a key by itself. Its dates fit its state. A real one is for five years; this one is for five before and after
/// now, so that the sandbox's clock can go far in both directions. Of the same holder's the one with the greater number
/// begins and ends later, by a day for each: clients take the newest.
fn certify(
    key: &str,
    common_name: &str,
    state: CertificateState,
    number: u32,
    entropy: &Entropy,
) -> Result<String, KitError> {
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(key, &PKCS_RSA_SHA256).map_err(unmade)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(DnType::OrganizationName, "weipay sandbox");
    let now = OffsetDateTime::now_utc();
    let life = Duration::days(5 * 365);
    (params.not_before, params.not_after) = match state {
        CertificateState::Expired => (now - life, now - Duration::DAY),
        CertificateState::NotYetValid => (now + Duration::days(30), now + life),
        // Valid for some time already: the sandbox's clock may be behind the machine's.
        CertificateState::Valid | CertificateState::Revoked => {
            let later = Duration::days(number.into());
            (now - life + later, now + life + later)
        }
    };
    params.serial_number = Some(SerialNumber::from_slice(&certificate_serial(entropy)));
    Ok(params.self_signed(&key).map_err(unmade)?.pem())
}

/// Twenty bytes, of which the first is neither zero nor a sign: forty hexadecimal digits.
fn certificate_serial(entropy: &Entropy) -> [u8; 20] {
    let mut serial = [0; 20];
    entropy.fill(&mut serial);
    serial[0] = (serial[0] & 0x7F) | 0x40;
    serial
}
