//! Encrypted files (加密账单): AES-256-GCM over the whole file, as binary, without associated data, and with the tag as
//! the last 16 bytes. The key is in the response that names the file, encrypted for the merchant
//! (<https://pay.weixin.qq.com/docs/partner/apis/combine-payment-identity/bill-download/get-sub-mch-fund-flow-bill.html>).
//!
//! Or, with the feature `sm`, SM4-GCM (`SM4_GCM`). The pages say of it only that its key has 128 bits, so
//! INFERRED: the rest is as with AES, and the length of the key decides which of the two it is. A wrong guess
//! cannot pass for a file: the tag would not fit.
//!
//! Such a file may have 16 GB, so it is decrypted while it arrives, in constant memory. What was decrypted
//! must not be used before [`SealedFile::finish`] has compared the tag.

mod counter_mode;

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroizing;

use counter_mode::{AES_KEY, CounterMode, FileKey, SM4_KEY};

const BLOCK: usize = 16;
const TAG: usize = 16;
/// The longest nonce that is taken. Those in documents have 16 and 32 bytes.
const MAX_NONCE: usize = 128;
/// GCM allows no more for one nonce: 2^32 - 2 blocks.
const MAX_BYTES: u64 = ((1 << 32) - 2) * BLOCK as u64;

/// A file that is being decrypted.
pub struct SealedFile {
    cipher: CounterMode,
    hash: GHash,
    /// The part of the last block that has not been hashed yet.
    partial: Vec<u8>,
    /// The block that encrypts the tag.
    mask: [u8; BLOCK],
    /// The last bytes so far: they may be the tag.
    held: Vec<u8>,
    bytes: u64,
}

impl SealedFile {
    /// Begins with the decrypted key and the nonce of the file, both as the bytes of their text. A key of 32
    /// bytes is one of AES-256; with the feature `sm`, one of 16 bytes is one of SM4.
    ///
    /// # Errors
    ///
    /// If the key has another length, or the nonce is empty or longer than 128 bytes.
    pub fn new(key: &[u8], nonce: &[u8]) -> Result<Self, SealedFileError> {
        let key = FileKey::new(key)?;
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            return Err(SealedFileError::NonceLength { length: nonce.len() });
        }
        // The key of the hash is a block of zeros, encrypted.
        let hash_key = Zeroizing::new(key.encrypt([0; BLOCK])?);
        let hash = GHash::new((&*hash_key).into());
        let first = first_counter(&hash, nonce);
        let mask = key.encrypt(first)?;
        let cipher = key.after(first)?;
        let (partial, held) = (Vec::with_capacity(BLOCK), Vec::with_capacity(TAG));
        Ok(Self { cipher, hash, partial, mask, held, bytes: 0 })
    }

    /// Decrypts the next bytes of the file. The last 16 of all that came stay back, because they may be the tag.
    ///
    /// # Errors
    ///
    /// If the file is longer than 64 GiB, or the cryptographic library failed.
    pub fn update(&mut self, input: &[u8]) -> Result<Vec<u8>, SealedFileError> {
        let ready = (self.held.len() + input.len()).saturating_sub(TAG);
        let from_held = ready.min(self.held.len());
        let (text, rest) = input.split_at(ready - from_held);
        let mut plain = Vec::with_capacity(ready + BLOCK);
        let held: Vec<u8> = self.held.drain(..from_held).collect();
        self.held.extend_from_slice(rest);
        for ciphertext in [&held[..], text] {
            self.bytes += ciphertext.len() as u64;
            if self.bytes > MAX_BYTES {
                return Err(SealedFileError::TooLong);
            }
            self.absorb(ciphertext);
            self.cipher.decrypt(ciphertext, &mut plain)?;
        }
        Ok(plain)
    }

    /// The file ended: whether its tag fits, so that nothing of it was changed and the key is the right one.
    ///
    /// # Errors
    ///
    /// If the tag does not fit, or the file is shorter than a tag.
    pub fn finish(mut self) -> Result<(), SealedFileError> {
        let Ok(tag) = <[u8; TAG]>::try_from(&self.held[..]) else { return Err(SealedFileError::TooShort) };
        if !self.partial.is_empty() {
            self.hash.update_padded(&std::mem::take(&mut self.partial));
        }
        let mut lengths = [0; BLOCK];
        lengths[8..].copy_from_slice(&(self.bytes * 8).to_be_bytes());
        self.hash.update(&[lengths.into()]);
        let mut computed: [u8; BLOCK] = self.hash.finalize().into();
        for (byte, mask) in computed.iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
        aws_lc_rs::constant_time::verify_slices_are_equal(&computed, &tag)
            .map_err(|_| SealedFileError::Refused)
    }

    fn absorb(&mut self, mut ciphertext: &[u8]) {
        if !self.partial.is_empty() {
            let (head, rest) = ciphertext.split_at(ciphertext.len().min(BLOCK - self.partial.len()));
            self.partial.extend_from_slice(head);
            ciphertext = rest;
            if self.partial.len() < BLOCK {
                return;
            }
            self.hash.update_padded(&self.partial);
            self.partial.clear();
        }
        let (whole, rest) = ciphertext.split_at(ciphertext.len() - ciphertext.len() % BLOCK);
        self.hash.update_padded(whole);
        self.partial.extend_from_slice(rest);
    }
}

