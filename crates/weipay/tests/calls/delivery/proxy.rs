use std::io::{BufRead, BufReader, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use weipay::error::{ErrorKind, Sent};
use weipay::transport::{DefaultTransport, Proxy, blocking};
use weipay::{ClientBuilder, ConfigError, RetryConfig};

use crate::either::Either;
use crate::platform::{configured, signed};
use crate::server::Server;

/// A proxy that connects everybody to one server, whatever host is asked for, and notes the heads of the requests for tunnels.
struct Tunnels {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    fn start(response: &'static str, server: Option<&Server>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (noted, to) = (Arc::clone(&heads), server.map(|server| server.address));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::with_capacity(1, stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
                noted.lock().unwrap().push(head);
                stream.write_all(response.as_bytes()).unwrap();
                let Some(to) = to else { continue };
                let mut onward = TcpStream::connect(to).unwrap();
                let (mut back, mut responses) = (onward.try_clone().unwrap(), stream.try_clone().unwrap());
                thread::spawn(move || copy(&mut back, &mut responses).ok());
                thread::spawn(move || copy(&mut stream, &mut onward).ok());
            }
        });
        Self { url, heads }
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.url).unwrap().credentials("Aladdin", "open sesame")
    }
}

const OPEN: &str = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";

fn through(tunnels: &Tunnels) -> ClientBuilder {
    // Only the proxy knows this host.
    configured().base_url("http://platform.invalid").proxy(tunnels.proxy()).retries(RetryConfig::none())
}

#[test]
fn calls_go_through_a_tunnel_and_connections_are_kept() {
    let server = Server::start((0..4).map(|_| signed(200, "{}").into()).collect());
    let tunnels = Tunnels::start(OPEN, Some(&server));
    for client in Either::both(|| through(&tunnels)) {
        for _ in 0..2 {
            client.get("v3/certificates").unwrap();
        }
        let heads = std::mem::take(&mut *tunnels.heads.lock().unwrap());
        assert_eq!(heads.len(), 1, "{heads:?}");
        assert!(heads[0].starts_with("CONNECT platform.invalid:80 HTTP/1.1\r\n"), "{heads:?}");
        // RFC 7617, 2.
        assert!(
            heads[0].contains("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            "{heads:?}"
        );
        let seen = server.seen();
        assert!(seen.len() == 2 && seen.iter().all(|seen| seen.header("proxy-authorization").is_none()));
    }
}

#[test]
fn a_proxy_that_refuses_the_tunnel_means_that_nothing_was_sent() {
    for response in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "",
    ] {
        let tunnels = Tunnels::start(response, None);
        for client in Either::both(|| through(&tunnels)) {
            let error = client.post("v3/pay/transactions/codepay", &serde_json::json!({})).unwrap_err();
            let text = format!("{error:#} {error:#?}");
            assert!(
                matches!(error.kind(), ErrorKind::Network(lost) if lost.sent == Sent::No),
                "{response}: {text}"
            );
            assert!(!error.may_have_taken_effect());
            assert!(!text.contains("sesame") && !text.contains("QWxh"), "{text}");
        }
    }
}

#[test]
fn a_transport_of_the_callers_takes_its_proxy_itself() {
    let tunnels = Tunnels::start(OPEN, None);
    let builder = || through(&tunnels).transport(DefaultTransport::new().unwrap());
    assert!(matches!(builder().build(), Err(ConfigError::Mismatch(_))));
    let builder = || through(&tunnels).blocking_transport(blocking::DefaultTransport::new().unwrap());
    assert!(matches!(builder().build_blocking(), Err(ConfigError::Mismatch(_))));
}
