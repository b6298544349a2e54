//! Recovers the digest that a signature was made over, for debugging.
//!
//! A signature of RSA (PKCS#1 v1.5) contains the digest of its message in the open: the public key shows it.
//! So a sandbox can tell a wrong key from a wrong message, and can compare the digest with those of the
//! messages that may have been meant, for the price of one hash each. Nothing here decides whether a
//! signature is good: [`PublicKey::verify`] does.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::rsa::PublicKey;

/// The result of recovering the digest from a signature with a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedDigest {
    /// The SHA-256 of the message that was signed.
    Sha256([u8; 32]),
    /// It was made with this key, and with another hash function.
    OtherHash(&'static str),
    /// It was made with this key and the right padding, over these bytes, without the name of a hash function.
    Bare(Vec<u8>),
    /// It was made with this key as RSASSA-PSS.
    Pss,
    /// It was not made with the private half of this key.
    OtherKey,
    /// The text is not base64 of 256 bytes, so it is the signature of no key of RSA with 2048 bits.
    NotASignature,
    /// The key is not one of RSA, whose signatures show nothing.
    Hidden,
}

/// The bytes of a modulus, and of a signature.
const BYTES: usize = 256;
const LIMBS: usize = BYTES / 8;

type Number = [u64; LIMBS];

/// DER that names a hash function in front of its digest (RFC 8017, 9.2).
const HASHES: [(&str, &[u8]); 4] = [
    ("MD5", &[0x30, 0x20, 0x30, 0x0c, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5, 5, 0, 4, 16]),
    ("SHA-1", &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20]),
    ("SHA-384", &[0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 48]),
    ("SHA-512", &[0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64]),
];
const SHA256_NAME: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32];

impl PublicKey {
    /// Recovers the digest from a signature in base64.
    #[must_use]
    pub fn signed_digest(&self, signature: &str) -> SignedDigest {
        let Some((modulus, exponent)) = parts(self.as_spki_der()) else { return SignedDigest::Hidden };
        let signature = STANDARD.decode(signature).ok().and_then(|bytes| number(&bytes));
        let Some(signature) = signature.filter(|_| modulus[0] & 1 == 1) else {
            return SignedDigest::NotASignature;
        };
        if !is_less(&signature, &modulus) {
            return SignedDigest::OtherKey;
        }
        read(&bytes_of(&power(&signature, exponent, &modulus)))
    }
}

/// Reads an encoded message.
fn read(encoded: &[u8; BYTES]) -> SignedDigest {
    if is_pss(encoded) {
        return SignedDigest::Pss;
    }
    let padded = encoded.strip_prefix(&[0, 1]).unwrap_or_default();
    let filled = padded.iter().take_while(|byte| **byte == 0xff).count();
    let Some([0, content @ ..]) = padded.get(filled..).filter(|_| filled >= 8) else {
        return SignedDigest::OtherKey;
    };
    if let Some(digest) = content.strip_prefix(SHA256_NAME).and_then(|digest| digest.try_into().ok()) {
        return SignedDigest::Sha256(digest);
    }
    match HASHES.iter().find(|(_, name)| content.starts_with(name)) {
        Some((name, _)) => SignedDigest::OtherHash(name),
        None => SignedDigest::Bare(content.to_vec()),
    }
}

/// Whether this is an encoded message of RSASSA-PSS with SHA-256 (RFC 8017, 9.1.2).
fn is_pss(encoded: &[u8; BYTES]) -> bool {
    let Some((rest, [0xbc])) = encoded.split_at_checked(BYTES - 1) else { return false };
    let (masked, seed) = rest.split_at(BYTES - 33);
    let blocks = (0_u32..7).flat_map(|counter| {
        let block = digest(&SHA256, &[seed, &counter.to_be_bytes()].concat());
        block.as_ref().to_vec()
    });
    let mut block: Vec<u8> = masked.iter().zip(blocks).map(|(byte, mask)| byte ^ mask).collect();
    if let Some(first) = block.first_mut() {
        *first &= 0x7f;
    }
    block.into_iter().find(|byte| *byte != 0) == Some(1)
}

/// Modulus and public exponent of a SubjectPublicKeyInfo.
fn parts(spki: &[u8]) -> Option<(Number, u64)> {
    let (info, _) = element(spki, 0x30)?;
    let (_, rest) = element(info, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    let (key, _) = element(bits.strip_prefix(&[0])?, 0x30)?;
    let (modulus, rest) = element(key, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    let exponent =
        exponent.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)))?;
    Some((number(modulus.strip_prefix(&[0])?)?, exponent))
}

/// The content of a DER element, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = der else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f).min(4))?;
            (digits.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}

/// A number of 256 bytes, the least limb first.
fn number(bytes: &[u8]) -> Option<Number> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let mut limbs = [0; LIMBS];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*chunk);
    }
    Some(limbs)
}

fn bytes_of(number: &Number) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (limb, chunk) in number.iter().rev().zip(bytes.as_chunks_mut::<8>().0) {
        *chunk = limb.to_be_bytes();
    }
    bytes
}

