//! How the parts of a PKCS#12 file are encrypted, and how its integrity is proven.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::digest::{self, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, pbkdf2};
use des::TdesEde3;
use rc2::Rc2;
use rc2::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt as _, KeyInit as _};
use x509_cert::der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::structure::{AlgorithmIdentifier, Fields};
use super::{Password, Pkcs12Error};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

pub(super) const PBE_3DES: ObjectIdentifier = oid("1.2.840.113549.1.12.1.3");
const PBE_RC2_128: ObjectIdentifier = oid("1.2.840.113549.1.12.1.5");
const PBE_RC2_40: ObjectIdentifier = oid("1.2.840.113549.1.12.1.6");
const PBES2: ObjectIdentifier = oid("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = oid("1.2.840.113549.1.5.12");
const HMAC_SHA1: ObjectIdentifier = oid("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = oid("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = oid("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = oid("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.42");
const DES_EDE3_CBC: ObjectIdentifier = oid("1.2.840.113549.3.7");
pub(super) const SHA_1: ObjectIdentifier = oid("1.3.14.3.2.26");
const SHA_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

/// Whether the file is whole and the password right: what `macData` is for.
pub(super) fn check_integrity(
    digest: &AlgorithmIdentifier<'_>,
    expected: &[u8],
    salt: &[u8],
    iterations: u32,
    content: &[u8],
    password: &Password<'_>,
) -> Result<(), Pkcs12Error> {
    let (digest, algorithm) = match digest.oid {
        SHA_1 => (&SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        SHA_256 => (&SHA256, hmac::HMAC_SHA256),
        SHA_384 => (&SHA384, hmac::HMAC_SHA384),
        SHA_512 => (&SHA512, hmac::HMAC_SHA512),
        _ => return Err(Pkcs12Error::Algorithm),
    };
    let iterations = password.spend(iterations)?;
    let key = derive(digest, &password.utf16(), salt, iterations, Use::Mac, digest.output_len());
    hmac::verify(&hmac::Key::new(algorithm, &key), content, expected).map_err(|_| Pkcs12Error::Password)
}

/// What `macData` has for this content, with SHA-1.
pub(super) fn sha1_integrity(
    salt: &[u8],
    iterations: u32,
    content: &[u8],
    password: &Password<'_>,
) -> Vec<u8> {
    let digest = &SHA1_FOR_LEGACY_USE_ONLY;
    let key = derive(digest, &password.utf16(), salt, iterations, Use::Mac, digest.output_len());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    hmac::sign(&key, content).as_ref().to_vec()
}

/// Encrypts a part of a file by 3DES.
pub(super) fn encrypt_3des(
    salt: &[u8],
    iterations: u32,
    content: &[u8],
    password: &Password<'_>,
) -> Option<Vec<u8>> {
    let text = password.utf16();
    let derived =
        |purpose, length| derive(&SHA1_FOR_LEGACY_USE_ONLY, &text, salt, iterations, purpose, length);
    let cipher = TdesEde3::new_from_slice(&derived(Use::Key, 24)).ok()?;
    let padding = 8 - content.len() % 8;
    let mut padded = Zeroizing::new(Vec::with_capacity(content.len() + padding));
    padded.extend_from_slice(content);
    padded.extend(std::iter::repeat_n(padding as u8, padding));
    let mut before = derived(Use::Iv, 8).to_vec();
    let mut sealed = Vec::with_capacity(padded.len());
    for plain in padded.as_chunks::<8>().0 {
        let mut block = Block::<TdesEde3>::try_from(&plain[..]).ok()?;
        block.iter_mut().zip(&before).for_each(|(byte, before)| *byte ^= before);
        cipher.encrypt_block(&mut block);
        before = block.to_vec();
        sealed.extend_from_slice(&block);
    }
    Some(sealed)
}

/// Decrypts a part of the file.
pub(super) fn decrypt(
    algorithm: &AlgorithmIdentifier<'_>,
    ciphertext: &[u8],
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    match algorithm.oid {
        PBES2 => pbes2(algorithm, ciphertext, password),
        PBE_3DES | PBE_RC2_128 | PBE_RC2_40 => old(algorithm, ciphertext, password),
        _ => Err(Pkcs12Error::Algorithm),
    }
}

/// The schemes of PKCS#12 itself, of which each names its cipher.
fn old(
    algorithm: &AlgorithmIdentifier<'_>,
    ciphertext: &[u8],
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut parameters = algorithm.parameters()?;
    let (salt, iterations) = (parameters.octets()?, parameters.integer()?);
    let iterations = password.spend(iterations)?;
    let text = password.utf16();
    let derived =
        |purpose, length| derive(&SHA1_FOR_LEGACY_USE_ONLY, &text, salt, iterations, purpose, length);
    let iv = derived(Use::Iv, 8);
    match algorithm.oid {
        PBE_3DES => triple_des(&derived(Use::Key, 24), &iv, ciphertext),
        PBE_RC2_128 => cbc(&Rc2::new_with_eff_key_len(&derived(Use::Key, 16), 128), &iv, ciphertext),
        _ => cbc(&Rc2::new_with_eff_key_len(&derived(Use::Key, 5), 40), &iv, ciphertext),
    }
}

/// PBES2 (RFC 8018): PBKDF2 and any of several ciphers.
fn pbes2(
    algorithm: &AlgorithmIdentifier<'_>,
    ciphertext: &[u8],
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut parameters = algorithm.parameters()?;
    let (derivation, cipher) = (parameters.algorithm()?, parameters.algorithm()?);
    if derivation.oid != PBKDF2 {
        return Err(Pkcs12Error::Algorithm);
    }
    let length = match cipher.oid {
        AES_128_CBC => 16,
        AES_192_CBC | DES_EDE3_CBC => 24,
        AES_256_CBC => 32,
        _ => return Err(Pkcs12Error::Algorithm),
    };
    let key = pbkdf2_key(&mut derivation.parameters()?, length, password)?;
    let iv = cipher.octet_parameter()?;
    match cipher.oid {
        AES_128_CBC => aes(&AES_128, &key, iv, ciphertext),
        AES_192_CBC => aes(&AES_192, &key, iv, ciphertext),
        AES_256_CBC => aes(&AES_256, &key, iv, ciphertext),
        _ => triple_des(&key, iv, ciphertext),
    }
}

/// `PBKDF2-params`: salt, iterations, perhaps the length of the key, perhaps the HMAC, which is SHA-1 by default.
fn pbkdf2_key(
    parameters: &mut Fields<'_>,
    length: usize,
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let (salt, iterations) = (parameters.octets()?, parameters.integer()?);
    if parameters.optional_integer()?.is_some_and(|said| said as usize != length) {
        return Err(Pkcs12Error::Malformed);
    }
    let hmac = if parameters.is_empty() { HMAC_SHA1 } else { parameters.algorithm()?.oid };
    let algorithm = match hmac {
        HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
        HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(Pkcs12Error::Algorithm),
    };
    let iterations = NonZeroU32::new(password.spend(iterations)?).ok_or(Pkcs12Error::Malformed)?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(algorithm, iterations, salt, password.text.as_bytes(), &mut key);
    Ok(key)
}

fn aes(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let key = UnboundCipherKey::new(algorithm, key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| Pkcs12Error::Algorithm)?;
    let iv = FixedLength::<16>::try_from(iv).map_err(|_| Pkcs12Error::Malformed)?;
    let mut content = Zeroizing::new(ciphertext.to_vec());
    let length =
        key.decrypt(&mut content, DecryptionContext::Iv128(iv)).map_err(|_| Pkcs12Error::Password)?.len();
    content.truncate(length);
    Ok(content)
}

fn triple_des(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let cipher = TdesEde3::new_from_slice(key).map_err(|_| Pkcs12Error::Malformed)?;
    cbc(&cipher, iv, ciphertext)
}

/// CBC over the two old ciphers, whose blocks have eight bytes, with PKCS#7 padding.
fn cbc<C: BlockCipherDecrypt>(
    cipher: &C,
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let (blocks, rest) = ciphertext.as_chunks::<8>();
    if blocks.is_empty() || !rest.is_empty() || iv.len() != 8 {
        return Err(Pkcs12Error::Malformed);
    }
    let mut content = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    let mut before = iv;
    for block in blocks {
        let mut opened = Block::<C>::try_from(&block[..]).map_err(|_| Pkcs12Error::Malformed)?;
        cipher.decrypt_block(&mut opened);
        content.extend(opened.iter().zip(before).map(|(byte, before)| byte ^ before));
        before = block;
    }
    let padding = content.last().copied().map_or(0, usize::from);
    let length = content.len().checked_sub(padding).ok_or(Pkcs12Error::Password)?;
    if !(1..=8).contains(&padding) || content[length..].iter().any(|byte| usize::from(*byte) != padding) {
        return Err(Pkcs12Error::Password);
    }
    content.truncate(length);
    Ok(content)
}

/// What a derived key is for.
#[derive(Clone, Copy)]
enum Use {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// Derives `length` bytes from a password in UTF-16.
/// The key derivation of PKCS#12 itself (RFC 7292, appendix B.2), for the old ciphers and for the integrity of the file.
fn derive(
    algorithm: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    purpose: Use,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = algorithm.block_len();
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new(Vec::with_capacity(
        salt.len().next_multiple_of(block) + password.len().next_multiple_of(block),
    ));
    for part in [salt, password] {
        input.extend(part.iter().cycle().take(part.len().next_multiple_of(block)));
    }
    let mut derived = Zeroizing::new(Vec::with_capacity(length.next_multiple_of(algorithm.output_len())));
    while derived.len() < length {
        let mut context = Context::new(algorithm);
        context.update(&diversifier);
        context.update(&input);
        let mut hash = context.finish();
        for _ in 1..iterations {
            hash = digest::digest(algorithm, hash.as_ref());
        }
        derived.extend_from_slice(hash.as_ref());
        for chunk in input.chunks_mut(block) {
            add(chunk, hash.as_ref());
        }
    }
    derived.truncate(length);
    derived
}

/// Adds the repeated hash and one to a number of the length of a block, and lets what overflows go.
fn add(number: &mut [u8], hash: &[u8]) {
    let repeated: Zeroizing<Vec<u8>> =
        Zeroizing::new(hash.iter().copied().cycle().take(number.len()).collect());
    let mut carry = 1_u16;
    for (digit, addend) in number.iter_mut().zip(repeated.iter()).rev() {
        let sum = u16::from(*digit) + u16::from(*addend) + carry;
        *digit = (sum & 0xFF) as u8;
        carry = sum >> 8;
    }
}
