//! Overseas statements (境外对账单): a file whose SHA-1 stands in a header, and the signature is over that.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use weipay::download::Downloaded;
use weipay::error::{ErrorKind, FileError};
use weipay::wire::{DigestAlgorithm, PROBE_PREFIX, PrivateKey};
use weipay::{Error, RetryConfig};

use crate::on_async;
use crate::platform::{PLATFORM, PUBLIC_KEY_ID, Platform, Scripted, now, signed, signed_by, unsigned};
use crate::platform_certificates::server::{NEW, OLD, Server, Signer, listing};

const PATHS: [&str; 2] = ["v3/statements", "v3/global/statements"];
const HEADER: &str = "Wechatpay-Statement-Sha1";
const STATEMENT: &str = "`交易时间,`公众账号ID\n`2026-11-25 10:00:00,`wx1\n";

/// The header and the signature as the platform makes them.
fn with_digest(key: &PrivateKey, digest: &str) -> Scripted {
    let text = format!(r#"{{"sha1":"{digest}"}}"#);
    signed_by(key, PUBLIC_KEY_ID, 200, &text, now()).header(HEADER, digest)
}

fn statement() -> Scripted {
    with_digest(&PLATFORM, &DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes())).with_body(STATEMENT)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Whether an error is the one that a case expects.
type IsExpected<'a> = &'a dyn Fn(&Error) -> bool;

/// What both clients make of a response: whether it was verified.
fn outcomes(response: &Scripted) -> Vec<Result<bool, Error>> {
    let mut outcomes = Vec::new();
    for path in PATHS {
        let call = |platform: &Platform| platform.builder().build_blocking().unwrap();
        let platform = Platform::start(vec![response.clone()]);
        let got = call(&platform).chain(path).query("date", "20261125").query("mchid", "1900000001").get();
        outcomes.push(got.map(|response| response.is_verified()));
        let platform = Platform::start(vec![response.clone()]);
        let client = platform.builder().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = client.chain(path).query("date", "20261125").query("mchid", "1900000001").get();
        outcomes.push(runtime.block_on(call.into_future()).map(|response| response.is_verified()));
    }
    outcomes
}

#[test]
fn a_statement_is_verified_by_the_digest_that_is_signed() {
    let digest = DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes());
    let zipped = gzip(STATEMENT);
    for response in [
        statement(),
        // Compressed, with the digest of either.
        statement().with_bytes(&zipped),
        with_digest(&PLATFORM, &DigestAlgorithm::Sha1.hex(&zipped)).with_bytes(&zipped),
        with_digest(&PLATFORM, &digest.to_ascii_uppercase()).with_body(STATEMENT),
    ] {
        for outcome in outcomes(&response) {
            assert!(outcome.unwrap());
        }
    }
}

#[test]
fn a_statement_that_was_changed_is_not_accepted() {
    let is_unverified = |error: &Error| matches!(error.kind(), ErrorKind::Unverified(_));
    let is_another_file =
        |error: &Error| matches!(error.kind(), ErrorKind::File(FileError::WrongDigest { .. }));
    let stranger = PrivateKey::generate().unwrap();
    let digest = DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes());
    let changed = STATEMENT.replace("10:00", "11:00");
    let of_changed = DigestAlgorithm::Sha1.hex(changed.as_bytes());
    let cases: [(Scripted, IsExpected<'_>); 8] = [
        (statement().with_body(&changed), &is_another_file),
        (statement().with_bytes(&gzip(&changed)), &is_another_file),
        (with_digest(&PLATFORM, "").with_body(STATEMENT), &is_another_file),
        (statement().with_body(&changed).header(HEADER, &of_changed), &is_unverified),
        (with_digest(&stranger, &digest).with_body(STATEMENT), &is_unverified),
        (statement().header("Wechatpay-Timestamp", "1554208460"), &is_unverified),
        (statement().without("Wechatpay-Serial"), &is_unverified),
        // Signed like any other response, which a statement is not.
        (signed(200, STATEMENT).header(HEADER, &digest), &is_unverified),
    ];
    for (number, (response, is_expected)) in cases.iter().enumerate() {
        for outcome in outcomes(response) {
            let error = outcome.unwrap_err();
            assert!(is_expected(&error) && error.is_unverified(), "{number}: {error:#}");
        }
    }
    let probe = statement().header("Wechatpay-Signature", &format!("{PROBE_PREFIX}2sWfO"));
    let platform = Platform::start(vec![probe]);
    let client = platform.builder().retries(weipay::RetryConfig::none()).build_blocking().unwrap();
    assert!(client.chain(PATHS[0]).get().unwrap_err().is_signature_probe());
}

#[test]
fn a_statement_without_digest_or_signature_is_a_file_that_nothing_proves() {
    for response in [
        unsigned(200, STATEMENT),
        statement().without(HEADER),
        statement().without("Wechatpay-Signature"),
        signed(200, STATEMENT),
    ] {
        for outcome in outcomes(&response) {
            assert!(!outcome.unwrap());
        }
    }
}

