//! The three ways in: plain HTTP is what all other tests use; here are TLS and the proxy, on the same port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use weipay_sandbox::{LogEntry, Sandbox};

use crate::client::{Client, Response, rest};
use crate::{SHARED, sandbox};

const HOST: &str = "api.mch.weixin.qq.com";
/// Its response has an address.
const BILL: &str = "/v3/merchant/fund/withdraw/bill-type/NO_SUCC?bill_date=2026-08-14";

/// TLS as a client speaks it that trusts the sandbox's authority and nothing else.
fn tls(sandbox: &Sandbox, host: &str, socket: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(sandbox.ca_certificate()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ServerName::try_from(host.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), host).unwrap(), socket)
}

/// A request for a bill, signed, over a stream.
fn exchange(client: &Client<'_>, host: &str, mut stream: impl Read + Write) -> Response {
    let mut request = client.request("GET", BILL, b"");
    request.set("Host", host);
    stream.write_all(&request.bytes("close")).unwrap();
    let mut bytes = Vec::new();
    // A server may close without saying so in TLS.
    let _ = stream.read_to_end(&mut bytes);
    Response::parse(&bytes).unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(&bytes)))
}

/// Asks the proxy for a connection, and returns the status line of its response.
fn connect(socket: &mut TcpStream, target: &str) -> String {
    write!(socket, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: Keep-Alive\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn every_official_host_is_served_over_tls_and_names_itself_in_addresses() {
    let client = Client::new(&SHARED);
    for host in [HOST, "apihk.mch.weixin.qq.com", "api2.wechatpay.cn"] {
        let response = exchange(&client, host, tls(&SHARED, host, client.connect()));
        let address = response.success()["download_url"].as_str().unwrap().to_owned();
        assert!(address.starts_with(&format!("https://{host}/v3/billdownload/file?")), "{address}");
        assert!(client.verifies(&response));
    }
}

#[test]
fn the_proxy_leads_to_every_official_host() {
    let client = Client::new(&SHARED);
    for host in [HOST, "api.wechatpay.cn"] {
        let mut socket = client.connect();
        let status = connect(&mut socket, &format!("{host}:443"));
        assert_eq!(status, "HTTP/1.1 200 Connection Established");
        let response = exchange(&client, host, tls(&SHARED, host, socket));
        response.success();
        assert!(client.verifies(&response));
    }
}

#[test]
fn a_whole_url_given_to_the_proxy_is_served_as_well() {
    let client = Client::new(&SHARED);
    let mut request = client.request("GET", BILL, b"");
    request.set("Host", HOST);
    request.target = format!("https://{HOST}{BILL}");
    let response = client.send(&request);
    let address = response.success()["download_url"].as_str().unwrap().to_owned();
    assert!(address.starts_with(&format!("https://{HOST}/")), "{address}");

    request.target = format!("http://example.com{BILL}");
    let refused = client.send(&request);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("NO_PROXY"), "{}", refused.text());
}

#[test]
fn the_proxy_leads_nowhere_else() {
    for target in
        ["example.com:443", "127.0.0.1:22", "api.mch.weixin.qq.com:22", "weixin.qq.com.example.com:443"]
    {
        let mut socket = Client::new(&SHARED).connect();
        assert_eq!(connect(&mut socket, target), "HTTP/1.1 403 Forbidden", "{target}");
        let told = String::from_utf8(rest(&mut socket)).unwrap();
        assert!(told.contains("NO_PROXY"), "{told}");
    }
}

#[test]
fn a_head_without_end_and_one_that_is_no_request_get_no_connection() {
    for sent in ["CONNECT ".to_owned() + &"a".repeat(9_000), "COPY / HTTP/1.1\r\n\r\n".to_owned()] {
        let mut socket = Client::new(&SHARED).connect();
        socket.write_all(sent.as_bytes()).unwrap();
        assert_eq!(rest(&mut socket), b"");
    }
}

#[test]
fn a_client_that_does_not_trust_the_authority_is_told_in_the_log() {
    let entries: Arc<Mutex<Vec<LogEntry>>> = Arc::default();
    let log = Arc::clone(&entries);
    let sandbox = sandbox().log(move |entry| log.lock().unwrap().push(entry)).start().unwrap();
    let another = crate::sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let mut stream = tls(&another, HOST, client.connect());
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap_err();
    let _ = stream.flush();
    drop(stream);
    let mut socket = client.connect();
    connect(&mut socket, "example.com:443");
    rest(&mut socket);
    // Both connections have ended before the server has.
    drop(sandbox);
    let lines: Vec<String> = entries.lock().unwrap().iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.contains(" TLS ") && line.contains("trust ca.pem")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(" CONNECT example.com:443 ")), "{lines:?}");
}

#[test]
fn a_connection_that_never_spoke_does_not_hold_the_end_up() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let mut socket = client.connect();
    // Served after it, so it has been accepted too.
    client.get(BILL).success();
    drop(sandbox);
    assert_eq!(rest(&mut socket), b"");
}

#[test]
fn a_host_that_is_down_ends_only_connections_to_it() {
    let sandbox = sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let rule = weipay_sandbox::FaultRule::new("drop".parse().unwrap()).host(HOST).first(2);
    sandbox.add_fault(rule).unwrap();
    let ask = |host: &str| {
        let mut socket = client.connect();
        write!(socket, "CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").unwrap();
        let mut first = [0; 12];
        let length = socket.read(&mut first).unwrap_or_default();
        String::from_utf8_lossy(&first[..length]).into_owned()
    };
    assert_eq!((ask(HOST), ask("api2.mch.weixin.qq.com")), (String::new(), "HTTP/1.1 200".to_owned()));
    assert_eq!((ask(HOST), ask(HOST)), (String::new(), "HTTP/1.1 200".to_owned()));
}
