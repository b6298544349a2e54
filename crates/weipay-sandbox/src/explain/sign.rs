//! Why the `sign` of a request of APIv2 is wrong. It is a digest of the elements and a key, so each common
//! mistake is made with the keys that are known here, and compared: what is said of a mistake is proven.

use aws_lc_rs::digest::{SHA256, digest};
use weipay_catalog::Operation;
use weipay_wire::{SignType, XmlElements};

use super::{Difference, MAX_OTHER_KEYS, MAX_SHOWN, SignatureExplanation, hex, kind};
use crate::exchanges::mask;
use crate::merchants::{Merchant, Merchants};

/// A request whose `sign` is wrong.
pub(crate) struct WrongSign<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) body: &'a [u8],
    pub(crate) elements: &'a XmlElements,
    pub(crate) sign_type: SignType,
    pub(crate) merchant: &'a Merchant,
    pub(crate) merchants: &'a Merchants,
}

/// No request that is signed has as many elements; up to this number, each is left out once.
const MAX_LEFT_OUT: usize = 60;

type Pairs = Vec<(String, String)>;

/// A message that may have been signed, with what is wrong with it.
struct Candidate {
    cause: &'static str,
    pairs: Pairs,
    end: End,
}

/// What follows the elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// `&key=KEY`, as it must be.
    Key,
    /// The key without its name.
    BareKey,
    Nothing,
}

