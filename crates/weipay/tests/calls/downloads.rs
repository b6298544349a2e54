//! Files that responses name: bytes over real sockets, for both clients.

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use weipay::download::Downloaded;
use weipay::error::{ErrorClass, ErrorKind, FileError, RequestError};
use weipay::wire::{DigestAlgorithm, Digester};
use weipay::{Client, Error, RetryConfig};

use crate::bills;
use crate::on_async;
use crate::platform::{Platform, Scripted, Seen, configured, unsigned};
use crate::server::{listen_once, read};

const TEXT: &str = "\u{feff}交易时间,订单金额\r\n`2026-11-25 10:00:00,`0.01\r\n";
const TARGET: &str = "/v3/billdownload/file?token=a%2Fb-_|&tartype=gzip";

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub fn named(url: &str, algorithm: DigestAlgorithm, text: &[u8]) -> Value {
    let name = algorithm.to_string().replace('-', "");
    json!({"download_url": url, "hash_type": name, "hash_value": algorithm.hex(text).to_uppercase()})
}

type Outcome = Result<Downloaded, Error>;

/// Downloads with both clients, each from a platform that gives the same response, and looks at what came of it.
fn download(response: impl Fn() -> Scripted, digest_of: &[u8], look: impl Fn(Outcome, Vec<u8>, Seen)) {
    for is_async in [false, true] {
        let platform = Platform::start(vec![response()]);
        let file = named(&format!("{}{TARGET}", platform.base_url), DigestAlgorithm::Sha1, digest_of);
        let mut written = Vec::new();
        let outcome = if is_async {
            let client = platform.builder().build().unwrap();
            on_async(client.download(&file).retries(RetryConfig::none()).to_writer(&mut written))
        } else {
            let client = platform.builder().build_blocking().unwrap();
            client.download(&file).retries(RetryConfig::none()).to_writer(&mut written)
        };
        look(outcome, written, platform.seen());
        assert!(!platform.saw_more());
    }
}

