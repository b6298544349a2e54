//! The key derivation of PKCS#12 itself (RFC 7292, appendix B.2), for the old ciphers and for the integrity of the file.

use aws_lc_rs::digest::{Algorithm, Context};
use zeroize::Zeroizing;

/// What a derived key is for.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// Derives `length` bytes from a password in UTF-16.
pub(super) fn derive(
    algorithm: &'static Algorithm,
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
            hash = aws_lc_rs::digest::digest(algorithm, hash.as_ref());
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
