use std::path::Path;

use serde_json::Value;
use weipay_wire::{
    ApiV3Key, Authorization, Certificate, Envelope, PrivateKey, PublicKey, request_message, response_message,
};

use super::add::NewMerchant;
use super::change::MerchantError;
use super::record::{CertificateState, PlatformKeys};
use super::rotation::{KeyKind, RotationStep};
use super::*;
use crate::clock::Clock;
use crate::kit::{self, KitOnDisk};
use crate::platform::{Platform, Request};
use crate::response::Response;
use crate::sandbox::Sandbox;
use crate::store::StoreAddress;

const NOW: i64 = 1_786_766_400;

fn sandbox(dir: &Path) -> Sandbox {
    Sandbox::builder().data(dir).clock(Clock::frozen(NOW).0).without_control().start().unwrap()
}

/// A request for the list of certificates, signed with the key of a kit.
fn ask(platform: &Platform, kit: &KitOnDisk, platform_serial: Option<&str>) -> Response {
    let target = "/v3/certificates";
    let key = PrivateKey::from_pem(&kit.merchant_key_pem().unwrap()).unwrap();
    let signature = key.sign(&request_message("GET", target, NOW, "nonce", b"")).unwrap();
    let authorization = Authorization {
        scheme: weipay_wire::Scheme::default(),
        mchid: kit.kit().mchid.clone(),
        serial_no: kit.kit().merchant_serial.clone(),
        timestamp: NOW,
        nonce_str: "nonce".to_owned(),
        signature,
    };
    let mut request = Request { method: "GET".to_owned(), target: target.to_owned(), ..Request::default() };
    for (name, value) in
        [("user-agent", "test"), ("accept", "*/*"), ("authorization", &*authorization.to_string())]
    {
        request.headers.insert(name, value.parse().unwrap());
    }
    if let Some(serial) = platform_serial {
        request.headers.insert("wechatpay-serial", serial.parse().unwrap());
    }
    platform.respond(&request)
}

fn is_signed_by(response: &Response, key: &PublicKey) -> bool {
    let header = |name| response.header(name).unwrap_or_default();
    let message = response_message(header("wechatpay-timestamp"), header("wechatpay-nonce"), &response.body);
    key.verify(&message, header("wechatpay-signature")).is_ok()
}

fn public_key(kit: &KitOnDisk) -> PublicKey {
    PublicKey::from_pem(&kit.public_key_pem().unwrap()).unwrap()
}

/// The serials of the certificates that a response lists, and that each opens with the merchant's APIv3 key.
fn listed(response: &Response, kit: &KitOnDisk) -> Vec<String> {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let key = ApiV3Key::new(&kit.kit().api_v3_key).unwrap();
    let open = |item: &Value| {
        let text = |name: &str| item["encrypt_certificate"][name].as_str().unwrap();
        let (nonce, ciphertext) = (text("nonce"), text("ciphertext"));
        let envelope = Envelope { nonce, associated_data: "certificate", ciphertext };
        let pem = key.open(&envelope).unwrap();
        Certificate::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap().serial().to_owned()
    };
    body["data"].as_array().unwrap().iter().map(open).collect()
}

fn message(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_added_merchant_has_a_public_key_only_and_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = sandbox(dir.path());
    let kit =
        first.add_merchant(&NewMerchant::new().appid("wx1").appid("wx2").sub_merchant("1900000300")).unwrap();
    let members: Value = serde_json::from_slice(&std::fs::read(kit.file()).unwrap()).unwrap();
    assert_eq!((&members["platform_cert"], &members["platform_serial"]), (&Value::Null, &Value::Null));
    assert_eq!((&*kit.kit().appid, &*kit.kit().base_url), ("wx1", first.base_url()));
    let check = |platform: &Platform| {
        let response = ask(platform, &kit, None);
        assert_eq!((response.status, response.code()), (404, Some("RESOURCE_NOT_EXISTS")));
        assert_eq!(response.header("wechatpay-serial"), kit.kit().public_key_id.as_deref());
        assert!(is_signed_by(&response, &public_key(&kit)));
        let account = platform.merchants.find(&kit.kit().mchid).unwrap().account.clone();
        assert_eq!((account.appids.len(), account.acts_for("1900000300")), (2, true));
    };
    check(first.platform());
    first.platform().reset().unwrap();
    drop(first);
    let second = sandbox(dir.path());
    check(second.platform());
    assert_eq!(kit::read(kit.dir()).unwrap().kit().base_url, second.base_url());
}

