//! Files that travel encrypted: fund flow bills of sub-merchants (子商户资金账单), as items of typed and untyped responses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use weipay::error::{ErrorClass, ErrorKind, FileError};
use weipay::v3::bill::sub_merchant_fundflowbill::get;
use weipay::wire::{ApiV3Key, DigestAlgorithm, PrivateKey, SealedFileError};

use crate::downloads::gzip;
use crate::on_async;
use crate::platform::{MERCHANT, PLATFORM, PUBLIC_KEY_ID, Platform, now, signed_by, unsigned};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NONCE: &str = "a8607ef79034";
const BILL: &str =
    "记账时间,微信支付业务单号,收支类型,收支金额(元)\r\n`2026-11-25 10:00:00,`1,`收入,`0.01\r\n";

fn sealed(plain: &[u8]) -> Vec<u8> {
    ApiV3Key::new(KEY).unwrap().seal_bytes(NONCE, "", plain).unwrap()
}

fn item(url: &str, merchant: &PrivateKey) -> Value {
    json!({
        "bill_sequence": 1,
        "download_url": url,
        "encrypt_key": merchant.public_key().encrypt_oaep(KEY.as_bytes()).unwrap(),
        "nonce": NONCE,
        "hash_type": "SHA1",
        "hash_value": DigestAlgorithm::Sha1.hex(BILL.as_bytes()),
    })
}

#[test]
fn an_encrypted_bill_is_decrypted_decompressed_and_verified() {
    for plain in [BILL.as_bytes().to_vec(), gzip(BILL.as_bytes())] {
        let answer = || Platform::start(vec![unsigned(200, "").with_bytes(&sealed(&plain))]);
        let platform = answer();
        let client = platform.builder().build_blocking().unwrap();
        let mut written = Vec::new();
        let downloaded =
            client.download(&item(&platform.base_url, &MERCHANT)).to_writer(&mut written).unwrap();
        assert!(written == BILL.as_bytes() && downloaded.is_verified() && downloaded.was_encrypted);
        assert_eq!(downloaded.was_compressed, plain != BILL.as_bytes());
        let platform = answer();
        let client = platform.builder().build().unwrap();
        let bytes = on_async(client.download(&item(&platform.base_url, &MERCHANT)).to_bytes()).unwrap();
        assert_eq!(bytes, BILL);
    }
}

#[test]
fn a_typed_item_whose_key_the_client_has_decrypted_names_the_same_file() {
    let files = Platform::start(vec![unsigned(200, "").with_bytes(&sealed(BILL.as_bytes()))]);
    let list = json!({"download_bill_count": 1, "download_bill_list": [item(&files.base_url, &MERCHANT)]});
    let platform = Platform::start(vec![signed_by(&PLATFORM, PUBLIC_KEY_ID, 200, &list.to_string(), now())]);
    let client = platform.builder().build_blocking().unwrap();
    let request = get::Request::new()
        .sub_mchid("1900000002")
        .bill_date("2026-11-25")
        .account_type("BASIC")
        .algorithm("AEAD_AES_256_GCM");
    let response = client.v3().bill().sub_merchant_fundflowbill().get(request).unwrap().decode().unwrap();
    let items = response.download_bill_list.unwrap();
    assert_eq!(items[0].encrypt_key.as_ref().unwrap().as_plain_text(), Some(KEY));
    let bytes = client.download(&items[0]).to_bytes().unwrap();
    assert_eq!(bytes, BILL);
}

#[test]
fn a_changed_file_is_refused_and_another_merchants_key_does_not_open() {
    let mut changed = sealed(BILL.as_bytes());
    changed[3] ^= 1;
    let platform = Platform::start(vec![unsigned(200, "").with_bytes(&changed), unsigned(200, BILL)]);
    let client = platform.builder().retries(weipay::RetryConfig::none()).build_blocking().unwrap();
    let download = || client.download(&item(&platform.base_url, &MERCHANT));
    let error = download().to_bytes().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::Sealed(SealedFileError::Refused))),
        "{error:?}"
    );
    assert!(error.is_unverified() && error.class() == ErrorClass::Verification);
    // A file that is not encrypted although it is announced so.
    let error = download().to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::File(FileError::Sealed(_))), "{error:?}");
    let stranger = item(&platform.base_url, &PrivateKey::generate().unwrap());
    let error = client.download(&stranger).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Decryption(_)), "{error:?}");
    assert!(
        !format!("{error:?}").contains(KEY) && !format!("{:?}", client.download(&stranger)).contains(KEY)
    );
}

/// 国密. Sealed by the Python library `cryptography`, version 48, with OpenSSL: three rows, under half of the key and a
/// nonce of 16 bytes.
#[test]
fn a_bill_of_sm4_gcm_is_decrypted() {
    const SEALED: &str = "LzzyE/75rjV6t5rW4lWeNHsYckDsiNt2501UyujZ8WS7A/Rv2zwrLgTg+QleI/bepZAqlFZQ/J0u5xN+pd5CG+7Qq1UH2owT9w==";
    let plain: String = (0..3).map(|row| format!("`2026-11-26,`{row}.00\r\n")).collect();
    let sealed = STANDARD.decode(SEALED).unwrap();
    let start = || Platform::start(vec![unsigned(200, "").with_bytes(&sealed)]);
    let item = |platform: &Platform| {
        json!({
            "bill_sequence": 1,
            "download_url": platform.base_url,
            "encrypt_key": MERCHANT.public_key().encrypt_oaep(&KEY.as_bytes()[..16]).unwrap(),
            "nonce": "a8607ef79034c49c",
            "hash_type": "SHA1",
            "hash_value": DigestAlgorithm::Sha1.hex(plain.as_bytes()),
        })
    };
    let platform = start();
    let client = platform.builder().build_blocking().unwrap();
    assert_eq!(client.download(&item(&platform)).to_bytes().unwrap(), plain);
    let platform = start();
    let client = platform.builder().build().unwrap();
    assert_eq!(on_async(client.download(&item(&platform)).to_bytes()).unwrap(), plain);
}
