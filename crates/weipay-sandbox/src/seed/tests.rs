use std::fs;

use super::*;
use crate::sandbox::Sandbox;

const SEED: &str = r#"{
  "merchants": [
    { "mchid": "1900000100", "appids": ["wx0000000000000100"], "platform_keys": "certificate" },
    { "mchid": "1900000200", "appids": ["wx0000000000000200", "wx0000000000000201"], "sub_merchants": ["1900000100"] },
    { "mchid": "1900000109", "appids": ["wx0000000000000300"], "sub_merchants": ["1900000200"] }
  ],
  "people": [
    { "unionid": "oUnionAlice000000000000001-_", "openids": { "wx0000000000000100": "oAlice000000000000000000001a" } },
    { "unionid": "oUnionBob000000000000000001b", "appids": ["wx0000000000000100", "wx0000000000000200"] }
  ]
}"#;

fn start(data: &Path, seed: &str) -> Result<Sandbox, StartError> {
    let file = data.join("../seed.json");
    fs::write(&file, seed).unwrap();
    Sandbox::builder().data(data).seed_file(file).start()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    (folder, data)
}

#[test]
fn merchants_partners_appids_and_people_are_there_after_each_start() {
    let (_folder, data) = folder();
    let first = start(&data, SEED).unwrap().kit().mchid.clone();
    let seed = SEED.replace("1900000109", &first);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let sandbox = start(&data, &seed).unwrap();
        let platform = sandbox.platform();
        let kit = platform.kit_of("1900000100").unwrap();
        assert_eq!((kit.kit().appid.as_str(), &kit.kit().public_key_id), ("wx0000000000000100", &None));
        keys.push(kit.kit().merchant_serial.clone());
        let partner = platform.merchants.find("1900000200").unwrap();
        assert!(partner.account.acts_for("1900000100"));
        assert_eq!(partner.account.appids, ["wx0000000000000200", "wx0000000000000201"]);
        let first = platform.merchants.find(&first).unwrap();
        assert!(first.account.acts_for("1900000200"));
        assert_eq!(first.account.appids, [sandbox.kit().appid.as_str(), "wx0000000000000300"]);

        let find = |id: &str| platform.store.transaction(|tx| Person::find(tx, id)).unwrap().unwrap();
        let alice = find("oAlice000000000000000000001a");
        assert_eq!(alice.unionid, "oUnionAlice000000000000001-_");
        assert_eq!(platform.openid(&alice, "wx0000000000000100").unwrap(), "oAlice000000000000000000001a");
        let bob = find("oUnionBob000000000000000001b");
        assert_eq!(bob.openids.len(), 2);
        platform.reset().unwrap();
        assert_eq!((find(&alice.unionid), find(&bob.unionid)), (alice, bob));
    }
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let edits = [
        (r#""people""#, r#""persons""#, "unknown field `persons`, expected `merchants` or `people`"),
        (SEED, "[]", "it must be a JSON object"),
        (
            r#""appids": ["wx0000000000000100"], "platform"#,
            r#""appid": "wx", "platform"#,
            "unknown field `appid`",
        ),
        (
            r#""certificate""#,
            r#""cert""#,
            "unknown variant `cert`, expected one of `public-key`, `certificate`, `migration`",
        ),
        ("\"mchid\": \"1900000100\",", "", "missing field `mchid`"),
        (
            "1900000200\", \"appids",
            "1900000100\", \"appids",
            "merchants[1].mchid: 1900000100 is in the file twice",
        ),
        (
            "\"1900000100\"]",
            "\"19\"]",
            "merchants[1].sub_merchants[0]: a merchant number (商户号) has 8 to 15 digits",
        ),
        (
            "[\"1900000200\"]",
            "[\"1900000109\"]",
            "merchants[2]: merchant 1900000109 cannot be a sub-merchant of itself",
        ),
        ("wx0000000000000201", "wx-", "merchants[1].appids[1]: an appid has 1 to 32 letters and digits"),
        ("oUnionBob000000000000000001b", "bob", "people[1].unionid: a unionid must have 28 letters"),
        ("oUnionBob000000000000000001b", "oUnionAlice000000000000001-_", "people[1].unionid: oUnionAlice0"),
        (
            "oAlice000000000000000000001a",
            "alice",
            "people[0].openids.wx0000000000000100: an openid must have 28",
        ),
        ("{ \"wx0000000000000100\":", "{ \"wx9\":", "people[0]: no merchant has the appid wx9"),
        ("\"people\"", "people", "key must be a string at line 7 column 3"),
    ];
    for (part, put, expected) in edits {
        let (_folder, data) = folder();
        let error = start(&data, &SEED.replacen(part, put, 1)).unwrap_err().to_string();
        assert!(error.contains("seed.json: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = Sandbox::builder().seed_file("/nowhere/seed.json").start().unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "the seed file /nowhere/seed.json: it cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn other_platform_keys_than_a_merchant_was_made_with_are_an_error() {
    let (_folder, data) = folder();
    drop(start(&data, SEED).unwrap());
    let error = start(&data, &SEED.replace("certificate", "migration")).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "merchants[0].platform_keys: merchant 1900000100 already exists, but was made with certificate"
        ),
        "{error}"
    );
}

#[test]
fn the_state_of_a_certificate_counts_for_a_merchant_that_is_there_too() {
    use weipay_catalog::sample::MCHID;

    let (_folder, data) = folder();
    let state = |word: &str| {
        let certificate =
            if word.is_empty() { String::new() } else { format!(r#", "certificate": "{word}""#) };
        let merchants =
            [MCHID, "1900000300"].map(|mchid| format!(r#"{{ "mchid": "{mchid}"{certificate} }}"#));
        let sandbox = start(&data, &format!(r#"{{ "merchants": [{}] }}"#, merchants.join(", "))).unwrap();
        [MCHID, "1900000300"]
            .map(|mchid| sandbox.platform().merchants.find(mchid).unwrap().certificate.word())
    };
    for (word, is) in
        [("", "valid"), ("revoked", "revoked"), ("", "revoked"), ("expired", "expired"), ("valid", "valid")]
    {
        assert_eq!(state(word), [is; 2], "{word}");
    }
}

#[test]
fn a_certificate_whose_dates_contradict_the_seed_file_is_an_error() {
    let (_folder, data) = folder();
    let seed =
        |word: &str| format!(r#"{{ "merchants": [{{ "mchid": "1900000300", "certificate": "{word}" }}] }}"#);
    drop(start(&data, &seed("not-yet-valid")).unwrap());
    for word in ["valid", "revoked"] {
        let error = start(&data, &seed(word)).unwrap_err().to_string();
        assert!(
            error.contains("merchants[0].certificate: ")
                && error.contains("its certificate is not-yet-valid"),
            "{error}"
        );
    }
    drop(start(&data, &seed("not-yet-valid")).unwrap());
}

#[test]
fn an_openid_that_is_another_persons_is_an_error() {
    let (_folder, data) = folder();
    drop(start(&data, SEED).unwrap());
    let error = start(&data, &SEED.replace("oUnionAlice000000000000001-_", "oUnionEve000000000000000001e"));
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("people[0].openids: oAlice000000000000000000001a already belongs to another person"),
        "{error}"
    );
}