fn file_error(outcome: &Outcome) -> &FileError {
    match outcome.as_ref().unwrap_err().kind() {
        ErrorKind::File(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_decompressed_verified_and_its_url_sent_unchanged() {
    for body in [TEXT.as_bytes().to_vec(), gzip(TEXT.as_bytes())] {
        let response = || {
            let response = unsigned(200, "").with_bytes(&body).header("Content-Type", "application/x-gzip");
            response.header("Set-Cookie", "session=secret")
        };
        download(response, TEXT.as_bytes(), |outcome, written, seen| {
            let downloaded = outcome.unwrap();
            assert_eq!(written, TEXT.as_bytes());
            assert!(downloaded.is_verified());
            assert_eq!(downloaded.size, TEXT.len() as u64);
            assert_eq!(downloaded.was_compressed, body != TEXT.as_bytes());
            assert_eq!(downloaded.media_type.as_deref(), Some("application/x-gzip"));
            assert_eq!(downloaded.headers["set-cookie"], "session=secret");
            assert!(!format!("{downloaded:?}").contains("secret"), "{downloaded:?}");
            assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", TARGET));
            // The platform has checked the signature.
            assert!(seen.header("authorization").is_some() && seen.header("accept-encoding").is_none());
        });
    }
}

#[test]
fn another_file_than_the_announced_one_is_an_error_that_says_so() {
    for body in [b"another".to_vec(), gzip(b"another"), Vec::new()] {
        download(
            || unsigned(200, "").with_bytes(&body),
            TEXT.as_bytes(),
            |outcome, _, _| {
                assert!(matches!(file_error(&outcome), FileError::WrongDigest { .. }));
                let error = outcome.unwrap_err();
                assert!(!error.may_have_taken_effect());
                assert_eq!((error.class(), error.is_retryable()), (ErrorClass::Verification, true));
                let text = error.to_string();
                assert!(text.contains("SHA-1") && text.contains("GET v3/billdownload/file)"), "{text}");
                assert!(!text.contains("a%2Fb"), "{text}");
            },
        );
    }
}

#[test]
fn a_truncated_or_damaged_gzip_is_an_error() {
    let whole = gzip(TEXT.as_bytes());
    for body in [&whole[..whole.len() - 9], &whole[..whole.len() - 1], &whole[..12]] {
        download(
            || unsigned(200, "").with_bytes(body),
            TEXT.as_bytes(),
            |outcome, _, _| assert!(matches!(file_error(&outcome), FileError::Compression(_))),
        );
    }
}

#[test]
fn a_web_page_is_never_a_file_and_an_error_response_is_the_usual_error() {
    let page = "<html>login</html>";
    download(
        || unsigned(200, page).header("Content-Type", "text/html; charset=utf-8"),
        page.as_bytes(),
        |outcome, written, _| {
            assert!(matches!(file_error(&outcome), FileError::WebPage) && written.is_empty());
        },
    );
    let old = r#"{"code":"INVALID_REQUEST","message":"token已过期"}"#;
    download(
        || unsigned(400, old).header("Request-ID", "08-1"),
        old.as_bytes(),
        |outcome, written, _| {
            let error = outcome.unwrap_err();
            assert_eq!((error.code(), error.request_id()), (Some("INVALID_REQUEST"), Some("08-1")));
            assert!(!error.may_have_taken_effect() && written.is_empty());
        },
    );
    // A link without a digest: only its form says that it is no file.
    let long_page = format!("<html>{}</html>", "x".repeat(70_000));
    let long_json = format!(r#"{{"code":"SYSTEM_ERROR","message":"{}"}}"#, "x".repeat(70_000));
    let no_file: fn(&FileError) -> bool = |error| matches!(error, FileError::NoFile);
    let web_page: fn(&FileError) -> bool = |error| matches!(error, FileError::WebPage);
    for (media_type, body, expected) in [
        ("", page, no_file),
        ("", "[]", no_file),
        ("", "\u{feff}<xml><return_code>FAIL</return_code></xml>", no_file),
        ("", r#"{"errcode":1}"#, no_file),
        ("", "  \r\n\u{feff}{\"errcode\":1}", no_file),
        ("", "", no_file),
        ("", " \r\n\r\n", no_file),
        ("", "\u{feff}", no_file),
        ("", &long_page, web_page),
        ("application/json", &long_json, no_file),
        ("application/problem+json; charset=utf-8", &long_json, no_file),
    ] {
        for is_async in [false, true] {
            let response = || match media_type {
                "" => unsigned(200, body),
                media_type => unsigned(200, body).header("Content-Type", media_type),
            };
            let platform = Platform::start(vec![response()]);
            let url = format!("{}{TARGET}", platform.base_url);
            let outcome = if is_async {
                let client = platform.builder().build().unwrap();
                on_async(client.download(&url).retries(RetryConfig::none()).to_bytes()).map(drop)
            } else {
                let client = platform.builder().build_blocking().unwrap();
                client.download(&url).retries(RetryConfig::none()).to_bytes().map(drop)
            };
            let error = outcome.unwrap_err();
            let ErrorKind::File(error) = error.kind() else { panic!("{body}: {error:#}") };
            assert!(expected(error), "{media_type} {body}: {error:#}");
        }
    }
    // A page or an error in UTF-16, or compressed, is no file either, whether the link or the call gives it.
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let marked_page = wide("\u{feff}\r\n<!-- login --><html></html>");
    let bodies = [
        marked_page.clone(),
        wide(page),
        wide("\u{feff}{\"errcode\":1}"),
        gzip(page.as_bytes()),
        gzip(&marked_page),
    ];
    for body in bodies {
        for is_call in [false, true] {
            let platform = Platform::start(vec![unsigned(200, "").with_bytes(&body); 2]);
            let builder = || platform.builder().retries(RetryConfig::none());
            let (client, blocking) = (builder().build().unwrap(), builder().build_blocking().unwrap());
            let url = format!("{}{TARGET}", platform.base_url);
            let outcomes = match is_call {
                false => {
                    let outcome = on_async(client.download(&url).to_bytes()).map(drop);
                    [outcome, blocking.download(&url).to_bytes().map(drop)]
                }
                true => {
                    let call = "v3/billdownload/file";
                    [on_async(client.chain(call).get()).map(drop), blocking.chain(call).get().map(drop)]
                }
            };
            for outcome in outcomes {
                let error = outcome.unwrap_err();
                let is_none = matches!(error.kind(), ErrorKind::File(FileError::NoFile | FileError::WebPage));
                assert!(is_none, "{is_call} {:02x?}: {error:#}", &body[..8]);
            }
        }
    }
    // A part of a file has other people's orders, which no error may show.
    for (status, body) in [(204, ""), (206, TEXT)] {
        download(
            || unsigned(status, body),
            body.as_bytes(),
            |outcome, written, _| {
                let error = outcome.unwrap_err();
                assert!(matches!(error.kind(), ErrorKind::File(FileError::NoFile)), "{error:#}");
                assert!(error.is_retryable() && !error.may_have_taken_effect() && written.is_empty());
                assert!(TEXT.lines().all(|line| !error.to_string().contains(line)), "{error}");
            },
        );
    }
    for (status, body) in [(502, page), (400, "")] {
        download(
            || unsigned(status, body),
            body.as_bytes(),
            |outcome, written, _| {
                let error = outcome.unwrap_err();
                assert!(error.is_api() && written.is_empty());
                assert_eq!(error.status().unwrap().as_u16(), status);
            },
        );
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Platform::start(vec![unsigned(200, TEXT)]);
    let location = format!("{}/file", elsewhere.base_url);
    download(
        || unsigned(302, "").header("Location", &location),
        TEXT.as_bytes(),
        |outcome, _, _| assert!(outcome.unwrap_err().to_string().contains("HTTP 302")),
    );
    assert!(!elsewhere.saw_more());
}

#[test]
fn another_host_gets_no_signature_and_nothing_about_the_merchant() {
    for is_async in [false, true] {
        let (own, other) = (Platform::start(Vec::new()), Platform::start(vec![unsigned(200, TEXT)]));
        let url = format!("{}/files/receipt.csv?token=1", other.base_url);
        let file = named(&url, DigestAlgorithm::Sm3, TEXT.as_bytes());
        let bytes = if is_async {
            on_async(own.builder().build().unwrap().download(&file).to_bytes())
        } else {
            own.builder().build_blocking().unwrap().download(&file).to_bytes()
        };
        assert_eq!(bytes.unwrap(), TEXT);
        let seen = other.seen();
        assert_eq!(seen.target, "/files/receipt.csv?token=1");
        for (name, value) in &seen.headers {
            let name = name.to_ascii_lowercase();
            assert!(name != "authorization" && !name.starts_with("wechatpay"), "{name}");
            assert!(!value.contains("1900000001"), "{value}");
        }
        assert!(!own.saw_more());
    }
}

#[test]
fn what_is_not_safe_is_refused_before_anything_is_sent() {
    let client = configured().build_blocking().unwrap();
    let url = "http://evil.example/v3/billdownload/file?token=secret";
    let error = client.download(url).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::DownloadUrl(_))));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let unknown = json!({"download_url": "https://a.example/", "hash_type": "MD5", "hash_value": "00"});
    let error = client.download(&unknown).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::Digest(_))));
}

