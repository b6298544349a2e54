//! The counter mode of GCM (NIST SP 800-38D, 6.5), piece by piece, with the cipher that belongs to the length of the key.
//!
//! Only the last 32 bits of the counter count, and nothing is carried from them.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
#[cfg(feature = "sm")]
use sm4::Sm4;
#[cfg(feature = "sm")]
use sm4::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use zeroize::Zeroizing;

use super::{BLOCK, SealedFileError};

/// The length of a key of AES-256.
pub(super) const AES_KEY: usize = 32;
/// The length of a key of SM4.
pub(super) const SM4_KEY: usize = 16;

/// The key of a file, which tells the cipher.
pub(super) enum FileKey {
    Aes(Zeroizing<[u8; AES_KEY]>),
    #[cfg(feature = "sm")]
    Sm4(Box<Sm4>),
}

impl FileKey {
    pub(super) fn new(key: &[u8]) -> Result<Self, SealedFileError> {
        #[cfg(feature = "sm")]
        if key.len() == SM4_KEY {
            let cipher = Sm4::new_from_slice(key).map_err(|_| SealedFileError::Unavailable)?;
            return Ok(Self::Sm4(Box::new(cipher)));
        }
        match key.try_into() {
            Ok(key) => Ok(Self::Aes(Zeroizing::new(key))),
            Err(_) => Err(SealedFileError::KeyLength { length: key.len() }),
        }
    }

    /// A block, encrypted.
    pub(super) fn encrypt(&self, block: [u8; BLOCK]) -> Result<[u8; BLOCK], SealedFileError> {
        match self {
            Self::Aes(key) => {
                // What encrypts zeros in counter mode encrypts the counter.
                let mut output = [0; 2 * BLOCK];
                let mut cipher = aes_at(key, block)?;
                let update =
                    cipher.update(&[0; BLOCK], &mut output).map_err(|_| SealedFileError::Unavailable)?;
                update.written().try_into().map_err(|_| SealedFileError::Unavailable)
            }
            #[cfg(feature = "sm")]
            Self::Sm4(cipher) => {
                let mut block = block.into();
                cipher.encrypt_block(&mut block);
                Ok(block.into())
            }
        }
    }

    /// Decrypts from the block after this counter on.
    pub(super) fn after(self, first: [u8; BLOCK]) -> Result<CounterMode, SealedFileError> {
        let (prefix, count) = first.split_at(12);
        let prefix: [u8; 12] = prefix.try_into().map_err(|_| SealedFileError::Unavailable)?;
        let count = u32::from_be_bytes(count.try_into().map_err(|_| SealedFileError::Unavailable)?);
        CounterMode::new(self, prefix, count.wrapping_add(1))
    }
}

/// A cipher at a place of its file.
pub(super) enum CounterMode {
    Aes {
        key: Zeroizing<[u8; AES_KEY]>,
        /// The first 96 bits of the counter.
        prefix: [u8; 12],
        cipher: StreamingDecryptingKey,
        /// How many bytes the cipher may still decrypt before the last 32 bits of its counter begin again at
        /// zero: GCM carries nothing from them, and the cipher would.
        until_wrap: u64,
    },
    #[cfg(feature = "sm")]
    Sm4 {
        cipher: Box<Sm4>,
        prefix: [u8; 12],
        /// The count of the next block.
        count: u32,
        /// The rest of a block of what is added to the text.
        rest: Zeroizing<Vec<u8>>,
    },
}

impl CounterMode {
    pub(super) fn new(key: FileKey, prefix: [u8; 12], count: u32) -> Result<Self, SealedFileError> {
        Ok(match key {
            FileKey::Aes(key) => {
                let cipher = aes_at(&key, counter(&prefix, count))?;
                Self::Aes { key, prefix, cipher, until_wrap: until_wrap(count) }
            }
            #[cfg(feature = "sm")]
            FileKey::Sm4(cipher) => {
                Self::Sm4 { cipher, prefix, count, rest: Zeroizing::new(Vec::with_capacity(BLOCK)) }
            }
        })
    }

