//! `apiclient_cert.p12`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weipay::wire::ClientIdentity;

fuzz_target!(|bytes: &[u8]| {
    for password in ["1900000001", ""] {
        match ClientIdentity::from_pkcs12(bytes, password) {
            Ok(identity) => assert!(identity.chain().next().is_some()),
            Err(error) => assert!(error.to_string().len() < 2000),
        }
    }
});
