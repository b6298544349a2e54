//! Settings as people give them: what is read without guessing, and what an error may say of the rest.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use weipay_sandbox::{PlatformKeys, kit};

use super::*;

/// A kit, made once. Tests that change it work on a copy.
static KIT: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file =
        kit::init_with_platform_keys(folder.path(), PlatformKeys::Migration).unwrap().file().to_owned();
    (folder, file)
});

fn member(name: &str) -> String {
    let kit: Value = serde_json::from_str(&fs::read_to_string(&KIT.1).unwrap()).unwrap();
    kit[name].as_str().unwrap().to_owned()
}

fn file(name: &str) -> PathBuf {
    KIT.1.parent().unwrap().join(member(name))
}

fn pem(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// The kit's folder copied, with members replaced.
fn kit_with(changes: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut kit: Value = serde_json::from_str(&fs::read_to_string(&KIT.1).unwrap()).unwrap();
    fs::create_dir(folder.path().join("keys")).unwrap();
    for name in ["merchant_key", "merchant_cert", "public_key", "platform_cert"] {
        fs::copy(file(name), folder.path().join(member(name))).unwrap();
    }
    for (name, value) in changes {
        kit[*name] = json!(value);
    }
    let file = folder.path().join("kit.json");
    fs::write(&file, kit.to_string()).unwrap();
    (folder, file)
}

fn variables() -> HashMap<&'static str, String> {
    HashMap::from([
        ("WEIPAY_MCHID", member("mchid")),
        ("WEIPAY_MERCHANT_SERIAL", member("merchant_serial")),
        ("WEIPAY_MERCHANT_KEY", pem("merchant_key")),
        ("WEIPAY_PUBLIC_KEY_ID", member("public_key_id")),
        ("WEIPAY_PUBLIC_KEY", pem("public_key")),
        ("WEIPAY_API_V3_KEY", member("api_v3_key")),
        ("WEIPAY_BASE_URL", member("base_url")),
    ])
}

fn from(variables: &HashMap<&str, String>) -> Result<ClientBuilder, ConfigError> {
    ClientBuilder::from_variables(|name| variables.get(name).map(OsString::from))
}

/// A variable that a kit neither sets nor unsets would keep the value of the shell.
#[test]
fn a_kit_sets_or_unsets_every_variable_that_is_read() {
    let mut variables = variables();
    variables.insert("WEIPAY_MERCHANT_CERTIFICATE", pem("merchant_cert"));
    let read = RefCell::new(BTreeSet::new());
    let get = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        variables.get(name).map(OsString::from)
    };
    let _ = ClientBuilder::from_variables(get).unwrap();
    let kit = kit::read(KIT.0.path()).unwrap();
    let set = kit.variables().into_iter().map(|(name, _)| name);
    let known: BTreeSet<_> = set.chain(kit.variables_to_unset()).map(str::to_owned).collect();
    assert_eq!(read.into_inner(), known);
}

fn with(name: &'static str, value: &str) -> Result<crate::core::Core, ConfigError> {
    let mut variables = variables();
    variables.insert(name, value.to_owned());
    from(&variables).and_then(|builder| builder.into_core(false))
}

/// The error, printed in every way.
fn told<T>(result: Result<T, ConfigError>) -> String {
    let error = result.err().expect("it was accepted");
    format!("{error} {error:?} {error:#?}")
}

/// No twelve letters in a row of the value are in the text.
fn assert_tells_nothing_of(value: &str, text: &str) {
    for run in value.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|run| run.len() >= 12) {
        assert!(!text.contains(&run[..12]), "{text}");
    }
}

