//! SM3 (GB/T 32905-2016), the digest of invoices (电子发票) and electronic receipts (电子回单). Our own because the cryptographic library has
//! none; nothing here is secret.

/// The digest of a text, in lower-case hexadecimal.
pub(crate) fn sm3_hex(text: &[u8]) -> String {
    let mut state = INITIAL;
    let mut blocks = text.chunks_exact(BLOCK);
    for block in &mut blocks {
        compress(&mut state, block);
    }
    // What is left, a one bit, zeros, and the length in bits.
    let mut last = blocks.remainder().to_vec();
    last.push(0x80);
    let padded = if last.len() > BLOCK - 8 { 2 * BLOCK } else { BLOCK };
    last.resize(padded - 8, 0);
    last.extend_from_slice(&(text.len() as u64).wrapping_mul(8).to_be_bytes());
    for block in last.chunks_exact(BLOCK) {
        compress(&mut state, block);
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
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
    use super::*;

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
