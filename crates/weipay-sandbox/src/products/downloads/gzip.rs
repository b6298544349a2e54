//! A gzip stream (RFC 1952) that stores its text as it is: bills here are short, and every program unpacks it.

/// The longest block that is stored.
const MAX_BLOCK: usize = 0xFFFF;

/// Packs a text.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    // Deflate, no name, no time, an unknown system.
    let mut packed = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
    let mut rest = text;
    loop {
        let (block, after) = rest.split_at(rest.len().min(MAX_BLOCK));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(after.is_empty()));
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(block);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    packed.extend_from_slice(&crc32(text).to_le_bytes());
    packed.extend_from_slice(&(text.len() as u32).to_le_bytes());
    packed
}

fn crc32(text: &[u8]) -> u32 {
    !text.iter().fold(u32::MAX, |state, byte| {
        (0..8).fold(state ^ u32::from(*byte), |state, _| {
            (state >> 1) ^ if state & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
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
    }

    #[test]
    fn a_long_text_is_stored_in_blocks() {
        let packed = gzip(&vec![b'x'; MAX_BLOCK + 1]);
        assert_eq!(packed[10], 0);
        assert_eq!(packed[10 + 5 + MAX_BLOCK..][..6], [1, 1, 0, 0xFE, 0xFF, b'x']);
        assert_eq!(gzip(b"")[10..15], [1, 0, 0, 0xFF, 0xFF]);
    }
}