#[test]
fn all_variables_that_are_missing_are_told_at_once() {
    let error = from(&HashMap::new()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "these environment variables are not set: WEIPAY_MCHID, WEIPAY_MERCHANT_SERIAL, WEIPAY_MERCHANT_KEY, \
         WEIPAY_PUBLIC_KEY_ID, WEIPAY_PUBLIC_KEY. Instead of the public key you can set WEIPAY_PLATFORM_CERTIFICATES or \
         WEIPAY_API_V3_KEY. The merchant platform has their values under 账户中心 (keys under API安全); `weipay sandbox env` prints \
         those of a sandbox"
    );
    let mut some = variables();
    some.insert("WEIPAY_MCHID", " \r\n".to_owned());
    some.remove("WEIPAY_PUBLIC_KEY");
    let error = from(&some).err().unwrap().to_string();
    assert!(
        error.starts_with("these environment variables are not set: WEIPAY_MCHID, WEIPAY_PUBLIC_KEY. The"),
        "{error}"
    );
}

/// The variables with the platform's keys, and nothing else of them, set to these.
fn with_keys(keys: &[(&'static str, &str)]) -> Result<crate::core::Core, ConfigError> {
    let mut variables = variables();
    for name in ["WEIPAY_PUBLIC_KEY_ID", "WEIPAY_PUBLIC_KEY", "WEIPAY_API_V3_KEY"] {
        variables.remove(name);
    }
    variables.extend(keys.iter().map(|(name, value)| (*name, (*value).to_owned())));
    from(&variables).and_then(|builder| builder.into_core(false))
}

fn serials(core: &crate::core::Core) -> Vec<String> {
    core.platform().keys().serials().map(str::to_owned).collect()
}

#[test]
fn one_of_public_key_certificates_and_api_v3_key_is_enough() {
    let (id, key, api_v3_key) = (member("public_key_id"), pem("public_key"), member("api_v3_key"));
    let certificate = file("platform_cert").display().to_string();
    let public = [("WEIPAY_PUBLIC_KEY_ID", &*id), ("WEIPAY_PUBLIC_KEY", &*key)];
    let listed = ("WEIPAY_PLATFORM_CERTIFICATES", &*certificate);
    assert_eq!(serials(&with_keys(&public).unwrap()), [member("public_key_id")]);
    assert_eq!(serials(&with_keys(&[listed]).unwrap()), [member("platform_serial")]);
    assert!(serials(&with_keys(&[("WEIPAY_API_V3_KEY", &api_v3_key)]).unwrap()).is_empty());
    assert_eq!(serials(&with_keys(&[public[0], public[1], listed]).unwrap()).len(), 2);
    for half in public {
        let told = told(with_keys(&[half, listed]));
        let other = public.iter().find(|one| one.0 != half.0).unwrap().0;
        assert!(told.starts_with(&format!("these environment variables are not set: {other}. ")), "{told}");
    }
}

#[test]
fn platform_certificates_are_paths_as_in_the_path_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let (_other_folder, other_kit) = {
        let folder = tempfile::tempdir().unwrap();
        let file =
            kit::init_with_platform_keys(folder.path(), PlatformKeys::Migration).unwrap().file().to_owned();
        (folder, file)
    };
    let other: Value = serde_json::from_str(&fs::read_to_string(&other_kit).unwrap()).unwrap();
    let other = other_kit.parent().unwrap().join(other["platform_cert"].as_str().unwrap());
    let (one, other) = (file("platform_cert"), other);
    let both = folder.path().join("both of them.pem");
    let content = format!("# platform\n{}\r\n{}", pem("platform_cert"), fs::read_to_string(&other).unwrap());
    fs::write(&both, &content).unwrap();
    let joined = env::join_paths([&one, &other]).unwrap().into_string().unwrap();
    let between = env::join_paths(["", ""]).unwrap().into_string().unwrap();
    for value in [
        joined.clone(),
        format!("\"{joined}{between}\"\r\n"),
        both.display().to_string(),
        content.clone(),
        content.replace('\n', "\\n"),
    ] {
        let core = with_keys(&[("WEIPAY_PLATFORM_CERTIFICATES", &value)]).unwrap();
        assert_eq!(serials(&core).len(), 2, "{value}");
    }
    for (value, said) in [
        ("no/such/certificate.pem", "no/such/certificate.pem cannot be read"),
        (&*between, "names no file"),
        (&*file("public_key").display().to_string(), "CERTIFICATE"),
        (&*file("merchant_cert").display().to_string(), "merchant's own key"),
    ] {
        let told = told(with_keys(&[("WEIPAY_PLATFORM_CERTIFICATES", value)]));
        assert!(told.contains(said), "{said}: {told}");
    }
    let key = pem("merchant_key");
    let inner: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    for secret in [&key, &inner, &member("api_v3_key")] {
        assert_tells_nothing_of(secret, &told(with_keys(&[("WEIPAY_PLATFORM_CERTIFICATES", secret)])));
    }
}

#[test]
fn every_setting_is_read_with_what_copying_leaves_around_it() {
    for around in [" VALUE ", "\u{FEFF}VALUE", "VALUE\r\n", "\"VALUE\"", "'VALUE'\r", "\tVALUE\n\n"] {
        let given: HashMap<_, _> =
            variables().into_iter().map(|(name, value)| (name, around.replace("VALUE", &value))).collect();
        let core = from(&given)
            .and_then(|builder| builder.into_core(false))
            .unwrap_or_else(|error| panic!("{around:?}: {error}"));
        assert_eq!(core.merchant.account.mchid().unwrap().as_str(), member("mchid"));
        assert_eq!(format!("{}/", core.base_url), format!("{}/", member("base_url").trim_end_matches('/')));
    }
}

#[test]
fn a_key_is_read_with_escaped_line_breaks_or_from_a_file() {
    let key = pem("merchant_key");
    let path = file("merchant_key").display().to_string();
    for value in [
        key.replace('\n', "\\n"),
        format!("\"{}\"", key.replace('\n', "\\n")),
        path.clone(),
        format!("{path}\r\n"),
    ] {
        with("WEIPAY_MERCHANT_KEY", &value).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key with a mark.pem");
    for content in [
        format!("\u{FEFF}{key}"),
        key.replace('\n', "\r\n"),
        key.replace('\n', "\\n"),
        format!("{key}  \n\n"),
    ] {
        fs::write(&file, content).unwrap();
        with("WEIPAY_MERCHANT_KEY", file.to_str().unwrap()).unwrap();
    }
}

#[test]
fn a_key_in_a_form_that_is_not_read_is_described_and_never_printed() {
    let key = pem("merchant_key");
    let inner: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let first = key.lines().nth(1).unwrap();
    for (value, said) in [
        (inner.as_str(), "base64, without its PEM lines"),
        (&key.replacen("-----BEGIN PRIVATE KEY-----\n", "", 1), "has no `-----BEGIN"),
        (&key.replacen("-----BEGIN", "----BEGIN", 1), "five dashes"),
        (&key.replacen("KEY-----", "KEY----", 1), "five dashes"),
        (&key.replacen("-----END PRIVATE KEY-----", "", 1), "-----END"),
        (&key.replace('-', "－"), "full-width"),
        (&key.replace("--", "—"), "typographic"),
        (&base64_of(&key), "encoded in base64 once more"),
        (first, "base64 without its PEM lines"),
        (&format!("/{inner}"), "WEIPAY_MERCHANT_KEY"),
        (&format!("/etc/{first}"), "WEIPAY_MERCHANT_KEY"),
        (&format!("{first}.pem"), "WEIPAY_MERCHANT_KEY"),
        (&format!("file:{first}"), "WEIPAY_MERCHANT_KEY"),
        (&key.lines().take(3).collect::<Vec<_>>().join("\n"), "-----END"),
        ("apiclient_key", "not the path of a file"),
    ] {
        for name in ["WEIPAY_MERCHANT_KEY", "WEIPAY_PUBLIC_KEY"] {
            let text = told(with(name, value));
            assert!(text.contains(&said.replace("WEIPAY_MERCHANT_KEY", name)), "{said}: {text}");
            assert!(text.contains(name), "{text}");
            assert_tells_nothing_of(value, &text);
        }
    }
}

/// Enough of an encoder for a test.
fn base64_of(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| LETTERS[(bits & 63) as usize] as char;
    text.as_bytes()
        .chunks_exact(3)
        .map(|three| u32::from_be_bytes([0, three[0], three[1], three[2]]))
        .flat_map(|bits| [letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)])
        .collect()
}

#[test]
fn a_secret_in_the_place_of_any_setting_is_never_printed() {
    let key = pem("merchant_key");
    let inner: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let secrets = [
        key.clone(),
        inner,
        "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3".to_owned(),
        "https://wang:S3cr3tS3cr3tS3@host".to_owned(),
    ];
    for name in variables().into_keys() {
        for secret in &secrets {
            if let Err(error) = with(name, secret) {
                let text = told(Err::<(), _>(error));
                assert!(text.contains(name), "{text}");
                assert_tells_nothing_of(secret, &text);
            }
        }
    }
    for name in weipay_wire::Kit::MEMBERS {
        for secret in &secrets {
            let (_folder, kit) = kit_with(&[(name, secret)]);
            if let Err(error) = ClientBuilder::from_kit(&kit).and_then(|builder| builder.into_core(false)) {
                assert_tells_nothing_of(secret, &told(Err::<(), _>(error)));
            }
        }
    }
    for secret in &secrets {
        assert_tells_nothing_of(secret, &told(ClientBuilder::from_kit(secret)));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_setting() {
    let text = told(with("WEIPAY_MERCHANT_KEY", "no/such/file.pem"));
    assert!(text.contains("WEIPAY_MERCHANT_KEY cannot be used: no/such/file.pem cannot be read"), "{text}");
    let text = told(with("WEIPAY_API_V3_KEY", "no/such/key.txt"));
    assert!(text.contains("WEIPAY_API_V3_KEY cannot be used: no/such/key.txt cannot be read"), "{text}");
    let text = told(with("WEIPAY_PUBLIC_KEY", KIT.0.path().to_str().unwrap()));
    assert!(text.contains("is a folder"), "{text}");
    let text = told(ClientBuilder::from_kit("no/such/kit.json"));
    assert!(text.contains("no/such/kit.json cannot be used: it cannot be read"), "{text}");
    let text = told(ClientBuilder::from_kit(KIT.0.path()));
    assert!(text.contains("is a folder"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_file_that_never_ends_is_not_read() {
    for name in ["WEIPAY_MERCHANT_KEY", "WEIPAY_PUBLIC_KEY", "WEIPAY_API_V3_KEY"] {
        let text = told(with(name, "/dev/zero"));
        assert!(text.contains(name) && text.contains("/dev/zero is a device"), "{text}");
    }
    assert!(told(ClientBuilder::from_kit("/dev/zero")).contains("/dev/zero cannot be used: it is a device"));
    for name in ["merchant_key", "merchant_cert", "public_key", "platform_cert"] {
        let (_folder, kit) = kit_with(&[(name, "/dev/zero")]);
        let text = told(ClientBuilder::from_kit(&kit));
        assert!(text.contains(name) && text.contains("/dev/zero is a device"), "{text}");
    }
}

#[test]
fn a_file_of_another_kind_is_named_with_the_one_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apiclient_cert.p12");
    // The beginning of such a file: its version, and the object identifier of its content.
    let pkcs12 = b"\x30\x82\x0a\x1f\x02\x01\x03\x30\x82\x09\xd5\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let utf16: Vec<u8> = pem("merchant_key").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (content, said) in [(&pkcs12[..], "PKCS#12"), (&utf16, "UTF-16"), (b"\x30\x82\x01\x00", "binary")] {
        fs::write(&file, content).unwrap();
        let text = told(with("WEIPAY_MERCHANT_KEY", file.to_str().unwrap()));
        assert!(text.contains(said) && text.contains("apiclient_key.pem"), "{text}");
        assert!(text.contains("apiclient_cert.p12"), "{text}");
    }
}

#[test]
fn an_api_v3_key_is_read_from_a_file_as_from_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api_v3_key");
    let key = member("api_v3_key");
    for content in [format!("\u{FEFF}{key}\r\n"), format!("{key}  \n"), format!("\"{key}\"\n")] {
        fs::write(&file, content).unwrap();
        with("WEIPAY_API_V3_KEY", file.to_str().unwrap()).unwrap();
    }
    fs::write(&file, b"\xFF\xFEa\0").unwrap();
    assert!(told(with("WEIPAY_API_V3_KEY", file.to_str().unwrap())).contains("UTF-16"));
    let text = told(with("WEIPAY_API_V3_KEY", "short-secret-value"));
    assert!(!text.contains("short-secret"), "{text}");
}

#[test]
fn a_kit_is_read_with_a_byte_order_mark_with_blanks_and_with_a_key_in_it() {
    let content = fs::read_to_string(&KIT.1).unwrap();
    let (_folder, kit) = kit_with(&[]);
    for changed in
        [format!("\u{FEFF}{content}"), content.replace('\n', "\r\n"), content.replace("\",", " \",")]
    {
        fs::write(&kit, changed).unwrap();
        ClientBuilder::from_kit(&kit).and_then(|builder| builder.into_core(false)).unwrap();
    }
    let (_folder, kit) = kit_with(&[("merchant_key", &pem("merchant_key"))]);
    ClientBuilder::from_kit(&kit).and_then(|builder| builder.into_core(false)).unwrap();

    fs::write(
        &kit,
        [b"\xFF\xFE".to_vec(), content.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
    )
    .unwrap();
    assert!(told(ClientBuilder::from_kit(&kit)).contains("UTF-16"));
}

#[test]
fn what_a_kit_says_twice_must_agree() {
    let other = PrivateKey::generate().unwrap();
    let (folder, kit) = kit_with(&[]);
    fs::write(folder.path().join(member("merchant_key")), other.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
    let text = told(ClientBuilder::from_kit(Path::new(&kit)).and_then(|builder| builder.into_core(false)));
    assert!(text.contains("does not belong to the merchant certificate"), "{text}");
    for (name, value) in
        [("merchant_serial", "0C4AEF34B89340881BB2B25226393DC2E47F094B"), ("platform_serial", "0C4A")]
    {
        let (_folder, kit) = kit_with(&[(name, value)]);
        let text = told(ClientBuilder::from_kit(&kit).and_then(|builder| builder.into_core(false)));
        assert!(text.contains("serial"), "{text}");
    }
}

#[test]
fn the_base_url_is_told_once_and_by_the_name_of_its_setting() {
    let text = told(with("WEIPAY_BASE_URL", "api.mch.weixin.qq.com"));
    assert!(text.contains("WEIPAY_BASE_URL cannot be used: the base URL must begin with https://"), "{text}");
    let (_folder, kit) = kit_with(&[("base_url", "127.0.0.1:8880")]);
    let text = told(ClientBuilder::from_kit(&kit));
    assert!(text.contains("kit.json: base_url cannot be used: the base URL must begin"), "{text}");
    let text = from(&variables()).unwrap().base_url("nothing").into_core(false).err().unwrap().to_string();
    assert!(text.starts_with("the base URL must begin"), "{text}");
}

fn kit_text(without: &str) -> String {
    let members = Kit::MEMBERS.iter().filter(|name| **name != without);
    let members = members.map(|name| ((*name).to_owned(), Value::from(format!("the {name}"))));
    Value::Object(members.chain([("extra".to_owned(), Value::from(1))]).collect()).to_string()
}

#[test]
fn the_keys_are_not_left_in_the_kit() {
    let read = KitFile::read(&kit_text("")).unwrap();
    assert_eq!(*read.api_v3_key, "the api_v3_key");
    assert_eq!(*read.merchant_key, "the merchant_key");
    assert_eq!([read.kit.api_v3_key, read.kit.api_v2_key, read.kit.merchant_key], ["", "", ""]);
    assert_eq!(read.kit.mchid, "the mchid");
}

#[test]
fn a_missing_member_is_named_and_no_content_is_repeated() {
    let missing = KitFile::read(&kit_text("openid")).err().unwrap();
    assert!(missing.contains("openid"), "{missing}");
    let other = KitFile::read("\"a secret\"").err().unwrap();
    assert!(!other.contains("secret"), "{other}");
}

#[test]
fn the_settings_of_apiv2_are_read_from_the_environment_and_from_a_kit() {
    let core = from(&variables()).unwrap().into_core(false).unwrap();
    assert!(core.merchant.api_v2_key.is_none());
    let core = with("WEIPAY_API_V2_KEY", &format!("\"{}\"\n", member("api_v2_key"))).unwrap();
    assert_eq!(core.merchant.api_v2_key.as_ref().unwrap().as_bytes(), member("api_v2_key").as_bytes());
    let text = told(with("WEIPAY_API_V2_KEY", "short-secret-value"));
    assert!(
        text.contains("WEIPAY_API_V2_KEY") && text.contains("API密钥") && !text.contains("secret"),
        "{text}"
    );

    let core = ClientBuilder::from_kit(&KIT.1).unwrap().into_core(false).unwrap();
    assert!(core.merchant.api_v2_key.is_some() && core.merchant.identity.is_some());
    let (_folder, kit) = kit_with(&[("api_v2_key", "short-secret-value")]);
    let text = told(ClientBuilder::from_kit(kit));
    assert!(text.contains("api_v2_key") && !text.contains("secret"), "{text}");
}

#[test]
fn the_merchant_certificate_is_pem_or_a_pkcs12_file() {
    let name = "WEIPAY_MERCHANT_CERTIFICATE";
    for value in [pem("merchant_cert"), file("merchant_cert").to_str().unwrap().to_owned()] {
        let core = with(name, &value).unwrap();
        assert_eq!(
            core.merchant.identity.as_ref().unwrap().certificate().serial(),
            member("merchant_serial")
        );
    }
    // The file of another merchant.
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../weipay-wire/tests/fixtures/pkcs12/old.p12");
    let mut all = variables();
    all.insert(name, other.to_owned());
    let text = told(from(&all));
    assert!(text.contains(name) && text.contains("set WEIPAY_MERCHANT_CERTIFICATE_PASSWORD to it"), "{text}");
    all.insert("WEIPAY_MERCHANT_CERTIFICATE_PASSWORD", "1900007291".to_owned());
    let text = told(from(&all));
    assert!(text.contains("WEIPAY_MERCHANT_KEY"), "{text}");
    assert!(told(with(name, "no/such/file.p12")).contains("cannot be read"));
}

#[test]
fn a_merchant_certificate_in_pkcs12_that_is_damaged_is_told_as_such() {
    let name = "WEIPAY_MERCHANT_CERTIFICATE";
    let whole = include_bytes!("../../../weipay-wire/tests/fixtures/pkcs12/old.p12");
    let folder = tempfile::tempdir().unwrap();
    let as_text = String::from_utf8_lossy(whole).into_owned();
    for (file, content, said) in [
        ("apiclient_cert.p12", &whole[..whole.len() / 2], "the PKCS#12 file is damaged or cut off"),
        ("no_ending", &whole[..whole.len() / 2], "the PKCS#12 file is damaged or cut off"),
        ("apiclient_cert.p12", b"", "the PKCS#12 file is empty"),
        ("APICLIENT_CERT.PFX", b"", "the PKCS#12 file is empty"),
        ("apiclient_cert.p12", as_text.as_bytes(), "its header is damaged"),
        ("apiclient_cert.pem", b"", "the PEM is empty"),
    ] {
        let path = folder.path().join(file);
        fs::write(&path, content).unwrap();
        let text = told(with(name, path.to_str().unwrap()));
        assert!(text.contains(name) && text.contains(said), "{file}: {text}");
    }
    // The PEM under the name of the other.
    let path = folder.path().join("apiclient_cert.p12");
    fs::write(&path, pem("merchant_cert")).unwrap();
    assert!(with(name, path.to_str().unwrap()).is_ok());
    fs::write(&path, pem("merchant_key")).unwrap();
    assert!(told(with(name, path.to_str().unwrap())).contains("a private key"));
}

#[test]
fn a_base_url_with_a_version_is_told_by_the_name_of_its_setting() {
    let text = told(with("WEIPAY_BASE_URL", "https://api.mch.weixin.qq.com/v3"));
    assert!(text.contains("WEIPAY_BASE_URL cannot be used") && text.contains("remove /v3"), "{text}");
}