/// A sandbox whose kits outlive its state.
fn forgetful(dir: &Path) -> Sandbox {
    let builder = Sandbox::builder().data(dir).store(StoreAddress::MEMORY);
    builder.clock(Clock::frozen(NOW).0).without_control().start().unwrap()
}

#[test]
fn a_forgotten_merchants_kit_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let add = |new: &NewMerchant| {
        let sandbox = forgetful(dir.path());
        let kit = sandbox.add_merchant(new).unwrap();
        assert_eq!(kit::read(kit.dir()).unwrap().kit(), kit.kit());
        assert_eq!(ask(sandbox.platform(), &kit, None).status, 404);
        let account = sandbox.platform().merchants.find(&kit.kit().mchid).unwrap().account.clone();
        (kit.kit().merchant_serial.clone(), kit.kit().appid.clone(), account.appids)
    };
    let new = NewMerchant::new().mchid("1900000300");
    let (serial, appid, appids) = add(&new);
    assert_eq!(appids, [&*appid]);
    // What is not said is what the kit has; what is said stands in the kit then.
    assert_eq!(add(&new), (serial.clone(), appid.clone(), vec![appid]));
    let bound = ["wxnew".to_owned(), "wxother".to_owned()];
    let asked = bound.iter().fold(new.clone(), NewMerchant::appid);
    assert_eq!(add(&asked), (serial.clone(), "wxnew".to_owned(), bound.to_vec()));
    assert_eq!(add(&new), (serial, "wxnew".to_owned(), vec!["wxnew".to_owned()]));
}

#[test]
fn a_kit_with_other_keys_is_neither_taken_nor_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let left = forgetful(dir.path()).add_merchant(&NewMerchant::new()).unwrap();
    let sandbox = forgetful(dir.path());
    for (wanted, word) in [
        (NewMerchant::new().platform_keys(PlatformKeys::Certificate), "`certificate`"),
        (NewMerchant::new().platform_keys(PlatformKeys::Migration), "`migration`"),
        (NewMerchant::new().certificate(CertificateState::Expired), "expired"),
        (NewMerchant::new().certificate(CertificateState::NotYetValid), "not-yet-valid"),
    ] {
        let kit = sandbox.add_merchant(&wanted).unwrap();
        assert_ne!(kit.kit().mchid, left.kit().mchid);
        let error = sandbox.add_merchant(&wanted.mchid(left.kit().mchid.clone())).unwrap_err();
        let error = format!("{error:#}");
        let place = left.dir().display().to_string();
        assert!(
            error.contains(&place) && error.contains("remove that folder") && error.contains(word),
            "{error}"
        );
    }
    assert_eq!(kit::read(left.dir()).unwrap().kit(), left.kit());
    let again = sandbox.add_merchant(&NewMerchant::new().certificate(CertificateState::Revoked)).unwrap();
    assert_eq!(again.kit().merchant_serial, left.kit().merchant_serial);
}

#[test]
fn a_kit_is_known_by_the_platform_keys_that_it_was_made_with() {
    let dir = tempfile::tempdir().unwrap();
    let new = NewMerchant::new().mchid("1900000300");
    {
        let sandbox = forgetful(dir.path());
        sandbox.add_merchant(&new).unwrap();
        sandbox.platform().set_platform_keys("1900000300", PlatformKeys::Certificate, None).unwrap();
    }
    let sandbox = forgetful(dir.path());
    let error = sandbox.add_merchant(&new.clone().platform_keys(PlatformKeys::Certificate)).unwrap_err();
    assert!(format!("{error:#}").contains("it was made with the platform keys `public-key`"), "{error:#}");
    let again = sandbox.add_merchant(&new).unwrap();
    assert_eq!(again.has_platform_keys(), PlatformKeys::Certificate, "as the control API left it");
}

#[test]
fn a_merchant_without_a_number_gets_the_platform_keys_that_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let left = {
        let sandbox = forgetful(dir.path());
        let kit = sandbox.add_merchant(&NewMerchant::new()).unwrap();
        sandbox.platform().set_platform_keys(&kit.kit().mchid, PlatformKeys::Certificate, None).unwrap();
        kit.kit().mchid.clone()
    };
    let kit = forgetful(dir.path()).add_merchant(&NewMerchant::new()).unwrap();
    assert_ne!((&kit.kit().mchid, kit.has_platform_keys()), (&left, PlatformKeys::Certificate));
    assert_eq!(kit.has_platform_keys(), PlatformKeys::PublicKey);
}

