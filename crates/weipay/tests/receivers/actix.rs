//! The extractor of actix-web behind a real server and a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use weipay::actix_web::{App, HttpServer, rt, web};
use weipay::http::HeaderMap;
use weipay::notification::{ActixResponse, MAX_BODY, Notification};

use crate::{posted, receiver};

async fn notify(notification: Notification) -> ActixResponse {
    assert_eq!(notification.event_type(), "TRANSACTION.SUCCESS");
    ActixResponse(notification.success())
}

#[test]
fn a_response_is_printed_without_headers_and_body() {
    let mut response = weipay::http::Response::new("secret body".into());
    response.headers_mut().insert("set-cookie", "secret".parse().unwrap());
    assert_eq!(format!("{:?}", ActixResponse(response)), "ActixResponse(200, ..)");
}

/// Posts and reads the whole response.
fn post(address: std::net::SocketAddr, path: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    // The server may answer and close before it has read a body that is too large.
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).ok();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok();
    String::from_utf8(response).unwrap()
}

#[test]
fn actix_web_gets_what_is_verified_and_refuses_the_rest() {
    let client = rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .service(
                    web::resource("/notify")
                        .app_data(web::Data::new(receiver()))
                        .route(web::post().to(notify)),
                )
                .route("/forgotten", web::post().to(notify))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        let client = thread::spawn(move || {
            let (headers, body) = posted("one");
            let responses = [
                post(address, "/notify", &headers, &body),
                post(address, "/notify", &headers, &[&body[..], b" "].concat()),
                post(address, "/notify", &HeaderMap::new(), &body),
                post(address, "/notify", &headers, &vec![b' '; MAX_BODY + 1]),
                post(address, "/forgotten", &headers, &body),
            ];
            rt::System::new().block_on(handle.stop(false));
            responses
        });
        server.await.unwrap();
        client
    });
    let responses = client.join().unwrap();
    for (response, (status, body)) in responses.iter().zip([
        ("204 No Content", "\r\n\r\n"),
        ("401 Unauthorized", r#"{"code":"FAIL","message":"the signature was not accepted"}"#),
        ("400 Bad Request", r#""code":"FAIL""#),
        ("400 Bad Request", r#""code":"FAIL""#),
        ("500 Internal Server Error", r#""code":"FAIL""#),
    ]) {
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")) && response.contains(body),
            "{response}"
        );
    }
}