#[test]
fn a_file_on_disk_is_replaced_only_by_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.csv");
    for is_async in [false, true] {
        for (body, good) in [("another", false), (TEXT, true)] {
            fs::write(&path, "old").unwrap();
            let platform = Platform::start(vec![unsigned(200, body)]);
            let file = named(&platform.base_url, DigestAlgorithm::Sha256, TEXT.as_bytes());
            let builder = platform.builder().retries(RetryConfig::none());
            let outcome = if is_async {
                on_async(builder.build().unwrap().download(&file).to_file(&path))
            } else {
                builder.build_blocking().unwrap().download(&file).to_file(&path)
            };
            assert_eq!(outcome.is_ok(), good);
            assert_eq!(fs::read_to_string(&path).unwrap(), if good { TEXT } else { "old" });
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}

#[test]
fn a_larger_file_than_the_limit_is_an_error_compressed_or_not() {
    let zeros = vec![0; 1 << 20];
    for body in [zeros.clone(), gzip(&zeros)] {
        for is_async in [false, true] {
            let platform = Platform::start(vec![unsigned(200, "").with_bytes(&body)]);
            let file = named(&platform.base_url, DigestAlgorithm::Sha1, &zeros);
            let mut written = Vec::new();
            let outcome = if is_async {
                let client = platform.builder().build().unwrap();
                on_async(client.download(&file).max_bytes((1 << 20) - 1).to_writer(&mut written))
            } else {
                let client = platform.builder().build_blocking().unwrap();
                client.download(&file).max_bytes((1 << 20) - 1).to_writer(&mut written)
            };
            assert!(matches!(file_error(&outcome), FileError::TooLarge { .. }));
            assert!(written.len() < 1 << 20);
        }
    }
}

/// A server that answers one request by hand.
fn serve(respond: impl FnOnce(&mut &TcpStream) + Send + 'static) -> String {
    let base_url = listen_once(move |stream| {
        read(&mut BufReader::new(&stream)).unwrap();
        respond(&mut &stream);
    });
    format!("{base_url}/file")
}

/// Tells of each write.
pub struct Telling(pub std::sync::mpsc::Sender<usize>);

impl Write for Telling {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.len()).ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncWrite for Telling {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(self.write(bytes))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[test]
fn a_file_is_written_while_it_arrives() {
    for is_async in [false, true] {
        let (tell, told) = channel();
        let url = serve(move |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").unwrap();
            // The other half comes only when this one was written.
            let mut written = 0;
            while written < 4 {
                written += told.recv().unwrap();
            }
            stream.write_all(b"half").unwrap();
        });
        let writer = Telling(tell);
        let downloaded = if is_async {
            on_async(configured().build().unwrap().download(&url).to_writer(writer))
        } else {
            configured().build_blocking().unwrap().download(&url).to_writer(writer)
        };
        let downloaded = downloaded.unwrap();
        assert!(downloaded.size == 8 && !downloaded.is_verified());
    }
}

/// Each wait is short there, so only a limit for all of them ends it.
#[test]
fn a_head_that_comes_byte_by_byte_ends_with_the_time_limit() {
    for beginning in
        ["HTTP/1.1 200 OK\r\nX-Long: ", "HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n"]
    {
        for is_async in [false, true] {
            let url = serve(move |stream| {
                let mut bytes = beginning.bytes().chain(std::iter::repeat(b'a'));
                while stream.write_all(&[bytes.next().unwrap()]).is_ok() {
                    thread::sleep(Duration::from_millis(2));
                }
            });
            let (builder, limit) = (configured(), Duration::from_millis(300));
            let mut written = Vec::new();
            let error = if is_async {
                on_async(builder.build().unwrap().download(&url).timeout(limit).to_writer(&mut written))
            } else {
                builder.build_blocking().unwrap().download(&url).timeout(limit).to_writer(&mut written)
            };
            let error = error.unwrap_err();
            assert!(
                error.is_network() && format!("{error:#}").contains("time limit"),
                "{beginning} {is_async} {error:?}"
            );
        }
    }
}

#[test]
fn a_body_that_ends_early_or_stops_coming_is_a_network_error() {
    for framing in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        for stops in [false, true] {
            for is_async in [false, true] {
                let (keep, kept) = channel::<()>();
                let url = serve(move |stream| {
                    let body = if framing.starts_with('C') { "half" } else { "4\r\nhalf\r\n" };
                    stream
                        .write_all(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}").as_bytes())
                        .unwrap();
                    if stops {
                        kept.recv().ok();
                    }
                });
                let builder = configured().timeout(Duration::from_millis(300));
                let mut written = Vec::new();
                let error = if is_async {
                    on_async(builder.build().unwrap().download(&url).to_writer(&mut written))
                } else {
                    builder.build_blocking().unwrap().download(&url).to_writer(&mut written)
                };
                let error = error.unwrap_err();
                assert!(error.is_network(), "{framing} {stops} {is_async} {error:?}");
                drop(keep);
            }
        }
    }
}

