//! Reads the response of a receiver (应答).
//!
//! Documents want 200 or 204 within five seconds, and the body may be empty; a failure is 4xx or 5xx. APIv2 wants the XML with
//! `SUCCESS`, whatever the status is.

use serde_json::Value;
use weipay_wire::XmlElements;

use super::receiver::{BodyEnd, Received};
use super::record::{Attempt, AttemptKind};

/// So much of a body is kept and shown.
const MAX_KEPT_BYTES: usize = 1024;

/// The response, and its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    status: Option<u16>,
    body: String,
    reason: Option<String>,
    acknowledged: bool,
}

impl Judged {
    pub(super) fn attempt(self, kind: AttemptKind, time: i64, milliseconds: u64) -> Attempt {
        let Self { status, mut body, reason, acknowledged } = self;
        body.truncate(body.floor_char_boundary(MAX_KEPT_BYTES));
        let reason = match kind {
            AttemptKind::Probe if acknowledged => Some(
                "a probe was acknowledged: its signature is wrong, and the receiver must refuse it with 4xx or 5xx"
                    .to_owned(),
            ),
            _ => reason,
        };
        Attempt { kind, time, milliseconds, status, body, reason, acknowledged }
    }
}

/// Judges the response to a notification of APIv3. UNCONFIRMED(acknowledgement) beyond 200 and 204, and
/// whether the body counts: any 2xx acknowledges, unless `reads_bodies` and the body says `FAIL` or does not end; a redirect
/// is not followed and does not acknowledge. <https://github.com/dedemao/weixinPay/issues/31> (2021) says so of any 200, and
/// <https://github.com/binarywang/WxJava/issues/2501> (2022) that only JSON acknowledges a refund.
pub(super) fn judged(received: Result<Received, String>, reads_bodies: bool) -> Judged {
    let Received { status, body, end } = match received {
        Ok(received) => received,
        Err(reason) => {
            return Judged { status: None, body: String::new(), reason: Some(reason), acknowledged: false };
        }
    };
    let says_fail = says_fail(&body);
    let (acknowledged, reason) = match status {
        // Nobody knows what it says in the end.
        200..=299 if reads_bodies && end == BodyEnd::Late => {
            (false, Some("the body did not end within 5 seconds".to_owned()))
        }
        200..=299 if reads_bodies && end == BodyEnd::CutOff => {
            (false, Some("the connection ended before all of the body had come".to_owned()))
        }
        200..=299 if says_fail && reads_bodies => (false, Some("the body says FAIL".to_owned())),
        200..=299 if says_fail => (
            true,
            Some(format!("{status} acknowledges it, though the body says FAIL: respond with 4xx or 5xx")),
        ),
        200 | 204 => (true, None),
        201..=299 => (true, Some(format!("documents want 200 or 204, not {status}"))),
        300..=399 => (false, Some(format!("{status} is a redirect, which is not followed"))),
        _ => (false, Some(format!("{status} does not acknowledge it; 200 or 204 would"))),
    };
    Judged { status: Some(status), body, reason, acknowledged }
}

/// Whether a body says `FAIL`, in the JSON of APIv3, or in the XML of APIv2 that some receivers respond with to both.
fn says_fail(body: &str) -> bool {
    let code = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|body| Some(body.get("code")?.as_str()?.to_owned()));
    let is_fail = |word: &str| word.eq_ignore_ascii_case("FAIL");
    code.is_some_and(|code| is_fail(&code))
        || XmlElements::read(body.trim().as_bytes(), "xml")
            .is_ok_and(|elements| elements.text("return_code").is_some_and(is_fail))
}

/// Judges the response to a notification of APIv2. UNCONFIRMED(acknowledgement-v2): the status counts as well.
pub(super) fn judged_v2(received: Result<Received, String>) -> Judged {
    let judged = judged(received, false);
    if !judged.acknowledged {
        return judged;
    }
    let elements = XmlElements::read(judged.body.trim().as_bytes(), "xml").ok();
    let is_success = elements.as_ref().and_then(|elements| elements.text("return_code")) == Some("SUCCESS");
    let reason = (!is_success).then(|| {
        "APIv2 wants <xml><return_code><![CDATA[SUCCESS]]></return_code></xml> in the body".to_owned()
    });
    Judged { acknowledged: is_success, reason, ..judged }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(status: u16, body: &str) -> Result<Received, String> {
        Ok(Received { status, body: body.to_owned(), end: BodyEnd::Whole })
    }

    #[test]
    fn any_2xx_acknowledges_and_nothing_else_does() {
        for (status, acknowledged) in
            [(200, true), (204, true), (201, true), (301, false), (404, false), (500, false), (199, false)]
        {
            assert_eq!(judged(received(status, ""), false).acknowledged, acknowledged, "{status}");
        }
        assert!(!judged(Err(String::new()), false).acknowledged);
    }

    #[test]
    fn a_body_that_says_fail_is_told_and_counts_where_bodies_are_read() {
        let fail = r#"{"code":"FAIL","message":"失败"}"#;
        let lenient = judged(received(200, fail), false);
        assert!(lenient.acknowledged && lenient.reason.unwrap().contains("FAIL"));
        for fail in [fail, r#"{"code":"fail"}"#, "<xml><return_code><![CDATA[FAIL]]></return_code></xml>"] {
            assert!(!judged(received(200, fail), true).acknowledged, "{fail}");
        }
        assert!(judged(received(200, r#"{"code":"SUCCESS"}"#), true).acknowledged);
    }

    #[test]
    fn a_body_that_does_not_end_acknowledges_only_where_bodies_are_not_read() {
        for (end, why) in [(BodyEnd::CutOff, "the connection ended"), (BodyEnd::Late, "within 5 seconds")] {
            let received = || Ok(Received { status: 200, body: String::new(), end });
            assert!(judged(received(), false).acknowledged);
            let strictly = judged(received(), true);
            assert!(!strictly.acknowledged && strictly.reason.unwrap().contains(why));
        }
    }

    #[test]
    fn all_of_a_body_is_judged_and_its_beginning_is_kept() {
        let long = format!(
            "<xml><return_msg>{}</return_msg><return_code>SUCCESS</return_code></xml>",
            "好".repeat(999)
        );
        let attempt = judged_v2(received(200, &long)).attempt(AttemptKind::Scheduled, 0, 0);
        assert!(attempt.acknowledged && long.starts_with(&attempt.body));
        assert!(
            (MAX_KEPT_BYTES - 2..=MAX_KEPT_BYTES).contains(&attempt.body.len()),
            "{}",
            attempt.body.len()
        );
    }

    #[test]
    fn apiv2_wants_its_xml() {
        let success = "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>";
        assert!(judged_v2(received(200, success)).acknowledged);
        for (status, body) in [
            (200, ""),
            (200, r#"{"code":"SUCCESS"}"#),
            (200, "<xml><return_code>FAIL</return_code></xml>"),
            (500, success),
        ] {
            assert!(!judged_v2(received(status, body)).acknowledged, "{status} {body}");
        }
    }
}
