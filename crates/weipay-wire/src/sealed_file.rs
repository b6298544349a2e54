//! Files that travel encrypted (加密账单): AES-256-GCM over the whole file, as binary, without associated data, and with the tag as
//! the last 16 bytes. The key is in the response that names the file, encrypted for the merchant
//! (<https://pay.weixin.qq.com/docs/partner/apis/combine-payment-identity/bill-download/get-sub-mch-fund-flow-bill.html>).
//!
//! Such a file may have 16 GB, so it is decrypted while it arrives, in constant memory. What was decrypted must not be used before
//! [`SealedFile::finish`] has compared the tag.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroizing;

const BLOCK: usize = 16;
const TAG: usize = 16;
const KEY: usize = 32;
/// Keys of `SM4_GCM` have this length.
const SM4_KEY: usize = 16;
/// The longest nonce that is taken. Those in documents have 16 and 32 bytes.
const MAX_NONCE: usize = 128;
/// GCM allows no more for one nonce: 2^32 - 2 blocks.
const MAX_BYTES: u64 = ((1 << 32) - 2) * BLOCK as u64;

/// A file that is being decrypted.
pub struct SealedFile {
    key: Zeroizing<[u8; KEY]>,
    cipher: StreamingDecryptingKey,
    /// How many bytes the cipher may still decrypt before the last 32 bits of its counter begin again at zero: GCM carries nothing
    /// from them, and the cipher would.
    until_wrap: u64,
    /// The other 96 bits of the counter.
    prefix: [u8; 12],
    hash: GHash,
    /// What of the last block has not been hashed yet.
    partial: Vec<u8>,
    /// What the tag is encrypted with.
    mask: [u8; BLOCK],
    /// The last bytes so far: they may be the tag.
    held: Vec<u8>,
    bytes: u64,
}

impl SealedFile {
    /// Begins with the decrypted key and the nonce of the file, both as the bytes of their text.
    ///
    /// # Errors
    /// If the key is not one of AES-256, or the nonce is empty or longer than 128 bytes.
    pub fn new(key: &[u8], nonce: &[u8]) -> Result<Self, SealedFileError> {
        let key: [u8; KEY] = key.try_into().map_err(|_| SealedFileError::KeyLength { length: key.len() })?;
        let key = Zeroizing::new(key);
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            return Err(SealedFileError::NonceLength { length: nonce.len() });
        }
        // The key of the hash is a block of zeros, encrypted: the first block that the counter gives at zero.
        let hash_key = Zeroizing::new(keystream_block(&key, [0; BLOCK])?);
        let hash = GHash::new((&*hash_key).into());
        let first = first_counter(&hash, nonce);
        let mask = keystream_block(&key, first)?;
        let (prefix, count) = first.split_at(12);
        let prefix: [u8; 12] = prefix.try_into().map_err(|_| SealedFileError::Unavailable)?;
        let count = u32::from_be_bytes(count.try_into().map_err(|_| SealedFileError::Unavailable)?);
        let (cipher, until_wrap) = cipher_from(&key, &prefix, count.wrapping_add(1))?;
        let (partial, held) = (Vec::with_capacity(BLOCK), Vec::with_capacity(TAG));
        Ok(Self { key, cipher, until_wrap, prefix, hash, partial, mask, held, bytes: 0 })
    }

    /// Decrypts the next bytes of the file. The last 16 of all that came stay back, because they may be the tag.
    ///
    /// # Errors
    /// If the file is longer than 64 GB, or the cryptographic library failed.
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
            self.decrypt(ciphertext, &mut plain)?;
        }
        Ok(plain)
    }

    /// The file ended: whether its tag fits, so that nothing of it was changed and the key is the right one.
    ///
    /// # Errors
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

    fn decrypt(&mut self, mut ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), SealedFileError> {
        while !ciphertext.is_empty() {
            if self.until_wrap == 0 {
                (self.cipher, self.until_wrap) = cipher_from(&self.key, &self.prefix, 0)?;
            }
            let count = usize::try_from(self.until_wrap).unwrap_or(usize::MAX).min(ciphertext.len());
            let (now, rest) = ciphertext.split_at(count);
            let start = plain.len();
            // The library wants room for a block more than it writes.
            plain.resize(start + count + BLOCK, 0);
            let written = self.cipher.update(now, &mut plain[start..]);
            let written = written.map_err(|_| SealedFileError::Unavailable)?.written().len();
            plain.truncate(start + written);
            if written != count {
                return Err(SealedFileError::Unavailable);
            }
            self.until_wrap -= count as u64;
            ciphertext = rest;
        }
        Ok(())
    }
}