/// Sends that many blocks of 64 KiB, compressed or not, and gives the digest of their text in advance.
fn large(blocks: u64, is_gzip: bool) -> Value {
    let block: Vec<u8> = (0..64 * 1024_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut digester = Digester::new(DigestAlgorithm::Sha1);
    (0..blocks).for_each(|_| digester.update(&block));
    let url = serve(move |stream| {
        // The client may hang up.
        let mut send = || {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            if is_gzip {
                let member = gzip(&block);
                return (0..blocks).try_for_each(|_| stream.write_all(&member));
            }
            (0..blocks).try_for_each(|_| stream.write_all(&block))
        };
        send().ok();
    });
    json!({"download_url": url, "hash_type": "SHA1", "hash_value": digester.finish_hex()})
}

#[test]
fn a_file_of_64_mib_is_streamed_through() {
    let blocking = configured().build_blocking().unwrap();
    let downloaded = blocking.download(&large(1024, false)).to_writer(std::io::sink()).unwrap();
    assert!(downloaded.size == 64 << 20 && downloaded.is_verified());
    let client = configured().build().unwrap();
    let downloaded = on_async(client.download(&large(1024, true)).to_writer(tokio::io::sink())).unwrap();
    assert!(downloaded.size == 64 << 20 && downloaded.was_compressed);
    // In memory only what fits.
    let error = blocking.download(&large(1025, false)).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::File(FileError::TooLarge { .. })), "{error:?}");
}

