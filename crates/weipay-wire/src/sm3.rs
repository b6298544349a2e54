//! SM3 (GB/T 32905-2016), the digest of invoices (电子发票) and electronic receipts (电子回单). Our own because the cryptographic library has
//! none; nothing here is secret.

/// The digest of bytes that come in pieces.
#[derive(Clone)]
pub(crate) struct Sm3 {
    state: [u32; 8],
    /// What is too short for a block.
    rest: Vec<u8>,
    length: u64,
}

impl Sm3 {
    pub(crate) fn new() -> Self {
        Self { state: INITIAL, rest: Vec::with_capacity(2 * BLOCK), length: 0 }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if !self.rest.is_empty() {
            let (filling, after) = bytes.split_at(bytes.len().min(BLOCK - self.rest.len()));
            self.rest.extend_from_slice(filling);
            bytes = after;
            if self.rest.len() < BLOCK {
                return;
            }
            compress(&mut self.state, &self.rest);
            self.rest.clear();
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            compress(&mut self.state, block);
        }
        self.rest.extend_from_slice(blocks.remainder());
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        // What is left, a one bit, zeros, and the length in bits.
        self.rest.push(0x80);
        let padded = if self.rest.len() > BLOCK - 8 { 2 * BLOCK } else { BLOCK };
        self.rest.resize(padded - 8, 0);
        self.rest.extend_from_slice(&self.length.wrapping_mul(8).to_be_bytes());
        for block in self.rest.chunks_exact(BLOCK) {
            compress(&mut self.state, block);
        }
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

const BLOCK: usize = 64;

const INITIAL: [u32; 8] =
    [0x7380_166f, 0x4914_b2b9, 0x1724_42d7, 0xda8a_0600, 0xa96f_30bc, 0x1631_38aa, 0xe38d_ee4d, 0xb0fb_0e4e];

fn compress(state: &mut [u32; 8], block: &[u8]) {
    let words = expand(block);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for round in 0..64 {
        let early = round < 16;
        let constant: u32 = if early { 0x79cc_4519 } else { 0x7a87_9d8a };
        let turned = constant.rotate_left(round as u32 % 32);
        let ss1 = a.rotate_left(12).wrapping_add(e).wrapping_add(turned).rotate_left(7);
        let ss2 = ss1 ^ a.rotate_left(12);
        let ff = if early { a ^ b ^ c } else { (a & b) | (a & c) | (b & c) };
        let gg = if early { e ^ f ^ g } else { (e & f) | (!e & g) };
        let mixed = words[round] ^ words[round + 4];
        let tt1 = ff.wrapping_add(d).wrapping_add(ss2).wrapping_add(mixed);
        let tt2 = gg.wrapping_add(h).wrapping_add(ss1).wrapping_add(words[round]);
        (d, c, b, a) = (c, b.rotate_left(9), a, tt1);
        (h, g, f, e) = (g, f.rotate_left(19), e, p0(tt2));
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word ^= new;
    }
}

fn expand(block: &[u8]) -> [u32; 68] {
    let mut words = [0; 68];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for at in 16..68 {
        let mixed = words[at - 16] ^ words[at - 9] ^ words[at - 3].rotate_left(15);
        words[at] = p1(mixed) ^ words[at - 13].rotate_left(7) ^ words[at - 6];
    }
    words
}

fn p0(word: u32) -> u32 {
    word ^ word.rotate_left(9) ^ word.rotate_left(17)
}

fn p1(word: u32) -> u32 {
    word ^ word.rotate_left(15) ^ word.rotate_left(23)
}

#[cfg(test)]
mod tests {
    use crate::DigestAlgorithm;

    fn sm3_hex(text: &[u8]) -> String {
        DigestAlgorithm::Sm3.hex(text)
    }

    /// The two examples of the standard, appendix A.
    #[test]
    fn the_digests_are_the_known_ones() {
        assert_eq!(sm3_hex(b"abc"), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(
            sm3_hex(&b"abcd".repeat(16)),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
        );
    }

    #[test]
    fn every_length_of_the_last_block_is_padded() {
        let digests: std::collections::HashSet<String> =
            (0..130).map(|length| sm3_hex(&vec![b'a'; length])).collect();
        assert_eq!(digests.len(), 130);
    }
}