    /// Decrypts, and adds the result to `plain`.
    pub(super) fn decrypt(
        &mut self,
        mut ciphertext: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), SealedFileError> {
        match self {
            Self::Aes { key, prefix, cipher, until_wrap: left } => {
                while !ciphertext.is_empty() {
                    if *left == 0 {
                        (*cipher, *left) = (aes_at(key, counter(prefix, 0))?, until_wrap(0));
                    }
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(ciphertext.len());
                    let (now, later) = ciphertext.split_at(count);
                    let start = plain.len();
                    // The library wants room for a block more than it writes.
                    plain.resize(start + count + BLOCK, 0);
                    let written = cipher.update(now, &mut plain[start..]);
                    let written = written.map_err(|_| SealedFileError::Unavailable)?.written().len();
                    plain.truncate(start + written);
                    if written != count {
                        return Err(SealedFileError::Unavailable);
                    }
                    *left -= count as u64;
                    ciphertext = later;
                }
            }
            #[cfg(feature = "sm")]
            Self::Sm4 { cipher, prefix, count, rest } => {
                while !ciphertext.is_empty() {
                    if rest.is_empty() {
                        let mut block = counter(prefix, *count).into();
                        cipher.encrypt_block(&mut block);
                        rest.extend_from_slice(&block);
                        *count = count.wrapping_add(1);
                    }
                    let (now, later) = ciphertext.split_at(ciphertext.len().min(rest.len()));
                    plain.extend(now.iter().zip(rest.iter()).map(|(byte, mask)| byte ^ mask));
                    rest.drain(..now.len());
                    ciphertext = later;
                }
            }
        }
        Ok(())
    }
}

fn counter(prefix: &[u8; 12], count: u32) -> [u8; BLOCK] {
    let mut counter = [0; BLOCK];
    counter[..12].copy_from_slice(prefix);
    counter[12..].copy_from_slice(&count.to_be_bytes());
    counter
}

/// How many bytes may be decrypted before the count begins again.
fn until_wrap(count: u32) -> u64 {
    ((1_u64 << 32) - u64::from(count)) * BLOCK as u64
}

fn aes_at(key: &[u8; AES_KEY], counter: [u8; BLOCK]) -> Result<StreamingDecryptingKey, SealedFileError> {
    let unavailable = |_| SealedFileError::Unavailable;
    let key = UnboundCipherKey::new(&AES_256, key).map_err(unavailable)?;
    StreamingDecryptingKey::ctr(key, DecryptionContext::Iv128(FixedLength::from(counter)))
        .map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GCM counts in 32 bits. With a hashed nonce the count begins anywhere, so that a large file may reach its end.
    #[test]
    fn a_count_that_begins_again_carries_nothing_into_the_rest_of_the_counter() {
        let keys: &[&[u8]] = &[
            b"0123456789abcdef0123456789abcdef",
            #[cfg(feature = "sm")]
            b"0123456789abcdef",
        ];
        for text in keys {
            let key = || FileKey::new(text).unwrap();
            let prefix = b"a8607ef79034";
            let mut mode = CounterMode::new(key(), *prefix, u32::MAX).unwrap();
            let mut plain = Vec::new();
            for piece in [0; 3 * BLOCK].chunks(7) {
                mode.decrypt(piece, &mut plain).unwrap();
            }
            let block = |count| key().encrypt(counter(prefix, count)).unwrap();
            assert_eq!(plain, [block(u32::MAX), block(0), block(1)].concat());
        }
    }

    /// GM/T 0002-2012.
    #[cfg(feature = "sm")]
    #[test]
    fn the_known_answer_of_sm4() {
        let key = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128.to_be_bytes();
        let encrypted = FileKey::new(&key).unwrap().encrypt(key).unwrap();
        assert_eq!(u128::from_be_bytes(encrypted), 0x681e_df34_d206_965e_86b3_e94f_536e_4246);
    }
}
