//! A merchant's receiver of notifications, which acknowledges all of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How often each notification came.
pub type Heard = Arc<Mutex<BTreeMap<String, usize>>>;

/// Starts one, and gives its address. It counts by `id`.
pub fn start() -> (String, Heard) {
    start_by(|body| body["id"].as_str().unwrap().to_owned())
}

/// Starts one that counts by what this says of a body.
pub fn start_by(key: impl Fn(&Value) -> String + Send + Sync + 'static) -> (String, Heard) {
    let key = Arc::new(key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let heard = Heard::default();
    let counted = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (counted, key) = (Arc::clone(&counted), Arc::clone(&key));
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or_default() == 0 {
                        return;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_err() {
                    return;
                }
                let key = key(&serde_json::from_slice(&body).unwrap());
                *counted.lock().unwrap().entry(key).or_default() += 1;
                let _ = reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            });
        }
    });
    (url, heard)
}

/// Waits until this number of different notifications has come. Whoever asks then sees whether they did.
pub fn wait_for(heard: &Heard, count: usize) {
    for _ in 0..1_200 {
        if heard.lock().unwrap().len() >= count {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
