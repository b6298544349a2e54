//! What a sandbox says beside its answers, for the person at the screen.

use std::io::Write;

use http::HeaderMap;
use weipay_sandbox::{Behaviour, ORIGIN_HEADER, REASON_HEADER, decode_reason};

/// Says on standard error that a response is an example: whoever reads it must not take it for what happened.
pub(super) fn example(headers: &HeaderMap) {
    let is_example = headers.get(ORIGIN_HEADER).is_some_and(|origin| origin == Behaviour::Example.word());
    if is_example {
        let style = anstyle::AnsiColor::Yellow.on_default().bold();
        // A closed standard error must not hide the response.
        writeln!(
            anstream::stderr(),
            "{style}note:{style:#} this is an example: the sandbox has no behaviour for this operation, and nothing happened"
        )
        .ok();
    }
}

/// Why the sandbox refused a request, where the message alone says little.
pub(super) fn reason(headers: &HeaderMap) -> Option<String> {
    Some(decode_reason(headers.get(REASON_HEADER)?.to_str().ok()?))
}
