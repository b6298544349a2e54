//! The `Authorization` header, which anybody may send to a sandbox.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weipay::wire::Authorization;

fuzz_target!(|text: &str| {
    match text.parse::<Authorization>() {
        Ok(read) => {
            let written = read.to_string();
            assert_eq!(written.parse::<Authorization>().as_ref(), Ok(&read), "{written}");
        }
        Err(error) => assert!(error.to_string().len() < 1000),
    }
});