/// The cipher at a counter, and how many bytes it decrypts before the last 32 bits of that begin again.
fn cipher_from(
    key: &[u8; KEY],
    prefix: &[u8; 12],
    count: u32,
) -> Result<(StreamingDecryptingKey, u64), SealedFileError> {
    let mut counter = [0; BLOCK];
    counter[..12].copy_from_slice(prefix);
    counter[12..].copy_from_slice(&count.to_be_bytes());
    let blocks = (1_u64 << 32) - u64::from(count);
    Ok((cipher_at(key, counter)?, blocks * BLOCK as u64))
}

fn cipher_at(key: &[u8; KEY], counter: [u8; BLOCK]) -> Result<StreamingDecryptingKey, SealedFileError> {
    let unavailable = |_| SealedFileError::Unavailable;
    let key = UnboundCipherKey::new(&AES_256, key).map_err(unavailable)?;
    StreamingDecryptingKey::ctr(key, DecryptionContext::Iv128(FixedLength::from(counter)))
        .map_err(unavailable)
}

/// A block of what is added to the text, which is the counter, encrypted.
fn keystream_block(key: &[u8; KEY], counter: [u8; BLOCK]) -> Result<[u8; BLOCK], SealedFileError> {
    let mut output = [0; 2 * BLOCK];
    let mut cipher = cipher_at(key, counter)?;
    let update = cipher.update(&[0; BLOCK], &mut output).map_err(|_| SealedFileError::Unavailable)?;
    update.written().try_into().map_err(|_| SealedFileError::Unavailable)
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
    /// The key is not 32 bytes long.
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
    /// The file is longer than AES-GCM allows.
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
                "the key of the encrypted file is one of SM4_GCM, which is not supported: ask for the file with the algorithm \
                 AEAD_AES_256_GCM",
            ),
            Self::KeyLength { length } => {
                write!(f, "the key of the encrypted file has {length} bytes, but AES-256-GCM needs {KEY}")
            }
            Self::NonceLength { length } => {
                write!(f, "the nonce of the encrypted file has {length} bytes; 1 to {MAX_NONCE} are possible")
            }
            Self::TooShort => f.write_str("the encrypted file is cut off: download it again"),
            Self::TooLong => f.write_str("the encrypted file is longer than 64 GB, which AES-GCM does not allow"),
            Self::Refused => f.write_str(
                "the encrypted file does not fit its tag: it was changed or cut off on its way, or was encrypted with another \
                 key; ask for a new address and download it again",
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

    /// GCM counts in 32 bits. With a hashed nonce the count begins anywhere, so that a large file may reach its end.
    #[test]
    fn a_count_that_begins_again_carries_nothing_into_the_rest_of_the_counter() {
        let key: [u8; KEY] = KEY_TEXT.try_into().unwrap();
        let mut file = SealedFile::new(KEY_TEXT, b"a8607ef79034").unwrap();
        (file.cipher, file.until_wrap) = cipher_from(&key, &file.prefix, u32::MAX).unwrap();
        let mut plain = Vec::new();
        file.decrypt(&[0; 3 * BLOCK], &mut plain).unwrap();
        let block = |count: u32| {
            let mut counter = [0; BLOCK];
            counter[..12].copy_from_slice(b"a8607ef79034");
            counter[12..].copy_from_slice(&count.to_be_bytes());
            keystream_block(&key, counter).unwrap()
        };
        assert_eq!(plain, [block(u32::MAX), block(0), block(1)].concat());
    }

    #[test]
    fn other_keys_and_nonces_are_refused_and_nothing_of_them_is_printed() {
        let sm4 = SealedFile::new(&KEY_TEXT[..16], b"a8607ef79034c49c").unwrap_err();
        assert!(sm4.to_string().contains("SM4_GCM"), "{sm4}");
        for (key, nonce) in [(&b"secret"[..], &b"n"[..]), (b"", b"n"), (KEY_TEXT, b""), (KEY_TEXT, &[0; 129])]
        {
            assert!(!SealedFile::new(key, nonce).unwrap_err().to_string().contains("secret"));
        }
        assert_eq!(format!("{:?}", SealedFile::new(KEY_TEXT, b"n").unwrap()), "SealedFile { bytes: 0, .. }");
    }
}
