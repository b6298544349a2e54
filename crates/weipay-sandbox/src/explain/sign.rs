//! Why the `sign` of a request of APIv2 is wrong. It is a digest of the elements and a key, so each common
//! mistake is made with the keys that are known here, and compared: what is said of a mistake is proven.

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use weipay_catalog::Operation;
use weipay_wire::{SignType, XmlElements};

use super::{Difference, MAX_OTHER_KEYS, MAX_SHOWN, SignatureExplanation, hex, kind};
use crate::encodings::{FORM, UNRESERVED_KEPT};
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

/// The mistake, and the elements that were signed, if they are wrong.
type Mistake = (String, Option<Pairs>);

/// A message that may have been signed, with what is wrong with it.
struct Candidate {
    cause: &'static str,
    pairs: Pairs,
    end: End,
}

/// The text behind the elements.
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

    /// The elements that are signed: all but `sign` and empty values, in the order of names.
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

    fn find(&self, sign: &str) -> Option<Mistake> {
        let right = self.right();
        self.find_key(sign, &right)
            .or_else(|| self.find_message(sign))
            .or_else(|| self.find_order(sign, &right))
            .or_else(|| self.find_changed_key(sign, &right))
            .or_else(|| self.find_left_out(sign, &right))
    }

    fn own_key(&self) -> &[u8] {
        self.merchant.api_v2_key.as_bytes()
    }

    /// The kind of signature that the request names, and the other one.
    fn kinds(&self) -> [SignType; 2] {
        match self.sign_type {
            SignType::Md5 => [SignType::Md5, SignType::HmacSha256],
            SignType::HmacSha256 => [SignType::HmacSha256, SignType::Md5],
        }
    }

    /// The element that names the kind of signature.
    fn said_kind(&self) -> String {
        let is_named = self.elements.text("sign_type").is_some_and(|named| !named.is_empty());
        match is_named {
            false if self.operation.demands_hmac() => {
                format!("this operation takes {} only, also without sign_type", self.sign_type)
            }
            _ => format!(
                "sign_type says {}: they must be the same; without sign_type it is MD5",
                self.sign_type
            ),
        }
    }

    /// Whether a message was signed with a key, by either kind.
    fn is_signed_with(&self, key: &[u8], sign: &str, pairs: &Pairs, end: End) -> bool {
        self.kinds().into_iter().any(|kind| made(key, kind, pairs, end) == sign)
    }

    /// The right message, signed by the other kind, with the APIv3 key, or with the key of another merchant.
    fn find_key(&self, sign: &str, right: &Pairs) -> Option<Mistake> {
        let [named, other_kind] = self.kinds();
        if made(self.own_key(), other_kind, right, End::Key) == sign {
            let cause = format!("signed with {other_kind}, but {}", self.said_kind());
            return Some((cause, None));
        }
        if self.is_signed_with(self.merchant.api_v3_key.as_bytes(), sign, right, End::Key) {
            return Some((V3_KEY.to_owned(), None));
        }
        let (all, own_number) = (self.merchants.all(), &self.merchant.account.mchid);
        let mut others = all.iter().filter(|other| other.account.mchid != *own_number).take(MAX_OTHER_KEYS);
        let other = others.find(|other| made(other.api_v2_key.as_bytes(), named, right, End::Key) == sign)?;
        let number = &other.account.mchid;
        let cause = format!(
            "wrong key: signed with the APIv2 key of the merchant {number}, but the request names {own_number}"
        );
        Some((cause, None))
    }

    /// A message that is wrong in one thing, signed with the right key or the APIv3 key.
    fn find_message(&self, sign: &str) -> Option<Mistake> {
        self.candidates().into_iter().find_map(|Candidate { cause, pairs, end }| {
            if self.is_signed_with(self.own_key(), sign, &pairs, end) {
                return Some((cause.to_owned(), Some(pairs)));
            }
            let v3 = self.merchant.api_v3_key.as_bytes();
            let is_v3 = end == End::Key && self.is_signed_with(v3, sign, &pairs, end);
            is_v3.then(|| (format!("{V3_KEY}; besides, {cause}"), Some(pairs)))
        })
    }

    /// The right message with a key that was changed, or that was sorted with the elements.
    fn find_changed_key(&self, sign: &str, right: &Pairs) -> Option<Mistake> {
        let own = std::str::from_utf8(self.own_key()).unwrap_or_default();
        for (cause, key) in [
            ("the key was changed to lower case before signing: use it unchanged", own.to_ascii_lowercase()),
            ("the key was changed to upper case before signing: use it unchanged", own.to_ascii_uppercase()),
        ] {
            if self.is_signed_with(key.as_bytes(), sign, right, End::Key) {
                return Some((cause.to_owned(), None));
            }
        }
        let mut with_key = right.clone();
        with_key.push(("key".to_owned(), own.to_owned()));
        with_key.sort_unstable();
        let is_sorted = self.is_signed_with(self.own_key(), sign, &with_key, End::Nothing);
        is_sorted.then(|| {
            ("`key` was sorted with the elements: it comes last, after all of them".to_owned(), None)
        })
    }

    /// The right message without one of its elements.
    fn find_left_out(&self, sign: &str, right: &Pairs) -> Option<Mistake> {
        (0..right.len().min(MAX_LEFT_OUT)).find_map(|index| {
            let mut pairs = right.clone();
            let (name, _) = pairs.remove(index);
            let is_signed = self.is_signed_with(self.own_key(), sign, &pairs, End::Key);
            is_signed.then(|| {
                let cause = format!(
                    "`{name}` was sent but not signed: every element that is not empty is signed, so add it before \
                     signing"
                );
                (cause, Some(pairs))
            })
        })
    }

    /// The elements in another order than that of their names, by the kind that the request names.
    fn find_order(&self, sign: &str, right: &Pairs) -> Option<Mistake> {
        let is = |pairs: &Pairs| made(self.own_key(), self.sign_type, pairs, End::Key) == sign;
        Some((UNSORTED.to_owned(), Some(self.other_order(right, is)?)))
    }

    /// With the elements in another order than that of their names: every order of a few, and of more those that programs have.
    fn other_order(&self, right: &Pairs, is: impl Fn(&Pairs) -> bool) -> Option<Pairs> {
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
            with(PERCENT, map(&percent_encoded), End::Key),
            with(PERCENT, map(&form_encoded), End::Key),
            with(PERCENT, map(&unreserved_kept), End::Key),
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
                "white space around values was removed before signing: sign values as they are sent",
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
            Some(kind) if kind != self.sign_type => {
                format!("sign has the length of {kind}, but {}", self.said_kind())
            }
            Some(_) if self.body.starts_with(b"\xEF\xBB\xBF") => {
                "another message or key: the body begins with a byte order mark, perhaps its text is not what was signed"
                    .to_owned()
            }
            Some(_) => "another message or another key was signed: join every element that is not empty, except sign, as name=value \
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

const PERCENT: &str = "values were percent-encoded before signing: sign them as they are sent";
const ENCODING: &str = "non-ASCII characters were not signed as UTF-8: sign the bytes of UTF-8";

/// Percent-encoding of everything but letters and digits.
fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// As the form encoders of most languages do it.
fn form_encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}

/// As RFC 3986 says it.
fn unreserved_kept(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_KEPT).to_string()
}

const V3_KEY: &str =
    "wrong key: signed with the APIv3 key; APIv2 has another key, api_v2_key of kit.json (API密钥)";

const UNSORTED: &str =
    "elements were signed in another order than that of their names: sort them by name, byte by byte";

/// Maximum number of elements tried in every order, which makes 720 digests: any client with a wrong `sign` makes the
/// sandbox try.
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