/// Streams a statement with both clients: what came of it, and what was written.
fn streamed(response: &Scripted) -> Vec<(Result<Downloaded, Error>, Vec<u8>)> {
    let mut outcomes = Vec::new();
    for path in PATHS {
        let (platform, mut written) = (Platform::start(vec![response.clone()]), Vec::new());
        let client = platform.builder().retries(RetryConfig::none()).build_blocking().unwrap();
        let download = client.chain(path).query("date", "20261125").query("mchid", "1900000001").download();
        outcomes.push((download.to_writer(&mut written), written));
        let (platform, mut written) = (Platform::start(vec![response.clone()]), Vec::new());
        let client = platform.builder().retries(RetryConfig::none()).build().unwrap();
        let download = client.chain(path).query("date", "20261125").query("mchid", "1900000001").download();
        outcomes.push((on_async(download.to_writer(&mut written)), written));
    }
    outcomes
}

#[test]
fn a_statement_is_streamed_and_verified_by_the_digest_that_is_signed() {
    let digest = DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes());
    let zipped = gzip(STATEMENT);
    for (response, is_verified) in [
        (statement(), true),
        (statement().with_bytes(&zipped), true),
        (with_digest(&PLATFORM, &DigestAlgorithm::Sha1.hex(&zipped)).with_bytes(&zipped), true),
        (with_digest(&PLATFORM, &digest.to_ascii_uppercase()).with_body(STATEMENT), true),
        (statement().without(HEADER), false),
        (statement().without("Wechatpay-Signature"), false),
    ] {
        for (outcome, written) in streamed(&response) {
            assert_eq!(outcome.unwrap().is_verified(), is_verified);
            assert_eq!(written, STATEMENT.as_bytes());
        }
    }
}

#[test]
fn a_streamed_statement_that_was_changed_or_never_came_is_an_error() {
    let is_unverified = |error: &Error| matches!(error.kind(), ErrorKind::Unverified(_));
    let is_another_file =
        |error: &Error| matches!(error.kind(), ErrorKind::File(FileError::WrongDigest { .. }));
    let is_page = |error: &Error| matches!(error.kind(), ErrorKind::File(FileError::WebPage));
    let is_nothing = |error: &Error| matches!(error.kind(), ErrorKind::File(FileError::NoFile));
    let stranger = PrivateKey::generate().unwrap();
    let digest = DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes());
    let changed = STATEMENT.replace("10:00", "11:00");
    let cases: [(Scripted, IsExpected<'_>); 11] = [
        (statement().with_body(&changed), &is_another_file),
        (statement().with_bytes(&gzip(&changed)), &is_another_file),
        (with_digest(&stranger, &digest).with_body(STATEMENT), &is_unverified),
        (statement().without("Wechatpay-Serial"), &is_unverified),
        (
            statement().header("Wechatpay-Signature", &format!("{PROBE_PREFIX}2sWfO")),
            &Error::is_signature_probe,
        ),
        (unsigned(200, "<html></html>"), &is_page),
        (unsigned(200, STATEMENT).header("Content-Type", "text/html"), &is_page),
        (unsigned(200, r#"{"code":"SYSTEM_ERROR","message":"x"}"#), &Error::is_api),
        (unsigned(200, ""), &is_nothing),
        (unsigned(200, " \r\n"), &is_nothing),
        (unsigned(200, "").with_bytes(&gzip("")), &is_nothing),
    ];
    for (number, (response, is_expected)) in cases.iter().enumerate() {
        for (outcome, written) in streamed(response) {
            let error = outcome.unwrap_err();
            assert!(is_expected(&error), "{number}: {error:#}");
            assert!(number < 2 || written.is_empty(), "{number}: nothing of it is written");
        }
    }
}

/// A client without keys fetches them before, and a certificate that it does not know as soon as the head names it.
#[test]
fn the_certificates_that_verify_a_streamed_statement_are_fetched() {
    let by = |signer: &'static Signer| {
        move |_: &crate::platform::Seen, now| {
            let digest = DigestAlgorithm::Sha1.hex(STATEMENT.as_bytes());
            let text = format!(r#"{{"sha1":"{digest}"}}"#);
            let signed = signed_by(&signer.key, signer.serial(), 200, &text, now);
            signed.header(HEADER, &digest).with_body(STATEMENT)
        }
    };
    for is_async in [false, true] {
        let server = Server::start();
        let download: Box<dyn Fn() -> Result<Downloaded, Error>> = if is_async {
            let client = server.builder().build().unwrap();
            Box::new(move || on_async(client.chain(PATHS[1]).download().to_writer(tokio::io::sink())))
        } else {
            let client = server.builder().build_blocking().unwrap();
            Box::new(move || client.chain(PATHS[1]).download().to_writer(std::io::sink()))
        };
        server.calls(by(&OLD));
        assert!(download().unwrap().is_verified());
        server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
        server.calls(by(&NEW));
        assert!(download().unwrap().is_verified());
        assert_eq!(server.fetches(), 2);
    }
}

#[test]
fn a_statement_of_the_sandbox_is_verified() {
    let client = crate::shared_sandbox::client();
    let call =
        client.chain(PATHS[1]).query("date", "20260814").query("mchid", client.mchid().unwrap().as_str());
    assert!(call.get().unwrap().is_verified());
}