#[test]
fn keys_of_a_kit_whose_merchant_was_forgotten_are_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let new = NewMerchant::new().mchid("1900000300");
    let rotate = |step| {
        let sandbox = forgetful(dir.path());
        sandbox.add_merchant(&new).unwrap();
        for step in step {
            sandbox.platform().rotate_platform_key("1900000300", KeyKind::PublicKey, step).unwrap();
        }
        kit::read(kit::folder_of(dir.path(), "1900000300")).unwrap()
    };
    let second = rotate(vec![RotationStep::Begin, RotationStep::Switch, RotationStep::Finish]);
    let pem = second.public_key_pem().unwrap();
    rotate(vec![RotationStep::Begin]);
    assert_eq!(second.public_key_pem().unwrap(), pem);
}

#[test]
fn each_merchant_is_known_by_its_own_key_and_its_number_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path());
    let kits = [1, 2].map(|_| sandbox.add_merchant(&NewMerchant::new()).unwrap());
    assert_ne!(kits[0].kit().mchid, kits[1].kit().mchid);
    let exists = NewMerchant::new().mchid(kits[0].kit().mchid.clone());
    assert!(matches!(sandbox.add_merchant(&exists), Err(MerchantError::Exists(_))));
    for broken in ["", "1900", "../../etc", "1900000000000001", "19000000a"] {
        let refused = sandbox.add_merchant(&NewMerchant::new().mchid(broken));
        assert!(matches!(refused, Err(MerchantError::Invalid(_))), "{broken}");
    }
    assert!(!is_signed_by(&ask(sandbox.platform(), &kits[0], None), &public_key(&kits[1])));
}

#[test]
fn a_certificate_that_is_not_valid_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path());
    for (state, words) in [
        (CertificateState::Expired, "商户证书已过期。"),
        (CertificateState::Revoked, "商户证书已作废。"),
        (CertificateState::NotYetValid, "商户证书序列号有误。请使用签名私钥匹配的证书序列号"),
    ] {
        let kit = sandbox.add_merchant(&NewMerchant::new().certificate(state)).unwrap();
        let response = ask(sandbox.platform(), &kit, None);
        assert_eq!(
            (response.status, response.code(), &*message(&response)),
            (401, Some("SIGN_ERROR"), words)
        );
    }
    let kit = sandbox.kit_on_disk();
    let mchid = &kit.kit().mchid;
    sandbox.platform().set_certificate_state(mchid, CertificateState::Revoked).unwrap();
    assert_eq!(ask(sandbox.platform(), kit, None).status, 401);
    sandbox.platform().set_certificate_state(mchid, CertificateState::Valid).unwrap();
    // It is let in, and told that there is no platform certificate.
    assert_eq!(ask(sandbox.platform(), kit, None).status, 404);
}

#[test]
fn a_certificate_is_rotated_in_three_steps() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path());
    let platform = sandbox.platform();
    let kit = sandbox.add_merchant(&NewMerchant::new().platform_keys(PlatformKeys::Certificate)).unwrap();
    let mchid = &*kit.kit().mchid;
    let old = kit.kit().platform_serial.clone().unwrap();
    assert_eq!(
        (kit.kit().public_key.as_ref(), listed(&ask(platform, &kit, None), &kit)),
        (None, vec![old.clone()])
    );
    let step = |step| platform.rotate_platform_key(mchid, KeyKind::Certificate, step);
    let signs = || ask(platform, &kit, None).header("wechatpay-serial").unwrap().to_owned();
    assert!(step(RotationStep::Switch).is_err() && step(RotationStep::Finish).is_err());
    step(RotationStep::Begin).unwrap();
    let both = listed(&ask(platform, &kit, None), &kit);
    assert_eq!((both.len(), &both[0], signs()), (2, &old, old.clone()));
    assert!(step(RotationStep::Begin).is_err());
    assert!(step(RotationStep::Finish).is_err(), "the old one signs still");
    assert_eq!(signs(), old);
    step(RotationStep::Switch).unwrap();
    assert_eq!((listed(&ask(platform, &kit, None), &kit).len(), signs()), (2, both[1].clone()));
    step(RotationStep::Finish).unwrap();
    assert_eq!((listed(&ask(platform, &kit, None), &kit), signs()), (vec![both[1].clone()], both[1].clone()));
    let kit = kit::read(kit.dir()).unwrap();
    assert_eq!(kit.kit().platform_serial.as_ref(), Some(&both[1]));
    // The kit alone is enough to find the key that belongs to the new certificate.
    kit.merchant().unwrap();
}

