//! Uploads of files from disk and from readers, for both clients.

use std::fs::{self, File as OnDisk};
use std::io::{Read, Write};
use std::sync::mpsc::channel;

use serde_json::json;
use weipay::v3::marketing::favor::media::image_upload::post::Request;
use weipay::{Client, UploadFile};

use crate::on_async;
use crate::platform::configured;
use crate::server::listen_once;
use crate::shared_sandbox::{SANDBOX, client};

#[test]
fn a_file_from_disk_or_from_a_reader_is_uploaded_as_one_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("门店.png");
    // More than is kept in memory, and not a whole number of pieces.
    let mut bytes: Vec<u8> = (0..1_500_001_u32).map(|at| (at % 251) as u8).collect();
    bytes[..4].copy_from_slice(b"\x89PNG");
    fs::write(&path, &bytes).unwrap();
    let asynchronous = Client::from_kit(SANDBOX.kit_file()).unwrap();
    for file in [
        UploadFile::new("门店.png", bytes.clone()),
        UploadFile::from_path(&path).unwrap(),
        UploadFile::from_reader("门店.png", &bytes[..]).unwrap(),
    ] {
        assert_eq!((file.name.as_str(), file.media_type.as_str()), ("门店.png", "image/png"));
        assert_eq!((file.size(), file.sha256()), (1_500_001, weipay::wire::sha256_hex(&bytes)));
        // The sandbox compares the bytes with the digest in `meta`.
        let upload = || Request::new().file(file.clone());
        let response = client().v3().marketing().favor().media().image_upload().post(upload()).unwrap();
        assert!(response.decode().unwrap().media_url.is_some());
        let response = on_async(asynchronous.v3().marketing().favor().media().image_upload().post(upload()));
        assert!(response.unwrap().decode().unwrap().media_url.is_some());
        let meta = json!({"filename": file.name, "sha256": file.sha256()});
        let call = client().chain("v3/marketing/favor/media/image-upload").upload(&meta, &file).unwrap();
        assert!(call.json().unwrap()["media_url"].is_string());
    }
}

/// A server that reads one request to its end, and tells how long its body was and how long it should have been.
fn counting() -> (String, std::sync::mpsc::Receiver<(u64, u64)>) {
    let (tell, told) = channel();
    let url = listen_once(move |mut stream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let (length, mut buffer, mut count) = (length.parse::<u64>().unwrap(), vec![0; 64 * 1024], 0);
        while count < length {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => count += read as u64,
            }
        }
        stream.write_all(b"HTTP/1.1 400 X\r\nContent-Length: 2\r\n\r\n{}").ok();
        tell.send((count, length)).ok();
    });
    (url, told)
}

fn upload(file: &UploadFile, is_async: bool) -> (weipay::Error, (u64, u64)) {
    let (url, told) = counting();
    let builder = configured().base_url(&url);
    let (path, meta) = ("v3/marketing/favor/media/image-upload", json!({"anything": "goes"}));
    let sent = if is_async {
        let client = builder.build().unwrap();
        on_async(client.chain(path).upload(&meta, file))
    } else {
        builder.build_blocking().unwrap().chain(path).upload(&meta, file)
    };
    (sent.unwrap_err(), told.recv().unwrap())
}

#[test]
fn a_file_of_64_mib_is_streamed_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video.mp4");
    OnDisk::create(&path).unwrap().set_len(64 << 20).unwrap();
    let file = UploadFile::from_path(&path).unwrap();
    for is_async in [false, true] {
        let (error, (count, length)) = upload(&file, is_async);
        assert!(error.is_api(), "{error:?}");
        assert!(count == length && count > 64 << 20, "{count} {length}");
    }
}

#[test]
fn a_file_that_became_shorter_is_not_sent_as_if_it_were_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video.mp4");
    for is_async in [false, true] {
        fs::write(&path, vec![1; 2 << 20]).unwrap();
        let file = UploadFile::from_path(&path).unwrap();
        fs::write(&path, vec![1; 1 << 20]).unwrap();
        let (error, (count, length)) = upload(&file, is_async);
        assert!(error.is_network() && count < length, "{error:?}");
    }
}
