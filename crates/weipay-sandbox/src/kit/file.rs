//! The kit's files: written so that no other user can read them, and replaced in one step.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};
use weipay_wire::{Kit, MerchantId, MerchantSerial, PlatformSerial, PublicKeyId, looks_like_path};
use zeroize::Zeroizing;

use super::KitError;
use crate::data_folder::private;

/// Makes a folder that only its owner can enter.
pub(super) fn make_folder(path: &Path) -> Result<(), KitError> {
    private::make_folder(path).map_err(|error| KitError::File { path: path.to_owned(), error })
}

/// Writes a new file that only its owner can read, down to the disk.
pub(super) fn write_secret(path: &Path, content: &[u8]) -> Result<(), KitError> {
    let write = || {
        let mut file = private::open_file(OpenOptions::new().write(true).create_new(true), path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| KitError::File { path: path.to_owned(), error })
}

/// Puts a file in the place of another in one step: a reader sees the old one or the new one, never half.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), KitError> {
    let failed = |error| KitError::File { path: path.to_owned(), error };
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let beside = path.with_extension(format!("{extension}.unfinished"));
    if beside.exists() {
        fs::remove_file(&beside).map_err(failed)?;
    }
    let written = write_secret(&beside, content).and_then(|()| fs::rename(&beside, path).map_err(failed));
    if written.is_err() {
        // Half of a file, which may hold a key. What failed is told.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// The longest file that belongs to a kit.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a file of a kit. A device may never end and a named pipe makes its reader wait: neither is opened.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, KitError> {
    use std::io::Read;

    let failed = |error| KitError::File { path: path.to_owned(), error };
    let broken = |reason: String| KitError::Broken { path: path.to_owned(), reason };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(broken("it is not a regular file".to_owned()));
    }
    // Full capacity from the start: growing would leave copies of a private key behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_BYTES + 1).unwrap_or_default()));
    fs::File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(broken(format!("it is longer than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// `kit.json`, one member a line.
pub(super) fn to_json(kit: &Kit) -> Zeroizing<String> {
    let members: Map<String, Value> =
        kit.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Zeroizing::new(format!("{:#}\n", Value::Object(members)))
}

/// Reads `kit.json`. What stands in a member is not repeated: it may be a key in the wrong place.
pub(super) fn from_json(text: &str) -> Result<Kit, String> {
    let members: Map<String, Value> =
        serde_json::from_str(text.trim_start_matches('\u{FEFF}')).map_err(|error| {
            format!("it is not an object of JSON, at line {} column {}", error.line(), error.column())
        })?;
    let kit = Kit::from_members(|name| members.get(name)?.as_str().map(|text| text.trim().to_owned()))
        .map_err(|error| error.to_string())?;
    check(&kit)?;
    Ok(kit)
}

/// Whether every member is what its name says, as far as its form tells.
fn check(kit: &Kit) -> Result<(), String> {
    let named = |member: &str, error: &dyn std::fmt::Display| format!("`{member}`: {error}");
    MerchantId::new(kit.mchid.as_str()).map_err(|error| named("mchid", &error))?;
    MerchantSerial::new(kit.merchant_serial.as_str()).map_err(|error| named("merchant_serial", &error))?;
    if let Some(serial) = &kit.platform_serial {
        PlatformSerial::new(serial.as_str()).map_err(|error| named("platform_serial", &error))?;
    }
    if let Some(id) = &kit.public_key_id {
        PublicKeyId::new(id.as_str()).map_err(|error| named("public_key_id", &error))?;
    }
    for (member, file) in [
        ("merchant_key", Some(&kit.merchant_key)),
        ("merchant_cert", Some(&kit.merchant_cert)),
        ("public_key", kit.public_key.as_ref()),
        ("platform_cert", kit.platform_cert.as_ref()),
    ] {
        if file.is_some_and(|file| !looks_like_path(file)) {
            return Err(named(member, &"it is not the name of a file, such as keys/apiclient_key.pem"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(changed: &str, value: &str) -> String {
        let members = Kit::MEMBERS.map(|name| {
            let text = match name {
                "mchid" => "1900000001",
                "merchant_serial" | "platform_serial" => "0C4AEF34B89340881BB2B25226393DC2E47F094B",
                "public_key_id" => "PUB_KEY_ID_0119000000012026",
                "merchant_key" | "merchant_cert" | "public_key" | "platform_cert" => "keys/file.pem",
                _ => "x",
            };
            (name.to_owned(), Value::from(if name == changed { value } else { text }))
        });
        Value::Object(Map::from_iter(members)).to_string()
    }

    #[test]
    fn a_kit_is_read_with_what_editors_leave_in_it() {
        let plain = from_json(&kit("", "")).unwrap();
        assert_eq!(from_json(&format!("\u{FEFF}{}\r\n", kit("", ""))).unwrap(), plain);
        assert_eq!(from_json(&kit("mchid", " 1900000001\r\n")).unwrap(), plain);
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_refused_and_not_repeated() {
        let secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
        for member in Kit::MEMBERS {
            for value in [secret, &pem] {
                if let Err(reason) = from_json(&kit(member, value)) {
                    assert!(reason.contains(member) && !reason.contains("MIIE"), "{reason}");
                }
            }
        }
        assert!(from_json(&kit("merchant_key", &pem)).unwrap_err().contains("`merchant_key`"));
        assert!(!from_json(&format!("[\"{secret}\"]")).unwrap_err().contains("MIIE"));
    }

    #[cfg(unix)]
    #[test]
    fn only_a_file_that_ends_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("kit.json");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert!(read(&link).unwrap_err().to_string().contains("not a regular file"));
        let large = folder.path().join("large");
        fs::write(&large, vec![b' '; 70_000]).unwrap();
        assert!(read(&large).unwrap_err().to_string().contains("longer than"));
    }
}
