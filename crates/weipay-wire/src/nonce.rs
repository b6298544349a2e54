//! The random string (随机串, `nonce_str`) that makes every signed message unique.
//!
//! The source of randomness is an argument, so that a seeded sandbox repeats itself exactly. Other programs call
//! [`random_nonce`].

use aws_lc_rs::rand;

/// The length of a nonce in characters. The platform accepts up to 32.
pub const NONCE_LENGTH: usize = 32;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Makes a nonce of 32 letters and digits from bytes that `random` fills in.
///
/// Four random bytes per character keep the bias of the 62-letter alphabet below one in sixty million, and,
/// unlike drawing again on a miss, end after one draw whatever the source is.
#[must_use]
pub fn nonce(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = [0_u8; 4 * NONCE_LENGTH];
    random(&mut bytes);
    bytes.as_chunks::<4>().0.iter().map(|chunk| letter(u32::from_le_bytes(*chunk))).collect()
}

/// Makes a nonce from the operating system's randomness.
#[must_use]
pub fn random_nonce() -> String {
    nonce(&mut |bytes| {
        // AWS-LC ends the process if it has no entropy, so in practice this loop runs once.
        while rand::fill(bytes).is_err() {}
    })
}

/// Spreads a random `u32` evenly over the alphabet.
fn letter(random: u32) -> char {
    let index = (u64::from(random) * ALPHABET.len() as u64) >> 32;
    char::from(ALPHABET[index as usize])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_and_the_last_letter_of_the_alphabet_are_reached() {
        assert_eq!(nonce(&mut |bytes| bytes.fill(0)), "0".repeat(32));
        assert_eq!(nonce(&mut |bytes| bytes.fill(0xFF)), "z".repeat(32));
    }

    #[test]
    fn two_random_nonces_differ() {
        assert_ne!(random_nonce(), random_nonce());
    }

    proptest! {
        #[test]
        fn a_nonce_is_32_letters_and_digits_whatever_the_source_gives(seed: [[u8; 32]; 4]) {
            let made = nonce(&mut |bytes| bytes.copy_from_slice(seed.as_flattened()));
            prop_assert_eq!(made.len(), NONCE_LENGTH);
            prop_assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }
}
