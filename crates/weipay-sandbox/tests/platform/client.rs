//! A client of raw TCP: it signs requests, reads responses byte by byte, and verifies them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;
use weipay_sandbox::Sandbox;
use weipay_sandbox::kit::KitOnDisk;
use weipay_wire::{
    Authorization, Certificate, PrivateKey, PublicKey, random_nonce, request_message, response_message,
};

use crate::NOW;
use crate::error_codes::check_known;

/// A merchant's client of one sandbox.
pub(crate) struct Client<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) mchid: String,
    pub(crate) serial: String,
    pub(crate) key: PrivateKey,
    /// Of a merchant in migration, such as [`IN_MIGRATION`](crate::IN_MIGRATION) has.
    pub(crate) platform_certificate: Option<Certificate>,
    pub(crate) public_key: PublicKey,
    pub(crate) public_key_id: String,
    /// What time the client thinks it is.
    pub(crate) now: i64,
}

/// A request on its way; everything can be spoilt before it is sent.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A response as it arrived.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A client of the first merchant, whose time is the sandbox's.
pub(crate) fn client(sandbox: &Sandbox) -> Client<'_> {
    Client::new(sandbox).in_time()
}

impl<'a> Client<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        Self::with_kit(sandbox, sandbox.kit_on_disk())
    }

    /// A client of another merchant of the sandbox.
    pub(crate) fn of(sandbox: &'a Sandbox, mchid: &str) -> Self {
        Self::with_kit(sandbox, &sandbox.platform().kit_of(mchid).unwrap())
    }

    /// The same client, with the time of the sandbox's clock.
    pub(crate) fn in_time(self) -> Self {
        Client { now: self.sandbox.clock().now(), ..self }
    }

    /// Lets the sandbox's clock run from event to event, and this client's with it.
    pub(crate) fn run_for(&mut self, seconds: i64) {
        self.sandbox.run_for(seconds).unwrap();
        self.now += seconds;
    }

    fn with_kit(sandbox: &'a Sandbox, kit: &KitOnDisk) -> Self {
        Client {
            sandbox,
            mchid: kit.kit().mchid.clone(),
            serial: kit.kit().merchant_serial.clone(),
            key: PrivateKey::from_pem(&kit.merchant_key_pem().unwrap()).unwrap(),
            platform_certificate: kit
                .kit()
                .platform_cert
                .as_ref()
                .map(|_| Certificate::from_pem(&kit.platform_cert_pem().unwrap()).unwrap()),
            public_key: PublicKey::from_pem(&kit.public_key_pem().unwrap()).unwrap(),
            public_key_id: kit.kit().public_key_id.clone().unwrap(),
            now: NOW,
        }
    }

    /// What an `Authorization` header says, signed now.
    pub(crate) fn authorization(&self, method: &str, target: &str, body: &[u8]) -> Authorization {
        let (nonce_str, timestamp) = (random_nonce(), self.now);
        let signature = self.key.sign(&request_message(method, target, timestamp, &nonce_str, body)).unwrap();
        let (mchid, serial_no) = (self.mchid.clone(), self.serial.clone());
        Authorization {
            scheme: weipay_wire::Scheme::default(),
            mchid,
            serial_no,
            timestamp,
            nonce_str,
            signature,
        }
    }

    /// A request in order.
    pub(crate) fn request(&self, method: &str, target: &str, body: &[u8]) -> Request {
        let authorization = self.authorization(method, target, body);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![
                header("Host", "127.0.0.1"),
                header("User-Agent", "weipay-test"),
                header("Accept", "*/*"),
                header("Content-Type", "application/json"),
                header("Authorization", &authorization.to_string()),
            ],
            body: body.to_vec(),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.sandbox.address()).unwrap()
    }

    /// Sends a request on a new connection.
    pub(crate) fn send(&self, request: &Request) -> Response {
        let mut stream = self.connect();
        stream.write_all(&request.bytes("close")).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let response = Response::parse(&bytes);
        let response = response.unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(&bytes)));
        check_known(request, &response);
        response
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.send(&self.request("POST", path, body.to_string().as_bytes()))
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.send(&self.request("GET", target, b""))
    }

    /// The platform's certificate for a merchant in migration.
    pub(crate) fn platform_certificate(&self) -> &Certificate {
        self.platform_certificate.as_ref().expect("a merchant with a platform certificate")
    }

    /// Whether the response is signed with the key that signs when a request names none: the certificate where there is one.
    pub(crate) fn verifies(&self, response: &Response) -> bool {
        let (serial, key) = match &self.platform_certificate {
            Some(certificate) => (certificate.serial(), certificate.public_key()),
            None => (&*self.public_key_id, &self.public_key),
        };
        response.header("Wechatpay-Serial") == Some(serial) && response.is_signed_by(key)
    }
}

impl Request {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// The request on the wire.
    pub(crate) fn bytes(&self, connection: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Connection: {connection}\r\nContent-Length: {}\r\n\r\n", self.body.len()));
        [head.into_bytes(), self.body.clone()].concat()
    }
}

impl Response {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<_>>()?;
        Some(Self { status, headers, body: bytes[end + 4..].to_vec() })
    }

    /// Reads one response from a connection that stays open.
    pub(crate) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            bytes.push(byte[0]);
        }
        let mut response = Self::parse(&bytes)?;
        response.body = vec![0; response.header("Content-Length")?.parse().ok()?];
        stream.read_exact(&mut response.body).ok()?;
        Some(response)
    }

    /// A header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    /// Status and code of an error response.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// What the developer is told.
    pub(crate) fn reason(&self) -> Option<String> {
        self.header(weipay_sandbox::REASON_HEADER).map(weipay_sandbox::decode_reason)
    }

    /// The body of a response that must be a success.
    #[track_caller]
    pub(crate) fn success(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let parts = (
            self.header("Wechatpay-Timestamp"),
            self.header("Wechatpay-Nonce"),
            self.header("Wechatpay-Signature"),
        );
        let (Some(timestamp), Some(nonce), Some(signature)) = parts else { return false };
        key.verify(&response_message(timestamp, nonce, &self.body), signature).is_ok()
    }

    pub(crate) fn check_signature(&self) -> bool {
        self.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("wechatpay-"))
    }
}

/// Everything that comes until the other side closes; resets count as closing.
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
    }
    bytes
}

/// Says that nothing more will be sent.
pub(crate) fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}
