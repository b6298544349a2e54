//! Downloads that fail and are repeated: whenever what was written can be taken back, and never otherwise. For both clients.

use std::fs;

use serde_json::Value;
use weipay::download::Downloaded;
use weipay::error::{ErrorKind, FileError};
use weipay::retry::{Sleep, Timer};
use weipay::wire::DigestAlgorithm;
use weipay::{Error, RetryConfig};

use crate::downloads::{gzip, named};
use crate::on_async;
use crate::platform::{Platform, Scripted, unsigned};

const TEXT: &str = "交易时间,订单金额\r\n`2026-11-25 10:00:00,`0.01\r\n";

/// Nobody waits.
struct AtOnce;

impl Timer for AtOnce {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn sleep(&self, _: std::time::Duration) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }

    fn sleep_blocking(&self, _: std::time::Duration) {}
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum To {
    Writer,
    File,
    Bytes,
}

/// Downloads with both clients from a platform with these responses. Gives what came of it, what was written, and how many
/// requests there were.
fn each(
    to: To,
    retries: RetryConfig,
    responses: impl Fn() -> Vec<Scripted>,
    look: impl Fn(Result<Downloaded, Error>, Vec<u8>, usize),
) {
    for is_async in [false, true] {
        let platform = Platform::start(responses());
        let file: Value =
            named(&format!("{}/v3/bill", platform.base_url), DigestAlgorithm::Sha1, TEXT.as_bytes());
        let builder = platform.builder().timer(AtOnce);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bill.csv");
        let mut written = Vec::new();
        let outcome = if is_async {
            let download = builder.build().unwrap().download(&file).retries(retries);
            on_async(async {
                match to {
                    To::Writer => download.to_writer(&mut written).await,
                    To::File => download.to_file(&path).await,
                    To::Bytes => {
                        download.to_bytes().await.map(|bytes| written = bytes.to_vec()).map(|()| good())
                    }
                }
            })
        } else {
            let download = builder.build_blocking().unwrap().download(&file).retries(retries);
            match to {
                To::Writer => download.to_writer(&mut written),
                To::File => download.to_file(&path),
                To::Bytes => download.to_bytes().map(|bytes| written = bytes.to_vec()).map(|()| good()),
            }
        };
        if to == To::File {
            written = fs::read(&path).unwrap_or_default();
            let left = usize::from(outcome.is_ok());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), left, "nothing else is left behind");
        }
        let mut requests = 0;
        while platform.saw_more() {
            requests += 1;
        }
        look(outcome, written, requests);
    }
}

/// What `to_bytes` does not tell.
fn good() -> Downloaded {
    let platform = Platform::start(vec![unsigned(200, TEXT)]);
    let url = platform.base_url.clone();
    platform.builder().build_blocking().unwrap().download(&url).to_writer(std::io::sink()).unwrap()
}

fn whole() -> Scripted {
    unsigned(200, TEXT)
}

/// A response whose body ends too early.
fn cut() -> Scripted {
    let gzip = gzip(TEXT.as_bytes());
    unsigned(200, "").with_bytes(&gzip[..gzip.len() - 6])
}

#[test]
fn before_the_first_byte_every_download_is_repeated() {
    for to in [To::Writer, To::File, To::Bytes] {
        for failure in [unsigned(503, ""), unsigned(429, r#"{"code":"FREQUENCY_LIMITED","message":""}"#)] {
            each(
                to,
                RetryConfig::default(),
                || vec![failure.clone(), whole()],
                |outcome, written, requests| {
                    outcome.unwrap();
                    assert_eq!((written, requests), (TEXT.as_bytes().to_vec(), 2), "{to:?}");
                },
            );
        }
    }
}

#[test]
fn a_file_that_came_damaged_is_begun_anew_where_it_can_be() {
    for to in [To::File, To::Bytes] {
        for failure in
            [unsigned(200, "another file, which is longer than the announced one is by a lot"), cut()]
        {
            each(
                to,
                RetryConfig::default(),
                || vec![failure.clone(), whole()],
                |outcome, written, requests| {
                    outcome.unwrap();
                    assert_eq!((written, requests), (TEXT.as_bytes().to_vec(), 2), "{to:?}");
                },
            );
        }
    }
}

#[test]
fn a_writer_that_has_got_something_gets_nothing_twice() {
    let wrong = || vec![unsigned(200, "another file"), whole()];
    each(To::Writer, RetryConfig::default(), wrong, |outcome, written, requests| {
        let error = outcome.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::File(FileError::WrongDigest { .. })), "{error:?}");
        assert_eq!((written, requests), (b"another file".to_vec(), 1));
    });
}

#[test]
fn repeats_are_bounded_and_the_error_tells_of_each() {
    let wrong = || (0..9).map(|_| unsigned(200, "another file")).collect();
    each(To::File, RetryConfig::default(), wrong, |outcome, written, requests| {
        let error = outcome.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::File(FileError::WrongDigest { .. })), "{error:?}");
        assert_eq!((error.attempts().len(), requests, written.len()), (3, 3, 0));
    });
    each(To::Bytes, RetryConfig::none(), wrong, |outcome, _, requests| {
        assert_eq!((outcome.is_ok(), requests), (false, 1));
    });
}

#[test]
fn what_does_not_pass_is_not_repeated() {
    let gone = || vec![unsigned(404, r#"{"code":"RESOURCE_NOT_EXISTS","message":"expired"}"#), whole()];
    each(To::File, RetryConfig::default(), gone, |outcome, _, requests| {
        assert_eq!((outcome.unwrap_err().code(), requests), (Some("RESOURCE_NOT_EXISTS"), 1));
    });
}
