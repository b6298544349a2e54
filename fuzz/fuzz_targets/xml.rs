//! The XML of APIv2: read, verified, and written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weipay::wire::{ApiV2Key, XmlElements};
use weipay_fuzz::API_V2_KEY;

fuzz_target!(|bytes: &[u8]| {
    let Ok(elements) = XmlElements::read(bytes, "xml") else { return };
    for (name, _) in elements.texts() {
        assert!(elements.text(name).is_some());
    }
    let _ = ApiV2Key::new(API_V2_KEY).unwrap().verify(&elements);
    if let Ok(written) = elements.write("xml") {
        assert_eq!(XmlElements::read(written.as_bytes(), "xml").as_ref(), Ok(&elements), "{written}");
    }
});
