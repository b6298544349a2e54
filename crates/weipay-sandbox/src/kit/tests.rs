use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use super::*;
use crate::merchants::record::{CERTIFICATE_KEY, PUBLIC_KEY_KEY};
use crate::people::openid::is_openid;

/// One kit for the tests that only read it, with every kind of file that a kit can have.
static KIT_DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    init_with_platform_keys(dir.path(), PlatformKeys::Migration).unwrap();
    dir
});

/// A copy that a test may break.
fn copy() -> tempfile::TempDir {
    fn copy_folder(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy_folder(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy_folder(KIT_DIR.path(), dir.path());
    dir
}

fn files(dir: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    for folder in [dir.to_owned(), dir.join("keys"), dir.join("keys/platform")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.insert((path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn a_kit_has_exactly_its_thirteen_members() {
    let text = fs::read_to_string(KIT_DIR.path().join("kit.json")).unwrap();
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(members.keys().map(String::as_str).collect::<Vec<_>>(), Kit::MEMBERS);
}

#[test]
fn its_parts_have_the_official_forms() {
    let kit = open_or_make(KIT_DIR.path(), &Made::first(PlatformKeys::Migration)).unwrap().kit;
    assert!(kit.mchid.len() == 10 && kit.mchid.starts_with("19000"));
    assert!(kit.appid.len() == 18 && kit.appid.starts_with("wx"));
    assert!(is_openid(&kit.openid));
    assert_eq!((kit.api_v3_key.len(), kit.api_v2_key.len()), (32, 32));
    for serial in [&kit.merchant_serial, kit.platform_serial.as_ref().unwrap()] {
        assert!(
            serial.len() == 40
                && serial.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
        );
    }
    weipay_wire::PublicKeyId::new(kit.public_key_id.unwrap()).unwrap();
    weipay_wire::MerchantId::new(kit.mchid).unwrap();
}

#[test]
fn keys_and_certificates_belong_together() {
    let kit = open_or_make(KIT_DIR.path(), &Made::first(PlatformKeys::Migration)).unwrap();
    let merchant = PrivateKey::from_pem(&kit.merchant_key_pem().unwrap()).unwrap();
    assert_eq!(kit.merchant().unwrap().key, merchant.public_key());
    let certificate = Certificate::from_pem(&kit.merchant_cert_pem().unwrap()).unwrap();
    assert_eq!(certificate.subject_common_name(), Some(&*kit.kit.mchid));
    let signers = kit.merchant().unwrap().signers;
    let platform = Certificate::from_pem(&kit.platform_cert_pem().unwrap()).unwrap();
    assert_eq!(*platform.public_key(), signers.certificates[0].key.public_key());
    assert_eq!(platform.subject_common_name(), Some("weipay sandbox platform"));
    let public = weipay_wire::PublicKey::from_pem(&kit.public_key_pem().unwrap()).unwrap();
    assert_eq!(public, signers.public_keys[0].key.public_key());
}

#[test]
fn a_second_init_changes_nothing() {
    let dir = copy();
    let before = files(dir.path());
    init(dir.path()).unwrap();
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_crash_before_kit_json_is_completed_with_the_same_keys() {
    let dir = copy();
    let before = files(dir.path());
    fs::remove_file(dir.path().join("kit.json")).unwrap();
    fs::write(dir.path().join("kit.json.unfinished"), "{").unwrap();
    init(dir.path()).unwrap();
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_crash_while_keys_were_written_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("keys.unfinished/platform")).unwrap();
    fs::write(dir.path().join("keys.unfinished/apiclient_key.pem"), "half a k").unwrap();
    let kit = init(dir.path()).unwrap();
    kit.merchant().unwrap();
    assert!(!dir.path().join("keys.unfinished").exists());
}

#[test]
fn lost_keys_are_not_made_again() {
    let dir = copy();
    fs::remove_dir_all(dir.path().join("keys")).unwrap();
    let sentence = init(dir.path()).unwrap_err().to_string();
    assert!(sentence.contains("restore the keys"), "{sentence}");
    assert!(!dir.path().join("keys").exists());
}

#[test]
fn a_broken_kit_is_refused_with_the_file_that_is_broken() {
    for (name, content) in [("kit.json", "{}"), ("kit.json", "not json"), ("keys/apiclient_cert.pem", "x")] {
        let dir = copy();
        fs::write(dir.path().join(name), content).unwrap();
        let refusal = init(dir.path()).and_then(|kit| kit.merchant().map(|_| ())).unwrap_err();
        assert!(matches!(&refusal, KitError::Broken { path, .. } if path.ends_with(name)), "{refusal}");
    }
}

#[test]
fn a_kit_says_where_its_sandbox_is_and_nothing_else_changes() {
    let dir = copy();
    let mut kit = init(dir.path()).unwrap();
    assert_eq!(kit.kit.base_url, DEFAULT_BASE_URL);
    kit.serve_at("http://127.0.0.1:1234").unwrap();
    let again = init(dir.path()).unwrap().kit;
    assert_eq!(
        again,
        Kit {
            base_url: "http://127.0.0.1:1234".to_owned(),
            ..open_or_make(KIT_DIR.path(), &Made::first(PlatformKeys::Migration)).unwrap().kit
        }
    );
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_a_secret() {
    use std::os::unix::fs::PermissionsExt;
    let dir = copy();
    let mut kit = init(dir.path()).unwrap();
    kit.serve_at("http://127.0.0.1:1").unwrap();
    for (name, _) in files(KIT_DIR.path()) {
        let mode = fs::metadata(KIT_DIR.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", name.display());
    }
    assert_eq!(fs::metadata(kit.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Everything that a kit's parts are read for.
fn checked(dir: &Path) -> Result<(), KitError> {
    open_or_make(dir, &Made::first(PlatformKeys::Migration))?.check()
}

/// Every private key in turn is another one: a valid key that belongs to nothing here.
#[test]
fn a_private_key_that_does_not_fit_is_refused_with_both_names() {
    let stranger = PrivateKey::generate().unwrap().to_pkcs8_pem().unwrap();
    for (key, other) in [
        ("keys/apiclient_key.pem", "keys/apiclient_cert.pem"),
        (CERTIFICATE_KEY, "keys/wechatpay_cert.pem"),
        (PUBLIC_KEY_KEY, "keys/pub_key.pem"),
    ] {
        let dir = copy();
        fs::write(dir.path().join(key), &*stranger).unwrap();
        let refusal = checked(dir.path()).unwrap_err();
        assert!(matches!(&refusal, KitError::Broken { path, .. } if path.ends_with(key)), "{refusal}");
        let sentence = refusal.to_string();
        assert!(sentence.contains("not the private key of") && sentence.contains(other), "{sentence}");
        let lines: Vec<&str> = stranger.lines().filter(|line| line.len() > 8).collect();
        assert!(lines.iter().all(|line| !sentence.contains(line)), "{sentence}");
    }
}

#[test]
fn a_certificate_of_another_serial_is_refused() {
    for (member, name) in
        [("merchant_serial", "apiclient_cert.pem"), ("platform_serial", "wechatpay_cert.pem")]
    {
        let dir = copy();
        let mut kit: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(dir.path().join("kit.json")).unwrap()).unwrap();
        kit[member] = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".into();
        fs::write(dir.path().join("kit.json"), kit.to_string()).unwrap();
        let sentence = checked(dir.path()).unwrap_err().to_string();
        assert!(sentence.contains(member) && sentence.contains(name), "{sentence}");
    }
}

/// A certificate of a key that names the authority of the real platform.
fn certificate_of_the_platform(
    dir: &Path,
    key: &str,
    (kind, name): (rcgen::DnType, &str),
) -> (String, String) {
    let key = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(
        &fs::read_to_string(dir.join(key)).unwrap(),
        &rcgen::PKCS_RSA_SHA256,
    );
    let mut authority = rcgen::CertificateParams::default();
    authority.distinguished_name.push(kind, name);
    let issuer = rcgen::Issuer::from_params(&authority, rcgen::KeyPair::generate().unwrap());
    let made = rcgen::CertificateParams::default().signed_by(&key.unwrap(), &issuer).unwrap().pem();
    let serial = Certificate::from_pem(&made).unwrap().serial().to_owned();
    (made, serial)
}

/// Real ones are issued by `CN=Tenpay.com Root CA, O=Tenpay.com`; those of the platform itself by `CN=Tenpay.com sign CA` too.
#[test]
fn a_certificate_of_the_real_platform_is_refused_wherever_it_stands() {
    use rcgen::DnType::{CommonName, OrganizationName};
    for (issuer, [key, certificate, member]) in [
        ((CommonName, "Tenpay.com Root CA"), MERCHANT_FILES),
        ((OrganizationName, "Tenpay.com"), MERCHANT_FILES),
        ((CommonName, "TENPAY.COM sign CA"), PLATFORM_FILES),
    ] {
        let dir = copy();
        let (pem, serial) = certificate_of_the_platform(dir.path(), key, issuer);
        fs::write(dir.path().join(certificate), pem).unwrap();
        let mut kit: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(dir.path().join("kit.json")).unwrap()).unwrap();
        kit[member] = serial.into();
        fs::write(dir.path().join("kit.json"), kit.to_string()).unwrap();
        for refusal in [init(dir.path()).unwrap_err(), checked(dir.path()).unwrap_err()] {
            let sentence = refusal.to_string();
            assert!(sentence.contains(certificate) && sentence.contains("real WeChat Pay"), "{sentence}");
        }
    }
}

const MERCHANT_FILES: [&str; 3] = ["keys/apiclient_key.pem", "keys/apiclient_cert.pem", "merchant_serial"];
const PLATFORM_FILES: [&str; 3] = [CERTIFICATE_KEY, "keys/wechatpay_cert.pem", "platform_serial"];

/// Five at once: one makes the kit, the others are told why they did not, and the kit is whole.
#[test]
fn five_at_once_leave_one_whole_kit() {
    let dir = tempfile::tempdir().unwrap();
    let outcomes: Vec<Result<KitOnDisk, KitError>> = std::thread::scope(|scope| {
        let five: Vec<_> = (0..5).map(|_| scope.spawn(|| init(dir.path()))).collect();
        five.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().flatten().filter(|kit| kit.is_new()).count(), 1);
    for refusal in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(refusal, KitError::Folder(FolderError::InUse(_))), "{refusal}");
    }
    checked(dir.path()).unwrap();
}

/// As a merchant gets it: many programs read nothing else for APIv2.
#[test]
fn a_kit_has_the_certificate_with_its_key_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let kit = init(dir.path()).unwrap();
    let file = dir.path().join("keys/apiclient_cert.p12");
    let read = || ClientIdentity::from_pkcs12(&fs::read(&file).unwrap(), &kit.kit().mchid).unwrap();
    let same = Certificate::from_pem(&kit.merchant_cert_pem().unwrap()).unwrap();
    assert_eq!(read().certificate().as_der(), same.as_der());
    // A kit of a version that did not write it gets it, and so does one whose certificate was changed.
    let other = tempfile::tempdir().unwrap();
    let other = ClientIdentity::new(
        Certificate::from_pem(&init(other.path()).unwrap().merchant_cert_pem().unwrap()).unwrap(),
        PrivateKey::from_pem(&fs::read_to_string(other.path().join("keys/apiclient_key.pem")).unwrap())
            .unwrap(),
    );
    let of_another = other.unwrap().to_pkcs12(&kit.kit().mchid).unwrap();
    for before in [None, Some(&of_another[..]), Some(b"damaged")] {
        match before {
            None => fs::remove_file(&file).unwrap(),
            Some(bytes) => fs::write(&file, bytes).unwrap(),
        }
        init(dir.path()).unwrap();
        assert_eq!(read().certificate().as_der(), same.as_der());
    }
}
