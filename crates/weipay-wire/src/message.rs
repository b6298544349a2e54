//! The message to sign (待签名串): the exact bytes that a signature covers, for a request and for a response.
//!
//! Every line ends with LF, including the last one, so an empty body is an empty line. Nothing is normalized here: the
//! request target and the body are used byte for byte as they are sent, and the timestamp
//! of a response goes in as the text that was received.

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

#[cfg(test)]
mod tests {
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
}
