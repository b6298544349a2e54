//! A gzip stream (RFC 1952) that stores its text as it is: every program unpacks it, and it takes no memory to write.

/// The longest block that is stored.
const MAX_BLOCK: usize = 0xFFFF;

/// Packs a text.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = Gzip::new();
    packed.write(text);
    packed.finish()
}

/// A stream that is written in parts.
pub(in crate::products) struct Gzip {
    packed: Vec<u8>,
    /// Bytes that are not in a block yet; less than a block.
    rest: Vec<u8>,
    crc: u32,
    length: u32,
}

impl Gzip {
    pub(in crate::products) fn new() -> Self {
        // Deflate, no name, no time, an unknown system.
        let packed = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
        Self { packed, rest: Vec::new(), crc: u32::MAX, length: 0 }
    }

    pub(in crate::products) fn write(&mut self, mut text: &[u8]) {
        self.crc = crc32(self.crc, text);
        // As the format has it: modulo 2^32.
        self.length = self.length.wrapping_add(text.len() as u32);
        while !text.is_empty() {
            if self.rest.len() == MAX_BLOCK {
                self.end_block(false);
            }
            let (now, later) = text.split_at(text.len().min(MAX_BLOCK - self.rest.len()));
            self.rest.extend_from_slice(now);
            text = later;
        }
    }

    fn end_block(&mut self, is_last: bool) {
        let length = u16::try_from(self.rest.len()).unwrap_or(u16::MAX);
        self.packed.push(u8::from(is_last));
        self.packed.extend_from_slice(&length.to_le_bytes());
        self.packed.extend_from_slice(&(!length).to_le_bytes());
        self.packed.append(&mut self.rest);
    }

    pub(in crate::products) fn finish(mut self) -> Vec<u8> {
        self.end_block(true);
        self.packed.extend_from_slice(&(!self.crc).to_le_bytes());
        self.packed.extend_from_slice(&self.length.to_le_bytes());
        self.packed
    }
}

/// What the low byte of a state does to it.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut state, mut bit) = (byte as u32, 0);
        while bit < 8 {
            state = (state >> 1) ^ if state & 1 == 1 { 0xEDB8_8320 } else { 0 };
            bit += 1;
        }
        table[byte] = state;
        byte += 1;
    }
    table
};

fn crc32(state: u32, text: &[u8]) -> u32 {
    text.iter().fold(state, |state, byte| (state >> 8) ^ TABLE[usize::from(state.to_le_bytes()[0] ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(!crc32(u32::MAX, b"123456789"), 0xCBF4_3926);
    }

    /// What Python's `gzip.decompress` takes for `abc`, stored.
    #[test]
    fn a_text_is_stored_between_head_and_checksum() {
        let expected = [
            &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF][..],
            &[1, 3, 0, 0xFC, 0xFF],
            b"abc",
            &[0xC2, 0x41, 0x24, 0x35, 3, 0, 0, 0],
        ];
        assert_eq!(gzip(b"abc"), expected.concat());
        let mut in_parts = Gzip::new();
        in_parts.write(b"a");
        in_parts.write(b"bc");
        assert_eq!(in_parts.finish(), expected.concat());
    }

    #[test]
    fn a_long_text_is_stored_in_blocks() {
        let packed = gzip(&vec![b'x'; MAX_BLOCK + 1]);
        assert_eq!(packed[10], 0);
        assert_eq!(packed[10 + 5 + MAX_BLOCK..][..6], [1, 1, 0, 0xFE, 0xFF, b'x']);
        assert_eq!(gzip(b"")[10..15], [1, 0, 0, 0xFF, 0xFF]);
    }
}
