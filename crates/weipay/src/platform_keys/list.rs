//! The list of platform certificates (平台证书列表): what the platform sends when a client asks for them.

use serde_json::Value;
use weipay_wire::{ApiV3Key, Certificate, Envelope, EnvelopeAlgorithm, is_same_serial};

use crate::json;

/// How many entries are read. The platform lists one certificate, or two while they change.
pub(super) const MAX_ENTRIES: usize = 64;

/// The certificates of a list.
pub(super) struct Listed {
    pub(super) certificates: Vec<Certificate>,
    /// Whether it has more entries than are read.
    pub(super) is_cut: bool,
}

/// The certificates that the APIv3 key decrypts. Entries of another algorithm (国密, without the feature `sm`) are left out.
///
/// # Errors
///
/// If there is none. The reason continues a sentence about the response.
pub(super) fn read(body: &[u8], key: &ApiV3Key) -> Result<Listed, String> {
    if !json::fits(body) {
        return Err(json::too_large());
    }
    let list: Value = serde_json::from_slice(body).map_err(|error| json::reason(&error))?;
    let entries = member(&list, "data").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| "it has no list `data` of certificates".to_owned())?;
    let mut certificates = Vec::new();
    let mut problem = "it lists no certificate".to_owned();
    for entry in entries.iter().take(MAX_ENTRIES) {
        match open(entry, key) {
            Ok(certificate) => certificates.push(certificate),
            Err(reason) => problem = format!("no certificate in it can be used: {reason}"),
        }
    }
    if certificates.is_empty() {
        return Err(problem);
    }
    Ok(Listed { certificates, is_cut: entries.len() > MAX_ENTRIES })
}

fn open(entry: &Value, key: &ApiV3Key) -> Result<Certificate, String> {
    let sealed = member(entry, "encrypt_certificate").ok_or("`encrypt_certificate` is missing")?;
    let text = |name: &str| member(sealed, name).and_then(Value::as_str);
    let envelope = Envelope {
        nonce: text("nonce").ok_or("`nonce` is missing")?,
        associated_data: text("associated_data").unwrap_or_default(),
        ciphertext: text("ciphertext").ok_or("`ciphertext` is missing")?,
    };
    let algorithm = match text("algorithm").map(str::trim) {
        Some(name) => EnvelopeAlgorithm::from_name(name).ok_or("`algorithm` is not supported")?,
        None => EnvelopeAlgorithm::default(),
    };
    let pem = key.open_with(algorithm, &envelope).map_err(|error| error.to_string())?;
    let certificate = Certificate::from_pem_bytes(&pem).map_err(|error| error.to_string())?;
    match member(entry, "serial_no").and_then(Value::as_str) {
        Some(serial) if !is_same_serial(serial.trim(), certificate.serial()) => {
            Err("`serial_no` is not the serial of the certificate inside".to_owned())
        }
        _ => Ok(certificate),
    }
}

/// A member by its name. Official examples write some names with a blank at the end.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.as_object()?.iter().find(|(written, _)| written.trim() == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
    use serde_json::json;
    use weipay_wire::PrivateKey;

    use super::*;

    fn key() -> ApiV3Key {
        ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()
    }

    fn entry(sealed_with: &ApiV3Key, content: &str, serial: &str) -> Value {
        let ciphertext = sealed_with.seal("61f9c719728a", "certificate", content.as_bytes()).unwrap();
        json!({
            "serial_no": serial,
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "61f9c719728a",
                "associated_data": "certificate",
                "ciphertext": ciphertext,
            },
        })
    }

    fn certificate() -> (String, String) {
        let pem = PrivateKey::generate().unwrap().to_pkcs8_pem().unwrap();
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).unwrap();
        let pem = CertificateParams::default().self_signed(&pair).unwrap().pem();
        let serial = Certificate::from_pem(&pem).unwrap().serial().to_owned();
        (pem, serial)
    }

    fn serials(body: &Value) -> Result<Vec<String>, String> {
        let found = read(body.to_string().as_bytes(), &key())?;
        Ok(found.certificates.iter().map(|one| one.serial().to_owned()).collect())
    }

    #[test]
    fn names_with_blanks_and_serials_in_lower_case_are_read() {
        let (pem, serial) = certificate();
        let mut written = entry(&key(), &pem, &serial.to_lowercase());
        let sealed = written.as_object_mut().unwrap().remove("encrypt_certificate").unwrap();
        written["encrypt_certificate "] = sealed;
        assert_eq!(serials(&json!({"data ": [written], "more": 1})), Ok(vec![serial]));
    }

    #[test]
    fn what_cannot_be_used_is_left_out_while_one_can() {
        let (pem, serial) = certificate();
        let other = ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap();
        let list = json!({"data": [
            entry(&other, &pem, "1"),
            entry(&key(), "-----BEGIN NOTHING-----", "2"),
            entry(&key(), &pem, "0C4A"),
            7,
            entry(&key(), &pem, &serial),
        ]});
        assert_eq!(serials(&list), Ok(vec![serial]));
    }

    #[test]
    fn a_list_without_a_usable_certificate_says_why() {
        let (pem, serial) = certificate();
        let other = ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap();
        for (list, reason) in [
            (json!({"data": []}), "lists no certificate"),
            (json!({}), "no list `data`"),
            (json!([]), "no list `data`"),
            (json!({"data": "x"}), "no list `data`"),
            (json!({"data": [entry(&other, &pem, &serial)]}), "APIv3密钥"),
            (json!({"data": [{"serial_no": serial}]}), "`encrypt_certificate` is missing"),
            (json!({"data": [entry(&key(), &pem, "0C4A")]}), "`serial_no`"),
        ] {
            let problem = serials(&list).unwrap_err();
            assert!(problem.contains(reason), "{problem}");
        }
        assert!(read(b"<html>", &key()).is_err());
        assert!(read(b"", &key()).is_err());
    }

    #[test]
    fn a_long_list_is_read_up_to_a_limit() {
        let (pem, serial) = certificate();
        let entries: Vec<_> = (0..1_000).map(|_| entry(&key(), &pem, &serial)).collect();
        let list = |count| json!({"data": &entries[..count]}).to_string();
        for (count, is_cut) in [(1_000, true), (MAX_ENTRIES, false)] {
            let listed = read(list(count).as_bytes(), &key()).unwrap();
            assert_eq!((listed.certificates.len(), listed.is_cut), (MAX_ENTRIES, is_cut));
        }
    }
}