/// The counter of the tag (NIST SP 800-38D, 7.1): a nonce of 12 bytes and a one, or the hash of a nonce of any other length.
fn first_counter(hash: &GHash, nonce: &[u8]) -> [u8; BLOCK] {
    if nonce.len() == 12 {
        let mut counter = [0; BLOCK];
        counter[..12].copy_from_slice(nonce);
        counter[15] = 1;
        return counter;
    }
    let mut hash = hash.clone();
    hash.update_padded(nonce);
    let mut length = [0; BLOCK];
    length[8..].copy_from_slice(&(nonce.len() as u64 * 8).to_be_bytes());
    hash.update(&[length.into()]);
    hash.finalize().into()
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFile").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Why an encrypted file cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedFileError {
    /// The key has a length that no cipher has.
    KeyLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The nonce is empty or too long.
    NonceLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The file is shorter than its tag.
    TooShort,
    /// The file is longer than GCM allows.
    TooLong,
    /// The tag does not fit: the file was changed or cut off, or was encrypted with another key.
    Refused,
    /// The cryptographic library failed.
    Unavailable,
}

impl Display for SealedFileError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { length: SM4_KEY } => f.write_str(
                "the file is encrypted with SM4_GCM: build with the feature `sm`, or request the file with AEAD_AES_256_GCM",
            ),
            Self::KeyLength { length } => write!(
                f,
                "the key of the encrypted file has {length} bytes, but AES-256-GCM needs {AES_KEY} and SM4-GCM {SM4_KEY}"
            ),
            Self::NonceLength { length } => {
                write!(f, "the nonce of the encrypted file has {length} bytes, but must have 1 to {MAX_NONCE}")
            }
            Self::TooShort => f.write_str("the encrypted file is cut off: download it again"),
            Self::TooLong => f.write_str("the encrypted file is longer than 64 GiB, which GCM does not allow"),
            Self::Refused => f.write_str(
                "the authentication tag of the encrypted file does not match: it was changed or cut off on the way, \
                 or encrypted with another key; request a new download_url and download it again",
            ),
            Self::Unavailable => f.write_str("the cryptographic library failed; try again"),
        }
    }
}