impl WrongSign<'_> {
    /// Finds out what was signed, within a bounded number of tries.
    pub(crate) fn explain(&self) -> SignatureExplanation {
        let right = self.right();
        let sign = self.elements.text("sign").unwrap_or_default().to_ascii_uppercase();
        let found = self.find(&sign);
        let expected = joined(&right);
        let (cause, signed) = match found {
            Some((cause, signed)) => (cause, signed),
            None => (self.unknown(&sign), None),
        };
        let differs = signed.as_ref().and_then(|signed| difference(&expected, &joined(signed)));
        SignatureExplanation {
            cause,
            expected: self.shown(&right),
            // The key is not a part of it.
            expected_sha256: hex(digest(&SHA256, expected.as_bytes()).as_ref()),
            signed_sha256: signed
                .as_ref()
                .map(|signed| hex(digest(&SHA256, joined(signed).as_bytes()).as_ref())),
            signed: signed.as_ref().map(|signed| self.shown(signed)),
            difference: differs,
        }
    }

    /// What is signed: everything but `sign` and empty values, in the order of names.
    fn right(&self) -> Pairs {
        let mut pairs = self.in_document_order();
        pairs.sort_unstable();
        pairs
    }

    fn in_document_order(&self) -> Pairs {
        let mut pairs = self.all();
        pairs.retain(|(name, value)| name != "sign" && !value.is_empty());
        pairs
    }

    fn all(&self) -> Pairs {
        self.elements.texts().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// The mistake, and the elements that were signed where they are not the right ones.
    fn find(&self, sign: &str) -> Option<(String, Option<Pairs>)> {
        let is = |key: &[u8], kind: SignType, pairs: &Pairs, end: End| made(key, kind, pairs, end) == sign;
        let own = self.merchant.api_v2_key.as_bytes();
        let other_kind = match self.sign_type {
            SignType::Md5 => SignType::HmacSha256,
            SignType::HmacSha256 => SignType::Md5,
        };
        let right = self.right();
        if is(own, other_kind, &right, End::Key) {
            return Some((
                format!(
                    "signed with {other_kind}, and sign_type says {}: they must be the same; without sign_type it is MD5",
                    self.sign_type
                ),
                None,
            ));
        }
        let v3 = self.merchant.api_v3_key.as_bytes();
        let candidates = self.candidates();
        let kinds = [self.sign_type, other_kind];
        for kind in kinds {
            if is(v3, kind, &right, End::Key) {
                return Some((V3_KEY.to_owned(), None));
            }
        }
        let others = self.merchants.all();
        let own_number = &self.merchant.account.mchid;
        for other in others.iter().filter(|other| other.account.mchid != *own_number).take(MAX_OTHER_KEYS) {
            if is(other.api_v2_key.as_bytes(), self.sign_type, &right, End::Key) {
                let number = &other.account.mchid;
                return Some((
                    format!(
                        "wrong key: signed with the APIv2 key of the merchant {number}, and the request names {own_number}"
                    ),
                    None,
                ));
            }
        }
        for candidate in candidates {
            let signed_with =
                |key: &[u8]| kinds.iter().any(|kind| is(key, *kind, &candidate.pairs, candidate.end));
            if signed_with(own) {
                return Some((candidate.cause.to_owned(), Some(candidate.pairs)));
            }
            if candidate.end == End::Key && signed_with(v3) {
                return Some((format!("{V3_KEY}; besides, {}", candidate.cause), Some(candidate.pairs)));
            }
        }
        let of_own_key = |pairs: &Pairs| is(own, self.sign_type, pairs, End::Key);
        if let Some(pairs) = self.find_order(&right, of_own_key) {
            return Some((UNSORTED.to_owned(), Some(pairs)));
        }
        let texts = std::str::from_utf8(own).unwrap_or_default();
        for (cause, key) in [
            ("the key was signed in small letters: take it as it is", texts.to_ascii_lowercase()),
            ("the key was signed in capital letters: take it as it is", texts.to_ascii_uppercase()),
        ] {
            if kinds.iter().any(|kind| is(key.as_bytes(), *kind, &right, End::Key)) {
                return Some((cause.to_owned(), None));
            }
        }
        // The key was sorted with the elements.
        let mut with_key = right.clone();
        with_key.push(("key".to_owned(), texts.to_owned()));
        with_key.sort_unstable();
        if kinds.iter().any(|kind| is(own, *kind, &with_key, End::Nothing)) {
            return Some((
                "`key` was sorted with the elements: it comes last, after all of them".to_owned(),
                None,
            ));
        }
        for index in 0..right.len().min(MAX_LEFT_OUT) {
            let mut pairs = right.clone();
            let (name, _) = pairs.remove(index);
            if kinds.iter().any(|kind| is(own, *kind, &pairs, End::Key)) {
                return Some((
                    format!(
                        "`{name}` was sent and not signed: every element that is not empty is signed, so add it before \
                         signing"
                    ),
                    Some(pairs),
                ));
            }
        }
        None
    }

    /// With the elements in another order than that of their names: every order of a few, and of more those that programs have.
    fn find_order(&self, right: &Pairs, is: impl Fn(&Pairs) -> bool) -> Option<Pairs> {
        if right.len() <= MAX_PERMUTED {
            return permutation(&mut right.clone(), right.len(), &is);
        }
        let place = |name: &str| self.operation.request.xml.iter().position(|field| field.name == name);
        let mut of_page = right.clone();
        of_page.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
        let mut reversed = right.clone();
        reversed.reverse();
        let mut required_first = of_page.clone();
        let is_required =
            |name: &str| place(name).is_some_and(|index| self.operation.request.xml[index].required);
        required_first.sort_by_key(|(name, _)| !is_required(name));
        let mut document_reversed = self.in_document_order();
        document_reversed.reverse();
        let mut found = vec![of_page, reversed, required_first, document_reversed];
        // One element at another place, as what is added last: `nonce_str`, `sign_type`.
        for from in 0..right.len().min(MAX_LEFT_OUT) {
            for to in [0, right.len() - 1] {
                let mut moved = right.clone();
                let pair = moved.remove(from);
                moved.insert(to, pair);
                found.push(moved);
            }
        }
        found.into_iter().find(is)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let with = |cause, pairs, end| Candidate { cause, pairs, end };
        let right = self.right();
        let map = |change: &dyn Fn(&str) -> String| -> Pairs {
            right.iter().map(|(name, value)| (name.clone(), change(value))).collect()
        };
        let sorted = |mut pairs: Pairs| -> Pairs {
            pairs.sort_unstable();
            pairs
        };
        let in_order = self.in_document_order();
        let mut no_case = right.clone();
        no_case.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        let mut with_empty = self.all();
        with_empty.retain(|(name, _)| name != "sign");
        let mut with_sign = right.clone();
        with_sign.push(("sign".to_owned(), String::new()));
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let form = |text: &str| {
            // What the form encoders of most languages leave as it is.
            const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
                .remove(b'-')
                .remove(b'.')
                .remove(b'_')
                .remove(b'*')
                .remove(b' ');
            percent_encoding::utf8_percent_encode(text, KEPT).to_string().replace(' ', "+")
        };
        let rfc = |text: &str| {
            const KEPT: &percent_encoding::AsciiSet =
                &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
            percent_encoding::utf8_percent_encode(text, KEPT).to_string()
        };
        const PERCENT: &str = "values were percent-encoded before signing: sign them as they are sent";
        const ENCODING: &str =
            "letters beyond ASCII were signed in another encoding than UTF-8: take the bytes of UTF-8";
        vec![
            with(
                "the message ends in the key without its name: it ends in &key=KEY",
                right.clone(),
                End::BareKey,
            ),
            with("the key was left out of the message: it ends in &key=KEY", right.clone(), End::Nothing),
            with(
                "elements were signed in the order of the document: sort them by name, byte by byte",
                in_order,
                End::Key,
            ),
            with(
                "names were sorted without regard to case: sort them byte by byte, A before a",
                no_case,
                End::Key,
            ),
            with(
                "elements with empty values were signed: leave them out of the message",
                sorted(with_empty),
                End::Key,
            ),
            with("`sign` itself was signed: leave it out of the message", sorted(with_sign), End::Key),
            with(PERCENT, map(&encoded), End::Key),
            with(PERCENT, map(&form), End::Key),
            with(PERCENT, map(&rfc), End::Key),
            with(
                "the markup of CDATA was signed with the values: sign the values alone",
                map(&|text| format!("<![CDATA[{text}]]>")),
                End::Key,
            ),
            with(
                "values were signed as XML writes them (&amp;): sign them as they are read",
                map(&|text| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
                End::Key,
            ),
            with(
                "blanks around values were cut off before signing: sign them as they are sent",
                map(&|text| text.trim().to_owned()),
                End::Key,
            ),
            with(
                ENCODING,
                map(&|text| {
                    text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
                }),
                End::Key,
            ),
            with(ENCODING, map(&|text| text.bytes().map(char::from).collect()), End::Key),
        ]
    }

    fn unknown(&self, sign: &str) -> String {
        if !sign.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return "sign is not hexadecimal: write the digest in hexadecimal, not in base64".to_owned();
        }
        match SignType::from_signature(sign) {
            None => format!(
                "sign has {} characters: MD5 has 32, HMAC-SHA256 has 64 in hexadecimal",
                sign.len()
            ),
            Some(kind) if kind != self.sign_type => format!(
                "sign has the length of {kind}, and sign_type says {}; without sign_type it is MD5",
                self.sign_type
            ),
            Some(_) if self.body.starts_with(b"\xEF\xBB\xBF") => {
                "another message or key: the body begins with a byte order mark, perhaps its text is not what was signed"
                    .to_owned()
            }
            Some(_) => "another message or another key was signed: join every element that is not empty, but for sign, as name=value \
                        with & between them, sorted by name, and end with &key= and api_v2_key of kit.json; print what your program \
                        signs and compare it"
                .to_owned(),
        }
    }

    /// The message with the masks of bodies, and without the key.
    fn shown(&self, pairs: &Pairs) -> String {
        let fields = &self.operation.request.xml;
        let shown: Vec<String> = pairs
            .iter()
            .map(|(name, value)| {
                let value = mask::element(fields, name, value);
                format!("{}={value}", mask::element_name(name))
            })
            .collect();
        let text = format!("{}&key={}", shown.join("&"), mask::MASK);
        if text.len() > MAX_SHOWN { format!("({} bytes)", text.len()) } else { text }
    }
}