#[test]
fn a_migration_leads_from_the_certificate_to_the_public_key() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path());
    let platform = sandbox.platform();
    let kit = sandbox.add_merchant(&NewMerchant::new().platform_keys(PlatformKeys::Certificate)).unwrap();
    let (mchid, certificate) = (kit.kit().mchid.clone(), kit.kit().platform_serial.clone().unwrap());
    platform.set_platform_keys(&mchid, PlatformKeys::Migration, Some(1)).unwrap();
    let kit = kit::read(kit.dir()).unwrap();
    let id = kit.kit().public_key_id.clone().unwrap();
    for (named, signs) in [(None, &certificate), (Some(&*id), &id)] {
        assert_eq!(ask(platform, &kit, named).header("wechatpay-serial"), Some(&**signs));
    }
    platform.set_platform_keys(&mchid, PlatformKeys::PublicKey, None).unwrap();
    let response = ask(platform, &kit, None);
    assert_eq!((response.status, response.header("wechatpay-serial")), (404, Some(&*id)));
    assert!(platform.set_platform_keys(&mchid, PlatformKeys::Migration, Some(1001)).is_err());
    assert!(
        platform.set_platform_keys(&mchid, PlatformKeys::PublicKey, Some(50)).is_err(),
        "one key signs all"
    );
}

#[test]
fn the_notes_of_a_kit_name_what_is_there_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path());
    let read = |kit: &KitOnDisk| std::fs::read_to_string(kit.dir().join("kit.txt")).unwrap();
    let both = read(sandbox.kit_on_disk());
    for client in [
        "wechatpay-java",
        "wechatpay-go",
        "wechatpay-php",
        "wechatpay-axios-plugin",
        "wechatpayv3",
        "wechatpay-node-v3",
        "gopay",
        "WxJava",
    ] {
        assert!(both.contains(client), "{client}");
    }
    let kit = sandbox.kit();
    assert!(both.contains(&kit.mchid) && both.contains(sandbox.base_url()));
    assert!(!both.contains(&kit.api_v3_key) && !both.contains(&kit.api_v2_key));
    let public_only = read(&sandbox.add_merchant(&NewMerchant::new()).unwrap());
    assert!(!public_only.contains("certificates that are fetched") && public_only.contains("PUB_KEY_ID_"));
    // The SDK has no such function: what stands in the file is what `foreign/` runs.
    assert!(!public_only.contains("autoVerifySignByPublicKey"), "{public_only}");
    let certificate = NewMerchant::new().platform_keys(PlatformKeys::Certificate);
    let certificate_only = read(&sandbox.add_merchant(&certificate).unwrap());
    for client in ["wechatpay-php", "wechatpay-axios-plugin", "wechatpay-node-v3", "WxJava"] {
        assert!(certificate_only.contains(client), "{client}");
    }
    // Whole lines, and the folders that are there.
    let home = sandbox.kit_on_disk().dir().display().to_string();
    for text in [&both, &public_only, &certificate_only] {
        assert!(!text.contains("...") && !text.contains(" DIR") && !text.contains("FOLDER"), "{text}");
        assert!(text.contains(&format!("weipay sandbox run --data '{home}' --")), "{text}");
        assert!(text.contains(&format!("SSL_CERT_FILE={home}/ca.pem")), "{text}");
        assert!(text.contains("'base_uri' => 'http://") && text.contains("baseURL: 'http://"), "{text}");
    }
    assert!(!certificate_only.contains("PUB_KEY_ID_") && !certificate_only.contains("publicKeyFromPath"));
}

fn account() -> Account {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Account {
        mchid: "1900000109".to_owned(),
        appids: texts(&["wx1", "wx2"]),
        sub_merchants: texts(&["1900000200"]),
    }
}

#[test]
fn a_merchant_may_have_several_appids() {
    assert_eq!(account().check_appid("wx1"), Ok(()));
    assert_eq!(account().check_appid("wx2"), Ok(()));
    for other in ["wx3", "", "WX1"] {
        assert_eq!(account().check_appid(other).unwrap_err().code, "APPID_MCHID_NOT_MATCH");
    }
}

#[test]
fn a_partner_acts_for_those_that_it_names_or_for_those_that_nobody_names() {
    let merchants = Merchants::default();
    let related = |partner: &Account, sub_mchid: &str| merchants.have_relation(partner, sub_mchid);
    assert!(related(&account(), "1900000200") && !related(&account(), "1900000201"));
    let nameless = Account { sub_merchants: Vec::new(), ..account() };
    assert!(
        related(&nameless, "1900000201") && !related(&nameless, "") && !related(&nameless, &nameless.mchid)
    );
}

#[test]
fn a_merchant_acts_for_itself_and_its_sub_merchants() {
    assert!(account().acts_for("1900000109") && account().acts_for("1900000200"));
    assert!(!account().acts_for("1900000201") && !account().acts_for(""));
}
