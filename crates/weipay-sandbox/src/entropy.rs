//! Randomness as a value: the system's, or a seeded sequence that makes a run repeatable.
//!
//! Only numbers and nonces come from here. Keys with which anybody signs or is trusted never do: a seed must
//! not decide them.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::thread;

use aws_lc_rs::digest;

/// Where a platform's nonces and numbers come from.
pub(crate) struct Entropy(Source);

enum Source {
    System,
    /// The seed, where the sequence of this start begins, and where it stands.
    Seeded {
        seed: u64,
        beginning: u64,
        state: Mutex<u64>,
    },
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Entropy(System)",
            Source::Seeded { .. } => "Entropy(Seeded)",
        })
    }
}

impl Entropy {
    pub(crate) fn system() -> Self {
        Self(Source::System)
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::seeded_at_start(seed, 0)
    }

    /// The sequence of a start: the first one's is that of the seed itself. A later one goes on with the same
    /// state, and its sequence has none of the numbers that the state has already; it is the same in every
    /// run.
    pub(crate) fn seeded_at_start(seed: u64, start: u64) -> Self {
        let beginning = match start {
            0 => seed,
            start => split_mix(&mut split_mix(&mut seed.wrapping_add(start)).wrapping_add(start)),
        };
        Self(Source::Seeded { seed, beginning, state: Mutex::new(beginning) })
    }

    /// Begins a seeded sequence again: that of the seed if nobody else uses the same state, or else that of this start, since the
    /// others go on with theirs.
    pub(crate) fn restart(&self, is_alone: bool) {
        if let Source::Seeded { seed, beginning, state } = &self.0 {
            let place = if is_alone { seed } else { beginning };
            *state.lock().unwrap_or_else(PoisonError::into_inner) = *place;
        }
    }

    /// Where a seeded sequence stands.
    pub(crate) fn place(&self) -> Option<u64> {
        match &self.0 {
            Source::System => None,
            Source::Seeded { state, .. } => Some(*state.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Whether a seed decides.
    pub(crate) fn is_seeded(&self) -> bool {
        matches!(self.0, Source::Seeded { .. })
    }

    /// Derives randomness from the seed and these texts, without advancing the sequence. Use it for background work,
    /// whose order is not deterministic, and for nonces. Each run repeats the sequence of the seed, and a nonce must
    /// never be reused under one key with another plaintext: so the plaintext must be one of the texts. Without a
    /// seed it is random.
    pub(crate) fn of(&self, texts: &[&str]) -> Self {
        let Source::Seeded { seed, .. } = &self.0 else { return Self::system() };
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&seed.to_le_bytes());
        for text in texts {
            // Their lengths keep ("ab", "c") and ("a", "bc") apart.
            hash.update(&text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        let mut seed = [0; 8];
        seed.copy_from_slice(hash.finish().as_ref().split_at(8).0);
        Self::seeded_at_start(u64::from_le_bytes(seed), 0)
    }

    /// Whether a seeded sequence has given nothing yet.
    pub(crate) fn is_untouched(&self) -> bool {
        match &self.0 {
            Source::System => false,
            Source::Seeded { beginning, state, .. } => {
                *state.lock().unwrap_or_else(PoisonError::into_inner) == *beginning
            }
        }
    }

    /// Goes on from a place that a seeded sequence had.
    pub(crate) fn go_to(&self, place: u64) {
        if let Source::Seeded { state, .. } = &self.0 {
            *state.lock().unwrap_or_else(PoisonError::into_inner) = place;
        }
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                // The generator of aws-lc does not fail after start-up; nothing here guards a secret if it ever did.
                let _ = aws_lc_rs::rand::fill(bytes);
            }
            Source::Seeded { state, .. } => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// 32 lower-case hexadecimal digits, the form of `Wechatpay-Nonce` on responses.
    pub(crate) fn nonce(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        base16ct::lower::encode_string(&bytes)
    }

    /// Letters of an alphabet of at most 256; uniform when its size divides 256, near enough otherwise.
    fn letters(&self, alphabet: &[u8], count: usize) -> String {
        let mut bytes = vec![0; count * 2];
        self.fill(&mut bytes);
        let pick = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]) as usize % alphabet.len();
        bytes.chunks_exact(2).map(|pair| char::from(alphabet[pick(pair)])).collect()
    }

    /// A number from 0 up to one below this limit, near enough to uniform; 0 when the limit is below 1.
    pub(crate) fn below(&self, limit: i64) -> i64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        let limit = u64::try_from(limit).unwrap_or_default().max(1);
        i64::try_from(u64::from_le_bytes(bytes) % limit).unwrap_or_default()
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex_digits(&self, count: usize) -> String {
        self.letters(b"0123456789abcdef", count)
    }

    /// Letters of the Latin alphabet, large and small, and digits.
    pub(crate) fn letters_and_digits(&self, count: usize) -> String {
        self.letters(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", count)
    }

    /// Decimal digits.
    pub(crate) fn digits(&self, count: usize) -> String {
        self.letters(b"0123456789", count)
    }
}

/// Lets the cryptographic library gather its entropy beside other work. It does so once in a process, before its first
/// random byte or signature, and takes 30 to 50 milliseconds: most of what a start with a kit would cost.
pub(crate) fn warm_up() {
    thread::spawn(|| Entropy::system().nonce());
}

/// SplitMix64: one addition and three mixes a number.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| (Entropy::seeded(seed).nonce(), Entropy::seeded(seed).digits(9));
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn each_start_has_its_sequence() {
        let draw = |seed, start| Entropy::seeded_at_start(seed, start).nonce();
        let mut drawn = vec![Entropy::seeded(7).nonce(), draw(8, 0)];
        drawn.extend((1..100).map(|start| draw(7, start)));
        drawn.extend((1..100).map(|start| draw(8, start)));
        let all = drawn.len();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), all);
        assert_eq!(draw(7, 0), Entropy::seeded(7).nonce());
        let third = Entropy::seeded_at_start(7, 2);
        third.nonce();
        third.restart(false);
        assert_eq!(third.nonce(), draw(7, 2));
        third.restart(true);
        assert_eq!(third.nonce(), draw(7, 0));
    }

    #[test]
    fn what_follows_from_a_text_takes_nothing_out_of_the_sequence() {
        let entropy = Entropy::seeded(7);
        let draw = |texts: &[&str]| entropy.of(texts).nonce();
        assert_eq!(draw(&["ab", "c"]), Entropy::seeded(7).of(&["ab", "c"]).nonce());
        let others =
            [draw(&["a", "bc"]), draw(&["abc"]), draw(&[]), Entropy::seeded(8).of(&["ab", "c"]).nonce()];
        assert!(!others.contains(&draw(&["ab", "c"])));
        assert_eq!(entropy.nonce(), Entropy::seeded(7).nonce());
        let system = Entropy::system();
        assert_ne!(system.of(&["a"]).nonce(), system.of(&["a"]).nonce());
    }

    #[test]
    fn split_mix_gives_the_published_sequence() {
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_nonce_is_32_lower_hex_digits() {
        let nonce = Entropy::system().nonce();
        assert_eq!(nonce.len(), 32);
        assert!(nonce.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    }
}