fn is_less(one: &Number, other: &Number) -> bool {
    one.iter().rev().lt(other.iter().rev())
}

/// Montgomery's multiplication needs no division. All values are public, so it need not take the same time for each.
fn power(base: &Number, exponent: u64, modulus: &Number) -> Number {
    let inverse = inverse(modulus[0]);
    // 2^2048 modulo the modulus, whose highest bit is set, and then its square.
    let mut one = [0; LIMBS];
    subtract(&mut one, modulus);
    let mut square = one;
    for _ in 0..2048 {
        let overflows = square[LIMBS - 1] >> 63 == 1;
        let mut carry = 0;
        for limb in &mut square {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
        if overflows || !is_less(&square, modulus) {
            subtract(&mut square, modulus);
        }
    }
    let base = multiply(base, &square, modulus, inverse);
    let mut result = one;
    for bit in (0..64 - exponent.leading_zeros()).rev() {
        result = multiply(&result, &result, modulus, inverse);
        if exponent >> bit & 1 == 1 {
            result = multiply(&result, &base, modulus, inverse);
        }
    }
    let mut plain = [0; LIMBS];
    plain[0] = 1;
    multiply(&result, &plain, modulus, inverse)
}

/// What gives -1 when it is multiplied by the least limb of the modulus, by Newton's method.
fn inverse(limb: u64) -> u64 {
    let mut inverse = 1_u64;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(limb.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

fn multiply(one: &Number, other: &Number, modulus: &Number, inverse: u64) -> Number {
    let mut sum = [0_u64; LIMBS];
    let mut high = 0_u64;
    for factor in other {
        let mut carry = 0;
        for (limb, value) in sum.iter_mut().zip(one) {
            (*limb, carry) = add_product(*limb, *value, *factor, carry);
        }
        let (top, top_carry) = high.overflowing_add(carry);
        let factor = sum[0].wrapping_mul(inverse);
        let (_, mut carry) = add_product(sum[0], modulus[0], factor, 0);
        for (index, limb) in modulus.iter().enumerate().skip(1) {
            (sum[index - 1], carry) = add_product(sum[index], *limb, factor, carry);
        }
        let (last, last_carry) = top.overflowing_add(carry);
        sum[LIMBS - 1] = last;
        high = u64::from(top_carry) + u64::from(last_carry);
    }
    if high > 0 || !is_less(&sum, modulus) {
        subtract(&mut sum, modulus);
    }
    sum
}

/// `limb + value * factor + carry`, as its low and its high half.
fn add_product(limb: u64, value: u64, factor: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(value) * u128::from(factor) + u128::from(limb) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

fn subtract(number: &mut Number, other: &Number) {
    let mut borrow = false;
    for (limb, value) in number.iter_mut().zip(other) {
        let (difference, first) = limb.overflowing_sub(*value);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (difference, first || second);
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding};

    use super::*;

    fn signature(key: &KeyPair, encoding: &'static dyn RsaEncoding) -> String {
        let mut signature = [0; BYTES];
        key.sign(encoding, &SystemRandom::new(), b"message", &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    fn public(key: &KeyPair) -> PublicKey {
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
        crate::PrivateKey::from_pkcs8_der(pkcs8.as_ref()).unwrap().public_key()
    }

    #[test]
    fn a_signature_shows_its_digest_hash_and_padding() {
        for _ in 0..3 {
            let (key, other) =
                (KeyPair::generate(KeySize::Rsa2048).unwrap(), KeyPair::generate(KeySize::Rsa2048).unwrap());
            let public = public(&key);
            let expected = digest(&SHA256, b"message");
            assert_eq!(
                public.signed_digest(&signature(&key, &RSA_PKCS1_SHA256)),
                SignedDigest::Sha256(expected.as_ref().try_into().unwrap())
            );
            let seen = |key, encoding| public.signed_digest(&signature(key, encoding));
            assert_eq!(seen(&key, &RSA_PKCS1_SHA512), SignedDigest::OtherHash("SHA-512"));
            assert_eq!(seen(&key, &RSA_PSS_SHA256), SignedDigest::Pss);
            assert_eq!(seen(&other, &RSA_PKCS1_SHA256), SignedDigest::OtherKey);
            assert_eq!(seen(&other, &RSA_PSS_SHA256), SignedDigest::OtherKey);
        }
    }

    #[test]
    fn what_is_no_signature_is_told_as_such() {
        let public = public(&KeyPair::generate(KeySize::Rsa2048).unwrap());
        for text in ["", "c2hvcnQ=", "%%%", &"ab".repeat(256)] {
            assert_eq!(public.signed_digest(text), SignedDigest::NotASignature, "{text}");
        }
        let largest = STANDARD.encode([0xff; BYTES]);
        assert_eq!(public.signed_digest(&largest), SignedDigest::OtherKey);
        assert_eq!(public.signed_digest(&STANDARD.encode([0; BYTES])), SignedDigest::OtherKey);
    }
}
