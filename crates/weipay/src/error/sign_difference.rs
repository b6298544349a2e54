//! Why the platform does not accept a signature: with `SIGN_ERROR` it shows the message (验签串) that it built from the
//! request as it arrived, cut short. Compared with the message that was signed, it shows which line was changed on the way.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The first difference between the message that the client signed and the one that the platform built. Its
/// text names the line and the likely cause, and shows nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignDifference {
    /// Line 1: the method.
    Method,
    /// Line 2, the path and query: the same text in another percent-encoding.
    UrlEncoding,
    /// Line 2: one is the end of the other, as if a prefix of the path had been removed or added.
    UrlPrefix,
    /// Line 2: the path is the same and the query is not.
    UrlQuery,
    /// Line 2: the path.
    UrlPath,
    /// Line 3: the timestamp.
    Timestamp,
    /// Line 4: the nonce. It is another for each attempt, so the response may be to another request: the call
    /// may have taken effect.
    Nonce,
    /// Line 5: the beginning of the body.
    Body,
    /// Line 5: how many bytes longer the body is that arrived; negative if it is shorter.
    BodyLength(i64),
    /// None, as far as the platform shows its message: so the key is the likely cause.
    None,
}

impl SignDifference {
    /// Compares the message that was signed with the `detail` of the error.
    pub(crate) fn find(signed: &[u8], detail: &Value) -> Option<Self> {
        let information = detail.get("sign_information")?;
        let shown = information.get("truncated_sign_message")?.as_str()?;
        let signed_text = String::from_utf8_lossy(signed);
        let ours: Vec<&str> = signed_text.splitn(LINES, '\n').collect();
        let theirs: Vec<&str> = shown.splitn(LINES, '\n').collect();
        // Another nonce shows another request, whatever else differs. The last line that is shown may have been cut short.
        if let ([_, _, _, ours, _], [_, _, _, theirs, _]) = (&ours[..], &theirs[..])
            && ours != theirs
        {
            return Some(Self::Nonce);
        }
        for (place, line) in [Self::Method, Self::UrlPath, Self::Timestamp].into_iter().enumerate() {
            let (ours, theirs) = (ours.get(place)?, theirs.get(place)?);
            if ours != theirs {
                return Some(if line == Self::UrlPath { url(ours, theirs) } else { line });
            }
        }
        // The rest is the body and a line feed; of the platform's body, only the beginning.
        let (ours, theirs) = (ours.get(LINES - 1)?, theirs.get(LINES - 1)?);
        let beginning = theirs.strip_suffix('\n').unwrap_or(theirs).trim_end_matches('\u{FFFD}');
        let length = information.get("sign_message_length").and_then(Value::as_i64);
        let longer = length
            .zip(i64::try_from(signed.len()).ok())
            .map_or(0, |(theirs, ours)| theirs.saturating_sub(ours));
        Some(match () {
            () if !ours.starts_with(beginning) => Self::Body,
            () if longer != 0 => Self::BodyLength(longer),
            () => Self::None,
        })
    }
}

/// Method, URL, timestamp, nonce, body.
const LINES: usize = 5;

fn url(ours: &str, theirs: &str) -> SignDifference {
    let path = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
    if decoded(ours) == decoded(theirs) {
        SignDifference::UrlEncoding
    } else if path(ours) == path(theirs) {
        SignDifference::UrlQuery
    } else if !theirs.is_empty() && (ours.ends_with(theirs) || theirs.ends_with(ours)) {
        SignDifference::UrlPrefix
    } else {
        SignDifference::UrlPath
    }
}

/// Percent-decoded, a plus sign as the blank that forms write so.
fn decoded(url: &str) -> Vec<u8> {
    percent_decode_str(&url.replace('+', " ")).collect()
}

