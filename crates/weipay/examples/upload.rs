//! 上传: a picture from a path, from memory and from a reader, typed and without types. It starts its own sandbox, which
//! compares the bytes with the digest.
//!
//! `cargo run -p weipay --features marketing --example upload`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::UploadFile;
use weipay::blocking::Client;
use weipay::serde_json::json;
use weipay::v3::marketing::favor::media::image_upload::post::Request;

/// One grey point.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;

    // From a path: it is read while it is sent, however large it is. The digest is computed once. Name and SHA-256 are filled in.
    let path = std::env::temp_dir().join(format!("weipay-upload-{}.png", std::process::id()));
    std::fs::write(&path, PICTURE)?;
    let request = Request::new().file(UploadFile::from_path(&path)?);
    let response = client.v3().marketing().favor().media().image_upload().post(request)?;
    println!("from a path: {:?}", response.decode()?.media_url);
    std::fs::remove_file(&path)?;

    // From memory, or from a reader, without types. `()` would do as well: what the catalogue says of the file is filled in.
    let upload = client.chain("v3/marketing/favor/media/image-upload");
    let file = UploadFile::new("shop.png", PICTURE);
    let response = upload.clone().upload(json!({"filename": file.name, "sha256": file.sha256()}), &file)?;
    println!("from memory: {}", response.json()?["media_url"]);
    let response = upload.upload((), &UploadFile::from_reader("shop.png", PICTURE)?)?;
    println!("from a reader: {}", response.json()?["media_url"]);
    Ok(())
}
