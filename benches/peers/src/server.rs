//! The server: another process, which answers every request with the same order, signed for the minute.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use weipay::wire::{PrivateKey, response_message};

use crate::PUBLIC_KEY_ID;
use crate::time::unix_seconds;

pub const SERVE: &str = "serve";
/// How long a signature is used. The clients accept one of five minutes.
const SIGNED_FOR: i64 = 60;

pub const BODY: &str = r#"{"appid":"wx8888888888888888","mchid":"1900000001","out_trade_no":"1217752501201407033233368018","transaction_id":"4200001234202611260123456789","trade_type":"JSAPI","trade_state":"SUCCESS","trade_state_desc":"支付成功","bank_type":"OTHERS","attach":"","success_time":"2026-11-26T12:00:00+08:00","payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"amount":{"total":100,"payer_total":100,"currency":"CNY","payer_currency":"CNY"},"promotion_detail":[]}"#;

pub struct Server {
    pub base_url: String,
    process: Child,
}

impl Server {
    pub fn start(platform: &PrivateKey) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut process =
            Command::new(program).arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pem = platform.to_pkcs8_pem().unwrap();
        process.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { base_url: format!("http://127.0.0.1:{}", port.trim_end()), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub fn serve() {
    let mut pem = String::new();
    std::io::stdin().read_to_string(&mut pem).unwrap();
    let key = Arc::new(PrivateKey::from_pem(&pem).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming().flatten() {
        let key = Arc::clone(&key);
        thread::spawn(move || answer(&stream, &key));
    }
}

fn answer(mut stream: &TcpStream, key: &PrivateKey) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut response, mut signed_at) = (Vec::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(length) if length > 0 => {}
            _ => return,
        }
        // The requests have no bodies: an empty line ends them.
        if line != "\r\n" {
            continue;
        }
        if signed_at + SIGNED_FOR < unix_seconds() {
            signed_at = unix_seconds();
            response = signed(key, signed_at);
        }
        if stream.write_all(&response).is_err() {
            return;
        }
    }
}

fn signed(key: &PrivateKey, at: i64) -> Vec<u8> {
    let (at, nonce) = (at.to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let signature = key.sign(&response_message(&at, nonce, BODY.as_bytes())).unwrap();
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\
         Request-ID: 08F78BB5AF0610D302\r\nWechatpay-Timestamp: {at}\r\nWechatpay-Nonce: {nonce}\r\n\
         Wechatpay-Signature: {signature}\r\nWechatpay-Serial: {PUBLIC_KEY_ID}\r\n\
         Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\n\r\n{BODY}",
        BODY.len()
    )
    .into_bytes()
}