impl fmt::Display for SignDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHANGED: &str = "it was changed on the way, probably by a proxy";
        match self {
            Self::Method => write!(f, "the method (line 1) that the platform received differs from the signed one: {CHANGED}"),
            Self::UrlEncoding => write!(
                f,
                "the platform received the URL (line 2) in another percent-encoding than the signed one: {CHANGED}; it \
                 must pass \
                 URLs on as they are"
            ),
            Self::UrlPrefix => write!(
                f,
                "the platform received the URL (line 2) with another beginning than the signed one: a proxy adds or \
                 removes a prefix of the path; the base URL must not have one then"
            ),
            Self::UrlQuery => write!(f, "the platform received another query (line 2) than the signed one: {CHANGED}"),
            Self::UrlPath => write!(f, "the platform received another path (line 2) than the signed one: {CHANGED}"),
            Self::Timestamp => write!(
                f,
                "the platform read another timestamp (line 3) than the signed one: the header Authorization is not the \
                 one that \
                 the client sent"
            ),
            Self::Nonce => write!(
                f,
                "the platform read another nonce (line 4) than the signed one: the header Authorization is not the one \
                 that the \
                 client sent, or this is the response to another request; query the result"
            ),
            Self::Body => write!(f, "the platform received another body (line 5) than the signed one: {CHANGED}"),
            Self::BodyLength(longer) => {
                let (bytes, than) = (longer.unsigned_abs(), if *longer > 0 { "more" } else { "fewer" });
                write!(
                    f,
                    "the body (line 5) that the platform received has {bytes} bytes {than} than the signed one: \
                     {CHANGED}"
                )
            }
            // The last part by a public report: wechatpay-guzzle-middleware#26, `total` in place of `total_amount`.
            Self::None => f.write_str(
                "the platform received what was signed, as far as it shows it, so most likely the merchant private key \
                 (商户API私钥) does not belong to the merchant serial (商户API证书序列号): take apiclient_key.pem and the serial of \
                 apiclient_cert.pem from the same download. If other calls succeed with them, look for a wrong field name \
                 in the body: a combined order (合单支付) with one was refused so",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_wire::request_message;

    use super::*;

    const BODY: &str = r#"{"appid":"wx1","name":"张三"}"#;

    fn found(method: &str, url: &str, timestamp: i64, nonce: &str, body: &str) -> SignDifference {
        let ours = request_message("POST", "/v3/pay/a%7Cb?x=1%202", 1_756_951_532, "NONCE", BODY.as_bytes());
        let theirs = request_message(method, url, timestamp, nonce, body.as_bytes());
        let head: String = body.chars().take(8).collect();
        let detail = json!({"sign_information": {
            "truncated_sign_message": format!("{method}\n{url}\n{timestamp}\n{nonce}\n{head}\n"),
            "sign_message_length": theirs.len(),
        }});
        SignDifference::find(&ours, &detail).unwrap()
    }

    #[test]
    fn a_nonce_that_is_shown_cut_short_is_not_another_one() {
        let ours = request_message("POST", "/v3/pay", 1_756_951_532, "NONCE", b"{}");
        let find = |shown: &str| {
            SignDifference::find(&ours, &json!({"sign_information": {"truncated_sign_message": shown}}))
        };
        assert_eq!(find("POST\n/v3/pay\n1756951532\nNON"), None);
        assert_eq!(find("POST\n/v3/pay\n1756951532\nOTHER\n{"), Some(SignDifference::Nonce));
        assert_eq!(find("GET\n/v3/pay\n1756951532\nNON"), Some(SignDifference::Method));
    }

    #[test]
    fn the_line_that_differs_is_named_with_its_cause() {
        let (url, time, nonce) = ("/v3/pay/a%7Cb?x=1%202", 1_756_951_532, "NONCE");
        assert_eq!(found("POST", url, time, nonce, BODY), SignDifference::None);
        assert_eq!(found("GET", url, time, nonce, BODY), SignDifference::Method);
        for other in ["/v3/pay/a|b?x=1%202", "/v3/pay/a%7cb?x=1+2"] {
            assert_eq!(found("POST", other, time, nonce, BODY), SignDifference::UrlEncoding);
        }
        assert_eq!(found("POST", "/v3/pay/a%7Cb?x=2", time, nonce, BODY), SignDifference::UrlQuery);
        assert_eq!(found("POST", "/pay/a%7Cb?x=1%202", time, nonce, BODY), SignDifference::UrlPrefix);
        assert_eq!(found("POST", "/gw/v3/pay/a%7Cb?x=1%202", time, nonce, BODY), SignDifference::UrlPrefix);
        assert_eq!(found("POST", "/v3/other", time, nonce, BODY), SignDifference::UrlPath);
        assert_eq!(found("POST", url, time + 1, nonce, BODY), SignDifference::Timestamp);
        assert_eq!(found("POST", url, time, "OTHER", BODY), SignDifference::Nonce);
        assert_eq!(
            found("GET", "/v3/other", time + 1, "OTHER", ""),
            SignDifference::Nonce,
            "another request"
        );
        assert_eq!(found("POST", url, time, nonce, r#"{ "appid":"wx1"}"#), SignDifference::Body);
        let longer = format!("{BODY}\n");
        assert_eq!(found("POST", url, time, nonce, &longer), SignDifference::BodyLength(1));
        assert_eq!(
            found("POST", url, time, nonce, &BODY[..20]),
            SignDifference::BodyLength(20 - BODY.len() as i64)
        );
    }

    #[test]
    fn a_body_that_begins_with_a_line_break_or_a_cut_character_is_compared() {
        for (body, shown) in
            [("{\n\"appid\":1}", "{\n\"appid"), ("1234567券", "1234567"), ("1234567券", "1234567\u{FFFD}")]
        {
            let ours = request_message("POST", "/v3/a", 1, "n", body.as_bytes());
            let detail = json!({"sign_information": {
                "truncated_sign_message": format!("POST\n/v3/a\n1\nn\n{shown}\n"),
                "sign_message_length": ours.len(),
            }});
            assert_eq!(SignDifference::find(&ours, &detail), Some(SignDifference::None), "{body}");
        }
    }

    #[test]
    fn what_does_not_show_a_message_tells_nothing() {
        let ours = request_message("GET", "/v3/a", 1, "n", b"");
        for detail in [
            json!(null),
            json!({}),
            json!({"sign_information": 1}),
            json!({"sign_information": {"truncated_sign_message": "GET"}}),
            json!({"sign_information": {"truncated_sign_message": ["GET"]}}),
        ] {
            assert_eq!(SignDifference::find(&ours, &detail), None, "{detail}");
        }
    }
}
