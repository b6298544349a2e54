//! The key of a file that travels encrypted (加密账单), as the response that names the file gives it.

use weipay_wire::{PrivateKey, SealedFile};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, FileError};

/// The lengths of the keys of AES-256 and SM4. A key that is still encrypted is longer: 344 characters with
/// RSA, and more than 100 with SM2.
const KEY_LENGTHS: [usize; 2] = [32, 16];

/// How a file is encrypted.
#[derive(Clone)]
pub(super) struct Seal {
    /// `encrypt_key`: encrypted for the merchant, or as a typed response has it, which has decrypted it.
    key: Zeroizing<String>,
    nonce: String,
}

impl Seal {
    pub(super) fn new(key: &str, nonce: &str) -> Self {
        Self { key: Zeroizing::new(key.to_owned()), nonce: nonce.to_owned() }
    }

    /// Decrypts the key with the merchant's private key, unless that was done.
    pub(super) fn open(&self, merchant: &PrivateKey) -> Result<SealedFile, Error> {
        let key = match KEY_LENGTHS.contains(&self.key.len()) {
            true => Zeroizing::new(self.key.as_bytes().to_vec()),
            false => {
                let opened = merchant.decrypt_sensitive(&self.key);
                opened.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?
            }
        };
        Ok(SealedFile::new(&key, self.nonce.as_bytes()).map_err(FileError::Sealed)?)
    }
}

#[cfg(all(test, feature = "sm"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_key_is_decrypted_with_the_merchants_sm2_key() {
        let merchant = PrivateKey::generate_sm2().unwrap();
        for key in ["0123456789abcdef", "0123456789abcdef0123456789abcdef"] {
            let encrypted = merchant.public_key().encrypt_sensitive(key.as_bytes()).unwrap();
            assert!(encrypted.len() > 100);
            assert!(Seal::new(&encrypted, "a8607ef79034c49c").open(&merchant).is_ok());
        }
        let stranger = PrivateKey::generate_sm2().unwrap();
        let encrypted = stranger.public_key().encrypt_sensitive(b"0123456789abcdef").unwrap();
        assert!(Seal::new(&encrypted, "a8607ef79034c49c").open(&merchant).is_err());
    }
}