/// `cargo test -p weipay --test calls -- --ignored --exact downloads::a_file_of_1_gib_takes_little_memory`
#[test]
#[cfg(target_os = "linux")]
#[ignore = "it takes half a minute, and measures the memory of the whole process"]
fn a_file_of_1_gib_takes_little_memory() {
    let peak = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let blocking = configured().build_blocking().unwrap();
    let client = configured().build().unwrap();
    let before = peak();
    for is_gzip in [false, true] {
        let sink = std::io::sink();
        assert!(blocking.download(&large(16 * 1024, is_gzip)).to_writer(sink).unwrap().is_verified());
        let sink = tokio::io::sink();
        let downloaded = on_async(client.download(&large(16 * 1024, is_gzip)).to_writer(sink)).unwrap();
        assert!(downloaded.is_verified() && downloaded.size == 1 << 30);
    }
    let more = peak() - before;
    assert!(more < 16 * 1024, "{more} KiB");
}

#[test]
fn bills_of_a_sandbox_are_downloaded_with_their_responses() {
    let (sandbox, blocking) = bills::with_bills();
    for kind in ["", "&tar_type=GZIP"] {
        let path = format!("v3/bill/tradebill?bill_date={}{kind}", bills::DAY);
        let response = blocking.chain(&path).get().unwrap();
        let bytes = blocking.download(&response).to_bytes().unwrap();
        assert!(weipay::bill::Bill::new(&bytes[..]).unwrap().columns().any(|column| column == "交易时间"));
        let client = Client::from_kit(sandbox.kit_file()).unwrap();
        let mut written = Vec::new();
        let downloaded = on_async(client.download(&response).to_writer(&mut written)).unwrap();
        assert!(downloaded.is_verified() && written == bytes);
        assert_eq!(downloaded.was_compressed, !kind.is_empty());
    }
}
