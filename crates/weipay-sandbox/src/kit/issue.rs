//! Making a kit: a merchant, its key and certificate, and the platform's two keys.
//!
//! Nothing here can be mistaken for the real thing: the merchant number is in the range that the documentation uses for
//! examples, and the certificates name the sandbox. Merchant number, appid and openid are the same in every kit, so that the
//! samples of requests that `weipay api show` prints are this merchant's; keys are made anew for each.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, SerialNumber};
use time::{Duration, OffsetDateTime};
use weipay_catalog::sample::{APPID, MCHID, OPENID};
use weipay_wire::{Certificate, Kit, PrivateKey};
use zeroize::Zeroizing;

use super::{CERTIFICATE_KEY, DEFAULT_BASE_URL, KitError, PUBLIC_KEY_KEY};
use crate::clock;
use crate::entropy::Entropy;

/// A kit that is not on disk yet.
pub(super) struct Issued {
    pub(super) kit: Kit,
    /// File names relative to the data directory, and what goes into them.
    pub(super) files: Vec<(&'static str, Zeroizing<String>)>,
}

const MERCHANT_KEY: &str = "keys/apiclient_key.pem";
const MERCHANT_CERT: &str = "keys/apiclient_cert.pem";
const PUBLIC_KEY: &str = "keys/pub_key.pem";
const PLATFORM_CERT: &str = "keys/wechatpay_cert.pem";

/// Makes everything. Three RSA keys take their time, so they are made side by side.
pub(super) fn issue() -> Result<Issued, KitError> {
    let [merchant, certificate, public_key] = three_keys()?;
    let entropy = Entropy::system();
    let mchid = MCHID.to_owned();
    let merchant_key = pem(&merchant)?;
    let certificate_key = pem(&certificate)?;
    let merchant_cert = certify(&merchant_key, &mchid, &entropy)?;
    let platform_cert = certify(&certificate_key, "weipay sandbox platform", &entropy)?;
    let kit = Kit {
        base_url: DEFAULT_BASE_URL.to_owned(),
        merchant_serial: serial(&merchant_cert)?,
        merchant_key: MERCHANT_KEY.to_owned(),
        merchant_cert: MERCHANT_CERT.to_owned(),
        api_v3_key: entropy.letters_and_digits(32),
        api_v2_key: entropy.letters_and_digits(32),
        public_key_id: public_key_id(&mchid, &entropy),
        public_key: PUBLIC_KEY.to_owned(),
        platform_serial: serial(&platform_cert)?,
        platform_cert: PLATFORM_CERT.to_owned(),
        appid: APPID.to_owned(),
        openid: OPENID.to_owned(),
        mchid,
    };
    let files = vec![
        (MERCHANT_KEY, merchant_key),
        (MERCHANT_CERT, Zeroizing::new(merchant_cert)),
        (PUBLIC_KEY, Zeroizing::new(public_key.public_key().to_spki_pem())),
        (PLATFORM_CERT, Zeroizing::new(platform_cert)),
        (CERTIFICATE_KEY, certificate_key),
        (PUBLIC_KEY_KEY, pem(&public_key)?),
    ];
    Ok(Issued { kit, files })
}

fn unmade(error: impl ToString) -> KitError {
    KitError::Unmade(error.to_string())
}

fn three_keys() -> Result<[PrivateKey; 3], KitError> {
    let generate = || thread::spawn(PrivateKey::generate);
    let [first, second, third] = [generate(), generate(), generate()].map(|thread| match thread.join() {
        Ok(key) => key.map_err(unmade),
        Err(_) => Err(unmade("the thread that made it stopped")),
    });
    Ok([first?, second?, third?])
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
    let day: String =
        clock::rfc3339(now.cast_signed()).chars().filter(char::is_ascii_digit).take(8).collect();
    format!("PUB_KEY_ID_01{mchid}{day}{}", entropy.digits(12))
}

/// A certificate of a key by itself, for five years like the real ones.
fn certify(key: &str, common_name: &str, entropy: &Entropy) -> Result<String, KitError> {
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(key, &PKCS_RSA_SHA256).map_err(unmade)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(DnType::OrganizationName, "weipay sandbox");
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::DAY, now + Duration::days(5 * 365));
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