const V3_KEY: &str =
    "wrong key: signed with the APIv3 key; APIv2 has another key, api_v2_key of kit.json (API密钥)";

const UNSORTED: &str =
    "elements were signed in another order than that of their names: sort them by name, byte by byte";

/// So many elements are tried in every order, which makes 720 digests: whoever sends a wrong `sign` makes the sandbox try.
const MAX_PERMUTED: usize = 6;

/// The first order of the elements for which it is so (Heap's algorithm).
fn permutation(pairs: &mut Pairs, count: usize, is: &impl Fn(&Pairs) -> bool) -> Option<Pairs> {
    if count <= 1 {
        return is(pairs).then(|| pairs.clone());
    }
    for index in 0..count {
        if let Some(found) = permutation(pairs, count - 1, is) {
            return Some(found);
        }
        let other = if count.is_multiple_of(2) { index } else { 0 };
        pairs.swap(other, count - 1);
    }
    None
}

fn joined(pairs: &Pairs) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The signature of such a message, in capital letters.
fn made(key: &[u8], kind: SignType, pairs: &Pairs, end: End) -> String {
    let message = joined(pairs);
    match end {
        End::Key => kind.digest(key, &[message.as_bytes(), b"&key=", key]),
        End::BareKey => kind.digest(key, &[message.as_bytes(), key]),
        End::Nothing => kind.digest(key, &[message.as_bytes()]),
    }
}

fn difference(expected: &str, signed: &str) -> Option<Difference> {
    let (expected, signed) = (expected.as_bytes(), signed.as_bytes());
    let longest = expected.len().max(signed.len());
    let offset = (0..longest).find(|index| expected.get(*index) != signed.get(*index))?;
    Some(Difference {
        offset,
        line: "elements",
        column: offset,
        expected: kind(expected.get(offset)),
        signed: kind(signed.get(offset)),
    })
}