impl Error for SealedFileError {}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const KEY_TEXT: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn open_in_steps(file: &mut SealedFile, sealed: &[u8], step: usize) -> Vec<u8> {
        sealed.chunks(step).flat_map(|piece| file.update(piece).unwrap()).collect()
    }

    fn open(nonce: &[u8], sealed: &[u8], step: usize) -> Result<Vec<u8>, SealedFileError> {
        let mut file = SealedFile::new(KEY_TEXT, nonce)?;
        let plain = open_in_steps(&mut file, sealed, step);
        file.finish().map(|()| plain)
    }

    fn seal(nonce: &[u8; 12], plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, KEY_TEXT).unwrap());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).unwrap();
        sealed
    }

    /// From the tests of the Node plugin: a nonce of 16 bytes and an empty text.
    #[test]
    fn the_known_answer_of_an_empty_file_with_a_nonce_of_sixteen_bytes() {
        let sealed = STANDARD.decode("GvpmmdtYwexXIPhySs9Tlg==").unwrap();
        assert_eq!(open(b"0123456789abcdef", &sealed, 5).unwrap(), b"");
    }

    /// Computed by the Python library `cryptography`, version 48, from the rows below.
    #[test]
    fn the_known_answer_of_a_bill_with_a_nonce_of_sixteen_bytes() {
        let sealed = STANDARD.decode(KNOWN).unwrap();
        let plain: String = (0..40).map(|row| format!("`2026-11-26,`{row}.00\r\n")).collect();
        for step in [1, 7, 16, 17, 4096] {
            assert_eq!(open(b"a8607ef79034c49c", &sealed, step).unwrap(), plain.as_bytes(), "{step}");
        }
    }

    const KNOWN: &str = include_str!("sealed_file/known_bill.base64");

    #[test]
    fn a_file_of_any_length_in_pieces_of_any_length_is_what_was_sealed() {
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 1000, 70_000] {
            let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let sealed = seal(b"a8607ef79034", &plain);
            for step in [1, 15, 16, 17, 33, 65_536] {
                assert!(open(b"a8607ef79034", &sealed, step).unwrap() == plain, "{length} {step}");
            }
        }
    }

    #[test]
    fn a_changed_or_shortened_file_and_another_nonce_are_refused() {
        let sealed = seal(b"a8607ef79034", b"a bill with some rows in it");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(b"a8607ef79034", &changed, 9), Err(SealedFileError::Refused), "{at}");
            let error = if at < TAG { SealedFileError::TooShort } else { SealedFileError::Refused };
            assert_eq!(open(b"a8607ef79034", &sealed[..at], 9), Err(error), "{at}");
        }
        assert_eq!(open(b"a8607ef79035", &sealed, 9), Err(SealedFileError::Refused));
        assert_eq!(open(b"a8607ef79034c49c", &sealed, 9), Err(SealedFileError::Refused));
    }

    /// Computed by the Python library `cryptography`, version 48, with OpenSSL, from the rows below.
    #[cfg(feature = "sm")]
    #[test]
    fn the_known_answers_of_a_bill_that_is_encrypted_with_sm4() {
        let known = [
            (
                "a8607ef79034c49c",
                "LzzyE/75rjV6t5rW4lWeNHsYckDsiNt2501UyujZ8WS7A/Rv2zwrLgTg+QleI/bepZAqlFZQ/J0u5xN+pd5CG+7Qq1UH2owT9w==",
            ),
            (
                "a8607ef79034",
                "NYpB7TFsj6xDi0DG/WI4UQy7vAbAxjNBh1U60zVkr/ps75yqw7zaHF2tCoM3nQ47TBZL11jXwv92Cd6bI68ruojPgOlscWNVLQ==",
            ),
        ];
        let plain: String = (0..3).map(|row| format!("`2026-11-26,`{row}.00\r\n")).collect();
        for (nonce, sealed) in known {
            let sealed = STANDARD.decode(sealed).unwrap();
            let file = || SealedFile::new(&KEY_TEXT[..16], nonce.as_bytes()).unwrap();
            for step in [1, 7, 16, 17, 4096] {
                let mut opened = file();
                assert_eq!(open_in_steps(&mut opened, &sealed, step), plain.as_bytes(), "{step}");
                opened.finish().unwrap();
            }
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                let mut opened = file();
                open_in_steps(&mut opened, &changed, 9);
                assert_eq!(opened.finish(), Err(SealedFileError::Refused), "{at}");
            }
        }
    }

    #[test]
    fn other_keys_and_nonces_are_refused_and_nothing_of_them_is_printed() {
        #[cfg(not(feature = "sm"))]
        {
            let sm4 = SealedFile::new(&KEY_TEXT[..16], b"a8607ef79034c49c").unwrap_err();
            assert!(sm4.to_string().contains("the feature `sm`"), "{sm4}");
        }
        for (key, nonce) in [(&b"secret"[..], &b"n"[..]), (b"", b"n"), (KEY_TEXT, b""), (KEY_TEXT, &[0; 129])]
        {
            assert!(!SealedFile::new(key, nonce).unwrap_err().to_string().contains("secret"));
        }
        assert_eq!(format!("{:?}", SealedFile::new(KEY_TEXT, b"n").unwrap()), "SealedFile { bytes: 0, .. }");
    }
}
