//! The message to sign (待签名串): the exact bytes that a signature covers, for a request and for a response.
//!
//! Every line ends with LF, including the last one, so an empty body is an empty line. Nothing is normalized here: the
//! request target and the body are used byte for byte as they are sent, and the timestamp
//! of a response goes in as the text that was received.
//!
//! A random string (随机串, `nonce_str`) makes every message unique. The source of randomness is an argument of [`nonce`], so
//! that a seeded sandbox repeats itself exactly. Other programs call [`random_nonce`].

use aws_lc_rs::rand;

/// The message that a merchant signs for a request (请求签名的待签名串).
///
/// `method` is upper case; `target` is the path with its query, already percent-encoded, exactly as sent
/// (`/v3/refund/domestic/refunds/1?sub_mchid=2`), with no scheme and no host. For an upload, `body` is the
/// text of the `meta` part alone.
#[must_use]
pub fn request_message(method: &str, target: &str, timestamp: i64, nonce: &str, body: &[u8]) -> Vec<u8> {
    let timestamp = timestamp.to_string();
    join_lines([method.as_bytes(), target.as_bytes(), timestamp.as_bytes(), nonce.as_bytes(), body])
}

/// The message that WeChat Pay signs for a response (应答签名) or a notification (回调签名).
///
/// `timestamp` and `nonce` are the texts of the `Wechatpay-Timestamp` and `Wechatpay-Nonce` headers; `body` is
/// the raw body after content decoding and before any parsing, empty for a 204.
#[must_use]
pub fn response_message(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    join_lines([timestamp.as_bytes(), nonce.as_bytes(), body])
}

/// Ends every line with LF, in one allocation of the right size.
fn join_lines<const N: usize>(lines: [&[u8]; N]) -> Vec<u8> {
    let length = lines.iter().map(|line| line.len() + 1).sum();
    let mut message = Vec::with_capacity(length);
    for line in lines {
        message.extend_from_slice(line);
        message.push(b'\n');
    }
    message
}

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
    fn a_request_message_is_five_lines_each_ended_by_lf() {
        let message = request_message("POST", "/v3/pay?a=1", 1_554_208_460, "N", b"{}");
        assert_eq!(message, b"POST\n/v3/pay?a=1\n1554208460\nN\n{}\n");
    }

    #[test]
    fn an_empty_body_still_has_its_own_line() {
        assert_eq!(request_message("GET", "/", 0, "N", b""), b"GET\n/\n0\nN\n\n");
        assert_eq!(response_message("0", "N", b""), b"0\nN\n\n");
    }

    #[test]
    fn the_timestamp_of_a_response_keeps_its_text() {
        assert_eq!(response_message("007", "N", b"x"), b"007\nN\nx\n");
    }

    #[test]
    fn a_body_that_ends_with_lf_keeps_it() {
        assert_eq!(response_message("1", "N", b"x\n"), b"1\nN\nx\n\n");
    }

    #[test]
    fn the_message_is_allocated_once() {
        let message = request_message("GET", "/v3/certificates", 1, "N", b"body");
        assert_eq!(message.capacity(), message.len());
    }

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
