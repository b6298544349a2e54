//! How programs percent-encode (URL 编码): what each way encodes.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC};

/// All but what RFC 3986 calls unreserved, which a URL never needs encoded.
pub(crate) const UNRESERVED_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As the form encoders of most languages do it; a space becomes a plus.
pub(crate) const FORM: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b' ');

/// All but what may stand in a URL as it is.
pub(crate) const URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^');

/// As `encodeURIComponent` does it.
pub(crate) const COMPONENT: &AsciiSet = &URL
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b']');
