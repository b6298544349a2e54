//! The kit: exactly its members, secrets readable by their owner only, keys made once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::serving::{Serving, WEIPAY};

const MEMBERS: [&str; 13] = [
    "api_v2_key",
    "api_v3_key",
    "appid",
    "base_url",
    "mchid",
    "merchant_cert",
    "merchant_key",
    "merchant_serial",
    "openid",
    "platform_cert",
    "platform_serial",
    "public_key",
    "public_key_id",
];

fn init(data: &Path, options: &[&str]) {
    let mut init = Command::new(WEIPAY);
    let done = init.args(["sandbox", "init", "--data"]).arg(data).args(options).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut content(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn init_writes_a_kit_with_exactly_its_members_and_their_files() {
    let data = tempfile::tempdir().unwrap();
    init(data.path(), &["--platform-keys", "migration"]);
    let kit: Value = serde_json::from_slice(&fs::read(data.path().join("kit.json")).unwrap()).unwrap();
    let mut names: Vec<&str> = kit.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, MEMBERS);
    assert_eq!(kit["base_url"], "http://127.0.0.1:8880");
    for (member, begins) in [
        ("merchant_key", "-----BEGIN PRIVATE KEY-----"),
        ("merchant_cert", "-----BEGIN CERTIFICATE-----"),
        ("public_key", "-----BEGIN PUBLIC KEY-----"),
        ("platform_cert", "-----BEGIN CERTIFICATE-----"),
    ] {
        let file = Path::new(kit[member].as_str().unwrap());
        assert!(file.is_relative());
        assert!(fs::read_to_string(data.path().join(file)).unwrap().starts_with(begins), "{member}");
    }
    assert_eq!(kit["api_v3_key"].as_str().unwrap().len(), 32);
    assert_eq!(kit["api_v2_key"].as_str().unwrap().len(), 32);
    let openid = kit["openid"].as_str().unwrap();
    assert!(openid.len() == 28 && openid.starts_with('o'));
}

#[test]
fn a_new_kit_has_the_public_key_only_and_what_it_lacks_is_null() {
    let data = tempfile::tempdir().unwrap();
    init(data.path(), &[]);
    let kit: Value = serde_json::from_slice(&fs::read(data.path().join("kit.json")).unwrap()).unwrap();
    assert_eq!(kit.as_object().unwrap().len(), MEMBERS.len());
    assert!(kit["public_key"].is_string() && kit["public_key_id"].is_string());
    assert_eq!((&kit["platform_cert"], &kit["platform_serial"]), (&Value::Null, &Value::Null));
}

#[test]
fn init_makes_a_kit_with_the_requested_platform_keys_and_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let init = |keys: &str| {
        let mut init = Command::new(WEIPAY);
        init.args(["sandbox", "init", "--platform-keys", keys, "--data"]).arg(data.path());
        init.output().unwrap()
    };
    let made = init("certificate");
    assert!(made.status.success(), "{made:?}");
    let kit: Value = serde_json::from_slice(&fs::read(data.path().join("kit.json")).unwrap()).unwrap();
    assert_eq!((&kit["public_key"], &kit["public_key_id"]), (&Value::Null, &Value::Null));
    assert!(kit["platform_cert"].is_string() && kit["platform_serial"].is_string());
    let again = init("certificate");
    assert!(again.status.success(), "{again:?}");
    let other = init("public-key");
    let said = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(1), "{said}");
    assert!(said.contains("was made with the platform keys `certificate`, not `public-key`"), "{said}");
}

#[test]
fn a_mistake_in_a_seed_file_is_named_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    let (folder, file) = (data.path().join("data"), data.path().join("seed.json"));
    let run = |seed: &str| {
        fs::write(&file, seed).unwrap();
        let mut run = Command::new(WEIPAY);
        run.args(["sandbox", "run", "--quiet", "--data"]).arg(&folder).arg("--seed-file").arg(&file);
        run.args(["--", "true"]).output().unwrap()
    };
    let started = run(r#"{ "merchants": [{ "mchid": "1900000200", "platform_keys": "certificate" }] }"#);
    assert!(started.status.success(), "{started:?}");
    let kit = fs::read(folder.join("merchants/1900000200/kit.json")).unwrap();
    let kit: Value = serde_json::from_slice(&kit).unwrap();
    assert!(kit["platform_cert"].is_string() && kit["public_key"].is_null());
    let refused = run(r#"{ "merchants": [{ "mchid": "19" }] }"#);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("seed.json: merchants[0].mchid: "), "{said}");
}

#[cfg(unix)]
#[test]
fn files_with_secrets_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    init(data.path(), &[]);
    let mut secrets = 0;
    for (path, bytes) in content(data.path()) {
        if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY") || path.ends_with("kit.json") {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{} has mode {mode:o}", path.display());
            secrets += 1;
        }
    }
    assert!(secrets >= 4, "the merchant's key, the platform's, that of the authority, and the kit");
}

#[test]
fn keys_are_made_once() {
    let data = tempfile::tempdir().unwrap();
    init(data.path(), &[]);
    let keys = |content: BTreeMap<PathBuf, Vec<u8>>| -> Vec<_> {
        content
            .into_iter()
            .filter(|(path, _)| path.extension().is_some_and(|ending| ending == "pem"))
            .collect()
    };
    let first = keys(content(data.path()));
    assert!(first.len() >= 4);
    init(data.path(), &[]);
    Serving::start(data.path()).kill();
    let second = Serving::start(data.path());
    assert_eq!(keys(content(data.path())), first);
    assert_eq!(second.kit()["base_url"], second.base_url.as_str(), "the kit tells where the sandbox is");
}

#[test]
fn a_merchant_is_added_to_a_running_sandbox_and_its_kit_works() {
    let data = tempfile::tempdir().unwrap();
    let add = |options: &[&str]| {
        Command::new(WEIPAY)
            .args(["sandbox", "merchant", "add", "--data"])
            .arg(data.path())
            .args(options)
            .output()
            .unwrap()
    };
    let before = add(&[]);
    assert_eq!(before.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&before.stderr).contains("no sandbox runs on"), "{before:?}");
    let _serving = Serving::start(data.path());
    let added = add(&["--mchid", "1900000200", "--sub-merchant", "1900000201"]);
    assert!(added.status.success(), "{added:?}");
    let file = PathBuf::from(String::from_utf8(added.stdout).unwrap().trim_end());
    let kit: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!((&kit["mchid"], &kit["platform_cert"]), (&Value::from("1900000200"), &Value::Null));
    let call =
        Command::new(WEIPAY).args(["call", "GET", "v3/certificates", "--kit"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&call.stderr);
    assert_eq!(call.status.code(), Some(1), "{said}");
    assert!(said.contains("RESOURCE_NOT_EXISTS"), "{said}");
    let again = add(&["--mchid", "1900000200"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");
}
