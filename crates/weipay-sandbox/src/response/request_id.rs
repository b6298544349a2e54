//! `Request-ID`: a protobuf message in upper-case hexadecimal, a dash, and a decimal code (0 for success).
//!
//! The form was read out of recorded ones: field 1 is the time in seconds, 2 its milliseconds, 3 the address of a
//! machine as an integer, 4 and 5 are small integers.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::entropy::Entropy;

/// A new `Request-ID`.
pub(super) fn make(now: i64, tail: u32, entropy: &Entropy) -> String {
    let mut random = [0; 4];
    entropy.fill(&mut random);
    let [low, high, fourth, fifth] = random;
    let milliseconds = u64::from(u16::from_le_bytes([low, high]) % 1000);
    let machine = u64::from(u32::from(Ipv4Addr::LOCALHOST));
    let fields = [now.max(0).cast_unsigned(), milliseconds, machine, u64::from(fourth), u64::from(fifth)];
    let mut id = String::with_capacity(64);
    for (number, value) in (1_u8..).zip(fields) {
        for byte in std::iter::once(number << 3).chain(varint(value)) {
            // Writing to a String does not fail.
            let _ = write!(id, "{byte:02X}");
        }
    }
    format!("{id}-{tail}")
}

/// A base-128 varint, the least group first.
fn varint(mut value: u64) -> impl Iterator<Item = u8> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let group = (value & 0x7F) as u8;
        value >>= 7;
        done = value == 0;
        Some(if done { group } else { group | 0x80 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_written_as_in_the_protobuf_guide() {
        assert_eq!(varint(150).collect::<Vec<_>>(), [0x96, 0x01]);
        assert_eq!(varint(0).collect::<Vec<_>>(), [0]);
        assert_eq!(varint(u64::MAX).count(), 10);
    }

    #[test]
    fn it_begins_with_the_time_and_ends_with_the_code() {
        let id = make(1_756_951_532, 268_435_461, &Entropy::seeded(1));
        // Field 1, then 1756951532 in groups of seven bits.
        assert!(id.starts_with("08ECE7E3C50610"), "{id}");
        assert!(id.ends_with("-268435461"));
        assert!(
            id.split('-')
                .next()
                .unwrap()
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
        );
    }
}
